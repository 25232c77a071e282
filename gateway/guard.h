/* SPDX-License-Identifier: MIT */
/* Keeps what is known of the users of live clients true. The auth actor tells which sessions,
 * tokens and users have ended: clients that came in with them are told and closed. What a client
 * does prolongs its session, at most once a minute, and what has expired is looked up once more,
 * because another page may have prolonged it. Sources: auth.md 5.4, commands.md 8.5.
 *
 * A log-in that is under way could miss an end: guard_serial before it is asked for and
 * guard_has_ended when it is answered tell. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_GUARD_H
#define IOBUS_GATEWAY_GUARD_H

#include "gateway/core.h"
#include "gateway/login.h"

struct call;
struct session;

typedef struct guard guard_t;

/* core: borrowed. Caller owns. */
guard_t *guard_new(core_t *core);
void guard_destroy(guard_t **self_p);
/* Once a second. */
void guard_tick(guard_t *self);
/* The session has got its identity, or another one. */
void guard_admitted(struct session *session);

/* --- what the auth actor says --- */
/* What was begun with this hash is over; "": everything of this user but device tokens. cause: the
 * call of a client of ours that did it, or NULL. */
void guard_end(guard_t *self, str_t user, str_t hash, str_t reason, const struct call *cause);
/* Ends may have been missed. */
void guard_gap(guard_t *self);

/* --- for log-ins; self may be NULL: nothing ends --- */
uint64_t guard_serial(const guard_t *self);
/* Whether the identity may have ended since that serial. */
bool guard_has_ended(const guard_t *self, uint64_t since, const identity_t *identity);

#endif
