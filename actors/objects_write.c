/* SPDX-License-Identifier: MIT */
/* setObject and extendObject: data-model.md 1.4. */
#include <string.h>

#include "actors/objects_ctx.h"
#include "bus/log.h"
#include "bus/tree.h"

#define ROOT_USER "system.user.admin"
#define ADMIN_GROUP "system.group.administrator"

/* --- what every write fills in -----------------------------------------------------------------
 */

static bool is_set(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_number(value))
        return json_number_value(value) != 0;
    return value && !json_is_null(value) && !json_is_false(value) &&
           !(json_is_string(value) && json_string_length(value) == 0);
}

static json_t *text_of(str_t text)
{
    return json_stringn_nocheck(text.len ? text.p : "", text.len);
}

static json_t *writer_of(const objects_t *self, const request_t *request)
{
    str_t instance = request->caller.instance;
    if (instance.len == 0)
        return json_string_nocheck(self->host);
    return json_sprintf("system.adapter.%.*s", STR_ARG(instance));
}

/* from, user and ts are the client's when it gives them. */
static void fill(objects_t *self, const request_t *request, json_t *object)
{
    str_t user = request->caller.user;
    if (!is_set(object, "from"))
        json_object_set_new(object, "from", writer_of(self, request));
    if (!is_set(object, "user"))
        json_object_set_new(object, "user", user.len ? text_of(user) : json_string(ROOT_USER));
    if (!is_set(object, "ts"))
        json_object_set_new(object, "ts", json_integer(self->env->now(self->env)));
}

/* An object keeps the acl that it brings, else that of its predecessor; a new one gets a copy of
 * system.config's defaultNewAcl, if there is one (data-model.md 1.2). */
static void give_acl(objects_t *self, const request_t *request, json_t *object, const json_t *old)
{
    str_t user = request->caller.user;
    if (is_set(object, "acl"))
        return;
    if (is_set(old, "acl")) {
        json_object_set(object, "acl", json_object_get(old, "acl"));
        return;
    }
    json_object_del(object, "acl");
    json_t *acl = tree_from_mp(rights_default_acl(self->rights));
    if (!json_is_object(acl)) {
        json_decref(acl);
        return;
    }
    const char *type = json_string_value(json_object_get(object, "type"));
    json_object_del(acl, "file");
    if (!type || strcmp(type, "state") != 0)
        json_object_del(acl, "state");
    if (!rights_is_root(user))
        json_object_set_new(acl, "owner", text_of(user));
    str_t group = rights_first_group(self->rights, user);
    if (group.len && !str_is(group, ADMIN_GROUP))
        json_object_set_new(acl, "ownerGroup", text_of(group));
    json_object_set_new(object, "acl", acl);
}

/* Writes the finished object. The id is always the one it is stored under. */
static err_t store(objects_t *self, const request_t *request, str_t id, json_t *object)
{
    json_object_set_new(object, "_id", text_of(id));
    rules_report(id, object);
    buf_reset(&self->made);
    tree_to_mp(&self->made, object);
    if (self->made.failed)
        return ERR_NO_MEMORY;
    return objects_change(self, request, id, mp_of_buf(&self->made));
}

static void put_id(buf_t *out, str_t id)
{
    mp_put_cstr(out, "id");
    mp_put_str(out, id);
}

static err_t answer_id(reply_t *reply, str_t id)
{
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_map(out, 1);
    put_id(out, id);
    return ERR_OK;
}

/* The object under id as a tree, NULL when there is none; the raw form stays in self->hold. */
static err_t load(objects_t *self, str_t id, mp_t *raw, json_t **tree)
{
    *tree = NULL;
    err_t err = objects_store_get(self->store, id, &self->hold, raw);
    if (err == ERR_DAMAGED) {
        *raw = (mp_t){NULL, NULL}; /* a new object repairs it */
        return ERR_OK;
    }
    if (err != ERR_OK || mp_at_end(raw))
        return err;
    *tree = tree_from_mp(*raw);
    return *tree ? ERR_OK : ERR_NO_MEMORY;
}

/* --- setObject ---------------------------------------------------------------------------------
 */

/* The write of a whole object, all arguments checked. Changes object. */
static err_t replace(objects_t *self, const request_t *request, reply_t *reply, str_t id,
                     json_t *object)
{
    mp_t raw;
    json_t *old;
    err_t err = load(self, id, &raw, &old);
    if (err == ERR_OK && old && !access_writes(self, request, raw))
        err = ERR_PERMISSION; /* the original lets it be replaced */
    if (err == ERR_OK && !rules_non_edit(object, old))
        err = reply_error(reply, "Invalid password for update of vendor information");
    if (err == ERR_OK) {
        rules_carry_over(object, old);
        access_restore(self, request, id, object, old);
        give_acl(self, request, object, old);
        err = store(self, request, id, object);
    }
    json_decref(old);
    return err == ERR_OK ? answer_id(reply, id) : err;
}

static err_t set_tree(objects_t *self, const request_t *request, reply_t *reply, str_t id,
                      json_t *object)
{
    err_t err = rules_alias(object, reply);
    if (err != ERR_OK)
        return err;
    fill(self, request, object);
    return replace(self, request, reply, id, object);
}

