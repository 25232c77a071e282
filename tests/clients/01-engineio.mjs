// SPDX-License-Identifier: MIT
// What both revisions of Engine.IO have in common: the behaviours that the official suites check (wire.md 7), and
// those of wire.md 1.5 to 1.10 that clients depend on.
import assert from 'node:assert/strict';
import http from 'node:http';
import test from 'node:test';
import { within } from '../integration/lib/program.mjs';
import { house, MAX_MESSAGE, QUICK, STATE } from './lib/house.mjs';
import { assertGone, assertPollingWorks, assertWorks, echo, echoed, joinedPolling, joinedSocket } from './lib/rounds.mjs';
import { polling, Polling, request, socketPath, wire } from './lib/wire.mjs';

const FIELDS = { 3: ['sid', 'upgrades', 'pingInterval', 'pingTimeout'] };
FIELDS[4] = [...FIELDS[3], 'maxPayload'];

function assertHandshake(packet, version, upgrades, timing = QUICK) {
    assert.equal(packet[0], '0');
    const open = JSON.parse(packet.slice(1));
    assert.deepEqual(Object.keys(open), FIELDS[version]);
    assert.match(open.sid, /^[A-Za-z0-9_-]{20}$/);
    assert.deepEqual(open.upgrades, upgrades);
    assert.equal(open.pingInterval, timing.interval);
    assert.equal(open.pingTimeout, timing.timeout);
    assert.equal(open.maxPayload, version === 4 ? MAX_MESSAGE : undefined);
}

// --- opening -------------------------------------------------------------------------------------------------------

async function pollingOpens(t, { quickUrl, version }) {
    const session = new Polling(quickUrl, version);
    const { status, headers } = await session.open();
    assert.equal(status, 200);
    assert.equal(headers['content-type'].toLowerCase(), 'text/plain; charset=utf-8');
    assert.equal(headers['set-cookie'], undefined);
    assertHandshake(session.first[0], version, ['websocket']);
}

async function socketOpens(t, { quickUrl, version }) {
    const socket = wire(t, quickUrl, socketPath(version));
    assertHandshake(await socket.next(), version, []);
    assert.equal(socket.ws.protocol, '');
    assert.equal(socket.ws.extensions, '');
}

async function pollingErrors(t, { url, version }) {
    const { sid } = await polling(url, version);
    for (const [method, query, code, message] of [
        ['GET', `EIO=${version}`, 0, 'Transport unknown'],
        ['GET', `EIO=${version}&transport=abc`, 0, 'Transport unknown'],
        ['GET', 'EIO=abc&transport=polling', 5, 'Unsupported protocol version'],
        ['GET', 'EIO=5&transport=polling', 5, 'Unsupported protocol version'],
        ['POST', `EIO=${version}&transport=polling`, 2, 'Bad handshake method'],
        ['PUT', `EIO=${version}&transport=polling`, 2, 'Bad handshake method'],
        ['GET', `EIO=${version}&transport=polling&sid=${'A'.repeat(20)}`, 1, 'Session ID unknown'],
        ['POST', `EIO=${version}&transport=polling&sid=short`, 1, 'Session ID unknown'],
        ['GET', `EIO=${7 - version}&transport=polling&sid=${sid}`, 3, 'Bad request'],
        ['GET', `EIO=${version}&transport=websocket`, 3, 'Bad request']]) {
        const { status, headers, text } = await request(url, `/socket.io/?${query}`, { method });
        assert.deepEqual([status, JSON.parse(text)], [400, { code, message }], `${method} ${query}`);
        assert.equal(headers['content-type'], 'application/json');
    }
}

async function socketErrors(t, { url, version }) {
    for (const [query, message] of [
        [`EIO=${version}`, 'Transport unknown'], [`EIO=${version}&transport=abc`, 'Transport unknown'],
        ['EIO=abc&transport=websocket', 'Unsupported protocol version'],
        [`EIO=${version}&transport=websocket&sid=${'A'.repeat(20)}`, 'Session ID unknown']]) {
        const socket = wire(t, url, `/socket.io/?${query}`);
        assert.deepEqual(await within(socket.ended, query), { status: 400, text: message }, query);
    }
}

// --- messages ------------------------------------------------------------------------------------------------------

