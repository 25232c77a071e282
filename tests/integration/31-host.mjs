// SPDX-License-Identifier: MIT
// The host: its objects and states, host commands, archives, commands that are run, the log on disk, and what
// administrators ask about the installation.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import zlib from 'node:zlib';
import { connect } from './lib/client.mjs';
import { HOST_COMMANDS, ROWS } from './lib/commands.mjs';
import { serve, temporaryFolder, within } from './lib/program.mjs';
import { System } from './lib/system.mjs';

const HOST = 'house';
const ADMIN = '127.0.0.1:0,admin=on';
const GUEST = { object: { read: true, list: true }, other: { sendto: true }, file: { read: true, list: true } };

const start = (t, data, ...options) => serve(t, ['--data', data, '--host-name', HOST, '--listen', ADMIN, ...options]);
const toHost = async (client, command, message = null) => (await client.callRaw('sendToHost', HOST, command, message))[0];

// A zip archive as no tool would write it: [[name, bytes, declared size]], stored or deflated.
function zip(files) {
    const parts = [];
    const directory = [];
    let offset = 0;
    for (const [name, content] of files) {
        const data = Buffer.from(content);
        const packed = zlib.deflateRawSync(data);
        const head = Buffer.alloc(26);
        head.writeUInt16LE(20, 0);
        head.writeUInt16LE(0x800, 2);
        head.writeUInt16LE(8, 4);
        head.writeUInt32LE(zlib.crc32(data), 10);
        head.writeUInt32LE(packed.length, 14);
        head.writeUInt32LE(data.length, 18);
        head.writeUInt16LE(Buffer.byteLength(name), 22);
        const tail = Buffer.alloc(14);
        tail.writeUInt32LE(offset, 10);
        directory.push(Buffer.from([0x50, 0x4b, 1, 2, 20, 0]), head, tail, Buffer.from(name));
        const part = Buffer.concat([Buffer.from([0x50, 0x4b, 3, 4]), head, Buffer.from(name), packed]);
        parts.push(part);
        offset += part.length;
    }
    const listing = Buffer.concat(directory);
    const end = Buffer.alloc(22);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(files.length, 8);
    end.writeUInt16LE(files.length, 10);
    end.writeUInt32LE(listing.length, 12);
    end.writeUInt32LE(offset, 16);
    return Buffer.concat([...parts, listing, end]).toString('base64');
}

// A user of one group with these rights, and a listener that takes everybody for it.
async function withUser(t, data, name, acl) {
    const server = await start(t, data);
    const client = await connect(t, server.urls[0]);
    await client.call('addUser', name, 'a good password');
    await client.call('addGroup', `${name}s`, 'a group', acl);
    await client.call('extendObject', `system.group.${name}s`, { common: { members: [`system.user.${name}`], acl } });
    client.close();
    await server.stop();
}

// Calls until the condition holds for the answer.
function until(look, condition, what) {
    const again = async () => {
        for (;;) {
            const answer = await look();
            if (condition(answer)) {
                return answer;
            }
        }
    };
    return within(again(), what);
}

test('objects and states', async t => {
    const data = temporaryFolder(t);
    const server = await start(t, data);
    const client = await connect(t, server.urls[0]);
    const state = async name => (await client.call('getState', `system.host.${HOST}.${name}`))[0];
    await until(() => state('uptime'), found => found, 'the first report');
    assert.equal((await state('alive')).val, true);
    for (const name of ['load', 'mem', 'memRss', 'freemem', 'diskSize', 'diskFree', 'uptime']) {
        const { val, ack, from } = await state(name);
        assert.deepEqual([typeof val, ack, from], ['number', true, `system.host.${HOST}`], name);
        assert.equal((await client.call('getObject', `system.host.${HOST}.${name}`))[0].type, 'state');
    }
    const [host] = await client.call('getObject', `system.host.${HOST}`);
    assert.equal(host.common.hostname, HOST);
    assert.ok(host.native.hardware.networkInterfaces.lo.some(({ address }) => address === '127.0.0.1'));
    // The classic client's getLiveHost: every host of the view has a state.
    const [{ rows }] = await client.call('getObjectView', 'system', 'host', { startkey: 'system.host.', endkey: 'system.host.\u9999' });
    const [states] = await client.call('getStates', rows.map(({ id }) => `${id}.alive`));
    assert.ok(Object.values(states).every(Boolean));
    assert.equal((await server.stop()).status, 0);

    const alone = await serve(t, ['--data', data, '--host-name', HOST, '--listen', '127.0.0.1:0', '--only', 'objects,states,files,auth,gateway']);
    const reader = await connect(t, alone.urls[0]);
    assert.equal((await reader.call('getState', `system.host.${HOST}.alive`))[0].val, false, 'after the end');
    await alone.stop();
});

