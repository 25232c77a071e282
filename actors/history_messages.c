/* SPDX-License-Identifier: MIT */
/* What clients send to history.0 with sendTo. The call-back of sendTo has no error argument, so
 * errors travel as {error: text}. Shapes that the original accepts are accepted: one item, or lists
 * of them. Source: ioBroker.history 5.0.1, processMessage. */
#include <stdlib.h>

#include "actors/history_ctx.h"
#include "actors/loose.h"

#define DAY_MS 86400000
#define ITEMS_MAX 50000u /* values or spans of one message */
#define ERRORS_MAX 100u  /* error texts that are sent back */
#define ASK_TTL_MS 8000

typedef err_t message_fn(history_t *self, const request_t *request, reply_t *reply, mp_t message);

err_t history_reply_refusal(reply_t *reply, str_t text)
{
    reply_clear(reply);
    buf_t *out = reply_value(reply);
    mp_put_map(out, 1);
    mp_put_cstr(out, "error");
    mp_put_str(out, text);
    return ERR_OK;
}

static err_t refuse(reply_t *reply, const char *text)
{
    return history_reply_refusal(reply, str_of(text));
}

static err_t refuse_call(reply_t *reply)
{
    return refuse(reply, "Invalid call");
}

static err_t reply_success(reply_t *reply, bool success)
{
    buf_t *out = reply_value(reply);
    mp_put_map(out, 1);
    mp_put_cstr(out, "success");
    mp_put_bool(out, success);
    return ERR_OK;
}

/* --- items ----------------------------------------------------------------------------------- */

/* One state or span of a message. */
typedef struct {
    str_t id;
    mp_t part;   /* what belongs to the id: a state, a number, a map with start and end */
    mp_t holder; /* the map that the id stood in */
} item_t;

typedef void item_fn(void *arg, const item_t *item);

static uint32_t count_of(mp_t list)
{
    uint32_t count = 0;
    return mp_read_array(&list, &count) ? count : 0;
}

static bool id_of(mp_t holder, str_t *id)
{
    mp_t value = loose_get(holder, "id");
    *id = (str_t){"", 0};
    return mp_read_str(&value, id) && id->len > 0;
}

/* How many parts all items have together. */
static uint64_t total_of(mp_t list, const char *key)
{
    uint64_t total = 0;
    uint32_t count;
    mp_t holder;
    if (!mp_read_array(&list, &count))
        return 0;
    for (uint32_t i = 0; i < count && mp_next(&list, &holder); i++)
        total += 1 + (uint64_t)count_of(loose_get(holder, key));
    return total;
}

static void each_part(mp_t holder, mp_t parts, item_fn *fn, void *arg)
{
    item_t item = {.holder = holder};
    uint32_t count;
    (void)id_of(holder, &item.id); /* without one the item is refused below */
    if (!mp_read_array(&parts, &count)) {
        item.part = parts;
        fn(arg, &item);
        return;
    }
    for (uint32_t i = 0; i < count && mp_next(&parts, &item.part); i++)
        fn(arg, &item);
}

/* [{id, state}, ...], {id, state: [...]} or {id, state}; key: "state", or "ts" for deletions.
 * False: another shape, or too many. */
static bool each_item(mp_t message, const char *key, item_fn *fn, void *arg)
{
    uint32_t count;
    str_t id;
    mp_t list = message, holder;
    if (mp_read_array(&list, &count)) {
        if (total_of(message, key) > ITEMS_MAX)
            return false;
        for (uint32_t i = 0; i < count && mp_next(&list, &holder); i++)
            each_part(holder, loose_get(holder, key), fn, arg);
        return true;
    }
    mp_t parts = loose_get(message, key);
    if (!id_of(message, &id) || !parts.p || count_of(parts) > ITEMS_MAX)
        return false;
    each_part(message, parts, fn, arg);
    return true;
}

/* --- getHistory, getEnabledDPs, features -------------------------------------------------------
 */

static err_t on_get_history(history_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    const history_defaults_t defaults = {AGGREGATE_AVERAGE, DAY_MS, self->native.limit,
                                         self->native.round};
    str_t id;
    mp_t options = loose_get(message, "options");
    if (!loose_true(options))
        return refuse(reply, "Invalid call. No options for getHistory provided");
    if (mp_type(options) != MP_MAP || !id_of(message, &id))
        return refuse_call(reply);
    return history_query(self, request, reply, id, options, &defaults, HISTORY_AS_MESSAGE);
}

