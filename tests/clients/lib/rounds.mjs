// SPDX-License-Identifier: MIT
// Round trips with commands of ours: getStates of an id that does not exist gives the id back, and files bring bytes
// back. Packets are Engine.IO messages, with their 4.
import assert from 'node:assert/strict';
import { FILES } from './house.mjs';
import { polling, session3, session4 } from './wire.mjs';

export const echo = (id, text) => `42${id}${JSON.stringify(['getStates', [text]])}`;
export const echoed = (id, text) => `43${id}${JSON.stringify([null, { [text]: null }])}`;

export const BYTES = Buffer.from([1, 2, 3, 4]);

// The packet before the attachment, and what is answered.
export function writing(id, name) {
    const args = ['writeFile', FILES, name, { _placeholder: true, num: 0 }];
    return [`451-${id}${JSON.stringify(args)}`, `43${id}[null]`];
}

export function reading(id, name) {
    const answer = [null, { _placeholder: true, num: 0 }, 'application/octet-stream'];
    return [`42${id}${JSON.stringify(['readFile', FILES, name])}`, `461-${id}${JSON.stringify(answer)}`];
}

// --- sessions that have joined, whatever the revision ------------------------------------------------------------------

export async function joinedPolling(url, version, query) {
    const session = await polling(url, version, query);
    if (version === 4) {
        assert.equal((await session.post('40')).text, 'ok');
        assert.match((await session.packets())[0], /^40\{"sid":"[^"]+"(,"pid":"[^"]+")?\}$/);
    } else if (session.first.length < 2) {
        assert.deepEqual(await session.packets(), ['40']);
    }
    return session;
}

export function joinedSocket(t, url, version, query) {
    return version === 4 ? session4(t, url, query) : session3(t, url, query);
}

// What is said over a session comes back; id: one that was not used on it yet.
export async function assertWorks(socket, id = 99) {
    socket.send(echo(id, 'works'));
    assert.equal(await socket.next(), echoed(id, 'works'));
}

export async function assertPollingWorks(session, id = 99) {
    assert.equal((await session.post(echo(id, 'works'))).text, 'ok');
    assert.deepEqual(await session.packets(), [echoed(id, 'works')]);
}

// --- ends --------------------------------------------------------------------------------------------------------------

export async function assertGone(session) {
    const { status, text } = await session.get();
    assert.equal(status, 400, text);
}
