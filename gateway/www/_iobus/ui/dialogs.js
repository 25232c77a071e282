// SPDX-License-Identifier: MIT
// Notices that go away by themselves, and questions. <dialog> is too new for old tablets, so the focus is kept here.
import { h } from './dom.js';
import { icon } from './icons.js';
import { t } from './i18n.js';

const NOTICE_MS = 5000, PROBLEM_MS = 12000;
const MAX_NOTICES = 4;

// Present from the start: a live region that comes together with its text is not read out.
const toasts = h('div', { class: 'toasts', role: 'status', 'aria-live': 'polite' });
document.body.appendChild(toasts);

function showToast(text, name, iconName, ms) {
    const close = h('button', { class: 'button quiet square', 'aria-label': t('action.dismiss') }, icon('cross'));
    const toast = h('div', { class: `toast ${name}` }, icon(iconName), h('span', null, text), close);
    close.addEventListener('click', () => toast.remove());
    toasts.appendChild(toast);
    setTimeout(() => toast.remove(), ms);
    while (toasts.children.length > MAX_NOTICES) {
        toasts.firstChild.remove();
    }
}

export function notice(text) {
    showToast(text, '', 'check', NOTICE_MS);
}

/** What a person can do something about; errors of the library carry the server's words. */
export function problem(error, what) {
    const reason = error && error.reason;
    const text = reason === 'permissionError' ? t('error.permission')
        : typeof reason === 'string' ? reason
            : error && error.code && error.code !== 'server' ? t(`error.${error.code}`) : error && error.message || String(error);
    showToast(what ? `${what}: ${text}` : text, 'bad', 'info', PROBLEM_MS);
}

const FOCUSABLE = 'a[href], button:not([disabled]), input:not([disabled]), select:not([disabled]), textarea:not([disabled])';

// Keeps Tab inside, and closes with Escape.
function keepInside(event, dialog, cancel) {
    if (event.key === 'Escape') {
        event.preventDefault();
        cancel();
    }
    if (event.key !== 'Tab') {
        return;
    }
    const all = [...dialog.querySelectorAll(FOCUSABLE)];
    const at = all.indexOf(document.activeElement);
    const next = event.shiftKey ? (at <= 0 ? all.length - 1 : at - 1) : (at + 1) % all.length;
    event.preventDefault();
    all[next].focus();
}

let number = 0;

/** A question with fields: resolves to the values of the fields, or null.
 * @param {{title: string, text?: string, fields?: Array<{label: string, value?: string, type?: string, name?: string}>,
 *          action: string, danger?: boolean}} question
 * @returns {Promise<string[]|null>} */
export function ask(question) {
    return new Promise(resolve => {
        const id = `dialog-${++number}`;
        const before = document.activeElement;
        const inputs = (question.fields || []).map((field, i) => h('input', {
            class: 'field', id: `${id}-${i}`, type: field.type || 'text', value: field.value || '', name: field.name || `field-${i}`,
            autocomplete: field.autocomplete || 'off', autocapitalize: 'none', spellcheck: 'false',
        }));
        const done = result => {
            veil.remove();
            if (before && before.focus) {
                before.focus();
            }
            resolve(result);
        };
        const dialog = h('form', {
            class: 'dialog', role: 'dialog', 'aria-modal': 'true', 'aria-labelledby': id, novalidate: true,
            onsubmit: event => {
                event.preventDefault();
                done(inputs.map(input => input.value));
            },
        },
        h('h2', { id }, question.title),
        question.text ? h('p', { class: 'soft' }, question.text) : null,
        inputs.map((input, i) => [h('label', { class: 'caption', htmlFor: input.id }, question.fields[i].label), input]),
        h('div', { class: 'actions' },
            h('button', { class: 'button', type: 'button', onclick: () => done(null) }, t('action.cancel')),
            h('button', { class: `button ${question.danger ? 'danger' : 'main-action'}`, type: 'submit' }, question.action)));
        const veil = h('div', {
            class: 'veil', onkeydown: event => keepInside(event, dialog, () => done(null)),
            onmousedown: event => event.target === veil && done(null),
        }, dialog);
        document.body.appendChild(veil);
        const first = inputs[0] || dialog.querySelector('.actions .button');
        first.focus();
        if (first.select) {
            first.select();
        }
    });
}
