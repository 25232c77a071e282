// SPDX-License-Identifier: MIT
// Our page Explorer: the tree, values as they change, a control for each kind of state, history, files.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';
import { shoot, until } from './lib/chromium.mjs';
import { assertClean, HOUR, openAt, PHONE, recordPast, rowOf, shows, startPages, written } from './lib/pages.mjs';
import { within } from './lib/system.mjs';

const SECOND = 1000;
const stateAt = id => `explorer.html#/states/${id}`;

const activeRow = tab => tab.evaluate(() => {
    const row = document.getElementById(document.getElementById('tree').getAttribute('aria-activedescendant'));
    return row && { id: row.dataset.id, level: row.getAttribute('aria-level'), expanded: row.getAttribute('aria-expanded'), role: row.getAttribute('role') };
});

const movesTo = (tab, id) => until(tab, wanted => {
    const row = document.getElementById(document.getElementById('tree').getAttribute('aria-activedescendant'));
    return !!row && row.dataset.id === wanted;
}, id);

test('a change from outside is shown within a second, in the tree and beside it', async t => {
    const { house, bus } = await startPages(t);
    const { tab } = await openAt(t, house, stateAt('test.0.kinds.value'));
    await shows(tab, '.big-value', '7');
    await shows(tab, `${rowOf('test.0.kinds.value')} .value`, '7');
    for (const value of [8, 9.5, 10]) {
        const begin = Date.now();
        await bus.setState('test.0.kinds.value', value, true);
        await shows(tab, '.big-value', String(value));
        await shows(tab, `${rowOf('test.0.kinds.value')} .value`, String(value));
        assert.ok(Date.now() - begin < SECOND, `${value} took ${Date.now() - begin} ms`);
    }
    await bus.setState('test.0.kinds.value', 11); // a wish
    await shows(tab, '.state-card .badge', 'not confirmed');
    await tab.goto(`${house.url}/${stateAt('test.0.kinds')}`); // all of a channel
    await shows(tab, '.children', 'Measured');
    await bus.setState('test.0.kinds.value', 12, true);
    await shows(tab, '.children li:last-child .child-value', '12');
    await shoot(tab, 'explorer-channel');
    assertClean(tab);
});

test('new objects appear, deleted ones go', async t => {
    const { house, bus } = await startPages(t);
    const { tab } = await openAt(t, house, stateAt('test.0.kinds'));
    await tab.waitForSelector(rowOf('test.0.kinds.text'));
    await bus.setObject('test.0.kinds.new', { type: 'state', common: { name: 'Newcomer', type: 'number' }, native: {} });
    await shows(tab, rowOf('test.0.kinds.new'), 'Newcomer');
    await bus.delObject('test.0.kinds.new');
    await until(tab, where => !document.querySelector(where), rowOf('test.0.kinds.new'));
    assertClean(tab);
});

test('the keyboard alone: tree, search, panel', async t => {
    const { house } = await startPages(t);
    const { tab } = await openAt(t, house, 'explorer.html');
    await tab.waitForSelector(rowOf('demo.house.lamp'));
    assert.equal(await tab.getAttribute('#tree', 'role'), 'tree');
    for (let i = 0; i < 20 && await tab.evaluate(() => document.activeElement.id !== 'tree'); i++) {
        await tab.keyboard.press('Tab');
        assert.ok(await tab.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== 'none'), 'the focus can be seen');
    }
    assert.equal(await tab.evaluate(() => document.activeElement.id), 'tree');
    await tab.keyboard.press('Home');
    await movesTo(tab, '0_userdata');
    await tab.keyboard.type('demo');
    await movesTo(tab, 'demo');
    assert.deepEqual(await activeRow(tab), { id: 'demo', level: '1', expanded: 'true', role: 'treeitem' });
    await tab.keyboard.press('ArrowRight');
    await movesTo(tab, 'demo.house');
    for (const id of ['demo.house.kitchen', 'demo.house.lamp']) {
        await tab.keyboard.press(id === 'demo.house.kitchen' ? 'ArrowRight' : 'ArrowDown');
        await movesTo(tab, id);
    }
    await tab.keyboard.press('ArrowRight'); // opens
    await tab.waitForSelector(rowOf('demo.house.lamp.on'));
    await tab.keyboard.press('ArrowRight'); // goes in
    await movesTo(tab, 'demo.house.lamp.level');
    assert.equal(await tab.getAttribute(rowOf('demo.house.lamp.level'), 'aria-setsize'), '2');
    await tab.keyboard.press('Enter');
    await shows(tab, '#panel-title', 'Brightness');
    assert.equal(await tab.getAttribute(rowOf('demo.house.lamp.level'), 'aria-selected'), 'true');
    await tab.keyboard.press('ArrowLeft');
    await movesTo(tab, 'demo.house.lamp');
    await tab.keyboard.press('ArrowLeft'); // closes
    await until(tab, where => !document.querySelector(where), rowOf('demo.house.lamp.on'));

    await tab.keyboard.press('/');
    assert.equal(await tab.evaluate(() => document.activeElement.id), 'search');
    await tab.keyboard.type('role:switch light');
    await shows(tab, '#side-note', '2 hits'); // the lamp of the house and ours
    await tab.keyboard.press('ArrowDown');
    await tab.keyboard.press('End');
    await movesTo(tab, 'test.0.kinds.switch');
    await tab.keyboard.press('Enter');
    await shows(tab, '#panel-title', 'Light');
    await tab.focus('.writer .switch');
    await tab.keyboard.press('Space');
    await shows(tab, '.big-value', 'on');
    assertClean(tab);
});

