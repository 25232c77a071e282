/* SPDX-License-Identifier: MIT */
/* A TCP connection for measuring: non-blocking, driven by the owner's epoll.
 *
 * What is sent waits in the connection until wire_flush, which hands all of it to the kernel in one
 * write. What arrives is given to `take` as borrowed bytes, in place; what `take` leaves over is
 * kept and comes again with more. After the first messages no memory is allocated. One owner
 * thread, no locks. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#define WIRE_MESSAGE_MAX (8u << 20)

typedef struct wire wire_t;

/* Takes what is complete from the front. Returns how many bytes that was, or -1 with self->why. */
typedef ssize_t wire_take_fn(wire_t *self, const char *data, size_t size);

/* What all connections of a run share. */
typedef struct wire_net {
    int epoll;                       /* the owner's; events carry the wire */
    struct sockaddr_storage address; /* the server */
    socklen_t address_size;
    char *scratch; /* WIRE_MESSAGE_MAX bytes: where every receive lands */
} wire_net_t;

typedef enum wire_stage {
    WIRE_IDLE,       /* no socket */
    WIRE_CONNECTING, /* TCP handshake; what is queued waits */
    WIRE_OPEN,
    WIRE_ENDING, /* the server may end it now */
} wire_stage_t;

struct wire {
    wire_net_t *net;
    void *user; /* who speaks over it, for take */
    void *top;  /* whose connection it is, for who gets epoll's events */
    wire_take_fn *take;
    int fd;
    wire_stage_t stage;
    bool wants_write; /* EPOLLOUT is armed */
    char *in;         /* the begin of a message whose end has not arrived */
    size_t in_size, in_room;
    char *out; /* bytes that wait for wire_flush */
    size_t out_sent, out_size, out_room;
    const char *why; /* after a failure: a static text that says what happened */
};

/* Resolves "HOST:PORT". Returns 0, or -1 with *why. */
int wire_net_init(wire_net_t *self, int epoll, const char *host_port, const char **why);
void wire_net_fini(wire_net_t *self);

void wire_init(wire_t *self, wire_net_t *net, wire_take_fn *take, void *user, void *top);
void wire_fini(wire_t *self);

/* Begins to connect; the rest happens in wire_event. 0, or -1 with self->why. */
int wire_open(wire_t *self);

/* Gives the socket back; the object can be opened again. */
void wire_close(wire_t *self);

/* Room for `size` more bytes to send; the caller writes them and says so with wire_wrote. */
char *wire_room(wire_t *self, size_t size);
void wire_wrote(wire_t *self, size_t size);

/* Writes all that waits. 0, or -1 with self->why. */
int wire_flush(wire_t *self);

/* Handles what epoll reported. 0, 1 when the server ended a connection that may end, or -1 with
 * self->why. */
int wire_event(wire_t *self, uint32_t events);

/* Sets self->why; returns -1. */
int wire_fail(wire_t *self, const char *why);

#endif
