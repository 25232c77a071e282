// SPDX-License-Identifier: MIT
// @iobroker/ws, the client of ioBroker's own dialect, and @iobroker/socket-client, the library of its pages, over that
// dialect and over socket.io. web-clients.md 7 names the answers that are easily got wrong.
import assert from 'node:assert/strict';
import test from 'node:test';
import { serve, temporaryFolder, within } from '../integration/lib/program.mjs';
import { stateObject } from '../integration/lib/client.mjs';
import { FILES, furnish, start, STATE } from './lib/house.mjs';
import { Connection, connectPlain, IobClient, quiet } from './lib/iobroker.mjs';
import { event, files, require, SocketIoClient } from './lib/tour.mjs';

// --- @iobroker/ws ----------------------------------------------------------------------------------------------------

async function plain(t, url, options) {
    const client = new IobClient(url, options);
    t.after(() => client.close());
    assert.deepEqual(await client.once('connect'), [true]);
    return client;
}

test('@iobroker/ws', async t => {
    const [url] = (await start(t)).urls;
    const client = await plain(t, url, { name: 'tour.0' });
    const other = await plain(t, `${url}/vis-2/?key=x#view`);

    await t.test('authenticate', async () => {
        assert.deepEqual(await client.call('authenticate'), [true, false]);
        assert.deepEqual(await client.call('authEnabled'), [false, 'admin']);
    });
    await t.test('states', async () => {
        const id = '0_userdata.0.plain';
        assert.deepEqual(await client.call('setObject', id, stateObject('plain')), [null, { id }]);
        assert.deepEqual(await client.call('getState', id), [null, null]);
        assert.deepEqual(await client.call('subscribe', id), [null]);
        const seen = event(client, 'stateChange', (each, state) => each === id && state.val === 'ä€😀');
        assert.deepEqual(await other.call('setState', id, 'ä€😀'), [null, id]);
        assert.equal((await seen)[1].ack, false);
    });
    await t.test('files are base64 there and back', async () => {
        const content = Buffer.from([0, 1, 2, 255]);
        assert.deepEqual(await client.call('writeFile64', FILES, 'plain.bin', content.toString('base64')), [null]);
        const [error, base64, type] = await client.call('readFile64', FILES, 'plain.bin');
        assert.deepEqual([error, base64, type], [null, content.toString('base64'), 'application/octet-stream']);
        const [, buffer] = await client.call('readFile', FILES, 'plain.bin');
        assert.deepEqual(buffer, { type: 'Buffer', data: [...content] });
        // The library makes base64 of what it is given; the server takes any text as the content.
        assert.deepEqual(await client.call('writeFile', FILES, 'plain.txt', Buffer.from('text')), [null]);
        assert.equal((await client.call('readFile', FILES, 'plain.txt'))[1], Buffer.from('text').toString('base64'));
    });
    await t.test('calls without an answer', async () => {
        const seen = event(client, 'stateChange', (id, state) => id === STATE && state.val === 5);
        client.socket.emit('subscribe', [STATE]);
        client.socket.emit('setState', STATE, 5);
        await seen;
        client.socket.emit('nonsense');
        client.socket.emit('name', 'tour.1');
        assert.equal((await client.call('getVersion'))[0], null);
    });
    await t.test('many at once', async () => {
        const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => client.call('getStates', [`none.${i}`])));
        assert.deepEqual(answers.map(([, all]) => Object.keys(all)[0]), answers.map((_, i) => `none.${i}`));
    });
    await t.test('errors', async () => {
        assert.deepEqual(await client.call('readFile', FILES, 'nothing'), ['Not exists']);
        assert.deepEqual(await client.call('nonsense'), ['Unknown command']);
    });
});

test('@iobroker/ws over a while: pings of both sides, and a server that comes back', async t => {
    quiet(t);
    const data = temporaryFolder(t);
    const first = await serve(t, ['--data', data, '--listen', '127.0.0.1:0']);
    const [url] = first.urls;
    await furnish(t, url);
    const client = await plain(t, url, { pingInterval: 100, pongTimeout: 2000, connectInterval: 100 });
    const pong = new Promise(resolve => client.socket.socket.addEventListener('message', ({ data: text }) => text === '[2]' && resolve()));
    await within(pong, 'answer to a ping');
    const [gone, back] = [client.once('disconnect'), client.once('reconnect')];
    assert.equal((await first.stop()).status, 0);
    await gone;
    const second = await serve(t, ['--data', data, '--listen', `127.0.0.1:${new URL(url).port}`]);
    assert.deepEqual(await back, [true]);
    assert.deepEqual(await client.call('subscribe', STATE), [null]);
    const seen = event(client, 'stateChange', (id, state) => state.val === 6);
    assert.deepEqual(await client.call('setState', STATE, 6), [null, STATE]);
    await seen;
    assert.equal((await second.stop()).status, 0);
});

