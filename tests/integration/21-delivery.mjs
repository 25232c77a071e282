// SPDX-License-Identifier: MIT
// An event goes to those who may read what it tells of, and to nobody else: random rights that change while values
// change, judged by a model of its own (lib/rights.mjs); and the ways around live delivery: streams that are resumed,
// values that are read again after a gap.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Client, connect } from './lib/client.mjs';
import { isInstrumented, serve, temporaryFolder, within } from './lib/program.mjs';
import { stream } from './lib/rest.mjs';
import { System } from './lib/system.mjs';
import { randomOf, World } from './lib/rights.mjs';

const SEED = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 1e9));
const ROUNDS = Number(process.env.TEST_ROUNDS ?? (isInstrumented() ? 25 : 120));

const ADMINISTRATORS = 'system.group.administrator';
const ROOT = 'system.user.admin';
const USERS = ['boss', 'anna', 'bob', 'carl', 'dora'].map(name => `system.user.${name}`);
const GROUPS = ['a', 'b', 'c'].map(name => `system.group.${name}`);
const IDS = ['lamp.0.a', 'lamp.0.b', 'lamp.1.a', 'door.0.x'];
const FILES = ['one.txt', 'two.txt', 'dir/three.txt'];
const STORAGE = 'shelf.0';
const PATTERNS = [...IDS, 'lamp.*', 'lamp.0.*', '*'];
const MODES = [0x666, 0x664, 0x660, 0x640, 0x600, 0x400, 0x066, 0x040, 0x004, 0x000, 0x060];

const readers = { object: { read: true, list: true }, state: { read: true, list: true }, file: { read: true, list: true } };

function groupObject({ members, acl }) {
    return { type: 'group', common: { name: 'group', members, acl }, native: {} };
}

// --- the world of a run ---------------------------------------------------------------------------------------

// An event that is expected or not: what it tells of, what has been the acl then, and since when.
class Fact {
    constructor(kind, id, acl, version) {
        Object.assign(this, { kind, id, acl, version, got: new Set() });
    }

    seenBy(user, world) {
        return world[{ state: 'seesState', object: 'seesObject', file: 'seesFile' }[this.kind]](user, this.acl);
    }
}

class Run {
    constructor(seed) {
        Object.assign(this, { seed, random: randomOf(seed), number: 0, facts: new Map(), deleted: new Map(), violations: [] });
        // Rights as they were: the current ones are the last; `until` is set when the next are acknowledged.
        this.versions = [new World({ groups: { [ADMINISTRATORS]: { members: [ROOT], acl: {} } } })];
        this.acknowledged = [0]; // of each version: it holds from then on for certain
        this.waiting = new Set();
    }

    get world() {
        return this.versions.at(-1);
    }

    // A change of users, groups or acls: it may count from now on, and does when it is acknowledged.
    async change(mutate, send) {
        const next = new World(this.world);
        mutate(next);
        this.versions.push(next);
        const index = this.versions.length - 1;
        await send();
        this.acknowledged[index] = index;
    }

    // The versions that can decide about an event that was caused under `version` and arrives now.
    between(version) {
        return this.versions.slice(version);
    }

    // The version that certainly counts now.
    get certain() {
        let index = this.versions.length - 1;
        while (this.acknowledged[index] === undefined) {
            index--;
        }
        return index;
    }

    remember(kind, id, acl) {
        this.number++;
        const fact = new Fact(kind, id, acl && structuredClone(acl), this.certain);
        this.facts.set(`${kind} ${id} ${this.number}`, fact);
        return { number: this.number, fact };
    }

    arrived(user, kind, id, number) {
        const fact = number === null ? this.deleted.get(`${kind} ${id}`) : this.facts.get(`${kind} ${id} ${number}`);
        if (!fact) {
            this.violations.push(`${user} got ${kind} ${id} ${number}, which nobody wrote`);
        } else if (!this.between(fact.version).some(world => fact.seenBy(user, world))) {
            this.violations.push(`${user} got ${kind} ${id} ${number} and may not: ${JSON.stringify(fact.acl)}`);
        }
        fact?.got.add(user);
        this.waiting.forEach(look => look());
    }

    until(condition, what) {
        let look;
        return within(new Promise(resolve => {
            look = () => condition() && resolve();
            this.waiting.add(look);
            look();
        }), what).finally(() => this.waiting.delete(look));
    }
}

