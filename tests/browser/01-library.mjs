// SPDX-License-Identifier: MIT
// iobus.js in node: every method, what is watched, and what happens when the connection breaks.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { parse } from 'acorn';
import { WebSocketServer } from 'ws';
import { happens, loadLibrary, openBus, spyClass, startHouse, stateObject, within, WWW } from './lib/system.mjs';

const code = name => error => error.code === name;

// Until the list has so many entries.
async function grown(list, size, what) {
    const deadline = Date.now() + 20_000;
    while (list.length < size) {
        assert.ok(Date.now() < deadline, `${what}: ${JSON.stringify(list)} instead of ${size}`);
        await new Promise(setImmediate);
    }
    return list;
}

test('a program reads, watches and writes', async t => {
    const house = await startHouse(t);
    const bus = await openBus(t, house.url, { name: 'example' });
    const seen = [];
    await bus.setObject('lamp.0.on', stateObject());
    await bus.setState('lamp.0.on', false, true);
    const stop = bus.subscribe('lamp.0.*', (id, state) => seen.push([id, state.val, state.ack]), { current: true });
    await stop.ready;
    await bus.setState('lamp.0.on', true);
    await grown(seen, 2, 'changes');
    stop();
    assert.deepEqual(seen, [['lamp.0.on', false, true], ['lamp.0.on', true, false]]);
    assert.equal((await bus.getState('lamp.0.on')).val, true);
    assert.equal(bus.connected, true);
    assert.equal(bus.url, `${house.url}/`);
});

test('states and objects', async t => {
    const house = await startHouse(t, '--admin=on');
    const bus = await openBus(t, house.url);
    await bus.setObject('a.b', stateObject({ name: 'first' }));
    await bus.extendObject('a.b', { common: { role: 'switch' } });
    const object = await bus.getObject('a.b');
    assert.deepEqual([object.common.name, object.common.role], ['first', 'switch']);
    assert.equal(await bus.getObject('a.none'), null);
    assert.equal((await bus.getObjects(['a.b']))['a.b'].common.name, 'first');
    assert.equal((await bus.getObjects())['a.b'].common.name, 'first');
    const rows = await bus.getObjectView('system', 'state', { startkey: 'a.', endkey: 'a.\u9999' });
    assert.deepEqual(rows.map(row => row.id), ['a.b']);
    assert.equal(await bus.setState('a.b', { val: 5, q: 2 }, true), 'a.b');
    assert.deepEqual((({ val, ack, q }) => ({ val, ack, q }))(await bus.getState('a.b')), { val: 5, ack: true, q: 2 });
    assert.equal((await bus.getStates(['a.b', 'a.none']))['a.none'], null);
    assert.equal((await bus.getStates('a.*'))['a.b'].val, 5);
    assert.equal((await bus.getStates())['a.b'].val, 5);
    await bus.delObject('a.b');
    assert.equal(await bus.getObject('a.b'), null);
});

test('files', async t => {
    const house = await startHouse(t);
    const bus = await openBus(t, house.url);
    await bus.setObject('pages.0', { type: 'meta', common: { name: 'pages', type: 'meta.user' }, native: {} });
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251);
    await bus.writeFile('pages.0', 'a/text.txt', 'Grüße 😀');
    await bus.writeFile('pages.0', 'a/data.json', '{"100 %": "ü"}');
    await bus.writeFile('pages.0', 'a/picture.png', bytes);
    await bus.writeFile('pages.0', 'a/blob.bin', new Blob([bytes]));
    await bus.writeFile('pages.0', 'a/empty.txt', '');
    assert.deepEqual(await bus.readFile('pages.0', 'a/text.txt'), { data: 'Grüße 😀', mimeType: 'text/plain' });
    assert.deepEqual(await bus.readFile('pages.0', 'a/data.json'), { data: '{"100 %": "ü"}', mimeType: 'application/json' });
    assert.deepEqual((await bus.readFile('pages.0', 'a/picture.png')).data, bytes);
    assert.deepEqual((await bus.readFile('pages.0', 'a/blob.bin')).data, bytes);
    assert.equal((await bus.readFile('pages.0', 'a/empty.txt')).data, '');
    assert.deepEqual((await bus.readFile('pages.0', 'a/data.json', 'bytes')).data, new TextEncoder().encode('{"100 %": "ü"}'));
    await bus.rename('pages.0', 'a/text.txt', 'b/new.txt');
    await bus.mkdir('pages.0', 'c');
    assert.deepEqual((await bus.readDir('pages.0')).map(entry => [entry.file, entry.isDir]), [['a', true], ['b', true], ['c', true]]);
    await bus.unlink('pages.0', 'a');
    assert.deepEqual(await bus.readDir('pages.0', 'a'), []);
    await assert.rejects(bus.readFile('pages.0', 'a/text.txt'), { code: 'server', message: 'readFile: Not exists' });
    assert.equal(bus.fileUrl('pages.0', '/b/ä x.txt'), `${house.url}/pages.0/b/%C3%A4%20x.txt`);
});

