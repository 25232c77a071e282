// SPDX-License-Identifier: MIT
// The server that iobus is measured against: socket.io 2.5.1 and a Map, nothing else. No rights, no
// objects, no storage, and fan-out by rooms, which encodes each change once: the least that a node
// server can do for these commands. ioBroker itself does a good deal more per operation.
//
//     node server.js [PORT]        prints "ready http://127.0.0.1:PORT"; without PORT, a free one
'use strict';

const http = require('http');
const socketIo = require('socket.io');

const FROM = 'system.adapter.socketio.0';
const USER = 'system.user.admin';

const states = new Map();
const patterns = new Map(); // pattern -> number of sockets in the room of that name

// Patterns are exact ids, prefixes that end in "*", or "*".
function matches(pattern, id) {
    return pattern.endsWith('*') ? id.startsWith(pattern.slice(0, -1)) : id === pattern;
}

function write(id, value) {
    const given = value !== null && typeof value === 'object' ? value : { val: value };
    const now = Date.now();
    const before = states.get(id);
    const state = {
        val: given.val,
        ack: given.ack === true,
        ts: given.ts || now,
        q: given.q || 0,
        from: given.from || FROM,
        user: USER,
        lc: before && before.val === given.val ? before.lc : now,
    };
    states.set(id, state);
    return state;
}

function select(pattern) {
    const found = {};
    if (Array.isArray(pattern)) {
        for (const id of pattern) {
            found[id] = states.get(id) || null;
        }
        return found;
    }
    for (const [id, state] of states) {
        if (matches(pattern || '*', id)) {
            found[id] = state;
        }
    }
    return found;
}

function publish(io, id, state) {
    let target = null;
    for (const pattern of patterns.keys()) {
        if (matches(pattern, id)) {
            target = (target || io).to(pattern); // a socket in several of these rooms gets it once
        }
    }
    if (target) {
        target.emit('stateChange', id, state);
    }
}

function release(pattern) {
    const left = patterns.get(pattern) - 1;
    if (left > 0) {
        patterns.set(pattern, left);
    } else {
        patterns.delete(pattern);
    }
}

function serve(io, socket) {
    const mine = new Set();

    socket.on('setState', (id, value, callback) => {
        publish(io, id, write(id, value));
        callback && callback(null, id);
    });
    socket.on('getState', (id, callback) => callback(null, states.get(id) || null));
    socket.on('getStates', (pattern, callback) => callback(null, select(pattern)));
    socket.on('subscribe', (pattern, callback) => {
        for (const one of [].concat(pattern)) {
            if (!mine.has(one)) {
                mine.add(one);
                patterns.set(one, (patterns.get(one) || 0) + 1);
                socket.join(one);
            }
        }
        callback && callback(null);
    });
    socket.on('unsubscribe', (pattern, callback) => {
        for (const one of [].concat(pattern)) {
            if (mine.delete(one)) {
                release(one);
                socket.leave(one);
            }
        }
        callback && callback(null);
    });
    socket.on('disconnect', () => mine.forEach(release));
}

function main() {
    const server = http.createServer();
    const io = socketIo(server, { pingInterval: 120000, pingTimeout: 30000, serveClient: false });
    io.on('connection', socket => serve(io, socket));
    server.listen(Number(process.argv[2] || 0), '127.0.0.1', () =>
        console.log(`ready http://127.0.0.1:${server.address().port}`),
    );
    for (const signal of ['SIGINT', 'SIGTERM']) {
        process.on(signal, () => process.exit(0));
    }
}

main();
