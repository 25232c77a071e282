// SPDX-License-Identifier: MIT
// Starts and stops the servers under test. Ends only what it started, by process.
import { spawn } from 'node:child_process';

const READY_MS = 120_000; // a start-up with 100,000 objects must fit in
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

// Resolves with { host: 'HOST:PORT', pid, readyMs, stop } once the server has printed its line
// `ready http://HOST:PORT`; rejects, with the end of its log, when it dies or takes too long.
export function startServer(command, args) {
    const began = performance.now();
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    const log = tail(child.stderr);
    const gone = new Promise(resolve => {
        child.once('error', error => resolve(error.message));
        child.once('exit', (code, signal) => resolve(`ended with ${signal ?? `status ${code}`}`));
    }).finally(() => running.delete(child));

    return new Promise((resolve, reject) => {
        const fail = why => {
            clearTimeout(timer);
            child.kill('SIGKILL');
            reject(new Error(`${command} ${args.join(' ')}: ${why}\n${log()}`));
        };
        const timer = setTimeout(() => fail(`not ready after ${READY_MS} ms`), READY_MS);
        gone.then(fail); // without effect once it was ready
        let text = '';
        child.stdout.on('data', chunk => {
            text += chunk;
            const match = /^ready http:\/\/(\S+)/m.exec(text);
            if (match && text.includes('\n', match.index)) {
                clearTimeout(timer);
                const readyMs = performance.now() - began;
                resolve({ host: match[1], pid: child.pid, readyMs, stop: () => stop(child, gone) });
                text = '';
            }
        });
    });
}

async function stop(child, gone) {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await gone;
    clearTimeout(timer);
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
