// SPDX-License-Identifier: MIT
// Runs in a page: every method of servConn, one after the other, whichever script brought it. window.runSteps resolves to
// { step: arguments of the call-back }.
'use strict';

(function () {
    const STORE = '/lab.0';
    const PICTURE = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==';
    const events = []; // [name, arguments]
    let conn;

    // The arguments of a call-back that is handed to fn.
    function answer(fn) {
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => reject(new Error('no answer')), 10000);
            fn((...args) => {
                clearTimeout(timer);
                resolve(args);
            });
        });
    }

    function eventOf(name, test) {
        return answer(callback => {
            const timer = setInterval(() => {
                const found = events.find(([event, args]) => event === name && test(...args));
                if (found) {
                    clearInterval(timer);
                    callback(...found[1]);
                }
            }, 5);
        });
    }

    const keys = ([error, map]) => [error, map && Object.keys(map).sort()];
    const names = ([error, list]) => [error, list && list.map(entry => [entry.file, entry.isDir])];
    const pick = (object, ...wanted) => object && Object.fromEntries(wanted.map(key => [key, object[key]]));
    const value = state => pick(state, 'val', 'ack', 'q', 'from');

    const STEPS = {
        getType: () => [conn.getType()],
        getIsConnected: () => [conn.getIsConnected()],
        getIsLoginRequired: () => [!!conn.getIsLoginRequired()],
        getUser: () => [conn.getUser()],
        getVersion: () => answer(cb => conn.getVersion(cb)),
        getLoggedUser: () => answer(cb => conn.getLoggedUser(cb)),
        getConfig: async () => {
            const [error, config] = await answer(cb => conn.getConfig(cb));
            return [error, pick(config, 'language', 'tempUnit')];
        },
        'getConfig with cache': async () => [typeof (await answer(cb => conn.getConfig(true, cb)))[1]],

        setState: () => answer(cb => conn.setState('c.0.x', 21.5, cb)),
        'setState whole': () => answer(cb => conn.setState('c.0.x', { val: 22.5, ack: true, q: 0x10 }, cb)),
        'setState without object': () => answer(cb => conn.setState('no.object', 'text', cb)),
        'setState bad id': () => answer(cb => conn.setState('', 1, cb)),
        'onUpdate value': async () => (await eventOf('onUpdate', (id, state) => id === 'c.0.x' && state.val === 21.5)).map((arg, i) => (i ? value(arg) : arg)),
        'onUpdate whole': async () => (await eventOf('onUpdate', (id, state) => id === 'c.0.x' && state.ack)).map((arg, i) => (i ? value(arg) : arg)),
        'getStates list': async () => {
            const [error, states] = await answer(cb => conn.getStates(['c.0.x', 'not.there'], cb));
            return [error, value(states['c.0.x']), states['not.there']];
        },
        'getStates pattern': async () => keys(await answer(cb => conn.getStates('c.0.*', cb))),
        'getStates ending': async () => keys(await answer(cb => conn.getStates('*.humidity', cb))),
        'getStates none': () => answer(cb => conn.getStates([], cb)),
        'getStates all': async () => (await answer(cb => conn.getStates(cb))).map((arg, i) => (i ? 'c.0.y' in arg : arg)),
        subscribe: () => answer(cb => conn.subscribe(['c.0.x', 'c.0.y'], cb)),
        unsubscribe: () => answer(cb => conn.unsubscribe('c.0.y', cb)),
        sendCommand: async () => {
            conn.sendCommand('lab-instance', 'alert', 'text', false);
            return (await eventOf('onCommand', (instance, command) => command === 'alert'));
        },
        'command as one': async () => {
            conn.setState('lab.0.control.command', JSON.stringify({ instance: 'i', command: 'c', data: 'd' }));
            return eventOf('onCommand', (instance, command) => command === 'c');
        },
        sendTo: async () => {
            const [answered] = await answer(cb => conn.sendTo('history.0', 'getHistory', { id: 'c.0.x', options: { start: 0 } }, cb));
            return [Array.isArray(answered.result), answered.error];
        },
        getHistory: async () => {
            const options = { instance: 'history.0', start: Date.now() - 60000, end: Date.now() + 60000, aggregate: 'none' };
            const [error, rows] = await answer(cb => conn.getHistory('c.0.x', options, cb));
            return [error, rows.map(row => row.val).slice(-2), typeof rows[rows.length - 1].ts];
        },

        getObject: async () => (await answer(cb => conn.getObject('c.0.x', cb))).map(arg => arg && pick(arg, '_id', 'type')),
        'getObject with cache': async () => (await answer(cb => conn.getObject('c.0.x', true, cb))).map(arg => arg && arg._id),
        'getObject of nothing': () => answer(cb => conn.getObject('not.there', cb)),
        'getObject without id': () => answer(cb => conn.getObject(cb)),
        getObjects: async () => {
            const [error, objects] = await answer(cb => conn.getObjects(cb));
            return [error, ['c.0', 'c.0.x', 'c', 'enum.rooms.lab', 'system.adapter.history.0'].map(id => [id, id in objects && objects[id].type])];
        },
        getChildren: () => answer(cb => conn.getChildren('c.0', cb)),
        'getChildren without id': () => answer(cb => conn.getChildren(cb)),
        getGroups: async () => keys(await answer(cb => conn.getGroups(cb))),
        'getGroups name': async () => keys(await answer(cb => conn.getGroups('administrator', cb))),
        getEnums: async () => {
            const [error, enums] = await answer(cb => conn.getEnums('rooms', cb));
            return [error, 'enum.rooms.lab' in enums, Object.keys(enums).every(id => id.startsWith('enum.rooms.'))];
        },
        onObjectChange: async () => {
            window.makeObject('flot.0.lab');
            return (await eventOf('onObjectChange', id => id === 'flot.0.lab')).map((arg, i) => (i ? arg.type : arg));
        },
        delObject: async () => {
            conn.delObject('flot.0.lab');
            return eventOf('onObjectChange', (id, object) => id === 'flot.0.lab' && !object);
        },

        writeFile: () => answer(cb => conn.writeFile(`${STORE}/main/a.txt`, 'Grüße 😀', cb)),
        'writeFile object': () => answer(cb => conn.writeFile('b.json', { a: [1] }, true, cb)),
        'writeFile empty': () => answer(cb => conn.writeFile('empty.txt', '', cb)),
        readFile: () => answer(cb => conn.readFile('b.json', cb, true)),
        'readFile whole path': () => answer(cb => conn.readFile(`${STORE}/lab.0/main/a.txt`, cb, true)),
        'readFile of nothing': () => answer(cb => conn.readFile(`${STORE}/none.txt`, cb, true)),
        writeFile64: () => answer(cb => conn.writeFile64(`${STORE}/img/p.png`, PICTURE, cb)),
        'writeFile64 empty': () => answer(cb => conn.writeFile64(`${STORE}/img/e.png`, '', cb)),
        readFile64: () => answer(cb => conn.readFile64(`${STORE}/img/p.png`, cb, true)),
        'readFile64 json': () => answer(cb => conn.readFile64(`${STORE}/b.json`, cb, true)),
        'readFile64 of nothing': () => answer(cb => conn.readFile64(`${STORE}/none.png`, cb, true)),
        'readFile binary': () => answer(cb => conn.readFile(`${STORE}/img/p.png`, cb, true)),
        mkdir: () => answer(cb => conn.mkdir(`${STORE}/new`, cb)),
        renameFile: () => answer(cb => conn.renameFile(`${STORE}/img/p.png`, `${STORE}/new/q.png`, cb)),
        'renameFile of nothing': () => answer(cb => conn.renameFile(`${STORE}/none`, `${STORE}/new/none`, cb)),
        readDir: async () => names(await answer(cb => conn.readDir(STORE, cb))),
        'readDir entry': async () => (await answer(cb => conn.readDir(`${STORE}/new`, cb))).map(arg => arg && arg.map(entry =>
            [entry.file, entry.stats.size, pick(entry.acl, 'owner', 'ownerGroup', 'permissions', 'read', 'write'), typeof entry.modifiedAt])),
        'readDir of nothing': () => answer(cb => conn.readDir(`${STORE}/none`, cb)),
        'readDir stores': async () => names(await answer(cb => conn.readDir('/', cb))),
        chmodProject: async () => (await answer(cb => conn.chmodProject('lab.0/main', 0x666, cb))).map(arg => arg && arg.map(entry => entry.acl.permissions)),
        readProjects: () => answer(cb => conn.readProjects(cb)),
        unlink: () => answer(cb => conn.unlink(`${STORE}/b.json`, cb)),
        'unlink folder': () => answer(cb => conn.unlink(`${STORE}/new`, cb)),
        'unlink of nothing': () => answer(cb => conn.unlink(`${STORE}/none`, cb)),
        'readDir at the end': async () => names(await answer(cb => conn.readDir(STORE, cb))),
        getMimeType: () => ['a.png', '.JS', 'x.css', 'none'].map(name => conn.getMimeType(name)),

        httpGet: async () => (await answer(cb => conn.httpGet(`${window.server}/version`, cb))).slice(0, 1), // only the error
        'httpGet of a bad URL': async () => [!!(await answer(cb => conn.httpGet('no url', cb)))[0]],
        getLiveHost: () => answer(cb => conn.getLiveHost(cb)),
        addObject: () => [typeof conn.addObject],
        authenticate: () => [typeof conn.authenticate('user', 'hash', 'salt')],
        getSyncTime: () => [conn.getSyncTime()],
        setReloadTimeout: () => [conn.setReloadTimeout('0')],
        setReconnectInterval: () => [conn.setReconnectInterval('300')],
        clearCache: () => {
            localStorage.setItem('objects', '{}');
            conn.clearCache();
            return [localStorage.getItem('objects')];
        },
        logout: async () => [!!(await answer(cb => conn.logout(cb)))[0]], // there is no session
        logError: () => [conn.logError('from the steps')],
    };

    function plain(value) {
        if (value instanceof ArrayBuffer) {
            return { bytes: Array.from(new Uint8Array(value)) };
        }
        return value === undefined ? null : value;
    }

    function note(name) {
        return (...args) => {
            events.push([name, args]);
            return name === 'onCommand';
        };
    }

    window.connectSteps = (servConn, options) => {
        const callbacks = Object.fromEntries(['onUpdate', 'onObjectChange', 'onCommand', 'onError', 'onLog'].map(name => [name, note(name)]));
        conn = servConn;
        return new Promise(resolve => {
            callbacks.onConnChange = connected => {
                events.push(['onConnChange', [connected]]);
                connected && resolve(true);
            };
            conn.init(options, callbacks, true, true);
        });
    };

    window.runSteps = async () => {
        const answers = {};
        for (const name of Object.keys(STEPS)) {
            try {
                answers[name] = (await STEPS[name]()).map(plain);
            } catch (error) {
                answers[name] = `failed: ${error.message}`;
            }
        }
        return answers;
    };

    window.stepEvents = events;
})();
