// SPDX-License-Identifier: MIT
// Writes a backup in the layout of ioBroker's controller, with as many numeric states as wanted:
//
//     backup/config.json     backup/objects.jsonl     backup/states.jsonl
//
// The ids are those that iobus-bench uses: bench.0.fan0 to fan15 and bench.0.s0 to bench.0.s(N-1).
import { createWriteStream } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { once } from 'node:events';
import { runProgram } from './servers.mjs';

const TS = 1700000000000;
const FROM = 'system.adapter.bench.0';
const USER = 'system.user.admin';
const PUBLISHERS = 16; // at most

function object(id) {
    return {
        _id: id,
        type: 'state',
        common: { name: id, role: 'value', type: 'number', read: true, write: true },
        native: {},
        from: FROM,
        user: USER,
        ts: TS,
        acl: { owner: USER, ownerGroup: 'system.group.administrator', object: 1636, state: 1636 },
    };
}

function state(id) {
    return { id, state: { val: 0, ack: true, ts: TS, q: 0, from: FROM, user: USER, lc: TS } };
}

async function writeLines(file, ids, toLine) {
    const stream = createWriteStream(file);
    for (const id of ids) {
        if (!stream.write(`${JSON.stringify(toLine(id))}\n`)) {
            await once(stream, 'drain');
        }
    }
    stream.end();
    await finished(stream);
}

// Writes `file`, a tar.gz with count states, using `folder` for its parts.
export async function writeBackup(file, folder, count) {
    const parts = join(folder, 'backup');
    const ids = [
        ...Array.from({ length: PUBLISHERS }, (_, n) => `bench.0.fan${n}`),
        ...Array.from({ length: count }, (_, n) => `bench.0.s${n}`),
    ];
    await mkdir(parts, { recursive: true });
    const type = 'jsonl';
    const config = { system: { hostname: 'bench' }, objects: { type }, states: { type } };
    await writeFile(join(parts, 'config.json'), JSON.stringify(config));
    await writeLines(join(parts, 'objects.jsonl'), ids, object);
    await writeLines(join(parts, 'states.jsonl'), ids, state);
    const { status } = await runProgram('tar', ['czf', file, '-C', folder, 'backup']);
    if (status !== 0) {
        throw new Error(`tar ended with status ${status}`);
    }
    await rm(parts, { recursive: true });
}