test('host commands', async t => {
    const server = await start(t, temporaryFolder(t));
    const client = await connect(t, server.urls[0]);
    const version = await toHost(client, 'getVersion');
    assert.deepEqual([version.host, version.name], [HOST, 'iobus']);
    const info = await toHost(client, 'getHostInfo');
    for (const [key, type] of Object.entries({ Platform: 'string', CPUs: 'number', RAM: 'number', Uptime: 'number', time: 'number' })) {
        assert.equal(typeof info[key], type, key);
    }
    assert.ok(info.time > 1.7e12 && info.RAM > 1e6);
    assert.equal((await toHost(client, 'getHostInfoShort')).Model, info.Model);
    assert.ok((await toHost(client, 'getInterfaces')).result.lo);
    assert.deepEqual(Object.keys(await toHost(client, 'getLocationOnDisk')), ['path', 'platform']);
    assert.ok((await toHost(client, 'getDevList')).includes('null'));
    for (const command of HOST_COMMANDS) {
        const answer = await toHost(client, command);
        assert.doesNotMatch(answer?.error ?? '', /Unknown/, command);
    }
    assert.match((await toHost(client, 'upgradeController')).error, /not available on this host/);
    assert.match((await toHost(client, 'nonsense')).error, /Unknown host command "nonsense"/);
    for (const name of [null, `system.host.${HOST}`]) {
        assert.equal((await client.callRaw('sendToHost', name, 'getVersion', null))[0].host, HOST);
    }
    assert.match((await client.callRaw('sendToHost', 'attic', 'getVersion', null))[0].error, /./);
});

test('archives of files', async t => {
    const server = await start(t, temporaryFolder(t), '--zip-max', '1m');
    const client = await connect(t, server.urls[0]);
    const files = { 'vis-views.json': '{"a":1}', 'img/ä.txt': 'äöü', 'img/deep/b.bin': Buffer.from([0, 255, 128]) };
    for (const [name, content] of Object.entries(files)) {
        await client.call('writeFile', 'vis.0', `main/${name}`, content);
    }
    const { error, data } = await toHost(client, 'readDirAsZip', { id: 'vis.0', name: 'main' });
    assert.equal(error, null);
    assert.deepEqual(await toHost(client, 'writeDirAsZip', { id: 'vis.0', name: 'copy', data }), {});
    for (const [name, content] of Object.entries(files)) {
        const [read] = await client.call('readFile', 'vis.0', `copy/${name}`);
        assert.deepEqual(Buffer.from(read), Buffer.from(content), name);
    }
    assert.deepEqual(await toHost(client, 'readDirAsZip', { id: 'vis.0', name: 'nothing' }), { error: null });

    // Nothing of an archive that is refused is written.
    const before = await client.call('readDir', 'vis.0', '');
    for (const [files_, expected] of [[[['fine', 'x'], ['../outside', 'x']], /not allowed: "..\/outside"/],
        [[['/etc/passwd', 'x']], /not allowed/], [[['a\\..\\b', 'x']], /not allowed/],
        [[['zeros', Buffer.alloc(1 << 22)]], /too much/],
        [Array.from({ length: 30 }, (_, i) => [`zeros${i}`, Buffer.alloc(100_000)]), /too much/],
        [Array.from({ length: 10_001 }, (_, i) => [`${i}`, '']), /too many files/]]) {
        assert.match((await toHost(client, 'writeDirAsZip', { id: 'vis.0', name: '', data: zip(files_) })).error, expected);
    }
    assert.match((await toHost(client, 'writeDirAsZip', { id: 'vis.0', data: 'no archive' })).error, /no zip archive/);
    assert.deepEqual(await client.call('readDir', 'vis.0', ''), before);
    assert.match((await toHost(client, 'writeDirAsZip', { id: 'no storage', data: zip([['a', 'x']]) })).error, /Cannot write "a"/);
    await client.call('writeFile64', 'vis.0', 'large/a', Buffer.alloc((1 << 20) + 1).toString('base64'));
    assert.match((await toHost(client, 'readDirAsZip', { id: 'vis.0', name: 'large' })).error, /too large/);
});

