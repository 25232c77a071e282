// SPDX-License-Identifier: MIT
// The log-in page works without this script: it translates, and keeps the part of the address behind '#', which the
// server never sees.
'use strict';

(function () {
    const GERMAN = {
        lead: 'Bitte anmelden.',
        wrong: 'Der Name oder das Passwort ist falsch.',
        locked: 'Zu viele Fehlversuche. Bitte einige Minuten warten.',
        disabled: 'Dieser Benutzer darf sich nicht anmelden.',
        busy: 'Die Anmeldung ist gerade nicht möglich. Bitte noch einmal versuchen.',
        user: 'Name',
        password: 'Passwort',
        stay: 'Angemeldet bleiben',
        submit: 'Anmelden',
    };

    // As on the other pages: what was chosen there, else the browser's.
    function language() {
        const wanted = [...(navigator.languages || [navigator.language])];
        try {
            wanted.unshift(localStorage.getItem('iobus.language') || '');
        } catch (e) {
            wanted.unshift(''); // storage may be forbidden
        }
        return wanted.map(tag => tag.slice(0, 2).toLowerCase()).find(tag => tag === 'de' || tag === 'en');
    }

    function translate() {
        document.documentElement.lang = 'de';
        for (const element of document.querySelectorAll('[data-login]')) {
            element.textContent = GERMAN[element.dataset.login];
        }
    }

    function keepFragment() {
        const href = document.querySelector('input[name=href]');
        const isError = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
        if (location.hash && !isError && href.value && !href.value.includes('#')) {
            href.value += location.hash;
        }
    }

    if (language() === 'de') {
        translate();
    }
    keepFragment();
}());
