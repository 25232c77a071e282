// SPDX-License-Identifier: MIT
// A file as far as a page can show it: pictures, sound, film, text.
import { fill, h } from '../ui/dom.js';
import { formatMoment, formatSize } from '../ui/format.js';
import { icon } from '../ui/icons.js';
import { t } from '../ui/i18n.js';

const TEXT_MAX = 512 * 1024; // bytes; more is for a download
const SHOWN_MAX = 100 * 1000; // characters

const KINDS = [
    [/\.(png|jpe?g|gif|svg|webp|bmp|ico|avif)$/i, 'image'],
    [/\.(mp3|wav|ogg|oga|flac|m4a)$/i, 'audio'],
    [/\.(mp4|webm|ogv|mov)$/i, 'video'],
    [/\.(txt|log|md|csv|json5?|js|mjs|css|html?|xml|ya?ml|ini|conf|sh|svg|map|ts|py|c|h)$/i, 'text'],
];

async function fillText(box, bus, store, path) {
    try {
        const { data } = await bus.readFile(store, path, 'text');
        fill(box, data.length ? data.slice(0, SHOWN_MAX) : t('preview.emptyFile'), data.length > SHOWN_MAX ? '\n…' : '');
    } catch (error) {
        fill(box, String(error.reason || error.message));
    }
}

function makeBody(kind, bus, store, path, entry) {
    const size = entry.stats && entry.stats.size || 0;
    const src = `${bus.fileUrl(store, path)}?v=${entry.modifiedAt || 0}-${size}`; // a changed file is not what is cached
    if (kind === 'image') {
        const note = h('p', { class: 'soft small number' });
        const image = h('img', { src, alt: entry.file, onload: () => fill(note, `${image.naturalWidth} × ${image.naturalHeight}`) });
        return [h('div', { class: 'picture' }, image), note];
    }
    if (kind === 'audio' || kind === 'video') {
        return h(kind, { src, controls: true, preload: 'metadata', 'aria-label': entry.file });
    }
    if (kind === 'text' && size <= TEXT_MAX) {
        const pre = h('pre', { tabindex: '0', 'aria-label': entry.file });
        fillText(pre, bus, store, path);
        return h('div', { class: 'code' }, pre);
    }
    return h('p', { class: 'soft' }, t(kind === 'text' ? 'preview.large' : 'preview.none'));
}

/** Elements that show a file. */
export function makePreview(bus, store, path, entry, backTo) {
    const [, kind] = KINDS.find(([names]) => names.test(entry.file)) || [null, null];
    const url = bus.fileUrl(store, path);
    const size = entry.stats && entry.stats.size;
    return [
        h('div', { class: 'card-head' }, h('h2', { class: 'id' }, entry.file),
            h('a', { class: 'button quiet square', href: backTo, 'aria-label': t('preview.close'), title: t('preview.close') }, icon('cross'))),
        makeBody(kind, bus, store, path, entry),
        h('p', { class: 'soft small' }, [typeof size === 'number' ? formatSize(size) : null,
            entry.modifiedAt ? formatMoment(entry.modifiedAt) : null].filter(Boolean).join(' · ')),
        h('div', { class: 'wrap' }, h('a', { class: 'button', href: url, download: entry.file }, icon('download'), h('span', null, t('files.download'))),
            h('a', { class: 'button', href: url, target: '_blank', rel: 'noopener' }, icon('open'), h('span', null, t('preview.open')))),
    ];
}