test('archives of objects', async t => {
    const server = await start(t, temporaryFolder(t));
    const client = await connect(t, server.urls[0]);
    const object = { type: 'channel', common: { name: 'ä' }, native: { deep: [{ a: null }] } };
    for (const id of ['zip.0.a', 'zip.0.a.b', 'zip.0.c']) {
        await client.call('setObject', id, object);
    }
    const { data } = await toHost(client, 'readObjectsAsZip', { id: 'zip.0' });
    assert.deepEqual(await toHost(client, 'writeObjectsAsZip', { id: 'copy.0', data }), {});
    const [objects] = await client.call('getForeignObjects', 'copy.0.*', 'channel');
    assert.deepEqual(Object.keys(objects).sort(), ['copy.0.a', 'copy.0.a.b', 'copy.0.c']);
    for (const { type, common, native } of Object.values(objects)) {
        assert.deepEqual({ type, common, native }, object);
    }
    const link = await toHost(client, 'readObjectsAsZip', { id: 'zip.0', link: 'x.zip', fileStorageNamespace: 'vis.0' });
    assert.equal(link, 'vis.0/zip/x.zip');
    assert.equal((await client.call('readFile64', 'vis.0', 'zip/x.zip'))[0].slice(0, 4), 'UEsD');
    assert.match((await toHost(client, 'writeObjectsAsZip', { id: 'x', data: zip([['a.json', '{'], ['b.json', '{}']]) })).error, /Cannot parse "a.json"/);
    assert.deepEqual(await client.call('getForeignObjects', 'x.*', '*'), [{}]);
});

test('commands that are run', async t => {
    const data = temporaryFolder(t);
    const off = await start(t, data);
    const asking = await connect(t, off.urls[0]);
    assert.match((await asking.callRaw('cmdExec', HOST, 'id', 'echo x'))[0], /switched off/);
    assert.match((await toHost(asking, 'cmdExec', { id: 'id', data: 'echo x' })).error, /switched off/);
    asking.close();
    await off.stop();
    await withUser(t, data, 'guest', GUEST);

    const server = await start(t, data, '--listen', `${ADMIN},default-user=guest`, '--cmd-exec', 'on', '--cmd-exec-timeout', '1s',
        '--cmd-exec-output', '1k');
    const clients = await Promise.all([server.urls[0], server.urls[0], server.urls[1]].map(url => connect(t, url)));
    const seen = clients.map(() => []);
    clients.forEach((client, i) => ['cmdStdout', 'cmdStderr', 'cmdExit'].forEach(name => {
        client.socket.on(name, (...args) => seen[i].push([name, ...args]));
    }));
    const run = async command => {
        seen[0].length = 0;
        assert.deepEqual(await clients[0].callRaw('cmdExec', HOST, 'id-1', command), [null]);
        await within(new Promise(resolve => {
            clients[0].socket.once('cmdExit', resolve);
            if (seen[0].some(([name]) => name === 'cmdExit')) {
                resolve();
            }
        }), command);
        return seen[0];
    };
    assert.deepEqual(await run('echo äh; exit 3'), [['cmdStdout', 'id-1', 'äh'], ['cmdExit', 'id-1', 3]]);
    assert.deepEqual(await run('echo oh >&2'), [['cmdStderr', 'id-1', 'oh'], ['cmdExit', 'id-1', 0]]);
    assert.match(JSON.stringify(await run('sleep 1000')), /too long.*"cmdExit","id-1",137/);
    assert.match(JSON.stringify(await run('yes')), /too much.*"cmdExit","id-1",137/);
    assert.deepEqual(await clients[0].callRaw('cmdExec', HOST, '', 'echo x'), ['no session ID']);
    await until(() => toHost(clients[2], 'getVersion'), ({ host }) => host === HOST, 'the rights of the guest');
    assert.deepEqual(await clients[2].callRaw('cmdExec', HOST, 'id-1', 'echo x'), ['permissionError']);
    assert.deepEqual(await toHost(clients[2], 'cmdExec', { id: 'id-1', data: 'echo x' }), { error: 'permissionError' });
    assert.deepEqual(seen.slice(1), [[], []], 'only who called hears of it');
});

