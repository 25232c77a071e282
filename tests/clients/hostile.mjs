// SPDX-License-Identifier: MIT
// Clients that mean harm, by HTTP and by every dialect, all against one server. While each of them is at work a witness
// gets its answers as always, the log does not grow with the attack, and afterwards the gateway holds nothing of it: no
// connection, no session, no call, no memory.
import assert from 'node:assert/strict';
import test from 'node:test';
import { connect } from '../integration/lib/client.mjs';
import { serve, temporaryFolder, within } from '../integration/lib/program.mjs';
import { frame, frameHead, OP } from '../integration/lib/raw.mjs';
import { Witness } from '../integration/lib/witness.mjs';
import { furnish, STATE } from './lib/house.mjs';
import { assertWorks, echo, joinedPolling, joinedSocket } from './lib/rounds.mjs';
import { isInstrumented, memory, metrics, raw, raws, statusOf, untilMetrics } from './lib/siege.mjs';
import { join3, polling, RECORD, request, session3, socketPath, wire } from './lib/wire.mjs';

const SLOW = isInstrumented() ? 10 : 1; // sanitizers: fewer of everything
const WITNESS_WAITS_MS = 2000 * (SLOW > 1 ? 3 : 1);
const MEGABYTE = 1 << 20;
const MORE_MEMORY_KB = 64 * 1024; // what a server may keep of all that came
const MAX_HEADER = 16 * 1024;

const ARGS = ['--handshake-timeout', '1s', '--connect-timeout', '2s', '--upgrade-timeout', '1s', '--ping-interval', '1s',
    '--ping-timeout', '2s', '--recovery', '2s', '--max-message', '1m', '--outbox-hard', '4m', '--outbox-soft', '1m'];

const HOST = 'Host: x\r\n';
const MANY = count => Math.ceil(count / SLOW);

