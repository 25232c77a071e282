/* SPDX-License-Identifier: MIT */
/* Events, the publishing side. Each publisher has an epoch (random, new at every start) and numbers
 * its events from 1 without holes; what it sent last stays in a replay ring (bytes: config
 * replay-ring), from which a follower gets what it missed. "bus.tick", with the epoch and the last
 * number, is sent every second and to every newcomer, so that a lost last event is noticed too;
 * ticks take no number. ZeroMQ drops frames for a follower that does not keep up: that is a hole
 * like any other. Thread contract: one owner thread. */
#ifndef IOBUS_BUS_PUBLISHER_H
#define IOBUS_BUS_PUBLISHER_H

#include "bus/env.h"
#include "bus/envelope.h"
#include "bus/sock.h"

typedef struct publisher publisher_t;

/* socket: a bound XPUB (borrowed). epoch: random, never 0. Caller owns. */
publisher_t *publisher_new(zsock_t *socket, uint64_t epoch, size_t ring_bytes);
void publisher_destroy(publisher_t **self_p);
/* Numbers (seq, epoch) and queues an event. Returns its number. */
uint64_t publisher_put(publisher_t *self, envelope_t *event);
/* Sends what was queued as one frame and keeps it in the ring. */
void publisher_flush(publisher_t *self);
/* Reads new subscriptions if the socket may have some (a newcomer is told epoch and number at
 * once), and ticks once a second. */
void publisher_process(publisher_t *self, bool readable, int64_t mono_ms);
uint64_t publisher_epoch(const publisher_t *self);
uint64_t publisher_seq(const publisher_t *self);
/* The answer of bus.replay: epoch, last number, and an array of frames that hold everything after
 * from_seq, or nil when the ring no longer has it or the epoch is another. */
void publisher_replay(publisher_t *self, uint64_t epoch, uint64_t from_seq, reply_t *reply);

#endif