static err_t on_get_enabled(history_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    (void)request;
    (void)message;
    buf_t *out = reply_value(reply);
    size_t len = history_points_len(self->points);
    mp_put_map(out, (uint32_t)len);
    for (size_t i = 0; i < len; i++) {
        const history_point_t *point = history_points_at(self->points, i);
        mp_put_str(out, buf_str(&point->id));
        mp_put_raw(out, mp_of_buf(&point->custom));
    }
    return ERR_OK;
}

static err_t on_features(history_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    static const char *const features[] = {"update", "delete", "deleteRange", "deleteAll",
                                           "storeState"};
    (void)self;
    (void)request;
    (void)message;
    buf_t *out = reply_value(reply);
    mp_put_map(out, 1);
    mp_put_cstr(out, "supportedFeatures");
    mp_put_array(out, sizeof features / sizeof features[0]);
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++)
        mp_put_cstr(out, features[i]);
    return ERR_OK;
}

/* --- storeState ------------------------------------------------------------------------------ */

typedef struct {
    history_t *history;
    uint32_t stored, refused;
    buf_t errors; /* strings, one after the other */
    uint32_t errors_len;
} storing_t;

static void refuse_item(storing_t *self, const item_t *item, const char *text)
{
    buf_t line = {0};
    self->refused++;
    if (self->errors_len == ERRORS_MAX)
        return;
    buf_append_cstr(&line, text);
    buf_append_cstr(&line, " for ");
    buf_append_str(&line, item->id.len > 200 ? (str_t){item->id.p, 200} : item->id);
    mp_put_str(&self->errors, buf_str(&line));
    self->errors_len++;
    buf_fini(&line);
}

static bool is_changed(mp_t state, int64_t ts)
{
    double lc;
    return !mp_find_double(state, "lc", &lc) || lc == (double)ts;
}

static bool store_as_it_is(history_t *self, str_t id, history_row_t *row)
{
    buf_t converted = {0};
    history_convert(row, &converted);
    err_t err = history_record(self, history_store_id(self, id), row);
    buf_fini(&converted);
    return err == ERR_OK;
}

static void store_item(void *arg, const item_t *item)
{
    storing_t *self = arg;
    history_t *history = self->history;
    history_row_t row;
    history_point_t *point = history_points_find(history->points, item->id);
    if (!history_row_of_state(item->part, history->env->now(history->env), &row) ||
        !history_id_ok(item->id)) {
        refuse_item(self, item, "State is not valid");
        return;
    }
    if (loose_true(loose_get(item->holder, "rules"))) {
        if (!point) {
            refuse_item(self, item, "History is not enabled, so rules cannot be applied");
            return;
        }
        history_apply(history, point, &row, is_changed(item->part, row.ts));
    } else if (!store_as_it_is(history, item->id, &row)) {
        refuse_item(self, item, "State could not be stored");
        return;
    }
    self->stored++;
}

static void put_stored(const storing_t *self, buf_t *out)
{
    if (self->refused == 0) {
        mp_put_map(out, 2);
        mp_put_cstr(out, "success");
        mp_put_bool(out, true);
    } else {
        buf_t text = {0};
        buf_printf(&text, "%u errors happened while storing data", self->refused);
        mp_put_map(out, 3);
        mp_put_cstr(out, "error");
        mp_put_str(out, buf_str(&text));
        mp_put_cstr(out, "errors");
        mp_put_array(out, self->errors_len);
        mp_put_raw(out, mp_of_buf(&self->errors));
        buf_fini(&text);
    }
    mp_put_cstr(out, "successCount");
    mp_put_uint(out, self->stored);
}

static err_t on_store_state(history_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    storing_t storing = {.history = self};
    (void)request;
    if (!each_item(message, "state", store_item, &storing))
        return refuse_call(reply);
    put_stored(&storing, reply_value(reply));
    buf_fini(&storing.errors);
    return ERR_OK;
}

/* --- update ---------------------------------------------------------------------------------- */

typedef struct {
    history_t *history;
    bool found;
} updating_t;

