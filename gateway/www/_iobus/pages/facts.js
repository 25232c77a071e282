// SPDX-License-Identifier: MIT
// What is known about an object, in words: rooms and functions, limits, choices, who records it, when it was changed.
import { h } from '../ui/dom.js';
import { choicesOf, formatFrom, formatMoment, formatValue, formatWithUnit } from '../ui/format.js';
import { nameOf, t } from '../ui/i18n.js';

const CHOICES_MAX = 30;

function rangeText(common) {
    const known = ['min', 'max'].map(key => common[key]).filter(n => typeof n === 'number');
    if (!known.length) {
        return null;
    }
    const text = key => (typeof common[key] === 'number' ? formatWithUnit(common[key], common) : '…');
    return t('meta.fromTo', text('min'), text('max'));
}

function recorders(common) {
    const custom = common.custom || {};
    return Object.keys(custom).filter(name => custom[name] && custom[name].enabled !== false).join(', ');
}

function choicesText(common) {
    const choices = choicesOf(common);
    return choices.slice(0, CHOICES_MAX).map(([key, text]) => (key === text ? key : `${key}: ${text}`)).join(', ') +
        (choices.length > CHOICES_MAX ? ', …' : '');
}

function enumLinks(enums, link) {
    return enums.map(({ id, common }, i) => [i ? ', ' : '', h('a', { href: link(id) }, common.name || id)]);
}

function shortUser(acl) {
    return acl && acl.owner ? [acl.owner, acl.ownerGroup].filter(Boolean).map(id => id.replace(/^system\.(user|group)\./, '')).join(', ') : '';
}

/** A card of facts; null when there are none.
 * @param {Object} object @param {Array} enums nodes of the enums it belongs to @param {(id: string) => string} link */
export function makeFacts(object, enums, link) {
    const common = object.common || {};
    const facts = [
        ['meta.enums', enums.length ? enumLinks(enums, link) : null],
        ['meta.range', rangeText(common)],
        ['meta.step', typeof common.step === 'number' ? formatWithUnit(common.step, common) : null],
        ['meta.default', common.def === undefined || common.def === null ? null : formatValue(common.def, common)],
        ['meta.choices', choicesText(common)],
        ['meta.alias', common.alias && typeof common.alias.id === 'string' ? h('a', { href: link(common.alias.id) }, common.alias.id) : null],
        ['meta.recorded', recorders(common)],
        ['meta.title', object.type === 'state' ? null : nameOf(common.title || common.titleLang)],
        ['meta.owner', shortUser(object.acl)],
        ['meta.changed', object.ts ? [formatMoment(object.ts), object.from ? ` (${formatFrom(object.from)})` : ''] : null],
    ].filter(([, content]) => content);
    return facts.length ? h('section', { class: 'card', 'aria-labelledby': 'facts-title' }, h('h2', { id: 'facts-title' }, t('meta.about')),
        h('dl', { class: 'facts' }, facts.map(([key, content]) => h('div', null, h('dt', null, t(key)), h('dd', null, content))))) : null;
}
