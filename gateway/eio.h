/* SPDX-License-Identifier: MIT */
/* Engine.IO sessions: one client over long polling, over a WebSocket, or on its way from one to the
 * other. This module knows sessions, packets, timers and the end; polling.c and ws.c know how
 * requests and sockets carry them, and share the struct below with it. Nobody else looks into it.
 *
 *   POLLING --(2probe, 5 on a second socket)--> WEBSOCKET       both --> CLOSED
 *
 * Of the revisions of the protocol it knows only the table (eio_codec.h): each revision carries one
 * dialect of socket.io.
 *
 * Source: wire.md 1 and 2 (engine.io-protocol, revisions 3 and 4). Thread contract: gateway thread.
 */
#ifndef IOBUS_GATEWAY_EIO_H
#define IOBUS_GATEWAY_EIO_H

#include <ev.h>

#include "gateway/conn.h"
#include "gateway/core.h"
#include "gateway/eio_codec.h"
#include "gateway/session.h"

#define EIO_SID_LEN 20

typedef struct eio eio_t;
typedef struct eio_hub eio_hub_t; /* all sessions */

typedef struct {
    int64_t ping_interval_ms;
    int64_t ping_timeout_ms;
    int64_t upgrade_ms;
    int64_t connect_ms; /* for a client to be admitted */
} eio_timing_t;

/* --- all sessions --------------------------------------------------------------------------------
 */

/* core, loop: borrowed. Caller owns. */
eio_hub_t *eio_hub_new(core_t *core, struct ev_loop *loop, const eio_timing_t *timing);
void eio_hub_destroy(eio_hub_t **self_p);
core_t *eio_hub_core(const eio_hub_t *self);
/* Answers the held requests of sessions that have got something; called before the loop sleeps. */
void eio_hub_flush(eio_hub_t *self);
/* Closes all sessions in order (clients see it). */
void eio_hub_close(eio_hub_t *self);
/* NULL: not live. */
eio_t *eio_find(const eio_hub_t *self, str_t sid);

/* --- one session ---------------------------------------------------------------------------------
 */

typedef enum { EIO_POLLING, EIO_WEBSOCKET, EIO_CLOSED } eio_state_t;

struct eio {
    eio_hub_t *hub;
    const eio_codec_t *codec;
    eio_t *prev, *next; /* of the hub's list */
    char sid[EIO_SID_LEN + 1];
    eio_state_t state;
    session_t *session; /* NULL once closed */
    frame_t *first;     /* the open packet, or a ping, which overtakes what is queued */
    /* polling */
    conn_t *get;    /* a GET that is held */
    conn_t *post;   /* a POST under way */
    bool post_done; /* ... that is complete, but must not be answered yet */
    bool b64;       /* the client takes no bytes */
    bool jsonp;
    char j[24];       /* digits of the JSONP call-back */
    bool close_waits; /* closed by us: the next GET learns it */
    /* WebSocket */
    conn_t *ws;
    conn_t *probe; /* a socket that wants to take over */
    bool probed;   /* 2probe has come on it */
    frame_t *probe_reply;
    /* time */
    int64_t seen_ms; /* last packet */
    bool pinged;     /* our ping is not answered yet */
    ev_timer ping;
    ev_timer connect; /* for the client to be admitted */
    ev_timer upgrade;
    ev_timer later; /* frees the session, or gives up on telling the client */
    bool paused;
    bool ending; /* when the client has fetched what is queued */
    bool dirty;  /* in the hub's list for flushing */
    eio_t *next_dirty;
};

/* How the session ended. */
typedef enum {
    EIO_BY_CLIENT, /* close packet, or its connection is gone */
    EIO_BY_SERVER  /* it is told */
} eio_end_t;

/* The parameters of an Engine.IO request. */
typedef struct {
    enum { TRANSPORT_UNKNOWN, TRANSPORT_POLLING, TRANSPORT_WEBSOCKET } transport;
    bool has_sid;
    char sid[EIO_SID_LEN + 1]; /* "" when it is too long to be one */
    const eio_codec_t *codec;  /* what EIO selects; NULL: no revision that there is */
    bool fixed_arity; /* the client's call-backs fail on an argument that they do not expect */
    bool b64;
    bool jsonp;
    char j[24];
} eio_query_t;
void eio_query_parse(str_t query, eio_query_t *out);

/* A new session with its open packet in the queue. */
eio_t *eio_open(eio_hub_t *hub, const conn_t *conn, eio_state_t transport,
                const eio_query_t *query);
/* A packet from the client's current transport. */
void eio_packet(eio_t *self, const eio_packet_t *packet);
/* The next frame for the client (reference for the caller), or NULL. */
frame_t *eio_pop(eio_t *self);
bool eio_is_waiting(const eio_t *self);
/* A polling client was given packets: perhaps all. */
void eio_emptied(eio_t *self);
/* Closes the session; it is freed in a later turn of the loop. Does nothing when it is closed
 * already. */
void eio_close(eio_t *self, eio_end_t end);
/* What the client sent is not the protocol. */
void eio_fail(eio_t *self);
/* A closed session that was kept so that its client learns of it need not be kept any longer. */
void eio_forget(eio_t *self);
void eio_seen(eio_t *self);
/* A socket probes: it has upgrade_ms to take over. */
void eio_probing(eio_t *self);
/* It has. */
void eio_upgraded(eio_t *self);

/* Errors as clients see them (wire.md 1.10); -1: none. */
enum { EIO_OK = -1, EIO_TRANSPORT, EIO_SID, EIO_METHOD, EIO_BAD, EIO_FORBIDDEN, EIO_VERSION };
const char *eio_error_text(int code);

#endif
