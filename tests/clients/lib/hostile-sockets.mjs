// SPDX-License-Identifier: MIT
// What harmful clients do over WebSockets: frames, socket.io's packets, ioBroker's dialect, and not reading.
import assert from 'node:assert/strict';
import zlib from 'node:zlib';
import { connect } from '../../integration/lib/client.mjs';
import { within } from '../../integration/lib/program.mjs';
import { frame, frameHead, OP } from '../../integration/lib/raw.mjs';
import { FILES, STATE } from './house.mjs';
import { assertGone, assertWorks, echo, joinedPolling, joinedSocket } from './rounds.mjs';
import { MANY, MEGABYTE, metrics, PATHS, socketOf, together, untilMetrics, WITNESS_WAITS_MS } from './siege.mjs';
import { socketPath, wire } from './wire.mjs';

// A message of bytes; revision 3 puts the type in front.
const attachment = (version, size) => Buffer.concat([Buffer.from(version === 3 ? [4] : []), Buffer.alloc(size)]);

// --- WebSocket frames ----------------------------------------------------------------------------------------------------

async function brokenFrames(t, { url }) {
    const mask = Buffer.alloc(4);
    const bytes = [Buffer.from([0x81, 0x01, 0x32]), Buffer.from([0xf1, 0x80, ...mask]), Buffer.from([0x83, 0x80, ...mask]),
        Buffer.from([0x09, 0x80, ...mask]), Buffer.concat([Buffer.from([0x89, 0xfe, 0x00, 0x7e]), mask, Buffer.alloc(126)]),
        Buffer.concat([Buffer.from([0x81, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 1]), mask]), frameHead(2 * MEGABYTE),
        frame(Buffer.from([0xff, 0xfe])), frame('x', OP.more), Buffer.concat([frame('a', OP.text, false), frame('b', OP.text)]),
        Buffer.from([0x88, 0x81, ...mask, 0x03]), Buffer.from([0x88, 0x82, ...mask, 0x00, 0x01])];
    await Promise.all(PATHS.flatMap(where => bytes.map(async each => {
        const client = await socketOf(t, url, where);
        client.write(each);
        await client.cut(`${where} ${each.subarray(0, 12).toString('hex')}`, 10_000);
    })));
}

// Fragments of nothing, without an end; many small ones of one message; pings that expect as many pongs.
async function framesWithoutEnd(t, { url }) {
    await Promise.all(PATHS.map(async where => {
        const nothing = await socketOf(t, url, where);
        nothing.write(frame('', OP.text, false));
        nothing.write(Buffer.concat(Array(MANY(100_000)).fill(frame('', OP.more, false))));
        nothing.write(frame('', OP.more, true));
        const large = await socketOf(t, url, where);
        large.write(frame('x', OP.text, false));
        large.write(Buffer.concat(Array(40).fill(frame(Buffer.alloc(64 * 1024, 'x'), OP.more, false))));
        await large.cut(`${where} a message that grows`, 10_000);
        const pings = await socketOf(t, url, where);
        pings.socket.pause();
        pings.write(Buffer.concat(Array(MANY(100_000)).fill(frame('x'.repeat(100), 9))));
        t.after(() => pings.close());
    }));
}

// A little that becomes a lot: refused before it has.
async function bombs(t, { url }) {
    const bomb = zlib.deflateRawSync(Buffer.alloc(20 * MEGABYTE, ' '), { level: 9 });
    await Promise.all(PATHS.map(async where => {
        const client = await socketOf(t, url, where, 'Sec-WebSocket-Extensions: permessage-deflate\r\n');
        assert.match(client.text, /permessage-deflate/);
        const bytes = frame(bomb);
        bytes[0] |= 0x40; // compressed
        client.write(bytes);
        await client.cut(`${where} a bomb`, 10_000);
        assert.ok(client.text.includes('\x88\x02\x03\xf1'), 'closed as too large');
    }));
}

// --- subscriptions -------------------------------------------------------------------------------------------------------

// How to speak: [open, call, beginning of an answer].
const DIALECTS = [
    [(t, url) => joinedSocket(t, url, 3), (id, ...event) => `42${id}${JSON.stringify(event)}`, id => `43${id}[`],
    [(t, url) => joinedSocket(t, url, 4), (id, ...event) => `42${id}${JSON.stringify(event)}`, id => `43${id}[`],
    [(t, url) => plain(t, url), (id, name, ...args) => JSON.stringify([3, id, name, args]), id => `[3,${id},`],
];