class Watcher {
    constructor(run, user, url) {
        Object.assign(this, { run, user, client: new Client(url), patterns: new Set() });
        const { socket } = this.client;
        socket.on('stateChange', (id, state) => IDS.includes(id) && run.arrived(user, 'state', id, state?.val ?? null));
        socket.on('objectChange', (id, object) => {
            this.assertNoSecrets(id, object);
            if (IDS.includes(id)) {
                run.arrived(user, 'object', id, object ? object.native.number : null);
            }
        });
        socket.on('fileChange', (id, name, size) => run.arrived(user, 'file', `${id}/${name}`, size));
    }

    assertNoSecrets(id, object) {
        if (object?.common?.password || object?.native?.secret || object?.native?.hidden) {
            this.run.violations.push(`${this.user} got the secrets of ${id}`);
        }
    }

    async subscribe(pattern) {
        // Who has no right to subscribe is refused; who gets it later subscribes later.
        const [error] = await this.client.callRaw('subscribe', pattern);
        if (!error) {
            this.patterns.add(pattern);
        }
    }

    async unsubscribe(pattern) {
        const [error] = await this.client.callRaw('unsubscribe', pattern);
        if (!error) {
            this.patterns.delete(pattern);
        }
    }

    wants(id) {
        return [...this.patterns].some(pattern =>
            pattern.endsWith('*') ? id.startsWith(pattern.slice(0, -1)) : pattern === id);
    }
}

// --- what happens ---------------------------------------------------------------------------------------------

function randomAcl(run, state) {
    const { pick, chance } = run.random;
    const acl = { owner: pick([ROOT, ...USERS]), ownerGroup: pick([ADMINISTRATORS, ...GROUPS]), object: pick(MODES) };
    if (state && chance(0.7)) {
        acl.state = pick(MODES);
    }
    return acl;
}

function stateWithAcl(id, acl, number) {
    return { type: 'state', common: { name: id, type: 'number', role: 'value', read: true, write: true }, acl, native: { number } };
}

// The object with this acl. What comes of it is seen by those of the new acl.
async function writeObject(run, client, id, acl) {
    const { number } = run.remember('object', id, acl);
    await run.change(world => { world.acls[id] = acl; },
        () => client.call('setObject', id, stateWithAcl(id, acl, number)));
}

async function deleteObject(run, client, id) {
    const acl = run.world.acls[id];
    if (!acl) {
        return;
    }
    for (const kind of ['object', 'state']) {
        run.deleted.set(`${kind} ${id}`, run.remember(kind, id, acl).fact);
    }
    await run.change(world => { delete world.acls[id]; }, () => client.call('delObject', id));
}

async function writeGroup(run, client, id, group) {
    await run.change(world => { world.groups[id] = structuredClone(group); },
        () => client.call('setObject', id, groupObject(group)));
}

async function changeGroup(run, client) {
    const { pick, chance } = run.random;
    const id = pick([...GROUPS, ...GROUPS, ADMINISTRATORS]);
    const group = structuredClone(run.world.groups[id]);
    if (id === ADMINISTRATORS || chance(0.7)) {
        const user = pick(USERS);
        group.members = group.members.includes(user) ? group.members.filter(item => item !== user) : [...group.members, user];
    } else {
        const type = pick(['object', 'state', 'file']);
        group.acl = { ...group.acl, [type]: group.acl[type]?.read ? {} : readers[type] };
    }
    await writeGroup(run, client, id, group);
}

async function changeMode(run, client) {
    const path = `${STORAGE}/${run.random.pick(FILES)}`;
    const mode = run.random.pick(MODES);
    await run.change(world => { world.files[path].permissions = mode; },
        () => client.call('chmodFile', STORAGE, path.slice(STORAGE.length + 1), { mode }));
}

async function changeOwner(run, client) {
    const path = `${STORAGE}/${run.random.pick(FILES)}`;
    const owners = { owner: run.random.pick(USERS), ownerGroup: run.random.pick(GROUPS) };
    await run.change(world => Object.assign(world.files[path], owners),
        () => client.call('chownFile', STORAGE, path.slice(STORAGE.length + 1), owners));
}

const CHANGES = [
    (run, client) => writeObject(run, client, run.random.pick(IDS), randomAcl(run, true)),
    (run, client) => writeObject(run, client, run.random.pick(IDS), randomAcl(run, true)),
    changeGroup, changeGroup, changeMode, changeOwner,
    (run, client) => deleteObject(run, client, run.random.pick(IDS)),
];

