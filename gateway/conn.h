/* SPDX-License-Identifier: MIT */
/* A TCP connection of a client: reads HTTP requests and, after an upgrade, WebSocket messages;
 * writes what is queued, several frames in one go. libwebsockets accepts, polls and buffers partial
 * sends; TLS, HTTP and WebSocket framing are done here, because a held GET must notice that its
 * client has gone, an unmasked frame must end the connection, and a refused upgrade has a body that
 * is not ours to choose: none of which the library's own roles can do (gateway/README.md).
 *
 *   (PROXY header) -> (TLS) -> HEAD      what stands between the socket and HTTP: conn_edge.c
 *   HEAD -> BODY -> BUSY -> HEAD ...     requests, one at a time; BUSY: the answer is awaited
 *   BUSY -> STREAM -> HEAD               the answer comes in pieces
 *   HEAD -> WEBSOCKET -> CLOSING         upgrade
 *
 * Bounds: head max_header, body and message max_message, input behind a request that is not
 * answered, output of pipelined answers. A client that does not read is not read from either.
 * Thread contract: gateway thread only. */
#ifndef IOBUS_GATEWAY_CONN_H
#define IOBUS_GATEWAY_CONN_H

#include <ev.h>

#include "bus/cidr.h"
#include "gateway/frame.h"
#include "gateway/http_head.h"
#include "gateway/metrics.h"

typedef struct conn conn_t;
typedef struct listener listener_t;
struct lws;
struct admission;
struct certs;
struct origins;

/* Who answers requests. */
typedef struct {
    /* The head of a request has come. Returns how many bytes of a body are wanted (0: none; a small
     * one is thrown away). May answer or upgrade at once; then `request` is not called. head
     * borrowed. */
    size_t (*head)(void *arg, conn_t *conn, const http_head_t *head);
    /* The request is complete: conn_respond now, or later. head and body are valid until then. */
    void (*request)(void *arg, conn_t *conn, const http_head_t *head, str_t body);
} conn_ops_t;

/* Who holds a connection: a WebSocket, a held GET, a POST under way. */
typedef struct {
    /* The connection has ended; it must not be used after the call. */
    void (*gone)(void *owner, conn_t *conn);
    /* The next frame to write (reference for the caller), or NULL. WebSockets, and answers in a
     * stream. */
    frame_t *(*pull)(void *owner, conn_t *conn);
    /* A message has come. Only WebSockets. */
    void (*message)(void *owner, conn_t *conn, bool binary, str_t payload);
    /* A piece of the body; last: it is complete (piece is empty; may come while paused), the
     * request is to be answered. Only after conn_take_body. */
    void (*body)(void *owner, conn_t *conn, str_t piece, bool last);
} conn_owner_t;

/* What all connections share. */
typedef struct {
    struct ev_loop *loop;
    const conn_ops_t *ops;
    void *arg; /* for ops */
    metrics_t *metrics;
    size_t max_header;                /* bytes */
    size_t max_message;               /* bytes */
    bool deflate;                     /* WebSockets may agree on compression */
    double handshake_s;               /* time for a head */
    uint8_t *gather;                  /* CONN_GATHER bytes, with room for libwebsockets in front */
    size_t count;                     /* connections there are */
    conn_t *first_dirty, *last_dirty; /* those with something to write, or to be cut off */
    /* where they come from (conn_edge.c) */
    struct admission *admission;
    const struct certs *certs;
    const struct origins *origins;        /* of pages that may use the server; empty: the default */
    cidr_list_t trusted;                  /* proxies that are believed */
    int64_t hsts_s;                       /* Strict-Transport-Security; 0: none */
    size_t max_handshakes;                /* of TLS */
    size_t handshakes;                    /* those under way */
    conn_t *first_shaking, *last_shaking; /* in the order in which they came */
} conn_env_t;

#define CONN_GATHER (256u * 1024u) /* bytes of one write */

/* --- called by the libwebsockets callback ------------------------------------------------------
 */

/* NULL: there are too many. */
conn_t *conn_new(conn_env_t *env, const listener_t *listener, struct lws *wsi);
void conn_destroy(conn_t **self_p);                   /* tells the owner */
int conn_on_rx(conn_t *self, void *data, size_t len); /* -1: close */
int conn_on_writable(conn_t *self);                   /* -1: close */

/* Writes for all connections that have something to write, and cuts off those that were killed;
 * called before the loop sleeps. True if there were any. */
bool conn_flush(conn_env_t *env);

/* --- for those who answer ----------------------------------------------------------------------
 */

const listener_t *conn_listener(const conn_t *self);
/* Of the client, behind all trusted proxies: "127.0.0.1". Behind such a proxy every request of a
 * connection may be of another client: valid until the next. An IPv4 address never looks like IPv6.
 */
const char *conn_address(const conn_t *self);
/* Whether the client came over TLS: on this port, or to a trusted proxy. */
bool conn_is_secure(const conn_t *self);
/* Whether the page that a browser sends this request for may use the server: a page of the server,
 * or of allowed-origins. Requests that come from no page (programs) may. */
bool conn_allows_origin(const conn_t *self, const http_head_t *head);
/* Head of the request that is not answered yet. */
const http_head_t *conn_head(const conn_t *self);
void conn_set_owner(conn_t *self, const conn_owner_t *ops, void *owner); /* NULL, NULL: nobody */

/* Answers the request under way. type may be NULL (no body). headers: further lines, each with its
 * CRLF. A body for a HEAD request is not sent, its length is. */
void conn_respond(conn_t *self, int status, const char *type, str_t headers, str_t body);
/* The same; the body frame (FRAME_RAW) is taken over. */
void conn_respond_frame(conn_t *self, int status, const char *type, str_t headers, frame_t **body);
/* The same, then the connection is closed. */
void conn_respond_last(conn_t *self, int status, const char *type, str_t headers, str_t body);

/* Begins the answer to the request under way; its body is what the owner's pull gives as FRAME_RAW
 * frames, asked for only while the socket takes more (conn_wake when there is something new).
 * length: bytes, or -1: unknown, sent in chunks (to HTTP/1.0 until the end of the connection). A
 * HEAD request is answered at once and its owner told gone. */
void conn_respond_begin(conn_t *self, int status, const char *type, str_t headers, int64_t length,
                        const conn_owner_t *ops, void *owner);
/* The body is complete with what was pulled; the owner is let go. Fewer bytes than announced: the
 * connection is cut. */
void conn_respond_end(conn_t *self);
/* Within conn_ops_t.head: the body goes to the owner piece by piece, of at most max bytes in all
 * (else 413); conn_pause gives back pressure, and before the first piece it also keeps a client
 * waiting that asks with Expect: 100-continue. The answer may come before the body has ended. */
void conn_take_body(conn_t *self, uint64_t max, const conn_owner_t *ops, void *owner);

/* Answers the request under way with 101 (the head must be a valid upgrade) and becomes a
 * WebSocket. The first `apart` frames are written each in a turn of the loop of its own. */
void conn_upgrade(conn_t *self, const http_head_t *head, const conn_owner_t *ops, void *owner,
                  unsigned apart);
/* There is something to pull. */
void conn_wake(conn_t *self);
/* Takes what the owner has now; for a change of owners. */
void conn_pull_now(conn_t *self);
/* Ends a WebSocket when all that was pulled is written: code 0 sends a close frame without status.
 */
void conn_close(conn_t *self, uint16_t code);
/* Cuts the connection before the loop sleeps. */
void conn_kill(conn_t *self);
/* Stops, or goes on, reading from the client. */
void conn_pause(conn_t *self, bool pause);

#endif
