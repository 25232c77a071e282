// SPDX-License-Identifier: MIT
// The engine.io clients below socket.io's, used by themselves: open, heartbeats, upgrade, messages of bytes, close.
import assert from 'node:assert/strict';
import test from 'node:test';
import { within } from '../integration/lib/program.mjs';
import { start } from './lib/house.mjs';
import { BYTES, echo, echoed, reading, writing } from './lib/rounds.mjs';
import { require } from './lib/tour.mjs';

const CLIENTS = { '3.5': require('eio3'), '6.x': require('eio6').Socket };
const WAYS = { websocket: { transports: ['websocket'] }, polling: { transports: ['polling'] }, upgrade: {} };

class Engine {
    constructor(Socket, url, options) {
        this.socket = new Socket(url, { path: '/socket.io/', ...options });
        this.messages = [];
        this.waiting = [];
        this.socket.on('message', data => (this.waiting.shift() ?? (each => this.messages.push(each)))(data));
    }

    once(name) {
        return within(new Promise(resolve => this.socket.once(name, resolve)), name);
    }

    next() {
        const message = this.messages.length ? this.messages.shift() : new Promise(resolve => this.waiting.push(resolve));
        return within(Promise.resolve(message), 'message');
    }

    // Packets of socket.io are messages here, without their 4.
    send(packet) {
        this.socket.send(typeof packet === 'string' ? packet.slice(1) : packet);
    }
}

async function session(t, url, version, way) {
    const engine = new Engine(CLIENTS[version], url, WAYS[way]);
    t.after(() => engine.socket.close());
    await engine.once('open');
    if (version === '6.x') {
        engine.socket.send('0');
    }
    assert.match(await engine.next(), /^0/);
    return engine;
}

async function talks(engine, name) {
    engine.send(echo(1, '€'));
    assert.equal(`4${await engine.next()}`, echoed(1, '€'));
    const [write, written] = writing(2, `${name}.bin`);
    const [read, answer] = reading(3, `${name}.bin`);
    engine.send(write);
    engine.send(BYTES);
    assert.equal(`4${await engine.next()}`, written);
    engine.send(read);
    assert.equal(`4${await engine.next()}`, answer);
    assert.deepEqual(Buffer.from(await engine.next()), BYTES);
}

async function lives(t, url, version, way) {
    const engine = await session(t, url, version, way);
    await talks(engine, `${version}-${way}`);
    if (way === 'upgrade' && engine.socket.transport.name !== 'websocket') {
        await engine.once('upgrade');
    }
    assert.equal(engine.socket.transport.name, way === 'polling' ? 'polling' : 'websocket');
    for (let i = 0; i < 3; i++) {
        await engine.once('pong');
    }
    await talks(engine, `${version}-${way}`);
    const closed = engine.once('close');
    engine.socket.close();
    assert.match(String(await closed), /forced close/);
}

test('engine.io clients', { concurrency: true }, async t => {
    const server = await start(t, '--ping-interval', '300ms', '--ping-timeout', '3s');
    await Promise.all(Object.keys(CLIENTS).flatMap(version => Object.keys(WAYS).map(way =>
        t.test(`${version} ${way}`, each => lives(each, server.urls[0], version, way)))));
    assert.equal((await server.stop()).status, 0);
});

// The server closes: clients of both transports hear of it at once, not by a timeout.
test('engine.io clients of a server that stops', { concurrency: true }, async t => {
    const server = await start(t);
    const engines = await Promise.all(Object.keys(CLIENTS).flatMap(version => Object.keys(WAYS).map(way =>
        session(t, server.urls[0], version, way))));
    const closed = engines.map(engine => engine.once('close'));
    assert.equal((await server.stop()).status, 0);
    await Promise.all(closed);
});
