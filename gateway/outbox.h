/* SPDX-License-Identifier: MIT */
/* What waits for one client. Up to the soft bound it is a plain queue. Above it, of the frames with
 * the same key (changes of one state) only the newest stays, at the end; the order of the others is
 * kept. Above the hard bound a push fails and the client has to go; one message alone may be larger
 * than the bound. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_OUTBOX_H
#define IOBUS_GATEWAY_OUTBOX_H

#include "gateway/frame.h"

typedef struct outbox outbox_t;

/* Bounds in bytes. Caller owns. */
outbox_t *outbox_new(size_t soft, size_t hard);
void outbox_destroy(outbox_t **self_p);
/* Takes a reference of its own. false: the hard bound is reached (nothing was added). */
bool outbox_push(outbox_t *self, frame_t *frame);
/* The next frame, whose reference the caller gets; NULL: empty. */
frame_t *outbox_pop(outbox_t *self);
size_t outbox_len(const outbox_t *self); /* frames */
size_t outbox_bytes(const outbox_t *self);
/* Frames that were replaced by newer ones, ever. */
size_t outbox_conflated(const outbox_t *self);

#endif
