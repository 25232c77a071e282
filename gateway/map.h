/* SPDX-License-Identifier: MIT */
/* A hash map from bytes to pointers. Keys are chosen by clients (ids, patterns, session ids), so
 * the hash is SipHash-1-3 with a random key: nobody can pick keys that all collide. The map borrows
 * keys and values: a key must live as long as its entry (usually inside the value). Thread
 * contract: one owner thread, no locks. */
#ifndef IOBUS_GATEWAY_MAP_H
#define IOBUS_GATEWAY_MAP_H

#include "bus/buf.h"

typedef struct map map_t;

map_t *map_new(void); /* caller owns */
void map_destroy(map_t **self_p);
/* The value of a key, or NULL. */
void *map_get(const map_t *self, str_t key);
/* Adds an entry; the key must not be in the map yet and the value not be NULL. */
void map_put(map_t *self, str_t key, void *value);
/* Removes an entry and returns its value; NULL: there was none. */
void *map_remove(map_t *self, str_t key);
size_t map_len(const map_t *self);
/* Walks through all entries in no particular order; start with *at = 0. NULL at the end. The map
 * must not change meanwhile. */
void *map_next(const map_t *self, size_t *at);
/* Forgets all entries. */
void map_clear(map_t *self);

#endif
