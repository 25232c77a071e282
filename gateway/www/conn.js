// SPDX-License-Identifier: MIT
/*
 * servConn, the connection that classic ioBroker pages use, as a script without dependencies (no jQuery, no socket.io):
 *
 *     <script src="http://server:8084/conn.js"></script>
 *     <script>
 *     servConn.namespace = 'mypage.0';
 *     servConn.init({}, {
 *         onConnChange: connected => connected && servConn.getStates('lamp.*', (error, states) => show(states)),
 *         onUpdate: (id, state) => show({[id]: state}),
 *     });
 *     </script>
 *
 * Methods and call-backs are those of ioBroker's conn.js. It talks to the server that the script came from, unless
 * connOptions.connLink, localStorage.connLink or the global socketUrl (of _socket/info.js) name another. A lost connection is
 * made again: what was subscribed is subscribed again, and onUpdate is called for what changed meanwhile, so that the page
 * need not be loaded anew (servConn.setReloadTimeout(seconds) brings that back). Calls made while offline wait.
 */
'use strict';

window.servConn = (function () {
    const MESSAGE = 0, PING = 1, PONG = 2, CALL = 3;
    const CALL_MS = 30000; // until a call counts as unanswered
    const CHECK_MS = 5000; // how often calls and the connection are looked at
    const DEAD_MS = 15000; // without a word after a ping
    const CONNECT_MS = 10000;
    const RETRY_MS = 500; // before the first new attempt; doubled up to the reconnect interval
    const WAITING_MAX = 1000; // calls that wait for a connection
    const FILE_MODE = 0x644;
    const LAST = '\u9999';

    const script = document.currentScript;
    const home = script && script.src ? new URL('.', script.src).href : null;

    function noop() {}

    function report(error) {
        setTimeout(() => {
            throw error;
        }, 0);
    }

    // Bytes come as {type: 'Buffer', data: [1, 2]}; pages expect an ArrayBuffer.
    function revive(value) {
        return value && value.type === 'Buffer' && Array.isArray(value.data) ? Uint8Array.from(value.data).buffer : value;
    }

    /* --- the socket: emit() and on() as pages know them, over ioBroker's plain WebSocket dialect ----------------- */

    class Socket {
        constructor(url) {
            this.url = url; // () => URL of an attempt
            this.fns = {}; // event -> functions
            this.pending = new Map(); // id -> {name, fn, until}
            this.waiting = []; // [name, args, fn, until]
            this.id = 0;
            this.retryMax = 10000;
            this.failures = 0;
            this.connected = false;
            this.stopped = false;
            this.clock = setInterval(() => this.check(), CHECK_MS);
            ['online', 'pageshow'].forEach(name => window.addEventListener(name, () => this.wake()));
            document.addEventListener('visibilitychange', () => document.hidden || this.wake());
            this.connect();
        }

        on(name, fn) {
            (this.fns[name] = this.fns[name] || []).push(fn);
            return this;
        }

        off(name, fn) {
            this.fns[name] = (this.fns[name] || []).filter(other => fn && other !== fn);
            return this;
        }

        fire(name, args) {
            (this.fns[name] || []).slice().forEach(fn => {
                try {
                    fn.apply(null, args);
                } catch (error) {
                    report(error);
                }
            });
        }

        connect() {
            clearTimeout(this.timer);
            this.leave();
            this.stopped = false;
            this.began = this.heard = Date.now();
            this.pinged = 0;
            const ws = this.ws = new WebSocket(this.url());
            ws.onmessage = event => this.receive(event.data);
            ws.onclose = () => this.drop();
        }

        receive(text) {
            let message;
            this.heard = Date.now();
            this.pinged = 0;
            try {
                message = JSON.parse(text);
            } catch (e) {
                return;
            }
            const [type, id, name, list] = Array.isArray(message) ? message : [];
            const args = (Array.isArray(list) ? list : []).map(revive);
            if (type === PING) {
                this.ws.send(JSON.stringify([PONG]));
            } else if (type === CALL && this.pending.has(id)) {
                const call = this.pending.get(id);
                this.pending.delete(id);
                call.fn.apply(null, args);
            } else if (type === MESSAGE && name === '___ready___') {
                this.greeted();
            } else if (type === MESSAGE) {
                this.stopped = this.stopped || !this.connected && name === 'reauthenticate';
                this.fire(name, args);
            }
        }

        greeted() {
            this.connected = true;
            this.failures = 0;
            this.fire('connect', []);
            this.waiting.splice(0).forEach(([name, args, fn, until]) => this.transmit(name, args, fn, until));
        }

        emit(name, ...args) {
            const fn = typeof args[args.length - 1] === 'function' ? args.pop() : null;
            while (args.length && args[args.length - 1] === undefined) {
                args.pop();
            }
            const until = Date.now() + CALL_MS;
            if (this.connected) {
                this.transmit(name, args, fn, until);
            } else if (this.waiting.length < WAITING_MAX) {
                this.waiting.push([name, args, fn, until]);
            } else {
                (fn || noop)('no connection');
            }
            return this;
        }

        transmit(name, args, fn, until) {
            const id = ++this.id;
            if (fn) {
                this.pending.set(id, { name, fn, until });
            }
            this.ws.send(JSON.stringify([fn ? CALL : MESSAGE, id, name, args]));
        }

        // Ends calls that took too long, asks a silent server whether it lives.
        check() {
            const now = Date.now();
            const late = this.waiting.filter(([, , , until]) => until < now);
            this.waiting = this.waiting.filter(([, , , until]) => until >= now);
            late.forEach(([, , fn]) => (fn || noop)('timeout'));
            this.pending.forEach((call, id) => {
                if (call.until < now) {
                    this.pending.delete(id);
                    call.fn('timeout');
                }
            });
            if (this.connected && !this.pinged && now - this.heard >= CHECK_MS - 500) {
                this.pinged = now;
                this.ws.send(JSON.stringify([PING]));
            } else if (this.connected ? this.pinged && now - this.pinged > DEAD_MS : this.ws && now - this.began > CONNECT_MS) {
                this.drop();
            }
        }

        wake() {
            if (this.connected) {
                this.check();
            } else if (!this.stopped && !this.ws) {
                this.failures = 0;
                this.connect();
            }
        }

        leave() {
            const ws = this.ws;
            this.ws = null;
            if (ws) {
                ws.onmessage = ws.onclose = noop;
                ws.close();
            }
        }

        // Calls that had no answer end as timeouts soon; what is sent while offline goes out later.
        drop() {
            const was = this.connected;
            this.leave();
            this.connected = false;
            this.pending.forEach(call => (call.until = Math.min(call.until, Date.now() + CHECK_MS)));
            if (!this.stopped) {
                const pause = Math.min(this.retryMax, RETRY_MS * Math.pow(2, Math.min(this.failures++, 10)));
                this.timer = setTimeout(() => this.connect(), pause * (0.5 + Math.random() / 2));
            }
            this.fire(was ? 'disconnect' : 'connect_error', []);
        }
    }

    /* --- arguments ----------------------------------------------------------------------------------------------- */

    // '/vis.0/main/x.json' -> ['vis.0', 'main/x.json']
    function split(path) {
        const parts = path.split('/');
        return [parts[1], parts.slice(2).join('/')];
    }

    // The name, the choice about a cache (there is none here) and the call-back, whichever of the first two are given.
    function nameAndCallback(args) {
        const list = Array.from(args);
        const fn = list.find(arg => typeof arg === 'function');
        return [typeof list[0] === 'string' ? list[0] : '', fn || noop];
    }

    function byId(rows, into) {
        rows.forEach(row => (into[row.value && row.value._id || row.id] = row.value));
        return into;
    }

    const MIME = {
        '.css': 'text/css', '.bmp': 'image/bmp', '.png': 'image/png', '.jpg': 'image/jpeg', '.jpeg': 'image/jpeg',
        '.gif': 'image/gif', '.tif': 'image/tiff', '.js': 'application/javascript', '.html': 'text/html', '.htm': 'text/html',
        '.json': 'application/json', '.xml': 'text/xml', '.svg': 'image/svg+xml', '.eot': 'application/vnd.ms-fontobject',
        '.ttf': 'application/font-sfnt', '.woff': 'application/font-woff', '.wav': 'audio/wav', '.mp3': 'audio/mpeg3',
    };

    function sameState(a, b) {
        return !!a && !!b && a.ts === b.ts && a.ack === b.ack && a.q === b.q && JSON.stringify(a.val) === JSON.stringify(b.val);
    }

    function fits(pattern, id) {
        const parts = pattern.split('*').map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
        return new RegExp(`^${parts.join('.*')}$`).test(id);
    }

    /* --- servConn ------------------------------------------------------------------------------------------------ */

    return {
        _socket: null, // widgets use it
        _callbacks: {},
        _isConnected: false,
        _isSecure: false,
        _user: undefined,
        _autoSubscribe: true,
        _objectsRequired: false,
        _patterns: new Set(), // subscribed besides '*'
        _known: new Map(), // id -> state that the page has seen
        _latest: 0, // ms, the newest of them
        _reloadInterval: 0, // s
        _reconnectInterval: 10000, // ms
        _disconnectedSince: 0,
        namespace: 'vis.0',

        getType() {
            return 'socket.io';
        },
        getIsConnected() {
            return this._isConnected;
        },
        getIsLoginRequired() {
            return this._isSecure;
        },
        getUser() {
            return this._user;
        },
        // The page is loaded anew when it was offline for so many seconds; 0: never.
        setReloadTimeout(seconds) {
            this._reloadInterval = parseInt(seconds, 10);
        },
        // Longest wait between two attempts to connect, in ms.
        setReconnectInterval(ms) {
            this._reconnectInterval = parseInt(ms, 10);
            if (this._socket) {
                this._socket.retryMax = this._reconnectInterval;
            }
        },
        reconnect() {
            this._socket && !this._socket.connected && this._socket.connect();
        },
        reload() {
            window.location.reload();
        },

        /* connOptions: {name, connLink, user, pass, token}; connCallbacks: {onConnChange(isConnected), onUpdate(id, state),
         * onObjectChange(id, object), onCommand(instance, command, data), onError(error), onAuthError(error), onLog(line)} */
        init(connOptions, connCallbacks, objectsRequired, autoSubscribe) {
            const options = Object.assign({}, connOptions);
            if (typeof window.socketNamespace !== 'undefined') {
                this.namespace = window.socketNamespace;
            }
            this._name = options.name || this.namespace;
            this._callbacks = connCallbacks || {};
            this._objectsRequired = !!objectsRequired;
            this._autoSubscribe = autoSubscribe === undefined ? this._autoSubscribe : autoSubscribe;
            this._server = this._serverOf(options.connLink);
            this._socket = new Socket(() => this._address(options));
            this._socket.retryMax = this._reconnectInterval;
            this._listen();
        },

        _serverOf(connLink) {
            let link = connLink || window.localStorage && window.localStorage.getItem('connLink') ||
                (typeof window.socketUrl === 'string' ? window.socketUrl : '') || home || window.location.origin;
            if (link[0] === ':') {
                link = window.location.protocol + '//' + window.location.hostname + link;
            }
            return new URL(link, window.location.href);
        },

        _address({ user, pass, token }) {
            const server = this._server;
            const keys = { name: this._name, user, pass, token };
            return server.origin.replace(/^http/, 'ws') + server.pathname.replace(/[^/]*$/, '') + '?sid=' + Date.now() +
                Object.keys(keys).filter(key => keys[key]).map(key => `&${key}=${encodeURIComponent(keys[key])}`).join('');
        },

        _listen() {
            const callbacks = this._callbacks;
            this._socket
                .on('connect', () => this._onConnect())
                .on('disconnect', () => this._onDisconnect())
                .on('reauthenticate', error => this._onReauthenticate(error))
                .on('stateChange', (id, state) => this._onState(id, state))
                .on('objectChange', (id, object) => callbacks.onObjectChange && callbacks.onObjectChange(id, object))
                .on('permissionError', error => callbacks.onError && callbacks.onError(error))
                .on('log', line => callbacks.onLog && callbacks.onLog(line));
        },

        _onConnect() {
            const offline = this._disconnectedSince ? Date.now() - this._disconnectedSince : 0;
            if (this._reloadInterval && offline > this._reloadInterval * 1000) {
                this.reload();
                return;
            }
            this._disconnectedSince = 0;
            this._socket.emit('authenticate', (isOk, isSecure) => isOk === true && this._onAuth(!!isSecure, offline > 0));
        },

        _onAuth(isSecure, again) {
            const patterns = Array.from(this._patterns);
            this._isSecure = isSecure;
            this._autoSubscribe && this._socket.emit('subscribe', '*');
            this._objectsRequired && this._socket.emit('subscribeObjects', '*');
            patterns.length && this._socket.emit('subscribe', patterns);
            this._logs && this._socket.emit('requireLog', true);
            this._socket.emit('authEnabled', (enabled, user) => {
                this._user = user;
                this._tell(true);
                again && this._resume();
            });
        },

        // 5 s to come back before the page is told that the connection is gone.
        _onDisconnect() {
            this._disconnectedSince = Date.now();
            setTimeout(() => this._socket.connected || this._tell(false), 5000);
        },

        _onReauthenticate(error) {
            this._tell(false);
            if (this._callbacks.onAuthError) {
                this._callbacks.onAuthError(error);
            } else if (this._server.origin === window.location.origin) {
                this.reload(); // the server shows its login page
            }
        },

        _tell(connected) {
            const layer = document.getElementById('server-disconnect');
            if (layer) {
                layer.style.display = connected ? 'none' : '';
            }
            if (connected !== this._isConnected) {
                this._isConnected = connected;
                this._callbacks.onConnChange && this._callbacks.onConnChange(connected);
            }
        },

        _onState(id, state) {
            const names = ['command', 'data', 'instance'].map(name => `${this.namespace}.control.${name}`);
            if (!id || state === null || typeof state !== 'object') {
                this._known.delete(id);
                return;
            }
            this._see(id, state);
            if (id === names[0] && this._callbacks.onCommand) {
                this._onCommand(id, state);
            } else if (id === names[1]) {
                this._cmdData = state.val;
            } else if (id === names[2]) {
                this._cmdInstance = state.val;
            } else if (this._callbacks.onUpdate) {
                this._callbacks.onUpdate(id, state);
            }
        },

        // Remote control: a command alone, or {instance, command, data} as JSON.
        _onCommand(id, state) {
            let whole = null;
            if (state.ack) {
                return;
            }
            if (typeof state.val === 'string' && /^\{.*\}$/.test(state.val)) {
                try {
                    whole = JSON.parse(state.val);
                } catch (e) {
                    whole = null;
                }
            }
            const done = whole && whole.instance ? this._callbacks.onCommand(whole.instance, whole.command, whole.data)
                : this._callbacks.onCommand(this._cmdInstance, whole || state.val, this._cmdData);
            done && this.setState(id, { val: '', ack: true });
        },

        _see(id, state) {
            if (state) {
                this._known.set(id, state);
                this._latest = Math.max(this._latest, state.ts || 0);
            }
        },

        // Hands out what changed while there was no connection.
        _resume() {
            const latest = this._latest;
            const seen = (error, states) => Object.keys(error ? {} : states).forEach(id => {
                const state = states[id], known = this._known.get(id);
                if (state && (known ? state.ts >= known.ts && !sameState(state, known) : state.ts > latest) && this._wants(id)) {
                    this._onState(id, state);
                }
            });
            const patterns = this._autoSubscribe ? ['*'] : Array.from(this._patterns);
            const ids = patterns.filter(pattern => !pattern.includes('*'));
            ids.length && this._socket.emit('getStates', ids, seen);
            patterns.filter(pattern => pattern.includes('*')).forEach(pattern => this._socket.emit('getStates', pattern, seen));
        },

        _wants(id) {
            return this._autoSubscribe || Array.from(this._patterns).some(pattern => fits(pattern, id));
        },

        // README: authEnabled(function (authEnabled, currentUser))
        authEnabled(callback) {
            this._socket.emit('authEnabled', callback || noop);
        },
        getLoggedUser(callback) {
            this.authEnabled(callback);
        },
        authenticate: noop, // credentials belong to init
        logout(callback) {
            this._socket.emit('logout', callback || noop);
        },
        getVersion(callback) {
            this._socket.emit('getVersion', (error, version) => callback && callback(version || error));
        },

        /* --- states --- */

        subscribe(idOrArray, callback) {
            [].concat(idOrArray).forEach(pattern => this._patterns.add(String(pattern)));
            this._socket.emit('subscribe', idOrArray, callback);
        },
        unsubscribe(idOrArray, callback) {
            [].concat(idOrArray).forEach(pattern => this._patterns.delete(String(pattern)));
            this._socket.emit('unsubscribe', idOrArray, callback);
        },
        setState(pointId, value, callback) {
            this._socket.emit('setState', pointId, value, callback);
        },
        getStates(ids, callback) {
            const all = typeof ids === 'function';
            const fn = (all ? ids : callback) || noop;
            this._socket.emit('getStates', all || ids === undefined ? null : ids, (error, states) => {
                if (error || !states) {
                    fn(error || 'Authentication required');
                    return;
                }
                Object.keys(states).forEach(id => this._see(id, states[id]));
                fn(null, states);
            });
        },
        sendTo(instance, command, payload, callback) {
            this._socket.emit('sendTo', instance, command, payload === undefined ? null : payload, callback);
        },
        sendCommand(instance, command, data, ack) {
            this.setState(`${this.namespace}.control.instance`, { val: instance || 'notdefined', ack: true });
            this.setState(`${this.namespace}.control.data`, { val: data, ack: true });
            this.setState(`${this.namespace}.control.command`, { val: command, ack: ack === undefined ? true : ack });
        },
        // options.timeout: ms, 2000 without it; then the call-back gets 'timeout'.
        getHistory(id, options, callback) {
            const asked = Object.assign({ timeout: 2000 }, options);
            let fn = callback;
            const timer = setTimeout(() => {
                fn = noop;
                callback('timeout');
            }, asked.timeout);
            this._socket.emit('getHistory', id, asked, (error, result) => {
                clearTimeout(timer);
                fn(error, result);
            });
        },

        /* --- objects --- */

        getObject(...args) {
            const [id, callback] = nameAndCallback(args);
            if (!id) {
                callback('no id given');
                return;
            }
            this._socket.emit('getObject', id, (error, object) => (error ? callback(error) : callback(null, object)));
        },
        // States, and what pages want besides: enums, instances, charts, channels, devices.
        getObjects(...args) {
            const [, callback] = nameAndCallback(args);
            const views = [['system', 'enum', 'enum.'], ['system', 'instance', 'system.adapter.'], ['chart', 'chart', ''],
                ['system', 'channel', ''], ['system', 'device', '']];
            this._socket.emit('getObjects', (error, objects) =>
                (error ? callback(error) : this._addViews(views, objects || {}, callback)));
        },
        _addViews(views, objects, callback) {
            if (!views.length) {
                callback(null, objects);
                return;
            }
            const [design, search, prefix] = views[0];
            const range = { startkey: prefix, endkey: prefix + LAST };
            this._socket.emit('getObjectView', design, search, range, (error, result) => {
                if (error && design === 'system') {
                    callback(error);
                    return;
                }
                byId(result ? result.rows : [], objects); // other designs need not exist
                this._addViews(views.slice(1), objects, callback);
            });
        },
        // Ids of devices, channels and states right below an id.
        getChildren(...args) {
            const [id, callback] = nameAndCallback(args);
            const depth = id.split('.').length + 1;
            const views = ['device', 'channel', 'state'].map(search => ['system', search, `${id}.`]);
            if (!id) {
                callback('getChildren: no id given');
                return;
            }
            this._addViews(views, {}, (error, objects) => (error ? callback(error)
                : callback(null, Object.keys(objects).filter(child => child.split('.').length === depth).sort())));
        },
        getGroups(...args) {
            const [name, callback] = nameAndCallback(args);
            this._addViews([['system', 'group', `system.group.${name}`]], {}, callback);
        },
        getEnums(...args) {
            const [name, callback] = nameAndCallback(args);
            this._addViews([['system', 'enum', `enum.${name ? name + '.' : ''}`]], {}, callback);
        },
        // What is common in system.config.
        getConfig(...args) {
            const [, callback] = nameAndCallback(args);
            this._socket.emit('getObject', 'system.config', (error, object) =>
                (object && object.common ? callback(null, object.common) : callback('Cannot read language')));
        },
        addObject(id, object, callback) {
            this._socket.emit('setObject', id, object, callback);
        },
        delObject(id) {
            this._socket.emit('delObject', id, null, noop);
        },
        getSyncTime() {
            return null; // nothing is kept in the browser
        },
        clearCache() {
            window.localStorage.clear();
        },

        /* --- files: '/store/path' --- */

        readFile(filename, callback) {
            const [store, path] = filename[0] === '/' ? split(filename) : [this.namespace, filename];
            this._socket.emit('readFile', store, path, (error, data, mimeType) => callback(error, data, path, mimeType));
        },
        readFile64(filename, callback) {
            const [store, path] = filename[0] === '/' ? split(filename) : [this.namespace, filename];
            this._socket.emit('readFile64', store, path, (error, data, mimeType) => {
                const file = { mime: mimeType || this.getMimeType(path) };
                callback(error, data ? Object.assign(file, { data }) : file, path);
            });
        },
        getMimeType(name) {
            const ends = /\.[^.]+$/.exec(name.toLowerCase());
            return ends && MIME[ends[0]] || 'text/javascript';
        },
        // Into the page's own store, unless the path begins with /vis/. Objects are written as JSON.
        writeFile(filename, data, mode, callback) {
            const fn = typeof mode === 'function' ? mode : callback;
            const [store, path] = split(filename);
            const text = data !== null && typeof data === 'object' ? JSON.stringify(data, null, 2) : data;
            this._socket.emit('writeFile', store === 'vis' ? store : this.namespace, store === 'vis' ? path : filename, text,
                mode && typeof mode !== 'function' ? { mode: FILE_MODE } : {}, fn);
        },
        writeFile64(filename, data, mode, callback) {
            const [store, path] = split(filename);
            this._socket.emit('writeFile64', store, path, data, { mode: typeof mode === 'number' ? mode : FILE_MODE },
                typeof mode === 'function' ? mode : callback);
        },
        readDir(dirname, callback) {
            const [store, path] = split(dirname || '/');
            this._socket.emit('readDir', store, path, { filter: true }, (error, list) => callback && callback(error, list));
        },
        mkdir(dirname, callback) {
            const [store, path] = split(dirname);
            this._socket.emit('mkdir', store, path, error => callback && callback(error));
        },
        unlink(name, callback) {
            const [store, path] = split(name);
            this._socket.emit('unlink', store, path, error => callback && callback(error));
        },
        renameFile(oldName, newName, callback) {
            const [store, path] = split(oldName);
            this._socket.emit('rename', store, path, split(newName)[1], error => callback && callback(error));
        },
        // Folders of the page's store that hold a vis-views.json.
        readProjects(callback) {
            this.readDir(`/${this.namespace}`, (error, list) => {
                const folders = (list || []).filter(entry => entry.isDir).map(entry => entry.file);
                const result = [];
                let left = folders.length;
                if (!left) {
                    callback(error, result);
                }
                folders.forEach(name => this.readDir(`/${this.namespace}/${name}`, (subError, entries) => {
                    const views = (entries || []).find(({ file, acl }) => file === 'vis-views.json' && (!acl || acl.read));
                    const { write, permissions } = views && views.acl || { write: true, permissions: 0 };
                    views && result.push({ name, readOnly: !write, mode: permissions });
                    --left || callback(error || subError, result);
                }));
            });
        },
        chmodProject(projectDir, mode, callback) {
            this._socket.emit('chmodFile', this.namespace, `${projectDir}*`, { mode },
                (error, list) => callback && callback(error, list));
        },

        /* --- others --- */

        // callback(error, {status, statusText}, data)
        httpGet(url, callback) {
            this._socket.emit('httpGet', url, callback || noop);
        },
        logError(text) {
            console.log(`Error: ${text}`);
            this._socket.emit('log', String(text), 'error');
        },
        // The log comes in lines to the call-back onLog of init.
        requireLog(isRequired, callback) {
            this._logs = !!isRequired;
            this._socket.emit('requireLog', !!isRequired, callback);
        },
        getLiveHost(callback) {
            this._addViews([['system', 'host', 'system.host.']], {}, (error, hosts) => {
                const ids = Object.keys(hosts || {}).map(id => `${id}.alive`);
                ids.length ? this.getStates(ids, (subError, states) => {
                    const alive = ids.find(id => states && states[id] && String(states[id].val) === 'true');
                    callback(alive ? alive.slice(0, -'.alive'.length) : '');
                }) : callback('');
            });
        },
        readDirAsZip(project, useConvert, callback) {
            const fn = (typeof useConvert === 'function' ? useConvert : callback) || noop;
            const settings = typeof useConvert === 'function' ? undefined : useConvert;
            this._zip('readDirAsZip', project, { options: { settings } }, result => fn(result.error, result.data));
        },
        writeDirAsZip(project, base64, callback) {
            this._zip('writeDirAsZip', project, { data: base64 }, result => callback && callback(result.error));
        },
        _zip(command, project, more, callback) {
            const message = Object.assign({ id: this.namespace, name: project.replace(/\/$/, '') || 'main' }, more);
            this.getLiveHost(host => (host ? this._socket.emit('sendToHost', host, command, message, answer => callback(answer || {}))
                : callback({ error: 'No active host found' })));
        },
    };
})();
