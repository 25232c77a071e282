/* SPDX-License-Identifier: MIT */
/* What a reverse proxy says about the client behind it: the header of the PROXY protocol, version
 * 2, in front of the first byte, and the X-Forwarded-* lines of a request. Whether the proxy is to
 * be believed is for the caller to know. Pure functions.
 * Source: https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt */
#ifndef IOBUS_GATEWAY_PROXY_HEADER_H
#define IOBUS_GATEWAY_PROXY_HEADER_H

#include "bus/cidr.h"
#include "gateway/http_head.h"

#define PROXY_V2_MAX 4096 /* bytes; a header that announces more is refused */

typedef enum { PROXY_V2_MORE, PROXY_V2_DONE, PROXY_V2_BAD } proxy_v2_result_t;

typedef struct {
    size_t length;      /* bytes of the header; what follows is the client's */
    bool known;         /* there is a source; not for the proxy's own health checks */
    cidr_addr_t source; /* the client */
    bool secure;        /* the client came over TLS, which the proxy took off */
} proxy_v2_t;

/* Reads the header that data starts with. MORE: it is not complete, but fine so far. */
proxy_v2_result_t proxy_v2_parse(str_t data, proxy_v2_t *out);

/* The client behind a chain of proxies. *address: who sent the request; when that is a trusted
 * proxy it becomes the right-most untrusted address of X-Forwarded-For:
 *   trusted 10.0.0.0/8, sender 10.0.0.1, "1.1.1.1, 2.2.2.2, 10.0.0.9" -> 2.2.2.2
 * An entry that is no address ("unknown") ends the search: the proxy that wrote it is the client.
 */
void proxy_forwarded_for(const http_head_t *head, const cidr_list_t *trusted, cidr_addr_t *address);
/* Whether the last entry of X-Forwarded-Proto is https: what the nearest proxy saw. */
bool proxy_forwarded_secure(const http_head_t *head);
/* The last entry of X-Forwarded-Host; "" when there is none. */
str_t proxy_forwarded_host(const http_head_t *head);

#endif
