// SPDX-License-Identifier: MIT
// Engine.IO 4 alone: records, base64, and pings of the server.
import assert from 'node:assert/strict';
import test from 'node:test';
import { within } from '../integration/lib/program.mjs';
import { house, QUICK, STATE } from './lib/house.mjs';
import { assertGone, assertWorks, BYTES, echo, echoed, joinedPolling, joinedSocket, reading, writing } from './lib/rounds.mjs';
import { RECORD, request, socketPath, wire } from './lib/wire.mjs';

const BASE64 = `b${BYTES.toString('base64')}`;
const SILENCE_MS = QUICK.interval + QUICK.timeout;

// --- framings ------------------------------------------------------------------------------------------------------

async function records(t, { url }) {
    const session = await joinedPolling(url, 4);
    const body = [echo(1, 'a\x1eb'), echo(2, '€')].join(RECORD); // JSON escapes what separates
    assert.equal((await session.postBody(body)).text, 'ok');
    assert.deepEqual((await session.collect(2)).sort(), [echoed(1, 'a\x1eb'), echoed(2, '€')]);
}

async function bytesByPolling(t, { url }) {
    const session = await joinedPolling(url, 4);
    const [write, written] = writing(0, 'g.bin');
    const [read, answer] = reading(1, 'g.bin');
    assert.equal((await session.post(write, BASE64)).text, 'ok');
    assert.deepEqual(await session.packets(), [written]);
    await session.post(read);
    const got = await session.get();
    assert.match(got.headers['content-type'], /^text\/plain/);
    assert.equal(got.text, answer + RECORD + BASE64); // no type digit behind the b
}

async function bytesBySocket(t, { url }) {
    const socket = await joinedSocket(t, url, 4);
    const [write, written] = writing(0, 'h.bin');
    const [read, answer] = reading(1, 'h.bin');
    socket.send(write, BYTES);
    assert.equal(await socket.next(), written);
    socket.send(read);
    assert.equal(await socket.next(), answer);
    assert.deepEqual(await socket.next(), BYTES); // and no type byte
}

async function octets(t, { url }) {
    const session = await joinedPolling(url, 4);
    const { status, text } = await session.postBody(BYTES, { 'content-type': 'application/octet-stream' });
    assert.deepEqual([status, text], [400, '']);
}

async function answersAreNotStored(t, { url }) {
    const session = await joinedPolling(url, 4);
    await session.post(echo(1, 'x'));
    assert.match((await session.get()).headers['cache-control'] ?? '', /no-store/);
}

// --- heartbeats ------------------------------------------------------------------------------------------------------

async function pingsByPolling(t, { quickUrl }) {
    const session = await joinedPolling(quickUrl, 4);
    for (let i = 0; i < 3; i++) {
        const start = Date.now();
        assert.deepEqual(await session.packets(), ['2']);
        assert.ok(Date.now() - start > QUICK.interval / 2, 'not at once');
        assert.equal((await session.post('3')).text, 'ok');
    }
    let last = await session.get();
    while (last.status === 200) {
        last = await session.get();
    }
    assert.equal(last.status, 400);
}

async function pingsBySocket(t, { quickUrl }) {
    const socket = await joinedSocket(t, quickUrl, 4);
    for (let i = 0; i < 3; i++) {
        assert.equal(await socket.next(), '2');
        socket.send('3');
    }
    assert.equal(await socket.next(), '2');
    assert.equal(await socket.closed(), 1005);
}

// Only a pong is one; whoever chats but does not answer pings is gone.
async function chattingIsNoPong(t, { quickUrl }) {
    const socket = await joinedSocket(t, quickUrl, 4);
    let over = false;
    socket.ended.then(() => (over = true));
    const start = Date.now();
    for (let id = 0; !over && Date.now() - start < 10 * SILENCE_MS; id++) {
        if (socket.ws.readyState === 1) {
            socket.send(echo(id, 'x'));
        }
        await socket.next().catch(() => {});
    }
    assert.equal(await socket.closed(), 1005);
}

// The server pings, whoever does it the other way round has misunderstood something.
async function wrongDirection(t, { url }) {
    const socket = await joinedSocket(t, url, 4);
    socket.send('2');
    assert.equal(await socket.closed(), 1005);
    const session = await joinedPolling(url, 4);
    await session.post('2');
    await assertGone(session);
}

async function pingsSurviveUpgrade(t, { quickUrl }) {
    const session = await joinedPolling(quickUrl, 4);
    const socket = wire(t, quickUrl, socketPath(4, `&sid=${session.sid}`));
    await within(socket.opened, 'the probing socket');
    socket.send('2probe', '5');
    assert.equal(await socket.next(), '3probe');
    for (let i = 0; i < 3; i++) {
        assert.equal(await socket.next(), '2');
        socket.send('3');
    }
    assert.equal(await socket.next(), '2');
    assert.equal(await socket.closed(), 1005);
}

async function ignoredPackets(t, { url }) {
    const socket = await joinedSocket(t, url, 4);
    socket.send('6');
    await assertWorks(socket);
}

// --- both revisions at one port --------------------------------------------------------------------------------------

async function changesAcrossRevisions(t, { url }) {
    const three = await joinedSocket(t, url, 3);
    const four = await joinedSocket(t, url, 4);
    for (const [listener, writer, value] of [[three, four, 3], [four, three, 4]]) {
        listener.send(`421["subscribe","${STATE}"]`);
        assert.equal(await listener.next(), '431[null]');
        writer.send(`422["setState","${STATE}",${value}]`);
        const [name, id, state] = JSON.parse((await listener.next()).slice(2));
        assert.deepEqual([name, id, state.val], ['stateChange', STATE, value]);
        listener.send(`423["unsubscribe","${STATE}"]`);
        assert.equal(await listener.next(), '433[null]');
        let said = await writer.next();
        assert.equal(said, `432[null,"${STATE}"]`);
    }
}

async function preflightNamesMethods(t, { url }) {
    const headers = { origin: 'http://page.example', 'access-control-request-method': 'POST' };
    const answer = await request(url, '/socket.io/?EIO=4&transport=polling', { method: 'OPTIONS', headers });
    assert.match(answer.headers['access-control-allow-methods'], /POST/);
}

// ---------------------------------------------------------------------------------------------------------------------------

const PARTS = { records, bytesByPolling, bytesBySocket, octets, answersAreNotStored, pingsByPolling, pingsBySocket,
    chattingIsNoPong, wrongDirection, pingsSurviveUpgrade, ignoredPackets, changesAcrossRevisions, preflightNamesMethods };

test('Engine.IO 4', async t => {
    const where = await house(t);
    for (const [name, part] of Object.entries(PARTS)) {
        await t.test(name, each => part(each, where));
    }
});
