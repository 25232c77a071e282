// SPDX-License-Identifier: MIT
// All objects as a tree by the dots of their ids, with what the tree and the search show of them. Meant for 50,000.
import { nameOf } from './i18n.js';

// In this order: what gives the tree its shape comes first, and there are few of them.
const VIEWS = ['instance', 'adapter', 'host', 'meta', 'folder', 'device', 'channel', 'enum', 'script', 'chart', 'user', 'group',
    'config', 'state'];
const SLICE = 2000; // objects taken in without a pause
const collator = new Intl.Collator('en', { numeric: true });

function pause() {
    return new Promise(resolve => setTimeout(resolve, 0));
}

// What is kept of an object; its other properties are read when it is shown.
function digest(object) {
    const common = object.common || {};
    return {
        name: nameOf(common.name), role: typeof common.role === 'string' ? common.role : '', objectType: object.type || '',
        type: common.type, unit: common.unit, min: common.min, max: common.max, step: common.step, states: common.states,
        read: common.read, write: common.write, members: object.type === 'enum' && Array.isArray(common.members) ? common.members : null,
    };
}

function makeNode(id, key, parent) {
    return { id, key, parent, children: [], sorted: true, common: null, words: '' };
}

export class ObjectIndex {
    constructor() {
        this.nodes = new Map();
        this.root = makeNode('', '', null);
        this.size = 0; // objects; nodes without one are only there for those below them
        this.states = 0;
    }

    /** Reads everything; tells how far it is. Views that the user may not read are left out.
     * @returns {Promise<number>} views that failed */
    async load(bus, progress) {
        const seen = new Set();
        let failed = 0, error = null;
        for (const view of VIEWS) {
            let rows = [];
            try {
                rows = await bus.getObjectView('system', view);
            } catch (e) {
                failed++;
                error = e;
            }
            for (let i = 0; i < rows.length; i++) {
                const object = rows[i].value;
                const id = object && object._id || rows[i].id; // users and groups come under their names
                seen.add(id);
                this.put(id, object || {});
                if (i % SLICE === SLICE - 1) {
                    progress(this.size);
                    await pause();
                }
            }
            progress(this.size);
        }
        if (failed === VIEWS.length) {
            throw error;
        }
        if (!failed) {
            [...this.nodes.values()].filter(node => node.common && !seen.has(node.id)).forEach(node => this.remove(node.id));
        }
        return failed;
    }

    require(id) {
        let node = this.nodes.get(id);
        if (node) {
            return node;
        }
        const dot = id.lastIndexOf('.');
        const parent = dot > 0 ? this.require(id.slice(0, dot)) : this.root;
        node = makeNode(id, dot > 0 ? id.slice(dot + 1) : id, parent);
        parent.children.push(node);
        parent.sorted = parent.children.length === 1;
        this.nodes.set(id, node);
        return node;
    }

    put(id, object) {
        const node = this.require(id);
        this.count(node, -1);
        node.common = digest(object);
        node.words = `${id}\n${node.common.name}\n${node.common.role}`.toLowerCase();
        this.count(node, 1);
        return node;
    }

    remove(id) {
        let node = this.nodes.get(id);
        if (!node) {
            return;
        }
        this.count(node, -1);
        node.common = null;
        node.words = '';
        while (node.parent && !node.common && !node.children.length) {
            const { parent } = node;
            this.nodes.delete(node.id);
            parent.children.splice(parent.children.indexOf(node), 1);
            node = parent;
        }
    }

    count(node, step) {
        if (node.common) {
            this.size += step;
            this.states += node.common.objectType === 'state' ? step : 0;
        }
    }

    /** Children in the order in which people count: 2 before 10. */
    childrenOf(node) {
        if (!node.sorted) {
            node.children.sort((a, b) => collator.compare(a.key, b.key));
            node.sorted = true;
        }
        return node.children;
    }

    get(id) {
        return this.nodes.get(id) || null;
    }

    /** Nodes of the enums that an object belongs to, by itself or by what it is in. */
    enumsOf(id) {
        const isIn = member => member === id || id.startsWith(`${member}.`);
        return [...this.nodes.values()].filter(({ common }) => common && common.members && common.members.some(isIn));
    }

    /** Objects whose id, name or role contain all words; "role:switch", "id:lamp", "name:light", "type:channel" look there only.
     * @returns {{hits: Array, more: boolean}} */
    search(text, limit) {
        const tests = text.toLowerCase().split(/\s+/).filter(Boolean).map(testOf);
        const hits = [];
        let more = false;
        for (const node of this.nodes.values()) {
            if (node.common && tests.every(test => test(node))) {
                if (hits.length === limit) {
                    more = true;
                    break;
                }
                hits.push(node);
            }
        }
        hits.sort((a, b) => collator.compare(a.id, b.id));
        return { hits, more };
    }
}

const FIELDS = {
    role: node => node.common.role.toLowerCase(),
    id: node => node.id.toLowerCase(),
    name: node => node.common.name.toLowerCase(),
    type: node => node.common.objectType,
};

function testOf(word) {
    const colon = word.indexOf(':');
    const field = colon > 0 && FIELDS[word.slice(0, colon)];
    const rest = word.slice(colon + 1);
    return field ? node => field(node).includes(rest) : node => node.words.includes(word);
}
