/* SPDX-License-Identifier: MIT */
/* Frames that wait to be written to a socket, in order, the first perhaps in part.
 * Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_RING_H
#define IOBUS_GATEWAY_RING_H

#include "gateway/frame.h"

typedef struct {
    frame_t **items;
    size_t cap, at, len;
    size_t offset; /* bytes of the first frame that are written */
    size_t bytes;  /* of all frames, what is written of the first included */
} ring_t;

void ring_fini(ring_t *self);
/* Takes the reference over. */
void ring_push(ring_t *self, frame_t *frame);
/* Copies up to max bytes of what comes first and counts them as written. one: not beyond the end of
 * the first frame. *frames is increased by the frames that are written completely. */
size_t ring_take(ring_t *self, uint8_t *to, size_t max, bool one, size_t *frames);

#endif
