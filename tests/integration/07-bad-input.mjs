// SPDX-License-Identifier: MIT
// Input that no honest client sends, all of it against one server: each call with an acknowledgement id is answered
// once, the log grows by a line a second at most for each kind of fault, a witness works on undisturbed, and the
// server lives.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import { request } from '../conformance/polling.mjs';
import { connect, stateObject } from './lib/client.mjs';
import { COMMANDS } from './lib/commands.mjs';
import { isInstrumented, run, serve, temporaryFolder, within } from './lib/program.mjs';
import { ODD, oddBackup, oddObjects } from './lib/odd.mjs';
import { connectRaw, frame, frameHead, OP } from './lib/raw.mjs';
import { Witness } from './lib/witness.mjs';

const WITNESS_WAITS_MS = 2000;
const MANY = 3000; // calls of one kind
const MEGABYTE = 1 << 20;

// Their call-backs have no error argument.
const RESULT_ONLY = new Set(`name authenticate authEnabled listPermissions sendTo sendToHost getHostByIp
    getCompactInstalled getCompactRepository`.split(/\s+/));
// Their errors are {}, as recorded.
const RAW_ERRORS = new Set(['getObjectView', 'logout']);
// Names that mean something to every object of JavaScript.
const MAGIC = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'length'];

const ERRORS = {
    unknown: 'Unknown command',
    deep: 'Value is nested too deeply',
    large: 'Message is too large',
    pattern: text => `The pattern "${text}" is not a valid ID pattern`,
    type: (name, type) => `Parameter "${name}" needs to be of type "string" but type "${type}" has been passed`,
};

// --- what holds for every kind -------------------------------------------------------------------------------------

const MILLISECONDS = 1000;
const LINE = /^\S+Z (?:error|warn|info) +([A-Z-]+) [\x20-\x7e\x80-\uffff]*$/;

// Lines of the server's log since `from`, by their id.
function linesById(server, from) {
    const counts = {};
    for (const line of server.stderr.slice(from).split('\n').filter(Boolean)) {
        const [, id] = LINE.exec(line) ?? assert.fail(`no line of the log: ${line}`);
        counts[id] = (counts[id] ?? 0) + 1;
    }
    return counts;
}

// Runs a part; neither the witness nor the log may have suffered from it.
async function undisturbed(t, house, part) {
    const from = house.server.stderr.length;
    const start = Date.now();
    await house.witness.report();
    await part(t, house);
    const { failure, worstMs } = await house.witness.report();
    assert.equal(failure, null, 'the witness');
    assert.ok(worstMs < WITNESS_WAITS_MS, `the witness waited ${worstMs} ms`);
    const most = (Date.now() - start) / MILLISECONDS + 2;
    for (const [id, count] of Object.entries(linesById(house.server, from))) {
        assert.ok(count <= most, `${count} lines ${id} in ${most} seconds`);
    }
}

async function health(url) {
    const { status } = await fetch(`${url}/healthz`);
    assert.equal(status, 200);
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
}

// An answer that a client can do something with.
function assertDefined(answer, command, what) {
    assert.ok(Array.isArray(answer), what);
    const [error] = answer;
    if (!RESULT_ONLY.has(command)) {
        const raw = RAW_ERRORS.has(command) && JSON.stringify(error) === '{}';
        assert.ok(error === undefined || error === null || raw || (typeof error === 'string' && error), what);
    }
}

// [json, expected answer, ...] one after the other.
async function answers(client, rows) {
    for (const [json, expected] of rows) {
        assert.deepEqual(await client.callText(json), expected, json);
    }
}

// --- commands and their arguments ----------------------------------------------------------------------------------

async function unknownCommands(t, { url }) {
    const client = await connectRaw(t, url);
    const names = ['nonsense', '', ' ', 'getstate', 'getState ', 'get\0State', 'stateChange', 'connect', 'disconnect',
        'bus.ping', 'objects.put', 'states.put', 'log.append', 'é'.repeat(100_000), '\ud800', '\x1b[2J', 5, ...MAGIC];
    for (const name of names) {
        assert.deepEqual(await client.call(name, 1, {}), [ERRORS.unknown], JSON.stringify(name).slice(0, 100));
    }
    client.send('4299999'); // a call of nothing
    await Promise.all(Array.from({ length: MANY }, (_, i) => client.call(`nonsense${i}`)));
    assert.deepEqual(client.answers.get(99999), [[ERRORS.unknown]]);
    assert.deepEqual(await client.answeredTwice(), []);
}

function argumentForms() {
    const huge = 'x'.repeat(MEGABYTE / 4);
    const forms = [[], ['bad.input'], Array(40).fill('bad.input'), [huge], ['bad.input', huge, huge], Array(3000).fill(0)];
    for (const value of ['', 5, -1.5, null, true, false, [], {}, [null], [[]], { val: {} }, '*', '../..']) {
        forms.push([value], Array(4).fill(value), ['bad.input', value, value, value],
            ['bad.input', 'bad', value, value]);
    }
    return forms;
}

