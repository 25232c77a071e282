// SPDX-License-Identifier: MIT
// httpGet against web servers that mean no good, and what it may reach: every page is served on the loopback
// interface.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import zlib from 'node:zlib';
import { connect, stateObject } from './lib/client.mjs';
import { serve, temporaryFolder, within } from './lib/program.mjs';

const NOT_ALLOWED = 'Address is not allowed';
const TOO_LARGE = 'maxContentLength size of 65536 exceeded';
const TIME_OUT = 'timeout of 1000ms exceeded';
const MIB = 1024 * 1024;

async function start(t, ...args) {
    const server = await serve(t, ['--data', temporaryFolder(t), '--listen', '127.0.0.1:0', ...args]);
    return Object.assign(await connect(t, server.urls[0]), { server });
}

function closed(t, server) {
    t.after(() => {
        server.closeAllConnections?.();
        server.close();
    });
    return server;
}

async function listening(server, host) {
    server.listen(0, host);
    await once(server, 'listening');
    return server;
}

// A web server: answer(request, response).
async function web(t, answer, host = '127.0.0.1') {
    const server = await listening(closed(t, http.createServer(answer)), host);
    server.seen = [];
    server.on('request', ({ url, headers }) => server.seen.push({ url, headers }));
    server.port = server.address().port;
    server.at = (place = '/', name = host) => `http://${name.includes(':') ? `[${name}]` : name}:${server.port}${place}`;
    return server;
}

// A server that says what no web server says: talk(socket) once it is asked.
async function raw(t, talk) {
    const sockets = new Set();
    const server = await listening(closed(t, net.createServer(socket => {
        sockets.add(socket);
        socket.on('error', () => {}); // cut off by us
        socket.once('data', () => talk(socket));
    })), '127.0.0.1');
    t.after(() => sockets.forEach(socket => socket.destroy()));
    return `http://127.0.0.1:${server.address().port}/`;
}

// Writes for ever, as fast as the other side reads.
function pour(socket, bytes) {
    const more = () => {
        while (!socket.destroyed && socket.write(bytes)) {
            // until the buffer is full
        }
    };
    socket.on('drain', more);
    more();
}

function every(t, ms, action) {
    const timer = setInterval(action, ms);
    t.after(() => clearInterval(timer));
}

const redirect = (response, to, status = 302) => response.writeHead(status, { location: to }).end();
const fetched = (bus, url) => bus.callRaw('httpGet', url);

async function errorOf(bus, url) {
    const answer = await fetched(bus, url);
    assert.equal(answer.length, 1, `${url}: ${JSON.stringify(answer).slice(0, 200)}`);
    assert.equal(typeof answer[0], 'string');
    return answer[0];
}

async function textOf(bus, url) {
    const [error, status, data] = await fetched(bus, url);
    assert.equal(error, null, url);
    assert.equal(status.status, 200);
    return Buffer.from(data).toString();
}

test('a page, by IPv4, IPv6 and name', async t => {
    const bus = await start(t);
    const answer = (request, response) => response.end(`page of ${request.headers.host}`);
    const four = await web(t, answer);
    assert.match(await textOf(bus, four.at()), /^page of 127/);
    assert.match(await textOf(bus, four.at('/', 'localhost')), /^page of localhost/);
    assert.match(await textOf(bus, four.at('/', '::ffff:127.0.0.1')), /^page of /);
    const six = await web(t, answer, '::1');
    assert.match(await textOf(bus, six.at()), /^page of \[::1\]/);
});

test('size: announced, in pieces without end, of a redirect', async t => {
    const bus = await start(t, '--fetch-max-size', '64k');
    const head = 'HTTP/1.1 200 OK\r\n';
    assert.equal(await errorOf(bus, await raw(t, socket => socket.write(`${head}Content-Length: 65537\r\n\r\n`))), TOO_LARGE);
    assert.equal(await errorOf(bus, await raw(t, socket => {
        socket.write(`${head}\r\n`);
        pour(socket, Buffer.alloc(16384));
    })), TOO_LARGE);
    assert.equal(await errorOf(bus, await raw(t, socket => {
        socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
        pour(socket, `4000\r\n${'x'.repeat(0x4000)}\r\n`);
    })), TOO_LARGE);
    assert.equal(await errorOf(bus, await raw(t, socket => {
        socket.write('HTTP/1.1 302 Found\r\nLocation: /x\r\nTransfer-Encoding: chunked\r\n\r\n');
        pour(socket, `4000\r\n${'x'.repeat(0x4000)}\r\n`);
    })), TOO_LARGE);
    const exact = await web(t, (request, response) => response.end(Buffer.alloc(65536)));
    assert.equal((await textOf(bus, exact.at())).length, 65536);
});

