// SPDX-License-Identifier: MIT
// A WebSocket client that does exactly what it is told. The usual libraries refuse to send what
// some vectors need (unmasked frames, reserved bits, broken UTF-8), and hide pongs and close codes.
import crypto from 'node:crypto';
import net from 'node:net';
import { Recorder, within } from './recorder.mjs';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const OP = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

// One frame as bytes. `rsv` holds the three reserved bits (4 is RSV1).
export function encodeFrame({ op = OP.text, payload, fin = true, rsv = 0, mask = true }) {
    const size = payload.length;
    const short = size < 126 ? size : size < 65536 ? 126 : 127;
    const head = [(fin ? 0x80 : 0) | (rsv << 4) | op, (mask ? 0x80 : 0) | short];
    const length = Buffer.alloc(short === 126 ? 2 : short === 127 ? 8 : 0);
    if (short === 126) {
        length.writeUInt16BE(size);
    } else if (short === 127) {
        length.writeBigUInt64BE(BigInt(size));
    }
    if (!mask) {
        return Buffer.concat([Buffer.from(head), length, payload]);
    }
    const key = crypto.randomBytes(4);
    const masked = Buffer.from(payload);
    for (let i = 0; i < size; i++) {
        masked[i] ^= key[i & 3];
    }
    return Buffer.concat([Buffer.from(head), length, key, masked]);
}

// The bytes of a frame as a vector describes it.
export function describedFrame(frame) {
    if (typeof frame === 'string') {
        return encodeFrame({ payload: Buffer.from(frame) });
    }
    if (frame.bytes !== undefined) {
        return Buffer.from(frame.bytes, 'hex');
    }
    if (frame.bin !== undefined) {
        return encodeFrame({ ...frame, op: OP.binary, payload: Buffer.from(frame.bin, 'hex') });
    }
    if (frame.repeat !== undefined) {
        const [text, times] = frame.repeat;
        return encodeFrame({ payload: Buffer.from(text.repeat(times)) });
    }
    const payload = frame.hex === undefined
        ? Buffer.from(frame.txt ?? '')
        : Buffer.from(frame.hex, 'hex');
    return encodeFrame({ ...frame, payload });
}

// Splits received bytes into messages; `emit(kind, bytes)` gets each one.
class FrameReader {
    constructor(emit) {
        this.emit = emit;
        this.bytes = Buffer.alloc(0);
        this.parts = [];
        this.kind = null;
    }

    add(bytes) {
        this.bytes = this.bytes.length ? Buffer.concat([this.bytes, bytes]) : bytes;
        for (let frame = this.next(); frame; frame = this.next()) {
            this.handle(frame);
        }
    }

    // The next whole frame, or null. Servers do not mask, so there is no key to look for.
    next() {
        const { bytes } = this;
        if (bytes.length < 2) {
            return null;
        }
        const short = bytes[1] & 0x7f;
        const start = short === 126 ? 4 : short === 127 ? 10 : 2;
        if (bytes.length < start) {
            return null;
        }
        const size = short === 126 ? bytes.readUInt16BE(2)
            : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
        if (bytes.length < start + size) {
            return null;
        }
        this.bytes = bytes.subarray(start + size);
        const payload = bytes.subarray(start, start + size);
        return { fin: (bytes[0] & 0x80) !== 0, op: bytes[0] & 0x0f, payload };
    }

    handle({ fin, op, payload }) {
        if (op >= OP.close) {
            this.emit(op === OP.close ? 'close' : op === OP.ping ? 'ping' : 'pong', payload);
            return;
        }
        if (op !== OP.more) {
            this.kind = op === OP.text ? 'text' : 'binary';
        }
        this.parts.push(payload);
        if (fin) {
            this.emit(this.kind, Buffer.concat(this.parts));
            this.parts = [];
        }
    }
}

