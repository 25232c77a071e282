// SPDX-License-Identifier: MIT
// The real socket.io client, with promises.
import { createRequire } from 'node:module';
import path from 'node:path';
import { ROOT, within } from './program.mjs';

const require = createRequire(path.join(ROOT, 'tests/conformance/package.json'));
const io = require('socket.io-client');

export class Client {
    constructor(url, options) {
        this.socket = io(url, { transports: ['websocket'], forceNew: true, reconnection: false, ...options });
        this.changes = []; // [id, value] of every stateChange
        this.socket.on('stateChange', (id, state) => this.changes.push([id, state?.val]));
        this.lost = new Promise((_, reject) => {
            this.socket.on('disconnect', reason => reject(new Error(`connection lost: ${reason}`)));
        });
        this.lost.catch(() => {}); // of interest only to calls under way
    }

    connected() {
        return within(new Promise((resolve, reject) => {
            this.socket.on('connect', resolve);
            this.socket.on('connect_error', reject);
        }), 'connect');
    }

    // The arguments of the call-back; rejects when the connection ends before.
    callRaw(command, ...args) {
        const answered = new Promise(resolve => {
            this.socket.emit(command, ...args, (...answer) => resolve(answer));
        });
        return within(Promise.race([answered, this.lost]), command);
    }

    // The arguments behind the error, which is thrown when there is one.
    async call(command, ...args) {
        const [error, ...answer] = await this.callRaw(command, ...args);
        if (error) {
            throw new Error(`${command}: ${JSON.stringify(error)}`);
        }
        return answer;
    }

    // Until the changes seen so far fulfil the condition.
    until(condition, what) {
        return within(new Promise(resolve => {
            const look = () => condition(this.changes) && resolve();
            this.socket.on('stateChange', look);
            look();
        }), what);
    }

    close() {
        this.socket.close();
    }
}

// options: of socket.io-client.
export async function connect(t, url, options) {
    const client = new Client(url, options);
    t.after(() => client.close());
    await client.connected();
    return client;
}

// An object of type state that anybody may write.
export function stateObject(name) {
    return { type: 'state', common: { name, type: 'number', role: 'value', read: true, write: true }, native: {} };
}
