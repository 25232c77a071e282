// SPDX-License-Identifier: MIT
// Passwords and tokens are nowhere but where they belong: a server is used in every way that there is to prove who one
// is, and what it has written meanwhile is searched for what nobody may read there.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';
import zlib from 'node:zlib';
import { ROOT, PROGRAM, run, serve, temporaryFolder, within } from './lib/program.mjs';
import { ask, call, dial, DIALECTS, expelled, session, tokens, tool } from './lib/ways.mjs';

const BACKUP = path.join(ROOT, 'tests/conformance/data/iobroker-backup.tar.gz');
const USER = 'guest';
const STATE = 'demo.0.types.number';

// --- what must not be found ---------------------------------------------------------------------------------------

// Texts by name. Each is unlike every other text, and changes when it is encoded.
class Secrets {
    constructor() {
        this.all = new Map();
    }

    // A new password.
    word(name) {
        return this.add(name, `Qz9+${name}/Geheim=7`);
    }

    add(name, text) {
        assert.ok(text.length >= 16, name);
        this.all.set(name, text);
        return text;
    }

    // Every form in which the secret could stand there.
    static forms(text) {
        const bytes = Buffer.from(text);
        const form = new URLSearchParams({ x: text }).toString().slice(2);
        // Within base64 it depends on what stands before; the first and last characters on its neighbours.
        const coded = [0, 1, 2].map(n => Buffer.concat([Buffer.alloc(n), bytes]).toString('base64')
            .slice(n ? 4 : 0).replace(/=+$/, '').slice(0, -1));
        return new Set([text, encodeURIComponent(text), encodeURI(text), form, decodeURIComponent(text),
            bytes.toString('hex'), ...coded]);
    }

    // Where which secret stands in these bytes.
    found(what, bytes, but = []) {
        const found = [];
        for (const [name, text] of this.all) {
            for (const form of but.includes(name) ? [] : Secrets.forms(text)) {
                const at = bytes.indexOf(form);
                if (at >= 0) {
                    const around = bytes.subarray(Math.max(0, at - 200), at + form.length + 20);
                    found.push(`${name} in ${what}: ${around.toString('latin1').replace(/[^ -~]/g, '.')}`);
                    break;
                }
            }
        }
        return found;
    }
}

// --- what is searched ---------------------------------------------------------------------------------------------

function startTap(t, data, args) {
    const child = spawn(PROGRAM, ['tap', '--data', data, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => child.kill('SIGKILL'));
    const tap = { child, out: '', looks: new Set() };
    for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', text => {
            tap.out += text;
            tap.looks.forEach(look => look());
        });
    }
    return tap;
}

// Until the tap has shown it.
function shows(tap, text) {
    return within(new Promise(resolve => {
        const look = () => tap.out.includes(text) && resolve();
        tap.looks.add(look);
        look();
    }), `tap: ${text}`);
}

function filesBelow(folder) {
    return fs.readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile()).map(entry => path.join(entry.parentPath ?? entry.path, entry.name));
}

// --- what is done -------------------------------------------------------------------------------------------------

