// SPDX-License-Identifier: MIT
// socket.io protocol 4 (clients 1.x and 2.x). It has no official suite: this is wire.md 3.1 and 3.2.
import assert from 'node:assert/strict';
import test from 'node:test';
import { FILES, house, QUICK, STATE } from './lib/house.mjs';
import { assertWorks, BYTES, echo, echoed, joinedPolling, joinedSocket, reading, writing } from './lib/rounds.mjs';
import { wire } from './lib/wire.mjs';

const ATTACHMENT = Buffer.concat([Buffer.from([4]), BYTES]);

const joined = (t, { url }) => joinedSocket(t, url, 3);

// --- namespaces ------------------------------------------------------------------------------------------------------

async function joinsByItself(t, where) {
    const socket = await joined(t, where);
    socket.send('40', '40{"token":"x"}', '40/,'); // again: does nothing
    await assertWorks(socket);
}

async function unknownNamespaces(t, where) {
    const socket = await joined(t, where);
    for (const [said, name] of [['40/random,', '/random'], ['40/random', '/random'], ['40/admin?token=1,', '/admin'],
        ['40/a/b,{"x":1}', '/a/b']]) {
        socket.send(said);
        assert.equal(await socket.next(), `44${name},"Invalid namespace"`, said);
    }
    socket.send('42/random,1["getVersion"]', '41/random,'); // of a namespace that was never joined: nothing
    await assertWorks(socket);
}

// The connection stays, and pings are answered; nothing else is.
async function leaves(t, { quickUrl }) {
    const socket = await joinedSocket(t, quickUrl, 3);
    socket.send('41', echo(1, 'x'), '2');
    assert.equal(await socket.next(), '3');
    socket.send(echo(2, 'x'), '2');
    assert.equal(await socket.next(), '3');
}

async function leavesByPolling(t, { url }) {
    const session = await joinedPolling(url, 3);
    await session.post('41', echo(1, 'x'), '2');
    assert.deepEqual(await session.packets(), ['3']);
}

// --- events and answers ----------------------------------------------------------------------------------------------

async function answers(t, where) {
    const socket = await joined(t, where);
    for (const id of ['0', '17', '4294967296', '9007199254740991']) {
        socket.send(echo(id, 'x'));
        assert.equal(await socket.next(), echoed(id, 'x'));
    }
    socket.send('42["getVersion"]'); // nobody asked for an answer
    await assertWorks(socket);
}

async function events(t, where) {
    const [listener, writer] = [await joined(t, where), await joined(t, where)];
    listener.send(`421["subscribe","${STATE}"]`);
    assert.equal(await listener.next(), '431[null]');
    writer.send(`42["setState","${STATE}",{"val":"€😀\\u001e","ack":true}]`);
    const event = await listener.next();
    assert.match(event, /^42\["stateChange",/);
    const [, id, state] = JSON.parse(event.slice(2));
    assert.deepEqual([id, state.val, state.ack], [STATE, '€😀\x1e', true]);
}

async function attachments(t, where) {
    const socket = await joined(t, where);
    const [write, written] = writing(5, 'i.bin');
    socket.send(write, ATTACHMENT);
    assert.equal(await socket.next(), written);
    const [read, answer] = reading(6, 'i.bin');
    socket.send(read);
    assert.equal(await socket.next(), answer);
    assert.deepEqual(await socket.next(), ATTACHMENT);
    socket.send(`452-7["getStates",["x"],{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, ATTACHMENT,
        Buffer.from([4]));
    assert.equal(await socket.next(), echoed(7, 'x')); // more arguments than it takes
    socket.send(`451-["writeFile","${FILES}","j.bin",{"_placeholder":true,"num":0}]`, ATTACHMENT);
    await assertWorks(socket, 8); // no answer to what was no call
}

async function answersOfClients(t, where) {
    const socket = await joined(t, where);
    socket.send('430["answer"]', '43["none"]', '461-1[{"_placeholder":true,"num":0}]', ATTACHMENT);
    await assertWorks(socket);
}

async function tolerated(t, where) {
    const socket = await joined(t, where);
    socket.send('4abc', '49', '44', '44"error"', '42', '42[1,2]', '42["nonsense"]');
    await assertWorks(socket);
}

const BROKEN = ['4', '42{}', '42[]', '42[null]', '42[true]', '42[{}]', '42abc["x"]', '42["x"', '42"x"', '42[1,]', '40"x"', '41{}',
    '4511-["x"]', '450-["x"]', '45-["x"]', '45["x"]', '4599999999999-["x"]', '461-x'];

async function broken(t, where) {
    for (const packet of BROKEN) {
        const socket = await joined(t, where);
        socket.send(packet);
        assert.equal(await socket.closed(), 1005, packet);
    }
}

async function brokenAttachments(t, where) {
    const owed = `451-1["writeFile","${FILES}","k.bin",{"_placeholder":true,"num":0}]`;
    for (const messages of [[ATTACHMENT], [owed, echo(2, 'x')], [owed, '40'],
        [owed.replace('"num":0', '"num":1'), ATTACHMENT], [owed.replace('"num":0', '"num":-1'), ATTACHMENT]]) {
        const socket = await joined(t, where);
        socket.send(...messages);
        assert.equal(await socket.closed(), 1005, String(messages));
    }
}

// Pings come between an event and its attachments, as a client's timer likes.
async function pingsAmongAttachments(t, where) {
    const socket = await joined(t, where);
    const [write, written] = writing(5, 'l.bin');
    socket.send(write, '2', ATTACHMENT);
    assert.deepEqual([await socket.next(), await socket.next()].sort(), ['3', written]);
}

async function sidIsTheSocket(t, where) {
    const socket = wire(t, where.url, '/socket.io/?EIO=3&transport=websocket&key=nokey');
    const { sid, pingTimeout } = JSON.parse((await socket.next()).slice(1));
    assert.equal(sid.length, 20);
    assert.ok(pingTimeout > QUICK.timeout);
    assert.equal(await socket.next(), '40'); // the client makes its id of the Engine.IO sid
}

// ---------------------------------------------------------------------------------------------------------------------------

const PARTS = { joinsByItself, unknownNamespaces, leaves, leavesByPolling, answers, events, attachments, answersOfClients,
    tolerated, broken, brokenAttachments, pingsAmongAttachments, sidIsTheSocket };

test('socket.io protocol 4', async t => {
    const where = await house(t);
    for (const [name, part] of Object.entries(PARTS)) {
        await t.test(name, each => part(each, where));
    }
});