function oddArguments(pick) {
    return async (t, house) => {
        const client = await connectRaw(t, house[pick]);
        for (const command of COMMANDS) {
            await Promise.all(argumentForms().map(async args => {
                const what = `${command} ${JSON.stringify(args).slice(0, 100)}`;
                assertDefined(await client.call(command, ...args), command, what);
            }));
        }
        assert.deepEqual(await client.answeredTwice(), []);
    };
}

async function withoutCallback(t, { url, adminUrl }) {
    for (const each of [url, adminUrl]) {
        const client = await connectRaw(t, each);
        for (const command of COMMANDS) {
            argumentForms().forEach(args => client.send(`42${JSON.stringify([command, ...args])}`));
            await client.call('getVersion');
        }
        assert.equal(client.answers.size, COMMANDS.length); // and no acknowledgement that nobody asked for
        assert.deepEqual(await client.answeredTwice(), []);
    }
}

async function namedErrors(t, { url }) {
    const client = await connectRaw(t, url);
    await answers(client, [
        ['["getState"]', [ERRORS.type('id', 'undefined')]],
        ['["getState",5]', [ERRORS.type('id', 'number')]],
        ['["getState",null]', [ERRORS.type('id', 'object')]],
        ['["getStates",5]',
            ['Parameter "pattern" needs to be of type "string" or an array of type "string", "number" has been passed']],
        ['["setState",true,1]',
            ['The id "true" has an invalid type! Expected "string" or "object", received "boolean".']],
        ['["setState","",1]', ['The id is empty! Please provide a valid id.']],
        ['["setState","a.",1]', ['The id "a." is invalid. Ids are not allowed to end in "."']],
        ['["setState","a.b",{}]', ['The state contains no properties! At least one property is expected!']],
        ['["setState","a.b",{"val":1,"ack":"x"}]',
            ['The state property "ack" has the wrong type "string" (should be "boolean")!']],
        ['["setObject","a.b",null]', ['null object']],
        ['["setObject","a.b",[]]', ['no object']],
        ['["setObject",5,{}]', [ERRORS.type('id', 'number')]],
        ['["delObject",5]', ['permissionError']],
        ['["getObjectView","no","state",{}]', [{}]],
        ['["getObjectView","system","no",{}]', [{}]],
        ['["getObjectView","system","state",5]',
            ['Parameter "params" needs to be a real object but type "number" has been passed']],
        ['["writeFile64","a.0","x",""]', ['No data provided']],
        ['["chmodFile","a.0","x"]', ['no options']],
        ['["readDir","a.0",5]', [ERRORS.type('path', 'number')]],
        ['["sendTo","nobody.0","x",null]', [{ error: 'This instance does not run here' }]],
    ]);
}

// --- numbers -------------------------------------------------------------------------------------------------------

// What JSON.parse and JSON.stringify make of them.
const NUMBERS = ['1e999', '-1e999', '1e-999', '-0', '-0.0', '0e99999', '9223372036854775807', '9223372036854775808',
    '-9223372036854775809', '18446744073709551616', '9007199254740993', '1.7976931348623157e308', '5e-324',
    '1'.repeat(400), `0.${'3'.repeat(1000)}`, `1e${'9'.repeat(1000)}`, `1${'0'.repeat(5000)}e-5000`];

async function hugeNumbers(t, { adminUrl }) {
    const client = await connectRaw(t, adminUrl);
    for (const number of NUMBERS) {
        const expected = JSON.parse(JSON.stringify(JSON.parse(number)));
        assert.deepEqual(await client.callText(`["setState","bad.number",${number}]`), [null, 'bad.number'], number);
        const [, state] = await client.call('getState', 'bad.number');
        assert.deepEqual(state.val, expected, number);
        await client.callText(`["setObject","bad.number",{"type":"meta","common":{"a":[${number}]},"native":{}}]`);
        const [, object] = await client.call('getObject', 'bad.number');
        assert.deepEqual(object.common.a, [expected], number);
    }
    for (const [field, number] of ['ts', 'lc', 'expire', 'q', 'ack', 'c', 'nonsense'].flatMap(
        name => NUMBERS.map(each => [name, each]))) {
        const what = `${field} ${number.slice(0, 50)}`;
        assertDefined(await client.callText(`["setState","bad.fields",{"val":1,"${field}":${number}}]`), 'setState', what);
        assertDefined(await client.call('getState', 'bad.fields'), 'getState', what);
    }
    assert.deepEqual(await client.answeredTwice(), []);
}

