// SPDX-License-Identifier: MIT
// What each kind of step does. A handler gets the run of the case (see case.mjs) and the step, and
// returns what is compared with the step's `expect`.
import { openClient, untilReady } from './clients.mjs';
import { decodePayload, encodePayload, keptHeaders, request, showText } from './polling.mjs';
import { RawWebSocket, describedFrame } from './rawws.mjs';
import { pause } from './recorder.mjs';
import { expand, reduce } from './values.mjs';

const CONNECT_MS = 6000;    // until a connection is open; passwords take their time
const CLEANUP_MS = 1000;    // until a call-back comes while cleaning up
const SILENCE_MS = 400;     // how long a call is listened to that the original never answers
const QUIET_MS = 200;       // how long to listen when no event is expected
const SETTLE_MS = 70;       // how long to wait for surplus events
const POLL_MS = 3000;       // after that a request counts as held

// How long a call-back or an expected event is waited for.
const patienceOf = run => (run.cleaning ? CLEANUP_MS : run.environment.timeout);

// What a step hopes for, in every variant: a quirk has two.
const hopes = step => [step.expect, step.expectOurs].filter(Boolean);
const countOf = list => list.filter(one => one !== '<unordered>' && one !== '<includes>').length;

// Opens a connection for the case. `step` holds the wishes of a connect step, if there is one.
async function open(run, step = {}) {
    const identity = step.identity ?? run.item.identity;
    const dialect = step.dialect ?? run.dialect;
    const target = run.target(identity === 'open' ? 'open' : 'auth', dialect);
    const login = identity === 'open' || step.anonymous ? undefined : run.identities[identity];
    const client = openClient(dialect, target, {
        query: {
            ...(login && { user: login.user, pass: login.password }),
            ...expand(step.query ?? {}, run.vars),
        },
        headers: expand(step.headers ?? {}, run.vars),
        transports: step.transports,
    });
    run.clients.get(step.conn ?? 'a')?.close();
    run.clients.set(step.conn ?? 'a', client);
    await client.settled(step.ms ?? CONNECT_MS);
    if (identity !== 'open' && step.ready !== false) {
        await untilReady(client, CONNECT_MS);
    }
    return client;
}

// The connection of a step, opened at its first use.
async function clientOf(run, step) {
    const name = step.conn ?? 'a';
    const known = run.clients.get(name);
    const client = known ?? await open(run, { conn: name });
    if (!known && client.state !== 'connected') {
        throw new Error(`connection ${name} is not established: ${client.state}`);
    }
    return client;
}

async function connect(run, step) {
    const client = await open(run, step);
    await pause(step.linger ?? 0);
    const result = { state: client.state };
    if (client.state === 'error' && hopes(step).some(hope => 'reason' in hope)) {
        result.reason = client.reason;
    }
    if (step.ready === false && client.events.entries.length) {
        result.events = client.events.take();
    }
    return result;
}

function close(run, step) {
    const name = step.conn ?? 'a';
    run.clients.get(name)?.close();
    run.clients.delete(name);
}

async function call(run, step) {
    const client = await clientOf(run, step);
    const silent = hopes(step).some(hope => hope.none);
    const answer = await client.call(expand(step.cmd, run.vars), expand(step.args, run.vars),
        silent ? SILENCE_MS : patienceOf(run));
    return answer.ack ? { ack: reduce(answer.ack, step.reduce) } : answer;
}

async function send(run, step) {
    (await clientOf(run, step)).send(step.cmd, expand(step.args, run.vars));
}

async function burst(run, step) {
    const client = await clientOf(run, step);
    const answers = step.calls.map(([cmd, ...args]) =>
        client.call(cmd, expand(args, run.vars), patienceOf(run)));
    return { acks: (await Promise.all(answers)).map(answer => answer.ack ?? answer) };
}

// Waits until `count()` reaches the number of hoped-for entries, and then for surplus ones.
async function gather(run, recorder, numbers, count, ms) {
    const most = Math.max(0, ...numbers);
    if (most === 0) {
        await pause(ms ?? QUIET_MS);
        return;
    }
    // Where one variant expects nothing, the full deadline would be waited for nothing.
    const patience = Math.min(...numbers) === 0 ? ms ?? SILENCE_MS
        : Math.max(ms ?? 0, patienceOf(run));
    if (await recorder.until(() => count() >= most, patience)) {
        await pause(SETTLE_MS);
    }
}

async function events(run, step) {
    const { events: received } = await clientOf(run, step);
    const only = step.only && new RegExp(expand(step.only, run.vars));
    const wanted = ([name, first]) => (!step.names || step.names.includes(name))
        && (!only || only.test(String(first)));
    const shown = list => reduce(list.filter(wanted), step.reduce);
    await gather(run, received, hopes(step).map(hope => countOf(hope.events)),
        () => shown(received.entries).length, step.ms);
    return { events: shown(received.take()) };
}