test('heads without end', async t => {
    const bus = await start(t);
    const error = /^(Header of the answer is too large|Answer does not fit into memory)$/;
    assert.equal(await errorOf(bus, await raw(t, socket => {
        socket.write('HTTP/1.1 200 OK\r\n');
        pour(socket, `X-More: ${'y'.repeat(1000)}\r\n`);
    })), 'Header of the answer is too large');
    assert.match(await errorOf(bus, await raw(t, socket => {
        socket.write('HTTP/1.1 200 OK\r\nX-Long: ');
        pour(socket, 'z'.repeat(1000));
    })), error);
    assert.match(await errorOf(bus, await raw(t, socket => pour(socket, 'HTTP/1.1 100 Continue\r\n\r\n'))), error);
});

test('bombs: what is packed counts as what it becomes', async t => {
    const bus = await start(t, '--fetch-max-size', '64k');
    const zeros = Buffer.alloc(64 * MIB);
    const send = (encoding, body) => web(t, (request, response) => {
        response.writeHead(200, { 'content-encoding': encoding, 'content-length': body.length }).end(body);
    });
    const packed = zlib.gzipSync(zeros);
    const hidden = zlib.gzipSync(zlib.gzipSync(packed));
    assert.ok(hidden.length < 65536);
    assert.match(await errorOf(bus, (await send('gzip, gzip, gzip', hidden)).at()), /wrong encoding/);
    assert.match(await errorOf(bus, (await send('br', zlib.brotliCompressSync(zeros.subarray(0, MIB)))).at()), /wrong encoding/);
    assert.equal(await errorOf(bus, (await send('gzip', zlib.gzipSync(zeros.subarray(0, 16 * MIB)))).at()), TOO_LARGE);
    assert.equal(await errorOf(bus, (await send('deflate', zlib.deflateSync(zeros.subarray(0, 16 * MIB)))).at()), TOO_LARGE);
    assert.equal(await textOf(bus, (await send('gzip', zlib.gzipSync('small'))).at()), 'small');
});

test('time: silent servers and slow ones', async t => {
    const bus = await start(t, '--fetch-timeout', '1s');
    const began = Date.now();
    const silent = await raw(t, () => {});
    const slowHead = await raw(t, socket => every(t, 50, () => socket.write('H')));
    const slowBody = await raw(t, socket => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n');
        every(t, 50, () => socket.write('x'));
    });
    const again = await web(t, (request, response) => setTimeout(() => redirect(response, `${request.url}x`), 300));
    const errors = await Promise.all([silent, slowBody, again.at()].map(url => errorOf(bus, url)));
    assert.deepEqual(errors, [TIME_OUT, TIME_OUT, TIME_OUT]);
    assert.match(await errorOf(bus, slowHead), /timeout|not HTTP|Request failed|Unsupported/);
    assert.ok(Date.now() - began < 20_000);
});