function writeState(run, client) {
    const id = run.random.pick(IDS);
    const { number, fact } = run.remember('state', id, run.world.acls[id]);
    return { fact, done: client.call('setState', id, { val: number, ack: true }) };
}

function writeFile(run, client) {
    const name = run.random.pick(FILES);
    const path = `${STORAGE}/${name}`;
    const { number, fact } = run.remember('file', path, run.world.files[path]);
    return { fact, done: client.call('writeFile', STORAGE, name, 'x'.repeat(number)) };
}

// While rights change the acl of an event is that of before or of after.
function blur(run, written, before) {
    for (const { fact } of written) {
        const acls = [before, run.world].map(world => fact.kind === 'file' ? world.files[fact.id] : world.acls[fact.id]);
        const seen = Fact.prototype.seenBy;
        fact.seenBy = (user, world) => acls.some(acl => seen.call(Object.assign(Object.create(fact), { acl }), user, world));
    }
}

async function round(run, { admin, writer, watchers }) {
    const { random } = run;
    const before = new World(run.world);
    const started = { count: run.versions.length };
    const flowing = [];
    const change = random.pick(CHANGES)(run, admin);
    for (let i = 0; i < 4; i++) {
        flowing.push(random.chance(0.7) ? writeState(run, writer) : writeFile(run, writer));
        flowing.at(-1).fact.version = started.count - 1;
    }
    const watcher = random.pick(watchers);
    const pattern = random.pick(PATTERNS);
    const subscription = watcher.patterns.has(pattern) ? watcher.unsubscribe(pattern) : watcher.subscribe(pattern);
    blur(run, flowing, before); // before anything arrives
    await Promise.all([change, subscription, ...flowing.map(item => item.done)]);
    await settled(run, writer, watchers);
}

// Nothing changes: now everybody who may and wants to gets it.
async function settled(run, writer, watchers) {
    const { fact, done } = writeState(run, writer);
    await done;
    const expected = watchers.filter(({ user, wants }) => fact.seenBy(user, run.world)).filter(item => item.wants(fact.id));
    await run.until(() => expected.every(({ user }) => fact.got.has(user)),
        `seed ${run.seed}: ${fact.id} ${JSON.stringify(fact.acl)} for ${expected.map(item => item.user)}`);
}

async function furnish(run, admin) {
    await admin.call('setObject', STORAGE, { type: 'meta', common: { name: 'shelf', type: 'meta.user' }, native: {} });
    for (const user of USERS) {
        await admin.call('setObject', user, { type: 'user', common: { name: user, enabled: true }, native: {} });
    }
    await writeGroup(run, admin, GROUPS[0], { members: [USERS[1], USERS[3]], acl: readers });
    await writeGroup(run, admin, GROUPS[1], { members: [USERS[2], USERS[3]], acl: readers });
    await writeGroup(run, admin, GROUPS[2], { members: [USERS[4]], acl: readers });
    await writeGroup(run, admin, ADMINISTRATORS, { members: [ROOT, USERS[0]], acl: {} });
    for (const id of IDS.slice(1)) { // of the first there is no object
        await writeObject(run, admin, id, randomAcl(run, true));
    }
    for (const name of FILES) {
        await admin.call('writeFile', STORAGE, name, 'x');
        run.world.files[`${STORAGE}/${name}`] = { owner: ROOT, ownerGroup: ADMINISTRATORS, permissions: 0x644 };
        await run.change(world => { world.files[`${STORAGE}/${name}`].permissions = 0x644; },
            () => admin.call('chmodFile', STORAGE, name, { mode: 0x644 }));
        await run.change(world => Object.assign(world.files[`${STORAGE}/${name}`], { owner: USERS[1], ownerGroup: GROUPS[1] }),
            () => admin.call('chownFile', STORAGE, name, { owner: USERS[1], ownerGroup: GROUPS[1] }));
    }
}

function listeners() {
    const names = USERS.map(user => user.slice('system.user.'.length));
    return ['127.0.0.1:0,admin=on', ...names.map(name => `127.0.0.1:0,default-user=${name}`)].flatMap(text => ['--listen', text]);
}

