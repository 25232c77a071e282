// SPDX-License-Identifier: MIT
// socket.io protocol 5 (clients 3.x and 4.x): the official suite's behaviours (wire.md 7), and wire.md 3.3.
import assert from 'node:assert/strict';
import test from 'node:test';
import { FILES, house, STATE } from './lib/house.mjs';
import { assertGone, assertWorks, BYTES, echo, echoed, joinedPolling, joinedSocket, reading, writing } from './lib/rounds.mjs';
import { polling, socketPath, wire } from './lib/wire.mjs';

const joined = (t, { url }) => joinedSocket(t, url, 4);

// A socket that has got its open packet and said nothing.
async function opened(t, { url }) {
    const socket = wire(t, url, socketPath(4));
    const { sid } = JSON.parse((await socket.next()).slice(1));
    return { socket, sid };
}

// --- namespaces ------------------------------------------------------------------------------------------------------

async function connects(t, where) {
    for (const packet of ['40', '40{}', '40{"token":"123"}', '40/,', '40/,{"token":"123"}']) {
        const { socket, sid } = await opened(t, where);
        socket.send(packet);
        const answer = await socket.next();
        assert.match(answer, /^40\{/, packet);
        const connect = JSON.parse(answer.slice(2));
        assert.deepEqual(Object.keys(connect), ['sid']);
        assert.notEqual(connect.sid, sid, 'another id than that of the connection');
        await assertWorks(socket);
    }
}

async function connectsByPolling(t, { url }) {
    const session = await polling(url, 4);
    await session.post('40{"token":"t"}');
    assert.match((await session.packets())[0], /^40\{"sid":/);
}

async function unknownNamespaces(t, where) {
    const { socket } = await opened(t, where);
    for (const said of ['40/random', '40/random,', '40/random,{"x":1}']) {
        socket.send(said);
        assert.equal(await socket.next(), '44/random,{"message":"Invalid namespace"}', said);
    }
    socket.send('40');
    assert.match(await socket.next(), /^40\{"sid":/);
    socket.send('40/custom,');
    assert.equal(await socket.next(), '44/custom,{"message":"Invalid namespace"}');
    await assertWorks(socket);
}

async function connectFirst(t, where) {
    for (const packet of ['4abc', echo(1, 'x'), '43[]', '41', '40"x"', '40[]', '44{}', '4']) {
        const { socket } = await opened(t, where);
        socket.send(packet);
        assert.equal(await socket.closed(), 1005, packet);
    }
}

async function silentClient(t, where) {
    const { socket } = await opened(t, where);
    assert.equal(await socket.closed(), 1005);
    const session = await polling(where.url, 4);
    await session.get(); // until the server gives up
    await assertGone(session);
}

// `40/random` is no way to stay for ever.
async function refusedClient(t, where) {
    const { socket } = await opened(t, where);
    socket.send('40/random,');
    await socket.next();
    assert.equal(await socket.closed(), 1005);
}

async function leaves(t, { quickUrl }) {
    const socket = await joinedSocket(t, quickUrl, 4);
    socket.send('41');
    assert.equal(await socket.next(), '2'); // nothing but the next ping
    socket.send('3', '40');
    assert.match(await socket.next(), /^40\{"sid":/); // and it may come back
    await assertWorks(socket);
}

async function leavesByPolling(t, { url }) {
    const session = await joinedPolling(url, 4);
    await session.post('41');
    await session.post('40');
    assert.match((await session.packets())[0], /^40\{"sid":/);
}

// --- events and answers ----------------------------------------------------------------------------------------------

async function answers(t, where) {
    const socket = await joined(t, where);
    for (const id of ['0', '456', '9007199254740991']) {
        socket.send(echo(id, 'x'));
        assert.equal(await socket.next(), echoed(id, 'x'));
    }
    socket.send('42["getVersion"]');
    await assertWorks(socket);
}

async function events(t, where) {
    const [listener, writer] = [await joined(t, where), await joined(t, where)];
    listener.send(`421["subscribe","${STATE}"]`);
    assert.equal(await listener.next(), '431[null]');
    writer.send(`42["setState","${STATE}",{"val":"€😀","ack":true}]`);
    const event = JSON.parse((await listener.next()).slice(2));
    assert.deepEqual([event.length, event[0], event[1], event[2].val], [3, 'stateChange', STATE, '€😀']);
}

async function attachments(t, where) {
    const socket = await joined(t, where);
    const [write, written] = writing(789, 'm.bin');
    socket.send(write, BYTES);
    assert.equal(await socket.next(), written);
    const [read, answer] = reading(789, 'm.bin');
    socket.send(read);
    assert.equal(await socket.next(), answer);
    assert.deepEqual(await socket.next(), BYTES);
    socket.send('452-7["getStates",["x"],{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', BYTES, Buffer.alloc(0));
    assert.equal(await socket.next(), echoed(7, 'x'));
    socket.send('461-1[{"_placeholder":true,"num":0}]', BYTES, '430["x"]'); // answers that nobody asked for
    await assertWorks(socket);
}

async function tolerated(t, where) {
    const socket = await joined(t, where);
    socket.send('42', '42[5]', '42["nonsense"]');
    await assertWorks(socket);
}

const BROKEN = ['4', '4abc', '49', '44{}', '42{}', '42[]', '42[null]', '42abc["x"]', '42["x"', '42"x"', '41{}', '4511-["x"]',
    '450-["x"]', '45["x"]', '42["connect"]', '42["connect_error"]', '42["disconnect"]', '42["disconnecting"]', '42["newListener"]',
    '42["removeListener"]'];

async function broken(t, where) {
    for (const packet of BROKEN) {
        const socket = await joined(t, where);
        socket.send(packet);
        assert.equal(await socket.closed(), 1005, packet);
    }
    for (const packet of ['42{}', '4abc', '42["connect"]']) {
        const session = await joinedPolling(where.url, 4);
        await session.post(packet);
        await assertGone(session);
    }
}

async function brokenAttachments(t, where) {
    const owed = `451-1["writeFile","${FILES}","n.bin",{"_placeholder":true,"num":0}]`;
    for (const messages of [[BYTES], [owed, echo(2, 'x')], [owed, '40'], [owed.replace('"num":0', '"num":1'), BYTES]]) {
        const socket = await joined(t, where);
        socket.send(...messages);
        assert.equal(await socket.closed(), 1005, String(messages));
    }
}

// Pings of the server and their pongs go between an event and its attachments.
async function pongsAmongAttachments(t, { quickUrl }) {
    const socket = await joinedSocket(t, quickUrl, 4);
    const [write, written] = writing(5, 'o.bin');
    socket.send(write);
    assert.equal(await socket.next(), '2');
    socket.send('3', BYTES);
    assert.equal(await socket.next(), written);
}

// ---------------------------------------------------------------------------------------------------------------------------

const PARTS = { connects, connectsByPolling, unknownNamespaces, connectFirst, silentClient, refusedClient, leaves, leavesByPolling,
    answers, events, attachments, tolerated, broken, brokenAttachments, pongsAmongAttachments };

test('socket.io protocol 5', async t => {
    const where = await house(t);
    for (const [name, part] of Object.entries(PARTS)) {
        await t.test(name, each => part(each, where));
    }
});
