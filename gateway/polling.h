/* SPDX-License-Identifier: MIT */
/* Engine.IO over long polling: GET takes packets and waits for them, POST brings them. One of each
 * at a time. Source: wire.md 1.2, 1.5 to 1.8, 1.10 to 1.12. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_POLLING_H
#define IOBUS_GATEWAY_POLLING_H

#include "gateway/eio.h"

/* The head of a request below /socket.io/ that asks for no upgrade; as conn_ops_t.head and
 * .request. */
size_t polling_head(eio_hub_t *hub, conn_t *conn, const http_head_t *head);
void polling_request(eio_hub_t *hub, conn_t *conn, const http_head_t *head, str_t body);

/* --- called by eio.c and ws.c -------------------------------------------------------------------
 */

/* Answers the held GET if something is waiting. */
void polling_flush(eio_t *engine);
/* Answers the POST that had to wait, now that the session is not paused any more. */
void polling_resume(eio_t *engine);
/* A socket probes: the held GET is answered with a noop, so that the client can pause polling. */
void polling_noop(eio_t *engine);
/* The session has ended, or has moved to a WebSocket (tell: with a close packet, else a noop). Lets
 * both requests go, and cuts a POST off that has not come yet; true if the client was told. */
bool polling_end(eio_t *engine, bool tell);

#endif
