// SPDX-License-Identifier: MIT
// The socket.io clients that applications carry: every major version, by each way to connect.
import assert from 'node:assert/strict';
import test from 'node:test';
import { serve, temporaryFolder, within } from '../integration/lib/program.mjs';
import { furnish, start, STATE } from './lib/house.mjs';
import { Proxy } from './lib/proxy.mjs';
import { event, require, SocketIoClient, tour, watching } from './lib/tour.mjs';

const VERSIONS = { '1.7.4': require('sio1'), '2.5.0': require('sio2'), '3.1.3': require('sio3'), 4.8: require('sio4') };
const WAYS = { websocket: { transports: ['websocket'] }, polling: { transports: ['polling'] }, upgrade: {} };
const RECOVERS = /^4/;

const KINDS = Object.entries(VERSIONS).flatMap(([version, io]) =>
    Object.entries(WAYS).map(([way, options]) => ({ name: `${version} ${way}`, version, way, io, options })));

const transportOf = client => client.socket.io.engine.transport.name;

async function connect(t, url, { io, options }, extra) {
    const client = new SocketIoClient(io, url, { ...options, ...extra });
    t.after(() => client.close());
    await client.connected();
    return client;
}

function upgraded(client) {
    const { engine } = client.socket.io;
    return within(new Promise(resolve => {
        const look = () => transportOf(client) === 'websocket' && resolve();
        engine.on('upgrade', look);
        look();
    }), 'upgrade');
}

test('a tour with each', async t => {
    const [url] = (await start(t)).urls;
    for (const kind of KINDS) {
        await t.test(kind.name, async each => {
            const client = await connect(each, url, kind);
            const other = await connect(each, url, kind);
            assert.ok(client.socket.id, 'it has an id');
            await tour(client, other, kind.name.replace(/[. ]/g, '_'));
            if (kind.way === 'upgrade') {
                await upgraded(client);
            }
            assert.equal(transportOf(client), kind.way === 'polling' ? 'polling' : 'websocket');
            assert.equal((await client.call('getVersion'))[0] ?? null, null); // and it works on after an upgrade
        });
    }
});

// Pings of both revisions, and ends that both sides notice.
test('quick pings', { concurrency: true }, async t => {
    const [url] = (await start(t, '--ping-interval', '300ms', '--ping-timeout', '3s')).urls;
    await Promise.all(KINDS.map(kind => t.test(kind.name, async each => {
        const client = await connect(each, url, kind);
        client.disconnected().then(reason => (client.reason = reason), () => {});
        let pings = 0;
        const { engine } = client.socket.io;
        await within(new Promise(resolve => engine.on('pong', () => ++pings === 4 && resolve())), 'four heartbeats');
        assert.equal(client.reason, undefined);
        assert.equal((await client.call('getVersion'))[0] ?? null, null);
    })));
});

test('a server that goes and comes back', async t => {
    const data = temporaryFolder(t);
    const first = await serve(t, ['--data', data, '--listen', '127.0.0.1:0']);
    const [url] = first.urls;
    await furnish(t, url);
    const clients = await Promise.all(KINDS.map(kind => connect(t, url, kind)));
    await Promise.all(clients.map(client => watching(client, STATE)));
    const gone = clients.map(client => client.disconnected());
    const back = clients.map(client => client.connected());
    assert.equal((await first.stop()).status, 0);
    await Promise.all(gone);
    const second = await serve(t, ['--data', data, '--listen', `127.0.0.1:${new URL(url).port}`]);
    await Promise.all(back);
    await Promise.all(clients.map(client => watching(client, STATE))); // a new session knows nothing of the old one
    const seen = clients.map(client => event(client, 'stateChange', (id, state) => id === STATE && state.val === 77));
    assert.deepEqual(await clients[0].call('setState', STATE, 77), [null, STATE]);
    await Promise.all(seen);
    assert.equal(clients.filter(client => client.socket.recovered).length, 0);
    clients.forEach(client => client.close());
    assert.equal((await second.stop()).status, 0);
});

// socket.io 4 comes back to its session: nothing is subscribed anew, and what happened meanwhile is told, once and in
// order. The older ones begin anew.
test('a network that fails', async t => {
    const [url] = (await start(t)).urls;
    const writer = await connect(t, url, KINDS[0]);
    for (const kind of KINDS) {
        await t.test(kind.name, async each => {
            const proxy = await new Proxy(url).start(each);
            const client = await connect(each, proxy.url, kind);
            await watching(client, STATE);
            const values = [];
            client.on('stateChange', (id, state) => values.push(state.val));
            const value = n => event(client, 'stateChange', (id, state) => state.val === n);
            const start = value(0);
            await writer.call('setState', STATE, 0);
            await start;
            const oldId = client.socket.id;
            const gone = client.disconnected();
            const back = client.connected();
            proxy.down();
            await gone;
            for (const n of [1, 2, 3]) {
                await writer.call('setState', STATE, n);
            }
            proxy.restore();
            await back;
            const recovers = RECOVERS.test(kind.version);
            assert.equal(client.socket.recovered ?? false, recovers);
            assert.equal(client.socket.id === oldId, recovers);
            if (!recovers) {
                await watching(client, STATE);
            }
            const last = value(4);
            await writer.call('setState', STATE, 4);
            await last;
            assert.deepEqual(values, recovers ? [0, 1, 2, 3, 4] : [0, 4]);
        });
    }
});
