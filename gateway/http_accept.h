/* SPDX-License-Identifier: MIT */
/* Lists in request headers that say what a client has already and what it takes: If-None-Match
 * (RFC 9110, 13.1.2, weak comparison) and Accept-Encoding (12.5.3). Pure functions. */
#ifndef IOBUS_GATEWAY_HTTP_ACCEPT_H
#define IOBUS_GATEWAY_HTTP_ACCEPT_H

#include "gateway/http_head.h"

/* Whether a list of entity tags has this one: tag with its quotes and without W/. A list that is
 * not well-formed has it up to the place where it goes wrong.
 *
 *     W/"a", "b"   has "a" and "b"      *   has every one
 */
bool http_has_etag(str_t list, str_t tag);
/* Whether the client has that content already; false also when it asks for a fresh one
 * (Cache-Control: no-cache, which web-clients.md 1.1 saw). */
bool http_is_known(const http_head_t *head, str_t tag);

/* From the best to none. */
typedef enum { ENCODING_BROTLI, ENCODING_GZIP, ENCODING_DEFLATE, ENCODING_NONE } encoding_t;

/* The best encoding that the list of Accept-Encoding allows: of those with the same weight the
 * first of the enum, as the original chooses; what has weight 0 is not taken. */
encoding_t http_best_encoding(str_t list);
/* "br"; NULL for none. */
const char *encoding_name(encoding_t encoding);

#endif
