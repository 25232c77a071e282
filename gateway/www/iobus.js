// SPDX-License-Identifier: MIT
/*
 * The client library of iobus: states, objects and files of the server in a web page, a worker or a node program.
 *
 *     import { connect } from 'http://server:8084/iobus.js';
 *     const bus = connect();                                   // the server that this file came from
 *     const stop = bus.subscribe('lamp.*', (id, state) => show(id, state), { current: true });
 *     await bus.setState('lamp.kitchen.on', true);
 *
 * No dependencies, no build step. It speaks ioBroker's plain WebSocket dialect: JSON arrays [type, id, name, args].
 * A lost connection is made again by itself; then everything watched is subscribed again, its present values are
 * read, and handlers are called for those that changed meanwhile. Calls made while offline wait for their deadline.
 *
 * Syntax: ES2018 and modules, so that it runs on old tablets (Chrome 64, Safari 11.1, Firefox 62). In node 22 and later,
 * or in older ones with { WebSocket } of the package ws.
 */

/**
 * @typedef {Object} State
 * @property {*} val
 * @property {boolean} ack      true: the device says so; false: somebody wants it so
 * @property {number} ts        ms, last written
 * @property {number} lc        ms, last changed
 * @property {string} from      who wrote it
 * @property {number} [q]       quality, 0: good
 * @property {string} [user]
 * @property {string} [c]       comment
 *
 * @typedef {Object} Options
 * @property {string} [name]              how the server lists this client
 * @property {string} [user]              with pass: who this is, when the server asks for it
 * @property {string} [pass]
 * @property {string|function(): (string|Promise<string>)} [token]  access token, or what gives one for each connection
 * @property {Function} [WebSocket]       class to use where there is none, or another one is wanted
 * @property {number} [timeout=30000]     ms until a call without an answer fails
 * @property {number} [queue=1000]        calls that may wait while there is no connection
 * @property {number} [retryMin=500]      ms before the first new attempt to connect, doubled with each
 * @property {number} [retryMax=10000]    ms, the longest wait between two attempts
 * @property {number} [connectTimeout=10000] ms until an attempt counts as failed
 * @property {number} [pingInterval=5000] ms of silence after which the server is asked whether it lives
 * @property {number} [pongTimeout=10000] ms for its answer; then the connection counts as lost
 *
 * @typedef {Object} WatchOptions
 * @property {boolean} [current=false]    also call the handler with the present values
 * @property {boolean} [resume=true]      after a reconnect call it for what changed meanwhile
 *
 * @typedef {(() => void) & {ready: Promise<void>}} Stop
 *   ends a subscription; `ready` is fulfilled when it is in effect and the present values have been handed out
 *
 * @typedef {Error & {code: string, command: string, reason: *}} BusError
 *   code: 'server' (reason: what it answered), 'timeout', 'disconnected', 'queue', 'reauthenticate', 'closed'
 */

import { JSON_TYPES, TEXT_TYPES, decodeText, fromBase64, revive, toBase64, toBytes } from './_iobus/client/bytes.js';
import { Instance } from './_iobus/client/instance.js';
import { CALL, Link, MESSAGE } from './_iobus/client/link.js';
import { FILES, OBJECTS, STATES, Topic, textsOf } from './_iobus/client/watch.js';

const DEFAULTS = {
    name: 'iobus.js', timeout: 30000, queue: 1000, retryMin: 500, retryMax: 10000, connectTimeout: 10000,
    pingInterval: 5000, pongTimeout: 10000,
};

// Commands whose call-back has no error argument.
const NO_ERROR = new Set(['authenticate', 'authEnabled', 'listPermissions', 'name', 'sendTo', 'sendToHost', 'getHostByIp']);
// What only reads is asked again when the connection broke before the answer.
const READS = /^(get|read|list|fileExists$|authEnabled$|authenticate$|checkFeature)/;

function noop() {}

function failure(code, command, text, reason) {
    return Object.assign(new Error(`${command}: ${text}`), { code, command, reason });
}

const FAILURES = {
    timeout: 'no answer in time',
    disconnected: 'the connection was lost before the answer',
    queue: 'too many calls wait for a connection',
    reauthenticate: 'the server asks for a log-in',
    closed: 'the connection was closed',
};

function textOf(reason) {
    if (typeof reason === 'string') {
        return reason.replace(/^Error: /, '');
    }
    return reason && reason.message ? String(reason.message) : `error ${JSON.stringify(reason)}`;
}