const basic = (user, password) => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` });
const withQuery = (url, query) => `${url}?${new URLSearchParams(query)}`;

// A run: the server, its taps, and every answer that a client got. Answers in which a secret belongs are not kept.
class Run {
    constructor(t) {
        Object.assign(this, { t, secrets: new Secrets(), answers: [], admin: null });
    }

    async start() {
        const { t, secrets } = this;
        this.data = temporaryFolder(t);
        const { status, stderr } = await run(['import', BACKUP, '--data', this.data]);
        assert.equal(status, 0, stderr);
        this.server = await serve(t, ['--data', this.data, '--listen', '127.0.0.1:0,auth=on,admin=on', '--log-level',
            'debug', '--message-timeout', '2s', '--auth-lock-user', '1000', '--auth-lock-address', '1000']);
        [this.url] = this.server.urls;
        this.taps = [startTap(t, this.data, ['--json']), startTap(t, this.data, [])];
        await this.untilTapped('first');
        this.root = secrets.word('root');
        this.guest = secrets.word('guest');
        await tool(this.data, ['passwd', 'admin', '--stdin'], this.root);
        await tool(this.data, ['passwd', USER, '--stdin'], this.guest);
    }

    // Both taps have seen everything that was done before this.
    async untilTapped(mark) {
        const seen = Promise.all(this.taps.map(tap => shows(tap, `tapped.${mark}`)));
        let over = false;
        seen.finally(() => (over = true)).catch(() => {});
        while (!over) {
            await tool(this.data, ['why', 'admin', 'getState', `tapped.${mark}`]);
        }
        await seen;
    }

    // An answer that may be read by anybody. Its heads count, but for the cookies.
    async ask(where, options) {
        const answer = await ask(this.url + where, options);
        const headers = { ...answer.headers, 'set-cookie': undefined };
        this.answers.push(`${options?.method ?? 'GET'} ${answer.status} ${JSON.stringify(headers)} ${answer.body}`);
        return answer;
    }

    async call(client, command, ...args) {
        const answer = await call(client, command, ...args);
        this.answers.push(`${command} ${JSON.stringify(answer)}`);
        return answer;
    }

    async dial(dialect, said) {
        const client = await dial(this.t, dialect, this.url, said);
        this.answers.push(`${dialect} ${client.state} ${client.reason}`);
        return client;
    }
}

// Right ones.
async function comeIn(all) {
    const { secrets, url, guest } = all;
    const { access_token: token, refresh_token: refresh } = await tokens(url, USER, guest);
    const sid = await session(url, USER, guest);
    const device = (await tool(all.data, ['token', 'add', USER, 'panel'])).trim().split('\n')[0];
    secrets.add('access token', token);
    secrets.add('refresh token', refresh);
    secrets.add('device token', device);
    secrets.add('session id', decodeURIComponent(sid).slice(2).split('.')[0]);
    const ways = [
        { query: { user: USER, pass: guest } }, { query: { token } }, { query: { access_token: token } },
        { query: { 'connect.sid': decodeURIComponent(sid) } }, { headers: { cookie: `access_token=${token}` } },
        { headers: { cookie: `connect.sid=${sid}` } }, { headers: { authorization: `Bearer ${device}` } },
        { headers: basic(USER, guest) },
    ];
    const entering = [{ token }, { user: USER, pass: guest }, { user: USER, password: guest }].map(auth => ({ auth }));
    for (const dialect of Object.keys(DIALECTS)) {
        for (const said of [...ways, ...(/4/.test(dialect) ? entering : [])]) {
            const client = await all.dial(dialect, said);
            assert.equal(client.state, 'connected');
            await all.call(client, 'getState', STATE);
            await all.call(client, 'authEnabled');
        }
    }
    for (const { query, headers } of ways) {
        for (const where of [`/api/state/${STATE}`, '/vis.0/main/vis-views.json', '/vis.0/nosuch', '/api/object/nosuch',
            '/getUser', '/prolongSession', '/api/nosuch', '/nosuch/_socket/info.js', '/metrics', '/', '/login']) {
            await all.ask(query ? withQuery(where, query) : where, { headers });
        }
    }
    await all.ask('/loginApp', { method: 'POST', json: { username: USER, password: guest } });
    const again = JSON.parse((await ask(`${url}/oauth/token`, { method: 'POST',
        form: { grant_type: 'refresh_token', refresh_token: refresh, client_id: 'x' } })).body);
    secrets.add('new access token', again.access_token);
    secrets.add('new refresh token', again.refresh_token);
    const page = await all.dial('plain', { query: { token } });
    assert.deepEqual(await all.call(page, 'updateTokenExpiration', again.access_token), [null, true]);
    const leaver = await session(url, USER, guest);
    secrets.add('ended session', decodeURIComponent(leaver).slice(2));
    await all.ask('/logout', { headers: { cookie: `connect.sid=${leaver}` } });
}

// Wrong ones, also in places where they do not belong.
async function stayOut(all) {
    const { secrets } = all;
    const wrong = secrets.word('wrong');
    const token = secrets.word('wrongToken');
    const sid = `s:${secrets.word('wrongSid')}.signature`;
    const ways = [
        { query: { user: USER, pass: wrong } }, { query: { user: wrong, pass: wrong } }, { query: { token } },
        { query: { access_token: token } }, { query: { 'connect.sid': sid } }, { headers: basic(USER, wrong) },
        { headers: basic(wrong, '') }, { headers: { authorization: `Bearer ${token}` } },
        { headers: { authorization: `Basic ${wrong}` } }, { headers: { authorization: wrong } },
        { headers: { cookie: `access_token=${token}; connect.sid=${encodeURIComponent(sid)}` } },
    ];
    const entering = [{ token }, { user: USER, pass: wrong }, { user: wrong, password: wrong }].map(auth => ({ auth }));
    for (const dialect of Object.keys(DIALECTS)) {
        for (const said of [...ways, ...(/4/.test(dialect) ? entering : [])]) {
            const client = await all.dial(dialect, said);
            await expelled(client, dialect);
            all.answers.push(JSON.stringify([client.reason, client.events]));
        }
    }
    for (const { query, headers } of ways) {
        for (const where of [`/api/state/${STATE}`, '/vis.0/main/vis-views.json', '/getUser', '/metrics', '/x.js']) {
            await all.ask(query ? withQuery(where, query) : where, { headers });
        }
    }
    for (const form of [{ username: USER, password: wrong }, { username: wrong, password: wrong },
        { username: 'disabled', password: 'peer-disabled-1' }]) {
        await all.ask('/login', { method: 'POST', form });
        await all.ask('/loginApp', { method: 'POST', json: form });
        await all.ask('/oauth/token', { method: 'POST', form: { ...form, grant_type: 'password', client_id: 'x' } });
        await all.ask('/oauth/token', { method: 'POST', json: { ...form, grant_type: wrong, client_id: 'x' } });
    }
    await all.ask('/oauth/token', { method: 'POST',
        form: { grant_type: 'refresh_token', refresh_token: token, client_id: 'x' } });
    await all.ask('/login', { method: 'POST', body: `{"username":"${wrong}`,
        headers: { 'content-type': 'application/json' } });
    await all.ask(withQuery('/oauth/token', { password: wrong }), { method: 'GET' });
}

