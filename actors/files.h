/* SPDX-License-Identifier: MIT */
/* The files actor: owns the files of all storages ("vis.0", "0_userdata.0", ...) with their meta
 * data, decides who may read and write them, and publishes fileChange [id, name, size|nil]. Follows
 * the objects for users, groups and the objects of type meta that storages need.
 * Source: data-model.md 6, commands.md 2.5. Thread contract: its functions run in the actor's
 * thread (bus/env.h). */
#ifndef IOBUS_ACTORS_FILES_H
#define IOBUS_ACTORS_FILES_H

#include "bus/env.h"

extern const actor_t files_actor;

#endif
