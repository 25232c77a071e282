// SPDX-License-Identifier: MIT
// What scripts rely on: the ready line, exit statuses, where settings come from, how it stops.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import { spawnSync } from 'node:child_process';
import { connect, stateObject } from './lib/client.mjs';
import { PROGRAM, run, serve, temporaryFolder } from './lib/program.mjs';

const ANY = ['--listen', '127.0.0.1:0'];

// Exactly one line that is no log line (those start with their time).
function reasons(stderr) {
    return stderr.split('\n').filter(line => line && !/^\d{4}-\d\d-\d\dT/.test(line));
}

async function expectFailure(args, pattern, options) {
    const { status, stdout, stderr } = await run(['serve', ...args], options);
    assert.equal(status, 1, stderr);
    assert.equal(stdout, '');
    assert.equal(reasons(stderr).length, 1, stderr);
    assert.match(reasons(stderr)[0], pattern);
}

test('the version has its own verb and flag', async () => {
    for (const word of ['version', '--version']) {
        assert.deepEqual(await run([word]),
            { status: 0, signal: null, stdout: 'iobus 0.1.0\n', stderr: '' });
    }
});

test('help goes to standard output', async () => {
    for (const words of [['help'], ['--help'], ['serve', '--help']]) {
        const { status, stdout, stderr } = await run(words);
        assert.equal(status, 0);
        assert.match(stdout, /^usage: iobus /);
        assert.match(stdout, /--listen=/);
        assert.equal(stderr, '');
    }
});

const WRONG_USAGE = [
    [[], /^iobus: a verb is missing$/],
    [['sreve'], /^iobus: there is no verb "sreve"$/],
    [['serve', 'word'], /^iobus: serve: unexpected argument "word"$/],
    [['serve', '--lisen', 'x'], /^iobus: unknown flag --lisen, did you mean --listen\?$/],
    [['serve', '-x'], /^iobus: unknown flag -x$/],
    [['serve', '--data'], /^iobus: --data needs a value$/],
    [['serve', '--auth=perhaps'], /^iobus: --auth must be on or off, not "perhaps"$/],
    [['serve', '--batch', '0'], /^iobus: --batch must be a number from 1 to 4096, not "0"$/],
    [['help', 'me'], /^iobus: help: unexpected argument "me"$/],
    [['version', 'x'], /^iobus: version: unexpected argument "x"$/],
];

for (const [args, pattern] of WRONG_USAGE) {
    test(`wrong usage: iobus ${args.join(' ')}`, async () => {
        const { status, stdout, stderr } = await run(args);
        assert.equal(status, 2);
        assert.equal(stdout, '');
        const [first, second, ...more] = stderr.split('\n');
        assert.match(first, pattern);
        assert.match(second, /^usage: iobus /);
        assert.deepEqual(more, ['']);
    });
}

test('one ready line, then it serves until SIGTERM', async t => {
    const server = await serve(t, [...ANY, '--data', temporaryFolder(t)]);
    assert.match(server.stdout, /^ready http:\/\/127\.0\.0\.1:[1-9]\d*\n$/);
    assert.equal((await fetch(`${server.urls[0]}/healthz`)).status, 200);
    assert.equal((await fetch(`${server.urls[0]}/readyz`)).status, 200);
    const { status, stdout } = await server.stop('SIGTERM');
    assert.equal(status, 0);
    assert.equal(stdout.split('\n').length, 2); // nothing else on standard output
});

test('SIGINT stops it as well, and a second signal changes nothing', async t => {
    const server = await serve(t, [...ANY, '--data', temporaryFolder(t)]);
    server.signal('SIGINT');
    server.signal('SIGTERM');
    assert.equal((await server.stop('SIGINT')).status, 0);
});

test('listeners share the data, in order, and differ in their settings', async t => {
    const server = await serve(t, ['--listen', '127.0.0.1:0', '--listen', '127.0.0.1:0,instance=socketio.1',
        '--data', temporaryFolder(t)]);
    assert.match(server.stdout, /^ready http:\/\/127\.0\.0\.1:\d+ http:\/\/127\.0\.0\.1:\d+\n$/);
    const [first, second] = await Promise.all(server.urls.map(url => connect(t, url)));
    await first.call('setObject', '0_userdata.0.shared', stateObject('shared'));
    await second.call('setState', '0_userdata.0.shared', 7);
    const [state] = await first.call('getState', '0_userdata.0.shared');
    assert.equal(state.val, 7);
    assert.equal(state.from, 'system.adapter.socketio.1');
});

