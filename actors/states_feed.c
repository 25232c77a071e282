/* SPDX-License-Identifier: MIT */
/* What comes from the objects actor: rights, types, aliases, default values, and the end of states
 * whose object is deleted. */
#include <stdlib.h>

#include "actors/states_ctx.h"
#include "bus/log.h"

#define QUALITY_SUBSTITUTE 32 /* 0x20: a substitute for the initial value */

static void on_begin(void *arg)
{
    states_t *self = arg;
    self->reading++;
}

static bool has_type(mp_t object, const char *type)
{
    str_t text;
    return mp_find_str(object, "type", &text) && str_is(text, type);
}

/* Takes the object over; false: no memory. */
static bool take_object(states_t *self, point_t *point, mp_t object)
{
    alias_t *alias = NULL;
    str_t id = point_id(point);
    if (str_starts(id, ALIAS_PREFIX) && has_type(object, "state"))
        alias = alias_new(self->formulas, id, object);
    bool object_ok = points_set_object(self->points, point, object, self->reading);
    return points_set_alias(self->points, point, alias) && object_ok;
}

/* The value of common.def that a new object brings along; false: none. */
static bool default_of(mp_t object, const point_t *point, mp_t *def)
{
    return has_type(object, "state") && point->state.len == 0 &&
           !str_starts(point_id(point), ALIAS_PREFIX) &&
           mp_path(object, def, "common", "def", NULL) && mp_type(*def) != MP_NIL;
}

static err_t write_default(states_t *self, point_t *point, mp_t def, str_t instance)
{
    buf_t fields = {0};
    state_fields_t given = {.val = def};
    mp_put_bool(&fields, true);
    mp_put_int(&fields, QUALITY_SUBSTITUTE);
    mp_t cursor = mp_of_buf(&fields);
    (void)mp_next(&cursor, &given.ack);
    (void)mp_next(&cursor, &given.q);
    buf_reset(&self->from);
    buf_append_cstr(&self->from, "system.adapter.");
    buf_append_str(&self->from, instance);
    const state_writer_t writer = {.now_ms = self->env->now(self->env),
                                   .from = buf_str(&self->from),
                                   .user = STR_LIT("system.user.admin")};
    err_t err = states_write(self, NULL, point_id(point), &given, &writer);
    buf_fini(&fields);
    return err;
}

/* The end of a state whose object is deleted by a client; while its acl is still known, which says
 * who may see that. */
static err_t drop_state(states_t *self, point_t *point)
{
    bool is_state = point->object && point->object->is_state;
    return is_state && !str_starts(point_id(point), ALIAS_PREFIX) ? states_drop(self, NULL, point)
                                                                  : ERR_OK;
}

static err_t take_change(states_t *self, point_t *point, mp_t object, bool by_client,
                         str_t instance)
{
    mp_t def;
    bool deleted = mp_type(object) != MP_MAP;
    err_t err = deleted && by_client ? drop_state(self, point) : ERR_OK;
    if (!take_object(self, point, object))
        return ERR_NO_MEMORY;
    if (by_client && !deleted && default_of(object, point, &def))
        err = write_default(self, point, def, instance);
    return err;
}

static void on_object(void *arg, str_t id, mp_t object, bool live, str_t instance)
{
    static log_limit_t limit;
    states_t *self = arg;
    rights_feed(self->rights, id, object);
    point_t *point = points_require(self->points, id);
    if (!point) {
        log_limited(&limit, LEVEL_ERROR, "STATES-MEMORY", "what=object");
        return;
    }
    err_t err = take_change(self, point, object, live && instance.len > 0, instance);
    if (err != ERR_OK)
        log_limited(&limit, LEVEL_ERROR, "STATES-OBJECT", "id=%.*s error=%s",
                    id.len < 200 ? (int)id.len : 200, id.p, err_name(err));
    points_release(self->points, point);
}

/* A point whose object the reading has not seen, or NULL. */
static point_t *find_stale(states_t *self, size_t *at)
{
    point_t *point;
    while ((point = points_next(self->points, at)) != NULL) {
        if (point->object && point->object->reading != self->reading)
            return point;
    }
    return NULL;
}

/* What the reading has not seen no longer exists. Releasing points changes the table, so they are
 * collected first; pinned, because dropping an alias may release its source. */
static void on_end(void *arg)
{
    static const mp_t nothing = {NULL, NULL};
    states_t *self = arg;
    size_t at = 0, stale = 0, count = 0;
    point_t *point;
    while (find_stale(self, &at) != NULL)
        stale++;
    point_t **list = calloc(stale + 1, sizeof(point_t *));
    if (!list) {
        log_error("STATES-MEMORY", "what=stale-objects count=%zu", stale);
        return;
    }
    for (at = 0; (point = find_stale(self, &at)) != NULL; list[count++] = point)
        point->pinned = true;
    for (size_t i = 0; i < count; i++) {
        rights_feed(self->rights, point_id(list[i]), nothing);
        (void)take_object(self, list[i], nothing); /* taking away needs no memory */
    }
    for (size_t i = 0; i < count; i++) {
        list[i]->pinned = false;
        points_release(self->points, list[i]);
    }
    free(list);
}

const replica_ops_t states_feed_ops = {on_begin, on_object, on_end};