// The folder on the server from which this file came; null where it came from a disk.
function home() {
    const from = import.meta.url;
    return /^https?:/.test(from) ? new URL('.', from) : null;
}

function baseOf(url) {
    const base = url ? new URL(url, typeof location === 'undefined' ? undefined : location.href) : home();
    if (!base) {
        throw new Error('connect: the URL of the server is needed here');
    }
    base.protocol = base.protocol.replace(/^ws/, 'http');
    base.pathname = base.pathname.replace(/\/[^/]*\.[^/]*$/, '/').replace(/([^/])$/, '$1/'); // a page's folder, or a folder
    base.hash = '';
    return base;
}

function isState(value) {
    return value !== null && typeof value === 'object' && !Array.isArray(value) && 'val' in value;
}

function withoutTail(args) {
    let n = args.length;
    while (n && args[n - 1] === undefined) {
        n--;
    }
    return args.slice(0, n);
}

export class Bus {
    /** Use connect().
     * @param {string|URL|null} url
     * @param {Options} options */
    constructor(url, options) {
        this.options = Object.assign({}, DEFAULTS, options);
        this.options.WebSocket = this.options.WebSocket || (typeof WebSocket === 'undefined' ? null : WebSocket);
        if (!this.options.WebSocket) {
            throw new Error('connect: there is no WebSocket here; give one as {WebSocket}');
        }
        this.base = baseOf(url);
        this.session = 0; // changes when a connection begins or ends
        this.again = false; // there was a connection before
        this.listeners = new Map(); // event -> Set of functions
        this.pending = new Map(); // id -> call that the server has
        this.waiting = new Set(); // calls that have to wait for a connection
        this.lastId = 0;
        this.logs = new Set();
        this.closed = false;
        this.topics = { states: new Topic(this, STATES), objects: new Topic(this, OBJECTS), files: new Topic(this, FILES) };
        this.events = {
            stateChange: ([id, state = null]) => this.topics.states.take(id, state),
            objectChange: ([id, object = null]) => this.topics.objects.take(id, object),
            fileChange: ([id, file, size = null]) => this.topics.files.take(`${id}\n${file}`, size),
            log: ([line]) => this.logs.forEach(fn => fn(line)),
            error: ([text]) => this.report(failure('server', 'connect', textOf(text), text)),
        };
        this.renewReady();
        this.link = new Link(() => this.address(), this.options,
            { ready: () => this.onReady(), message: message => this.onMessage(message), lost: () => this.onLost(),
                refused: () => this.onRefused(), failed: error => this.report(error) });
        this.link.open();
    }

    /** The server's folder, for links: http://server:8084/ */
    get url() {
        return this.base.origin + this.base.pathname;
    }

    /** @returns {boolean} */
    get connected() {
        return this.link.ready;
    }

    /** Fulfilled when there is a connection; rejected when the server asks for a log-in, or after close().
     * @returns {Promise<Bus>} */
    get ready() {
        return this.whenReady;
    }

    renewReady() {
        this.whenReady = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
        this.whenReady.catch(noop); // of interest only to those who wait
    }

    async address() {
        const { name, user, pass, token } = this.options;
        const keys = { name, user, pass, token: typeof token === 'function' ? await token() : token };
        const query = [`sid=${Date.now()}`].concat(this.base.search.slice(1) || [], Object.keys(keys)
            .filter(key => keys[key] !== undefined && keys[key] !== null)
            .map(key => `${key}=${encodeURIComponent(keys[key])}`));
        return `${this.url.replace(/^http/, 'ws')}?${query.join('&')}`;
    }

    /* --- life of the connection --- */

    onReady() {
        const again = this.again, session = ++this.session;
        this.again = true;
        this.lastId = 0;
        const topics = Object.keys(this.topics).map(name => this.topics[name]);
        const resumed = Promise.all(topics.map(topic => topic.resume()));
        if (this.logs.size) {
            this.call('requireLog', true).catch(error => this.report(error));
        }
        const waiting = [...this.waiting];
        this.waiting.clear();
        waiting.forEach(call => this.transmit(call));
        this.settle.resolve(this);
        this.emit('connect', { again });
        resumed.then(counts => session === this.session && this.connected &&
            this.emit('resume', { again, changes: counts.reduce((a, b) => a + b) }));
    }

