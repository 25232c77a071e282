/* SPDX-License-Identifier: MIT */
#include "actors/views.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bus/error_object.h"
#include "bus/json.h"

#define LAST_KEY "\u9999" /* what clients put behind a prefix to mean "all below" */

/* --- the table ---------------------------------------------------------------------------------
 */

static const view_t views[] = {
    {"system", "host", OBJECT_HOST, VIEW_OBJECT, false, "system.host."},
    {"system", "adapter", OBJECT_ADAPTER, VIEW_OBJECT, false, "system.adapter."},
    {"system", "instance", OBJECT_INSTANCE, VIEW_OBJECT, false, "system.adapter."},
    {"system", "instanceStats", OBJECT_INSTANCE, VIEW_STATS, false, "system.adapter."},
    {"system", "meta", OBJECT_META, VIEW_OBJECT, false, NULL},
    {"system", "device", OBJECT_DEVICE, VIEW_OBJECT, false, NULL},
    {"system", "channel", OBJECT_CHANNEL, VIEW_OBJECT, false, NULL},
    {"system", "state", OBJECT_STATE, VIEW_OBJECT, false, NULL},
    {"system", "folder", OBJECT_FOLDER, VIEW_OBJECT, false, NULL},
    {"system", "enum", OBJECT_ENUM, VIEW_OBJECT, false, "enum."},
    {"system", "script", OBJECT_SCRIPT, VIEW_OBJECT, false, "script."},
    {"system", "group", OBJECT_GROUP, VIEW_NAMED, false, "system.group."},
    {"system", "user", OBJECT_USER, VIEW_NAMED, false, "system.user."},
    {"system", "config", OBJECT_CONFIG, VIEW_NAMED, false, "system."},
    {"system", "chart", OBJECT_CHART, VIEW_OBJECT, false, NULL},
    {"system", "schedule", OBJECT_SCHEDULE, VIEW_OBJECT, false, NULL},
    {"system", "custom", OBJECT_STATE, VIEW_CUSTOM, true, NULL},
    {"system", "custom-full", OBJECT_STATE, VIEW_OBJECT, true, NULL},
    {"custom", "state", OBJECT_STATE, VIEW_LEGACY, false, NULL},
    {"chart", "chart", OBJECT_CHART, VIEW_OBJECT, false, NULL},
    {NULL, NULL, OBJECT_OTHER, VIEW_OBJECT, false, NULL},
};

const view_t *views_all(void)
{
    return views;
}

const view_t *views_find(str_t design, str_t search, bool *design_known)
{
    *design_known = false;
    for (const view_t *view = views; view->design; view++) {
        if (!str_is(design, view->design))
            continue;
        *design_known = true;
        if (str_is(search, view->search))
            return view;
    }
    return NULL;
}

/* --- rows of a range ---------------------------------------------------------------------------
 */

