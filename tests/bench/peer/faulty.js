// SPDX-License-Identifier: MIT
// A server with one fault, to prove that iobus-bench finds it; see selftest.mjs.
//
//     node faulty.js FAULT        prints "ready http://127.0.0.1:PORT"
'use strict';

const http = require('http');
const socketIo = require('socket.io');

const EVERY = 50; // how often the fault shows

const fault = process.argv[2];
const states = new Map();
const watchers = [];
let writes = 0;
let held = null;

function deliver(socket, id, state) {
    const now = writes % EVERY === 0;
    if (now && fault === 'lose') {
        return;
    }
    if (now && fault === 'swap') {
        held = { socket, id, state };
        return;
    }
    socket.emit('stateChange', id, state);
    if (now && fault === 'twice') {
        socket.emit('stateChange', id, state);
    }
    if (held && held.socket === socket) {
        socket.emit('stateChange', held.id, held.state);
        held = null;
    }
}

function setState(id, state, callback) {
    writes++;
    const now = writes % EVERY === 0;
    states.set(id, now && fault === 'old-value' ? { val: 0, ack: true } : state);
    watchers.forEach(socket => deliver(socket, id, state));
    if (now && fault === 'die') {
        process.exit(1);
    }
    if (now && fault === 'silent') {
        return;
    }
    callback(null, now && fault === 'wrong-id' ? 'bench.0.other' : id);
    if (now && fault === 'answer-twice') {
        callback(null, id);
    }
}

const server = http.createServer();
socketIo(server, { pingInterval: 120000 }).on('connection', socket => {
    socket.on('setState', (id, state, callback) => {
        let answer = callback;
        if (fault === 'answer-twice') {
            // socket.io swallows a second call, so the packet is sent by hand. The instrument's ids
            // are the number of the request, which is what this counts on with one in flight.
            answer = (...args) => {
                callback(...args);
                answer = (...again) => socket.packet({ type: 3, id: writes, data: again });
            };
        }
        setState(id, state, (...args) => answer(...args));
    });
    socket.on('getState', (id, callback) => callback(null, states.get(id) || null));
    socket.on('subscribe', (pattern, callback) => {
        watchers.push(socket);
        callback(null);
    });
});
server.listen(0, '127.0.0.1', () => console.log(`ready http://127.0.0.1:${server.address().port}`));