    onLost() {
        const pending = [...this.pending.values()];
        this.pending.clear();
        this.session++; // reads under way see that their connection is gone
        const late = [...this.waiting];
        this.waiting.clear();
        pending.forEach(call => (READS.test(call.command) && !this.closed ? this.waiting.add(call)
            : this.fail(call, this.closed ? 'closed' : 'disconnected')));
        late.forEach(call => this.waiting.add(call));
        this.renewReady();
        this.emit('disconnect');
    }

    onRefused() {
        this.failAll('reauthenticate');
        this.settle.reject(failure('reauthenticate', 'connect', FAILURES.reauthenticate));
        this.emit('reauthenticate');
    }

    onMessage([type, id, name, args]) {
        const list = Array.isArray(args) ? args : [];
        if (type === CALL) {
            const call = this.pending.get(id);
            if (call) {
                this.pending.delete(id);
                clearTimeout(call.timer);
                call.resolve(list.map(revive));
            }
        } else if (type === MESSAGE && this.events[name]) {
            this.events[name](list);
        } else if (type === MESSAGE) {
            this.emit(name, ...list);
        }
    }

    /** Tries again after the server refused this client, with other credentials if given.
     * @param {{user?: string, pass?: string, token?: string}} [credentials]
     * @returns {Promise<Bus>} */
    login(credentials) {
        Object.assign(this.options, credentials);
        if (this.link.stopped && !this.closed) {
            this.renewReady();
            this.link.open();
        }
        return this.ready;
    }

    /** Ends the connection for good; what is unanswered fails. */
    close() {
        if (this.closed) {
            return;
        }
        this.closed = true;
        this.link.close();
        this.failAll('closed');
        this.settle.reject(failure('closed', 'connect', FAILURES.closed));
    }

    /* --- events of the connection --- */

    /** Calls fn at an event: 'connect' ({again}), 'resume' ({again, changes}: what was missed has been handed out), 'disconnect',
     * 'reauthenticate', 'error' (an exception in a handler, a refused subscription), and other events of the server under
     * their names: 'permissionError', 'im', 'instanceGone', 'tokenInfo'.
     * @param {string} event
     * @param {Function} fn
     * @returns {() => void} ends it */
    on(event, fn) {
        const fns = this.listeners.get(event) || new Set();
        this.listeners.set(event, fns.add(fn));
        return () => fns.delete(fn);
    }

    emit(event, ...args) {
        [...this.listeners.get(event) || []].forEach(fn => {
            try {
                fn(...args);
            } catch (error) {
                console.error(error);
            }
        });
    }

    report(error) {
        const fns = this.listeners.get('error');
        if (fns && fns.size) {
            this.emit('error', error);
        } else if (!error.code || error.code === 'server') {
            console.error(error);
        }
    }

    /* --- calls --- */

    /** All arguments of the call-back of a command, as they are.
     * @param {string} command
     * @param {Array} args
     * @param {{timeout?: number}} [options]
     * @returns {Promise<Array>} */
    request(command, args, options = {}) {
        return new Promise((resolve, reject) => {
            const call = { command, args: withoutTail(args), resolve, reject, id: 0 };
            if (this.closed || !this.connected && this.waiting.size >= this.options.queue) {
                this.fail(call, this.closed ? 'closed' : 'queue');
                return;
            }
            call.timer = setTimeout(() => this.fail(call, 'timeout'), options.timeout || this.options.timeout);
            if (this.connected) {
                this.topics.states.flush();
                this.topics.objects.flush();
                this.topics.files.flush();
                this.transmit(call);
            } else {
                this.waiting.add(call);
            }
        });
    }

    transmit(call) {
        call.id = ++this.lastId;
        this.pending.set(call.id, call);
        this.link.send(JSON.stringify([CALL, call.id, call.command, call.args]));
    }

    fail(call, code) {
        clearTimeout(call.timer);
        this.waiting.delete(call);
        if (this.pending.get(call.id) === call) {
            this.pending.delete(call.id);
        }
        call.reject(failure(code, call.command, FAILURES[code]));
    }

    failAll(code) {
        [...this.pending.values(), ...this.waiting].forEach(call => this.fail(call, code));
    }