test('a port in use', async t => {
    const holder = net.createServer().listen(0, '127.0.0.1');
    t.after(() => holder.close());
    await new Promise(resolve => holder.once('listening', resolve));
    const { port } = holder.address();
    await expectFailure(['--listen', `127.0.0.1:${port}`, '--data', temporaryFolder(t)],
        new RegExp(`127\\.0\\.0\\.1:${port}.*in use`));
});

test('a data folder in use, whose owner goes on', async t => {
    const data = temporaryFolder(t);
    const server = await serve(t, [...ANY, '--data', data]);
    await expectFailure([...ANY, '--data', data], /in use by another process/);
    const client = await connect(t, server.urls[0]);
    await client.call('setObject', '0_userdata.0.still', stateObject('still'));
    await client.call('setState', '0_userdata.0.still', 1);
    assert.equal((await client.call('getState', '0_userdata.0.still'))[0].val, 1);
    assert.equal((await server.stop()).status, 0);
});

test('a data folder that cannot be made', async t => {
    const file = path.join(temporaryFolder(t), 'file');
    fs.writeFileSync(file, '');
    await expectFailure([...ANY, '--data', path.join(file, 'data')], /Not a directory/);
});

test('a data folder that cannot be written', async t => {
    const data = temporaryFolder(t);
    // root may write everywhere, except where the file system is mounted read-only.
    const mount = ['unshare', '--mount', 'sh', '-c',
        `mount --bind ${data} ${data} && mount -o remount,ro,bind ${data} && exec "$@"`, 'sh'];
    if (spawnSync(mount[0], [...mount.slice(1), 'true']).status !== 0) {
        t.skip('no mount name spaces here');
        return;
    }
    await expectFailure([...ANY, '--data', data], /Read-only file system/, { command: [...mount, PROGRAM] });
});

test('a damaged data folder', async t => {
    const data = temporaryFolder(t);
    await (await serve(t, [...ANY, '--data', data])).stop();
    const store = path.join(data, 'states');
    for (const name of fs.readdirSync(store).filter(name => name.startsWith('MANIFEST-'))) {
        fs.writeFileSync(path.join(store, name), 'damaged');
    }
    await expectFailure([...ANY, '--data', data], /states.*damaged/);
});

test('a bad configuration file, with line and column', async t => {
    const folder = temporaryFolder(t);
    const file = path.join(folder, 'iobus.conf');
    fs.writeFileSync(file, '# ours\nbatch = many\n');
    await expectFailure(['--config', file, '--data', folder],
        /iobus\.conf:2:9: batch must be a number from 1 to 4096, not "many"$/);
    await expectFailure(['--config', path.join(folder, 'none')], /cannot read .*none: No such file/);
    await expectFailure([...ANY, '--data', folder], /^iobus: IOBUS_BATCH must be a number/,
        { env: { IOBUS_BATCH: 'x' } });
});

const BAD_LISTENERS = ['nonsense', '127.0.0.1', '127.0.0.1:port', '127.0.0.1:70000', '127.0.0.1:0,colour=red',
    '127.0.0.1:0,auth=perhaps'];

for (const listen of BAD_LISTENERS) {
    test(`a bad listener: ${listen}`, async t => {
        await expectFailure(['--listen', listen, '--data', temporaryFolder(t)], /listen/);
    });
}

test('an unknown actor', async t => {
    await expectFailure(['--only', 'states,sates', '--data', temporaryFolder(t)], /no actor "sates"/);
});

test('a public address without authentication needs --open', async t => {
    const data = temporaryFolder(t);
    await expectFailure(['--listen', '0.0.0.0:0', '--data', data], /--open/);
    await expectFailure(['--listen', '127.0.0.1:0', '--listen', '[::]:0', '--data', data], /--open/);
    await expectFailure(['--listen', '0.0.0.0:0,auth=off', '--auth', 'on', '--data', data], /--open/);
    const server = await serve(t, ['--listen', '0.0.0.0:0', '--open', '--data', data]);
    assert.match(server.stderr, /warn +GW-OPEN /);
    assert.equal((await fetch(`http://127.0.0.1:${server.ports[0]}/healthz`)).status, 200);
    assert.equal((await server.stop()).status, 0);
});

