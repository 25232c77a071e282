/* SPDX-License-Identifier: MIT */
/* The commands that read objects, views left out: data-model.md 1.5, commands.md 2.2, 2.4 and 7. */
#include <string.h>

#include "actors/objects_ctx.h"
#include "actors/views.h"
#include "bus/pattern.h"
#include "bus/tree.h"

#define CONFIG_ID "system.config"
#define ADAPTER_PREFIX "system.adapter."

static const char BAD_LIST[] =
    "Parameter \"pattern\" needs to be of type \"string\" or an array of type \"string\", "
    "but the array contains a value of type \"object\"";

/* --- getObject ---------------------------------------------------------------------------------
 */

static err_t read_one(objects_t *self, const request_t *request, str_t id, mp_t *shown)
{
    mp_t object;
    err_t err = objects_store_get(self->store, id, &self->hold, &object);
    *shown = (mp_t){NULL, NULL};
    if (err != ERR_OK || mp_at_end(&object))
        return err;
    if (!access_reads(self, request, object))
        return ERR_PERMISSION;
    *shown = access_show(self, request, id, object);
    return ERR_OK;
}

err_t objects_on_getObject(void *actor, const request_t *request, reply_t *reply)
{
    objects_t *self = actor;
    mp_t value, shown;
    str_t id;
    (void)args_get(request, 0, &value);
    err_t err = args_id(value, reply, "", &id);
    if (err == ERR_OK)
        err = access_check(self, request, reply, "read");
    if (err == ERR_OK)
        err = read_one(self, request, id, &shown);
    if (err != ERR_OK)
        return err;
    reply_nil(reply);
    reply_raw(reply, shown);
    return ERR_OK;
}

/* --- maps of objects ---------------------------------------------------------------------------
 */

/* An answer {id: object} that is being written. */
typedef struct {
    objects_t *self;
    const request_t *request;
    buf_t *out;
    size_t mark;
    uint32_t count;
} listing_t;

static listing_t begin_listing(objects_t *self, const request_t *request, reply_t *reply)
{
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    return (listing_t){self, request, out, mp_begin_map(out), 0};
}

/* Copies a map with one more key; what it had under that key is left out. */
static void put_with_enums(listing_t *listing, str_t id, mp_t object, enums_filter_t filter)
{
    static const char key_text[] = "enums";
    uint32_t count = 0, kept = 0;
    mp_t at = object, value;
    str_t key;
    size_t mark = mp_begin_map(listing->out);
    if (!mp_read_map(&at, &count))
        count = 0;
    for (uint32_t i = 0; i < count && mp_read_str(&at, &key) && mp_next(&at, &value); i++) {
        if (str_is(key, key_text))
            continue;
        mp_put_str(listing->out, key);
        mp_put_raw(listing->out, value);
        kept++;
    }
    mp_put_cstr(listing->out, key_text);
    enums_put(listing->self->enums, id, filter, listing->out);
    mp_end(listing->out, mark, kept + 1);
}

/* Objects that are missing, damaged or not for the caller are left out. enums NULL: without them.
 */
static err_t list_one(listing_t *listing, str_t id, const enums_filter_t *enums)
{
    mp_t shown;
    err_t err = read_one(listing->self, listing->request, id, &shown);
    if (err == ERR_PERMISSION || err == ERR_DAMAGED)
        return ERR_OK;
    if (err != ERR_OK || mp_at_end(&shown))
        return err;
    mp_put_str(listing->out, id);
    if (enums)
        put_with_enums(listing, id, shown, *enums);
    else
        mp_put_raw(listing->out, shown);
    listing->count++;
    return listing->out->len <= listing->self->max_answer ? ERR_OK : ERR_TOO_LARGE;
}

static void end_listing(listing_t *listing)
{
    mp_end(listing->out, listing->mark, listing->count);
}

/* Exactly these ids; each once. */
static err_t answer_ids(objects_t *self, const request_t *request, reply_t *reply, mp_t ids)
{
    static const enums_filter_t all = ENUMS_ALL;
    uint32_t count;
    mp_t at = ids;
    str_t id;
    if (!mp_read_array(&at, &count) || count > OBJECTS_IDS_MAX)
        return ERR_TOO_LARGE;
    for (uint32_t i = 0; i < count; i++) {
        if (!mp_read_str(&at, &id))
            return reply_error(reply, "%s", BAD_LIST);
    }
    err_t err = access_check(self, request, reply, "read");
    if (err != ERR_OK)
        return err;
    listing_t listing = begin_listing(self, request, reply);
    json_t *seen = json_object();
    at = ids;
    (void)mp_read_array(&at, &count);
    for (uint32_t i = 0; i < count && err == ERR_OK && mp_read_str(&at, &id); i++) {
        if (id.len == 0 || json_object_getn(seen, id.p, id.len))
            continue;
        (void)json_object_setn_new_nocheck(seen, id.p, id.len, json_true());
        err = list_one(&listing, id, &all);
    }
    json_decref(seen);
    end_listing(&listing);
    return err;
}

