// SPDX-License-Identifier: MIT
// Who may come in, by which way, and how it ends: every kind of credentials with every dialect, over HTTP and REST;
// wrong ones; log-outs, new passwords and disabled users, also across processes; the log-in page.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { isInstrumented, ROOT, run, serve, temporaryFolder, within } from './lib/program.mjs';
import { stream } from './lib/rest.mjs';
import { System } from './lib/system.mjs';
import { ask, call, dial, DIALECTS, expelled, has, session, tokens, tool, until } from './lib/ways.mjs';

const BACKUP = path.join(ROOT, 'tests/conformance/data/iobroker-backup.tar.gz');
const USER = 'guest';
const PASSWORD = 'peer-guest-1';
const WRONG = 'Invalid password or user name';
const SOON_MS = isInstrumented() ? 5000 : 1000;
const FILE = '/vis.0/main/vis-views.json';
const STATE = 'demo.0.types.number';

async function imported(t) {
    const data = temporaryFolder(t);
    const { status, stderr } = await run(['import', BACKUP, '--data', data]);
    assert.equal(status, 0, stderr);
    return data;
}

async function start(t, ...args) {
    const data = await imported(t);
    const server = await serve(t, ['--data', data, '--listen', '127.0.0.1:0,auth=on', ...args]);
    return { data, server, url: server.urls[0] };
}

const basic = (user, password) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const cookie = (name, value) => ({ headers: { cookie: `other=1; ${name}=${value}` } });

// What a client says, by the kind of credentials.
function ways({ token, sid }) {
    return {
        'user and password in the query': { query: { user: USER, pass: PASSWORD } },
        'token in the query': { query: { token } },
        'access_token in the query': { query: { access_token: token } },
        'session in the query': { query: { 'connect.sid': decodeURIComponent(sid) } },
        'token in a cookie': cookie('access_token', token),
        'session in a cookie': cookie('connect.sid', sid),
        Bearer: { headers: { authorization: `Bearer ${token}` } },
        Basic: { headers: { authorization: basic(USER, PASSWORD) } },
    };
}

const entering = ({ token }) => ({
    'token when entering': { auth: { token } },
    'user and password when entering': { auth: { user: USER, pass: PASSWORD } },
});

async function credentials(url) {
    const { access_token: token } = await tokens(url, USER, PASSWORD);
    return { token, sid: await session(url, USER, PASSWORD) };
}

const withQuery = (url, query) => (query ? `${url}?${new URLSearchParams(query)}` : url);

// --- in -----------------------------------------------------------------------------------------------------------

test('every way into every dialect', async t => {
    const { url } = await start(t);
    const known = await credentials(url);
    for (const dialect of Object.keys(DIALECTS)) {
        const all = { ...ways(known), ...(/4/.test(dialect) ? entering(known) : {}) };
        for (const [name, said] of Object.entries(all)) {
            await t.test(`${dialect}: ${name}`, async each => {
                const client = await dial(each, dialect, url, said);
                assert.equal(client.state, 'connected');
                assert.deepEqual(await call(client, 'authenticate'), [true, true]);
                assert.deepEqual(await call(client, 'authEnabled'), [true, USER]);
                const [error, state] = await call(client, 'getState', STATE);
                assert.deepEqual([error, state.val], [null, 42]);
                assert.deepEqual(await call(client, 'setObject', 'a.0.b', {}), ['permissionError']);
                assert.equal((await call(client, 'getUserPermissions'))[1].user, `system.user.${USER}`);
            });
        }
    }
});

test('every way into REST and files', async t => {
    const { url } = await start(t);
    for (const [name, { query, headers }] of Object.entries(ways(await credentials(url)))) {
        await t.test(name, async () => {
            const state = await ask(withQuery(`${url}/api/state/${STATE}`, query), { headers });
            assert.deepEqual([state.status, JSON.parse(state.body).val], [200, 42]);
            const denied = await ask(withQuery(`${url}/api/object/a.0.b`, query),
                { method: 'PUT', json: { type: 'state', common: {}, native: {} }, headers });
            assert.equal(denied.status, 403);
            const file = await ask(withQuery(url + FILE, query), { headers });
            assert.equal(file.status, 200);
            assert.match(file.headers['cache-control'], /^private/);
        });
    }
});

