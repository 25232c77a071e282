// SPDX-License-Identifier: MIT
// TLS, proxies and origins: what stands between the socket and HTTP.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import tls from 'node:tls';
import { Authority, install } from './lib/ca.mjs';
import { connect, stateObject } from './lib/client.mjs';
import { isInstrumented, ROOT, run, serve, temporaryFolder, within } from './lib/program.mjs';

const require = createRequire(path.join(ROOT, 'tests/conformance/package.json'));
const io = require('socket.io-client');
const WebSocket = require('ws');

const TLS = '127.0.0.1:0,tls=on';
const PLAIN = '127.0.0.1:0';

function tlsArgs({ cert, key }, authority) {
    return ['--tls-cert', cert, '--tls-key', key, '--tls-chain', authority.chainFile];
}

// A server with a port that speaks HTTPS, and one that does not for looking at it.
async function start(t, { args = [], listen = TLS, plain = PLAIN, data = temporaryFolder(t) } = {}) {
    const server = await serve(t, ['--data', data, '--listen', listen, '--listen', plain, ...args]);
    const [port, plainPort] = server.ports;
    return { server, port, plainPort, plainUrl: server.urls[1], data };
}

async function startTls(t, options = {}) {
    const authority = options.authority ?? new Authority(t);
    const identity = options.identity ?? authority.issue('house');
    const house = await start(t, { ...options, args: [...tlsArgs(identity, authority), ...options.args ?? []] });
    return { ...house, authority, identity };
}

// An HTTP(S) request: { status, headers, text, peer }.
function ask(port, { ca, method = 'GET', path: where = '/version', headers, body, ...options } = {}) {
    const answered = new Promise((resolve, reject) => {
        const request = (ca ? https : http).request(
            { host: 'localhost', family: 4, port, ca, method, path: where, headers, agent: false, ...options }, response => {
                const peer = response.socket.getPeerCertificate?.();
                let text = '';
                response.setEncoding('utf8').on('data', piece => (text += piece));
                response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text, peer }));
            });
        request.on('error', reject);
        request.end(body);
    });
    return within(answered, `${method} ${where}`);
}

async function metric(port, name) {
    const { text } = await ask(port, { path: '/metrics' });
    return Number(text.split('\n').find(line => line.startsWith(`${name} `))?.split(' ').pop());
}

// Until a metric of the server fulfils the condition.
function metricFits(port, name, condition) {
    const look = async () => {
        while (!condition(await metric(port, name))) { /* again */ }
    };
    return within(look(), `${name} ${condition}`);
}

const sClient = (port, ...args) => {
    const { stdout, stderr } = spawnSync('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args],
        { input: '', encoding: 'utf8', timeout: 30_000 });
    return stdout + stderr;
};

function openSocket(url, options) {
    const socket = io(url, { forceNew: true, reconnection: false, ...options });
    socket.ask = (...args) => within(new Promise((resolve, reject) => {
        socket.emit(...args, (...answer) => resolve(answer));
        socket.once('disconnect', reason => reject(new Error(`connection lost: ${reason}`)));
    }), args[0]);
    return within(new Promise((resolve, reject) => {
        socket.on('connect', () => resolve(socket));
        socket.on('connect_error', reject);
    }), `connection to ${url}`);
}

// --- certificates --------------------------------------------------------------------------------------------------

test('openssl sees the whole chain, and no old version', async t => {
    const { port, authority } = await startTls(t);
    const shown = sClient(port, '-CAfile', authority.file('root.pem'), '-showcerts', '-servername', 'localhost');
    assert.match(shown, /Verify return code: 0 \(ok\)/);
    assert.equal(shown.match(/-----BEGIN CERTIFICATE-----/g).length, 2);
    assert.match(shown, /0 s:CN ?= ?house\n/);
    assert.match(shown, /1 s:CN ?= ?Intermediate of the test\n/);
    const weak = ['-cipher', 'ALL:@SECLEVEL=0'];
    assert.match(sClient(port, '-tls1_1', ...weak), /alert protocol version/);
    assert.match(sClient(port, '-tls1_2', '-CAfile', authority.file('root.pem')), /Protocol *: TLSv1.2[^]*Verify return code: 0/);
    assert.match(sClient(port, '-tls1_2', '-cipher', 'AES128-SHA:@SECLEVEL=0'), /handshake failure/);
});