async function pollingMessages(t, { url, version }) {
    const session = await joinedPolling(url, version);
    const { status, headers, text } = await session.post(echo(0, 'hello'));
    assert.deepEqual([status, text, headers['content-type']], [200, 'ok', 'text/html']);
    assert.deepEqual(await session.packets(), [echoed(0, 'hello')]);
    await session.post(echo(1, 'one'), echo(2, '€'), echo(3, '😀'));
    assert.deepEqual((await session.collect(3)).sort(), [echoed(1, 'one'), echoed(2, '€'), echoed(3, '😀')]);
}

// What is queued while no GET waits comes with the next one, all in one answer.
async function pollingQueues(t, { url, version }) {
    const session = await joinedPolling(url, version);
    const writer = await joinedSocket(t, url, version);
    await session.post(`421["subscribe","${STATE}"]`);
    assert.deepEqual(await session.packets(), ['431[null]']);
    for (const value of [1, 2, 3]) {
        writer.send(`42${value}["setState","${STATE}",${value}]`);
        await writer.next();
    }
    const events = await session.collect(3);
    assert.deepEqual(events.map(packet => JSON.parse(packet.slice(2))[2].val), [1, 2, 3]);
}

async function socketMessages(t, { url, version }) {
    const socket = await joinedSocket(t, url, version);
    socket.send(echo(0, 'hello'), echo(1, '€😀'), echo(2, 'x'.repeat(70_000)));
    const answers = [await socket.next(), await socket.next(), await socket.next()];
    assert.deepEqual(answers.sort(), [echoed(0, 'hello'), echoed(1, '€😀'), echoed(2, 'x'.repeat(70_000))]);
}

// --- what is no message ----------------------------------------------------------------------------------------------

const GARBAGE = {
    3: ['abc', '', '5:4abc', '2:4a9', '1:x', '-1:4', '1:', ':4', '1', `${'9'.repeat(400)}:4`, '4294967297:4'],
    4: ['abc', '', '4abc\x1eabc', '\x1e', '9', '4abc\x1e'],
};

async function pollingGarbage(t, { url, version }) {
    for (const body of GARBAGE[version]) {
        const session = await joinedPolling(url, version);
        const { status } = await session.postBody(body);
        assert.ok([0, 200, 400].includes(status), `${JSON.stringify(body)}: ${status}`);
        await assertGone(session);
    }
}

async function socketGarbage(t, { url, version }) {
    for (const message of ['abc', '', '7', 'x']) {
        const socket = await joinedSocket(t, url, version);
        socket.send(message);
        assert.equal(await socket.closed(), 1005, JSON.stringify(message));
    }
}

async function tooLarge(t, { url, version }) {
    const session = await joinedPolling(url, version);
    const { status } = await session.postBody('4'.repeat(MAX_MESSAGE + 1));
    assert.ok([0, 413].includes(status), `status ${status}`);
    await assertGone(session);
    const socket = await joinedSocket(t, url, version);
    socket.send('4'.repeat(MAX_MESSAGE + 1));
    assert.equal(await socket.closed(), 1009);
}

// --- requests that do not fit ------------------------------------------------------------------------------------------

async function duplicateGet(t, { url, version }) {
    const session = await joinedPolling(url, version);
    const first = session.get();
    const second = await session.get();
    // The one that the server saw first was held.
    const answers = [await first, second].sort((a, b) => a.status - b.status);
    assert.equal(answers[0].status, 200);
    assert.deepEqual(session.split(answers[0]), ['1']);
    assert.deepEqual([answers[1].status, answers[1].text], [version === 4 ? 400 : 500, '']);
    await assertGone(session);
}

// A POST whose head is there and whose body is not.
function beginPost(session) {
    const headers = { 'content-type': 'text/plain;charset=UTF-8', 'content-length': 100 };
    const outgoing = http.request(new URL(session.where, session.url), { method: 'POST', headers, agent: false });
    const ended = new Promise(resolve => {
        outgoing.on('error', () => resolve('cut'));
        outgoing.on('response', incoming => resolve(incoming.statusCode));
    });
    const sent = new Promise(resolve => outgoing.write('4', resolve));
    return { outgoing, ended, sent };
}

async function duplicatePost(t, { url, version }) {
    const session = await joinedPolling(url, version);
    const first = beginPost(session);
    await first.sent;
    t.after(() => first.outgoing.destroy());
    // Which of the two the server sees first is not ours to say, but it sees the first one's head very soon.
    await request(url, '/healthz');
    const { status, text } = await session.post('2');
    assert.deepEqual([status, text], [version === 4 ? 400 : 500, '']);
    assert.ok(['cut', 400, 500].includes(await within(first.ended, 'end of the first POST')));
    await assertGone(session);
}

