// SPDX-License-Identifier: MIT
// Backups in and out: into a data folder and into a running server, what is refused, and that an export gives
// the same again.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { connect } from './lib/client.mjs';
import { PROGRAM, ROOT, run, serve, temporaryFolder } from './lib/program.mjs';
import { jsonLines, makeTar, makeTarGz, readTarGz } from './lib/tar.mjs';

const BACKUP = path.join(ROOT, 'tests/conformance/data/iobroker-backup.tar.gz');
const HISTORY = path.join(ROOT, 'tests/conformance/data/iobroker-history.tar.gz');
const DAY = Date.UTC(2023, 10, 13);
const OBJECT = '{"_id":"a.0","type":"meta","common":{"name":"a","type":"meta.user"},"native":{}}';

function places(t) {
    const folder = temporaryFolder(t);
    return name => path.join(folder, name);
}

async function succeed(...args) {
    const result = await run(args);
    assert.equal(result.status, 0, result.stderr);
    return result.stdout;
}

async function exported(at, data, name) {
    await succeed('export', at(name), '--data', data);
    return fs.readFileSync(at(name));
}

function byId(lines) {
    return new Map(lines.map(line => [line._id ?? line.id, line]));
}

test('a backup goes in and comes out the same', async t => {
    const at = places(t);
    const out = await succeed('import', BACKUP, '--data', at('data'));
    assert.match(out, /^imported 223 objects, 63 states and 11 files \(\d+ bytes\) into data folder /);
    assert.match(out, /skipped 1: settings of the installation that made the backup \(config.json\)/);

    const before = readTarGz(fs.readFileSync(BACKUP));
    const first = await exported(at, at('data'), 'first.tar.gz');
    const after = readTarGz(first);
    for (const name of ['backup/objects.jsonl', 'backup/states.jsonl']) {
        const found = byId(jsonLines(after.get(name)));
        for (const [id, line] of byId(jsonLines(before.get(name)))) {
            assert.deepEqual(found.get(id), line, id);
        }
    }
    const files = archive => [...archive].filter(([name]) => name.startsWith('backup/files/')).sort();
    assert.deepEqual(files(after), files(before));

    await succeed('import', at('first.tar.gz'), '--data', at('copy'));
    assert.ok(first.equals(await exported(at, at('copy'), 'second.tar.gz')), 'the second export is the first one');
});

test('a dry run writes nothing', async t => {
    const at = places(t);
    const out = await succeed('import', '--dry-run', BACKUP, '--data', at('data'));
    assert.match(out, /^would import 223 objects, 63 states and 11 files /);
    assert.match(out, /^dry run: nothing was written$/m);
    assert.equal(fs.existsSync(at('data')), false);
});

// What getHistory answers of the days in the tests: [ts, val] of each row.
async function recorded(client, id, day = DAY) {
    const options = { start: day, end: day + 2 * 86_400_000, aggregate: 'none', count: 5000, limit: 5000 };
    const [rows] = await client.call('getHistory', id, options);
    return rows.map(({ ts, val }) => [ts, val]);
}

function day(name, ...rows) {
    return [name, JSON.stringify(rows.map(([ts, val]) => ({ ts, val, ack: 1, q: 0 })))];
}

async function serving(t, at, data) {
    const server = await serve(t, ['--data', at(data), '--listen', '127.0.0.1:0']);
    return { server, client: await connect(t, server.urls[0]) };
}

test('recorded values', async t => {
    const at = places(t);
    const expected = new Map(); // id -> rows, as the archive has them
    for (const [name, content] of readTarGz(fs.readFileSync(HISTORY))) {
        expected.set(/history\.(.+)\.json$/.exec(name)[1], JSON.parse(content).map(({ ts, val }) => [ts, val]));
    }
    const total = [...expected.values()].reduce((sum, rows) => sum + rows.length, 0);
    for (const dryRun of [['--dry-run'], [], []]) { // the second time changes nothing
        const out = await succeed('import', HISTORY, '--data', at('data'), ...dryRun);
        assert.match(out, dryRun.length ? /^would import 0 objects/ : /^imported 0 objects/);
        assert.ok(out.includes(` 0 files (0 bytes), and ${total} recorded values of ${expected.size} states, into `), out);
        assert.doesNotMatch(out, /skipped/);
        assert.equal(fs.existsSync(at('data')), dryRun.length === 0);
    }
    const { server, client } = await serving(t, at, 'data');
    assert.equal(expected.size, 2);
    for (const [id, rows] of expected) {
        assert.deepEqual(await recorded(client, id), rows);
    }
    assert.equal((await server.stop()).status, 0);
    assert.match(await succeed('export', at('x.tar.gz'), '--data', at('data')), /^not exported: the values that history/m);
});