// What a client shows of the server's answer to its handshake.
function handshakeResult({ status, headers, body }, key) {
    if (status !== 101) {
        return { status, type: (headers['content-type'] ?? '').toLowerCase(), body };
    }
    const accept = crypto.createHash('sha1').update(key + GUID).digest('base64');
    const result = { status, acceptOk: headers['sec-websocket-accept'] === accept };
    for (const name of ['sec-websocket-protocol', 'sec-websocket-extensions']) {
        if (headers[name] !== undefined) {
            result[name] = headers[name];
        }
    }
    return result;
}

function parseHead(text) {
    const [first, ...lines] = text.split('\r\n');
    const headers = {};
    for (const line of lines) {
        const colon = line.indexOf(':');
        headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
    }
    return { status: Number(first.split(' ')[1]), headers };
}

export class RawWebSocket {
    // `received` holds {text}, {binary}, {pong} (bytes) and at last {closed, code}.
    constructor() {
        this.received = new Recorder();
        this.open = false;
        this.ended = false;
        this.head = Buffer.alloc(0);
        this.answer = null;
        this.reader = new FrameReader((kind, bytes) => this.onMessage(kind, bytes));
    }

    // Sends the handshake and resolves to its result; `status: 0` when there was no answer.
    connect({ host, port }, path, headers = {}, ms = 5000) {
        this.key = crypto.randomBytes(16).toString('base64');
        const lines = {
            Host: `${host}:${port}`, Upgrade: 'websocket', Connection: 'Upgrade',
            'Sec-WebSocket-Key': this.key, 'Sec-WebSocket-Version': '13', ...headers,
        };
        const text = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`).join('');
        this.socket = net.connect(port, host);
        this.socket.setNoDelay(true);
        this.socket.on('connect', () => this.socket.write(`GET ${path} HTTP/1.1\r\n${text}\r\n`));
        const result = new Promise(resolve => {
            this.resolve = resolve;
        });
        this.socket.on('data', bytes => (this.open ? this.reader.add(bytes) : this.onHead(bytes)));
        this.socket.on('error', () => {});
        this.socket.on('close', () => this.onEnd());
        return within(result, ms, { status: 0 });
    }

    onHead(bytes) {
        this.head = Buffer.concat([this.head, bytes]);
        const end = this.head.indexOf('\r\n\r\n');
        if (end < 0) {
            return;
        }
        this.answer ??= parseHead(this.head.toString('latin1', 0, end));
        const rest = this.head.subarray(end + 4);
        if (this.answer.status === 101) {
            this.open = true;
            this.resolve(handshakeResult(this.answer, this.key));
            this.reader.add(rest);
        } else if (rest.length >= Number(this.answer.headers['content-length'] ?? Infinity)) {
            this.refused(rest);
        }
    }

    refused(body) {
        this.resolve(handshakeResult({ ...this.answer, body: body.toString() }, this.key));
        this.close();
    }

    onEnd() {
        if (!this.open) {
            const end = this.head.indexOf('\r\n\r\n');
            this.answer ? this.refused(this.head.subarray(end + 4)) : this.resolve({ status: 0 });
        }
        this.closed();
    }

    closed(code) {
        if (!this.ended) {
            this.ended = true;
            this.received.push(code === undefined ? { closed: true } : { closed: true, code });
        }
    }

    onMessage(kind, bytes) {
        if (kind === 'ping') {
            this.write(encodeFrame({ op: OP.pong, payload: bytes }));
        } else if (kind === 'close') {
            this.closed(bytes.length >= 2 ? bytes.readUInt16BE(0) : undefined);
            this.write(encodeFrame({ op: OP.close, payload: bytes }));
            this.socket.end();
        } else {
            this.received.push({ [kind]: kind === 'text' ? bytes.toString() : bytes });
        }
    }

    write(bytes) {
        if (this.socket.writable) {
            this.socket.write(bytes);
        }
    }

    sendText(text) {
        this.write(encodeFrame({ payload: Buffer.from(text) }));
    }

    // Cuts the connection, as a client does whose machine goes away.
    close() {
        this.socket.destroy();
    }
}
