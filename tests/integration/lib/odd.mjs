// SPDX-License-Identifier: MIT
// Objects and states whose parts have every form that nobody expects.
import { makeTarGz } from './tar.mjs';

export const ODD = [null, 5, -1, 'text', '', true, [], {}, [null, 5, {}, [], 'odd.x'], { a: { b: [] } }];

const state = (common, more) => ({ type: 'state', common, ...more });
const group = common => ({ type: 'group', common, native: {} });
const OF_EVERY_TYPE = ['state', 'meta', 'instance', 'adapter', 'host', 'script', 'channel', 'chart'];

// Start of the id, the object.
const FORMS = [
    ...OF_EVERY_TYPE.flatMap(type => [
        [`odd.${type}.common`, odd => ({ type, common: odd, native: odd })],
        [`odd.${type}.acl`, odd => ({ type, common: { name: odd }, native: {}, acl: odd })],
    ]),
    ['odd.type', odd => ({ type: odd, common: {}, native: {}, enums: odd, from: odd, user: odd, ts: odd })],
    ['odd.state.fields', odd => state({ type: odd, min: odd, max: odd, step: odd, states: odd, def: odd, read: odd, write: odd })],
    ['odd.state.more', odd => state({ type: 'number', custom: odd, unit: odd, role: odd, name: odd, smartName: odd })],
    ['odd.state.custom', odd => state({ custom: { 'history.0': odd } })],
    ['odd.state.rights', odd => state({}, { acl: { owner: odd, ownerGroup: odd, object: odd, state: odd, file: odd } })],
    ['alias.0.odd', odd => state({ alias: odd })],
    ['alias.0.odd.id', odd => state({ alias: { id: odd, read: odd, write: odd } })],
    ['alias.0.odd.both', odd => state({ alias: { id: { read: odd, write: odd }, read: 'val.x.y', write: 7 } })],
    ['enum.rooms.odd', odd => ({ type: 'enum', common: { members: odd, name: odd }, native: {} })],
    ['enum.odd.common', odd => ({ type: 'enum', common: odd })],
    ['system.group.odd', odd => group({ members: odd, acl: odd })],
    ['system.group.oddAcl', odd => group({ members: ['system.user.odd0'], acl: { object: odd, state: { list: odd }, file: odd } })],
    ['system.group.oddCommon', odd => group(odd)],
    ['system.user.odd', odd => ({ type: 'user', common: odd, native: {} })],
    ['system.user.oddFields', odd => ({ type: 'user', common: { enabled: odd, password: odd, name: odd } })],
    ['system.adapter.odd.', odd => ({ type: 'instance', common: { name: odd, news: odd, adminUI: odd }, native: odd,
        protectedNative: odd, encryptedNative: odd })],
    ['_design/odd', odd => ({ type: 'design', views: odd })],
    ['_design/oddMap', odd => ({ type: 'design', views: { x: { map: odd, reduce: odd } } })],
];

export function oddObjects() {
    return Object.fromEntries(FORMS.flatMap(([id, make]) => ODD.map((odd, i) => [`${id}${i}`, make(odd)])));
}

function oddStates() {
    return Object.fromEntries(ODD.flatMap((odd, i) => [
        [`odd.state.common${i}`, { val: odd, ack: odd, ts: odd, lc: odd, from: odd, q: odd, user: odd, c: odd, expire: odd }],
        [`odd.value${i}`, odd],
        [`odd.map${i}`, { nonsense: odd }],
    ]));
}

function lines(entries, line) {
    return Object.entries(entries).map(([id, value]) => JSON.stringify(line(id, value))).join('\n');
}

// A backup with what no client could write: an import takes it as it is.
export function oddBackup() {
    const objects = {
        ...oddObjects(),
        'system.config': { type: 'config', common: 5, native: 'x' },
        'system.group.administrator': group({ members: 'system.user.admin' }),
    };
    const states = oddStates();
    const archive = makeTarGz([
        ['backup/objects.jsonl', lines(objects, (id, object) => ({ _id: id, ...object }))],
        ['backup/states.jsonl', lines(states, (id, value) => ({ id, state: value }))],
    ]);
    return { archive, objects: Object.keys(objects), states: Object.keys(states) };
}