test('recorded values of a backup, and nothing else is recorded', async t => {
    const at = places(t);
    const custom = id => ({ _id: id, type: 'state', common: { custom: { 'history.0': { enabled: true } } }, native: {} });
    const moved = custom('a.0.moved');
    moved.common.custom['history.0'].aliasId = 'a:moved';
    fs.writeFileSync(at('all.tar.gz'), makeTarGz([
        day('backup/history/20231113/history.a.0.b~c.json', [DAY, 1], [DAY + 1000, 2]),
        day('backup/history/20231114/history.a.0.b~c.json', [DAY + 86_400_000, null]),
        day('backup/history/20231113/history.a.0.x~y.json', [DAY, 'of whom?']),
        day('backup/history/20231113/history.a~moved.json', [DAY, true]),
        day('backup/history/20231113/history.a.0.deleted.json', [DAY, 'x']),
        ['backup/objects.jsonl', ['a.0.b/c', 'a.0.x/y', 'a.0.x:y'].map(custom).concat(moved).map(JSON.stringify).join('\n')],
        ['backup/states.jsonl', `{"id":"a.0.b/c","state":{"val":2,"ack":true,"ts":${DAY + 1000},"lc":${DAY + 1000}}}`],
    ]));
    for (let times = 0; times < 2; times++) {
        const out = await succeed('import', at('all.tar.gz'), '--data', at('data'));
        assert.match(out, /^imported 4 objects, 1 state and 0 files \(0 bytes\), and 5 recorded values of 3 states, into /);
        assert.match(out, /^skipped 1: several states have ids that fit the name \(history\/20231113\/history.a.0.x~y.json\)$/m);
    }
    const { server, client } = await serving(t, at, 'data');
    const expected = [[DAY, 1], [DAY + 1000, 2], [DAY + 86_400_000, null]];
    assert.deepEqual(await recorded(client, 'a.0.b/c'), expected);
    assert.deepEqual(await recorded(client, 'a.0.moved'), [[DAY, true]]);
    assert.deepEqual(await recorded(client, 'a.0.deleted'), [[DAY, 'x']]);
    assert.deepEqual(await recorded(client, 'a.0.x/y'), []);

    await succeed('import', at('all.tar.gz'), '--data', at('data'));
    await succeed('import', at('all.tar.gz'), '--data', at('data'));
    assert.deepEqual(await recorded(client, 'a.0.b/c'), expected, 'imported into the running server');
    assert.equal((await server.stop()).status, 0);
});

test('what is damaged in recorded values is skipped', async t => {
    const at = places(t);
    fs.writeFileSync(at('history.tar.gz'), makeTarGz([
        ['history/20231113/history.a.json', `[{"ts":${DAY}`],
        ['history/20231113/history.b.json', ''],
        ['history/20231113/history.c.json', `{"ts":${DAY}}`],
        ['history/20231313/history.d.json', `[{"ts":${DAY}}]`],
        ['history/20231113/history.e?.json', `[{"ts":${DAY}}]`],
        ['history/20231113/history.deep.json', `[{"ts":${DAY},"val":${'['.repeat(5000)}${']'.repeat(5000)}}]`],
        ['history/20231113/history.large.json', `[{"ts":${DAY},"val":"${'x'.repeat(3 << 20)}"}]`],
        day('history/20231113/history.g.json', [DAY + 2000, 2], ['x', 5], [DAY + 1000, 1], [8.64e15, 0], [-1, 0],
            [DAY + 3000, { a: [1] }], [null, 0]),
    ]));
    const out = await succeed('import', at('history.tar.gz'), '--data', at('data'));
    assert.match(out, /, and 3 recorded values of 1 state, into /);
    for (const [count, reason] of [[2, 'damaged values: invalid JSON'], [1, 'damaged values: they are no list'],
        [1, 'damaged values: they are nested too deeply'], [1, 'the name is not that of recorded values of a day'],
        [1, 'the id has one of the characters'], [1, 'the value is too large'], [2, 'the value has no time'],
        [2, 'the value is not of the day of its file']]) {
        assert.ok(out.includes(`skipped ${count}: ${reason}`), `${count} ${reason}\n${out}`);
    }
    const { client } = await serving(t, at, 'data');
    assert.deepEqual(await recorded(client, 'g'), [[DAY + 1000, 1], [DAY + 2000, 2], [DAY + 3000, { a: [1] }]]);
});

