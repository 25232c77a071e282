/* SPDX-License-Identifier: MIT */
/* The auth actor: what each user may do, kept up to date from the objects.
 * Command: "auth.permissions" [user] -> [nil, map] as getUserPermissions answers it
 * (data-model.md 5.3). Event: "permissionsChange" [user|nil] when a user, or anything that concerns
 * all (nil), has changed. Thread contract: run by bus/dispatch.c in a thread of its own. */
#ifndef IOBUS_ACTORS_AUTH_H
#define IOBUS_ACTORS_AUTH_H

#include "bus/env.h"

extern const actor_t auth_actor;

#endif
