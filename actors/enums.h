/* SPDX-License-Identifier: MIT */
/* Which enums an object is in: what the answers of getObjects show as `enums`, and whose members
 * are cleaned up when an object goes. Fed with objects; only those of type enum below "enum."
 * matter. Members that are no array count as empty. Source: data-model.md 1.5, 1.4. Thread
 * contract: one owner thread. */
#ifndef IOBUS_ACTORS_ENUMS_H
#define IOBUS_ACTORS_ENUMS_H

#include <jansson.h>

#include "bus/mp.h"

typedef struct enums enums_t;

/* Which enums count. */
typedef enum {
    ENUMS_ALL,  /* all whose id has at least three parts */
    ENUMS_ROOMS /* those below enum.rooms. */
} enums_filter_t;

enums_t *enums_new(void);
void enums_destroy(enums_t **self_p);
/* An object as it is now; an empty cursor: deleted. */
void enums_feed(enums_t *self, str_t id, mp_t object);
/* Appends the map {enum id: common.name} of the enums that hold the object itself, its parent (the
 * id without its last part) or its grandparent. */
void enums_put(enums_t *self, str_t object_id, enums_filter_t filter, buf_t *out);
/* Ids of all enums that have this very id among their members, as an array of strings. Caller owns;
 * NULL: none. */
json_t *enums_with_member(enums_t *self, str_t member);

#endif
