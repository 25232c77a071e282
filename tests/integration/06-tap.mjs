// SPDX-License-Identifier: MIT
// iobus tap: watches a running system from outside.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import test from 'node:test';
import { connect, stateObject } from './lib/client.mjs';
import { PROGRAM, run, serve, temporaryFolder, within } from './lib/program.mjs';

const ID = '0_userdata.0.watched';

async function start(t) {
    const data = path.join(temporaryFolder(t), 'data');
    const server = await serve(t, ['--data', data, '--listen', '127.0.0.1:0']);
    const client = await connect(t, server.urls[0]);
    await client.call('setObject', ID, stateObject('watched'));
    return { data, client };
}

// A tap whose lines are collected, and writes that go on until it has seen enough or ended.
function startTap(t, args) {
    const child = spawn(PROGRAM, ['tap', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => child.kill('SIGKILL'));
    const tap = { child, out: '', over: false };
    child.stdout.setEncoding('utf8').on('data', text => (tap.out += text));
    tap.ended = once(child, 'close').then(([status]) => {
        tap.over = true;
        return status;
    });
    return tap;
}

async function writeUntil(client, done) {
    for (let value = 0; !done(); value++) {
        await client.call('setState', ID, value);
    }
}

test('requests, replies with their latency, and events, as JSON', async t => {
    const { data, client } = await start(t);
    const tap = startTap(t, ['--data', data, '--json', '--count', '9', '--id', ID, '--actor', 'states']);
    await within(writeUntil(client, () => tap.over), 'nine lines');
    assert.equal(await tap.ended, 0);
    const lines = tap.out.trim().split('\n').map(line => JSON.parse(line));
    assert.equal(lines.length, 9);
    const of = kind => lines.find(line => line.kind === kind && ['setState', 'stateChange'].includes(line.command));
    const [request, reply, event] = ['request', 'reply', 'event'].map(of);
    assert.equal(request.args[0], ID);
    assert.equal(request.user, 'system.user.admin');
    assert.equal(reply.status, 'OK');
    assert.ok(reply.latencyUs > 0);
    assert.deepEqual(reply.result, [null, ID]);
    assert.equal(event.args[0], ID);
    assert.ok(lines.every(line => line.actor === 'states'));
});

test('lines for people, until a signal', async t => {
    const { data, client } = await start(t);
    const tap = startTap(t, ['--data', data, '--command', 'setState', '--user', 'admin']);
    await within(writeUntil(client, () => tap.out.includes('reply')), 'a line');
    tap.child.kill('SIGINT');
    assert.equal(await within(tap.ended, 'the end'), 0);
    assert.match(tap.out, /^\d\d:\d\d:\d\d\.\d\d\d request +states +setState +admin .*\["0_userdata.0.watched",/m);
    assert.match(tap.out, /^\S+ reply +states +setState +admin +\S+ +OK +\d+\.\d+ ms \[null,"0_userdata.0.watched"\]$/m);
    assert.doesNotMatch(tap.out, /stateChange|getObject/);
});

test('a reader that goes away ends it', async t => {
    const { data, client } = await start(t);
    const tap = startTap(t, ['--data', data]);
    tap.child.stdout.destroy();
    await within(writeUntil(client, () => tap.over), 'the end');
    assert.equal(await tap.ended, 0);
});

test('nobody to watch, and wrong usage', async t => {
    const nowhere = await run(['tap', '--data', path.join(temporaryFolder(t), 'data')]);
    assert.equal(nowhere.status, 1);
    assert.match(nowhere.stderr, /^iobus: tap: no server runs in .*\n$/);
    const stopped = path.join(temporaryFolder(t), 'data');
    assert.equal((await (await serve(t, ['--data', stopped, '--listen', '127.0.0.1:0'])).stop()).status, 0);
    assert.equal((await run(['tap', '--data', stopped])).status, 1);
    for (const args of [['--actor', 'nosuch'], ['--count', '0'], ['--count', 'x'], ['--id'], ['word']]) {
        assert.equal((await run(['tap', ...args])).status, 2, args.join(' '));
    }
});
