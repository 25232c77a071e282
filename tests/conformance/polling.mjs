// SPDX-License-Identifier: MIT
// HTTP requests to the server under test, and the payloads of Engine.IO 3's long polling.
import http from 'node:http';

// A packet or frame that consists of a type, an optional namespace and id, and JSON is shown in
// two parts; a message of ioBroker's dialect, which is JSON as a whole, in one.
const PACKET = /^(\d+-?(?:\/[^,]*,)?\d*)([[{"].*)$/s;

function parsed(text) {
    try {
        return { json: JSON.parse(text) };
    } catch {
        return null;
    }
}

export function showText(text) {
    const [, pkt, json] = PACKET.exec(text) ?? [];
    const packet = pkt === undefined ? null : parsed(json);
    if (packet) {
        return { pkt, ...packet };
    }
    return (text.startsWith('[') && parsed(text)) || { txt: text };
}

export const encodePayload = packets =>
    packets.map(packet => `${packet.length}:${packet}`).join('');

// The packets of a payload in text form, or null when it is none. Lengths count UTF-16 units, which
// is what String.length counts too.
function decodeText(text) {
    const packets = [];
    for (let rest = text; rest !== '';) {
        const head = /^(\d+):/.exec(rest);
        const start = head?.[0].length;
        if (!head || rest.length < start + Number(head[1])) {
            return null;
        }
        const packet = rest.slice(start, start + Number(head[1]));
        packets.push(packet.startsWith('b4') ? { b64: packet.slice(2) } : showText(packet));
        rest = rest.slice(start + Number(head[1]));
    }
    return packets.length ? packets : null;
}

// The same for the binary form: <00|01> <digits as bytes 0 to 9> <ff> <bytes>.
function decodeBinary(bytes) {
    const packets = [];
    for (let i = 0; i < bytes.length;) {
        const end = bytes.indexOf(0xff, i + 1);
        const size = Number([...bytes.subarray(i + 1, end)].join(''));
        if (bytes[i] > 1 || end < 0 || !(size >= 0) || end + size >= bytes.length) {
            return null;
        }
        const packet = bytes.subarray(end + 1, end + 1 + size);
        packets.push(bytes[i] === 0 ? showText(packet.toString())
            : { bin: packet.toString('hex') });
        i = end + 1 + size;
    }
    return packets.length ? packets : null;
}

// {framing, packets} or, when the body is no payload, {body}.
export function decodePayload(bytes, type = '') {
    if (type.startsWith('application/octet-stream')) {
        const packets = decodeBinary(bytes);
        return packets ? { framing: 'binary', packets } : { body: bytes.toString('hex') };
    }
    const text = bytes.toString();
    const jsonp = /^___eio\[(\d+)\]\((".*")\);$/s.exec(text);
    const packets = decodeText(jsonp ? JSON.parse(jsonp[2]) : text);
    if (packets) {
        return { framing: jsonp ? `jsonp ${jsonp[1]}` : 'text', packets };
    }
    return { body: type.startsWith('application/json') ? parsed(text)?.json ?? text : text };
}

// Resolves to {status, headers, bytes}, {held: true} when there is no answer in `ms`, or
// {status: 0} when the connection was cut.
export function request({ host, port }, { method = 'GET', path, headers = {}, body }, ms = 3000) {
    return new Promise(resolve => {
        const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
        const outgoing = http.request({
            host, port, method, path, agent: false, headers: { ...length, ...headers },
        });
        const finish = result => {
            clearTimeout(timer);
            resolve(result);
            outgoing.destroy();
        };
        const timer = setTimeout(finish, ms, { held: true });
        outgoing.on('response', incoming => {
            const parts = [];
            incoming.on('data', part => parts.push(part));
            incoming.on('error', () => finish({ status: 0 }));
            incoming.on('end', () => finish({
                status: incoming.statusCode, headers: incoming.headers, bytes: Buffer.concat(parts),
            }));
        });
        outgoing.on('error', () => finish({ status: 0 }));
        outgoing.end(body);
    });
}

// The headers that a step looks at; one that is not there is null.
export function keptHeaders(headers, keep = ['content-type']) {
    return Object.fromEntries(keep.map(name => [name, headers[name] ?? null]));
}
