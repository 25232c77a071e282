// SPDX-License-Identifier: MIT
// What every command answers to whom, worked out by itself from commands.md 2 and 7 and data-model.md 5 and 6.5, and
// from README.md's list of differences: a second opinion on the server's. An outcome is 'ok', 'denied', 'missing' (it
// is allowed, but there is nothing), 'error' (allowed, but it cannot be done), or the list of ids that are shown.
import { World } from './rights.mjs';

const ADMIN = 'system.user.admin';
const FULL = {
    object: 'list read write delete', state: 'list read write create delete', users: 'list read write create delete',
    other: 'execute http sendto', file: 'list read write create delete',
};
const READ = 4;
const WRITE = 2;

// data-model.md 5.1, and the commands that are checked under another name; '': nothing is needed.
const NEEDS = {
    'object.read': `getObject getCompactSystemConfig getAdapterInstances subscribeObjects unsubscribeObjects
        getUserPermissions getEasyMode getAdapters getCompactInstances getCompactAdapters getCompactSystemRepositories
        getCompactHosts iobusStatus decrypt encrypt`,
    'object.list': 'getObjects getAllObjects getForeignObjects iobusObjects getObjectView getHostByIp',
    'object.write': 'setObject extendObject requireLog updateLicenses',
    'object.delete': 'delObject delObjects',
    'state.list': 'getStates getForeignStates',
    'state.read': 'getState subscribe subscribeStates unsubscribe unsubscribeStates getHistory',
    'state.write': 'setState',
    'state.delete': 'delState',
    'users.create': 'addUser addGroup',
    'users.delete': 'delUser delGroup',
    'other.http': 'httpGet',
    'other.execute': 'cmdExec readLogs eventsThreshold',
    'other.sendto': `sendTo sendToHost clientSubscribe clientUnsubscribe iobusRegister iobusUnregister iobusReply
        getCompactInstalled getCompactRepository`,
    'file.list': 'readDir',
    'file.read': 'readFile readFile64 fileExists subscribeFiles unsubscribeFiles',
    'file.write': 'writeFile writeFile64 rename renameFile mkdir chmodFile chownFile',
    'file.delete': 'unlink deleteFile deleteFolder',
    '': `name authenticate updateTokenExpiration error log checkFeatureSupported authEnabled logout listPermissions
        getVersion getAdapterName getBinaryState setBinaryState getRatings getCurrentInstance getIsEasyModeStrict
        changePassword`,
};
const NEED = Object.fromEntries(Object.entries(NEEDS).flatMap(([need, names]) =>
    names.split(/\s+/).map(name => [name, need])));

// commands.md 7: only where administrators work.
const ADMINISTRATORS_ONLY = new Set(`extendObject getForeignObjects delObjects delState cmdExec readLogs getHostByIp
    eventsThreshold getRatings getCurrentInstance decrypt encrypt getIsEasyModeStrict getEasyMode getAdapters
    updateLicenses getCompactInstances getCompactAdapters getCompactInstalled getCompactSystemRepositories
    getCompactRepository getCompactHosts addUser delUser addGroup delGroup changePassword`.split(/\s+/));

// commands.md 2.6: host commands that need more than sendToHost.
const EXECUTED = new Set(`cmdExec getLocationOnDisk getDiagData getDevList delLogs writeDirAsZip writeObjectsAsZip
    readObjectsAsZip checkLogging updateMultihost rebuildAdapter`.split(/\s+/));

export const KNOWN = Object.keys(NEED);

// objects: { id: { type, acl, alias: { read, write } } }, files: { path: acl }, newFile: acl of files that are new.
export class Judge extends World {
    constructor({ objects, newFile, ...world }) {
        super(world);
        Object.assign(this, { objects, newFile });
    }

    may(user, right) {
        const [type, operation] = right.split('.');
        if (right === '' || this.isAdministrator(user)) {
            return right === '' || FULL[type].split(' ').includes(operation);
        }
        return this.groupsOf(user).some(id => this.groups[id].acl[type]?.[operation]);
    }

    allows(user, acl, mode, flag) {
        return Boolean(this.bits(user, acl, mode) & flag);
    }

    objectAllows(user, id, flag) {
        const acl = this.objects[id]?.acl;
        return !acl || this.isAdministrator(user) || this.allows(user, acl, acl.object, flag);
    }

    readsObject(user, id) {
        return this.may(user, 'object.read') && this.objectAllows(user, id, READ);
    }