async function enter(t, run, urls) {
    const admin = await connect(t, urls[0]);
    const writer = await connect(t, urls[0]);
    await furnish(run, admin);
    const watchers = USERS.map((user, i) => new Watcher(run, user, urls[i + 1]));
    watchers.forEach(({ client }) => t.after(() => client.close()));
    await Promise.all(watchers.map(({ client }) => client.connected()));
    for (const watcher of watchers) {
        await watcher.subscribe('*');
        await watcher.client.callRaw('subscribeObjects', '*');
        await watcher.client.callRaw('subscribeFiles', STORAGE, '*');
    }
    return { admin, writer, watchers };
}

// --- tests ----------------------------------------------------------------------------------------------------

test(`random rights (TEST_SEED=${SEED})`, async t => {
    t.diagnostic(`seed ${SEED}`);
    const run = new Run(SEED);
    const server = await serve(t, ['--data', temporaryFolder(t), ...listeners()]);
    const world = await enter(t, run, server.urls);
    for (let i = 0; i < ROUNDS; i++) {
        await round(run, world);
        assert.deepEqual(run.violations, [], `seed ${SEED}, round ${i}`);
    }
    const events = [...run.facts.values()].reduce((sum, fact) => sum + fact.got.size, 0);
    t.diagnostic(`${run.facts.size} changes, ${run.versions.length} changes of rights, ${events} events`);
    assert.ok(events > ROUNDS);
});

// One that may see it all the time shows when the others would have it.
async function small(t, system) {
    const run = new Run(1);
    const urls = system ?? (await serve(t, ['--data', temporaryFolder(t), ...listeners()])).urls;
    const admin = await connect(t, urls[0]);
    await furnish(run, admin);
    return { run, admin, urls, group: id => structuredClone(run.world.groups[id]) };
}

const OPEN = { owner: ROOT, ownerGroup: ADMINISTRATORS, object: 0x666, state: 0x666 };
const FOR_GROUP = { owner: ROOT, ownerGroup: GROUPS[0], object: 0x660, state: 0x660 };

// Without a group that anna is in, and in one that can read nothing but what everybody may.
async function demote({ run, admin, group }, user) {
    const [from, to] = [group(GROUPS[0]), group(GROUPS[2])];
    from.members = from.members.filter(item => item !== user);
    to.members.push(user);
    await writeGroup(run, admin, GROUPS[2], to);
    await writeGroup(run, admin, GROUPS[0], from);
}

// Until the gateway knows again what the user of a listener may do: before that it cannot judge what a stream missed.
async function isKnown(t, url) {
    const client = await connect(t, url);
    const asked = async () => {
        while ((await client.callRaw('getState', IDS[2]))[0]) { /* again */ }
    };
    await within(asked(), 'the rights of a user');
    client.close();
}

test('a stream that is resumed has what may be seen now', async t => {
    const world = await small(t);
    const { run, admin, urls } = world;
    await writeObject(run, admin, IDS[1], FOR_GROUP);
    await writeObject(run, admin, IDS[2], OPEN);
    const url = `${urls[2]}/api/events?pattern=lamp.*`; // anna's
    const before = await stream(t, url);
    await admin.call('setState', IDS[1], 1);
    await before.until(() => before.values(IDS[1]).length === 1, 'the first value');
    before.vanish();
    await admin.call('setState', IDS[1], 2);
    await demote(world, USERS[1]);
    await admin.call('setState', IDS[2], 3);
    await isKnown(t, urls[2]);
    const after = await stream(t, url, { 'last-event-id': before.lastId });
    await after.until(() => after.values(IDS[2]).includes(3), 'what everybody may see');
    assert.deepEqual(after.events.filter(item => item.data.id === IDS[1]), []);
    assert.equal(after.events.some(item => item.event === 'gap'), false); // it was resumed
});

test('what was missed before an acl changed is not handed out by the old one', async t => {
    const { run, admin, urls } = await small(t);
    await writeObject(run, admin, IDS[1], OPEN);
    await writeObject(run, admin, IDS[2], OPEN);
    const url = `${urls[2]}/api/events?pattern=lamp.*`;
    const before = await stream(t, url);
    await admin.call('setState', IDS[1], 1);
    await before.until(() => before.values(IDS[1]).length === 1, 'the first value');
    before.vanish();
    await admin.call('setState', IDS[1], 2);
    await writeObject(run, admin, IDS[1], { ...OPEN, state: 0x600 });
    await admin.call('setState', IDS[2], 3);
    const after = await stream(t, url, { 'last-event-id': before.lastId });
    await after.until(() => after.values(IDS[2]).includes(3), 'what everybody may see');
    assert.deepEqual(after.values(IDS[1]), []);
    assert.equal(after.events[0].event, 'gap'); // and the values are read anew, by the new rights
});