    /** A command of the server by its name: the first argument behind the error.
     * @param {string} command
     * @param {...*} args
     * @returns {Promise<*>} rejected with a BusError */
    async call(command, ...args) {
        const answer = await this.request(command, args);
        if (NO_ERROR.has(command)) {
            return answer[0];
        }
        if (answer[0]) {
            throw failure('server', command, textOf(answer[0]), answer[0]);
        }
        return answer[1];
    }

    /** @param {string} id @returns {Promise<State|null>} */
    getState(id) {
        return this.call('getState', id);
    }

    /** @param {string|string[]} [patternOrIds] nothing: all @returns {Promise<Object<string, State|null>>} */
    getStates(patternOrIds) {
        return this.call('getStates', patternOrIds === undefined ? null : patternOrIds);
    }

    /** @param {string} id
     * @param {*} value  a value, or a state {val, ack, q, …}
     * @param {boolean} [ack]
     * @returns {Promise<string>} the id */
    setState(id, value, ack) {
        const state = isState(value) ? value : { val: value === undefined ? null : value };
        return this.call('setState', id, ack === undefined ? state : Object.assign({}, state, { ack }));
    }

    /** @param {string} id @returns {Promise<Object|null>} */
    getObject(id) {
        return this.call('getObject', id);
    }

    /** @param {string[]} [ids] nothing: states, channels, devices, enums @returns {Promise<Object<string, Object>>} */
    getObjects(ids) {
        return this.call('getObjects', ...(ids ? [ids] : []));
    }

    /** @param {string} design mostly 'system'
     * @param {string} search type: 'state', 'channel', 'enum', …
     * @param {{startkey?: string, endkey?: string}} [range]
     * @returns {Promise<Array<{id: string, value: Object}>>} */
    async getObjectView(design, search, range) {
        const result = await this.call('getObjectView', design, search, range || {});
        return result && result.rows || [];
    }

    /** @param {string} id @param {Object} object @returns {Promise<*>} */
    setObject(id, object) {
        return this.call('setObject', id, object);
    }

    /** Merges a part into an object. @param {string} id @param {Object} part @returns {Promise<*>} */
    extendObject(id, part) {
        return this.call('extendObject', id, part);
    }

    /** @param {string} id @param {Object} [options] @returns {Promise<*>} */
    delObject(id, options) {
        return this.call('delObject', id, options || null);
    }

    /** A file: its text, or its bytes where the type is none of text.
     * @param {string} store for example 'vis.0'
     * @param {string} path
     * @param {'text'|'bytes'} [as] what is wanted whatever the type
     * @returns {Promise<{data: string|Uint8Array, mimeType: string}>} */
    async readFile(store, path, as) {
        const [error, data, mimeType] = await this.request('readFile64', [store, path]);
        if (error) {
            throw failure('server', 'readFile', textOf(error), error);
        }
        const bytes = fromBase64(data || '');
        const type = mimeType || '';
        const isText = as ? as === 'text' : TEXT_TYPES.test(type);
        if (isText) {
            return { data: decodeText(bytes, type), mimeType: type };
        }
        return { data: JSON_TYPES.test(type) ? await toBytes(decodeText(bytes, type)) : bytes, mimeType: type };
    }

    /** @param {string} store @param {string} path
     * @param {string|ArrayBuffer|ArrayBufferView|Blob} data
     * @returns {Promise<*>} */
    async writeFile(store, path, data) {
        const bytes = await toBytes(data);
        // writeFile64 takes no empty files.
        return bytes.length ? this.call('writeFile64', store, path, toBase64(bytes)) : this.call('writeFile', store, path, '');
    }

    /** @param {string} store '' lists the stores @param {string} [path]
     * @returns {Promise<Array<{file: string, isDir: boolean, stats: Object, modifiedAt?: number, acl?: Object}>>} */
    async readDir(store, path) {
        return await this.call('readDir', store, path || '') || [];
    }

    /** @param {string} store @param {string} path @returns {Promise<*>} */
    mkdir(store, path) {
        return this.call('mkdir', store, path);
    }

    /** A file, or a folder with all that is in it. @param {string} store @param {string} path @returns {Promise<*>} */
    unlink(store, path) {
        return this.call('unlink', store, path);
    }

    /** A file or a folder. @param {string} store @param {string} path @param {string} newPath @returns {Promise<*>} */
    async rename(store, path, newPath) {
        const folder = newPath.slice(0, newPath.lastIndexOf('/') + 1);
        if (folder) {
            await this.mkdir(store, folder); // without it nothing would happen
        }
        return this.call('renameFile', store, path, newPath);
    }

