/* SPDX-License-Identifier: MIT */
/* Users, groups and what they may: the one place that decides (the bits of an acl: bus/acl.h). Fed
 * with objects (system.user.*, system.group.*, system.config); ids that do not matter are ignored.
 * Used by every store actor, each with its own table (the objects actor feeds from its store, the
 * others by replica). Stored shapes are not trusted: a members that is no array counts as empty, an
 * acl that is no map as missing. Source: data-model.md 1.2, 5. Thread contract: one owner thread.
 */
#ifndef IOBUS_ACTORS_RIGHTS_H
#define IOBUS_ACTORS_RIGHTS_H

#include "bus/acl.h"
#include "bus/buf.h"
#include "bus/err.h"
#include "bus/mp.h"

#define RIGHT_READ ACL_READ
#define RIGHT_WRITE ACL_WRITE
typedef acl_right_t right_t;

typedef struct rights rights_t;

rights_t *rights_new(void);
void rights_destroy(rights_t **self_p);
/* An object as it is now; an empty cursor or nil: deleted. */
void rights_feed(rights_t *self, str_t id, mp_t object);

/* "" (the system itself), system.user.admin and members of system.group.administrator. */
bool rights_is_admin(const rights_t *self, str_t user);
/* Exactly system.user.admin or "": the user that skips the state acl (data-model.md 5.6). */
bool rights_is_root(str_t user);
/* Whether the merged group rights allow e.g. ("object", "write"). Admins: always. */
bool rights_may(const rights_t *self, str_t user, const char *type, const char *operation);
/* Whether the bits of an acl map allow it. field: "object", "state" (falls back to "object"),
 * "permissions", "file". Exactly one class is looked at: owner, else group, else everyone. No acl
 * or no such number: allowed. Admins (rights_is_admin) are allowed except with field "state", where
 * only rights_is_root is. */
bool rights_acl(const rights_t *self, str_t user, mp_t acl, const char *field, right_t right);
/* First group of a user by id order; empty when there is none. */
str_t rights_first_group(const rights_t *self, str_t user);
/* Appends the list of all groups of a user. */
void rights_groups(const rights_t *self, str_t user, buf_t *out);
/* system.config common.defaultNewAcl, or an empty cursor. */
mp_t rights_default_acl(const rights_t *self);
/* The answer of getUserPermissions: {user, groups, object:{...}, ...} as calculatePermissions makes
 * it (data-model.md 5.3). Appends one map. */
void rights_permissions(const rights_t *self, str_t user, buf_t *out);

#endif
