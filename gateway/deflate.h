/* SPDX-License-Identifier: MIT */
/* Compression of WebSocket messages in both directions (permessage-deflate, RFC 7692, no context
 * kept from one message to the next). Only what is worth it and does not hold the loop for long is
 * compressed. Thread contract: pure functions. */
#ifndef IOBUS_GATEWAY_DEFLATE_H
#define IOBUS_GATEWAY_DEFLATE_H

#include "bus/buf.h"
#include "bus/err.h"

#define DEFLATE_MIN 1024u           /* bytes; what is smaller is not compressed */
#define DEFLATE_MAX (1024u * 1024u) /* bytes; what is larger would hold up everybody else */

/* Whether something of that size is compressed. */
bool deflate_is_worth(size_t bytes);
/* Appends the payload of a compressed WebSocket message. false: it did not get smaller, or there is
 * no memory; out is as it was. */
bool deflate_message(buf_t *out, str_t payload);
/* Appends what the payload of a compressed WebSocket message stands for, never more than max bytes.
 * ERR_BAD_FRAME: it is none. ERR_TOO_LARGE, ERR_NO_MEMORY. */
err_t deflate_inflate(buf_t *out, str_t payload, size_t max) MUST_USE;

/* Whether an offer of extensions (Sec-WebSocket-Extensions of a request) has one that we take:
 * permessage-deflate that leaves our window to us. What is answered is DEFLATE_ANSWER. */
bool deflate_accepts(str_t offers);
#define DEFLATE_ANSWER "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

#endif
