// SPDX-License-Identifier: MIT
// Every command, by every kind of user, on every kind of target, in every dialect and over HTTP, on a listener for pages
// and on one for administrators: what is answered, and what has changed afterwards, is what lib/matrix.mjs works out.
// Every user of every dialect has targets of his own (lib/cells.mjs), so that all run at the same time.
import assert from 'node:assert/strict';
import test from 'node:test';
import { RawWebSocket } from '../conformance/rawws.mjs';
import { HttpWay, inChunks, makeUsers, NAMES, PASSWORD, READS, RESETS, ROUTES, SocketWay, STORAGE, Targets, VIEWS,
    WRITES } from './lib/cells.mjs';
import { connect } from './lib/client.mjs';
import { COMMANDS } from './lib/commands.mjs';
import { KNOWN, outcome, outcomeOverHttp } from './lib/matrix.mjs';
import { serve, temporaryFolder, within } from './lib/program.mjs';
import { ask, call, dial, DIALECTS, tokens } from './lib/ways.mjs';

// --- running --------------------------------------------------------------------------------------------------------

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

// What was answered otherwise than the model says.
async function runCommand(cells, command, make) {
    const differences = [];
    const knowing = cells.filter(({ way }) => way.knows?.(command) ?? HttpWay.knows(command));
    let count = 0;
    const results = new Map(knowing.map(cell => [cell, []]));
    await Promise.all(knowing.map(cell => inChunks(make(cell.targets), async ({ target, args }) => {
        const expected = (cell.isHttp ? outcomeOverHttp : outcome)(cell.judge, cell.user, cell, command, args);
        for (const got of await cell.way.outcomes(command, cell.prefix, args)) {
            count++;
            if (!same(got, expected)) {
                differences.push(`${cell.name}: ${command} ${JSON.stringify(args)}: `
                    + `${JSON.stringify(got)}, not ${JSON.stringify(expected)}`);
            }
        }
        results.get(cell).push({ target, expected, args });
    })));
    return { differences, count, results };
}

// What must not have changed has not, and what should has. What an alias shows changes with its source.
function effects(command, cell, calls, before, after) {
    const isSure = /^(set|extend|del|write|unlink|rename|chmod|chown)/.test(command) && !/Binary|User|Group/.test(command);
    const targeted = calls.filter(({ target }) => target && !(/State/.test(command) && target.startsWith('alias.')));
    return targeted.flatMap(({ target, expected }) => {
        const changed = before[target] !== after[target];
        const isFree = expected === 'ok' && (!isSure || /missing|folder$|mixed$/.test(target));
        return isFree || changed === (expected === 'ok') ? []
            : [`${cell.name}: ${command} ${target}: ${before[target]} became ${after[target]}`];
    });
}

// The users that only differ in their rights need not speak every dialect.
function waysOf(name) {
    return name === 'boss' || name === 'writer' ? ['socket.io 2 websocket', 'plain', 'HTTP'] : [...Object.keys(DIALECTS), 'HTTP'];
}

async function makeCells(t, urls) {
    const cells = [];
    for (const [where, url] of Object.entries(urls)) {
        for (const name of NAMES) {
            const { access_token: token } = await tokens(url, name, PASSWORD);
            for (const dialect of waysOf(name)) {
                const user = `system.user.${name}`;
                const targets = new Targets(user, `c${cells.length}`);
                const isHttp = dialect === 'HTTP';
                const way = isHttp ? new HttpWay(url, token)
                    : new SocketWay(await dial(t, dialect, url, { query: { user: name, pass: PASSWORD } }), dialect);
                t.after(() => way.close?.());
                cells.push({ name: `${name}, ${dialect}, ${where}`, user, targets, way, isHttp, prefix: targets.prefix,
                    admin: where === 'administrators', judge: targets.judge() });
            }
        }
    }
    return cells;
}

test('the model knows every command, and every command has cells', () => {
    assert.deepEqual(COMMANDS.filter(name => !KNOWN.includes(name)), []);
    assert.deepEqual(COMMANDS.filter(name => !(name in READS) && !(name in WRITES)), []);
});

// A listener for whoever makes the world, and two that ask who it is.
async function serveUsers(t) {
    const server = await serve(t, ['--data', temporaryFolder(t), '--listen', '127.0.0.1:0,admin=on', '--listen', '127.0.0.1:0,auth=on',
        '--listen', '127.0.0.1:0,auth=on,admin=on', '--auth-iterations', '1000', '--auth-lock-user', '1000',
        '--auth-lock-address', '10000']);
    const [open, pages, administrators] = server.urls;
    const root = await connect(t, open);
    await makeUsers(root);
    return { root, pages, administrators };
}

