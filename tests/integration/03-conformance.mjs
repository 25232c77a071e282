// SPDX-License-Identifier: MIT
// The recorded answers of ioBroker, replayed through its real client against one process, and against
// a system of many.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { System } from './lib/system.mjs';
import { ROOT, run, serve, temporaryFolder, within } from './lib/program.mjs';

const CONFORMANCE = path.join(ROOT, 'tests/conformance');
const BACKUP = path.join(CONFORMANCE, 'data/iobroker-backup.tar.gz');
const HISTORY = path.join(CONFORMANCE, 'data/iobroker-history.tar.gz');
const FAMILIES = 'states,objects,files,subscribe,http,pages,misc,wire-polling,wire-websocket,wire-upgrade';
const RUN_MS = 240_000;
// What was recorded; ours is shorter by default.
const RECORDED = ['--ping-interval', '2m', '--ping-timeout', '30s'];

async function imported(t) {
    const data = temporaryFolder(t);
    for (const archive of [BACKUP, HISTORY]) {
        const { status, stderr } = await run(['import', archive, '--data', data]);
        assert.equal(status, 0, stderr);
    }
    return data;
}

async function replay(url, ...args) {
    const child = spawn(process.execPath, ['run.mjs', '--open', new URL(url).host, '--identity', 'open',
        '--dialects', 'sio2-ws,sio2-poll', ...args], { cwd: CONFORMANCE, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', text => (output += text));
    }
    const [status] = await within(once(child, 'close'), 'the replay', RUN_MS).finally(() => child.kill('SIGKILL'));
    assert.equal(status, 0, output);
}

test('one process', async t => {
    const server = await serve(t, ['--listen', '127.0.0.1:0', '--data', await imported(t), ...RECORDED]);
    await replay(server.urls[0], '--families', FAMILIES);
    assert.equal((await server.stop()).status, 0);
});

test('one process, where ours is better than the original', async t => {
    const server = await serve(t, ['--listen', '127.0.0.1:0', '--data', await imported(t), ...RECORDED]);
    // One after the other: some of them watch all files of a storage.
    await replay(server.urls[0], '--families', 'quirks', '--quirks', 'ours', '--jobs', '1');
    assert.equal((await server.stop()).status, 0);
});

test('clients that log in', async t => {
    const server = await serve(t, ['--listen', '127.0.0.1:0', '--listen', '127.0.0.1:0,auth=on', '--data',
        await imported(t), ...RECORDED]);
    const auth = ['--auth', new URL(server.urls[1]).host];
    const all = ['--dialects', 'sio2-ws,sio2-poll,iobws'];
    for (const identity of ['open', 'admin', 'operator', 'guest', 'nobody', 'disabled']) {
        const families = identity === 'open' ? 'auth' : 'auth,permissions';
        await replay(server.urls[0], ...auth, ...all, '--identity', identity, '--families', families);
    }
    await replay(server.urls[0], ...auth, ...all, '--identity', 'guest', '--families', 'quirks', '--quirks', 'ours',
        '--jobs', '1');
    await replay(server.urls[0], ...auth, ...all, '--identity', 'open', '--families', 'quirks', '--quirks', 'ours',
        '--case', 'connection', '--jobs', '1');
    assert.equal((await server.stop()).status, 0);
});

test('an actor a process, and two gateways on the same stores', async t => {
    const system = await new System(t, await imported(t), RECORDED).start(2);
    for (const { urls } of system.gateways) {
        await replay(urls[0], '--families', FAMILIES);
    }
    await system.stop();
});