async function otherMethods(t, { url, version }) {
    for (const method of ['PUT', 'DELETE', 'PATCH']) {
        const session = await joinedPolling(url, version);
        const { status } = await session.get({ method });
        assert.ok([400, 405, 500].includes(status), `${method}: ${status}`);
    }
}

// Who hangs up while the server holds its GET is gone.
async function cutGet(t, { url, version }) {
    const session = await joinedPolling(url, version);
    const outgoing = http.get(new URL(session.where, url), { agent: false }).on('error', () => {});
    await new Promise(resolve => outgoing.on('finish', resolve));
    await request(url, '/healthz');
    outgoing.destroy();
    const gone = async () => {
        while ((await session.post(version === 4 ? '3' : '2')).status === 200) { /* it has not noticed yet */ }
    };
    await within(gone(), 'end of the session');
    await assertGone(session);
}

// --- ends --------------------------------------------------------------------------------------------------------------

async function pollingCloses(t, { url, version }) {
    const session = await joinedPolling(url, version);
    const held = session.packets();
    await request(url, '/healthz');
    assert.equal((await session.post('1')).text, 'ok');
    assert.deepEqual(await held, ['6']);
    await assertGone(session);
}

async function socketCloses(t, { url, version }) {
    const socket = await joinedSocket(t, url, version);
    socket.send('1');
    assert.equal(await socket.closed(), 1005);
}

async function silencePolling(t, { quickUrl, version }) {
    const session = await polling(quickUrl, version);
    let last;
    const gone = async () => {
        do {
            last = await session.get();
        } while (last.status === 200);
    };
    const start = Date.now();
    await within(gone(), 'end of the silent session');
    assert.equal(last.status, 400);
    assert.ok(Date.now() - start >= QUICK.interval + QUICK.timeout - 50, 'not before its time');
}

async function silenceSocket(t, { quickUrl, version }) {
    const start = Date.now();
    const socket = await joinedSocket(t, quickUrl, version);
    assert.equal(await socket.closed(), 1005);
    assert.ok(Date.now() - start >= QUICK.interval + QUICK.timeout - 50, 'not before its time');
}

// --- upgrades ----------------------------------------------------------------------------------------------------------

const probe = (t, { url, version }, { sid }) => wire(t, url, socketPath(version, `&sid=${sid}`));

async function probed(t, where, session) {
    const socket = probe(t, where, session);
    await within(socket.opened, 'the probing socket');
    socket.send('2probe');
    assert.equal(await socket.next(), '3probe');
    return socket;
}

async function upgraded(t, where) {
    const session = await joinedPolling(where.url, where.version);
    const socket = await probed(t, where, session);
    socket.send('5');
    await assertWorks(socket, 50);
    return { session, socket };
}

async function upgrades(t, where) {
    const session = await joinedPolling(where.url, where.version);
    const held = session.packets();
    const socket = await probed(t, where, session);
    assert.deepEqual(await held, ['6']);
    assert.deepEqual(await session.packets(), ['6']); // also one that comes after the probe
    socket.send('5');
    await assertWorks(socket);
    const { status, text } = await session.get();
    assert.deepEqual([status, JSON.parse(text)], [400, { code: 3, message: 'Bad request' }]);
    assert.equal((await session.post('2')).status, 400);
    await assertWorks(socket, 100);
}

async function upgradesAtOnce(t, where) {
    const session = await joinedPolling(where.url, where.version);
    const socket = probe(t, where, session);
    await within(socket.opened, 'the probing socket');
    socket.send('2probe', '5');
    assert.equal(await socket.next(), '3probe');
    await assertWorks(socket);
    assert.equal((await session.get()).status, 400);
    await assertWorks(socket, 100);
}

// Until `5` polling is the transport; what waits then follows over the socket.
async function worksWhileProbing(t, where) {
    const session = await joinedPolling(where.url, where.version);
    const socket = await probed(t, where, session);
    await session.post(echo(7, 'by polling'));
    const read = [];
    while (!read.includes(echoed(7, 'by polling'))) {
        read.push(...await session.packets());
    }
    assert.ok(read.every(packet => packet === '6' || packet === echoed(7, 'by polling')), read.join());
    await session.post(echo(8, 'by the socket'));
    socket.send('5');
    assert.equal(await socket.next(), echoed(8, 'by the socket'));
}

