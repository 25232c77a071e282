/* SPDX-License-Identifier: MIT */
/* Requests for pages and files that need to know who asks. The connection is held while the log-in
 * is under way; then the request goes on as that user, or gets what its kind is told without one: a
 * page the way to the log-in, a style sheet or library nothing, another script one that leads to
 * the log-in, a program 401. Source: web-clients.md 1.3. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_GATE_H
#define IOBUS_GATEWAY_GATE_H

#include "gateway/conn.h"
#include "gateway/core.h"
#include "gateway/login.h"

/* Goes on with the request under way (conn_head). identity: who asks. */
typedef void gate_pass_fn(void *arg, conn_t *conn, str_t path, const identity_t *identity);
/* Answers it otherwise. */
typedef void gate_refuse_fn(void *arg, conn_t *conn, str_t path, const login_t *login);

/* path: of the request, below the base path. arg must outlive the connection. Exactly one of the
 * two is called, now or later, unless the connection ends before. */
void gate_enter(core_t *core, conn_t *conn, str_t path, gate_pass_fn *pass, gate_refuse_fn *refuse,
                void *arg);

/* What requests of every kind are told. */
void gate_refuse(conn_t *conn, str_t path, const login_t *login);
/* 401 or 503 with a text, as programs want it. */
void gate_refuse_program(conn_t *conn, const login_t *login);
/* 302 to the log-in page, from where it leads back to this request. */
void gate_redirect(conn_t *conn);

#endif