test('nobody gets what he may not, and everybody what he may', async t => {
    const { root, pages, administrators } = await serveUsers(t);
    const cells = await makeCells(t, { pages, administrators });
    await RESETS.objects(root, cells);
    await RESETS.files(root, cells);
    let total = 0;
    for (const [command, make] of Object.entries(READS)) {
        const { differences, count } = await runCommand(cells, command, make);
        total += count;
        await t.test(`${command}: ${count} cells`, () => assert.deepEqual(differences, []));
    }
    const look = kind => Promise.all(cells.map(cell => VIEWS[kind](root, cell)));
    const before = { states: await look('states'), objects: await look('objects'), files: await look('files') };
    for (const [command, [kind, make]] of Object.entries(WRITES)) {
        const { differences, count, results } = await runCommand(cells, command, make);
        const after = await look(kind);
        const changed = cells.filter((cell, i) => !same(before[kind][i], after[i]));
        cells.forEach((cell, i) => differences.push(...effects(command, cell, results.get(cell) ?? [], before[kind][i], after[i])));
        await RESETS[kind](root, changed);
        total += count;
        await t.test(`${command}: ${count} cells`, () => assert.deepEqual(differences, []));
    }
    t.diagnostic(`${total} cells`);
});

test('where administrators work everybody may change his own password, and only those who may that of others', async t => {
    const { root, pages, administrators } = await serveUsers(t);
    for (const name of ['guest', 'nobody']) {
        const said = { query: { user: name, pass: PASSWORD } };
        assert.deepEqual(await call(await dial(t, 'plain', pages, said), 'changePassword', name, 'Other-Word-1'), ['permissionError']);
        const client = await dial(t, 'plain', administrators, said);
        assert.deepEqual(await call(client, 'changePassword', 'operator', 'Other-Word-1'), ['permissionError']);
        assert.deepEqual(await call(client, 'changePassword', 'admin', 'Other-Word-1'), ['permissionError']);
        assert.deepEqual(await call(client, 'changePassword', name, 'Other-Word-1'), [null]);
        await tokens(pages, name, 'Other-Word-1');
        await assert.rejects(tokens(pages, name, PASSWORD));
    }
    await root.call('changePassword', 'guest', PASSWORD);
    await tokens(pages, 'guest', PASSWORD);
});

// --- without a log-in -----------------------------------------------------------------------------------------------

