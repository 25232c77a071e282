/* SPDX-License-Identifier: MIT */
/* The plain verbs: states as they are, for tools and translators, beneath the verbs of web clients.
 * No rights, no aliases, nothing filled in. */
#include "actors/states_ctx.h"
#include "bus/pattern.h"

#define SCAN_MAX 10000                      /* states in one answer */
#define SCAN_BYTES_MAX (8u * 1024u * 1024u) /* an answer that has reached this size ends */

/* Begins to read argument 0 as an array. */
static bool read_list(const request_t *request, mp_t *list, uint32_t *count)
{
    return request_arg(request, 0, list) && mp_read_array(list, count);
}

err_t states_on_get(void *arg, const request_t *request, reply_t *reply)
{
    states_t *self = arg;
    mp_t list;
    uint32_t count;
    str_t id;
    if (!read_list(request, &list, &count))
        return ERR_BAD_ARGS;
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_array(out, count);
    for (uint32_t i = 0; i < count; i++) {
        if (!mp_read_str(&list, &id))
            return ERR_BAD_ARGS;
        const point_t *point = points_find(self->points, id);
        if (point && point->state.len)
            mp_put_raw(out, mp_of_buf(&point->state));
        else
            mp_put_nil(out);
    }
    return ERR_OK;
}

/* --- reading for who watches ------------------------------------------------------------------ */

static bool has_state(const point_t *point)
{
    return point && (point->state.len > 0 || (point->source && point->source->state.len > 0));
}

/* Returns how many rows it has appended: an alias whose value cannot be worked out keeps silent. */
static uint32_t put_watched(states_t *self, buf_t *out, str_t id, const point_t *point)
{
    buf_reset(&self->alias_state);
    states_put_state(self, &self->alias_state, point, false);
    mp_t state = mp_of_buf(&self->alias_state);
    if (has_state(point) && mp_type(state) == MP_NIL)
        return 0;
    mp_put_array(out, 3);
    mp_put_str(out, id);
    mp_put_raw(out, state);
    if (point)
        states_put_acl(out, point);
    else
        mp_put_nil(out);
    return 1;
}

static err_t watched_list(states_t *self, mp_t list, buf_t *out)
{
    uint32_t ids = 0, count = 0;
    str_t id;
    size_t mark = mp_begin_array(out);
    (void)mp_read_array(&list, &ids);
    for (uint32_t i = 0; i < ids; i++) {
        if (!mp_read_str(&list, &id))
            return ERR_BAD_ARGS;
        count += put_watched(self, out, id, points_find(self->points, id));
    }
    mp_end(out, mark, count);
    return ERR_OK;
}

/* Also states without an object: whoever watches them gets their events. */
static err_t watched_pattern(states_t *self, str_t text, buf_t *out)
{
    err_t err;
    uint32_t count = 0;
    size_t at = 0;
    const point_t *point;
    pattern_t *pattern = pattern_new(text, &err);
    if (!pattern)
        return err;
    size_t mark = mp_begin_array(out);
    while ((point = points_next(self->points, &at)) != NULL) {
        if (has_state(point) && pattern_match(pattern, point_id(point)))
            count += put_watched(self, out, point_id(point), point);
    }
    mp_end(out, mark, count);
    pattern_destroy(&pattern);
    return ERR_OK;
}

/* What events would say of the states now, with what decides who may see them: an id that is asked
 * for without a state has nil. */
err_t states_on_watched(void *arg, const request_t *request, reply_t *reply)
{
    states_t *self = arg;
    mp_t value = {0};
    str_t text;
    if (request->caller.user.len > 0)
        return ERR_PERMISSION;
    if (!replica_ready(self->replica))
        return ERR_UNAVAILABLE;
    (void)request_arg(request, 0, &value); /* there is one */
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    if (mp_type(value) == MP_ARRAY)
        return watched_list(self, value, out);
    return mp_read_str(&value, &text) ? watched_pattern(self, text, out) : ERR_BAD_ARGS;
}

/* --- writing --------------------------------------------------------------------------------- */

static bool read_pair(mp_t *list, str_t *id, mp_t *state)
{
    mp_t pair;
    uint32_t width;
    return mp_next(list, &pair) && mp_read_array(&pair, &width) && width == 2 &&
           mp_read_str(&pair, id) && id->len > 0 && mp_next(&pair, state) &&
           (mp_type(*state) == MP_MAP || mp_type(*state) == MP_NIL);
}

/* A state that brings a number as `expire` ends after so many seconds. */
static int64_t end_of(states_t *self, mp_t state)
{
    double seconds;
    if (!mp_find_double(state, "expire", &seconds) || !(seconds > 0) || seconds > STATES_EXPIRE_MAX)
        return 0;
    return self->env->now(self->env) + (int64_t)(seconds * 1000);
}

