// SPDX-License-Identifier: MIT
// The page of objects and files: what is chosen stands in the address, #/states/ID or #/files/STORE/PATH.
import { $, fill, h, say, settled } from '../ui/dom.js';
import { formatBrief, formatNumber } from '../ui/format.js';
import { icon } from '../ui/icons.js';
import { t } from '../ui/i18n.js';
import { ObjectIndex } from '../ui/objects.js';
import { bus, connected, readRights } from '../ui/page.js';
import { Tree } from '../ui/tree.js';
import { Watcher } from '../ui/watcher.js';
import { Files } from './files.js';
import { Panel, stateLink } from './panel.js';

const HITS_MAX = 1000;
const SEARCH_MS = 120;
const REFRESH_MS = 200; // after the last of many changes of objects
const WATCH_MS = 120; // rows in sight are watched when scrolling rests
const OPEN_AT_START = 12; // a tree with so few roots is shown with one level open

const main = $('main');
const index = new ObjectIndex();
let panel = null, files = null, loaded = false;

// --- the tree

const watcher = new Watcher(bus, (id, state, before) => tree.show(id, state, before));
const watch = settled(ids => watcher.set(ids.filter(id => {
    const node = index.get(id);
    return node && node.common && node.common.objectType === 'state';
})), WATCH_MS);

function fillValue(element, node, live) {
    const state = node.common && watcher.get(node.id);
    const text = state ? formatBrief(state.val, node.common) : '';
    const known = element.textContent !== '';
    if (element.textContent !== text) {
        element.textContent = text;
        if (live && known) {
            element.classList.remove('live-a', 'live-b');
            element.classList.add(element.turn ? 'live-a' : 'live-b');
            element.turn = !element.turn;
        }
    }
    element.classList.toggle('unacked', !!state && !state.ack);
}

const tree = new Tree($('tree'), {
    index, label: t('explorer.tree'), onrows: watch, fillValue, onselect: id => (location.hash = stateLink(id)),
});

function note(text) {
    say($('side-note'), text);
}

function showCounts() {
    note(t('explorer.counts', formatNumber(index.size), formatNumber(index.states)));
}

const search = settled(() => {
    const text = $('search').value.trim();
    if (!text) {
        tree.showHits(null);
        tree.select(panel && panel.id);
        showCounts();
        return;
    }
    const { hits, more } = index.search(text, HITS_MAX);
    tree.showHits(hits);
    note(more ? t('explorer.manyHits', formatNumber(HITS_MAX)) : t('explorer.hits', hits.length));
}, SEARCH_MS);

function refreshNow() {
    if ($('search').value.trim()) {
        search();
    } else {
        tree.update();
        showCounts();
    }
}

const refresh = settled(refreshNow, REFRESH_MS);

async function loadObjects() {
    try {
        await index.load(bus, size => {
            note(t('explorer.loading', formatNumber(size)));
            tree.update();
        });
    } catch (error) {
        note(t('explorer.denied'));
        return;
    }
    if (!loaded) {
        if (index.root.children.length <= OPEN_AT_START) {
            index.root.children.filter(node => !/^(system|enum)$/.test(node.id)).forEach(node => openNarrow(node));
        }
        loaded = true;
        tree.select(panel.id);
        panel.complete();
    }
    refreshNow();
}

// Opens a branch as long as there is only one way to go, and one level more.
function openNarrow(node) {
    tree.open.add(node.id);
    if (node.children.length === 1) {
        openNarrow(node.children[0]);
    }
}

// --- where we are

function route() {
    const [, view, ...parts] = location.hash.split('/').map(part => {
        try {
            return decodeURIComponent(part);
        } catch (e) {
            return part;
        }
    });
    return view === 'files' ? { view, parts: parts.filter(Boolean) } : { view: 'states', id: parts.join('/') };
}

// On a phone the tree gives its place to the panel, so the focus has to go there too.
function focusPanel() {
    if (panel.id && !$('tree').offsetParent && $('panel-title')) {
        $('panel-title').focus();
    }
}

function go() {
    const { view, id, parts } = route();
    const isFiles = view === 'files';
    $('view-states').setAttribute('aria-current', isFiles ? 'false' : 'page');
    $('view-files').setAttribute('aria-current', isFiles ? 'page' : 'false');
    ['view-states', 'view-files'].forEach(name => $(name).getAttribute('aria-current') === 'false' && $(name).removeAttribute('aria-current'));
    main.dataset.view = isFiles ? 'files' : id ? 'detail' : 'list';
    $('panel').hidden = isFiles;
    $('files').hidden = !isFiles;
    if (isFiles) {
        panel.show(null);
        files.show(parts);
        return;
    }
    files.hide();
    $('view-states').href = id ? stateLink(id) : '#/states';
    if ((id || null) !== panel.id) {
        panel.show(id || null).then(focusPanel);
        $('content').scrollTop = 0;
    }
    tree.select(id || null);
}

async function begin() {
    fill($('to-list'), icon('back'), h('span', null, t('explorer.toList')));
    note(t('explorer.loading', 0));
    await connected;
    const may = await readRights();
    panel = new Panel({ bus, index, may, element: $('panel') });
    files = new Files({ bus, may, element: $('files') });
    window.addEventListener('hashchange', go);
    $('search').addEventListener('input', search);
    $('search').addEventListener('keydown', event => {
        if (event.key === 'ArrowDown') {
            event.preventDefault();
            $('tree').focus();
        }
    });
    document.addEventListener('keydown', event => {
        if (event.key === '/' && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
            event.preventDefault();
            $('search').focus();
        }
    });
    go();
    bus.subscribeObjects('*', (id, object) => {
        if (object) {
            index.put(id, object);
        } else {
            index.remove(id);
        }
        refresh();
    }, { resume: false });
    await loadObjects();
    bus.on('connect', ({ again }) => again && loadObjects());
}

begin();
