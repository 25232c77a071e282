/* SPDX-License-Identifier: MIT */
#include "actors/objects_index.h"

#include <stdlib.h>
#include <string.h>

#define LEVELS_MAX 20 /* of a skip list with 1 in 4: enough for 4^20 ids */

struct objects_index {
    index_entry_t *first[LEVELS_MAX];
    size_t count;
    uint64_t dice; /* state of xorshift64: the shape of the list, not a secret */
};

/* --- types -------------------------------------------------------------------------------------
 */

static const char *const type_names[OBJECT_TYPES] = {
    [OBJECT_STATE] = "state",   [OBJECT_CHANNEL] = "channel",   [OBJECT_DEVICE] = "device",
    [OBJECT_ENUM] = "enum",     [OBJECT_HOST] = "host",         [OBJECT_ADAPTER] = "adapter",
    [OBJECT_META] = "meta",     [OBJECT_INSTANCE] = "instance", [OBJECT_CONFIG] = "config",
    [OBJECT_SCRIPT] = "script", [OBJECT_USER] = "user",         [OBJECT_GROUP] = "group",
    [OBJECT_CHART] = "chart",   [OBJECT_FOLDER] = "folder",     [OBJECT_SCHEDULE] = "schedule",
    [OBJECT_DESIGN] = "design",
};

object_type_t object_type_parse(str_t name)
{
    for (int i = OBJECT_OTHER + 1; i < OBJECT_TYPES; i++) {
        if (str_is(name, type_names[i]))
            return (object_type_t)i;
    }
    return OBJECT_OTHER;
}

const char *object_type_name(object_type_t type)
{
    return type_names[type] ? type_names[type] : "";
}

/* --- order -------------------------------------------------------------------------------------
 */

/* Reads UTF-8 as UTF-16 code units. */
typedef struct {
    const uint8_t *p, *end;
    uint32_t low; /* second half of a pair that is still to come, 0: none */
} units_t;

/* The next code unit, -1 at the end. Bytes that are no UTF-8 count as one unit each. */
static int32_t next_unit(units_t *self)
{
    if (self->low) {
        int32_t low = (int32_t)self->low;
        self->low = 0;
        return low;
    }
    if (self->p == self->end)
        return -1;
    uint32_t lead = *self->p++;
    unsigned more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    if (more == 0 || (size_t)(self->end - self->p) < more)
        return (int32_t)lead;
    uint32_t code = lead & (0x3fu >> more);
    for (unsigned i = 0; i < more; i++)
        code = code << 6 | (self->p[i] & 0x3fu);
    self->p += more;
    if (code < 0x10000)
        return (int32_t)code;
    code -= 0x10000;
    self->low = 0xdc00 + (code & 0x3ff);
    return (int32_t)(0xd800 + (code >> 10 & 0x3ff));
}

int index_compare(str_t a, str_t b)
{
    size_t common = a.len < b.len ? a.len : b.len, at = 0;
    while (at < common && a.p[at] == b.p[at])
        at++;
    if (at == common)
        return (a.len > b.len) - (a.len < b.len);
    /* Below 0xee bytes and code units sort alike; most ids end here. */
    uint8_t x = (uint8_t)a.p[at], y = (uint8_t)b.p[at];
    if (x < 0x80 && y < 0x80)
        return x < y ? -1 : 1;
    while (at > 0 && ((uint8_t)a.p[at] & 0xc0) == 0x80)
        at--; /* to the start of the character that differs */
    units_t in_a = {(const uint8_t *)a.p + at, (const uint8_t *)a.p + a.len, 0};
    units_t in_b = {(const uint8_t *)b.p + at, (const uint8_t *)b.p + b.len, 0};
    int32_t unit_a, unit_b;
    do {
        unit_a = next_unit(&in_a);
        unit_b = next_unit(&in_b);
    } while (unit_a == unit_b && unit_a >= 0);
    if (unit_a != unit_b)
        return unit_a < unit_b ? -1 : 1;
    return str_cmp(a, b); /* malformed texts that read alike must still differ */
}

/* --- the list ----------------------------------------------------------------------------------
 */

static char *id_of(const index_entry_t *entry)
{
    return (char *)(uintptr_t)&entry->next[entry->levels];
}

str_t index_id(const index_entry_t *entry)
{
    return (str_t){id_of(entry), entry->id_len};
}

objects_index_t *index_new(void)
{
    objects_index_t *self = calloc(1, sizeof *self);
    if (self)
        self->dice = 0x9e3779b97f4a7c15u;
    return self;
}

void index_destroy(objects_index_t **self_p)
{
    objects_index_t *self = *self_p;
    if (!self)
        return;
    index_entry_t *entry = self->first[0];
    while (entry) {
        index_entry_t *next = entry->next[0];
        free(entry);
        entry = next;
    }
    free(self);
    *self_p = NULL;
}

size_t index_count(const objects_index_t *self)
{
    return self->count;
}

/* Links that point at or past the place of id, one per level: where a new entry goes in. */
static void find_links(const objects_index_t *self, str_t id, index_entry_t **links[LEVELS_MAX])
{
    index_entry_t **row = (index_entry_t **)(uintptr_t)self->first;
    for (int level = LEVELS_MAX - 1; level >= 0; level--) {
        while (row[level] && index_compare(index_id(row[level]), id) < 0)
            row = row[level]->next;
        links[level] = &row[level];
    }
}

index_entry_t *index_seek(const objects_index_t *self, str_t id)
{
    index_entry_t **links[LEVELS_MAX];
    find_links(self, id, links);
    return *links[0];
}

index_entry_t *index_find(const objects_index_t *self, str_t id)
{
    index_entry_t *entry = index_seek(self, id);
    return entry && str_eq(index_id(entry), id) ? entry : NULL;
}

index_entry_t *index_next(const index_entry_t *entry)
{
    return entry->next[0];
}

static uint8_t throw_dice(objects_index_t *self)
{
    self->dice ^= self->dice << 13;
    self->dice ^= self->dice >> 7;
    self->dice ^= self->dice << 17;
    uint8_t levels = 1;
    for (uint64_t bits = self->dice; levels < LEVELS_MAX && (bits & 3) == 0; bits >>= 2)
        levels++;
    return levels;
}

index_entry_t *index_require(objects_index_t *self, str_t id)
{
    index_entry_t **links[LEVELS_MAX];
    find_links(self, id, links);
    index_entry_t *entry = *links[0];
    if (entry && str_eq(index_id(entry), id))
        return entry;
    uint8_t levels = throw_dice(self);
    if (id.len > UINT32_MAX)
        return NULL;
    entry = calloc(1, sizeof *entry + levels * sizeof entry->next[0] + id.len + 1);
    if (!entry)
        return NULL;
    entry->levels = levels;
    entry->id_len = (uint32_t)id.len;
    if (id.len)
        memcpy(id_of(entry), id.p, id.len);
    for (uint8_t level = 0; level < levels; level++) {
        entry->next[level] = *links[level];
        *links[level] = entry;
    }
    self->count++;
    return entry;
}

void index_remove(objects_index_t *self, str_t id)
{
    index_entry_t **links[LEVELS_MAX];
    find_links(self, id, links);
    index_entry_t *entry = *links[0];
    if (!entry || !str_eq(index_id(entry), id))
        return;
    for (uint8_t level = 0; level < entry->levels; level++)
        *links[level] = entry->next[level];
    self->count--;
    free(entry);
}
