// SPDX-License-Identifier: MIT
// The classic connection script: the published ones over socket.io, and ours over the plain dialect, do the same steps.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { openPage, servePages, startChromium, until } from './lib/chromium.mjs';
import { openBus, startHouse, stateObject, within } from './lib/system.mjs';

const HERE = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const read = file => fs.readFileSync(path.join(HERE, file), 'utf8');
const STEPS = read('lib/connjs-steps.js');

const OWN = 'ours';
const PUBLISHED = {
    'iobroker.socketio 8.0.1': 'node_modules/iobroker.socketio/example/conn.js',
    'iobroker.vis 1.5.6': 'node_modules/iobroker.vis/www/js/conn.js',
};

function page(server, name) {
    const scripts = name === OWN ? `<script src="${server}/conn.js"></script>`
        : `<script>var socketUrl = '${server}', socketSession = '';</script><script src="${server}/socket.io/socket.io.js"></script>
           <script>${read(PUBLISHED[name])}</script>`;
    return `<!doctype html><html lang="en"><title>${name}</title><div id="server-disconnect" style="display: none">gone</div>
        <script>var server = '${server}', socketNamespace = 'lab.0';</script>${scripts}<script>${STEPS}</script>`;
}

async function furnish(t, house) {
    const bus = await openBus(t, house.url);
    const history = { custom: { 'history.0': { enabled: true, changesOnly: false, debounce: 0, aliasId: '' } } };
    const objects = {
        'lab.0': { type: 'meta', common: { name: 'lab', type: 'meta.user' }, native: {} },
        c: { type: 'device', common: { name: 'device' }, native: {} },
        'c.0': { type: 'channel', common: { name: 'channel' }, native: {} },
        'c.0.x': stateObject(history),
        'c.0.y': stateObject(),
        'c.0.humidity': stateObject(),
        'enum.rooms.lab': { type: 'enum', common: { name: 'Lab', members: ['c.0'] }, native: {} },
        'lab.0.control.instance': stateObject(),
        'lab.0.control.data': stateObject(),
        'lab.0.control.command': stateObject(),
    };
    for (const [id, object] of Object.entries(objects)) {
        await bus.setObject(id, object);
    }
    for (const { id } of await bus.getObjectView('system', 'host')) {
        await bus.setState(`${id}.alive`, true, true); // a null makes the published script stumble
    }
    return bus;
}

async function openSteps(t, name, options = {}) {
    const house = await startHouse(t);
    const bus = await furnish(t, house);
    const context = await startChromium(t);
    const tab = await openPage(context);
    await tab.exposeFunction('makeObject', id => bus.setObject(id, { type: 'chart', common: { name: 'chart' }, native: {} }));
    await tab.goto(await servePages(t, { '/': page(house.url, name) }));
    await within(tab.evaluate(given => window.connectSteps(window.servConn ?? servConn, given), options), 'connection');
    return { house, bus, tab };
}

// What differs only because the dialects do: an Error is {} on socket.io, a text in the plain one.
function alike(answers, url) {
    const text = JSON.stringify(answers, (key, value) => (value === 'Error: Not exists' ? {} : value), 1);
    return JSON.parse(text.replaceAll(url, 'SERVER'));
}

const results = {};
for (const name of [...Object.keys(PUBLISHED), OWN]) {
    test(`every method: ${name}`, async t => {
        const { house, tab } = await openSteps(t, name);
        results[name] = alike(await tab.evaluate(() => window.runSteps()), house.url);
        const failed = Object.entries(results[name]).filter(([, answer]) => typeof answer === 'string');
        assert.deepEqual(failed, []);
        assert.deepEqual(tab.problems.filter(problem => !/^console: Error: from the steps/.test(problem)), []);
    });
}

// The published scripts look for types in a way that never finds one, and one of them clears nothing.
const BETTER = ['getMimeType', 'clearCache', 'readFile64 of nothing'];

test('all give the same answers', () => {
    const [first, ...others] = Object.values(results);
    for (const other of others) {
        const different = Object.keys(first).filter(step => JSON.stringify(first[step]) !== JSON.stringify(other[step]));
        assert.deepEqual(different.filter(step => !BETTER.includes(step)).map(step => [step, first[step], other[step]]), []);
    }
});

