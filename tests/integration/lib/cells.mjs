// SPDX-License-Identifier: MIT
// The cells of the matrix of rights: users and groups, the things that each of them meets in each dialect, every command
// with its calls on them, how an answer is read, and what an administrator sees of it.
import crypto from 'node:crypto';
import http from 'node:http';
import { Judge } from './matrix.mjs';
import { within } from './program.mjs';
import { call } from './ways.mjs';

const ROOT = 'system.user.admin';
const BOSSES = 'system.group.administrator';
const DORA = 'system.user.dora'; // whose things they are
const STRANGERS = 'system.group.strangers';
export const PASSWORD = 'Peer-Word-1';
export const STORAGE = 'shelf.0';

const all = text => Object.fromEntries(text.split(' ').map(operation => [operation, true]));
export const GROUPS = {
    [BOSSES]: { members: [ROOT, 'system.user.boss'], acl: {} },
    'system.group.operators': { members: ['system.user.operator'],
        acl: { object: all('list read write delete'), state: all('list read write create delete'), users: all('list read write'),
            other: all('http sendto'), file: all('list read write create delete') } },
    'system.group.guests': { members: ['system.user.guest', 'system.user.disabled'],
        acl: { object: all('list read'), state: all('list read'), users: all('list'), file: all('list read') } },
    // Rights that do not go together: who may write may not read.
    'system.group.writers': { members: ['system.user.writer'],
        acl: { object: all('write'), state: all('list read write'), users: all('create delete'), other: all('execute'),
            file: all('write delete') } },
    [STRANGERS]: { members: [DORA], acl: {} },
};
export const NAMES = ['admin', 'operator', 'guest', 'nobody', 'boss', 'writer'];
const NEW_FILE = { owner: ROOT, ownerGroup: 'system.group.operators', permissions: 0x664 };

// --- targets --------------------------------------------------------------------------------------------------------

function groupOf(user) {
    return Object.keys(GROUPS).find(id => GROUPS[id].members.includes(user)) ?? 'system.group.guests';
}

// Whose they are and what they say, seen by a user.
function classes(user) {
    const own = { owner: user, ownerGroup: STRANGERS };
    const group = { owner: DORA, ownerGroup: groupOf(user) };
    const other = { owner: DORA, ownerGroup: STRANGERS };
    return {
        own: [own, 0x600], ownReadable: [own, 0x400], ownWritable: [own, 0x200], ownClosed: [own, 0x066],
        group: [group, 0x060], groupReadable: [group, 0x040], groupWritable: [group, 0x020], groupClosed: [group, 0x606],
        open: [other, 0x006], readable: [other, 0x004], writable: [other, 0x002], closed: [other, 0x660],
    };
}

function stateAcls(user) {
    const [other] = classes(user).open;
    const rows = Object.entries(classes(user)).map(([name, [who, mode]]) => [name, { ...who, object: mode, state: mode }]);
    return Object.fromEntries([...rows,
        ['objectClosed', { ...other, object: 0x660, state: 0x666 }],
        ['objectWritable', { ...other, object: 0x662, state: 0x666 }],
        ['stateClosed', { ...other, object: 0x666, state: 0x660 }],
        ['stateReadable', { ...other, object: 0x666, state: 0x664 }],
        ['stateUnsaid', { ...other, object: 0x664 }]]);
}

const ALIASES = {
    toOpen: ['open', 'open'], toClosed: ['closed', 'closed'], toReadable: ['readable', 'readable'], toWritable: ['writable', 'writable'],
    toStateClosed: ['stateClosed', 'stateClosed'], readsOpen: ['open', 'closed'], writesOpen: ['closed', 'open'],
    toOwn: ['own', 'own'], toNothing: ['valueOnly', 'valueOnly'],
};

const mode = (who, object) => ({ ...who, object });

