// SPDX-License-Identifier: MIT
// What harmful clients do by HTTP: heads, bodies, many requests and half of them, Engine.IO over polling.
import assert from 'node:assert/strict';
import { connect } from '../../integration/lib/client.mjs';
import { FILES } from './house.mjs';
import { assertGone, assertPollingWorks, joinedPolling } from './rounds.mjs';
import { HOST, MANY, MEGABYTE, metrics, PATHS, raw, raws, socketOf, statusOf, together, untilMetrics } from './siege.mjs';
import { join3, polling, RECORD, request, socketPath, wire } from './wire.mjs';

const MAX_HEADER = 16 * 1024;

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
    const heads = [['a header', 'GET / HTTP/1.1\r\nX: ', 'x'.repeat(1000)],
        ['many headers', `GET / HTTP/1.1\r\n${HOST}`, 'A: b\r\n'.repeat(200)], ['a request line', 'GET /', 'x'.repeat(1000)],
        ['a method', 'G', 'G'.repeat(1000)], ['a query', 'GET /socket.io/?EIO=4&sid=', '%41'.repeat(300)]];
    await Promise.all(heads.map(async ([name, head, piece]) => {
        const client = raw(t, url).write(head);
        for (let sent = 0; sent < 4 * MAX_HEADER; sent += piece.length) {
            client.write(piece);
        }
        await client.cut(name);
        assert.ok([400, 414, 431, 0].includes(client.status), `${name}: ${client.status}`);
    }));
}

async function oddHeads(t, { url }) {
    const requests = ['\0\0\0\0\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'GET\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n',
        'GET / HTTP/1.1\r\nA b\r\n\r\n', 'GET / HTTP/1.1\r\n: x\r\n\r\n', 'GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n',
        'GET  / HTTP/1.1\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'GET / HTTP/1.1\nHost: x\n\n', `${'\r\n'.repeat(5000)}x`,
        'GET http://other.example/socket.io/?EIO=3&transport=polling HTTP/1.1\r\n\r\n', 'CONNECT x:1 HTTP/1.1\r\n\r\n',
        'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', `GET /%00%ff%zz/..%2f..%2fetc/passwd HTTP/1.1\r\n${HOST}\r\n`];
    await Promise.all(requests.map(async bytes => {
        const client = raw(t, url).write(Buffer.from(bytes, 'latin1'));
        client.socket.end(); // whoever still waits for more of it learns that there is none
        await client.cut(JSON.stringify(bytes).slice(0, 60));
        assert.ok(!client.text.includes('root:'));
        assert.ok(client.status === 0 || client.status < 500 || client.status === 501 || client.status === 505,
            `${JSON.stringify(bytes)}: ${client.status}`);
    }));
}

// --- HTTP: bodies ----------------------------------------------------------------------------------------------------

async function wrongLengths(t, { url }) {
    const lengths = ['Content-Length: -1', 'Content-Length: abc', 'Content-Length: 5, 6', 'Content-Length: 5\r\nContent-Length: 6',
        'Content-Length: 0x10', 'Content-Length: 1e3', 'Content-Length: +5', 'Content-Length: 99999999999999999999999',
        'Content-Length: 5\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: gzip', 'Transfer-Encoding: chunked, gzip',
        'Transfer-Encoding: xchunked', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'];
    const smuggled = `GET /version HTTP/1.1\r\n${HOST}\r\n`;
    await Promise.all(lengths.flatMap(length => [false, true].map(async engine => {
        const where = engine ? (await polling(url, 3)).where : '/';
        const client = raw(t, url).write(`POST ${where} HTTP/1.1\r\n${HOST}${length}\r\n\r\n0\r\n\r\n${smuggled}`);
        await client.until(text => text.includes('\r\n\r\n'), length);
        assert.ok([400, 411, 413, 501].includes(client.status), `${length} at ${where}: ${client.status}`);
        await client.cut(length);
        assert.ok(!client.text.includes('"compatible"'), `${length}: a body is no request`);
    })));
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
    const MOST = 16 * MEGABYTE;
    const piece = Buffer.alloc(64 * 1024, '4');
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), piece, Buffer.from('\r\n')]);
    const endless = async (where, header, bytes) => {
        const client = raw(t, url).write(`POST ${where} HTTP/1.1\r\n${HOST}${header}\r\n\r\n`);
        let sent = 0;
        const pour = () => {
            while (client.socket.writable && sent < MOST) {
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
    };
    const wheres = [() => '/', () => '/socket.io/?EIO=4&transport=polling', async () => (await polling(url, 3)).where,
        async () => (await polling(url, 4)).where];
    await Promise.all([['Transfer-Encoding: chunked', chunk], [`Content-Length: ${1e15}`, piece], [`Content-Length: ${MOST}`, piece]]
        .flatMap(([header, bytes]) => wheres.map(async where => endless(await where(), header, bytes))));
}

// Bodies that stop in the middle, from many at once: they end with their sessions.
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

async function pollPending(client) {
    client.write(`GET /socket.io/?EIO=3&transport=polling HTTP/1.1\r\n${HOST}\r\n`);
    await client.until(text => /"pingTimeout":\d+\}/.test(text), 'handshake');
    const sid = /"sid":"([^"]+)"/.exec(client.text)?.[1] ?? assert.fail(`no handshake: ${client.text}`);
    client.write(`GET /socket.io/?EIO=3&transport=polling&sid=${sid} HTTP/1.1\r\n${HOST}\r\n`);
}

