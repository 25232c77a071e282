/* SPDX-License-Identifier: MIT */
#include "actors/states_ctx.h"
#include "bus/pattern.h"

err_t states_on_get_state(void *arg, const request_t *request, reply_t *reply)
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
    const point_t *point = points_find(self->points, id);
    if (!states_may_read(self, request->caller.user, point))
        return ERR_PERMISSION;
    reply_nil(reply);
    states_put_state(self, reply_value(reply), point, false);
    return ERR_OK;
}

/* --- getStates ------------------------------------------------------------------------------- */

static bool only_texts(mp_t list, uint32_t count)
{
    str_t id;
    for (uint32_t i = 0; i < count; i++) {
        if (!mp_read_str(&list, &id))
            return false;
    }
    return true;
}

static err_t get_list(states_t *self, const request_t *request, mp_t list, reply_t *reply)
{
    uint32_t count = 0;
    str_t id;
    (void)mp_read_array(&list, &count);
    if (!only_texts(list, count))
        return reply_error(reply, "Parameter \"pattern\" needs to be of type \"string\" or an "
                                  "array of type \"string\", but the array contains a value of "
                                  "type \"object\"");
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_map(out, count);
    for (uint32_t i = 0; i < count && mp_read_str(&list, &id); i++) {
        const point_t *point = points_find(self->points, id);
        if (!states_may_read(self, request->caller.user, point))
            return ERR_PERMISSION;
        mp_put_str(out, id);
        states_put_state(self, out, point, true);
    }
    return ERR_OK;
}

static bool fits(const pattern_t *pattern, str_t id, bool *past)
{
    str_t prefix = pattern_prefix(pattern);
    *past = id.len < prefix.len || !str_eq((str_t){id.p, prefix.len}, prefix);
    return !*past && pattern_match(pattern, id);
}

/* Where the reading starts. The original reads a range of ids that begins at the pattern without
 * its stars, so "a.mixed*l" does not find "a.mixedNull", which sorts before "a.mixedl". A pattern
 * that begins with a star finds what it matches. */
static size_t first_match(states_t *self, const pattern_t *pattern)
{
    str_t text = pattern_text(pattern);
    buf_reset(&self->hold);
    for (size_t i = 0; i < text.len && text.p[0] != '*'; i++) {
        if (text.p[i] != '*')
            buf_append_byte(&self->hold, (uint8_t)text.p[i]);
    }
    return points_seek(self->points, buf_str(&self->hold));
}

static void put_matches(states_t *self, const request_t *request, const pattern_t *pattern,
                        buf_t *out)
{
    uint32_t count = 0;
    bool past = false;
    size_t mark = mp_begin_map(out);
    for (size_t i = first_match(self, pattern); i < points_listed(self->points) && !past; i++) {
        const point_t *point = points_listed_at(self->points, i);
        if (!fits(pattern, point_id(point), &past) ||
            !states_may_read(self, request->caller.user, point))
            continue;
        mp_put_str(out, point_id(point));
        states_put_state(self, out, point, true);
        count++;
    }
    mp_end(out, mark, count);
}

static err_t get_pattern(states_t *self, const request_t *request, str_t text, reply_t *reply)
{
    str_t user = request->caller.user;
    bool open_end = text.len > 0 && text.p[text.len - 1] == '*';
    if (!rights_is_root(user) && !rights_may(self->rights, user, "object", "list"))
        return ERR_PERMISSION;
    /* The original compiles only patterns that end otherwise: with a star at the end it reads a
     * range of ids, and characters that no id has simply match nothing. */
    if (!open_end && !pattern_valid(text)) {
        buf_append_cstr(&self->why, "The pattern \"");
        buf_append_str(&self->why, text);
        buf_append_cstr(&self->why, "\" is not a valid ID pattern");
        return states_refuse(self, reply);
    }
    err_t err;
    pattern_t *pattern = pattern_new(text, &err);
    if (!pattern)
        return err;
    reply_nil(reply);
    put_matches(self, request, pattern, reply_value(reply));
    pattern_destroy(&pattern);
    return ERR_OK;
}

/* null, false, 0, "" or nothing: all states. */
static bool means_all(mp_t argument)
{
    bool flag;
    double number;
    str_t text;
    if (mp_at_end(&argument) || mp_type(argument) == MP_NIL)
        return true;
    if (mp_read_bool(&argument, &flag))
        return !flag;
    if (mp_read_double(&argument, &number))
        return number == 0;
    return mp_read_str(&argument, &text) && text.len == 0;
}

err_t states_on_get_states(void *arg, const request_t *request, reply_t *reply)
{
    states_t *self = arg;
    mp_t argument = {0};
    str_t text = STR_LIT("*");
    (void)request_arg(request, 0, &argument); /* missing: all */
    buf_reset(&self->why);
    if (!replica_ready(self->replica))
        return ERR_UNAVAILABLE;
    if (mp_type(argument) == MP_ARRAY)
        return get_list(self, request, argument, reply);
    mp_t at = argument;
    if (!means_all(argument) && !mp_read_str(&at, &text))
        return reply_error(reply,
                           "Parameter \"pattern\" needs to be of type \"string\" or an array of "
                           "type \"string\", \"%s\" has been passed",
                           mp_typeof(argument));
    return get_pattern(self, request, text, reply);
}
