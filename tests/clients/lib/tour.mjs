// SPDX-License-Identifier: MIT
// What an application does with its client, whichever that is. A client here is { call(command, ...arguments) that
// resolves to the arguments of the call-back, on(event, handler) }.
import assert from 'node:assert/strict';
import { once, EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { within } from '../../integration/lib/program.mjs';
import { stateObject } from '../../integration/lib/client.mjs';
import { FILES } from './house.mjs';

export const require = createRequire(import.meta.url);

// A socket.io client of any version.
export class SocketIoClient {
    constructor(io, url, options) {
        this.socket = io(url, { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200, randomizationFactor: 0, ...options });
        this.lost = new EventEmitter().setMaxListeners(0);
        this.socket.on('disconnect', reason => this.lost.emit('lost', reason));
    }

    // Until it says that it is connected, for the first time or once more.
    connected() {
        return within(new Promise(resolve => this.socket.on('connect', resolve)), 'connect');
    }

    disconnected() {
        return within(once(this.lost, 'lost').then(([reason]) => reason), 'disconnect');
    }

    call(command, ...args) {
        const answered = new Promise(resolve => this.socket.emit(command, ...args, (...answer) => resolve(answer)));
        const cut = once(this.lost, 'lost').then(([reason]) => {
            throw new Error(`${command}: connection lost: ${reason}`);
        });
        return within(Promise.race([answered, cut]), command);
    }

    on(name, handler) {
        this.socket.on(name, handler);
    }

    off(name, handler) {
        this.socket.off(name, handler);
    }

    close() {
        this.socket.close();
    }
}

// The first event whose arguments fulfil the condition.
export function event(client, name, condition, what = name) {
    let look;
    const seen = new Promise(resolve => {
        look = (...args) => condition(...args) && resolve(args);
        client.on(name, look);
    });
    return within(seen, what).finally(() => client.off?.(name, look));
}

const stripped = answer => answer.map(value => value ?? null); // undefined has become null, or the other way round

export async function watching(client, id) {
    assert.deepEqual(stripped(await client.call('subscribe', id)), [null]);
}

async function states(client, other, id) {
    assert.deepEqual(await client.call('setObject', id, stateObject('tour')), [null, { id }]);
    assert.deepEqual(await client.call('getState', id), [null, null]);
    await watching(client, id);
    const own = event(client, 'stateChange', (each, state) => each === id && state.val === 1);
    assert.deepEqual(await client.call('setState', id, { val: 1, ack: true }), [null, id]);
    assert.equal((await own)[1].ack, true);
    const outside = event(client, 'stateChange', (each, state) => each === id && state.val === 'ä€😀');
    await other.call('setState', id, 'ä€😀');
    assert.equal((await outside)[1].ack, false);
    const [, all] = await client.call('getStates', [id, `${id}.none`]);
    assert.deepEqual([all[id].val, all[`${id}.none`]], ['ä€😀', null]);
    assert.equal((await client.call('getObject', id))[1].common.name, 'tour');
    assert.deepEqual(stripped(await client.call('unsubscribe', id)), [null]);
}

// bytes: what a file's content looks like on this client.
export async function files(client, folder, bytes = content => content) {
    const contents = { empty: Buffer.alloc(0), small: Buffer.from([0, 1, 2, 255]), large: Buffer.alloc(300_000, 'iobus\0') };
    for (const [name, content] of Object.entries(contents)) {
        const path = `${folder}/${name}.bin`;
        if (name !== 'empty') { // an empty file is not written the same way everywhere
            assert.deepEqual(stripped(await client.call('writeFile', FILES, path, bytes(content))), [null], name);
            const [error, data, type] = await client.call('readFile', FILES, path);
            assert.deepEqual([error, type], [null, 'application/octet-stream'], name);
            assert.ok(Buffer.from(data).equals(content), `${name} came back as it was`);
        }
    }
    await client.call('writeFile', FILES, `${folder}/text.txt`, 'äöü €');
    assert.deepEqual(await client.call('readFile', FILES, `${folder}/text.txt`), [null, 'äöü €', 'text/plain']);
    const [, listing] = await client.call('readDir', FILES, folder);
    assert.deepEqual(listing.map(entry => entry.file), ['large.bin', 'small.bin', 'text.txt']);
}

async function manyAtOnce(client) {
    const ids = Array.from({ length: 200 }, (_, i) => `none.${i}`);
    const answers = await Promise.all(ids.map(id => client.call('getStates', [id])));
    assert.deepEqual(answers.map(([, all]) => Object.keys(all)[0]), ids);
}

async function errors(client) {
    assert.deepEqual(await client.call('readFile', FILES, 'nothing'), ['Not exists']);
    assert.deepEqual(await client.call('nonsense'), ['Unknown command']);
}

// name: for ids and paths of its own.
export async function tour(client, other, name) {
    const [ok, secure] = await client.call('authenticate');
    assert.deepEqual([ok, secure ?? false], [true, false]);
    const [error, version] = await client.call('getVersion');
    assert.equal(error ?? null, null);
    assert.match(version, /^\d+\.\d+\.\d+$/);
    await states(client, other, `0_userdata.0.${name}`);
    await files(client, name);
    await manyAtOnce(client);
    await errors(client);
}
