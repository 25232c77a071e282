// SPDX-License-Identifier: MIT
// One run: a fresh server, loaded by iobus-bench. Used by the table, the growth and the profile.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeBackup } from './backup.mjs';
import { SERVERS } from './peers.mjs';
import { STATES } from './rows.mjs';
import { runProgram } from './servers.mjs';

export class Bench {
    constructor(options, folder) {
        this.options = options;
        this.folder = folder;
    }

    program(name) {
        return join(this.options.build, name);
    }

    // A data folder with `count` states, made by importing a generated backup.
    async importStates(count) {
        const file = join(this.folder, `${count}.tar.gz`);
        const data = await mkdtemp(join(this.folder, 'data-'));
        if (!existsSync(file)) {
            await writeBackup(file, this.folder, count);
        }
        const args = ['import', file, '--data', data];
        const { status, ms } = await runProgram(this.program('iobus'), args);
        if (status !== 0) {
            throw new Error(`iobus import ended with status ${status}`);
        }
        return { data, ms };
    }

    // Fresh data too: what earlier runs wrote must not cost this one anything.
    async start(server, states = STATES) {
        const home = await mkdtemp(join(this.folder, `${server}-`));
        const { data } = server.startsWith('iobus') || server === 'against'
            ? await this.importStates(states)
            : {};
        const started = await SERVERS[server].start(home, this.options, data);
        const stop = async () => {
            await started.stop();
            await rm(home, { recursive: true, force: true, maxRetries: 3 });
            await (data && rm(data, { recursive: true, force: true, maxRetries: 3 }));
        };
        return { ...started, stop };
    }

    // Resolves with the report of iobus-bench, and `ok`.
    async load(started, args) {
        const { output, status } = await runProgram(this.program('iobus-bench'), [
            ...['--url', started.host, '--pid', started.pids.join(',')],
            ...args,
        ]);
        if (!output) {
            throw new Error(`iobus-bench ended with status ${status}`);
        }
        return { ...JSON.parse(output), ok: status === 0 };
    }

    async measure(server, args, states) {
        const { seconds } = this.options;
        const started = await this.start(server, states);
        try {
            const time = ['--seconds', String(seconds), '--warmup', String(seconds / 5)];
            return await this.load(started, [...time, ...args]);
        } finally {
            await started.stop();
        }
    }
}

export function median(values) {
    const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
    const middle = Math.floor(sorted.length / 2);
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
