/* SPDX-License-Identifier: MIT */
/* What the servers under test speak: a row per dialect. Pure functions on borrowed bytes.
 *
 * iobus and its node peers: `sio2` socket.io 1 and 2, `sio5` socket.io 3 and 4, both over
 * WebSocket; `poll2` and `poll5` the same over long polling; `iobws` ioBroker's own. Others, for
 * comparison: `mqtt` (3.1.1 over WebSocket), `nchan` (nginx), `resp` (Redis). */
#ifndef BENCH_DIALECT_H
#define BENCH_DIALECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum packet_kind {
    PACKET_OPEN,  /* Engine.IO's handshake; body is its JSON */
    PACKET_READY, /* commands may be sent */
    PACKET_PING,  /* wants an answer */
    PACKET_EVENT, /* name is the id of the state; body begins with its value */
    PACKET_ACK,   /* id, and body: the arguments of the call-back, without the brackets */
    PACKET_REFUSED,
    PACKET_IGNORED,
    PACKET_UNKNOWN,
} packet_kind_t;

typedef struct packet {
    packet_kind_t kind;
    uint64_t id;
    const char *name;
    size_t name_size;
    const char *body; /* borrowed from the message */
    size_t size;
} packet_t;

typedef enum carrier {
    CARRIER_WS,
    CARRIER_POLL,
    CARRIER_RAW, /* the dialect cuts a stream itself */
} carrier_t;

typedef struct dialect {
    const char *name;
    carrier_t carrier;
    unsigned revision; /* of Engine.IO; 0 = another protocol */
    const char *path;
    const char *writer_path; /* for those who publish; NULL = the same */
    const char *protocol;    /* WebSocket's sub-protocol */
    bool binary;             /* messages are binary */
    bool ordered;            /* answers have no numbers; they come in the order of the requests */
    bool silent;             /* writes are not answered */
    bool ready_when_open;    /* nothing needs to be said first */
    const char *hello;       /* else this, hello_size bytes */
    size_t hello_size;
    const char *set_ok;    /* the answer to a write; NULL: null and the id */
    const char *get_begin; /* how the answer to a read begins */
    const char *ping;      /* the client's own heartbeat; NULL: the server's */
    const char *pong;      /* answer to a ping of the server */

    /* A request is begin(), its arguments as JSON without brackets, and `end`. NULL when the
     * dialect has no such calls but only the functions below. */
    char *(*begin)(char *at, uint64_t id, const char *command);
    const char *end;
    /* Optional, instead of the calls setState, getState and subscribe. Names are not terminated. */
    char *(*set)(char *at, uint64_t id, const char *name, size_t size, uint64_t value);
    char *(*get)(char *at, uint64_t id, const char *name, size_t size);
    char *(*watch)(char *at, uint64_t id); /* everything; writes nothing when that is so anyway */

    packet_t (*parse)(const char *data, size_t size);
    /* CARRIER_RAW: length of the first message, 0 while it is incomplete. */
    size_t (*split)(const char *data, size_t size);
} dialect_t;

/* NULL when there is none of this name. */
const dialect_t *dialect_find(const char *name);

/* The unsigned whole number behind the first `"NAME":` in the JSON; false when there is none. Good
 * enough for states whose other fields hold no such text, which is what the instrument writes. */
bool dialect_number(const char *json, size_t size, const char *name, uint64_t *value);

#endif
