/* SPDX-License-Identifier: MIT */
/* Outbound HTTP with libcurl's multi interface in a thread of its own, so that the actor's loop
 * never waits for a network. Jobs go in and results come out through two lock-protected queues; at
 * most `parallel` transfers run, at most `queue` jobs wait, so at most parallel + queue results
 * exist. Jobs start in the order of submission, but one whose user or client has enough transfers
 * lets the others pass. Every submitted job gives exactly one result, unless the worker is
 * destroyed first.
 * Only http and https, also behind redirects. The address of each connection is put before the
 * policy when it is made and again before a request goes over it. Bodies count as unpacked; heads
 * are bounded; gzip and deflate only, not packed twice. Nothing is taken from the environment or
 * from files of the user: no proxy, no netrc, no cookies. A password in the URL goes to that host
 * only. Thread
 * contract: one owner thread calls these functions; none of them blocks, except destroy, which
 * waits for the worker's thread (milliseconds: transfers are cut off). */
#ifndef IOBUS_ACTORS_FETCH_WORKER_H
#define IOBUS_ACTORS_FETCH_WORKER_H

#include "actors/fetch_policy.h"
#include "bus/buf.h"
#include "bus/env.h"

typedef struct fetch_worker fetch_worker_t;

typedef struct {
    int64_t timeout_ms; /* for the whole answer, waiting included */
    size_t max_size;    /* bytes of an answer, unpacked */
    long max_redirects; /* 0: redirects are not followed but delivered */
    size_t parallel;
    size_t per_user;   /* of these; of the queue three quarters */
    size_t per_client; /* of these; of the queue a quarter */
    size_t queue;
} fetch_limits_t;

#define FETCH_STATUS_TEXT_MAX 128

/* What became of a job. Owned by the caller: fetch_result_fini. */
typedef struct {
    uint64_t id;
    const char *error;                       /* static text for the client; NULL: success */
    char error_text[FETCH_STATUS_TEXT_MAX];  /* error points here when it has numbers in it */
    long status;                             /* 200 */
    char status_text[FETCH_STATUS_TEXT_MAX]; /* "OK"; "" when the server sent none */
    buf_t body;
} fetch_result_t;

/* Takes the policy over. Caller owns; NULL when no thread can be started. */
fetch_worker_t *fetch_worker_new(const fetch_limits_t *limits, fetch_policy_t **policy_p);
void fetch_worker_destroy(fetch_worker_t **self_p);
/* For the jobs that come; the policy (taken over) also for connections that are open. */
void fetch_worker_set_limits(fetch_worker_t *self, const fetch_limits_t *limits,
                             fetch_policy_t **policy_p);
/* Whether one more job of this caller would be taken. Stays true until the next submit. */
bool fetch_worker_has_room(fetch_worker_t *self, const caller_t *caller);
/* url: as fetch_url.h gives it. timeout_ms: at most this much time; the limit applies too.
 * False when there is no room or no memory. */
bool fetch_worker_submit(fetch_worker_t *self, uint64_t id, const caller_t *caller, str_t url,
                         int64_t timeout_ms);
/* The next result in the order in which they ended; false: none yet. */
bool fetch_worker_take(fetch_worker_t *self, fetch_result_t *result);
/* Jobs whose results have not been taken. */
size_t fetch_worker_open(fetch_worker_t *self);
void fetch_result_fini(fetch_result_t *self);

#endif