test('history, messages, requests, log, versions', async t => {
    const house = await startHouse(t);
    const bus = await openBus(t, house.url, { name: 'talker' });
    await bus.setObject('h.x', stateObject({ custom: { 'history.0': { enabled: true, changesOnly: false, debounce: 0 } } }));
    await bus.setState('h.x', 7, true);
    const read = { instance: 'history.0', start: Date.now() - 60_000, end: Date.now() + 60_000, aggregate: 'none' };
    assert.equal((await bus.getHistory('h.x', read)).pop().val, 7);
    assert.equal((await bus.sendTo('history.0', 'getHistory', { id: 'h.x', options: read })).result.pop().val, 7);
    const page = await bus.httpGet(`${house.url}/version`);
    assert.equal(page.status, 200);
    assert.ok(page.data.length > 0);
    assert.match((await bus.getVersion()).version, /^\d+\.\d+/);
    assert.deepEqual(await bus.authEnabled(), { enabled: false, user: 'admin' });
    const lines = [];
    const stop = bus.requireLog(line => lines.push(line.message));
    await bus.call('log', 'a line from afar', 'warn').catch(() => 0);
    await grown(lines, 1, 'log lines');
    assert.ok(lines.some(line => line.includes('a line from afar')));
    stop();
});

test('a program is an instance', async t => {
    const house = await startHouse(t);
    const device = await openBus(t, house.url);
    const bus = await openBus(t, house.url);
    const sids = [], heard = [], errors = [];
    const me = device.instance('mydevice.0', {
        add: ({ a, b }) => a + b,
        fail: () => { throw new Error('broken'); },
        clientSubscribe: ({ sid }) => (sids.push(sid), { accepted: true }),
        '*': (message, { command }) => `${command}?`,
    });
    await me.ready;
    assert.equal(await bus.sendTo('mydevice.0', 'add', { a: 1, b: 2 }), 3);
    assert.deepEqual(await bus.sendTo('mydevice.0', 'fail'), { error: 'broken' });
    assert.equal(await bus.sendTo('mydevice.0', 'other'), 'other?');
    bus.on('im', (...args) => heard.push(args));
    assert.deepEqual(await bus.call('clientSubscribe', 'mydevice.0', 'cam'), { accepted: true });
    assert.equal(await me.push(sids[0], 'cam', { n: 1 }), true);
    await grown(heard, 1, 'messages');
    assert.deepEqual(heard, [['cam', 'system.adapter.mydevice.0', { n: 1 }]]);
    bus.on('error', error => errors.push(error));
    const second = bus.instance('mydevice.0', {});
    await assert.rejects(second.ready, code('server'));
    await grown(errors, 1, 'errors');
    second.stop();
    // The server starts again: the program is the instance again.
    const [again] = [happens(device, 'connect')];
    await house.stop('SIGKILL');
    await house.start();
    await within(again, 'the connection');
    await within(bus.ready, 'the other connection');
    await me.registering;
    assert.equal(await bus.sendTo('mydevice.0', 'add', { a: 2, b: 2 }), 4);
    assert.equal(await me.stop(), true);
    assert.deepEqual(await bus.sendTo('mydevice.0', 'add', {}), { error: 'This instance does not run here' });
});

