// SPDX-License-Identifier: MIT
// Measures servers side by side: for each row and round every server in turn, each run with a fresh
// process. One JSON line per run, then the tables. Also the growth plots and profiles.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Bench } from './bench.mjs';
import { growth, GROWTHS } from './growth.mjs';
import { argumentsOf, SERVERS } from './peers.mjs';
import { profile } from './profile.mjs';
import { ROWS } from './rows.mjs';
import { killAll, runProgram } from './servers.mjs';
import { floorTable, tables } from './table.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(dirname(HERE));

const HELP = `tests/bench/run [option]... [-- ARGUMENT OF iobus serve...]

  --seconds S       measured per run (3); the warm-up is a fifth of it
  --rounds N        runs per row and server, interleaved (3)
  --only ROW        just this row; may be repeated
  --servers A,B     of ${Object.keys(SERVERS).join(' ')}
                    (all that are there)
  --build DIR       where iobus, iobus-bench and the floors are (build/release)
  --against DIR     another build of iobus, as the server "against"; without --servers only
                    these two; prints ratios
  --startup N       also import of, and start with, N objects and states
  --growth WHAT     instead: how costs grow with ${Object.keys(GROWTHS).join(', ')} or all;
                    draws growth-WHAT.svg
  --most N          of growth: not beyond N
  --profile ROW     instead: instructions per operation by callgrind, and the top functions
  --top N           of the profile (10)
  --quick           1 second, 1 round: for CI

rows: ${ROWS.map(row => row.name).join(' ')}
`;

function readOptions() {
    const text = { type: 'string' };
    const { values, positionals } = parseArgs({
        allowPositionals: true,
        options: {
            ...{ seconds: text, rounds: text, servers: text, against: text, startup: text },
            ...{ growth: text, most: text, profile: text, top: text },
            only: { type: 'string', multiple: true, default: [] },
            build: { type: 'string', default: join(ROOT, 'build', 'release') },
            quick: { type: 'boolean', default: false },
            help: { type: 'boolean', default: false },
        },
    });
    const options = {
        ...values,
        seconds: Number(values.seconds ?? (values.quick ? 1 : 3)),
        rounds: Number(values.rounds ?? (values.quick ? 1 : 3)),
        startup: Number(values.startup ?? 0),
        most: Number(values.most ?? Infinity),
        top: Number(values.top ?? 10),
        servers: values.servers?.split(','),
        serveArgs: positionals,
    };
    const isRow = name => ROWS.some(row => row.name === name);
    const unknown = [
        ...options.only.filter(name => !isRow(name)),
        ...(options.servers ?? []).filter(name => !SERVERS[name]),
        ...(options.growth && options.growth !== 'all' && !GROWTHS[options.growth]
            ? [options.growth]
            : []),
        ...(options.profile && !isRow(options.profile) ? [options.profile] : []),
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
        durability: options.serveArgs.length ? options.serveArgs.join(' ') : 'default settings',
        load: loadavg()[0],
        seconds: options.seconds,
        rounds: options.rounds,
    };
}

// Those that can take part; says of each other one why not.
function chooseServers(options) {
    const all = options.against ? ['iobus'] : Object.keys(SERVERS).filter(name => name !== 'against');
    const wanted = new Set([...(options.servers ?? all), ...(options.against ? ['against'] : [])]);
    return [...wanted].filter(name => {
        const why = SERVERS[name].missing(options);
        if (why) {
            console.error(`skipped ${name}: ${why}`);
        }
        return !why;
    });
}

async function measureRow(bench, row, server, round) {
    const args = argumentsOf(row, server);
    if (!args) {
        return null;
    }
    let result;
    try {
        result = await bench.measure(server, args);
    } catch (error) {
        console.error(`${row.name}, ${server}: ${error.message}`);
        result = { ok: false };
    }
    const { label, ...figures } = result;
    const line = { row: row.name, server, round, ...figures };
    console.log(JSON.stringify(line));
    return line;
}

async function measureAll(bench, rows, servers) {
    const results = [];
    for (const row of rows) {
        for (let round = 1; round <= bench.options.rounds; round++) {
            // There and back, so that what drifts meanwhile favours nobody.
            for (const server of round % 2 ? servers : [...servers].reverse()) {
                results.push(await measureRow(bench, row, server, round));
            }
        }
    }
    return results.filter(Boolean);
}

async function measureFloors(bench) {
    const program = bench.program('iobus-floors');
    if (!existsSync(program)) {
        return [];
    }
    const { output } = await runProgram(program, [join(bench.folder, 'floors')]);
    return output.trim().split('\n').map(line => JSON.parse(line));
}

async function measureStartup(bench) {
    const objects = bench.options.startup;
    const { data, ms } = await bench.importStates(objects);
    const started = await SERVERS.iobus.start(null, bench.options, data);
    await started.stop();
    console.log(JSON.stringify({ row: 'startup', objects, import_ms: ms, ready_ms: started.readyMs }));
}

async function measure(bench) {
    const { only, startup } = bench.options;
    const servers = chooseServers(bench.options);
    const rows = ROWS.filter(row => !only.length || only.includes(row.name));
    const results = await measureAll(bench, rows, servers);
    const floors = servers.includes('floor') && !only.length ? await measureFloors(bench) : [];
    if (startup) {
        await measureStartup(bench);
    }
    console.log(`\n${tables(rows, results, servers)}`);
    if (floors.length) {
        console.log(`\n${floorTable(floors)}`);
    }
    return results.every(result => result.ok) ? 0 : 1;
}

function task(options) {
    if (options.growth) {
        return bench => growth(bench, options.growth, HERE);
    }
    if (options.profile) {
        return bench => profile(bench, ROWS.find(row => row.name === options.profile));
    }
    return measure;
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
        return await task(options)(new Bench(options, folder));
    } finally {
        await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    }
}

process.exitCode = await main();
