/* SPDX-License-Identifier: MIT */
/* What all parts of a running gateway share. Made and owned by gateway.c; everybody else borrows.
 * Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_CORE_H
#define IOBUS_GATEWAY_CORE_H

#include "bus/requests.h"
#include "gateway/access.h"
#include "gateway/grants.h"
#include "gateway/map.h"
#include "gateway/metrics.h"
#include "gateway/subs.h"

struct certs;
struct guard;
struct messenger;
struct session;
struct recovery;
struct status;
struct whitelist;

/* The actors whose events are followed; their numbers index core_t.seen. */
typedef enum {
    FEED_OBJECTS,
    FEED_STATES,
    FEED_FILES,
    FEED_LOG,
    FEED_AUTH,
    FEED_MESSAGES,
    FEED_HOST,
    FEED_COUNT
} feed_t;

/* Settings that a reload may change. */
typedef struct {
    size_t max_message;
    size_t max_file;     /* bytes of a file that comes over HTTP */
    size_t max_value;    /* bytes of a call that carries no file */
    size_t max_requests; /* open calls of a session */
    size_t outbox_soft, outbox_hard;
    int64_t request_ms; /* deadline of a call */
    int64_t fetch_ms;   /* of one that waits for the outside world */
    int64_t message_ms; /* of one that waits for an instance */
} core_limits_t;

typedef struct {
    requests_t *requests;
    subs_t *subs;
    grants_t *grants;
    access_t *access;
    struct guard *guard;         /* NULL: no log-in ever ends */
    struct messenger *messenger; /* NULL: no client is an instance, or listens to one */
    struct recovery *recovery;   /* NULL: clients cannot come back to their sessions */
    struct status *status;       /* NULL: without rates and uptime */
    struct certs *certs;         /* NULL: no listener speaks TLS */
    struct whitelist *whitelist; /* who clients of certain addresses are */
    metrics_t *metrics;
    map_t *calls;                /* correlation number -> call_t */
    map_t *command_index;        /* name -> row, filled by command.c */
    metrics_command_t *commands; /* a row per command of the table */
    core_limits_t limits;
    const char *version;       /* that getVersion answers */
    uint64_t seen[FEED_COUNT]; /* highest event number that is known to exist: handed out, or in a
                                  reply */
    struct session *sessions;  /* list of all */
    size_t session_count;
    uint64_t session_serial;    /* the last session's number */
    int64_t mono_ms;            /* now, on the clock of requests_expire */
    void (*changed)(void *arg); /* a client came, went or took a name */
    void *changed_arg;
} core_t;

#endif
