/* SPDX-License-Identifier: MIT */
/* ioBroker's own dialect: JSON arrays [type, id, name, args] over a plain WebSocket on any path
 * with ?sid= in the query. Types: 0 message, 1 ping, 2 pong, 3 call and its answer. "___ready___"
 * is the first message; a client that is silent is pinged every 5 s and cut after 15 s. What is no
 * such message is ignored, and the connection stays. Unlike the original an answer always has its
 * array, also when it is empty (clients of version 3 need it). The numbers of events mean nothing
 * to clients; an event is encoded once for all of them, so they are equal. Source: wire.md 4.
 * Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_IOBWS_H
#define IOBUS_GATEWAY_IOBWS_H

#include <ev.h>

#include "gateway/conn.h"
#include "gateway/session.h"

extern const dialect_t iobws_dialect;

typedef struct iobws_hub iobws_hub_t;

/* Caller owns. */
iobws_hub_t *iobws_hub_new(core_t *core, struct ev_loop *loop);
/* All connections must be gone or closed. */
void iobws_hub_destroy(iobws_hub_t **self_p);
/* Ends all sessions. */
void iobws_hub_close(iobws_hub_t *self);
/* A request for a WebSocket that is not Engine.IO's: takes it, or says why not, in the dialect
 * where the request is a whole one. */
void iobws_head(iobws_hub_t *hub, conn_t *conn, const http_head_t *head);

#endif
