// SPDX-License-Identifier: MIT
// Checks that the hot paths do not need more instructions than hotpath.json says, by callgrind.
//
//     node hotpath.mjs PATH-OF-IOBUS-HOTPATH BUILD [--update]
//
// BUILD says what made the program ("GNU 12.2.0 RelWithDebInfo x86_64"): counts of another compiler
// compare with nothing. Status 77: skipped, with the reason. --update writes hotpath.json anew.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readDump } from './profile.mjs';
import { findProgram } from './servers.mjs';

const FILE = join(dirname(fileURLToPath(import.meta.url)), 'hotpath.json');
const MAY_GROW = 1.05;
const SKIPPED = 77;

// Instructions per operation, by name of the path.
function count(program) {
    const folder = mkdtempSync(join(tmpdir(), 'iobus-hotpath-'));
    const dump = join(folder, 'dump');
    const args = ['--tool=callgrind', '--compress-strings=no', '--compress-pos=no'];
    try {
        const output = execFileSync(
            findProgram('valgrind'),
            [...args, `--callgrind-out-file=${dump}`, program],
            { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
        );
        const found = readDump(readFileSync(dump, 'utf8'));
        const rows = output.trim().split('\n').map(line => line.split(' '));
        return Object.fromEntries(
            rows.map(([name, function_, operations]) => {
                const cost = found.get(function_)?.callers.get('counted');
                return [name, Math.round(cost / operations)];
            }),
        );
    } finally {
        rmSync(folder, { recursive: true });
    }
}

// Lines about paths that have changed, and whether one has grown too much.
export function compare(known, found) {
    const lines = [];
    let grown = false;
    for (const name of new Set([...Object.keys(known), ...Object.keys(found)])) {
        const [before, now] = [known[name], found[name]];
        const ratio = now / before;
        const worse = !(ratio <= MAY_GROW); // also when one of them is missing
        const verdict = worse ? '  GROWN' : ratio < 1 / MAY_GROW ? '  less: --update holds it' : '';
        lines.push(`${name.padEnd(8)} ${before ?? '-'} -> ${now || '-'}${verdict}`);
        grown = grown || worse;
    }
    return { lines, grown };
}

function main([program, build, update]) {
    const known = JSON.parse(readFileSync(FILE, 'utf8'));
    if (!findProgram('valgrind')) {
        console.log('skipped: valgrind is not installed');
        return SKIPPED;
    }
    if (known.build !== build && !update) {
        console.log(`skipped: the counts are of ${known.build}, this is ${build}`);
        return SKIPPED;
    }
    const instructions = count(program);
    const { lines, grown } = compare(known.instructions, instructions);
    console.log(`instructions per operation\n${lines.join('\n')}`);
    if (update) {
        writeFileSync(FILE, `${JSON.stringify({ build, instructions }, null, 4)}\n`);
        return 0;
    }
    return grown ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    process.exitCode = main(process.argv.slice(2));
}