// Ids of the things of one user in one dialect; the first thing that is written there has the number.
export class Targets {
    constructor(user, cell) {
        Object.assign(this, { user, cell, prefix: `m.${cell}.`, objects: {}, files: {} });
        const acls = stateAcls(user);
        const [other] = classes(user).open;
        Object.entries(acls).forEach(([name, acl]) => this.add(this.prefix + name, 'state', acl));
        this.add(`${this.prefix}channel`, 'channel', mode(other, 0x664));
        this.add(`${this.prefix}closedChannel`, 'channel', mode(other, 0x660));
        this.add(`${this.prefix}tree`, 'channel', mode(other, 0x666));
        this.add(`${this.prefix}tree.open`, 'channel', mode(other, 0x666));
        this.add(`${this.prefix}thicket`, 'channel', mode(other, 0x666));
        this.add(`${this.prefix}thicket.closed`, 'channel', mode(other, 0x660));
        this.addAliases(other);
        this.add(`flot.0.${cell}.open`, 'state', acls.open);
        this.add(`flot.0.${cell}.closed`, 'state', acls.closed);
        this.add(`system.adapter.d${cell}.0`, 'instance', mode(other, 0x666));
        this.add(`system.adapter.e${cell}.0`, 'instance', mode(other, 0x664));
        this.accounts = ['user', 'group'].flatMap(type => ['t', 'c'].map(name => `system.${type}.${name}${cell}`));
        this.accounts.forEach(id => this.add(id, id.split('.')[1], mode(other, id.includes('.t') ? 0x666 : 0x664)));
        for (const [name, [who, permissions]] of Object.entries(classes(user))) {
            this.files[`${name}.txt`] = { ...who, permissions };
        }
        // Files that are moved onto others.
        this.files['mover.txt'] = this.files['pusher.txt'] = { owner: user, ownerGroup: STRANGERS, permissions: 0x600 };
        this.files['taken.txt'] = { ...other, permissions: 0x660 };
        this.files['free.txt'] = { ...other, permissions: 0x666 };
        this.files['folder/open.txt'] = { ...other, permissions: 0x666 };
        this.files['mixed/open.txt'] = { ...other, permissions: 0x666 };
        this.files['mixed/closed.txt'] = { ...other, permissions: 0x660 };
    }

    add(id, type, acl, alias) {
        this.objects[id] = { type, acl, alias };
    }

    addAliases(other) {
        for (const [name, [read, write]] of Object.entries(ALIASES)) {
            this.add(`alias.0.${this.prefix}${name}`, 'state', { ...other, object: 0x666, state: 0x666 },
                { read: this.prefix + read, write: this.prefix + write });
        }
        this.add(`alias.0.${this.prefix}closed`, 'state', { ...other, object: 0x660, state: 0x660 },
            { read: `${this.prefix}open`, write: `${this.prefix}open` });
    }

    get ids() {
        return [...Object.keys(this.objects), this.missing];
    }

    get states() {
        return [...Object.keys(this.objects).filter(id => this.objects[id].type === 'state'), this.missing];
    }

    get missing() {
        return `${this.prefix}missing`;
    }

    get valueOnly() {
        return `${this.prefix}valueOnly`;
    }

    // Without what is in folders, and what is there to be moved.
    get names() {
        const files = Object.keys(this.files).filter(name => !/\/|mover|pusher|taken|free/.test(name));
        return [...files, 'folder', 'mixed', 'missing.txt'].map(name => `${this.cell}/${name}`);
    }

    // Without acl: what is there keeps its own.
    body(id, number) {
        const { type, alias } = this.objects[id] ?? { type: 'state' };
        const common = { name: id.split('.').at(-1), type: 'number', role: 'value', read: true, write: true };
        const more = { user: { enabled: true, password: '' }, group: { members: [], acl: {} } }[type];
        return { type, common: { ...common, ...more, ...(alias && { alias: { id: alias } }) }, native: { number } };
    }

