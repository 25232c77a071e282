// SPDX-License-Identifier: MIT
// The REST side: what each path answers, that the description describes it, and streams of events that outlive
// their connection.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import { connect, stateObject } from './lib/client.mjs';
import { ROOT, serve, temporaryFolder, within } from './lib/program.mjs';
import { rawRequest, Rest, stream, Stream } from './lib/rest.mjs';
import { System } from './lib/system.mjs';

const JSON_TYPE = 'application/json; charset=utf-8';
const description = JSON.parse(fs.readFileSync(path.join(ROOT, 'gateway/www/openapi.json'), 'utf8'));

async function start(t, ...args) {
    const server = await serve(t, ['--data', temporaryFolder(t), '--listen', '127.0.0.1:0', ...args]);
    return Object.assign(new Rest(server.urls[0]), { server });
}

async function makeState(rest, id, more = {}) {
    const object = stateObject(id);
    const { status } = await rest.put(`/api/object/${id}`, { ...object, common: { ...object.common, ...more } });
    assert.equal(status, 204);
}

function assertProblem(answer, status, detail) {
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8');
    assert.equal(answer.json.status, status);
    assert.ok(answer.json.title && answer.json.type && answer.json.detail);
    if (detail) {
        assert.match(answer.json.detail, detail);
    }
}

// --- states and objects ---------------------------------------------------------------------------------------

test('a script writes and reads', async t => {
    const rest = await start(t);
    await makeState(rest, 'rest.0.level');
    assert.equal((await rest.put('/api/state/rest.0.level', 21.5)).status, 204);
    const { status, headers, json } = await rest.get('/api/state/rest.0.level');
    assert.equal(status, 200);
    assert.equal(headers.get('content-type'), JSON_TYPE);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.deepEqual({ val: json.val, ack: json.ack, q: json.q }, { val: 21.5, ack: false, q: 0 });
    const plain = await rest.get('/api/state/rest.0.level?value');
    assert.equal(plain.text, '21.5');
    assert.equal(plain.headers.get('content-type'), 'text/plain; charset=utf-8');
});

const WRITES = [ // body, type, query, val, ack
    ['true', 'application/json', '', true, false],
    ['{"val":1,"ack":true}', 'application/json', '', 1, true],
    ['{"val":1,"ack":true}', 'application/json', '?ack=false', 1, false],
    ['5', 'application/json', '?ack', 5, true],
    ['on\n', 'text/plain', '', 'on', false],
    ['21.5\n', 'text/plain', '?ack=1', 21.5, true],
    ['{"val":2}', 'application/x-www-form-urlencoded', '', 2, false],
    ['null', 'text/plain', '', null, false],
];

test('every form of a value is understood', async t => {
    const rest = await start(t);
    await makeState(rest, 'rest.0.any', { type: 'mixed' });
    for (const [body, type, query, val, ack] of WRITES) {
        const { status, text } = await rest.ask('PUT', `/api/state/rest.0.any${query}`, { body, type });
        assert.equal(status, 204, `${body}: ${text}`);
        const { json } = await rest.get('/api/state/rest.0.any');
        assert.deepEqual([json.val, json.ack], [val, ack], body);
    }
});

test('an id of any characters goes round', async t => {
    const rest = await start(t);
    const id = 'rest.0.Küche/Licht an & aus + 100%';
    const encoded = encodeURIComponent(id);
    await makeState(rest, encoded);
    assert.equal((await rest.put(`/api/state/${encoded}`, 7)).status, 204);
    assert.deepEqual(Object.keys((await rest.get('/api/states?pattern=rest.0.*')).json), [id]);
    assert.equal((await rest.get(`/api/states?ids=${encoded}`)).json[id].val, 7);
    assert.equal((await rest.get(`/api/object/${encoded}`)).json._id, id);
});