static void update_item(void *arg, const item_t *item)
{
    updating_t *self = arg;
    history_t *history = self->history;
    double ts;
    bool found = false;
    if (!mp_find_double(item->part, "ts", &ts) || !(ts >= -1e15 && ts <= 1e16))
        return;
    const history_row_t patch = {.ts = (int64_t)ts,
                                 .val = loose_get(item->part, "val"),
                                 .ack = loose_get(item->part, "ack"),
                                 .q = loose_get(item->part, "q"),
                                 .from = loose_get(item->part, "from"),
                                 .user = loose_get(item->part, "user"),
                                 .comment = loose_get(item->part, "c")};
    err_t err =
        history_store_update(history->engine, history_store_id(history, item->id), &patch, &found);
    self->found = self->found || (err == ERR_OK && found);
}

/* Whether the message concerns one value only: then success tells whether there was one. */
static bool is_single(mp_t message, const char *key)
{
    return mp_type(message) == MP_MAP && mp_type(loose_get(message, key)) != MP_ARRAY;
}

static err_t on_update(history_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    updating_t updating = {.history = self};
    (void)request;
    if (!each_item(message, "state", update_item, &updating))
        return refuse_call(reply);
    return reply_success(reply, updating.found || !is_single(message, "state"));
}

/* --- delete, deleteRange, deleteAll ---------------------------------------------------------- */

typedef struct {
    history_t *history;
    history_span_t *spans;
    size_t len, cap;
    bool failed;
} deleting_t;

static void add_span(deleting_t *self, str_t id, int64_t from, int64_t to)
{
    if (self->len == self->cap) {
        size_t cap = self->cap ? self->cap * 2 : 8;
        history_span_t *spans = realloc(self->spans, cap * sizeof *spans);
        if (!spans) {
            self->failed = true;
            return;
        }
        self->spans = spans;
        self->cap = cap;
    }
    history_span_t *span = &self->spans[self->len++];
    *span = (history_span_t){.from = from, .to = to};
    buf_append_str(&span->id, history_store_id(self->history, id));
}

/* A number or {ts}: one point of time. {start, end}: a span, up to now when there is no end. */
static void delete_part(deleting_t *self, str_t id, mp_t part)
{
    int64_t from, to = self->history->env->now(self->history->env);
    mp_t ts = mp_type(part) == MP_MAP ? loose_get(part, "ts") : part;
    mp_t end = loose_get(part, "end");
    if (mp_type(ts) != MP_STR && loose_time(ts, &from)) {
        add_span(self, id, from, from);
    } else if (loose_time(loose_get(part, "start"), &from)) {
        if (!loose_true(end) || loose_time(end, &to))
            add_span(self, id, from, to);
    } else if (loose_time(end, &to)) {
        add_span(self, id, -HISTORY_TS_MAX, to);
    }
}

static void delete_item(void *arg, const item_t *item)
{
    delete_part(arg, item->id, item->part.p ? item->part : item->holder);
}

/* Where {id, ts, start, end} stand beside each other. */
static bool delete_direct(deleting_t *self, mp_t message)
{
    str_t id;
    if (mp_type(message) != MP_MAP || loose_get(message, "state").p)
        return false;
    if (count_of(loose_get(message, "ts")) > 0)
        return each_item(message, "ts", delete_item, self);
    if (!id_of(message, &id))
        return false;
    delete_part(self, id, message);
    return self->len > 0;
}

static err_t erase(history_t *self, const request_t *request, reply_t *reply, deleting_t *deleting,
                   bool wants_found)
{
    if (deleting->failed) {
        history_spans_free(deleting->spans, deleting->len);
        return refuse(reply, err_text(ERR_NO_MEMORY));
    }
    if (deleting->len == 0) {
        free(deleting->spans);
        return reply_success(reply, !wants_found);
    }
    err_t err = history_erase(self, request, &deleting->spans, deleting->len, wants_found);
    if (err == ERR_PENDING && !request->wants_reply)
        return ERR_OK;
    return err == ERR_PENDING ? err : refuse(reply, err_text(err));
}

static err_t on_delete(history_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    deleting_t deleting = {.history = self};
    if (!delete_direct(&deleting, message) &&
        !each_item(message, "state", delete_item, &deleting)) {
        history_spans_free(deleting.spans, deleting.len);
        return refuse_call(reply);
    }
    return erase(self, request, reply, &deleting,
                 is_single(message, "state") && is_single(message, "ts"));
}