test('errors have a code', async t => {
    const house = await startHouse(t);
    const silent = await openBus(t, await fakeServer(t, ({ say }) => say([0, 1, '___ready___'])));
    const bus = await openBus(t, house.url);
    const { connect } = await loadLibrary(t);
    await assert.rejects(silent.request('getState', ['x'], { timeout: 50 }), code('timeout'));
    const unanswered = silent.getState('x');
    silent.close();
    await assert.rejects(unanswered, code('closed'));
    await assert.rejects(silent.getState('x'), code('closed'));
    await assert.rejects(silent.ready, code('closed'));
    await assert.rejects(bus.setState('', 1), code('server'));
    await assert.rejects(bus.call('noSuchCommand'), { code: 'server', command: 'noSuchCommand' });
    assert.throws(() => connect({ WebSocket: spyClass() }), /URL of the server/);
});

test('one subscription per pattern, however many handlers', async t => {
    const house = await startHouse(t);
    const Spy = spyClass();
    const bus = await openBus(t, house.url, { WebSocket: Spy });
    const seen = { a: [], b: [], both: [] };
    const stopA = bus.subscribe('p.*', (id, state) => seen.a.push(state.val));
    const stopB = bus.subscribe('p.*', (id, state) => seen.b.push(state.val));
    const stopBoth = bus.subscribe(['p.x', '*.x', 'q'], (id, state) => seen.both.push(state.val));
    await bus.setState('p.x', 1);
    await grown(seen.both, 1, 'changes');
    assert.deepEqual(seen, { a: [1], b: [1], both: [1] });
    assert.deepEqual(Spy.calls('subscribe'), [[['p.*', 'p.x', '*.x', 'q']]]);
    stopA();
    stopA(); // twice changes nothing
    await bus.setState('p.x', 2);
    await grown(seen.b, 2, 'changes');
    assert.deepEqual(Spy.calls('unsubscribe'), []);
    stopB();
    stopBoth();
    await bus.setState('p.x', 3);
    await bus.getState('p.x');
    assert.deepEqual(seen, { a: [1], b: [1, 2], both: [1, 2] });
    assert.deepEqual(Spy.calls('unsubscribe'), [[['p.*', 'p.x', '*.x', 'q']]]);
});

test('a handler that throws does not keep the others from being called', async t => {
    const house = await startHouse(t);
    const bus = await openBus(t, house.url);
    const [errors, seen] = [[], []];
    bus.on('error', error => errors.push(error.message));
    bus.subscribe('t.*', () => {
        throw new Error('mine');
    });
    bus.subscribe('t.x', (id, state) => seen.push(state.val));
    await bus.setState('t.x', 1);
    await grown(seen, 1, 'changes');
    assert.deepEqual(errors, ['mine']);
});

test('objects and files are watched', async t => {
    const house = await startHouse(t, '--admin=on');
    const bus = await openBus(t, house.url);
    const seen = [];
    bus.subscribeObjects('o.*', (id, object) => seen.push([id, object && object.common.name]));
    bus.subscribeFiles('files.0', 'a/*', (store, file, size) => seen.push([store, file, size]));
    await bus.setObject('o.1', stateObject({ name: 'one' }));
    await bus.delObject('o.1');
    await bus.setObject('files.0', { type: 'meta', common: { name: 'f', type: 'meta.user' }, native: {} });
    await bus.writeFile('files.0', 'a/x.txt', 'text');
    await bus.writeFile('files.0', 'b/x.txt', 'not watched');
    await bus.unlink('files.0', 'a/x.txt');
    await grown(seen, 4, 'changes');
    assert.deepEqual(seen, [['o.1', 'one'], ['o.1', null], ['files.0', 'a/x.txt', 4], ['files.0', 'a/x.txt', null]]);
});

