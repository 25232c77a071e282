/* SPDX-License-Identifier: MIT */
/* msgpack <-> jansson, for what edits documents (objects) off the hot path. Keys and strings may
 * hold anything (also NUL and lone surrogates). Depth is bounded by MP_MAX_DEPTH.
 * Thread contract: pure functions; a json_t belongs to one thread. */
#ifndef IOBUS_BUS_TREE_H
#define IOBUS_BUS_TREE_H

#include <jansson.h>

#include "bus/mp.h"

/* Caller owns (json_decref). NULL for malformed data or when memory is gone. bin becomes the map
 * {"type":"Buffer","data":[...]} as in JavaScript. */
json_t *tree_from_mp(mp_t value);
/* Appends one value. Reals that are integral become ints (mp_put_double). */
void tree_to_mp(buf_t *out, const json_t *value);
/* Deep merge as JavaScript's "extend true": maps recursively, arrays index by index, nil
 * overwrites, anything else replaces. Borrows patch, changes target. */
void tree_extend(json_t *target, const json_t *patch);
/* json_object_get along a path, NULL-terminated; NULL where it breaks. Borrowed. */
json_t *tree_path(const json_t *value, ...) __attribute__((sentinel));

#endif
