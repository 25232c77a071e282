// SPDX-License-Identifier: MIT
// The tables that a run prints, in Markdown.
import { median } from './bench.mjs';
import { SERVERS } from './peers.mjs';

const OURS = 'iobus';
const MAY_BE_BUSY = 0.5; // CPUs

function figure(value) {
    if (!Number.isFinite(value)) {
        return '–';
    }
    const digits = value >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
    return value.toLocaleString('en', digits);
}

// 1,234 becomes 1.23k: a rate is never worth more digits.
function rate(value) {
    const steps = [
        [1e6, 'M'],
        [1e3, 'k'],
    ];
    const step = steps.find(([size]) => value >= size);
    return step ? `${figure(value / step[0])}${step[1]}/s` : `${figure(value)}/s`;
}

function values(results, row, server, field) {
    return results
        .filter(result => result.row === row && result.server === server && result.ok)
        .map(result => result[field]);
}

const field = row => (row.target.bytes ? 'rss_bytes_per_connection' : 'cpu_us_per_op');

function spread(list) {
    const found = list.filter(Number.isFinite);
    return found.length > 1 ? ` (${figure(Math.min(...found))}–${figure(Math.max(...found))})` : '';
}

function targets(row, of) {
    const { cpu, p50, rate: least, bytes } = row.target;
    return [
        { wanted: cpu && `≤ ${cpu} µs`, met: of('cpu_us_per_op') <= cpu },
        { wanted: p50 && `p50 ≤ ${p50} µs`, met: of('p50_us') <= p50 },
        { wanted: least && `≥ ${rate(least)}`, met: of('rate') >= least },
        { wanted: bytes && `≤ ${figure(bytes)} B`, met: of('rss_bytes_per_connection') <= bytes },
    ].filter(({ wanted }) => wanted);
}

function ownRow(row, results) {
    const of = name => median(values(results, row.name, OURS, name));
    const main = values(results, row.name, OURS, field(row));
    const wanted = targets(row, of);
    const verdict = Number.isFinite(median(main))
        ? wanted.map(({ met }) => (met ? 'met' : '**not met**')).join(', ')
        : '–';
    const rest = row.target.bytes
        ? ['', '', '']
        : [rate(of('rate')), figure(of('p50_us')), figure(of('p99_us'))];
    const cost = `${figure(median(main))}${spread(main)}`;
    return [row.title, cost, ...rest, wanted.map(one => one.wanted).join(', '), verdict];
}

function peerRow(row, results, servers) {
    const cells = servers.map(server => {
        const cost = median(values(results, row.name, server, field(row)));
        const speed = median(values(results, row.name, server, 'rate'));
        return !Number.isFinite(cost) || row.target.bytes
            ? figure(cost)
            : `${figure(cost)} (${rate(speed)})`;
    });
    return [row.title, ...cells];
}

// In each round the servers run one after the other, so a ratio is of runs that are neighbours.
function ratioRow(row, results, server) {
    const ofRound = (name, round) =>
        results.find(one => one.row === row.name && one.server === name && one.round === round && one.ok);
    const rounds = new Set(results.map(one => one.round));
    const ratios = [...rounds]
        .map(round => [ofRound(server, round), ofRound(OURS, round)])
        .map(([theirs, ours]) => theirs?.[field(row)] / ours?.[field(row)])
        .filter(Number.isFinite);
    return [row.title, `${figure(median(ratios))}${spread(ratios)}`];
}

function markdown(head, body) {
    const line = cells => `| ${cells.join(' | ')} |`;
    const rule = head.map((_, n) => (n ? '---:' : '---'));
    return [line(head), line(rule), ...body.map(line)].join('\n');
}

// What else ran on the machine: CPU figures stand it, rates and latencies do not.
function disturbance(results) {
    const others = median(results.map(result => result.other_cpus));
    const text = `Meanwhile other work kept ${figure(others)} CPUs busy: rates and latencies say little.`;
    return others > MAY_BE_BUSY ? [text] : [];
}

export function tables(rows, results, servers) {
    const shown = rows.filter(row => results.some(result => result.row === row.name));
    const peers = servers.filter(server => server !== OURS);
    const parts = [];
    if (servers.includes(OURS)) {
        const head = ['work', 'server CPU, µs', 'rate', 'p50, µs', 'p99, µs', 'target', ''];
        parts.push(markdown(head, shown.map(row => ownRow(row, results))));
    }
    if (peers.length) {
        const head = ['CPU in µs (rate)', ...peers.map(server => SERVERS[server].title)];
        parts.push(markdown(head, shown.map(row => peerRow(row, results, peers))));
    }
    if (servers.includes(OURS) && servers.includes('against')) {
        const head = ['other build / this one', 'ratio (spread)'];
        parts.push(markdown(head, shown.map(row => ratioRow(row, results, 'against'))));
    }
    return [...parts, ...disturbance(results)].join('\n\n');
}

export function floorTable(floors) {
    const body = floors.map(({ row, rate: speed, cpu_us_per_op: cost }) => [
        row,
        figure(cost),
        rate(speed),
    ]);
    return markdown(['part by itself', 'CPU, µs', 'rate'], body);
}
