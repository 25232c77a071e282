// SPDX-License-Identifier: MIT
// kill -9 at random moments under load: every acknowledged write is there after the next start, and the stores open
// every time. Rounds: TEST_ROUNDS (default 50). Writers count upwards, so a stored value may be newer than the last
// acknowledged one, never older.
import assert from 'node:assert/strict';
import test from 'node:test';
import { connect, stateObject } from './lib/client.mjs';
import { serve, temporaryFolder, within } from './lib/program.mjs';

const ROUNDS = Number(process.env.TEST_ROUNDS || 50);
const WRITERS = 4;
const IN_FLIGHT = 8;
const FILE_BYTES = 2000;

// What the server has acknowledged, and the newest that was sent.
class Ledger {
    states = new Map();
    sent = new Map();
    objects = new Set();
    files = new Map();
    count = 0;
    waiting = null;

    acknowledge() {
        this.count++;
        if (this.waiting && this.count >= this.waiting.count) {
            this.waiting.resolve();
        }
    }

    // Until so many more writes are acknowledged: a moment under load that needs no clock.
    after(more) {
        return new Promise(resolve => (this.waiting = { count: this.count + more, resolve }));
    }
}

// Repeats a write, the next one when the last is answered, until the round ends.
function keepWriting(round, write) {
    const next = () => round.alive && write(error => {
        if (!error) {
            round.ledger.acknowledge();
        }
        next();
    });
    next();
}

function writeStates(round, socket, writer) {
    const { ledger } = round;
    for (let slot = 0; slot < IN_FLIGHT; slot++) {
        const id = `kill.0.w${writer}.s${slot}`;
        keepWriting(round, done => {
            const value = (ledger.sent.get(id) ?? 0) + 1;
            ledger.sent.set(id, value);
            socket.emit('setState', id, { val: value, ack: true }, error => {
                if (!error) {
                    ledger.states.set(id, Math.max(value, ledger.states.get(id) ?? 0));
                }
                done(error);
            });
        });
    }
}

function writeObjects(round, socket, writer) {
    let count = 0;
    keepWriting(round, done => {
        const id = `kill.0.o.${round.number}.${writer}.${count++}`;
        socket.emit('setObject', id, stateObject(id), error => {
            if (!error) {
                round.ledger.objects.add(id);
            }
            done(error);
        });
    });
}

function writeFiles(round, socket, writer) {
    let count = 0;
    keepWriting(round, done => {
        const name = `kill/${writer}-${count++ % 10}.txt`;
        const version = [round.number, count];
        socket.emit('writeFile', '0_userdata.0', name, `${version.join(' ')} ${'x'.repeat(FILE_BYTES)}`, error => {
            if (!error) {
                round.ledger.files.set(name, version);
            }
            done(error);
        });
    });
}

async function verify(client, ledger) {
    const [states] = await client.call('getStates', [...ledger.states.keys()]);
    for (const [id, value] of ledger.states) {
        assert.ok(states[id], `${id} is gone`);
        assert.ok(states[id].val >= value && states[id].val <= ledger.sent.get(id),
            `${id} is ${states[id].val}, acknowledged was ${value}`);
    }
    const [objects] = ledger.objects.size ? await client.call('getObjects', [...ledger.objects]) : [{}];
    for (const id of ledger.objects) {
        assert.ok(objects[id], `object ${id} is gone`);
    }
    for (const [name, [round, count]] of ledger.files) {
        const [text] = await client.call('readFile', '0_userdata.0', name);
        const [storedRound, storedCount, rest] = text.split(' ');
        assert.equal(rest.length, FILE_BYTES, `${name} is torn`);
        assert.ok(Number(storedRound) > round || (Number(storedRound) === round && Number(storedCount) >= count),
            `${name} is older than acknowledged`);
    }
}

async function runRound(t, number, data, ledger) {
    const server = await serve(t, ['--data', data, '--listen', '127.0.0.1:0', '--log-level', 'warn']);
    const clients = await Promise.all(Array.from({ length: WRITERS + 1 }, () => connect(t, server.urls[0])));
    await verify(clients[WRITERS], ledger);
    const round = { number, ledger, alive: true };
    for (let writer = 0; writer < WRITERS; writer++) {
        const { socket } = clients[writer];
        writeStates(round, socket, writer);
        writeObjects(round, socket, writer);
        writeFiles(round, socket, writer);
    }
    await within(ledger.after(1 + Math.floor(Math.random() * 2000)), 'load');
    await server.stop('SIGKILL');
    round.alive = false;
    clients.forEach(client => client.close());
}

test(`acknowledged writes survive ${ROUNDS} times kill -9`, async t => {
    const data = temporaryFolder(t);
    const ledger = new Ledger();
    for (let number = 0; number < ROUNDS; number++) {
        await runRound(t, number, data, ledger);
    }
    const server = await serve(t, ['--data', data, '--listen', '127.0.0.1:0']);
    await verify(await connect(t, server.urls[0]), ledger);
    assert.equal((await server.stop()).status, 0);
    t.diagnostic(`${ledger.count} acknowledged writes, ${ledger.objects.size} objects, ${ledger.files.size} files`);
});
