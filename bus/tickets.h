/* SPDX-License-Identifier: MIT */
/* Requests whose answer comes later: enough of each to answer it once, by its ticket or at its
 * deadline. Bounded by TICKETS_MAX. Thread contract: one owner thread. */
#ifndef IOBUS_BUS_TICKETS_H
#define IOBUS_BUS_TICKETS_H

#include "bus/env.h"

#define TICKETS_MAX 16384

/* What is kept of a request. Strings are owned by the table. */
typedef struct {
    uint64_t ticket; /* 0: free */
    uint64_t corr;
    uint64_t trace;
    int64_t deadline_ms;
    int64_t started_us;
    bool wants_reply;
    const command_t *row;
    char *peer, *user, *client;
    size_t peer_len;
    uint32_t next; /* free list */
} ticket_t;

typedef struct tickets tickets_t;

tickets_t *tickets_new(void);
void tickets_destroy(tickets_t **self_p);
/* NULL: too many are open. */
ticket_t *tickets_open(tickets_t *self, const request_t *request, const command_t *row,
                       int64_t started_us);
/* NULL: no such ticket (answered, overdue). */
ticket_t *tickets_find(tickets_t *self, uint64_t ticket);
void tickets_close(tickets_t *self, ticket_t *ticket);
/* The next one that is overdue; NULL: none. */
ticket_t *tickets_overdue(tickets_t *self, int64_t mono_ms);
size_t tickets_open_count(const tickets_t *self);

#endif
