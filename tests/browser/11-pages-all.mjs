// SPDX-License-Identifier: MIT
// Our pages Start, Live and Status, and what all pages promise: they come back after a break, are legible in both themes,
// fit a phone, speak German, and name everything that can be worked.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { parse } from 'acorn';
import { shoot, until } from './lib/chromium.mjs';
import { assertClean, assertContrast, assertFits, assertNames, openAt, PHONE, recordPast, rowOf, shows, startPages } from './lib/pages.mjs';
import { openBus, startHouse, WWW } from './lib/system.mjs';
import { tool } from '../integration/lib/ways.mjs';

const PAGES = {
    start: ['', '.latest-list a[href]'],
    tree: ['explorer.html', rowOf('demo.house.lamp')],
    object: ['explorer.html#/states/test.0.past', '.history canvas'],
    channel: ['explorer.html#/states/test.0.kinds', '.children .switch'],
    stores: ['explorer.html#/files', '.file-table'],
    file: ['explorer.html#/files/0_userdata.0/notes.txt', '.preview pre'],
    live: ['live.html', '#stream tr'],
    status: ['status.html', '#sessions tbody tr'],
};

async function startAll(t) {
    const { house, bus } = await startPages(t);
    await recordPast(bus);
    await bus.writeFile('0_userdata.0', 'notes.txt', 'A note.');
    return { house, bus };
}

// Goes to each page, and looks at it when it shows what it should.
async function eachPage(tab, house, look) {
    for (const [name, [address, selector]] of Object.entries(PAGES)) {
        await tab.goto(`${house.url}/${address.replace(/(?=#)|$/, `?${name}`)}`); // another address, so that each is loaded anew
        await tab.waitForSelector(selector, { state: 'visible' });
        await look(name);
    }
}

test('light and dark: legible, everything has a name, no errors', async t => {
    const { house } = await startAll(t);
    for (const colorScheme of ['light', 'dark']) {
        const { tab, context } = await openAt(t, house, '', { colorScheme, reducedMotion: 'reduce' });
        await eachPage(tab, house, async name => {
            await until(tab, wanted => document.documentElement.dataset.theme === wanted, colorScheme);
            await assertNames(tab, name);
            await assertContrast(tab, `${name} ${colorScheme}`);
            await assertFits(tab, name);
            await shoot(tab, `${name}-${colorScheme}`);
        });
        assertClean(tab);
        await context.close();
    }
});

test('a phone: nothing beyond its edge, targets for a finger', async t => {
    const { house } = await startAll(t);
    const { tab } = await openAt(t, house, '', PHONE);
    await eachPage(tab, house, async name => {
        await assertFits(tab, name);
        const small = await tab.$$eval('button, select, .field, .stops a, .segments > *', all => all.filter(element =>
            element.offsetParent && element.getBoundingClientRect().height < 30).map(element => element.outerHTML));
        assert.deepEqual(small, [], name);
        await shoot(tab, `${name}-phone`);
    });
    assertClean(tab);
});

test('the theme is chosen and kept', async t => {
    const { house } = await startPages(t);
    const { tab } = await openAt(t, house, 'status.html');
    const theme = () => tab.evaluate(() => document.documentElement.dataset.theme);
    assert.equal(await theme(), 'light');
    const ground = await tab.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await tab.click('[aria-label^="Colours: as the system"]');
    await tab.click('[aria-label^="Colours: light"]');
    assert.equal(await theme(), 'dark');
    assert.notEqual(await tab.evaluate(() => getComputedStyle(document.body).backgroundColor), ground);
    await tab.reload();
    assert.equal(await theme(), 'dark');
});

test('German by the browser, English by choice', async t => {
    const { house } = await startAll(t);
    const { tab } = await openAt(t, house, '', { locale: 'de-DE' });
    await eachPage(tab, house, async name => {
        assert.equal(await tab.evaluate(() => document.documentElement.lang), 'de', name);
        const keys = await tab.$$eval('body *', all => all.filter(element => !element.children.length && !element.closest('td, pre'))
            .map(({ textContent }) => textContent));
        assert.deepEqual(keys.filter(text => /^(nav|live|status|start|explorer|panel|state|history|files|meta|how)\.[a-zA-Z]+$/.test(text)), [], name);
    });
    await shows(tab, 'h1', 'Wie es dem Server geht');
    await tab.goto(`${house.url}/explorer.html#/states/demo.house.lamp.level`);
    await shows(tab, '#panel-title', 'Helligkeit'); // names of objects too
    await tab.click('button[lang=en]');
    await shows(tab, '#panel-title', 'Brightness'); // at the same place
    assert.equal(await tab.evaluate(() => document.documentElement.lang), 'en');
    assertClean(tab);
});

