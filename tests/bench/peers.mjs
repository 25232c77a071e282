// SPDX-License-Identifier: MIT
// The servers of a run: how each is started, which dialect it speaks, and why it cannot take part.
//
// missing(options) gives the reason, or null. start(folder, options, data) resolves like
// startServer; `data` is a data folder of iobus with the states of the rows.
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram, freePort, startListener, startServer } from './servers.mjs';

const PEER = join(dirname(fileURLToPath(import.meta.url)), 'peer');
const NCHAN = '/usr/lib/nginx/modules/ngx_nchan_module.so';

const FANOUT = new Set(['fanout']);
const SIMPLE = new Set(['setState', 'fanout', 'connect', 'idle']);
const STORE = new Set(['setState', 'getState']);

function iobus(dialect, polling, build = options => options.build) {
    return {
        dialect,
        polling,
        missing: options =>
            build(options) && existsSync(join(build(options), 'iobus')) ? null : 'not built',
        start: (folder, options, data) =>
            startServer(join(build(options), 'iobus'), [
                ...['serve', '--data', data, '--listen', '127.0.0.1:0'],
                ...options.serveArgs,
            ]),
    };
}

function node(library, folder, dialect, polling) {
    return {
        dialect,
        polling,
        missing: () =>
            existsSync(join(PEER, 'node_modules', folder)) ? null : 'npm ci has not been run',
        start: () => startServer(process.execPath, [join(PEER, 'server.js'), library]),
    };
}

async function startMosquitto(folder) {
    const port = await freePort();
    const file = join(folder, 'mosquitto.conf');
    const lines = [
        `listener ${await freePort()} 127.0.0.1`, // without a plain one 2.0.11 does not start
        `listener ${port} 127.0.0.1`,
        'protocol websockets',
        'allow_anonymous true',
        'set_tcp_nodelay true',
        'max_queued_messages 0',
        'log_type error',
    ];
    await writeFile(file, `${lines.join('\n')}\n`);
    return startListener(findProgram('mosquitto'), ['-c', file], port);
}

async function startNchan(folder) {
    const port = await freePort();
    const home = join(folder, 'nginx');
    await mkdir(home, { recursive: true });
    const channel = 'nchan_channel_id fan; nchan_message_buffer_length 100000;';
    const text = `load_module ${NCHAN};
daemon off; worker_processes 1; pid ${home}/pid; error_log stderr error; user root;
events { worker_connections 16384; }
http {
    access_log off;
    client_body_temp_path ${home}; proxy_temp_path ${home}; fastcgi_temp_path ${home};
    uwsgi_temp_path ${home}; scgi_temp_path ${home};
    server {
        listen 127.0.0.1:${port};
        location = /sub { nchan_subscriber websocket; ${channel}
                          nchan_subscriber_first_message newest; }
        location = /pub { nchan_publisher websocket; ${channel} }
    }
}
`;
    await writeFile(join(home, 'nginx.conf'), text);
    const args = ['-c', join(home, 'nginx.conf'), '-p', home];
    return startListener(findProgram('nginx'), args, port);
}

async function startRedis(folder) {
    const port = await freePort();
    // As iobus by default: what is acknowledged is in the log, synced once a second.
    const log = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''];
    const args = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, ...log];
    return startListener(findProgram('redis-server'), args, port);
}

const installed = name => () => (findProgram(name) ? null : `${name} is not installed`);

export const SERVERS = {
    iobus: { title: 'iobus', ...iobus('sio2', 'poll2') },
    'iobus-sio5': { title: 'iobus, socket.io 4', ...iobus('sio5', 'poll5') },
    'iobus-iobws': { title: 'iobus, plain WebSocket', ...iobus('iobws', null) },
    against: { title: 'other build', ...iobus('sio2', 'poll2', options => options.against) },
    sio2: { title: 'socket.io 2.5.1', ...node('sio2', 'socket.io', 'sio2', 'poll2') },
    sio4: { title: 'socket.io 4.8', ...node('sio4', 'socket.io4', 'sio5', 'poll5') },
    iobws: { title: 'ws-server', ...node('iobws', '@iobroker/ws-server', 'iobws', null) },
    floor: {
        title: 'floor: lws, constant answers',
        dialect: 'sio2',
        modes: SIMPLE,
        args: ['--no-verify'],
        missing: options => (existsSync(join(options.build, 'iobus-floor')) ? null : 'not built'),
        start: (folder, options) => startServer(join(options.build, 'iobus-floor'), []),
    },
    mosquitto: {
        title: 'mosquitto',
        dialect: 'mqtt',
        modes: FANOUT,
        missing: installed('mosquitto'),
        start: startMosquitto,
    },
    nchan: {
        title: 'nchan',
        dialect: 'nchan',
        modes: FANOUT,
        missing: () => (existsSync(NCHAN) ? null : 'libnginx-mod-nchan is not installed'),
        start: startNchan,
    },
    redis: {
        title: 'Redis',
        dialect: 'resp',
        modes: STORE,
        missing: installed('redis-server'),
        start: startRedis,
    },
};

// The arguments with which iobus-bench measures a row on a server; null when it cannot.
export function argumentsOf(row, server) {
    const { dialect, polling, modes, args = [] } = SERVERS[server];
    const mode = row.args[row.args.indexOf('--mode') + 1];
    if ((modes && !modes.has(mode)) || (row.polling && !polling)) {
        return null;
    }
    // Long polling is measured on who receives; who writes stays on a WebSocket.
    const spoken = row.polling
        ? ['--dialect', polling, '--writer-dialect', dialect]
        : ['--dialect', dialect];
    return [...spoken, ...row.args, ...args];
}
