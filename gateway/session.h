/* SPDX-License-Identifier: MIT */
/* A client, whatever its transport and dialect: who it is, its open calls, subscriptions and
 * outbox. Below it stands a transport (an Engine.IO session), which takes frames out of the outbox;
 * a dialect turns messages into calls, and answers and events into frames. The rest of the gateway
 * knows neither.
 *
 * How it gets in: a session does not know who it is until the log-in has found out
 * (session_login), which may take a while. Until then the dialect's greeting is held back and what
 * the client says waits; then it is greeted, or refused. What it was let in for may end later
 * (guard.h): session_expel.
 *
 * Order towards the client: the answer of a call first, then the events that the call caused. An
 * event whose call is still open is held back for this client, and with it every later event, until
 * the answer is in the outbox. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_SESSION_H
#define IOBUS_GATEWAY_SESSION_H

#include "bus/mp.h"
#include "gateway/core.h"
#include "gateway/frame.h"
#include "gateway/grants.h"
#include "gateway/listener.h"
#include "gateway/login.h"
#include "gateway/subs.h"

typedef struct session session_t;
typedef struct call call_t;

#define DIALECT_MAX_FRAMES 11 /* of one message: text and its attachments */

/* One message to a client. */
typedef struct {
    frame_t *items[DIALECT_MAX_FRAMES];
    size_t count;
} frames_t;
void frames_put(frames_t *frames); /* puts the references down */

/* How a family of clients talks. One constant table each. */
typedef struct {
    const char *name;
    size_t id;            /* 0, 1, ...: an event is encoded once per dialect */
    bool error_is_text;   /* objects of class Error arrive as "Error: text", else as an empty map */
    bool secure_is_false; /* authenticate answers false instead of nothing without log-in */
    bool asks_to_enter;   /* the client logs in by a message of its own, not by connecting */
    bool recovers;        /* its clients may come back; events have numbers (recovery.h) */
    bool brief;           /* a session is one request: nobody is told that it came or went */
    /* State of one session; may return NULL when there is none to keep. */
    void *(*open)(session_t *session);
    void (*close)(void *state);
    /* The client is in: greet it. */
    void (*greet)(session_t *session, void *state);
    /* It is not let in: what it is told before the end. */
    void (*refuse)(session_t *session, void *state);
    /* A message from the client. false: it does not speak the dialect, close the session. */
    bool (*receive)(session_t *session, void *state, bool binary, str_t payload);
    /* Encoding; args: one array value. key: see frame_take. Adds frames; none when memory is gone.
     */
    void (*event)(str_t name, mp_t args, str_t key, frames_t *out);
    void (*answer)(void *state, uint64_t id, mp_t args, frames_t *out);
} dialect_t;

#define DIALECTS_MAX 6

/* What a session asks of its transport. */
typedef struct {
    void (*wake)(void *transport); /* the outbox is not empty */
    /* Close in the next turn of the loop, or a moment later so that what is queued goes out. */
    void (*end)(void *transport, const char *reason, bool flush);
    void (*pause)(void *transport, bool pause); /* stop or go on reading from the client */
} session_transport_t;

/* id: as clients know it (the sid). address: of the peer. head: of the request it came with, where
 * its credentials are; NULL: there is none; borrowed for the call. All borrowed but id and address.
 * Caller owns. */
session_t *session_new(core_t *core, const dialect_t *dialect, const listener_t *listener, str_t id,
                       const char *address, const http_head_t *head,
                       const session_transport_t *transport_ops, void *transport);
/* Its calls are forgotten, its subscriptions end. */
void session_destroy(session_t **self_p);
/* The transport is gone. The session is destroyed, or kept for its client to come back; the caller
 * has nothing to do with it any more. */
void session_lose(session_t **self_p);
/* The client must not come back to this session. */
void session_forbid_return(session_t *self);

/* --- log-in --- */
/* Finds out who the client is; the one place where that happens. auth: what the client said for it
 * (one value, MP_NONE for nothing), kept for the session. Called by session_new, or by the dialect
 * when its client asks to enter. */
void session_login(session_t *self, mp_t auth);
bool session_is_admitted(const session_t *self);
/* What the client said for its log-in, until it has been greeted or refused; MP_NONE: nothing.
 * Borrowed from the session. */
mp_t session_auth(const session_t *self);
/* Within the dialect's refuse: why, and how to say it to people. */
login_result_t session_refusal(const session_t *self);
const char *session_refusal_text(const session_t *self);
/* What the client was let in for is over: it is told (tell) and the connection ends. after: not
 * before this call of the client is answered; NULL: at once. */