// A WebSocket without a library, open; its frames follow.
async function socketOf(t, url, where) {
    const client = raw(t, url).write(`GET ${where} HTTP/1.1\r\n${HOST}Upgrade: websocket\r\nConnection: Upgrade\r\n`
        + 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n');
    await client.until(text => text.includes('\r\n\r\n'), `upgrade ${where}`);
    assert.equal(client.status, 101, where);
    return client;
}

const PATHS = ['/socket.io/?EIO=3&transport=websocket', '/socket.io/?EIO=4&transport=websocket', '/?sid=1700000000000'];

// --- HTTP: heads -----------------------------------------------------------------------------------------------------

// Heads that never end, a byte now and then: each is cut off when its time is over.
async function slowHeads(t, { url }) {
    const clients = raws(t, url, MANY(500));
    const heads = ['GET / HTTP/1.1\r\nHost: x\r\nX: ', 'POST /socket.io/?EIO=3&transport=polling HTTP/1.1\r\nX', 'G', ''];
    clients.forEach((client, i) => client.write(heads[i % heads.length]));
    const dripping = setInterval(() => clients.forEach((client, i) => i % heads.length < 2 && client.write('x')), 50);
    await Promise.all(clients.map(client => client.cut('slow head', 15_000))).finally(() => clearInterval(dripping));
}

// The next head on a connection that has been served may not take for ever either.
async function slowSecondHeads(t, { url }) {
    const clients = raws(t, url, MANY(100));
    clients.forEach(client => client.write(`GET /healthz HTTP/1.1\r\n${HOST}\r\nGET /he`));
    await Promise.all(clients.map(client => client.cut('slow second head', 15_000)));
    clients.forEach(client => assert.equal(client.status, 200));
}

async function endlessHeads(t, { url }) {
    for (const [name, head, piece] of [['a header', 'GET / HTTP/1.1\r\nX: ', 'x'.repeat(1000)],
        ['many headers', `GET / HTTP/1.1\r\n${HOST}`, 'A: b\r\n'.repeat(200)], ['a request line', 'GET /', 'x'.repeat(1000)],
        ['a method', 'G', 'G'.repeat(1000)], ['a query', 'GET /socket.io/?EIO=4&sid=', '%41'.repeat(300)]]) {
        const client = raw(t, url).write(head);
        for (let sent = 0; sent < 4 * MAX_HEADER; sent += piece.length) {
            client.write(piece);
        }
        await client.cut(name);
        assert.ok([400, 414, 431, 0].includes(client.status), `${name}: ${client.status}`);
    }
}

async function oddHeads(t, { url }) {
    const requests = ['\0\0\0\0\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'GET\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n',
        'GET / HTTP/1.1\r\nA b\r\n\r\n', 'GET / HTTP/1.1\r\n: x\r\n\r\n', 'GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n',
        'GET  / HTTP/1.1\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'GET / HTTP/1.1\nHost: x\n\n', `${'\r\n'.repeat(5000)}x`,
        'GET http://other.example/socket.io/?EIO=3&transport=polling HTTP/1.1\r\n\r\n', 'CONNECT x:1 HTTP/1.1\r\n\r\n',
        'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', `GET /%00%ff%zz/..%2f..%2fetc/passwd HTTP/1.1\r\n${HOST}\r\n`];
    for (const bytes of requests) {
        const client = raw(t, url).write(Buffer.from(bytes, 'latin1'));
        client.socket.end(); // whoever still waits for more of it learns that there is none
        await client.cut(JSON.stringify(bytes).slice(0, 60));
        assert.ok(!client.text.includes('root:'));
        assert.ok(client.status === 0 || client.status < 500 || client.status === 501 || client.status === 505,
            `${JSON.stringify(bytes)}: ${client.status}`);
    }
}

// --- HTTP: bodies ----------------------------------------------------------------------------------------------------

async function wrongLengths(t, { url }) {
    const lengths = ['Content-Length: -1', 'Content-Length: abc', 'Content-Length: 5, 6', 'Content-Length: 5\r\nContent-Length: 6',
        'Content-Length: 0x10', 'Content-Length: 1e3', 'Content-Length: +5', 'Content-Length: 99999999999999999999999',
        'Content-Length: 5\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: gzip', 'Transfer-Encoding: chunked, gzip',
        'Transfer-Encoding: xchunked', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'];
    for (const length of lengths) {
        for (const where of ['/', (await polling(url, 3)).where]) {
            const smuggled = `GET /version HTTP/1.1\r\n${HOST}\r\n`;
            const client = raw(t, url).write(`POST ${where} HTTP/1.1\r\n${HOST}${length}\r\n\r\n0\r\n\r\n${smuggled}`);
            await client.until(text => text.includes('\r\n\r\n'), length);
            assert.ok([400, 411, 413, 501].includes(client.status), `${length} at ${where}: ${client.status}`);
            await client.cut(length);
            assert.ok(!client.text.includes('"compatible"'), `${length}: a body is no request`);
        }
    }
}

async function wrongChunks(t, { url }) {
    for (const chunks of ['zz\r\n', '-1\r\n', 'ffffffffffffffffff\r\n', '5\r\nabc', '5\r\nabcdefgh\r\n', '5 6\r\n', ';x\r\n',
        `5;${'x'.repeat(100_000)}`, `${'0'.repeat(100_000)}1\r\na`, '1\nx\n0\n\n', `0\r\n${'X: y\r\n'.repeat(10_000)}`]) {
        const { where } = await polling(url, 3);
        const client = raw(t, url).write(`POST ${where} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${chunks}`);
        client.socket.end();
        await client.cut(chunks.slice(0, 30), 15_000);
        assert.ok(client.status === 0 || client.status >= 400, `${chunks.slice(0, 30)}: ${client.status}`);
    }
}

// More than was announced as the most, in pieces, for as long as the server takes them.
async function endlessBodies(t, { url }) {
    const piece = Buffer.alloc(64 * 1024, '4');
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), piece, Buffer.from('\r\n')]);
    for (const [header, bytes] of [['Transfer-Encoding: chunked', chunk], [`Content-Length: ${1e15}`, piece],
        [`Content-Length: ${64 * MEGABYTE}`, piece]]) {
        for (const where of ['/', '/socket.io/?EIO=4&transport=polling', (await polling(url, 3)).where, (await polling(url, 4)).where]) {
            const client = raw(t, url).write(`POST ${where} HTTP/1.1\r\n${HOST}${header}\r\n\r\n`);
            let sent = 0;
            const pour = () => {
                while (client.socket.writable && sent < 64 * MEGABYTE) {
                    sent += bytes.length;
                    if (!client.socket.write(bytes)) {
                        break;
                    }
                }
            };
            client.socket.on('drain', pour);
            pour();
            await client.cut(`${header} at ${where}`);
            assert.ok(client.status === 0 || client.status >= 400, `${header} at ${where}: ${client.status}`);
        }
    }
}

