// SPDX-License-Identifier: MIT
// Engine.IO without a library: HTTP requests as they are, payloads of both revisions taken apart, and
// WebSockets whose messages wait until a test asks for them.
import http from 'node:http';
import WebSocket from 'ws';
import { within } from '../../integration/lib/program.mjs';

export const RECORD = '\x1e'; // between the packets of revision 4
const CLOSE_MS = 15_000; // long before a patient server calls it silence

// --- HTTP ----------------------------------------------------------------------------------------------------------

// Resolves to { status, headers, body, text }; status 0: the server cut the connection.
export function request(url, where, { method = 'GET', headers = {}, body } = {}) {
    const answered = new Promise(resolve => {
        const outgoing = http.request(new URL(where, url), { method, headers, agent: false }, incoming => {
            const parts = [];
            incoming.on('data', part => parts.push(part));
            incoming.on('error', () => resolve({ status: 0, headers: {} }));
            incoming.on('end', () => {
                const bytes = Buffer.concat(parts);
                resolve({ status: incoming.statusCode, headers: incoming.headers, body: bytes, text: bytes.toString() });
            });
        });
        outgoing.on('error', () => resolve({ status: 0, headers: {} }));
        outgoing.end(body);
    });
    return within(answered, `${method} ${where}`);
}

// --- payloads ------------------------------------------------------------------------------------------------------

// Revision 3, text: lengths count UTF-16 units, as String.length does.
export const join3 = packets => packets.map(packet => `${packet.length}:${packet}`).join('');

export function split3(text) {
    const packets = [];
    for (let rest = text; rest !== '';) {
        const colon = rest.indexOf(':');
        const end = colon + 1 + Number(rest.slice(0, colon));
        if (!/^\d+$/.test(rest.slice(0, colon)) || end > rest.length) {
            throw new Error(`no payload: ${text}`);
        }
        packets.push(rest.slice(colon + 1, end));
        rest = rest.slice(end);
    }
    return packets;
}

// Revision 3, bytes: <00|01> <digits as bytes> <ff> <data>. Texts are strings, messages of bytes are Buffers
// without their type.
export function joinBinary(packets) {
    return Buffer.concat(packets.flatMap(packet => {
        const bytes = typeof packet === 'string' ? Buffer.from(packet) : Buffer.concat([Buffer.from([4]), packet]);
        const digits = [...String(bytes.length)].map(Number);
        return [Buffer.from([typeof packet === 'string' ? 0 : 1, ...digits, 0xff]), bytes];
    }));
}

export function splitBinary(bytes) {
    const packets = [];
    for (let at = 0; at < bytes.length;) {
        const start = bytes.indexOf(0xff, at) + 1;
        const end = start + Number([...bytes.subarray(at + 1, start - 1)].join(''));
        const data = bytes.subarray(start, end);
        packets.push(bytes[at] === 0 ? data.toString() : data.subarray(1));
        at = end;
    }
    return packets;
}

// --- sessions over long polling --------------------------------------------------------------------------------------

export class Polling {
    // version: 3 or 4; query: further parameters, "&b64=1".
    constructor(url, version, query = '') {
        this.url = url;
        this.version = version;
        this.where = `/socket.io/?EIO=${version}&transport=polling${query}`;
    }

    // The answer to the handshake; the session's packets so far are in `first`.
    async open() {
        const answer = await request(this.url, this.where);
        this.first = this.split(answer);
        this.handshake = JSON.parse(this.first[0].slice(1));
        this.sid = this.handshake.sid;
        this.where += `&sid=${this.sid}`;
        return answer;
    }

    split(answer) {
        if (answer.headers['content-type'] === 'application/octet-stream') {
            return splitBinary(answer.body);
        }
        return this.version === 4 ? answer.text.split(RECORD) : split3(answer.text);
    }

    get(options) {
        return request(this.url, this.where, options);
    }

    // The packets of the next answer.
    async packets() {
        const answer = await this.get();
        if (answer.status !== 200) {
            throw new Error(`GET: ${answer.status} ${answer.text}`);
        }
        return this.split(answer);
    }

    // As many packets as asked for, however many answers they come in.
    async collect(count) {
        const all = [];
        while (all.length < count) {
            all.push(...await this.packets());
        }
        return all;
    }

    postBody(body, headers = { 'content-type': 'text/plain;charset=UTF-8' }) {
        return request(this.url, this.where, { method: 'POST', headers, body });
    }

    post(...packets) {
        return this.postBody(this.version === 4 ? packets.join(RECORD) : join3(packets));
    }
}

export async function polling(url, version, query) {
    const session = new Polling(url, version, query);
    await session.open();
    return session;
}

// --- WebSockets ------------------------------------------------------------------------------------------------------

export class Wire {
    constructor(url, where, options = {}) {
        this.where = where;
        this.waiting = [];
        this.messages = [];
        this.ws = new WebSocket(new URL(where, url.replace('http', 'ws')), { perMessageDeflate: false, ...options });
        this.opened = new Promise(resolve => this.ws.on('open', () => resolve(true)));
        // { code } of a close, { status, text } of a refused handshake.
        this.ended = new Promise(resolve => {
            this.ws.on('close', code => resolve({ code }));
            this.ws.on('unexpected-response', (_, incoming) => {
                let text = '';
                incoming.setEncoding('utf8').on('data', part => (text += part));
                incoming.on('end', () => resolve({ status: incoming.statusCode, text }));
            });
        });
        this.ws.on('error', () => {}); // what follows is told by `ended`
        this.ws.on('message', (data, binary) => this.take(binary ? Buffer.from(data) : data.toString()));
    }

    take(message) {
        const next = this.waiting.shift();
        next ? next(message) : this.messages.push(message);
    }

    // The next message: a string, or a Buffer.
    next() {
        const message = this.messages.length ? this.messages.shift()
            : Promise.race([new Promise(resolve => this.waiting.push(resolve)), this.lost()]);
        return within(Promise.resolve(message), `message of ${this.where}`);
    }

    async lost() {
        const { code, status } = await this.ended;
        throw new Error(`${this.where} is closed: ${code ?? status}`);
    }

    // The close code (1005: none was given), or the status of the refused handshake.
    async closed() {
        const { code, status } = await within(this.ended, `end of ${this.where}`, CLOSE_MS);
        return code ?? status;
    }

    send(...messages) {
        messages.forEach(message => this.ws.send(message));
    }

    close() {
        this.ws.terminate();
    }
}

// A WebSocket that is cut when the test ends.
export function wire(t, url, where, options) {
    const socket = new Wire(url, where, options);
    t.after(() => socket.close());
    return socket;
}

export const socketPath = (version, query = '') => `/socket.io/?EIO=${version}&transport=websocket${query}`;

// A session over a WebSocket that has been greeted.
export async function session3(t, url, query) {
    const socket = wire(t, url, socketPath(3, query));
    await socket.next();
    await socket.next();
    return socket;
}

export async function session4(t, url, query) {
    const socket = wire(t, url, socketPath(4, query));
    await socket.next();
    socket.send('40');
    await socket.next();
    return socket;
}