// --- @iobroker/socket-client -----------------------------------------------------------------------------------------

const SOCKETS = {
    'the plain dialect': { connect: connectPlain, plain: true },
    'socket.io 2': { connect: require('sio2').connect },
    'socket.io 4': { connect: require('sio4').connect },
};

async function connection(t, url, { connect }) {
    const { hostname, port } = new URL(url);
    let self;
    const ready = new Promise(onReady => {
        self = new Connection({ protocol: 'http:', host: hostname, port, name: 'tour', doNotLoadACL: false, connect, onReady });
    });
    t.after(() => self.destroy());
    await within(self.waitForFirstConnection(), 'first connection');
    await within(ready, 'onReady');
    return self;
}

// The next call of a handler that fulfils the condition; `handler` is what to hand to the library.
function handler(condition) {
    let look;
    const called = new Promise(resolve => {
        look = (...args) => condition(...args) && resolve(args);
    });
    return { look, called: within(called, 'call of the handler') };
}

const SOME = '0_userdata.0.someone';

// [title, step]; a step gets the connection, and what is different in the dialect.
const STEPS = [
    // what is asked on the way to onReady
    ['isConnected', async c => assert.equal(c.isConnected(), true)],
    ['getVersion', async c => {
        const { version, serverName } = await c.getVersion(true);
        const [major, minor, patch] = version.split('.').map(Number);
        assert.ok(major * 10000 + minor * 100 + patch >= 40102, version);
        assert.equal(serverName, 'socketio');
    }],
    ['permissions were loaded', async c => assert.equal(c.acl.user, 'system.user.admin')],
    ['getUserPermissions', async c => assert.equal((await c.getUserPermissions()).state.write, true)],
    ['getSystemConfig', async c => assert.equal((await c.getSystemConfig(true))._id, 'system.config')],
    ['getCompactSystemConfig', async c => assert.ok((await c.getCompactSystemConfig(true)).common.language)],
    ['getCurrentUser', async c => assert.match(await c.getCurrentUser(), /admin$/)],
    ['getWebServerName', async c => assert.equal(await c.getWebServerName(), 'socketio')],
    ['checkFeatureSupported', async c => assert.equal(typeof await c.checkFeatureSupported('CONTROLLER_NPM_AUTO_REBUILD'), 'boolean')],
    ['getUuid', async c => assert.ok(['string', 'undefined'].includes(typeof await c.getUuid()))],
    // objects
    ['setObject', async c => c.setObject(SOME, stateObject('someone'))],
    ['getObject', async c => assert.equal((await c.getObject(SOME)).common.name, 'someone')],
    ['getObject of nothing', async c => assert.equal(await c.getObject(`${SOME}.none`), null)],
    ['getObjectsById', async c => assert.deepEqual(Object.keys(await c.getObjectsById([SOME])), [SOME])],
    ['getObjects', async c => assert.ok(SOME in await c.getObjects(true))],
    ['getObjectViewSystem', async c => assert.ok(SOME in await c.getObjectViewSystem('state', '0_userdata.0.', '0_userdata.0.\u9999'))],
    ['getObjectViewCustom', async c => assert.ok(SOME in await c.getObjectViewCustom('system', 'state', SOME, SOME))],
    ['getObjectView', async c => assert.ok(SOME in await c.getObjectView('0_userdata.0.', '0_userdata.0.\u9999', 'state'))],
    ['getEnums', async c => assert.ok(Object.keys(await c.getEnums('', true)).every(id => id.startsWith('enum.')))],
    ['getGroups', async c => assert.ok((await c.getGroups(true)).some(group => group._id === 'system.group.administrator'))],
    ['getAdapterInstances', async c => assert.ok(Array.isArray(await c.getAdapterInstances(true)))],
    ['getAdapters', async c => assert.ok(Array.isArray(await c.getAdapters(true)))],
    ['readMetaItems', async c => assert.ok((await c.readMetaItems()).some(({ _id }) => _id === FILES))],
    ['subscribeObject', async c => {
        const { look, called } = handler((id, object) => object?.common.name === 'renamed');
        await c.subscribeObject(SOME, look);
        await c.setObject(SOME, stateObject('renamed'));
        assert.equal((await called)[0], SOME);
        await c.unsubscribeObject(SOME, look);
    }],
    ['delObject is denied', async c => assert.rejects(c.delObject(SOME), error => error === 'permissionError')],
    // states
    ['getState of nothing', async c => assert.equal(await c.getState(SOME), null)],
    ['setState', async c => c.setState(SOME, 1)],
    ['setState with ack', async c => c.setState(SOME, 2, true)],
    ['setState of a whole state', async c => c.setState(SOME, { val: 3, ack: true })],
    ['getState', async c => {
        const { val, ack } = await c.getState(SOME);
        assert.deepEqual([val, ack], [3, true]);
    }],
    ['getStates', async c => assert.equal((await c.getStates([SOME, `${SOME}.none`]))[`${SOME}.none`], null)],
    ['getStates of nothing', async c => assert.deepEqual(await c.getStates([]), {})],
    ['getForeignStates', async c => assert.equal((await c.getForeignStates('0_userdata.0.some*'))[SOME].val, 3)],
    ['subscribeState tells the value at once, and changes', async (c, { other }) => {
        const now = handler((id, state) => state?.val === 3);
        const change = handler((id, state) => state?.val === 'changed');
        await c.subscribeState(SOME, now.look);
        await c.subscribeState(SOME, change.look);
        await now.called;
        await other.setState(SOME, 'changed');
        assert.equal((await change.called)[0], SOME);
        c.unsubscribeState(SOME);
    }],
    ['subscribeState of a pattern', async (c, { other }) => {
        const change = handler((id, state) => id === SOME && state?.val === 4);
        await c.subscribeState('0_userdata.0.*', change.look);
        await other.setState(SOME, 4);
        await change.called;
        c.unsubscribeState('0_userdata.0.*', change.look);
    }],
    ['unsubscribeState ends it', async (c, { other }) => {
        const all = [];
        await c.subscribeState(SOME, (id, state) => all.push(state.val));
        c.unsubscribeState(SOME);
        await c.getVersion(true);
        await other.setState(SOME, 'unseen');
        await c.getState(SOME);
        assert.deepEqual(all, [4]);
    }],
    ['getHistory', async c => assert.ok(Array.isArray(await c.getHistory(SOME, { instance: 'history.0', start: 1, end: Date.now(),
        count: 10, aggregate: 'none' })))],
    ['getHistoryEx', async c => assert.ok(Array.isArray((await c.getHistoryEx(SOME, { instance: 'history.0', start: 1,
        end: Date.now(), aggregate: 'none' })).values))],
    // files
    ['writeFile64 of bytes', async c => c.writeFile64(FILES, 'page/a.bin', new Uint8Array([0, 1, 2, 255]).buffer)],
    ['writeFile64 of text', async c => c.writeFile64(FILES, 'page/b.txt', 'äöü €')],
    ['readFile as base64', async c => {
        const { file, mimeType } = await c.readFile(FILES, 'page/a.bin', true);
        assert.deepEqual([file, mimeType], [Buffer.from([0, 1, 2, 255]).toString('base64'), 'application/octet-stream']);
    }],
    ['readFile of text', async c => assert.deepEqual(await c.readFile(FILES, 'page/b.txt'), { file: 'äöü €', mimeType: 'text/plain' })],
    ['readFile of nothing', async c => assert.rejects(c.readFile(FILES, 'page/none'), error => error === 'Not exists')],
    ['readDir', async c => assert.deepEqual((await c.readDir(FILES, 'page')).map(({ file }) => file), ['a.bin', 'b.txt'])],
    ['readDir of nothing', async c => assert.deepEqual(await c.readDir(FILES, 'none'), [])],
    ['fileExists', async c => assert.deepEqual([await c.fileExists(FILES, 'page/a.bin'), await c.fileExists(FILES, 'page/none')],
        [true, false])],
    ['subscribeFiles', async (c, { other }) => {
        const { look, called } = handler((id, name) => id === FILES && name === 'page/c.txt');
        await c.subscribeFiles(FILES, ['page/*', 'other/*'], look);
        await c.getVersion(true);
        await other.writeFile64(FILES, 'page/c.txt', 'new');
        assert.equal((await called)[2], 3);
        c.unsubscribeFiles(FILES, ['page/*', 'other/*'], look);
    }],
    ['renameFile', async c => {
        await c.renameFile(FILES, 'page/c.txt', 'page/d.txt');
        assert.equal(await c.fileExists(FILES, 'page/d.txt'), true);
    }],
    ['rename', async c => {
        await c.rename(FILES, 'page', 'pages');
        assert.equal(await c.fileExists(FILES, 'pages/d.txt'), true);
    }],
    ['deleteFile', async c => {
        await c.deleteFile(FILES, 'pages/d.txt');
        assert.equal(await c.fileExists(FILES, 'pages/d.txt'), false);
    }],
    ['deleteFolder', async c => {
        await c.deleteFolder(FILES, 'pages');
        assert.deepEqual(await c.readDir(FILES, 'pages'), []);
    }],
    // what ioBroker leaves unanswered, so that the page waits for ever
    ['sendTo an instance that does not run', async c => assert.ok((await c.sendTo('nobody.0', 'x', null)).error)],
    ['getHistory of an instance that does not run', async c => assert.rejects(c.getHistory(SOME, { instance: 'sql.7', start: 1,
        end: 2 }))],
    ['extendObject', async c => c.extendObject(SOME, { common: { name: 'x' } }).catch(error => assert.ok(error))],
    ['getForeignObjects', async c => c.getForeignObjects('0_userdata.0.*', 'state').catch(error => assert.ok(error))],
    ['requireLog', async c => c.requireLog(true).catch(error => assert.ok(error))],
    ['subscribeOnInstance', async c => c.subscribeOnInstance('nobody.0', 'type', null, () => {}).catch(error => assert.ok(error))],
    ['log', async c => c.log('said by a page', 'info')],
    ['logout without a session', async (c, { plain: isPlain }) => assert.rejects(c.logout(), error => {
        assert.deepEqual(error, isPlain ? 'Error: No session' : {});
        return true;
    })],
];

