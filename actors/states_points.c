/* SPDX-License-Identifier: MIT */
#include "actors/states_points.h"

#include <stdlib.h>
#include <string.h>

#include "actors/idmap.h"

struct points {
    idmap_t *map;
    point_t **list; /* state objects, ascending */
    size_t list_len, list_cap;
};

points_t *points_new(uint64_t seed)
{
    points_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->map = idmap_new(seed);
    if (!self->map)
        points_destroy(&self);
    return self;
}

static void drop_object(point_t *point)
{
    if (!point->object)
        return;
    buf_fini(&point->object->acl);
    free(point->object);
    point->object = NULL;
}

void points_destroy(points_t **self_p)
{
    points_t *self = *self_p;
    if (!self)
        return;
    size_t at = 0;
    point_t *point;
    while (self->map && (point = idmap_next(self->map, &at)) != NULL) {
        drop_object(point);
        alias_destroy(&point->alias);
        buf_fini(&point->state);
        free(point);
    }
    idmap_destroy(&self->map);
    free(self->list);
    free(self);
    *self_p = NULL;
}

str_t point_id(const point_t *point)
{
    return (str_t){point->id, point->id_len};
}

point_t *points_find(const points_t *self, str_t id)
{
    return idmap_get(self->map, id);
}

point_t *points_require(points_t *self, str_t id)
{
    point_t *point = idmap_get(self->map, id);
    if (point)
        return point;
    point = calloc(1, sizeof *point + id.len);
    if (!point)
        return NULL;
    point->id_len = id.len;
    if (id.len)
        memcpy(point->id, id.p, id.len);
    if (!idmap_put(self->map, point_id(point), point)) {
        free(point);
        return NULL;
    }
    return point;
}

void points_release(points_t *self, point_t *point)
{
    if (point->state.len || point->object || point->alias || point->first_reader || point->undo ||
        point->due.place || point->pinned)
        return;
    idmap_remove(self->map, point_id(point));
    buf_fini(&point->state);
    free(point);
}

point_t *points_next(const points_t *self, size_t *at)
{
    return idmap_next(self->map, at);
}

/* --- the list of state objects --------------------------------------------------------------- */

size_t points_listed(const points_t *self)
{
    return self->list_len;
}

point_t *points_listed_at(const points_t *self, size_t i)
{
    return self->list[i];
}

size_t points_seek(const points_t *self, str_t from)
{
    size_t low = 0, high = self->list_len;
    /* A reading brings the ids in order: most of the time the answer is the end. */
    if (high && str_cmp(point_id(self->list[high - 1]), from) < 0)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_cmp(point_id(self->list[middle]), from) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool enlist(points_t *self, point_t *point)
{
    if (self->list_len == self->list_cap) {
        size_t cap = self->list_cap ? self->list_cap * 2 : 256;
        point_t **list = realloc(self->list, cap * sizeof(point_t *));
        if (!list)
            return false;
        self->list = list;
        self->list_cap = cap;
    }
    size_t at = points_seek(self, point_id(point));
    memmove(&self->list[at + 1], &self->list[at], (self->list_len - at) * sizeof(point_t *));
    self->list[at] = point;
    self->list_len++;
    return true;
}

static void delist(points_t *self, point_t *point)
{
    size_t at = points_seek(self, point_id(point));
    self->list_len--;
    memmove(&self->list[at], &self->list[at + 1], (self->list_len - at) * sizeof(point_t *));
}

/* --- objects --------------------------------------------------------------------------------- */

static void fill_object(point_object_t *object, mp_t value)
{
    mp_t common, acl;
    str_t type;
    bool write;
    buf_reset(&object->acl);
    *object = (point_object_t){.acl = object->acl};
    object->is_state = mp_find_str(value, "type", &type) && str_is(type, "state");
    alias_common_read(&object->common, value);
    if (mp_find(value, "common", &common)) {
        object->is_read_only = mp_find_bool(common, "write", &write) && !write;
        if (!mp_find_double(common, "step", &object->step))
            object->step = 0;
    }
    object->has_acl = mp_find(value, "acl", &acl) && mp_type(acl) == MP_MAP;
    acl_put(&object->acl, object->has_acl ? acl : (mp_t){NULL, NULL});
}

bool points_set_object(points_t *self, point_t *point, mp_t value, uint64_t reading)
{
    bool was_state = point->object && point->object->is_state;
    bool is_state = false;
    if (mp_type(value) != MP_MAP) {
        drop_object(point);
    } else {
        if (!point->object)
            point->object = calloc(1, sizeof *point->object);
        if (point->object) {
            fill_object(point->object, value);
            point->object->reading = reading;
            is_state = point->object->is_state;
        }
    }
    bool ok = (mp_type(value) != MP_MAP || point->object) &&
              (!point->object || !point->object->acl.failed);
    if (was_state && !is_state)
        delist(self, point);
    if (!was_state && is_state && !enlist(self, point)) {
        point->object->is_state = false;
        ok = false;
    }
    return ok;
}

/* --- aliases --------------------------------------------------------------------------------- */

static void unhang(points_t *self, point_t *point)
{
    point_t *source = point->source;
    if (!source)
        return;
    point_t **link = &source->first_reader;
    while (*link != point)
        link = &(*link)->next_reader;
    *link = point->next_reader;
    point->next_reader = NULL;
    point->source = NULL;
    points_release(self, source);
}

bool points_set_alias(points_t *self, point_t *point, alias_t *alias)
{
    unhang(self, point);
    alias_destroy(&point->alias);
    point->alias = alias;
    if (!alias || alias_source(alias).len == 0)
        return true;
    point_t *source = points_require(self, alias_source(alias));
    if (!source)
        return false;
    point->source = source;
    point->next_reader = source->first_reader;
    source->first_reader = point;
    return true;
}
