/* SPDX-License-Identifier: MIT */
/* WebSocket framing on the server's side (RFC 6455, section 5): bytes in, messages and control
 * frames out. Pure translation, no I/O. A message is put together from its fragments up to a limit,
 * grown as it comes, never by what a header promises. What ends the connection has a close code:
 * 1002 for a broken frame (unmasked, reserved bits, unknown opcode, fragment out of turn, control
 * frame too long), 1007 for text that is not UTF-8, 1009 for a message above the limit, 1011
 * without memory. Thread contract: one owner thread per decoder. */
#ifndef IOBUS_GATEWAY_WSFRAME_H
#define IOBUS_GATEWAY_WSFRAME_H

#include "bus/buf.h"

#define WSFRAME_MAX_HEAD 10 /* of a frame to a client */
#define WSFRAME_MAX_CONTROL 125

enum {
    WSFRAME_CONTINUATION = 0,
    WSFRAME_TEXT = 1,
    WSFRAME_BINARY = 2,
    WSFRAME_CLOSE = 8,
    WSFRAME_PING = 9,
    WSFRAME_PONG = 10
};

/* Writes the header of an unfragmented frame; returns its length. */
size_t wsframe_head(uint8_t head[WSFRAME_MAX_HEAD], unsigned opcode, size_t payload);
/* Says in the header of a frame that its payload is compressed (RFC 7692, 6). */
void wsframe_mark_deflated(uint8_t *head);

typedef enum {
    WSFRAME_MORE,    /* all bytes are used up */
    WSFRAME_MESSAGE, /* a whole message: payload, binary */
    WSFRAME_CONTROL, /* a control frame: opcode, payload */
    WSFRAME_FAILED   /* close_code; the decoder must not be used any more */
} wsframe_result_t;

typedef struct wsframe_decoder wsframe_decoder_t;

/* max: bytes of a message. Caller owns. */
wsframe_decoder_t *wsframe_decoder_new(size_t max);
void wsframe_decoder_destroy(wsframe_decoder_t **self_p);
/* From now on messages may be compressed; max counts the bytes that they stand for, too. */
void wsframe_decoder_allow_deflated(wsframe_decoder_t *self);

typedef struct {
    unsigned opcode;     /* of a control frame */
    bool binary;         /* of a message */
    str_t payload;       /* borrowed until the next call; may lie in the data that was fed */
    uint16_t close_code; /* of a failure */
} wsframe_t;

/* Takes the next message or control frame out of data, which is advanced (and unmasked in place).
 *     while ((result = wsframe_decode(decoder, &data, &len, &frame)) != WSFRAME_MORE) ...; */
wsframe_result_t wsframe_decode(wsframe_decoder_t *self, uint8_t **data, size_t *len,
                                wsframe_t *out);

#endif
