// SPDX-License-Identifier: MIT
// A server that can be stopped and started again on its port, and our client library in node to change things from outside.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { WebSocket } from 'ws';
import { ROOT, serve, temporaryFolder, within } from '../../integration/lib/program.mjs';

export { ROOT, within };
export const WWW = path.join(ROOT, 'gateway/www');

export class House {
    constructor(t, args) {
        Object.assign(this, { t, args, data: temporaryFolder(t), port: 0 });
    }

    async start() {
        this.server = await serve(this.t, ['--data', this.data, '--listen', `127.0.0.1:${this.port}`, ...this.args]);
        this.url = this.server.urls[0];
        this.port = this.server.ports[0];
        return this;
    }

    stop(signal) {
        return this.server.stop(signal);
    }
}

export function startHouse(t, ...args) {
    return new House(t, args).start();
}

// The library as a node program imports it: a copy, because beside the original nothing says that it is a module.
let library;
export function loadLibrary(t) {
    library = library ?? (async () => {
        const folder = temporaryFolder(t);
        fs.cpSync(path.join(WWW, '_iobus/client'), path.join(folder, '_iobus/client'), { recursive: true });
        fs.cpSync(path.join(WWW, 'iobus.js'), path.join(folder, 'iobus.js'));
        fs.writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
        return import(pathToFileURL(path.join(folder, 'iobus.js')));
    })();
    return library;
}

// A WebSocket that tells what was sent over it, and can be cut.
export function spyClass() {
    return class Spy extends WebSocket {
        static all = [];
        static sent = []; // [type, id, name, args]

        constructor(url) {
            super(url);
            Spy.all.push(this);
        }

        send(text) {
            Spy.sent.push(JSON.parse(text));
            super.send(text);
        }

        static calls(command) {
            return Spy.sent.filter(([, , name]) => name === command).map(([, , , args]) => args);
        }

        static cut() {
            Spy.all[Spy.all.length - 1].terminate();
        }
    };
}

// A connected bus in node, closed when the test ends.
export async function openBus(t, url, options = {}) {
    const { connect } = await loadLibrary(t);
    const bus = connect(url, { WebSocket, retryMin: 20, retryMax: 200, ...options });
    t.after(() => bus.close());
    return within(bus.ready, 'connection');
}

// Until an event of the bus.
export function happens(bus, event) {
    return within(new Promise(resolve => {
        const stop = bus.on(event, (...args) => {
            stop();
            resolve(args[0]);
        });
    }), event);
}

export function stateObject(common = {}) {
    return { type: 'state', common: { name: 'test', type: 'mixed', role: 'state', read: true, write: true, ...common }, native: {} };
}
