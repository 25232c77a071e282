// SPDX-License-Identifier: MIT
// Messages to instances: a program on a socket is one, others talk to it and through it; it dies, nobody is there,
// it does not answer; and the same with an actor a process and several gateways.
import assert from 'node:assert/strict';
import test from 'node:test';
import { connect } from './lib/client.mjs';
import { serve, temporaryFolder, within } from './lib/program.mjs';
import { System } from './lib/system.mjs';

const NOBODY = 'This instance does not run here';

// What happens to a client, in order, and waiting for more of it.
class Ear {
    constructor(client) {
        Object.assign(this, { heard: [], waiting: new Set() });
        for (const event of ['message', 'im', 'instanceGone', 'instanceLost']) {
            client.socket.on(event, (...args) => {
                this.heard.push([event, ...args]);
                this.waiting.forEach(look => look());
            });
        }
    }

    until(condition, what) {
        let look;
        return within(new Promise(resolve => {
            look = () => this.heard.some(condition) && resolve(this.heard.find(condition));
            this.waiting.add(look);
            look();
        }), `${what}, after ${JSON.stringify(this.heard)}`).finally(() => this.waiting.delete(look));
    }

    untilEvent(name, what = name) {
        return this.until(([event]) => event === name, what);
    }

    untilCommand(command) {
        return this.until(([event, message]) => event === 'message' && message.command === command, command);
    }
}

// A program that is an instance: commands are functions of its handlers; without one it is silent.
class Program {
    constructor(client, name) {
        Object.assign(this, { client, name, ear: new Ear(client), handlers: {} });
        client.socket.on('message', async message => {
            const handler = this.handlers[message.command];
            if (handler && message.callback) {
                client.socket.emit('iobusReply', message.callback.id, await handler(message.message, message));
            }
        });
    }

    async register(token) {
        const [{ instance, token: own }] = await this.client.call('iobusRegister', this.name, ...(token ? [token] : []));
        assert.equal(instance, this.name);
        this.token = own;
        return this;
    }

    // As an adapter does it.
    push(sid, type, data) {
        const pushed = this.client.callRaw('sendTo', 'system.adapter.socketio.0', 'im', { m: type, s: sid, d: data });
        pushed.catch(() => {}); // nobody may be waiting for it when the program ends
        return pushed;
    }
}

async function program(t, url, name = 'mydevice.0', handlers = {}) {
    const result = new Program(await connect(t, url), name);
    Object.assign(result.handlers, handlers);
    return result.register();
}

async function listener(t, url) {
    const client = await connect(t, url);
    return Object.assign(client, { ear: new Ear(client) });
}

async function house(t, ...options) {
    return serve(t, ['--data', temporaryFolder(t), '--listen', '127.0.0.1:0', ...options]);
}

async function sendTo(client, ...args) {
    return (await client.callRaw('sendTo', ...args))[0];
}

test('a program is an instance: it is asked and answers', async t => {
    const { urls: [url] } = await house(t);
    const device = await program(t, url, 'mydevice.0', { add: ({ a, b }) => ({ sum: a + b }), nothing: () => null });
    const client = await connect(t, url);
    assert.deepEqual(await sendTo(client, 'mydevice.0', 'add', { a: 1, b: 2 }), { sum: 3 });
    assert.deepEqual(await sendTo(client, 'system.adapter.mydevice.0', 'nothing', null), null);
    const [, message] = await device.ear.untilCommand('add');
    assert.deepEqual([message.from, message.to, message.user, message.callback.ack],
        ['system.adapter.socketio.0', 'mydevice.0', 'system.user.admin', false]);
    // without call-back
    client.socket.emit('sendTo', 'mydevice.0', 'note', { text: 'x' });
    assert.equal((await device.ear.untilCommand('note'))[1].callback, undefined);
    // many at the same time, answered in any order
    device.handlers.late = n => new Promise(resolve => setImmediate(() => setImmediate(() => resolve(n))));
    device.handlers.early = n => n;
    const calls = Array.from({ length: 200 }, (_, n) => sendTo(client, 'mydevice.0', n % 2 ? 'late' : 'early', n));
    assert.deepEqual(await Promise.all(calls), calls.map((_, n) => n));
});