void session_expel(session_t *self, bool tell, const call_t *after);
/* Nobody until it is admitted. For the guard and for commands that change it. */
identity_t *session_identity(session_t *self);

/* What guard.c keeps of a session. */
typedef struct {
    bool active;       /* something has come or gone since it was looked at */
    int64_t looked_ms; /* monotonic */
    int64_t life_ms;   /* that was left then */
    uint64_t corr;     /* of the question under way */
} session_watch_t;
session_watch_t *session_watch(session_t *self);

/* --- transport's side --- */
/* false: protocol error, close the session. */
bool session_receive(session_t *self, bool binary, str_t payload);
/* The next frame (reference for the caller), or NULL. */
frame_t *session_pop(session_t *self);
bool session_is_waiting(const session_t *self); /* whether the outbox has something */

/* --- dialect's side --- */
/* A frame into the outbox (reference of the caller stays). */
void session_push(session_t *self, frame_t *frame);
/* Encodes an answer in the session's dialect. */
void session_encode_answer(session_t *self, uint64_t ack, mp_t args, frames_t *out);
/* The client calls a command. args: one array value. */
void session_call(session_t *self, str_t name, mp_t args, bool has_ack, uint64_t ack);
/* The client has left the namespace: it gets nothing any more, and its subscriptions end. It may
 * log in again. */
void session_leave(session_t *self);
/* Takes over what the client's earlier session has left: id, name and subscriptions. pid and offset
 * as the client said them. false: there is no such session, or not all it missed is there. */
bool session_recover(session_t *self, str_t pid, str_t offset);
/* Sends what was missed before session_recover. */
void session_replay(session_t *self);
/* The secret with which the client may come back; NULL: it may not. */
const char *session_pid(const session_t *self);
/* The id as the client knows it; copied. */
const char *session_id(const session_t *self);
void session_set_id(session_t *self, str_t id);

/* --- for commands and events --- */
core_t *session_core(const session_t *self);
const listener_t *session_listener(const session_t *self);
const dialect_t *session_dialect(const session_t *self);
grants_user_t *session_user(const session_t *self);
subs_client_t *session_subs(const session_t *self);
const char *session_client(const session_t *self); /* "gateway-1/17", for logs and the tap */
const char *session_address(const session_t *self);
const char *session_name(const session_t *self); /* "" before the client has said one */
void session_set_name(session_t *self, str_t name);
/* The next in core->sessions, or NULL. */
session_t *session_next(const session_t *self);
/* As given to session_new: for dialects that have a transport of their own. */
void *session_transport(const session_t *self);
size_t session_queued(const session_t *self); /* bytes in the outbox */
size_t session_call_count(const session_t *self);
const call_t *session_calls(const session_t *self); /* the open ones; NULL: none */
/* Who it is for the bus; borrowed from the session. */
caller_t session_caller(const session_t *self);

/* An event before it is encoded. */
typedef struct {
    str_t name;
    mp_t args;        /* one array value */
    str_t key;        /* see frame_take */
    subs_kind_t kind; /* what found its receivers; SUBS_KINDS: it is for one client */
    str_t id;
    uint64_t seq;
    mp_t acl; /* what decides who may see it (access.h) */
} session_event_t;
/* Encodes an event in the session's dialect, for all sessions of that dialect. */
void session_encode_event(const session_t *self, const session_event_t *event, frames_t *out);
/* An event that its user may see, encoded in the session's dialect. cause: the call that caused it
 * (commands know). */
void session_event(session_t *self, const frames_t *frames, const call_t *cause);
/* Encodes and delivers an event for this session alone. args: one array value. */
void session_emit(session_t *self, str_t name, mp_t args);
/* The event tokenInfo {expiresAt} of the session's identity. */
void session_emit_token_info(session_t *self);

/* --- open calls (command.c) --- */
struct call {
    session_t *session;  /* NULL: it has gone */
    call_t *prev, *next; /* of the session */
    uint64_t corr;       /* on the bus; 0: not there (yet) */
    uint64_t ack;
    bool has_ack;
    int64_t started_us;
    size_t row; /* of the command table */
    void *data; /* of a command that takes several steps; freed with the call */
    void (*free_data)(void *data);
};

/* NULL: too many are open and the client wants an answer. The owner of a bus call tells its number.
 */
call_t *call_open(session_t *session, size_t row, bool has_ack, uint64_t ack);
void call_set_corr(call_t *call, uint64_t corr);
/* Answers (args: one array value) if the client wants an answer, and ends the call. */
void call_answer(call_t **self_p, mp_t args);
/* The open call of this gateway with that number, or NULL. */
call_t *call_find(const core_t *core, uint64_t corr);

#endif
