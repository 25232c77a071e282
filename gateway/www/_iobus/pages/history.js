// SPDX-License-Identifier: MIT
// What a state was: a plot to look around in, and its last values as a table.
import { fill, h, say, settled } from '../ui/dom.js';
import { problem } from '../ui/dialogs.js';
import { formatAgo, formatMoment, formatWithUnit } from '../ui/format.js';
import { icon } from '../ui/icons.js';
import { t } from '../ui/i18n.js';
import { Plot } from '../ui/plot.js';

const HOUR = 3600 * 1000;
const RANGES = [['1h', HOUR], ['6h', 6 * HOUR], ['1d', 24 * HOUR], ['7d', 7 * 24 * HOUR], ['30d', 30 * 24 * HOUR]];
const FIRST_RANGE = 1;
const RELOAD_MS = 180; // after the last movement
const PIXELS_PER_BUCKET = 3; // minmax gives up to four points for each
const TABLE_ROWS = 50;
const LIVE_MAX = 5000; // points that come while the plot is watched

function isPlottable(type) {
    return type !== 'string' && type !== 'object' && type !== 'array' && type !== 'json';
}

function numberOf(value) {
    return typeof value === 'boolean' ? Number(value) : typeof value === 'number' ? value : null;
}

export class History {
    constructor(bus, id, common, mayRecord) {
        Object.assign(this, { bus, id, common, mayRecord });
        this.round = 0; // number of the latest question: earlier answers do not count
        this.follow = true; // the right edge is now
        this.span = RANGES[FIRST_RANGE][1];
        this.element = h('section', { class: 'card history', 'aria-labelledby': 'history-title' });
        this.steps = common.type === 'boolean' || !!common.states;
        this.reload = settled(() => this.load(), RELOAD_MS);
        this.begin();
    }

    get configured() {
        const custom = this.common.custom || {};
        return Object.keys(custom).some(name => custom[name] && custom[name].enabled !== false);
    }

    async begin() {
        const rows = await this.ask({ count: 1, aggregate: 'none', returnNewestEntries: true, start: 1, end: Date.now() + HOUR });
        if (!rows) {
            this.element.hidden = true;
        } else if (!rows.length && !this.configured) {
            this.offer();
        } else {
            this.build();
        }
    }

    async ask(options) {
        try {
            return await this.bus.getHistory(this.id, options);
        } catch (e) {
            return null; // no history here, or not for this user
        }
    }

    offer() {
        fill(this.element, h('h2', { id: 'history-title' }, t('history.title')),
            h('p', { class: 'soft' }, t('history.none')),
            this.mayRecord ? h('button', { class: 'button', type: 'button', onclick: () => this.record() }, t('history.record')) : null);
    }

    async record() {
        try {
            const object = await this.bus.getObject(this.id);
            object.common.custom = Object.assign({}, object.common.custom, { 'history.0': { enabled: true, changesOnly: false } });
            await this.bus.setObject(this.id, object); // the panel is built anew when the change comes back
        } catch (error) {
            problem(error, t('history.record'));
        }
    }

    build() {
        const canvas = h('canvas', { class: 'plot', tabindex: '0', role: 'img', 'aria-label': t('history.title'), 'aria-describedby': 'plot-keys' });
        this.canvas = canvas;
        this.tip = h('div', { class: 'plot-tip', hidden: true });
        this.note = h('p', { class: 'soft small number', 'aria-live': 'polite' });
        this.ranges = h('div', { class: 'segments', role: 'group', 'aria-label': t('history.range') }, RANGES.map(([name, span]) =>
            h('button', { type: 'button', 'aria-pressed': 'false', onclick: () => this.show(span) }, t(`history.${name}`))));
        const tool = (name, iconName, act) => h('button', {
            class: 'button quiet square', type: 'button', 'aria-label': t(name), title: t(name), onclick: act,
        }, icon(iconName));
        const plottable = isPlottable(this.common.type);
        fill(this.element,
            h('div', { class: 'card-head' }, h('h2', { id: 'history-title' }, t('history.title')),
                plottable ? h('div', { class: 'wrap' }, this.ranges,
                    h('div', { class: 'row tight' }, tool('history.earlier', 'back', () => this.plot.move(-0.5)),
                        tool('history.closer', 'plus', () => this.plot.zoom(0.5)),
                        tool('history.wider', 'minus', () => this.plot.zoom(2)),
                        tool('history.later', 'next', () => this.plot.move(0.5)))) : null),
            plottable ? [h('div', { class: 'plot-box' }, canvas, this.tip), this.note,
                h('span', { class: 'unseen', id: 'plot-keys' }, t('history.keys'))] : null,
            this.makeTable());
        if (plottable) {
            this.plot = new Plot(canvas, { onrange: (start, end) => this.onRange(start, end), onpoint: (point, x) => this.showTip(point, x) });
            this.show(this.span);
        }
    }