    // data-model.md 5.6; the object is read on behalf of the user, and only `admin` himself is above the state's acl.
    stateAllows(user, id, operation, flag) {
        const acl = this.objects[id]?.acl;
        if (user === ADMIN || !acl) {
            return true;
        }
        return this.readsObject(user, id) && this.may(user, `state.${operation}`)
            && this.allows(user, acl, acl.state ?? acl.object, flag);
    }

    readsState(user, id) {
        const source = this.objects[id]?.alias?.read;
        return this.stateAllows(user, id, 'read', READ) && (!source || this.stateAllows(user, source, 'read', READ));
    }

    writesState(user, id) {
        const target = this.objects[id]?.alias?.write;
        return this.stateAllows(user, id, 'write', WRITE) && (!target || this.stateAllows(user, target, 'write', WRITE));
    }

    // What is not there, folders too, is judged as a new file.
    fileAllows(user, path, flag) {
        const acl = this.files[path] ?? this.newFile;
        return this.isAdministrator(user) || this.allows(user, acl, acl.permissions, flag);
    }

    below(path) {
        return Object.keys(this.files).filter(name => name.startsWith(`${path}/`));
    }

    isFolder(path) {
        return this.below(path).length > 0;
    }

    // Ids below a prefix, of some types, that pass.
    list(prefix, types, passes) {
        return Object.keys(this.objects).filter(id =>
            id.startsWith(prefix) && (!types || types.includes(this.objects[id].type)) && passes(id)).sort();
    }
}

// --- the commands ---------------------------------------------------------------------------------------------

const either = (allowed, outcome = 'ok') => (allowed ? outcome : 'denied');

function readObject(judge, user, [id]) {
    return judge.objects[id] ? either(judge.objectAllows(user, id, READ)) : 'missing';
}

// Users and groups are more than objects.
function changesAccounts(judge, user, id, operation) {
    return !/^system\.(user|group)\./.test(id) || judge.may(user, `users.${operation}`);
}

function writeObject(judge, user, [id]) {
    return either(changesAccounts(judge, user, id, 'write') && judge.objectAllows(user, id, WRITE));
}

// What is there is read, too.
function extendObject(judge, user, [id]) {
    return either(writeObject(judge, user, [id]) === 'ok' && (!judge.objects[id] || judge.readsObject(user, id)));
}

function deletesObject(judge, user, id) {
    return changesAccounts(judge, user, id, 'delete') && judge.objectAllows(user, id, WRITE);
}

// Pages may delete charts and calendars only.
function deleteObject(judge, user, [id], { admin }) {
    return either((admin || /^(flot|fullcalendar)\./.test(id)) && deletesObject(judge, user, id));
}

function deleteObjects(judge, user, [id]) {
    return either([id, ...judge.list(`${id}.`, null, () => true)].every(each => deletesObject(judge, user, each)));
}

function listObjects(judge, user, prefix, types) {
    return judge.list(prefix, types, id => judge.readsObject(user, id));
}

const PAGES = ['state', 'channel', 'device', 'enum'];

function getObjects(judge, user, [list], { prefix }) {
    return Array.isArray(list) ? list.filter(id => judge.objects[id] && judge.readsObject(user, id)).sort()
        : listObjects(judge, user, prefix, PAGES);
}

function getForeignObjects(judge, user, [pattern, type = 'state']) {
    return listObjects(judge, user, pattern.slice(0, -1), type === '*' ? null : [type]);
}

function getStates(judge, user, [pattern]) {
    if (Array.isArray(pattern)) {
        return either(pattern.every(id => judge.readsState(user, id)), [...pattern].sort());
    }
    const shown = judge.list(pattern.slice(0, -1), ['state'], id => judge.readsState(user, id));
    return either(user === ADMIN || judge.may(user, 'object.list'), shown);
}

function getState(judge, user, [id]) {
    return either(judge.readsState(user, id), judge.objects[id] ? 'ok' : 'missing');
}

function readFile(judge, user, [storage, name]) {
    const path = `${storage}/${name}`;
    return either(judge.fileAllows(user, path, READ), judge.files[path] || judge.isFolder(path) ? 'ok' : 'missing');
}

function writeFile(judge, user, [storage, name]) {
    const path = `${storage}/${name}`;
    const may = judge.may(user, judge.files[path] ? 'file.write' : 'file.create') && judge.fileAllows(user, path, WRITE);
    return either(may, judge.isFolder(path) ? 'error' : 'ok');
}

