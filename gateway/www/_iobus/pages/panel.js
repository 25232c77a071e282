// SPDX-License-Identifier: MIT
// The chosen object: a state with its value, control, facts and history; anything else with what is below it.
import { copy, fill, flash, h, say } from '../ui/dom.js';
import { notice, problem } from '../ui/dialogs.js';
import { makeControl } from '../ui/control.js';
import { formatAgo, formatBrief, formatFrom, formatMoment, formatQuality, formatValue } from '../ui/format.js';
import { icon, iconOfType } from '../ui/icons.js';
import { nameOf, t } from '../ui/i18n.js';
import { Watcher } from '../ui/watcher.js';
import { makeFacts } from './facts.js';
import { History } from './history.js';
import { makeJsonBox } from './json.js';

const CHILDREN_MAX = 100;

export function stateLink(id) {
    return `#/states/${encodeURIComponent(id)}`;
}

async function write(bus, id, value, ack) {
    try {
        await bus.setState(id, value, ack);
    } catch (error) {
        problem(error, t('state.notWritten'));
    }
}

function isWritable(common, may) {
    return common.write !== false && may('state', 'write');
}

export class Panel {
    /** @param {{bus: Bus, index: ObjectIndex, may: Function, element: HTMLElement}} options */
    constructor(options) {
        Object.assign(this, options);
        this.id = undefined; // nothing shown yet; null: nothing is chosen
        this.state = null;
        this.round = 0;
        this.watcher = new Watcher(this.bus, (id, state) => this.onState(id, state));
        this.stopObject = null;
        setInterval(() => this.tick(), 1000);
    }

    get isState() {
        return !!this.object && this.object.type === 'state';
    }

    async show(id) {
        const round = ++this.round;
        this.close();
        this.id = id;
        if (!id) {
            fill(this.element, h('div', { class: 'empty' }, icon('channel'), h('p', null, t('panel.empty'))));
            return;
        }
        this.stopObject = this.bus.subscribeObjects(id, (name, object) => {
            if (round === this.round && !this.readingObject) {
                this.onObject(object);
            }
        }, { resume: true });
        this.readingObject = true;
        const object = await this.bus.getObject(id).catch(error => problem(error, id));
        if (round === this.round) {
            this.readingObject = false;
            this.build(object || null);
        }
    }

    /** Now all objects are known: what is below the chosen one, and the enums it is in. */
    complete() {
        const node = this.id && this.index.get(this.id);
        if (this.json && node && (node.children.length || this.index.enumsOf(this.id).length)) {
            this.build(this.object);
        }
    }

    close() {
        this.watcher.set([]);
        this.state = null;
        this.history = null;
        this.children = null;
        this.object = null;
        this.parts = null;
        this.json = null;
        if (this.stopObject) {
            this.stopObject();
            this.stopObject = null;
        }
    }

    // Built anew when something changed that decides what is shown, so that nobody loses what is being typed for less.
    onObject(object) {
        const look = one => one && JSON.stringify([one.type, one.common]);
        if (look(object) !== look(this.object)) {
            this.build(object);
        } else {
            this.object = object;
            this.json.show(object);
        }
    }

    build(object) {
        this.object = object;
        this.state = null;
        this.history = null;
        this.children = null;
        this.json = makeJsonBox(this.bus, this.id, this.may('object', 'write'));
        this.json.show(object);
        const common = object && object.common || {};
        fill(this.element, this.makeHead(common), this.isState ? this.makeState(common) : null, this.makeChildren(),
            this.isState ? this.makeHistory(common) : null,
            object ? [makeFacts(object, this.index.enumsOf(this.id), stateLink), this.json.element] : null);
        const ids = (this.isState ? [this.id] : []).concat(this.children ? [...this.children.keys()] : []);
        this.watcher.set(ids);
        ids.filter(id => this.watcher.get(id)).forEach(id => this.onState(id, this.watcher.get(id))); // watched already
    }

    // --- who it is

    makeHead(common) {
        const name = nameOf(common.name) || this.id.slice(this.id.lastIndexOf('.') + 1);
        const parts = this.id.split('.');
        const trail = parts.map((part, i) => i < parts.length - 1
            ? [h('a', { href: stateLink(parts.slice(0, i + 1).join('.')) }, part), h('span', { 'aria-hidden': 'true' }, '.')]
            : h('span', { 'aria-current': 'true' }, part));
        const type = this.object ? this.object.type : null;
        return h('header', { class: 'panel-head' },
            h('h1', { id: 'panel-title', tabindex: '-1' }, name),
            h('div', { class: 'row panel-id' }, h('nav', { class: 'id', 'aria-label': t('panel.trail') }, trail),
                h('button', {
                    class: 'button quiet square', type: 'button', 'aria-label': t('panel.copy'), title: t('panel.copy'),
                    onclick: async () => await copy(this.id) && notice(t('panel.copied')),
                }, icon('copy'))),
            h('div', { class: 'wrap' }, h('span', { class: 'badge' }, icon(iconOfType(type)), type || t('panel.noObject')),
                common.role ? h('span', { class: 'badge' }, common.role) : null,
                this.isState && common.type ? h('span', { class: 'badge' }, common.type) : null,
                this.isState && common.write === false ? h('span', { class: 'badge' }, t('state.readOnly')) : null),
            common.desc ? h('p', { class: 'soft' }, nameOf(common.desc)) : null);
    }

    // --- a state

