// SPDX-License-Identifier: MIT
// Elements without templates: h('button', { class: 'button', onclick: press }, 'Press').

const SVG = 'http://www.w3.org/2000/svg';
const PROPERTIES = new Set(['value', 'checked', 'disabled', 'hidden', 'selected', 'multiple', 'htmlFor', 'download', 'readOnly']);

function put(element, name, value) {
    if (name === 'class') {
        element.setAttribute('class', value);
    } else if (name.startsWith('on')) {
        element.addEventListener(name.slice(2), value);
    } else if (name === 'data') {
        Object.assign(element.dataset, value);
    } else if (PROPERTIES.has(name)) {
        element[name] = value;
    } else if (value !== null && value !== undefined && name.startsWith('aria-')) {
        element.setAttribute(name, value); // "false" says something there
    } else if (value !== null && value !== undefined && value !== false) {
        element.setAttribute(name, value === true ? '' : value);
    }
}

function add(element, child) {
    if (Array.isArray(child)) {
        child.forEach(one => add(element, one));
    } else if (child !== null && child !== undefined && child !== false) {
        element.appendChild(typeof child === 'object' ? child : document.createTextNode(child));
    }
}

/** An element; a false or missing child is left out.
 * @param {string} tag @param {Object|null} [props] @param {...*} children @returns {HTMLElement} */
export function h(tag, props, ...children) {
    const element = document.createElement(tag);
    Object.keys(props || {}).forEach(name => put(element, name, props[name]));
    add(element, children);
    return element;
}

/** The same in SVG. */
export function svg(tag, props, ...children) {
    const element = document.createElementNS(SVG, tag);
    Object.keys(props || {}).forEach(name => put(element, name, props[name]));
    add(element, children);
    return element;
}

export function fill(element, ...children) {
    element.textContent = '';
    add(element, children);
    return element;
}

export function $(id) {
    return document.getElementById(id);
}

/** Sets a text only when it differs: writing it costs layout. */
export function say(element, text) {
    if (element.textContent !== text) {
        element.textContent = text;
    }
}

/** Lets a value light up because it changed. */
export function flash(element) {
    const now = element.classList.contains('live-a') ? 'live-b' : 'live-a';
    element.classList.remove('live-a', 'live-b');
    element.classList.add(now);
}

/** Runs fn at most once per frame, however often it is asked for; in a hidden page when it is shown again.
 * @param {() => void} fn @param {number} [rest] ms between two runs, for what is much work */
export function perFrame(fn, rest) {
    let asked = false, last = 0;
    const run = () => {
        asked = false;
        last = Date.now();
        fn();
    };
    return () => {
        if (!asked) {
            asked = true;
            setTimeoutOrNow(() => requestAnimationFrame(run), (rest || 0) - (Date.now() - last));
        }
    };
}

function setTimeoutOrNow(fn, ms) {
    if (ms > 0) {
        setTimeout(fn, ms);
    } else {
        fn();
    }
}

/** Runs fn when it has not been asked for during some time. */
export function settled(fn, ms) {
    let timer = null;
    return (...args) => {
        clearTimeout(timer);
        timer = setTimeout(() => fn(...args), ms);
    };
}

/** Copies a text; false when the browser does not allow it. */
export async function copy(text) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch (e) {
        // Pages without https have no clipboard object; the old way still works there.
        const area = h('textarea', { class: 'unseen', value: text });
        document.body.appendChild(area);
        area.select();
        const done = document.execCommand('copy');
        area.remove();
        return done;
    }
}