test('lowest version and ciphers can be chosen', async t => {
    const { port, authority } = await startTls(t, {
        args: ['--tls-min-version', '1.3', '--tls-ciphersuites', 'TLS_CHACHA20_POLY1305_SHA256'],
    });
    assert.match(sClient(port, '-tls1_2'), /alert protocol version/);
    assert.match(sClient(port, '-CAfile', authority.file('root.pem')), /TLSv1.3, Cipher is TLS_CHACHA20_POLY1305_SHA256/);
});

test('it does not start without a certificate that can be used', async t => {
    const authority = new Authority(t), one = authority.issue('one'), other = authority.issue('other');
    const attempt = async (...args) => {
        const { status, stderr } = await run(['serve', '--data', temporaryFolder(t), '--listen', TLS, ...args]);
        assert.notEqual(status, 0);
        return stderr;
    };
    assert.match(await attempt(), /tls-cert/);
    assert.match(await attempt('--tls-cert', one.cert, '--tls-key', other.key), /key does not belong to the certificate/);
    assert.match(await attempt('--tls-cert', '/nowhere/x.pem', '--tls-key', one.key), /\/nowhere\/x.pem: No such file/);
    assert.match(await attempt('--tls-cert', one.cert, '--tls-key', one.key, '--tls-ciphers', 'NONSENSE'), /tls-ciphers/);
    assert.match(await attempt('--tls-certificate-object', 'on'), /no certificate "defaultPublic"/);
    assert.match(await attempt('--tls-cert', one.cert, '--tls-key', one.key, '--trusted-proxies', '1.2.3'), /trusted-proxies/);
    assert.match(await attempt('--tls-cert', one.cert, '--tls-key', one.key, '--allowed-origins', 'house'), /allowed-origins/);
    assert.match(await attempt('--tls-cert', one.cert, '--tls-key', one.key, '--white-list', 'house=x'), /white-list/);
});

test('https and wss of node: pages, polling, WebSocket, upgrade, large messages', async t => {
    const { server, port, authority } = await startTls(t, { args: ['--hsts', '24h'] });
    const ca = authority.root;
    assert.equal(server.urls[0], `https://127.0.0.1:${port}`);
    const answer = await ask(port, { ca });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['strict-transport-security'], 'max-age=86400');
    for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
        const socket = await openSocket(`https://localhost:${port}`, { ca, transports });
        const text = 'x'.repeat(3_000_000);
        await socket.ask('setObject', 'big.0', stateObject('big'));
        await socket.ask('setState', 'big.0', text);
        const [error, state] = await socket.ask('getState', 'big.0');
        assert.deepEqual([error, state.val.length], [null, text.length]);
        socket.close();
    }
    const plain = new WebSocket(`wss://localhost:${port}/?sid=1`, { ca });
    t.after(() => plain.terminate());
    const [message] = await within(once(plain, 'message'), 'first message');
    assert.match(String(message), /___ready___/);
    plain.close();
    const [code] = await within(once(plain, 'close'), 'close');
    assert.ok([1000, 1005].includes(code), `close code ${code}`);
});

test('many requests on one connection, and an end that both sides say', async t => {
    const { port, authority } = await startTls(t);
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 20; i++) {
        assert.equal((await ask(port, { ca: authority.root, agent })).status, 200);
    }
    agent.destroy();
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: authority.root });
    let text = '';
    socket.setEncoding('utf8').on('data', piece => (text += piece));
    socket.end('GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    // Node raises an error when the connection ends without close_notify.
    await within(once(socket, 'close'), 'close');
    assert.match(text, /^HTTP\/1.1 200 OK[^]*iobus/);
});

// --- reload ----------------------------------------------------------------------------------------------------------

const CLIENTS = isInstrumented() ? 30 : 100;

// Sockets that call without a pause and must never be lost.
class Load {
    constructor() {
        this.calls = 0;
        this.lost = [];
        this.running = true;
    }

    async add(url, ca, i) {
        const socket = await openSocket(url, { ca, transports: ['websocket'] });
        socket.on('disconnect', reason => this.running && this.lost.push(reason));
        this.loops = [...this.loops ?? [], this.loop(socket, i)];
    }