err_t objects_on_setObject(void *actor, const request_t *request, reply_t *reply)
{
    objects_t *self = actor;
    mp_t id_arg, object_arg;
    str_t text;
    err_t err = args_str(request, reply, 0, "id", &text);
    if (err != ERR_OK)
        return err;
    (void)args_get(request, 0, &id_arg);
    (void)args_get(request, 1, &object_arg);
    if (!args_truthy(object_arg))
        return reply_error(reply, "null object");
    if (mp_type(object_arg) != MP_MAP)
        return reply_error(reply, "no object");
    buf_t id;
    buf_init(&id);
    json_t *object = NULL;
    err = args_fix_id(id_arg, reply, &id);
    if (err == ERR_OK)
        err = access_check_change(self, request, reply, buf_str(&id), "write");
    if (err == ERR_OK && !(object = tree_from_mp(object_arg)))
        err = ERR_NO_MEMORY;
    if (err == ERR_OK)
        err = set_tree(self, request, reply, buf_str(&id), object);
    json_decref(object);
    buf_fini(&id);
    return err;
}

/* --- extendObject ------------------------------------------------------------------------------
 */

/* Lists that a patch replaces instead of merging into them. */
static const char *const replaced[][2] = {
    {"common", "members"},
    {"native", "repositories"},
    {"native", "certificates"},
    {"native", "devices"},
};

/* Empties them in the object; true when the patch brings one. */
static bool empty_replaced(json_t *object, const json_t *patch)
{
    bool any = false;
    for (size_t i = 0; i < sizeof replaced / sizeof replaced[0]; i++) {
        if (!is_set(json_object_get(patch, replaced[i][0]), replaced[i][1]))
            continue;
        any = true;
        json_object_del(json_object_get(object, replaced[i][0]), replaced[i][1]);
    }
    return any;
}

/* common.custom belongs to states. */
static err_t check_custom(json_t *patch, const json_t *old, str_t id, reply_t *reply)
{
    static log_limit_t limit;
    json_t *common = json_object_get(patch, "common");
    json_t *custom = json_object_get(common, "custom");
    if (!custom)
        return ERR_OK;
    json_t *type = json_object_get(patch, "type");
    if (!type)
        type = json_object_get(old, "type");
    if (json_is_string(type) && strcmp(json_string_value(type), "state") == 0) {
        if (!json_is_object(custom) && !json_is_null(custom))
            return reply_error(reply, "common.custom needs to be an object");
        return ERR_OK;
    }
    json_object_del(common, "custom");
    log_limited(&limit, LEVEL_WARN, "OBJECTS-CUSTOM",
                "object=%.*s is no state: common.custom is left out",
                (int)(id.len < 200 ? id.len : 200), id.p);
    return ERR_OK;
}

static err_t answer_value(objects_t *self, const request_t *request, reply_t *reply, str_t id)
{
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_map(out, 2);
    put_id(out, id);
    mp_put_cstr(out, "value");
    mp_put_raw(out, access_show(self, request, id, mp_of_buf(&self->made)));
    return ERR_OK;
}

/* old: the stored object; changed into the merged one. */
static err_t extend(objects_t *self, const request_t *request, reply_t *reply, str_t id,
                    json_t *object, json_t *patch, const json_t *old)
{
    bool whole = empty_replaced(object, patch);
    tree_extend(object, patch);
    if (!json_is_object(object))
        return ERR_NO_MEMORY;
    if (!rules_non_edit(object, old))
        return reply_error(reply, "Invalid password for update of vendor information");
    if (whole)
        rules_carry_over(object, old);
    access_restore(self, request, id, object, old);
    give_acl(self, request, object, old);
    err_t err = store(self, request, id, object);
    if (err != ERR_OK)
        return err;
    return whole ? answer_id(reply, id) : answer_value(self, request, reply, id);
}

static err_t extend_id(objects_t *self, const request_t *request, reply_t *reply, str_t id,
                       json_t *patch)
{
    mp_t raw;
    json_t *old;
    err_t err = load(self, id, &raw, &old);
    if (err == ERR_OK && old &&
        (!access_reads(self, request, raw) || !access_writes(self, request, raw)))
        err = ERR_PERMISSION;
    if (err == ERR_OK)
        err = check_custom(patch, old, id, reply);
    if (err == ERR_OK)
        err = rules_alias(patch, reply);
    if (err == ERR_OK) {
        fill(self, request, patch);
        if (old) {
            json_t *object = tree_from_mp(raw);
            err = extend(self, request, reply, id, object, patch, old);
            json_decref(object);
        } else {
            err = replace(self, request, reply, id, patch);
        }
    }
    json_decref(old);
    return err;
}

err_t objects_on_extendObject(void *actor, const request_t *request, reply_t *reply)
{
    objects_t *self = actor;
    mp_t id_arg, patch_arg;
    str_t text;
    (void)args_get(request, 0, &id_arg);
    const char *type = args_get(request, 1, &patch_arg);
    err_t err = args_id(id_arg, reply, "", &text);
    if (err != ERR_OK)
        return err;
    if (!args_truthy(patch_arg))
        return reply_error(reply, "null object");
    if (mp_type(patch_arg) != MP_MAP)
        return reply_error(
            reply, "Parameter \"obj\" needs to be a real object but type \"%s\" has been passed",
            type);
    buf_t id;
    buf_init(&id);
    json_t *patch = NULL;
    err = args_fix_id(id_arg, reply, &id);
    if (err == ERR_OK)
        err = access_check_change(self, request, reply, buf_str(&id), "write");
    if (err == ERR_OK && !(patch = tree_from_mp(patch_arg)))
        err = ERR_NO_MEMORY;
    if (err == ERR_OK)
        err = extend_id(self, request, reply, buf_str(&id), patch);
    json_decref(patch);
    buf_fini(&id);
    return err;
}
