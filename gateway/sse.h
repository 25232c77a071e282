/* SPDX-License-Identifier: MIT */
/* /api/events: changes as server-sent events. A stream is a session like that of a socket, which
 * the client never says anything to: it subscribes as the query says, gets the current values first
 * if it asks for them, and a comment every 15 s when nothing happens.
 *
 * Resuming: the id of the last event that a client has seen brings back, in order, what it missed,
 * as long as its session is kept (recovery.h). When not all of it is there any more the stream
 * begins with the event `gap`, followed by the current values of the states that are watched.
 * Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_SSE_H
#define IOBUS_GATEWAY_SSE_H

#include "gateway/conn.h"
#include "gateway/core.h"
#include "gateway/rest_route.h"

typedef struct sse_hub sse_hub_t;

/* All borrowed. Caller owns. */
sse_hub_t *sse_hub_new(core_t *core, struct ev_loop *loop);
void sse_hub_destroy(sse_hub_t **self_p);
void sse_hub_close(sse_hub_t *self); /* ends all streams */
/* Takes the request over: it is answered when the subscriptions are in effect, or refused. */
void sse_start(sse_hub_t *hub, conn_t *conn, const http_head_t *head, rest_request_t *request);

#endif
