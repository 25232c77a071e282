// SPDX-License-Identifier: MIT
// What every page has: the connection, the bar with the pages, theme and language.
import { connect } from '../../iobus.js';
import { $, fill, h, say, svg } from './dom.js';
import { problem } from './dialogs.js';
import { icon } from './icons.js';
import { chooseLanguage, language, t, translate } from './i18n.js';

const PAGES = [['start', './'], ['explorer', 'explorer.html'], ['live', 'live.html'], ['status', 'status.html']];
const THEMES = ['auto', 'light', 'dark'];
const THEME_ICONS = { auto: 'auto', light: 'sun', dark: 'moon' };
const LATE_MS = 1200; // a connection that is made within that time is not worth a word

const here = document.documentElement.dataset.page;

export const bus = connect({ name: `iobus ${here}` });

/** Fulfilled with the first connection: where a log-in is asked for, after it. */
export const connected = new Promise(resolve => bus.on('connect', resolve));

function mark() {
    return svg('svg', { viewBox: '0 0 28 28', 'aria-hidden': 'true', focusable: 'false' },
        svg('rect', { class: 'tile', width: 28, height: 28, rx: 7 }),
        svg('path', { class: 'rail', d: 'M4 14h20M9 14V8.500M19 14v5.500' }),
        svg('circle', { class: 'stop', cx: 9, cy: 8, r: 2.6 }), svg('circle', { class: 'stop', cx: 19, cy: 20, r: 2.6 }));
}

function makeNavigation() {
    return h('nav', { 'aria-label': t('nav.label') }, h('ul', { class: 'stops' }, PAGES.map(([name, href]) =>
        h('li', null, h('a', { href, 'aria-current': name === here ? 'page' : null }, t(`nav.${name}`))))));
}

function makeThemeButton() {
    const button = h('button', { class: 'button quiet square', type: 'button' });
    const show = () => {
        const choice = window.iobusTheme.choice();
        fill(button, icon(THEME_ICONS[choice] || 'auto'));
        button.setAttribute('aria-label', t('theme.label', t(`theme.${choice}`)));
        button.title = button.getAttribute('aria-label');
    };
    button.addEventListener('click', () => {
        const at = THEMES.indexOf(window.iobusTheme.choice());
        window.iobusTheme.choose(THEMES[(at + 1) % THEMES.length]);
        show();
    });
    show();
    return button;
}

function makeLanguageButton() {
    const other = language === 'de' ? 'en' : 'de';
    return h('button', {
        class: 'button quiet square', type: 'button', lang: other, 'aria-label': other === 'de' ? 'Deutsch' : 'English',
        title: other === 'de' ? 'Deutsch' : 'English', onclick: () => chooseLanguage(other),
    }, other.toUpperCase());
}

// Says whether the server is there; the first moment of a page is none of being offline.
function makeLinkState() {
    const text = h('span');
    const element = h('div', { class: 'link-state', role: 'status', 'aria-live': 'polite' }, text);
    const show = state => {
        element.dataset.state = state;
        say(text, t(`link.${state}`));
    };
    let late = setTimeout(() => show('offline'), LATE_MS * 3);
    show('connecting');
    bus.on('connect', () => {
        clearTimeout(late);
        show('online');
    });
    bus.on('disconnect', () => {
        clearTimeout(late);
        late = setTimeout(() => show('offline'), LATE_MS);
        element.dataset.state = 'offline';
    });
    return element;
}

// The session has ended, or there is none: the log-in page leads back to here.
function logIn() {
    location.href = `${bus.url}login?href=${encodeURIComponent(location.pathname + location.search)}${location.hash}`;
}

// Only where there is something to log out from.
async function showLogOut(box) {
    const { enabled, user } = await bus.authEnabled();
    if (enabled && !box.querySelector('[data-out]')) {
        const label = t('login.out', String(user || '').replace(/^system\.user\./, ''));
        box.appendChild(h('a', {
            class: 'button quiet square', href: `${bus.url}logout`, data: { out: '' }, 'aria-label': label, title: label,
            onclick: () => bus.close(), // what it would be told on its way out is known
        }, icon('leave')));
    }
}

function begin() {
    const end = h('div', { class: 'bar-end' }, makeLinkState(), makeThemeButton(), makeLanguageButton());
    translate(document.body);
    document.title = here === 'start' ? 'iobus' : `${t(`nav.${here}`)} · iobus`;
    fill($('bar'), h('a', { class: 'mark', href: './', 'aria-label': t('nav.home') }, mark(), 'iobus'), makeNavigation(), end);
    document.body.insertBefore(h('a', { class: 'skip', href: '#main', onclick: event => {
        event.preventDefault(); // the address may hold what the page shows
        $('main').focus();
    } }, t('nav.skip')), document.body.firstChild);
    bus.on('reauthenticate', logIn);
    bus.on('connect', () => showLogOut(end).catch(() => {})); // asked again with the next connection
    bus.on('error', error => /^(disconnected|reauthenticate)$/.test(error.code) || problem(error)); // the bar says those
    bus.on('permissionError', () => problem(t('error.permission')));
}

begin();

/** What this client may do: {object: {read, write, …}, state, file, …}; everything when the server does not say. */
export async function readRights() {
    try {
        const rights = await bus.call('getUserPermissions');
        return (kind, operation) => !!(rights[kind] && rights[kind][operation]);
    } catch (e) {
        return () => true; // then the server refuses what it does not want
    }
}