for (const [name, dialect] of Object.entries(SOCKETS)) {
    test(`@iobroker/socket-client over ${name}`, async t => {
        quiet(t);
        const server = await start(t);
        const self = await connection(t, server.urls[0], dialect);
        const other = await connection(t, server.urls[0], dialect);
        for (const [title, step] of STEPS) {
            await t.test(title, () => within(step(self, { ...dialect, other }), title));
        }
        self.destroy();
        other.destroy();
        assert.equal((await server.stop()).status, 0);
    });
}

test('@iobroker/socket-client subscribes again when the server is back', { concurrency: true }, async t => {
    quiet(t);
    await Promise.all(Object.entries(SOCKETS).map(([name, dialect]) => t.test(name, async each => {
        const data = temporaryFolder(each);
        const first = await serve(each, ['--data', data, '--listen', '127.0.0.1:0']);
        const [url] = first.urls;
        await furnish(each, url);
        const self = await connection(each, url, dialect);
        const states = [];
        const back = handler(connected => connected && states.includes(false));
        self.registerConnectionHandler(connected => states.push(connected));
        self.registerConnectionHandler(back.look);
        const changed = handler((id, state) => state?.val === 8);
        await self.subscribeState(STATE, changed.look);
        assert.equal((await first.stop()).status, 0);
        const second = await serve(each, ['--data', data, '--listen', `127.0.0.1:${new URL(url).port}`]);
        await back.called;
        await self.setState(STATE, 8);
        assert.equal((await changed.called)[0], STATE);
        assert.equal((await second.stop()).status, 0);
    })));
});

// A page of one origin, a socket of another: the same files by both dialects.
test('both dialects see the same files', async t => {
    const [url] = (await start(t)).urls;
    const socketIo = new SocketIoClient(require('sio4'), url, {});
    t.after(() => socketIo.close());
    await socketIo.connected();
    await files(socketIo, 'both');
    const client = await plain(t, url);
    const [, base64] = await client.call('readFile64', FILES, 'both/large.bin');
    assert.ok(Buffer.from(base64, 'base64').equals(Buffer.alloc(300_000, 'iobus\0')));
});
