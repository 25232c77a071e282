// SPDX-License-Identifier: MIT
// Part of iobus.js: files as texts and bytes.

export const TEXT_TYPES = /^(text\/|application\/(json|javascript|json5)|image\/svg)/;
export const JSON_TYPES = /^application\/json5?(;|$)/;

export function toBase64(bytes) {
    let text = '';
    for (let i = 0; i < bytes.length; i += 0x8000) {
        text += String.fromCharCode.apply(null, bytes.subarray(i, i + 0x8000));
    }
    return btoa(text);
}

export function fromBase64(text) {
    const raw = atob(text);
    const bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) {
        bytes[i] = raw.charCodeAt(i);
    }
    return bytes;
}

// Uint8Array of a string, buffer, view or Blob.
export async function toBytes(data) {
    if (typeof data === 'string') {
        return new TextEncoder().encode(data);
    }
    if (ArrayBuffer.isView(data)) {
        return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    }
    const isBlob = typeof Blob !== 'undefined' && data instanceof Blob;
    return new Uint8Array(isBlob ? await new Response(data).arrayBuffer() : data);
}

// The dialect has no bytes: a buffer comes as {type: 'Buffer', data: [1, 2]}.
export function revive(value) {
    return value && value.type === 'Buffer' && Array.isArray(value.data) ? Uint8Array.from(value.data) : value;
}

// readFile64 percent-encodes JSON before base64; nothing else.
export function decodeText(bytes, mimeType) {
    const text = new TextDecoder().decode(bytes);
    if (!JSON_TYPES.test(mimeType)) {
        return text;
    }
    try {
        return decodeURIComponent(text);
    } catch (e) {
        return text;
    }
}
