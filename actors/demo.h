/* SPDX-License-Identifier: MIT */
/* The actor of --demo: a small house below demo.house whose values move, so that a newcomer sees
 * something live. Creates the objects that are missing, carries on with the values that it finds,
 * acknowledges what clients write (ack false) after a moment, and reports its sensors every few
 * seconds. Writes as system.adapter.demo.0, over the bus like anybody else; states whose objects
 * were deleted are left alone. The house itself: demo_house.h. Thread contract: the actor's own
 * thread. */
#ifndef IOBUS_ACTORS_DEMO_H
#define IOBUS_ACTORS_DEMO_H

#include "bus/env.h"

extern const actor_t demo_actor;

#endif