test('the flag wins over the environment, that over the file, that over the default', async t => {
    const folder = temporaryFolder(t);
    const file = path.join(folder, 'iobus.conf');
    fs.writeFileSync(file, `data = ${folder}/file\ninstance = file.0\nlisten = 127.0.0.1:0\n`);
    const env = { IOBUS_CONFIG: file, IOBUS_DATA: `${folder}/environment` };
    const used = async (args, extra) => {
        const server = await serve(t, args, { cwd: folder, ...extra });
        await server.stop();
        const names = fs.readdirSync(folder).filter(name => name !== 'iobus.conf');
        names.forEach(name => fs.rmSync(path.join(folder, name), { recursive: true }));
        return names;
    };
    assert.deepEqual(await used(['--data', 'flag'], { env }), ['flag']);
    assert.deepEqual(await used([], { env }), ['environment']);
    assert.deepEqual(await used(['--config', file]), ['file']);
    assert.deepEqual(await used(ANY), ['data']);
});

test('SIGHUP reads the configuration again', async t => {
    const folder = temporaryFolder(t);
    const file = path.join(folder, 'iobus.conf');
    fs.writeFileSync(file, 'log-level = info\n');
    const server = await serve(t, [...ANY, '--config', file, '--data', path.join(folder, 'data')]);
    fs.writeFileSync(file, 'log-level = debug\ninstance = other.0\n');
    server.signal('SIGHUP');
    await server.logged('MAIN-RELOAD result=done needs-restart=instance');
    fs.writeFileSync(file, 'log-level = deafening\n');
    server.signal('SIGHUP');
    await server.logged('MAIN-RELOAD result=refused');
    assert.equal((await fetch(`${server.urls[0]}/healthz`)).status, 200);
    assert.equal((await server.stop()).status, 0);
});

test('SIGTERM under load loses nothing that was acknowledged', async t => {
    const args = [...ANY, '--data', temporaryFolder(t)];
    let server = await serve(t, args);
    const clients = await Promise.all([1, 2, 3, 4].map(() => connect(t, server.urls[0])));
    const acknowledged = clients.map(() => 0);
    const ids = clients.map((_, i) => `0_userdata.0.load${i}`);
    await Promise.all(clients.map((client, i) => client.call('setObject', ids[i], stateObject(ids[i]))));
    const enough = new Promise(resolve => {
        clients.forEach(async ({ socket }, i) => {
            for (let value = 1; ; value++) {
                const [error] = await new Promise(done => {
                    socket.emit('setState', ids[i], value, (...answer) => done(answer));
                });
                if (!error) {
                    acknowledged[i] = value;
                }
                if (value === 100) {
                    resolve();
                }
            }
        });
    });
    await enough;
    assert.equal((await server.stop()).status, 0);
    server = await serve(t, args);
    const reader = await connect(t, server.urls[0]);
    for (const [i, id] of ids.entries()) {
        const [state] = await reader.call('getState', id);
        assert.ok(state.val >= acknowledged[i], `${id}: ${state.val} < ${acknowledged[i]}`);
    }
});

test('check says what is wrong, line by line', async t => {
    const folder = temporaryFolder(t);
    const data = path.join(folder, 'data');
    assert.equal((await run(['check', ...ANY, '--data', data])).status, 0);
    assert.ok(!fs.existsSync(data), 'check makes nothing');
    const bad = await run(['check', '--listen', '0.0.0.0:0', '--listen', 'nonsense', '--data', '/dev/null/x',
        '--only', 'sates', '--endpoint', 'states=tcp://192.0.2.1:4000']);
    assert.equal(bad.status, 1);
    for (const pattern of [/--open/, /nonsense/, /Not a directory/, /no actor "sates"/, /not encrypted/]) {
        assert.match(bad.stdout, pattern);
    }
    const server = await serve(t, [...ANY, '--data', data]);
    const locked = await run(['check', ...ANY, '--data', data]);
    assert.equal(locked.status, 1);
    assert.match(locked.stdout, /in use by another process/);
    assert.equal((await server.stop()).status, 0);
    assert.equal((await run(['check', ...ANY, '--data', data])).status, 0);
});