/* All objects of a type whose ids match; view NULL: of all types. */
static err_t answer_pattern(objects_t *self, const request_t *request, reply_t *reply, str_t text,
                            const view_t *view)
{
    static const enums_filter_t all = ENUMS_ALL;
    err_t err = access_check(self, request, reply, "list");
    if (err != ERR_OK)
        return err;
    if (!pattern_valid(text))
        return reply_error(reply, "The pattern \"%.*s\" is not a valid ID pattern", STR_ARG(text));
    pattern_t *pattern = pattern_new(text, &err);
    if (!pattern)
        return err;
    str_t prefix = pattern_prefix(pattern);
    listing_t listing = begin_listing(self, request, reply);
    const index_entry_t *at = index_seek(objects_store_index(self->store), prefix);
    for (; at && err == ERR_OK; at = index_next(at)) {
        str_t id = index_id(at);
        if (id.len < prefix.len || (prefix.len && memcmp(id.p, prefix.p, prefix.len) != 0))
            break;
        bool fits = !view || (at->type == view->type && (!view->custom || at->custom));
        if (fits && pattern_match(pattern, id))
            err = list_one(&listing, id, &all);
    }
    end_listing(&listing);
    pattern_destroy(&pattern);
    return err;
}

/* --- getObjects, getAllObjects -----------------------------------------------------------------
 */

/* What a page wants at its start: states (with the rooms they are in), channels, devices and enums
 * (with all enums), and the system's settings. */
static err_t answer_everything(objects_t *self, const request_t *request, reply_t *reply)
{
    static const enums_filter_t all = ENUMS_ALL, rooms = ENUMS_ROOMS;
    err_t err = access_check(self, request, reply, "list");
    if (err != ERR_OK)
        return err;
    listing_t listing = begin_listing(self, request, reply);
    const index_entry_t *at = index_seek(objects_store_index(self->store), STR_LIT(""));
    for (; at && err == ERR_OK; at = index_next(at)) {
        if (at->type == OBJECT_STATE)
            err = list_one(&listing, index_id(at), &rooms);
        else if (at->type == OBJECT_CHANNEL || at->type == OBJECT_DEVICE || at->type == OBJECT_ENUM)
            err = list_one(&listing, index_id(at), &all);
        else if (str_is(index_id(at), CONFIG_ID))
            err = list_one(&listing, index_id(at), NULL);
    }
    end_listing(&listing);
    return err;
}

/* getAllObjects is the same command and takes no list. */
err_t objects_on_getObjects(void *actor, const request_t *request, reply_t *reply)
{
    objects_t *self = actor;
    mp_t list;
    str_t text;
    uint32_t count;
    bool design_known;
    (void)args_get(request, 0, &list);
    mp_t at = list;
    if (str_is(request->command, "getAllObjects"))
        return answer_everything(self, request, reply);
    if (mp_read_array(&at, &count) && count > 0)
        return answer_ids(self, request, reply, list);
    if (mp_read_str(&at, &text) && text.len > 0)
        return answer_pattern(self, request, reply, text,
                              views_find(STR_LIT("system"), STR_LIT("state"), &design_known));
    return answer_everything(self, request, reply);
}

/* --- getForeignObjects -------------------------------------------------------------------------
 */

err_t objects_on_getForeignObjects(void *actor, const request_t *request, reply_t *reply)
{
    objects_t *self = actor;
    mp_t pattern, type_arg;
    str_t text, type = STR_LIT("state");
    bool design_known;
    const char *pattern_type = args_get(request, 0, &pattern);
    (void)args_get(request, 1, &type_arg);
    if (mp_type(pattern) == MP_ARRAY)
        return answer_ids(self, request, reply, pattern);
    if (!mp_read_str(&pattern, &text))
        return reply_error(reply,
                           "Parameter \"pattern\" needs to be of type \"string\" or an array of "
                           "type \"string\", \"%s\" has been passed",
                           pattern_type);
    if (args_truthy(type_arg)) {
        err_t err = args_str(request, reply, 1, "type", &type);
        if (err != ERR_OK)
            return err;
    }
    /* Ours: the original knows no way to ask for all types. */
    bool any = str_is(type, "*");
    const view_t *view = any ? NULL : views_find(STR_LIT("system"), type, &design_known);
    if (!view && !any)
        return reply_error(reply, "Cannot find search \"%.*s\" in \"system\"", STR_ARG(type));
    return answer_pattern(self, request, reply, text, view);
}