// Bodies that stop in the middle, from many at once.
async function stalledBodies(t, { url }) {
    const sessions = await Promise.all(Array.from({ length: MANY(200) }, () => polling(url, 3)));
    const clients = raws(t, url, sessions.length);
    clients.forEach((client, i) => client.write(
        `POST ${sessions[i].where} HTTP/1.1\r\n${HOST}Content-Length: 1000000\r\n\r\n${'4'.repeat(1000)}`));
    await Promise.all(clients.map(client => client.cut('stalled body', 30_000)));
}

// --- HTTP: many, and half of it --------------------------------------------------------------------------------------

async function pipelined(t, { url }) {
    const { where } = await polling(url, 3);
    const gets = raw(t, url).write(`GET ${where} HTTP/1.1\r\n${HOST}\r\n`.repeat(MANY(10_000)));
    const pages = raw(t, url).write(`GET /healthz HTTP/1.1\r\n${HOST}\r\n`.repeat(MANY(10_000)));
    const count = text => text.split('HTTP/1.1 200').length - 1;
    await pages.until(text => count(text) >= Math.min(MANY(10_000), 5000) || pages.size > MEGABYTE, 'answers to pipelined requests');
    gets.close();
}

// Ends of one direction: what was asked is answered, what was held is let go, and nothing stays.
async function halfClosed(t, { url }) {
    const before = await metrics(url);
    const sessions = await Promise.all(Array.from({ length: MANY(100) }, (_, i) => polling(url, 3 + i % 2)));
    for (const session of sessions.filter(each => each.version === 3 && each.first.length < 2)) {
        await session.packets();
    }
    const held = raws(t, url, sessions.length);
    held.forEach((client, i) => client.write(`GET ${sessions[i].where} HTTP/1.1\r\n${HOST}\r\n`).socket.end());
    const halves = raws(t, url, MANY(100)).map(client => client.write('GET /healthz HTTP/1.1\r\nHo'));
    halves.forEach(client => client.socket.end());
    const empty = raws(t, url, MANY(100));
    empty.forEach(client => client.socket.end());
    const sockets = await Promise.all(Array.from({ length: MANY(50) }, (_, i) => socketOf(t, url, PATHS[i % PATHS.length])));
    sockets.forEach(client => client.socket.end());
    await Promise.all([...held, ...halves, ...empty, ...sockets].map(client => client.cut('half-closed', 30_000)));
    const page = raw(t, url).write(`GET /version HTTP/1.1\r\n${HOST}\r\n`);
    page.socket.end();
    await page.cut('a page for someone who says no more');
    assert.equal(page.status, 200);
    await untilMetrics(url, now => now.connections <= before.connections + 1 && now.websocket <= before.websocket, 'no connection left');
}

// Ten thousand polls that wait, of one client, and as many connections.
async function pendingPolls(t, { url }) {
    const count = MANY(10_000);
    const before = await metrics(url);
    const clients = raws(t, url, count);
    clients.forEach(client => client.write(`GET /socket.io/?EIO=3&transport=polling HTTP/1.1\r\n${HOST}\r\n`));
    await Promise.all(clients.map(async client => {
        await client.until(text => /"pingTimeout":\d+\}/.test(text), 'handshake');
        const sid = /"sid":"([^"]+)"/.exec(client.text)?.[1] ?? assert.fail(client.text);
        client.write(`GET /socket.io/?EIO=3&transport=polling&sid=${sid} HTTP/1.1\r\n${HOST}\r\n`);
    }));
    const now = await metrics(url);
    assert.ok(now.connections >= count, `${now.connections} connections`);
    clients.forEach(client => client.close());
    await untilMetrics(url, after => after.connections <= before.connections + 1 && after.polling <= before.polling, 'no poll left');
}

