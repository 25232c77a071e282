/* SPDX-License-Identifier: MIT */
/* Outbound HTTP with libcurl's multi interface in a thread of its own, so that the actor's loop
 * never waits for a network. Jobs go in and results come out through two lock-protected queues; at
 * most `parallel` transfers run, at most `queue` jobs wait, so at most parallel + queue results
 * exist. Every submitted job gives exactly one result, unless the worker is destroyed first. Thread
 * contract: one owner thread calls these functions; none of them blocks, except destroy, which
 * waits for the worker's thread (milliseconds: transfers are cut off). */
#ifndef IOBUS_ACTORS_FETCH_WORKER_H
#define IOBUS_ACTORS_FETCH_WORKER_H

#include "bus/buf.h"

typedef struct fetch_worker fetch_worker_t;

typedef struct {
    int64_t timeout_ms; /* for the whole answer, waiting included */
    size_t max_size;    /* bytes of an answer, unpacked */
    long max_redirects; /* 0: redirects are not followed but delivered */
    size_t parallel;
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

/* Caller owns; NULL when no thread can be started. */
fetch_worker_t *fetch_worker_new(const fetch_limits_t *limits);
void fetch_worker_destroy(fetch_worker_t **self_p);
void fetch_worker_set_limits(fetch_worker_t *self, const fetch_limits_t *limits);
/* Whether one more job would be taken. Stays true until the next submit. */
bool fetch_worker_has_room(fetch_worker_t *self);
/* url: as fetch_url_fix gives it. timeout_ms: at most this much time; the limit applies too.
 * False when there is no room or no memory. */
bool fetch_worker_submit(fetch_worker_t *self, uint64_t id, str_t url, int64_t timeout_ms);
/* The next result in the order in which they ended; false: none yet. */
bool fetch_worker_take(fetch_worker_t *self, fetch_result_t *result);
/* Jobs whose results have not been taken. */
size_t fetch_worker_open(fetch_worker_t *self);
void fetch_result_fini(fetch_result_t *self);

/* Appends the URL as it goes to libcurl: blanks around it removed, tabs and line breaks dropped,
 * bytes behind the host that may not stand in a URL as %XX. NULL on success, else a static text for
 * the client: only http and https are allowed. Source: WHATWG URL, which the original follows.
 * Valid: "http://a/b c" (-> "http://a/b%20c"), "HTTPS://a"; invalid: "", "a/b", "file:///x",
 * "http://". */
const char *fetch_url_fix(buf_t *out, str_t url);

#endif
