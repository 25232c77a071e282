// SPDX-License-Identifier: MIT
// The page of the server itself: what its parts do, who is connected, how fast it goes.
import { $, fill, h, say } from '../ui/dom.js';
import { formatNumber, formatRate, formatSize, formatSpan } from '../ui/format.js';
import { t } from '../ui/i18n.js';
import { bus, connected } from '../ui/page.js';
import { RateChart } from '../ui/rates.js';

const POLL_MS = 2000;
const BARS = 90; // of POLL_MS each
const COMMANDS_MAX = 40;

const DIALECTS = {
    sio2: 'socket.io 1, 2', sio4: 'socket.io 3, 4', sio5: 'socket.io 3, 4', iobws: 'WebSocket (ioBroker)', rest: 'HTTP', sse: 'Server-sent events',
};

// --- figures at the top

const tiles = new Map();

function tile(key, value, hint) {
    let parts = tiles.get(key);
    if (!parts) {
        parts = { value: h('dd', { class: 'number' }), hint: h('span', { class: 'soft small' }) };
        tiles.set(key, parts);
        $('tiles').appendChild(h('dl', { class: 'card tile' }, h('dt', null, t(`status.${key}`)), parts.value, parts.hint));
    }
    say(parts.value, value);
    say(parts.hint, hint || '');
}

// --- rates

const plots = new Map();

function plot(key, value, text) {
    let parts = plots.get(key);
    if (!parts) {
        const canvas = h('canvas', { class: 'small-plot', role: 'img' });
        const figure = h('span', { class: 'figure number' });
        $('plots').appendChild(h('section', { class: 'card' }, h('div', { class: 'card-head' }, h('h2', null, t(`status.${key}`)), figure), canvas));
        parts = { canvas, figure, chart: new RateChart(canvas, BARS) };
        plots.set(key, parts);
    }
    parts.chart.push(value);
    say(parts.figure, text || formatRate(value));
    parts.canvas.setAttribute('aria-label', `${t(`status.${key}`)}: ${text || formatRate(value)}`);
}

// --- lists

// A table that keeps its rows, so that it can be read and selected while it changes.
class Table {
    constructor(box, columns) {
        this.columns = columns; // {title, right, cell(row) -> text or elements}
        this.rows = new Map();
        this.body = h('tbody');
        fill(box, h('table', null, h('thead', null, h('tr', null, columns.map(({ title, right }) =>
            h('th', { class: right ? 'right' : '', scope: 'col' }, title)))), this.body));
    }

    show(list, keyOf) {
        const present = new Set();
        list.forEach((item, place) => {
            const key = keyOf(item);
            const row = this.rows.get(key) || h('tr', null, this.columns.map(({ title, right }) => h('td', { class: right ? 'right' : '', data: { label: title } })));
            this.rows.set(key, row);
            present.add(key);
            this.columns.forEach(({ cell }, i) => {
                const content = cell(item);
                if (typeof content === 'string') {
                    say(row.children[i], content);
                } else if (row.children[i].textContent !== content.textContent) {
                    fill(row.children[i], content);
                }
            });
            if (this.body.children[place] !== row) {
                this.body.insertBefore(row, this.body.children[place] || null);
            }
        });
        this.rows.forEach((row, key) => present.has(key) || (row.remove(), this.rows.delete(key)));
    }
}

function micro(us) {
    return us >= 1e6 ? `${formatRate(us / 1e6)} s` : us >= 1000 ? `${formatRate(us / 1000)} ms` : `${formatRate(us)} µs`;
}

function commandsOf(actor) {
    return Object.keys(actor.commands || {}).map(name => Object.assign({ actor: actor.name, name }, actor.commands[name]));
}

function meanOf(actor) {
    const all = commandsOf(actor);
    const calls = all.reduce((sum, { calls: n }) => sum + n, 0);
    return calls ? micro(all.reduce((sum, { us }) => sum + us, 0) / calls) : '–';
}

function slowestOf(actor) {
    const [slowest] = commandsOf(actor).sort((a, b) => b.max_us - a.max_us);
    return slowest ? h('span', null, micro(slowest.max_us), ' ', h('span', { class: 'soft' }, slowest.name)) : '–';
}