test('after a break only what changed is told, once', async t => {
    const house = await startHouse(t, '--admin=on');
    const Spy = spyClass();
    const [bus, other] = [await openBus(t, house.url, { WebSocket: Spy }), await openBus(t, house.url)];
    const seen = [], objects = [];
    for (const id of ['r.same', 'r.changed', 'r.gone']) {
        await other.setObject(id, stateObject({ name: id }));
        await other.setState(id, 1, true);
    }
    const stop = bus.subscribe(['r.*', 'single.without.object'], (id, state) => seen.push([id, state && state.val]), { current: true });
    const stopObjects = bus.subscribeObjects('r.*', (id, object) => objects.push([id, object && object.common.name]));
    await Promise.all([stop.ready, stopObjects.ready]);
    assert.deepEqual(seen.splice(0).sort(), [['r.changed', 1], ['r.gone', 1], ['r.same', 1]]);

    bus.options.retryMin = bus.options.retryMax = 100_000; // stays away until it is told to come back
    Spy.cut();
    await happens(bus, 'disconnect');
    await other.setState('r.changed', 2, true);
    await other.setState('r.changed', 3, true);
    await other.delObject('r.gone');
    await other.setObject('r.new', stateObject({ name: 'r.new' }));
    await other.setState('r.new', 4, true);
    await other.setState('single.without.object', 5, true);
    const late = bus.setState('r.same', 6); // waits for the connection
    bus.link.wake();
    const { again, changes } = await happens(bus, 'resume');
    await late;
    await other.setState('r.changed', 7, true);
    await grown(seen, 6, 'changes');
    assert.equal(again, true);
    assert.deepEqual(seen.slice(0, -1).sort(),
        [['r.changed', 3], ['r.gone', null], ['r.new', 4], ['r.same', 6], ['single.without.object', 5]]);
    assert.deepEqual(seen.slice(-1), [['r.changed', 7]]);
    assert.ok(changes >= 6, `${changes} changes`); // four states, two objects; r.same may be among them
    assert.deepEqual(objects.sort(), [['r.gone', null], ['r.new', 'r.new']]);
});

test('files that changed during a break are told', async t => {
    const house = await startHouse(t);
    const Spy = spyClass();
    const [bus, other] = [await openBus(t, house.url, { WebSocket: Spy }), await openBus(t, house.url)];
    const seen = [];
    await other.setObject('f.0', { type: 'meta', common: { name: 'f', type: 'meta.user' }, native: {} });
    await other.writeFile('f.0', 'main/same.txt', 'same');
    await other.writeFile('f.0', 'main/sub/gone.txt', 'gone');
    const stop = bus.subscribeFiles('f.0', 'main/*', (store, file, size) => seen.push([file, size]));
    await stop.ready;
    bus.options.retryMin = bus.options.retryMax = 100_000;
    Spy.cut();
    await happens(bus, 'disconnect');
    await other.unlink('f.0', 'main/sub/gone.txt');
    await other.writeFile('f.0', 'main/new.txt', 'new');
    bus.link.wake();
    await happens(bus, 'resume');
    assert.deepEqual(seen.sort(), [['main/new.txt', 3], ['main/sub/gone.txt', null]]);
});

test('breaks under load: nothing is missed at the end, nothing doubled', async t => {
    const house = await startHouse(t);
    const Spy = spyClass();
    const [bus, writer] = [await openBus(t, house.url, { WebSocket: Spy, retryMin: 1, retryMax: 5 }), await openBus(t, house.url)];
    const last = new Map(), doubled = [], ids = Array.from({ length: 20 }, (_, i) => `load.${i}`);
    const watched = (id, state) => {
        if ((last.get(id) ?? 0) >= state.val) {
            doubled.push([id, last.get(id), state.val]);
        }
        last.set(id, state.val);
    };
    await Promise.all(ids.map(id => writer.setObject(id, stateObject())));
    await Promise.all(ids.map(id => writer.setState(id, 0, true)));
    await bus.subscribe('load.*', watched).ready;
    for (let round = 1; round <= 300; round++) {
        await writer.setState(ids[round % ids.length], round, true);
        if (round % 10 === 0) {
            Spy.cut();
        }
    }
    await within(bus.ready, 'connection');
    const values = await writer.getStates('load.*');
    const missing = () => ids.filter(id => last.get(id) !== values[id].val);
    const deadline = Date.now() + 20_000;
    while (missing().length) {
        assert.ok(Date.now() < deadline, `missed: ${missing().map(id => [id, last.get(id), values[id].val])}`);
        await new Promise(resolve => setTimeout(resolve, 10));
    }
    assert.deepEqual(doubled, []);
    assert.ok(Spy.all.length > 5, 'it was cut off');
});

