// SPDX-License-Identifier: MIT
// The control that fits a state: by its choices, its role, its type. Each has `element` and `show(value)`.
import { h } from './dom.js';
import { choicesOf, formatNumber, isMoment } from './format.js';
import { t } from './i18n.js';

const SLIDE_MS = 150; // between two writes while a slider is dragged

// A value as the state's type wants it.
function ofType(text, type) {
    if (type === 'number') {
        return Number(text);
    }
    if (type === 'boolean') {
        return text === 'true' || text === '1';
    }
    if (type === 'mixed' || type === undefined) {
        return text === 'true' ? true : text === 'false' ? false : text.trim() !== '' && isFinite(text) ? Number(text) : text;
    }
    return text;
}

function makeButton({ label, write }) {
    const element = h('button', { class: 'button main-action', type: 'button', 'aria-label': label, onclick: () => write(true) },
        h('span', null, t('control.press')));
    return { element, show() {} };
}

function makeSwitch({ label, write, common }) {
    const numeric = common.type === 'number';
    const element = h('button', {
        class: 'switch', type: 'button', role: 'switch', 'aria-checked': 'false', 'aria-label': label,
        onclick() {
            const on = element.getAttribute('aria-checked') !== 'true';
            element.setAttribute('aria-checked', on); // at once; the answer corrects it
            write(numeric ? Number(on) : on);
        },
    });
    return { element, show: value => element.setAttribute('aria-checked', value === true || value === 1 || value === 'true') };
}

function makeSelect({ label, write, common }) {
    const choices = choicesOf(common);
    const element = h('select', { class: 'field', 'aria-label': label, onchange: () => write(ofType(element.value, common.type)) },
        choices.map(([key, text]) => h('option', { value: key }, text)));
    return {
        element,
        show(value) {
            const key = value === null || value === undefined ? '' : String(value);
            const foreign = element.querySelector('[data-foreign]');
            if (foreign) {
                foreign.remove();
            }
            if (!choices.some(([known]) => known === key)) {
                element.insertBefore(h('option', { value: key, data: { foreign: '' } }, key || t('value.none')), element.firstChild);
            }
            element.value = key;
        },
    };
}

function makeNumber({ label, write, common }) {
    const element = h('input', {
        class: 'field number-field', type: 'number', inputmode: 'decimal', step: common.step || 'any', min: common.min, max: common.max,
        'aria-label': label,
    });
    const send = () => element.value !== '' && isFinite(element.value) && write(Number(element.value));
    element.addEventListener('change', send);
    return { element, show: value => document.activeElement !== element && (element.value = typeof value === 'number' ? value : '') };
}

function rangeOf(common) {
    const percent = common.unit === '%' && /^level/.test(common.role);
    const min = typeof common.min === 'number' ? common.min : percent ? 0 : null;
    const max = typeof common.max === 'number' ? common.max : percent ? 100 : null;
    return min !== null && max !== null && max > min ? { min, max } : null;
}

function makeSlider({ label, write, common, compact }) {
    const { min, max } = rangeOf(common);
    const step = common.step || ((max - min) % 1 === 0 && max - min >= 20 ? 1 : (max - min) / 100);
    const slider = h('input', { type: 'range', class: 'grow', min, max, step, 'aria-label': label });
    const number = compact ? null : makeNumber({ label: t('control.exact', label), write, common });
    const scale = compact ? null : h('div', { class: 'scale', 'aria-hidden': 'true' },
        h('span', null, formatNumber(min)), h('span', null, `${formatNumber(max)}${common.unit ? ` ${common.unit}` : ''}`));
    let last = 0, timer = null, dragged = false;
    const send = () => {
        clearTimeout(timer);
        last = Date.now();
        write(Number(slider.value));
    };
    slider.addEventListener('input', () => {
        dragged = true;
        clearTimeout(timer);
        timer = setTimeout(send, Math.max(0, last + SLIDE_MS - Date.now()));
    });
    slider.addEventListener('change', () => {
        send();
        dragged = false;
    });
    return {
        element: h('div', { class: 'slider row' }, h('div', { class: 'grow' }, slider, scale), number && number.element),
        show(value) {
            if (!dragged) {
                slider.value = typeof value === 'number' ? value : min;
                slider.setAttribute('aria-valuetext', typeof value === 'number'
                    ? `${formatNumber(value)}${common.unit ? ` ${common.unit}` : ''}` : t('value.none'));
            }
            if (number) {
                number.show(value);
            }
        },
    };
}