static err_t on_delete_all(history_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    deleting_t deleting = {.history = self};
    uint32_t count;
    str_t id;
    mp_t list = message, holder;
    if (mp_read_array(&list, &count) && count <= ITEMS_MAX) {
        for (uint32_t i = 0; i < count && mp_next(&list, &holder); i++) {
            if (id_of(holder, &id))
                add_span(&deleting, id, -HISTORY_TS_MAX, HISTORY_TS_MAX);
        }
    } else if (id_of(message, &id)) {
        add_span(&deleting, id, -HISTORY_TS_MAX, HISTORY_TS_MAX);
    } else {
        return refuse_call(reply);
    }
    return erase(self, request, reply, &deleting, false);
}

/* --- enableHistory, disableHistory ----------------------------------------------------------- */

static void extended(history_t *self, history_ask_t *ask, err_t status, mp_t body)
{
    reply_t reply;
    mp_t first;
    str_t text;
    if (!ask->ticket)
        return;
    reply_init(&reply);
    if (status != ERR_OK)
        (void)refuse(&reply, err_text(status));
    else if (mp_at(body, 0, &first) && mp_read_str(&first, &text))
        (void)history_reply_refusal(&reply, text);
    else
        (void)reply_success(&reply, true);
    self->env->answer(self->env, ask->ticket, ERR_OK, &reply);
    reply_fini(&reply);
}

/* [id, {common: {custom: {"history.0": {...options, enabled}}}}] */
static void put_patch(buf_t *out, str_t id, mp_t options, bool enabled)
{
    uint32_t count = 0;
    mp_t key, value;
    mp_put_array(out, 2);
    mp_put_str(out, id);
    mp_put_map(out, 1);
    mp_put_cstr(out, "common");
    mp_put_map(out, 1);
    mp_put_cstr(out, "custom");
    mp_put_map(out, 1);
    mp_put_cstr(out, HISTORY_INSTANCE);
    size_t mark = mp_begin_map(out);
    uint32_t kept = 1;
    if (mp_read_map(&options, &count)) {
        for (; count > 0 && mp_next(&options, &key) && mp_next(&options, &value); count--, kept++) {
            mp_put_raw(out, key);
            mp_put_raw(out, value);
        }
    }
    mp_put_cstr(out, "enabled"); /* behind an older one: the last one wins */
    mp_put_bool(out, enabled);
    mp_end(out, mark, kept);
}

static err_t extend(history_t *self, const request_t *request, reply_t *reply, mp_t message,
                    bool enabled)
{
    buf_t args = {0};
    str_t id;
    uint64_t ticket = 0;
    if (!id_of(message, &id))
        return refuse_call(reply);
    if (request->wants_reply && (ticket = self->env->defer(self->env, request)) == 0)
        return refuse(reply, err_text(ERR_BUSY));
    history_ask_t *ask = history_ask_new(self, extended);
    if (!ask)
        return ERR_NO_MEMORY;
    ask->ticket = ticket;
    put_patch(&args, id, enabled ? loose_get(message, "options") : (mp_t){NULL, NULL}, enabled);
    history_ask_send(ask, "objects", "extendObject", &request->caller, &args, ASK_TTL_MS);
    buf_fini(&args);
    return ticket ? ERR_PENDING : ERR_OK;
}

static err_t on_enable(history_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    return extend(self, request, reply, message, true);
}

static err_t on_disable(history_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    return extend(self, request, reply, message, false);
}

/* --- the table ------------------------------------------------------------------------------- */

static const struct {
    const char *command;
    message_fn *fn;
} messages[] = {
    {"getHistory", on_get_history}, {"getEnabledDPs", on_get_enabled},
    {"features", on_features},      {"storeState", on_store_state},
    {"update", on_update},          {"delete", on_delete},
    {"deleteRange", on_delete},     {"deleteAll", on_delete_all},
    {"enableHistory", on_enable},   {"disableHistory", on_disable},
};

err_t history_on_message(void *self, const request_t *request, reply_t *reply)
{
    mp_t command, message = {NULL, NULL};
    str_t name = {"", 0};
    (void)request_arg(request, 1, &message); /* nothing counts as undefined */
    if (!request_arg(request, 0, &command) || !mp_read_str(&command, &name))
        return refuse_call(reply);
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        if (str_is(name, messages[i].command))
            return messages[i].fn(self, request, reply, message);
    }
    buf_t text = {0};
    buf_append_cstr(&text, "Unknown command: ");
    buf_append_str(&text, name.len > 200 ? (str_t){name.p, 200} : name);
    err_t err = history_reply_refusal(reply, buf_str(&text));
    buf_fini(&text);
    return err;
}
