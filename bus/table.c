/* SPDX-License-Identifier: MIT */
#include "bus/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PLACES 256 /* of the hash; a power of two, far more than an actor has commands */

typedef struct {
    const command_t *row;
    bool builtin;
    uint64_t calls, errors;
    int64_t us, max_us;
} entry_t;

struct table {
    entry_t entries[PLACES]; /* open addressing */
    entry_t unknown;
};

static size_t place_of(str_t name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (uint8_t)name.p[i]) * 16777619u;
    return hash % PLACES;
}

static void add_rows(table_t *self, const command_t *rows, bool builtin)
{
    for (; rows->name; rows++) {
        size_t place = place_of(str_of(rows->name));
        while (self->entries[place].row)
            place = (place + 1) % PLACES;
        self->entries[place] = (entry_t){.row = rows, .builtin = builtin};
    }
}

table_t *table_new(const command_t *commands, const command_t *builtins)
{
    table_t *self = calloc(1, sizeof *self);
    assert(self);
    add_rows(self, commands, false);
    add_rows(self, builtins, true);
    return self;
}

void table_destroy(table_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

static const entry_t *find(const table_t *self, str_t name)
{
    size_t place = place_of(name);
    while (self->entries[place].row) {
        if (str_is(name, self->entries[place].row->name))
            return &self->entries[place];
        place = (place + 1) % PLACES;
    }
    return NULL;
}

const command_t *table_find(const table_t *self, str_t name)
{
    const entry_t *entry = find(self, name);
    return entry ? entry->row : NULL;
}

bool table_is_builtin(const table_t *self, const command_t *row)
{
    const entry_t *entry = find(self, str_of(row->name));
    return entry && entry->builtin;
}

void table_count(table_t *self, const command_t *row, err_t status, int64_t us)
{
    const entry_t *found = row ? find(self, str_of(row->name)) : NULL;
    entry_t *entry = found ? &self->entries[found - self->entries] : &self->unknown;
    entry->calls++;
    entry->errors += status != ERR_OK;
    entry->us += us;
    if (us > entry->max_us)
        entry->max_us = us;
}

void table_stats(const table_t *self, buf_t *out)
{
    uint32_t count = 0;
    size_t mark = mp_begin_map(out);
    for (size_t i = 0; i <= PLACES; i++) {
        const entry_t *entry = i < PLACES ? &self->entries[i] : &self->unknown;
        if (entry->calls == 0)
            continue;
        mp_put_cstr(out, entry->row ? entry->row->name : "?");
        mp_put_map(out, 4);
        mp_put_cstr(out, "calls");
        mp_put_uint(out, entry->calls);
        mp_put_cstr(out, "errors");
        mp_put_uint(out, entry->errors);
        mp_put_cstr(out, "us");
        mp_put_int(out, entry->us);
        mp_put_cstr(out, "max_us");
        mp_put_int(out, entry->max_us);
        count++;
    }
    mp_end(out, mark, count);
}
