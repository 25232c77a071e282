/* SPDX-License-Identifier: MIT */
#include <openssl/evp.h>
#include <string.h>

#include "actors/objects_ctx.h"
#include "bus/log.h"
#include "bus/tree.h"

/* --- what a write keeps of the old object ------------------------------------------------------
 */

static void drop_nulls(json_t *map)
{
    void *at = json_object_iter(map);
    while (at) {
        const char *key = json_object_iter_key(at);
        size_t len = json_object_iter_key_len(at);
        bool null = json_is_null(json_object_iter_value(at));
        at = json_object_iter_next(map, at); /* before its pair goes */
        if (null)
            json_object_deln(map, key, len);
    }
}

static json_t *require_common(json_t *object)
{
    json_t *common = json_object_get(object, "common");
    if (!json_is_object(common)) {
        common = json_object();
        json_object_set_new(object, "common", common);
    }
    return common;
}

/* Settings of instances: each stays unless the new object brings its own; null removes one, or all.
 */
static void carry_custom(json_t *object, const json_t *old_common)
{
    json_t *old = json_object_get(old_common, "custom");
    json_t *common = json_object_get(object, "common");
    json_t *custom = json_object_get(common, "custom");
    if (json_is_null(custom)) {
        json_object_del(common, "custom");
        return;
    }
    if (!custom && json_is_object(old) && json_object_size(old) > 0) {
        common = require_common(object);
        json_object_set(common, "custom", old);
        custom = old;
    } else if (json_is_object(custom) && json_is_object(old)) {
        for (void *at = json_object_iter(old); at; at = json_object_iter_next(old, at)) {
            const char *key = json_object_iter_key(at);
            size_t len = json_object_iter_key_len(at);
            if (!json_object_getn(custom, key, len))
                (void)json_object_setn_nocheck(custom, key, len, json_object_iter_value(at));
        }
    }
    if (json_is_object(custom)) {
        drop_nulls(custom);
        if (json_object_size(custom) == 0)
            json_object_del(common, "custom");
    }
}

void rules_carry_over(json_t *object, const json_t *old)
{
    static const char *const kept[] = {"smartName", "material", "habpanel", "mobile"};
    json_t *old_common = json_object_get(old, "common");
    if (!json_is_object(old_common))
        return;
    carry_custom(object, old_common);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        json_t *value = tree_path(object, "common", kept[i], NULL);
        json_t *before = json_object_get(old_common, kept[i]);
        if (json_is_null(value))
            json_object_del(json_object_get(object, "common"), kept[i]);
        else if (!value && before)
            json_object_set(require_common(object), kept[i], before);
    }
}

/* --- nonEdit -----------------------------------------------------------------------------------
 */

static bool truthy(const json_t *value)
{
    if (json_is_number(value))
        return json_number_value(value) != 0;
    return value && !json_is_null(value) && !json_is_false(value) &&
           !(json_is_string(value) && json_string_length(value) == 0);
}

/* SHA-256 of the password in base64; NULL when it is no text. */
static json_t *hash_of(const json_t *password)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    char text[64];
    if (!json_is_string(password) ||
        !EVP_Digest(json_string_value(password), json_string_length(password), digest, &len,
                    EVP_sha256(), NULL))
        return NULL;
    EVP_EncodeBlock((unsigned char *)text, digest, (int)len);
    return json_string(text);
}

/* Takes the password out of a nonEdit and leaves its hash instead. */
static void seal(json_t *non_edit)
{
    json_t *hash = hash_of(json_object_get(non_edit, "password"));
    json_object_del(non_edit, "password");
    if (hash)
        json_object_set_new(non_edit, "passHash", hash);
}

/* Lays locked properties over a map: maps recursively, anything else (lists too) replaces. */
static void overlay(json_t *target, json_t *locked)
{
    for (void *at = json_object_iter(locked); at; at = json_object_iter_next(locked, at)) {
        const char *key = json_object_iter_key(at);
        size_t len = json_object_iter_key_len(at);
        json_t *value = json_object_iter_value(at);
        json_t *old = json_object_getn(target, key, len);
        if (json_is_object(old) && json_is_object(value))
            overlay(old, value);
        else
            (void)json_object_setn_nocheck(target, key, len, value);
    }
}

static void apply(json_t *object)
{
    json_t *locked = json_object();
    tree_extend(locked,
                json_object_get(object, "nonEdit")); /* a copy: object must not share parts */
    json_object_del(locked, "passHash");
    json_object_del(locked, "password");
    json_object_del(locked, "nonEdit");
    overlay(object, locked);
    json_decref(locked);
}

