/* SPDX-License-Identifier: MIT */
/* Sessions and tokens, in memory and in a database of their own; and the secret that signs cookies.
 * A record is found by the hash of its secret, which itself is nowhere. Changes are collected until
 * auth_store_commit; one that fails puts the memory back as it was.
 * Thread contract: one owner thread. */
#ifndef IOBUS_ACTORS_AUTH_STORE_H
#define IOBUS_ACTORS_AUTH_STORE_H

#include "actors/auth_token.h"
#include "bus/err.h"
#include "storage/engine.h"

#define AUTH_FORMAT 1u
#define AUTH_FIELD_MAX 200u /* bytes of a text that is kept of somebody's device or address */

typedef enum { AUTH_SESSION, AUTH_ACCESS, AUTH_REFRESH, AUTH_DEVICE, AUTH_KINDS } auth_kind_t;
/* "session" "access" "refresh" "device". */
const char *auth_kind_name(auth_kind_t kind);

/* Texts are owned by the record, never NULL. Times: ms since 1970. */
typedef struct auth_record {
    auth_hash_t hash;
    auth_kind_t kind;
    bool read_only;
    uint64_t family;    /* joins the tokens of one log-in */
    int64_t created_ms; /* order of creation, too */
    int64_t seen_ms;    /* last use; 0: never */
    int64_t saved_ms;   /* last use as it stands in the database */
    int64_t expires_ms; /* 0: never */
    int64_t ttl_ms;     /* by which activity prolongs it; 0: not at all */
    char *user;         /* id */
    char *print;        /* of the password that was valid then; "": does not depend on it */
    char *client;
    char *address; /* of the last use */
    char *name;    /* of a device token */
    size_t index;  /* in the list of all */
} auth_record_t;

typedef struct auth_store auth_store_t;

/* Takes the engine over. random: for a new secret and the hash table. On error one line in why. */
err_t auth_store_open(auth_store_t **out, engine_t **engine_p, const uint8_t random[32],
                      buf_t *why) MUST_USE;
void auth_store_close(auth_store_t **self_p);
engine_t *auth_store_engine(auth_store_t *self);
str_t auth_store_secret(const auth_store_t *self);

/* Borrowed until the record is removed or a commit fails; NULL: none. */
auth_record_t *auth_store_find(auth_store_t *self, const auth_hash_t *hash);
/* All records, in no order; the last one takes the place of one that is removed. */
size_t auth_store_count(const auth_store_t *self);
auth_record_t *auth_store_at(const auth_store_t *self, size_t index);

/* Adds a copy of draft, whose texts are cut to AUTH_FIELD_MAX, user excepted. NULL: no memory. */
auth_record_t *auth_store_add(auth_store_t *self, const auth_record_t *draft);
/* Notes the use of a record, and from where; written when the last note is older than a minute or
 * a fourth of its ttl. */
void auth_store_touch(auth_store_t *self, auth_record_t *record, str_t address, int64_t now_ms);
void auth_store_remove(auth_store_t *self, auth_record_t *record);

err_t auth_store_commit(auth_store_t *self) MUST_USE;
/* What a commit that fails does: makes the memory agree with the database again. */
void auth_store_take_back(auth_store_t *self);

/* A record as it is stored; the hash is its key. Exposed for tests and fuzzing. */
void auth_record_put(buf_t *out, const auth_record_t *record);
/* Caller owns; NULL: damaged, or no memory. */
auth_record_t *auth_record_read(const auth_hash_t *hash, str_t value);
void auth_record_destroy(auth_record_t **self_p);

#endif
