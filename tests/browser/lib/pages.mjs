// SPDX-License-Identifier: MIT
// A house with our pages: the demo house, a channel with a state for each kind of control, and a state with a past.
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { chromium } from 'playwright-core';
import { openPage, until } from './chromium.mjs';
import { openBus, startHouse, stateObject } from './system.mjs';

export const PHONE = { viewport: { width: 375, height: 740 }, hasTouch: true, isMobile: true };
export const HOUR = 3600 * 1000;

// One of each control; [common, first value].
const KINDS = {
    choice: [{ name: 'Mode', type: 'number', states: { 0: 'off', 1: 'heat', 2: 'cool' } }, 1],
    colour: [{ name: 'Colour', type: 'string', role: 'level.color.rgb' }, '#ff8800'],
    json: [{ name: 'Data', type: 'json' }, '{"a":1}'],
    level: [{ name: 'Level', type: 'number', role: 'level.dimmer', min: 0, max: 100, unit: '%' }, 40],
    number: [{ name: 'Set point', type: 'number', role: 'level.temperature', unit: '°C' }, 20.5],
    press: [{ name: 'Doorbell', type: 'boolean', role: 'button', read: false }, false],
    switch: [{ name: 'Light', type: 'boolean', role: 'switch' }, false],
    text: [{ name: 'Note', type: 'string' }, 'hello'],
    value: [{ name: 'Measured', type: 'number', role: 'value', write: false }, 7],
};

export async function startPages(t, ...args) {
    const house = await startHouse(t, '--demo=on', '--admin=on', ...args);
    const bus = await openBus(t, house.url);
    await bus.setObject('test.0.kinds', { type: 'channel', common: { name: 'Controls' }, native: {} });
    for (const [key, [common, value]] of Object.entries(KINDS)) {
        await bus.setObject(`test.0.kinds.${key}`, stateObject(common));
        await bus.setState(`test.0.kinds.${key}`, value, true);
    }
    return { house, bus };
}

// Values of the last hours, one for each minute, between 20 and 22, and a switch that changed each hour.
export async function recordPast(bus) {
    const now = Date.now();
    const rows = (count, step, valueOf) => Array.from({ length: count }, (_, i) => ({ ts: now - (count - i) * step, val: valueOf(i), ack: true, q: 0 }));
    const custom = { 'history.0': { enabled: true, changesOnly: false } };
    await bus.setObject('test.0.past', stateObject({ name: 'Past', type: 'number', role: 'value.temperature', unit: '°C', custom }));
    await bus.setObject('test.0.was', stateObject({ name: 'Was on', type: 'boolean', role: 'switch', custom }));
    await bus.sendTo('history.0', 'storeState', { id: 'test.0.past', state: rows(300, HOUR / 60, i => 21 + Math.round(Math.sin(i / 20) * 10) / 10) });
    await bus.sendTo('history.0', 'storeState', { id: 'test.0.was', state: rows(5, HOUR, i => i % 2 === 0) });
}

// One browser for all tests of a file: each has a context of its own, which is as clean as a new profile.
let browser = null;

after(async () => browser && (await browser).close());

async function openContext(t, options) {
    browser = browser ?? chromium.launch({ executablePath: process.env.TEST_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
    const context = await (await browser).newContext({ locale: 'en-GB', colorScheme: 'light', viewport: { width: 1280, height: 800 }, ...options });
    t.after(() => context.close());
    return context;
}

export async function openAt(t, house, address, options = {}) {
    const context = await openContext(t, options);
    const tab = await openPage(context, `${house.url}/${address}`);
    return { context, tab };
}

export const shows = (tab, selector, text) => until(tab, ([where, wanted]) => {
    const element = document.querySelector(where);
    return !!element && element.textContent.includes(wanted);
}, [selector, text]);

// Nothing went wrong on the page. What a test leaves while it loads is given up by the browser; that is no problem.
export const assertClean = tab => assert.deepEqual(tab.problems.filter(text => !text.endsWith('net::ERR_ABORTED')), []);

export const rowOf = id => `.tree-row[data-id="${id}"]`;

// The next value of a state that somebody else than the test writes.
export function written(bus, id) {
    return new Promise(resolve => {
        const stop = bus.subscribe(id, (name, state) => {
            stop();
            resolve(state);
        });
    });
}

// Everything that can be worked has a name, and everything named by an id finds it.
export async function assertNames(tab, where) {
    const nameless = await tab.evaluate(() => {
        const textOf = id => (document.getElementById(id) ? document.getElementById(id).textContent.trim() : '');
        const named = element => (element.getAttribute('aria-labelledby') || '').split(' ').map(textOf).join(' ');
        const labels = element => [...element.labels || []].map(label => label.textContent).join(' ');
        const content = element => (/^(INPUT|SELECT|TEXTAREA|SECTION)$/.test(element.tagName) ? '' : element.textContent);
        const nameOf = element => element.getAttribute('aria-label') || named(element) || labels(element) || content(element);
        const parts = 'a[href], button, input, select, textarea, summary, canvas, [tabindex="0"], [role=tree], [role=treeitem], ' +
            'section[aria-label], section[aria-labelledby]';
        return [...document.querySelectorAll(parts)].filter(element => element.offsetParent !== null && !nameOf(element).trim())
            .map(element => element.outerHTML);
    });
    assert.deepEqual(nameless, [], where);
}

export async function assertFits(tab, where) {
    const wide = await tab.evaluate(() => {
        const room = document.documentElement.clientWidth;
        const scrolls = element => element && (/(auto|scroll|hidden)/.test(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
        const out = [...document.body.querySelectorAll('*')]
            .filter(element => element.getBoundingClientRect().right > room + 1 && !scrolls(element.parentElement));
        return { over: document.documentElement.scrollWidth - room, out: out.map(element => element.outerHTML.slice(0, 120)) };
    });
    assert.deepEqual(wide, { over: 0, out: [] }, where);
}

// Contrast of every text against what is behind it, as WCAG counts it.
export async function assertContrast(tab, where) {
    const weak = await tab.evaluate(() => {
        const parse = colour => (colour.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
        const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const behind = element => {
            for (let up = element; up; up = up.parentElement) {
                const [r, g, b, a = 1] = parse(getComputedStyle(up).backgroundColor);
                if (a === 1) {
                    return [r, g, b];
                }
            }
            return [255, 255, 255];
        };
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        const found = [];
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            const element = node.parentElement;
            if (!node.data.trim() || !element.offsetParent || element.closest('.unseen, option, .live-a, .live-b, .fresh')) {
                continue;
            }
            const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
            const ratio = (a + 0.05) / (b + 0.05);
            if (ratio < 4.5) {
                found.push(`${ratio.toFixed(2)} ${node.data.trim().slice(0, 40)} ${element.className}`);
            }
        }
        return found;
    });
    assert.deepEqual(weak, [], where);
}
