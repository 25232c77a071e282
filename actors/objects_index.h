/* SPDX-License-Identifier: MIT */
/* The ids of all objects in memory, ordered as JavaScript orders strings (by UTF-16 code units,
 * which differs from the order of UTF-8 bytes above U+D7FF), with what views ask before they read
 * an object: its type, its place in the order of insertion, whether it has common.custom. A skip
 * list. Thread contract: one owner thread. Source: data-model.md 4b.4. */
#ifndef IOBUS_ACTORS_OBJECTS_INDEX_H
#define IOBUS_ACTORS_OBJECTS_INDEX_H

#include "bus/buf.h"
#include "bus/mp.h"

typedef enum {
    OBJECT_OTHER, /* none or an unknown one */
    OBJECT_STATE,
    OBJECT_CHANNEL,
    OBJECT_DEVICE,
    OBJECT_ENUM,
    OBJECT_HOST,
    OBJECT_ADAPTER,
    OBJECT_INSTANCE,
    OBJECT_META,
    OBJECT_CONFIG,
    OBJECT_SCRIPT,
    OBJECT_USER,
    OBJECT_GROUP,
    OBJECT_CHART,
    OBJECT_FOLDER,
    OBJECT_SCHEDULE,
    OBJECT_DESIGN,
    OBJECT_TYPES
} object_type_t;

/* OBJECT_OTHER for names that are no type (data-model.md 1.1). */
object_type_t object_type_parse(str_t name);
/* "" for OBJECT_OTHER. */
const char *object_type_name(object_type_t type);

typedef struct index_entry index_entry_t;
struct index_entry {
    uint64_t seq; /* order of insertion */
    object_type_t type;
    bool custom; /* has a common.custom that is not null */
    uint8_t levels;
    uint32_t id_len;
    index_entry_t *next[]; /* levels of them, then the id */
};
str_t index_id(const index_entry_t *entry);

typedef struct objects_index objects_index_t;

objects_index_t *index_new(void);
void index_destroy(objects_index_t **self_p);
size_t index_count(const objects_index_t *self);
/* NULL: not there. */
index_entry_t *index_find(const objects_index_t *self, str_t id);
/* Looks up or creates with seq 0; NULL when memory is gone or the id is longer than 2^32. */
index_entry_t *index_require(objects_index_t *self, str_t id);
void index_remove(objects_index_t *self, str_t id);
/* First entry whose id is >= id ("" : the first of all); NULL: none. */
index_entry_t *index_seek(const objects_index_t *self, str_t id);
index_entry_t *index_next(const index_entry_t *entry);

/* -1, 0, 1 as JavaScript compares strings. Any bytes are accepted: what is no UTF-8 compares as
 * some fixed code unit. */
int index_compare(str_t a, str_t b);

#endif
