// SPDX-License-Identifier: MIT
// ioBroker's own client libraries in node, which were written for pages: they look for globals of a browser.
import WebSocket from 'ws';
import '@iobroker/ws'; // defines globalThis.io
import { within } from '../../integration/lib/program.mjs';

// A page of the web adapter whose socket is on the same port. socket-client reads it, and @iobroker/ws has made the rest.
globalThis.socketUrl = '';
globalThis.alert ??= text => {
    throw new Error(text);
};

const { connect } = globalThis.io;
export const { Connection } = await import('@iobroker/socket-client');

// The library says on the console when connections end, which is what some tests want.
export function quiet(t) {
    for (const name of ['warn', 'error', 'log']) {
        t.mock.method(console, name, () => {});
    }
}

export const connectPlain = (url, options) => connect(url, { ...options, WebSocket });

export class IobClient {
    constructor(url, options) {
        this.socket = connectPlain(url, options);
    }

    once(name) {
        return within(new Promise(resolve => {
            const handler = (...args) => {
                this.socket.off(name, handler);
                resolve(args);
            };
            this.socket.on(name, handler);
        }), name);
    }

    call(command, ...args) {
        return within(new Promise(resolve => this.socket.emit(command, ...args, (...answer) => resolve(answer))), command);
    }

    on(name, handler) {
        this.socket.on(name, handler);
    }

    off(name, handler) {
        this.socket.off(name, handler);
    }

    close() {
        this.socket.close(true);
    }
}