// [id, value, kind] of the rows.
const streamed = tab => tab.$$eval('#stream tr:not([hidden])', rows => rows.map(row => [1, 2, 3].map(i => row.children[i].textContent)));

test('Live: changes as they come, filters, counts', async t => {
    const { house, bus } = await startPages(t);
    const { tab } = await openAt(t, house, 'live.html');
    await tab.waitForSelector('#stream tr');
    await tab.fill('#pattern', 'test.0.kinds.*');
    await shows(tab, '#stream-note', '');
    await tab.click('#clear');
    await shows(tab, '#stream-note', 'test.0.kinds.*');
    const begin = Date.now();
    await bus.setState('test.0.kinds.level', 66, true);
    await shows(tab, '#stream', '66');
    assert.ok(Date.now() - begin < 1000, 'within a second');
    await bus.setState('test.0.kinds.choice', 0);
    await shows(tab, '#stream', 'command');
    await until(tab, () => document.querySelectorAll('#stream tr:not([hidden])').length === 2);
    await shows(tab, '#stream', 'off'); // the words and units of the objects
    assert.deepEqual(await streamed(tab), [['test.0.kinds.choice', 'off', 'command'], ['test.0.kinds.level', '66\u202f%', 'report']]);

    await tab.selectOption('#kind', 'ack');
    await until(tab, () => document.querySelectorAll('#stream tr:not([hidden])').length === 1);
    await tab.selectOption('#kind', 'all');
    await until(tab, () => document.querySelectorAll('#stream tr:not([hidden])').length === 2);
    await tab.fill('#text', 'choice');
    await until(tab, () => document.querySelectorAll('#stream tr:not([hidden])').length === 1);
    assert.equal((await streamed(tab))[0][0], 'test.0.kinds.choice');
    await tab.fill('#text', '');
    assertClean(tab);
});

test('Live: a burst is counted, the stream stays bounded, a pause keeps what comes', async t => {
    const { house, bus } = await startPages(t);
    const { tab } = await openAt(t, house, 'live.html');
    await tab.fill('#pattern', 'test.0.kinds.value');
    await shows(tab, '#stream-note', 'test.0.kinds.value');
    await tab.click('#clear');
    for (let i = 1; i <= 600; i++) {
        bus.setState('test.0.kinds.value', i, true);
    }
    await shows(tab, '#rate-note', '600 in all');
    await shows(tab, '#top-list', 'test.0.kinds.value');
    await until(tab, () => document.querySelector('#stream tr .value').textContent === '600');
    assert.equal(await tab.$$eval('#stream tr', rows => rows.length), 250);
    assert.ok(await tab.$eval('#rate-plot', canvas => {
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((value, i) => i % 4 === 3 && value > 0).length > 100;
    }), 'bars');
    await shoot(tab, 'live-burst');

    await tab.click('#pause');
    await bus.setState('test.0.kinds.value', 'while paused', true);
    await until(tab, () => document.getElementById('pause').dataset.count === '1');
    assert.notEqual((await streamed(tab))[0][1], 'while paused');
    await tab.click('#pause');
    await shows(tab, '#stream', 'while paused');
    await tab.click('#stream a');
    await shows(tab, '.big-value', 'while paused'); // the explorer, at that state
    assertClean(tab);
});

test('Status: actors, connections by dialect, clients, rates', async t => {
    const { house, bus } = await startPages(t);
    const { tab } = await openAt(t, house, 'status.html');
    await tab.waitForSelector('#actors tbody tr');
    const actors = await tab.$$eval('#actors tbody tr', rows => rows.map(row => [row.children[0].textContent, row.children[1].textContent]));
    for (const name of ['objects', 'states', 'files', 'history']) {
        assert.ok(actors.some(([one, state]) => one === name && state === 'alive'), `${name}: ${JSON.stringify(actors)}`);
    }
    const counts = (name, count) => until(tab, ([start, end]) => [...document.querySelectorAll('.dialect')].some(row =>
        row.textContent.startsWith(start) && row.querySelector('.number').textContent === end), [name, String(count)]);
    await counts('WebSocket', 2); // the test and the page
    await counts('socket.io 1, 2', 0);
    const other = await openBus(t, house.url, { name: 'third one' });
    await shows(tab, '#sessions', 'third one');
    await counts('WebSocket', 3);
    other.close();
    await until(tab, () => !document.getElementById('sessions').textContent.includes('third one'));
    await shows(tab, '#tiles', 'Slow clients');
    await shows(tab, '#versions', 'socketio');
    await shows(tab, '#lead', 'All parts answer');
    const { version } = await bus.call('iobusStatus');
    await shows(tab, '#tiles', version);
    await tab.click('.commands summary');
    await shows(tab, '.commands', 'setState');
    assertClean(tab);
});

