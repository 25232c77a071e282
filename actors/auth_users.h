/* SPDX-License-Identifier: MIT */
/* Users and groups as log-ins and the commands about them see them: names, whether somebody may log
 * in, and the print of the password that is valid (a hash of its hash: it tells that a password has
 * changed, and nothing else). Fed with objects, like rights.h; shapes are not trusted.
 * Source: auth.md 6. Thread contract: one owner thread. */
#ifndef IOBUS_ACTORS_AUTH_USERS_H
#define IOBUS_ACTORS_AUTH_USERS_H

#include <jansson.h>

#include "bus/buf.h"
#include "bus/mp.h"

#define AUTH_USER_PREFIX "system.user."
#define AUTH_GROUP_PREFIX "system.group."
#define AUTH_ROOT "system.user.admin"
#define AUTH_NAME_MAX 256u /* bytes of a name; a longer one is nobody's */

typedef struct auth_users auth_users_t;

typedef struct {
    bool enabled;   /* always of AUTH_ROOT */
    bool protected; /* common.dontDelete */
    bool has_password;
    bool print_known;
    const char *print;  /* borrowed; "" when there is no password or it is not known */
    const json_t *name; /* common.name */
} auth_user_t;

auth_users_t *auth_users_new(void);
void auth_users_destroy(auth_users_t **self_p);
/* An object as it is now; nil or an empty cursor: deleted. whole: it has its password; otherwise
 * what is known of the password stays. Ids that do not matter are ignored. */
void auth_users_feed(auth_users_t *self, str_t id, mp_t object, bool whole);
/* What is known of a user; false: there is no such user. */
bool auth_users_find(const auth_users_t *self, str_t id, auth_user_t *out);
/* The password hash of a user as it stands in the object. True: it is another one than before. */
bool auth_users_set_password(auth_users_t *self, str_t id, str_t hash);
/* Appends the print of a password hash; nothing for an empty one. */
void auth_users_print(buf_t *out, str_t hash);

/* Appends the id of the user that this name means: an id as it is; "admin"; the user with this
 * common.name, also in the system's language and in English; otherwise an id made of the name. */
void auth_users_resolve(const auth_users_t *self, str_t name, buf_t *id);
/* Appends the id of a group: an id as it is, the group with this common.name, else one made of the
 * name as addGroup does. */
void auth_users_resolve_group(const auth_users_t *self, str_t name, buf_t *id);
/* Appends the id that a new user of this name gets. */
void auth_users_make_id(buf_t *out, str_t name);

/* Iterations for the password of a user that does not exist: those of one that does, always the
 * same for a name, so that the time of an answer does not tell the two apart. */
uint32_t auth_users_iterations(const auth_users_t *self, str_t id, uint32_t fallback);

/* Map of all users: id -> what is known; see auth_users_find. Borrowed. */
const json_t *auth_users_all(const auth_users_t *self);
/* Map of all groups: id -> {"name", "description", "members": [ids], "protected", "acl"}. */
const json_t *auth_users_groups(const auth_users_t *self);
/* NULL: no such group. */
const json_t *auth_users_group(const auth_users_t *self, str_t id);
/* Notes members before the object says so: the next change builds upon them. */
void auth_users_set_members(auth_users_t *self, str_t group, const json_t *members);

#endif