test('an instance answers as an adapter does, and talks to others', async t => {
    const { urls: [url] } = await house(t);
    const device = await program(t, url);
    const other = await program(t, url, 'other.1', { hello: (_, { from }) => from });
    device.client.socket.on('message', ({ from, command, message, callback }) =>
        device.client.socket.emit('sendTo', from, command, { echo: message }, callback));
    assert.deepEqual(await sendTo(other.client, 'mydevice.0', 'x', [1]), { echo: [1] });
    assert.equal(await sendTo(device.client, 'other.1', 'hello', null), 'system.adapter.mydevice.0');
});

test('nobody there: an error at once', async t => {
    const { urls: [url] } = await house(t);
    const client = await connect(t, url);
    assert.deepEqual(await sendTo(client, 'mydevice.0', 'x', null), { error: NOBODY });
    assert.deepEqual(await sendTo(client, 'mydevice', 'x', null), { error: NOBODY });
    assert.deepEqual(await client.callRaw('clientSubscribe', 'mydevice.0', 'cam', {}), [NOBODY]);
    assert.deepEqual(await client.callRaw('clientUnsubscribe', 'mydevice.0', 'cam'), [null, false]);
    const [host] = await client.callRaw('sendToHost', 'nosuch', 'getVersion', null);
    assert.deepEqual(host, { error: 'This host does not run here' });
    assert.ok((await sendTo(client, 'history.0', 'features', null)).supportedFeatures);
    await program(t, url);
    assert.equal((await sendTo(client, 'mydevice', 'x', null)).sent, 1);
});

test('an instance that does not answer: the deadline', async t => {
    const { urls: [url] } = await house(t, '--message-timeout', '200ms');
    const device = await program(t, url);
    const client = await connect(t, url);
    assert.deepEqual(await sendTo(client, 'mydevice.0', 'silence', null),
        { error: 'mydevice.0 has not answered in time' });
    const [, { callback }] = await device.ear.untilCommand('silence');
    assert.deepEqual(await device.client.callRaw('iobusReply', callback.id, 'late'), [null, false]);
});

async function subscribe(client, type = 'cam', data = undefined) {
    return client.callRaw('clientSubscribe', 'mydevice.0', type, ...(data === undefined ? [] : [data]));
}

// Two clients like vis talk through the instance: what one says, all who listen hear.
async function talk(t, deviceUrl, annaUrl, bobUrl) {
    const sids = new Map();
    const device = await program(t, deviceUrl, 'mydevice.0', {
        clientSubscribe: ({ type, sid, data }) => {
            if (type === 'forbidden') {
                return { accepted: false, error: 'no' };
            }
            sids.set(sid, data?.name ?? sids.get(sid));
            return { accepted: true, heartbeat: 5000 };
        },
        say: text => {
            sids.forEach((_, sid) => device.push(sid, 'cam', text));
            return sids.size;
        },
    });
    const [anna, bob] = await Promise.all([listener(t, annaUrl), listener(t, bobUrl)]);
    assert.deepEqual(await subscribe(anna, 'cam', { name: 'anna' }), [null, { accepted: true, heartbeat: 5000 }]);
    assert.deepEqual(await subscribe(bob, 'cam', { name: 'bob' }), [null, { accepted: true, heartbeat: 5000 }]);
    assert.deepEqual([...sids.values()].sort(), ['anna', 'bob']);
    assert.equal(await sendTo(anna, 'mydevice.0', 'say', { text: 'hello' }), 2);
    for (const client of [anna, bob]) {
        assert.deepEqual(await client.ear.untilEvent('im'),
            ['im', 'cam', 'system.adapter.mydevice.0', { text: 'hello' }]);
    }
    return { device, anna, bob, sids };
}

test('clients subscribe at an instance, and it is told when they go', async t => {
    const { urls: [url] } = await house(t);
    const { device, anna, bob, sids } = await talk(t, url, url, url);
    const sidOf = name => [...sids].find(([, value]) => value === name)[0];
    assert.deepEqual(await subscribe(anna, 'forbidden'), [null, { accepted: false, error: 'no' }]);
    assert.deepEqual(await device.push(sidOf('anna'), 'forbidden', 1), [false]);
    assert.equal((await device.ear.untilCommand('clientSubscribeError'))[1].message.reason, 'no one subscribed');
    assert.deepEqual(await anna.callRaw('clientUnsubscribe', 'system.adapter.mydevice.0', 'cam'), [null, true]);
    assert.deepEqual((await device.ear.untilCommand('clientUnsubscribe'))[1].message,
        { type: ['cam'], sid: sidOf('anna'), reason: 'client' });
    await subscribe(bob, 'second');
    bob.close();
    const gone = await device.ear.until(([, message]) => message?.message?.reason === 'disconnect', 'disconnect');
    assert.deepEqual([gone[1].message.sid, gone[1].message.type.sort()], [sidOf('bob'), ['cam', 'second']]);
    assert.deepEqual(await device.push(sidOf('bob'), 'cam', 1), [false]);
});

