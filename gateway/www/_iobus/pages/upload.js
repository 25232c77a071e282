// SPDX-License-Identifier: MIT
// Files on their way to the server: PUT with progress, a few at a time, each can be stopped.
import { h, say } from '../ui/dom.js';
import { problem } from '../ui/dialogs.js';
import { formatSize } from '../ui/format.js';
import { icon } from '../ui/icons.js';
import { t } from '../ui/i18n.js';

const PARALLEL = 2;
const DONE_MS = 2500; // a finished one is shown for so long
const FILES_MAX = 5000; // of one drop

export class Uploads {
    /** @param {{bus: Bus, element: HTMLElement, ondone: () => void}} options */
    constructor(options) {
        Object.assign(this, options);
        this.waiting = [];
        this.running = 0;
    }

    /** @param {string} store @param {string} folder @param {Array<{file: File, path: string}>} items */
    add(store, folder, items) {
        items.forEach(({ file, path }) => {
            const job = { store, path: folder ? `${folder}/${path}` : path, file, request: null };
            this.waiting.push(job);
            this.show(job);
        });
        this.next();
    }

    show(job) {
        job.bar = h('progress', { max: '100', value: 0, 'aria-label': job.path });
        job.text = h('span', { class: 'soft small number' }, t('upload.waiting'));
        job.element = h('li', null, h('span', { class: 'upload-name id' }, job.path), job.bar, job.text,
            h('button', {
                class: 'button quiet square', type: 'button', 'aria-label': t('upload.stop', job.path), title: t('action.cancel'),
                onclick: () => this.stop(job),
            }, icon('cross')));
        this.element.appendChild(job.element);
    }

    stop(job) {
        this.waiting = this.waiting.filter(other => other !== job);
        if (job.request) {
            job.request.abort();
        }
        job.element.remove();
    }

    next() {
        while (this.running < PARALLEL && this.waiting.length) {
            this.send(this.waiting.shift());
        }
    }

    send(job) {
        const request = new XMLHttpRequest();
        job.request = request;
        this.running++;
        request.upload.onprogress = event => {
            job.bar.value = event.total ? event.loaded / event.total * 100 : 0;
            say(job.text, `${formatSize(event.loaded)} / ${formatSize(event.total)}`);
        };
        request.onload = () => this.finish(job, request.status < 300 ? null : request);
        request.onerror = () => this.finish(job, request);
        request.onloadend = () => {
            this.running--;
            this.next();
        };
        request.open('PUT', this.bus.fileUrl(job.store, job.path));
        request.send(job.file);
    }

    finish(job, failed) {
        if (failed) {
            job.element.remove();
            const reason = failed.status === 403 ? t('error.permission') : failed.status === 413 ? t('upload.tooLarge')
                : failed.responseText && failed.responseText.length < 200 ? failed.responseText.trim()
                    : failed.status ? String(failed.status) : t('error.disconnected');
            problem(`${job.path}: ${reason}`);
            return;
        }
        job.bar.value = 100;
        say(job.text, t('upload.done'));
        setTimeout(() => job.element.remove(), DONE_MS);
        this.ondone();
    }
}

function entryFile(entry) {
    return new Promise((resolve, reject) => entry.file(resolve, reject));
}

// A folder gives its entries in parts, until there are none.
async function entriesOf(folder) {
    const reader = folder.createReader();
    const all = [];
    for (;;) {
        const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
        if (!part.length || all.length > FILES_MAX) {
            return all;
        }
        all.push(...part);
    }
}

async function collect(entry, path, items) {
    if (items.length >= FILES_MAX) {
        return;
    }
    if (entry.isFile) {
        items.push({ file: await entryFile(entry), path: path + entry.name });
    } else {
        for (const inner of await entriesOf(entry)) {
            await collect(inner, `${path}${entry.name}/`, items);
        }
    }
}

/** What was dropped, folders with all that is in them where the browser can tell. */
export async function droppedItems(transfer) {
    const entries = [...transfer.items || []].map(item => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
    const items = [];
    if (!entries.length) {
        return [...transfer.files].map(file => ({ file, path: file.name }));
    }
    for (const entry of entries) {
        await collect(entry, '', items);
    }
    return items;
}