async function plain(t, url) {
    const socket = wire(t, url, PATHS[2]);
    assert.equal(await socket.next(), '[0,1,"___ready___"]');
    return socket;
}

async function answerOf(socket, start) {
    for (;;) {
        const message = await socket.next();
        if (message.startsWith(start)) {
            return message;
        }
        if (message === '2') {
            socket.send('3');
        }
    }
}

// More patterns than anyone may have, and such as take long to match; who writes does not notice.
async function subscriptionFlood(t, { url }) {
    const writer = await connect(t, url);
    const lists = Array.from({ length: MANY(30) }, (_, n) => Array.from({ length: 1000 }, (__, i) => `*${n}a*${i}a*a*a*a*b`));
    const odd = ['*a'.repeat(400), '*'.repeat(1000), 'x'.repeat(500_000), '', null, 5, {}, [['a', ['b']]], '\0', '*.*.*.*', '\ud800',
        '(a+)+$'];
    await Promise.all(DIALECTS.map(async ([open, call, answer]) => {
        const socket = await open(t, url);
        for (const [id, patterns] of [...lists, odd].entries()) {
            for (const [n, command] of ['subscribe', 'subscribeObjects', 'unsubscribe', 'subscribe'].entries()) {
                socket.send(call(4 * id + n, command, patterns));
            }
            socket.send(call(100_000 + id, 'subscribeFiles', '*', patterns));
            await answerOf(socket, answer(100_000 + id));
        }
        const id = `0_userdata.0.${'a'.repeat(400)}`;
        const start = Date.now();
        await writer.call('setState', id, 1);
        await writer.call('getState', id);
        assert.ok(Date.now() - start < WITNESS_WAITS_MS, `a change took ${Date.now() - start} ms`);
        for (let i = 0; i < MANY(2000); i++) {
            socket.send(call(200_000 + i, i % 2 ? 'unsubscribe' : 'subscribe', '*'));
        }
        await answerOf(socket, answer(200_000 + MANY(2000) - 1));
    }));
    writer.close();
}

// --- socket.io -----------------------------------------------------------------------------------------------------------

