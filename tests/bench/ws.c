/* SPDX-License-Identifier: MIT */
#include "tests/bench/ws.h"

#include <stdio.h>
#include <string.h>

/* The sample key of RFC 6455 and the answer that belongs to it, which saves a SHA-1. */
static const char KEY[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

enum {
    FRAME_TEXT = 1,
    FRAME_BINARY = 2,
    FRAME_CLOSE = 8,
    FRAME_PING = 9,
    FRAME_PONG = 10,
    FRAME_HEADER_MAX = 14,
};

typedef struct frame {
    unsigned opcode;
    bool final;
    const char *data;
    size_t size;
} frame_t;

size_t ws_request(char *text, size_t room, const char *host_port, const char *path,
                  const char *protocol)
{
    int size =
        snprintf(text, room,
                 "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s%s%s\r\n",
                 path, host_port, KEY, protocol ? "Sec-WebSocket-Protocol: " : "",
                 protocol ? protocol : "", protocol ? "\r\n" : "");
    return size > 0 && (size_t)size < room ? (size_t)size : 0;
}

/* --- sending --------------------------------------------------------------------------------- */

static uint32_t next_mask(ws_t *self)
{
    self->mask ^= self->mask << 13;
    self->mask ^= self->mask >> 17;
    self->mask ^= self->mask << 5;
    return self->mask;
}

static size_t put_header(char *at, unsigned opcode, size_t size)
{
    unsigned char *header = (unsigned char *)at;
    size_t used = 2;
    header[0] = (unsigned char)(0x80 | opcode);
    if (size < 126) {
        header[1] = (unsigned char)(0x80 | size);
        return used;
    }
    unsigned bytes = size <= 0xffff ? 2 : 8;
    header[1] = bytes == 2 ? 0xfe : 0xff;
    while (bytes-- > 0)
        header[used++] = (unsigned char)((uint64_t)size >> (8 * bytes));
    return used;
}

static void put_frame(ws_t *self, unsigned opcode, const char *data, size_t size)
{
    char *begin = wire_room(&self->wire, size + FRAME_HEADER_MAX);
    char *at = begin + put_header(begin, opcode, size);
    char mask[4];
    uint32_t key = next_mask(self);
    memcpy(mask, &key, sizeof mask);
    memcpy(at, mask, sizeof mask);
    at += sizeof mask;
    for (size_t i = 0; i < size; i++)
        at[i] = (char)(data[i] ^ mask[i & 3]);
    wire_wrote(&self->wire, (size_t)(at - begin) + size);
}

void ws_send(ws_t *self, const char *data, size_t size)
{
    put_frame(self, self->binary ? FRAME_BINARY : FRAME_TEXT, data, size);
}

void ws_goodbye(ws_t *self)
{
    static const char normal[] = {0x03, (char)0xe8};
    put_frame(self, FRAME_CLOSE, normal, sizeof normal);
    self->wire.stage = WIRE_ENDING;
}

/* --- receiving ------------------------------------------------------------------------------- */

/* Checks the answer to the upgrade. Returns its length, 0 while it is incomplete, -1 if refused. */
static ssize_t take_upgrade(ws_t *self, const char *data, size_t size)
{
    const char *end = memmem(data, size, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - data) + 4;
    if (head < 12 || memcmp(data + 8, " 101", 4) != 0)
        return wire_fail(&self->wire, "the server refused the WebSocket upgrade");
    if (!memmem(data, head, ACCEPT, sizeof ACCEPT - 1))
        return wire_fail(&self->wire, "wrong Sec-WebSocket-Accept");
    self->upgraded = true;
    if (self->on_message(self->owner, NULL, 0) != 0)
        return -1;
    return (ssize_t)head;
}

/* Reads one frame. Returns its length, 0 while it is incomplete, -1 if it is none. */
static ssize_t parse_frame(ws_t *self, const char *data, size_t size, frame_t *frame)
{
    const unsigned char *at = (const unsigned char *)data;
    if (size < 2)
        return 0;
    if (at[0] & 0x70 || at[1] & 0x80)
        return wire_fail(&self->wire, "the server sent a frame with reserved bits or a mask");
    frame->final = (at[0] & 0x80) != 0;
    frame->opcode = at[0] & 0x0f;
    uint64_t length = at[1];
    size_t header = 2;
    if (length >= 126) {
        header += length == 126 ? 2 : 8;
        if (size < header)
            return 0;
        length = 0;
        for (size_t i = 2; i < header; i++)
            length = length << 8 | at[i];
    }
    if (length > WIRE_MESSAGE_MAX - FRAME_HEADER_MAX)
        return wire_fail(&self->wire, "the server sent a message that is too large");
    if (size - header < length)
        return 0;
    frame->data = data + header;
    frame->size = (size_t)length;
    return (ssize_t)(header + frame->size);
}

static int take_frame(ws_t *self, const frame_t *frame)
{
    if (!frame->final)
        return wire_fail(&self->wire, "the server sent a fragmented message");
    if (self->wire.stage == WIRE_ENDING)
        return 0;
    switch (frame->opcode) {
    case FRAME_TEXT:
    case FRAME_BINARY:
        if (self->binary != (frame->opcode == FRAME_BINARY))
            return wire_fail(&self->wire, "the server sent a frame of an unexpected kind");
        return self->on_message(self->owner, frame->data, frame->size);
    case FRAME_PING:
        put_frame(self, FRAME_PONG, frame->data, frame->size);
        return wire_flush(&self->wire);
    case FRAME_PONG:
        return 0;
    case FRAME_CLOSE:
        return wire_fail(&self->wire, "the server closed the WebSocket");
    default:
        return wire_fail(&self->wire, "the server sent a frame of an unexpected kind");
    }
}

/* Takes one thing from the front. Returns its length, 0 while it is incomplete, -1 on failure. */
static ssize_t take_one(ws_t *self, const char *data, size_t size)
{
    if (!self->upgraded)
        return take_upgrade(self, data, size);
    frame_t frame = {0};
    ssize_t length = parse_frame(self, data, size, &frame);
    if (length > 0 && take_frame(self, &frame) != 0)
        return -1;
    return length;
}

static ssize_t take(wire_t *wire, const char *data, size_t size)
{
    ws_t *self = wire->user;
    size_t used = 0;
    while (used < size) {
        ssize_t length = take_one(self, data + used, size - used);
        if (length < 0)
            return -1;
        if (length == 0)
            break;
        used += (size_t)length;
    }
    return (ssize_t)used;
}

/* --- begin and end --------------------------------------------------------------------------- */

void ws_init(ws_t *self, wire_net_t *net, void *owner, ws_message_fn *on_message)
{
    *self = (ws_t){.owner = owner, .on_message = on_message};
    wire_init(&self->wire, net, take, self, owner);
    self->mask = (uint32_t)(uintptr_t)self | 1;
}

void ws_fini(ws_t *self)
{
    wire_fini(&self->wire);
}

int ws_open(ws_t *self)
{
    self->upgraded = false;
    if (wire_open(&self->wire) != 0)
        return -1;
    memcpy(wire_room(&self->wire, self->request_size), self->request, self->request_size);
    wire_wrote(&self->wire, self->request_size);
    return 0;
}