    /** Where a file can be loaded from, for links and pictures. @param {string} store @param {string} path @returns {string} */
    fileUrl(store, path) {
        return this.url + [store].concat(path.split('/').filter(Boolean)).map(encodeURIComponent).join('/');
    }

    /** @param {string} id
     * @param {{start?: number, end?: number, count?: number, step?: number, aggregate?: string, instance?: string}} [options]
     * @returns {Promise<Array<{ts: number, val: *}>>} */
    async getHistory(id, options) {
        return await this.call('getHistory', id, options || {}) || [];
    }

    /** A request that the server makes. @param {string} url
     * @returns {Promise<{status: number, statusText: string, data: Uint8Array|string}>} */
    async httpGet(url) {
        const [error, status, data] = await this.request('httpGet', [url]);
        if (error) {
            throw failure('server', 'httpGet', textOf(error), error);
        }
        return Object.assign({ data }, status);
    }

    /** A message to an instance. @param {string} instance @param {string} command @param {*} [message] @returns {Promise<*>} */
    sendTo(instance, command, message) {
        return this.call('sendTo', instance, command, message === undefined ? null : message);
    }

    /** Makes this program an instance, until stop(); again after each reconnect. Handlers by command get the message and all of
     * it ({from, user, …}); what they return is the answer. Clients subscribe by the command clientSubscribe {type, sid, data},
     * which is answered by {accepted: true}, and then hear what push(sid, type, data) says.
     * @param {string} name 'mydevice.0'
     * @param {Object<string, (message: *, all: Object) => *>} handlers '*' for all other commands
     * @returns {Instance} {ready: Promise, push(sid, type, data), stop()} */
    instance(name, handlers) {
        return new Instance(this, name, handlers);
    }

    /** @returns {Promise<{enabled: boolean, user: string}>} */
    async authEnabled() {
        const [enabled, user] = await this.request('authEnabled', []);
        return { enabled, user };
    }

    /** @returns {Promise<{version: string, name: string}>} */
    async getVersion() {
        const [error, version, name] = await this.request('getVersion', []);
        if (error) {
            throw failure('server', 'getVersion', textOf(error), error);
        }
        return { version, name };
    }

    /* --- what happens --- */

    /** Calls fn(id, state) when a state changes; state is null when it was deleted.
     * @param {string|string[]} pattern ids, '*' for any part
     * @param {(id: string, state: State|null) => void} fn
     * @param {WatchOptions} [options]
     * @returns {Stop} */
    subscribe(pattern, fn, options) {
        return this.topics.states.watch(textsOf(pattern), fn, options);
    }

    /** Calls fn(id, object) when an object changes; object is null when it was deleted.
     * @param {string|string[]} pattern
     * @param {(id: string, object: Object|null) => void} fn
     * @param {WatchOptions} [options]
     * @returns {Stop} */
    subscribeObjects(pattern, fn, options) {
        return this.topics.objects.watch(textsOf(pattern), fn, options);
    }

    /** Calls fn(store, path, size) when a file is written; size is null when it was deleted.
     * @param {string} store
     * @param {string|string[]} pattern of the path
     * @param {(store: string, path: string, size: number|null) => void} fn
     * @param {WatchOptions} [options]
     * @returns {Stop} */
    subscribeFiles(store, pattern, fn, options) {
        return this.topics.files.watch(textsOf(pattern).map(text => `${store}\n${text}`), fn, options);
    }

    /** Calls fn with each new line of the server's log.
     * @param {(line: {severity: string, message: string, ts: number, from: string}) => void} fn
     * @returns {() => void} ends it */
    requireLog(fn) {
        const require = on => this.connected && this.call('requireLog', on).catch(error => this.report(error));
        if (!this.logs.size) {
            require(true);
        }
        this.logs.add(fn);
        return () => this.logs.delete(fn) && !this.logs.size && require(false);
    }
}

/** Connects, and stays connected until close().
 * @param {string|URL|Options} [url] of the server; without it the one that this file was loaded from
 * @param {Options} [options]
 * @returns {Bus} */
export function connect(url, options) {
    const isUrl = typeof url === 'string' || url instanceof URL;
    return new Bus(isUrl ? url : null, options || (isUrl ? {} : url || {}));
}

export default connect;
