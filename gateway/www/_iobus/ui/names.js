// SPDX-License-Identifier: MIT
// What the objects of changing states say (name, unit, choices), read when a state is first seen.
import { settled } from './dom.js';

const KEPT_MAX = 1000; // a page that sees more shows the others by their ids
const ASK_MS = 60, ASK_MAX = 100;

export class Names {
    /** @param {Bus} bus @param {(ids: string[]) => void} onread these are known now */
    constructor(bus, onread) {
        Object.assign(this, { bus, onread });
        this.commons = new Map(); // id -> common; empty while it is being read
        this.unknown = new Set();
        this.read = settled(() => this.ask(), ASK_MS);
    }

    /** @returns {Object} common of an object, empty as long as nothing is known */
    of(id) {
        if (!this.commons.has(id) && this.commons.size < KEPT_MAX) {
            this.commons.set(id, {});
            this.unknown.add(id);
            this.read();
        }
        return this.commons.get(id) || {};
    }

    async ask() {
        const ids = [...this.unknown].slice(0, ASK_MAX);
        ids.forEach(id => this.unknown.delete(id));
        const objects = await this.bus.getObjects(ids).catch(() => null); // may not be allowed
        ids.forEach(id => objects && objects[id] && this.commons.set(id, objects[id].common || {}));
        this.onread(ids);
        if (this.unknown.size) {
            this.read();
        }
    }
}
