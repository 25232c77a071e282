/* SPDX-License-Identifier: MIT */
/* Rights that are taken away from whoever comes from a certain address (whitelist.h): of the types
 * object, state and file, the operations list, read, write, create and delete. A set of them is a
 * number; 0 takes nothing away. Source: data-model.md 5.4. */
#ifndef IOBUS_GATEWAY_FORBIDDEN_H
#define IOBUS_GATEWAY_FORBIDDEN_H

#include "bus/mp.h"

typedef unsigned forbidden_t;

/* The set of one right; 0: it is none of these. */
forbidden_t forbidden_of(str_t type, str_t operation);
/* The set of all that a map {type: {operation: value}} says is false (null, 0 or "" is, too); what
 * it does not mention stays. */
forbidden_t forbidden_read(mp_t map);
/* Appends permissions, as getUserPermissions answers them, without the rights of the set: what is
 * there and forbidden becomes false. */
void forbidden_apply(forbidden_t set, mp_t permissions, buf_t *out);

#endif
