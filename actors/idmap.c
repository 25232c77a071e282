/* SPDX-License-Identifier: MIT */
#include "actors/idmap.h"

#include <stdlib.h>
#include <string.h>

#define PLACES_MIN 64

typedef struct {
    uint64_t hash;
    str_t id;
    void *entry; /* NULL: free */
} place_t;

struct idmap {
    place_t *places;
    size_t mask; /* places - 1; places are a power of two */
    size_t used;
    uint64_t seed;
};

/* Folds eight bytes at a time by a 128-bit product, as wyhash does. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_of(const idmap_t *self, str_t id)
{
    uint64_t hash = self->seed ^ id.len;
    size_t i = 0;
    for (; i + 8 <= id.len; i += 8) {
        uint64_t word;
        memcpy(&word, id.p + i, 8);
        hash = mix(hash ^ 0xa0761d6478bd642fu, word ^ 0xe7037ed1a0b428dbu ^ self->seed);
    }
    uint64_t rest = 0;
    if (i < id.len)
        memcpy(&rest, id.p + i, id.len - i);
    return mix(hash ^ 0x8ebc6af09c88c6e3u, rest ^ 0x589965cc75374cc3u ^ self->seed);
}

idmap_t *idmap_new(uint64_t seed)
{
    idmap_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->places = calloc(PLACES_MIN, sizeof *self->places);
    self->mask = PLACES_MIN - 1;
    self->seed = seed;
    if (!self->places)
        idmap_destroy(&self);
    return self;
}

void idmap_destroy(idmap_t **self_p)
{
    idmap_t *self = *self_p;
    if (!self)
        return;
    free(self->places);
    free(self);
    *self_p = NULL;
}

/* The place of the id, or the free one where it would go. */
static size_t find(const idmap_t *self, str_t id, uint64_t hash)
{
    size_t at = hash & self->mask;
    while (self->places[at].entry &&
           (self->places[at].hash != hash || !str_eq(self->places[at].id, id)))
        at = (at + 1) & self->mask;
    return at;
}

void *idmap_get(const idmap_t *self, str_t id)
{
    return self->places[find(self, id, hash_of(self, id))].entry;
}

static bool grow(idmap_t *self)
{
    size_t count = self->mask + 1;
    place_t *old = self->places;
    place_t *places = calloc(count * 2, sizeof *places);
    if (!places)
        return false;
    self->places = places;
    self->mask = count * 2 - 1;
    for (size_t i = 0; i < count; i++) {
        if (old[i].entry)
            places[find(self, old[i].id, old[i].hash)] = old[i];
    }
    free(old);
    return true;
}

bool idmap_put(idmap_t *self, str_t id, void *entry)
{
    if ((self->used + 1) * 4 > (self->mask + 1) * 3 && !grow(self))
        return false;
    uint64_t hash = hash_of(self, id);
    self->places[find(self, id, hash)] = (place_t){hash, id, entry};
    self->used++;
    return true;
}

void idmap_remove(idmap_t *self, str_t id)
{
    size_t hole = find(self, id, hash_of(self, id));
    if (!self->places[hole].entry)
        return;
    self->used--;
    for (size_t at = (hole + 1) & self->mask; self->places[at].entry; at = (at + 1) & self->mask) {
        /* An entry may move back into the hole if its own place is not behind the hole. */
        size_t home = self->places[at].hash & self->mask;
        if (((at - home) & self->mask) >= ((at - hole) & self->mask)) {
            self->places[hole] = self->places[at];
            hole = at;
        }
    }
    self->places[hole] = (place_t){0, {NULL, 0}, NULL};
}

size_t idmap_size(const idmap_t *self)
{
    return self->used;
}

void *idmap_next(const idmap_t *self, size_t *at)
{
    while (*at <= self->mask) {
        void *entry = self->places[(*at)++].entry;
        if (entry)
            return entry;
    }
    return NULL;
}