// Ten thousand polls that wait, of one client, and as many connections. A few hundred at a time: whoever is late with a
// request is cut off, and this process is not quick.
async function pendingPolls(t, { url }) {
    const count = MANY(10_000);
    const before = await metrics(url);
    const clients = [];
    while (clients.length < count) {
        const some = raws(t, url, Math.min(500, count));
        await Promise.all(some.map(pollPending));
        clients.push(...some);
    }
    const now = await metrics(url);
    assert.ok(now.connections >= count, `${now.connections} connections`);
    clients.forEach(client => client.close());
    await untilMetrics(url, after => after.connections <= before.connections + 1 && after.polling <= before.polling, 'no poll left');
}

// Files that are asked for and not read: they wait with the client, not in memory.
async function pagesNotRead(t, { url }) {
    const before = await metrics(url);
    const writer = await connect(t, url);
    await writer.call('writeFile', FILES, 'large.bin', Buffer.alloc(900_000, 'x'));
    writer.close();
    const clients = raws(t, url, MANY(100));
    clients.forEach(client => client.socket.pause());
    clients.forEach(client => client.write(`GET /${FILES}/large.bin HTTP/1.1\r\n${HOST}\r\n`.repeat(20)));
    const readers = raws(t, url, 5).map(client => client.write(`GET /${FILES}/large.bin HTTP/1.1\r\n${HOST}\r\n`));
    await Promise.all(readers.map(client => client.until(() => client.size > 900_000, 'a file for those who read')));
    [...clients, ...readers].forEach(client => client.close());
    await untilMetrics(url, now => now.connections <= before.connections + 1, 'no connection left');
}

// --- Engine.IO -------------------------------------------------------------------------------------------------------

async function duplicatePolls(t, { url }) {
    await Promise.all(Array.from({ length: MANY(400) }, async (_, i) => {
        const session = await polling(url, 3 + i % 2);
        const word = session.version === 4 ? '40' : '2';
        const answers = await Promise.all([session.get(), session.get(), session.get(), session.post(word), session.post(word)]);
        assert.ok(answers.every(({ status }) => [0, 200, 400, 500].includes(status)), answers.map(each => each.status).join());
    }));
}

// Thousands who open and never say who they are.
async function neverConnect(t, { url }) {
    const before = await metrics(url);
    const count = MANY(5000);
    const clients = raws(t, url, 50);
    const ask = `GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n${HOST}\r\n`;
    const sockets = await Promise.all(Array.from({ length: MANY(200) }, () => socketOf(t, url, PATHS[1])));
    clients.forEach(client => client.write(ask.repeat(count / clients.length)));
    await untilMetrics(url, now => now.polling >= before.polling + count * 0.9, 'sessions are opened');
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
    await Promise.all([3, 4].map(async version => {
        const session = await joinedPolling(url, version);
        const packets = Array(30_000).fill(version === 4 ? '3' : '2');
        const body = version === 4 ? packets.join(RECORD) : join3(packets);
        const { status } = await session.postBody(body);
        assert.ok([0, 200, 400].includes(status), `status ${status}`);
        const empty = await joinedPolling(url, version);
        const answer = await empty.postBody(version === 4 ? RECORD.repeat(900_000) : '0:'.repeat(400_000));
        await (answer.status === 200 ? assertPollingWorks(empty) : assertGone(empty));
    }));
}

async function upgradeAbuse(t, { url }) {
    await Promise.all([3, 4].map(async version => {
        const session = await joinedPolling(url, version);
        const where = socketPath(version, `&sid=${session.sid}`);
        const probes = Array.from({ length: MANY(200) }, () => wire(t, url, where));
        const ends = probes.map(probe => probe.closed().catch(() => 'late'));
        await Promise.race(ends);
        probes.forEach(probe => probe.ws.on('open', () => probe.send('2probe', '2probe', '5', '5', '2probe')));
        const last = await Promise.all(ends.slice(1));
        assert.ok(last.every(code => code !== 'late'), 'all but one socket of a session are closed');
    }));
    const strangers = Array.from({ length: MANY(200) }, (_, i) => wire(t, url, socketPath(4, `&sid=${'A'.repeat(i)}`)));
    const codes = await Promise.all(strangers.slice(1).map(each => each.closed()));
    assert.ok(codes.every(code => code === 400), codes.join());
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
        [`DELETE / HTTP/1.1\r\n${HOST}\r\n`, [404, 405, 501]], [`PUT /x.0/y HTTP/1.1\r\n${HOST}\r\n`, [400, 403, 404, 405, 409, 411, 501]]]) {
        const status = await statusOf(t, url, bytes);
        assert.ok(statuses.includes(status), `${bytes}: ${status}`);
    }
}

export const HTTP_PARTS = {
    heads: together(slowHeads, slowSecondHeads, endlessHeads, oddHeads),
    bodies: together(wrongLengths, wrongChunks, endlessBodies, stalledBodies),
    pipelined, halfClosed, pendingPolls, pagesNotRead, duplicatePolls, neverConnect, jsonpAbuse, manyPackets, upgradeAbuse,
    wrongRequests,
};