test('the instance dies: who waits and who listens is told', async t => {
    const { urls: [url] } = await house(t);
    const { device, anna, bob } = await talk(t, url, url, url);
    const open = sendTo(anna, 'mydevice.0', 'silence', null);
    await device.ear.untilCommand('silence');
    device.client.close();
    assert.deepEqual(await open, { error: 'mydevice.0 has gone before it answered' });
    for (const client of [anna, bob]) {
        assert.deepEqual(await client.ear.untilEvent('instanceGone'),
            ['instanceGone', 'system.adapter.mydevice.0', ['cam']]);
    }
    assert.deepEqual(await sendTo(anna, 'mydevice.0', 'say', 1), { error: NOBODY });
    const again = await program(t, url, 'mydevice.0', { clientSubscribe: () => ({ accepted: true }) });
    assert.deepEqual(await subscribe(anna), [null, { accepted: true }]);
    assert.deepEqual(await again.client.callRaw('iobusUnregister', 'mydevice.0'), [null, true]);
    assert.deepEqual(await sendTo(anna, 'mydevice.0', 'say', 1), { error: NOBODY });
});

test('one name, one program; the same program may come again', async t => {
    const { urls: [url] } = await house(t);
    const device = await program(t, url);
    const other = await connect(t, url);
    assert.deepEqual(await other.callRaw('iobusRegister', 'mydevice.0'), ['mydevice.0 is another client already']);
    for (const name of ['history.0', 'socketio.0', 'admin.0', 'system.host.x', 'noNumber', '', null, 7]) {
        assert.equal((await other.callRaw('iobusRegister', name)).length, 1, name);
    }
    const again = new Program(await connect(t, url), 'mydevice.0');
    await again.register(device.token); // the old connection has not been missed yet
    assert.deepEqual(await device.ear.untilEvent('instanceLost'),
        ['instanceLost', 'mydevice.0', 'taken over by a newer connection']);
    again.handlers.who = () => 'again';
    device.client.close();
    assert.equal(await sendTo(other, 'mydevice.0', 'who', null), 'again');
});

test('who may be an instance', async t => {
    const server = await serve(t, ['--data', temporaryFolder(t), '--listen', '127.0.0.1:0,admin=on',
        '--listen', '127.0.0.1:0,default-user=guest', '--listen', '127.0.0.1:0,default-user=device']);
    const [admin, guest, device] = await Promise.all(server.urls.map(url => connect(t, url)));
    const user = id => ({ type: 'user', common: { name: id, enabled: true }, native: {} });
    const group = (members, acl) => ({ type: 'group', common: { name: 'group', members, acl }, native: {} });
    for (const name of ['guest', 'device']) {
        await admin.call('setObject', `system.user.${name}`, user(name));
    }
    assert.deepEqual(await guest.callRaw('iobusRegister', 'mydevice.0'), ['permissionError']);
    assert.deepEqual(await guest.callRaw('sendTo', 'mydevice.0', 'x', null), ['permissionError']);
    await admin.call('setObject', 'system.group.talkers',
        group(['system.user.guest', 'system.user.device'], { other: { sendto: true } }));
    const object = { type: 'instance', common: { name: 'mydevice' }, native: {},
        acl: { owner: 'system.user.device', ownerGroup: 'system.group.administrator', object: 0x644 } };
    await admin.call('setObject', 'system.adapter.mydevice.0', object);
    assert.deepEqual(await guest.callRaw('iobusRegister', 'mydevice.0'), ['permissionError']);
    assert.deepEqual(await device.callRaw('iobusRegister', 'other.0'), ['permissionError']);
    const [error, registered] = await device.callRaw('iobusRegister', 'mydevice.0');
    assert.deepEqual([error, registered?.instance], [null, 'mydevice.0']);
    // Who loses the right does not get anything any more.
    const ear = new Ear(device);
    await admin.call('setObject', 'system.group.talkers', group(['system.user.guest'], { other: { sendto: true } }));
    assert.match((await sendTo(guest, 'mydevice.0', 'secret', null)).error, /has gone|does not run/);
    assert.equal(ear.heard.some(([event]) => event === 'message'), false);
    assert.deepEqual(await ear.untilEvent('instanceLost'), ['instanceLost', 'mydevice.0', 'permissionError']);
    // Host commands that change something need more than that.
    assert.deepEqual(await guest.callRaw('sendToHost', null, 'cmdExec', { data: 'ls' }), [{ error: 'permissionError' }]);
});

