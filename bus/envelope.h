/* SPDX-License-Identifier: MIT */
/* Messages on the bus. A ZeroMQ frame holds one or more messages, each a header and a body, one
 * after the other (msgpack values delimit themselves), so that a burst travels as one frame.
 *
 *   request  [1, 0, corr, command, [user, instance, client], ttl_ms, trace, flags] [args...]
 *   reply    [1, 1, corr, status, seq, trace] [call-back args...]
 *   event    [1, 2, epoch, seq, name, peer, corr, instance, acl, seen] [event args...]
 *
 * ttl_ms is relative: clocks of hosts differ. seq of a reply: the last event of its batch (0 none).
 * peer and corr of an event: the request that caused it; or, when an event of a followed actor did,
 * that actor's name and the event's number ("" and 0: neither). acl of an event: who may see it
 * (bus/acl.h). seen: the last event that the publisher knew of the actor that it follows (0: it
 * follows none): who follows both can keep their order. flags: bit 0 wants_reply. Unknown
 * versions and types, wrong shapes and anything that mp_check refuses are errors; a frame is used
 * up to the first bad message and then dropped. Thread contract: pure functions. */
#ifndef IOBUS_BUS_ENVELOPE_H
#define IOBUS_BUS_ENVELOPE_H

#include "bus/env.h"

#define ENVELOPE_VERSION 1

typedef enum { ENVELOPE_REQUEST, ENVELOPE_REPLY, ENVELOPE_EVENT } envelope_type_t;

typedef struct {
    envelope_type_t type;
    uint64_t corr;
    uint64_t trace;
    str_t name;      /* command or event */
    caller_t caller; /* request; event: instance only */
    int64_t ttl_ms;  /* request */
    bool wants_reply;
    err_t status;   /* reply */
    uint64_t seq;   /* reply, event */
    uint64_t epoch; /* event */
    str_t peer;     /* event */
    mp_t acl;       /* event; one value, or an empty cursor for nil */
    uint64_t seen;  /* event */
    mp_t body;      /* one array value */
    uint32_t argc;  /* its length */
} envelope_t;

/* Appends header and body (body: one array value). */
void envelope_put_request(buf_t *out, uint64_t corr, str_t command, const caller_t *caller,
                          int64_t ttl_ms, uint64_t trace, bool wants_reply, mp_t body);
void envelope_put_reply(buf_t *out, uint64_t corr, err_t status, uint64_t seq, uint64_t trace,
                        uint32_t count, mp_t values); /* values: count values, no array header */
void envelope_put_event(buf_t *out, const envelope_t *event); /* the fields of an event count */
/* Takes the next message of a frame. ERR_OK, ERR_BAD_FRAME, ERR_BAD_VERSION, ERR_TOO_DEEP.
 * Strings and body borrow from the frame. */
err_t envelope_next(mp_t *frame, envelope_t *out) MUST_USE;

#endif
