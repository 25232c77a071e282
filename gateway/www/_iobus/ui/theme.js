// SPDX-License-Identifier: MIT
// Light or dark. A classic script in the head, so that the first paint has the right colours already.
'use strict';

(function () {
    const KEY = 'iobus.theme'; // 'light', 'dark'; nothing: as the system says
    const root = document.documentElement;
    const dark = window.matchMedia('(prefers-color-scheme: dark)');

    function choice() {
        try {
            return localStorage.getItem(KEY) || 'auto';
        } catch (e) {
            return 'auto'; // storage may be forbidden
        }
    }

    function apply() {
        const chosen = choice();
        root.dataset.theme = chosen === 'auto' ? (dark.matches ? 'dark' : 'light') : chosen;
        window.dispatchEvent(new Event('themechange'));
    }

    function choose(name) {
        try {
            if (name === 'auto') {
                localStorage.removeItem(KEY);
            } else {
                localStorage.setItem(KEY, name);
            }
        } catch (e) {
            root.dataset.theme = name;
        }
        apply();
    }

    dark.addListener(apply); // addEventListener is missing in old Safari
    window.addEventListener('storage', event => event.key === KEY && apply());
    apply();
    window.iobusTheme = { choice, choose };
}());
