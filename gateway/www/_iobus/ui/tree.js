// SPDX-License-Identifier: MIT
// A tree of which only the rows in sight exist, worked by pointer or keyboard as ARIA's tree pattern says. Values come
// from outside: `onrows` is told which rows are there, `rowValue` fills them.
import { fill, h, perFrame } from './dom.js';
import { icon, iconOfType } from './icons.js';
import { t } from './i18n.js';

const OVERSCAN = 6; // rows beyond the edges
const TYPEAHEAD_MS = 700;

export class Tree {
    /** @param {HTMLElement} box scrolls
     * @param {{index: ObjectIndex, onselect: Function, onrows: Function, fillValue: Function, label: string}} options */
    constructor(box, options) {
        Object.assign(this, options);
        this.box = box;
        this.open = new Set(); // ids whose children are shown
        this.rows = []; // {node, level, position, siblings}
        this.flat = null; // hits of a search instead of the tree
        this.elements = new Map(); // id -> row element
        this.active = null; // id that the keys move
        this.selected = null;
        this.typed = { text: '', at: 0 };
        this.space = h('div', { class: 'tree-space', role: 'presentation' });
        box.appendChild(this.space);
        box.setAttribute('role', 'tree');
        box.setAttribute('tabindex', '0');
        box.setAttribute('aria-label', this.label);
        this.draw = perFrame(() => this.render());
        box.addEventListener('scroll', this.draw, { passive: true });
        window.addEventListener('resize', this.draw);
        box.addEventListener('keydown', event => this.onKey(event));
        box.addEventListener('click', event => this.onClick(event));
        box.addEventListener('focus', () => this.onFocus());
        this.height = window.matchMedia('(pointer: coarse)').matches ? 46 : 34;
    }

    /** The objects have changed, or the search has. */
    update() {
        this.rows = this.flat ? this.flat.map((node, i) => ({ node, level: 1, position: i + 1, siblings: this.flat.length }))
            : this.collect(this.index.root, 1, []);
        this.places = null;
        this.space.style.height = `${this.rows.length * this.height}px`;
        this.draw();
    }

    showHits(hits) {
        if (hits && !this.flat) {
            this.box.scrollTop = 0;
        }
        this.flat = hits;
        this.update();
    }

    collect(node, level, rows) {
        const children = this.index.childrenOf(node);
        children.forEach((child, i) => {
            rows.push({ node: child, level, position: i + 1, siblings: children.length });
            if (child.children.length && this.open.has(child.id)) {
                this.collect(child, level + 1, rows);
            }
        });
        return rows;
    }

    placeOf(id) {
        if (!this.places) {
            this.places = new Map(this.rows.map((row, i) => [row.node.id, i]));
        }
        const place = this.places.get(id);
        return place === undefined ? -1 : place;
    }

    // --- what is in sight

    render() {
        const { scrollTop, clientHeight } = this.box;
        const first = Math.max(0, Math.floor(scrollTop / this.height) - OVERSCAN);
        const last = Math.min(this.rows.length, Math.ceil((scrollTop + clientHeight) / this.height) + OVERSCAN);
        const present = new Map();
        for (let i = first; i < last; i++) {
            const row = this.rows[i];
            const element = this.elements.get(row.node.id) || this.makeRow(row.node);
            this.place(element, row, i);
            present.set(row.node.id, element);
        }
        this.elements.forEach((element, id) => present.has(id) || element.remove());
        this.elements = present;
        if (this.active && present.has(this.active)) {
            this.box.setAttribute('aria-activedescendant', present.get(this.active).id);
        } else {
            this.box.removeAttribute('aria-activedescendant');
        }
        this.onrows([...present.keys()]);
    }

    makeRow(node) {
        const element = h('div', { class: 'tree-row', role: 'treeitem', id: `row-${Tree.number++}`, data: { id: node.id } },
            h('span', { class: 'twisty' }, icon('next')), h('span', { class: 'kind' }), h('span', { class: 'key' }),
            h('span', { class: 'name' }), h('span', { class: 'value' }));
        this.space.appendChild(element);
        return element;
    }