function makeFolder(judge, user, [storage, name]) {
    const may = judge.may(user, 'file.create') && judge.fileAllows(user, `${storage}/folder`, WRITE);
    return either(may, judge.files[`${storage}/${name}`] ? 'error' : 'ok');
}

// A file, or everything in a folder.
function takesFiles(judge, user, path) {
    const paths = judge.files[path] ? [path] : judge.below(path);
    return paths.every(each => judge.fileAllows(user, each, WRITE));
}

function unlink(judge, user, [storage, name]) {
    return either(takesFiles(judge, user, `${storage}/${name}`));
}

const isThere = (judge, path) => Boolean(judge.files[path]) || judge.isFolder(path);

function deleteFile(judge, user, [storage, name]) {
    const path = `${storage}/${name}`;
    return either(takesFiles(judge, user, path), isThere(judge, path) ? 'ok' : 'missing');
}

// What the new name replaces is written, too.
function rename(judge, user, [storage, from, to], { absent = 'ok' }) {
    const [old, next] = [from, to].map(name => `${storage}/${name}`);
    const replaced = judge.files[old] ? judge.files[next] : undefined;
    const may = takesFiles(judge, user, old) && (!replaced || judge.fileAllows(user, next, WRITE));
    return either(may, isThere(judge, old) ? 'ok' : absent);
}

// Files of others in a folder are left alone.
function changeFile(judge, user, [storage, name]) {
    const path = `${storage}/${name}`;
    return either(!judge.files[path] || judge.fileAllows(user, path, WRITE));
}

function register(judge, user, [name]) {
    const id = `system.adapter.${name}`;
    return either(judge.isAdministrator(user) || (judge.objects[id] && judge.objectAllows(user, id, WRITE)));
}

// Beyond the right that the command needs; without a row: 'ok'.
const RULES = {
    getObject: readObject,
    getObjects, getAllObjects: (judge, user, args, how) => getObjects(judge, user, [], how),
    getObjectView: (judge, user, [, type, { startkey }]) => listObjects(judge, user, startkey, [type]),
    getForeignObjects, iobusObjects: getForeignObjects,
    setObject: writeObject, extendObject, delObject: deleteObject, delObjects: deleteObjects,
    getStates, getForeignStates: getStates, getState, getHistory: (judge, user, args) => either(judge.readsState(user, args[0])),
    setState: (judge, user, [id]) => either(judge.writesState(user, id)),
    delState: (judge, user, [id]) => either(judge.stateAllows(user, id, 'delete', WRITE)),
    readFile, readFile64: readFile,
    fileExists: (judge, user, args) => either(readFile(judge, user, args) !== 'denied'),
    writeFile, writeFile64: writeFile, mkdir: makeFolder,
    unlink, deleteFolder: unlink, deleteFile,
    rename, renameFile: (judge, user, args) => rename(judge, user, args, { absent: 'missing' }),
    chmodFile: changeFile, chownFile: changeFile,
    readDir: (judge, user, [storage, name]) => either(judge.may(user, 'file.read')
        && (!judge.files[`${storage}/${name}`] || judge.fileAllows(user, `${storage}/${name}`, READ))),
    iobusRegister: register,
    // Who could use the secret of the system could as well read it.
    decrypt: (judge, user) => either(judge.isAdministrator(user)),
    encrypt: (judge, user) => either(judge.isAdministrator(user)),
    changePassword: (judge, user, [name]) =>
        either(`system.user.${name}` === user || name === user || judge.may(user, 'users.write')),
};

function need(command, args) {
    if (command === 'sendToHost' && EXECUTED.has(args[1])) {
        return 'other.execute';
    }
    return command === 'getObjects' && Array.isArray(args[0]) ? 'object.read' : NEED[command];
}

// where: { admin: whether administrators work there, prefix: of the ids that lists are looked at for }.
export function outcome(judge, user, where, command, args) {
    if ((ADMINISTRATORS_ONLY.has(command) && !where.admin) || !judge.may(user, need(command, args))) {
        return 'denied';
    }
    return RULES[command]?.(judge, user, args, where) ?? 'ok';
}

// The same as an HTTP request is answered: 404 for a file that is not there, and for a folder that is read as a file.
export function outcomeOverHttp(judge, user, where, command, args) {
    const expected = outcome(judge, user, where, command, args);
    const [storage, name] = args;
    if (expected !== 'ok' || !['readFile', 'fileExists', 'deleteFile'].includes(command)) {
        return expected;
    }
    const path = `${storage}/${name}`;
    return judge.files[path] || (judge.isFolder(path) && command !== 'readFile') ? 'ok' : 'missing';
}
