/* SPDX-License-Identifier: MIT */
/* Who has asked an actor: routing ids, each with the frame of replies that is being filled for it.
 * Bounded: beyond PEERS_MAX the one that was idle longest is forgotten.
 * Thread contract: one owner thread. */
#ifndef IOBUS_BUS_PEERS_H
#define IOBUS_BUS_PEERS_H

#include "bus/buf.h"
#include "bus/sock.h"

#define PEERS_MAX 1024

typedef struct peers peers_t;

peers_t *peers_new(void);
void peers_destroy(peers_t **self_p);
/* The buffer of replies for a routing id; valid until the next call. */
buf_t *peers_require(peers_t *self, str_t routing_id);
/* Sends one frame to each peer that has something waiting; false: there was nothing. A peer that is
 * gone loses its frame. */
bool peers_flush(peers_t *self, zsock_t *router);

#endif