    async loop(socket, i) {
        while (this.running) {
            const [error] = await socket.ask('setState', 'load.0', i);
            assert.equal(error, null);
            this.calls++;
        }
        socket.close();
    }

    // Until each of them has called some more.
    async goesOn() {
        const target = this.calls + 5 * CLIENTS;
        const look = async () => {
            while (this.calls < target) {
                await new Promise(resolve => setImmediate(resolve));
            }
        };
        await within(look(), `${target} calls`);
        assert.deepEqual(this.lost, []);
    }

    async stop() {
        this.running = false;
        await Promise.all(this.loops);
    }
}

test('a certificate is exchanged under load, by its files and by SIGHUP; a broken one is not taken', async t => {
    const authority = new Authority(t), folder = temporaryFolder(t), data = temporaryFolder(t);
    const [first, second, third] = ['first', 'second', 'third'].map(name => authority.issue(name));
    const files = { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') };
    const config = path.join(folder, 'iobus.conf');
    const configure = ({ cert, key }) => fs.writeFileSync(config,
        `data = ${data}\nlisten = ${TLS}\nlisten = ${PLAIN}\ntls-cert = ${cert}\ntls-key = ${key}\ntls-chain = ${authority.chainFile}\n`);
    install(first, files);
    configure(files);
    const server = await serve(t, ['--config', config]);
    const [port] = server.ports, ca = authority.root;
    const shows = async identity => {
        const look = async () => {
            while ((await ask(port, { ca })).peer.fingerprint256 !== identity.fingerprint) { /* again */ }
        };
        await within(look(), `certificate ${identity.subject}`);
    };
    await shows(first);
    const client = await connect(t, server.urls[1]);
    await client.call('setObject', 'load.0', stateObject('load'));
    const load = new Load();
    await Promise.all(Array.from({ length: CLIENTS }, (_, i) => load.add(`https://localhost:${port}`, ca, i)));
    await load.goesOn();
    install(second, files); // noticed by itself
    await shows(second);
    await load.goesOn();
    fs.writeFileSync(`${files.cert}.new`, '-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n');
    fs.renameSync(`${files.cert}.new`, files.cert);
    await server.logged('GW-TLS-BAD');
    assert.match(server.stderr, /error GW-TLS-BAD the certificate before stays; TLS: the certificate cannot be read/);
    await shows(second);
    configure(third);
    server.signal('SIGHUP');
    await shows(third);
    await load.goesOn();
    await load.stop();
    assert.deepEqual(load.lost, []);
    assert.equal((await server.stop()).status, 0);
});

test('the certificate comes from system.certificates, and changes with it', async t => {
    const authority = new Authority(t), data = temporaryFolder(t);
    const [first, second, www] = [authority.issue('first'), authority.issue('second'), authority.issue('www', 'www.example.test')];
    const read = ({ cert, key }) => ({ cert: fs.readFileSync(cert, 'utf8'), key: fs.readFileSync(key, 'utf8') });
    const change = (client, identity) => client.call('extendObject', 'system.certificates', { native: {
        certificates: { mine: identity.cert /* a path */, mineKey: read(identity).key, chain: authority.read('middle.pem') },
        collections: { acme: { ...read(www), chain: [authority.read('middle.pem')], domains: ['www.example.test'] } },
    } });
    const before = await serve(t, ['--data', data, '--listen', `${PLAIN},admin=on`]);
    await change(await connect(t, before.urls[0]), first);
    await before.stop();
    const { server, port, plainUrl } = await start(t, { data, plain: `${PLAIN},admin=on`, args: [
        '--tls-certificate-object', 'on', '--tls-public', 'mine', '--tls-private', 'mineKey', '--tls-chained', 'chain', '--tls-collection', '*'] });
    const fingerprint = async servername => (await ask(port, { ca: authority.root, servername })).peer.fingerprint256;
    assert.equal(await fingerprint('localhost'), first.fingerprint);
    assert.equal(await fingerprint('www.example.test'), www.fingerprint);
    const client = await connect(t, plainUrl);
    await change(client, second);
    const look = async () => {
        while (await fingerprint('localhost') !== second.fingerprint) { /* again */ }
    };
    await within(look(), 'new certificate');
    await client.call('extendObject', 'system.certificates', { native: { certificates: { mine: 'broken' } } });
    await server.logged('GW-TLS-BAD');
    assert.equal(await fingerprint('localhost'), second.fingerprint);
});

// --- plain HTTP ------------------------------------------------------------------------------------------------------

test('plain HTTP on a port that speaks HTTPS gets a clear answer', async t => {
    const { port, authority } = await startTls(t, { args: ['--hsts', '1h'] });
    const { status, text, headers } = await ask(port);
    assert.equal(status, 400);
    assert.equal(text, 'this port speaks HTTPS\n');
    assert.equal(headers['strict-transport-security'], undefined);
    assert.equal((await ask(port, { method: 'POST', body: 'x'.repeat(5000) })).status, 400);
    const odd = net.connect(port, '127.0.0.1');
    odd.write('\x01\x02nonsense');
    await within(once(odd.resume(), 'close'), 'end of nonsense');
    assert.equal((await ask(port, { ca: authority.root })).status, 200);
});

test('plain HTTP is redirected where that is wanted', async t => {
    const { server, port, plainPort, authority } = await startTls(t, {
        listen: `${TLS},https-redirect=on`, plain: `${PLAIN},https-redirect=on`,
        args: ['--listen', `${PLAIN},https-redirect=8443`, '--listen', PLAIN],
    });
    const [, , namedPort, openPort] = server.ports;
    const target = async (where, path_, headers) => {
        const { status, headers: { location } } = await ask(where, { path: path_, headers });
        assert.equal(status, 307);
        return location;
    };
    assert.equal(await target(port, '/vis/?main'), `https://localhost:${port}/vis/?main`);
    assert.equal(await target(plainPort, '/vis/index.html?a=b'), `https://localhost:${port}/vis/index.html?a=b`);
    assert.equal(await target(namedPort, '//evil/x', { host: 'house:80' }), 'https://house:8443//evil/x');
    assert.equal(await target(namedPort, '/', { host: '[::1]:80' }), 'https://[::1]:8443/');
    assert.equal((await ask(plainPort, { headers: { host: 'a b"c' } })).status, 400);
    assert.equal((await ask(openPort)).status, 200);
    assert.equal((await ask(port, { ca: authority.root })).status, 200);
    const { status, stderr } = await run(['serve', '--data', temporaryFolder(t), '--listen', `${PLAIN},https-redirect=on`]);
    assert.notEqual(status, 0);
    assert.match(stderr, /https-redirect: no listener has tls=on/);
});

// --- slow handshakes -------------------------------------------------------------------------------------------------

test('stalled handshakes are cut, and there are only so many of them', async t => {
    const MOST = 5, MANY = 40;
    const { port, plainPort, authority } = await startTls(t, {
        args: ['--handshake-timeout', '1500ms', '--max-handshakes', String(MOST)],
    });
    // A client that says half a hello, and one that says nothing.
    const stalled = Array.from({ length: MANY }, (_, i) => {
        const socket = net.connect(port, '127.0.0.1').on('error', () => {});
        if (i % 2) {
            socket.write(Buffer.from('16030100c8010000c40303', 'hex'));
        }
        socket.resume();
        return new Promise(resolve => socket.on('close', resolve));
    });
    await metricFits(plainPort, 'iobus_connections_refused_total{reason="limit"}', n => n >= MANY - MOST);
    assert.ok(await metric(plainPort, 'iobus_tls_handshakes_open') <= MOST);
    assert.equal((await ask(port, { ca: authority.root })).status, 200); // who comes is served all the same
    await within(Promise.all(stalled), 'end of the stalled', 20_000);
    assert.equal(await metric(plainPort, 'iobus_tls_handshakes_open'), 0);
});

test('a handshake that comes byte by byte succeeds', async t => {
    const { port, authority } = await startTls(t);
    const inner = net.connect(port, '127.0.0.1').setNoDelay(true);
    const { Duplex } = await import('node:stream');
    const slow = new Duplex({
        read() {},
        async write(bytes, encoding, done) {
            for (const byte of bytes) {
                inner.write(Buffer.of(byte));
                await new Promise(resolve => setImmediate(resolve));
            }
            done();
        },
    });
    inner.on('data', piece => slow.push(piece)).on('end', () => slow.push(null));
    const socket = tls.connect({ socket: slow, servername: 'localhost', ca: authority.root });
    await within(once(socket, 'secureConnect'), 'handshake');
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    const [answer] = await within(once(socket, 'data'), 'answer');
    assert.match(String(answer), /^HTTP\/1.1 200 OK/);
    inner.destroy();
});

// --- proxies ---------------------------------------------------------------------------------------------------------

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

// A PROXY header, version 2, for a client of IPv4; secure: it came over TLS.
function proxyHeader(address, { secure = false, command = 0x21 } = {}) {
    const tlv = secure ? Buffer.from('2000050100000000', 'hex') : Buffer.alloc(0);
    const body = Buffer.concat([Buffer.from(address.split('.').map(Number)), Buffer.from('7f00000104d201bb', 'hex'), tlv]);
    const head = Buffer.from([command, 0x11, 0, body.length]);
    return Buffer.concat([SIGNATURE, head, body]);
}

// Opens a polling session over a connection that begins with some bytes; from: our own address. Resolves to the answer,
// null when the connection was closed without one.
async function handshake(port, { first = Buffer.alloc(0), from = '127.0.0.1', headers = {}, step = Infinity } = {}) {
    const socket = net.connect({ port, host: '127.0.0.1', localAddress: from }).on('error', () => {});
    const answered = new Promise(resolve => {
        socket.on('data', piece => resolve(String(piece))).on('close', () => resolve(null));
    });
    const lines = Object.entries({ Host: 'house', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const bytes = Buffer.concat([first, Buffer.from(`GET /socket.io/?EIO=3&transport=polling HTTP/1.1\r\n${lines}\r\n`)]);
    socket.setNoDelay(true);
    for (let at = 0; at < bytes.length; at += step) {
        socket.write(bytes.subarray(at, Math.min(bytes.length, at + step)));
        await new Promise(resolve => setImmediate(resolve));
    }
    return { answer: await within(answered, 'answer'), socket };
}

// Addresses of the sessions there are, without the one that asks.
async function addresses(client) {
    const [status] = await client.call('iobusStatus');
    return status.gateway.sessions.map(({ address, dialect, name }) => ({ address, dialect, name }));
}

test('PROXY protocol: believed from trusted addresses only', async t => {
    const { port, plainUrl } = await start(t, { listen: '127.0.0.1:0,proxy-protocol=on',
        args: ['--trusted-proxies', '127.0.0.1'] });
    const client = await connect(t, plainUrl);
    const seen = async options => {
        const before = (await addresses(client)).map(item => item.address);
        const { answer, socket } = await handshake(port, options);
        const after = (await addresses(client)).map(item => item.address);
        socket.destroy();
        for (const address of before) {
            after.splice(after.indexOf(address), 1);
        }
        return answer === null ? 'closed' : `${answer.slice(9, 12)} ${after}`;
    };
    assert.equal(await seen({ first: proxyHeader('203.0.113.7') }), '200 203.0.113.7');
    assert.equal(await seen({ first: proxyHeader('203.0.113.8'), step: 3 }), '200 203.0.113.8');
    assert.equal(await seen({ first: proxyHeader('203.0.113.9', { command: 0x20 }) }), '200 127.0.0.1', 'its own check');
    assert.equal(await seen({ first: Buffer.alloc(0) }), 'closed', 'a trusted proxy always says who it is for');
    assert.equal(await seen({ from: '127.0.0.2', first: proxyHeader('203.0.113.7') }), '400 ');
    assert.equal(await seen({ from: '127.0.0.2' }), '200 127.0.0.2');
    // What the client behind the proxy says about itself is not believed.
    assert.equal(await seen({ first: proxyHeader('203.0.113.7'), headers: { 'X-Forwarded-For': '1.2.3.4' } }), '200 203.0.113.7');
    assert.equal(await seen({ first: proxyHeader('127.0.0.1'), headers: { 'X-Forwarded-For': '1.2.3.4' } }), '200 1.2.3.4');
});

test('PROXY protocol in front of TLS', async t => {
    const { port, authority } = await startTls(t, { listen: `${TLS},proxy-protocol=on`, args: ['--trusted-proxies', '127.0.0.0/8'] });
    const inner = net.connect(port, '127.0.0.1');
    inner.write(proxyHeader('203.0.113.7'));
    const socket = tls.connect({ socket: inner, servername: 'localhost', ca: authority.root });
    await within(once(socket, 'secureConnect'), 'handshake');
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    const [answer] = await within(once(socket, 'data'), 'answer');
    assert.match(String(answer), /^HTTP\/1.1 200 OK/);
    socket.destroy();
});

test('X-Forwarded-For: the right-most address that is not trusted, from trusted addresses only', async t => {
    const { port, plainUrl, plainPort } = await start(t, { listen: PLAIN,
        args: ['--trusted-proxies', '127.0.0.1', '--trusted-proxies', '10.0.0.0/8', '--hsts', '1h'] });
    const client = await connect(t, plainUrl);
    const seen = async (value, from) => {
        const before = (await addresses(client)).map(item => item.address);
        const { socket } = await handshake(port, { from, headers: value ? { 'X-Forwarded-For': value } : {} });
        const after = (await addresses(client)).map(item => item.address);
        socket.destroy();
        for (const address of before) {
            after.splice(after.indexOf(address), 1);
        }
        return after.join();
    };
    assert.equal(await seen('203.0.113.7'), '203.0.113.7');
    assert.equal(await seen('1.2.3.4, 203.0.113.7, 10.1.1.1'), '203.0.113.7');
    assert.equal(await seen('[2001:db8::5]:443'), '2001:db8::5');
    assert.equal(await seen('::ffff:203.0.113.7'), '203.0.113.7');
    assert.equal(await seen('1.2.3.4, unknown'), '127.0.0.1');
    assert.equal(await seen(), '127.0.0.1');
    assert.equal(await seen('1.2.3.4', '127.0.0.2'), '127.0.0.2');
    // So is the scheme, by which HSTS is said.
    const hsts = async options => (await ask(plainPort, { headers: { 'X-Forwarded-Proto': 'https' }, ...options })).headers['strict-transport-security'];
    assert.equal(await hsts(), 'max-age=3600');
    assert.equal(await hsts({ localAddress: '127.0.0.2' }), undefined);
});

test('connections count for the client behind the proxy', async t => {
    const { port, plainUrl } = await start(t, { listen: PLAIN,
        args: ['--trusted-proxies', '127.0.0.1', '--max-connections-per-address', '2'] });
    const open = async (address, from) => {
        const { answer, socket } = await handshake(port, { from, headers: { 'X-Forwarded-For': address } });
        t.after(() => socket.destroy());
        return answer && answer.slice(9, 12);
    };
    const client = await connect(t, plainUrl);
    assert.deepEqual([await open('203.0.113.7'), await open('203.0.113.7'), await open('203.0.113.7')], ['200', '200', '429']);
    assert.equal(await open('203.0.113.8'), '200');
    assert.deepEqual([await open('x', '127.0.0.2'), await open('x', '127.0.0.2'), await open('x', '127.0.0.2')], ['200', '200', null]);
    // One connection, many clients.
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 10; i++) {
        assert.equal((await ask(port, { agent, headers: { 'X-Forwarded-For': `203.0.114.${i}` } })).status, 200);
    }
    agent.destroy();
    await client.call('getStates', []);
});

// --- origins -----------------------------------------------------------------------------------------------------------

const POLLING = '/socket.io/?EIO=3&transport=polling';

// Statuses of what a page of an origin may try: the polling handshake, both kinds of WebSockets, REST, files.
async function tries(port, headers) {
    const upgrade = where => {
        const answered = new Promise((resolve, reject) => {
            const request = http.request({ port, host: '127.0.0.1', path: where, agent: false, headers: { host: `house:${port}`, ...headers,
                connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': 13, 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' } });
            request.on('upgrade', (response, socket) => resolve(socket.destroy() && response.statusCode));
            request.on('response', response => resolve(response.resume().statusCode));
            request.on('error', reject);
            request.end();
        });
        return within(answered, `upgrade ${where}`);
    };
    const status = async (method, where, body) => {
        const answer = await ask(port, { method, path: where, body, headers: { host: `house:${port}`, ...headers } });
        return answer.status;
    };
    return {
        polling: await status('GET', POLLING),
        socket: await upgrade('/socket.io/?EIO=3&transport=websocket'),
        plain: await upgrade('/?sid=1'),
        rest: await status('GET', '/api/'),
        preflight: await status('OPTIONS', '/api/'),
        put: await status('PUT', '/vis.0/x.txt', 'text') === 403 ? 403 : 0,
        remove: await status('DELETE', '/vis.0/x.txt') === 403 ? 403 : 0,
        page: await status('GET', '/version'),
    };
}

const ALL = { polling: 200, socket: 101, plain: 101, rest: 200, preflight: 204, put: 0, remove: 0, page: 200 };
const NONE = { polling: 403, socket: 403, plain: 403, rest: 403, preflight: 403, put: 403, remove: 403, page: 200 };

test('origins: without log-in all pages may, unless a list is given', async t => {
    const { port } = await start(t, { listen: PLAIN });
    assert.deepEqual(await tries(port, { origin: 'https://foreign.test' }), ALL);
    assert.deepEqual(await tries(port, { origin: 'null' }), ALL);
    const listed = await start(t, { listen: PLAIN, args: ['--allowed-origins', 'https://friend.test', '--allowed-origins', 'https://*.example.test'] });
    assert.deepEqual(await tries(listed.port, { origin: 'https://friend.test' }), ALL);
    assert.deepEqual(await tries(listed.port, { origin: 'https://a.example.test' }), ALL);
    assert.deepEqual(await tries(listed.port, { origin: `http://house:${listed.port}` }), ALL);
    assert.deepEqual(await tries(listed.port, {}), ALL);
    assert.deepEqual(await tries(listed.port, { origin: 'https://foreign.test' }), NONE);
    assert.deepEqual(await tries(listed.port, { origin: 'http://friend.test' }), NONE);
    assert.deepEqual(await tries(listed.port, { origin: 'null' }), NONE);
    assert.deepEqual(await tries(listed.port, { 'sec-fetch-site': 'cross-site' }), NONE);
    assert.deepEqual(await tries(listed.port, { 'sec-fetch-site': 'same-origin' }), ALL);
    assert.ok(await metric(listed.port, 'iobus_origins_refused_total') > 10);
    assert.match(listed.server.stderr, /GW-ORIGIN from=127.0.0.1 origin=https:\/\/foreign.test/);
});

test('origins: only those that are allowed are told so, with credentials', async t => {
    const { port } = await start(t, { listen: PLAIN, args: ['--allowed-origins', 'https://friend.test'] });
    for (const where of [POLLING, '/api/']) {
        const { headers } = await ask(port, { path: where, headers: { origin: 'https://friend.test' } });
        assert.equal(headers['access-control-allow-origin'], 'https://friend.test');
        assert.equal(headers['access-control-allow-credentials'], 'true');
        assert.match(headers.vary, /Origin/);
        const refused = await ask(port, { path: where, headers: { origin: 'https://foreign.test' } });
        assert.equal(refused.status, 403);
        assert.equal(refused.headers['access-control-allow-origin'], undefined);
    }
});

test('origins: with log-in only pages of the server may, also behind a proxy', async t => {
    const { port } = await start(t, { listen: `${PLAIN},auth=on`, args: ['--trusted-proxies', '127.0.0.1'] });
    const polling = async headers => (await ask(port, { path: POLLING, headers: { host: `house:${port}`, ...headers } })).status;
    assert.equal(await polling({ origin: `http://house:${port}` }), 200);
    assert.equal(await polling({}), 200);
    assert.equal(await polling({ origin: 'https://foreign.test' }), 403);
    assert.equal(await polling({ origin: `http://house:${port + 1}` }), 403);
    const behind = { 'x-forwarded-host': 'home.example.test', 'x-forwarded-proto': 'https' };
    assert.equal(await polling({ ...behind, origin: 'https://home.example.test' }), 200);
    assert.equal(await polling({ ...behind, origin: 'http://home.example.test' }), 403);
});
