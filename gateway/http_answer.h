/* SPDX-License-Identifier: MIT */
/* Heads of HTTP answers: ordinary ones, and the one that accepts a WebSocket (RFC 6455, 4.2).
 * Pure functions. */
#ifndef IOBUS_GATEWAY_HTTP_ANSWER_H
#define IOBUS_GATEWAY_HTTP_ANSWER_H

#include "gateway/http_head.h"

/* "OK" */
const char *http_status_text(int status);
#define HTTP_LENGTH_UNKNOWN SIZE_MAX /* of a body that comes in chunks */

/* Appends a head with its empty line. request may be NULL (it could not be read). type may be NULL.
 * headers: further lines, each with its CRLF. keep: the connection stays open. */
void http_answer_head(buf_t *out, const http_head_t *request, int status, const char *type,
                      str_t headers, size_t length, bool keep);

/* Whether a request asks for a WebSocket in the right way. */
bool http_asks_websocket(const http_head_t *request);
/* Appends the 101 for such a request. Of several subprotocols the first is taken, as the original
 * does. extensions: those that are agreed on; NULL: none. */
void http_accept_websocket(buf_t *out, const http_head_t *request, const char *extensions);

#endif