function makeColour({ label, write }) {
    const element = h('input', { class: 'field', type: 'color', 'aria-label': label, onchange: () => write(element.value) });
    return { element, show: value => /^#[0-9a-f]{6}$/i.test(value) && (element.value = value.toLowerCase()) };
}

function two(n) {
    return String(n).padStart(2, '0');
}

function localText(ms) {
    const d = new Date(ms);
    return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${two(d.getHours())}:${two(d.getMinutes())}`;
}

// Numbers are ms; texts keep the form that the input gives them.
function makeMoment({ label, write, common }) {
    const kind = /(^|\.)time/.test(common.role) && common.type !== 'number' ? 'time'
        : /datetime/.test(common.role) || common.type === 'number' ? 'datetime-local' : 'date';
    const element = h('input', {
        class: 'field', type: kind, 'aria-label': label,
        onchange: () => element.value && write(common.type === 'number' ? new Date(element.value).getTime() : element.value),
    });
    return {
        element,
        show: value => document.activeElement !== element &&
            (element.value = typeof value === 'number' ? localText(value) : String(value || '').slice(0, kind === 'date' ? 10 : 16)),
    };
}

function checkOf(type) {
    return type === 'json' || type === 'array' || type === 'object' ? text => {
        JSON.parse(text);
        return text;
    } : text => ofType(text, type);
}

function makeText({ label, write, common, compact }) {
    const isLong = !compact && /^(json|array|object)$/.test(common.type);
    const field = h(isLong ? 'textarea' : 'input', {
        class: 'field grow', 'aria-label': label, rows: isLong ? 6 : null, autocapitalize: 'none', spellcheck: 'false',
    });
    const check = checkOf(common.type);
    let shown = '';
    const send = () => {
        try {
            write(check(field.value));
            field.removeAttribute('aria-invalid');
            shown = field.value;
        } catch (e) {
            field.setAttribute('aria-invalid', 'true');
        }
    };
    field.addEventListener('keydown', event => {
        if (event.key === 'Enter' && (!isLong || event.ctrlKey)) {
            event.preventDefault();
            send();
        }
    });
    return {
        element: h('div', { class: `row text-control${isLong ? ' long' : ''}` }, field,
            h('button', { class: 'button', type: 'button', 'aria-label': t('control.writeTo', label), onclick: send },
                t('control.write'))),
        show(value) { // never over what somebody types
            if (document.activeElement !== field && field.value === shown) {
                shown = value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
                field.value = shown;
            }
        },
    };
}

const KINDS = [
    [common => /^button/.test(common.role) || common.type === 'boolean' && common.read === false, makeButton],
    [common => choicesOf(common).length > 0 && common.type !== 'boolean', makeSelect],
    [common => common.type === 'boolean', makeSwitch],
    [common => /^level\.color\.(rgb|hex)/.test(common.role) && common.type === 'string', makeColour],
    [common => isMoment(common), makeMoment],
    [common => common.type === 'number' && rangeOf(common) !== null, makeSlider],
    [common => common.type === 'number', makeNumber],
    [() => true, makeText],
];

/** @param {{common: Object, label: string, write: (value: *) => void, compact?: boolean}} options
 * @returns {{element: HTMLElement, show: (value: *) => void}} */
export function makeControl(options) {
    const common = Object.assign({}, options.common, { role: options.common.role || '' });
    const [, make] = KINDS.find(([fits]) => fits(common));
    return make(Object.assign({}, options, { common }));
}
