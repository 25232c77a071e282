// SPDX-License-Identifier: MIT
// White lists (data-model.md 5.4): who clients of certain addresses are, and what is taken away from whoever comes from
// there, in every dialect, over HTTP and for files. Several addresses of this machine stand for several machines.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';
import { ROOT, run, serve, temporaryFolder, within } from './lib/program.mjs';
import { stream } from './lib/rest.mjs';
import { ask, call, dial, DIALECTS, expelled, has, tool, until } from './lib/ways.mjs';

const BACKUP = path.join(ROOT, 'tests/conformance/data/iobroker-backup.tar.gz');
const STATE = 'demo.0.types.number';
const FILE = '/vis.0/main/vis-views.json';
const OPERATOR = { query: { user: 'operator', pass: 'peer-operator-1' } };
const ADMIN = { query: { user: 'admin', pass: 'peer-admin-1' } };
const NONE = { list: false, read: false, write: false, create: false, delete: false };

async function start(t, list, { listen = ['127.0.0.1:0,auth=on'], more = [] } = {}) {
    const data = temporaryFolder(t);
    const { status, stderr } = await run(['import', BACKUP, '--data', data]);
    assert.equal(status, 0, stderr);
    const items = (Array.isArray(list) ? list : [JSON.stringify(list)]).flatMap(item => ['--white-list', item]);
    const server = await serve(t, ['--data', data, ...listen.flatMap(each => ['--listen', each]), ...items, ...more]);
    return { data, server, url: server.urls[0], urls: server.urls };
}