test('rights', async t => {
    const data = temporaryFolder(t);
    await withUser(t, data, 'guest', GUEST);
    const server = await start(t, data, '--listen', `${ADMIN},default-user=guest`, '--listen', '127.0.0.1:0');
    const guest = await connect(t, server.urls[1]);
    await until(() => toHost(guest, 'getVersion'), ({ host }) => host === HOST, 'the rights of the guest');
    for (const command of ['cmdExec', 'getLocationOnDisk', 'getDiagData', 'getDevList', 'delLogs', 'writeDirAsZip',
        'writeObjectsAsZip', 'readObjectsAsZip', 'checkLogging', 'updateMultihost', 'rebuildAdapter']) {
        assert.deepEqual(await toHost(guest, command, {}), { error: 'permissionError' }, command);
    }
    for (const command of ['readLogs', 'encrypt', 'decrypt', 'requireLog', 'eventsThreshold', 'updateLicenses']) {
        assert.deepEqual(await guest.callRaw(command, 'x'), ['permissionError'], command);
    }
    // What is only for administrators' ports.
    const page = await connect(t, server.urls[2]);
    for (const { name } of ROWS.filter(({ isAdmin }) => isAdmin)) {
        assert.deepEqual(await page.callRaw(name, 'x', 'x', 'x'), ['permissionError'], name);
    }
});

test('the log', async t => {
    const data = temporaryFolder(t);
    const options = ['--log-disk', '64k', '--log-level', 'debug'];
    const server = await start(t, data, ...options);
    const [client, other] = [await connect(t, server.urls[0]), await connect(t, server.urls[0])];
    const lines = [];
    client.socket.on('log', line => lines.push(line));
    other.socket.on('log', () => assert.fail('nobody asked for it'));
    await client.callRaw('requireLog', true);
    await client.callRaw('name', 'kitchen');
    await client.callRaw('log', 'it rains', 'warn');
    await client.callRaw('log', 'error', 'swapped'); // as the classic client does it
    const found = text => lines.find(({ message }) => message === text);
    await until(() => client.callRaw('getVersion'), () => found('swapped'), 'the lines');
    const { from, severity, client: name, ts } = found('it rains');
    assert.deepEqual([from, severity, name, typeof ts], ['system.adapter.socketio.0', 'warn', 'kitchen', 'number']);
    assert.equal(found('swapped').severity, 'error');
    assert.equal(new Set(lines.map(({ _id }) => _id)).size, lines.length);

    const tail = await until(() => toHost(client, 'getLogs', 500), answer => answer.some(line => /swapped/.test(line)), 'the file');
    assert.match(tail.find(line => /it rains/.test(line)),
        /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} {2}- warn: system\.adapter\.socketio\.0 \(kitchen\) it rains$/);
    assert.match(tail.at(-1), /^\d+$/);
    for (let i = 0; i < 120; i++) { // 200 lines a second are taken of clients
        await client.callRaw('log', `${'x'.repeat(2000)} ${i}`, 'info');
    }
    const [files] = await until(() => client.call('readLogs', HOST), ([list]) => list.length > 3, 'several files');
    assert.ok(files.reduce((sum, { size }) => sum + size, 0) <= 65536);
    const filename = path.basename(files[0].fileName);
    const { data: bytes, size } = await toHost(client, 'getLogFile', { transport: 'file1', filename });
    assert.deepEqual([bytes.length, size], [files[0].size, files[0].size]);
    for (const wrong of ['../objects/CURRENT', '/etc/passwd', `${filename}/`, '']) {
        assert.deepEqual(await toHost(client, 'getLogFile', { transport: 'file1', filename: wrong }), { error: 'Cannot find file' });
    }
    await client.callRaw('requireLog', false);
    client.close();
    other.close();
    assert.equal((await server.stop('SIGKILL')).signal, 'SIGKILL');

    const again = await start(t, data, ...options);
    const reader = await connect(t, again.urls[0]);
    assert.ok((await toHost(reader, 'getLogs', 500)).some(line => line.endsWith('x 119')), 'what was there before');
    assert.equal(await toHost(reader, 'delLogs'), null);
    assert.ok(fs.readdirSync(path.join(data, 'log')).length <= 1);
});