// --- Engine.IO -------------------------------------------------------------------------------------------------------

async function duplicatePolls(t, { url }) {
    for (const version of [3, 4]) {
        await Promise.all(Array.from({ length: MANY(200) }, async () => {
            const session = await polling(url, version);
            const answers = await Promise.all([session.get(), session.get(), session.get(), session.post(version === 4 ? '40' : '2'),
                session.post(version === 4 ? '40' : '2')]);
            assert.ok(answers.every(({ status }) => [0, 200, 400, 500].includes(status)), answers.map(each => each.status).join());
        }));
    }
}

// Thousands who open and never say who they are.
async function neverConnect(t, { url }) {
    const before = await metrics(url);
    const count = MANY(5000);
    const clients = raws(t, url, 50);
    const ask = `GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n${HOST}\r\n`;
    clients.forEach(client => client.write(ask.repeat(count / clients.length)));
    await untilMetrics(url, now => now.polling >= before.polling + count * 0.9, 'sessions are opened');
    const sockets = await Promise.all(Array.from({ length: MANY(200) }, () => socketOf(t, url, PATHS[1])));
    await Promise.all(sockets.map(client => client.cut('a client that does not enter', 30_000)));
    clients.forEach(client => client.close());
    await untilMetrics(url, now => now.polling <= before.polling, 'all of them are forgotten');
}

async function jsonpAbuse(t, { url }) {
    for (const j of ['1);alert(1', '</script><script>', '9'.repeat(10_000), '', '-1', 'x', '%00', '%u2028', '1%0d%0aX-Bad:%20y']) {
        const { status, text, headers } = await request(url, `/socket.io/?EIO=3&transport=polling&j=${encodeURI(j)}`);
        assert.equal(headers['x-bad'], undefined);
        assert.ok(status >= 400 || /^___eio\[\d*\]\("(?:[^"\\<]|\\.|<(?!\/script))*"\);$/s.test(text), `${j}: ${text.slice(0, 200)}`);
    }
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    for (const body of ['', 'd', 'd=', 'e=1:2', 'd=%', 'd=%zz', 'd=%ff%fe', 'd=1:2&d=1:2', `d=${'%5C'.repeat(300_000)}`,
        `d=${encodeURIComponent('\\'.repeat(200_000))}`, 'd=999999999:4', `d=${'&'.repeat(100_000)}`, 'd=1%3A2%00']) {
        const { where } = await polling(url, 4).then(() => request(url, '/socket.io/?EIO=3&transport=polling&j=1')).then(({ text }) => ({
            where: `/socket.io/?EIO=3&transport=polling&j=1&sid=${/sid\\":\\"([^\\]+)/.exec(text)[1]}` }));
        const { status } = await request(url, where, { method: 'POST', headers, body });
        assert.ok([0, 200, 400, 413].includes(status), `${body.slice(0, 20)}: ${status}`);
    }
}

async function manyPackets(t, { url }) {
    for (const version of [3, 4]) {
        const session = await joinedPolling(url, version);
        const packets = Array(30_000).fill(version === 4 ? '3' : '2');
        const body = version === 4 ? packets.join(RECORD) : join3(packets);
        const { status } = await session.postBody(body);
        assert.ok([0, 200, 400].includes(status), `status ${status}`);
        const empty = await joinedPolling(url, version);
        await empty.postBody(version === 4 ? RECORD.repeat(900_000) : '0:'.repeat(400_000));
        await empty.get();
    }
}

