// SPDX-License-Identifier: MIT
// The page of what changes now: a stream of bounded length, counts per second, and what changes most.
import { $, fill, h, perFrame, say, settled } from '../ui/dom.js';
import { formatClock, formatFrom, formatNumber, formatRate, formatWithUnit } from '../ui/format.js';
import { icon } from '../ui/icons.js';
import { t } from '../ui/i18n.js';
import { Names } from '../ui/names.js';
import { bus } from '../ui/page.js';
import { RateChart } from '../ui/rates.js';

const ROWS_MAX = 250; // in the table
const HELD_MAX = 2000; // kept while paused
const FILTER_MS = 250; // after the last key
const DRAW_MS = 100; // between two drawings: a frame for each would keep an old tablet busy with nothing else
const TOP_ROWS = 8, TOP_IDS_MAX = 5000;
const DECAY = 0.97; // per second: what was a minute ago counts a sixth
const SECONDS = 120;

const stream = $('stream');
const chart = new RateChart($('rate-plot'), SECONDS);
const scores = new Map(); // id -> changes, the older the less
let arrived = []; // not yet in the table
let held = 0; // changes while paused that are not kept
let paused = false, stop = null;
let inSecond = 0, total = 0, age = 0;

// --- filters

function filters() {
    const pattern = $('pattern').value.trim() || '*';
    const parts = pattern.split('*').map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
    return { pattern, regex: new RegExp(`^${parts.join('.*')}$`), text: $('text').value.trim().toLowerCase(), kind: $('kind').value };
}

let filter = filters();

// The server sends what fits the pattern; rows of an earlier one are there still.
function passes(id, state) {
    if (!filter.regex.test(id) || filter.kind !== 'all' && (!state || state.ack !== (filter.kind === 'ack'))) {
        return false;
    }
    return !filter.text || id.toLowerCase().includes(filter.text) ||
        !!state && String(typeof state.val === 'object' ? JSON.stringify(state.val) : state.val).toLowerCase().includes(filter.text);
}

function subscribe() {
    if (stop) {
        stop();
    }
    stop = bus.subscribe(filter.pattern, take, { resume: false });
}

const applyFilters = settled(() => {
    const before = filter;
    filter = filters();
    if (before.regex.source === filter.regex.source && before.text === filter.text && before.kind === filter.kind) {
        return; // a field was only left
    }
    scores.clear();
    arrived = arrived.filter(({ id, state }) => passes(id, state));
    if (before.pattern !== filter.pattern) {
        subscribe();
    }
    [...stream.children].forEach(row => (row.hidden = !passes(row.change.id, row.change.state)));
    note();
}, FILTER_MS);

// --- the stream

function take(id, state) {
    if (!passes(id, state)) {
        return;
    }
    inSecond++;
    total++;
    if (scores.has(id) || scores.size < TOP_IDS_MAX) {
        scores.set(id, (scores.get(id) || 0) + 1);
    }
    arrived.push({ id, state, at: Date.now() });
    if (arrived.length > (paused ? HELD_MAX : ROWS_MAX) * 2) { // cut seldom: shifting each time would cost
        const keep = paused ? HELD_MAX : ROWS_MAX;
        held += paused ? arrived.length - keep : 0;
        arrived = arrived.slice(-keep);
    }
    draw();
}

const names = new Names(bus, ids => { // units and choices of rows that are there already
    const known = new Set(ids);
    [...stream.children].filter(row => known.has(row.change.id)).forEach(row => say(row.children[2], valueText(row.change)));
});

function valueText({ id, state }) {
    return state ? formatWithUnit(state.val, names.of(id)) : t('value.none');
}

function makeRow(change) {
    const { id, state, at } = change;
    const kind = !state ? ['bad', 'live.gone'] : state.ack ? ['ok', 'live.report'] : ['wait', 'live.command'];
    const row = h('tr', { class: 'fresh' }, h('td', { class: 'number when' }, formatClock(state ? state.ts : at)),
        h('td', { class: 'what' }, h('a', { class: 'id', href: `explorer.html#/states/${encodeURIComponent(id)}` }, id)),
        h('td', { class: 'right value' }, valueText(change)),
        h('td', { class: 'kind' }, h('span', { class: `badge ${kind[0]}` }, t(kind[1]))),
        h('td', { class: 'soft who' }, state ? formatFrom(state.from) : ''));
    row.change = change;
    return row;
}

