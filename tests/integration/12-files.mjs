// SPDX-License-Identifier: MIT
// Files as they come and go: by `iobus upload`, by PUT and GET, by a socket; large ones, many, and what HTTP can ask of
// a file.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import test from 'node:test';
import zlib from 'node:zlib';
import { connect } from './lib/client.mjs';
import { isInstrumented, run, serve, temporaryFolder, within } from './lib/program.mjs';
import { Rest } from './lib/rest.mjs';

const MB = 1 << 20;

async function start(t, ...args) {
    const data = temporaryFolder(t);
    const server = await serve(t, ['--data', data, '--listen', '127.0.0.1:0', ...args]);
    return Object.assign(new Rest(server.urls[0]), { server, data });
}

async function makeStorage(rest, id) {
    const { status } = await rest.put(`/api/object/${id}`, { type: 'meta', common: { name: id, type: 'meta.user' }, native: {} });
    assert.equal(status, 204);
}

// One request: { status, headers, body } with the bytes as they came.
function ask(url, method, where, { headers = {}, body, agent = false, sink } = {}) {
    return within((async () => {
        const request = http.request(url + where, { method, headers, agent });
        const answered = once(request, 'response');
        if (body instanceof Readable) {
            await pipeline(body, request);
        } else {
            request.end(body);
        }
        const [response] = await answered;
        const parts = [];
        for await (const part of response) {
            sink ? sink(part) : parts.push(part);
        }
        return { status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) };
    })(), `${method} ${where}`, 240_000);
}

const encoded = name => name.split('/').map(encodeURIComponent).join('/');

// --- iobus upload -----------------------------------------------------------------------------------------------

const ODD = { // name, content
    'index.html': '<!doctype html><title>Über</title>',
    'a b.txt': 'blank',
    'Küche/Licht & Schatten.html': '<p>ü',
    '100%.txt': 'percent',
    'a+b?c=d#e.txt': 'query',
    'empty': '',
    'empty.json': '',
    'no extension': Buffer.from([0, 1, 2, 255]),
    'deep/er/and/deeper/still/x.js': 'export {};',
    '🏠.svg': '<svg/>',
    'large.bin': crypto.randomBytes(3 * MB + 17),
    'exactly.bin': crypto.randomBytes(MB / 2),
    '"quoted\'.css': 'a{}',
};

function fill(folder, files) {
    for (const [name, content] of Object.entries(files)) {
        const file = path.join(folder, name);
        fs.mkdirSync(path.dirname(file), { recursive: true });
        fs.writeFileSync(file, content);
    }
}

async function assertServed(rest, storage, files) {
    for (const [name, content] of Object.entries(files)) {
        const { status, body } = await ask(rest.url, 'GET', `/${storage}/${encoded(name)}`);
        assert.equal(status, 200, name);
        assert.ok(body.equals(Buffer.from(content)), name);
    }
}

// All files of a storage, as `iobus export` and tools see them.
async function names(client, storage, folder = '') {
    const [entries] = await client.call('readDir', storage, folder);
    const below = await Promise.all(entries.map(({ file, isDir }) => isDir
        ? names(client, storage, `${folder}${file}/`) : [`${folder}${file}`]));
    return below.flat().sort();
}

async function upload(...args) {
    const { status, stdout, stderr } = await run(['upload', ...args]);
    assert.equal(status, 0, stderr);
    assert.equal(stderr, '');
    return stdout;
}

test('a folder is uploaded and served as it is', async t => {
    const rest = await start(t);
    const folder = temporaryFolder(t);
    fill(folder, ODD);
    const said = await upload(folder, 'myapp', '--data', rest.data);
    const bytes = Object.values(ODD).reduce((sum, content) => sum + Buffer.byteLength(content), 0);
    assert.match(said, new RegExp(`^uploaded ${Object.keys(ODD).length} files \\(${bytes} bytes\\) to myapp in \\d+\\.\\d s into the running server in .*\\n$`));
    await assertServed(rest, 'myapp', ODD);
    const { json } = await rest.get('/api/object/myapp');
    assert.deepEqual([json.type, json.common], ['meta', { name: 'myapp', type: 'www' }]);
    const page = await rest.get('/myapp/');
    assert.equal(page.text, ODD['index.html']);
    const client = await connect(t, rest.url);
    assert.deepEqual(await names(client, 'myapp'), Object.keys(ODD).sort());
});

