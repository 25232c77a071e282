// SPDX-License-Identifier: MIT
// The file stores: folders, a preview, and what can be done with a file.
import { $, fill, h, settled } from '../ui/dom.js';
import { ask, notice, problem } from '../ui/dialogs.js';
import { formatAgo, formatMoment, formatSize } from '../ui/format.js';
import { icon } from '../ui/icons.js';
import { t } from '../ui/i18n.js';
import { makePreview } from './preview.js';
import { droppedItems, Uploads } from './upload.js';

const REFRESH_MS = 250; // after the last change of many

export function filesLink(parts) {
    return `#/files${parts.map(part => `/${encodeURIComponent(part)}`).join('')}`;
}

function tool(name, iconName, act, label) {
    return h('button', { class: 'button', type: 'button', onclick: act }, icon(iconName), h('span', null, label || t(name)));
}

export class Files {
    constructor({ bus, may, element }) {
        Object.assign(this, { bus, may, element });
        this.parts = null; // store and path of the folder
        this.file = null; // name of the file that is shown
        this.round = 0;
        this.stop = null;
        this.refresh = settled(() => this.parts && this.load(), REFRESH_MS);
        this.list = h('div', { class: 'file-list' });
        this.trail = h('nav', { class: 'trail', 'aria-label': t('files.trail') });
        this.tools = h('div', { class: 'wrap file-tools' });
        this.preview = h('section', { class: 'card preview', 'aria-label': t('files.preview'), hidden: true });
        this.queue = h('ul', { class: 'uploads', 'aria-label': t('upload.title') });
        this.uploads = new Uploads({ bus, element: this.queue, ondone: this.refresh });
        this.picker = h('input', { type: 'file', class: 'unseen', tabindex: '-1', multiple: true, id: 'file-picker', 'aria-label': t('files.upload') });
        this.picker.addEventListener('change', () => {
            this.upload([...this.picker.files].map(file => ({ file, path: file.name })));
            this.picker.value = '';
        });
        fill(element, h('div', { class: 'file-head' }, this.trail, this.tools, this.picker), this.queue,
            h('div', { class: 'file-body' }, this.list, this.preview));
        this.takeDrops();
    }

    get store() {
        return this.parts[0] || '';
    }

    get folder() {
        return this.parts.slice(1).join('/');
    }

    pathOf(name) {
        return this.folder ? `${this.folder}/${name}` : name;
    }

    async show(parts) {
        this.parts = parts;
        this.file = null;
        this.watch();
        await this.load(true);
    }

    hide() {
        this.parts = null;
        this.round++;
        this.watch();
    }

    watch() {
        if (this.stop) {
            this.stop();
            this.stop = null;
        }
        if (this.parts && this.store) {
            this.stop = this.bus.subscribeFiles(this.store, '*', () => this.refresh(), { resume: false });
        }
    }

    // --- reading

    // Stores are the objects of type meta; those with files are listed by the server.
    async readStores() {
        const [entries, rows] = await Promise.all([this.bus.readDir(''), this.bus.getObjectView('system', 'meta').catch(() => [])]);
        const names = new Set(entries.map(entry => entry.file).concat(rows.map(row => row.id)));
        return [...names].sort().map(file => ({ file, isDir: true, isStore: true, stats: {} }));
    }

    // A path may be that of a file: then its folder is listed, and the file is shown.
    async load(mayBeFile) {
        const round = ++this.round;
        let entries;
        try {
            entries = this.store ? await this.bus.readDir(this.store, this.folder) : await this.readStores();
            if (mayBeFile && !entries.length && this.parts.length > 1) {
                const above = await this.bus.readDir(this.store, this.parts.slice(1, -1).join('/'));
                const name = this.parts[this.parts.length - 1];
                if (round === this.round && above.some(entry => entry.file === name && !entry.isDir)) {
                    this.file = name;
                    this.parts = this.parts.slice(0, -1);
                    entries = above;
                }
            }
        } catch (error) {
            if (round === this.round) {
                fill(this.list, h('div', { class: 'empty' }, icon('info'), h('p', null,
                    error.reason === 'permissionError' ? t('error.permission') : String(error.reason || error.message))));
                this.drawHead();
            }
            return;
        }
        if (round === this.round && this.parts) {
            this.draw(entries);
        }
    }

    // --- showing

    drawHead() {
        const names = [t('files.root')].concat(this.parts);
        fill(this.trail, names.map((name, i) => [i ? h('span', { 'aria-hidden': 'true' }, '/') : null,
            i === names.length - 1 ? h('span', { 'aria-current': 'true' }, name) : h('a', { href: filesLink(this.parts.slice(0, i)) }, name)]));
        const canWrite = this.store && this.may('file', 'write');
        fill(this.tools, canWrite ? [h('button', { class: 'button main-action', type: 'button', onclick: () => this.picker.click() },
            icon('upload'), h('span', null, t('files.upload'))), tool('files.newFolder', 'plus', () => this.makeFolder())] : null,
        !this.store && this.may('object', 'write') ? tool('files.newStore', 'plus', () => this.makeStore()) : null);
    }

    draw(entries) {
        this.drawHead();
        const sorted = entries.slice().sort((a, b) => b.isDir - a.isDir || a.file.localeCompare(b.file, undefined, { numeric: true }));
        fill(this.list, sorted.length ? h('table', { class: 'file-table' }, h('thead', null, h('tr', null, h('th', null, t('files.name')),
            h('th', { class: 'right' }, t('files.size')), h('th', { class: 'file-date' }, t('files.changed')), h('th', null, h('span', { class: 'unseen' }, t('files.actions'))))),
        h('tbody', null, sorted.map(entry => this.makeRow(entry)))) : this.makeEmpty());
        const shown = sorted.find(entry => entry.file === this.file);
        this.element.classList.toggle('with-preview', !!shown);
        this.preview.hidden = !shown;
        if (shown) {
            this.drawPreview(shown);
        } else {
            this.previewOf = null;
        }
    }

