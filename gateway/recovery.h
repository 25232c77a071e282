/* SPDX-License-Identifier: MIT */
/* Connection state recovery of socket.io 4.6 and later: a client that lost its connection comes
 * back with the secret of its session and the number of the last event that it has seen, and gets
 * its subscriptions and what it missed.
 *
 * Events that clients of such a dialect get are numbered, and kept once for all of them, for a
 * while and up to so many bytes. A session whose connection is gone is parked: its subscriptions
 * go on to find events, which nobody is sent. Both have bounds; the oldest goes first, and who
 * comes back for something that has gone starts anew.
 *
 *     ticket = recovery_open(recovery, session);        // the client is told recovery_pid(ticket)
 *     recovery_park(ticket);                            // its connection is gone
 *     session_t *old = recovery_find(recovery, pid);    // it is back
 *
 * Source: socket.io's documentation, "Connection state recovery". Thread contract: gateway thread.
 */
#ifndef IOBUS_GATEWAY_RECOVERY_H
#define IOBUS_GATEWAY_RECOVERY_H

#include <ev.h>

#include "bus/mp.h"
#include "gateway/frame.h"
#include "gateway/subs.h"

#define RECOVERY_PID_LEN 20
#define RECOVERY_OFFSET_MAX 20 /* characters of a number as text, with its end */

typedef struct recovery recovery_t;
typedef struct recovery_ticket recovery_ticket_t; /* of one session */
struct session;

typedef struct {
    int64_t keep_ms; /* how long events and parked sessions are kept */
    size_t events;   /* bytes of all kept events */
    size_t sessions; /* parked at the same time */
} recovery_bounds_t;

/* loop: borrowed. Caller owns. */
recovery_t *recovery_new(struct ev_loop *loop, const recovery_bounds_t *bounds);
/* Destroys the parked sessions, too. */
void recovery_destroy(recovery_t **self_p);

/* --- events --- */
/* Number of the next event. */
uint64_t recovery_number(recovery_t *self);
void recovery_put_number(uint64_t number, char text[RECOVERY_OFFSET_MAX]);
/* false: the text is none of ours. */
bool recovery_read_number(str_t text, uint64_t *out);
/* Keeps an event (references of its own) with what subs_match needs to find its receivers again,
 * and with what decides who of them may see it (access.h). */
void recovery_keep(recovery_t *self, uint64_t number, subs_kind_t kind, str_t id, uint64_t seq,
                   mp_t acl, frame_t *const *frames, size_t count);
/* The acl of something has changed: events are not handed out again by the old one. Who has missed
 * any of them starts anew. */
void recovery_forget(recovery_t *self);
/* Whether everything behind this number is still there. */
bool recovery_covers(const recovery_t *self, uint64_t number);
typedef void recovery_each_fn(void *arg, subs_kind_t kind, mp_t acl, frame_t *frame);
/* Calls each, in order, for the frames of all events behind the number that the client wants. */
void recovery_replay(const recovery_t *self, uint64_t number, const subs_client_t *client,
                     recovery_each_fn *each, void *arg);

/* --- sessions --- */
/* Registers a session. Caller owns. */
recovery_ticket_t *recovery_open(recovery_t *self, struct session *session);
void recovery_close(recovery_ticket_t **self_p);
const char *recovery_pid(const recovery_ticket_t *self);
/* Number of the last event before the ticket. */
uint64_t recovery_start(const recovery_ticket_t *self);
/* The ticket is now that of another session. */
void recovery_move(recovery_ticket_t *self, struct session *session);
/* The session has no connection any more; from now on it is recovery's, which may destroy it. */
void recovery_park(recovery_ticket_t *self);
/* The session with that secret, parked or live; NULL: none. */
struct session *recovery_find(const recovery_t *self, str_t pid);

#endif
