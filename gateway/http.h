/* SPDX-License-Identifier: MIT */
/* What the gateway answers over HTTP: tells the dialects apart by path and query, and serves the
 * few pages of its own (healthz, readyz, version, metrics, name, auth, the start page, the client
 * library). Source: wire.md 5.1, 5.3; web-clients.md 1. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_HTTP_H
#define IOBUS_GATEWAY_HTTP_H

#include "gateway/assets.h"
#include "gateway/conn.h"
#include "gateway/eio.h"
#include "gateway/health.h"
#include "gateway/iobws.h"
#include "gateway/rest.h"

/* Our pages run only what this server sent, and nobody frames them. They may be told to connect to
 * another server, and show files of the store, whatever these load. */
#define HTTP_PAGE_HEADERS                                                                          \
    "Content-Security-Policy: default-src 'self'; connect-src *; img-src 'self' data: blob:; "     \
    "media-src 'self' blob:; frame-src 'self' blob:; style-src 'self' 'unsafe-inline'; "           \
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'\r\n"           \
    "Referrer-Policy: same-origin\r\n"

typedef struct {
    core_t *core;
    eio_hub_t *engines;
    iobws_hub_t *plain;
    rest_hub_t *rest;
    health_t *health;
    assets_t *assets;
} http_t;

/* The functions take an http_t as arg. */
extern const conn_ops_t http_ops;

#endif
