// SPDX-License-Identifier: MIT
// Replays the conformance vectors against a running server. See README.md.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCase } from './case.mjs';
import { report } from './report.mjs';
import { startWebServer } from './webserver.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const USAGE = `usage: node run.mjs --open HOST:PORT [--auth HOST:PORT]
    [--iobws-open HOST:PORT] [--iobws-auth HOST:PORT]   ports of the iobws dialect, if others
    [--vectors DIR] [--dialects sio2-ws,sio2-poll,iobws] [--identity NAME] [--families A,B]
    [--case REGEX] [--quirks [ours|original]] [--jobs N] [--timeout MS] [--json FILE]
    [--recorded-order]   rows of views in the order of the recording, too`;

const DIALECTS = ['sio2-ws', 'sio2-poll', 'iobws'];
const QUIRK_MODES = ['ours', 'original'];
const VALUES = ['open', 'auth', 'iobws-open', 'iobws-auth', 'vectors', 'dialects', 'identity',
    'families', 'case', 'jobs', 'timeout', 'json'];

class UsageError extends Error {}

// {name: text}; `quirks` is true when it stands without a mode.
function parseArguments(args) {
    const options = { vectors: path.join(HERE, 'data'), jobs: '8', timeout: '3000' };
    for (let i = 0; i < args.length; i++) {
        const name = args[i].replace(/^--/, '');
        if (args[i] === '--recorded-order') {
            options.recordedOrder = true;
        } else if (args[i] === '--quirks') {
            options.quirks = QUIRK_MODES.includes(args[i + 1]) ? args[++i] : true;
        } else if (args[i] !== name && VALUES.includes(name) && i + 1 < args.length) {
            options[name] = args[++i];
        } else {
            throw new UsageError(`what is "${args[i]}"?`);
        }
    }
    if (!options.open) {
        throw new UsageError('--open is missing');
    }
    return options;
}

function parseTarget(text) {
    const [, host, port] = /^(?:http:\/\/)?\[?([^\]/]+?)\]?:(\d+)\/?$/.exec(text) ?? [];
    if (!port) {
        throw new UsageError(`"${text}" is not HOST:PORT`);
    }
    return { host, port: Number(port) };
}

function settings(args) {
    const options = parseArguments(args);
    const targets = {};
    for (const name of ['open', 'auth', 'iobws-open', 'iobws-auth']) {
        if (options[name]) {
            targets[name] = parseTarget(options[name]);
        }
    }
    const list = text => text?.split(',').filter(Boolean);
    const dialects = list(options.dialects) ?? DIALECTS;
    const unknown = dialects.find(dialect => !DIALECTS.includes(dialect));
    if (unknown) {
        throw new UsageError(`unknown dialect "${unknown}"`);
    }
    const jobs = Number(options.jobs);
    const timeout = Number(options.timeout);
    if (!(jobs >= 1 && timeout >= 1)) {
        throw new UsageError('--jobs and --timeout take a number');
    }
    return { ...options, targets, dialects, jobs, timeout, families: list(options.families) };
}

const readJson = file => JSON.parse(fs.readFileSync(file, 'utf8'));

function loadCases(directory) {
    return fs.readdirSync(directory)
        .filter(name => name.endsWith('.json') && name !== 'identities.json').sort()
        .flatMap(name => readJson(path.join(directory, name)));
}

// The runs that the options ask for: every case once for each of its dialects.
function select(cases, { families, identity, case: pattern, dialects }) {
    const expression = new RegExp(pattern ?? '');
    return cases
        .filter(item => (!families || families.includes(item.family))
            && (!identity || item.identity === identity) && expression.test(item.id))
        .flatMap(item => item.dialects.filter(dialect => dialects.includes(dialect))
            .map(dialect => ({ item, dialect })));
}

const usesAuth = ({ identity, steps }) => identity !== 'open'
    || steps.some(step => step.to === 'auth' || (step.identity && step.identity !== 'open'));

// Why a case is not run, or undefined.
function reasonToSkip(item, { targets, quirks }) {
    if (usesAuth(item) && !targets.auth) {
        return 'no port with authentication';
    }
    if (item.family === 'quirks' && !quirks) {
        return 'quirks are not asked for';
    }
    if (item.danger && quirks !== 'ours') {
        return 'would end the original';
    }
    return undefined;
}

// Quirks only have an outcome when one of the two behaviours is demanded.
function outcomeOf(item, { difference }, quirks) {
    if (item.family === 'quirks' && !QUIRK_MODES.includes(quirks)) {
        return 'reported';
    }
    return difference ? 'failed' : 'passed';
}

async function runOne({ item, dialect }, options, environment) {
    const { id, family, title, ours } = item;
    const base = { id, family, title, dialect };
    const reason = reasonToSkip(item, options);
    if (reason) {
        return { ...base, outcome: 'skipped', reason };
    }
    const isQuirk = family === 'quirks';
    const wanted = isQuirk && options.quirks === 'ours' ? 'ours' : 'original';
    const { verdict, ...result } = await runCase(item, dialect, environment, wanted);
    const outcome = outcomeOf(item, result, options.quirks);
    return { ...base, ...result, ...(isQuirk && { verdict, ours }), outcome };
}

// Runs all, `jobs` at a time: slow ones first, and never two with the same lock.
async function runAll(runs, options, environment) {
    const waiting = [...runs].sort((a, b) => Number(b.item.slow ?? 0) - Number(a.item.slow ?? 0));
    const locked = new Set();
    const results = [];
    const active = new Set();
    const startNext = () => {
        const index = waiting.findIndex(({ item }) => !item.lock || !locked.has(item.lock));
        if (index < 0 || active.size >= options.jobs) {
            return false;
        }
        const [next] = waiting.splice(index, 1);
        locked.add(next.item.lock);
        const job = runOne(next, options, environment).then(result => {
            results.push(result);
            locked.delete(next.item.lock);
            active.delete(job);
        });
        active.add(job);
        return true;
    };
    while (waiting.length || active.size) {
        while (startNext()) { /* fill all places */ }
        await Promise.race(active);
    }
    return results;
}

function inOrder(results, runs) {
    const place = new Map(runs.map(({ item, dialect }, i) => [`${item.id} ${dialect}`, i]));
    const placeOf = ({ id, dialect }) => place.get(`${id} ${dialect}`);
    return results.sort((a, b) => placeOf(a) - placeOf(b));
}

async function main() {
    const options = settings(process.argv.slice(2));
    const { identities } = readJson(path.join(options.vectors, 'identities.json'));
    const runs = select(loadCases(options.vectors), options);
    const web = await startWebServer();
    const { targets, timeout, recordedOrder } = options;
    const environment = { targets, timeout, recordedOrder, identities, http: web.address };
    const results = inOrder(await runAll(runs, options, environment), runs);
    web.close();
    const totals = report(results);
    if (options.json) {
        const text = JSON.stringify({ ...totals, cases: results }, null, 2);
        fs.writeFileSync(options.json, `${text}\n`);
    }
    // Some client libraries leave timers behind; the run is over all the same.
    process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1);
}

main().catch(error => {
    console.error(error instanceof UsageError ? `${error.message}\n${USAGE}` : error);
    process.exit(2);
});