test('log lines go to those who may ask for them', async t => {
    const world = await small(t);
    const { run, admin, urls, group } = world;
    const writers = group(GROUPS[0]);
    writers.acl = { ...writers.acl, object: { read: true, list: true, write: true } };
    await writeGroup(run, admin, GROUPS[0], writers);
    const [anna, carl] = await Promise.all([connect(t, urls[2]), connect(t, urls[4])]);
    const lines = new Map([[anna, []], [carl, []]]);
    for (const [client, list] of lines) {
        client.socket.on('log', line => list.push(line.message));
        await client.call('requireLog', true);
    }
    const said = async (client, text) => {
        admin.socket.emit('log', text, 'warn');
        await within(new Promise(resolve => {
            const look = () => lines.get(client).some(line => line.includes(text)) && resolve();
            client.socket.on('log', look);
            look();
        }), text);
    };
    await said(anna, 'first');
    await said(carl, 'first');
    await demote(world, USERS[1]);
    await said(carl, 'second');
    await said(carl, 'third'); // what anna had got of the second would be there
    await anna.callRaw('getVersion');
    assert.equal(lines.get(anna).some(line => /second|third/.test(line)), false);
});

test('secrets are in no event, whoever gets it', async t => {
    const { run, admin, urls } = await small(t);
    const watcher = new Watcher(run, ROOT, urls[0]);
    t.after(() => watcher.client.close());
    await watcher.client.connected();
    const seen = new Set();
    const wanted = [USERS[0], 'system.adapter.vault.0', 'system.config'];
    watcher.client.socket.on('objectChange', id => seen.add(id));
    await watcher.client.call('subscribeObjects', '*');
    await admin.call('setObject', USERS[0],
        { type: 'user', common: { name: 'boss', enabled: true, password: 'pbkdf2$10000$00$00' }, native: {} });
    await admin.call('setObject', 'system.adapter.vault.0',
        { type: 'instance', common: { name: 'vault' }, native: { hidden: 'key' }, protectedNative: ['hidden'] });
    await admin.call('extendObject', 'system.config', { common: { city: 'here' } });
    await within(new Promise(resolve => {
        const look = () => wanted.every(id => seen.has(id)) && resolve();
        watcher.client.socket.on('objectChange', look);
        look();
    }), 'the changes');
    assert.deepEqual(run.violations, []);
});

test('values that are read again after a gap go to those who may read them', async t => {
    const data = temporaryFolder(t);
    const system = await new System(t, data).start(0);
    const gateway = await system.startGateway(...listeners().filter(text => text !== '--listen'));
    const { run, admin } = await small(t, gateway.urls);
    await writeObject(run, admin, IDS[1], { ...OPEN, state: 0x600 });
    await writeObject(run, admin, IDS[2], OPEN);
    const anna = await connect(t, gateway.urls[2]);
    await anna.call('subscribe', 'lamp.*');
    await anna.call('subscribe', IDS[1]);
    await admin.call('subscribe', 'lamp.*');
    await admin.call('setState', IDS[1], 1);
    await admin.call('setState', IDS[2], 2);
    await anna.until(changes => changes.some(([id]) => id === IDS[2]), 'the value');
    const before = anna.changes.length;
    await system.kill('states');
    await system.startActor('states');
    const again = changes => changes.slice(before).some(([id]) => id === IDS[2]);
    await anna.until(again, 'the value again');
    await admin.until(changes => changes.filter(([id]) => id === IDS[1]).length > 1, 'the other one for the administrator');
    await anna.callRaw('getState', IDS[2]);
    assert.deepEqual(anna.changes.filter(([id]) => id === IDS[1]), []);
});

test('random rights, an actor a process and the users at another gateway', async t => {
    const run = new Run(SEED + 1);
    const system = await new System(t, temporaryFolder(t)).start(0);
    const first = await system.startGateway('127.0.0.1:0,admin=on');
    const second = await system.startGateway(...listeners().filter(text => text !== '--listen'));
    const world = await enter(t, run, [first.urls[0], ...second.urls.slice(1)]);
    for (let i = 0; i < ROUNDS; i++) {
        await round(run, world);
        assert.deepEqual(run.violations, [], `seed ${SEED + 1}, round ${i}`);
    }
});