bool rules_non_edit(json_t *object, const json_t *old)
{
    json_t *before = json_object_get(old, "nonEdit");
    json_t *now = json_object_get(object, "nonEdit");
    json_t *pass_hash = json_object_get(before, "passHash");
    if (!json_is_object(before) && !json_is_object(now))
        return true;
    if (truthy(pass_hash)) {
        json_t *password = json_object_get(now, "password");
        if (truthy(password)) {
            json_t *hash = hash_of(password);
            bool right = hash && json_equal(hash, pass_hash);
            json_decref(hash);
            if (!right)
                return false;
            seal(now);
        } else {
            json_object_set(object, "nonEdit", before);
        }
    } else if (json_is_object(now)) {
        seal(now);
    } else if (now) {
        json_object_del(object, "nonEdit");
    } else {
        json_object_set(object, "nonEdit", before);
    }
    apply(object);
    return true;
}

/* --- aliases -----------------------------------------------------------------------------------
 */

static err_t check_target(const json_t *target, reply_t *reply)
{
    buf_t value;
    str_t id;
    buf_init(&value);
    if (target)
        tree_to_mp(&value, target);
    err_t err = args_id(mp_of_buf(&value), reply, "Alias id is invalid: ", &id);
    if (err == ERR_OK && str_starts(id, "alias."))
        err = reply_error(reply, "Aliases cannot be used as target for aliases");
    buf_fini(&value);
    return err;
}

err_t rules_alias(const json_t *object, reply_t *reply)
{
    json_t *id = tree_path(object, "common", "alias", "id", NULL);
    if (!truthy(id))
        return ERR_OK;
    if (!json_is_object(id))
        return check_target(id, reply);
    err_t err = check_target(json_object_get(id, "write"), reply);
    return err == ERR_OK ? check_target(json_object_get(id, "read"), reply) : err;
}

/* --- shapes ------------------------------------------------------------------------------------
 */

typedef bool shape_fn(const json_t *value);

static bool is_text(const json_t *value)
{
    return json_is_string(value);
}

static bool is_name(const json_t *value)
{
    return json_is_string(value) || json_is_object(value);
}

static bool is_flag(const json_t *value)
{
    return json_is_boolean(value);
}

static bool is_number(const json_t *value)
{
    return json_is_number(value);
}

static bool is_value_type(const json_t *value)
{
    static const char *const types[] = {"number", "string", "boolean", "array",
                                        "object", "mixed",  "json"};
    const char *text = json_string_value(value);
    for (size_t i = 0; text && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(text, types[i]) == 0)
            return true;
    }
    return false;
}

/* Properties of common; those of states only are not looked at elsewhere. */
static const struct {
    const char *name;
    shape_fn *fits;
    bool states;
} shapes[] = {
    {"name", is_name, false}, {"type", is_value_type, true}, {"role", is_text, true},
    {"read", is_flag, true},  {"write", is_flag, true},      {"min", is_number, true},
    {"max", is_number, true}, {"step", is_number, true},
};

/* Whether def has the type that common.type promises. */
static bool def_fits(const json_t *common)
{
    const json_t *def = json_object_get(common, "def");
    const char *type = json_string_value(json_object_get(common, "type"));
    if (!def || json_is_null(def) || !type)
        return true;
    if (strcmp(type, "number") == 0)
        return json_is_number(def);
    if (strcmp(type, "boolean") == 0)
        return json_is_boolean(def);
    return strcmp(type, "mixed") == 0 || json_is_string(def);
}

static const char *first_fault(const json_t *object)
{
    const json_t *common = json_object_get(object, "common");
    const char *type = json_string_value(json_object_get(object, "type"));
    if (!type || object_type_parse(str_of(type)) == OBJECT_OTHER)
        return "type";
    if (!json_is_object(common))
        return "common";
    bool state = strcmp(type, "state") == 0;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const json_t *value = json_object_get(common, shapes[i].name);
        if (value && (state || !shapes[i].states) && !shapes[i].fits(value))
            return shapes[i].name;
    }
    const json_t *min = json_object_get(common, "min"), *max = json_object_get(common, "max");
    if (state && json_is_number(min) && json_is_number(max) &&
        json_number_value(min) > json_number_value(max))
        return "min";
    return state && !def_fits(common) ? "def" : NULL;
}

void rules_report(str_t id, const json_t *object)
{
    static log_limit_t limit;
    const char *fault = first_fault(object);
    if (fault)
        log_limited(&limit, LEVEL_INFO, "OBJECTS-SHAPE",
                    "object=%.*s property=%s is missing or has a wrong value; stored as it is",
                    (int)(id.len < 200 ? id.len : 200), id.p, fault);
}
