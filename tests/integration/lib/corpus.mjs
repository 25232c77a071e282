// SPDX-License-Identifier: MIT
// What the recorded answers of ioBroker are replayed upon: the backup that was loaded when they were recorded, and the
// history, whose archive lacks the last values of the day.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { connect } from './client.mjs';
import { ROOT, run, temporaryFolder } from './program.mjs';

export const CONFORMANCE = path.join(ROOT, 'tests/conformance');
const DATA = path.join(CONFORMANCE, 'data');

export async function imported(t) {
    const data = temporaryFolder(t);
    for (const archive of ['iobroker-backup.tar.gz', 'iobroker-history.tar.gz']) {
        const { status, stderr } = await run(['import', path.join(DATA, archive), '--data', data]);
        assert.equal(status, 0, stderr);
    }
    return data;
}

export async function completeHistory(t, url) {
    const client = await connect(t, url);
    const missing = JSON.parse(fs.readFileSync(path.join(DATA, 'history-missing.json'), 'utf8'));
    for (const [id, values] of Object.entries(missing)) {
        const state = values.map(([ts, val]) => ({ ts, val, ack: true, q: 0, from: 'system.adapter.demo.0' }));
        const [answer] = await client.callRaw('sendTo', 'history.0', 'storeState', { id, state });
        assert.equal(answer.success, true, JSON.stringify(answer));
    }
    client.close();
}
