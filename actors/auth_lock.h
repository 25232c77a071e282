/* SPDX-License-Identifier: MIT */
/* Failed log-ins, and what follows from them. Three counters:
 *
 *   user at address   from `user` failures on locked: 1 minute, 2 more failures 3, 5 more 10, 10
 *                     more 60 minutes, from the last failure (the original's steps, auth.md 7)
 *   address           the same from `address` failures on, whoever was tried
 *   user              from 4 * `user` failures on, wherever they came from: one attempt every two
 *                     seconds, so that many addresses together guess slowly too. Addresses from
 *                     which this user has logged in before are not held up: nobody can lock out
 *                     somebody else's devices.
 *
 * A success forgets the failures of the user at that address. Addresses: IPv4 in IPv6 counts as
 * IPv4, of IPv6 the first 64 bits. The table is bounded, what was not touched longest goes first;
 * what is older than a day is forgotten.
 * Thread contract: one owner thread. */
#ifndef IOBUS_ACTORS_AUTH_LOCK_H
#define IOBUS_ACTORS_AUTH_LOCK_H

#include "bus/buf.h"

typedef struct auth_lock auth_lock_t;

typedef struct {
    uint32_t user;    /* failures before the first lock */
    uint32_t address; /* the same for an address */
    size_t entries;   /* of the table */
} auth_limits_t;

/* seed: random bits. Caller owns. */
auth_lock_t *auth_lock_new(uint64_t seed, const auth_limits_t *limits);
void auth_lock_destroy(auth_lock_t **self_p);
void auth_lock_set_limits(auth_lock_t *self, const auth_limits_t *limits);

/* Appends what an address counts as; nothing for an empty one. */
void auth_lock_address(buf_t *out, str_t address);

/* The functions below take an address as auth_lock_address gives it; "": nothing is counted or
 * locked. Times are of a clock that never jumps. */

/* Ms until the next attempt is looked at; 0: now. */
int64_t auth_lock_wait(auth_lock_t *self, str_t user, str_t address, int64_t mono_ms);
/* How many attempts may be under way at once without overrunning a limit, at least one: of the user
 * at the address, and of all at the address. */
typedef struct {
    uint32_t user;
    uint32_t address;
} auth_room_t;
auth_room_t auth_lock_room(auth_lock_t *self, str_t user, str_t address, int64_t mono_ms);
/* The time of the user's next attempt when it is being guessed by many; takes the turn. Ms from
 * now; 0: no need to wait. More than AUTH_LOCK_HOLD_MS: refuse, the turn was not taken. */
#define AUTH_LOCK_HOLD_MS 6000
int64_t auth_lock_turn(auth_lock_t *self, str_t user, str_t address, int64_t mono_ms);
/* A failed attempt. Returns the lock that it caused, in ms; 0: none. */
int64_t auth_lock_fail(auth_lock_t *self, str_t user, str_t address, int64_t mono_ms);
void auth_lock_success(auth_lock_t *self, str_t user, str_t address, int64_t mono_ms);
size_t auth_lock_size(const auth_lock_t *self);

#endif
