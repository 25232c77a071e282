/* SPDX-License-Identifier: MIT */
#include "gateway/wsframe.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bus/json.h"
#include "gateway/deflate.h"

#define CLOSE_PROTOCOL 1002
#define CLOSE_UTF8 1007
#define CLOSE_TOO_BIG 1009
#define CLOSE_NO_MEMORY 1011

#define CLIENT_MAX_HEAD 14 /* 2, length 8, mask 4 */
#define COMPRESSED 0x40u   /* RSV1 in the first byte of a frame */

struct wsframe_decoder {
    size_t max;
    uint8_t head[CLIENT_MAX_HEAD];
    size_t head_len; /* bytes of the header that have come */
    bool in_payload; /* the header is complete */
    unsigned opcode; /* of the frame under way */
    bool fin;
    uint64_t left; /* payload bytes of the frame that are still to come */
    uint8_t mask[4];
    size_t mask_at;   /* payload bytes unmasked so far */
    unsigned message; /* opcode of the message whose fragments are collected; 0 none */
    buf_t collected;
    bool may_deflate; /* the peers have agreed on it */
    bool deflated;    /* the message is */
    buf_t inflated;
    uint8_t control[WSFRAME_MAX_CONTROL];
    size_t control_len;
};

size_t wsframe_head(uint8_t head[WSFRAME_MAX_HEAD], unsigned opcode, size_t payload)
{
    head[0] = (uint8_t)(0x80u | opcode);
    if (payload < 126) {
        head[1] = (uint8_t)payload;
        return 2;
    }
    size_t bytes = payload < 65536 ? 2 : 8;
    head[1] = bytes == 2 ? 126 : 127;
    for (size_t i = 0; i < bytes; i++)
        head[2 + i] = (uint8_t)((uint64_t)payload >> (8 * (bytes - 1 - i)));
    return 2 + bytes;
}

void wsframe_mark_deflated(uint8_t *head)
{
    head[0] |= COMPRESSED;
}

wsframe_decoder_t *wsframe_decoder_new(size_t max)
{
    wsframe_decoder_t *self = calloc(1, sizeof *self);
    assert(self);
    self->max = max;
    return self;
}

void wsframe_decoder_destroy(wsframe_decoder_t **self_p)
{
    if (!*self_p)
        return;
    buf_fini(&(*self_p)->collected);
    buf_fini(&(*self_p)->inflated);
    free(*self_p);
    *self_p = NULL;
}

void wsframe_decoder_allow_deflated(wsframe_decoder_t *self)
{
    self->may_deflate = true;
}

/* --- header ---------------------------------------------------------------------------------- */

static size_t length_bytes(uint8_t second)
{
    unsigned length = second & 0x7f;
    return length == 126 ? 2 : length == 127 ? 8 : 0;
}

static size_t head_needed(const wsframe_decoder_t *self)
{
    return self->head_len < 2 ? 2 : 6 + length_bytes(self->head[1]);
}

/* The first two bytes decide whether the frame is allowed at all. */
static uint16_t check_start(const wsframe_decoder_t *self)
{
    unsigned opcode = self->head[0] & 0x0f;
    bool control = opcode & 8, fin = self->head[0] & 0x80;
    unsigned reserved = self->head[0] & 0x70;
    /* The first frame of a message says whether the message is compressed. */
    if (self->may_deflate && (opcode == WSFRAME_TEXT || opcode == WSFRAME_BINARY))
        reserved &= ~COMPRESSED;
    if (reserved || !(self->head[1] & 0x80))
        return CLOSE_PROTOCOL;
    if (control)
        return opcode > WSFRAME_PONG || !fin || length_bytes(self->head[1]) ? CLOSE_PROTOCOL : 0;
    if (opcode > WSFRAME_BINARY)
        return CLOSE_PROTOCOL;
    return (opcode == WSFRAME_CONTINUATION) != (self->message != 0) ? CLOSE_PROTOCOL : 0;
}

static uint16_t start_payload(wsframe_decoder_t *self)
{
    size_t bytes = length_bytes(self->head[1]);
    uint64_t length = self->head[1] & 0x7f;
    if (bytes > 0)
        length = 0;
    for (size_t i = 0; i < bytes; i++)
        length = length << 8 | self->head[2 + i];
    self->opcode = self->head[0] & 0x0f;
    self->fin = self->head[0] & 0x80;
    self->left = length;
    memcpy(self->mask, self->head + 2 + bytes, 4);
    self->mask_at = 0;
    self->head_len = 0;
    self->in_payload = true;
    self->control_len = 0;
    if (self->opcode & 8)
        return 0;
    if (length > self->max || self->collected.len > self->max - length)
        return CLOSE_TOO_BIG;
    if (self->opcode != WSFRAME_CONTINUATION) {
        self->message = self->opcode;
        self->deflated = self->head[0] & COMPRESSED;
    }
    return 0;
}