async function upgradeAbuse(t, { url }) {
    for (const version of [3, 4]) {
        const session = await joinedPolling(url, version);
        const where = socketPath(version, `&sid=${session.sid}`);
        const probes = Array.from({ length: MANY(200) }, () => wire(t, url, where));
        const ends = probes.map(probe => probe.closed().catch(() => 'late'));
        await Promise.race(ends);
        probes.forEach(probe => probe.ws.on('open', () => probe.send('2probe', '2probe', '5', '5', '2probe')));
        const last = await Promise.all(ends.slice(1));
        assert.ok(last.every(code => code !== 'late'), 'all but one socket of a session are closed');
    }
    const strangers = Array.from({ length: MANY(200) }, (_, i) => wire(t, url, socketPath(4, `&sid=${'A'.repeat(i)}`)));
    const codes = await Promise.all(strangers.slice(1).map(each => each.closed()));
    assert.ok(codes.every(code => code === 400), codes.join());
}

// --- WebSocket frames ----------------------------------------------------------------------------------------------------

async function brokenFrames(t, { url }) {
    const mask = Buffer.alloc(4);
    const bytes = [Buffer.from([0x81, 0x01, 0x32]), Buffer.from([0xf1, 0x80, ...mask]), Buffer.from([0x83, 0x80, ...mask]),
        Buffer.from([0x09, 0x80, ...mask]), Buffer.concat([Buffer.from([0x89, 0xfe, 0x00, 0x7e]), mask, Buffer.alloc(126)]),
        Buffer.concat([Buffer.from([0x81, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 1]), mask]), frameHead(2 * MEGABYTE),
        frame(Buffer.from([0xff, 0xfe])), frame('x', OP.more), Buffer.concat([frame('a', OP.text, false), frame('b', OP.text)]),
        Buffer.from([0x88, 0x81, ...mask, 0x03]), Buffer.from([0x88, 0x82, ...mask, 0x00, 0x01])];
    for (const where of PATHS) {
        for (const each of bytes) {
            const client = await socketOf(t, url, where);
            client.write(each);
            await client.cut(`${where} ${each.subarray(0, 12).toString('hex')}`, 10_000);
        }
    }
}

