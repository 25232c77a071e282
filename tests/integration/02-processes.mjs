// SPDX-License-Identifier: MIT
// Every actor in a process of its own, and two gateways on the same stores.
import assert from 'node:assert/strict';
import test from 'node:test';
import { connect, stateObject } from './lib/client.mjs';
import { readiness, System } from './lib/system.mjs';
import { temporaryFolder, within } from './lib/program.mjs';

const CHANGES = 500;

test('a process without gateway says ready and no more', async t => {
    const system = new System(t, temporaryFolder(t));
    await system.startActor('log');
    assert.equal(system.processes.get('log').stdout, 'ready\n');
    assert.equal((await system.processes.get('log').stop()).status, 0);
});

test('what is written through one gateway is seen by clients of the other, in order', async t => {
    const system = await new System(t, temporaryFolder(t)).start(2);
    const [writer, reader] = await Promise.all(system.gateways.map(({ urls }) => connect(t, urls[0])));
    const id = '0_userdata.0.shared';
    await writer.call('setObject', id, stateObject('shared'));
    await reader.call('subscribe', '0_userdata.0.*');
    for (let value = 1; value <= CHANGES; value++) {
        writer.socket.emit('setState', id, value);
    }
    await reader.until(changes => changes.at(-1)?.[1] === CHANGES, 'the last change');
    const values = reader.changes.map(([, value]) => value).filter(value => value !== null);
    assert.deepEqual(values, [...values].sort((a, b) => a - b));
    assert.equal((await reader.call('getState', id))[0].val, CHANGES);
    const statuses = await system.stop();
    assert.deepEqual([...new Set(Object.values(statuses))], [0], JSON.stringify(statuses));
});

test('an actor is killed and started again under living clients', async t => {
    const system = await new System(t, temporaryFolder(t)).start(1);
    const client = await connect(t, system.gateways[0].urls[0]);
    const id = '0_userdata.0.survivor';
    await client.call('setObject', id, stateObject('survivor'));
    await client.call('subscribe', id);
    await client.call('setState', id, 1);
    await system.kill('states');

    const [error] = await client.callRaw('setState', id, 2);
    assert.equal(typeof error, 'string'); // an answer, not silence
    await readiness(system.gateways[0], 503);
    assert.ok((await client.call('getObject', id))[0]); // the others work

    await system.startActor('states');
    const answered = async () => {
        for (;;) {
            const [failure] = await client.callRaw('setState', id, 3);
            if (!failure) {
                return;
            }
        }
    };
    await within(answered(), 'an accepted write');
    await client.until(changes => changes.some(([, value]) => value === 3), 'the change');
    await readiness(system.gateways[0], 200);
    assert.equal((await client.call('getState', id))[0].val, 3);
    assert.equal(client.socket.connected, true);
    await system.stop();
});

for (const name of ['objects', 'files', 'auth', 'log', 'fetch', 'history']) {
    test(`a gateway survives the death of ${name}`, async t => {
        const system = await new System(t, temporaryFolder(t)).start(1);
        const client = await connect(t, system.gateways[0].urls[0]);
        await system.kill(name);
        await client.callRaw('setState', '0_userdata.0.x', 1); // answered, whatever it says
        await system.startActor(name);
        const works = async () => {
            while ((await client.callRaw('setObject', '0_userdata.0.x', stateObject('x')))[0]) { /* again */ }
        };
        await within(works(), 'an accepted write');
        await system.stop();
    });
}
