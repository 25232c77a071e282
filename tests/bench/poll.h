/* SPDX-License-Identifier: MIT */
/* The client's side of Engine.IO long polling on two wires: one holds a GET, the other posts.
 *
 * What is sent while a POST is under way waits for its answer and leaves with the next one, as
 * Engine.IO asks. Only answers with a Content-Length are understood. */
#ifndef BENCH_POLL_H
#define BENCH_POLL_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/bench/wire.h"
#include "tests/bench/ws.h"

typedef struct poll {
    wire_t get, post;
    void *owner;
    ws_message_fn *on_message; /* each packet */
    const char *host;          /* borrowed; "HOST:PORT" */
    const char *path;          /* borrowed; with its query */
    unsigned revision;         /* of Engine.IO: 3 counts characters, 4 separates by 0x1e */
    char sid[64];
    bool posting; /* an answer to a POST is awaited */
    char *pending;
    size_t pending_size, pending_room;
} poll_t;

void poll_init(poll_t *self, wire_net_t *net, void *owner, ws_message_fn *on_message);
void poll_fini(poll_t *self);

/* Begins the handshake. 0, or -1 with get.why. */
int poll_open(poll_t *self);
void poll_close(poll_t *self);

/* Queues one packet. */
void poll_send(poll_t *self, const char *data, size_t size);

/* Posts what waits, unless a POST is under way. 0, or -1 with post.why. */
int poll_flush(poll_t *self);

#endif
