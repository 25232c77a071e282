// SPDX-License-Identifier: MIT
// A socket.io client that says what no library would say, and counts the answers: every message is given as
// text or bytes.
import { RawWebSocket } from '../../conformance/rawws.mjs';
import { within } from './program.mjs';

const PATH = '/socket.io/?EIO=3&transport=websocket';

export const OP = { more: 0, text: 1, binary: 2 };

// A frame of a client with a mask of zeros: large ones cost nothing.
export function frame(payload, op = OP.text, fin = true) {
    const bytes = Buffer.from(payload);
    return Buffer.concat([frameHead(bytes.length, op, fin), bytes]);
}

export function frameHead(size, op = OP.text, fin = true) {
    const head = Buffer.alloc(14);
    head[0] = (fin ? 0x80 : 0) | op;
    head[1] = 0x80 | 127;
    head.writeBigUInt64BE(BigInt(size), 2);
    return head;
}

export class RawClient {
    constructor() {
        this.answers = new Map(); // id -> list of answers
        this.events = []; // [name, ...arguments]
        this.waiting = new Map(); // id -> resolve
        this.lastId = 0;
        this.ws = new RawWebSocket();
        this.closed = new Promise(resolve => (this.resolveClosed = resolve));
        this.ws.received = { push: entry => this.take(entry) };
    }

    async connect(url) {
        const { hostname, port } = new URL(url);
        const { status } = await this.ws.connect({ host: hostname, port: Number(port) }, PATH);
        if (status !== 101) {
            throw new Error(`WebSocket: status ${status}`);
        }
        return this;
    }

    take({ text, closed, code }) {
        const [, type, id, json] = /^4([23])(\d*)(.*)$/s.exec(text ?? '') ?? [];
        if (closed) {
            this.resolveClosed(code);
        } else if (type === '2') {
            this.events.push(JSON.parse(json));
        } else if (type === '3') {
            this.answers.set(Number(id), [...this.answers.get(Number(id)) ?? [], JSON.parse(json)]);
            this.waiting.get(Number(id))?.(JSON.parse(json));
        }
    }

    // Sends an event whose payload is JSON text; resolves to the arguments of the answer.
    callText(json) {
        const id = this.lastId + 1;
        this.send(`42${id}${json}`);
        return this.answerOf(id, json.slice(0, 200));
    }

    // For an event that has just been sent by other means; what is called later gets higher ids.
    answerOf(id, what = `event ${id}`) {
        this.lastId = id;
        const answered = new Promise(resolve => this.waiting.set(id, resolve));
        const lost = this.closed.then(code => {
            throw new Error(`connection closed (${code}) by ${what}`);
        });
        return within(Promise.race([answered, lost]), `answer of ${what}`).finally(() => this.waiting.delete(id));
    }

    call(command, ...args) {
        return this.callText(JSON.stringify([command, ...args]));
    }

    send(text) {
        this.ws.write(frame(text));
    }

    // The close code; undefined when the server closed without one.
    closeCode() {
        return within(this.closed, 'close of the connection');
    }

    // Ids that were answered more than once, once what was asked so far is answered.
    async answeredTwice() {
        await this.call('getStates', []); // behind everything else
        await this.call('getObjects', ['']);
        return [...this.answers].filter(([, answers]) => answers.length !== 1).map(([id]) => id);
    }

    close() {
        this.ws.close();
    }
}

export async function connectRaw(t, url) {
    const client = new RawClient();
    t.after(() => client.close());
    return client.connect(url);
}