test('many values of a day', async t => {
    const at = places(t);
    const rows = Array.from({ length: 25_000 }, (_, i) => [DAY + 3 * i, i]);
    fs.writeFileSync(at('history.tar.gz'), makeTarGz([day('history/20231113/history.a.json', ...rows)]));
    const out = await succeed('import', at('history.tar.gz'), '--data', at('data'));
    assert.match(out, /, and 25000 recorded values of 1 state, into /);
    const { client } = await serving(t, at, 'data');
    const last = await recorded(client, 'a', DAY + 3 * 24_990);
    assert.deepEqual(last, rows.slice(24_990));
});

test('the older format: one document', async t => {
    const at = places(t);
    const document = {
        config: {},
        objects: [
            { id: 'a.0', value: JSON.parse(OBJECT), doc: JSON.parse(OBJECT) },
            { id: 'system.host.$$__hostname__$$', value: { _id: 'system.host.$$__hostname__$$', type: 'host' } },
        ],
        states: { 'a.0.x': { val: 'ä', ack: true, ts: 1, lc: 1 } },
    };
    const name = 'Grüße 日本語 🏠.txt';
    fs.writeFileSync(at('old.tar.gz'), makeTarGz([
        ['backup/', '', 'folder'],
        ['backup/backup.json', JSON.stringify(document)],
        [`backup/files/a.0/${name}`, 'hello'],
    ]));
    await succeed('import', at('old.tar.gz'), '--data', at('data'), '--host-name', 'attic');
    const archive = readTarGz(await exported(at, at('data'), 'new.tar.gz'));
    const objects = byId(jsonLines(archive.get('backup/objects.jsonl')));
    assert.deepEqual(objects.get('a.0'), JSON.parse(OBJECT));
    assert.deepEqual(objects.get('system.host.attic'), { _id: 'system.host.attic', type: 'host' });
    assert.deepEqual(byId(jsonLines(archive.get('backup/states.jsonl'))).get('a.0.x').state, document.states['a.0.x']);
    assert.equal(archive.get(`backup/files/a.0/${name}`).toString(), 'hello');
});

const good = ['backup/objects.jsonl', OBJECT];
const hostile = {
    'path traversal': [makeTarGz([good, ['backup/files/a.0/../../../evil', 'x']]), /a name leaves its folder/],
    'an absolute path': [makeTarGz([good, ['/tmp/evil', 'x']]), /a name is an absolute path/],
    'a symbolic link': [makeTarGz([good, ['backup/files/a.0/x', '', 'symlink', '/etc/passwd']]), /is a link/],
    'a hard link': [makeTarGz([good, ['backup/files/a.0/x', '', 'hardlink', '/etc/passwd']]), /is a link/],
    'a device': [makeTarGz([good, ['backup/files/a.0/x', '', 'device']]), /neither file nor folder/],
    'a file that is a folder too': [makeTarGz([good, ['backup/files/a.0/x', ''], ['backup/files/a.0/x/y', '']]),
        /the name is that of a file and of a folder/],
    'a name twice': [makeTarGz([good, good]), /the name occurs twice/],
    'an escape sequence': [makeTarGz([good, ['backup/\x1b[2J', 'x']]), /control characters/],
    'a bomb': [makeTarGz([good, ...Array.from({ length: 100 }, (_, i) => [`backup/files/a.0/${i}`, Buffer.alloc(1 << 20)])]),
        /unpacks to more than 200 times its size/],
    'a file that is too large': [makeTarGz([good, ['backup/files/a.0/x', Buffer.alloc(3000)]]), /larger than 2048 bytes/],
    'half an archive': [makeTarGz([good, ['backup/files/a.0/x', 'hello'.repeat(300)]]).subarray(0, 120), /damaged/],
    'a tar that ends early': [makeTar([good]).subarray(0, 550), /damaged/],
    'wrong JSON': [makeTarGz([['backup/objects.jsonl', `${OBJECT}\n{"_id":"b"`]]), /objects.jsonl:2: Invalid JSON/],
    'NUL in an id': [makeTarGz([['backup/objects.jsonl', '{"_id":"a\\u0000b"}']]), /objects.jsonl:1: the id has control/],
    'an id that is a pattern': [makeTarGz([['backup/objects.jsonl', '{"_id":"a.*"}']]), /objects.jsonl:1: the id has one of/],
    'a value that is too deep': [makeTarGz([good, ['backup/states.jsonl',
        `{"id":"a","state":{"val":${'['.repeat(5000)}${']'.repeat(5000)}}}`]]), /states.jsonl:1: Value is nested too deeply/],
    'recorded values with a path traversal': [makeTarGz([['history/20231113/../history.a.json', '[]']]), /leaves its folder/],
    'recorded values that occur twice': [makeTarGz([['history/20231113/history.a.json', `[{"ts":${DAY}}]`],
        ['backup/history/20231113/history.a.json', `[{"ts":${DAY}}]`]]), /the name occurs twice/],
    'recorded values in half an archive': [makeTarGz([['history/20231113/history.a.json', `[{"ts":${DAY}}]`]]).subarray(0, -9),
        /damaged/],
    'no backup': [makeTarGz([['readme.txt', 'x']]), /there is no backup in it/],
    'no archive': [Buffer.from('PK\x03\x04 something else'.repeat(100)), /damaged/],
    nothing: [Buffer.alloc(0), /damaged|no backup/],
};

