/* SPDX-License-Identifier: MIT */
/* One message to clients, encoded and framed once and shared by reference: an event for a thousand
 * clients is one frame in a thousand outboxes. A frame is immutable; its bytes go when the last
 * reference is put down. The WebSocket header (RFC 6455, 5.2) lies directly in front of the
 * payload, so that a WebSocket writes `wire` as it is and polling takes `payload`.
 *
 *     buf_t buf = {0};
 *     frame_room(&buf);                          // space for the header
 *     sio4_put_event(&buf, ...);
 *     frame_t *frame = frame_take(FRAME_TEXT, &buf, STR_LIT("a.b"));
 *
 * Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_FRAME_H
#define IOBUS_GATEWAY_FRAME_H

#include "bus/buf.h"

typedef enum {
    FRAME_TEXT,   /* WebSocket text message */
    FRAME_BINARY, /* WebSocket binary message */
    FRAME_RAW     /* bytes without WebSocket framing: HTTP */
} frame_kind_t;

typedef struct frame frame_t;

/* Appends room for the header to an empty buffer. */
void frame_room(buf_t *buf);
/* Makes a frame of what stands behind the room. The buffer is empty afterwards; large contents are
 * taken over without a copy. key: id whose newest value makes this frame superfluous ("" none;
 * copied). NULL: no memory (also when buf->failed). One reference, caller owns. */
frame_t *frame_take(frame_kind_t kind, buf_t *buf, str_t key);
/* The same from bytes, which are copied. */
frame_t *frame_new(frame_kind_t kind, str_t payload);
frame_t *frame_ref(frame_t *self);
void frame_put(frame_t **self_p); /* puts a reference down */

/* The compressed form of a message, for WebSockets that have agreed on it: made once, however many
 * clients get the message, and NULL when it is not worth it. Borrowed from the frame. */
frame_t *frame_deflated(frame_t *self);

frame_kind_t frame_kind(const frame_t *self);
str_t frame_wire(const frame_t *self); /* header and payload; payload only when FRAME_RAW */
str_t frame_payload(const frame_t *self);
str_t frame_key(const frame_t *self);

#endif
