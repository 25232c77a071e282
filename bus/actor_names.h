/* SPDX-License-Identifier: MIT */
/* The actors that serve requests, in the order in which they start. One list: endpoints, --only,
 * readiness and the tap go by it. Thread contract: constant. */
#ifndef IOBUS_BUS_ACTOR_NAMES_H
#define IOBUS_BUS_ACTOR_NAMES_H

#include "bus/buf.h"

/* NULL-terminated. */
const char *const *actor_names(void);
/* The listed name equal to text (static), or NULL. */
const char *actor_name_find(str_t text);

#endif
