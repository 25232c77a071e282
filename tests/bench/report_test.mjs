// SPDX-License-Identifier: MIT
// The pure parts of the benchmark: what is read from a profile, and what is printed and drawn.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median } from './bench.mjs';
import { compare } from './hotpath.mjs';
import { argumentsOf } from './peers.mjs';
import { readDump } from './profile.mjs';
import { ROWS } from './rows.mjs';
import { chart } from './svg.mjs';
import { tables } from './table.mjs';

const row = name => ROWS.find(one => one.name === name);

test('a dump gives own and inclusive cost, and callers', () => {
    const found = readDump(
        [
            ...['ob=/bin/iobus', 'fl=a.c', 'fn=outer', '10 5'],
            ...['cfi=b.c', 'cfn=inner', 'calls=2 1', '11 70', '12 1'],
            ...['cob=/lib/libz.so.1', 'cfn=0x0000123', 'calls=1 1', '13 9'],
            ...['fn=inner', '1 70', 'ob=/lib/libz.so.1', 'fn=0x0000123', '1 9', 'totals: 85'],
        ].join('\n'),
    );
    const outer = found.get('outer');
    assert.deepEqual([outer.self, outer.all], [6, 85]);
    assert.deepEqual([found.get('inner').self, found.get('inner').all], [70, 70]);
    assert.deepEqual([...found.get('inner').callers], [['outer', 70]]);
    assert.equal(found.get('(in libz.so.1)').self, 9);
});

test('a table says what is met, with spread and ratios', () => {
    const run = (round, server, cost) => ({
        ...{ row: 'getState-10x1', round, server, ok: true, cpu_us_per_op: cost },
        ...{ rate: 12_345, p50_us: 10, p99_us: 20, other_cpus: 0.1 },
    });
    const results = [20, 30, 24].flatMap((cost, round) => [
        run(round, 'iobus', cost),
        run(round, 'against', cost * 2),
    ]);
    results.push(run(3, 'iobus', 24), { ...run(3, 'against', 1000), ok: false });
    const text = tables([row('getState-10x1')], results, ['iobus', 'against']);
    assert.match(text, /\| 24 \(20–30\) \| 12\.3k\/s \| 10 \| 20 \| ≤ 25 µs \| met \|/);
    assert.match(text, /\| 48 \(12\.3k\/s\) \|/);
    assert.match(text, /\| 2 \(2–2\) \|/);
    assert.doesNotMatch(text, /Meanwhile/);
});

test('a table says when the machine was busy with other work', () => {
    const run = { row: 'idle', server: 'iobus', ok: true, rss_bytes_per_connection: 1, other_cpus: 1.5 };
    assert.match(tables([row('idle')], [run], ['iobus']), /other work kept 1\.5 CPUs busy/);
});

test('a failed run counts for nothing', () => {
    const failed = { row: 'idle', server: 'iobus', ok: false, rss_bytes_per_connection: 1 };
    assert.match(tables([row('idle')], [failed], ['iobus']), /\| – \|/);
});

test('a hot path may grow by a twentieth', () => {
    const grown = (before, now) => compare({ put: before }, { put: now }).grown;
    assert.equal(grown(1000, 1050), false);
    assert.equal(grown(1000, 1051), true);
    assert.equal(grown(1000, 500), false);
    assert.equal(grown(1000, undefined), true); // it is no longer counted
    assert.equal(grown(undefined, 10), true); // it has no known count
    assert.match(compare({ put: 1000 }, { put: 1100 }).lines[0], /^put +1000 -> 1100 +GROWN$/);
});

test('median', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, NaN, 2, 3]), 2.5);
});

test('long polling is for who receives', () => {
    assert.deepEqual(argumentsOf(row('polling-50'), 'sio4').slice(0, 4), [
        ...['--dialect', 'poll5', '--writer-dialect', 'sio5'],
    ]);
    assert.equal(argumentsOf(row('polling-50'), 'iobws'), null);
    assert.equal(argumentsOf(row('writeFile64'), 'redis'), null);
});

test('a chart is well-formed and holds all points', () => {
    const text = chart({
        ...{ title: 'a < b', x: 'x', y: 'y' },
        series: [{ name: 's', points: [[1, 2], [10, 4], [100, 3]] }],
    });
    assert.equal(text.match(/<circle/g).length, 3);
    assert.ok(text.includes('a &lt; b') && !text.includes('NaN'));
});
