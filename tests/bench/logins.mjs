// SPDX-License-Identifier: MIT
// What log-ins cost those who are logged in: setState at a steady rate, without log-ins and while always 200 are under
// way, each of a user of its own, so that each takes a check of its own. Prints a line of JSON per round; the ratio of
// the 99th percentiles has the bound BOUND, which is only printed. Status 1: an answer was wrong, or nobody got in.
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeBackup } from './backup.mjs';
import { median } from './bench.mjs';
import { freePort, killAll, runProgram, startServer } from './servers.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const io = createRequire(path.join(HERE, '../conformance/package.json'))('socket.io-client');
const BOUND = 3;
const STATES = 1000;
const PASSWORD = 'Bench-Word-1';
const ITERATIONS = 10_000; // ioBroker's own
const USERS_PER_SECOND = 150; // more than come in

const { values: options } = parseArgs({ options: {
    build: { type: 'string', default: path.join(HERE, '../../build/release') },
    seconds: { type: 'string', default: '10' },
    rate: { type: 'string', default: '10000' },
    logins: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string' },
} });
const seconds = Number(options.seconds), atOnce = Number(options.logins);

// The same hash for all: whoever checks it cannot know.
function hashed(password) {
    const salt = randomBytes(16).toString('hex');
    return `pbkdf2$${ITERATIONS}$${pbkdf2Sync(password, salt, ITERATIONS, 256, 'sha256').toString('hex')}$${salt}`;
}

// Users user0 ... by somebody who may make them.
async function makeUsers(host, count) {
    const socket = io(`http://${host}`, { transports: ['websocket'] });
    const password = hashed(PASSWORD);
    const put = n => new Promise((resolve, reject) => socket.emit('setObject', `system.user.user${n}`,
        { type: 'user', common: { name: `user${n}`, enabled: true, password }, native: {} },
        error => (error ? reject(new Error(error)) : resolve())));
    for (let n = 0; n < count; n += 100) {
        await Promise.all(Array.from({ length: Math.min(100, count - n) }, (_, i) => put(n + i)));
    }
    socket.close();
}

function logIn(host, username, agent) {
    const body = new URLSearchParams({ username, password: PASSWORD }).toString();
    return new Promise((resolve, reject) => {
        const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length };
        const request = http.request(`http://${host}/login`, { method: 'POST', agent, headers });
        request.on('response', response => {
            response.resume().on('end', () => resolve(response.headers.location === '/'));
        });
        request.on('error', reject).end(body);
    });
}

// Always so many at once until stopped: {stop() -> {done, refused, p50_ms, p99_ms}}. Who has come in is remembered for
// a while, so each user comes once.
function keepLoggingIn(host, users) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: atOnce });
    const times = [];
    let next = 0, over = false, refused = 0;
    const one = async () => {
        while (!over && next < users) {
            const since = performance.now();
            const isIn = await logIn(host, `user${next++}`, agent);
            if (isIn) {
                times.push(performance.now() - since);
            } else {
                refused++;
            }
        }
    };
    const all = Promise.all(Array.from({ length: atOnce }, one));
    return { async stop() {
        const exhausted = next >= users;
        over = true;
        await all;
        agent.destroy();
        times.sort((a, b) => a - b);
        const at = share => Math.round(times[Math.floor((times.length - 1) * share)] ?? 0);
        return { done: times.length, refused, exhausted, p50_ms: at(0.5), p99_ms: at(0.99) };
    } };
}

async function load({ host, pids }) {
    const { output, status } = await runProgram(path.join(options.build, 'iobus-bench'), ['--url', host,
        '--mode', 'setState', '--connections', '50', '--inflight', '64', '--ids', String(STATES),
        '--rate', options.rate, '--seconds', String(seconds), '--warmup', '1', '--pid', pids.join(',')]);
    return { ...JSON.parse(output), ok: status === 0 };
}

// One port for values, which asks nobody, and one to log in at.
async function round(backup, folder) {
    const data = await mkdtemp(path.join(folder, 'data-'));
    const program = path.join(options.build, 'iobus');
    await runProgram(program, ['import', backup, '--data', data]);
    const asking = `127.0.0.1:${await freePort()}`;
    const started = await startServer(program, ['serve', '--data', data, '--listen', '127.0.0.1:0',
        '--listen', `${asking},auth=on`, ...(options.threads ? ['--auth-threads', options.threads] : [])]);
    try {
        const users = atOnce + USERS_PER_SECOND * (seconds + 2);
        await makeUsers(started.host, users);
        const without = await load(started);
        const logins = keepLoggingIn(asking, users);
        const during = await load(started);
        return { without, during, logins: await logins.stop() };
    } finally {
        await started.stop();
        await rm(data, { recursive: true, force: true, maxRetries: 3 });
    }
}

const figures = ({ p50_us, p99_us, max_us, rate, cpu_us_per_op, other_cpus }) =>
    ({ p50_us, p99_us, max_us, rate, cpu_us_per_op, other_cpus });

// What the log-ins did, and what that meant for the others.
function report({ without, during, logins }) {
    const ratio = during.p99_us / without.p99_us;
    const ok = without.ok && during.ok && logins.done > 0 && logins.refused === 0 && !logins.exhausted;
    console.log(JSON.stringify({ ok, at_once: atOnce, ratio: Number(ratio.toFixed(2)), bound: BOUND,
        within: ratio <= BOUND, without: figures(without), during: figures(during), logins }));
    return { ok, ratio };
}

const folder = await mkdtemp(path.join(tmpdir(), 'iobus-logins-'));
process.once('SIGINT', () => {
    killAll();
    process.exit(1);
});
try {
    const backup = path.join(folder, 'backup.tar.gz');
    const rounds = [];
    await writeBackup(backup, folder, STATES);
    for (let n = 0; n < Number(options.rounds); n++) {
        rounds.push(report(await round(backup, folder)));
    }
    const ratio = median(rounds.map(each => each.ratio));
    console.log(JSON.stringify({ median_ratio: Number(ratio.toFixed(2)), bound: BOUND, within: ratio <= BOUND }));
    process.exitCode = rounds.every(({ ok }) => ok) ? 0 : 1;
} finally {
    killAll();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}