test('files are read, written and deleted as who asks', async t => {
    const { url } = await start(t);
    const admin = { authorization: basic('admin', 'peer-admin-1') };
    const guest = { authorization: basic(USER, PASSWORD) };
    const file = `${url}/vis.0/main/ways.txt`;
    const put = (headers, body) => ask(file, { method: 'PUT', headers, body });
    assert.equal((await put({}, 'x')).status, 401);
    assert.equal((await put({ authorization: basic(USER, 'x') }, 'x')).status, 401);
    assert.equal((await put(guest, 'x')).status, 403);
    assert.equal((await ask(file, { headers: admin })).status, 404);
    assert.equal((await put(admin, 'x'.repeat(1_000_000))).status, 201);
    assert.equal((await ask(file, { headers: admin })).body.length, 1_000_000);
    assert.equal((await ask(file, { method: 'DELETE', headers: guest })).status, 403);
    assert.equal((await ask(file, { method: 'DELETE' })).status, 401);
    assert.equal((await ask(file, { method: 'DELETE', headers: admin })).status, 204);
});

test('credentials in the request come before those of the browser', async t => {
    const { url } = await start(t);
    const sid = await session(url, USER, PASSWORD);
    for (const dialect of Object.keys(DIALECTS)) {
        const client = await dial(t, dialect, url,
            { query: { user: 'operator', pass: 'peer-operator-1' }, ...cookie('connect.sid', sid) });
        assert.deepEqual(await call(client, 'authEnabled'), [true, 'operator']);
        // A cookie that is void does not stand in the way of another.
        const other = await dial(t, dialect, url,
            { query: { token: 'nosuch' }, headers: { cookie: `access_token=nosuch; connect.sid=${sid}` } });
        assert.deepEqual(await call(other, 'authEnabled'), [true, USER]);
    }
});

test('a client is told when its log-in ends, where its dialect has that', async t => {
    const { url } = await start(t);
    const sid = await session(url, USER, PASSWORD);
    const client = await dial(t, 'plain', url, cookie('connect.sid', sid));
    await until(client, () => has(client, 'tokenInfo'), 'tokenInfo');
    assert.ok(client.events[0][1].expiresAt > Date.now());
});

// --- not in -------------------------------------------------------------------------------------------------------

const NOTHING = {
    nothing: {},
    'an unknown token': { query: { token: 'nosuch' } },
    'a session that was not signed here': cookie('connect.sid', 's%3A0123456789abcdefghijklmnopqrstuv.AAAA'),
    'an unknown token in a cookie': cookie('access_token', 'nosuch'),
};

const FALSE = {
    'a wrong password': { query: { user: USER, pass: 'wrong' } },
    'a user that there is not': { query: { user: 'nosuch', pass: PASSWORD } },
    'a user that is disabled': { query: { user: 'disabled', pass: 'peer-disabled-1' } },
    'an empty password': { query: { user: USER, pass: '' } },
    'a wrong Basic': { headers: { authorization: basic(USER, 'wrong') } },
    'a wrong Bearer': { headers: { authorization: 'Bearer nosuch' } },
};

test('who has nothing is told to log in', async t => {
    const { url } = await start(t);
    for (const dialect of Object.keys(DIALECTS)) {
        for (const [name, said] of Object.entries(NOTHING)) {
            await t.test(`${dialect}: ${name}`, async each => {
                const client = await dial(each, dialect, url, said);
                assert.ok(await expelled(client, dialect));
                if (dialect !== 'plain') {
                    assert.equal(client.state, 'disconnected');
                }
            });
        }
    }
});