    place(element, { node, level, position, siblings }, i) {
        const common = node.common || { name: '', objectType: '' };
        const isOpen = !this.flat && this.open.has(node.id);
        const hasChildren = !this.flat && node.children.length > 0;
        const look = [i, level, isOpen, hasChildren, node.id === this.selected, node.id === this.active, common.name,
            common.objectType, siblings].join('|');
        if (element.look === look) {
            return;
        }
        element.look = look;
        element.style.transform = `translateY(${i * this.height}px)`;
        element.style.height = `${this.height}px`;
        element.style.paddingLeft = `${6 + (level - 1) * 18}px`;
        element.className = `tree-row${node.id === this.selected ? ' selected' : ''}${node.id === this.active ? ' active' : ''}${
            hasChildren ? ' parent' : ''}${isOpen ? ' open' : ''}${this.flat ? ' hit' : ''}`;
        element.setAttribute('aria-level', level);
        element.setAttribute('aria-posinset', position);
        element.setAttribute('aria-setsize', siblings);
        element.setAttribute('aria-selected', node.id === this.selected);
        if (hasChildren) {
            element.setAttribute('aria-expanded', isOpen);
        } else {
            element.removeAttribute('aria-expanded');
        }
        const [, kind, key, name, value] = element.children;
        fill(kind, icon(iconOfType(common.objectType)));
        key.textContent = this.flat ? node.id : node.key;
        name.textContent = common.name === node.key ? '' : common.name;
        element.title = common.name ? `${node.id}\n${common.name}` : node.id;
        this.fillValue(value, node, false);
    }

    /** A value has come. */
    show(id) {
        const element = this.elements.get(id);
        const node = this.index.get(id);
        if (element && node) {
            this.fillValue(element.lastChild, node, true);
        }
    }

    // --- moving and choosing

    reveal(id) {
        const place = this.placeOf(id);
        if (place < 0) {
            return;
        }
        const top = place * this.height;
        if (top < this.box.scrollTop || top + this.height > this.box.scrollTop + this.box.clientHeight) {
            this.box.scrollTop = Math.max(0, top - this.box.clientHeight / 2);
        }
    }

    /** Opens what is above an object and marks it. */
    select(id) {
        this.selected = id;
        this.active = id;
        const node = id && this.index.get(id);
        for (let up = node && node.parent; up && up.parent; up = up.parent) {
            this.open.add(up.id);
        }
        this.update();
        if (id) {
            this.reveal(id);
        }
    }

    toggle(node, open) {
        if (this.flat || !node.children.length) {
            return;
        }
        if (open === undefined ? this.open.has(node.id) : !open) {
            this.open.delete(node.id);
        } else {
            this.open.add(node.id);
        }
        this.update();
    }

    activate(id) {
        this.active = id;
        this.reveal(id);
        this.draw();
    }

    onFocus() {
        if (this.placeOf(this.active) < 0 && this.rows.length) {
            this.activate(this.rows[0].node.id);
        }
    }

    onClick(event) {
        const element = event.target.closest('.tree-row');
        const node = element && this.index.get(element.dataset.id);
        if (!node) {
            return;
        }
        this.active = node.id;
        if (event.target.closest('.twisty') && node.children.length) {
            this.toggle(node);
            return;
        }
        if (!this.open.has(node.id)) {
            this.toggle(node, true);
        } else if (node.id === this.selected) {
            this.toggle(node, false);
        }
        this.onselect(node.id);
    }

    onKey(event) {
        if (event.altKey || event.ctrlKey || event.metaKey) {
            return;
        }
        const place = this.placeOf(this.active);
        const row = this.rows[place];
        const step = Math.max(1, Math.floor(this.box.clientHeight / this.height) - 1);
        const to = i => {
            const target = this.rows[Math.min(Math.max(i, 0), this.rows.length - 1)];
            return target && this.activate(target.node.id);
        };
        const keys = {
            ArrowDown: () => to(place + 1),
            ArrowUp: () => to(place - 1),
            PageDown: () => to(place + step),
            PageUp: () => to(place - step),
            Home: () => to(0),
            End: () => to(this.rows.length - 1),
            ArrowRight: () => row && (this.open.has(row.node.id) && row.node.children.length && !this.flat ? to(place + 1)
                : this.toggle(row.node, true)),
            ArrowLeft: () => row && this.toParent(row.node),
            Enter: () => row && this.onselect(row.node.id),
            ' ': () => row && this.onselect(row.node.id),
        };
        if (keys[event.key]) {
            event.preventDefault();
            keys[event.key]();
        } else if (event.key.length === 1) {
            this.jump(event.key.toLowerCase(), place);
        }
    }

    toParent(node) {
        if (this.open.has(node.id) && node.children.length && !this.flat) {
            this.toggle(node, false);
        } else if (node.parent && node.parent.id && !this.flat) {
            this.activate(node.parent.id);
        }
    }

    // To the next row that begins with what is typed.
    jump(letter, place) {
        const now = Date.now();
        this.typed.text = now - this.typed.at < TYPEAHEAD_MS ? this.typed.text + letter : letter;
        this.typed.at = now;
        const from = this.typed.text.length > 1 ? place : place + 1;
        for (let i = 0; i < this.rows.length; i++) {
            const { node } = this.rows[(from + i) % this.rows.length];
            if ((this.flat ? node.id : node.key).toLowerCase().startsWith(this.typed.text)) {
                this.activate(node.id);
                return;
            }
        }
    }

    get summary() {
        return t('tree.rows', this.rows.length);
    }
}

Tree.number = 1;
