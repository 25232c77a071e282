// SPDX-License-Identifier: MIT
// Part of iobus.js: what is watched. One subscription per pattern at the server, handlers counted here; after a reconnect
// the present values are read and compared with what the handlers know.

const GROUP = 500; // ids in one call
const PARALLEL = 8; // reads at once

function noop() {}

// Calls fn for parts of a list, a few at a time.
async function inGroups(list, size, fn) {
    for (let i = 0; i < list.length; i += size * PARALLEL) {
        const parts = [];
        for (let k = i; k < list.length && k < i + size * PARALLEL; k += size) {
            parts.push(fn(list.slice(k, k + size)));
        }
        await Promise.all(parts);
    }
}

// Two 32-bit hashes and the length stand for a text whose changes are to be seen.
function fold(text) {
    let a = 0x811c9dc5, b = 0x1b873593;
    for (let i = 0; i < text.length; i++) {
        a = Math.imul(a ^ text.charCodeAt(i), 0x01000193);
        b = Math.imul(b ^ text.charCodeAt(i), 0x85ebca6b) ^ (a >>> 13);
    }
    return `${a >>> 0}.${b >>> 0}.${text.length}`;
}

// A pattern and the handlers that have it; the server knows each pattern once.
class Pattern {
    constructor(text) {
        this.text = text;
        this.exact = !text.includes('*');
        const escaped = text.split('*').map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
        this.regex = new RegExp(`^${escaped.join('[^]*')}$`);
        this.watches = new Set();
        this.known = false; // what matches it was read once, so that a change can be told
    }

    fits(key) {
        return this.exact ? key === this.text : this.regex.test(key);
    }

    // Whether its present values have to be read: for a new watch, or so that changes show after a reconnect.
    wantsReading(again) {
        return [...this.watches].some(watch => (again ? watch.resume || watch.current && !watch.live
            : watch.fresh && (watch.current || watch.resume && !this.known)));
    }
}

// One kind of thing that can be watched: states, objects or files.
export class Topic {
    constructor(bus, kind) {
        this.bus = bus;
        this.kind = kind;
        this.patterns = new Map(); // text -> Pattern
        this.wild = new Set(); // those with a '*'
        this.last = new Map(); // key -> {kept, at, told}: what the handlers know
        this.clock = 0; // counts events
        this.reading = 0; // reads under way
        this.adding = new Set(); // texts to subscribe, at the end of this turn or before the next call
        this.removing = new Set();
        this.scheduled = false;
    }

    watch(texts, fn, options = {}) {
        const watch = { fn, current: !!options.current, resume: options.resume !== false, done: noop };
        watch.fresh = true; // no read has taken it up
        watch.live = false; // it knows the present values
        const patterns = texts.map(text => this.require(text));
        patterns.forEach(pattern => pattern.watches.add(watch));
        const stop = () => patterns.forEach(pattern => this.release(pattern, watch));
        stop.ready = new Promise(resolve => (watch.done = resolve));
        this.schedule();
        return stop;
    }

    require(text) {
        let pattern = this.patterns.get(text);
        if (!pattern) {
            pattern = new Pattern(text);
            this.patterns.set(text, pattern);
            if (!pattern.exact) {
                this.wild.add(pattern);
            }
            if (!this.removing.delete(text)) {
                this.adding.add(text);
            }
        }
        return pattern;
    }

    release(pattern, watch) {
        watch.done();
        if (!pattern.watches.delete(watch) || pattern.watches.size || this.patterns.get(pattern.text) !== pattern) {
            return;
        }
        this.patterns.delete(pattern.text);
        this.wild.delete(pattern);
        if (!this.adding.delete(pattern.text)) {
            this.removing.add(pattern.text);
        }
        this.schedule();
    }

    schedule() {
        if (!this.scheduled) {
            this.scheduled = true;
            Promise.resolve().then(() => this.flush());
        }
    }

    // Tells the server what was subscribed in this turn, as one list.
    flush() {
        if (!this.scheduled || !this.bus.connected) {
            return;
        }
        this.scheduled = false;
        const [adding, removing] = [[...this.adding], [...this.removing]];
        this.adding.clear();
        this.removing.clear();
        this.tell(this.kind.unsubscribe, removing);
        this.tell(this.kind.subscribe, adding);
        if (removing.length) {
            this.forget();
        }
        this.read(false);
    }

    tell(command, texts) {
        if (texts.length) {
            this.kind.args(texts).forEach(args => this.bus.call(command, ...args).catch(error => this.bus.report(error)));
        }
    }