test('what is hidden, or outside, stays at home', async t => {
    const rest = await start(t);
    const folder = temporaryFolder(t);
    const web = path.join(folder, 'web');
    fill(web, { 'a.txt': 'a', '.git/config': 'x', '.env': 'x', 'sub/.gitignore': 'x', 'sub/b.txt': 'b' });
    fs.writeFileSync(path.join(folder, 'secret'), 'secret');
    fs.symlinkSync('../secret', path.join(web, 'secret'));
    fs.symlinkSync(folder, path.join(web, 'up'));
    fs.symlinkSync('sub/b.txt', path.join(web, 'link.txt'));
    const said = await upload(web, 'vis.0', '--server', path.join(rest.data, 'run'));
    assert.match(said, /^left out 3: hidden files and folders \(/m);
    assert.match(said, /^left out 2: links to folders, or out of the folder \(/m);
    const client = await connect(t, rest.url);
    assert.deepEqual(await names(client, 'vis.0'), ['a.txt', 'link.txt', 'sub/b.txt']);
});

test('uploading again replaces; deleting is asked for', async t => {
    const rest = await start(t);
    const folder = temporaryFolder(t);
    fill(folder, { 'a.txt': 'old', 'gone/b.txt': 'b', 'x/y.txt': 'y' });
    await upload(folder, 'vis.0', '--data', rest.data);
    await upload(folder, 'other', '--data', rest.data);
    const client = await connect(t, rest.url);
    client.files = [];
    client.socket.on('fileChange', (id, name, size) => client.files.push([id, name, size]));
    await client.callRaw('subscribeFiles', 'vis.0', '*');
    fs.rmSync(path.join(folder, 'gone'), { recursive: true });
    fs.rmSync(path.join(folder, 'x'), { recursive: true });
    fill(folder, { 'a.txt': 'newer', 'x': 'now a file' });
    const refused = await run(['upload', folder, 'vis.0', '--data', rest.data]);
    assert.deepEqual([refused.status, refused.stderr], [1, 'iobus: upload: "x" is a folder\n']);
    assert.match(await upload(folder, 'vis.0', '--data', rest.data, '--delete'), /^deleted 2: /m);
    await assertServed(rest, 'vis.0', { 'a.txt': 'newer', 'x': 'now a file' });
    assert.deepEqual(await names(client, 'vis.0'), ['a.txt', 'x']);
    assert.deepEqual(await names(client, 'other'), ['a.txt', 'gone/b.txt', 'x/y.txt']);
    await client.callRaw('getState', 'none'); // behind the last event
    assert.ok(client.files.some(item => item.join() === 'vis.0,a.txt,5'));
});

test('a package gives what it has for the web', async t => {
    const rest = await start(t);
    const folder = temporaryFolder(t);
    fill(folder, { 'io-package.json': '{}', 'main.js': 'x', 'www/index.html': '<p>', 'www/js/a.js': '1', 'admin/words.js': '2' });
    await upload(folder, 'pack', '--data', rest.data);
    await upload(folder, 'pack.admin', '--data', rest.data);
    const client = await connect(t, rest.url);
    assert.deepEqual(await names(client, 'pack'), ['index.html', 'js/a.js']);
    assert.deepEqual(await names(client, 'pack.admin'), ['words.js']);
    assert.equal((await rest.get('/adapter/pack/words.js')).text, '2');
});

test('a data folder takes uploads while nobody serves it', async t => {
    const data = temporaryFolder(t);
    const folder = temporaryFolder(t);
    fill(folder, ODD);
    assert.match(await upload(folder, 'myapp', '--data', data), /into data folder /);
    const server = await serve(t, ['--data', data, '--listen', '127.0.0.1:0']);
    await assertServed(new Rest(server.urls[0]), 'myapp', ODD);
});

test('uploads that cannot be', async t => {
    const rest = await start(t, '--max-file', '2m');
    const folder = temporaryFolder(t);
    fill(folder, { 'a.txt': 'a', 'd/big.bin': Buffer.alloc(3 * MB) });
    await rest.put('/api/object/taken', { type: 'channel', common: { name: 'x' }, native: {} });
    const data = ['--data', rest.data];
    const cases = [ // arguments, status, what is said
        [[folder], 2, /iobus upload FOLDER INSTANCE/],
        [[folder, 'a', 'b'], 2, /unexpected argument "b"/],
        [[folder, 'a/b'], 2, /no INSTANCE can be called "a\/b"/],
        [[folder, '..'], 2, /no INSTANCE can be called ".."/],
        [[folder, 'vis', '--nonsense'], 2, /--nonsense/],
        [[path.join(folder, 'none'), 'vis', ...data], 1, /none: No such file or directory/],
        [[path.join(folder, 'a.txt'), 'vis', ...data], 1, /a.txt: Not a directory/],
        [[folder, 'taken', ...data], 1, /taken is not of type meta/],
        [[folder, 'vis', '--data', path.join(folder, 'none')], 1, /there is no data folder/],
        [[folder, 'vis', '--server', path.join(folder, 'none')], 1, /no run folder or configuration file/],
        [[folder, 'vis', '--server', folder], 1, /no server runs in /],
        [[folder, 'vis', ...data], 1, /upload: d\/big.bin: .*The file is too large: the limit is 2097152 bytes/],
    ];
    for (const [args, status, said] of cases) {
        const ended = await run(['upload', ...args]);
        assert.equal(ended.status, status, `${args}: ${ended.stderr}`);
        assert.match(ended.stderr, said);
        assert.equal(ended.stdout, '');
    }
    assert.equal((await rest.get('/vis/d/big.bin')).status, 404);
});

test('a thousand small files are listed and read', async t => {
    const rest = await start(t);
    const folder = temporaryFolder(t);
    const files = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`d${i % 10}/file ${i}.txt`, `content of ${i}`]));
    fill(folder, files);
    await upload(folder, 'many', '--data', rest.data);
    const client = await connect(t, rest.url);
    assert.deepEqual(await names(client, 'many'), Object.keys(files).sort());
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    t.after(() => agent.destroy());
    await Promise.all(Object.entries(files).map(async ([name, content], i) => {
        if (i % 2) {
            const [data, type] = await client.call('readFile', 'many', name);
            assert.deepEqual([data, type], [content, 'text/plain']);
        } else {
            const { status, body } = await ask(rest.url, 'GET', `/many/${encoded(name)}`, { agent });
            assert.deepEqual([status, body.toString()], [200, content]);
        }
    }));
});

