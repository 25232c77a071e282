/* SPDX-License-Identifier: MIT */
/* Keeps another actor's view of the object store up to date: at first contact and after lost events
 * it reads all objects of interest in pages ("objects.scan"), then follows objectChange events.
 * Events that arrive during the reading are applied after it, in order. Used inside an actor:
 * forward gap and event of the actor table to it. Thread contract: owner thread of the actor. */
#ifndef IOBUS_ACTORS_REPLICA_H
#define IOBUS_ACTORS_REPLICA_H

#include "bus/env.h"

typedef struct replica replica_t;

typedef struct {
    /* A full reading starts; what is not seen until `end` no longer exists. */
    void (*begin)(void *arg);
    /* An object as it is now (nil: deleted). live: it comes from an event just now, not from a
     * reading; instance: of the caller that wrote it ("" for imports, tools and readings). */
    void (*object)(void *arg, str_t id, mp_t object, bool live, str_t instance);
    void (*end)(void *arg);
} replica_ops_t;

/* types: object types that matter, NULL-terminated ("state", "user", "group", "meta", "config");
 * NULL: all. Deletions are reported for every id. Caller owns. */
replica_t *replica_new(env_t *env, const char *const *types, const replica_ops_t *ops, void *arg);
void replica_destroy(replica_t **self_p);
void replica_gap(replica_t *self);
void replica_event(replica_t *self, const event_t *event);
/* Retries a reading that failed; call from tick. Returns ms until the next call. */
int64_t replica_tick(replica_t *self, int64_t mono_ms);
/* Whether a full reading has been completed once. */
bool replica_ready(const replica_t *self);
/* Whether it shows everything up to the last event: not while a reading is under way. */
bool replica_current(const replica_t *self);

#endif
