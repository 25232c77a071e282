/* SPDX-License-Identifier: MIT */
/* Reading the packets of socket.io 2 over Engine.IO 3, as far as a measuring client needs them.
 *
 * Pure functions on borrowed bytes: `0{...}` `3` `40` `41` `42[...]` `43ID[...]` `44...`; no
 * namespaces but the root, no attachments. */
#ifndef BENCH_SIO_H
#define BENCH_SIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum sio_kind {
    SIO_OPEN,    /* Engine.IO handshake, body is its JSON */
    SIO_PONG,    /* answer to our ping */
    SIO_CONNECT, /* the root namespace is ours */
    SIO_EVENT,   /* body is [name, argument...] */
    SIO_ACK,     /* id and body, the callback's arguments */
    SIO_REFUSED, /* ERROR or DISCONNECT: the server does not want us */
    SIO_UNKNOWN,
} sio_kind_t;

typedef struct sio_packet {
    sio_kind_t kind;
    uint64_t id;      /* of an ACK */
    const char *body; /* JSON; borrowed from the message */
    size_t size;
} sio_packet_t;

sio_packet_t sio_parse(const char *data, size_t size);

/* Does the packet's body begin with this text, or equal it? */
bool sio_starts(const sio_packet_t *packet, const char *text, size_t size);
bool sio_equals(const sio_packet_t *packet, const char *text, size_t size);

/* The unsigned whole number behind the first `"NAME":` in the JSON; false when there is none. Good
 * enough for states whose other fields hold no such text, which is what the instrument writes. */
bool sio_number(const char *json, size_t size, const char *name, uint64_t *value);

#endif