// Numbers that steer something.
async function hugeSettings(t, { adminUrl }) {
    const client = await connectRaw(t, adminUrl);
    for (const number of NUMBERS) {
        const n = number;
        const calls = [
            `["setObject","bad.step",{"type":"state","common":{"type":"number","step":${n},"min":${n},"max":${n},"def":${n}}}]`,
            '["setState","bad.step",12345.678]',
            '["getState","bad.step"]',
            `["getObjectView","system","state",{"startkey":"bad.","limit":${n},"depth":${n}}]`,
            `["getHistory","bad.step",{"start":${n},"end":${n},"step":${n},"count":${n},"limit":${n}}]`,
            `["getHistory","bad.step",{"start":0,"end":8.64e15,"step":1,"count":${n},"aggregate":"minmax"}]`,
            `["getHistory","bad.step",{"start":0,"end":8.64e15,"step":${n},"aggregate":"integral","integralUnit":${n}}]`,
            `["sendTo","history.0","getHistory",{"id":"bad.step","options":{"start":${n},"step":${n},"aggregate":"average"}}]`,
            `["chmodFile","vis.0","*",{"mode":${n}}]`,
            `["name",${n}]`, `["subscribe",${n}]`, `["eventsThreshold",${n}]`,
        ];
        for (const call of calls) {
            assertDefined(await client.callText(call), JSON.parse(call)[0], call.slice(0, 200));
        }
    }
    await client.call('delObject', 'bad.step');
    assert.deepEqual(await client.answeredTwice(), []);
}

// --- nesting and broken packets ------------------------------------------------------------------------------------

const NESTINGS = {
    arrays: depth => '['.repeat(depth) + ']'.repeat(depth),
    objects: depth => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth),
    mixed: depth => '[{"a":'.repeat(depth / 2) + '1' + '}]'.repeat(depth / 2),
};
const DEPTHS = [10, 100, ...Array.from({ length: 30 }, (_, i) => 200 + 2 * i), 1000, 5000, 100_000];

// A value is refused, or it is stored, and then every way of reading it works.
async function deepValue(client, value) {
    const [refused] = await client.callText(`["setState","bad.deep",{"val":${value}}]`);
    if (refused) {
        assert.equal(refused, ERRORS.deep);
    } else {
        assert.equal(JSON.stringify((await client.call('getState', 'bad.deep'))[1].val), value);
        assert.equal(JSON.stringify((await client.call('getStates', ['bad.deep']))[1]['bad.deep'].val), value);
        assert.equal(JSON.stringify(client.events.findLast(([name]) => name === 'stateChange')[2].val), value);
    }
    return refused;
}

async function deepObject(client, value) {
    const object = `{"type":"state","common":{"def":1},"native":{"deep":${value}}}`;
    const [refused] = await client.callText(`["setObject","bad.deep",${object}]`);
    const [, before] = await client.call('getObject', 'bad.deep');
    const [extend] = await client.callText(`["extendObject","bad.deep",{"native":{"more":${value}}}]`);
    for (const [command, ...args] of [['getObject', 'bad.deep'], ['getObjects', ['bad.deep']], ['getAllObjects'],
        ['getObjectView', 'system', 'state', { startkey: 'bad.deep' }], ['getForeignObjects', 'bad.*']]) {
        assert.equal((await client.call(command, ...args))[0], null, command);
    }
    if (refused) {
        assert.equal(refused, ERRORS.deep);
        assert.equal(extend, ERRORS.deep);
    } else {
        assert.equal(JSON.stringify(before.native.deep), value);
        const [, , changed] = client.events.findLast(([name, id]) => name === 'objectChange' && id === 'bad.deep');
        assert.equal(JSON.stringify(changed.native.deep), value);
    }
}

async function deepNesting(t, { adminUrl }) {
    const client = await connectRaw(t, adminUrl);
    await client.call('setObject', 'bad.deep', stateObject('deep'));
    await client.call('subscribe', 'bad.*');
    await client.call('subscribeObjects', 'bad.*');
    for (const [kind, make] of Object.entries(NESTINGS)) {
        const refused = [];
        for (const depth of DEPTHS) {
            refused.push(await deepValue(client, make(depth)));
            await deepObject(client, make(depth));
        }
        assert.equal(refused[1], null, `${kind}: 100 levels are stored`);
        assert.equal(refused.at(-1), ERRORS.deep, `${kind}: more than thousand are not`);
    }
    for (const command of COMMANDS) {
        for (const value of [NESTINGS.arrays(200), NESTINGS.arrays(5000)]) {
            assertDefined(await client.callText(`["${command}",${value}]`), command, command);
            assertDefined(await client.callText(`["${command}","bad.deep",${value},${value}]`), command, command);
        }
    }
    await client.call('delObject', 'bad.deep');
    assert.deepEqual(await client.answeredTwice(), []);
}

const BROKEN_PACKETS = ['', '4', '7', 'x', '42{', '42[', '42{}', '42[]', '42[null]', '42[true]', '42[{}]', '42[[]]',
    '42["a"', '42["a",]', '42["a"]x', '42["a" "b"]', '42["a",01]', '42["a",+1]', '42["a",.5]', '42["a",NaN]', '42["a",1e]',
    '42["\\x"]', '42["\\ud80"]', '42["a\u0000"]', "42['a']", '41{}', '43{}', '40"x"', '450-["a"]', '4511-["a"]', '45-["a"]', '45["a"]',
    '4599999999999999999999-["a"]', '429007199254740993["getVersion"]', `42${'9'.repeat(1000)}["getVersion"]`,
    `42${'['.repeat(100_000)}`, `42${'{"a":'.repeat(100_000)}`, `42["a",${'{"_placeholder":true,"num":'.repeat(5000)}`];
// What means nothing, or the end of this client, may have any depth.
const DEEP_PACKETS = ['40', '41', '43', '44', '49'].map(type => `${type}${'['.repeat(100_000)}`);

