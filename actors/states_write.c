/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "actors/states_ctx.h"
#include "bus/json.h"
#include "bus/log.h"
#include "bus/pattern.h"

#define ROOT_USER "system.user.admin"
#define LOG_ID_MAX 200 /* bytes of an id in a log line */

static int log_len(str_t id)
{
    return id.len < LOG_ID_MAX ? (int)id.len : LOG_ID_MAX;
}

/* --- storing and telling --------------------------------------------------------------------- */

static void publish(states_t *self, const request_t *cause, const point_t *point, mp_t state)
{
    buf_reset(&self->event);
    buf_reset(&self->acl);
    states_put_acl(&self->acl, point);
    mp_put_array(&self->event, 2);
    mp_put_str(&self->event, point_id(point));
    if (mp_at_end(&state))
        mp_put_nil(&self->event);
    else
        mp_put_raw(&self->event, state);
    if (!self->event.failed && !self->acl.failed)
        self->env->publish(self->env, "stateChange", cause, mp_of_buf(&self->acl),
                           mp_of_buf(&self->event));
}

/* Tells of the point's state, and of the aliases that read it. An alias whose value cannot be
 * worked out keeps silent. */
static void publish_point(states_t *self, const request_t *cause, const point_t *point)
{
    mp_t state = mp_of_buf(&point->state);
    publish(self, cause, point, state);
    for (point_t *reader = point->first_reader; reader; reader = reader->next_reader) {
        buf_reset(&self->alias_state);
        states_put_state(self, &self->alias_state, reader, false);
        bool converted = mp_type(mp_of_buf(&self->alias_state)) == MP_MAP;
        if (converted || mp_at_end(&state))
            publish(self, cause, reader, mp_of_buf(&self->alias_state));
    }
}

err_t states_put(states_t *self, const request_t *cause, point_t *point, mp_t state, int64_t end_ms)
{
    if (point->id_len + (size_t)(state.end - state.p) > self->max_value)
        return ERR_TOO_LARGE;
    err_t err = states_store_put(self->store, point, state, end_ms);
    if (err == ERR_OK)
        publish_point(self, cause, point);
    return err;
}

err_t states_drop(states_t *self, const request_t *cause, point_t *point)
{
    err_t err = states_store_delete(self->store, point);
    if (err == ERR_OK)
        publish_point(self, cause, point);
    return err;
}

err_t states_write(states_t *self, const request_t *cause, str_t id, const state_fields_t *given,
                   const state_writer_t *writer)
{
    point_t *point = points_require(self->points, id);
    if (!point)
        return ERR_NO_MEMORY;
    state_fields_t old;
    int64_t life_ms;
    state_fields(&old, mp_of_buf(&point->state));
    buf_reset(&self->value);
    state_build(&self->value, given, &old, writer, &life_ms);
    err_t err = self->value.failed ? ERR_NO_MEMORY
                                   : states_put(self, cause, point, mp_of_buf(&self->value),
                                                life_ms ? writer->now_ms + life_ms : 0);
    if (err != ERR_OK)
        points_release(self->points, point);
    return err;
}

int64_t states_expire(states_t *self)
{
    int64_t now_ms = self->env->now(self->env), next_ms;
    point_t *point;
    while ((point = states_store_overdue(self->store, now_ms, &next_ms)) != NULL) {
        if (states_drop(self, NULL, point) != ERR_OK)
            return 1000;
    }
    return next_ms == INT64_MAX ? INT64_MAX : next_ms - now_ms;
}

/* --- what the original only warns of --------------------------------------------------------- */

static void warn_type(const point_t *point, mp_t val)
{
    static log_limit_t limit;
    const char *want = point->object->common.side.type, *got = mp_typeof(val);
    if (!want || mp_type(val) == MP_NIL || strcmp(want, got) == 0)
        return;
    bool mixed = strcmp(want, "mixed") == 0;
    bool is_text = strcmp(got, "string") == 0, is_object = strcmp(got, "object") == 0;
    bool as_text =
        strcmp(want, "json") == 0 || strcmp(want, "array") == 0 || strcmp(want, "object") == 0;
    if ((mixed && !is_object) || (as_text && is_text))
        return;
    log_limited(&limit, LEVEL_INFO, "STATE-TYPE", "id=%.*s wants=%s got=%s",
                log_len(point_id(point)), point->id, want, got);
}

static void warn_range(const point_t *point, double number)
{
    static log_limit_t limit;
    const formula_side_t *side = &point->object->common.side;
    if ((side->has_max && number > side->max) || (side->has_min && number < side->min))
        log_limited(&limit, LEVEL_WARN, "STATE-RANGE", "id=%.*s %s", log_len(point_id(point)),
                    point->id, side->has_max && number > side->max ? "above=max" : "below=min");
}

