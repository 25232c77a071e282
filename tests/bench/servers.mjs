// SPDX-License-Identifier: MIT
// Starts and stops the servers under test. Ends only what it started, by process.
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';

const READY_MS = 120_000; // a start-up with 300,000 objects must fit in, and one under valgrind
const STOP_MS = 10_000;
const TAIL_BYTES = 2000; // of a server's log, shown when it fails

const running = new Set();

// Collects a stream's text; only its end is kept.
function tail(stream) {
    let text = '';
    stream.setEncoding('utf8');
    stream.on('data', chunk => (text = (text + chunk).slice(-TAIL_BYTES)));
    return () => text.trim();
}

// A process and all below it.
function family(pid) {
    const pids = [pid];
    for (const one of pids) {
        try {
            const below = readFileSync(`/proc/${one}/task/${one}/children`, 'utf8');
            pids.push(...below.split(' ').filter(Boolean).map(Number));
        } catch {
            // it has ended
        }
    }
    return pids;
}

function launch(command, args) {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    const log = tail(child.stderr);
    const gone = new Promise(resolve => {
        child.once('error', error => resolve(error.message));
        child.once('exit', (code, signal) => resolve(`ended with ${signal ?? `status ${code}`}`));
    }).finally(() => running.delete(child));
    return { child, log, gone };
}

async function stop(child, gone) {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await gone;
    clearTimeout(timer);
}

// Resolves with { host: 'HOST:PORT', pids, readyMs, stop } once `isReady(child)` gives a host;
// rejects, with the end of its log, when the server dies or takes too long.
function startUntil(command, args, isReady) {
    const began = performance.now();
    const { child, log, gone } = launch(command, args);
    return new Promise((resolve, reject) => {
        const fail = why => {
            clearTimeout(timer);
            child.kill('SIGKILL');
            reject(new Error(`${command} ${args.join(' ')}: ${why}\n${log()}`));
        };
        const timer = setTimeout(() => fail(`not ready after ${READY_MS} ms`), READY_MS);
        gone.then(fail); // without effect once it was ready
        isReady(child).then(host => {
            if (!host) {
                return; // it has ended, and `gone` says why
            }
            clearTimeout(timer);
            const readyMs = performance.now() - began;
            const pids = family(child.pid);
            resolve({ host, pids, readyMs, stop: () => stop(child, gone) });
        });
    });
}

// For servers that print a line `ready http://HOST:PORT`.
export function startServer(command, args) {
    return startUntil(
        command,
        args,
        child =>
            new Promise(resolve => {
                let text = '';
                child.stdout.on('data', chunk => {
                    text += chunk;
                    const match = /^ready http:\/\/(\S+)/m.exec(text);
                    if (match && text.includes('\n', match.index)) {
                        resolve(match[1]);
                        text = '';
                    }
                });
            }),
    );
}

// For servers that say nothing: ready is who accepts connections.
export function startListener(command, args, port) {
    return startUntil(command, args, async child => {
        child.stdout.resume();
        while (child.exitCode === null && child.signalCode === null) {
            const socket = connect(port, '127.0.0.1');
            const accepted = await new Promise(resolve => {
                socket.once('connect', () => resolve(true));
                socket.once('error', () => resolve(false));
            });
            socket.destroy();
            if (accepted) {
                return `127.0.0.1:${port}`;
            }
            await new Promise(resolve => setTimeout(resolve, 20));
        }
        return null;
    });
}

// A port that was free a moment ago, for servers that cannot choose one themselves.
export async function freePort() {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise(resolve => server.once('listening', resolve));
    const { port } = server.address();
    await new Promise(resolve => server.close(resolve));
    return port;
}

// The full path of a program, or null.
export function findProgram(name) {
    try {
        const path = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`;
        const options = { encoding: 'utf8', env: { ...process.env, PATH: path } };
        return execFileSync('sh', ['-c', `command -v ${name}`], options).trim();
    } catch {
        return null;
    }
}

// Runs a program to its end; resolves with its standard output, status and time.
export function runProgram(command, args) {
    const began = performance.now();
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    running.add(child);
    return new Promise((resolve, reject) => {
        let output = '';
        child.stdout.on('data', chunk => (output += chunk));
        child.once('error', reject);
        child.once('close', status => resolve({ output, status, ms: performance.now() - began }));
    }).finally(() => running.delete(child));
}

// For an interrupted run.
export function killAll() {
    for (const child of running) {
        child.kill('SIGKILL');
    }
}