// --- large files ------------------------------------------------------------------------------------------------

// Bytes that do not compress and differ everywhere, and their hash when they have been read.
class Noise {
    constructor(size) {
        this.size = size;
        this.hash = crypto.createHash('sha256');
    }

    stream() {
        const { size, hash } = this;
        return Readable.from((function* () {
            const block = crypto.randomBytes(MB);
            for (let at = 0; at < size; at += MB) {
                block.writeUInt32LE(at / MB);
                const part = Buffer.from(block.subarray(0, Math.min(MB, size - at)));
                hash.update(part);
                yield part;
            }
        })());
    }
}

// Kilobytes of the server's memory: what it uses now, and the most since the peak was reset.
function memory(server, name) {
    const text = fs.readFileSync(`/proc/${server.child.pid}/status`, 'utf8');
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)[1]);
}

async function throughAndBack(rest, where, size) {
    const noise = new Noise(size);
    const put = await ask(rest.url, 'PUT', where, { body: noise.stream(), headers: { 'content-length': size } });
    assert.ok(put.status === 201 || put.status === 204, `PUT: ${put.status} ${put.body}`);
    const hash = crypto.createHash('sha256');
    const got = await ask(rest.url, 'GET', where, { sink: part => hash.update(part) });
    assert.equal(got.status, 200);
    assert.equal(Number(got.headers['content-length']), size);
    assert.equal(hash.digest('hex'), noise.hash.digest('hex'));
}

test('200 MB up and down cost the server no memory', async t => {
    const rest = await start(t);
    await makeStorage(rest, 'vis.0');
    await throughAndBack(rest, '/vis.0/first.bin', MB); // what is allocated once
    const { pid } = rest.server.child;
    fs.writeFileSync(`/proc/${pid}/clear_refs`, '5');
    const before = memory(rest.server, 'VmRSS');
    await throughAndBack(rest, '/vis.0/large.bin', 200 * MB);
    const grown = memory(rest.server, 'VmHWM') - before;
    t.diagnostic(`memory grew by ${grown} kB`);
    if (!isInstrumented()) {
        assert.ok(grown < 32 * 1024, `memory grew by ${grown} kB`);
    }
});