test('who is wrong hears it', async t => {
    const { url } = await start(t, '--auth-lock-user', '1000', '--auth-lock-address', '1000');
    for (const dialect of Object.keys(DIALECTS)) {
        for (const [name, said] of Object.entries(FALSE)) {
            await t.test(`${dialect}: ${name}`, async each => {
                const client = await dial(each, dialect, url, said);
                if (dialect === 'plain') {
                    assert.ok(await expelled(client, dialect));
                } else {
                    assert.deepEqual([client.state, client.reason], ['error', WRONG]);
                    assert.equal(has(client, 'reauthenticate'), /2/.test(dialect));
                }
            });
        }
    }
});

test('REST and files answer 401', async t => {
    const { url } = await start(t, '--auth-lock-user', '1000', '--auth-lock-address', '1000');
    for (const [name, { query, headers }] of Object.entries({ ...NOTHING, ...FALSE })) {
        const answer = await ask(withQuery(`${url}/api/state/${STATE}`, query), { headers });
        assert.deepEqual([answer.status, answer.headers['content-type']],
            [401, 'application/problem+json; charset=utf-8'], name);
        assert.match(answer.headers['www-authenticate'], /^Bearer realm=/);
        const events = await ask(withQuery(`${url}/api/events`, { pattern: 'demo.0.*', ...query }), { headers });
        assert.equal(events.status, 401, name);
    }
    for (const [name, { query, headers }] of Object.entries(FALSE)) {
        const answer = await ask(withQuery(url + FILE, query), { headers });
        assert.equal(answer.status, 401, name);
        assert.match(answer.headers['www-authenticate'], headers && /Basic/.test(headers.authorization)
            ? /^Basic realm=.*UTF-8/ : /^Bearer /);
        assert.equal(answer.headers['cache-control'], 'no-store');
    }
});

test('nobody guesses passwords for long', async t => {
    const { url } = await start(t);
    for (let i = 0; i < 5; i++) {
        const client = await dial(t, 'plain', url, { query: { user: USER, pass: 'wrong' } });
        await expelled(client, 'wrong');
    }
    const right = await dial(t, 'socket.io 2 websocket', url, { query: { user: USER, pass: PASSWORD } });
    assert.deepEqual([right.state, right.reason], ['error', WRONG]);
    const { status, body } = await ask(`${url}/api/state/${STATE}`, { headers: { authorization: basic(USER, PASSWORD) } });
    assert.equal(status, 401);
    assert.match(JSON.parse(body).detail, /^Too many errors/);
    const form = await ask(`${url}/login`, { method: 'POST', form: { username: USER, password: PASSWORD } });
    assert.match(form.headers.location, /#locked$/);
});

test('what is not known is not guessed: without the auth actor nobody gets in, and nobody is sent away', async t => {
    const system = await new System(t, await imported(t), ['--request-timeout', '1s']).start(0);
    const gateway = await system.startGateway('127.0.0.1:0,auth=on');
    const [url] = gateway.urls;
    const sid = await session(url, USER, PASSWORD);
    await system.kill('auth');
    const client = await dial(t, 'plain', url, cookie('connect.sid', sid));
    assert.equal(await expelled(client, 'a client that may be right'), false);
    const answer = await ask(`${url}/api/state/${STATE}`, cookie('connect.sid', sid));
    assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '1']);
    assert.equal((await ask(url + FILE, cookie('connect.sid', sid))).status, 503);
    await system.startActor('auth');
    const again = async () => {
        let state;
        do {
            ({ state } = await dial(t, 'plain', url, cookie('connect.sid', sid)));
        } while (state !== 'connected');
    };
    await within(again(), 'being let in again');
});

// --- the end ------------------------------------------------------------------------------------------------------

// A client of each dialect, and a stream of events, with the same credentials.
async function openAll(t, url, said) {
    const clients = await Promise.all(Object.keys(DIALECTS).map(dialect => dial(t, dialect, url, said)));
    clients.forEach(({ state }) => assert.equal(state, 'connected'));
    const events = await stream(t, `${url}/api/events?pattern=demo.0.*`, said.headers);
    return { clients, events };
}