test('every page says when the server is gone, and goes on when it is back', async t => {
    const { house } = await startAll(t);
    const { tab: explorer, context } = await openAt(t, house, 'explorer.html#/states/test.0.kinds.value');
    const tabs = { explorer, live: await context.newPage(), status: await context.newPage(), start: await context.newPage() };
    await tabs.live.goto(`${house.url}/live.html`);
    await tabs.status.goto(`${house.url}/status.html`);
    await tabs.start.goto(`${house.url}/`);
    const all = Object.values(tabs);
    await shows(explorer, '.big-value', '7');
    await tabs.status.waitForSelector('#actors tbody tr');
    for (const tab of all) {
        tab.problems = tab.problems ?? [];
        await tab.evaluate(() => (window.loadedOnce = true));
        await shows(tab, '.link-state', 'connected');
    }
    await house.stop();
    for (const tab of all) {
        await shows(tab, '.link-state', 'offline');
    }
    await shows(tabs.status, '#lead', 'as it was');
    await shoot(explorer, 'explorer-offline');
    await house.start();
    const bus = await openBus(t, house.url);
    for (const tab of all) {
        await tab.bringToFront();
        await shows(tab, '.link-state', 'connected');
    }
    await bus.setState('test.0.kinds.value', 77, true);
    await shows(explorer, '.big-value', '77');
    await shows(explorer, `${rowOf('test.0.kinds.value')} .value`, '77');
    await shows(tabs.live, '#stream', '77');
    await shows(tabs.start, '#latest', 'Measured');
    await shows(tabs.status, '#lead', 'All parts answer');
    await explorer.fill('#search', 'measured');
    await shows(explorer, '#side-note', '1 hit');
    for (const tab of all) {
        assert.ok(await tab.evaluate(() => window.loadedOnce), 'not loaded again');
    }
});

async function logIn(tab, password) {
    await tab.waitForSelector('[name=username]');
    await tab.fill('[name=username]', 'admin');
    await tab.fill('[name=password]', password);
    await tab.keyboard.press('Enter');
}

test('with log-in: to the form and back to the same place, files, an end from elsewhere, log-out', async t => {
    const house = await startHouse(t, '--demo=on', '--admin=on', '--auth=on');
    await tool(house.data, ['passwd', 'admin', '--stdin'], 'First-Word-1');
    const { tab } = await openAt(t, house, 'explorer.html#/states/demo.house.lamp.level');
    await logIn(tab, 'First-Word-1');
    await shows(tab, '#panel-title', 'Brightness');
    await tab.click('#view-files');
    await tab.click('.file-name a:has-text("0_userdata.0")');
    await tab.waitForSelector('.file-tools .main-action');
    await tab.setInputFiles('#file-picker', { name: 'house.svg', mimeType: 'image/svg+xml',
        buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"><path d="M0 0h30v20z"/></svg>') });
    await tab.click('.file-name a:has-text("house.svg")');
    await shows(tab, '.preview', '30 × 20');
    await tool(house.data, ['passwd', 'admin', '--stdin'], 'Second-Word-2');
    await until(tab, () => location.pathname === '/login');
    await logIn(tab, 'Second-Word-2');
    await shows(tab, '.preview', '30 × 20');
    await tab.click('[aria-label="Log out admin"]');
    await until(tab, () => location.pathname === '/login');
    assertClean(tab);
});

test('old browsers understand the syntax, a page is small', () => {
    const files = fs.readdirSync(path.join(WWW, '_iobus'), { recursive: true }).filter(file => /\.(js|css)$/.test(file));
    let size = 0;
    for (const file of files) {
        const text = fs.readFileSync(path.join(WWW, '_iobus', file), 'utf8');
        size += text.length;
        if (file.endsWith('.js')) {
            assert.doesNotThrow(() => parse(text, { ecmaVersion: 2018, sourceType: 'module' }), file);
        }
    }
    assert.ok(size < 250_000, `${size} characters for all pages together, before compression`);
});