// Each ends its own connection, as in the original.
async function brokenPackets(t, { url }) {
    for (const packet of BROKEN_PACKETS) {
        const client = await connectRaw(t, url);
        await client.call('getVersion');
        client.send(packet);
        const call = client.call('getVersion').then(() => assert.fail(`lives on: ${packet.slice(0, 50)}`), () => {});
        await within(client.closed, `close after ${packet.slice(0, 50)}`);
        await call;
    }
    for (const packet of DEEP_PACKETS) {
        (await connectRaw(t, url)).send(packet);
    }
    const client = await connectRaw(t, url);
    client.send('42007["getVersion"]'); // leading zeros do no harm
    client.send('420["getVersion"]');
    await client.call('getVersion');
    assert.deepEqual([...client.answers.keys()].sort(), [0, 1, 7]);
}

async function brokenAttachments(t, { url }) {
    const placeholder = num => `452-1["writeFile","vis.0","x",{"_placeholder":true,"num":${num}}]`;
    for (const num of ['2', '-1', '1e999', '"0"', 'null', '0.5', '{}']) {
        const client = await connectRaw(t, url);
        client.lastId = 1; // the event's
        client.send(placeholder(num));
        client.ws.write(Buffer.concat([frame([4, 1], OP.binary), frame([4, 2], OP.binary)]));
        await Promise.race([client.closeCode(), client.call('getVersion').catch(() => {})]);
        assert.ok((client.answers.get(1) ?? []).length <= 1, num);
    }
    const client = await connectRaw(t, url);
    client.ws.write(frame([4, 1], OP.binary)); // that nobody waits for
    assert.equal(await client.closeCode(), undefined);
}

// --- text ----------------------------------------------------------------------------------------------------------

const NO_UTF8 = ['ff', '80', 'c080', 'e282', 'eda080', 'f0808080', 'f4908080', 'f8888080', '61c3', 'c328'];

function around(hex) {
    return Buffer.concat([Buffer.from('421["getState","'), Buffer.from(hex, 'hex'), Buffer.from('"]')]);
}

async function brokenUtf8(t, { url }) {
    for (const hex of NO_UTF8) {
        const whole = await connectRaw(t, url);
        whole.ws.write(frame(around(hex)));
        assert.equal(await whole.closeCode(), 1007, hex);
        const parts = await connectRaw(t, url);
        const bytes = around(hex);
        parts.ws.write(Buffer.concat([frame(bytes.subarray(0, 17), OP.text, false), frame(bytes.subarray(17), OP.more)]));
        assert.equal(await parts.closeCode(), 1007, hex);
        const unlucky = await connectRaw(t, url);
        unlucky.ws.write(frame(Buffer.concat([Buffer.from([4]), bytes]), OP.binary)); // an attachment, not text
        assert.equal(await unlucky.closeCode(), undefined, hex);
    }
    const client = await connectRaw(t, url);
    const euro = around('e282ac'); // a character in two fragments is none of these
    client.ws.write(Buffer.concat([frame(euro.subarray(0, 17), OP.text, false), frame(euro.subarray(17), OP.more)]));
    await client.call('getVersion');
}

async function polling(url) {
    const { hostname: host, port } = new URL(url);
    const base = '/socket.io/?EIO=3&transport=polling';
    const open = await request({ host, port }, { path: base });
    const { sid } = JSON.parse(/\{[^}]*\}/.exec(open.bytes.toString())[0]);
    const where = `${base}&sid=${sid}`;
    const headers = { 'content-type': 'text/plain;charset=UTF-8' };
    return { path: where, send: body => request({ host, port }, { method: 'POST', path: where, body, headers }, 20_000),
        receive: () => request({ host, port }, { path: where }, 20_000) };
}

function textPayload(packet) {
    return Buffer.concat([Buffer.from(`${packet.toString().length}:`), Buffer.from(packet)]);
}

async function brokenPolling(t, { url }) {
    const texts = ['', ':', '5', '5:4', '-1:4', '1e1:4', `${'9'.repeat(400)}:4`, '1:x'];
    const bodies = [...NO_UTF8.map(hex => textPayload(around(hex))), ...texts.map(text => Buffer.from(text))];
    for (const body of bodies) {
        const session = await polling(url);
        const what = body.toString('latin1').slice(0, 50);
        assert.equal((await session.send(body)).status, 400, what);
        assert.equal((await session.receive()).status, 400, what);
    }
    const session = await polling(url);
    assert.equal((await session.send(textPayload(`427["setState","bad.deep",${NESTINGS.arrays(5000)}]`))).status, 200);
    assert.match((await session.receive()).bytes.toString(), new RegExp(`437\\["${ERRORS.deep}"\\]`));
    assert.equal((await session.send(textPayload('1'))).status, 200);
}

const LONELY = ['\ud800', '\udfff', 'a\ud800b', '\udc00\ud800', 'x\ud83d', '\ud83d\ud83d\ude00'];

