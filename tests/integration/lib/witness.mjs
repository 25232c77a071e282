// SPDX-License-Identifier: MIT
// A client that does nothing wrong, in a thread of its own: it writes and reads a state again and again. Whatever
// others do, each of its calls succeeds, and soon.
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Client, stateObject } from './client.mjs';

const ID = '0_userdata.0.witness';

export class Witness {
    async start(t, url) {
        this.worker = new Worker(new URL(import.meta.url), { workerData: { witness: url } });
        t.after(() => this.worker.terminate());
        await this.report();
        return this;
    }

    // { rounds, worstMs, failure } since the last report.
    async report() {
        this.worker.postMessage('report');
        const [report] = await once(this.worker, 'message');
        return report;
    }
}

async function round(client, value) {
    await client.call('setState', ID, value);
    const [state] = await client.call('getState', ID);
    if (state.val !== value) {
        throw new Error(`wrote ${value}, read ${JSON.stringify(state)}`);
    }
}

async function watch(url) {
    let seen = { rounds: 0, worstMs: 0, failure: null };
    let since = Date.now();
    const note = () => (seen.worstMs = Math.max(seen.worstMs, Date.now() - since));
    parentPort.on('message', () => {
        note();
        parentPort.postMessage(seen);
        seen = { rounds: 0, worstMs: 0, failure: seen.failure };
    });
    try {
        const client = new Client(url);
        await client.connected();
        await client.call('setObject', ID, stateObject('witness'));
        for (let value = 1; ; value++) {
            since = Date.now();
            await round(client, value);
            note();
            seen.rounds++;
        }
    } catch (error) {
        seen.failure = error.message;
    }
}

if (!isMainThread && workerData?.witness) {
    watch(workerData.witness);
}