static err_t put_one(states_t *self, const request_t *request, str_t id, mp_t state)
{
    point_t *point = points_require(self->points, id);
    if (!point)
        return ERR_NO_MEMORY;
    if (mp_type(state) == MP_NIL)
        return states_drop(self, request, point);
    err_t err = states_put(self, request, point, state, end_of(self, state));
    if (err != ERR_OK)
        points_release(self->points, point);
    return err;
}

/* All or nothing as far as the arguments decide. */
static err_t check_pairs(const states_t *self, mp_t list, uint32_t count)
{
    str_t id;
    mp_t state;
    for (uint32_t i = 0; i < count; i++) {
        if (!read_pair(&list, &id, &state))
            return ERR_BAD_ARGS;
        if (id.len + (size_t)(state.end - state.p) > self->max_value)
            return ERR_TOO_LARGE;
    }
    return ERR_OK;
}

static err_t reply_count(reply_t *reply, uint32_t count)
{
    reply_nil(reply);
    mp_put_uint(reply_value(reply), count);
    return ERR_OK;
}

err_t states_on_put(void *arg, const request_t *request, reply_t *reply)
{
    states_t *self = arg;
    mp_t list, state;
    uint32_t count;
    str_t id;
    if (!read_list(request, &list, &count))
        return ERR_BAD_ARGS;
    err_t err = check_pairs(self, list, count);
    for (uint32_t i = 0; i < count && err == ERR_OK; i++) {
        if (read_pair(&list, &id, &state))
            err = put_one(self, request, id, state);
    }
    return err == ERR_OK ? reply_count(reply, count) : err;
}

err_t states_on_del(void *arg, const request_t *request, reply_t *reply)
{
    states_t *self = arg;
    mp_t list;
    uint32_t count, deleted = 0;
    str_t id;
    if (!read_list(request, &list, &count))
        return ERR_BAD_ARGS;
    for (uint32_t i = 0; i < count; i++) {
        if (!mp_read_str(&list, &id))
            return ERR_BAD_ARGS;
        point_t *point = points_find(self->points, id);
        if (!point || point->state.len == 0)
            continue;
        err_t err = states_drop(self, request, point);
        if (err != ERR_OK)
            return err;
        deleted++;
    }
    return reply_count(reply, deleted);
}

/* --- scanning -------------------------------------------------------------------------------- */

typedef struct {
    str_t after;    /* the page starts behind this id */
    uint64_t limit; /* states */
    buf_t last;     /* id of the last state */
    bool more;      /* there are states behind it */
} page_t;

/* Fills rows with [id, state] pairs; returns how many. */
static uint32_t fill_page(engine_scan_t *scan, page_t *page, buf_t *rows)
{
    str_t id, record;
    uint32_t count = 0;
    while (engine_scan_next(scan, &id, &record)) {
        mp_t value = mp_of(record.p, record.len), state;
        if (str_eq(id, page->after) || !mp_next(&value, &state) || mp_type(state) != MP_MAP)
            continue;
        if (count == page->limit || rows->len > SCAN_BYTES_MAX) {
            page->more = true;
            break;
        }
        mp_put_array(rows, 2);
        mp_put_str(rows, id);
        mp_put_raw(rows, state);
        buf_reset(&page->last);
        buf_append_str(&page->last, id);
        count++;
    }
    return count;
}

static err_t reply_page(states_t *self, page_t *page, reply_t *reply)
{
    static const str_t all = {"", 0};
    buf_t rows = {0};
    engine_scan_t *scan = engine_scan_new(states_store_engine(self->store), all, page->after);
    uint32_t count = fill_page(scan, page, &rows);
    err_t err = engine_scan_error(scan);
    engine_scan_destroy(&scan);
    if (err == ERR_OK && rows.failed)
        err = ERR_NO_MEMORY;
    if (err == ERR_OK) {
        reply_nil(reply);
        mp_put_array(reply_value(reply), count);
        mp_put_raw(&reply->body, mp_of_buf(&rows));
        if (page->more)
            reply_str(reply, buf_str(&page->last));
        else
            reply_nil(reply);
    }
    buf_fini(&rows);
    buf_fini(&page->last);
    return err;
}

err_t states_on_scan(void *arg, const request_t *request, reply_t *reply)
{
    mp_t value;
    page_t page = {.after = {"", 0}};
    if (!request_arg(request, 1, &value) || !mp_read_uint(&value, &page.limit) || page.limit == 0 ||
        !request_arg(request, 0, &value) ||
        (mp_type(value) != MP_NIL && !mp_read_str(&value, &page.after)))
        return ERR_BAD_ARGS;
    if (page.limit > SCAN_MAX)
        page.limit = SCAN_MAX;
    return reply_page(arg, &page, reply);
}