async function allEnd({ clients, events }, since, what) {
    for (const client of clients) {
        assert.ok(await expelled(client, what), what);
    }
    await within(events.ended, `the end of the stream of ${what}`);
    assert.ok(events.events.some(({ event }) => event === 'reauthenticate'), what);
    const took = Date.now() - since;
    assert.ok(took < SOON_MS, `${what} took ${took} ms`);
}

test('a log-out ends the log-in everywhere', async t => {
    const { url } = await start(t);
    for (const [kind, outs] of Object.entries({ 'connect.sid': ['socket', 'page'], access_token: ['socket', 'page'] })) {
        for (const out of outs) {
            await t.test(`${kind} by ${out}`, async each => {
                const { token, sid } = await credentials(url);
                const value = kind === 'connect.sid' ? sid : token;
                const all = await openAll(each, url, cookie(kind, value));
                const other = await dial(each, 'plain', url, { query: { user: USER, pass: PASSWORD } });
                const since = Date.now();
                if (out === 'socket') {
                    assert.deepEqual(await call(all.clients[0], 'logout'), [null]);
                } else {
                    const { status, headers, cookies } = await ask(`${url}/logout`, cookie(kind, value));
                    assert.deepEqual([status, headers.location], [302, '/login']);
                    assert.ok(cookies.some(line => /^connect\.sid=; .*Max-Age=0/.test(line)));
                    assert.ok(cookies.some(line => /^access_token=; .*Max-Age=0/.test(line)));
                }
                await allEnd(all, since, `${kind} by ${out}`);
                const again = await dial(each, 'plain', url, cookie(kind, value));
                assert.ok(await expelled(again, 'a log-in that has ended'));
                assert.equal((await ask(`${url}/api/state/${STATE}`, cookie(kind, value))).status, 401);
                assert.deepEqual(await call(other, 'authEnabled'), [true, USER]);
            });
        }
    }
});

test('a page from elsewhere logs nobody out', async t => {
    const { url } = await start(t);
    const sid = await session(url, USER, PASSWORD);
    const { headers: { cookie: shown } } = cookie('connect.sid', sid);
    for (const method of ['GET', 'HEAD', 'POST']) {
        const { status, cookies } = await ask(`${url}/logout`,
            { method, headers: { cookie: shown, 'sec-fetch-site': 'cross-site' } });
        assert.deepEqual([status, cookies], [403, []], method);
    }
    assert.equal((await ask(`${url}/api/state/${STATE}`, cookie('connect.sid', sid))).status, 200);
    const own = await ask(`${url}/logout`, { headers: { cookie: shown, 'sec-fetch-site': 'same-origin' } });
    assert.equal(own.status, 302);
    assert.equal((await ask(`${url}/api/state/${STATE}`, cookie('connect.sid', sid))).status, 401);
});

test('who came with a password has no session to log out of', async t => {
    const { url } = await start(t);
    const said = { query: { user: USER, pass: PASSWORD } };
    assert.deepEqual(await call(await dial(t, 'socket.io 2 websocket', url, said), 'logout'), [{}]);
    assert.deepEqual(await call(await dial(t, 'plain', url, said), 'logout'), ['Error: No session']);
});

test('a new password and a disabled user end everything at every gateway', async t => {
    const system = await new System(t, await imported(t)).start(0);
    for (let i = 0; i < 2; i++) {
        await system.startGateway('127.0.0.1:0,auth=on');
    }
    const urls = system.gateways.map(gateway => gateway.urls[0]);
    const deeds = {
        'a new password': () => tool(system.data, ['passwd', USER, '--stdin'], 'Other-Word-1'),
        'a disabled user': () => tool(system.data, ['user', 'disable', USER]),
    };
    let password = PASSWORD;
    for (const [name, deed] of Object.entries(deeds)) {
        const sid = await session(urls[0], USER, password);
        const all = await Promise.all(urls.flatMap(url => [
            openAll(t, url, cookie('connect.sid', sid)),
            openAll(t, url, { headers: { authorization: basic(USER, password) } }),
        ]));
        const other = await dial(t, 'plain', urls[0], { query: { user: 'operator', pass: 'peer-operator-1' } });
        await deed();
        const since = Date.now();
        await Promise.all(all.map(each => allEnd(each, since, name)));
        assert.deepEqual(await call(other, 'authEnabled'), [true, 'operator']);
        const old = await dial(t, 'plain', urls[1], { query: { user: USER, pass: password } });
        assert.ok(await expelled(old, 'the old password'));
        password = 'Other-Word-1';
    }
});