    judge() {
        const files = Object.fromEntries(Object.entries(this.files).map(([name, acl]) => [`${STORAGE}/${this.cell}/${name}`, acl]));
        return new Judge({ groups: GROUPS, objects: this.objects, files, newFile: NEW_FILE });
    }
}

// --- the calls ------------------------------------------------------------------------------------------------------

const each = (targets, make) => targets.map(target => ({ target, args: make(target) }));
const one = (...args) => [{ args }];
const onFiles = (...rest) => ({ names }) => each(names, name => [STORAGE, name, ...rest]);
const onObjects = ({ ids }) => each(ids, id => [id]);
const onStates = ({ states }) => each(states, id => [id]);
const patterns = ({ prefix }) => [...one(`${prefix}*`), ...one(`${prefix}*`, 'channel'), ...one(`${prefix}*`, '*'),
    ...one(`alias.0.${prefix}*`)];
const statePatterns = ({ prefix, states }) => [{ args: [`${prefix}*`] }, { args: [`alias.0.${prefix}*`] }, ...each(states, id => [[id]])];

const renames = ({ cell, names }) => [...each(names, name => [STORAGE, name, `${name}.moved`]),
    { args: [STORAGE, `${cell}/mover.txt`, `${cell}/taken.txt`] }, { args: [STORAGE, `${cell}/pusher.txt`, `${cell}/free.txt`] }];

// Commands that change nothing.
export const READS = {
    name: () => one('matrix'), authenticate: () => one(), updateTokenExpiration: () => one('nosuch'), error: () => one('matrix'),
    log: () => one('matrix', 'debug'), checkFeatureSupported: () => one('ALIAS'), authEnabled: () => one(), logout: () => one(),
    listPermissions: () => one(), getUserPermissions: () => one(), getVersion: () => one(), getAdapterName: () => one(),
    getHistory: ({ states }) => each(states, id => [id, {}]), httpGet: () => one('http://169.254.169.254/'),
    sendTo: () => one('nosuch.0', 'test', 1), sendToHost: () => ['getVersion', 'cmdExec', 'delLogs', 'getDiagData', 'shell']
        .flatMap(command => one('system.host.nosuch', command, {})),
    getStates: statePatterns, getForeignStates: statePatterns, getState: onStates,
    getBinaryState: onStates, subscribe: onStates, subscribeStates: onStates, unsubscribe: onStates, unsubscribeStates: onStates,
    clientSubscribe: () => one('nosuch.0', 'test'), clientUnsubscribe: () => one('nosuch.0', 'test'),
    getCompactSystemConfig: () => one(), getAdapterInstances: () => one('nosuch'), readFile: onFiles(), readFile64: onFiles(),
    readDir: ({ cell, names }) => [cell, ...names].flatMap(name => one(STORAGE, name)), fileExists: onFiles(),
    subscribeFiles: ({ cell }) => one(STORAGE, `${cell}/*`), unsubscribeFiles: ({ cell }) => one(STORAGE, `${cell}/*`),
    getObject: onObjects, getObjects: ({ ids }) => [...one(null), ...one(ids), ...each(ids, id => [[id]])], getAllObjects: () => one(),
    getObjectView: ({ prefix }) => ['state', 'channel'].flatMap(type =>
        one('system', type, { startkey: prefix, endkey: `${prefix}\u9999` })),
    subscribeObjects: onObjects, unsubscribeObjects: onObjects, requireLog: () => one(false), getForeignObjects: patterns,
    iobusObjects: patterns, iobusStatus: () => one(), iobusUnregister: () => one('nosuch.0'), iobusReply: () => one('nosuch', 1),
    cmdExec: () => one('system.host.nosuch', 1, 'true'), readLogs: () => one('system.host.nosuch'), getHostByIp: () => one('127.0.0.1'),
    eventsThreshold: () => one(false), getRatings: () => one(false), getCurrentInstance: () => one(), decrypt: () => one('x'),
    encrypt: () => one('x'), getIsEasyModeStrict: () => one(), getEasyMode: () => one(), getAdapters: () => one(),
    updateLicenses: () => one('x', 'y'), getCompactInstances: () => one(), getCompactAdapters: () => one(),
    getCompactInstalled: () => one('nosuch'), getCompactSystemRepositories: () => one(), getCompactRepository: () => one('nosuch'),
    getCompactHosts: () => one(),
};

