/* SPDX-License-Identifier: MIT */
/* Who may see an event. Every event names the acl that decides (bus/acl.h); what a user may by an
 * acl is worked out once and remembered until his rights change, so that delivering costs a look
 * into a table. What is not known is not allowed.
 *
 *     access_rule_t *rule = access_require(access, SUBS_STATES, event->acl);
 *     if (access_allows(rule, session_user(session))) ...
 *
 * The same rights as for reading: state.read for states, object.read for objects and for states
 * that have one, file.read for files, and the bits of the acl (data-model.md 5.5, 5.6, 6.5); for
 * log lines what requireLog asks for. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_ACCESS_H
#define IOBUS_GATEWAY_ACCESS_H

#include "bus/acl.h"
#include "gateway/grants.h"
#include "gateway/subs.h"

typedef struct access access_t;           /* of all acls */
typedef struct access_rule access_rule_t; /* of one acl and one kind of events */

access_t *access_new(void); /* caller owns */
void access_destroy(access_t **self_p);
/* Valid until the next call. acl: one value, or an empty cursor for nil. */
access_rule_t *access_require(access_t *self, subs_kind_t kind, mp_t acl);
bool access_allows(access_rule_t *rule, const grants_user_t *user);

#endif
