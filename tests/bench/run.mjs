// SPDX-License-Identifier: MIT
// Measures the servers side by side: for each row and round every server in turn, each run with a
// fresh process. One JSON line per run, then a table of medians.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeBackup } from './backup.mjs';
import { killAll, runProgram, startServer } from './servers.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(dirname(HERE));

const HELP = `tests/bench/run [option]... [-- ARGUMENT OF iobus serve...]

  --seconds S     measured per run (5); the warm-up is a fifth of it
  --rounds N      runs per row and server, interleaved (3)
  --only ROW      just this row; may be repeated
  --servers A,B   of iobus and peer (both)
  --build DIR     where iobus and iobus-bench are (build/release)
  --quick         1 second, 1 round, 10,000 objects at start-up: for CI
`;

const RATE = { field: 'rate', title: 'ops/s' };
const CPU = { field: 'cpu_us_per_op', title: 'CPU µs/op' };
const P50 = { field: 'p50_us', title: 'p50 µs' };
const P99 = { field: 'p99_us', title: 'p99 µs' };
const REQUEST = [RATE, CPU, P50, P99];
const DELIVERY = [
    { ...RATE, title: 'deliveries/s' },
    { ...CPU, title: 'CPU µs/delivery' },
    P50,
    P99,
];

// A row either has the arguments of iobus-bench or is the start-up, which has none.
const ROWS = [
    { name: 'setState-1', args: ['--mode', 'setState'], show: REQUEST },
    { name: 'setState-32', args: ['--mode', 'setState', '--connections', '32'], show: REQUEST },
    { name: 'setState-256', args: ['--mode', 'setState', '--connections', '256'], show: REQUEST },
    {
        name: 'setState-10x16',
        args: ['--mode', 'setState', '--connections', '10', '--inflight', '16'],
        show: REQUEST,
    },
    { name: 'getState-10', args: ['--mode', 'getState', '--connections', '10'], show: REQUEST },
    { name: 'fanout-1', args: ['--mode', 'fanout', '--subscribers', '1'], show: DELIVERY },
    { name: 'fanout-100', args: ['--mode', 'fanout', '--subscribers', '100'], show: DELIVERY },
    { name: 'fanout-1000', args: ['--mode', 'fanout', '--subscribers', '1000'], show: DELIVERY },
    {
        name: 'idle-1000',
        args: ['--mode', 'idle', '--connections', '1000'],
        show: [{ field: 'rss_bytes_per_connection', title: 'bytes/connection' }],
    },
    {
        name: 'startup',
        show: [
            { field: 'ready_ms', title: 'ms to ready' },
            { field: 'import_ms', title: 'ms to import' },
        ],
    },
];
const STATES = 1000; // that iobus-bench uses

function readOptions() {
    const { values, positionals } = parseArgs({
        allowPositionals: true,
        options: {
            seconds: { type: 'string' },
            rounds: { type: 'string' },
            only: { type: 'string', multiple: true, default: [] },
            servers: { type: 'string', default: 'iobus,peer' },
            build: { type: 'string', default: join(ROOT, 'build', 'release') },
            quick: { type: 'boolean', default: false },
            help: { type: 'boolean', default: false },
        },
    });
    const options = {
        ...values,
        seconds: Number(values.seconds ?? (values.quick ? 1 : 5)),
        rounds: Number(values.rounds ?? (values.quick ? 1 : 3)),
        objects: values.quick ? 10_000 : 100_000,
        servers: values.servers.split(','),
        serveArgs: positionals,
    };
    const unknown = [
        ...options.only.filter(name => !ROWS.some(row => row.name === name)),
        ...options.servers.filter(name => !['iobus', 'peer'].includes(name)),
    ];
    if (unknown.length || !(options.seconds > 0) || !(options.rounds >= 1)) {
        throw new TypeError(unknown.length ? `unknown: ${unknown}` : 'not a number above 0');
    }
    return options;
}

// What was measured, on what: without it no figure means anything.
function describe(options) {
    let commit = null;
    try {
        commit = execFileSync('git', ['-C', ROOT, 'describe', '--always', '--dirty'], {
            encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'ignore'],
        }).trim();
    } catch {
        // an unpacked release has no history
    }
    return {
        machine: `${cpus().length} x ${cpus()[0].model.trim()}, Linux ${release()}`,
        node: process.version,
        commit,
        load: loadavg()[0],
        seconds: options.seconds,
        rounds: options.rounds,
    };
}

class Bench {
    constructor(options, folder) {
        this.options = options;
        this.folder = folder;
        this.results = [];
        this.failed = 0;
    }

    program(name) {
        return join(this.options.build, name);
    }

