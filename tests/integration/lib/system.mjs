// SPDX-License-Identifier: MIT
// iobus as many processes: an actor each, and gateways, that find each other by sockets in the data folder.
import { serve, within } from './program.mjs';

// In the order of starting; stopped the other way round.
const ACTORS = ['log', 'objects', 'states', 'files', 'auth', 'fetch', 'history', 'host', 'messages'];

// Until the gateway's /readyz has the status; it looks at the actors once in a while.
export function readiness(gateway, status) {
    const look = async () => {
        while ((await fetch(`${gateway.urls[0]}/readyz`)).status !== status) { /* again */ }
    };
    return within(look(), `readyz ${status}`);
}

export class System {
    // options: of the gateways.
    constructor(t, data, options = []) {
        Object.assign(this, { t, data, options, processes: new Map(), gateways: [] });
    }

    async startActor(name) {
        this.processes.set(name, await serve(this.t, ['--only', name, '--data', this.data]));
    }

    async startGateway(...listen) {
        const listeners = (listen.length ? listen : ['127.0.0.1:0']).flatMap(item => ['--listen', item]);
        const gateway = await serve(this.t, ['--only', 'gateway', '--data', this.data, ...this.options,
            ...listeners]);
        await readiness(gateway, 200); // it accepts clients before it has found the actors
        this.gateways.push(gateway);
        return gateway;
    }

    async start(gateways = 1) {
        // All at once, as an orchestrator does it: none may depend on the order.
        await Promise.all(ACTORS.map(name => this.startActor(name)));
        for (let i = 0; i < gateways; i++) {
            await this.startGateway();
        }
        return this;
    }

    // Ends an actor as a crash does.
    kill(name) {
        return this.processes.get(name).stop('SIGKILL');
    }

    // Stops all in order; the exit statuses.
    async stop() {
        const statuses = {};
        for (const [i, gateway] of this.gateways.entries()) {
            statuses[`gateway${i}`] = (await gateway.stop()).status;
        }
        for (const name of [...ACTORS].reverse()) {
            statuses[name] = (await this.processes.get(name).stop()).status;
        }
        return statuses;
    }
}
