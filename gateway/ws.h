/* SPDX-License-Identifier: MIT */
/* Engine.IO over WebSockets: sessions that start on one, and sessions that move to one from
 * polling. Source: wire.md 1.2, 1.3, 1.8, 1.10. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_WS_H
#define IOBUS_GATEWAY_WS_H

#include "gateway/eio.h"

/* A request for an upgrade on a path of Engine.IO: accepts it, or answers why not. */
void ws_head(eio_hub_t *hub, conn_t *conn, const http_head_t *head);
/* Refuses an upgrade: 400 with the bare text as body. */
void ws_refuse(conn_t *conn, const char *text);

#endif
