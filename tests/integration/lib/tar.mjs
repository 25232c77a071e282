// SPDX-License-Identifier: MIT
// Small tar archives for tests, also such as no honest program writes.
import zlib from 'node:zlib';

const TYPES = { file: '0', hardlink: '1', symlink: '2', device: '3', folder: '5', pax: 'x' };

function header(name, size, type, link) {
    const block = Buffer.alloc(512);
    block.write(name, 0, 100);
    block.write('0000644\0', 100);
    block.write('0000000\0', 108);
    block.write('0000000\0', 116);
    block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
    block.write('00000000000\0', 136);
    block.write('        ', 148);
    block.write(type, 156);
    block.write(link, 157, 100);
    block.write('ustar\u000000', 257);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return block;
}

function padded(bytes) {
    return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

// entries: [name, content, type, link]; names longer than 100 bytes or with other letters than ASCII go
// into a pax header.
export function makeTar(entries) {
    const blocks = [];
    for (const [name, content = '', type = 'file', link = ''] of entries) {
        const bytes = Buffer.from(content);
        if (Buffer.byteLength(name) > 100 || /[^\x00-\x7f]/.test(name)) {
            const record = ` path=${name}\n`;
            let length = Buffer.byteLength(record) + 2;
            length = Buffer.byteLength(record) + String(length).length;
            const pax = Buffer.from(`${length}${record}`);
            blocks.push(header('pax', pax.length, TYPES.pax, ''), padded(pax));
        }
        const size = type === 'file' ? bytes.length : 0;
        blocks.push(header(name, size, TYPES[type], link), padded(bytes.subarray(0, size)));
    }
    blocks.push(Buffer.alloc(1024));
    return Buffer.concat(blocks);
}

export function makeTarGz(entries) {
    return zlib.gzipSync(makeTar(entries));
}

// name -> content of the files in an archive (ustar with pax paths).
export function readTarGz(bytes) {
    const tar = zlib.gunzipSync(bytes);
    const files = new Map();
    const text = (from, length) => tar.toString('utf8', from, from + length).replace(/\0.*$/s, '');
    let pax = null;
    for (let at = 0; at < tar.length && tar[at] !== 0;) {
        const size = parseInt(text(at + 124, 12), 8);
        const type = text(at + 156, 1);
        const content = tar.subarray(at + 512, at + 512 + size);
        const prefix = text(at + 345, 155);
        const name = pax ?? (prefix ? `${prefix}/` : '') + text(at, 100);
        pax = type === 'x' ? /\d+ path=(.*)\n/.exec(content.toString())?.[1] ?? null : null;
        if (type === '0') {
            files.set(name, content);
        }
        at += 512 + Math.ceil(size / 512) * 512;
    }
    return files;
}

export function jsonLines(bytes) {
    return bytes.toString().split('\n').filter(Boolean).map(line => JSON.parse(line));
}
