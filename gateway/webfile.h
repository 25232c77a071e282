/* SPDX-License-Identifier: MIT */
/* Files of the file store over HTTP, in a stream in both directions: GET and HEAD with conditions,
 * one range and gzip; PUT writes and DELETE deletes. Rights are those of the client's user, decided
 * by the files actor. Of a file at most a few pieces are in memory, however slow the client is.
 * Source: web-clients.md 1.1; PUT and DELETE are ours. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_WEBFILE_H
#define IOBUS_GATEWAY_WEBFILE_H

#include "gateway/conn.h"
#include "gateway/core.h"

/* What is answered when there is no such file. */
typedef void webfile_missing_fn(conn_t *conn, const http_head_t *head);

/* Whether the path (below the base path) may be that of a file. */
bool webfile_has(str_t path);
/* The same; then the request is answered, now or later. user: who asks. */
bool webfile_serve(core_t *core, conn_t *conn, grants_user_t *user, str_t path,
                   webfile_missing_fn *missing);
/* The head of a PUT: finds out who asks, and takes its body over. false: the path is none of a
 * file. */
bool webfile_put(core_t *core, conn_t *conn, const http_head_t *head, str_t path);
/* The same for a complete DELETE. */
bool webfile_delete(core_t *core, conn_t *conn, grants_user_t *user, str_t path);

#endif
