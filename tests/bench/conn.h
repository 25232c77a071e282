/* SPDX-License-Identifier: MIT */
/* A client's connection in whatever carrier its dialect has: messages out, messages in. */
#ifndef BENCH_CONN_H
#define BENCH_CONN_H

#include "tests/bench/dialect.h"
#include "tests/bench/poll.h"
#include "tests/bench/wire.h"
#include "tests/bench/ws.h"

/* The opening requests of a dialect, the same for all connections of a run. */
typedef struct conn_kind {
    const dialect_t *dialect;
    const char *host; /* borrowed */
    const char *path;
    char request[512]; /* of a WebSocket upgrade */
    size_t request_size;
} conn_kind_t;

typedef struct conn {
    const conn_kind_t *kind;
    void *owner; /* wires' top, and on_message's */
    ws_message_fn *on_message;
    union {
        ws_t ws;
        poll_t poll;
        wire_t raw;
    };
} conn_t;

/* 0, or -1 when the path does not fit. */
int conn_kind_init(conn_kind_t *self, const dialect_t *dialect, const char *host, bool writer);

void conn_init(conn_t *self, const conn_kind_t *kind, wire_net_t *net, void *owner,
               ws_message_fn *on_message);
void conn_fini(conn_t *self);

/* Begins to connect; on_message is called with NULL when messages can be sent. 0, or -1. */
int conn_open(conn_t *self);
void conn_close(conn_t *self);

void conn_send(conn_t *self, const char *data, size_t size);
int conn_flush(conn_t *self);

/* Asks the server to end the connection. False when there is nothing to wait for. */
bool conn_goodbye(conn_t *self);

bool conn_is_open(const conn_t *self);

/* What went wrong. */
const char *conn_why(const conn_t *self);

#endif
