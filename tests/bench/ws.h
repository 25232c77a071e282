/* SPDX-License-Identifier: MIT */
/* The client's side of a WebSocket (RFC 6455) on a wire, for measuring.
 *
 * Messages are handed on in place. Not supported, and reported as an error: fragmented messages,
 * messages of the kind that the dialect does not use, messages over WIRE_MESSAGE_MAX, extensions.
 */
#ifndef BENCH_WS_H
#define BENCH_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/wire.h"

/* Called for each message, and once with data NULL when the upgrade has been accepted. Returns 0,
 * or -1 after wire_fail. */
typedef int ws_message_fn(void *owner, const char *data, size_t size);

typedef struct ws {
    wire_t wire;
    void *owner; /* for on_message */
    ws_message_fn *on_message;
    const char *request; /* the HTTP upgrade; borrowed */
    size_t request_size;
    bool binary;   /* messages are binary, not text */
    bool upgraded; /* the server has accepted the upgrade */
    uint32_t mask; /* state of the generator of masking keys */
} ws_t;

/* Writes an upgrade request of at most `room` bytes for the path; returns its length, 0 when it
 * does not fit. `protocol` may be NULL. */
size_t ws_request(char *text, size_t room, const char *host_port, const char *path,
                  const char *protocol);

void ws_init(ws_t *self, wire_net_t *net, void *owner, ws_message_fn *on_message);
void ws_fini(ws_t *self);

/* Begins to connect, and queues the request. 0, or -1 with wire.why. */
int ws_open(ws_t *self);

/* Queues one message. */
void ws_send(ws_t *self, const char *data, size_t size);

/* Queues a close frame (1000); the server then ends the connection. */
void ws_goodbye(ws_t *self);

#endif
