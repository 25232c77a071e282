// SPDX-License-Identifier: MIT
// An object as coloured JSON, and as a text to edit.
import { fill, h } from '../ui/dom.js';
import { notice, problem } from '../ui/dialogs.js';
import { icon } from '../ui/icons.js';
import { t } from '../ui/i18n.js';

const COLOUR_MAX = 200 * 1000; // characters; beyond it the colours cost too much
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function colour(text) {
    const parts = [];
    let at = 0, match;
    TOKEN.lastIndex = 0;
    while ((match = TOKEN.exec(text))) {
        parts.push(text.slice(at, match.index));
        parts.push(h('span', { class: match[2] ? 'key' : match[1] ? 'text' : 'num' }, match[1] || match[0]), match[2] || '');
        at = TOKEN.lastIndex;
    }
    parts.push(text.slice(at));
    return parts;
}

/** The box with an object's JSON. Changes are written with setObject.
 * @returns {{element: HTMLElement, show: (object: Object) => void}} */
export function makeJsonBox(bus, id, mayWrite) {
    const body = h('div');
    const element = h('details', { class: 'card json-card' }, h('summary', null, t('object.title')), body);
    let object = null, editing = false;

    async function save(area) {
        let changed;
        try {
            changed = JSON.parse(area.value);
        } catch (error) {
            area.setAttribute('aria-invalid', 'true');
            problem(t('object.notJson', error.message));
            return;
        }
        try {
            await bus.setObject(id, changed);
            notice(t('object.saved', id));
            editing = false;
            draw();
        } catch (error) {
            problem(error, t('object.notSaved'));
        }
    }

    function drawEditor(text) {
        const area = h('textarea', { class: 'field json-area', 'aria-label': t('object.area', id), value: text, spellcheck: 'false', autocapitalize: 'none' });
        fill(body, area, h('div', { class: 'wrap actions' },
            h('button', { class: 'button main-action', type: 'button', onclick: () => save(area) }, t('action.save')),
            h('button', { class: 'button', type: 'button', onclick: () => {
                editing = false;
                draw();
            } }, t('action.cancel'))));
        area.rows = Math.min(30, text.split('\n').length + 1);
        area.focus();
    }

    function draw() {
        const text = JSON.stringify(object, null, 2) || '';
        if (editing) {
            drawEditor(text);
            return;
        }
        fill(body, h('div', { class: 'code json' }, h('pre', { tabindex: '0', 'aria-label': t('object.title') }, text.length > COLOUR_MAX ? text : colour(text))),
            mayWrite ? h('div', { class: 'wrap actions' }, h('button', { class: 'button', type: 'button', onclick: () => {
                editing = true;
                draw();
            } }, icon('pencil'), h('span', null, t('action.edit')))) : h('p', { class: 'soft small' }, t('object.readOnly')));
    }

    element.addEventListener('toggle', () => element.open && !editing && draw());
    return {
        element,
        show(next) { // never over what somebody types
            object = next;
            if (element.open && !editing) {
                draw();
            }
        },
    };
}