test('20 MB through a socket', async t => {
    const rest = await start(t);
    await makeStorage(rest, 'vis.0');
    const client = await connect(t, rest.url);
    const bytes = crypto.randomBytes(20 * MB);
    await client.call('writeFile64', 'vis.0', 'large.bin', bytes.toString('base64'));
    const [text, type] = await client.call('readFile64', 'vis.0', 'large.bin');
    assert.equal(type, 'application/octet-stream');
    assert.ok(Buffer.from(text, 'base64').equals(bytes));
    const { body } = await ask(rest.url, 'GET', '/vis.0/large.bin');
    assert.ok(body.equals(bytes));
});

// --- HTTP -------------------------------------------------------------------------------------------------------

test('PUT needs rights', async t => {
    const rest = await start(t, '--listen', '127.0.0.1:0,default-user=system.user.nobody');
    const [url, nobody] = rest.server.urls;
    await makeStorage(rest, 'vis.0');
    assert.equal((await ask(url, 'PUT', '/vis.0/a.txt', { body: 'old' })).status, 201);
    for (const name of ['a.txt', 'new.txt']) {
        const { status, body } = await ask(nobody, 'PUT', `/vis.0/${name}`, { body: 'x'.repeat(5 * MB) });
        assert.deepEqual([status, body.toString()], [403, 'permissionError\n']);
    }
    assert.equal((await ask(nobody, 'GET', '/vis.0/a.txt')).status, 403);
    assert.equal((await ask(nobody, 'DELETE', '/vis.0/a.txt')).status, 403);
    assert.equal((await ask(url, 'GET', '/vis.0/a.txt')).body.toString(), 'old');
    assert.equal((await ask(url, 'GET', '/vis.0/new.txt')).status, 404);
    assert.equal((await ask(url, 'PUT', '/none.0/a.txt', { body: 'x' })).status, 409);
});

// A PUT that says 60 MB and sends 20: more than sockets hold, so the server has taken much of it.
async function beginPut(rest, where) {
    const { hostname, port } = new URL(rest.url);
    const socket = net.connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.write(`PUT ${where} HTTP/1.1\r\nHost: x\r\nContent-Length: ${60 * MB}\r\n\r\n`);
    await new Promise(resolve => socket.write(Buffer.alloc(20 * MB), resolve));
    return socket;
}

test('a PUT that breaks off leaves the old file', async t => {
    const rest = await start(t);
    await makeStorage(rest, 'vis.0');
    assert.equal((await ask(rest.url, 'PUT', '/vis.0/a.bin', { body: 'old' })).status, 201);
    const sockets = await within(Promise.all(Array.from({ length: 4 }, () => beginPut(rest, '/vis.0/a.bin'))), 'bodies');
    sockets.forEach((socket, i) => i % 2 ? socket.resetAndDestroy() : socket.end());
    await rest.metricFits('iobus_connections', count => count < 4); // what fetch keeps open itself
    const { status, body } = await ask(rest.url, 'GET', '/vis.0/a.bin');
    assert.deepEqual([status, body.toString()], [200, 'old']);
    assert.equal((await ask(rest.url, 'PUT', '/vis.0/a.bin', { body: 'new' })).status, 204);
    assert.equal((await ask(rest.url, 'GET', '/vis.0/a.bin')).body.toString(), 'new');
});

test('a file that is replaced while it is read is never a mixture', async t => {
    const rest = await start(t);
    await makeStorage(rest, 'vis.0');
    const size = 20 * MB;
    const put = byte => ask(rest.url, 'PUT', '/vis.0/a.bin', { body: Buffer.alloc(size, byte) });
    await put(1);
    const request = http.get(`${rest.url}/vis.0/a.bin`, { agent: false });
    const [response] = await within(once(request, 'response'), 'answer');
    response.pause(); // most of it has to wait
    assert.equal((await put(2)).status, 204);
    const ended = new Promise(resolve => {
        let bytes = 0;
        response.on('data', part => {
            assert.ok(part.every(byte => byte === 1));
            bytes += part.length;
        });
        response.on('error', () => {});
        response.on('close', () => resolve(bytes));
        response.resume();
    });
    assert.ok(await within(ended, 'end') < size, 'the old content is cut off');
    const { body } = await ask(rest.url, 'GET', '/vis.0/a.bin');
    assert.ok(body.length === size && body.every(byte => byte === 2));
});

