/* SPDX-License-Identifier: MIT */
#include "gateway/ring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void drop_first(ring_t *self)
{
    frame_t **first = &self->items[self->at];
    self->bytes -= frame_wire(*first).len;
    frame_put(first);
    self->at = (self->at + 1) % self->cap;
    self->len--;
    self->offset = 0;
}

void ring_fini(ring_t *self)
{
    while (self->len > 0)
        drop_first(self);
    free(self->items);
    *self = (ring_t){0};
}

static void grow(ring_t *self)
{
    size_t cap = self->cap ? self->cap * 2 : 4;
    frame_t **items = calloc(cap, sizeof *items);
    assert(items);
    for (size_t i = 0; i < self->len; i++)
        items[i] = self->items[(self->at + i) % self->cap];
    free(self->items);
    self->items = items;
    self->cap = cap;
    self->at = 0;
}

void ring_push(ring_t *self, frame_t *frame)
{
    if (self->len == self->cap)
        grow(self);
    self->items[(self->at + self->len++) % self->cap] = frame;
    self->bytes += frame_wire(frame).len;
}

size_t ring_take(ring_t *self, uint8_t *to, size_t max, bool one, size_t *frames)
{
    size_t n = 0;
    while (self->len > 0 && n < max) {
        str_t wire = frame_wire(self->items[self->at]);
        size_t part = wire.len - self->offset;
        if (part > max - n)
            part = max - n;
        memcpy(to + n, wire.p + self->offset, part);
        n += part;
        self->offset += part;
        if (self->offset < wire.len)
            break;
        drop_first(self);
        (*frames)++;
        if (one)
            break;
    }
    return n;
}
