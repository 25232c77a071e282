/* SPDX-License-Identifier: MIT */
/* What the parts of the history actor share: history.c (life, events, recording), history_jobs.c
 * (work in steps), history_messages.c (sendTo). Not for other modules. Thread contract: the actor's
 * own thread. */
#ifndef IOBUS_ACTORS_HISTORY_CTX_H
#define IOBUS_ACTORS_HISTORY_CTX_H

#include "actors/history_points.h"
#include "actors/history_query.h"
#include "actors/replica.h"
#include "bus/env.h"

#define HISTORY_INSTANCE "history.0"
#define HISTORY_OBJECT "system.adapter.history.0"

/* How a query is answered. */
typedef enum { HISTORY_AS_COMMAND, HISTORY_AS_MESSAGE } history_form_t;

typedef struct history_job history_job_t;
typedef struct history_ask history_ask_t;

typedef struct {
    env_t *env;
    engine_t *engine;
    replica_t *replica;
    history_points_t *points;
    history_native_t native;
    bool recording;      /* off: the rules neither record nor delete */
    uint64_t reading;    /* number of the reading of objects under way, or the last */
    history_job_t *jobs; /* a ring, in turn; NULL: none */
    size_t jobs_len;
    history_ask_t *asks;   /* open questions to other actors */
    int64_t due_at;        /* mono ms: timers of points; HISTORY_NEVER */
    bool wants_values;     /* some points wait for their first value */
    int64_t values_at;     /* mono ms: not before; after an answer that did not come */
    size_t retention_next; /* number of the point that is looked at next */
    size_t retention_jobs; /* deletions by age under way */
} history_t;

/* --- history.c ------------------------------------------------------------------------------- */

/* Under which id a state is recorded. Borrowed. */
str_t history_store_id(const history_t *self, str_t id);
/* Records a row; fields that the instance does not store are left out. */
err_t history_record(history_t *self, str_t store_id, const history_row_t *row);
/* Applies a point's rules to a row. */
void history_apply(history_t *self, history_point_t *point, const history_row_t *row, bool changed);

/* --- history_jobs.c -------------------------------------------------------------------------- */

/* Answers a question about the history of an id, at once or later. Result as of a handler. */
err_t history_query(history_t *self, const request_t *request, reply_t *reply, str_t id,
                    mp_t options, const history_defaults_t *defaults, history_form_t form);

/* A stretch of time of an id, both ends included. */
typedef struct {
    buf_t id;
    int64_t from, to;
} history_span_t;

/* Deletes in steps, then answers [{success}]. Takes over *spans (an array of len from malloc).
 * request NULL: nobody asks. wants_found: success tells whether there was anything. */
err_t history_erase(history_t *self, const request_t *request, history_span_t **spans, size_t len,
                    bool wants_found);
void history_spans_free(history_span_t *spans, size_t len);

/* Goes on with the jobs. True: there is more to do. */
bool history_jobs_step(history_t *self);
void history_jobs_free(history_t *self);

/* A question to another actor whose answer belongs to a request. done gets the context. */
typedef void history_done_fn(history_t *self, history_ask_t *ask, err_t status, mp_t body);
struct history_ask {
    history_t *history;
    history_ask_t *next, **link; /* of the list of open questions */
    history_done_fn *done;
    uint64_t ticket;
    int64_t deadline_ms;
    history_form_t form;
    history_query_t *query; /* waits for permission */
    buf_t session;          /* sessionId, a value; or the ids that were asked for */
};
/* NULL when memory is gone. */
history_ask_t *history_ask_new(history_t *self, history_done_fn *done);
/* Sends it; afterwards it belongs to the answer. */
void history_ask_send(history_ask_t *ask, const char *actor, const char *command,
                      const caller_t *caller, const buf_t *args, int64_t ttl_ms);
void history_asks_free(history_t *self);

/* --- history_messages.c ---------------------------------------------------------------------- */

err_t history_on_message(void *self, const request_t *request, reply_t *reply);
/* Adds {error: text} as the only argument. */
err_t history_reply_refusal(reply_t *reply, str_t text);

#endif