async function trace(run, step) {
    const { trace: received } = await clientOf(run, step);
    const wanted = name => !step.names || step.names.includes(name);
    await gather(run, received, hopes(step).map(hope => hope.trace.length),
        () => received.entries.filter(wanted).length, step.ms);
    return { trace: received.take().filter(wanted) };
}

async function clear(run, step) {
    (await clientOf(run, step)).forget();
}

async function httpRequest(run, step) {
    const form = step.form && new URLSearchParams(expand(step.form, run.vars)).toString();
    const type = form && { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await request(run.target(step.to, run.dialect), {
        method: step.method,
        path: expand(step.path, run.vars),
        headers: { ...type, ...expand(step.headers ?? {}, run.vars) },
        body: form ?? expand(step.body, run.vars),
    }, patienceOf(run));
    if (!answer.headers) {
        return answer;
    }
    const result = { status: answer.status, ...keptHeaders(answer.headers, step.keep) };
    if (step.show !== 'none') {
        const { body } = decodePayload(answer.bytes, answer.headers['content-type']);
        result.body = reduce(body, step.reduce);
    }
    return result;
}

function pollBody(run, step) {
    if (step.packets) {
        return encodePayload(expand(step.packets, run.vars));
    }
    const body = expand(step.body, run.vars);
    return step.hex ? Buffer.from(body, 'hex') : body;
}

async function pollOnce(run, step) {
    const body = pollBody(run, step);
    const type = step.hex ? 'application/octet-stream' : 'text/plain;charset=UTF-8';
    const answer = await request(run.target(step.to, run.dialect), {
        method: step.method ?? (body === undefined ? 'GET' : 'POST'),
        path: expand(step.path, run.vars),
        headers: {
            ...(body !== undefined && { 'content-type': type }),
            ...expand(step.headers ?? {}, run.vars),
        },
        body,
    }, step.ms ?? POLL_MS);
    if (!answer.headers) {
        return answer;
    }
    return {
        status: answer.status,
        ...keptHeaders(answer.headers, step.keep),
        ...decodePayload(answer.bytes, answer.headers['content-type']),
    };
}

async function poll(run, step) {
    const answer = await pollOnce(run, step);
    while (step.gather && answer.packets && answer.packets.length < step.gather) {
        const next = await pollOnce(run, step);
        if (!next.packets) {
            return next;
        }
        answer.packets.push(...next.packets);
    }
    return answer;
}

// The next step needs a server that holds the request already. Only a later request that has been
// answered tells that.
async function pollBegin(run, step) {
    run.held = pollOnce(run, step);
    await request(run.target(step.to, run.dialect), { path: '/auth' });
}

async function wsOpen(run, step) {
    const ws = new RawWebSocket();
    run.sockets.set(step.ws ?? 'w', ws);
    return ws.connect(run.target(step.to, run.dialect), expand(step.path, run.vars),
        expand(step.headers ?? {}, run.vars));
}

function socketOf(run, step) {
    const ws = run.sockets.get(step.ws ?? 'w');
    if (!ws) {
        throw new Error(`no WebSocket "${step.ws ?? 'w'}" is open`);
    }
    return ws;
}

function wsSend(run, step) {
    const frames = expand([step.frames].flat(), run.vars);
    socketOf(run, step).write(Buffer.concat(frames.map(describedFrame)));
}

function showFrame(frame) {
    if (frame.text !== undefined) {
        return showText(frame.text);
    }
    if (frame.closed) {
        return { closed: true };   // the code is for information only
    }
    if (frame.pong) {
        return { pong: frame.pong.toString('hex') };
    }
    return { bin: frame.binary.toString('hex') };
}

async function wsReceive(run, step) {
    const { received } = socketOf(run, step);
    const numbers = hopes(step).map(hope => Math.max(countOf(hope.frames), step.min ?? 0));
    const isEnd = () => received.entries.some(frame => frame.closed);
    await gather(run, received, numbers.length ? numbers : [1],
        () => (isEnd() ? Infinity : received.entries.length), step.ms);
    return { frames: received.take().map(showFrame) };
}

export const STEPS = {
    call,
    send,
    burst,
    events,
    trace,
    clear,
    connect,
    close,
    poll,
    wait: (_run, step) => pause(step.ms),
    http: httpRequest,
    'poll.begin': pollBegin,
    'poll.end': run => run.held,
    'ws.open': wsOpen,
    'ws.send': wsSend,
    'ws.recv': wsReceive,
    'ws.close': (run, step) => socketOf(run, step).close(),
};
