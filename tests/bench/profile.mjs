// SPDX-License-Identifier: MIT
// Instructions per operation, by callgrind. The row runs twice, with N and 4N operations; the
// difference is what 3N operations cost, without start, connections and preparation.
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { argumentsOf } from './peers.mjs';
import { STATES } from './rows.mjs';
import { findProgram, startServer } from './servers.mjs';

const SERVER = 'iobus';
const CALLERS = 3; // shown of a function

// Self and inclusive cost per function of one dump, written without compression:
//
//     ob=/lib/x.so   fl=file   fn=name   LINE COST   cob= cfi= cfn=   calls=N LINE   LINE COST
//
// The cost line behind `calls=` is what the callee used. Functions without a name count together.
export function readDump(text) {
    const found = new Map();
    const entry = (name, object) => {
        const known = !/^(0x|\?\?\?)/.test(name);
        const key = known ? name : `(in ${basename(object)})`;
        if (!found.has(key)) {
            found.set(key, { name: key, self: 0, all: 0, callers: new Map() });
        }
        return found.get(key);
    };
    let object = '';
    let callObject = '';
    let current = null;
    let callee = null;
    let isCall = false;
    for (const line of text.split('\n')) {
        const [, key, value] = /^(ob|cob|fn|cfn|calls)=(.*)$/.exec(line) ?? [];
        if (key === 'ob') {
            object = callObject = value;
        } else if (key === 'cob') {
            callObject = value;
        } else if (key === 'fn') {
            current = entry(value, object);
        } else if (key === 'cfn') {
            callee = entry(value, callObject);
            callObject = object;
        } else if (key === 'calls') {
            isCall = true;
        } else if (current && /^[0-9+*-]/.test(line)) {
            const cost = Number(line.split(' ').at(-1));
            current.all += cost;
            if (isCall) {
                callee.callers.set(current.name, (callee.callers.get(current.name) ?? 0) + cost);
            } else {
                current.self += cost;
            }
            isCall = false;
        }
    }
    return found;
}

function difference(less, more, operations) {
    const nothing = { self: 0, all: 0, callers: new Map() };
    return [...more.values()].map(({ name, self, all, callers }) => {
        const before = less.get(name) ?? nothing;
        const per = (now, then = 0) => (now - then) / operations;
        return {
            name,
            self: per(self, before.self),
            all: per(all, before.all),
            callers: [...callers]
                .map(([who, cost]) => [who, per(cost, before.callers.get(who))])
                .sort((a, b) => b[1] - a[1]),
        };
    });
}

const whole = value => Math.round(value).toLocaleString('en');

// Templates have names of many lines.
const short = name => (name.length > 90 ? `${name.slice(0, 87)}...` : name);

function print(row, rows, top) {
    const total = rows.reduce((sum, { self }) => sum + self, 0);
    const share = value => `${((value / total) * 100).toFixed(1)}%`;
    const list = (title, order) => {
        console.log(`\n| ${title} | itself | share | with what it calls | most of it for |`);
        console.log('|---|---:|---:|---:|---|');
        const first = rows.sort((a, b) => b[order] - a[order]).slice(0, top);
        for (const { name, self, all, callers } of first) {
            const users = callers.slice(0, CALLERS).filter(([, cost]) => cost >= all / 20);
            const who = users.map(([user, cost]) => `\`${short(user)}\` ${whole(cost)}`).join(', ');
            const cells = [`\`${short(name)}\``, whole(self), share(self), whole(all), who];
            console.log(`| ${cells.join(' | ')} |`);
        }
    };
    console.log(`\n${row.name}: ${whole(total)} instructions per operation`);
    list('function', 'self');
    list('function, with what it calls', 'all');
}

// The server under callgrind, and what it used for so many operations.
class Callgrind {
    constructor(bench, row) {
        this.bench = bench;
        this.row = row;
        this.out = join(bench.folder, 'callgrind');
        this.dumps = 0;
        this.ok = true;
    }

    async start() {
        const { data } = await this.bench.importStates(STATES);
        this.server = await startServer(findProgram('valgrind'), [
            ...['--tool=callgrind', '--fair-sched=try'],
            ...['--compress-strings=no', '--compress-pos=no'],
            `--callgrind-out-file=${this.out}`,
            this.bench.program('iobus'),
            ...['serve', '--data', data, '--listen', '127.0.0.1:0'],
            ...this.bench.options.serveArgs,
        ]);
    }

    control(option) {
        const args = [option, String(this.server.pids[0])];
        execFileSync('callgrind_control', args, { stdio: 'ignore' });
    }

    async run(operations) {
        this.control('-z');
        const { ok } = await this.bench.load(this.server, [
            ...argumentsOf(this.row, SERVER),
            ...['--count', String(operations), '--timeout', '60'],
        ]);
        this.control('-d');
        this.ok = this.ok && ok;
        this.dumps++;
        return readDump(await readFile(`${this.out}.${this.dumps}`, 'utf8'));
    }
}

export async function profile(bench, row) {
    if (!findProgram('valgrind') || !row.profile) {
        const why = row.profile ? 'valgrind is not installed' : `${row.name} has no operations`;
        console.error(`skipped the profile: ${why}`);
        return 0;
    }
    const { count, deliveries = 1 } = row.profile;
    const callgrind = new Callgrind(bench, row);
    await callgrind.start();
    try {
        await callgrind.run(count); // what happens only once
        const less = await callgrind.run(count);
        const more = await callgrind.run(count * 4);
        print(row, difference(less, more, count * 3 * deliveries), bench.options.top);
    } finally {
        await callgrind.server.stop();
    }
    return callgrind.ok ? 0 : 1;
}