async function fiveWhileHeld(t, where) {
    const session = await joinedPolling(where.url, where.version);
    const socket = probe(t, where, session);
    await within(socket.opened, 'the probing socket');
    const held = session.packets();
    await request(where.url, '/healthz');
    socket.send('2probe', '5');
    assert.ok(['1', '6'].includes((await held)[0])); // noop when the probe came first, else close
    assert.equal(await socket.next(), '3probe');
    await assertWorks(socket);
}

async function probeMisused(t, where) {
    for (const message of ['4hello', echo(1, 'x'), '2', 'abc', '']) {
        const session = await joinedPolling(where.url, where.version);
        const socket = probe(t, where, session);
        await within(socket.opened, 'the probing socket');
        socket.send(message);
        assert.equal(await socket.closed(), 1005, message);
        await assertPollingWorks(session);
    }
}

async function probeGivenUp(t, where) {
    const session = await joinedPolling(where.url, where.version);
    const socket = await probed(t, where, session);
    socket.close();
    await within(socket.ended, 'end of the probe');
    await session.post(echo(1, 'still here'));
    assert.equal((await session.collect(1)).at(-1) === '6' ? (await session.packets()).at(-1) : echoed(1, 'still here'),
        echoed(1, 'still here'));
    const late = await probed(t, where, session); // and may try again; without `5` for a second it is cut off
    assert.equal(await late.closed(), 1005);
    await assertPollingWorks(session, 5);
}

async function secondSocket(t, where) {
    const { session, socket } = await upgraded(t, where);
    const second = probe(t, where, session);
    assert.equal(await second.closed(), 1005);
    await assertWorks(socket);
    const third = probe(t, where, { sid: JSON.parse((await plainSid(t, where)).slice(1)).sid });
    assert.equal(await third.closed(), 1005); // neither can a session that began with a socket be taken over
}

// The open packet of a session that was never anything else than a socket.
async function plainSid(t, { url, version }) {
    return wire(t, url, socketPath(version)).next();
}

async function upgradedCloses(t, where) {
    const { session, socket } = await upgraded(t, where);
    socket.close();
    await within(socket.ended, 'end of the socket');
    const gone = async () => {
        while (JSON.parse((await session.get()).text).code !== 1) { /* it has not noticed yet */ }
    };
    await within(gone(), 'end of the session');
}

// --- other origins -------------------------------------------------------------------------------------------------------

const ORIGIN = 'http://page.example';

async function origins(t, { url, version }) {
    const session = await joinedPolling(url, version);
    const headers = { origin: ORIGIN };
    const unknown = { ...session, where: `${session.where}x` };
    await session.post(echo(1, 'x'));
    for (const answer of [await session.get({ headers }), await session.postBody(version === 4 ? '3' : '1:2', headers),
        await request(url, unknown.where, { headers })]) {
        assert.equal(answer.headers['access-control-allow-origin'], ORIGIN);
        assert.equal(answer.headers['access-control-allow-credentials'], 'true');
    }
    await session.post(echo(2, 'x'));
    const plain = await session.get();
    assert.ok(['*', undefined].includes(plain.headers['access-control-allow-origin']));
    assert.equal(plain.headers['access-control-allow-credentials'], undefined);
}

async function preflights(t, { url, version }) {
    const session = await joinedPolling(url, version);
    const headers = { origin: ORIGIN, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' };
    for (const where of [session.where, `/socket.io/?EIO=${version}&transport=polling`]) {
        const answer = await request(url, where, { method: 'OPTIONS', headers });
        assert.ok([200, 204].includes(answer.status), `${where}: ${answer.status}`);
        assert.equal(answer.headers['access-control-allow-origin'], ORIGIN);
        assert.match(answer.headers['access-control-allow-headers'], /content-type/i);
    }
    await assertPollingWorks(session);
}

// ---------------------------------------------------------------------------------------------------------------------------

const PARTS = { pollingOpens, socketOpens, pollingErrors, socketErrors, pollingMessages, pollingQueues, socketMessages,
    pollingGarbage, socketGarbage, tooLarge, duplicateGet, duplicatePost, otherMethods, cutGet, pollingCloses, socketCloses,
    silencePolling, silenceSocket, upgrades, upgradesAtOnce, worksWhileProbing, fiveWhileHeld, probeMisused, probeGivenUp,
    secondSocket, upgradedCloses, origins, preflights };

for (const version of [3, 4]) {
    test(`Engine.IO ${version}`, async t => {
        const where = { ...await house(t), version };
        for (const [name, part] of Object.entries(PARTS)) {
            await t.test(name, each => part(each, where));
        }
    });
}