test('lists are asked for by pattern, ids and type', async t => {
    const rest = await start(t);
    for (const id of ['rest.0.a', 'rest.0.b', 'rest.1.a']) {
        await makeState(rest, id);
        await rest.put(`/api/state/${id}`, 1, '?ack=true');
    }
    await rest.put('/api/object/rest.0', { type: 'channel', common: { name: 'x' }, native: {} });
    const keys = async query => Object.keys((await rest.get(query)).json).sort();
    assert.deepEqual(await keys('/api/states?pattern=rest.*.a'), ['rest.0.a', 'rest.1.a']);
    assert.deepEqual((await rest.get('/api/states?ids=rest.0.a,rest.9')).json['rest.9'], null);
    assert.deepEqual(await keys('/api/objects?pattern=rest.0*'), ['rest.0', 'rest.0.a', 'rest.0.b']);
    assert.deepEqual(await keys('/api/objects?pattern=rest.*&type=channel'), ['rest.0']);
    assertProblem(await rest.get('/api/objects?type=nonsense'), 400, /nonsense/);
});

test('deleting depends on the listener', async t => {
    const rest = await start(t, '--listen', '127.0.0.1:0,admin=on');
    const admin = new Rest(rest.server.urls[1]);
    await makeState(rest, 'rest.0.x');
    await rest.put('/api/state/rest.0.x', 1);
    assertProblem(await rest.ask('DELETE', '/api/state/rest.0.x'), 403);
    assertProblem(await rest.ask('DELETE', '/api/object/rest.0.x'), 403);
    assert.equal((await admin.ask('DELETE', '/api/state/rest.0.x')).status, 204);
    assertProblem(await admin.get('/api/state/rest.0.x'), 404);
    assert.equal((await admin.ask('DELETE', '/api/object/rest.0.x')).status, 204);
    assertProblem(await admin.get('/api/object/rest.0.x'), 404);
});

test('history', async t => {
    const rest = await start(t);
    await makeState(rest, 'rest.0.h', { custom: { 'history.0': { enabled: true, changesOnly: false } } });
    for (const [value, ts] of [[1, 1700000000000], [3, 1700000010000]]) {
        await rest.put('/api/state/rest.0.h', { val: value, ack: true, ts });
    }
    const ask = query => rest.get(`/api/history/rest.0.h?from=1699999990000&to=2023-11-14T22:14:00Z${query}`);
    const raw = () => within((async () => {
        let answer;
        do {
            answer = await ask('');
        } while (answer.json.result.length < 2); // it is recorded a moment later
        return answer;
    })(), 'recorded values');
    assert.deepEqual((await raw()).json, { result: [{ ts: 1700000000000, val: 1 }, { ts: 1700000010000, val: 3 }], step: null });
    const counted = (await ask('&aggregate=max&count=1&removeBorderValues')).json;
    assert.deepEqual([counted.result.map(item => item.val), counted.step > 0], [[3], true]);
    assertProblem(await ask('&count=many'), 400);
    assertProblem(await rest.get('/api/history/rest.0.h?from=never'), 400, /not a valid date/);
});

test('files are listed, and found', async t => {
    const rest = await start(t);
    await rest.put('/api/object/vis.0', { type: 'meta', common: { name: 'x', type: 'meta.user' }, native: {} });
    for (const name of ['main/a%20b.txt', 'top.txt']) {
        const { status } = await rest.ask('PUT', `/vis.0/${name}`, { body: 'hello', type: 'text/plain' });
        assert.ok(status === 201 || status === 204, `PUT: ${status}`);
    }
    const names = async where => (await rest.get(where)).json.map(item => item.file).sort();
    assert.deepEqual(await names('/api/files/vis.0'), ['main', 'top.txt']);
    assert.deepEqual(await names('/api/files/vis.0/main'), ['a b.txt']);
    assert.deepEqual(await names('/api/files/vis.0/main/'), ['a b.txt']);
    assert.ok((await names('/api/files/')).includes('vis.0'));
    const found = await rest.get('/api/files/vis.0/main/a%20b.txt');
    assert.equal(found.status, 302);
    assert.equal(found.headers.get('location'), '/vis.0/main/a%20b.txt');
    assert.equal((await rest.get(found.headers.get('location'))).text, 'hello');
    assertProblem(await rest.get('/api/files/vis.0/none'), 404);
});

