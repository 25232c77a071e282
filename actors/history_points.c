/* SPDX-License-Identifier: MIT */
#include "actors/history_points.h"

#include <stdlib.h>

#include "actors/idmap.h"

struct history_points {
    idmap_t *map;
    history_point_t **items; /* dense, so that ticks can go round in portions */
    size_t len, cap;
};

history_points_t *history_points_new(uint64_t seed)
{
    history_points_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->map = idmap_new(seed);
    if (!self->map)
        history_points_destroy(&self);
    return self;
}

static void destroy_point(history_point_t *point)
{
    buf_fini(&point->id);
    buf_fini(&point->store_id);
    buf_fini(&point->custom);
    history_memory_fini(&point->memory);
    free(point);
}

void history_points_destroy(history_points_t **self_p)
{
    history_points_t *self = *self_p;
    if (!self)
        return;
    idmap_destroy(&self->map);
    for (size_t i = 0; i < self->len; i++)
        destroy_point(self->items[i]);
    free(self->items);
    free(self);
    *self_p = NULL;
}

history_point_t *history_points_find(const history_points_t *self, str_t id)
{
    return idmap_get(self->map, id);
}

static bool reserve(history_points_t *self)
{
    if (self->len < self->cap)
        return true;
    size_t cap = self->cap ? self->cap * 2 : 64;
    history_point_t **items = realloc(self->items, cap * sizeof *items);
    if (!items)
        return false;
    self->items = items;
    self->cap = cap;
    return true;
}

history_point_t *history_points_require(history_points_t *self, str_t id)
{
    history_point_t *point = history_points_find(self, id);
    if (point || !reserve(self))
        return point;
    point = calloc(1, sizeof *point);
    if (!point)
        return NULL;
    buf_append_str(&point->id, id);
    if (point->id.failed || !idmap_put(self->map, buf_str(&point->id), point)) {
        destroy_point(point);
        return NULL;
    }
    point->index = self->len;
    self->items[self->len++] = point;
    return point;
}

void history_points_remove(history_points_t *self, history_point_t *point)
{
    idmap_remove(self->map, buf_str(&point->id));
    self->len--;
    self->items[point->index] = self->items[self->len];
    self->items[point->index]->index = point->index;
    destroy_point(point);
}

size_t history_points_len(const history_points_t *self)
{
    return self->len;
}

history_point_t *history_points_at(const history_points_t *self, size_t index)
{
    return self->items[index];
}
