/* SPDX-License-Identifier: MIT */
/* Whether the actors that clients need answer: each is asked once a second (bus.ping).
 * Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_HEALTH_H
#define IOBUS_GATEWAY_HEALTH_H

#include "bus/requests.h"

typedef struct health health_t;

/* requests: borrowed. Caller owns. */
health_t *health_new(requests_t *requests);
void health_destroy(health_t **self_p);
/* Asks all that have answered; call it once a second. */
void health_tick(health_t *self, int64_t mono_ms);
/* Whether all are ready. */
bool health_is_ready(const health_t *self);
/* Appends {"ready":true,"actors":{"states":{"ready":true}, ...}}; a missing one says why. */
void health_write(const health_t *self, buf_t *out);

#endif
