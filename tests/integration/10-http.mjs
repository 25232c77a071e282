// SPDX-License-Identifier: MIT
// What the gateway answers to a browser that fetches pages: its own, generated ones, and files of the store with
// the headers that caches need. Large and many files: 12-files.mjs.
import assert from 'node:assert/strict';
import http from 'node:http';
import test from 'node:test';
import zlib from 'node:zlib';
import { connect, stateObject } from './lib/client.mjs';
import { serve, temporaryFolder, within } from './lib/program.mjs';
import { Rest, rawRequest } from './lib/rest.mjs';

async function start(t, listen = '127.0.0.1:0', ...args) {
    const server = await serve(t, ['--data', temporaryFolder(t), '--listen', listen, ...args]);
    return Object.assign(new Rest(server.urls[0]), { server });
}

// A request without a helpful library in between: bodies as they are sent, headers as they are.
function fetchRaw(url, headers = {}, method = 'GET') {
    return within(new Promise((resolve, reject) => {
        const request = http.request(url, { method, headers, agent: false }, response => {
            const parts = [];
            response.on('data', part => parts.push(part));
            response.on('end', () => resolve({ status: response.statusCode, headers: response.headers,
                body: Buffer.concat(parts) }));
        });
        request.on('error', reject);
        request.end();
    }), `${method} ${url}`);
}

const UNPACK = { br: zlib.brotliDecompressSync, gzip: zlib.gunzipSync, deflate: zlib.inflateSync };

async function withStorage(t, ...args) {
    const web = await start(t, ...args);
    const client = await connect(t, web.url);
    await client.call('setObject', 'app.0', { type: 'meta', common: { name: 'app', type: 'user' }, native: {} });
    const put = (name, body, type) => web.ask('PUT', `/app.0/${name}`, { body, type });
    return { web, client, put };
}

// --- pages of our own -----------------------------------------------------------------------------------------

test('our pages come compressed, are asked for again by their tag, and run only our scripts', async t => {
    const web = await start(t);
    const plain = await fetchRaw(`${web.url}/`);
    assert.equal(plain.status, 200);
    assert.match(plain.headers['content-security-policy'], /default-src 'self'/);
    assert.match(plain.headers['content-type'], /^text\/html/);
    for (const encoding of Object.keys(UNPACK)) {
        const packed = await fetchRaw(`${web.url}/`, { 'accept-encoding': encoding });
        assert.equal(packed.headers['content-encoding'], encoding);
        assert.equal(packed.headers.vary, 'Accept-Encoding');
        assert.ok(packed.body.length < plain.body.length);
        assert.deepEqual(UNPACK[encoding](packed.body), plain.body);
    }
    const known = await fetchRaw(`${web.url}/`, { 'if-none-match': plain.headers.etag });
    assert.deepEqual([known.status, known.body.length], [304, 0]);
    const fresh = await fetchRaw(`${web.url}/`, { 'if-none-match': plain.headers.etag, 'cache-control': 'no-cache' });
    assert.equal(fresh.status, 200);
});

