/* SPDX-License-Identifier: MIT */
/* Events of the bus on their way to clients: follows the actors, finds who has subscribed, encodes
 * each event once per dialect, and puts the same frames into all outboxes. After a loss of events
 * (a gap) the values of all subscribed states are asked for and delivered as changes, so that every
 * client ends with the right ones. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_FEED_H
#define IOBUS_GATEWAY_FEED_H

#include "bus/endpoint.h"
#include "gateway/core.h"

typedef struct feed_hub feed_hub_t;

/* told: called with the feed whenever contact with its actor is made, or made again. Caller owns.
 */
feed_hub_t *feed_new(core_t *core, const endpoints_t *endpoints,
                     void (*told)(void *arg, feed_t feed), void *arg);
void feed_destroy(feed_hub_t **self_p);
/* Handles what has come; true if anything was done. Never blocks. */
bool feed_process(feed_hub_t *self);
/* ms until it is to be called again, whether something has come or not; -1: no need. */
int64_t feed_wait(const feed_hub_t *self);
/* Descriptors to watch; returns how many were written. */
size_t feed_fds(const feed_hub_t *self, int *fds, size_t cap);

#endif
