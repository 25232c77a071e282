// SPDX-License-Identifier: MIT
// A list that can be waited for: what a connection received, in order. Nothing here polls: whoever
// waits is woken by the next entry, or by its deadline.

export class Recorder {
    constructor() {
        this.entries = [];
        this.waiters = new Set();
    }

    push(entry) {
        this.entries.push(entry);
        for (const wake of [...this.waiters]) {
            wake();
        }
    }

    // Takes what `wanted` accepts out of the list and forgets it.
    take(wanted = () => true) {
        const taken = this.entries.filter(wanted);
        this.entries = this.entries.filter(entry => !wanted(entry));
        return taken;
    }

    // Resolves to true as soon as `done()` holds, to false when `ms` have passed without that.
    until(done, ms) {
        return new Promise(resolve => {
            if (done()) {
                resolve(true);
                return;
            }
            const finish = result => {
                clearTimeout(timer);
                this.waiters.delete(wake);
                resolve(result);
            };
            const wake = () => done() && finish(true);
            const timer = setTimeout(() => finish(done()), ms);
            this.waiters.add(wake);
        });
    }
}

export const pause = ms => new Promise(resolve => setTimeout(resolve, ms));

// The result of `promise`, or `otherwise` when it takes longer than `ms`.
export function within(promise, ms, otherwise) {
    let timer;
    const late = new Promise(resolve => {
        timer = setTimeout(resolve, ms, otherwise);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
