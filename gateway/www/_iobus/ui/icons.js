// SPDX-License-Identifier: MIT
// Drawings of 24 by 24 with one stroke, for buttons and lists. They are decoration: names stand beside them.
import { svg } from './dom.js';

const PATHS = {
    search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 20 20',
    folder: 'M3.5 18.5v-12h6l2 2.5h9v9.5z',
    file: 'M6 3.5h8l4 4v13H6zM14 3.5v4h4',
    image: 'M4 5h16v14H4zM4 16l5-5 4.5 4.5L16 13l4 4M15.5 9.2v.1',
    store: 'M4 6.5C4 4.6 7.6 3.5 12 3.5s8 1.1 8 3-3.6 3-8 3-8-1.1-8-3zM4 6.5v11c0 1.9 3.6 3 8 3s8-1.1 8-3v-11M4 12c0 1.9 3.6 3 8 3s8-1.1 8-3',
    upload: 'M12 15.5v-11M7.5 9 12 4.5 16.5 9M4.5 15v4.5h15V15',
    download: 'M12 4.5v11M7.5 11l4.5 4.5 4.5-4.5M4.5 15v4.5h15V15',
    trash: 'M4.5 6.5h15M9 6.5v-3h6v3M6.5 6.5l1 14h9l1-14M10.2 10.5v6M13.8 10.5v6',
    pencil: 'M4.5 19.5l1-4.5L16 4.5l3.5 3.5L9 18.5zM13.5 7l3.5 3.5',
    plus: 'M12 5v14M5 12h14',
    minus: 'M5 12h14',
    copy: 'M8.5 8.5h11v11h-11zM5 15.5h-.5v-11h11V5',
    check: 'M5 12.5l4.5 4.5L19 7.5',
    cross: 'M6 6l12 12M18 6 6 18',
    next: 'M9.5 6l6 6-6 6',
    back: 'M14.5 6l-6 6 6 6',
    sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4',
    moon: 'M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z',
    auto: 'M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM12 3.5v17M12 7l6.5 9.5M12 12l4.5 6.5',
    pause: 'M8.5 5.5v13M15.5 5.5v13',
    play: 'M7.5 5l11 7-11 7z',
    state: 'M12 15.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z',
    channel: 'M4 8h16M4 16h16M9 10.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM15 18.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z',
    device: 'M6.5 3.5h11v17h-11zM10.5 17.5h3',
    enum: 'M4 5.5h7l9 7-6 7-10-8zM7.8 8.8v.1',
    person: 'M12 11.5a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5c.6-4 3.6-6 7.5-6s6.900 2 7.5 6',
    people: 'M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 20c.5-3.700 3-5.500 6.500-5.500s6 1.800 6.500 5.500M16 4.300a3.500 3.500 0 0 1 0 6.400M18 14.900c2 .8 3.200 2.500 3.500 5.100',
    gear: 'M12 15.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM12 3v3M12 18v3M3 12h3M18 12h3M5.600 5.600l2.100 2.100M16.300 16.300l2.100 2.100M5.600 18.400l2.100-2.100M16.300 7.700l2.100-2.100',
    script: 'M9 7l-5 5 5 5M15 7l5 5-5 5',
    host: 'M4 4.500h16v6H4zM4 13.500h16v6H4zM7.500 7.500v.1M7.500 16.500v.1',
    open: 'M13.500 4.500h6v6M19.500 4.500 11 13M17 14v5.500H4.500V7H10',
    leave: 'M13.500 4.500h-8v15h8M10 12h10M16.500 8.500 20 12l-3.500 3.500',
    info: 'M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM12 11v5M12 7.800v.1',
};

const TYPES = {
    state: 'state', channel: 'channel', device: 'device', folder: 'folder', enum: 'enum', user: 'person', group: 'people',
    config: 'gear', instance: 'gear', adapter: 'gear', meta: 'store', script: 'script', host: 'host', chart: 'image',
};

/** @param {string} name @returns {SVGElement} */
export function icon(name) {
    return svg('svg', { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true', focusable: 'false' },
        svg('path', { d: PATHS[name] }));
}

/** Name of the drawing for a type of object. */
export function iconOfType(type) {
    return TYPES[type] || 'folder';
}