    makeTable() {
        const box = h('div', { class: 'table-box' });
        return h('details', { class: 'values', ontoggle: event => event.target.open && this.fillTable(box) },
            h('summary', null, t('history.table')), box);
    }

    async fillTable(box) {
        const rows = await this.ask({ count: TABLE_ROWS, aggregate: 'none', returnNewestEntries: true, start: 1, end: Date.now() + HOUR, ack: true, from: true });
        fill(box, h('table', null, h('thead', null, h('tr', null, h('th', null, t('history.when')), h('th', { class: 'right' }, t('state.value')))),
            h('tbody', null, (rows || []).reverse().map(({ ts, val }) => h('tr', null, h('td', { class: 'number' }, formatMoment(ts)),
                h('td', { class: 'right' }, formatWithUnit(val, this.common)))))));
    }

    // --- range

    show(span) {
        this.span = span;
        this.follow = true;
        this.plot.setRange(Date.now() - span, Date.now());
        this.load();
    }

    onRange(start, end) {
        this.span = end - start;
        this.follow = Math.abs(end - Date.now()) < this.span * 0.02;
        this.markRange();
        this.reload();
    }

    markRange() {
        RANGES.forEach(([, span], i) =>
            this.ranges.children[i].setAttribute('aria-pressed', this.follow && Math.abs(this.span - span) < span * 0.01));
    }

    async load() {
        const round = ++this.round;
        const { start, end } = this.plot;
        const beyond = this.steps ? 0 : (end - start) * 0.1; // so that moving does not show an edge at once
        this.markRange();
        const points = await this.ask({
            start: Math.round(start - beyond), end: Math.round(end + beyond), aggregate: this.steps ? 'onchange' : 'minmax',
            count: Math.max(50, Math.round(this.plot.inner / PIXELS_PER_BUCKET)), limit: 10000,
        });
        if (round !== this.round) {
            return;
        }
        const now = Date.now(); // what the server continues beyond the present is no value
        const rows = (points || []).filter(({ ts }) => ts <= now).map(({ ts, val }) => ({ ts, val: numberOf(val) }));
        this.plot.setPoints(rows, this.steps);
        this.describe(rows);
    }

    describe(rows) {
        const values = rows.filter(({ ts, val }) => val !== null && ts >= this.plot.start && ts <= this.plot.end).map(({ val }) => val);
        const shown = value => formatWithUnit(this.common.type === 'boolean' ? !!value : value, this.common);
        const text = !values.length ? t('history.empty') : this.steps ? t('history.changes', values.length)
            : t('history.summary', shown(values.reduce((a, b) => Math.min(a, b))), shown(values.reduce((a, b) => Math.max(a, b))));
        say(this.note, text);
        this.canvas.setAttribute('aria-label', `${t('history.title')}: ${text}`);
    }

    showTip(point, x) {
        this.tip.hidden = !point;
        if (point) {
            const value = this.common.type === 'boolean' ? !!point.val : point.val;
            fill(this.tip, h('strong', null, formatWithUnit(value, this.common)), h('span', null, formatMoment(point.ts)),
                h('span', null, formatAgo(point.ts)));
            const width = this.canvas.clientWidth;
            this.tip.style.transform = `translateX(${Math.min(Math.max(x - 75, 0), Math.max(0, width - 160))}px)`;
        }
    }

    /** A new value of the state. */
    append(state) {
        const plot = this.plot;
        if (!plot || !state || numberOf(state.val) === null || plot.points.length > LIVE_MAX) {
            return;
        }
        const last = plot.points[plot.points.length - 1];
        if (!last || last.ts < state.ts) {
            plot.points.push({ ts: state.ts, val: numberOf(state.val) });
        }
        this.tick();
    }

    /** Keeps the right edge at now. */
    tick() {
        if (this.plot && this.follow && !this.plot.pointers.size) {
            this.plot.setRange(Date.now() - this.span, Date.now());
        }
    }
}