test('every script and style that a page names is there', async t => {
    const web = await start(t);
    for (const page of ['', 'explorer.html', 'live.html', 'status.html']) {
        const { text } = await web.get(`/${page}`);
        const links = [...text.matchAll(/(?:src|href)="([^":#]+)"/g)].map(match => match[1]);
        assert.ok(links.length > 3, page);
        for (const link of links) {
            assert.equal((await web.get(`/${link}`)).status, 200, `${page}: ${link}`);
        }
    }
});

test('info.js says where the socket is, and the language of the installation', async t => {
    const web = await start(t);
    const read = async path => {
        const { status, headers, text } = await web.get(path);
        assert.equal(status, 200);
        assert.match(headers.get('content-type'), /^application\/javascript/);
        assert.equal(headers.get('cache-control'), 'no-cache');
        const scope = {};
        new Function('window', `${text}; window.socketUrl = socketUrl; window.socketSession = socketSession;`)(scope);
        return scope;
    };
    const empty = { socketUrl: '', socketSession: '', _authIoBroker: false, sysLang: 'en',
        socketForceWebSockets: false };
    assert.deepEqual(await read('/_socket/info.js'), empty);
    const client = await connect(t, web.url);
    await client.call('setObject', 'system.config', { type: 'config', common: { name: 'c', language: 'de' }, native: {} });
    assert.deepEqual(await read('/vis/_socket/info.js'), { ...empty, sysLang: 'de' });
});

test('a listener can hand the client library of the plain dialect to pages', async t => {
    const web = await start(t, '127.0.0.1:0,client=ws');
    const library = await web.get('/vis/../lib/js/socket.io.js');
    const plain = await web.get('/lib/js/ws.js');
    assert.equal(library.status, plain.status);
    assert.equal(library.text, plain.text);
});

test('a base path of a proxy is left off', async t => {
    const web = await start(t, '127.0.0.1:0,base-path=/house');
    for (const path of ['/', '/iobus.js', '/name', '/_socket/info.js', '/api/', '/manifest.json']) {
        const [outer, inner] = [await web.get(`/house${path}`), await web.get(path)];
        assert.deepEqual([outer.status, outer.text], [200, inner.text], path);
    }
    const client = await connect(t, web.url, { path: '/house/socket.io/' });
    assert.deepEqual(await client.call('getState', 'not.there'), [null]);
});

test('what is not there is not found, whatever stands in its name', async t => {
    const web = await start(t);
    for (const path of ['/none', '/none/', '/none/a.html', '/a/%00', '/a/%zz', '/../../etc/passwd',
        '/vis/%2e%2e/%2e%2e/etc/passwd', '/_iobus', '/_iobus/../http.c']) {
        const answer = await rawRequest(web.url, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        assert.match(answer, /^HTTP\/1\.1 404 /, path);
    }
    const odd = await web.get('/%3Cscript%3Ealert(1)%3C/script%3E/x');
    assert.equal(odd.status, 404);
    assert.ok(!odd.text.includes('<script>'));
});

// --- files of the store ---------------------------------------------------------------------------------------

test('a file comes with its type, its tag, its parts, and compressed', async t => {
    const { web, put } = await withStorage(t);
    const text = '<p>Grüße</p>\n'.repeat(500);
    assert.equal((await put('main/page.html', text)).status, 201);
    assert.equal((await put('main/page.html', text)).status, 204);
    const url = `${web.url}/app.0/main/page.html`;
    const plain = await fetchRaw(url);
    assert.equal(plain.headers['content-type'], 'text/html; charset=utf-8');
    assert.equal(plain.headers['cache-control'], 'public, max-age=60');
    assert.equal(plain.headers['content-length'], String(Buffer.byteLength(text)));
    assert.match(plain.headers.etag, /^W\/"/);
    assert.equal(plain.headers['last-modified'], undefined);
    for (const encoding of Object.keys(UNPACK)) {
        const packed = await fetchRaw(url, { 'accept-encoding': encoding });
        assert.equal(packed.headers['content-encoding'], encoding);
        assert.equal(UNPACK[encoding](packed.body).toString(), text);
    }
    const known = await fetchRaw(url, { 'if-none-match': plain.headers.etag });
    assert.deepEqual([known.status, known.headers['cache-control']], [304, 'public, max-age=60']);
    const part = await fetchRaw(url, { range: 'bytes=3-9' });
    assert.deepEqual([part.status, part.body.toString()], [206, 'Grüße']);
    assert.equal(part.headers['content-range'], `bytes 3-9/${Buffer.byteLength(text)}`);
    assert.equal((await fetchRaw(url, { range: 'bytes=-5' })).body.toString(), '</p>\n');
    assert.equal((await fetchRaw(url, { range: 'bytes=999999-' })).status, 200);
    const head = await fetchRaw(url, {}, 'HEAD');
    assert.deepEqual([head.status, head.body.length], [200, 0]);
    assert.equal(head.headers['content-length'], plain.headers['content-length']);
    await put('main/page.html', 'new');
    assert.equal((await fetchRaw(url, { 'if-none-match': plain.headers.etag })).body.toString(), 'new');
});

test('a folder is its index.html, whose places are filled', async t => {
    const { web, put } = await withStorage(t);
    await put('index.html', '<script>a = \'@@loadingHideLogo@@\'; b = "@@vendorPrefix@@";</script>');
    await put('main/index.html', '@@vendorPrefix@@');
    assert.equal((await web.get('/app.0/')).text, '<script>a = false; b = "";</script>');
    assert.equal((await web.get('/app.0/index.html?_=1')).text, '<script>a = false; b = "";</script>');
    assert.equal((await web.get('/app.0/main/')).text, '@@vendorPrefix@@');
    assert.equal((await web.get('/app.0')).status, 404);
    assert.equal((await web.get('/app.0/other/')).status, 404);
});

test('files of any name go in and out, and are deleted', async t => {
    const { web, client, put } = await withStorage(t);
    for (const name of ['a b.txt', 'Küche/ß.svg', '100%.txt', '#1.txt', 'x?y.txt', 'deep/er/still/f.css']) {
        const encoded = encodeURIComponent(name).replaceAll('%2F', '/');
        assert.equal((await put(encoded, name, 'text/plain')).status, 201, name);
        assert.equal((await web.get(`/app.0/${encoded}`)).text, name);
        assert.equal((await client.call('readFile', 'app.0', name))[0], name);
        assert.equal((await web.ask('DELETE', `/app.0/${encoded}`)).status, 204);
        assert.equal((await web.get(`/app.0/${encoded}`)).status, 404);
    }
    assert.equal((await put('empty.txt', '')).status, 201);
    const empty = await fetchRaw(`${web.url}/app.0/empty.txt`);
    assert.deepEqual([empty.status, empty.body.length], [200, 0]);
    assert.equal((await web.ask('PUT', '/nowhere.0/x.txt', { body: 'x' })).status, 409);
});

// --- as the web adapter ---------------------------------------------------------------------------------------

test('a state is read and written below /state/', async t => {
    const web = await start(t);
    const client = await connect(t, web.url);
    await client.call('setObject', 'web.0.n', stateObject('web.0.n'));
    const posts = [['21.5', 21.5, false], ['{"val":3,"ack":true}', 3, true], ['on', 'on', false], ['true', true, false]];
    for (const [body, val, ack] of posts) {
        const { status, json } = await web.ask('POST', '/state/web.0.n', { body });
        assert.deepEqual([status, json], [200, { id: 'web.0.n' }]);
        const state = (await web.get('/state/web.0.n?json')).json;
        assert.deepEqual([state.val, state.ack], [val, ack]);
        assert.equal((await web.get('/state/web.0.n')).text, String(val));
    }
    assert.equal((await web.get('/state/web.0.none')).status, 404);
});