const draw = perFrame(() => {
    if (paused || !arrived.length) {
        note();
        return;
    }
    const rows = document.createDocumentFragment();
    arrived.slice(-ROWS_MAX).reverse().forEach(change => rows.appendChild(makeRow(change)));
    arrived = [];
    stream.insertBefore(rows, stream.firstChild);
    while (stream.children.length > ROWS_MAX) {
        stream.lastChild.remove();
    }
    note();
}, DRAW_MS);

let noted = '';

// What is read out must not change with every event: only with what somebody did.
function note() {
    const waiting = arrived.length + held;
    const text = paused ? t('live.paused') : stream.querySelector('tr:not([hidden])') ? '' : t('live.waiting', filter.pattern);
    if (text !== noted) {
        noted = text;
        say($('stream-note'), text);
    }
    $('pause').dataset.count = paused && waiting ? formatNumber(waiting) : '';
}

function setPaused(now) {
    paused = now;
    if (!paused) {
        held = 0;
    }
    const button = $('pause');
    fill(button, icon(paused ? 'play' : 'pause'), h('span', null, t(paused ? 'live.resume' : 'live.pause')));
    button.setAttribute('aria-pressed', paused);
    draw();
}

function clear() {
    stream.textContent = '';
    arrived = [];
    held = 0;
    scores.clear();
    total = 0;
    age = 0;
    drawTop();
    note();
}

// --- counts

const topRows = Array.from({ length: TOP_ROWS }, () => {
    const link = h('a', { class: 'id' }), rate = h('span', { class: 'number soft' }), bar = h('i');
    return { element: h('li', { hidden: true }, h('div', { class: 'row' }, link, rate), h('div', { class: 'meter' }, bar)), link, rate, bar };
});

function drawTop() {
    const top = [...scores].sort((a, b) => b[1] - a[1]).slice(0, TOP_ROWS);
    // A sum of fading counts: this many seconds would have given it at a steady rate.
    const weight = (1 - Math.pow(DECAY, Math.max(age, 1))) / (1 - DECAY);
    topRows.forEach((row, i) => {
        row.element.hidden = !top[i];
        if (top[i]) {
            const [id, score] = top[i];
            say(row.link, id);
            row.link.href = `explorer.html#/states/${encodeURIComponent(id)}`;
            say(row.rate, t('live.perMinute', formatRate(score / weight * 60)));
            row.bar.style.width = `${Math.round(score / top[0][1] * 100)}%`;
        }
    });
}

function tick() {
    chart.push(inSecond);
    say($('rate-now'), formatNumber(inSecond));
    const mean = chart.counts.reduce((a, b) => a + b, 0) / chart.counts.length;
    say($('rate-note'), t('live.rateNote', formatNumber(total), formatRate(mean), formatNumber(chart.highest)));
    $('rate-plot').setAttribute('aria-label', `${t('live.rate')}: ${t('live.rateNote', formatNumber(total), formatRate(mean), formatNumber(chart.highest))}`);
    inSecond = 0;
    age++;
    scores.forEach((score, id) => (score * DECAY < 0.05 ? scores.delete(id) : scores.set(id, score * DECAY)));
    drawTop();
}

function begin() {
    topRows.forEach(row => $('top-list').appendChild(row.element));
    fill($('clear'), icon('trash'), h('span', null, t('live.clear')));
    $('pause').addEventListener('click', () => setPaused(!paused));
    $('clear').addEventListener('click', clear);
    $('filters').addEventListener('input', applyFilters);
    $('filters').addEventListener('change', applyFilters);
    $('filters').addEventListener('submit', event => event.preventDefault());
    setPaused(false);
    setInterval(tick, 1000);
    subscribe();
}

begin();