// Administrators, and what they change.
async function administer(all) {
    const { secrets, data } = all;
    const admin = await all.dial('socket.io 2 websocket', { query: { user: 'admin', pass: all.root } });
    const watcher = await all.dial('plain', { query: { user: 'admin', pass: all.root } });
    await all.call(watcher, 'subscribeObjects', '*');
    await all.call(watcher, 'requireLog', true);
    await all.call(admin, 'addUser', 'eve', secrets.word('addUser'));
    await all.call(admin, 'changePassword', 'eve', secrets.word('changePassword'));
    await all.call(admin, 'changePassword', 'nosuch', secrets.word('nobody'));
    const client = await all.dial('plain', { query: { user: 'eve', pass: 'Qz9+changePassword/Geheim=7' } });
    await all.call(client, 'changePassword', 'admin', secrets.word('foreign'));
    await all.call(client, 'addUser', 'eve2', secrets.word('denied'));
    await tool(data, ['user', 'add', 'byhand', '--stdin'], secrets.word('byTool'));
    await tool(data, ['passwd', 'byhand', '--stdin'], secrets.word('byTool2'));
    await tool(data, ['user', 'list', '--json']);
    // What is written into an object is stored as it is: it must be seen nowhere else.
    const plain = secrets.word('plainObject'), extended = secrets.word('extendedObject');
    const rest = secrets.word('restObject');
    const hidden = secrets.word('hiddenObject'), hash = `pbkdf2$10000$${'ab'.repeat(256)}$${'cd'.repeat(16)}`;
    secrets.add('hash', hash);
    const user = password => ({ type: 'user', common: { name: 'x', enabled: true, password }, native: {} });
    all.stored = ['plainObject', 'extendedObject', 'restObject', 'hiddenObject', 'hash', 'privateKey'];
    await all.call(admin, 'setObject', 'system.user.plain', user(plain));
    await all.call(admin, 'extendObject', 'system.user.plain', { common: { password: extended } });
    await all.call(admin, 'setObject', 'system.user.hashed', user(hash));
    await all.ask('/api/object/system.user.rest',
        { method: 'PUT', json: user(rest), headers: basic('admin', all.root) });
    await all.call(client, 'setObject', 'system.user.plain', user(plain));
    await all.call(client, 'changePassword', 'eve', secrets.word('own')); // which ends the client, when it may
    await all.call(admin, 'setObject', 'system.adapter.cloud.0', { type: 'instance', common: { name: 'cloud' },
        protectedNative: ['inner'], encryptedNative: ['other'],
        native: { inner: hidden, other: hidden, pass: hidden } });
    const inner = secrets.add('privateKey', 'MIIEvQ/Qz9+privateKey');
    const key = `-----BEGIN PRIVATE KEY-----\n${inner}\n-----END PRIVATE KEY-----\n`;
    await all.call(admin, 'extendObject', 'system.certificates', { native: { certificates: { mine: key } } });
    const config = (await call(admin, 'getObject', 'system.config'))[1];
    secrets.add('secret of the installation', config.native.secret);
    all.stored.push('secret of the installation');
    await call(admin, 'getObject', 'system.config');
    await call(admin, 'getObject', 'system.certificates');
    await call(admin, 'getObjectView', 'system', 'user', {});
    await all.ask('/api/object/system.user.plain', { headers: basic('admin', all.root) });
    await all.call(admin, 'encrypt', secrets.word('encrypt'));
    await all.call(admin, 'decrypt', secrets.word('decrypt'));
    await call(admin, 'iobusRegister', 'mydevice.0', secrets.word('instanceToken'));
    return admin;
}