test('a token that reads only changes nothing, whoever it belongs to', async t => {
    const { data, url } = await start(t, '--admin', 'on');
    const token = (await tool(data, ['token', 'add', 'admin', 'panel', '--read-only'])).trim().split('\n')[0];
    const said = { headers: { authorization: `Bearer ${token}` } };
    for (const dialect of Object.keys(DIALECTS)) {
        const client = await dial(t, dialect, url, said);
        assert.deepEqual(await call(client, 'authEnabled'), [true, 'admin']);
        assert.equal((await call(client, 'getState', STATE))[1].val, 42);
        assert.deepEqual(await call(client, 'setState', STATE, 1), ['permissionError']);
        assert.deepEqual(await call(client, 'delObject', STATE), ['permissionError']);
        assert.deepEqual(await call(client, 'addUser', 'eve', 'Eve-Word-1'), ['permissionError']);
        assert.equal((await call(client, 'getUserPermissions'))[1].state.write, false);
    }
    assert.equal((await ask(`${url}/api/state/${STATE}`, { method: 'PUT', json: 1, ...said })).status, 403);
    assert.equal((await ask(`${url}/vis.0/main/x.txt`, { method: 'PUT', body: 'x', ...said })).status, 403);
    assert.equal((await ask(url + FILE, { method: 'DELETE', ...said })).status, 403);
    assert.equal((await ask(url + FILE, said)).status, 200);
    // The same user with the password may do everything.
    const admin = await dial(t, 'plain', url, { query: { user: 'admin', pass: 'peer-admin-1' } });
    assert.equal((await call(admin, 'setState', STATE, 1))[0], null);
    const watching = await dial(t, 'plain', url, said);
    await tool(data, ['token', 'revoke', 'panel']);
    assert.ok(await expelled(watching, 'a token that was revoked'));
    assert.deepEqual((await call(admin, 'authEnabled'))[1], 'admin');
});

// --- tokens -------------------------------------------------------------------------------------------------------

test('a page goes on with a new token', async t => {
    const { url } = await start(t);
    const first = await tokens(url, USER, PASSWORD);
    const refreshed = await ask(`${url}/vis/oauth/token`, { method: 'POST',
        form: { grant_type: 'refresh_token', refresh_token: first.refresh_token, client_id: 'test' } });
    assert.equal(refreshed.status, 200);
    const second = JSON.parse(refreshed.body);
    for (const dialect of Object.keys(DIALECTS)) {
        const client = await dial(t, dialect, url, { query: { token: first.access_token } });
        assert.deepEqual(await call(client, 'updateTokenExpiration', second.access_token), [null, true]);
        await until(client, () => has(client, 'tokenInfo'), 'tokenInfo');
        for (const token of ['', 'nosuch', undefined, (await tokens(url, 'operator', 'peer-operator-1')).access_token]) {
            assert.deepEqual(await call(client, 'updateTokenExpiration', token), ['No access token found', false]);
        }
        assert.deepEqual(await call(client, 'authEnabled'), [true, USER]);
    }
    const used = await ask(`${url}/oauth/token`, { method: 'POST',
        form: { grant_type: 'refresh_token', refresh_token: first.refresh_token, client_id: 'test' } });
    assert.equal(used.status, 400);
});

