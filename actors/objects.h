/* SPDX-License-Identifier: MIT */
/* The objects actor: owns id -> object, the views over them, users and groups. Commands: those of
 * web clients (commands.md 2.4, 7) and plain verbs (actors/objects_plain.c). Event: "objectChange"
 * [id, object|nil]; events never carry password hashes, native.secret or protected attributes: who
 * needs them asks (objects.get). Thread contract: run by bus/dispatch.c in a thread of its own. */
#ifndef IOBUS_ACTORS_OBJECTS_H
#define IOBUS_ACTORS_OBJECTS_H

#include "bus/env.h"

extern const actor_t objects_actor;

#endif