function badge(ok, good, bad) {
    return h('span', { class: `badge ${ok ? 'ok' : 'bad'}` }, ok ? good : bad);
}

const lastCounts = new Map(); // actor -> {requests, at}

// Requests per second since the last look.
function rateOf(actor) {
    const now = Date.now(), before = lastCounts.get(actor.name);
    lastCounts.set(actor.name, { requests: actor.requests, at: now });
    return before && actor.requests >= before.requests ? formatRate((actor.requests - before.requests) / (now - before.at) * 1000) : '–';
}

function count(n) {
    return typeof n === 'number' ? formatNumber(n) : '–';
}

const tables = {};

function showActors(actors) {
    $('actors-card').hidden = !actors.length;
    tables.actors = tables.actors || new Table($('actors'), [
        { title: t('status.name'), cell: actor => h('strong', null, actor.name) },
        { title: t('status.state'), cell: actor => badge(actor.alive, t('status.alive'), actor.error || t('status.dead')) },
        { title: t('status.requests'), right: true, cell: actor => count(actor.requests) },
        { title: t('status.perSecond'), right: true, cell: actor => (actor.alive ? rateOf(actor) : '–') },
        { title: t('status.errors'), right: true, cell: actor => count(actor.errors) },
        { title: t('status.events'), right: true, cell: actor => count(actor.events) },
        { title: t('status.mean'), right: true, cell: meanOf },
        { title: t('status.slowest'), cell: slowestOf },
    ]);
    tables.actors.show(actors, actor => actor.name);
    showCommands(actors);
}

function showCommands(actors) {
    if (!tables.commands) {
        const box = h('div', { class: 'table-box' });
        $('actors-card').appendChild(h('details', { class: 'commands' }, h('summary', null, t('status.commands')), box));
        tables.commands = new Table(box, [
            { title: t('status.command'), cell: row => h('code', null, row.name) },
            { title: t('status.actor'), cell: row => row.actor },
            { title: t('status.calls'), right: true, cell: row => count(row.calls) },
            { title: t('status.errors'), right: true, cell: row => count(row.errors) },
            { title: t('status.mean'), right: true, cell: row => (row.calls ? micro(row.us / row.calls) : '–') },
            { title: t('status.longest'), right: true, cell: row => micro(row.max_us) },
        ]);
    }
    const all = [].concat(...actors.map(commandsOf)).sort((a, b) => b.us - a.us).slice(0, COMMANDS_MAX);
    tables.commands.show(all, row => `${row.actor} ${row.name}`);
}

function showSessions(sessions, total) {
    $('sessions-card').hidden = !sessions.length;
    tables.sessions = tables.sessions || new Table($('sessions'), [
        { title: t('status.name'), cell: one => one.name || t('status.noName') },
        { title: t('status.dialect'), cell: one => DIALECTS[one.dialect] || one.dialect || '–' },
        { title: t('status.address'), cell: one => one.address || '–' },
        { title: t('status.user'), cell: one => (one.user || '–').replace(/^system\.user\./, '') },
        { title: t('status.subscriptions'), right: true, cell: one => count(one.subscriptions) },
        { title: t('status.calls'), right: true, cell: one => count(one.calls) },
        { title: t('status.queued'), right: true, cell: one => (one.queued ? h('span', { class: 'badge wait' }, formatSize(one.queued)) : '0') },
    ]);
    const known = new Map();
    tables.sessions.show(sessions, one => { // rows need keys of their own even where a server gives none
        const key = one.client || `${one.name}|${one.address}|${one.dialect}`;
        known.set(key, (known.get(key) || 0) + 1);
        return `${key} ${known.get(key)}`;
    });
    say($('sessions-note'), sessions.length < total ? t('status.listed', sessions.length, total) : '');
}

const dialectRows = new Map();