test('/oauth/token', async t => {
    const { url } = await start(t);
    const post = options => ask(`${url}/oauth/token`, { method: 'POST', ...options });
    const asked = { grant_type: 'password', username: USER, password: PASSWORD, client_id: 'test' };
    const stay = await post({ json: { ...asked, stayloggedin: true } });
    assert.equal(stay.status, 200);
    assert.equal(stay.headers['cache-control'], 'no-store');
    const token = JSON.parse(stay.body);
    assert.deepEqual(stay.cookies,
        [`access_token=${token.access_token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${token.expires_in}`]);
    const refusals = [
        [{ ...asked, password: 'x' }, 'invalid_grant', 'invalid_grant'],
        [{ ...asked, username: '' }, 'invalid_grant', 'invalid_grant'],
        [{ ...asked, client_id: '' }, 'invalid_client', 'invalid_client'],
        [{ ...asked, grant_type: 'code' }, 'invalid_client', 'unsupported_grant_type'],
        [{}, 'invalid_client', 'invalid_client'],
    ];
    for (const [form, name, error] of refusals) {
        for (const how of [{ form }, { json: form }]) {
            const { status, body } = await post(how);
            assert.equal(status, 400);
            assert.deepEqual([JSON.parse(body).name, JSON.parse(body).error], [name, error]);
        }
    }
    assert.equal((await post({ body: '{', headers: { 'content-type': 'application/json' } })).status, 400);
    assert.equal((await ask(`${url}/oauth/token`)).status, 405);
    assert.equal((await post({ body: 'x'.repeat(100_000) })).status, 413);
});

// --- pages --------------------------------------------------------------------------------------------------------

test('what pages are told without a log-in', async t => {
    const { url } = await start(t);
    const rows = [
        ['/vis/index.html?lab', 302, '/login?href=%2Fvis%2Findex.html%3Flab'],
        ['/vis/img/a.png', 302, '/login?href=%2Fvis%2Fimg%2Fa.png'],
        ['/explorer.html', 302, '/login?href=%2Fexplorer.html'],
        ['/login/index.html?href=%2Fvis', 302, '/login?href=%2Fvis'],
        ['/vis/css/vis.css', 200, undefined, ''],
        ['/lib/js/jquery.js', 200, undefined, ''],
        ['/vis/js/vis.js', 200, undefined, /^document\.location = '\/login\?href=' \+/],
        ['/vis/_socket/info.js', 200, undefined, /^document\.location/],
        ['/', 200, undefined, /<form[^>]* method="post" action="login">/],
        ['/login?href=%2Fvis%3Fa%26b', 200, undefined, /name="href" value="\/vis\?a&#38;b"/],
        ['/login?href=%2F%2Fevil.example', 200, undefined, /name="href" value=""/],
        ['/login?href=%22%3E%3Cscript%3E', 200, undefined, /name="href" value=""/],
        ['/nothing', 404],
        ['/metrics', 401],
        ['/getUser', 501],
        ['/auth', 200, undefined, '{"auth":true}'],
        ['/healthz', 200],
    ];
    for (const [where, status, location, body] of rows) {
        const answer = await ask(url + where);
        assert.deepEqual([where, answer.status, answer.headers.location], [where, status, location]);
        if (body !== undefined) {
            assert.match(answer.body, body instanceof RegExp ? body : new RegExp(`^${body}$`), where);
        }
        if (status === 302 || body) {
            assert.match(answer.headers['cache-control'], /no-store|no-cache/, where);
        }
    }
    for (const where of ['/favicon.svg', '/_iobus/style/login.css', '/socket.io/socket.io.js']) {
        assert.notEqual((await ask(url + where)).status, 302, where);
    }
});