test('what is refused changes nothing', async t => {
    const at = places(t);
    fs.writeFileSync(at('good.tar.gz'), makeTarGz([good]));
    await succeed('import', at('good.tar.gz'), '--data', at('data'));
    const before = await exported(at, at('data'), 'before.tar.gz');
    for (const [what, [bytes, why]] of Object.entries(hostile)) {
        await t.test(what, async () => {
            fs.writeFileSync(at('bad.tar.gz'), bytes);
            const args = ['import', at('bad.tar.gz'), '--data', at('data')];
            const result = await run(what.includes('too large') ? [...args, '--max-file', '2048'] : args);
            assert.equal(result.status, 1);
            assert.equal(result.stdout, '');
            assert.match(result.stderr, why);
            assert.match(result.stderr, /^iobus: [\x20-\x7e]*; nothing was changed\n$/);
        });
    }
    assert.ok(before.equals(await exported(at, at('data'), 'after.tar.gz')));
    assert.deepEqual(fs.readdirSync(at('.')).sort(), ['after.tar.gz', 'bad.tar.gz', 'before.tar.gz', 'data', 'good.tar.gz']);
});

test('into a running server, whose clients see it', async t => {
    const at = places(t);
    const server = await serve(t, ['--data', at('data'), '--listen', '127.0.0.1:0']);
    const client = await connect(t, server.urls[0]);
    await client.call('subscribe', 'demo.0.*');
    const out = await succeed('import', BACKUP, '--data', at('data'));
    assert.match(out, /into the running server in /);
    await client.until(changes => changes.some(([id]) => id === 'demo.0.types.number'), 'a change');
    assert.equal((await client.call('getObject', 'demo.0'))[0].common.name.de, 'Demodaten');
    const [bytes, mime] = await client.call('readFile', 'vis.0', 'main/img/pixel.png');
    assert.equal(bytes.length, 165);
    assert.equal(mime, 'image/png');
    const [entries] = await client.call('readDir', 'vis.0', 'main/img');
    assert.equal(entries[0].acl.permissions, 0x644);

    await client.call('setState', 'demo.0.types.number', 4711);
    await client.call('mkdir', 'vis.0', 'empty folder');
    await succeed('export', at('live.tar.gz'), '--server', path.join(at('data'), 'run'));
    const states = byId(jsonLines(readTarGz(fs.readFileSync(at('live.tar.gz'))).get('backup/states.jsonl')));
    assert.equal(states.get('demo.0.types.number').state.val, 4711);
    assert.equal((await server.stop()).status, 0);

    await succeed('import', at('live.tar.gz'), '--data', at('copy'));
    const again = readTarGz(await exported(at, at('copy'), 'again.tar.gz'));
    assert.ok(again.has('backup/files/vis.0/empty folder/_data.json'));
});

test('wrong usage and missing places', async t => {
    const at = places(t);
    for (const args of [['import'], ['import', 'a', 'b'], ['import', 'a', '--server'], ['import', 'a', '--frobnicate'],
        ['export'], ['export', 'a', 'b']]) {
        assert.equal((await run(args)).status, 2, args.join(' '));
    }
    const failures = [
        ['import', at('nothing.tar.gz'), '--data', at('data')],
        ['import', at('.'), '--data', at('data')],
        ['import', BACKUP, '--server', at('nowhere')],
        ['export', at('x.tar.gz'), '--data', at('nowhere')],
        ['export', at('no/such/folder/x.tar.gz'), '--data', at('.')],
    ];
    for (const args of failures) {
        const result = await run(args);
        assert.equal(result.status, 1, args.join(' '));
        assert.match(result.stderr, /^iobus: .*\n$/);
    }
    assert.ok(fs.existsSync(PROGRAM));
});
