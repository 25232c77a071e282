// SPDX-License-Identifier: MIT
// English and German: the browser's language until somebody chooses another.
import en from '../texts/en.js';
import de from '../texts/de.js';

const TEXTS = { en, de };
const KEY = 'iobus.language';

function chosen() {
    try {
        return localStorage.getItem(KEY);
    } catch (e) {
        return null; // storage may be forbidden
    }
}

function ofBrowser() {
    const wanted = (navigator.languages || [navigator.language]).map(tag => tag.slice(0, 2).toLowerCase());
    return wanted.find(tag => TEXTS[tag]) || 'en';
}

export const language = TEXTS[chosen()] ? chosen() : ofBrowser();
document.documentElement.lang = language;

/** The text of a key; those with variable parts are functions.
 * @param {string} key @param {...*} args @returns {string} */
export function t(key, ...args) {
    const text = TEXTS[language][key];
    return typeof text === 'function' ? text(...args) : text === undefined ? key : text;
}

/** The page is loaded again in that language; where it is stands in its address. */
export function chooseLanguage(name) {
    try {
        localStorage.setItem(KEY, name);
    } catch (e) {
        return;
    }
    location.reload();
}

/** A name of an object: a text, or one for each language. */
export function nameOf(name) {
    if (name && typeof name === 'object') {
        return String(name[language] || name.en || name[Object.keys(name)[0]] || '');
    }
    return name === undefined || name === null ? '' : String(name);
}

/** Puts the texts into what stands in the HTML: data-t for its content, data-t-label for its name. */
export function translate(root) {
    root.querySelectorAll('[data-t]').forEach(element => (element.textContent = t(element.dataset.t)));
    root.querySelectorAll('[data-t-label]').forEach(element => element.setAttribute('aria-label', t(element.dataset.tLabel)));
    root.querySelectorAll('[data-t-hint]').forEach(element => element.setAttribute('placeholder', t(element.dataset.tHint)));
}