// Values go round as in JavaScript; in ids such characters are replaced as all that are not allowed.
async function loneSurrogates(t, { adminUrl }) {
    const client = await connect(t, adminUrl);
    await client.call('setObject', 'bad.0', { type: 'meta', common: { name: 'bad', type: 'meta.user' }, native: {} });
    for (const text of LONELY) {
        const value = { [text]: [text, { text }] };
        assert.deepEqual(await client.call('setState', `bad.${text}.x`, { val: value, c: text }), [`bad.${fixed(text)}.x`]);
        const [state] = await client.call('getState', `bad.${fixed(text)}.x`);
        assert.deepEqual([state.val, state.c], [value, text]);
        assert.deepEqual(await client.call('getState', `bad.${text}.x`), [null]);
        await client.call('setObject', 'bad.object', { type: 'meta', common: value, native: value });
        const [object] = await client.call('getObject', 'bad.object');
        assert.deepEqual([object.common, object.native], [value, value]);
        await client.call('writeFile', 'bad.0', 'x.txt', text); // files are UTF-8
        assert.deepEqual((await client.call('readFile', 'bad.0', 'x.txt'))[0], Buffer.from(text).toString());
        await client.call('writeFile', 'bad.0', `${text}.txt`, 'x');
        assert.equal((await client.call('readFile', 'bad.0', `${text}.txt`))[0], 'x');
        await client.call('unlink', 'bad.0', `${text}.txt`);
        await client.callRaw('subscribe', text);
        await client.callRaw('getStates', text);
    }
}