/* --- instances and the system's settings -------------------------------------------------------
 */

static bool flag(const json_t *common, const char *key)
{
    const json_t *value = json_object_get(common, key);
    return value && !json_is_null(value) && !json_is_false(value) &&
           !(json_is_string(value) && json_string_length(value) == 0);
}

/* Old adapters describe their pages by single flags; clients expect adminUI. */
static void give_admin_ui(json_t *common)
{
    if (!json_is_object(common) || flag(common, "adminUI"))
        return;
    json_t *ui = json_object();
    const char *config = flag(common, "noConfig")      ? "none"
                         : flag(common, "jsonConfig")  ? "json"
                         : flag(common, "materialize") ? "materialize"
                                                       : "html";
    json_object_set_new(ui, "config", json_string(config));
    if (flag(common, "jsonCustom") || flag(common, "supportCustoms"))
        json_object_set_new(ui, "custom", json_string("json"));
    if (flag(common, "adminTab"))
        json_object_set_new(ui, "tab",
                            json_string(flag(common, "materializeTab") ? "materialize" : "html"));
    json_object_set_new(common, "adminUI", ui);
}

/* Appends the instance unless it belongs to another adapter; false: nothing was written. */
static bool put_instance(buf_t *out, mp_t object, str_t adapter)
{
    str_t name = STR_LIT("");
    mp_t common;
    if (adapter.len && (!mp_find(object, "common", &common) ||
                        !mp_find_str(common, "name", &name) || !str_eq(name, adapter)))
        return false;
    json_t *tree = tree_from_mp(object);
    json_object_del(json_object_get(tree, "common"), "news");
    give_admin_ui(json_object_get(tree, "common"));
    tree_to_mp(out, tree);
    json_decref(tree);
    return true;
}

static err_t answer_instances(objects_t *self, const request_t *request, reply_t *reply,
                              str_t adapter)
{
    bool design_known;
    const view_t *view = views_find(STR_LIT("system"), STR_LIT("instance"), &design_known);
    view_rows_t rows = {NULL, 0};
    buf_t start, end;
    buf_init(&start);
    buf_init(&end);
    buf_append_cstr(&start, ADAPTER_PREFIX);
    if (adapter.len) {
        buf_append_str(&start, adapter);
        buf_append_byte(&start, '.');
    }
    buf_append_str(&end, buf_str(&start));
    buf_append_cstr(&end, "\u9999");
    err_t err = view_rows_collect(&rows, objects_store_index(self->store), view, buf_str(&start),
                                  buf_str(&end));
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    uint32_t count = 0;
    size_t mark = mp_begin_array(out);
    for (size_t i = 0; i < rows.len && err == ERR_OK; i++) {
        mp_t shown;
        err = read_one(self, request, index_id(rows.entries[i]), &shown);
        if (err == ERR_OK && !mp_at_end(&shown))
            count += put_instance(out, shown, adapter) ? 1u : 0u;
        if (err == ERR_PERMISSION || err == ERR_DAMAGED)
            err = ERR_OK; /* left out */
        if (out->len > self->max_answer)
            err = ERR_TOO_LARGE;
    }
    mp_end(out, mark, count);
    view_rows_fini(&rows);
    buf_fini(&start);
    buf_fini(&end);
    return err;
}

err_t objects_on_getAdapterInstances(void *actor, const request_t *request, reply_t *reply)
{
    objects_t *self = actor;
    mp_t value;
    str_t adapter = STR_LIT("");
    (void)args_get(request, 0, &value);
    if (args_truthy(value)) {
        err_t err = args_str(request, reply, 0, "adapterName", &adapter);
        if (err != ERR_OK)
            return err;
    }
    err_t err = access_check(self, request, reply, "read");
    return err == ERR_OK ? answer_instances(self, request, reply, adapter) : err;
}

err_t objects_on_getCompactSystemConfig(void *actor, const request_t *request, reply_t *reply)
{
    objects_t *self = actor;
    mp_t shown;
    err_t err = access_check(self, request, reply, "read");
    if (err == ERR_OK)
        err = read_one(self, request, STR_LIT(CONFIG_ID), &shown);
    if (err != ERR_OK)
        return err;
    json_t *tree = mp_at_end(&shown) ? json_object() : tree_from_mp(shown);
    json_t *native = json_object_get(tree, "native");
    if (native) {
        json_t *kept = json_object();
        if (json_object_get(native, "secret"))
            json_object_set(kept, "secret", json_object_get(native, "secret"));
        if (json_object_get(native, "vendor"))
            json_object_set(kept, "vendor", json_object_get(native, "vendor"));
        json_object_set_new(tree, "native", kept);
    }
    reply_nil(reply);
    tree_to_mp(reply_value(reply), tree);
    json_decref(tree);
    return ERR_OK;
}
