/* SPDX-License-Identifier: MIT */
/* What certificates (tls.c) and connections (tls_stream.c) share. Thread contract: gateway thread.
 */
#ifndef IOBUS_GATEWAY_TLS_CTX_H
#define IOBUS_GATEWAY_TLS_CTX_H

#include <openssl/ssl.h>

#include "gateway/tls.h"

typedef struct {
    SSL_CTX *ctx;
    char *domains; /* separated by blanks */
} tls_item_t;

struct tls {
    unsigned references;
    size_t count;
    tls_item_t *items;
    BIO_METHOD *method; /* of the streams */
    char *subject;
    int64_t not_after;
};

/* How a stream's bytes come and go; NULL: no memory. Caller owns. */
BIO_METHOD *tls_stream_method(void);

#endif
