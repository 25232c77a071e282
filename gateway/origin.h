/* SPDX-License-Identifier: MIT */
/* Which pages may use the server from a browser, by the Origin that the browser sends (RFC 6454).
 * Pages of the server itself always may. Others: "*" for all, "null" for pages without an origin
 * (from a file), "https://house.example", "http://10.0.0.5:8082", and with a star for the first
 * parts of the host, *.example.com, all below example.com but not itself. Scheme and host in any
 * case; a port that the scheme means anyway may be left out. Thread contract: immutable after it
 * was made. */
#ifndef IOBUS_GATEWAY_ORIGIN_H
#define IOBUS_GATEWAY_ORIGIN_H

#include "bus/buf.h"

typedef struct origins origins_t;

/* NULL: one of them is none, one line in why. Caller owns. */
origins_t *origins_new(const char *const *items, size_t count, buf_t *why);
void origins_destroy(origins_t **self_p);
bool origins_is_empty(const origins_t *self);
/* Whether all pages may. */
bool origins_allow_all(const origins_t *self);
/* Whether an origin is in the list. */
bool origins_allow(const origins_t *self, str_t origin);

/* Whether a page of this origin came from the host that the request names ("house:8084", the
 * header Host). secure: the request came over TLS, so the page must have; otherwise a proxy that
 * nobody told us about may have taken TLS off, and both schemes do.
 *   "https://house", "house", any -> true        "https://house", "house:8084" -> false
 *   "http://house", "house", secure -> false     "null", anything -> false */
bool origin_is_same(str_t origin, str_t host, bool secure);

#endif
