// SPDX-License-Identifier: MIT
// Clients that mean harm, by HTTP and by every dialect, all against one server. While each of them is at work a witness
// gets its answers as always, the log does not grow with the attack, and afterwards the gateway holds nothing of it: no
// connection, no session, no call, no memory. At the same time another server is visited by a thousand who say nothing.
import assert from 'node:assert/strict';
import test from 'node:test';
import { connect } from '../integration/lib/client.mjs';
import { within } from '../integration/lib/program.mjs';
import { frameHead } from '../integration/lib/raw.mjs';
import { Witness } from '../integration/lib/witness.mjs';
import { HTTP_PARTS } from './lib/hostile-http.mjs';
import { SOCKET_PARTS } from './lib/hostile-sockets.mjs';
import { start, STATE } from './lib/house.mjs';
import { HOST, MANY, memory, metrics, PATHS, raw, SLOW, socketOf, untilMetrics, WITNESS_WAITS_MS } from './lib/siege.mjs';
import { polling, session3 } from './lib/wire.mjs';

// What the server may keep of all that came: a heap in which ten thousand clients have been, and the values that were
// stored; and how much more when the ten thousand come again.
const MORE_MEMORY_KB = 96 * 1024;
const MORE_AGAIN_KB = 32 * 1024;
const MILLISECONDS = 1000;
const LAST_WORDS = 8000; // characters of a log

const ARGS = ['--handshake-timeout', '2s', '--connect-timeout', '1s', '--upgrade-timeout', '1s', '--recovery', '2s',
    '--max-message', '1m', '--outbox-hard', '4m', '--outbox-soft', '1m', '--deflate'];

async function assertNoTrace(server) {
    const [url] = server.urls;
    await untilMetrics(url, now => now.websocket <= 1 && now.polling === 0 && now.connections <= 2 && now.calls <= 1, 'no trace');
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
}

// --- the siege -------------------------------------------------------------------------------------------------------

// Lines of the log since `from`, by their id.
function linesById(server, from) {
    const counts = {};
    for (const line of server.stderr.slice(from).split('\n').filter(Boolean)) {
        const id = line.split(/ +/)[2];
        counts[id] = (counts[id] ?? 0) + 1;
    }
    return counts;
}

async function explainEnd(server) {
    const { status, signal, stderr } = await within(server.ended, 'end of the server');
    throw new Error(`the server ended with ${signal ?? status}: ${stderr.slice(-LAST_WORDS)}`);
}

async function besieged(t, house, part) {
    const from = house.server.stderr.length;
    const start = Date.now();
    await house.witness.report();
    await part(t, house).catch(async error => {
        await fetch(`${house.url}/healthz`).catch(() => explainEnd(house.server));
        throw error;
    });
    const { failure, worstMs, rounds } = await house.witness.report();
    assert.equal(failure, null, 'the witness');
    assert.ok(worstMs < WITNESS_WAITS_MS, `the witness waited ${worstMs} ms`);
    assert.ok(rounds > 0, 'the witness worked on');
    const most = (Date.now() - start) / MILLISECONDS + 2;
    for (const [id, count] of Object.entries(linesById(house.server, from))) {
        assert.ok(count <= most, `${count} lines ${id} in ${most} seconds`);
    }
}

async function siege(t) {
    const server = await start(t, ...ARGS, '--ping-interval', '1s', '--ping-timeout', '2s');
    const [url] = server.urls;
    const house = { server, url, witness: await new Witness().start(t, url) };
    await (await session3(t, url)).close();
    const before = memory(server);
    for (const [name, part] of Object.entries({ ...HTTP_PARTS, ...SOCKET_PARTS })) {
        await t.test(name, each => besieged(each, house, part));
        t.diagnostic(`${name}: ${Math.round(memory(server) / 1024)} MB`);
    }
    await t.test('nothing is left of it', async each => {
        await assertNoTrace(server);
        const after = memory(server);
        assert.ok(SLOW || after - before < MORE_MEMORY_KB, `${after - before} kB more than before`);
        await besieged(each, house, HTTP_PARTS.pendingPolls);
        await assertNoTrace(server);
        const again = memory(server) - after;
        assert.ok(SLOW || again < MORE_AGAIN_KB, `${again} kB more than the first time`);
        await within(house.witness.worker.terminate(), 'end of the witness');
        assert.equal((await server.stop()).status, 0);
    });
}

// --- silence ---------------------------------------------------------------------------------------------------------

const SILENCE_MS = 60_000;
const ANSWER_MS = 10_000; // this process besieges the other server meanwhile

async function silentSocket(t, url, where, ...bytes) {
    const client = await socketOf(t, url, where);
    bytes.forEach(each => client.write(each));
    return () => client.cut(`silence on ${where}`, SILENCE_MS);
}

async function silentRequest(t, url, text) {
    const client = raw(t, url).write(text);
    await client.connected;
    return () => client.cut(`silence after "${text}"`, SILENCE_MS);
}

async function silentPoll(url, version) {
    const session = await polling(url, version);
    const held = session.get();
    return () => held;
}

// How to come in before saying nothing; each resolves to a function that waits for the end.
const DOORS = [
    (t, url) => silentRequest(t, url, ''),
    (t, url) => silentRequest(t, url, 'GET / HTT'),
    (t, url) => silentRequest(t, url, `GET /healthz HTTP/1.1\r\n${HOST}\r\nGET`),
    ...PATHS.map(where => (t, url) => silentSocket(t, url, where)),
    ...PATHS.map(where => (t, url) => silentSocket(t, url, where, frameHead(1000), 'half of')),
    (t, url) => silentPoll(url, 3),
    (t, url) => silentPoll(url, 4),
];

// A thousand come in by every door and say nothing more. Each is shown out, and meanwhile others are served.
async function silence(t) {
    const server = await start(t, ...ARGS, '--ping-interval', '2s', '--ping-timeout', '8s');
    const [url] = server.urls;
    const worker = await connect(t, url);
    const count = MANY(1000);
    const ends = await Promise.all(Array.from({ length: count }, (_, i) => DOORS[i % DOORS.length](t, url)));
    await Promise.all(ends.map(async end => {
        await end();
        await within(worker.call('getState', STATE), 'an answer', ANSWER_MS);
    }));
    await assertNoTrace(server);
    assert.equal((await server.stop()).status, 0);
}

test('hostile clients', { concurrency: true }, async t => {
    await Promise.all([t.test('a siege', siege), t.test('a thousand, and silence', silence)]);
});
