// SPDX-License-Identifier: MIT
// The REST side as a script uses it, and a reader of server-sent events.
import http from 'node:http';
import net from 'node:net';
import { within } from './program.mjs';

export class Rest {
    constructor(url) {
        this.url = url;
    }

    async ask(method, path, { body, type, headers } = {}) {
        const response = await within(fetch(this.url + path, {
            method, body, redirect: 'manual',
            headers: { ...(type ? { 'content-type': type } : {}), ...headers },
        }), `${method} ${path}`);
        const text = await response.text();
        const isJson = /json/.test(response.headers.get('content-type') ?? '');
        return { status: response.status, headers: response.headers, text,
            json: isJson && text ? JSON.parse(text) : undefined };
    }

    get(path, options) {
        return this.ask('GET', path, options);
    }

    put(path, value, query = '') {
        return this.ask('PUT', path + query, { body: JSON.stringify(value), type: 'application/json' });
    }

    // A value of /metrics, with its labels as they are written there.
    async metric(name) {
        const { text } = await this.get('/metrics');
        const line = text.split('\n').find(item => item.startsWith(`${name} `));
        return line ? Number(line.slice(name.length + 1)) : undefined;
    }

    // Until a metric fulfils the condition.
    metricFits(name, condition) {
        const look = async () => {
            while (!condition(await this.metric(name))) { /* again */ }
        };
        return within(look(), `${name} ${condition}`);
    }

    // Until a metric has the value.
    metricIs(name, value) {
        return this.metricFits(name, now => now === value);
    }
}

// A request exactly as written; the whole answer, as text. The request has to end the connection.
export function rawRequest(url, text) {
    const { hostname, port } = new URL(url);
    return within(new Promise((resolve, reject) => {
        let answer = '';
        const socket = net.connect(Number(port), hostname, () => socket.write(text));
        socket.setEncoding('utf8');
        socket.on('data', part => (answer += part));
        socket.on('end', () => resolve(answer));
        socket.on('error', reject);
    }), 'answer');
}

// A stream of events: items {event, data, id} as a browser would dispatch them.
export class Stream {
    constructor(url, headers = {}) {
        Object.assign(this, { url, headers, events: [], comments: 0, lastId: '', text: '', looks: new Set() });
        this.ended = new Promise(resolve => (this.resolveEnded = resolve));
    }

    open() {
        return within(new Promise((resolve, reject) => {
            this.request = http.get(this.url, { headers: this.headers, agent: false }, response => {
                this.response = response;
                response.setEncoding('utf8');
                response.on('data', part => this.take(part));
                response.on('end', () => this.resolveEnded('end'));
                response.on('error', () => this.resolveEnded('cut'));
                response.on('close', () => this.resolveEnded('cut'));
                resolve(this);
            });
            this.request.on('error', reject);
        }), `stream ${this.url}`);
    }

    take(part) {
        this.text += part;
        for (let end = this.text.indexOf('\n\n'); end >= 0; end = this.text.indexOf('\n\n')) {
            this.block(this.text.slice(0, end).split('\n'));
            this.text = this.text.slice(end + 2);
        }
        this.looks.forEach(look => look());
    }

    block(lines) {
        const item = {};
        for (const line of lines) {
            const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
            if (field === '') {
                this.comments++;
            } else if (field === 'id') {
                this.lastId = value;
            } else {
                item[field] = value;
            }
        }
        if (item.data !== undefined) {
            this.events.push({ event: item.event, data: JSON.parse(item.data), id: this.lastId });
        }
    }

    // Until what has come fulfils the condition.
    until(condition, what) {
        let look;
        return within(new Promise(resolve => {
            look = () => condition(this) && resolve(this);
            this.looks.add(look);
            look();
        }), what).finally(() => this.looks.delete(look));
    }


    // Values of a state in the order in which they came.
    values(id) {
        return this.events.filter(item => item.event === 'stateChange' && item.data.id === id)
            .map(item => item.data.state?.val ?? null);
    }

    // Hangs up without a word.
    vanish() {
        this.request.destroy();
    }
}

export async function stream(t, url, headers) {
    const opened = new Stream(url, headers);
    t.after(() => opened.vanish());
    await opened.open();
    return opened;
}
