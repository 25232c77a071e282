// SPDX-License-Identifier: MIT
// The ways into a server that asks for credentials: clients of every dialect behind one face, and requests.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { IobWsClient } from '../../conformance/clients.mjs';
import { PROGRAM, ROOT, within } from './program.mjs';

const load = folder => createRequire(path.join(ROOT, folder, 'package.json'));
const io2 = load('tests/conformance')('socket.io-client');
const io4 = load('tests/clients')('sio4');

// A client of socket.io; state: 'timeout' until it is 'connected', 'error' or 'disconnected'.
class SocketIoWay {
    constructor(io, transport, url, { query = {}, headers, auth }) {
        Object.assign(this, { state: 'timeout', events: [], looks: new Set() });
        this.socket = io(url, { transports: [transport], forceNew: true, reconnection: false, query, auth,
            extraHeaders: headers });
        this.ended = new Promise(resolve => (this.resolveEnded = resolve));
        this.socket.on('connect', () => this.set('connected'));
        for (const name of ['error', 'connect_error']) {
            this.socket.on(name, error => this.set('error', error?.message ?? error));
        }
        this.socket.on('disconnect', () => this.set('disconnected'));
        const onevent = this.socket.onevent;
        this.socket.onevent = packet => {
            this.take(packet.data);
            onevent.call(this.socket, packet);
        };
    }

    take(event) {
        this.events.push(event);
        this.looks.forEach(look => look());
    }

    set(state, reason) {
        Object.assign(this, { state, reason: reason ?? this.reason });
        if (state !== 'connected') {
            this.resolveEnded(state);
        }
        this.looks.forEach(look => look());
    }

    request(command, args, done) {
        this.socket.emit(command, ...args, (...answer) => done(answer));
    }

    close() {
        this.socket.close();
    }
}

class PlainWay {
    constructor(url, { query, headers }) {
        Object.assign(this, { events: [], looks: new Set() });
        this.ended = new Promise(resolve => (this.resolveEnded = resolve));
        const { hostname, port } = new URL(url);
        this.client = new IobWsClient({ host: hostname, port: Number(port) }, { query, headers });
        this.client.changes.push = () => this.look();
        this.client.record = event => {
            this.events.push(event);
            this.look();
        };
    }

    look() {
        if (this.client.state === 'closed') {
            this.resolveEnded('closed');
        }
        this.looks.forEach(look => look());
    }

    get state() {
        return this.client.state;
    }

    request(command, args, done) {
        this.client.request(command, args, done);
    }

    close() {
        this.client.close();
    }
}

// Until a client fulfils the condition.
export function until(client, condition, what) {
    let look;
    return within(new Promise(resolve => {
        look = () => condition(client) && resolve(client);
        client.looks.add(look);
        look();
    }), what).finally(() => client.looks.delete(look));
}

export const DIALECTS = {
    'socket.io 2 websocket': (url, said) => new SocketIoWay(io2, 'websocket', url, said),
    'socket.io 2 polling': (url, said) => new SocketIoWay(io2, 'polling', url, said),
    'socket.io 4 websocket': (url, said) => new SocketIoWay(io4, 'websocket', url, said),
    'socket.io 4 polling': (url, said) => new SocketIoWay(io4, 'polling', url, said),
    plain: (url, said) => new PlainWay(url, said),
};

// A client, when it is known whether it was let in. said: {query, headers, auth}.
export async function dial(t, dialect, url, said = {}) {
    const client = DIALECTS[dialect](url, said);
    t.after(() => client.close());
    return until(client, ({ state }) => state !== 'timeout', `${dialect} ${JSON.stringify(said)}`);
}

// The arguments of the call-back.
export function call(client, command, ...args) {
    return within(new Promise(resolve => client.request(command, args, resolve)), command);
}

export const has = (client, name) => client.events.some(([event]) => event === name);

// Until the client was told to log in, and its connection has ended.
export async function expelled(client, what) {
    await within(client.ended, `the end of ${what}`);
    return has(client, 'reauthenticate');
}

// One request: {status, headers, body, cookies}.
export function ask(url, { method = 'GET', headers, form, json, body } = {}) {
    const text = form ? new URLSearchParams(form).toString() : json ? JSON.stringify(json) : body;
    const type = form ? 'application/x-www-form-urlencoded' : json ? 'application/json' : undefined;
    return within(new Promise((resolve, reject) => {
        const request = http.request(url, { method, agent: false,
            headers: { ...(type && { 'content-type': type }), ...headers } }, response => {
            let answer = '';
            response.setEncoding('utf8').on('data', part => (answer += part));
            response.on('end', () => resolve({ status: response.statusCode, headers: response.headers,
                cookies: response.headers['set-cookie'] ?? [], body: answer }));
        });
        request.on('error', reject);
        request.end(text);
    }), `${method} ${url}`);
}

// The value of connect.sid after a log-in at the form.
export async function session(url, username, password) {
    const { status, cookies } = await ask(`${url}/login`, { method: 'POST', form: { username, password } });
    const [, value] = cookies.map(line => /^connect\.sid=([^;]+)/.exec(line)).find(Boolean) ?? [];
    if (status !== 302 || !value) {
        throw new Error(`no session for ${username}: ${status}`);
    }
    return value;
}

// What /oauth/token answers.
export async function tokens(url, username, password) {
    const { status, body } = await ask(`${url}/oauth/token`,
        { method: 'POST', form: { grant_type: 'password', username, password, client_id: 'test' } });
    if (status !== 200) {
        throw new Error(`no token for ${username}: ${body}`);
    }
    return JSON.parse(body);
}

// Runs a tool against a running server's data; input: a line for its standard input. Its output.
export async function tool(data, args, input = '') {
    const child = spawn(PROGRAM, [...args, '--data', data], { stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', text => (output += text));
    }
    child.stdin.end(`${input}\n`);
    const [status] = await within(once(child, 'close'), args.join(' '));
    if (status !== 0) {
        throw new Error(`${args.join(' ')}: ${output}`);
    }
    return output;
}
