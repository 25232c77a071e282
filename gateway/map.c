/* SPDX-License-Identifier: MIT */
#include "gateway/map.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define MAP_MIN_CAP 16

/* value NULL: free, or, with key.p not NULL, a grave that a search must pass over. */
typedef struct {
    str_t key;
    uint64_t hash;
    void *value;
} slot_t;

struct map {
    slot_t *slots;
    size_t cap;  /* a power of two, or 0 */
    size_t len;  /* entries */
    size_t used; /* entries and graves */
    uint64_t seed[2];
};

static const char grave; /* its address marks a removed entry */

map_t *map_new(void)
{
    map_t *self = calloc(1, sizeof *self);
    assert(self);
    int ok = RAND_bytes((unsigned char *)self->seed, sizeof self->seed);
    assert(ok == 1);
    (void)ok;
    return self;
}

void map_destroy(map_t **self_p)
{
    if (!*self_p)
        return;
    free((*self_p)->slots);
    free(*self_p);
    *self_p = NULL;
}

/* --- SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF") ------------------------
 */

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static uint64_t hash_of(const map_t *self, str_t key)
{
    uint64_t v[4] = {self->seed[0] ^ 0x736f6d6570736575u, self->seed[1] ^ 0x646f72616e646f6du,
                     self->seed[0] ^ 0x6c7967656e657261u, self->seed[1] ^ 0x7465646279746573u};
    size_t at = 0;
    for (; at + 8 <= key.len; at += 8) {
        uint64_t word;
        memcpy(&word, key.p + at, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)key.len << 56;
    for (size_t i = 0; at + i < key.len; i++)
        last |= (uint64_t)(uint8_t)key.p[at + i] << (8 * i);
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* --- table ----------------------------------------------------------------------------------- */

static slot_t *find(const map_t *self, str_t key, uint64_t hash)
{
    if (self->cap == 0)
        return NULL;
    for (size_t i = hash & (self->cap - 1);; i = (i + 1) & (self->cap - 1)) {
        slot_t *slot = &self->slots[i];
        if (!slot->value && !slot->key.p)
            return NULL;
        if (slot->value && slot->hash == hash && str_eq(slot->key, key))
            return slot;
    }
}

static void insert(map_t *self, slot_t entry)
{
    size_t i = entry.hash & (self->cap - 1);
    while (self->slots[i].value)
        i = (i + 1) & (self->cap - 1);
    if (!self->slots[i].key.p)
        self->used++;
    self->slots[i] = entry;
    self->len++;
}

/* Keeps at least a quarter of the slots free, and throws the graves away. */
static void make_room(map_t *self)
{
    if ((self->used + 1) * 4 <= self->cap * 3)
        return;
    slot_t *old = self->slots;
    size_t old_cap = self->cap;
    size_t cap = MAP_MIN_CAP;
    while ((self->len + 1) * 2 > cap)
        cap *= 2;
    self->slots = calloc(cap, sizeof *self->slots);
    assert(self->slots);
    self->cap = cap;
    self->len = self->used = 0;
    for (size_t i = 0; i < old_cap; i++) {
        if (old[i].value)
            insert(self, old[i]);
    }
    free(old);
}

void *map_get(const map_t *self, str_t key)
{
    if (self->len == 0)
        return NULL;
    slot_t *slot = find(self, key, hash_of(self, key));
    return slot ? slot->value : NULL;
}

void map_put(map_t *self, str_t key, void *value)
{
    assert(value && key.p);
    make_room(self);
    insert(self, (slot_t){key, hash_of(self, key), value});
}

void *map_remove(map_t *self, str_t key)
{
    slot_t *slot = find(self, key, hash_of(self, key));
    if (!slot)
        return NULL;
    void *value = slot->value;
    *slot = (slot_t){.key = {&grave, 0}};
    self->len--;
    return value;
}

size_t map_len(const map_t *self)
{
    return self->len;
}

void *map_next(const map_t *self, size_t *at)
{
    while (*at < self->cap) {
        void *value = self->slots[(*at)++].value;
        if (value)
            return value;
    }
    return NULL;
}

void map_clear(map_t *self)
{
    free(self->slots);
    self->slots = NULL;
    self->cap = self->len = self->used = 0;
}
