// SPDX-License-Identifier: MIT
// Tools of those who mean harm: raw connections in any number, and what a server under siege is asked about itself.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { isInstrumented, within } from '../../integration/lib/program.mjs';

export const HOST = 'Host: x\r\n';
export const MEGABYTE = 1 << 20;
const ADDRESSES = 16; // of this machine, so that ports do not run out

export class Raw {
    constructor(url, n = 0) {
        const { hostname, port } = new URL(url);
        this.bytes = [];
        this.size = 0;
        this.socket = net.connect({ host: hostname, port: Number(port), localAddress: `127.0.0.${1 + n % ADDRESSES}`,
            allowHalfOpen: true });
        this.socket.on('error', () => {});
        this.socket.on('data', bytes => {
            this.size += bytes.length;
            if (this.size < 1 << 20) {
                this.bytes.push(bytes);
            }
            this.look?.();
        });
        // The server has sent its last byte.
        this.ended = new Promise(resolve => {
            this.socket.on('end', resolve);
            this.socket.on('close', resolve);
        });
        this.connected = once(this.socket, 'connect').catch(() => {});
    }

    get text() {
        return Buffer.concat(this.bytes).toString('latin1');
    }

    // Status of the first answer; 0: none.
    get status() {
        return Number(/^HTTP\/1\.1 (\d+)/.exec(this.text)?.[1] ?? 0);
    }

    write(data) {
        if (this.socket.writable) {
            this.socket.write(data);
        }
        return this;
    }

    // Until the server has ended the connection.
    cut(what, ms) {
        return within(this.ended, `end of the connection: ${what}`, ms).then(() => this);
    }

    // Until what came fulfils the condition.
    until(condition, what) {
        return within(new Promise(resolve => {
            this.look = () => condition(this.text) && resolve(this);
            this.ended.then(() => resolve(this));
            this.look();
        }), what);
    }

    close() {
        this.socket.destroy();
    }
}

export function raws(t, url, count) {
    const all = Array.from({ length: count }, (_, i) => new Raw(url, i));
    t.after(() => all.forEach(each => each.close()));
    return all;
}

export const raw = (t, url) => raws(t, url, 1)[0];

// Where WebSockets of all dialects go: socket.io 2 and 4, and ioBroker's own.
export const PATHS = ['/socket.io/?EIO=3&transport=websocket', '/socket.io/?EIO=4&transport=websocket', '/?sid=1700000000000'];

// A WebSocket without a library, open; its frames follow. headers: more of them, each with its CRLF.
export async function socketOf(t, url, where, headers = '') {
    const client = raw(t, url).write(`GET ${where} HTTP/1.1\r\n${HOST}Upgrade: websocket\r\nConnection: Upgrade\r\n`
        + `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n${headers}\r\n`);
    await client.until(text => text.includes('\r\n\r\n'), `upgrade ${where}`);
    assert.equal(client.status, 101, where);
    return client;
}

// The answer to some bytes: once the connection is closed, or the first answer is complete as far as its head goes.
export async function statusOf(t, url, bytes) {
    const client = raw(t, url).write(bytes);
    await client.until(text => text.includes('\r\n\r\n'), `answer to ${String(bytes).slice(0, 60)}`);
    return client.status;
}

// Parts that mostly wait, at the same time.
export const together = (...parts) => (t, house) => Promise.all(parts.map(part => part(t, house)));

// --- about the server --------------------------------------------------------------------------------------------------

const FEWER = isInstrumented() ? 10 : 1;
export const SLOW = FEWER > 1;
export const MANY = count => Math.ceil(count / FEWER);

export const WITNESS_WAITS_MS = SLOW ? 6000 : 2000;

// Kilobytes in memory.
export function memory({ child }) {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]);
}

export async function metrics(url) {
    const text = await (await fetch(`${url}/metrics`)).text();
    const value = name => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1] ?? NaN);
    return { connections: value('iobus_connections'), polling: value('iobus_sessions\\{transport="polling"\\}'),
        websocket: value('iobus_sessions\\{transport="websocket"\\}'), calls: value('iobus_calls_open'),
        slow: value('iobus_slow_clients_total') };
}

// Until the gateway's figures fulfil the condition.
export function untilMetrics(url, condition, what) {
    const look = async () => {
        while (!condition(await metrics(url))) {
            await new Promise(resolve => setImmediate(resolve));
        }
    };
    return within(look(), what);
}