// Commands that change something, and what has to be as before for the next.
export const WRITES = {
    setState: ['states', ({ states }) => each(states, id => [id, 77])],
    setBinaryState: ['states', ({ states }) => each(states, id => [id, 'eA=='])],
    delState: ['states', onStates],
    setObject: ['objects', targets => each(targets.ids, id => [id, targets.body(id, 77)])],
    extendObject: ['objects', ({ ids }) => each(ids, id => [id, { native: { number: 77 } }])],
    delObject: ['objects', onObjects],
    delObjects: ['objects', ({ ids, prefix }) => each(ids.filter(id => !/\.(tree|thicket)\./.test(id)), id => [id])],
    iobusRegister: ['objects', ({ cell }) => ['d', 'e', 'f'].flatMap(name => one(`${name}${cell}.0`))],
    addUser: ['objects', ({ cell }) => one(`n${cell}`, PASSWORD)], addGroup: ['objects', ({ cell }) => one(`n${cell}`, '', {})],
    changePassword: ['objects', ({ cell }) => one(`t${cell}`, PASSWORD)],
    delUser: ['objects', ({ cell }) => one(`t${cell}`)], delGroup: ['objects', ({ cell }) => one(`t${cell}`)],
    writeFile: ['files', onFiles('changed')], writeFile64: ['files', onFiles(Buffer.from('changed').toString('base64'))],
    unlink: ['files', onFiles()], deleteFile: ['files', onFiles()], deleteFolder: ['files', onFiles()],
    rename: ['files', renames], renameFile: ['files', renames],
    mkdir: ['files', ({ cell, names }) => [...names, `${cell}/made`].flatMap(name => one(STORAGE, name))],
    chmodFile: ['files', onFiles({ mode: 0x777 })], chownFile: ['files', onFiles({ owner: 'system.user.eve', ownerGroup: STRANGERS })],
};

// What the answer says beyond a denial is not a matter of rights.
const FREE = new Set(`name authenticate updateTokenExpiration authEnabled logout listPermissions getBinaryState setBinaryState
    getHistory httpGet sendTo sendToHost clientSubscribe clientUnsubscribe checkFeatureSupported getHostByIp cmdExec readLogs
    iobusUnregister iobusReply getCompactInstalled getCompactRepository updateLicenses getCurrentInstance decrypt encrypt
    changePassword delUser delGroup`.split(/\s+/));

const LISTS = new Set('getObjects getAllObjects getObjectView getForeignObjects iobusObjects getStates getForeignStates'.split(' '));
const READS_ONE = new Set(['getObject', 'getState']);

function isDenied(first) {
    const text = first?.error ?? first;
    return typeof text === 'string' && /(^|: )permissionError$/.test(text);
}

// What an answer is to the model.
function classify(command, prefix, args, [first, second]) {
    if (isDenied(first)) {
        return 'denied';
    }
    if (FREE.has(command)) {
        return 'ok';
    }
    if (first) {
        return first === 'Not exists' ? 'missing' : `error`;
    }
    if (LISTS.has(command)) {
        const ids = second.rows ? second.rows.map(({ id }) => id) : Object.keys(second);
        return (args[0] === null || args.length === 0 ? ids.filter(id => id.startsWith(prefix)) : ids).sort();
    }
    return READS_ONE.has(command) && second === null ? 'missing' : 'ok';
}

// --- HTTP -----------------------------------------------------------------------------------------------------------