test('redirects: counted, and each looked at as the first', async t => {
    const bus = await start(t);
    const targets = {
        '/loop': '/loop', '/file': 'file:///etc/hostname', '/ftp': 'ftp://127.0.0.1/', '/gopher': 'gopher://127.0.0.1:25/x',
        '/data': 'data:text/plain,x', '/dict': 'dict://127.0.0.1/', '/script': 'javascript:alert(1)',
        '/metadata': 'http://169.254.169.254/latest/meta-data/', '/mapped': 'http://[::ffff:169.254.169.254]/',
        '/number': 'http://2852039166/', '/zero': 'http://0.0.0.0/', '/link': 'http://[fe80::1]/', '/one': '/two', '/two': '/end',
    };
    const server = await web(t, (request, response) => {
        const to = targets[request.url];
        return to ? redirect(response, to) : response.end('end');
    });
    assert.equal(await textOf(bus, server.at('/one')), 'end');
    assert.equal(await errorOf(bus, server.at('/loop')), 'Maximum number of redirects exceeded');
    assert.equal(server.seen.filter(({ url }) => url === '/loop').length, 6);
    for (const place of ['/file', '/ftp', '/gopher', '/dict']) {
        assert.equal(await errorOf(bus, server.at(place)), 'Unsupported protocol', place);
    }
    for (const place of ['/metadata', '/mapped', '/number', '/zero', '/link']) {
        assert.equal(await errorOf(bus, server.at(place)), NOT_ALLOWED, place);
    }
    for (const place of ['/data', '/script']) {
        assert.match(await errorOf(bus, server.at(place)), /^[A-Z]/);
    }
    await bus.server.logged('FETCH-DENIED');
});

test('forbidden networks: by address, by name, behind a redirect', async t => {
    const bus = await start(t, '--fetch-deny', '127.0.0.2,::1', '--fetch-allow', '169.254.1.1');
    const two = await web(t, (request, response) => response.end('secret'), '127.0.0.2');
    const one = await web(t, (request, response) => redirect(response, two.at()));
    assert.equal(await errorOf(bus, two.at()), NOT_ALLOWED);
    assert.equal(await errorOf(bus, two.at('/', '::ffff:127.0.0.2')), NOT_ALLOWED);
    assert.equal(await errorOf(bus, one.at()), NOT_ALLOWED);
    assert.deepEqual(two.seen, []);
    const six = await web(t, (request, response) => response.end('secret'), '::1');
    assert.equal(await errorOf(bus, six.at()), NOT_ALLOWED);
    assert.deepEqual(six.seen, []);
    const none = await start(t, '--fetch-deny', '127.0.0.0/8,::1');
    const local = await web(t, (request, response) => response.end('secret'));
    assert.equal(await errorOf(none, local.at('/', 'localhost')), NOT_ALLOWED);
    assert.deepEqual(local.seen, []);
});

// A kept connection is no way around a policy that has changed since.
test('a reload counts for connections that are open', async t => {
    const config = path.join(temporaryFolder(t), 'iobus.conf');
    fs.writeFileSync(config, '');
    const bus = await start(t, '--config', config);
    const server = await web(t, (request, response) => response.end('page'));
    assert.equal(await textOf(bus, server.at()), 'page');
    fs.writeFileSync(config, 'fetch-deny = 127.0.0.0/8\n');
    bus.server.signal('SIGHUP');
    await within((async () => {
        let answer;
        do {
            answer = await fetched(bus, server.at());
        } while (answer[0] === null);
        assert.deepEqual(answer, [NOT_ALLOWED]);
    })(), 'the new policy');
});

test('our own listener takes no orders from the server', async t => {
    const probe = await listening(net.createServer(), '127.0.0.1');
    const { port } = probe.address();
    await new Promise(resolve => probe.close(resolve));
    const bus = await start(t, '--listen', `127.0.0.1:${port}`);
    for (const host of ['127.0.0.1', 'localhost', '127.0.0.9', '[::ffff:127.0.0.1]']) {
        assert.equal(await errorOf(bus, `http://${host}:${port}/api/states`), NOT_ALLOWED, host);
    }
    const server = await web(t, (request, response) => redirect(response, `http://127.0.0.1:${port}/api/states`));
    assert.equal(await errorOf(bus, server.at()), NOT_ALLOWED);
});

test('a password goes to the host that it is for', async t => {
    const bus = await start(t);
    const other = await web(t, (request, response) => response.end(request.headers.authorization ?? 'none'));
    const server = await web(t, (request, response) => {
        if (request.url === '/other') {
            return redirect(response, other.at('/', 'localhost'));
        }
        if (request.url === '/port') {
            return redirect(response, other.at());
        }
        return request.url === '/same' ? redirect(response, '/') : response.end(request.headers.authorization ?? 'none');
    });
    const secret = `Basic ${Buffer.from('me:secret').toString('base64')}`;
    const at = place => server.at(place).replace('//', '//me:secret@');
    assert.equal(await textOf(bus, at('/')), secret);
    assert.equal(await textOf(bus, at('/same')), secret);
    assert.equal(await textOf(bus, at('/other')), 'none');
    assert.equal(await textOf(bus, at('/port')), 'none');
    for (const { headers } of other.seen) {
        assert.equal(headers.authorization, undefined);
        assert.equal(headers.referer, undefined);
        assert.equal(headers.cookie, undefined);
    }
    assert.equal(await errorOf(bus, `http://127.0.0.1:${server.port}@169.254.169.254/`), NOT_ALLOWED);
});

