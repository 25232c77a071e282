// SPDX-License-Identifier: MIT
// Connections of the two dialects behind one face: call, send, what was received, and the state.
// socket.io is spoken by the original client library, ioBroker's own dialect by RawWebSocket.
import { createRequire } from 'node:module';
import { RawWebSocket } from './rawws.mjs';
import { Recorder, within } from './recorder.mjs';

const io = createRequire(import.meta.url)('socket.io-client');

class Client {
    constructor() {
        this.state = 'timeout';   // what it is until something else happens
        this.reason = undefined;
        this.changes = new Recorder();
        this.events = new Recorder();
        this.trace = new Recorder();
    }

    // An error stays: what follows it (usually the end of the connection) is its consequence.
    setState(state, reason) {
        if (this.state !== 'error') {
            this.state = state;
            this.reason = reason;
            this.changes.push(state);
        }
    }

    record(event) {
        this.events.push(event);
        this.trace.push(event[0]);
    }

    forget() {
        this.events.take();
        this.trace.take();
    }

    // Waits until it is known how the attempt ended; after `ms` the state is still 'timeout'.
    settled(ms) {
        return this.changes.until(() => this.state !== 'timeout', ms);
    }

    // {ack: [...]} or, when there is no answer in time, {none: true}.
    call(cmd, args, ms) {
        const answered = new Promise(resolve => {
            this.request(cmd, args, answer => {
                this.trace.push(`ack ${cmd}`);
                resolve({ ack: answer });
            });
        });
        return within(answered, ms, { none: true });
    }
}

export class SocketIoClient extends Client {
    constructor({ host, port }, { query, headers, transports }) {
        super();
        this.socket = io(`http://${host}:${port}`, {
            forceNew: true, reconnection: false, transports, query, extraHeaders: headers,
        });
        this.watch();
    }

    // Events are taken where packets arrive: the library keeps back what comes before `connect`,
    // and a refused client would never see its `reauthenticate`.
    watch() {
        const { socket } = this;
        const onevent = socket.onevent;
        socket.onevent = packet => {
            this.record(packet.data ?? []);
            onevent.call(socket, packet);
        };
        socket.on('connect', () => this.setState('connected'));
        socket.on('error', reason => this.setState('error', reason));
        socket.on('connect_error', () => this.setState('connect_error'));
        socket.on('disconnect', () => this.setState('disconnected'));
    }

    request(cmd, args, done) {
        this.socket.emit(cmd, ...args, (...answer) => done(answer));
    }

    send(cmd, args) {
        this.socket.emit(cmd, ...args);
    }

    close() {
        this.socket.close();
    }
}

// Messages are [type, id, name, args] with these types.
const MESSAGE = 0;
const PING = 1;
const CALLBACK = 3;

// A message that is none is shown as an event, so that it becomes a difference and not a crash.
function parseMessage(text) {
    try {
        const message = JSON.parse(text);
        return Array.isArray(message) ? message : [MESSAGE, 0, `no message: ${text}`];
    } catch {
        return [MESSAGE, 0, `no JSON: ${text}`];
    }
}

export class IobWsClient extends Client {
    constructor(target, { query, headers }) {
        super();
        this.count = 0;
        this.pending = new Map();
        this.ws = new RawWebSocket();
        this.ws.received.push = frame => this.onFrame(frame);
        const parameters = Object.entries({ sid: Date.now(), ...query })
            .map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
        this.ws.connect(target, `/?${parameters}`, headers).then(({ status }) => {
            if (status !== 101) {
                this.setState('closed');
            }
        });
    }

    onFrame(frame) {
        if (frame.closed) {
            this.setState('closed');
        } else if (frame.text !== undefined) {
            this.onMessage(parseMessage(frame.text));
        }
    }

    onMessage([type, id, name, args]) {
        if (type === PING) {
            this.ws.sendText('[2]');
        } else if (type === CALLBACK) {
            this.pending.get(id)?.(args ?? []);
            this.pending.delete(id);
        } else if (type === MESSAGE && name === '___ready___') {
            this.setState('connected');
        } else if (type === MESSAGE) {
            this.record([name, ...(args ?? [])]);
        }
    }

    request(cmd, args, done) {
        this.count++;
        this.pending.set(this.count, done);
        this.ws.sendText(JSON.stringify([CALLBACK, this.count, cmd, args]));
    }

    send(cmd, args) {
        this.count++;
        this.ws.sendText(JSON.stringify([MESSAGE, this.count, cmd, args]));
    }

    close() {
        this.ws.close();
    }
}

const TRANSPORTS = { 'sio2-ws': ['websocket'], 'sio2-poll': ['polling'] };

// Opens a connection; the caller waits with settled().
export function openClient(dialect, target, { query = {}, headers = {}, transports }) {
    if (dialect === 'iobws') {
        return new IobWsClient(target, { query, headers });
    }
    return new SocketIoClient(target, {
        query, headers, transports: transports ?? TRANSPORTS[dialect],
    });
}

// Asks `authenticate` until it is answered. The original loses commands that arrive while it still
// checks the password, so one question is not enough.
export async function untilReady(client, ms) {
    const deadline = Date.now() + ms;
    while (Date.now() < deadline && client.state === 'connected') {
        if ((await client.call('authenticate', [], 250)).ack) {
            client.forget();
            return true;
        }
    }
    return false;
}
