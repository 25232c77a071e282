/* SPDX-License-Identifier: MIT */
/* Replies that wait until other actors have seen this one's events (actor_t.barrier): the answer of
 * a setObject leaves when states, files and auth know the object. A group of replies is released
 * when every actor has answered "bus.sync", is gone, or was silent for BARRIER_TTL_MS: a hanging
 * follower delays, never blocks. Bounded by BARRIER_MAX groups: beyond, replies leave without
 * waiting. Thread contract: one owner thread. */
#ifndef IOBUS_BUS_BARRIER_H
#define IOBUS_BUS_BARRIER_H

#include "bus/peers.h"
#include "bus/requests.h"

#define BARRIER_TTL_MS 1000
#define BARRIER_MAX 4096

typedef struct barrier barrier_t;

/* actors: NULL-terminated; name: the actor whose events are waited for. All borrowed. */
barrier_t *barrier_new(const char *name, const char *const *actors, requests_t *requests,
                       peers_t *peers);
void barrier_destroy(barrier_t **self_p);
/* Adds an encoded reply to the group that is being built. */
buf_t *barrier_reply(barrier_t *self, str_t peer);
void barrier_reply_done(barrier_t *self);
/* Closes the group: its replies go to the peers when event seq has been seen everywhere. */
void barrier_wait(barrier_t *self, uint64_t epoch, uint64_t seq, int64_t mono_ms);
void barrier_release_all(barrier_t *self);

#endif