    // A data folder with `count` states, made by importing a generated backup.
    async importStates(name, count) {
        const file = join(this.folder, `${name}.tar.gz`);
        const data = join(this.folder, name);
        if (!existsSync(file)) {
            await writeBackup(file, this.folder, count);
        }
        await rm(data, { recursive: true, force: true });
        const args = ['import', file, '--data', data];
        const { status, ms } = await runProgram(this.program('iobus'), args);
        if (status !== 0) {
            throw new Error(`iobus import ended with status ${status}`);
        }
        return { data, ms };
    }

    startIobus(data) {
        const args = ['serve', '--data', data, '--listen', '127.0.0.1:0'];
        return startServer(this.program('iobus'), [...args, ...this.options.serveArgs]);
    }

    async start(server) {
        if (server === 'peer') {
            return startServer(process.execPath, [join(HERE, 'peer', 'server.js')]);
        }
        // Fresh data too: what earlier runs wrote must not cost this one anything.
        return this.startIobus((await this.importStates('rows', STATES)).data);
    }

    async measureRow(row, server) {
        const { seconds } = this.options;
        const process = await this.start(server);
        try {
            const { output, status } = await runProgram(this.program('iobus-bench'), [
                ...['--url', process.host, '--pid', String(process.pid), '--label', server],
                ...['--seconds', String(seconds), '--warmup', String(seconds / 5)],
                ...['--ids', String(STATES), ...row.args],
            ]);
            if (!output) {
                throw new Error(`iobus-bench ended with status ${status}`);
            }
            return { ...JSON.parse(output), ok: status === 0 };
        } finally {
            await process.stop();
        }
    }

    async measureStartup(server) {
        const { objects } = this.options;
        const { data, ms } = await this.importStates('startup', objects);
        const process = await this.startIobus(data);
        await process.stop();
        const figures = { objects, import_ms: ms, ready_ms: process.readyMs };
        return { label: server, mode: 'startup', ...figures, ok: true };
    }

    async measure(row, server, round) {
        let result;
        try {
            result = await (row.args ? this.measureRow(row, server) : this.measureStartup(server));
        } catch (error) {
            console.error(`${row.name}, ${server}: ${error.message}`);
            result = { label: server, ok: false };
        }
        this.failed += result.ok ? 0 : 1;
        this.results.push({ row: row.name, round, ...result });
        console.log(JSON.stringify(this.results.at(-1)));
    }

    async all() {
        const { only } = this.options;
        const rows = ROWS.filter(row => !only.length || only.includes(row.name));
        for (const row of rows) {
            for (let round = 1; round <= this.options.rounds; round++) {
                for (const server of this.options.servers) {
                    if (row.args || server === 'iobus') {
                        await this.measure(row, server, round);
                    }
                }
            }
        }
        return rows;
    }

    median(row, server, field) {
        const values = this.results
            .filter(result => result.row === row && result.label === server && result.ok)
            .map(result => result[field])
            .filter(Number.isFinite)
            .sort((a, b) => a - b);
        const middle = Math.floor(values.length / 2);
        return values.length % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }

    table(rows) {
        const digits = { maximumSignificantDigits: 3 };
        const text = value => (Number.isFinite(value) ? value.toLocaleString('en', digits) : '–');
        const lines = [
            '| row | figure | iobus | node peer | iobus / peer |',
            '|---|---|---:|---:|---:|',
        ];
        for (const row of rows) {
            for (const { field, title } of row.show) {
                const iobus = this.median(row.name, 'iobus', field);
                const peer = this.median(row.name, 'peer', field);
                const cells = [row.name, title, text(iobus), text(peer), text(iobus / peer)];
                lines.push(`| ${cells.join(' | ')} |`);
            }
        }
        return lines.join('\n');
    }
}

async function main() {
    let options;
    try {
        options = readOptions();
    } catch (error) {
        console.error(`${error.message}\n${HELP}`);
        return 2;
    }
    if (options.help) {
        console.log(HELP);
        return 0;
    }
    const folder = await mkdtemp(join(tmpdir(), 'iobus-bench-'));
    for (const signal of ['SIGINT', 'SIGTERM']) {
        process.once(signal, async () => {
            killAll();
            await rm(folder, { recursive: true, force: true, maxRetries: 3 });
            process.exit(130);
        });
    }
    console.log(JSON.stringify(describe(options)));
    try {
        const bench = new Bench(options, folder);
        const rows = await bench.all();
        console.log(`\n${bench.table(rows)}`);
        return bench.failed ? 1 : 0;
    } finally {
        await rm(folder, { recursive: true, force: true });
    }
}

process.exitCode = await main();