function fixed(text) {
    return text.replace(/[^._\-/ :!#$%&()+=@^{}|~\p{Ll}\p{Lu}\p{Nd}]+/gu, '_');
}

// An own property, where a literal would set the prototype.
function own(name, value) {
    return JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(value)}}`);
}

async function magicNames(t, { adminUrl }) {
    const client = await connect(t, adminUrl);
    await client.call('subscribe', MAGIC);
    for (const id of MAGIC) {
        const odd = { ...own('a', 1), list: MAGIC.map(name => own(name, own(name, 2))) };
        await client.call('setObject', id, { type: 'state', common: own(id, odd), native: own(id, odd) });
        const [object] = await client.call('getObject', id);
        assert.deepEqual([object.common, object.native], [own(id, odd), own(id, odd)]);
        assert.deepEqual(await client.call('setState', id, { val: own(id, odd) }), [id]);
        assert.deepEqual((await client.call('getState', id))[0].val, own(id, odd));
        const [forbidden] = await client.callRaw('setState', id, { val: 1, ...own('x', 1), ...JSON.parse(`{"${id}x":1}`) });
        assert.match(forbidden, /forbidden properties/);
        assert.match((await client.callRaw('setState', id, own(id, 1)))[0], /forbidden properties/);
        await client.call('extendObject', id, { native: own(id, own('more', 1)) });
        assert.equal(Object.entries((await client.call('getObject', id))[0].native[id]).length, 3);
        await magicStorage(client, `${id}.0`);
    }
    assert.deepEqual(Object.keys((await client.call('getStates', MAGIC))[0]).sort(), [...MAGIC].sort());
    assert.deepEqual(Object.keys((await client.call('getObjects', MAGIC))[0]).sort(), [...MAGIC].sort());
    for (const id of MAGIC) {
        await client.call('delObject', id);
        assert.deepEqual(await client.call('getState', id), [null]);
    }
    assert.equal({}.a, undefined);
}

async function magicStorage(client, storage) {
    await client.call('setObject', storage, { type: 'meta', common: { type: 'meta.user' }, native: {} });
    for (const name of MAGIC) {
        await client.call('writeFile', storage, `${name}/${name}`, name);
        assert.deepEqual(Buffer.from((await client.call('readFile', storage, `${name}/${name}`))[0]).toString(), name);
    }
    const [entries] = await client.call('readDir', storage, '');
    assert.deepEqual(entries.map(({ file }) => file).sort(), [...MAGIC].sort());
    for (const name of MAGIC) {
        await client.call('deleteFolder', storage, name);
    }
    assert.deepEqual((await client.call('readDir', storage, ''))[0], []);
}

async function controlCharacters(t, { adminUrl }) {
    const client = await connect(t, adminUrl);
    await client.call('setObject', 'bad.1', { type: 'meta', common: { type: 'meta.user' }, native: {} });
    const controls = Array.from({ length: 34 }, (_, i) => String.fromCharCode(i < 32 ? i : 127 + i - 32));
    for (const text of [...controls, '\0\0', 'a\0b', '\x1b[2J\x07', '\r\nGET / HTTP/1.1\r\n', '\u2028', '\u202e', '\ufeff']) {
        const id = `bad.${text}`;
        assert.deepEqual(await client.call('setState', id, text), [fixed(id)]);
        assert.equal((await client.call('getState', fixed(id)))[0].val, text);
        assert.deepEqual(await client.call('getState', id), [null]);
        const [written] = await client.call('setObject', id, { type: 'meta', common: { name: text }, native: {} });
        assert.equal(written.id, fixed(id));
        assert.equal((await client.call('getObject', fixed(id)))[0].common.name, text);
        await client.call('delObject', fixed(id));
        assert.deepEqual(await client.callRaw('getStates', id), [ERRORS.pattern(id)]);
        for (const [command, ...args] of [['subscribe', id], ['name', text], ['log', text, 'warn'], ['getObject', id]]) {
            await client.callRaw(command, ...args);
        }
        const [refused] = await client.callRaw('writeFile', 'bad.1', `x${text}.txt`, text);
        assert.equal(refused === null, !text.includes('\0'), JSON.stringify([text, refused]));
        await client.callRaw('readFile', `bad.1${text}`, 'x.txt');
    }
}

// --- patterns ------------------------------------------------------------------------------------------------------

const NO_PATTERNS = ['http://example.com/?a=b&c=[d]', '^a.*[0-9]+$', '[a-z]*', 'a?', '(a|b)\\.', '\\', '"', "'", '<x>',
    'a,b', ';',
    '["a","b"]', '中文.*', '`'];
// Without a character that is not allowed they are patterns, and all but the star means itself.
const ODD_PATTERNS = ['http://example.com/*', '^a.*$', '(a|b)*', '(a+)+$', '{1,', '.*', '**', 'a^b', '%s%n', '../*',
    '*'.repeat(4000)];

async function oddPatterns(t, { adminUrl }) {
    const client = await connectRaw(t, adminUrl);
    for (const pattern of [...NO_PATTERNS, ...ODD_PATTERNS, 'x'.repeat(MEGABYTE), '*a'.repeat(MEGABYTE / 2)]) {
        const what = pattern.slice(0, 50);
        for (const command of ['subscribe', 'unsubscribe', 'subscribeObjects', 'unsubscribeObjects']) {
            assert.deepEqual(await client.call(command, pattern), [null], `${command} ${what}`);
            assert.deepEqual(await client.call(command, [pattern]), [null], `${command} ${what}`);
        }
        assert.deepEqual(await client.call('subscribeFiles', pattern, pattern), [null], what);
        assert.deepEqual(await client.call('unsubscribeFiles', pattern, [pattern]), [null], what);
        for (const command of ['getStates', 'getForeignStates', 'getForeignObjects']) {
            const [error] = await client.call(command, pattern);
            if (NO_PATTERNS.includes(pattern) && !pattern.endsWith('*')) {
                assert.equal(error, ERRORS.pattern(pattern), command);
            } else {
                assert.ok(error === null || typeof error === 'string', command);
            }
        }
    }
    assert.deepEqual(await client.answeredTwice(), []);
}

async function oneBadAmongGood(t, { adminUrl }) {
    const client = await connectRaw(t, adminUrl);
    const bad = [...NO_PATTERNS, '', null, 0, 5, true, {}, [], [['x']], 'x'.repeat(100_000)];
    const mixed = [...bad, 'good.a', ...bad, 'good.b*', ...bad];
    await client.call('setObject', 'good.0', { type: 'meta', common: { type: 'meta.user' }, native: {} });
    assert.deepEqual(await client.call('subscribe', mixed), [null]);
    assert.deepEqual(await client.call('subscribeObjects', mixed), [null]);
    assert.deepEqual(await client.call('subscribeFiles', 'good.0', mixed), [null]);
    for (const id of ['good.a', 'good.bc', 'good.c']) {
        await client.call('setState', id, 1);
        await client.call('setObject', id, { type: 'meta', common: {}, native: {} });
        await client.call('writeFile', 'good.0', id, 'x');
    }
    const seen = client.events.map(([name, ...args]) => `${name} ${args[0]}${name === 'fileChange' ? ` ${args[1]}` : ''}`);
    assert.deepEqual(seen.sort(), ['fileChange good.0 good.a', 'fileChange good.0 good.bc', 'objectChange good.a',
        'objectChange good.bc', 'stateChange good.a', 'stateChange good.bc']);
    client.events = [];
    assert.deepEqual(await client.call('unsubscribe', mixed), [null]);
    await client.call('setState', 'good.a', 2);
    assert.deepEqual(client.events, []);
    const [error, states] = await client.call('getStates', ['[bad', 'good.a', '^x$']);
    assert.deepEqual([error, states['good.a'].val, states['[bad'], states['^x$']], [null, 2, null, null]);
    assert.deepEqual(Object.keys((await client.call('getObjects', ['[bad', 'good.a']))[1]), ['good.a']);
}

// Matchers that try every way to fit the stars need years for these.
async function costlyPatterns(t, { adminUrl }) {
    const client = await connectRaw(t, adminUrl);
    const pattern = stars => `${'*a'.repeat(stars)}*b`;
    const ids = Array.from({ length: 20 }, (_, i) => `bad.${'a'.repeat(480 + i)}`);
    for (const id of ids) {
        assert.equal((await client.call('setObject', id, stateObject('long')))[0], null);
    }
    const patterns = Array.from({ length: 1000 }, (_, i) => pattern(20 + i % 200) + '*b'.repeat(i / 200));
    assert.deepEqual(await client.call('subscribe', patterns), [null]);
    assert.deepEqual(await client.call('subscribeObjects', patterns), [null]);
    const start = Date.now();
    await Promise.all(ids.map(id => client.call('setState', id, 1)));
    for (const command of ['getStates', 'getForeignObjects']) {
        assert.deepEqual(await client.call(command, pattern(200)), [null, {}]);
        assert.equal(Object.keys((await client.call(command, `bad.${'*a'.repeat(200)}*`))[1]).length, ids.length);
    }
    for (const id of ids) {
        await client.call('delObject', id);
    }
    const took = Date.now() - start;
    assert.ok(took < 5000, `took ${took} ms`);
    assert.deepEqual(client.events, []);
    const tooMany = Array.from({ length: 30_000 }, (_, i) => `bad.${i}.*`);
    assert.deepEqual(await client.call('subscribe', tooMany), [null]);
    assert.deepEqual(await client.answeredTwice(), []);
}

// --- size ----------------------------------------------------------------------------------------------------------

// Of a POST whose header promises what bytes need not keep.
async function postStatus(url, where, header, bytes) {
    const { hostname, port } = new URL(url);
    const socket = net.connect(Number(port), hostname).on('error', () => {});
    socket.write(`POST ${where} HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`);
    socket.write(bytes);
    const [answer] = await within(once(socket, 'data'), `answer of POST with ${header}`);
    socket.destroy();
    return Number(answer.toString().split(' ')[1]);
}

async function aboveTheLimit(t) {
    const limit = 2 * MEGABYTE;
    const server = await serve(t, ['--data', temporaryFolder(t), '--listen', '127.0.0.1:0', '--max-message', '2m']);
    const [url] = server.urls;
    const start = '421["setState","bad.large","';
    const exactly = `${start}${'x'.repeat(limit - start.length - 2)}"]`;
    const client = await connectRaw(t, url);
    client.ws.write(frame(exactly));
    assert.deepEqual(await client.answerOf(1), [null, 'bad.large']);
    const floods = [[frame(`${exactly} `)], [frameHead(limit + 1)], [frameHead('9223372036854775807')],
        [frame(exactly, OP.text, false), frame('x', OP.more)]];
    for (const [i, flood] of floods.entries()) {
        const flooder = await connectRaw(t, url);
        flooder.ws.write(Buffer.concat(flood));
        assert.equal(await flooder.closeCode(), 1009, `flood ${i}`);
    }
    const sum = await connectRaw(t, url);
    sum.send('452-1["writeFile","vis.0","x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    sum.ws.write(frame(Buffer.alloc(limit - 10, 4), OP.binary));
    sum.ws.write(frame(Buffer.alloc(limit - 10, 4), OP.binary));
    await sum.closeCode();
    const body = Buffer.alloc(limit + 1, 'x');
    const chunk = Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body]);
    for (const [header, bytes] of [[`Content-Length: ${body.length}`, body], [`Content-Length: ${body.length}`, ''],
        ['Content-Length: 99999999999999', ''], ['Transfer-Encoding: chunked', chunk]]) {
        const { path: where } = await polling(url);
        assert.equal(await postStatus(url, where, header, bytes), 413, header);
    }
    await health(url);
    assert.equal((await server.stop()).status, 0);
}