// --- HTTP -----------------------------------------------------------------------------------------------------

const REFUSED = [ // method, path, body, type, status
    ['GET', '/api/nothing', , , 404],
    ['GET', '/api/state/', , , 404],
    ['GET', '/api/state/none', , , 404],
    ['GET', '/api/object/none', , , 404],
    ['GET', '/api/state/a%', , , 400],
    ['GET', '/api/state/%ff', , , 400],
    ['GET', '/api/state/a%00b', , , 400],
    ['GET', '/api/states?pattern=%5B%5D%3F', , , 400],
    ['POST', '/api/state/a', '1', 'application/json', 405],
    ['PUT', '/api/states', '1', 'application/json', 405],
    ['PUT', '/api/state/a', '{"val":', 'application/json', 400],
    ['PUT', '/api/state/a', '{}', 'application/json', 400],
    ['PUT', '/api/state/a', '{"val":1,"nonsense":2}', 'application/json', 400],
    ['PUT', '/api/state/a?ack=perhaps', '1', 'application/json', 400],
    ['PUT', '/api/state/a', '<a/>', 'text/xml', 415],
    ['PUT', '/api/object/a', '[]', 'application/json', 400],
    ['PUT', '/api/object/a', 'x'.repeat(3_000_000), 'application/json', 413],
    ['GET', '/api/events', , , 400],
    ['GET', '/api/events?files=%', , , 400],
    ['GET', '/api/files//example.org/', , , 400],
];

test('what cannot be done has its status and a reason', async t => {
    const rest = await start(t, '--max-value', '1000000');
    for (const [method, where, body, type, status] of REFUSED) {
        const answer = await rest.ask(method, where, { body, type });
        assert.equal(answer.status, status, `${method} ${where}: ${answer.text}`);
        assertProblem(answer, status);
        assert.equal(answer.headers.get('allow') !== null, status === 405);
    }
});

test('HEAD, OPTIONS and pages of other origins', async t => {
    const rest = await start(t);
    const head = await rest.ask('HEAD', '/api/status');
    assert.equal(head.status, 200);
    assert.ok(Number(head.headers.get('content-length')) > 100);
    assert.equal(head.text, '');
    const stream = await rest.ask('HEAD', '/api/events?pattern=*');
    assert.equal(stream.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    const preflight = await rest.ask('OPTIONS', '/api/state/a', {
        headers: { origin: 'http://example.org', 'access-control-request-method': 'PUT' } });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get('allow'), 'GET, HEAD, PUT, DELETE, OPTIONS');
    assert.match(preflight.headers.get('access-control-allow-methods'), /PUT/);
    assert.match(preflight.headers.get('access-control-allow-headers'), /Content-Type/);
    assert.equal((await rest.get('/api/')).headers.get('access-control-allow-origin'), '*');
});

