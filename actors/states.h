/* SPDX-License-Identifier: MIT */
/* The actor that owns all states: reads, writes, life times, aliases, default values.
 * Commands for web clients: getState, getStates, getForeignStates, setState, delState; plain verbs:
 * states.get, states.put, states.del, states.scan; states.watched [[ids] | pattern], for gateways
 * that have missed events: [nil, [[id, state or nil, acl]...]]. Event: stateChange [id, state or
 * nil], with the acl of the object (of an alias: and of what it reads).
 * It follows the objects actor and answers web clients once it has read all objects.
 * Source: commands.md 2.3, data-model.md 1.3, 1.6-1.8, 4b. */
#ifndef IOBUS_ACTORS_STATES_H
#define IOBUS_ACTORS_STATES_H

#include "bus/env.h"

extern const actor_t states_actor;

#endif
