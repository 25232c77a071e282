/* SPDX-License-Identifier: MIT */
#include "actors/states_ctx.h"

static const alias_common_t no_common;

static const alias_common_t *common_of(const point_t *point)
{
    return point && point->object ? &point->object->common : &no_common;
}

/* --- reading --------------------------------------------------------------------------------- */

static void put_alias(states_t *self, buf_t *out, const point_t *point, bool raw)
{
    const point_t *source = point->source;
    if (!point->alias || !source || source->state.len == 0) {
        mp_put_nil(out);
        return;
    }
    mp_t state = mp_of_buf(&source->state), val = {0};
    if (raw && !source->object) {
        mp_put_raw(out, state);
        return;
    }
    (void)mp_find(state, "val", &val); /* without it the alias has null */
    buf_reset(&self->converted);
    if (alias_read(point->alias, common_of(point), common_of(source), val, &self->converted))
        state_with_val(out, state, mp_of_buf(&self->converted));
    else
        mp_put_nil(out);
}

void states_put_state(states_t *self, buf_t *out, const point_t *point, bool raw)
{
    if (point && str_starts(point_id(point), ALIAS_PREFIX))
        put_alias(self, out, point, raw);
    else if (point && point->state.len)
        mp_put_raw(out, mp_of_buf(&point->state));
    else
        mp_put_nil(out);
}

/* --- writing --------------------------------------------------------------------------------- */

/* The id behind the alias, or an error in the reply. */
static err_t find_target(states_t *self, reply_t *reply, const point_t *point, str_t id,
                         str_t *target)
{
    if (!point || !point->alias)
        return reply_error(reply, "Alias %.*s has no target", STR_ARG(id));
    buf_reset(&self->why);
    if (!state_id(alias_target(point->alias), target, &self->why))
        return reply_error(reply, "Error validating alias id of %.*s: %.*s", STR_ARG(id),
                           STR_ARG(buf_str(&self->why)));
    /* An alias of an alias cannot be made through the objects actor, but it can be imported. */
    if (target->len == 0 || str_starts(*target, ALIAS_PREFIX))
        return reply_error(reply, "Alias %.*s has no target", STR_ARG(id));
    return ERR_OK;
}

err_t states_write_alias(states_t *self, const request_t *request, reply_t *reply,
                         const point_t *point, str_t id, const state_fields_t *given)
{
    str_t target;
    err_t err = find_target(self, reply, point, id, &target);
    if (err != ERR_OK)
        return err;
    const point_t *behind = points_find(self->points, target);
    /* The original looks at the alias alone: whoever may write one could write everything. */
    if (!states_may(self, request->caller.user, behind, RIGHT_WRITE, "write"))
        return ERR_PERMISSION;
    buf_reset(&self->hold);
    if (!alias_write(point->alias, common_of(point), common_of(behind), given->val, &self->hold))
        return reply_error(reply, "Alias %.*s cannot convert the value", STR_ARG(id));
    state_fields_t converted = *given;
    converted.val = mp_of_buf(&self->hold);
    state_writer_t writer = states_writer(self, request);
    err = states_write(self, request, target, &converted, &writer);
    if (err == ERR_OK) {
        reply_nil(reply);
        reply_str(reply, target);
    }
    return err;
}
