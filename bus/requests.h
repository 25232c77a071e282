/* SPDX-License-Identifier: MIT */
/* The asking side of the bus: one DEALER per actor, a table of open requests, and the promise that
 * every request is answered exactly once: by the actor, at its deadline (ERR_TIMEOUT), or at once
 * when the actor is known to be gone (ERR_UNAVAILABLE). Requests are collected and leave with
 * requests_flush as one frame per actor.
 * Bounds: at most max_open requests.
 * Thread contract: one owner thread; callbacks run in requests_process, requests_expire or, for
 * refusals, in requests_process after requests_send (never inside requests_send). */
#ifndef IOBUS_BUS_REQUESTS_H
#define IOBUS_BUS_REQUESTS_H

#include <zmq.h>

#include "bus/endpoint.h"
#include "bus/env.h"
#include "bus/ready.h"

typedef struct requests requests_t;

/* body: one array value, borrowed for the call; [text] when status is not ERR_OK.
 * seq: last event of the batch (0: none). */
typedef void requests_done_fn(void *arg, err_t status, uint64_t seq, mp_t body);

/* peer: routing id, unique on the bus ("gateway-4711-a8f3"). Caller owns. */
requests_t *requests_new(const endpoints_t *endpoints, const char *peer, size_t max_open,
                         size_t max_frame);
void requests_destroy(requests_t **self_p); /* open requests are answered with ERR_SHUTDOWN */
const char *requests_peer(const requests_t *self);

/* Queues a request; args: one array value. Returns its correlation number; 0: max_open are open,
 * done will not be called and the caller answers ERR_BUSY. done may be NULL: then no reply is asked
 * for. mono_ms: now on the clock of requests_expire. */
uint64_t requests_send(requests_t *self, const char *actor, str_t command, const caller_t *caller,
                       mp_t args, int64_t ttl_ms, uint64_t trace, int64_t mono_ms,
                       requests_done_fn *done, void *arg);
/* Whether a request is still open. */
bool requests_is_open(const requests_t *self, uint64_t corr);
/* Forgets the callback of an open request (its owner dies). */
void requests_forget(requests_t *self, uint64_t corr);
/* Sends what was queued. */
void requests_flush(requests_t *self);
/* Handles all that has arrived; true if anything was done. Never blocks. */
bool requests_process(requests_t *self);
/* Answers what is overdue; returns ms until the next deadline (at most 1000; 0 when refusals wait
 * for requests_process). */
int64_t requests_expire(requests_t *self, int64_t mono_ms);
/* Connects to the actors (NULL-terminated names); a request to an actor that was not named connects
 * then. */
void requests_connect(requests_t *self, const char *const *actors);
/* The sockets of this thread that may have something to receive: requests_process looks which they
 * are, and followers and whoever else has sockets in this thread share it. Owned by self. */
ready_t *requests_ready(const requests_t *self);
/* File descriptors to watch for reading: one. After every wake-up, and before sleeping, call
 * requests_process and follower_process until they return false. Returns how many were written. */
size_t requests_fds(const requests_t *self, int *fds, size_t cap);
/* The same as an item of zmq_poll. */
size_t requests_poll_items(const requests_t *self, zmq_pollitem_t *items, size_t cap);
/* Whether the actor is connected now. */
bool requests_is_up(const requests_t *self, const char *actor);
size_t requests_open_count(const requests_t *self);
/* Frames from actors that could not be read. */
uint64_t requests_bad_frames(const requests_t *self);

#endif
