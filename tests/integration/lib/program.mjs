// SPDX-License-Identifier: MIT
// Runs the program under test: to its end, or as a server until a test stops it. Nothing here sleeps:
// every wait is for an event, with a deadline.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const PROGRAM = process.env.TEST_PROGRAM ?? path.join(ROOT, 'build/release/iobus');

const DEADLINE_MS = 60_000; // sanitizers are slow, and two cores are shared

// The environment of a child: ours without what would configure it.
function environment(extra = {}) {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('IOBUS_'));
    return { ...Object.fromEntries(inherited), ...extra };
}

// Whether the program is a sanitizer's, which is slow and takes much memory.
export function isInstrumented() {
    const program = fs.readFileSync(PROGRAM);
    return program.includes('__asan_init') || program.includes('__tsan_init');
}

// Rejects when the promise takes too long.
export function within(promise, what, ms = DEADLINE_MS) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${what}: nothing within ${ms} ms`)), ms);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// A folder that is gone when the test ends.
export function temporaryFolder(t) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'iobus-test-'));
    t.after(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    return folder;
}

function start(args, { env, cwd, command = [PROGRAM] } = {}) {
    const child = spawn(command[0], [...command.slice(1), ...args],
        { env: environment(env), cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) {
        child[name].setEncoding('utf8').on('data', text => (output[name] += text));
    }
    // `close` comes after the last output.
    const ended = once(child, 'close').then(([status, signal]) => ({ status, signal, ...output }));
    return { child, output, ended };
}

// Runs the program to its end: { status, signal, stdout, stderr }.
export function run(args, options) {
    const { child, ended } = start(args, options);
    return within(ended, `iobus ${args.join(' ')}`).finally(() => child.kill('SIGKILL'));
}

export class Server {
    constructor(args, options) {
        this.args = args;
        Object.assign(this, start(args, options));
    }

    get stdout() {
        return this.output.stdout;
    }

    get stderr() {
        return this.output.stderr;
    }

    get ports() {
        return this.urls.map(url => Number(new URL(url).port));
    }

    // Until it has printed a line; rejects when it ends instead.
    async ready() {
        const line = new Promise(resolve => {
            const look = () => this.stdout.includes('\n') && resolve(true);
            this.child.stdout.on('data', look);
            look();
        });
        const first = await within(Promise.race([line, this.ended]), `ready line of ${this.args}`);
        if (first !== true) {
            throw new Error(`ended with ${first.signal ?? first.status}: ${first.stderr}`);
        }
        this.urls = this.stdout.trim().split(' ').slice(1);
        return this;
    }

    // Until its log contains the text.
    logged(text) {
        return within(new Promise(resolve => {
            const look = () => this.stderr.includes(text) && resolve();
            this.child.stderr.on('data', look);
            look();
        }), `log line ${text}`);
    }

    signal(name) {
        this.child.kill(name);
    }

    // Sends a signal and waits for the end: { status, signal, stdout, stderr }.
    stop(name = 'SIGTERM') {
        this.signal(name);
        return within(this.ended, `end of ${this.args}`);
    }
}

// Starts `iobus serve`, waits for its ready line; it is killed when the test ends.
export async function serve(t, args, options) {
    const server = new Server(['serve', ...args], options);
    t.after(() => server.child.kill('SIGKILL'));
    return server.ready();
}