// [state, what a person does, the value that is written]
const CONTROLS = [
    ['switch', tab => tab.click('.writer [role=switch]'), true],
    ['press', tab => tab.click('.writer button'), true],
    ['choice', tab => tab.selectOption('.writer select', { label: 'cool' }), 2],
    ['level', async tab => {
        await tab.focus('.writer [type=range]');
        await tab.keyboard.press('ArrowRight');
    }, 41],
    ['number', async tab => {
        await tab.fill('.writer [type=number]', '19.5');
        await tab.keyboard.press('Enter');
    }, 19.5],
    ['text', async tab => {
        await tab.fill('.writer input', 'some words');
        await tab.keyboard.press('Enter');
    }, 'some words'],
    ['json', async tab => {
        await tab.fill('.writer textarea', '{"b": [1, 2');
        await tab.click('.writer .button');
        await tab.waitForSelector('.writer [aria-invalid=true]'); // not written
        await tab.fill('.writer textarea', '{"b":[1,2]}');
        await tab.click('.writer .button');
    }, '{"b":[1,2]}'],
    ['colour', tab => tab.fill('.writer [type=color]', '#00ff00'), '#00ff00'],
];

test('a control for each kind of state writes its value', async t => {
    const { house, bus } = await startPages(t);
    const { tab } = await openAt(t, house, 'explorer.html');
    for (const [key, act, value] of CONTROLS) {
        const id = `test.0.kinds.${key}`;
        await tab.goto(`${house.url}/${stateAt(id)}`);
        await tab.waitForSelector('.writer');
        await until(tab, () => document.querySelector('.big-value').textContent !== '–');
        const state = written(bus, id);
        await act(tab);
        const { val, ack } = await within(state, key);
        assert.deepEqual([key, val, ack], [key, value, false]);
    }
    await tab.goto(`${house.url}/${stateAt('test.0.kinds.text')}`);
    await shows(tab, '.big-value', 'some words');
    await tab.check('.ack-choice input');
    const report = written(bus, 'test.0.kinds.text');
    await tab.fill('.writer input', 'confirmed');
    await tab.click('.writer .button');
    assert.equal((await within(report, 'report')).ack, true);
    await tab.goto(`${house.url}/${stateAt('test.0.kinds.value')}`); // is not meant to be written
    await shows(tab, '.panel-head', 'read only');
    assert.equal(await tab.isVisible('.writer'), false);
    await tab.click('.anyway summary');
    assert.equal(await tab.isVisible('.writer input'), true);
    assertClean(tab);
});

test('what is typed is not overwritten by what comes', async t => {
    const { house, bus } = await startPages(t);
    const { tab } = await openAt(t, house, stateAt('test.0.kinds.text'));
    await shows(tab, '.big-value', 'hello');
    await tab.fill('.writer input', 'half a');
    await bus.setState('test.0.kinds.text', 'from elsewhere', true);
    await shows(tab, '.big-value', 'from elsewhere');
    assert.equal(await tab.inputValue('.writer input'), 'half a');
});

test('meta data are shown, the object is edited', async t => {
    const { house, bus } = await startPages(t);
    const { tab } = await openAt(t, house, stateAt('demo.house.lamp.level'));
    await shows(tab, '[aria-labelledby=facts-title]', 'Living room');
    await shows(tab, '[aria-labelledby=facts-title]', 'Range');
    await tab.click('.json-card summary');
    await shows(tab, '.json-card pre', '"role": "level.dimmer"');
    await tab.click('.json-card .button');
    const text = await tab.inputValue('.json-area');
    await tab.fill('.json-area', '{');
    await tab.click('.json-card .main-action');
    await shows(tab, '.toast.bad', 'not JSON');
    await tab.fill('.json-area', text.replace('"max": 100', '"max": 80'));
    await tab.click('.json-card .main-action');
    await shows(tab, '[aria-labelledby=facts-title]', '80');
    assert.equal((await bus.getObject('demo.house.lamp.level')).common.max, 80);
    assertClean(tab);
});

// How many pixels of a canvas are drawn.
const drawn = (tab, where) => tab.$eval(where, canvas => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((value, i) => i % 4 === 3 && value > 0).length;
});

