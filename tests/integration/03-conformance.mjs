// SPDX-License-Identifier: MIT
// The recorded answers of ioBroker, replayed through its real client against one process, and against
// a system of many.
import assert from 'node:assert/strict';
import test from 'node:test';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CONFORMANCE, completeHistory, imported } from './lib/corpus.mjs';
import { serve, within } from './lib/program.mjs';
import { System } from './lib/system.mjs';

const FAMILIES = 'states,objects,files,subscribe,http,pages,misc,wire-polling,wire-websocket,wire-upgrade';
const RUN_MS = 240_000;
// What was recorded; ours is shorter by default.
const RECORDED = ['--ping-interval', '2m', '--ping-timeout', '30s'];

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

// Recorded while the last values of the day were still in the adapter's memory, which it joins with its files: they are
// missing, counted twice or in no order in these answers.
const JOINED = ['none-limit', 'minmax-step', 'integral-linear', 'integralTotal', 'temperature-day'];
const BUT_JOINED = ['--case', `^(?!history\\.(${JOINED.join('|')})$)`];

test('history, and the plain dialect', async t => {
    const server = await serve(t, ['--listen', '127.0.0.1:0', '--listen', '127.0.0.1:0,instance=ws.0', '--data',
        await imported(t), ...RECORDED]);
    await completeHistory(t, server.urls[0]);
    await replay(server.urls[0], '--families', 'history', ...BUT_JOINED);
    await replay(server.urls[0], '--iobws-open', new URL(server.urls[1]).host, '--dialects', 'iobws',
        '--families', 'states,objects,files,subscribe,http,pages,misc,history,wire-iobws', ...BUT_JOINED);
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
