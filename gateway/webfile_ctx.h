/* SPDX-License-Identifier: MIT */
/* What reading (webfile.c) and writing (webfile_put.c) of files over HTTP share: how the files
 * actor is asked, and how its errors are answered. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_WEBFILE_CTX_H
#define IOBUS_GATEWAY_WEBFILE_CTX_H

#include "gateway/http_file.h"
#include "gateway/listener.h"
#include "gateway/webfile.h"

#define WEBFILE_PIECE (256u << 10) /* bytes that are asked for, or sent, at once */

/* Asks the files actor on behalf of a user ("system.user.x"). args: one array value; freed. 0:
 * busy, done is not called. */
uint64_t webfile_ask(core_t *core, const conn_t *conn, const char *user, const char *command,
                     buf_t *args, requests_done_fn *done, void *arg);
/* Answers an error of the actor: a status and its text. */
void webfile_refuse(conn_t *conn, err_t status, mp_t body);

#endif
