/* SPDX-License-Identifier: MIT */
/* The REST side, for scripts and curl: everything below /api/, and /state/ of the web adapter. A
 * request is a client of its own: it gets a session whose dialect writes HTTP answers, and makes
 * one call of the command table. So rights, deadlines, limits, counters and the tap are those of
 * the sockets. A client that hangs up takes its session with it. /api/events is a session that
 * lasts (sse.h). Sources: RFC 9110; the paths are ours (www/openapi.json). Thread contract: gateway
 * thread. */
#ifndef IOBUS_GATEWAY_REST_H
#define IOBUS_GATEWAY_REST_H

#include "gateway/assets.h"
#include "gateway/conn.h"
#include "gateway/core.h"

typedef struct rest_hub rest_hub_t;

/* All borrowed. Caller owns. */
rest_hub_t *rest_hub_new(core_t *core, struct ev_loop *loop, assets_t *assets);
/* All connections must be gone or closed. */
void rest_hub_destroy(rest_hub_t **self_p);
/* Refuses what is not answered yet, and ends the streams. */
void rest_hub_close(rest_hub_t *self);
/* Sends answers that have become ready; called before the loop sleeps. */
void rest_hub_flush(rest_hub_t *self);

/* Whether the path (below the base path) is ours. */
bool rest_is_path(str_t path);
/* As conn_ops_t.head: how large a body may be. May refuse at once. */
size_t rest_head(rest_hub_t *self, conn_t *conn, const http_head_t *head);
/* As conn_ops_t.request; path below the base path. */
void rest_request(rest_hub_t *self, conn_t *conn, const http_head_t *head, str_t path, str_t body);

#endif