    makeState(common) {
        const fact = (key, element) => h('div', null, h('dt', null, t(key)), element);
        const dd = () => h('dd', null, t('value.none')); // until a value comes; there may be none
        const value = h('output', { class: 'big-value', 'aria-label': t('state.value') }, t('value.none'));
        const parts = { value, ack: h('span', { class: 'badge', hidden: true }), ts: dd(), lc: dd(), from: dd(), user: dd(), q: dd(), c: dd() };
        this.parts = parts;
        this.control = this.makeWriter(common);
        return h('section', { class: 'card state-card', 'aria-labelledby': 'panel-title' },
            h('div', { class: 'value-row' }, h('div', { class: 'value-line' }, value, common.unit ? h('span', { class: 'unit' }, common.unit) : null),
                parts.ack),
            this.writer,
            h('dl', { class: 'facts' }, fact('state.ts', parts.ts), fact('state.lc', parts.lc), fact('state.from', parts.from),
                fact('state.user', parts.user), fact('state.q', parts.q), fact('state.c', parts.c)));
    }

    // The control, with the choice to write as a report; behind a question where the state is not meant to be written.
    makeWriter(common) {
        const label = nameOf(common.name) || this.id;
        const ack = h('input', { type: 'checkbox' });
        const control = makeControl({ common, label, write: value => write(this.bus, this.id, value, ack.checked) });
        const box = h('div', { class: 'writer' }, h('div', { class: 'caption' }, t('state.set')), control.element,
            h('label', { class: 'small soft ack-choice' }, ack, t('state.asReport')));
        this.writer = !this.may('state', 'write') ? h('p', { class: 'soft small' }, t('state.noRight'))
            : common.write === false ? h('details', { class: 'anyway' }, h('summary', { class: 'small' }, t('state.anyway')), box) : box;
        return control;
    }

    onState(id, state) {
        if (id === this.id && this.parts) {
            this.showState(state);
        } else if (this.children && this.children.has(id)) {
            this.showChild(id, state);
        }
    }

    showState(state) {
        const common = this.object && this.object.common || {};
        const { parts } = this;
        const first = this.state === null;
        const changed = !this.state || !state || this.state.val !== state.val;
        this.state = state;
        const text = state ? formatValue(state.val, common) : t('state.gone');
        say(parts.value, text);
        parts.value.classList.toggle('long', text.length > 24);
        if (!first && changed) {
            flash(parts.value);
        }
        this.control.show(state ? state.val : null);
        parts.ack.hidden = !state;
        if (state) {
            parts.ack.className = `badge ${state.ack ? 'ok' : 'wait'}`;
            say(parts.ack, t(state.ack ? 'state.acked' : 'state.notAcked'));
            say(parts.from, formatFrom(state.from));
            say(parts.user, (state.user || t('value.none')).replace(/^system\.user\./, ''));
            say(parts.q, formatQuality(state.q));
            say(parts.c, state.c || t('value.none'));
            if (this.history && !first) {
                this.history.append(state);
            }
        }
        this.tick();
    }

    tick() {
        if (this.state && this.parts) {
            [['ts', this.state.ts], ['lc', this.state.lc]].forEach(([key, ms]) => {
                say(this.parts[key], formatAgo(ms));
                this.parts[key].title = formatMoment(ms);
            });
        }
        if (this.history) {
            this.history.tick();
        }
        if (this.children) {
            this.children.forEach(child => child.ts && say(child.ago, formatAgo(child.ts)));
        }
    }

    makeHistory(common) {
        this.history = new History(this.bus, this.id, common, this.may('object', 'write'));
        return this.history.element;
    }

    // --- what is below

    makeChildren() {
        const node = this.index.get(this.id);
        const all = node ? this.index.childrenOf(node) : [];
        if (!all.length) {
            return this.object && this.object.type === 'enum' ? this.makeMembers() : null;
        }
        return this.makeList(all.map(child => child.id), t('panel.below'));
    }

    makeMembers() {
        const members = this.object.common && this.object.common.members || [];
        return members.length ? this.makeList(members.map(String), t('panel.members')) : null;
    }

    makeList(ids, title) {
        this.children = new Map();
        const items = ids.slice(0, CHILDREN_MAX).map(id => this.makeItem(id));
        return h('section', { class: 'card' }, h('h2', null, title), h('ul', { class: 'children' }, items),
            ids.length > CHILDREN_MAX ? h('p', { class: 'soft small' }, t('panel.more', ids.length - CHILDREN_MAX)) : null);
    }

    makeItem(id) {
        const node = this.index.get(id);
        const common = node && node.common || {};
        const key = id.startsWith(`${this.id}.`) ? id.slice(this.id.length + 1) : id;
        const label = common.name || key;
        const link = h('a', { class: 'child-name', href: stateLink(id) }, icon(iconOfType(common.objectType)),
            h('span', null, h('span', null, label), label === key ? null : h('span', { class: 'id soft' }, key)));
        if (common.objectType !== 'state') {
            return h('li', null, link, node && node.children.length ? h('span', { class: 'soft small' }, t('panel.count', node.children.length)) : null);
        }
        const value = h('span', { class: 'child-value number' }), ago = h('span', { class: 'child-ago soft small' });
        const control = isWritable(common, this.may)
            ? makeControl({ common, label, compact: true, write: next => write(this.bus, id, next, false) }) : null;
        this.children.set(id, { value, ago, control, common, ts: 0 });
        return h('li', null, link, ago, control && h('span', { class: 'child-control' }, control.element), value);
    }

    showChild(id, state) {
        const child = this.children.get(id);
        const text = state ? formatBrief(state.val, child.common) : t('value.none');
        if (child.ts && child.value.textContent !== text) {
            flash(child.value);
        }
        say(child.value, text);
        child.value.classList.toggle('unacked', !!state && !state.ack);
        child.ts = state ? state.ts : 0;
        say(child.ago, state ? formatAgo(state.ts) : '');
        if (child.control) {
            child.control.show(state ? state.val : null);
        }
    }
}
