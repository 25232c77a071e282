/* SPDX-License-Identifier: MIT */
#include "actors/auth_lock.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/idmap.h"

#define MEMORY_MS 86400000
#define SPREAD 4u /* failures of a user from anywhere, times its limit */
#define TURN_EVERY_MS 2000
#define ADDRESS_BYTES 64u /* of a text that is no address */
#define MINUTE_MS 60000

/* Failures above the limit, minutes. */
static const struct {
    uint32_t above;
    int64_t minutes;
} steps[] = {{10, 60}, {5, 10}, {2, 3}, {0, 1}};

typedef struct entry {
    struct entry *older, *newer;
    uint32_t failures;
    bool known; /* a log-in has succeeded */
    int64_t touched_ms;
    int64_t until_ms; /* locked */
    int64_t turn_ms;  /* when the next attempt has its turn */
    size_t len;
    char key[];
} entry_t;

struct auth_lock {
    auth_limits_t limits;
    idmap_t *map;
    entry_t *oldest, *newest;
    buf_t key;
};

auth_lock_t *auth_lock_new(uint64_t seed, const auth_limits_t *limits)
{
    auth_lock_t *self = calloc(1, sizeof *self);
    assert(self);
    self->limits = *limits;
    self->map = idmap_new(seed);
    assert(self->map);
    return self;
}

/* --- entries ---------------------------------------------------------------------------------- */

static void unlink_entry(auth_lock_t *self, entry_t *entry)
{
    *(entry->older ? &entry->older->newer : &self->oldest) = entry->newer;
    *(entry->newer ? &entry->newer->older : &self->newest) = entry->older;
}

static void link_newest(auth_lock_t *self, entry_t *entry)
{
    entry->older = self->newest;
    entry->newer = NULL;
    *(self->newest ? &self->newest->newer : &self->oldest) = entry;
    self->newest = entry;
}

static void drop(auth_lock_t *self, entry_t *entry)
{
    idmap_remove(self->map, (str_t){entry->key, entry->len});
    unlink_entry(self, entry);
    free(entry);
}

void auth_lock_destroy(auth_lock_t **self_p)
{
    auth_lock_t *self = *self_p;
    if (!self)
        return;
    while (self->oldest)
        drop(self, self->oldest);
    idmap_destroy(&self->map);
    buf_fini(&self->key);
    free(self);
    *self_p = NULL;
}

static void shrink(auth_lock_t *self, size_t most)
{
    while (self->oldest && idmap_size(self->map) > most)
        drop(self, self->oldest);
}

void auth_lock_set_limits(auth_lock_t *self, const auth_limits_t *limits)
{
    self->limits = *limits;
    shrink(self, limits->entries);
}

/* "user NUL address", with an empty part for the counters of one of them. */
static str_t key_of(auth_lock_t *self, str_t user, str_t address)
{
    buf_reset(&self->key);
    buf_append_str(&self->key, user);
    buf_append_byte(&self->key, 0);
    buf_append_str(&self->key, address);
    assert(!self->key.failed);
    return buf_str(&self->key);
}

static entry_t *find(auth_lock_t *self, str_t user, str_t address, int64_t mono_ms)
{
    entry_t *entry = idmap_get(self->map, key_of(self, user, address));
    if (entry && mono_ms - entry->touched_ms > MEMORY_MS) {
        drop(self, entry);
        entry = NULL;
    }
    return entry;
}

/* NULL when memory is gone: then nothing is counted. */
static entry_t *require(auth_lock_t *self, str_t user, str_t address, int64_t mono_ms)
{
    entry_t *entry = find(self, user, address, mono_ms);
    if (entry) {
        unlink_entry(self, entry);
    } else {
        str_t key = key_of(self, user, address);
        shrink(self, self->limits.entries - 1);
        entry = calloc(1, sizeof *entry + key.len);
        if (!entry)
            return NULL;
        memcpy(entry->key, key.p, key.len);
        entry->len = key.len;
        if (!idmap_put(self->map, (str_t){entry->key, entry->len}, entry)) {
            free(entry);
            return NULL;
        }
    }
    link_newest(self, entry);
    entry->touched_ms = mono_ms;
    return entry;
}

