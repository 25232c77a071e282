// SPDX-License-Identifier: MIT
// A network between client and server that can fail.
import { once } from 'node:events';
import net from 'node:net';

export class Proxy {
    constructor(target) {
        this.target = Number(new URL(target).port);
        this.pairs = new Set();
        this.up = true;
    }

    async start(t) {
        this.server = net.createServer(client => this.accept(client)).listen(0, '127.0.0.1');
        await once(this.server, 'listening');
        t.after(() => {
            this.down();
            this.server.close();
        });
        this.url = `http://127.0.0.1:${this.server.address().port}`;
        return this;
    }

    accept(client) {
        client.on('error', () => {});
        if (!this.up) {
            client.destroy();
            return;
        }
        const server = net.connect(this.target, '127.0.0.1').on('error', () => client.destroy());
        const pair = { client, server };
        this.pairs.add(pair);
        client.pipe(server).pipe(client);
        client.on('close', () => server.destroy());
        server.on('close', () => {
            client.destroy();
            this.pairs.delete(pair);
        });
    }

    // Cuts all connections, and lets no new ones through.
    down() {
        this.up = false;
        for (const { client } of this.pairs) {
            client.destroy();
        }
    }

    restore() {
        this.up = true;
    }
}
