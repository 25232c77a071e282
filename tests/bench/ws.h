/* SPDX-License-Identifier: MIT */
/* A WebSocket client connection (RFC 6455) for measuring: non-blocking, driven by the owner's
 * epoll.
 *
 * What is sent waits in the connection until ws_flush, which hands all of it to the kernel in one
 * write. Received messages are delivered as borrowed bytes, in place. After the first messages no
 * memory is allocated. Not supported, and reported as an error: fragmented and binary messages,
 * messages over WS_MESSAGE_MAX, extensions. One owner thread, no locks. */
#ifndef BENCH_WS_H
#define BENCH_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define WS_MESSAGE_MAX (8u << 20)

typedef void ws_message_fn(void *owner, const char *data, size_t size);

/* What all connections of a run share. */
typedef struct ws_net {
    int epoll;                       /* the owner's; events carry the connection's owner */
    ws_message_fn *on_message;       /* called for each text message */
    struct sockaddr_storage address; /* the server */
    socklen_t address_size;
    char request[512]; /* the HTTP upgrade, the same for all */
    size_t request_size;
    char *scratch; /* WS_MESSAGE_MAX bytes: where every receive lands */
} ws_net_t;

typedef enum ws_stage {
    WS_IDLE,       /* no socket */
    WS_CONNECTING, /* TCP handshake */
    WS_UPGRADING,  /* HTTP request sent */
    WS_OPEN,
    WS_CLOSING, /* our close frame is on its way; what still arrives is ignored */
} ws_stage_t;

typedef struct ws {
    ws_net_t *net;
    void *owner; /* for on_message and epoll's data.ptr */
    int fd;
    ws_stage_t stage;
    bool wants_write; /* EPOLLOUT is armed */
    uint32_t mask;    /* state of the generator of masking keys */
    char *in;         /* the begin of a message whose end has not arrived */
    size_t in_size, in_room;
    char *out; /* framed bytes that wait for ws_flush */
    size_t out_sent, out_size, out_room;
    const char *why; /* after a failure: a static text that says what happened */
} ws_t;

/* Resolves "HOST:PORT" and prepares the upgrade request for the path. Returns 0, or -1 with *why.
 */
int ws_net_init(ws_net_t *self, int epoll, const char *host_port, const char *path,
                ws_message_fn *on_message, const char **why);
void ws_net_fini(ws_net_t *self);

void ws_init(ws_t *self, ws_net_t *net, void *owner);
void ws_fini(ws_t *self);

/* Begins to connect; the rest happens in ws_event. 0, or -1 with self->why. */
int ws_open(ws_t *self);

/* Gives the socket back; the object can be opened again. */
void ws_close(ws_t *self);

/* Queues one text message. */
void ws_text(ws_t *self, const char *data, size_t size);

/* Queues a close frame (1000); the server then ends the connection. */
void ws_goodbye(ws_t *self);

/* Writes all that waits. 0, or -1 with self->why. */
int ws_flush(ws_t *self);

/* Handles what epoll reported. 0, 1 when the server ended a connection that we had asked it to end,
 * or -1 with self->why. */
int ws_event(ws_t *self, uint32_t events);

#endif