static void warn_state(str_t id, const point_t *point, const state_fields_t *given)
{
    static log_limit_t unknown, read_only;
    mp_t ack = given->ack;
    bool flag = false;
    if (!point || !point->object) {
        log_limited(&unknown, LEVEL_WARN, "STATE-NO-OBJECT", "id=%.*s", log_len(id), id.p);
        return;
    }
    (void)mp_read_bool(&ack, &flag); /* absent counts as false */
    if (point->object->is_read_only && !flag)
        log_limited(&read_only, LEVEL_WARN, "STATE-READ-ONLY", "id=%.*s", log_len(id), id.p);
    if (!mp_at_end(&given->val))
        warn_type(point, given->val);
}

/* JavaScript's Math.round: halves go up. */
static double round_up(double number)
{
    double down = floor(number);
    return number - down >= 0.5 ? down + 1 : down;
}

/* The strict checks of the original: everything is accepted, but numbers are rounded to the step of
 * the object. hold receives a changed value. */
static void check(str_t id, const point_t *point, state_fields_t *given, buf_t *hold)
{
    mp_t val = given->val;
    double number;
    warn_state(id, point, given);
    if (!point || !point->object || !mp_read_double(&val, &number))
        return;
    double step = point->object->step;
    if (step > 0) {
        double steps = 1 / step;
        double rounded = round_up(number * steps) / steps;
        if (isfinite(rounded)) {
            number = rounded;
            mp_put_double(hold, number);
            given->val = mp_of_buf(hold);
        }
    }
    warn_range(point, number);
}

/* --- setState -------------------------------------------------------------------------------- */

state_writer_t states_writer(states_t *self, const request_t *request)
{
    const caller_t *caller = &request->caller;
    buf_reset(&self->from);
    if (caller->instance.len) {
        buf_append_cstr(&self->from, "system.adapter.");
        buf_append_str(&self->from, caller->instance);
    }
    return (state_writer_t){.now_ms = self->env->now(self->env),
                            .from = buf_str(&self->from),
                            .user = caller->user.len ? caller->user : STR_LIT(ROOT_USER),
                            .keep_val = request->argc > 1};
}

/* Replaces forbidden characters; what is new lies in scratch memory. */
static str_t fix_id(states_t *self, str_t id)
{
    static log_limit_t limit;
    buf_reset(&self->fixed);
    if (!id_fix(&self->fixed, id))
        return id;
    str_t fixed = buf_str(&self->fixed);
    log_limited(&limit, LEVEL_WARN, "STATE-ID-FIXED", "id=%.*s", log_len(fixed), fixed.p);
    return fixed;
}

static err_t set_state(states_t *self, const request_t *request, reply_t *reply, str_t id,
                       state_fields_t *given)
{
    const point_t *point = points_find(self->points, id);
    if (!states_may(self, request->caller.user, point, RIGHT_WRITE, "write"))
        return ERR_PERMISSION;
    if (str_starts(id, ALIAS_PREFIX))
        return states_write_alias(self, request, reply, point, id, given);
    buf_reset(&self->hold);
    check(id, point, given, &self->hold);
    state_writer_t writer = states_writer(self, request);
    err_t err = states_write(self, request, id, given, &writer);
    if (err != ERR_OK)
        return err;
    reply_nil(reply);
    reply_str(reply, id);
    return ERR_OK;
}

err_t states_on_set_state(void *arg, const request_t *request, reply_t *reply)
{
    states_t *self = arg;
    mp_t id_value = {0}, state = {0};
    str_t id;
    state_fields_t given;
    (void)request_arg(request, 0, &id_value); /* what is missing has its own error text */
    (void)request_arg(request, 1, &state);
    buf_reset(&self->why);
    if (!state_id(id_value, &id, &self->why) || !state_argument(&given, state, &self->why))
        return states_refuse(self, reply);
    if (id.len == 0) {
        buf_append_cstr(&self->why, "invalid id ");
        json_from_mp(&self->why, id_value, NULL);
        return states_refuse(self, reply);
    }
    if (!replica_ready(self->replica))
        return ERR_UNAVAILABLE;
    return set_state(self, request, reply, fix_id(self, id), &given);
}

err_t states_on_del_state(void *arg, const request_t *request, reply_t *reply)
{
    states_t *self = arg;
    mp_t id_value = {0};
    str_t id;
    (void)request_arg(request, 0, &id_value); /* what is missing has its own error text */
    buf_reset(&self->why);
    if (!state_string_id(id_value, &id, &self->why))
        return states_refuse(self, reply);
    if (!replica_ready(self->replica))
        return ERR_UNAVAILABLE;
    point_t *point = points_require(self->points, id);
    if (!point)
        return ERR_NO_MEMORY;
    err_t err = ERR_PERMISSION;
    if (states_may(self, request->caller.user, point, RIGHT_WRITE, "delete"))
        err = point->alias ? ERR_OK : states_drop(self, request, point);
    if (err == ERR_OK) {
        reply_nil(reply);
        reply_str(reply, id);
    }
    points_release(self->points, point);
    return err;
}