// Fragments of nothing, without an end; many small ones of one message; pings that expect as many pongs.
async function framesWithoutEnd(t, { url }) {
    for (const where of PATHS) {
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
    }
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
    for (const version of [3, 4]) {
        const owing = await Promise.all(Array.from({ length: MANY(50) }, () => joinedSocket(t, url, version)));
        const binary = Buffer.concat([Buffer.from(version === 3 ? [4] : []), Buffer.alloc(900_000)]);
        owing.forEach(socket => socket.send('4510-1["writeFile","x.0","x"]', binary)); // nine of ten never come
        await Promise.all(owing.map(socket => socket.closed()));
    }
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

async function neverRead(t, { url }) {
    const writer = await connect(t, url);
    const sockets = await Promise.all(PATHS.map(where => socketOf(t, url, where)));
    const subscribe = JSON.stringify(['subscribe', '*']);
    sockets[0].write(frame(`42${subscribe}`));
    sockets[1].write(Buffer.concat([frame('40'), frame(`42${subscribe}`)]));
    sockets[2].write(frame('[3,1,"subscribe",["*"]]'));
    await sockets[2].until(text => text.includes('[3,1'), 'the subscription');
    sockets.forEach(({ socket }) => socket.pause());
    const value = 'x'.repeat(100_000);
    for (let i = 0; i < 200; i++) {
        await writer.call('setState', `${STATE}.${i % 100}`, `${i}${value}`);
    }
    const files = Array(MANY(2000)).fill(frame(`421["getStates","${STATE}*"]`)); // and asks for more and more
    sockets[0].write(Buffer.concat(files));
    await untilMetrics(url, now => now.websocket <= 2, 'those who do not read are cut off'); // the witness and the writer stay
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

async function silentSockets(t, { url }) {
    const before = await metrics(url);
    const sockets = await Promise.all(Array.from({ length: MANY(300) }, (_, i) => socketOf(t, url, PATHS[i % 2])));
    await Promise.all(sockets.map(client => client.cut('a socket without a word', 30_000)));
    await untilMetrics(url, now => now.websocket <= before.websocket, 'silent sessions are over');
}

async function wrongRequests(t, { url }) {
    for (const [bytes, statuses] of [
        [`GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n${HOST}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`, [400, 426]],
        [`POST /?sid=1 HTTP/1.1\r\n${HOST}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n`
            + 'Sec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n', [400, 404, 405]],
        [`GET /?sid=1 HTTP/1.1\r\n${HOST}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n`
            + 'Sec-WebSocket-Version: 99\r\n\r\n', [400, 426]],
        [`GET /healthz HTTP/1.1\r\n${HOST}Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n`, [200]],
        [`HEAD /socket.io/?EIO=3&transport=polling HTTP/1.1\r\n${HOST}\r\n`, [200, 400, 405]],
        [`DELETE / HTTP/1.1\r\n${HOST}\r\n`, [404, 405, 501]], [`PUT /x.0/y HTTP/1.1\r\n${HOST}\r\n`, [400, 403, 404, 405, 411, 501]]]) {
        const status = await statusOf(t, url, bytes);
        assert.ok(statuses.includes(status), `${bytes}: ${status}`);
    }
}

// --- all of them -----------------------------------------------------------------------------------------------------

const PARTS = { slowHeads, slowSecondHeads, endlessHeads, oddHeads, wrongLengths, wrongChunks, endlessBodies, stalledBodies, pipelined,
    halfClosed, pendingPolls, duplicatePolls, neverConnect, jsonpAbuse, manyPackets, upgradeAbuse, brokenFrames, framesWithoutEnd,
    giantAckIds, namespacesWithoutEnd, owedAttachments, recoveryAbuse, neverRead, plainGarbage, plainFlood, silentSockets, wrongRequests };

const MILLISECONDS = 1000;

// Lines of the log since `from`, by their id.
function linesById(server, from) {
    const counts = {};
    for (const line of server.stderr.slice(from).split('\n').filter(Boolean)) {
        const id = line.split(/ +/)[2];
        counts[id] = (counts[id] ?? 0) + 1;
    }
    return counts;
}

async function besieged(t, house, part) {
    const from = house.server.stderr.length;
    const start = Date.now();
    await house.witness.report();
    await part(t, house);
    const { failure, worstMs, rounds } = await house.witness.report();
    assert.equal(failure, null, 'the witness');
    assert.ok(worstMs < WITNESS_WAITS_MS, `the witness waited ${worstMs} ms`);
    assert.ok(rounds > 0, 'the witness worked on');
    assert.equal(house.server.child.exitCode, null, 'the server lives');
    const most = (Date.now() - start) / MILLISECONDS + 2;
    for (const [id, count] of Object.entries(linesById(house.server, from))) {
        assert.ok(count <= most, `${count} lines ${id} in ${most} seconds`);
    }
}

test('hostile clients', async t => {
    const server = await serve(t, ['--data', temporaryFolder(t), '--listen', '127.0.0.1:0', ...ARGS]);
    const [url] = server.urls;
    await furnish(t, url);
    const house = { server, url, witness: await new Witness().start(t, url) };
    await (await session3(t, url)).close();
    const before = memory(server);
    for (const [name, part] of Object.entries(PARTS)) {
        await t.test(name, each => besieged(each, house, part));
        t.diagnostic(`${name}: ${Math.round(memory(server) / 1024)} MB`);
    }
    await t.test('nothing is left of it', async () => {
        await untilMetrics(url, now => now.websocket <= 1 && now.polling === 0 && now.connections <= 2 && now.calls <= 1, 'no trace');
        assert.equal((await fetch(`${url}/readyz`)).status, 200);
        const more = memory(server) - before;
        assert.ok(SLOW > 1 || more < MORE_MEMORY_KB, `${more} kB more than before`);
        await within(house.witness.worker.terminate(), 'end of the witness');
        assert.equal((await server.stop()).status, 0);
    });
});