/* Collects the header; the close code when it is bad. */
static uint16_t take_head(wsframe_decoder_t *self, uint8_t **data, size_t *len)
{
    while (*len > 0 && !self->in_payload) {
        self->head[self->head_len++] = *(*data)++;
        (*len)--;
        uint16_t code = self->head_len == 2 ? check_start(self) : 0;
        if (code == 0 && self->head_len >= 2 && self->head_len == head_needed(self))
            code = start_payload(self);
        if (code != 0)
            return code;
    }
    return 0;
}

/* --- payload --------------------------------------------------------------------------------- */

static void unmask(wsframe_decoder_t *self, uint8_t *data, size_t len)
{
    uint8_t turned[8];
    for (size_t i = 0; i < 8; i++)
        turned[i] = self->mask[(self->mask_at + i) & 3];
    uint64_t key;
    memcpy(&key, turned, 8);
    size_t at = 0;
    for (; at + 8 <= len; at += 8) {
        uint64_t word;
        memcpy(&word, data + at, 8);
        word ^= key;
        memcpy(data + at, &word, 8);
    }
    for (size_t i = 0; at + i < len; i++)
        data[at + i] ^= turned[i];
    self->mask_at += len;
}

static wsframe_result_t fail(wsframe_t *out, uint16_t code)
{
    out->close_code = code;
    return WSFRAME_FAILED;
}

static uint16_t inflate_message(wsframe_decoder_t *self, str_t *payload)
{
    err_t err = deflate_inflate(&self->inflated, *payload, self->max);
    *payload = buf_str(&self->inflated);
    if (err == ERR_NO_MEMORY)
        return CLOSE_NO_MEMORY;
    return err == ERR_OK ? 0 : err == ERR_TOO_LARGE ? CLOSE_TOO_BIG : CLOSE_UTF8;
}

static wsframe_result_t finish_message(wsframe_decoder_t *self, str_t payload, wsframe_t *out)
{
    uint16_t code = self->deflated ? inflate_message(self, &payload) : 0;
    if (code != 0)
        return fail(out, code);
    out->binary = self->message == WSFRAME_BINARY;
    out->payload = payload;
    self->message = 0;
    if (!out->binary && !json_utf8_valid(payload))
        return fail(out, CLOSE_UTF8);
    return WSFRAME_MESSAGE;
}

/* piece: unmasked payload that has just come. A message that lies whole in one piece is not copied.
 */
static wsframe_result_t take_message(wsframe_decoder_t *self, str_t piece, wsframe_t *out)
{
    bool last = self->left == 0 && self->fin;
    if (last && self->collected.len == 0)
        return finish_message(self, piece, out);
    buf_append_str(&self->collected, piece);
    if (self->collected.failed)
        return fail(out, CLOSE_NO_MEMORY);
    return last ? finish_message(self, buf_str(&self->collected), out) : WSFRAME_MORE;
}

static wsframe_result_t take_control(wsframe_decoder_t *self, str_t piece, wsframe_t *out)
{
    assert(piece.len <= sizeof self->control - self->control_len);
    if (piece.len)
        memcpy(self->control + self->control_len, piece.p, piece.len);
    self->control_len += piece.len;
    if (self->left > 0)
        return WSFRAME_MORE;
    out->opcode = self->opcode;
    out->payload = (str_t){(char *)self->control, self->control_len};
    return WSFRAME_CONTROL;
}

static wsframe_result_t take_payload(wsframe_decoder_t *self, uint8_t **data, size_t *len,
                                     wsframe_t *out)
{
    size_t n = self->left < *len ? (size_t)self->left : *len;
    str_t piece = {(char *)*data, n};
    unmask(self, *data, n);
    *data += n;
    *len -= n;
    self->left -= n;
    if (self->left == 0)
        self->in_payload = false;
    return self->opcode & 8 ? take_control(self, piece, out) : take_message(self, piece, out);
}

wsframe_result_t wsframe_decode(wsframe_decoder_t *self, uint8_t **data, size_t *len,
                                wsframe_t *out)
{
    *out = (wsframe_t){0};
    if (self->message == 0) {
        buf_reset(&self->collected);
        buf_reset(&self->inflated);
    }
    for (;;) {
        uint16_t code = take_head(self, data, len);
        if (code != 0)
            return fail(out, code);
        if (!self->in_payload || (*len == 0 && self->left > 0))
            return WSFRAME_MORE;
        wsframe_result_t result = take_payload(self, data, len, out);
        if (result != WSFRAME_MORE)
            return result;
    }
}
