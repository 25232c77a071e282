/* SPDX-License-Identifier: MIT */
/* The loop of every actor, written once: take what is there (a bounded batch), decode, find the row
 * of the command table, handle, commit once, then send replies, events and questions. See env.h for
 * the order and for what handlers may do.
 *
 * Sockets of an actor: ROUTER for requests, XPUB for events, XPUB for taps, PAIR to its parent.
 * Commands that every actor has:
 *   bus.ping    [] -> [nil, name, ready, why]
 *   bus.replay  [epoch, from_seq] -> [nil, epoch, last, [frame...] or nil]
 *   bus.sync    [actor, epoch, seq] -> [nil], once this actor has seen that event of the other
 *   bus.stats   [] -> [nil, {command: {calls, errors, us, max_us}}, bad frames]
 * Thread contract: dispatch_start is called by the parent; the rest runs in the actor's thread.
 */
#ifndef IOBUS_BUS_DISPATCH_H
#define IOBUS_BUS_DISPATCH_H

#include "bus/config.h"
#include "bus/endpoint.h"
#include "bus/env.h"

typedef struct dispatch dispatch_t;

/* Starts the actor in a thread of its own and waits until it is ready or has failed.
 * NULL: failed; one line in why. The config is copied. */
dispatch_t *dispatch_start(const actor_t *actor, const config_t *config,
                           const endpoints_t *endpoints, buf_t *why);
/* Three passes over all actors: ask to stop (no new requests; open batches are committed and
 * answered), wait for the thread (deadline_ms), free. */
void dispatch_stop(dispatch_t *self);
bool dispatch_wait(dispatch_t *self, int64_t deadline_ms);
void dispatch_destroy(dispatch_t **self_p);
/* Hands a new configuration to the actor (SIGHUP). */
void dispatch_reload(dispatch_t *self, const config_t *config);
/* Whether the thread ended without being asked to (a fault in its storage, for example). */
bool dispatch_has_failed(dispatch_t *self);

#endif