test('lines of all processes', async t => {
    const data = temporaryFolder(t);
    const system = await new System(t, data).start(1);
    const look = () => fs.readdirSync(path.join(data, 'log'))
        .map(name => fs.readFileSync(path.join(data, 'log', name), 'utf8')).join('');
    await until(async () => {
        await fetch(`${system.gateways[0].urls[0]}/healthz`);
        return look();
    }, text => ['states', 'files', 'fetch', 'host'].every(actor => text.includes(`ACTOR-UP actor=${actor}`)), 'their lines');
    const statuses = await system.stop();
    assert.ok(Object.values(statuses).every(status => status === 0));
    assert.match(look(), /ACTOR-DOWN actor=states/);
});

test('what administrators ask', async t => {
    const server = await start(t, temporaryFolder(t));
    const client = await connect(t, server.urls[0]);
    const secret = crypto.randomBytes(24).toString('hex');
    const adapter = { type: 'adapter', common: { name: 'vis', version: '1.5.0', icon: 'vis.png', ignoreVersion: '1.6.0' }, native: {} };
    await client.call('extendObject', 'system.config', { native: { secret } });
    await client.call('setObject', 'system.adapter.vis', adapter);
    await client.call('setObject', 'system.repositories', { type: 'config', common: {}, native: { repositories: {
        stable: { link: 'http://x', json: { _repoInfo: { stable: true }, vis: {} } } } } });
    const [, found] = await client.callRaw('getHostByIp', '127.0.0.1');
    assert.equal(found.common.hostname, HOST);
    assert.deepEqual(await client.callRaw('getHostByIp', '192.0.2.1'), ['192.0.2.1', null]);
    assert.deepEqual(await client.call('getRatings'), [{}]);
    assert.deepEqual(await client.call('getCurrentInstance'), ['socketio.0']);
    assert.deepEqual(await client.call('getIsEasyModeStrict'), [false]);
    assert.deepEqual(await client.call('getEasyMode'), [{ strict: false, configs: [] }]);
    assert.deepEqual((await client.call('getAdapters', 'vis'))[0].map(({ _id }) => _id), ['system.adapter.vis']);
    assert.deepEqual(await client.call('getCompactAdapters'), [{ vis: { icon: 'vis.png', v: '1.5.0', iv: '1.6.0' } }]);
    assert.equal((await client.call('getCompactInstances'))[0]['system.adapter.socketio.0'].name, 'socketio');
    assert.deepEqual(await client.callRaw('getCompactInstalled', HOST), [{}]);
    assert.deepEqual(await client.callRaw('getCompactRepository', HOST), [{}]);
    assert.deepEqual((await client.call('getCompactSystemRepositories'))[0].native.repositories,
        { stable: { link: 'http://x', json: { _repoInfo: { stable: true } } } });
    assert.deepEqual((await client.call('getCompactHosts'))[0].map(({ _id }) => _id), [`system.host.${HOST}`]);
    assert.match((await client.callRaw('updateLicenses', 'a', 'b'))[0], /no licenses/);

    const [made] = await client.call('encrypt', 'geheim ä');
    const [, iv, packed] = made.split(':').map(part => Buffer.from(part, 'hex'));
    const decipher = crypto.createDecipheriv('aes-192-cbc', Buffer.from(secret, 'hex'), iv);
    assert.equal(Buffer.concat([decipher.update(packed), decipher.final()]).toString(), 'geheim ä');
    assert.deepEqual(await client.call('decrypt', made), ['geheim ä']);
    assert.deepEqual(await client.callRaw('decrypt', `${made}00`), ['Data is damaged']);
});
