/* SPDX-License-Identifier: MIT */
/* The tap: copies of requests, replies and events on an actor's tap socket, only while somebody
 * listens (tap_active: one branch). A tap frame is one msgpack array:
 *   ["request", ts_ms, actor, command, user, client, corr, trace, args]
 *   ["reply",   ts_ms, actor, command, user, client, corr, trace, status name, latency_us, values]
 *   ["event",   ts_ms, actor, name, "", "", corr, seq, args]
 * Values longer than TAP_MAX_VALUE bytes are replaced by {"<size>": n}; passwords never enter:
 * commands flagged secret show ["…"] instead of arguments and answers, in everything else
 * bus/mask.h hides what is known to be one. Thread contract: owner thread of the actor. */
#ifndef IOBUS_BUS_TAP_H
#define IOBUS_BUS_TAP_H

#include "bus/env.h"
#include "bus/sock.h"

#define TAP_MAX_VALUE 65536

typedef struct tap tap_t;

/* socket: a bound XPUB (borrowed). Caller owns. */
tap_t *tap_new(zsock_t *socket, const char *actor);
void tap_destroy(tap_t **self_p);
/* Reads subscriptions that have come or gone. */
void tap_process(tap_t *self);
bool tap_active(const tap_t *self);
/* secret: the arguments, or the answer, are not shown. */
void tap_request(tap_t *self, int64_t now_ms, const request_t *request, bool secret);
/* values: one array value. */
void tap_reply(tap_t *self, int64_t now_ms, str_t command, const caller_t *caller, uint64_t corr,
               uint64_t trace, err_t status, int64_t latency_us, mp_t values, bool secret);
void tap_event(tap_t *self, int64_t now_ms, str_t name, uint64_t corr, uint64_t seq, mp_t args);

#endif