    // After a reconnect; resolves to the number of changes that were missed.
    resume() {
        this.scheduled = false;
        this.adding.clear();
        this.removing.clear();
        this.forget();
        this.tell(this.kind.subscribe, [...this.patterns.keys()]);
        return this.read(true);
    }

    forget() {
        this.last.forEach((entry, key) => this.fitting(key).length || this.last.delete(key));
    }

    fitting(key) {
        const patterns = [...this.wild].filter(pattern => pattern.fits(key));
        const exact = this.patterns.get(key);
        return exact && exact.exact ? patterns.concat(exact) : patterns;
    }

    // An event. One that a read has already shown to some is for the others only.
    take(key, value) {
        const patterns = this.fitting(key);
        if (!patterns.length) {
            return;
        }
        const kept = this.kind.keep(value);
        const before = this.last.get(key);
        const told = before && before.told && before.told.kept === kept ? before.told.to : null;
        if (value === null && !this.reading) {
            this.last.delete(key);
        } else if (patterns.some(pattern => pattern.known || this.reading)) {
            this.last.set(key, { kept, at: ++this.clock, told: null });
        }
        const watches = new Set();
        patterns.forEach(pattern => pattern.watches.forEach(watch => watches.add(watch)));
        watches.forEach(watch => told && told.has(watch) || this.call(watch, key, value));
    }

    call(watch, key, value) {
        try {
            watch.fn(...this.kind.handlerArgs(key, value));
        } catch (error) {
            this.bus.report(error);
        }
    }

    // Reads the present values for watches that are new, and after a reconnect for all.
    async read(again) {
        const session = this.bus.session;
        const patterns = [...this.patterns.values()].filter(pattern => pattern.wantsReading(again));
        const fresh = this.freshWatches(again);
        let changes = 0;
        this.reading++;
        try {
            const started = this.clock;
            const values = patterns.length ? await this.collect(patterns) : new Map();
            changes = session === this.bus.session ? this.compare(patterns, values, started, again, fresh) : 0;
        } catch (error) {
            if (session === this.bus.session) {
                this.bus.report(error);
            }
        }
        this.reading--;
        if (session === this.bus.session) { // else the next connection reads all of it
            fresh.forEach(watch => {
                watch.live = true;
                watch.done();
            });
        }
        return changes;
    }

    // Those that no other read under way will serve.
    freshWatches(again) {
        const fresh = new Set();
        this.patterns.forEach(pattern => pattern.watches.forEach(watch => {
            if (again ? !watch.live : watch.fresh) {
                watch.fresh = false;
                fresh.add(watch);
            }
        }));
        return fresh;
    }

    // What matches the patterns now; what was known and is not among it is asked for one by one.
    async collect(patterns) {
        const values = await this.kind.read(this.bus, patterns);
        const lost = [...this.last.keys()].filter(key => this.last.get(key).kept !== null && !values.has(key) &&
            patterns.some(pattern => pattern.fits(key)));
        if (lost.length) {
            (await this.kind.readKeys(this.bus, lost)).forEach((value, key) => values.set(key, value));
        }
        return values;
    }

    // Hands out what was read: to new watches that want it, and what changed to those that were there before.
    compare(patterns, values, started, again, fresh) {
        const watched = patterns.filter(pattern => pattern.watches.size);
        let changes = 0;
        values.forEach((value, key) => {
            const entry = this.last.get(key);
            const fitting = watched.filter(pattern => pattern.fits(key));
            if (!fitting.length || entry && entry.at > started) {
                return; // an event came meanwhile, and is newer
            }
            const kept = this.kind.keep(value);
            const changed = entry ? again && entry.kept !== kept : value !== null && fitting.some(pattern => pattern.known);
            const to = new Set();
            fitting.forEach(pattern => pattern.watches.forEach(watch =>
                (fresh.has(watch) ? watch.current && value !== null : watch.live && changed && watch.resume) && to.add(watch)));
            changes += changed ? 1 : 0;
            this.last.set(key, {
                kept: entry && !again ? entry.kept : kept, at: entry ? entry.at : 0, told: to.size ? { kept, to } : null,
            });
            to.forEach(watch => this.call(watch, key, value));
        });
        watched.forEach(pattern => (pattern.known = true));
        return changes;
    }
}

export function textsOf(pattern) {
    return (Array.isArray(pattern) ? pattern : [pattern]).map(String);
}

// An argument list for each group of patterns.
function grouped(texts) {
    const lists = [];
    for (let i = 0; i < texts.length; i += GROUP) {
        lists.push([texts.slice(i, i + GROUP)]);
    }
    return lists;
}

