/* SPDX-License-Identifier: MIT */
#include "gateway/outbox.h"

#include <assert.h>
#include <stdlib.h>

#include "gateway/map.h"

struct outbox {
    frame_t **ring; /* NULL entries were replaced by a newer frame */
    size_t cap;
    uint64_t first; /* number of the oldest entry; entry n is at n % cap */
    uint64_t end;   /* number of the next entry */
    size_t len;     /* entries that are not NULL */
    size_t bytes;
    size_t soft, hard;
    map_t *newest; /* key -> number of its newest entry; only above the soft bound */
    size_t conflated;
};

outbox_t *outbox_new(size_t soft, size_t hard)
{
    outbox_t *self = calloc(1, sizeof *self);
    assert(self);
    self->soft = soft;
    self->hard = hard;
    self->first = self->end = 1; /* numbers are stored as pointers, and NULL means absent */
    return self;
}

void outbox_destroy(outbox_t **self_p)
{
    outbox_t *self = *self_p;
    if (!self)
        return;
    map_destroy(&self->newest);
    for (uint64_t n = self->first; n < self->end; n++)
        frame_put(&self->ring[n % self->cap]);
    free(self->ring);
    free(self);
    *self_p = NULL;
}

static void grow(outbox_t *self)
{
    size_t cap = self->cap ? self->cap * 2 : 8;
    frame_t **ring = calloc(cap, sizeof *ring);
    assert(ring);
    for (uint64_t n = self->first; n < self->end; n++)
        ring[n % cap] = self->ring[n % self->cap];
    free(self->ring);
    self->ring = ring;
    self->cap = cap;
}

/* Drops an older frame of the same key and remembers entry n as the newest. */
static void conflate(outbox_t *self, uint64_t n)
{
    str_t key = frame_key(self->ring[n % self->cap]);
    if (key.len == 0)
        return;
    uint64_t older = (uintptr_t)map_remove(self->newest, key);
    if (older != 0) {
        frame_t **slot = &self->ring[older % self->cap];
        self->bytes -= frame_wire(*slot).len;
        self->len--;
        self->conflated++;
        frame_put(slot);
    }
    map_put(self->newest, key, (void *)(uintptr_t)n);
}

static void start_conflating(outbox_t *self)
{
    self->newest = map_new();
    for (uint64_t n = self->first; n < self->end; n++) {
        if (self->ring[n % self->cap])
            conflate(self, n);
    }
}

bool outbox_push(outbox_t *self, frame_t *frame)
{
    size_t size = frame_wire(frame).len;
    if (self->len > 0 && self->bytes + size > self->hard)
        return false;
    if (self->end - self->first == self->cap)
        grow(self);
    self->ring[self->end % self->cap] = frame_ref(frame);
    self->len++;
    self->bytes += size;
    if (self->newest)
        conflate(self, self->end);
    self->end++;
    if (!self->newest && self->bytes > self->soft)
        start_conflating(self);
    return true;
}

static void forget_key(outbox_t *self, const frame_t *frame, uint64_t n)
{
    str_t key = frame_key(frame);
    if (self->newest && key.len > 0 && (uintptr_t)map_get(self->newest, key) == n)
        map_remove(self->newest, key);
}

frame_t *outbox_pop(outbox_t *self)
{
    while (self->first < self->end) {
        uint64_t n = self->first++;
        frame_t *frame = self->ring[n % self->cap];
        self->ring[n % self->cap] = NULL;
        if (!frame)
            continue;
        self->len--;
        self->bytes -= frame_wire(frame).len;
        forget_key(self, frame, n);
        if (self->newest && self->bytes <= self->soft / 2)
            map_destroy(&self->newest);
        return frame;
    }
    return NULL;
}

size_t outbox_len(const outbox_t *self)
{
    return self->len;
}

size_t outbox_bytes(const outbox_t *self)
{
    return self->bytes;
}

size_t outbox_conflated(const outbox_t *self)
{
    return self->conflated;
}
