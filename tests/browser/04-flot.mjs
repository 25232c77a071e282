// SPDX-License-Identifier: MIT
// Other pages as they are published: flot 1.12.0 and rickshaw 1.0.0 draw histories, mobile 1.0.1 shows rooms.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, shoot, startChromium, until } from './lib/chromium.mjs';
import { openBus, startHouse, stateObject, within } from './lib/system.mjs';
import { uploadPackage } from './lib/web.mjs';

const ID = 'garden.0.temperature';
const POINTS = 60; // a minute between two

async function startPages(t, name) {
    const house = await startHouse(t);
    const bus = await openBus(t, house.url);
    await uploadPackage(bus, name);
    await uploadPackage(bus, 'web');
    const custom = { 'history.0': { enabled: true, changesOnly: false, debounce: 0 } };
    const kind = { name: 'Garden', type: 'number', role: 'value.temperature', unit: 'C', custom };
    await bus.setObject('garden.0', { type: 'channel', common: { name: 'Garden' }, native: {} });
    await bus.setObject(ID, stateObject(kind));
    const now = Date.now();
    for (let i = POINTS; i > 0; i--) {
        await bus.setState(ID, { val: 15 + 5 * Math.sin(i / 8), ack: true, ts: now - i * 60_000 });
    }
    await bus.setObject('enum.rooms', { type: 'enum', common: { name: 'Rooms', members: [] }, native: {} });
    await bus.setObject('enum.rooms.garden', { type: 'enum', common: { name: 'Garden', members: [ID] }, native: {} });
    return { house, bus, page: await openPage(await startChromium(t)) };
}

// How many points of a canvas were painted.
const painted = selector => [...document.querySelectorAll(selector)].reduce((sum, canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return sum + data.filter((value, i) => i % 4 === 3 && value > 0).length;
}, 0);

test('flot draws a history, and follows it', async t => {
    const { house, bus, page } = await startPages(t, 'flot');
    const query = `l%5B0%5D%5Bid%5D=${ID}&l%5B0%5D%5Binstance%5D=history.0&l%5B0%5D%5Baggregate%5D=onchange&l%5B0%5D%5Bcolor%5D=%231f77b4` +
        '&timeType=relative&relativeEnd=now&range=70&aggregateType=count&aggregateSpan=300&live=1&zoom=true&title=Garden';
    await page.goto(`${house.url}/flot/index.html?${query}`);
    await until(page, count => seriesData[0]?.filter(([, value]) => value !== null).length >= count, POINTS);
    await until(page, () => document.querySelector('canvas'));
    assert.ok(await page.evaluate(painted, 'canvas') > 1000, 'something is drawn');
    await shoot(page, 'flot');
    await bus.setState(ID, 42, true);
    await until(page, () => seriesData[0].some(([, value]) => value === 42));
    assert.deepEqual(page.problems, []);
});

test('rickshaw draws a history, and follows it', async t => {
    const { house, bus, page } = await startPages(t, 'rickshaw');
    const alerts = [];
    page.on('dialog', dialog => alerts.push(dialog.message()) && dialog.dismiss());
    const query = `_ids=${ID}&_names=Garden&_colors=steelblue&instance=history.0&range=70&renderer=line&width=900&height=400&axeX=lines&axeY=inside&hoverDetail=true`;
    await page.goto(`${house.url}/rickshaw/index.html?${query}`);
    await until(page, count => seriesData[0]?.length >= count, POINTS / 2);
    await until(page, () => document.querySelector('#chart svg path'));
    await shoot(page, 'rickshaw');
    await bus.setState(ID, 42, true);
    await until(page, () => seriesData[0].some(({ y }) => y === 42));
    assert.deepEqual(alerts, []);
    assert.deepEqual(page.problems, []);
});

test('mobile shows the rooms and a value, and writes it', async t => {
    const { house, bus, page } = await startPages(t, 'mobile');
    await page.goto(`${house.url}/mobile/index.html`);
    await page.locator('a:visible', { hasText: 'Rooms' }).click();
    await page.locator('a:visible, div:visible', { hasText: 'Garden' }).last().click();
    const showsInput = value => until(page, wanted => [...document.querySelectorAll('input')].some(input => input.value === wanted), value);
    await bus.setState(ID, 42, true);
    await showsInput('42');
    await shoot(page, 'mobile');
    await bus.setState(ID, 43, true);
    await showsInput('43');
    const written = new Promise(resolve => bus.subscribe(ID, (id, state) => resolve([state.val, state.ack])));
    await page.locator('input.mobile-value:visible').fill('7');
    await page.locator('input.mobile-control[type=button]').click({ force: true });
    assert.deepEqual(await within(written, 'write'), [7, false]);
    assert.deepEqual(page.problems.filter(problem => !/\/adapter\//.test(problem)), []);
});
