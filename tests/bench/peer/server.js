// SPDX-License-Identifier: MIT
// The node servers that iobus is measured against: a socket library and a Map, nothing else. No
// rights, no objects, no storage: the least that a node server can do for these commands. ioBroker
// itself does a good deal more per operation.
//
//     node server.js sio2|sio4|iobws [PORT]     prints "ready http://127.0.0.1:PORT"
//
// sio2 is socket.io 2.5.1 and sio4 socket.io 4.8, where rooms fan out and each change is encoded
// once; iobws is @iobroker/ws-server, which has no rooms: like ioBroker's adapter it asks each
// socket.
'use strict';

const http = require('http');

const FROM = 'system.adapter.socketio.0';
const USER = 'system.user.admin';

const states = new Map();
const files = new Map();
const patterns = new Map(); // pattern -> number of sockets that have subscribed to it

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

// A room per pattern; a socket in several rooms that match gets a change once.
class Rooms {
    constructor(io) {
        this.io = io;
    }

    join(socket, pattern) {
        socket.join(pattern);
    }

    leave(socket, pattern) {
        socket.leave(pattern);
    }

    end() {}

    publish(id, state) {
        const found = patterns.has(id) ? [id] : [];
        for (const pattern of patterns.keys()) {
            if (pattern.endsWith('*') && matches(pattern, id)) {
                found.push(pattern);
            }
        }
        if (found.length) {
            found.reduce((target, room) => target.to(room), this.io).emit('stateChange', id, state);
        }
    }
}

class Sockets {
    constructor() {
        this.all = new Map(); // socket -> its patterns
    }

    join(socket, pattern) {
        const mine = this.all.get(socket) || { ids: new Set(), others: new Set() };
        this.all.set(socket, mine);
        (pattern.endsWith('*') ? mine.others : mine.ids).add(pattern);
    }

    leave(socket, pattern) {
        const mine = this.all.get(socket);
        mine.ids.delete(pattern);
        mine.others.delete(pattern);
    }

    end(socket) {
        this.all.delete(socket);
    }

    publish(id, state) {
        for (const [socket, { ids, others }] of this.all) {
            if (ids.has(id) || [...others].some(pattern => matches(pattern, id))) {
                socket.emit('stateChange', id, state);
            }
        }
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

function serve(watchers, socket) {
    const mine = new Set();
    const answer = (callback, ...args) => callback && callback(...args);

    socket.on('setState', (id, value, callback) => {
        watchers.publish(id, write(id, value));
        answer(callback, null, id);
    });
    socket.on('getState', (id, callback) => answer(callback, null, states.get(id) || null));
    socket.on('getStates', (pattern, callback) => answer(callback, null, select(pattern)));
    socket.on('writeFile64', (adapter, name, data, callback) => {
        files.set(`${adapter}/${name}`, Buffer.from(data, 'base64'));
        answer(callback, null);
    });
    socket.on('readFile64', (adapter, name, callback) => {
        const file = files.get(`${adapter}/${name}`);
        answer(callback, file ? null : 'Not exists', file && file.toString('base64'), 'application/octet-stream');
    });
    socket.on('subscribe', (pattern, callback) => {
        for (const one of [].concat(pattern)) {
            if (!mine.has(one)) {
                mine.add(one);
                patterns.set(one, (patterns.get(one) || 0) + 1);
                watchers.join(socket, one);
            }
        }
        answer(callback, null);
    });
    socket.on('unsubscribe', (pattern, callback) => {
        for (const one of [].concat(pattern)) {
            if (mine.delete(one)) {
                release(one);
                watchers.leave(socket, one);
            }
        }
        answer(callback, null);
    });
    socket.on('disconnect', () => {
        mine.forEach(release);
        watchers.end(socket);
    });
}

const LIBRARIES = {
    sio2(server) {
        const io = require('socket.io')(server, {
            ...{ pingInterval: 120000, pingTimeout: 30000, serveClient: false },
            maxHttpBufferSize: 100e6,
        });
        const rooms = new Rooms(io);
        io.on('connection', socket => serve(rooms, socket));
    },
    sio4(server) {
        const { Server } = require('socket.io4');
        const io = new Server(server, {
            ...{ pingInterval: 120000, pingTimeout: 30000, serveClient: false },
            maxHttpBufferSize: 100e6,
        });
        const rooms = new Rooms(io);
        io.on('connection', socket => serve(rooms, socket));
    },
    iobws(server) {
        const { SocketIO } = require('@iobroker/ws-server');
        const sockets = new Sockets();
        new SocketIO(server).on('connection', (socket, ready) => {
            serve(sockets, socket);
            ready();
        });
    },
};

function main() {
    const start = LIBRARIES[process.argv[2]];
    if (!start) {
        console.error(`usage: node server.js ${Object.keys(LIBRARIES).join('|')} [PORT]`);
        process.exit(2);
    }
    const server = http.createServer();
    start(server);
    server.listen(Number(process.argv[3] || 0), '127.0.0.1', () =>
        console.log(`ready http://127.0.0.1:${server.address().port}`),
    );
    for (const signal of ['SIGINT', 'SIGTERM']) {
        process.on(signal, () => process.exit(0));
    }
}

main();
