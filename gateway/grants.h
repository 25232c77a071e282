/* SPDX-License-Identifier: MIT */
/* What users may do: the permission table of the web commands, and per user which of its rows are
 * granted. The auth actor computes a user's permissions; they are kept here until it says that they
 * changed. Sources: data-model.md 5.1 to 5.3. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_GRANTS_H
#define IOBUS_GATEWAY_GRANTS_H

#include "bus/requests.h"
#include "gateway/forbidden.h"

typedef enum {
#define PERMISSION(id, command, type, operation) PERM_##id,
#include "gateway/permission.def"
#undef PERMISSION
    PERM_NONE /* nothing is needed */
} permission_t;

/* Row of the table; "" type: nothing is needed. */
const char *permission_command(permission_t permission);
const char *permission_type(permission_t permission);
const char *permission_operation(permission_t permission);
/* Appends {getObject: {type, operation}, ...}. */
void permission_list(buf_t *out);

typedef struct grants grants_t;           /* of all users */
typedef struct grants_user grants_user_t; /* of one user; lives as long as grants_t */

/* requests: borrowed. Caller owns. */
grants_t *grants_new(requests_t *requests);
void grants_destroy(grants_t **self_p);
/* The user, whose permissions are asked for when they are not known yet. user: "system.user.x".
 * read_only: the same user without everything that changes something. */
grants_user_t *grants_require(grants_t *self, const char *user, bool read_only, int64_t mono_ms);
/* The same user without some rights, for a client whose address has fewer. */
grants_user_t *grants_limited(grants_user_t *user, forbidden_t forbidden, int64_t mono_ms);
/* Asks again for those that are still unknown; called now and then. */
void grants_retry(grants_t *self, int64_t mono_ms);
/* Permissions of this user changed ("": of all); they are asked for again. */
void grants_changed(grants_t *self, str_t user, int64_t mono_ms);
/* The objects actor has told, by its event seq, of a user or a group: until the auth actor has
 * answered anew what is known must not be used to hand out events. */
void grants_doubt(grants_t *self, uint64_t epoch, uint64_t seq, int64_t mono_ms);
bool grants_doubtful(const grants_t *self);

typedef enum { GRANT_YES, GRANT_NO, GRANT_UNKNOWN /* no answer from the auth actor yet */ } grant_t;
grant_t grants_check(const grants_user_t *user, permission_t permission);
const char *grants_name(const grants_user_t *user);
bool grants_is_read_only(const grants_user_t *user);
forbidden_t grants_forbidden(const grants_user_t *user); /* what was taken away from him */
/* Whether the address of the client takes this away from the user, whatever his groups say. */
bool grants_forbids(const grants_user_t *user, permission_t permission);
/* The same as grants_check, but whatever was taken away: what the actors find. */
grant_t grants_check_own(const grants_user_t *user, permission_t permission);

/* --- what decides about single objects (access.h) --- */
/* May do everything, whoever asks: system.user.admin, unless it is read-only or limited. */
bool grants_is_almighty(const grants_user_t *user);
bool grants_is_root(const grants_user_t *user); /* system.user.admin, limited or not */
bool grants_is_admin(const grants_user_t *user);
bool grants_is_member(const grants_user_t *user, str_t group);
/* 0, 1, ...: a user keeps it. */
size_t grants_number(const grants_user_t *user);
/* Changes whenever his rights may have; 0: they are not known (yet, or for certain). */
uint32_t grants_version(const grants_user_t *user);

/* Who waits until a user's permissions are known. Owned by whoever waits. */
typedef struct grants_waiter {
    /* Once, never within grants_await. known: false when the auth actor did not say. */
    void (*done)(void *arg, bool known);
    void *arg;
    struct grants_waiter *next;
} grants_waiter_t;
/* Whether grants_check has an answer. */
bool grants_is_known(const grants_user_t *user);
void grants_await(grants_user_t *user, grants_waiter_t *waiter);
void grants_forget(grants_user_t *user, grants_waiter_t *waiter); /* if it still waits */

#endif
