// SPDX-License-Identifier: MIT
// Runs one case in one dialect and judges it.
import crypto from 'node:crypto';
import { ackMismatch, mismatch } from './match.mjs';
import { STEPS } from './steps.mjs';
import { at, fill } from './values.mjs';

// In these families a server may answer where the original is silent, but only with an error.
const STRICT_FAMILIES = ['permissions', 'auth'];

// The state of one run: connections, raw sockets, saved values. `environment` is the same for all
// runs: targets, identities and the address of the small web server.
class Run {
    constructor(item, dialect, environment) {
        this.item = item;
        this.dialect = dialect;
        this.environment = environment;
        this.identities = environment.identities;
        this.startedAt = Date.now();
        this.clients = new Map();
        this.sockets = new Map();
        this.vars = { u: `u${crypto.randomBytes(6).toString('hex')}`, http: environment.http };
    }

    target(port, dialect) {
        const { targets } = this.environment;
        return (dialect === 'iobws' && targets[`iobws-${port}`]) || targets[port];
    }

    end() {
        for (const open of [...this.clients.values(), ...this.sockets.values()]) {
            open.close();
        }
    }
}

function contentType(value, whole) {
    if (typeof value !== 'string') {
        return value;
    }
    const lower = value.toLowerCase();
    return whole || lower.startsWith('<') ? lower : lower.split(';')[0].trim();
}

// Answers to HTTP requests are compared in what the vector mentions: what a page says in its body
// or which type an empty answer has is the server's own affair.
function httpMismatch(run, expected, got, context) {
    const whole = run.item.family.startsWith('wire');
    const adapt = answer => ('content-type' in answer
        ? { ...answer, 'content-type': contentType(answer['content-type'], whole) } : answer);
    return mismatch({ '<more>': true, ...adapt(expected) }, adapt(got), context);
}

function callMismatch(run, expected, got, context) {
    const isQuirk = run.item.family === 'quirks';
    if (expected.answered) {
        return got.none ? { path: '', expected, got } : null;
    }
    if (expected.none && !got.none && !isQuirk) {
        const mustFail = STRICT_FAMILIES.includes(run.item.family);
        return mustFail ? mismatch('<truthy>', got.ack[0], context, '.ack[0]') : null;
    }
    if (expected.none || got.none) {
        return expected.none && got.none ? null : { path: '', expected, got };
    }
    return ackMismatch(expected.ack, got.ack, context);
}

function withoutCodes(expected) {
    const bare = frame => (frame.closed ? { closed: true } : frame);
    return { ...expected, frames: expected.frames.map(bare) };
}

// The difference between an expectation of a step and what came, or null.
function difference(run, step, expectation, got) {
    if (expectation === undefined) {
        return null;
    }
    const { recordedOrder } = run.environment;
    const context = { startedAt: run.startedAt, recordedOrder };
    const expected = fill(expectation, run.vars);
    switch (step.op) {
    case 'call':
        return callMismatch(run, expected, got, context);
    case 'ws.open':
        // A server is free to choose a sub-protocol that was offered where a vector says nothing.
        return mismatch({ '<more>': true, ...expected }, got, context);
    case 'http': case 'poll': case 'poll.end':
        return httpMismatch(run, expected, got, context);
    case 'ws.recv':
        return mismatch(withoutCodes(expected), got, context);
    case 'burst':
        return expected.acks.map((ack, i) => ackMismatch(ack, got.acks[i], context, `.acks[${i}]`))
            .find(Boolean) ?? null;
    default:
        return mismatch(expected, got, context);
    }
}

async function perform(run, step) {
    const handler = STEPS[step.op];
    if (!handler) {
        throw new Error(`unknown step "${step.op}"`);
    }
    const got = await handler(run, step);
    for (const [name, path] of Object.entries(step.save ?? {})) {
        run.vars[name] = at(got, path);
    }
    return got;
}

// The first difference to each of the two expectations; a step that cannot be done differs from
// both. Only a quirk is followed to its end: the two may part late.
async function performAll(run) {
    const found = { original: null, ours: null };
    for (const [i, step] of run.item.steps.entries()) {
        const where = { step: i, op: step.op, cmd: step.cmd };
        try {
            const got = await perform(run, step);
            const original = difference(run, step, step.expect, got);
            const ours = step.expectOurs === undefined ? original
                : difference(run, step, step.expectOurs, got);
            found.original ??= original && { ...where, ...original };
            found.ours ??= ours && { ...where, ...ours };
        } catch (error) {
            found.original ??= { ...where, error: error.message };
            found.ours ??= { ...where, error: error.message };
        }
        if (found.original && found.ours) {
            break;
        }
    }
    return found;
}

// Cleaning up must work whatever the case has done to its connections.
async function cleanUp(run) {
    run.cleaning = true;
    for (const step of run.item.cleanup ?? []) {
        const name = step.conn ?? 'a';
        if (run.clients.get(name)?.state !== 'connected') {
            run.clients.get(name)?.close();
            run.clients.delete(name);
        }
        await perform(run, step).catch(() => {});
    }
}

async function attempt(item, dialect, environment) {
    const run = new Run(item, dialect, environment);
    try {
        const found = await performAll(run);
        await cleanUp(run);
        return found;
    } finally {
        run.end();
    }
}

// `wanted` is the expectation that a quirk has to meet, if any: 'original' or 'ours'. Resolves to
// {difference, verdict, tries, ms}; the verdict is only for quirks.
export async function runCase(item, dialect, environment, wanted = 'original') {
    const begin = Date.now();
    let found;
    let tries = 0;
    do {
        found = await attempt(item, dialect, environment);
        tries++;
    } while (found[wanted] && tries < (item.retry ?? 1));
    const verdict = found.original && found.ours ? 'neither'
        : !found.original && !found.ours ? 'both' : found.ours ? 'original' : 'ours';
    return { difference: found[wanted], verdict, tries, ms: Date.now() - begin };
}