// Values of a list of ids; where one is forbidden the server refuses all, so the list is halved until it stands alone.
async function readList(bus, command, ids, into) {
    try {
        const values = await bus.call(command, ids);
        ids.forEach(id => into.set(id, values[id] === undefined ? null : values[id]));
    } catch (error) {
        if (error.reason !== 'permissionError') {
            throw error;
        }
        if (ids.length > 1) {
            const half = ids.length >> 1;
            await readList(bus, command, ids.slice(0, half), into);
            await readList(bus, command, ids.slice(half), into);
        }
    }
}

async function readLists(bus, command, ids) {
    const values = new Map();
    await inGroups(ids, GROUP, part => readList(bus, command, part, values));
    return values;
}

const VIEWS = ['state', 'channel', 'device', 'folder', 'enum', 'instance', 'adapter', 'meta', 'host', 'script', 'chart',
    'user', 'group', 'config'];

// '*' covers every other pattern.
function wildcards(patterns) {
    const all = patterns.find(pattern => pattern.text === '*');
    return all ? [all] : patterns.filter(pattern => !pattern.exact);
}

function exactTexts(patterns) {
    return patterns.filter(pattern => pattern.exact).map(pattern => pattern.text);
}

export const STATES = {
    subscribe: 'subscribe',
    unsubscribe: 'unsubscribe',
    args: grouped,
    handlerArgs: (id, state) => [id, state],
    keep: state => state && [state.ts, state.lc, state.ack, state.q, state.from, JSON.stringify(state.val)].join(),
    readKeys: (bus, ids) => readLists(bus, 'getStates', ids),
    async read(bus, patterns) {
        const values = await readLists(bus, 'getStates', exactTexts(patterns));
        await inGroups(wildcards(patterns), 1, async ([pattern]) => {
            const states = await bus.call('getStates', pattern.text);
            Object.keys(states).forEach(id => values.set(id, states[id]));
        });
        return values;
    },
};

export const OBJECTS = {
    subscribe: 'subscribeObjects',
    unsubscribe: 'unsubscribeObjects',
    args: grouped,
    handlerArgs: (id, object) => [id, object],
    keep: object => object && fold(JSON.stringify(object)),
    readKeys: (bus, ids) => readLists(bus, 'getObjects', ids),
    async read(bus, patterns) {
        const values = await readLists(bus, 'getObjects', exactTexts(patterns));
        const views = [];
        wildcards(patterns).forEach(({ text }) => VIEWS.forEach(view => views.push([view, text.slice(0, text.indexOf('*'))])));
        await inGroups(views, 1, async ([[view, prefix]]) => {
            const rows = await bus.getObjectView('system', view, { startkey: prefix, endkey: prefix + '\u9999' });
            rows.forEach(({ id, value }) => values.set(value && value._id || id, value));
        });
        return values;
    },
};

// Keys are "store\npath"; what is kept is "size/ms". An event has no time, so that a file which changed before the
// connection broke is reported once more after it.
export const FILES = {
    subscribe: 'subscribeFiles',
    unsubscribe: 'unsubscribeFiles',
    args: texts => texts.map(text => text.split('\n')),
    handlerArgs: (key, file) => key.split('\n').concat(file && typeof file === 'object' ? file.size : file),
    keep: file => (file && typeof file === 'object' ? `${file.size}/${file.at}` : file === null ? null : `${file}/`),
    readKeys: (bus, keys) => Promise.resolve(new Map(keys.map(key => [key, null]))),
    async read(bus, patterns) {
        const values = new Map();
        await inGroups(patterns, 1, async ([{ text }]) => {
            const [store, path] = text.split('\n');
            const folder = path.slice(0, path.split('*')[0].lastIndexOf('/') + 1);
            const stores = store.includes('*') ? (await bus.readDir('', '')).map(entry => entry.file) : [store];
            await inGroups(stores, 1, ([name]) => readTree(bus, name, folder, path.includes('*'), values));
        });
        return values;
    },
};

// What a folder holds; nothing, as long as there is no such store.
async function readFolder(bus, store, folder) {
    try {
        return await bus.readDir(store, folder);
    } catch (error) {
        if (/type "meta"/.test(error.reason)) {
            return [];
        }
        throw error;
    }
}

async function readTree(bus, store, folder, deep, into) {
    const entries = await readFolder(bus, store, folder.replace(/\/$/, ''));
    entries.filter(entry => !entry.isDir).forEach(entry => into.set(`${store}\n${folder}${entry.file}`,
        { size: entry.stats && entry.stats.size, at: entry.modifiedAt }));
    const folders = deep ? entries.filter(entry => entry.isDir) : [];
    await inGroups(folders, 1, ([entry]) => readTree(bus, store, `${folder}${entry.file}/`, true, into));
}
