/* SPDX-License-Identifier: MIT */
/* Sends what rest_answer.h has made: the headers that all REST answers have, and the body. Thread
 * contract: gateway thread. */
#ifndef IOBUS_GATEWAY_REST_REPLY_H
#define IOBUS_GATEWAY_REST_REPLY_H

#include "gateway/conn.h"
#include "gateway/rest_answer.h"
#include "gateway/session.h"

/* Appends the headers: not to be stored, not to be guessed at; and, where clients need no
 * credentials, readable for pages from elsewhere. */
void rest_reply_headers(const conn_t *conn, buf_t *out);
/* Answers the request under way. extra: further lines, each with its CRLF. The body is freed. */
void rest_reply(conn_t *conn, rest_answer_t *answer, str_t extra);
/* The same for a problem. */
void rest_reply_problem(conn_t *conn, int status, str_t detail, str_t extra);

/* The answer to a request whose log-in was refused. Caller frees the body. */
void rest_answer_refusal(const session_t *session, rest_answer_t *out);

#endif
