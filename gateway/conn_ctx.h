/* SPDX-License-Identifier: MIT */
/* What the parts of a connection share: conn.c writes and answers, conn_read.c reads, conn_edge.c
 * stands between them and the socket. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_CONN_CTX_H
#define IOBUS_GATEWAY_CONN_CTX_H

#include "gateway/conn.h"
#include "gateway/ring.h"
#include "gateway/tls.h"
#include "gateway/wsframe.h"

#define KEEPALIVE_S 75.0
#define BODY_S 30.0                 /* without a byte */
#define DISCARD_MAX (1024u * 1024u) /* body that nobody wants */
#define OUT_PAUSE (1024u * 1024u)   /* bytes of pipelined answers */

typedef enum {
    CONN_HEAD,
    CONN_BODY,
    CONN_BUSY,
    CONN_STREAM,
    CONN_WEBSOCKET,
    CONN_CLOSING
} conn_state_t;

/* What the next byte of the socket belongs to. */
typedef enum {
    EDGE_PROXY, /* the PROXY header */
    EDGE_FIRST, /* TLS or, by mistake, plain HTTP */
    EDGE_TLS,
    EDGE_OPEN /* HTTP */
} edge_t;

/* Why the client is not read from. */
enum { PAUSE_PARTIAL = 1, PAUSE_OUTPUT = 2, PAUSE_OWNER = 4, PAUSE_INPUT = 8 };

struct conn {
    conn_env_t *env;
    const listener_t *listener;
    struct lws *wsi;
    /* where it comes from */
    edge_t edge;
    cidr_addr_t hop;    /* who talks to us: the peer, or whom its PROXY header names */
    cidr_addr_t source; /* the client behind trusted proxies */
    char address[CIDR_TEXT_MAX];
    bool counted;          /* admission counts it for the address */
    bool misplaced;        /* plain HTTP on a port that speaks HTTPS */
    bool proxied_secure;   /* the PROXY header says that the client came over TLS */
    bool forwarded_secure; /* X-Forwarded-Proto of the request says so */
    bool shaking;          /* in the list of those whose handshake is under way */
    conn_t *prev_shaking, *next_shaking;
    buf_t early; /* the PROXY header so far */
    tls_stream_t *tls;
    conn_state_t state;
    bool linger;     /* CLOSING: wait for the peer's end */
    unsigned paused; /* PAUSE_ bits */
    ev_timer timer;
    /* reading */
    buf_t in;   /* what could not be handled yet */
    bool begun; /* HEAD: the first bytes of a request have come, the rest has to follow */
    buf_t head_text;
    http_head_t *head; /* of the request under way; borrows from head_text */
    http_body_t framing;
    buf_t body;
    size_t body_max;
    bool responded;    /* answered before the body had come */
    bool taking;       /* the owner takes the body piece by piece */
    uint64_t take_max; /* bytes of it */
    uint64_t taken;    /* ... that have come */
    bool owes_100;     /* the client waits for a word before it sends the body */
    wsframe_decoder_t *decoder;
    bool deflate; /* the WebSocket has agreed on compression */
    /* writing */
    ring_t out;
    conn_t *prev_dirty, *next_dirty;
    bool dirty;   /* in the list of those that have something to write */
    bool waiting; /* the loop will say when the socket takes more */
    bool writing;
    bool killed;    /* to be cut off */
    unsigned apart; /* frames that still go out one by one */
    bool chunked;   /* STREAM: the length is not known */
    bool keep;      /* STREAM: another request may follow */
    uint64_t left;  /* STREAM: bytes of the body that are still to be pulled */
    const conn_owner_t *owner_ops;
    void *owner;
};

/* --- conn.c --- */
/* Cuts the connection after so many seconds, unless another deadline comes before; 0: never. */
void conn_set_deadline(conn_t *self, double seconds);
void conn_set_pause(conn_t *self, unsigned bit, bool pause);
/* Takes the reference over; a NULL frame (no memory) ends the connection. */
void conn_push(conn_t *self, frame_t *frame);
void conn_push_control(conn_t *self, unsigned opcode, str_t payload);
void conn_push_close(conn_t *self, uint16_t code); /* 0: without a status */
void conn_end_request(conn_t *self);
/* linger: the peer ends the connection. */
void conn_start_closing(conn_t *self, bool linger);
/* Tells the owner that it is over, once. */
void conn_lose_owner(conn_t *self);

/* --- conn_read.c --- */
/* Handles what was kept and what has come; keeps what has to wait. -1: close. */
int conn_read(conn_t *self, uint8_t *data, size_t len);
/* Tells a client that asks first to send its body, if it may now. */
void conn_say_continue(conn_t *self);

/* --- conn_edge.c --- */
/* false: there are too many. */
bool conn_edge_open(conn_t *self);
void conn_edge_close(conn_t *self);
/* Takes bytes of the socket. -1: close. */
int conn_edge_read(conn_t *self, uint8_t *data, size_t len);
/* Finds out whom a request is of. true: it was answered, for what it is about does not matter. */
bool conn_edge_head(conn_t *self);
/* Sends, encrypted if need be, n bytes with room for libwebsockets in front; and what TLS itself
 * has to say. -1: close. */
int conn_edge_write(conn_t *self, uint8_t *bytes, size_t n);
/* Whether TLS itself has something to say. */
bool conn_edge_owes(const conn_t *self);
/* Before the socket is closed: tells the peer that this was all. */
void conn_edge_farewell(conn_t *self);

#endif
