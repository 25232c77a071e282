// SPDX-License-Identifier: MIT
// What is measured: a row each, with its target. A target is the most (or, for a rate, the least)
// that iobus shall need on one machine of two cores.
export const STATES = 1000; // bench.0.s0 to s999

const TEN = ['--connections', '10'];
const FIFTY = ['--mode', 'fanout', '--subscribers', '50'];

export const ROWS = [
    {
        name: 'setState-10x16',
        title: 'setState, acknowledged, 10 connections × 16 in flight',
        args: ['--mode', 'setState', ...TEN, '--inflight', '16'],
        target: { cpu: 6, rate: 150_000 },
        profile: { count: 20_000 },
    },
    {
        name: 'setState-1x1',
        title: 'setState, 1 connection × 1',
        args: ['--mode', 'setState'],
        target: { cpu: 60, p50: 120 },
        profile: { count: 2000 },
    },
    {
        name: 'getState-10x1',
        title: 'getState, 10 connections × 1',
        args: ['--mode', 'getState', ...TEN],
        target: { cpu: 25 },
        profile: { count: 4000 },
    },
    {
        name: 'getStates-100',
        title: 'getStates of 100 ids, 10 connections × 1',
        args: ['--mode', 'getStates', ...TEN],
        target: { cpu: 45 },
        profile: { count: 500 },
    },
    {
        name: 'fanout-50',
        title: 'a change to 50 subscribers, closed loop, per delivery',
        args: [...FIFTY, '--publishers', '8', '--inflight', '64'],
        target: { cpu: 0.6, rate: 1_500_000 },
        profile: { count: 2000, deliveries: 50 },
    },
    {
        name: 'fanout-50-paced',
        title: 'a change to 50 subscribers, 200/s, per delivery',
        args: [...FIFTY, '--rate', '200'],
        target: { cpu: 6 },
        profile: { count: 100, deliveries: 50 },
    },
    {
        name: 'polling-50',
        title: 'long polling, 50 subscribers, per delivery',
        args: FIFTY,
        polling: true,
        target: { cpu: 25 },
        profile: { count: 100, deliveries: 50 },
    },
    {
        name: 'writeFile64',
        title: 'writeFile64 of 64 KiB',
        args: ['--mode', 'writeFile64', '--connections', '4'],
        target: { cpu: 260 },
        profile: { count: 100 },
    },
    {
        name: 'readFile64',
        title: 'readFile64 of 64 KiB',
        args: ['--mode', 'readFile64', '--connections', '4'],
        target: { cpu: 120 },
        profile: { count: 200 },
    },
    {
        name: 'connect',
        title: 'connect, to the first answer',
        args: ['--mode', 'connect', '--connections', '8'],
        target: { cpu: 60 },
        profile: { count: 400 },
    },
    {
        name: 'idle',
        title: 'bytes resident per idle connection',
        args: ['--mode', 'idle', '--connections', '1000', '--seconds', '1', '--warmup', '0'],
        target: { bytes: 8192 },
    },
];