test('history: a plot that is moved and scaled, steps, a table, and recording begins', async t => {
    const { house, bus } = await startPages(t);
    await recordPast(bus);
    const { tab } = await openAt(t, house, stateAt('test.0.past'));
    await shows(tab, '.history > p', 'between 20');
    await until(tab, () => /between 20.°C and 22.°C/.test(document.querySelector('canvas.plot').getAttribute('aria-label')));
    assert.ok(await drawn(tab, 'canvas.plot') > 5000, 'a curve with its area');
    await shoot(tab, 'explorer-history');
    const pressed = () => tab.textContent('.history [aria-pressed=true]');
    assert.equal(await pressed(), '6 h');
    await tab.click('.history .segments button:first-child');
    await shows(tab, '.history [aria-pressed=true]', '1 h');
    await tab.focus('canvas.plot');
    await tab.keyboard.press('ArrowLeft'); // the right edge is not now any more
    await until(tab, () => !document.querySelector('.history [aria-pressed=true]'));
    await tab.hover('canvas.plot', { position: { x: 300, y: 100 } });
    await shows(tab, '.plot-tip', '°C');
    await tab.click('.values summary');
    await until(tab, () => document.querySelectorAll('.values tbody tr').length === 50);

    await tab.goto(`${house.url}/${stateAt('test.0.was')}`);
    await shows(tab, '.history > p', 'changes');
    await tab.goto(`${house.url}/${stateAt('test.0.kinds.level')}`);
    await shows(tab, '.history', 'not recorded');
    await tab.click('.history .button');
    await tab.waitForSelector('canvas.plot');
    await bus.setState('test.0.kinds.level', 55, true);
    await until(tab, () => /55/.test(document.querySelector('.big-value').textContent));
    await tab.click('.history .segments button:first-child');
    await shows(tab, '.history > p', '55');
    const rows = await bus.getHistory('test.0.kinds.level', { start: Date.now() - HOUR, end: Date.now() + HOUR, aggregate: 'none' });
    assert.ok(rows.some(({ val }) => val === 55));
    assertClean(tab);
});

const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNg+M/wHwAEAQH/7yMK/gAAAABJRU5ErkJggg==', 'base64');
const fileRow = name => `.file-table tr:has(td.file-name:has-text("${name}"))`;

test('files: uploaded, looked at, downloaded, renamed, deleted', async t => {
    const { house, bus } = await startPages(t);
    const { tab } = await openAt(t, house, 'explorer.html#/files');
    await tab.click('.file-name a:has-text("0_userdata.0")');
    await shows(tab, '.files', 'No files here');
    await tab.click('.file-tools .button:has-text("New folder")');
    await tab.keyboard.type('holiday');
    await tab.keyboard.press('Enter');
    await tab.click('.file-name a:has-text("holiday")');
    await tab.waitForSelector('.file-tools .main-action');
    await until(tab, () => location.hash.endsWith('/holiday'));
    await tab.setInputFiles('#file-picker', [{ name: 'ä b.png', mimeType: 'image/png', buffer: PIXEL },
        { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('Grüße\n') }]);
    await tab.click('.file-name a:has-text("ä b.png")');
    await until(tab, () => document.querySelector('.preview img') && document.querySelector('.preview img').naturalWidth === 1);
    await shows(tab, '.preview', '1 × 1');
    await shoot(tab, 'explorer-files');
    await tab.click('.file-name a:has-text("notes.txt")');
    await shows(tab, '.preview pre', 'Grüße');
    assert.equal((await bus.readFile('0_userdata.0', 'holiday/notes.txt')).data, 'Grüße\n');

    await bus.writeFile('0_userdata.0', 'holiday/notes.txt', 'changed'); // from outside
    await shows(tab, '.preview pre', 'changed');
    const [download] = await Promise.all([tab.waitForEvent('download'), tab.click(`${fileRow('notes.txt')} a[download]`)]);
    assert.equal(fs.readFileSync(await download.path(), 'utf8'), 'changed');
    assert.equal(download.suggestedFilename(), 'notes.txt');

    await tab.click(`${fileRow('notes.txt')} button[aria-label^=Rename]`);
    await tab.fill('.dialog input', 'holiday/renamed.txt');
    await tab.keyboard.press('Enter');
    await tab.waitForSelector(fileRow('renamed.txt'));
    await tab.click(`${fileRow('renamed.txt')} button[aria-label^=Delete]`);
    assert.equal(await tab.evaluate(() => document.activeElement.textContent), 'Cancel'); // what does no harm
    await tab.click('.dialog .danger');
    await until(tab, () => document.querySelectorAll('.file-table tbody tr').length === 1);
    assert.deepEqual((await bus.readDir('0_userdata.0', 'holiday')).map(({ file }) => file), ['ä b.png']);
    assertClean(tab);
});

test('on a phone: from the tree to the object and back, files', async t => {
    const { house } = await startPages(t);
    const { tab } = await openAt(t, house, 'explorer.html', PHONE);
    await tab.tap(rowOf('demo.house.lamp'));
    await shows(tab, '#panel-title', 'Lamp');
    await until(tab, () => document.activeElement.id === 'panel-title');
    assert.equal(await tab.isVisible('#tree'), false);
    await shoot(tab, 'phone-object');
    await tab.tap('#to-list');
    await tab.tap(rowOf('demo.house.lamp.level'));
    await shows(tab, '#panel-title', 'Brightness');
    await tab.goBack();
    await tab.waitForSelector('#tree', { state: 'visible' });
    await tab.tap('#view-files');
    await shows(tab, '.files', '0_userdata.0');
    assertClean(tab);
});
