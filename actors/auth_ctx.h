/* SPDX-License-Identifier: MIT */
/* What the parts of the auth actor share: its state, and the steps that several commands make.
 * The actor itself is actors/auth.c; auth_login.c checks passwords, auth_sessions.c has sessions
 * and tokens, auth_devices.c tokens for devices, auth_accounts.c and
 * auth_groups.c (by tasks, auth_task.h) change users and groups, auth_why.c explains. The contract
 * of the commands stands in actors/auth.h. Thread contract: the actor's thread. */
#ifndef IOBUS_ACTORS_AUTH_CTX_H
#define IOBUS_ACTORS_AUTH_CTX_H

#include "actors/auth_lock.h"
#include "actors/auth_store.h"
#include "actors/auth_users.h"
#include "actors/password_pool.h"
#include "actors/replica.h"
#include "actors/rights.h"
#include "bus/env.h"

typedef struct auth_logins auth_logins_t;     /* passwords that are being checked */
typedef struct auth_accounts auth_accounts_t; /* changes of users and groups under way */

typedef struct {
    env_t *env;
    rights_t *rights;    /* what holds now */
    auth_users_t *users; /* the same users, as log-ins see them */
    rights_t *reading;   /* of a full reading under way, else NULL */
    auth_users_t *reading_users;
    replica_t *replica;
    auth_store_t *store;
    password_pool_t *pool;
    auth_lock_t *lock;
    auth_logins_t *logins;
    auth_accounts_t *accounts;
    uint64_t next_job;   /* number of the next job of the pool */
    int64_t next_expiry; /* ms since 1970: no record expires before */
    json_t *stale;       /* users whose password may have changed: {id: true} */
    json_t *fetching;    /* users that are asked for: [ids]; NULL: no question is open */
    int64_t ttl_ms, stay_ttl_ms, token_ttl_ms, refresh_ttl_ms;
    size_t max_sessions, max_user_sessions, max_logins;
    uint32_t iterations; /* of new passwords */
} auth_t;

/* --- arguments and answers (auth.c) ----------------------------------------------------------- */

/* ERR_PERMISSION unless the system itself asks. */
err_t auth_check_system(const request_t *request) MUST_USE;
/* The i-th argument as text; false: missing or something else. A nil is the empty text. */
bool auth_arg_str(const request_t *request, uint32_t index, str_t *out);
/* The i-th argument; an empty cursor when it is missing. */
mp_t auth_arg(const request_t *request, uint32_t index);
/* [text, {reason}] or [text, {reason, seconds}] when seconds > 0. Returns ERR_CUSTOM. */
err_t auth_error(reply_t *reply, const char *reason, const char *text);
err_t auth_error_locked(reply_t *reply, int64_t wait_ms);
/* Appends a pair of a map. */
void auth_put_str(buf_t *out, const char *key, const char *text);
void auth_put_int(buf_t *out, const char *key, int64_t number);
void auth_put_bool(buf_t *out, const char *key, bool flag);
/* "anna" of "system.user.anna". */
const char *auth_name_of(const char *user);

/* --- sessions and tokens (auth_sessions.c) ---------------------------------------------------- */

typedef enum { AUTH_WANT_CHECK, AUTH_WANT_SESSION, AUTH_WANT_TOKENS } auth_want_t;

/* Somebody who has proved who he is. Texts are borrowed, never NULL. */
typedef struct {
    auth_want_t want;
    bool stay;
    int64_t ttl_ms; /* of the session; 0: as configured */
    char *user, *print, *client, *address;
} auth_grant_t;

/* Begins what is wanted and fills the answer. ERR_OK or an error with the reply filled. */
err_t auth_begin(auth_t *self, const auth_grant_t *grant, reply_t *reply) MUST_USE;
/* Ends one record, with its event. */
void auth_end_record(auth_t *self, auth_record_t *record, const char *reason);
/* Ends all of a user; device tokens too when the user may not log in any more. Returns how many. */
uint64_t auth_end_user(auth_t *self, const char *user, const char *reason, bool devices);
/* Ends what has expired. */
void auth_expire(auth_t *self);
/* After a full reading of the users: ends what does not belong to any of them now. */
void auth_end_orphans(auth_t *self);

/* What every command of the system begins with: ERR_PERMISSION, ERR_UNAVAILABLE. */
err_t auth_check_ready(const auth_t *self, const request_t *request) MUST_USE;
/* The same, and the texts of the first two arguments. */
err_t auth_read_two(const auth_t *self, const request_t *request, str_t *first,
                    str_t *second) MUST_USE;
/* Makes room for `count` records of a user: the oldest go, device tokens excepted. False: they are
 * all that is there. */
bool auth_make_room(auth_t *self, const char *user, size_t count);
/* Adds a record for a secret; life_ms: 0: it has no end. NULL: no memory. */
auth_record_t *auth_add_record(auth_t *self, auth_record_t *draft, str_t secret, int64_t life_ms);
err_t auth_no_room(reply_t *reply);
void auth_put_new_token(auth_t *self, buf_t *out);
/* Append pairs of a map: a hash, and expiresAt. */
void auth_put_hash(buf_t *out, const char *key, const auth_hash_t *hash);
void auth_put_end(buf_t *out, const auth_record_t *record);

handler_fn auth_on_session_check, auth_on_session_touch, auth_on_session_end,
    auth_on_session_end_user, auth_on_session_list, auth_on_token_refresh, auth_on_token_check,
    auth_on_token_update, auth_on_token_info, auth_on_device_add, auth_on_device_list,
    auth_on_device_revoke;

/* --- passwords (auth_login.c) ----------------------------------------------------------------- */

auth_logins_t *auth_logins_new(auth_t *auth);
void auth_logins_destroy(auth_logins_t **self_p);
size_t auth_logins_len(const auth_logins_t *self);
/* A result of the pool; false: it is none of a log-in. */
bool auth_logins_take(auth_logins_t *self, const password_result_t *result);
/* Goes on with those that had to wait. */
void auth_logins_advance(auth_logins_t *self);
/* A password was found to be another one than before: fetched from the object or set by us. */
void auth_password_is(auth_t *self, str_t user, str_t hash);

handler_fn auth_on_login, auth_on_token_password;

/* --- users and groups (auth_accounts.c) ------------------------------------------------------- */

auth_accounts_t *auth_accounts_new(auth_t *auth);
void auth_accounts_destroy(auth_accounts_t **self_p);
size_t auth_accounts_len(const auth_accounts_t *self);
bool auth_accounts_take(auth_accounts_t *self, const password_result_t *result);

handler_fn auth_on_passwd, auth_on_user_add, auth_on_user_del, auth_on_user_enable,
    auth_on_user_list, auth_on_group_add, auth_on_group_del, auth_on_group_join,
    auth_on_group_leave, auth_on_group_list, auth_on_add_user, auth_on_del_user, auth_on_add_group,
    auth_on_del_group, auth_on_change_password;

/* --- explanations (auth_why.c) ---------------------------------------------------------------- */

handler_fn auth_on_why;

#endif
