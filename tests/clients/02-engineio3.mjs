// SPDX-License-Identifier: MIT
// Engine.IO 3 alone: framings in text and bytes, clients that take no bytes, JSONP, and pings of the client.
import assert from 'node:assert/strict';
import test from 'node:test';
import { within } from '../integration/lib/program.mjs';
import { FILES, house, QUICK, STATE } from './lib/house.mjs';
import { assertGone, assertWorks, BYTES, echo, echoed, joinedPolling, joinedSocket, reading, writing } from './lib/rounds.mjs';
import { join3, joinBinary, polling, Polling, request, socketPath, split3, splitBinary, wire } from './lib/wire.mjs';

const OCTETS = { 'content-type': 'application/octet-stream' };
const BASE64 = `b4${BYTES.toString('base64')}`;
const PROMPT_MS = QUICK.interval; // a session that is alive answers long before

// --- opening -------------------------------------------------------------------------------------------------------

// A client of 2.x that is told nothing about its namespace would wait: 40 comes by itself.
async function greetsByItself(t, { url }) {
    const session = await polling(url, 3);
    const packets = [...session.first, ...session.first.length < 2 ? await session.packets() : []];
    assert.deepEqual(packets.slice(1), ['40']);
    const socket = wire(t, url, socketPath(3));
    assert.match(await socket.next(), /^0\{/);
    assert.equal(await socket.next(), '40');
}

async function versionMayBeAbsent(t, { url }) {
    const { status, text } = await request(url, '/socket.io/?transport=polling');
    assert.equal(status, 200);
    assert.match(split3(text)[0], /^0\{"sid":/);
}

async function pathsWithPrefix(t, { url }) {
    for (const prefix of ['/vis-2', '/a/b']) {
        const { status, text } = await request(url, `${prefix}/socket.io/?EIO=3&transport=polling`);
        assert.equal(status, 200, prefix);
        assert.match(split3(text)[0], /^0\{"sid":/);
    }
    const { status, text } = await request(url, '/socket.io?EIO=3&transport=polling'); // without the slash it is none
    assert.ok(status === 404 || !text.includes('"sid"'));
}

// --- framings ------------------------------------------------------------------------------------------------------

async function lengthsInUnits(t, { url }) {
    const session = await joinedPolling(url, 3);
    const packets = [echo(1, '€'), echo(2, '😀'), echo(3, 'é')];
    const body = packets.map(packet => `${[...packet].reduce((sum, c) => sum + c.length, 0)}:${packet}`).join('');
    assert.equal((await session.postBody(body)).text, 'ok');
    assert.deepEqual((await session.collect(3)).sort(), [echoed(1, '€'), echoed(2, '😀'), echoed(3, 'é')]);
    const inBytes = await joinedPolling(url, 3);
    await inBytes.postBody(`${Buffer.byteLength(packets[1])}:${packets[1]}`); // longer than the text
    await assertGone(inBytes);
}

async function bytesInBinaryPayload(t, { url }) {
    const session = await joinedPolling(url, 3);
    const [write, written] = writing(0, 'a.bin');
    const [read, answer] = reading(1, 'a.bin');
    const { text } = await session.postBody(joinBinary([write, BYTES, echo(5, '€😀')]), OCTETS);
    assert.equal(text, 'ok');
    assert.deepEqual((await session.collect(2)).sort(), [written, echoed(5, '€😀')].sort());
    await session.post(read);
    const got = await session.get();
    assert.equal(got.headers['content-type'], 'application/octet-stream');
    assert.deepEqual(splitBinary(got.body), [answer, BYTES]);
    const head = [0, ...[...String(answer.length)].map(Number), 0xff];
    assert.equal(got.body.toString('hex'), Buffer.concat([Buffer.from(head), Buffer.from(answer),
        Buffer.from([1, 5, 0xff, 4]), BYTES]).toString('hex'));
}

async function bytesAsBase64(t, { url }) {
    const session = await joinedPolling(url, 3, '&b64=1');
    const [write, written] = writing(0, 'b.bin');
    const [read, answer] = reading(1, 'b.bin');
    await session.post(write, BASE64);
    assert.deepEqual(await session.packets(), [written]);
    await session.post(read);
    const got = await session.get();
    assert.match(got.headers['content-type'], /^text\/plain/);
    assert.equal(got.text, join3([answer, BASE64]));
}

// base64 in a text payload from a client that takes bytes: bytes come back.
async function base64InBytesOut(t, { url }) {
    const session = await joinedPolling(url, 3);
    const [write, written] = writing(0, 'c.bin');
    await session.post(write, BASE64);
    assert.deepEqual(await session.packets(), [written]);
    const [read, answer] = reading(1, 'c.bin');
    await session.post(read);
    assert.deepEqual(await session.packets(), [answer, BYTES]);
}

async function bytesBySocket(t, { url }) {
    const socket = await joinedSocket(t, url, 3);
    const [write, written] = writing(0, 'd.bin');
    const [read, answer] = reading(1, 'd.bin');
    socket.send(write, Buffer.concat([Buffer.from([4]), BYTES]));
    assert.equal(await socket.next(), written);
    socket.send(read);
    assert.equal(await socket.next(), answer);
    assert.deepEqual(await socket.next(), Buffer.concat([Buffer.from([4]), BYTES]));
    const [again, writtenAgain] = writing(2, 'd.bin');
    socket.send(again, BASE64); // also as text
    assert.equal(await socket.next(), writtenAgain);
}

async function brokenBinaryPayloads(t, { url }) {
    for (const hex of ['', '00', '0001', '0001ff', '000aff34', '02 01 ff 34', '00 0a ff 34', '01 05 ff 04 01', '00 ff 34',
        `00${'09'.repeat(320)}ff34`, '00 01 ff 39']) {
        const session = await joinedPolling(url, 3);
        const { status } = await session.postBody(Buffer.from(hex.replaceAll(' ', ''), 'hex'), OCTETS);
        assert.ok([200, 400].includes(status), `${hex}: ${status}`);
        await assertGone(session);
    }
}

// --- JSONP -----------------------------------------------------------------------------------------------------------

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

class Jsonp extends Polling {
    split({ text }) {
        const [, digits, json] = /^___eio\[(\d+)\]\((".*")\);$/s.exec(text) ?? assert.fail(text);
        assert.equal(digits, '12');
        return split3(JSON.parse(json));
    }

    post(...packets) {
        const text = join3(packets).replaceAll('\\n', '\\\\n').replaceAll('\n', '\\n');
        return this.postBody(`d=${encodeURIComponent(text)}`, FORM);
    }
}

async function jsonp(t, { url }) {
    const session = new Jsonp(url, 3, '&j=1x2');
    const { headers } = await session.open();
    assert.match(headers['content-type'], /^text\/(plain|javascript)|^application\/javascript/);
    assert.match(session.first[0], /^0\{"sid":/);
    assert.equal((await session.post(echo(1, 'x\u2028y€ </script>'))).text, 'ok');
    const answer = await session.get();
    assert.ok(!answer.text.includes('\u2028'), 'no line separator in a script');
    assert.deepEqual(session.split(answer), [echoed(1, 'x\u2028y€ </script>')]);
    await session.post(echo(2, 'a\nb\\nc')); // JSON has them as \n and \\\\n already
    assert.deepEqual(await session.packets(), [echoed(2, 'a\nb\\nc')]);
}

async function jsonpBytes(t, { url }) {
    const session = new Jsonp(url, 3, '&j=12&b64=1');
    await session.open();
    const [write, written] = writing(0, 'e.bin');
    const [read, answer] = reading(1, 'e.bin');
    await session.post(write, BASE64);
    assert.deepEqual(await session.packets(), [written]);
    await session.post(read);
    assert.deepEqual(await session.packets(), [answer, BASE64]);
}

// --- heartbeats --------------------------------------------------------------------------------------------------------

async function pingsByPolling(t, { quickUrl }) {
    const session = await joinedPolling(quickUrl, 3);
    for (let i = 0; i < 3; i++) {
        assert.equal((await session.post('2')).text, 'ok');
        assert.deepEqual(await session.packets(), ['3']);
    }
    await within(session.get(), 'end of the silent session'); // a held GET is no sign of life
    assert.equal((await session.post('2')).status, 400);
}

async function pingsBySocket(t, { quickUrl }) {
    const socket = await joinedSocket(t, quickUrl, 3);
    const start = Date.now();
    for (let i = 0; i < 3; i++) {
        socket.send('2');
        assert.equal(await within(socket.next(), 'pong', PROMPT_MS), '3');
    }
    socket.send('2probe'); // on an open socket this is a ping like any other
    assert.equal(await socket.next(), '3');
    socket.send(Buffer.from([2]));
    assert.equal(await socket.next(), '3');
    assert.equal(await socket.closed(), 1005); // silent from here on
    assert.ok(Date.now() - start >= QUICK.interval + QUICK.timeout - 50, 'not before its time');
}

// Every packet is a sign of life, and the server never pings.
async function anythingKeepsAlive(t, { quickUrl }) {
    const socket = await joinedSocket(t, quickUrl, 3);
    const writer = await joinedSocket(t, quickUrl, 3);
    const until = Date.now() + 3 * (QUICK.interval + QUICK.timeout);
    for (let id = 0; Date.now() < until; id++) {
        socket.send(echo(id, 'x'));
        assert.equal(await socket.next(), echoed(id, 'x'));
        writer.send('2', `42${id}["setState","${STATE}",${id}]`);
        await writer.next();
        await writer.next();
    }
}

async function ignoredPackets(t, { url }) {
    const socket = await joinedSocket(t, url, 3);
    socket.send('3', '5', '6', '0', Buffer.from([9, 1]), Buffer.from([3]));
    await assertWorks(socket);
}

async function strayBytes(t, { url }) {
    const socket = await joinedSocket(t, url, 3);
    socket.send(Buffer.concat([Buffer.from([4]), BYTES]));
    assert.equal(await socket.closed(), 1005);
}

// --- upgrades ------------------------------------------------------------------------------------------------------------

// Bytes that wait for an answer go over whichever transport is there when they come.
async function bytesAcrossUpgrade(t, { url }) {
    const session = await joinedPolling(url, 3);
    const [write, written] = writing(0, 'f.bin');
    await session.post(write, BASE64);
    assert.deepEqual(await session.packets(), [written]);
    const socket = wire(t, url, socketPath(3, `&sid=${session.sid}`));
    await within(socket.opened, 'the probing socket');
    const [read, answer] = reading(1, 'f.bin');
    await session.post(read);
    socket.send('2probe', '5');
    assert.equal(await socket.next(), '3probe');
    assert.equal(await socket.next(), answer);
    assert.deepEqual(await socket.next(), Buffer.concat([Buffer.from([4]), BYTES]));
    socket.send(`422["fileExists","${FILES}","f.bin"]`);
    assert.equal(await socket.next(), '432[null,true]');
}

// ---------------------------------------------------------------------------------------------------------------------------

const PARTS = { greetsByItself, versionMayBeAbsent, pathsWithPrefix, lengthsInUnits, bytesInBinaryPayload, bytesAsBase64,
    base64InBytesOut, bytesBySocket, brokenBinaryPayloads, jsonp, jsonpBytes, pingsByPolling, pingsBySocket, anythingKeepsAlive,
    ignoredPackets, strayBytes, bytesAcrossUpgrade };

test('Engine.IO 3', async t => {
    const where = await house(t);
    for (const [name, part] of Object.entries(PARTS)) {
        await t.test(name, each => part(each, where));
    }
});