    makeEmpty() {
        const canWrite = this.store && this.may('file', 'write');
        return h('div', { class: 'empty' }, icon(this.store ? 'folder' : 'store'), h('p', null, t(this.store ? 'files.empty' : 'files.noStores')),
            canWrite ? h('p', { class: 'small' }, t('files.drop')) : null);
    }

    makeRow(entry) {
        const target = this.parts.concat(entry.file);
        const size = entry.stats && entry.stats.size;
        const kind = entry.isStore ? 'store' : entry.isDir ? 'folder' : /\.(png|jpe?g|gif|svg|webp|bmp|ico)$/i.test(entry.file) ? 'image' : 'file';
        const small = (name, iconName, act) => h('button', {
            class: 'button quiet square', type: 'button', 'aria-label': `${t(name)}: ${entry.file}`, title: t(name), onclick: act,
        }, icon(iconName));
        const actions = entry.isStore ? null : [
            entry.isDir ? null : h('a', {
                class: 'button quiet square', href: this.bus.fileUrl(this.store, this.pathOf(entry.file)), download: entry.file,
                'aria-label': `${t('files.download')}: ${entry.file}`, title: t('files.download'),
            }, icon('download')),
            this.may('file', 'write') ? small('files.rename', 'pencil', () => this.rename(entry)) : null,
            this.may('file', 'delete') ? small('files.delete', 'trash', () => this.remove(entry)) : null];
        return h('tr', { class: entry.file === this.file ? 'shown' : '' },
            h('td', { class: 'file-name' }, h('a', { href: filesLink(target), 'aria-current': entry.file === this.file ? 'true' : null }, icon(kind),
                h('span', null, entry.file, typeof size === 'number' ? h('span', { class: 'file-size soft small' }, formatSize(size)) : null))),
            h('td', { class: 'right' }, typeof size === 'number' ? formatSize(size) : ''),
            h('td', { class: 'file-date soft', title: entry.modifiedAt ? formatMoment(entry.modifiedAt) : null }, entry.modifiedAt ? formatAgo(entry.modifiedAt) : ''),
            h('td', { class: 'file-actions' }, h('div', { class: 'row tight' }, actions)));
    }

    drawPreview(entry) {
        const key = [this.store, this.pathOf(entry.file), entry.modifiedAt, entry.stats && entry.stats.size].join('|');
        if (this.previewOf !== key) {
            this.previewOf = key;
            fill(this.preview, makePreview(this.bus, this.store, this.pathOf(entry.file), entry, filesLink(this.parts)));
        }
    }

    // --- doing

    async act(work, done) {
        try {
            await work();
            if (done) {
                notice(done);
            }
        } catch (error) {
            problem(error, t('files.failed'));
        }
        this.refresh();
    }

    async makeFolder() {
        const answer = await ask({ title: t('files.newFolder'), fields: [{ label: t('files.name') }], action: t('action.create') });
        if (answer && answer[0].trim()) {
            const path = this.pathOf(answer[0].trim());
            await this.act(() => this.bus.mkdir(this.store, path));
        }
    }

    async makeStore() {
        const answer = await ask({
            title: t('files.newStore'), text: t('files.storeText'), fields: [{ label: t('files.name'), value: '0_userdata.0' }], action: t('action.create'),
        });
        const name = answer && answer[0].trim();
        if (name) {
            await this.act(() => this.bus.setObject(name, { type: 'meta', common: { name, type: 'meta.user' }, native: {} }));
        }
    }

    async rename(entry) {
        const answer = await ask({
            title: t('files.rename'), fields: [{ label: t('files.newName'), value: this.pathOf(entry.file) }], action: t('files.rename'),
        });
        const path = answer && answer[0].trim().replace(/^\/+|\/+$/g, '');
        if (path && path !== this.pathOf(entry.file)) {
            await this.act(() => this.bus.rename(this.store, this.pathOf(entry.file), path));
        }
    }

    async remove(entry) {
        const sure = await ask({
            title: t('files.deleteTitle', entry.file), text: t(entry.isDir ? 'files.deleteFolder' : 'files.deleteFile'), action: t('files.delete'), danger: true,
        });
        if (sure) {
            const path = this.pathOf(entry.file);
            await this.act(() => this.bus.unlink(this.store, path));
            if (this.file === entry.file) {
                location.hash = filesLink(this.parts);
            }
        }
    }

    upload(items) {
        if (this.store && items.length) {
            this.uploads.add(this.store, this.folder, items);
        }
    }

    takeDrops() {
        const target = $('content');
        const can = event => this.parts && this.store && this.may('file', 'write') && [...event.dataTransfer.types].includes('Files');
        target.addEventListener('dragover', event => {
            if (can(event)) {
                event.preventDefault();
                this.element.classList.add('dropping');
            }
        });
        target.addEventListener('dragleave', event => target.contains(event.relatedTarget) || this.element.classList.remove('dropping'));
        target.addEventListener('drop', async event => {
            this.element.classList.remove('dropping');
            if (can(event)) {
                event.preventDefault();
                this.upload(await droppedItems(event.dataTransfer));
            }
        });
    }
}
