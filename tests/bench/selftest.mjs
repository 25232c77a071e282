// SPDX-License-Identifier: MIT
// Proves that iobus-bench finds what is wrong with a server: each row starts a server with one
// fault and expects the count that it must show. Usage: node selftest.mjs PATH-OF-IOBUS-BENCH
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram, startServer } from './servers.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));

const SET = ['--mode', 'setState'];
const GET = ['--mode', 'getState', '--ids', '200'];
const FAN = ['--mode', 'fanout', '--subscribers', '3'];
const PACED = [...FAN, '--rate', '2000']; // so that more than one change is under way

const ROWS = [
    { fault: 'none', args: SET, shows: null },
    { fault: 'none', args: GET, shows: null },
    { fault: 'none', args: FAN, shows: null },
    { fault: 'none', args: PACED, shows: null },
    { fault: 'wrong-id', args: SET, shows: 'errors' },
    { fault: 'answer-twice', args: SET, shows: 'errors' },
    { fault: 'silent', args: SET, shows: 'errors' },
    { fault: 'die', args: SET, shows: 'errors' },
    { fault: 'old-value', args: GET, shows: 'errors' },
    { fault: 'old-value', args: SET, shows: 'errors' }, // read back after the run
    { fault: 'lose', args: PACED, shows: 'lost' },
    { fault: 'lose', args: FAN, shows: 'lost' },
    { fault: 'swap', args: PACED, shows: 'reordered' },
    { fault: 'twice', args: PACED, shows: 'reordered' },
    { fault: 'twice', args: FAN, shows: 'reordered' },
];

for (const { fault, args, shows } of ROWS) {
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
    console.log(`ok ${fault} ${args[1]}${shows ? `: ${result[shows]} ${shows}` : ''}`);
}
