/* SPDX-License-Identifier: MIT */
/* Engine.IO revision 4: packets, and the payloads in which long polling carries several of them.
 * Pure translation between bytes and packets: no sessions, no timers, no I/O.
 *
 *   WebSocket text     "4hello"                message "hello"
 *   WebSocket binary   01 02 03                message of three bytes: there is no type byte
 *   polling            "4hello" 1e "bAQID"     text only; after the b comes no type either
 *
 * An error of a decoder means that the peer does not speak the protocol: close the session.
 * Source: engine.io-protocol revision 4; wire.md 2. Thread contract: pure functions. */
#ifndef IOBUS_GATEWAY_EIO4_H
#define IOBUS_GATEWAY_EIO4_H

#include "gateway/eio_codec.h"

#define EIO4_SEPARATOR '\x1e'

/* The table (eio_codec.h); what follows are its parts. */
extern const eio_codec_t eio4_codec;

/* A text message. "bAQID" is base64 and gives a binary message, decoded to the end of `scratch`
 * (borrowed until scratch changes); everything else borrows from the message.
 * ERR_BAD_FRAME: empty, or of no known type. ERR_UTF8. ERR_NO_MEMORY. */
err_t eio4_decode_text(str_t message, buf_t *scratch, eio_packet_t *out) MUST_USE;
/* Appends the text of a packet as polling carries it: "4..." or "b...". */
void eio4_encode_text(buf_t *out, const eio_packet_t *packet);

/* Walks through the body of a POST. An empty body is an error, reported by the first next. */
void eio4_payload_init(eio_payload_t *self, str_t body, buf_t *scratch);
/* The next packet; false at the end, with *err ERR_OK, or at an error: ERR_BAD_FRAME (unknown type,
 * nothing between two separators, empty body), ERR_UTF8, ERR_NO_MEMORY. Packets before the error
 * have been delivered. */
bool eio4_payload_next(eio_payload_t *self, eio_packet_t *out, err_t *err);
/* Appends the body that carries these packets. */
void eio4_encode_payload(buf_t *out, const eio_packet_t *packets, size_t count);

#endif
