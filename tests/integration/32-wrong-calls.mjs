// SPDX-License-Identifier: MIT
// Calls that nobody should make: every command with no arguments, too many, wrong types, null, huge ones, and without a
// call-back; every host command with any message. An actor a process, so that it shows when one dies. Every call with
// a call-back is answered once. And no documented command is missing.
import assert from 'node:assert/strict';
import test from 'node:test';
import { COMMANDS, DOCUMENTED, HOST_COMMANDS } from './lib/commands.mjs';
import { temporaryFolder } from './lib/program.mjs';
import { connectRaw } from './lib/raw.mjs';
import { System } from './lib/system.mjs';

const HUGE = 'x'.repeat(1 << 16);
const LONG_LIST = Array.from({ length: 3000 }, (_, i) => `wrong.${i}`);
const TYPES = { nothing: null, yes: true, no: false, zero: 0, number: -1.5, empty: '', text: 'wrong.id', list: [], map: {},
    lists: [[[]]], huge: HUGE, long: LONG_LIST, wide: Object.fromEntries(LONG_LIST.slice(0, 1000).map(id => [id, id])) };

// {what: arguments}
function wrongCalls() {
    const calls = { none: [], many: Array(50).fill('wrong'), thousands: Array(5000).fill(null) };
    for (const [type, value] of Object.entries(TYPES)) {
        for (const count of [1, 2, 3, 4, 5]) {
            calls[`${count} x ${type}`] = Array(count).fill(value);
        }
        calls[`text and ${type}`] = ['wrong.id', value, value];
        calls[`text, text and ${type}`] = ['wrong.id', 'wrong', value, value];
    }
    return Object.entries(calls);
}

// All calls of a command; who logs out may lose the connection, so that each of these has its own.
async function callAll(t, url, client, name) {
    const calls = wrongCalls().map(async ([what, args]) => {
        const caller = name === 'logout' ? await connectRaw(t, url) : client;
        const answer = await caller.call(name, ...args).catch(error => assert.fail(`${name} ${what}: ${error.message}`));
        assert.ok(Array.isArray(answer), `${name} ${what}`);
    });
    await Promise.all(calls);
}

test('no documented command is missing', () => {
    assert.deepEqual(DOCUMENTED.filter(name => !COMMANDS.includes(name)), []);
    assert.equal(new Set(COMMANDS).size, COMMANDS.length, 'a command is there twice');
});

test('wrong calls', async t => {
    const system = await new System(t, temporaryFolder(t)).start(0);
    const gateway = await system.startGateway('127.0.0.1:0', '127.0.0.1:0,admin=on');
    for (const [kind, url] of [['page', gateway.urls[0]], ['administrator', gateway.urls[1]]]) {
        await t.test(`every command, ${kind}`, async each => {
            const client = await connectRaw(each, url);
            for (const name of COMMANDS) {
                await callAll(each, url, client, name);
            }
            assert.deepEqual(await client.answeredTwice(), []);
        });
        await t.test(`without a call-back, ${kind}`, async each => {
            for (const name of COMMANDS) {
                const client = await connectRaw(each, url);
                for (const [, args] of wrongCalls()) {
                    client.send(`42${JSON.stringify([name, ...args])}`);
                }
                await (await connectRaw(each, url)).call('getVersion');
                client.close();
            }
        });
    }
    await t.test('every host command', async each => {
        const client = await connectRaw(each, gateway.urls[1]);
        for (const command of [...HOST_COMMANDS, '', 'nonsense', HUGE]) {
            for (const message of Object.values(TYPES)) {
                for (const args of [[command, message], [command, { id: message, name: message, data: message }]]) {
                    const answer = await client.call('sendToHost', null, ...args);
                    assert.equal(answer.length, 1, command.slice(0, 50));
                }
            }
        }
        assert.deepEqual(await client.answeredTwice(), []);
    });
    await t.test('everybody lives', async () => {
        const client = await connectRaw(t, gateway.urls[1]);
        for (const [command, ...args] of [['getObject', 'system.config'], ['getState', 'wrong'], ['readDir', 'vis.0', ''],
            ['getUserPermissions'], ['getHistory', 'x', {}], ['getRatings'], ['readLogs', null],
            ['httpGet', 'http://127.0.0.1:1/'], ['sendToHost', null, 'getVersion', null]]) {
            const answer = await client.call(command, ...args);
            assert.doesNotMatch(JSON.stringify(answer), /Service is not available|No answer/, command);
        }
        const statuses = await system.stop();
        assert.deepEqual(Object.entries(statuses).filter(([, status]) => status !== 0), []);
    });
});
