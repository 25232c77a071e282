/* SPDX-License-Identifier: MIT */
/* Hashing of passwords in threads of its own, with a lower priority than everything else in the
 * process. Jobs go in and results come out through two lock-protected queues; a job that was
 * submitted gives exactly one result, unless the pool is destroyed first. At most `queue` jobs wait
 * beside those that run. Passwords are wiped as soon as they are hashed.
 * Thread contract: one owner thread calls these functions; none of them blocks, except destroy,
 * which waits for the jobs that run. */
#ifndef IOBUS_ACTORS_PASSWORD_POOL_H
#define IOBUS_ACTORS_PASSWORD_POOL_H

#include "actors/password.h"

typedef struct password_pool password_pool_t;

/* Owned by the caller: password_result_fini. */
typedef struct {
    uint64_t id;
    bool ok;    /* the password is right; the hash was made */
    buf_t hash; /* of password_pool_hash */
} password_result_t;

/* Caller owns; NULL when no thread can be started. */
password_pool_t *password_pool_new(size_t threads, size_t queue);
void password_pool_destroy(password_pool_t **self_p);
void password_pool_set_queue(password_pool_t *self, size_t queue);

/* Compares a password with a stored hash. A hash that cannot be read matches nothing, at the cost
 * of one with these iterations. False: no room or no memory. */
bool password_pool_check(password_pool_t *self, uint64_t id, str_t password, str_t hash,
                         uint32_t iterations);
/* Makes the hash of a new password. salt: PASSWORD_SALT_BYTES. False: as above. */
bool password_pool_hash(password_pool_t *self, uint64_t id, str_t password, uint32_t iterations,
                        const uint8_t *salt);
/* The next result in the order in which they ended; false: none yet. */
bool password_pool_take(password_pool_t *self, password_result_t *result);
void password_result_fini(password_result_t *self);

#endif