test('answers that pages rely on', () => {
    const answers = results[OWN];
    assert.deepEqual(answers.setState, [null, 'c.0.x']);
    assert.deepEqual(answers['onUpdate value'], ['c.0.x', { val: 21.5, ack: false, q: 0, from: 'system.adapter.socketio.0' }]);
    assert.deepEqual(answers['getStates list'].slice(1), [{ val: 22.5, ack: true, q: 16, from: 'system.adapter.socketio.0' }, null]);
    assert.deepEqual(answers.sendCommand, ['lab-instance', 'alert', 'text']);
    assert.deepEqual(answers.getHistory, [null, [21.5, 22.5], 'number']);
    assert.deepEqual(answers.readFile, [null, '{\n  "a": [\n    1\n  ]\n}', 'b.json', 'application/json']);
    assert.deepEqual(answers['readFile whole path'].slice(0, 2), [null, 'Grüße 😀']);
    assert.equal(answers['readFile of nothing'][0], 'Not exists');
    assert.deepEqual(answers['readDir of nothing'], [null, []]);
    assert.deepEqual(answers['writeFile64 empty'], ['No data provided']);
    assert.deepEqual(answers.getChildren[1], ['c.0.humidity', 'c.0.x', 'c.0.y']);
    assert.deepEqual(answers.delObject, ['flot.0.lab', null]);
    assert.equal(answers['readFile binary'][1].bytes[0], 0x89);
});

test('what the README names besides: authEnabled, requireLog, the data of httpGet', async t => {
    const { tab, house } = await openSteps(t, OWN);
    assert.deepEqual(await tab.evaluate(() => new Promise(resolve => servConn.authEnabled((...args) => resolve(args)))), [false, 'admin']);
    const text = await tab.evaluate(() => new Promise(resolve => servConn.httpGet(`${server}/version`,
        (error, { status }, data) => resolve([error, status, new TextDecoder().decode(data)]))));
    assert.deepEqual(text.slice(0, 2), [null, 200]);
    assert.equal(text[2], await (await fetch(`${house.url}/version`)).text());
    await tab.evaluate(() => new Promise(resolve => servConn.requireLog(true, resolve)));
    await tab.evaluate(() => servConn.logError('a line for the log'));
    await until(tab, () => stepEvents.some(([name, [line]]) => name === 'onLog' && line.message.includes('a line for the log') && line.severity === 'error'));
});

test('ours comes back by itself, and tells what changed meanwhile', async t => {
    const { house, bus, tab } = await openSteps(t, OWN);
    await bus.setState('c.0.x', 1);
    await bus.setState('c.0.y', 1);
    await until(tab, () => stepEvents.some(([name, [id]]) => name === 'onUpdate' && id === 'c.0.y'));
    await tab.evaluate(() => {
        servConn.setReconnectInterval(300);
        window.mark = true;
        stepEvents.length = 0;
    });
    await house.stop();
    await until(tab, () => stepEvents.some(([name, [connected]]) => name === 'onConnChange' && !connected));
    assert.equal(await tab.isVisible('#server-disconnect'), true);
    await tab.evaluate(() => {
        window.late = new Promise(resolve => servConn.setState('late.x', 5, (...args) => resolve(args)));
    });
    await house.start();
    await within(bus.ready, 'connection');
    await until(tab, () => servConn.getIsConnected());
    assert.deepEqual(await tab.evaluate(() => window.late), [null, 'late.x']);
    await bus.setState('c.0.x', 2);
    await until(tab, () => stepEvents.some(([name, [id, state]]) => name === 'onUpdate' && id === 'c.0.x' && state.val === 2));
    const updates = await tab.evaluate(() => stepEvents.filter(([name]) => name === 'onUpdate').map(([, [id, state]]) => [id, state.val]));
    assert.deepEqual(updates.filter(([id]) => id.startsWith('c.')), [['c.0.x', 2]]);
    assert.equal(await tab.isVisible('#server-disconnect'), false);
    assert.equal(await tab.evaluate(() => window.mark), true);

    await tab.evaluate(() => {
        servConn.setReconnectInterval(100_000);
        stepEvents.length = 0;
        servConn._socket.drop();
    });
    await bus.setState('c.0.x', 3);
    await tab.evaluate(() => servConn.reconnect());
    await until(tab, () => stepEvents.some(([name, [id, state]]) => name === 'onUpdate' && id === 'c.0.x' && state.val === 3));
    assert.deepEqual(await tab.evaluate(() => stepEvents.filter(([name, [id]]) => name === 'onUpdate' && id.startsWith('c.')).length), 1);
});
