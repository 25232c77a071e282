/* SPDX-License-Identifier: MIT */
/* The inside of an actor's loop: its sockets, the batch that is being handled, and env_t on the
 * bus. One turn: events of followed actors, answers to questions, requests (at most `batch` between
 * two commits), the actor's tick; then commit, replies, events, questions. dispatch.c runs it in a
 * thread. Thread contract: one owner thread. */
#ifndef IOBUS_BUS_BATCH_H
#define IOBUS_BUS_BATCH_H

#include "bus/config.h"
#include "bus/endpoint.h"
#include "bus/env.h"
#include "bus/ready.h"

typedef struct batch batch_t;

/* Binds the sockets and opens the actor. NULL: one line in why. config: borrowed until
 * batch_reload. */
batch_t *batch_new(const actor_t *actor, const config_t *config, const endpoints_t *endpoints,
                   buf_t *why);
/* Closes the actor; what was not answered yet is answered with ERR_SHUTDOWN. */
void batch_destroy(batch_t **self_p);
/* The sockets of this thread; the caller may add its own, and waits on it between turns. */
ready_t *batch_ready(const batch_t *self);
/* Handles what is there, never blocks; returns ms until it wants to be called without a socket
 * waking it. */
int64_t batch_turn(batch_t *self);
/* The last turns: handles the requests that have arrived, commits, sends everything that is held.
 */
void batch_drain(batch_t *self);
void batch_reload(batch_t *self, const config_t *config);

#endif