// The real limits: 200m of a message, 16m of a state.
async function hugeMessages(t, { url }) {
    const size = 200 * MEGABYTE;
    const head = Buffer.from('421["setState","bad.huge","');
    const body = Buffer.concat([frameHead(size), head, Buffer.alloc(size - head.length - 2, 'x'), Buffer.from('"]')]);
    const client = await connectRaw(t, url);
    client.ws.write(body);
    assert.deepEqual(await client.answerOf(1), [ERRORS.large]);
    assert.deepEqual(await client.answeredTwice(), []);
    assert.deepEqual(await client.call('getState', 'bad.huge'), [null, null]);
    const flooder = await connectRaw(t, url);
    flooder.ws.write(frameHead(size + 1));
    assert.equal(await flooder.closeCode(), 1009);
}

// --- stored data ---------------------------------------------------------------------------------------------------

const VIEWS = ['state', 'meta', 'instance', 'adapter', 'host', 'script', 'channel', 'chart', 'enum', 'group', 'user', 'config',
    'device', 'folder', 'schedule', 'instanceStats', 'hostPackages'];

// Every way of reading, for many objects at once and for each alone.
async function readAll(client, ids) {
    const calls = [['getObjects'], ['getAllObjects'], ['getObjects', ids], ['getStates'], ['getStates', ids], ['getStates', 'alias.*'],
        ['getForeignObjects', '*', 'state'], ['getForeignObjects', 'odd.*', 'meta', 'rooms'], ['getAdapterInstances', ''],
        ['getAdapterInstances', 'odd'], ['getCompactSystemConfig'], ['getUserPermissions'], ['readDir', '', ''],
        ['subscribe', ids], ['subscribeObjects', ids], ['subscribe', '*'], ['subscribeFiles', '*', '*'],
        ...VIEWS.map(view => ['getObjectView', 'system', view, {}]), ['getObjectView', 'custom', 'state', {}]];
    for (const [command, ...args] of calls) {
        assertDefined(await client.call(command, ...args), command, `${command} ${JSON.stringify(args).slice(0, 60)}`);
    }
    await Promise.all(ids.map(async id => {
        for (const [command, ...args] of [['getObject', id], ['getState', id], ['readDir', id, ''], ['fileExists', id, 'x'],
            ['getHistory', id, { instance: 'history.0', count: 5 }], ['getObjectView', id.slice(8), 'x', {}]]) {
            assertDefined(await client.call(command, ...args), command, `${command} ${id}`);
        }
    }));
}

