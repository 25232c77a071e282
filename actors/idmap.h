/* SPDX-License-Identifier: MIT */
/* A hash table from ids to entries of the owner. It borrows id and entry; the id must live as long
 * as the entry is in the table (usually inside the entry). Open addressing with backward shifting,
 * so there are no gravestones; the hash is seeded, because clients choose ids.
 * Thread contract: one owner thread. */
#ifndef IOBUS_ACTORS_IDMAP_H
#define IOBUS_ACTORS_IDMAP_H

#include "bus/buf.h"

typedef struct idmap idmap_t;

/* seed: random bits. Caller owns; NULL when memory is gone. */
idmap_t *idmap_new(uint64_t seed);
void idmap_destroy(idmap_t **self_p); /* entries stay the owner's */
void *idmap_get(const idmap_t *self, str_t id);
/* The id must not be in the table. False when memory is gone. */
bool idmap_put(idmap_t *self, str_t id, void *entry);
void idmap_remove(idmap_t *self, str_t id); /* absent is fine */
size_t idmap_size(const idmap_t *self);
/* Entries in no order: start with *at = 0; NULL at the end. The table must not change meanwhile. */
void *idmap_next(const idmap_t *self, size_t *at);

#endif