const keys = text => Object.keys(JSON.parse(text));

// [method, path, body] of a call, for the commands that have such a route.
export const ROUTES = {
    iobusStatus: [() => ['GET', '/api/status']],
    getStates: [([pattern]) => ['GET', Array.isArray(pattern) ? `/api/states?ids=${pattern}` : `/api/states?pattern=${pattern}`]],
    getState: [([id]) => ['GET', `/api/state/${id}`], ([id]) => ['GET', `/state/${id}`], ([id]) => ['HEAD', `/api/state/${id}`]],
    setState: [([id, value]) => ['PUT', `/api/state/${id}`, value], ([id, value]) => ['POST', `/state/${id}`, value]],
    delState: [([id]) => ['DELETE', `/api/state/${id}`]],
    iobusObjects: [([pattern, type = 'state']) => ['GET', `/api/objects?pattern=${pattern}&type=${type}`]],
    getObject: [([id]) => ['GET', `/api/object/${id}`]],
    setObject: [([id, object]) => ['PUT', `/api/object/${id}`, object]],
    delObject: [([id]) => ['DELETE', `/api/object/${id}`]],
    getHistory: [([id]) => ['GET', `/api/history/${id}`]],
    subscribe: [([id]) => ['GET', `/api/events?pattern=${id}`]],
    subscribeObjects: [([id]) => ['GET', `/api/events?objects=${id}`]],
    subscribeFiles: [([storage, name]) => ['GET', `/api/events?files=${storage}/${name}`]],
    fileExists: [([storage, name]) => ['GET', `/api/files/${storage}/${name}`]],
    readFile: [([storage, name]) => ['GET', `/${storage}/${name}`], ([storage, name]) => ['HEAD', `/${storage}/${name}`]],
    writeFile: [([storage, name, text]) => ['PUT', `/${storage}/${name}`, text]],
    deleteFile: [([storage, name]) => ['DELETE', `/${storage}/${name}`]],
};

export class HttpWay {
    constructor(url, token) {
        Object.assign(this, { url, token, agent: new http.Agent({ keepAlive: true, maxSockets: 4 }) });
    }

    static knows(command) {
        return command in ROUTES;
    }

    // Streams have no end; their head says enough.
    send(method, path, body) {
        const headers = { authorization: `Bearer ${this.token}`, ...(body !== undefined && { 'content-type': 'application/json' }) };
        const streams = path.startsWith('/api/events');
        return within(new Promise((resolve, reject) => {
            const request = http.request(this.url + encodeURI(path), { method, agent: streams ? false : this.agent, headers }, response => {
                let text = '';
                const done = () => resolve({ status: response.statusCode, text });
                response.setEncoding('utf8').on('data', part => (text += part)).on('end', done);
                if (streams && response.statusCode === 200) {
                    done();
                    request.destroy();
                }
            });
            request.on('error', reject);
            request.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
        }), `${method} ${path}`);
    }

    async outcomes(command, prefix, args) {
        const answers = await Promise.all(ROUTES[command].map(route => this.send(...route(args))));
        return answers.map(({ status, text }) => {
            if (status >= 400) {
                return { 403: 'denied', 404: 'missing' }[status] ?? (FREE.has(command) ? 'ok' : `error`);
            }
            return LISTS.has(command) ? keys(text).sort() : 'ok';
        });
    }

    close() {
        this.agent.destroy();
    }
}

export class SocketWay {
    constructor(client, dialect) {
        Object.assign(this, { client, dialect });
    }

    // Client libraries keep the event `error` for themselves.
    knows(command) {
        return command !== 'error' || this.dialect === 'plain';
    }

    async outcomes(command, prefix, args) {
        return [classify(command, prefix, args, await call(this.client, command, ...args))];
    }
}

// --- the world ------------------------------------------------------------------------------------------------------