test('who is connected: the states that show it', async t => {
    const server = await house(t);
    const client = await connect(t, server.urls[0]);
    await client.call('subscribe', 'socketio.0.info.connected');
    await client.callRaw('name', 'vis.0');
    await client.until(changes => changes.some(([, value]) => value === '[1]vis.0'), 'the name');
    await connect(t, server.urls[0]);
    await client.until(changes => changes.some(([, value]) => /^\[2\](vis\.0, noname|noname, vis\.0)$/.test(value)), 'two');
    const values = await client.call('getStates', 'system.adapter.socketio.0.*').then(([states]) => states);
    const of = name => values[`system.adapter.socketio.0.${name}`]?.val;
    assert.deepEqual([of('alive'), of('connected')], [true, true]);
    for (const name of ['uptime', 'memRss', 'inputCount', 'outputCount']) {
        assert.equal(typeof of(name), 'number', name);
    }
    assert.equal((await client.call('getState', 'socketio.0.info.connection'))[0].val, true);
});

test('the server stops in order, whatever is open', async t => {
    const server = await house(t);
    const { device, anna } = await talk(t, server.urls[0], server.urls[0], server.urls[0]);
    const open = sendTo(anna, 'mydevice.0', 'silence', null).catch(error => ({ error: error.message }));
    await device.ear.untilCommand('silence');
    const { status, stderr } = await server.stop();
    assert.equal(status, 0);
    assert.doesNotMatch(stderr, /Sanitizer|MESSAGES-GATEWAY-GONE/);
    assert.ok((await open).error);
});

// --- an actor a process ---------------------------------------------------------------------------------------

async function city(t) {
    const system = await new System(t, temporaryFolder(t)).start(2);
    return { system, urls: system.gateways.map(({ urls: [url] }) => url) };
}

test('several gateways', async t => {
    const { system, urls: [first, second] } = await city(t);
    const { device, anna, bob } = await talk(t, first, second, first);
    assert.equal(await sendTo(bob, 'mydevice.0', 'say', 'x'), 2);
    const other = await connect(t, second);
    assert.deepEqual(await other.callRaw('iobusRegister', 'mydevice.0'), ['mydevice.0 is another client already']);
    // Both show the same instance: their clients are added up.
    await anna.call('subscribe', 'socketio.0.info.connected');
    const names = await within((async () => {
        for (;;) {
            const [state] = await anna.call('getState', 'socketio.0.info.connected');
            if (state?.val.startsWith('[4]')) {
                return state.val;
            }
        }
    })(), 'four clients');
    assert.equal(names, '[4]noname, noname, noname, noname');
    // The gateway of the instance crashes.
    const open = sendTo(anna, 'mydevice.0', 'silence', null);
    await device.ear.untilCommand('silence');
    await system.gateways[0].stop('SIGKILL');
    assert.deepEqual(await open, { error: 'mydevice.0 has gone before it answered' });
    assert.deepEqual((await anna.ear.untilEvent('instanceGone')).slice(1), ['system.adapter.mydevice.0', ['cam']]);
    const next = await program(t, second, 'mydevice.0', { who: () => 'next' });
    assert.equal(await sendTo(anna, 'mydevice.0', 'who', null), 'next');
    assert.ok(next);
});

test('the actor starts again: gateways tell it what they know', async t => {
    const { system, urls: [first, second] } = await city(t);
    const { device, anna, sids } = await talk(t, first, second, first);
    const open = sendTo(anna, 'mydevice.0', 'silence', null);
    await device.ear.untilCommand('silence');
    await system.kill('messages');
    assert.deepEqual(await open, { error: 'Service is not available' });
    await system.startActor('messages');
    // One gateway after the other tells it.
    const heard = () => anna.ear.heard.some(([event, , , data]) => event === 'im' && data === 'again');
    await within((async () => {
        while (!heard()) {
            const answer = await sendTo(anna, 'mydevice.0', 'say', 'again');
            assert.ok(answer === sids.size || answer.error, JSON.stringify(answer));
        }
    })(), 'the instance and who listens, known again');
    assert.equal(device.ear.heard.some(([, message]) => message.command === 'clientSubscribeError'), false);
    device.client.close();
    await anna.ear.untilEvent('instanceGone');
});