// The address that a trusted proxy tells decides, so that one machine can be many.
const PROXY = ['--trusted-proxies', '127.0.0.0/8'];
const from = (address, said = {}) => ({ ...said, headers: { ...said.headers, 'x-forwarded-for': address } });
const basic = (user, password) => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` });

const userOf = async client => (await call(client, 'authEnabled'))[1];

// --- who it is ------------------------------------------------------------------------------------------------------

test('addresses name users, wildcards too, and the most specific counts', async t => {
    const { url } = await start(t, {
        '192.168.1.5': { user: 'operator' }, '192.168.1.*': { user: 'guest' }, '192.168.*.*': { user: 'nobody' },
        '10.0.0.0/8': { user: 'admin' }, '192.168.1.9': { user: 'auth' }, '2001:db8::1': { user: 'operator' },
    }, { more: PROXY });
    const rows = { '192.168.1.5': 'operator', '192.168.1.77': 'guest', '192.168.7.7': 'nobody', '10.9.8.7': 'admin',
        '::ffff:192.168.1.5': 'operator', '2001:db8::1': 'operator' };
    for (const dialect of Object.keys(DIALECTS)) {
        for (const [address, user] of Object.entries(rows)) {
            assert.equal(await userOf(await dial(t, dialect, url, from(address))), user, `${dialect} ${address}`);
        }
        for (const address of ['192.168.1.9', '192.169.1.5', '2001:db8::2', '127.0.0.1']) {
            assert.ok(await expelled(await dial(t, dialect, url, from(address)), address), `${dialect} ${address}`);
        }
    }
    assert.equal((await ask(`${url}/api/state/${STATE}`, from('192.168.1.77'))).status, 200);
    assert.equal((await ask(`${url}/api/state/${STATE}`, from('192.168.7.7'))).status, 403);
    assert.equal((await ask(`${url}/api/state/${STATE}`, from('192.168.1.9'))).status, 401);
    // Who says who he is, is that; an address does not make up for a wrong password.
    assert.equal(await userOf(await dial(t, 'plain', url, from('192.168.1.77', OPERATOR))), 'operator');
    const wrong = await dial(t, 'plain', url, from('192.168.1.77', { query: { user: 'operator', pass: 'x' } }));
    assert.ok(await expelled(wrong, 'a wrong password'));
    assert.equal((await ask(url + FILE, from('192.168.1.77', { headers: basic('operator', 'x') }))).status, 401);
});

test('where nobody logs in an address names the user, too', async t => {
    const { urls } = await start(t, ['192.168.1.*=guest', '10.0.0.1=auth'],
        { listen: ['127.0.0.1:0', '127.0.0.1:0,default-user=operator'], more: PROXY });
    for (const dialect of Object.keys(DIALECTS)) {
        assert.equal(await userOf(await dial(t, dialect, urls[0], from('192.168.1.7'))), 'guest');
        assert.equal(await userOf(await dial(t, dialect, urls[0], from('10.0.0.1'))), 'admin');
        assert.equal(await userOf(await dial(t, dialect, urls[1], from('10.0.0.2'))), 'operator');
    }
    const put = address => ask(`${urls[0]}/api/state/${STATE}`, { method: 'PUT', json: 1, ...from(address) });
    assert.equal((await put('192.168.1.7')).status, 403);
    assert.equal((await put('10.0.0.1')).status, 204);
});

test('nobody chooses his address', async t => {
    const { url } = await start(t, { '192.168.1.5': { user: 'admin' }, default: { user: 'auth', state: { write: false } } });
    const client = await dial(t, 'plain', url, from('192.168.1.5'));
    assert.ok(await expelled(client, 'an address that is only told'));
    const admin = await dial(t, 'plain', url, from('192.168.1.5', ADMIN));
    assert.deepEqual(await call(admin, 'setState', STATE, 1), ['permissionError']);
});

// --- what is taken away ---------------------------------------------------------------------------------------------

// Calls that need one right each, and that an administrator may all make.
const CALLS = {
    'object.read': [['getObject', STATE], ['getObjects', [STATE]], ['subscribeObjects', '*'], ['getUserPermissions'],
        ['getCompactSystemConfig'], ['iobusStatus']],
    'object.list': [['getObjects', null], ['getObjectView', 'system', 'state', {}], ['getForeignObjects', 'demo.*'],
        ['iobusObjects', 'demo.*']],
    'object.write': [['setObject', 'limits.0', { type: 'meta', common: { name: 'x', type: 'meta.user' }, native: {} }],
        ['extendObject', 'limits.0', { native: {} }], ['requireLog', false]],
    'object.delete': [['delObject', 'limits.1'], ['delObjects', 'limits.2']],
    'state.list': [['getStates', 'demo.*'], ['getForeignStates', 'demo.*']],
    'state.read': [['getState', STATE], ['subscribe', STATE], ['unsubscribe', STATE]],
    'state.write': [['setState', STATE, 42]],
    'state.delete': [['delState', 'demo.0.nosuch']],
    'file.list': [['readDir', 'vis.0', 'main']],
    'file.read': [['readFile', 'vis.0', 'main/vis-views.json'], ['readFile64', 'vis.0', 'main/vis-views.json'],
        ['fileExists', 'vis.0', 'x'], ['subscribeFiles', 'vis.0', '*']],
    'file.write': [['writeFile', 'vis.0', 'limits.txt', 'x'], ['mkdir', 'vis.0', 'limits'], ['rename', 'vis.0', 'nosuch', 'nosuch2'],
        ['chmodFile', 'vis.0', 'limits.txt', { mode: 0x666 }]],
    'file.delete': [['unlink', 'vis.0', 'limits2.txt'], ['deleteFolder', 'vis.0', 'limits2']],
};
const RIGHTS = Object.keys(CALLS);

function assertCalls(client, denied, what) {
    return Promise.all(RIGHTS.flatMap(right => CALLS[right].map(async ([command, ...args]) => {
        const [error] = await call(client, command, ...args);
        assert.equal(error === 'permissionError', denied.includes(right), `${what}: ${command} ${JSON.stringify(error)}`);
    })));
}

test('an entry takes away one right or all, even of the administrator, in every dialect', async t => {
    // One address per right, and one for all.
    const list = Object.fromEntries(RIGHTS.map((right, i) => {
        const [type, operation] = right.split('.');
        return [`192.168.${i}.*`, { user: 'auth', [type]: { [operation]: false } }];
    }));
    list['10.*'] = { user: 'auth', object: NONE, state: NONE, file: NONE };
    const { url } = await start(t, list, { listen: ['127.0.0.1:0,auth=on,admin=on'], more: PROXY });
    for (const dialect of Object.keys(DIALECTS)) {
        const clients = await Promise.all([...RIGHTS.map((_, i) => `192.168.${i}.7`), '10.1.2.3', '172.16.0.1']
            .map(address => dial(t, dialect, url, from(address, ADMIN))));
        await Promise.all(RIGHTS.map((right, i) => assertCalls(clients[i], [right], `${dialect} without ${right}`)));
        await assertCalls(clients.at(-2), RIGHTS, `${dialect} without any`);
        await assertCalls(clients.at(-1), [], `${dialect} from elsewhere`);
        clients.forEach(client => client.close());
    }
});

test('getUserPermissions answers what is left', async t => {
    const { url } = await start(t, { '10.*': { user: 'auth', state: { write: false, fly: false }, file: { delete: false, read: true } } },
        { more: PROXY });
    for (const [who, said] of Object.entries({ admin: ADMIN, operator: OPERATOR })) {
        const [all, left] = await Promise.all(['11.1.1.1', '10.1.1.1'].map(async address =>
            (await call(await dial(t, 'plain', url, from(address, said)), 'getUserPermissions'))[1]));
        assert.equal(all.state.write, true, who);
        assert.deepEqual(left, { ...all, state: { ...all.state, write: false }, file: { ...all.file, delete: false } });
    }
});

test('an entry gives no right', async t => {
    const everything = Object.fromEntries(Object.keys(NONE).map(operation => [operation, true]));
    const { url } = await start(t, { default: { user: 'guest', object: everything, state: everything, file: everything } });
    const client = await dial(t, 'plain', url);
    assert.deepEqual(await call(client, 'setState', STATE, 1), ['permissionError']);
    assert.equal((await call(client, 'getState', STATE))[0], null);
});

test('REST and files', async t => {
    const rights = { 'GET state': 'state.read', 'PUT state': 'state.write', 'GET states': 'state.list', 'GET object': 'object.read',
        'GET objects': 'object.list', 'PUT object': 'object.write', 'GET file': 'file.read', 'HEAD file': 'file.read',
        'PUT file': 'file.write', 'DELETE file': 'file.delete', 'GET folder': 'file.list', 'GET events': 'state.read' };
    const object = { type: 'meta', common: { name: 'x', type: 'meta.user' }, native: {} };
    const requests = {
        'GET state': ['GET', `/state/${STATE}`], 'PUT state': ['PUT', `/api/state/${STATE}`, 42],
        'GET states': ['GET', '/api/states?pattern=demo.*'],
        'GET object': ['GET', `/api/object/${STATE}`], 'GET objects': ['GET', '/api/objects?pattern=demo.*'],
        'PUT object': ['PUT', '/api/object/limits.0', object], 'GET file': ['GET', FILE], 'HEAD file': ['HEAD', FILE],
        'PUT file': ['PUT', '/vis.0/limits.txt', 'x'], 'DELETE file': ['DELETE', '/vis.0/limits.txt'],
        'GET folder': ['GET', '/api/files/vis.0/main/'],
        'GET events': ['GET', `/api/events?pattern=${STATE}`],
    };
    const list = Object.fromEntries(RIGHTS.map((right, i) => {
        const [type, operation] = right.split('.');
        return [`192.168.${i}.*`, { user: 'admin', [type]: { [operation]: false } }];
    }));
    for (const listen of ['127.0.0.1:0,auth=on', '127.0.0.1:0']) {
        const { url } = await start(t, list, { listen: [listen], more: PROXY });
        for (const [i, right] of RIGHTS.entries()) {
            for (const [name, [method, where, json]] of Object.entries(requests)) {
                const options = { method, headers: { 'x-forwarded-for': `192.168.${i}.7` }, ...(json !== undefined && { json }) };
                const status = await statusOf(url + where, options);
                assert.equal(status === 403, rights[name] === right, `${listen}: ${name} without ${right}: ${status}`);
                assert.ok(status < 300 || status === 403 || status === 404, `${name} without ${right}: ${status}`);
            }
        }
    }
});

// Of a stream, too, which has no end.
function statusOf(url, { method, headers, json }) {
    return within(new Promise((resolve, reject) => {
        const type = json !== undefined && { 'content-type': 'application/json' };
        const request = http.request(url, { method, agent: false, headers: { ...headers, ...type } }, response => {
            resolve(response.statusCode);
            request.destroy();
        });
        request.on('error', reject);
        request.end(json === undefined ? undefined : JSON.stringify(json));
    }), `${method} ${url}`);
}

test('events of what an address may not read stay away', async t => {
    const { urls } = await start(t, {
        '10.0.0.1': { user: 'admin', object: { read: false } },
        '10.0.0.2': { user: 'admin', file: { read: false } },
    }, { listen: ['127.0.0.1:0', '127.0.0.1:0,auth=on'], more: PROXY });
    const watch = async client => {
        await call(client, 'subscribe', STATE);
        await call(client, 'subscribeObjects', 'limits.*');
        await call(client, 'subscribeFiles', 'vis.0', '*');
        return client;
    };
    const root = await watch(await dial(t, 'plain', urls[0]));
    const limited = await Promise.all(['10.0.0.1', '10.0.0.2'].map(async address => watch(await dial(t, 'plain', urls[1], from(address)))));
    await call(root, 'setObject', 'limits.0', { type: 'meta', common: { name: 'x', type: 'meta.user' }, native: {} });
    await call(root, 'writeFile', 'vis.0', 'limits.txt', 'x');
    await call(root, 'setState', STATE, 43);
    await until(root, ({ events }) => ['objectChange', 'fileChange', 'stateChange'].every(name => has({ events }, name)), 'the events');
    const names = await Promise.all(limited.map(async client => {
        await call(client, 'authEnabled'); // its answer comes behind the events
        return client.events.map(([name]) => name).sort();
    }));
    assert.deepEqual(names, [['fileChange', 'stateChange'], ['objectChange', 'stateChange']]);
});

test('a stream, a token that reads only, and rights that change later', async t => {
    const { data, url } = await start(t, { '10.*': { user: 'auth', state: { write: false } } }, { more: PROXY });
    const token = (await tool(data, ['token', 'add', 'admin', 'panel', '--read-only'])).trim().split('\n')[0];
    const said = { headers: { authorization: `Bearer ${token}` } };
    const events = await stream(t, `${url}/api/events?pattern=${STATE}&initial=1`, from('10.1.1.1', said).headers);
    await events.until(({ events: all }) => all.some(({ event }) => event === 'stateChange'), 'the value');
    const left = (await call(await dial(t, 'plain', url, from('10.1.1.1', said)), 'getUserPermissions'))[1];
    assert.deepEqual([left.state.write, left.state.delete, left.object.write], [false, false, false]);
    // A user who gets more rights does not get those that his address takes away.
    const guest = await dial(t, 'plain', url, from('10.1.1.1', { query: { user: 'guest', pass: 'peer-guest-1' } }));
    await tool(data, ['group', 'join', 'administrator', 'guest']);
    const rights = async () => {
        let all;
        do {
            [, all] = await call(guest, 'getUserPermissions');
        } while (!all?.object?.write);
        return all;
    };
    assert.equal((await within(rights(), 'more rights')).state.write, false);
    assert.deepEqual(await call(guest, 'setState', STATE, 1), ['permissionError']);
});

test('the list is read again with the other settings, for those who come then', async t => {
    const folder = temporaryFolder(t);
    const config = path.join(folder, 'iobus.conf');
    const configure = text => fs.writeFileSync(config, `data = ${path.join(folder, 'data')}\nlisten = 127.0.0.1:0\nwhite-list = ${text}\n`);
    configure('{"127.*": {"user": "auth", "state": {"write": false}}}');
    const server = await serve(t, ['--config', config]);
    const before = await dial(t, 'plain', server.urls[0]);
    configure('{"127.*": {"user": "auth", "state": {"read": false}}}');
    server.signal('SIGHUP');
    await server.logged('MAIN-RELOAD result=done');
    const reload = async () => {
        let error;
        do {
            [error] = await call(await dial(t, 'plain', server.urls[0]), 'getState', STATE);
        } while (error !== 'permissionError');
    };
    await within(reload(), 'the new list');
    assert.deepEqual(await call(before, 'setState', STATE, 1), ['permissionError']);
    assert.equal((await call(before, 'getState', STATE))[0], null);
});
