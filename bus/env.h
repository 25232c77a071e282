/* SPDX-License-Identifier: MIT */
/* What a command handler sees of the world. Handlers have no sockets: requests come in as
 * request_t, answers go out through reply_t, and everything else (clock, randomness, events,
 * questions to other actors) through env_t. bus/actor.c implements env_t on the bus; tests and
 * fuzz targets implement it in memory (tests/unit/fake_env.h) and drive a whole actor in one
 * thread.
 *
 * Order that the dispatcher guarantees for a batch of requests: handlers run, the actor's commit
 * makes the batch durable, then replies, events and questions leave. When commit fails, every
 * request of the batch that is CMD_WRITE is answered with that error and its events are dropped;
 * questions leave in any case.
 * Thread contract: everything here belongs to the actor's own thread. */
#ifndef IOBUS_BUS_ENV_H
#define IOBUS_BUS_ENV_H

#include "bus/buf.h"
#include "bus/err.h"
#include "bus/mp.h"

/* On whose behalf a request is made. */
typedef struct {
    str_t user;     /* "system.user.admin"; "" = the system itself (all rights) */
    str_t instance; /* "socketio.0": what `from` is made of; "" = no web client (import, tools) */
    str_t client;   /* who, for logs and the tap: "gateway-1/17" */
} caller_t;

typedef struct {
    uint64_t corr;       /* correlation number, chosen by the caller */
    uint64_t trace;      /* joins requests of one client call in the tap */
    str_t peer;          /* routing id of the caller on the bus */
    str_t command;       /* name as in the command table */
    caller_t caller;     /* borrowed for the call, as everything here */
    int64_t deadline_ms; /* env mono clock; later answers are thrown away by the caller */
    bool wants_reply;    /* the client gave a call-back */
    mp_t args;           /* cursor at the first argument */
    uint32_t argc;       /* number of arguments */
} request_t;

/* The answer: the array of call-back arguments. */
typedef struct {
    buf_t body;     /* count values, one after the other */
    uint32_t count; /* values in body */
} reply_t;

void reply_init(reply_t *self);
void reply_fini(reply_t *self);
void reply_clear(reply_t *self);
/* Adds one argument: write exactly one value into the returned buffer. */
buf_t *reply_value(reply_t *self);
void reply_nil(reply_t *self);
void reply_bool(reply_t *self, bool value);
void reply_str(reply_t *self, str_t text);
void reply_raw(reply_t *self, mp_t value); /* nil when the cursor is empty */
/* Throws away what was there; the answer becomes [text]. Returns ERR_CUSTOM to `return` it. */
err_t reply_error(reply_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The i-th argument (0-based) as its own range; false when there are fewer. */
bool request_arg(const request_t *request, uint32_t index, mp_t *value);

typedef struct env env_t;
/* body: the array of call-back arguments of the other actor (its elements through mp_at), or
 * [text] when status is not ERR_OK. Borrowed for the call. */
typedef void env_answer_fn(void *arg, err_t status, mp_t body);

struct env {
    void *impl; /* of the implementation */
    /* Milliseconds since 1970, and of a clock that never jumps. */
    int64_t (*now)(env_t *env);
    int64_t (*mono)(env_t *env);
    void (*random)(env_t *env, void *out, size_t len);
    /* Publishes an event to all followers once the batch is committed. args: one array value.
     * cause: the request that caused it, or NULL (inside `event`:
     * the event that is handled). instance: caller's instance ("" for none). acl: what decides who
     * may see it (bus/acl.h); an empty cursor is nil. */
    void (*publish)(env_t *env, const char *event, const request_t *cause, mp_t acl, mp_t args);
    /* Asks another actor; args: one array value. done is called exactly once, later, also when the
     * actor is gone or silent past ttl_ms. done may be NULL. */
    void (*ask)(env_t *env, const char *actor, const char *command, const caller_t *caller,
                mp_t args, int64_t ttl_ms, env_answer_fn *done, void *arg);
    /* For a handler that returns ERR_PENDING: a ticket under which the answer is given later by
     * answer(). 0: too many are open (return ERR_BUSY). The dispatcher answers ERR_TIMEOUT itself
     * at the request's deadline; a later answer() of that ticket does nothing. */
    uint64_t (*defer)(env_t *env, const request_t *request);
    /* Gives the deferred answer. reply is borrowed; NULL or status != OK with empty body: the text
     * of status. May be called in any callback of this actor (handler, event, tick, done). */
    void (*answer)(env_t *env, uint64_t ticket, err_t status, const reply_t *reply);
};

/* --- command tables --------------------------------------------------------------------------- */

enum {
    CMD_READ = 0,        /* changes nothing; not executed when nobody wants the answer */
    CMD_WRITE = 1 << 0,  /* part of the batch's commit; answered after it */
    CMD_EFFECT = 1 << 1, /* has an effect outside the store: executed also without call-back */
    CMD_SECRET = 1 << 2  /* the tap and the log show no arguments and no answer */
};

/* Return ERR_OK with the reply filled; ERR_CUSTOM after reply_error; ERR_PENDING after defer;
 * any other error becomes the answer [err_text]. */
typedef err_t handler_fn(void *self, const request_t *request, reply_t *reply);

typedef struct {
    const char *name;
    handler_fn *handler;
    uint32_t min_args; /* fewer: ERR_BAD_ARGS without calling the handler */
    uint32_t flags;
} command_t;

/* An event of an actor that this one follows. */
typedef struct {
    const char *actor; /* "objects" */
    str_t name;        /* "objectChange" */
    uint64_t seq;      /* without holes within an epoch */
    str_t instance;    /* of the caller that caused it; "" import, tools, the system */
    mp_t args;         /* one array value */
} event_t;

typedef struct config config_t;

/* An actor. All functions run in its thread. */
typedef struct {
    const char *name;           /* "states"; also the name of its endpoints */
    const command_t *commands;  /* ends with name NULL */
    const char *const *follows; /* actors whose events it gets, NULL-terminated; or NULL */
    const char *patient;        /* one of these whose events may wait some ms, when it does nothing
                                   else; NULL */
    const char *const *barrier; /* actors that must have seen this one's events before its write
                                   commands are answered, NULL-terminated; or NULL */
    /* Opens stores, fills caches. On error writes one line without newline into why. */
    err_t (*open)(env_t *env, const config_t *config, void **self_p, buf_t *why);
    void (*close)(void **self_p);
    err_t (*commit)(void *self);                     /* NULL: nothing to commit */
    void (*event)(void *self, const event_t *event); /* a followed event */
    void (*gap)(void *self, const char *actor);      /* first contact, or events were lost for good:
                                                        read again what is needed of that actor */
    /* Returns ms until the next call; NULL: none. Called also in a turn that deferred a request. */
    int64_t (*tick)(void *self, int64_t mono_ms);
    /* It ends after this batch: what is asked now still leaves, and nobody hears the answer. NULL:
     * nothing to say. */
    void (*leave)(void *self);
    void (*reload)(void *self, const config_t *config); /* SIGHUP; NULL: nothing to reload */
    bool (*ready)(void *self, buf_t *why);              /* NULL: always; else for /readyz */
} actor_t;

#endif
