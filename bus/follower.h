/* SPDX-License-Identifier: MIT */
/* Events, the following side. A follower that sees a hole or a new epoch asks the publisher for
 * what it missed (command "bus.replay", through requests_t); when the ring no longer has it, or at
 * first contact, the owner is told to resynchronise (gap). So every event is handed out once and in
 * order, or a gap is announced. Thread contract: one owner thread; callbacks run in
 * follower_process and in requests_process. */
#ifndef IOBUS_BUS_FOLLOWER_H
#define IOBUS_BUS_FOLLOWER_H

#include "bus/envelope.h"
#include "bus/requests.h"

typedef struct follower follower_t;

typedef struct {
    /* One event, in order, each once. envelope borrowed. */
    void (*event)(void *arg, const char *actor, const envelope_t *event);
    /* First contact with this epoch, or events lost for good. Events after it follow in order. */
    void (*gap)(void *arg, const char *actor);
} follower_ops_t;

/* requests: used for replays; borrowed, must outlive the follower. Caller owns. */
follower_t *follower_new(const endpoints_t *endpoints, requests_t *requests, const char *actor,
                         const follower_ops_t *ops, void *arg);
void follower_destroy(follower_t **self_p);
/* Handles what has arrived as far as ready_wait of requests_ready has seen it (requests_process
 * calls that), at most `max` frames; true if anything was done. */
bool follower_process(follower_t *self, size_t max, int64_t mono_ms);
/* After it has handled all that had come, it leaves what comes then for so long: a thread that is
 * in no hurry is woken once for many events. 0: at once, as at first. */
void follower_set_patience(follower_t *self, int64_t ms);
/* What has come is wanted now. */
void follower_hurry(follower_t *self);
/* ms until it wants to be called again, whether something has come or not; -1: it is woken. */
int64_t follower_wait(const follower_t *self, int64_t mono_ms);
int follower_fd(const follower_t *self); /* as requests_fds */
const char *follower_actor(const follower_t *self);
uint64_t follower_epoch(const follower_t *self);
uint64_t follower_seq(const follower_t *self);        /* last event handed out */
uint64_t follower_bad_frames(const follower_t *self); /* that could not be read */
bool follower_in_sync(const follower_t *self);        /* contact made, no replay under way */

#endif