const RANGES = [ // header, status, from, to
    ['bytes=0-0', 206, 0, 1],
    ['bytes=5-9', 206, 5, 10],
    ['bytes=131071-131073', 206, 131071, 131074],
    ['bytes=299990-', 206, 299990, 300000],
    ['bytes=-10', 206, 299990, 300000],
    ['bytes=299999-999999', 206, 299999, 300000],
    ['bytes=0-1,5-6', 200, 0, 300000],
    ['lines=0-1', 200, 0, 300000],
    ['nonsense', 200, 0, 300000],
];

test('parts', async t => {
    const rest = await start(t);
    await makeStorage(rest, 'vis.0');
    const bytes = crypto.randomBytes(300_000);
    await ask(rest.url, 'PUT', '/vis.0/a.bin', { body: bytes });
    for (const [range, status, from, to] of RANGES) {
        const answer = await ask(rest.url, 'GET', '/vis.0/a.bin', { headers: { range } });
        assert.equal(answer.status, status, range);
        assert.ok(answer.body.equals(bytes.subarray(from, to)), range);
        assert.equal(answer.headers['content-range'], status === 206 ? `bytes ${from}-${to - 1}/300000` : undefined);
    }
});

test('what a browser has it does not get again', async t => {
    const rest = await start(t);
    await makeStorage(rest, 'vis.0');
    await ask(rest.url, 'PUT', '/vis.0/a.txt', { body: 'one', headers: { 'content-type': 'text/plain' } });
    const { headers: { etag } } = await ask(rest.url, 'GET', '/vis.0/a.txt');
    assert.match(etag, /^W\/"[0-9a-f-]+"$/);
    for (const tag of [etag, `"other", ${etag}`, '*']) {
        const known = await ask(rest.url, 'GET', '/vis.0/a.txt', { headers: { 'if-none-match': tag } });
        assert.deepEqual([known.status, known.body.length, known.headers.etag], [304, 0, etag]);
    }
    await ask(rest.url, 'PUT', '/vis.0/a.txt', { body: 'two', headers: { 'content-type': 'text/plain' } });
    const changed = await ask(rest.url, 'GET', '/vis.0/a.txt', { headers: { 'if-none-match': etag } });
    assert.deepEqual([changed.status, changed.body.toString()], [200, 'two']);
    assert.notEqual(changed.headers.etag, etag);
    const head = await ask(rest.url, 'HEAD', '/vis.0/a.txt');
    assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '3', 0]);
});

test('text comes compressed', async t => {
    const rest = await start(t);
    await makeStorage(rest, 'vis.0');
    const text = 'var house = "many rooms";\n'.repeat(20_000);
    const noise = crypto.randomBytes(200_000);
    await ask(rest.url, 'PUT', '/vis.0/a.js', { body: text });
    await ask(rest.url, 'PUT', '/vis.0/a.png', { body: noise });
    const cases = [ // accepted, given, unpack
        ['gzip', 'gzip', zlib.gunzipSync],
        ['br', 'br', zlib.brotliDecompressSync],
        ['gzip, deflate, br', 'br', zlib.brotliDecompressSync],
        ['br;q=0, gzip', 'gzip', zlib.gunzipSync],
        ['identity', undefined, body => body],
        ['', undefined, body => body],
    ];
    for (const [accepted, given, unpack] of cases) {
        const { headers, body } = await ask(rest.url, 'GET', '/vis.0/a.js', { headers: { 'accept-encoding': accepted } });
        assert.equal(headers['content-encoding'], given, accepted);
        assert.match(headers.vary, /Accept-Encoding/);
        assert.equal(unpack(body).toString(), text);
        assert.ok(!given || body.length < text.length / 10);
    }
    const image = await ask(rest.url, 'GET', '/vis.0/a.png', { headers: { 'accept-encoding': 'gzip, br' } });
    assert.equal(image.headers['content-encoding'], undefined);
    assert.ok(image.body.equals(noise));
});