test('the log-in page', async t => {
    const { url } = await start(t);
    const post = (form, headers) => ask(`${url}/login`, { method: 'POST', form, headers });
    const right = { username: USER, password: PASSWORD };
    const { status, headers, cookies } = await post({ ...right, href: '/vis/index.html?lab' });
    assert.deepEqual([status, headers.location], [302, '/vis/index.html?lab']);
    assert.match(cookies[0], /^connect\.sid=s%3A[^;]+; Path=\/; HttpOnly; SameSite=Lax$/);
    assert.match(cookies[1], /^access_token=; .*Max-Age=0/);
    assert.match((await post({ ...right, stayloggedin: 'on' })).cookies[0], /Max-Age=\d{7}/);
    const sid = /^connect\.sid=([^;]+)/.exec(cookies[0])[1];
    const page = await ask(`${url}/vis.0/main/vis-views.json`, cookie('connect.sid', sid));
    assert.equal(page.status, 200);
    assert.match((await ask(`${url}/`, cookie('connect.sid', sid))).body, /data-page="start"/);
    assert.match((await ask(`${url}/vis/_socket/info.js`, cookie('connect.sid', sid))).body, /^var socketUrl/);
    for (const name of ['getUser', 'prolongSession']) {
        const answer = JSON.parse((await ask(`${url}/${name}`, cookie('connect.sid', sid))).body);
        assert.equal(answer.user, USER);
        assert.ok(Date.parse(answer.expires) > Date.now());
    }
    const wrong = await post({ username: USER, password: 'x', href: '/vis/?a&b' });
    assert.deepEqual([wrong.status, wrong.headers.location], [302, '/login?href=%2Fvis%2F%3Fa%26b&error#wrong']);
    assert.deepEqual(wrong.cookies, []);
    const disabled = await post({ username: 'disabled', password: 'peer-disabled-1' });
    assert.match(disabled.headers.location, /#disabled$/);
    const app = form => ask(`${url}/loginApp`, { method: 'POST', json: form });
    assert.equal((await app(right)).body, `{"result":"ok","user":"${USER}"}`);
    assert.deepEqual([(await app({})).status, (await app({})).body], [401, '{"error":"cannot login user"}']);
    assert.equal((await post(right, { 'sec-fetch-site': 'cross-site' })).status, 403);
});

test('a log-in leads to no other server', async t => {
    const { url } = await start(t);
    const bad = ['//evil.example', '/\\evil.example', 'https://evil.example', '\\\\evil.example', 'javascript:alert(1)',
        '/\t/evil.example', '/\r\nSet-Cookie: a=b', 'evil', '', '/'.repeat(3000)];
    const right = { username: USER, password: PASSWORD };
    for (const href of bad) {
        const asked = [
            ask(`${url}/login`, { method: 'POST', form: { ...right, href } }),
            ask(`${url}/login?${new URLSearchParams({ href })}`, { method: 'POST', form: right }),
            ask(`${url}/login`, { method: 'POST',
                form: { ...right, origin: `/login/index.html?${new URLSearchParams({ href })}` } }),
        ];
        for (const { status, headers, cookies } of await Promise.all(asked)) {
            assert.deepEqual([status, headers.location, cookies.length], [302, '/', 2], href);
        }
    }
    const origin = `/login/index.html?${new URLSearchParams({ href: '/vis/?a#b' })}`;
    const good = await ask(`${url}/login`, { method: 'POST', form: { ...right, origin } });
    assert.equal(good.headers.location, '/vis/?a#b');
});

test('below a prefix', async t => {
    const { url } = await start(t, '--base-path', '/house');
    assert.equal((await ask(`${url}/house/vis/index.html`)).headers.location, '/house/login?href=%2Fhouse%2Fvis%2Findex.html');
    const { headers } = await ask(`${url}/house/login`, { method: 'POST', form: { username: USER, password: PASSWORD } });
    assert.equal(headers.location, '/house/');
});

test('without auth there is nothing to log in to', async t => {
    const server = await serve(t, ['--data', temporaryFolder(t), '--listen', '127.0.0.1:0']);
    const [url] = server.urls;
    for (const where of ['/login', '/login/index.html', '/logout']) {
        const { status, headers } = await ask(url + where);
        assert.deepEqual([status, headers.location], [302, '/'], where);
    }
    const post = { method: 'POST', form: { grant_type: 'password' } };
    assert.equal((await ask(`${url}/oauth/token`, post)).status, 404);
    assert.equal((await ask(`${url}/getUser`)).status, 404);
    const client = await dial(t, 'plain', url, { query: { user: 'nosuch', pass: 'x' } });
    assert.deepEqual(await call(client, 'authEnabled'), [false, 'admin']);
});
