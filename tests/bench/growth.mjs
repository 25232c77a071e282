// SPDX-License-Identifier: MIT
// How the cost of an operation grows, and its plots. What is under way at a time stays the same,
// whatever grows, so that bursts are of one size.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { median } from './bench.mjs';
import { STATES } from './rows.mjs';
import { chart } from './svg.mjs';

const SIO = ['--dialect', 'sio2'];
const FLAT = 1.2; // ± 20%

// points: where it is measured; from: where the cost of the thing itself no longer hides behind
// what comes with it (a change to one subscriber is mostly the write).
export const GROWTHS = {
    connections: {
        x: 'connections, 10 requests under way',
        y: 'server CPU, µs per operation',
        points: [10, 100, 1000, 10_000],
        series: {
            setState: n => ({
                args: ['--mode', 'setState', '--connections', String(n), '--window', '10'],
            }),
            getState: n => ({
                args: [
                    ...['--mode', 'getState', '--connections', String(n), '--window', '10'],
                    ...['--ids', String(Math.max(n, STATES))],
                ],
                states: Math.max(n, STATES),
            }),
        },
    },
    states: {
        x: 'states, 10 connections × 16 in flight',
        y: 'server CPU, µs per operation',
        points: [1000, 10_000, 100_000, 300_000],
        series: {
            setState: n => ({
                args: [
                    ...['--mode', 'setState', '--connections', '10', '--inflight', '16'],
                    ...['--ids', String(n)],
                ],
                states: n,
            }),
        },
    },
    subscriptions: {
        x: 'subscriptions of each of 10 subscribers',
        y: 'server CPU, µs per delivery',
        points: [1, 10, 100, 1000, 10_000],
        series: {
            delivery: n => ({
                args: [
                    ...['--mode', 'fanout', '--subscribers', '10', '--inflight', '64'],
                    ...['--subscriptions', String(n - 1)],
                ],
            }),
        },
    },
    subscribers: {
        x: 'subscribers, 16 changes under way',
        y: 'server CPU, µs per delivery',
        from: 100,
        points: [1, 10, 100, 1000, 10_000],
        series: {
            delivery: n => ({
                args: ['--mode', 'fanout', '--subscribers', String(n), '--inflight', '16'],
            }),
        },
    },
};

async function measurePoint(bench, { args, states }) {
    const found = [];
    let ok = true;
    for (let round = 0; round < bench.options.rounds; round++) {
        const result = await bench.measure('iobus', [...SIO, ...args, '--timeout', '60'], states);
        ok = ok && result.ok;
        found.push(result.cpu_us_per_op);
    }
    return { ok, cost: median(found) };
}

// What the dearest point costs, compared with the first one that counts.
function verdict(name, title, points, from = 0) {
    const own = points.filter(([at]) => at >= from);
    if (own.length < 2) {
        return `${name}, ${title}: too few points`;
    }
    const ratio = Math.max(...own.map(([, cost]) => cost)) / own[0][1];
    const text = ratio <= FLAT ? 'flat' : 'not flat';
    return `${name}, ${title}: ${text} from ${own[0][0]} to ${own.at(-1)[0]}, at most × ${ratio.toFixed(2)}`;
}

async function grow(bench, name, folder) {
    const { x, y, points, from, series } = GROWTHS[name];
    const lines = [];
    let fine = true;
    for (const [title, argumentsAt] of Object.entries(series)) {
        const own = [];
        for (const point of points.filter(value => value <= bench.options.most)) {
            const { ok, cost } = await measurePoint(bench, argumentsAt(point));
            console.log(JSON.stringify({ growth: name, series: title, at: point, cost, ok }));
            fine = fine && ok;
            own.push([point, cost]);
        }
        console.log(verdict(name, title, own, from));
        lines.push({ name: title, points: own });
    }
    const file = join(folder, `growth-${name}.svg`);
    await writeFile(file, chart({ title: `Growth: ${name}`, x, y, series: lines }));
    return fine;
}

export async function growth(bench, what, folder) {
    let fine = true;
    for (const name of what === 'all' ? Object.keys(GROWTHS) : [what]) {
        fine = (await grow(bench, name, folder)) && fine;
    }
    return fine ? 0 : 1;
}