function showDialects(dialects) {
    const all = Object.keys(dialects).map(name => ({ name, n: dialects[name] }));
    const top = all.reduce((max, { n }) => Math.max(max, n), 1);
    $('dialects-card').hidden = !all.length;
    all.forEach(({ name, n }) => {
        let row = dialectRows.get(name);
        if (!row) {
            row = { n: h('span', { class: 'number' }), bar: h('i') };
            dialectRows.set(name, row);
            $('dialects').appendChild(h('div', { class: 'dialect' }, h('div', { class: 'row' }, h('span', { class: 'grow' }, DIALECTS[name] || name), row.n),
                h('div', { class: 'meter' }, row.bar)));
        }
        say(row.n, formatNumber(n));
        row.bar.style.width = `${Math.round(n / top * 100)}%`;
    });
}

// --- what is asked

const facts = new Map();

function fact(key, text) {
    let element = facts.get(key);
    if (!element) {
        element = h('dd');
        facts.set(key, element);
        $('versions').appendChild(h('div', null, h('dt', null, t(`status.${key}`)), element));
    }
    say(element, text);
}

async function readFacts() {
    const [version, auth] = await Promise.all([bus.getVersion(), bus.authEnabled()]);
    fact('compatible', `${version.name} ${version.version}`);
    fact('auth', t(auth.enabled ? 'value.on' : 'value.off'));
    fact('you', auth.user || t('value.none'));
    fact('url', bus.url);
}

let lead = '';

function show(status, delay) {
    const gateway = status.gateway || {}, rates = gateway.rates || {}, actors = status.actors || [];
    const dead = actors.filter(actor => !actor.alive);
    const sessions = Object.keys(gateway.transports || {}).reduce((sum, name) => sum + gateway.transports[name], 0) || (gateway.sessions || []).length;
    const text = dead.length ? t('status.some', dead.map(actor => actor.name).join(', ')) : t('status.all');
    if (text !== lead) {
        lead = text;
        fill($('lead'), badge(!dead.length, t('status.well'), t('status.unwell')), ` ${text}`);
    }
    tile('uptime', formatSpan(status.uptime || 0), t('status.version', status.version || '?'));
    tile('clients', formatNumber(sessions), t('status.connections', formatNumber(gateway.connections || 0)));
    tile('delay', `${formatRate(delay)} ms`, t('status.delayHint'));
    tile('slow', formatNumber(gateway.slowClients || 0), t('status.slowHint', formatNumber(gateway.conflated || 0)));
    plot('ratesEvents', rates.eventsReceived || 0);
    plot('ratesDelivered', rates.eventsDelivered || 0);
    plot('ratesCalls', rates.calls || 0);
    plot('ratesBytes', rates.bytesSent || 0, t('status.bytesPerSecond', formatSize(Math.round(rates.bytesSent || 0))));
    showDialects(gateway.dialects || {});
    showActors(actors);
    showSessions(gateway.sessions || [], sessions);
    fact('gateway', gateway.name || t('value.none'));
    fact('protocolErrors', formatNumber(gateway.protocolErrors || 0));
    fact('gaps', formatNumber(gateway.gaps || 0));
}

// What can be seen without the command: how long an answer takes, and the changes that this page is sent.
let counted = null;

function showLittle(delay, reason) {
    const denied = $('denied');
    denied.hidden = false;
    say(denied, reason === 'permissionError' ? t('status.deniedRight') : t('status.denied'));
    if (!counted) {
        counted = { n: 0 };
        bus.subscribe('*', () => counted.n++, { resume: false });
    }
    tile('delay', `${formatRate(delay)} ms`, t('status.delayHint'));
    plot('ratesSeen', counted.n / POLL_MS * 1000);
    counted.n = 0;
}

async function poll() {
    if (bus.connected) {
        try {
            const before = performance.now();
            await bus.call('getVersion');
            const delay = performance.now() - before;
            try {
                show(await bus.call('iobusStatus'), delay);
            } catch (error) {
                if (error.code === 'server') {
                    showLittle(delay, error.reason);
                }
            }
        } catch (e) {
            // The connection broke meanwhile: the bar says so.
        }
    }
    setTimeout(poll, POLL_MS);
}

bus.on('disconnect', () => {
    lead = t('status.offline');
    fill($('lead'), badge(false, '', t('link.offline')), ` ${lead}`);
});
connected.then(readFacts).catch(() => {}).then(poll);
