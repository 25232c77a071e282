// SPDX-License-Identifier: MIT
// iobus.js in Chromium, imported by a page of another origin.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, servePages, startChromium, until } from './lib/chromium.mjs';
import { openBus, startHouse, within } from './lib/system.mjs';

// Shows the value of lamp.x, keeps what happened in window.log; the button writes.
const page = server => `<!doctype html><html lang="en"><title>test</title><p id="value"></p><p id="link"></p><button>on</button>
<script type="module">
import { connect } from '${server}/iobus.js';
const bus = window.bus = connect({ name: 'page', retryMin: 50, retryMax: 300, pingInterval: 500, pongTimeout: 1000 });
const log = window.log = [];
bus.on('connect', () => (link.textContent = 'connected'));
bus.on('disconnect', () => (link.textContent = 'gone'));
bus.on('resume', ({ again }) => again && log.push('resumed'));
bus.subscribe('lamp.x', (id, state) => {
    value.textContent = JSON.stringify(state.val);
    log.push(state.val);
}, { current: true });
document.querySelector('button').onclick = () => bus.setState('lamp.x', 'clicked');
</script>`;

async function openLamp(t, house) {
    const context = await startChromium(t);
    const url = await servePages(t, { '/': page(house.url) });
    const tab = await openPage(context, url);
    return { context, tab, shows: text => until(tab, wanted => value.textContent === wanted, text) };
}

test('live values, a click, the server restarted', async t => {
    const house = await startHouse(t);
    const bus = await openBus(t, house.url);
    await bus.setState('lamp.x', 'first');
    const { tab, shows } = await openLamp(t, house);
    await shows('"first"');
    assert.equal(await tab.evaluate(() => window.bus.url), `${house.url}/`);
    await bus.setState('lamp.x', 'second');
    await shows('"second"');
    const clicked = new Promise(resolve => bus.subscribe('lamp.x', (id, state) => state.val === 'clicked' && resolve(state)));
    await tab.click('button');
    assert.equal((await within(clicked, 'click')).ack, false);
    await shows('"clicked"');
    assert.deepEqual(tab.problems, []);

    const gone = until(tab, () => link.textContent === 'gone');
    await house.stop();
    await gone;
    await tab.click('button'); // waits for the server
    await house.start();
    await within(bus.ready, 'connection');
    await until(tab, () => window.log.includes('resumed'));
    await until(tab, () => window.log.filter(entry => entry === 'clicked').length === 2);
    await bus.setState('lamp.x', 'third');
    await shows('"third"');
    assert.deepEqual((await tab.evaluate(() => window.log)).filter(entry => entry !== 'resumed'),
        ['first', 'second', 'clicked', 'clicked', 'third']);
});

test('the network goes and comes back', async t => {
    const house = await startHouse(t);
    const bus = await openBus(t, house.url);
    await bus.setState('lamp.x', 1);
    const { context, tab, shows } = await openLamp(t, house);
    await shows('1');
    await context.setOffline(true);
    await tab.evaluate(() => window.bus.link.drop()); // what a broken network does sooner or later
    await until(tab, () => link.textContent === 'gone');
    await bus.setState('lamp.x', 2);
    await until(tab, () => window.bus.link.failures > 2);
    const failures = await tab.evaluate(() => {
        window.bus.options.retryMin = window.bus.options.retryMax = 100_000; // by itself it would be late
        return window.bus.link.failures;
    });
    await until(tab, before => !window.bus.link.socket && window.bus.link.failures > before, failures);
    assert.equal(await tab.textContent('#value'), '1');
    await context.setOffline(false); // the event wakes it at once
    await shows('2');
    assert.deepEqual(await tab.evaluate(() => window.log), [1, 2, 'resumed']);
});

test('a worker', async t => {
    const house = await startHouse(t);
    const bus = await openBus(t, house.url);
    const context = await startChromium(t);
    const code = `import { connect } from '${house.url}/iobus.js';
        const bus = connect();
        bus.subscribe('w.x', (id, state) => postMessage(state.val), { current: true });
        onmessage = event => bus.setState('w.y', event.data);`;
    const tab = await openPage(context, await servePages(t, { '/': '<!doctype html><html lang="en"><title>test</title>' }));
    await bus.setState('w.x', 'for the worker');
    const answer = tab.evaluate(text => new Promise(resolve => {
        window.worker = new Worker(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })), { type: 'module' });
        window.worker.onmessage = event => resolve(event.data);
    }), code);
    assert.equal(await within(answer, 'message of the worker'), 'for the worker');
    const written = new Promise(resolve => bus.subscribe('w.y', (id, state) => resolve(state.val)));
    await tab.evaluate(() => window.worker.postMessage('by the worker'));
    assert.equal(await within(written, 'write of the worker'), 'by the worker');
    assert.deepEqual(tab.problems, []);
});

test('below a base path', async t => {
    const house = await startHouse(t, '--base-path=/house');
    const bus = await openBus(t, `${house.url}/house`);
    await bus.setState('lamp.x', 'below');
    const { tab, shows } = await openLamp(t, { url: `${house.url}/house` });
    await shows('"below"');
    assert.equal(await tab.evaluate(() => window.bus.url), `${house.url}/house/`);
    assert.deepEqual(tab.problems, []);
});