// Requests for others, which carry credentials.
async function carry(all, admin) {
    const { secrets } = all;
    const web = http.createServer((request, response) => {
        response.writeHead(/moved/.test(request.url) ? 302 : 200, { location: '/nosuch' });
        response.end('fine');
    }).listen(0, '127.0.0.1');
    await once(web, 'listening');
    all.t.after(() => web.close());
    const at = web.address().port, word = secrets.word('httpGet'), coded = encodeURIComponent(word);
    for (const url of [`http://me:${coded}@127.0.0.1:${at}/`, `http://me:${coded}@127.0.0.1:${at}/moved`,
        `http://${coded}@127.0.0.1:1/`, `http://127.0.0.1:${at}/?user=me&password=${coded}`,
        `http://127.0.0.1:1/?a=b&token=${coded}`, `http://me:${coded}@169.254.169.254/`, `ftp://me:${coded}@127.0.0.1/`,
        `http://me:${coded}@no such host/`, `http://me:${word}@127.0.0.1:${at}:x/`]) {
        await all.call(admin, 'httpGet', url);
    }
    const hidden = secrets.word('sendTo');
    const message = { host: 'mail', auth: { user: 'me', pass: hidden }, password: hidden };
    await all.call(admin, 'sendTo', 'mydevice.0', 'secret', message);
    await all.call(admin, 'sendTo', 'nosuch.0', 'secret', message);
    await all.call(admin, 'sendToHost', 'system.host.nosuch', 'cmdExec', { data: `login ${secrets.word('cmdExec')}` });
    await all.call(admin, 'cmdExec', 'system.host.nosuch', 1, `login ${secrets.word('cmdExec')}`);
}

test('passwords and tokens are in no log, tap, figure, answer, file or command line', { timeout: 240_000 }, async t => {
    const all = new Run(t);
    await all.start();
    const { secrets, server, data } = all;
    await comeIn(all);
    await stayOut(all);
    const admin = await administer(all);
    await carry(all, admin);

    await all.untilTapped('last');
    const headers = basic('admin', all.root);
    for (const where of ['/metrics', '/api/status', '/api/log', '/api/', '/readyz']) {
        assert.ok((await all.ask(where, { headers })).status < 500);
    }
    await all.call(admin, 'readLogs', 'system.host.nosuch');
    const proc = name => fs.readFileSync(`/proc/${server.child.pid}/${name}`);
    const found = [
        ...secrets.found('/proc/cmdline', proc('cmdline')),
        ...secrets.found('/proc/environ', proc('environ')),
        ...secrets.found('the lines of the tap', Buffer.from(all.taps[0].out)),
        ...secrets.found('the text of the tap', Buffer.from(all.taps[1].out)),
        ...all.answers.flatMap(answer => secrets.found('an answer', Buffer.from(answer))),
    ];
    assert.equal((await server.stop()).status, 0);
    found.push(...secrets.found('the log', Buffer.from(server.stderr + server.stdout)));
    const files = filesBelow(data);
    assert.ok(files.length > 10);
    for (const file of files) {
        const but = file.startsWith(path.join(data, 'objects')) ? all.stored : [];
        found.push(...secrets.found(path.relative(data, file), fs.readFileSync(file), but));
    }
    // The databases compress: what a backup holds is read as it is.
    const backup = path.join(temporaryFolder(t), 'backup.tar.gz');
    const exported = await run(['export', backup, '--data', data]);
    assert.equal(exported.status, 0, exported.stderr);
    found.push(...secrets.found('the backup', zlib.gunzipSync(fs.readFileSync(backup)), all.stored));
    assert.deepEqual(found, []);
    // The tap was awake, and hides by a sign.
    assert.match(all.taps[0].out, /"command":"auth\.login".*"args":\["…"/);
    assert.match(all.taps[0].out, /"password":"…"/);
    assert.match(all.taps[1].out, /request +auth +auth\.login .*"…"/);
});
