// SPDX-License-Identifier: MIT
// Who may read what, worked out by itself from data-model.md 1.2 and 5: a second opinion on the server's.
const ADMIN = 'system.user.admin';
const ADMINISTRATORS = 'system.group.administrator';
const EVERYTHING = { object: { read: true, list: true }, state: { read: true }, file: { read: true } };

// groups: { id: { members: [user ids], acl: { type: { operation: bool } } } }, acls: { id: acl } of objects that exist,
// files: { path: acl }.
export class World {
    constructor({ groups = {}, acls = {}, files = {} } = {}) {
        Object.assign(this, structuredClone({ groups, acls, files }));
    }

    groupsOf(user) {
        return Object.keys(this.groups).filter(id => this.groups[id].members.includes(user));
    }

    isAdministrator(user) {
        return user === ADMIN || this.groupsOf(user).includes(ADMINISTRATORS);
    }

    granted(user, type, operation) {
        if (this.isAdministrator(user)) {
            return Boolean(EVERYTHING[type][operation]);
        }
        return this.groupsOf(user).some(id => this.groups[id].acl[type]?.[operation]);
    }

    // One digit decides: the owner's, else the group's, else everyone's.
    bits(user, acl, mode) {
        if (acl.owner === user) {
            return mode >> 8;
        }
        return this.groupsOf(user).includes(acl.ownerGroup) ? mode >> 4 : mode;
    }

    passes(user, acl, mode) {
        return mode === undefined || Boolean(this.bits(user, acl, mode) & 4);
    }

    seesObject(user, acl) {
        return this.granted(user, 'object', 'read') && (this.isAdministrator(user) || this.passes(user, acl, acl.object));
    }

    seesState(user, acl) {
        if (!this.granted(user, 'state', 'read')) {
            return false;
        }
        return user === ADMIN || !acl || (this.seesObject(user, acl) && this.passes(user, acl, acl.state ?? acl.object));
    }

    seesFile(user, acl) {
        return this.granted(user, 'file', 'read') && (this.isAdministrator(user) || this.passes(user, acl, acl.permissions));
    }
}

// Numbers that are the same for the same seed (mulberry32).
export function randomOf(seed) {
    let state = seed >>> 0;
    const next = () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    const below = count => Math.floor(next() * count);
    return { below, chance: share => next() < share, pick: list => list[below(list.length)] };
}
