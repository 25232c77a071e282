/* SPDX-License-Identifier: MIT */
#include "actors/states_expiry.h"

#include <stdlib.h>

void expiry_fini(expiry_t *self)
{
    free(self->heap);
    *self = (expiry_t){0};
}

static void place(expiry_t *self, size_t at, expiry_due_t *due)
{
    self->heap[at - 1] = due;
    due->place = at;
}

static expiry_due_t *at(const expiry_t *self, size_t place)
{
    return self->heap[place - 1];
}

static void move_up(expiry_t *self, expiry_due_t *due)
{
    size_t here = due->place;
    while (here > 1 && at(self, here / 2)->when_ms > due->when_ms) {
        place(self, here, at(self, here / 2));
        here /= 2;
    }
    place(self, here, due);
}

static void move_down(expiry_t *self, expiry_due_t *due)
{
    size_t here = due->place;
    while (here * 2 <= self->len) {
        size_t child = here * 2;
        if (child < self->len && at(self, child + 1)->when_ms < at(self, child)->when_ms)
            child++;
        if (at(self, child)->when_ms >= due->when_ms)
            break;
        place(self, here, at(self, child));
        here = child;
    }
    place(self, here, due);
}

static void take_out(expiry_t *self, expiry_due_t *due)
{
    size_t hole = due->place;
    due->place = 0;
    due->when_ms = 0;
    if (hole == 0)
        return;
    expiry_due_t *last = at(self, self->len--);
    if (last == due)
        return;
    place(self, hole, last);
    move_up(self, last);
    move_down(self, last);
}

bool expiry_set(expiry_t *self, expiry_due_t *due, int64_t when_ms)
{
    if (due->place == 0 && when_ms == 0)
        return true;
    take_out(self, due);
    if (when_ms == 0)
        return true;
    if (self->len == self->cap) {
        size_t cap = self->cap ? self->cap * 2 : 16;
        expiry_due_t **heap = realloc(self->heap, cap * sizeof(expiry_due_t *));
        if (!heap)
            return false;
        self->heap = heap;
        self->cap = cap;
    }
    due->when_ms = when_ms;
    place(self, ++self->len, due);
    move_up(self, due);
    return true;
}

expiry_due_t *expiry_first(const expiry_t *self)
{
    return self->len ? self->heap[0] : NULL;
}