static int by_seq(const void *a, const void *b)
{
    const index_entry_t *x = *(const index_entry_t *const *)a;
    const index_entry_t *y = *(const index_entry_t *const *)b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

err_t view_rows_collect(view_rows_t *rows, const objects_index_t *index, const view_t *view,
                        str_t start, str_t end)
{
    size_t cap = 0;
    *rows = (view_rows_t){NULL, 0};
    for (const index_entry_t *at = index_seek(index, start); at; at = index_next(at)) {
        if (index_compare(index_id(at), end) > 0)
            break;
        if (at->type != view->type || (view->custom && !at->custom))
            continue;
        if (rows->len == cap) {
            cap = cap ? cap * 2 : 64;
            const index_entry_t **grown = realloc(rows->entries, cap * sizeof *grown);
            if (!grown) {
                view_rows_fini(rows);
                return ERR_NO_MEMORY;
            }
            rows->entries = grown;
        }
        rows->entries[rows->len++] = at;
    }
    if (rows->len)
        qsort(rows->entries, rows->len, sizeof *rows->entries, by_seq);
    return ERR_OK;
}

void view_rows_fini(view_rows_t *rows)
{
    free(rows->entries);
    *rows = (view_rows_t){NULL, 0};
}

/* --- partial trees -----------------------------------------------------------------------------
 */

/* params.depth: rows deeper than that below the start are counted in virtual folders instead. */
typedef struct {
    bool active;
    size_t depth;   /* levels that are shown */
    size_t root;    /* parts of the start key, its empty last one included */
    json_t *places; /* id of a virtual folder -> where its hasChildren stands in the answer */
    uint32_t added; /* rows of virtual folders */
} partial_t;

static size_t count_parts(str_t id)
{
    size_t parts = 1;
    for (size_t i = 0; i < id.len; i++)
        parts += id.p[i] == '.' ? 1u : 0u;
    return parts;
}

static void partial_init(partial_t *self, mp_t params, str_t start)
{
    double depth;
    *self = (partial_t){.root = count_parts(start)};
    if (!mp_find_double(params, "depth", &depth) || !(depth > 0))
        return;
    self->active = true;
    self->depth = depth < 1e6 ? (size_t)ceil(depth) : 1000000;
    if (start.len && start.p[start.len - 1] != '.')
        self->root++;
    self->places = json_object();
}

/* One more row below a virtual folder; makes the folder's row when it is the first. */
static void count_child(partial_t *self, str_t id, buf_t *out)
{
    json_t *place = json_object_getn(self->places, id.p, id.len);
    if (place) {
        /* A uint32 that was written in full length, so that it can be counted up in place. */
        uint8_t *bytes = out->data + json_integer_value(place);
        for (int i = 3; i >= 0 && ++bytes[i] == 0; i--)
            ;
        return;
    }
    static const uint8_t one[] = {0xce, 0, 0, 0, 1};
    mp_put_map(out, 2);
    mp_put_cstr(out, "id");
    mp_put_str(out, id);
    mp_put_cstr(out, "value");
    mp_put_map(out, 6);
    mp_put_cstr(out, "_id");
    mp_put_str(out, id);
    mp_put_cstr(out, "common");
    mp_put_map(out, 0);
    mp_put_cstr(out, "native");
    mp_put_map(out, 0);
    mp_put_cstr(out, "type");
    mp_put_cstr(out, "folder");
    mp_put_cstr(out, "virtual");
    mp_put_bool(out, true);
    mp_put_cstr(out, "hasChildren");
    buf_append(out, one, sizeof one);
    if (out->failed)
        return;
    (void)json_object_setn_new_nocheck(self->places, id.p, id.len,
                                       json_integer((json_int_t)(out->len - 4)));
    self->added++;
}

/* True when the row of this id is deeper than what is asked for; it is counted then. */
static bool partial_swallows(partial_t *self, str_t id, buf_t *out)
{
    size_t parts = count_parts(id);
    if (!self->active || parts <= self->root || parts - self->root <= self->depth)
        return false;
    size_t dots = 0;
    for (size_t i = 0; i < id.len; i++) {
        if (id.p[i] == '.' && ++dots >= self->root + self->depth)
            count_child(self, (str_t){id.p, i}, out);
    }
    return true;
}

/* --- one row -----------------------------------------------------------------------------------
 */

/* common.name: a text, the English one of a map, else the map as JSON. */
static void put_name(buf_t *out, str_t id, mp_t object)
{
    mp_t name;
    str_t text;
    if (!mp_path(object, &name, "common", "name", NULL)) {
        mp_put_str(out, id);
        return;
    }
    mp_t at = name;
    if (mp_read_str(&at, &text) || (mp_find_str(name, "en", &text) && text.len)) {
        mp_put_str(out, text);
        return;
    }
    buf_t json;
    buf_init(&json);
    json_from_mp(&json, name, NULL);
    mp_put_str(out, buf_str(&json));
    buf_fini(&json);
}

static bool truthy_at(mp_t object, const char *key, mp_t *value)
{
    return mp_path(object, value, "common", key, NULL) && args_truthy(*value);
}

/* False: this object makes no row. */
static bool put_row(const view_t *view, str_t id, mp_t object, buf_t *out)
{
    mp_t value = object;
    if (view->kind == VIEW_CUSTOM && !truthy_at(object, "custom", &value))
        return false;
    if (view->kind == VIEW_LEGACY && !truthy_at(object, "custom", &value) &&
        !truthy_at(object, "history", &value))
        return false;
    mp_put_map(out, 2);
    mp_put_cstr(out, "id");
    if (view->kind == VIEW_NAMED)
        put_name(out, id, object);
    else
        mp_put_str(out, id);
    mp_put_cstr(out, "value");
    mp_put_raw(out, value);
    return true;
}

/* --- getObjectView -----------------------------------------------------------------------------
 */

/* Number at the end of an instance id, as parseInt reads it; false: none. */
static bool instance_number(str_t id, int64_t *number)
{
    size_t at = id.len;
    while (at > 0 && id.p[at - 1] != '.')
        at--;
    size_t digits = 0;
    *number = 0;
    for (; at < id.len && id.p[at] >= '0' && id.p[at] <= '9' && digits < 15; at++, digits++)
        *number = *number * 10 + (id.p[at] - '0');
    return digits > 0;
}

/* The objects of the rows that the caller may read; what cannot be read is left out. */
static err_t read_row(objects_t *self, const request_t *request, str_t id, mp_t *shown)
{
    mp_t object;
    err_t err = objects_store_get(self->store, id, &self->hold, &object);
    *shown = (mp_t){NULL, NULL};
    if (err == ERR_DAMAGED)
        return ERR_OK;
    if (err == ERR_OK && !mp_at_end(&object) && access_reads(self, request, object))
        *shown = access_show(self, request, id, object);
    return err;
}

static err_t put_stats(objects_t *self, const request_t *request, const view_rows_t *rows,
                       buf_t *out)
{
    int64_t max = -1, number;
    for (size_t i = 0; i < rows->len; i++) {
        mp_t shown;
        str_t id = index_id(rows->entries[i]);
        err_t err = read_row(self, request, id, &shown);
        if (err != ERR_OK)
            return err;
        if (!mp_at_end(&shown) && instance_number(id, &number) && number > max)
            max = number;
    }
    mp_put_array(out, max >= 0 ? 1 : 0);
    if (max >= 0) {
        mp_put_map(out, 2);
        mp_put_cstr(out, "id");
        mp_put_cstr(out, "_stats");
        mp_put_cstr(out, "value");
        mp_put_map(out, 1);
        mp_put_cstr(out, "max");
        mp_put_int(out, max);
    }
    return ERR_OK;
}

static err_t put_rows(objects_t *self, const request_t *request, const view_t *view,
                      const view_rows_t *rows, partial_t *partial, buf_t *out)
{
    uint32_t count = 0;
    size_t mark = mp_begin_array(out);
    for (size_t i = 0; i < rows->len; i++) {
        mp_t shown;
        str_t id = index_id(rows->entries[i]);
        err_t err = read_row(self, request, id, &shown);
        if (err != ERR_OK)
            return err;
        if (mp_at_end(&shown))
            continue;
        if (!partial_swallows(partial, id, out))
            count += put_row(view, id, shown, out) ? 1u : 0u;
        if (out->len > self->max_answer)
            return ERR_TOO_LARGE;
    }
    mp_end(out, mark, count + partial->added);
    return ERR_OK;
}

/* The range that is asked for; the pieces it is made of go into text. */
static void find_range(const view_t *view, mp_t params, buf_t *text, str_t *start, str_t *end)
{
    bool from = mp_find_str(params, "startkey", start) && start->len > 0;
    bool to = mp_find_str(params, "endkey", end) && end->len > 0 && !str_is(*end, LAST_KEY);
    if (!from)
        *start = (str_t){"", 0};
    if (!to)
        *end = str_of(LAST_KEY);
    if (!from && !to && view->below) {
        buf_append_cstr(text, view->below);
        buf_append_cstr(text, LAST_KEY);
        *start = str_of(view->below);
        *end = buf_str(text);
    }
}

/* The original reports it as an object of class Error. */
static err_t answer_unknown(reply_t *reply, str_t design, str_t search, bool design_known)
{
    buf_t text = {0};
    if (design_known)
        buf_printf(&text, "Cannot find search \"%.*s\" in \"%.*s\"", STR_ARG(search),
                   STR_ARG(design));
    else
        buf_printf(&text, "Cannot find view \"%.*s\"", STR_ARG(design));
    reply_clear(reply);
    error_object_put(reply_value(reply), buf_str(&text));
    buf_fini(&text);
    return ERR_OK;
}

static err_t answer_view(objects_t *self, const request_t *request, reply_t *reply,
                         const view_t *view, mp_t params)
{
    buf_t text;
    str_t start, end;
    view_rows_t rows;
    partial_t partial;
    buf_init(&text);
    find_range(view, params, &text, &start, &end);
    partial_init(&partial, params, start);
    if (view->kind == VIEW_CUSTOM || view->kind == VIEW_LEGACY)
        partial.active = false; /* their values have no _id to make a tree of */
    err_t err = view_rows_collect(&rows, objects_store_index(self->store), view, start, end);
    if (err == ERR_OK) {
        reply_nil(reply);
        buf_t *out = reply_value(reply);
        mp_put_map(out, 1);
        mp_put_cstr(out, "rows");
        err = view->kind == VIEW_STATS ? put_stats(self, request, &rows, out)
                                       : put_rows(self, request, view, &rows, &partial, out);
        view_rows_fini(&rows);
    }
    json_decref(partial.places);
    buf_fini(&text);
    return err;
}

err_t views_on_getObjectView(void *actor, const request_t *request, reply_t *reply)
{
    objects_t *self = actor;
    str_t design, search;
    mp_t params;
    bool design_known;
    err_t err = args_str(request, reply, 0, "design", &design);
    if (err == ERR_OK)
        err = args_str(request, reply, 1, "search", &search);
    if (err != ERR_OK)
        return err;
    const char *type = args_get(request, 2, &params);
    if (args_truthy(params) && mp_type(params) != MP_MAP)
        return reply_error(
            reply, "Parameter \"params\" needs to be a real object but type \"%s\" has been passed",
            type);
    err = access_check(self, request, reply, "list");
    if (err != ERR_OK)
        return err;
    const view_t *view = views_find(design, search, &design_known);
    return view ? answer_view(self, request, reply, view, params)
                : answer_unknown(reply, design, search, design_known);
}