const basic = (user, password) => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` });
const STRANGERS_SAY = { nothing: {}, 'a disabled user': basic('disabled', PASSWORD),
    'an unknown token': { authorization: 'Bearer nosuch' } };
const SECRET = 'only-for-those-who-have-logged-in';

// All routes, with what they would need to succeed.
function requests() {
    const samples = { getStates: ['m.*'], setState: ['m.a', 78], setObject: ['m.a', { type: 'state', common: {}, native: {} }],
        iobusObjects: ['m.*', '*'], subscribeFiles: [STORAGE, '*'], writeFile: [STORAGE, 'a.txt', 'x'] };
    const made = Object.entries(ROUTES).flatMap(([command, routes]) => routes.map(route =>
        route(samples[command] ?? (/[fF]ile/.test(command) ? [STORAGE, 'a.txt'] : ['m.a']))));
    return [...made, ['GET', '/metrics'], ['PUT', '/0_userdata.0/x', 'x'], ['DELETE', '/0_userdata.0/x'],
        ['PUT', `/${STORAGE}/new.txt`, 'x'],
        ['GET', '/api/files/'], ['GET', `/api/files/${STORAGE}/`], ['GET', '/state/m.a?json'], ['GET', '/api/events?pattern=*&initial=1'],
        ['GET', '/api/state/m.a?value'], ['GET', '/prefix/_socket/info.js']];
}

// A page or its parts are sent to the log-in, by a redirection or a script.
const isPage = (method, path) => /^(GET|HEAD)/.test(method) && !/^\/(api|state|metrics)/.test(path);

test('over HTTP nobody gets anything without a log-in, and changes nothing', async t => {
    const { root, pages, administrators } = await serveUsers(t);
    await root.call('setObject', 'm.a', { type: 'state', common: { name: SECRET }, native: {} });
    await root.call('setState', 'm.a', SECRET);
    await root.call('writeFile', STORAGE, 'a.txt', SECRET);
    for (const url of [pages, administrators]) {
        for (const [who, headers] of Object.entries(STRANGERS_SAY)) {
            for (const [method, path, value] of requests()) {
                const { status, body } = await ask(url + path, { method, headers, ...(value !== undefined && { json: value }) });
                const what = `${who}: ${method} ${path}: ${status}`;
                assert.equal(status, who === 'nothing' && isPage(method, path) ? (path.endsWith('.js') ? 200 : 302) : 401, what);
                assert.ok(!body.includes(SECRET), what);
            }
        }
    }
    assert.equal((await root.call('getState', 'm.a'))[0].val, SECRET);
    assert.equal((await root.call('getObject', 'm.a'))[0].common.name, SECRET);
    assert.deepEqual((await root.call('readDir', STORAGE, ''))[0].map(({ file }) => file), ['a.txt']);
    assert.equal((await root.call('readFile', STORAGE, 'a.txt'))[0], SECRET);
    assert.deepEqual((await root.call('readDir', '0_userdata.0', ''))[0], []);
});

// A client that does not wait to be let in: what comes back for its call, until it is sent away.
async function pushy(dialect, url, query) {
    const text = `["setState","m.a",78]`;
    if (dialect === 'polling') {
        const at = `${url}/socket.io/?EIO=3&transport=polling&${query}`;
        const { body } = await ask(at);
        const sid = /"sid":"([^"]+)"/.exec(body)[1];
        const sent = await ask(`${at}&sid=${sid}`, { method: 'POST', body: `${text.length + 3}:420${text}`,
            headers: { 'content-type': 'text/plain' } });
        const more = sent.status === 200 ? await ask(`${at}&sid=${sid}`) : sent;
        return body + sent.body + more.body;
    }
    const ws = new RawWebSocket();
    let got = '';
    const closed = new Promise(resolve => {
        ws.received = { push: frame => (frame.closed ? resolve() : (got += frame.text)) };
    });
    const { hostname: host, port } = new URL(url);
    const path = { 'socket.io 2': '/socket.io/?EIO=3&transport=websocket&', 'socket.io 4': '/socket.io/?EIO=4&transport=websocket&',
        plain: '/?sid=1&' };
    const { status } = await ws.connect({ host, port: Number(port) }, path[dialect] + query);
    assert.equal(status, 101);
    ws.sendText(dialect === 'plain' ? `[3,1,"setState",["m.a",78]]` : `420${text}`);
    if (dialect === 'socket.io 4') {
        ws.sendText('40');
        ws.sendText(`421${text}`);
    }
    await within(closed, `the end of ${dialect}`);
    return got;
}

test('no upgrade and no early call gets through without a log-in', async t => {
    const { root, pages, administrators } = await serveUsers(t);
    await root.call('setState', 'm.a', SECRET);
    for (const url of [pages, administrators]) {
        for (const query of ['', `user=disabled&pass=${PASSWORD}`, 'token=nosuch']) {
            for (const dialect of ['polling', 'socket.io 2', 'socket.io 4', 'plain']) {
                const got = await pushy(dialect, url, query);
                assert.ok(!/43[01]\[|\[3,1,/.test(got), `${dialect} ${query}: ${got}`);
            }
            for (const dialect of Object.keys(DIALECTS)) {
                const client = await dial(t, dialect, url, { query: Object.fromEntries(new URLSearchParams(query)) });
                await within(client.ended, `the end of ${dialect}`);
                assert.notEqual(client.state, 'connected');
            }
        }
    }
    assert.equal((await root.call('getState', 'm.a'))[0].val, SECRET);
});

test('what everybody may see is known', async t => {
    const { pages } = await serveUsers(t);
    const rows = { '/healthz': /^ok\n$/, '/readyz': /^\{"ready":true\}\n$/,
        '/version': /^\{"name":"iobus","version":"[^"]+","compatible":"[^"]+"\}\n$/,
        '/name': /^[a-z]+\.\d+$/, '/auth': /^\{"auth":true\}$/, '/api/': /"routes":\[/, '/login': /<form/, '/': /<form/ };
    for (const [path, body] of Object.entries(rows)) {
        const answer = await ask(pages + path);
        assert.equal(answer.status, 200, path);
        assert.match(answer.body, body, path);
    }
    const { access_token: token } = await tokens(pages, 'guest', PASSWORD);
    const headers = { authorization: `Bearer ${token}` };
    assert.equal((await ask(`${pages}/metrics`, { headers })).status, 200);
    assert.ok(JSON.parse((await ask(`${pages}/api/status`, { headers })).body).actors.length > 0);
    const { access_token: nobody } = await tokens(pages, 'nobody', PASSWORD);
    assert.equal((await ask(`${pages}/api/status`, { headers: { authorization: `Bearer ${nobody}` } })).status, 403);
});
