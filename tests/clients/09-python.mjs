// SPDX-License-Identifier: MIT
// Scripts in Python: Debian's python3-socketio, by each way to connect.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { within } from '../integration/lib/program.mjs';
import { FILES, start } from './lib/house.mjs';

const PYTHON = '/usr/bin/python3'; // Debian's, which sees Debian's packages
const SCRIPT = fileURLToPath(new URL('python/tour.py', import.meta.url));

const run = promisify(execFile);

async function tour(url, transports) {
    const { stdout, stderr } = await within(run(PYTHON, [SCRIPT, url, transports, FILES], { timeout: 50_000 }), transports);
    assert.equal(stderr, '');
    return JSON.parse(stdout);
}

test('python3-socketio', { concurrency: true }, async t => {
    const server = await start(t);
    const [url] = server.urls;
    await Promise.all(['polling', 'websocket', 'polling,websocket'].map(transports => t.test(transports, async () => {
        const seen = await tour(url, transports);
        const id = `0_userdata.0.python_${transports.replace(',', '_')}`;
        assert.equal(seen.transport, transports.split(',').at(-1));
        assert.deepEqual(seen.authenticate, [true, null]);
        assert.match(seen.version[1], /^\d+\.\d+\.\d+$/);
        assert.deepEqual([seen.setObject, seen.subscribe, seen.setState], [[null, { id }], null, [null, id]]);
        assert.equal(seen.change[0], id);
        assert.deepEqual([seen.change[1].val, seen.change[1].ack], ['ä€😀', true]);
        assert.deepEqual([seen.getStates[1][id].val, seen.getStates[1].none], ['ä€😀', null]);
        assert.equal(seen.writeFile, null);
        assert.deepEqual(seen.readFile, [true, 'application/octet-stream']);
        assert.equal(seen.unknown, 'Unknown command');
        assert.deepEqual(seen.order, Array.from({ length: 20 }, (_, i) => [`n.${i}`]));
        assert.equal(seen.connected, false);
    })));
    assert.equal((await server.stop()).status, 0);
});