test('the server stops and starts again', async t => {
    const house = await startHouse(t);
    const bus = await openBus(t, house.url, { queue: 3 });
    const seen = [];
    await bus.setState('s.x', 1, true);
    await bus.subscribe('s.x', (id, state) => seen.push(state.val)).ready;
    const gone = happens(bus, 'disconnect');
    await house.stop();
    await gone;
    assert.equal(bus.connected, false);
    const writes = [bus.setState('s.x', 2), bus.getState('s.x'), bus.getState('s.x')];
    await assert.rejects(bus.getState('s.x'), code('queue'));
    await house.start();
    assert.deepEqual((await Promise.all(writes)).map(result => result.val ?? result), ['s.x', 2, 2]);
    await grown(seen, 1, 'changes');
    assert.deepEqual(seen, [2]);
});

// A server of the dialect that does what a test wants.
async function fakeServer(t, onConnection) {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    server.on('connection', (socket, request) => {
        const say = message => socket.send(JSON.stringify(message));
        onConnection({ socket, say, query: new URL(request.url, 'http://x').searchParams });
    });
    await new Promise(resolve => server.once('listening', resolve));
    t.after(() => {
        server.clients.forEach(client => client.terminate());
        server.close();
    });
    return `http://127.0.0.1:${server.address().port}`;
}

test('a server that falls silent is left, one that answers pings is not', async t => {
    const connections = [];
    const url = await fakeServer(t, ({ socket, say }) => {
        const first = connections.push(socket) === 1;
        say([0, 1, '___ready___']);
        socket.on('message', data => JSON.parse(data)[0] === 1 && !first && say([2]));
    });
    const bus = await openBus(t, url, { pingInterval: 20, pongTimeout: 100 });
    await happens(bus, 'disconnect');
    await within(bus.ready, 'second connection');
    const pinged = new Promise(resolve => {
        let count = 0;
        connections[1].on('message', () => ++count === 15 && resolve());
    });
    await within(pinged, 'pings');
    assert.equal(connections.length, 2);
});

test('reads that had no answer are asked again, writes are not', async t => {
    const asked = [];
    const url = await fakeServer(t, ({ socket, say }) => {
        say([0, 1, '___ready___']);
        socket.on('message', data => {
            const [type, id, name] = JSON.parse(data);
            asked.push(name);
            if (asked.filter(other => other === 'getState').length > 1) {
                say([type, id, name, [null, { val: 'second' }]]);
            } else if (asked.length === 2) {
                socket.terminate();
            }
        });
    });
    const bus = await openBus(t, url);
    const [write, read] = await Promise.allSettled([bus.setState('x', 1), bus.getState('x')]);
    assert.equal(write.reason.code, 'disconnected');
    assert.equal(read.value.val, 'second');
    assert.deepEqual(asked, ['setState', 'getState', 'getState']);
});

test('a server that refuses is not asked again before there are other credentials', async t => {
    const attempts = [];
    const url = await fakeServer(t, ({ say, query }) => {
        attempts.push(query.get('token'));
        say(query.get('token') === 'ü&right' ? [0, 1, '___ready___'] : [0, 401, 'reauthenticate']);
    });
    const { connect } = await loadLibrary(t);
    const bus = connect(url, { WebSocket: spyClass(), token: () => Promise.resolve('wrong'), retryMin: 1 });
    t.after(() => bus.close());
    await assert.rejects(within(bus.ready, 'refusal'), code('reauthenticate'));
    await within(bus.login({ token: 'ü&right' }), 'connection');
    assert.deepEqual(attempts, ['wrong', 'ü&right']);
});

test('old browsers understand the syntax', () => {
    for (const name of ['iobus.js', ...fs.readdirSync(path.join(WWW, '_iobus/client')).map(file => `_iobus/client/${file}`)]) {
        const text = fs.readFileSync(path.join(WWW, name), 'utf8').replace('import.meta.url', '""'); // came before its edition
        assert.doesNotThrow(() => parse(text, { ecmaVersion: 2018, sourceType: 'module' }), name);
    }
    assert.doesNotThrow(() => parse(fs.readFileSync(path.join(WWW, 'conn.js'), 'utf8'), { ecmaVersion: 2018 }));
});
