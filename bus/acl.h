/* SPDX-License-Identifier: MIT */
/* The bits of an acl (data-model.md 1.2): the one place that evaluates them, for the stores and for
 * the delivery of events. Who is above them (system.user.admin, administrators) is the caller's
 * business, because it differs from field to field.
 *
 * An event carries what decides who may see it as one value: nil when nothing but the rights of the
 * user's groups does; a map as acl_put writes it; or an array of such maps, all of which must allow
 * it (an alias, and what it reads). Thread contract: pure functions. */
#ifndef IOBUS_BUS_ACL_H
#define IOBUS_BUS_ACL_H

#include "bus/mp.h"

typedef enum { ACL_WRITE = 2, ACL_READ = 4 } acl_right_t;
typedef bool acl_member_fn(const void *arg, str_t group);

/* Whether the number under field ("object", "state": else "object", "permissions") allows it.
 * Exactly one class is looked at: owner, else group, else everyone. No such number: allowed.
 * is_member: whether the user belongs to a group. */
bool acl_allows(mp_t acl, const char *field, acl_right_t right, str_t user,
                acl_member_fn *is_member, const void *arg);
/* Appends what of an acl decides, and nothing else; no map: as if it were empty. */
void acl_put(buf_t *out, mp_t acl);

#endif
