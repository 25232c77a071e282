/* SPDX-License-Identifier: MIT */
/* The files that the gateway itself hands to browsers: its pages with their scripts, our client
 * library, and the client libraries of others. Which there are is found at the start; each is read
 * once, on the first request, from the share folder: the config's `share`, else the folder `share`
 * beside the program, else ../share/iobus, else the source tree that the program was built from.
 * Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_ASSETS_H
#define IOBUS_GATEWAY_ASSETS_H

#include "gateway/http_accept.h"

typedef struct assets assets_t;

typedef struct {
    const char *type;     /* Content-Type */
    const char *cache;    /* Cache-Control */
    const char *etag;     /* with its quotes */
    const char *encoding; /* Content-Encoding; NULL: none */
    str_t body;
} asset_t;

/* share: configured folder, or "". Caller owns. */
assets_t *assets_new(const char *share);
void assets_destroy(assets_t **self_p);
/* The file for a path, in that encoding where it is worth it. NULL: there is none. *missing: it
 * should be there but could not be read. */
const asset_t *assets_find(assets_t *self, str_t path, encoding_t encoding, bool *missing);

#endif
