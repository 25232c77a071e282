// SPDX-License-Identifier: MIT
// Who guesses passwords gets nowhere, and nobody else notices: locks by user and address, their end, what is logged,
// and values that go on while many log in.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import test, { describe } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { isInstrumented, ROOT, run, serve, temporaryFolder, within } from './lib/program.mjs';
import { ask, call, dial, expelled, tokens } from './lib/ways.mjs';

const BACKUP = path.join(ROOT, 'tests/conformance/data/iobroker-backup.tar.gz');
const USER = 'guest';
const PASSWORD = 'peer-guest-1';
const STATE = 'demo.0.types.number';
const CLOCK_TICKS = 100; // USER_HZ

async function start(t, ...args) {
    const data = temporaryFolder(t);
    const { status, stderr } = await run(['import', BACKUP, '--data', data]);
    assert.equal(status, 0, stderr);
    const server = await serve(t, ['--data', data, '--listen', '127.0.0.1:0,auth=on', ...args]);
    return { data, server, url: server.urls[0] };
}

const basic = (user, password) => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` });

// CPU seconds of a process.
function cpu({ child }) {
    const fields = fs.readFileSync(`/proc/${child.pid}/stat`, 'latin1').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
}

// One request from an address of ours.
function from(localAddress, url, { method = 'GET', headers, form } = {}) {
    const text = form && new URLSearchParams(form).toString();
    return within(new Promise((resolve, reject) => {
        const type = form && { 'content-type': 'application/x-www-form-urlencoded' };
        const request = http.request(url, { method, agent: false, localAddress, headers: { ...type, ...headers } });
        request.on('response', response => {
            let body = '';
            response.setEncoding('utf8').on('data', part => (body += part));
            response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
        });
        request.on('error', reject).end(text);
    }), url);
}

const logIn = (address, url, username, password, headers) =>
    from(address, `${url}/login`, { method: 'POST', form: { username, password }, headers });
const isIn = ({ headers }) => headers.location === '/';
const isLocked = ({ headers }) => /#locked$/.test(headers.location);

// Does all of it, so many at a time.
async function inParallel(items, parallel, deed) {
    const left = [...items];
    await Promise.all(Array.from({ length: parallel }, async () => {
        for (let item = left.shift(); item !== undefined; item = left.shift()) {
            await deed(item);
        }
    }));
}

// --- guessing -----------------------------------------------------------------------------------------------------

describe('guessing', { concurrency: true }, () => {
    test('a thousand wrong passwords from one address', async t => {
        const { server, url } = await start(t);
        const passwords = Array.from({ length: 1000 }, (_, i) => `Guess-${i}-word`);
        const before = cpu(server);
        const answers = [];
        await inParallel(passwords, 20, async password => answers.push(await logIn('127.0.0.1', url, USER, password)));
        const used = cpu(server) - before;
        const wrong = answers.filter(({ headers }) => /#wrong$/.test(headers.location)).length;
        const locked = answers.filter(isLocked).length;
        assert.equal(wrong + locked, 1000);
        assert.equal(wrong, 5); // auth-lock-user
        // A thousand checks would take half a minute.
        assert.ok(used < (isInstrumented() ? 60 : 5), `${used} s of CPU`);

        // The right password does not help there, whatever the address says of itself and however the name is written.
        assert.ok(isLocked(await logIn('127.0.0.1', url, USER, PASSWORD)));
        for (const name of ['Guest', 'GUEST', 'system.user.guest', 'system.user.guest\0', ' guest', 'guest\0',
            'g\u00fcest']) {
            assert.equal(isIn(await logIn('127.0.0.1', url, name, PASSWORD)), false, name);
        }
        for (const headers of [{ 'x-forwarded-for': '10.9.8.7' }, { 'x-forwarded-for': '127.0.0.2, 127.0.0.2' },
            { 'x-real-ip': '10.9.8.7' }, { forwarded: 'for=10.9.8.7' }]) {
            assert.ok(isLocked(await logIn('127.0.0.1', url, USER, PASSWORD, headers)));
        }
        const rest = await from('127.0.0.1', `${url}/api/state/${STATE}`, { headers: basic(USER, PASSWORD) });
        assert.equal(rest.status, 401);
        const client = await dial(t, 'plain', url, { query: { user: USER, pass: PASSWORD } });
        assert.ok(await expelled(client, 'a locked user'));
        // Others at this address, and the user at another, are let in.
        assert.ok(isIn(await logIn('127.0.0.1', url, 'operator', 'peer-operator-1')));
        assert.ok(isIn(await logIn('127.0.0.2', url, USER, PASSWORD)));
        const there = await from('127.0.0.2', `${url}/api/state/${STATE}`, { headers: basic(USER, PASSWORD) });
        assert.equal(there.status, 200);

        await server.logged('AUTH-LOCKED');
        const [line] = server.stderr.split('\n').filter(text => text.includes('AUTH-LOCKED'));
        assert.match(line, /user=system\.user\.guest address=127\.0\.0\.1 seconds=60/);
        assert.doesNotMatch(server.stderr, /Guess-|peer-guest/);
        const lines = server.stderr.split('\n').filter(text => /AUTH-|GW-LOGIN/.test(text)).length;
        assert.ok(lines < 200, `${lines} lines`); // an attacker must not fill the disk
    });

    test('many users from one address, and names that are not', async t => {
        const { server, url } = await start(t);
        const names = Array.from({ length: 200 }, (_, i) => `nobody-${i}`);
        const answers = [];
        await inParallel(names, 10, async name => answers.push(await logIn('127.0.0.1', url, name, 'Guess-word')));
        assert.equal(answers.filter(({ headers }) => /#wrong$/.test(headers.location)).length, 20); // auth-lock-address
        assert.ok(isLocked(await logIn('127.0.0.1', url, USER, PASSWORD)));
        assert.ok(isIn(await logIn('127.0.0.2', url, USER, PASSWORD)));
        // A name that there is not may be a password in the wrong field.
        await server.logged('AUTH-LOCKED');
        assert.doesNotMatch(server.stderr, /nobody-/);
        assert.match(server.stderr, /AUTH-LOCKED.*user=\(unknown\)/);
    });

    test('behind a proxy that is trusted everybody has a lock of his own', async t => {
        const { url } = await start(t, '--trusted-proxies', '127.0.0.1');
        const by = address => ({ 'x-forwarded-for': address });
        for (let i = 0; i < 6; i++) {
            // What the client claims stands in front of what the proxy has seen.
            await logIn('127.0.0.1', url, USER, `Guess-${i}`, by(`10.0.0.${i}, 10.1.1.1`));
        }
        assert.ok(isLocked(await logIn('127.0.0.1', url, USER, PASSWORD, by('10.1.1.1'))));
        assert.ok(isLocked(await logIn('127.0.0.1', url, USER, PASSWORD, by('10.0.0.9, 10.1.1.1'))));
        assert.ok(isLocked(await logIn('127.0.0.1', url, USER, PASSWORD, by('::ffff:10.1.1.1'))));
        assert.ok(isIn(await logIn('127.0.0.1', url, USER, PASSWORD, by('10.1.1.2'))));
        assert.ok(isIn(await logIn('127.0.0.2', url, USER, PASSWORD, by('10.1.1.1')))); // says so itself
    });

    test('a lock ends', async t => {
        const { url } = await start(t, '--auth-lock-user', '2');
        for (let i = 0; i < 3; i++) {
            await logIn('127.0.0.1', url, USER, `Guess-${i}`);
        }
        const since = Date.now();
        const again = async () => {
            let answer;
            while (!isIn(answer = await logIn('127.0.0.1', url, USER, PASSWORD))) {
                assert.ok(isLocked(answer));
                await pause(1000); // the lock's minute; asking does not make it longer
            }
        };
        await within(again(), 'the end of the lock', 90_000);
        assert.ok(Date.now() - since > 50_000);
        // It was right: counting starts anew.
        await logIn('127.0.0.1', url, USER, 'Guess-4');
        assert.ok(isIn(await logIn('127.0.0.1', url, USER, PASSWORD)));
    });
});

// --- many log-ins -------------------------------------------------------------------------------------------------

test('a hundred log-ins at once do not stop the values of others', async t => {
    const { server, url } = await start(t);
    const client = await dial(t, 'plain', url, { query: { user: 'admin', pass: 'peer-admin-1' } });
    const kept = (await tokens(url, 'operator', 'peer-operator-1')).access_token;
    let over = false, writes = 0;
    const writing = (async () => {
        for (; !over; writes++) {
            assert.equal((await call(client, 'setState', STATE, writes))[0], null);
        }
    })();
    // Wrong ones of many users and addresses, so that each takes a check of its own.
    const attempts = Array.from({ length: 100 }, (_, i) => i);
    const seen = [];
    await within(Promise.all(attempts.map(async i => {
        const before = writes;
        const answer = await logIn(`127.0.1.${i + 1}`, url, `nobody-${i}`, 'Guess-word');
        seen.push(answer.headers.location.split('#')[1]);
        return writes - before;
    })), 'a hundred log-ins');
    assert.deepEqual([...new Set(seen)], ['wrong']);
    // Who has a token does not wait for those who are still being checked.
    assert.equal((await ask(`${url}/api/state/${STATE}?token=${kept}`)).status, 200);
    over = true;
    await within(writing, 'the last write');
    assert.ok(writes > 10, `${writes} writes meanwhile`);
    assert.equal(server.child.exitCode, null);
});

test('more log-ins than the queue holds are told to come again, and requests that leave cost nothing', async t => {
    const { url } = await start(t, '--auth-queue', '4', '--auth-threads', '1');
    const port = Number(new URL(url).port);
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) =>
        from(`127.0.2.${i + 1}`, `${url}/api/state/${STATE}`, { headers: basic(`nobody-${i}`, 'Guess-word') })));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))].sort(), [401, 503]);
    for (const { status, headers } of answers) {
        assert.equal(status === 503, headers['retry-after'] === '1');
    }
    // Clients that hang up while they are looked at.
    const { authorization } = basic(USER, 'Guess');
    const request = `GET /api/state/${STATE} HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n\r\n`;
    await inParallel(Array.from({ length: 60 }, (_, i) => i), 20, i => within(new Promise(resolve => {
        const socket = net.connect({ port, host: '127.0.0.1', localAddress: `127.0.3.${i + 1}` }, () => {
            socket.write(request, () => socket.destroy());
        });
        socket.on('error', () => {}).on('close', resolve);
    }), 'hanging up'));
    const again = async () => {
        let answer;
        do {
            answer = await from('127.0.0.2', `${url}/api/state/${STATE}`,
                { headers: basic('operator', 'peer-operator-1') });
        } while (answer.status === 503);
        return answer.status;
    };
    assert.equal(await within(again(), 'a place in the queue'), 200);
});