/* --- addresses -------------------------------------------------------------------------------- */

void auth_lock_address(buf_t *out, str_t address)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr six;
    if (address.len > ADDRESS_BYTES)
        address.len = ADDRESS_BYTES;
    if (address.len < sizeof text) {
        memcpy(text, address.len ? address.p : "", address.len);
        text[address.len] = '\0';
        if (inet_pton(AF_INET6, text, &six) == 1) {
            if (IN6_IS_ADDR_V4MAPPED(&six)) {
                (void)inet_ntop(AF_INET, &six.s6_addr[12], text, sizeof text);
            } else {
                memset(&six.s6_addr[8], 0, 8);
                (void)inet_ntop(AF_INET6, &six, text, sizeof text);
            }
            address = str_of(text);
        }
    }
    buf_append_str(out, address);
}

/* --- what follows ----------------------------------------------------------------------------- */

static const str_t nobody = {"", 0};

static int64_t left(const entry_t *entry, int64_t mono_ms)
{
    return entry && entry->until_ms > mono_ms ? entry->until_ms - mono_ms : 0;
}

static int64_t longer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t auth_lock_wait(auth_lock_t *self, str_t user, str_t address, int64_t mono_ms)
{
    if (address.len == 0)
        return 0;
    int64_t pair = left(find(self, user, address, mono_ms), mono_ms);
    return longer(pair, left(find(self, nobody, address, mono_ms), mono_ms));
}

static uint32_t room(const entry_t *entry, uint32_t limit)
{
    uint32_t failures = entry ? entry->failures : 0;
    return failures + 1 < limit ? limit - failures : 1;
}

auth_room_t auth_lock_room(auth_lock_t *self, str_t user, str_t address, int64_t mono_ms)
{
    if (address.len == 0)
        return (auth_room_t){UINT32_MAX, UINT32_MAX};
    uint32_t pair = room(find(self, user, address, mono_ms), self->limits.user);
    return (auth_room_t){pair, room(find(self, nobody, address, mono_ms), self->limits.address)};
}

int64_t auth_lock_turn(auth_lock_t *self, str_t user, str_t address, int64_t mono_ms)
{
    if (address.len == 0)
        return 0;
    entry_t *pair = find(self, user, address, mono_ms);
    entry_t *entry = find(self, user, nobody, mono_ms);
    if ((pair && pair->known) || !entry || entry->failures < SPREAD * self->limits.user)
        return 0;
    int64_t wait = longer(entry->turn_ms - mono_ms, 0);
    if (wait <= AUTH_LOCK_HOLD_MS)
        entry->turn_ms = mono_ms + wait + TURN_EVERY_MS;
    return wait;
}

static int64_t lock(entry_t *entry, uint32_t limit, int64_t mono_ms)
{
    if (!entry)
        return 0;
    if (entry->failures < UINT32_MAX)
        entry->failures++;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (entry->failures < limit || entry->failures - limit < steps[i].above)
            continue;
        entry->until_ms = mono_ms + steps[i].minutes * MINUTE_MS;
        return steps[i].minutes * MINUTE_MS;
    }
    return 0;
}

int64_t auth_lock_fail(auth_lock_t *self, str_t user, str_t address, int64_t mono_ms)
{
    if (address.len == 0)
        return 0;
    int64_t pair = lock(require(self, user, address, mono_ms), self->limits.user, mono_ms);
    int64_t all = lock(require(self, nobody, address, mono_ms), self->limits.address, mono_ms);
    entry_t *spread = require(self, user, nobody, mono_ms);
    if (spread && spread->failures < UINT32_MAX)
        spread->failures++;
    return longer(pair, all);
}

void auth_lock_success(auth_lock_t *self, str_t user, str_t address, int64_t mono_ms)
{
    entry_t *pair = address.len ? require(self, user, address, mono_ms) : NULL;
    if (!pair)
        return;
    pair->failures = 0;
    pair->until_ms = 0;
    pair->known = true;
}

size_t auth_lock_size(const auth_lock_t *self)
{
    return idmap_size(self->map);
}