async function giantAckIds(t, { url }) {
    for (const version of [3, 4]) {
        for (const id of ['9'.repeat(16), '9'.repeat(20), '9'.repeat(400), '9'.repeat(100_000), '18446744073709551616', '0'.repeat(1000)]) {
            const socket = await joinedSocket(t, url, version);
            socket.send(echo(id, 'x'));
            const end = await Promise.race([socket.next().catch(() => 'closed'), socket.closed()]);
            assert.ok(end === 1005 || end === 'closed' || /^43\d/.test(end), `${id.slice(0, 30)}: ${end}`);
        }
        const twice = await joinedSocket(t, url, version);
        twice.send(...Array(2000).fill(echo(7, 'x'))); // more than may be open, and all with the same number
        for (let i = 0; i < 2000; i++) {
            assert.match(await twice.next(), /^437\[/);
        }
        await assertWorks(twice);
    }
}

async function namespacesWithoutEnd(t, { url }) {
    for (const version of [3, 4]) {
        const socket = await joinedSocket(t, url, version);
        const names = Array.from({ length: MANY(5000) }, (_, i) => `/n${i}`);
        socket.send(...names.map(name => `40${name},`));
        for (const name of names) {
            assert.ok((await socket.next()).startsWith(`44${name},`));
        }
        const long = `/${'n'.repeat(500_000)}`;
        socket.send(`40${long},`);
        const said = await socket.next().catch(() => 'closed');
        assert.ok(said === 'closed' || said.startsWith('44/n'));
    }
}

async function owedAttachments(t, { url }) {
    const owing = await Promise.all(Array.from({ length: MANY(100) }, (_, i) => joinedSocket(t, url, 3 + i % 2)));
    owing.forEach((socket, i) => socket.send('4510-1["writeFile","x.0","x"]', attachment(3 + i % 2, 900_000))); // nine never come
    await Promise.all(owing.map(socket => socket.closed()));
}

// Bytes that were not announced, announced wrongly, referred to wrongly, or too often; and as many as may come.
async function wrongAttachments(t, { url }) {
    const place = num => `{"_placeholder":true,"num":${num}}`;
    const write = what => `451-1["writeFile","${FILES}","x",${what}]`;
    const wrong = [['45999999999999999999-1["x"]'], ['450-1["x"]'], ['4511-1["x"]'], ['45-1["x"]'], ['45'], ['451'], [1],
        [write(place(0)), '42["x"]'], [write(place(1)), 1], [write(place(-1)), 1], [write(place(0.5)), 1], [write(place('1e300')), 1],
        [write(`[${Array(20_000).fill(place(0))}]`), 900_000], [`452-1["writeFile","${FILES}","x",${place(0)}]`, 900_000, 900_000]];
    await Promise.all([3, 4].flatMap(version => wrong.map(async messages => {
        const socket = await joinedSocket(t, url, version);
        socket.send(...messages.map(each => typeof each === 'number' ? attachment(version, each) : each));
        assert.equal(await socket.closed(), 1005, `${version}: ${String(messages).slice(0, 100)}`);
    })));
    await Promise.all([3, 4].map(async version => {
        const socket = await joinedSocket(t, url, version);
        const ten = Array.from({ length: 10 }, (_, i) => place(9 - i));
        for (let i = 0; i < MANY(200); i++) {
            socket.send(`4510-${i}["getStates",[${ten}]]`, ...Array(10).fill(attachment(version, 10_000)));
            assert.ok((await answerOf(socket, `43${i}[`)).length < 10_000);
        }
    }));
}

// Secrets of sessions that are guessed, given twice, or of someone who is still there; and many sessions left behind.
async function recoveryAbuse(t, { url }) {
    const enter = async auth => {
        const socket = wire(t, url, socketPath(4));
        await socket.next();
        socket.send(`40${auth}`);
        const answer = await socket.next().catch(() => null);
        return { socket, ...answer && JSON.parse(answer.slice(2)) };
    };
    for (const auth of ['{"pid":""}', '{"pid":5}', '{"pid":null,"offset":null}', `{"pid":"${'A'.repeat(20)}","offset":"1"}`,
        `{"pid":"${'A'.repeat(500_000)}"}`, '{"pid":{"a":[]},"offset":{}}', '{"pid":"__proto__"}']) {
        const { sid, pid } = await enter(auth);
        assert.ok(sid && pid && pid.length < 100, `${auth.slice(0, 60)}: anew`);
    }
    const first = await enter('');
    for (const offset of ['-1', '0', '18446744073709551616', '99999999999999999999', 'x', '']) {
        const { sid } = await enter(JSON.stringify({ pid: first.pid, offset }));
        assert.ok(sid);
    }
    for (let round = 0; round < 4; round++) {
        const left = await Promise.all(Array.from({ length: MANY(500) }, () => enter('')));
        left.forEach(({ socket }) => {
            socket.send(`42["subscribe","${STATE}"]`);
            socket.close();
        });
    }
}

// --- who takes and does not read -------------------------------------------------------------------------------------------

// By WebSocket, and a poll that never comes again.
async function neverRead(t, { url }) {
    const before = await metrics(url);
    const writer = await connect(t, url);
    const sockets = await Promise.all(PATHS.map(where => socketOf(t, url, where)));
    const polls = await Promise.all([3, 4].map(version => joinedPolling(url, version)));
    const subscribe = JSON.stringify(['subscribe', `${STATE}.*`]);
    sockets[0].write(frame(`42${subscribe}`));
    sockets[1].write(Buffer.concat([frame('40'), frame(`42${subscribe}`)]));
    sockets[2].write(frame(`[3,1,"subscribe",["${STATE}.*"]]`));
    await Promise.all(polls.map(session => session.post(`42${subscribe}`)));
    await sockets[2].until(text => text.includes('[3,1'), 'the subscription');
    sockets.forEach(({ socket }) => socket.pause());
    const value = 'x'.repeat(100_000);
    for (let i = 0; i < 200; i++) {
        await writer.call('setState', `${STATE}.${i % 100}`, `${i}${value}`);
    }
    const asking = Array(MANY(2000)).fill(frame(`421["getStates","${STATE}*"]`)); // and asks for more and more
    sockets[0].write(Buffer.concat(asking));
    await untilMetrics(url, now => now.slow >= before.slow + sockets.length + polls.length, 'those who do not read are cut off');
    for (const session of polls) {
        assert.deepEqual(await session.packets(), ['6', '1']);
        await assertGone(session);
    }
    writer.close();
}

// --- the plain dialect -------------------------------------------------------------------------------------------------

async function plainGarbage(t, { url }) {
    const socket = wire(t, url, '/?sid=1700000000000&name=siege');
    assert.equal(await socket.next(), '[0,1,"___ready___"]');
    const messages = ['', 'x', 'null', '5', '"x"', '{}', '[]', '[3]', '[3,1]', '[3,2,"getVersion"]', '[3,3,"getVersion",{}]',
        '[3,4,"getVersion",null]', '[3,-1,"getVersion",[]]', '[3,1.5,"getVersion",[]]', '[3,"a","getVersion",[]]', '[3,{},"getVersion",[]]',
        '[3,1e400,"getVersion",[]]', '[3,null,"getVersion",[]]', '[0]', '[0,1]', '[0,1,5,[]]', '[0,1,{},[]]', '[2]', '[1,2,3]', '[4]', '[-1]',
        '[99999999999999999999]', '["0",1,"x"]', '[null]', '[[[[]]]]', `${'['.repeat(10_000)}`, `[3,5,"getState",[${'['.repeat(500)}${']'.repeat(500)}]]`,
        '[3,6,"getVersion",[],[],[]]', '[0,7,"___ready___",[]]', '[3,8,"__proto__",[]]', '[3,9,"stateChange",[]]', '[3,10,"getVersion",[]',
        '[3,11,"getVersion",[]]x', '\ufeff[1]', ' [1] '];
    socket.send(...messages, Buffer.from('[3,1,"getVersion",[]]'), Buffer.alloc(1000, 0xff));
    socket.send('[3,4242,"getStates",[["last"]]]');
    let answer;
    do {
        answer = await socket.next();
        assert.ok(Array.isArray(JSON.parse(answer)), answer);
    } while (!answer.startsWith('[3,4242'));
    assert.equal(answer, '[3,4242,"getStates",[null,{"last":null}]]');
}

async function plainFlood(t, { url }) {
    const clients = await Promise.all(Array.from({ length: 10 }, () => socketOf(t, url, PATHS[2])));
    const calls = Array.from({ length: MANY(5000) }, (_, i) => frame(`[3,${i},"nonsense",[]]`));
    const pings = Array(MANY(5000)).fill(frame('[1]'));
    clients.forEach(client => client.write(Buffer.concat([...calls, ...pings, frame('[3,777777,"getVersion",[]]')])));
    await Promise.all(clients.map(client => within(new Promise(resolve => {
        let tail = '';
        client.socket.on('data', bytes => {
            tail = (tail + bytes.toString('latin1')).slice(-200_000);
            tail.includes('[3,777777,') && resolve();
        });
        client.ended.then(resolve);
    }), 'end of the flood')));
    const noSid = ['/', '/?name=x', '/?sid=', '/?sid=x&sid=y', `/?sid=${'9'.repeat(10_000)}`, '/?sid=1&name=%00%ff%zz', '/?sid=1&name=<b>'];
    for (const where of noSid) {
        const socket = wire(t, url, where);
        const said = await socket.next().catch(() => 'closed');
        assert.ok(said === 'closed' || said === '[0,501,"error",["invalid sid"]]' || said === '[0,1,"___ready___"]', `${where}: ${said}`);
    }
}

// Without a word, or with a frame that never ends.
async function silentSockets(t, { url }) {
    const before = await metrics(url);
    const sockets = await Promise.all(Array.from({ length: MANY(300) }, (_, i) => socketOf(t, url, PATHS[i % 2])));
    const dripping = sockets.filter((_, i) => i % 4 < 2);
    dripping.forEach(client => client.write(frameHead(1000)));
    const drip = setInterval(() => dripping.forEach(client => client.write('x')), 50);
    await Promise.all(sockets.map(client => client.cut('a socket without a word', 30_000))).finally(() => clearInterval(drip));
    await untilMetrics(url, now => now.websocket <= before.websocket, 'silent sessions are over');
}

export const SOCKET_PARTS = {
    frames: together(brokenFrames, framesWithoutEnd, bombs),
    subscriptionFlood, giantAckIds, namespacesWithoutEnd,
    attachments: together(owedAttachments, wrongAttachments),
    recoveryAbuse, neverRead, plainGarbage, plainFlood, silentSockets,
};