test('nothing comes from the environment or the home of the user', async t => {
    const proxy = await web(t, (request, response) => response.end('proxy'));
    const home = temporaryFolder(t);
    fs.writeFileSync(path.join(home, '.netrc'), 'machine 127.0.0.1 login me password secret\n');
    fs.writeFileSync(path.join(home, '.curlrc'), `proxy = ${proxy.at()}\n`);
    const env = { HOME: home, http_proxy: proxy.at(), HTTP_PROXY: proxy.at(), ALL_PROXY: proxy.at(), all_proxy: proxy.at(), no_proxy: '' };
    const server = await serve(t, ['--data', temporaryFolder(t), '--listen', '127.0.0.1:0'], { env });
    const bus = await connect(t, server.urls[0]);
    const page = await web(t, (request, response) => response.end(request.headers.authorization ?? 'none'));
    assert.equal(await textOf(bus, page.at()), 'none');
    assert.deepEqual(proxy.seen, []);
});

test('who may not, may not', async t => {
    const bus = await start(t, '--listen', '127.0.0.1:0,default-user=system.user.nobody');
    const nobody = await connect(t, bus.server.urls[1]);
    const server = await web(t, (request, response) => response.end('page'));
    assert.deepEqual(await fetched(nobody, server.at()), ['permissionError']);
    assert.deepEqual(server.seen, []);
    assert.equal(await textOf(bus, server.at()), 'page');
});

test('one client that fills its part leaves the rest to others', async t => {
    const bus = await start(t, '--fetch-timeout', '60s', '--fetch-parallel', '4', '--fetch-per-user', '4', '--fetch-per-client', '2',
        '--fetch-queue', '16');
    const held = [];
    const server = await web(t, (request, response) => (request.url === '/slow' ? held.push(response) : response.end('fast')));
    const slow = Array.from({ length: 50 }, () => fetched(bus, server.at('/slow')));
    const first = await Promise.race(slow); // what has no place is refused at once
    assert.deepEqual(first, ['Too many requests in flight']);
    const other = await connect(t, bus.server.urls[0]);
    assert.equal(await textOf(other, server.at('/fast')), 'fast');
    assert.equal(held.length, 2);
    const serving = setInterval(() => held.splice(0).forEach(response => response.end('slow')), 10);
    t.after(() => clearInterval(serving));
    const answers = await Promise.all(slow);
    assert.equal(answers.filter(([error]) => error === null).length, 2 + 16 / 4);
});

test('many at once, and states go on', async t => {
    const bus = await start(t, '--fetch-timeout', '2s', '--fetch-per-client', '16', '--fetch-per-user', '16');
    await bus.call('setObject', 'fetch.x', stateObject('x'));
    const server = await web(t, (request, response) => {
        if (request.url !== '/never') {
            response.end('page');
        }
    });
    const urls = Array.from({ length: 60 }, (_, i) => server.at(i % 3 ? `/${i}` : '/never'));
    const pages = Promise.all(urls.map(url => fetched(bus, url)));
    let done = false;
    pages.then(() => (done = true));
    let writes = 0;
    let longest = 0;
    while (!done) {
        const began = Date.now();
        await bus.call('setState', 'fetch.x', { val: writes++, ack: true });
        longest = Math.max(longest, Date.now() - began);
    }
    assert.ok(writes > 100, `${writes} writes`);
    assert.ok(longest < 1500, `a write took ${longest} ms`);
    for (const [i, answer] of (await pages).entries()) {
        assert.equal(answer[0], i % 3 ? answer[0] : 'timeout of 2000ms exceeded');
        assert.ok(answer[0] === null || typeof answer[0] === 'string');
    }
});
