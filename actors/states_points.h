/* SPDX-License-Identifier: MIT */
/* All ids that the states actor knows, each with what it knows of it: the state, the object, the
 * alias, and the aliases that read from it. One look-up serves a whole request.
 * The ids of state objects also stand in order, for reads by pattern.
 * Thread contract: one owner thread. */
#ifndef IOBUS_ACTORS_STATES_POINTS_H
#define IOBUS_ACTORS_STATES_POINTS_H

#include "actors/alias.h"
#include "actors/states_expiry.h"
#include "bus/acl.h"

/* What is kept of an object, of any type. */
typedef struct {
    bool is_state;
    bool is_read_only; /* common.write is false */
    bool has_acl;
    double step; /* common.step; 0: none */
    alias_common_t common;
    uint64_t reading; /* number of the reading that has seen it last */
    buf_t acl;        /* what of it decides (bus/acl.h); an empty map: the object has none */
} point_object_t;

typedef struct point point_t;
struct point {
    expiry_due_t due;       /* first: the heap gives points back by it */
    buf_t state;            /* the map; empty: no state */
    point_object_t *object; /* NULL: no object is known */
    alias_t *alias;         /* when it is one */
    point_t *source;        /* of an alias: where it reads */
    point_t *first_reader;  /* aliases that read here, chained by next_reader */
    point_t *next_reader;
    bool pinned;   /* somebody holds it: it is not released */
    uint32_t undo; /* 1 + its place in the store's list of changes; 0: unchanged */
    size_t id_len;
    char id[];
};

typedef struct points points_t;

/* seed: random bits. Caller owns; NULL when memory is gone. */
points_t *points_new(uint64_t seed);
void points_destroy(points_t **self_p);
str_t point_id(const point_t *point);
/* NULL: nothing is known of the id. */
point_t *points_find(const points_t *self, str_t id);
/* Creates it when missing. NULL when memory is gone. */
point_t *points_require(points_t *self, str_t id);
/* Frees the point when nothing is known of it any more. */
void points_release(points_t *self, point_t *point);
/* Points in no order: start with *at = 0; NULL at the end. */
point_t *points_next(const points_t *self, size_t *at);

/* Takes the object over as it is now (nil or an empty cursor: deleted). reading: its number.
 * False when memory is gone: the object then counts as missing. */
bool points_set_object(points_t *self, point_t *point, mp_t object, uint64_t reading);
/* Takes the alias over (NULL: none) and hangs it on its source. False when memory is gone. */
bool points_set_alias(points_t *self, point_t *point, alias_t *alias);

/* State objects in the order of their ids: how many, the i-th, and the first whose id is not less
 * than `from`. */
size_t points_listed(const points_t *self);
point_t *points_listed_at(const points_t *self, size_t i);
size_t points_seek(const points_t *self, str_t from);

#endif
