// SPDX-License-Identifier: MIT
// Proves that iobus-bench finds what is wrong with a server: each row starts a server with one
// fault and expects the count that it must show. Usage: node selftest.mjs PATH-OF-IOBUS-BENCH
// Status 77: skipped, with the reason.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram, startServer } from './servers.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));

const AT_A_TIME = 3; // most of a row is waiting

const SET = ['--mode', 'setState'];
const GET = ['--mode', 'getState', '--ids', '200'];
const FAN = ['--mode', 'fanout', '--subscribers', '3'];
const POLL = ['--dialect', 'poll2'];
const PACED = [...FAN, '--rate', '2000']; // so that more than one change is under way

const ROWS = [
    { fault: 'none', args: SET, shows: null },
    { fault: 'none', args: GET, shows: null },
    { fault: 'none', args: FAN, shows: null },
    { fault: 'none', args: PACED, shows: null },
    { fault: 'none', args: [...SET, ...POLL], shows: null },
    { fault: 'none', args: [...FAN, ...POLL], shows: null },
    { fault: 'wrong-id', args: SET, shows: 'errors' },
    { fault: 'answer-twice', args: SET, shows: 'errors' },
    { fault: 'silent', args: SET, shows: 'errors' },
    { fault: 'die', args: SET, shows: 'errors' },
    { fault: 'old-value', args: GET, shows: 'errors' },
    { fault: 'old-value', args: SET, shows: 'errors' }, // read back after the run
    { fault: 'lose', args: PACED, shows: 'lost' },
    { fault: 'lose', args: FAN, shows: 'lost' },
    { fault: 'lose', args: [...FAN, ...POLL], shows: 'lost' },
    { fault: 'swap', args: PACED, shows: 'reordered' },
    { fault: 'twice', args: PACED, shows: 'reordered' },
    { fault: 'twice', args: FAN, shows: 'reordered' },
];

async function check({ fault, args, shows }) {
    const server = await startServer(process.execPath, [join(HERE, 'peer', 'faulty.js'), fault]);
    const { output, status } = await runProgram(process.argv[2], [
        ...['--url', server.host, '--seconds', '0.3', '--warmup', '0', '--timeout', '0.5', ...args],
    ]);
    await server.stop();
    const result = JSON.parse(output);
    const name = `${fault}, ${args.join(' ')}: ${output}`;
    assert.equal(status, shows ? 1 : 0, name);
    for (const count of ['errors', 'lost', 'reordered']) {
        assert.ok(shows ? shows !== count || result[count] > 0 : result[count] === 0, name);
    }
    assert.ok(shows || result.ops > 0, name);
    console.log(`ok ${fault} ${args.join(' ')}${shows ? `: ${result[shows]} ${shows}` : ''}`);
}

if (!existsSync(join(HERE, 'peer', 'node_modules', 'socket.io'))) {
    console.log('skipped: npm ci has not been run in tests/bench/peer');
    process.exit(77);
}
const rows = ROWS.values();
await Promise.all(
    Array.from({ length: AT_A_TIME }, async () => {
        for (const row of rows) {
            await check(row);
        }
    }),
);