async function writeAll(client, ids) {
    await Promise.all(ids.map(async id => {
        for (const [command, ...args] of [['setState', id, 1], ['setState', id, { val: 'x', ack: true }], ['writeFile', id, 'x', 'x'],
            ['mkdir', id, 'folder'], ['readFile', id, 'x'], ['chmodFile', id, 'x', { mode: 0o666 }],
            ['chownFile', id, 'x', { owner: 'x' }], ['rename', id, 'x', 'y'], ['unlink', id, 'y'],
            ['extendObject', id, { common: { extended: 1, members: ['odd.x'], custom: { 'history.0': null } } }],
            ['extendObject', id, { native: { a: [1, { b: null }] }, acl: { object: 0x666 } }]]) {
            assertDefined(await client.call(command, ...args), command, `${command} ${id}`);
        }
    }));
}

async function deleteAll(client, ids) {
    for (const id of ids) {
        assertDefined(await client.call('delState', id), 'delState', id);
        assert.deepEqual(await client.call('delObject', id), [null], id);
        assert.deepEqual(await client.call('getObject', id), [null, null], id);
    }
}

async function oddObjectsFromClients(t, { adminUrl }) {
    const client = await connectRaw(t, adminUrl);
    const objects = oddObjects();
    for (const [id, object] of Object.entries(objects)) {
        assertDefined(await client.call('setObject', id, object), 'setObject', `setObject ${id}`);
    }
    const ids = Object.keys(objects);
    assert.ok(Object.keys((await client.call('getObjects', ids))[1]).length > ids.length / 2, 'most of them are stored');
    await readAll(client, ids);
    await writeAll(client, ids);
    await readAll(client, ids);
    await deleteAll(client, ids);
    await client.call('unsubscribe', [...ids, '*']);
    assert.deepEqual(await client.answeredTwice(), []);
}

// Clients whose users and groups are odd, too.
function oddListeners() {
    const users = ['', ...ODD.flatMap((_, i) => [`odd${i}`, `oddFields${i}`]), 'missing'];
    return users.flatMap(user => ['--listen', `127.0.0.1:0,admin=on${user && `,default-user=${user}`}`]);
}

async function oddImport(t) {
    const folder = temporaryFolder(t);
    const { archive, objects, states } = oddBackup();
    fs.writeFileSync(path.join(folder, 'odd.tar.gz'), archive);
    const { status, stderr } = await run(['import', path.join(folder, 'odd.tar.gz'), '--data', path.join(folder, 'data')]);
    assert.equal(status, 0, stderr);
    const server = await serve(t, ['--data', path.join(folder, 'data'), ...oddListeners()]);
    for (const url of server.urls.slice(1)) {
        const client = await connectRaw(t, url);
        await readAll(client, objects.filter(id => /4$/.test(id)));
        await writeAll(client, objects.filter(id => /8$/.test(id)));
        assert.deepEqual(await client.answeredTwice(), []);
        client.close();
    }
    const client = await connectRaw(t, server.urls[0]);
    await readAll(client, [...objects, ...states]);
    await writeAll(client, [...objects, ...states]);
    await readAll(client, [...objects, ...states]);
    await deleteAll(client, Object.keys(oddObjects()));
    assert.deepEqual(await client.answeredTwice(), []);
    await health(server.urls[0]);
    assert.equal((await server.stop()).status, 0);
}

// --- all of them ---------------------------------------------------------------------------------------------------

const PARTS = { unknownCommands, oddArguments: oddArguments('url'), oddArgumentsOfAdministrators: oddArguments('adminUrl'),
    withoutCallback, namedErrors, hugeNumbers, hugeSettings, deepNesting, brokenPackets, brokenAttachments, brokenUtf8,
    brokenPolling, loneSurrogates, magicNames, controlCharacters, oddPatterns, oneBadAmongGood, costlyPatterns, aboveTheLimit,
    oddObjectsFromClients, oddImport, hugeMessages };

test('bad input', async t => {
    const server = await serve(t, ['--data', temporaryFolder(t), '--listen', '127.0.0.1:0', '--listen', '127.0.0.1:0,admin=on']);
    const [url, adminUrl] = server.urls;
    const house = { server, url, adminUrl, witness: await new Witness().start(t, url) };
    for (const [name, part] of Object.entries(PARTS)) {
        const skip = part === hugeMessages && isInstrumented() && 'takes a sanitizer a minute';
        await t.test(name, { skip }, each => undisturbed(each, house, part));
    }
    await t.test('health', async () => {
        await health(url);
        assert.equal(server.child.exitCode, null);
        assert.ok((await house.witness.report()).rounds > 0);
        await within(house.witness.worker.terminate(), 'end of the witness');
        assert.equal((await server.stop()).status, 0);
    });
});
