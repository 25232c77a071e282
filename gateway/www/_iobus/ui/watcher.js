// SPDX-License-Identifier: MIT
// Watches a set of ids that changes often, such as the rows in sight: only differences go to the server.

export class Watcher {
    constructor(bus, onstate) {
        Object.assign(this, { bus, onstate });
        this.stops = new Map(); // id -> what ends its subscription
        this.values = new Map(); // id -> state
    }

    set(ids) {
        const wanted = new Set(ids);
        this.stops.forEach((stop, id) => {
            if (!wanted.has(id)) {
                stop();
                this.stops.delete(id);
                this.values.delete(id);
            }
        });
        wanted.forEach(id => this.stops.has(id) || this.stops.set(id, this.bus.subscribe(id, (name, state) => {
            const before = this.values.get(name);
            this.values.set(name, state);
            this.onstate(name, state, before);
        }, { current: true })));
    }

    get(id) {
        return this.values.get(id) || null;
    }
}
