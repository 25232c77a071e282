// SPDX-License-Identifier: MIT
// What the suites need of a server: one that is patient, and one that pings as quickly as the official suites ask
// for; a state and a storage of files on both.
import assert from 'node:assert/strict';
import { serve, temporaryFolder } from '../../integration/lib/program.mjs';
import { connect, stateObject } from '../../integration/lib/client.mjs';

export const STATE = '0_userdata.0.client';
export const FILES = 'clients.0';
export const MAX_MESSAGE = 1_000_000;
export const QUICK = { interval: 300, timeout: 200 }; // ms

const LAST_WORDS = 8000; // characters of a log

const LIMITS = ['--max-message', String(MAX_MESSAGE), '--upgrade-timeout', '1s', '--connect-timeout', '1s',
    '--recovery', '0'];

export async function furnish(t, url) {
    const client = await connect(t, url);
    await client.call('setObject', STATE, stateObject('client'));
    await client.call('setObject', FILES, { type: 'meta', common: { name: 'files', type: 'meta.user' }, native: {} });
    client.close();
}

// However a test ends, its server does so in order (hooks run in the order in which they were made).
export async function start(t, ...args) {
    let server;
    t.after(async () => assert.equal(server && (await server.stop()).status, 0, server?.stderr.slice(-LAST_WORDS)));
    server = await serve(t, ['--data', temporaryFolder(t), '--listen', '127.0.0.1:0', ...args]);
    await furnish(t, server.urls[0]);
    return server;
}

// { url, quickUrl }
export async function house(t) {
    const quick = ['--ping-interval', `${QUICK.interval}ms`, '--ping-timeout', `${QUICK.timeout}ms`];
    const servers = await Promise.all([start(t, ...LIMITS), start(t, ...LIMITS, ...quick)]);
    return { servers, url: servers[0].urls[0], quickUrl: servers[1].urls[0] };
}