function hash(password) {
    const salt = crypto.randomBytes(16).toString('hex');
    return `pbkdf2$1000$${crypto.pbkdf2Sync(password, salt, 1000, 256, 'sha256').toString('hex')}$${salt}`;
}

export async function makeUsers(root) {
    for (const name of [...NAMES, 'disabled', 'dora']) {
        await root.call('setObject', `system.user.${name}`, { type: 'user', native: {},
            common: { name, enabled: name !== 'disabled', password: hash(PASSWORD), dontDelete: name === 'admin' } });
    }
    for (const [id, { members, acl }] of Object.entries(GROUPS)) {
        await root.call('setObject', id, { type: 'group', common: { name: id.split('.').at(-1), members, acl }, native: {} });
    }
    await root.call('extendObject', 'system.config', { common: { defaultNewAcl:
        { owner: ROOT, ownerGroup: NEW_FILE.ownerGroup, object: 0x664, state: 0x664, file: NEW_FILE.permissions } } });
    await root.call('setObject', STORAGE, { type: 'meta', common: { name: STORAGE, type: 'meta.user' }, native: {} });
}

// So many calls at once that nothing is refused.
export async function inChunks(items, run, size = 500) {
    for (let i = 0; i < items.length; i += size) {
        await Promise.all(items.slice(i, i + size).map(run));
    }
}

export const RESETS = {
    async objects(root, cells) {
        const rows = cells.flatMap(({ targets }) => Object.entries(targets.objects)
            .map(([id, { acl }]) => [id, { ...targets.body(id, 1), acl }]));
        await inChunks(cells.flatMap(({ targets: { missing, cell } }) => [missing, `system.user.n${cell}`, `system.group.n${cell}`]),
            id => root.call('delObject', id));
        await inChunks(rows, ([id, object]) => root.call('setObject', id, object));
        await RESETS.states(root, cells);
    },

    async states(root, cells) {
        const ids = cells.flatMap(({ targets }) => [...targets.states.filter(id => !id.startsWith('alias.') && id !== targets.missing),
            targets.valueOnly]);
        await inChunks(cells, ({ targets }) => root.call('delState', targets.missing));
        await inChunks(ids, id => root.call('setState', id, 1));
    },

    async files(root, cells) {
        await inChunks(cells, ({ targets }) => root.call('unlink', STORAGE, targets.cell));
        await inChunks(cells.flatMap(({ targets }) => Object.entries(targets.files).map(([name, acl]) => [`${targets.cell}/${name}`, acl])),
            async ([name, { permissions, owner, ownerGroup }]) => {
                await root.call('writeFile', STORAGE, name, 'text');
                await root.call('chownFile', STORAGE, name, { owner, ownerGroup });
                await root.call('chmodFile', STORAGE, name, { mode: permissions });
            });
    },
};

// What an administrator sees of the targets of a command: { target: text }.
export const VIEWS = {
    async objects(root, { targets }) {
        const [objects] = await root.call('getObjects', targets.ids);
        return Object.fromEntries(targets.ids.map(id => [id, JSON.stringify(objects[id]?.native ?? null)]));
    },

    async states(root, { targets }) {
        const [states] = await root.call('getStates', targets.states);
        return Object.fromEntries(targets.states.map(id => [id, JSON.stringify(states[id]?.val ?? null)]));
    },

    async files(root, { targets }) {
        const entries = await Promise.all(['', '/folder', '/mixed'].map(folder => root.call('readDir', STORAGE, targets.cell + folder)));
        const acls = Object.fromEntries(['', 'folder/', 'mixed/'].flatMap((folder, i) =>
            (entries[i][0] ?? []).map(({ file, acl }) => [`${targets.cell}/${folder}${file}`, [acl?.owner, acl?.permissions]])));
        return Object.fromEntries(await Promise.all(targets.names.map(async name =>
            [name, JSON.stringify([acls[name] ?? null, (await root.callRaw('readFile', STORAGE, name))[1] ?? null])])));
    },
};