test('old and piped requests', async t => {
    const rest = await start(t);
    const old = await rawRequest(rest.url, 'GET /api/states?pattern=none.* HTTP/1.0\r\n\r\n');
    assert.match(old, /^HTTP\/1.1 200 OK\r\n/);
    assert.ok(old.endsWith('{}\n'), old);
    const two = await rawRequest(rest.url, 'PUT /api/state/rest.0.p HTTP/1.1\r\nHost: x\r\n' +
        'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n42\r\n0\r\n\r\n' +
        'GET /api/state/rest.0.p?value HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    assert.match(two, /^HTTP\/1.1 204 .*HTTP\/1.1 200 OK.*\r\n\r\n42$/s);
});

test('rights are those of the listener\'s user', async t => {
    const rest = await start(t, '--listen', '127.0.0.1:0,default-user=system.user.nobody', '--listen', '127.0.0.1:0,auth=on');
    const [nobody, closed] = rest.server.urls.slice(1).map(url => new Rest(url));
    await makeState(rest, 'rest.0.secret');
    await rest.put('/api/state/rest.0.secret', 1);
    for (const where of ['/api/states', '/api/state/rest.0.secret', '/api/objects', '/api/object/rest.0.secret',
        '/api/status', '/api/events?pattern=*', '/api/history/rest.0.secret']) {
        assertProblem(await nobody.get(where), 403, /permissionError/);
        const refused = await closed.get(where);
        assertProblem(refused, 401);
        assert.ok(refused.headers.get('www-authenticate'));
    }
    assertProblem(await nobody.put('/api/state/rest.0.secret', 2), 403);
    assert.equal((await rest.get('/api/state/rest.0.secret?value')).text, '1');
});

test('below a base path', async t => {
    const rest = await start(t, '--base-path', '/house');
    const below = new Rest(`${rest.url}/house`);
    assert.equal((await below.get('/api/')).json.name, 'iobus');
    assert.equal((await below.put('/api/state/rest.0.b', 1)).status, 204);
});

// --- the description ------------------------------------------------------------------------------------------

function operations() {
    return Object.entries(description.paths).flatMap(([where, item]) => ['get', 'put', 'post', 'delete']
        .filter(method => item[method])
        .map(method => ({ method: method.toUpperCase(), where, ...item[method] })));
}

test('the description and the routes are the same list', async t => {
    const rest = await start(t);
    const routes = (await rest.get('/api/')).json.routes.map(route => `${route.method} ${route.path}`);
    assert.deepEqual(operations().map(item => `${item.method} ${item.where}`).sort(), routes.sort());
    assert.deepEqual((await rest.get('/api/openapi.json')).json, description);
});

function resolve(item) {
    return item?.$ref ? item.$ref.slice(2).split('/').reduce((at, key) => at[key], description) : item;
}

const typeOf = value => value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;

// As much of JSON Schema as the description uses.
function fits(value, wanted, where) {
    const schema = resolve(wanted);
    const union = schema.anyOf ?? schema.oneOf;
    if (union) {
        assert.ok(union.some(one => { try { fits(value, one, where); return true; } catch { return false; } }), where);
        return;
    }
    const types = [schema.type ?? []].flat();
    const type = typeOf(value);
    assert.ok(types.length === 0 || types.includes(type) || (types.includes('integer') && Number.isInteger(value)),
        `${where}: ${type}, not ${types}`);
    (schema.required ?? []).filter(() => type === 'object').forEach(key => assert.ok(key in value, `${where}.${key}`));
    if (schema.enum) {
        assert.ok(schema.enum.includes(value), `${where}: ${value}`);
    }
    if (type === 'array') {
        value.forEach((item, i) => schema.items && fits(item, schema.items, `${where}[${i}]`));
    } else if (type === 'object') {
        for (const [key, item] of Object.entries(value)) {
            const inner = schema.properties?.[key] ?? schema.additionalProperties;
            assert.notEqual(inner, undefined, `${where}.${key} is not described`);
            if (inner !== true) {
                fits(item, inner, `${where}.${key}`);
            }
        }
    }
}

test('each documented request is answered as documented', async t => {
    const rest = await start(t, '--listen', '127.0.0.1:0,admin=on');
    const admin = new Rest(rest.server.urls[1]);
    await rest.put('/api/object/vis.0', { type: 'meta', common: { name: 'x', type: 'meta.user' }, native: {} });
    await rest.ask('PUT', '/vis.0/main/a.txt', { body: 'hello', type: 'text/plain' });
    const order = { PUT: 0, POST: 1, GET: 2, DELETE: 3 };
    const objectsFirst = item => item.where.startsWith('/api/object') ? 0 : 1;
    const all = operations().filter(item => item.where !== '/api/events')
        .sort((a, b) => order[a.method] - order[b.method] || (a.method === 'DELETE'
            ? objectsFirst(b) - objectsFirst(a) : objectsFirst(a) - objectsFirst(b)));
    for (const item of all) {
        const where = item.where.replace('{id}', 'lamp.0.on').replace('{path}', 'vis.0/main');
        const content = resolve(item.requestBody)?.content['application/json'];
        const example = content?.example ?? content?.examples.state.value;
        const answer = await admin.ask(item.method, where, example === undefined ? {}
            : { body: JSON.stringify(example), type: 'application/json' });
        const documented = resolve(item.responses[answer.status]);
        assert.ok(documented && answer.status < 300, `${item.method} ${where}: ${answer.status} ${answer.text}`);
        if (answer.json) {
            fits(answer.json, documented.content['application/json'].schema, `${item.method} ${where}`);
        }
    }
});

test('the examples of the description are of their schemas', () => {
    for (const item of operations()) {
        for (const [status, response] of Object.entries(item.responses)) {
            for (const [type, { schema, example }] of Object.entries(resolve(response).content ?? {})) {
                if (example !== undefined) {
                    fits(example, schema, `${item.method} ${item.where} ${status} ${type}`);
                }
            }
        }
    }
});

// --- events ---------------------------------------------------------------------------------------------------

test('a quiet stream has a heart beat', async t => {
    const rest = await start(t);
    const quiet = await stream(t, `${rest.url}/api/events?pattern=none.*`);
    await quiet.until(() => quiet.comments > 0, 'a comment');
    assert.match(quiet.lastId, /^[\w-]{20}\.[0-9a-f]+$/, 'up to here everything was seen');
});

test('changes of states, objects and files', async t => {
    const rest = await start(t);
    await rest.put('/api/object/vis.0', { type: 'meta', common: { name: 'x', type: 'meta.user' }, native: {} });
    await makeState(rest, 'rest.0.x');
    await rest.put('/api/state/rest.0.x', 1);
    const watched = await stream(t, `${rest.url}/api/events?pattern=rest.0.*&pattern=other.*&objects=rest.*&files=vis.0/*.txt`);
    assert.equal(watched.response.statusCode, 200);
    assert.equal(watched.response.headers['content-type'], 'text/event-stream; charset=utf-8');
    assert.equal(watched.response.headers['cache-control'], 'no-store');
    await rest.put('/api/state/rest.0.x', 2);
    await rest.put('/api/state/unwatched.0.x', 2);
    await makeState(rest, 'rest.0.y');
    await rest.ask('PUT', '/vis.0/a.txt', { body: 'hello', type: 'text/plain' });
    await rest.put('/api/state/rest.0.x', 3);
    await watched.until(() => watched.values('rest.0.x').length === 2 && watched.events.some(item => item.event === 'fileChange') &&
        watched.events.some(item => item.event === 'objectChange'), 'all changes');
    assert.deepEqual(watched.values('rest.0.x'), [2, 3]);
    const one = name => watched.events.find(item => item.event === name).data;
    assert.equal(one('objectChange').object._id, 'rest.0.y');
    assert.deepEqual(one('fileChange'), { id: 'vis.0', file: 'a.txt', size: 5 });
    assert.ok(!watched.events.some(item => item.data.id === 'unwatched.0.x'));
});

test('current values come first when they are asked for', async t => {
    const rest = await start(t);
    for (const id of ['rest.0.x', 'rest.0.y']) {
        await makeState(rest, id);
        await rest.put(`/api/state/${id}`, 1);
    }
    const watched = await stream(t, `${rest.url}/api/events?pattern=rest.0.*&pattern=rest.1.none&initial=1`);
    await watched.until(() => watched.events.length >= 3, 'values');
    assert.deepEqual(watched.events.map(item => [item.data.id, item.data.state?.val ?? null]),
        [['rest.0.x', 1], ['rest.0.y', 1], ['rest.1.none', null]]);
});

test('a client that comes back gets what it missed', async t => {
    const rest = await start(t);
    await makeState(rest, 'rest.0.n');
    const url = `${rest.url}/api/events?pattern=rest.0.*&initial=1`;
    const before = await stream(t, url);
    for (const n of [1, 2, 3]) {
        await rest.put('/api/state/rest.0.n', n);
    }
    await before.until(() => before.values('rest.0.n').at(-1) === 3, 'the third value');
    before.vanish();
    await rest.metricIs('iobus_sessions_by_dialect{dialect="sse"}', 0);
    for (const n of [4, 5, 6]) {
        await rest.put('/api/state/rest.0.n', n);
    }
    const after = await stream(t, url, { 'last-event-id': before.lastId });
    await rest.put('/api/state/rest.0.n', 7);
    await after.until(() => after.values('rest.0.n').at(-1) === 7, 'the last value');
    assert.deepEqual(after.values('rest.0.n'), [4, 5, 6, 7]);
    assert.equal(after.lastId.split('.')[0], before.lastId.split('.')[0]);
});

test('a client that had seen nothing comes back, too', async t => {
    const rest = await start(t);
    const url = `${rest.url}/api/events?pattern=rest.0.*`;
    const before = await stream(t, url);
    await before.until(() => before.lastId, 'an id');
    before.vanish();
    await rest.metricIs('iobus_sessions_by_dialect{dialect="sse"}', 0);
    await rest.put('/api/state/rest.0.n', 1);
    const after = await stream(t, `${url}`, { 'last-event-id': before.lastId });
    await after.until(() => after.values('rest.0.n').length, 'the value');
    assert.deepEqual(after.events.map(item => item.event), ['stateChange']);
});

test('what cannot be given any more is announced, and the values are read', async t => {
    const rest = await start(t);
    await makeState(rest, 'rest.0.n');
    await rest.put('/api/state/rest.0.n', 5);
    const url = `${rest.url}/api/events?pattern=rest.0.*`;
    const first = await stream(t, url);
    await first.until(() => first.lastId, 'an id');
    const cases = [
        [url, 'nonsense'], // of another server, or too long ago
        [`${url}&objects=*`, first.lastId], // another question
        [url, `${first.lastId}.zz`],
        [url, `${first.lastId}.ffffff`], // the future
    ];
    for (const [where, id] of cases) {
        const again = await stream(t, where, { 'last-event-id': id });
        await again.until(() => again.values('rest.0.n').length, 'the value');
        assert.deepEqual(again.events.map(item => item.event), ['gap', 'stateChange'], `${where} ${id}`);
        assert.deepEqual(again.values('rest.0.n'), [5]);
    }
});

test('without recovery events have no ids', async t => {
    const rest = await start(t, '--recovery', '0');
    const watched = await stream(t, `${rest.url}/api/events?pattern=rest.0.*`);
    await rest.put('/api/state/rest.0.n', 1);
    await watched.until(() => watched.events.length, 'a change');
    assert.deepEqual([watched.lastId, watched.values('rest.0.n')], ['', [1]]);
});

test('clients that vanish leave nothing behind', async t => {
    const rest = await start(t);
    const streams = await Promise.all(Array.from({ length: 20 }, () => new Stream(`${rest.url}/api/events?pattern=*&initial=1`).open()));
    await rest.metricIs('iobus_sessions_by_dialect{dialect="sse"}', 20);
    assert.equal(await rest.metric('iobus_sessions{transport="events"}'), 20);
    const { hostname, port } = new URL(rest.url);
    // These hang up while they wait for their answer.
    for (let i = 0; i < 50; i++) {
        const socket = net.connect(Number(port), hostname, () => {
            socket.write(`GET /api/${i % 2 ? 'status' : 'events?pattern=*&initial=1'} HTTP/1.1\r\nHost: x\r\n\r\n`);
            socket.resetAndDestroy?.() ?? socket.destroy();
        });
        socket.on('error', () => {});
    }
    streams.forEach(one => one.vanish());
    for (const dialect of ['sse', 'rest']) {
        await rest.metricIs(`iobus_sessions_by_dialect{dialect="${dialect}"}`, 0);
    }
    await rest.metricIs('iobus_sessions{transport="events"}', 0);
    await rest.metricIs('iobus_calls_open', 0);
    await rest.metricFits('iobus_connections', count => count < 5); // what fetch keeps open itself
});

test('a client that does not read is disconnected, and costs no more than its bound', async t => {
    const rest = await start(t, '--outbox-soft', '65536', '--outbox-hard', '262144');
    const { hostname, port } = new URL(rest.url);
    const slow = net.connect({ host: hostname, port: Number(port) });
    t.after(() => slow.destroy());
    slow.on('error', () => {});
    slow.pause();
    slow.write('GET /api/events?pattern=big.* HTTP/1.1\r\nHost: x\r\n\r\n');
    await rest.metricIs('iobus_sessions_by_dialect{dialect="sse"}', 1);
    const client = await connect(t, rest.url);
    const text = 'x'.repeat(20_000);
    let n = 0;
    const gone = async () => await rest.metric('iobus_slow_clients_total') > 0;
    const fill = async () => {
        while (!await gone()) {
            // Ids of their own: nothing is conflated.
            await Promise.all(Array.from({ length: 50 }, () => client.callRaw('setState', `big.0.s${n++}`, text)));
            const { json } = await rest.get('/api/status');
            for (const session of json.gateway.sessions) {
                assert.ok(session.queued < 262144 + 100_000, `${session.queued} bytes queued`);
            }
        }
    };
    await within(fill(), 'slow client');
    await rest.metricIs('iobus_sessions_by_dialect{dialect="sse"}', 0);
});

test('streams end with the server', async t => {
    const rest = await start(t);
    const open = await stream(t, `${rest.url}/api/events?pattern=*`);
    const { status } = await rest.server.stop();
    assert.equal(status, 0);
    assert.equal(await within(open.ended, 'end of the stream'), 'end');
});

test('scripts are no clients to be shown, streams are', async t => {
    const rest = await start(t);
    await stream(t, `${rest.url}/api/events?pattern=none&name=watcher`);
    const shown = async () => {
        let text;
        do {
            text = (await rest.get('/api/state/socketio.0.info.connected?value')).text;
        } while (!text.includes('watcher'));
        return text;
    };
    assert.equal(await within(shown(), 'the name'), '[1]watcher');
});

// --- status ---------------------------------------------------------------------------------------------------

test('status and metrics tell who is there', async t => {
    const rest = await start(t);
    const client = await connect(t, rest.url);
    await client.callRaw('subscribe', 'a.*');
    await stream(t, `${rest.url}/api/events?pattern=a.*&pattern=b.*`);
    const { json } = await rest.get('/api/status');
    assert.equal(json.gateway.dialects.sio2, 1);
    assert.equal(json.gateway.dialects.sse, 1);
    assert.deepEqual(json.gateway.transports, { websocket: 1, polling: 0, events: 1 });
    assert.deepEqual(json.gateway.sessions.map(item => [item.dialect, item.subscriptions]).sort(), [['sio2', 1], ['sse', 2]]);
    assert.ok(json.actors.every(actor => actor.alive));
    assert.ok(json.actors.find(actor => actor.name === 'states').commands);
    const [status] = await client.call('iobusStatus');
    assert.equal(status.version, json.version);
    const ok = await rest.metric('iobus_http_responses_total{class="2xx"}');
    await rest.get('/api/state/none');
    assert.ok(ok > 0 && await rest.metric('iobus_http_responses_total{class="4xx"}') > 0);
});

test('an actor that is gone is reported, and is 503', async t => {
    const system = await new System(t, temporaryFolder(t)).start();
    const rest = new Rest(system.gateways[0].urls[0]);
    await system.kill('history');
    const { status, json } = await rest.get('/api/status');
    assert.equal(status, 200);
    const history = json.actors.find(actor => actor.name === 'history');
    assert.equal(history.alive, false);
    assert.ok(history.error);
    assert.equal(json.actors.find(actor => actor.name === 'states').alive, true);
    const refused = await rest.get('/api/history/a');
    assertProblem(refused, 503);
    assert.equal(refused.headers.get('retry-after'), '1');
});
