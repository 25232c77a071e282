/* SPDX-License-Identifier: MIT */
#include "actors/auth_users.h"

#include <stdlib.h>
#include <string.h>
#include <unicase.h>

#include "actors/auth_token.h"
#include "actors/loose.h"
#include "actors/password.h"
#include "bus/pattern.h"
#include "bus/tree.h"

#define CONFIG_ID "system.config"
#define PRINT_DIGITS 32u

struct auth_users {
    json_t *users; /* id -> {"name", "enabled", "protected", "print": text or null, "iterations"} */
    json_t *groups;
    char language[16]; /* of the system */
};

auth_users_t *auth_users_new(void)
{
    auth_users_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->users = json_object();
    self->groups = json_object();
    if (!self->users || !self->groups)
        auth_users_destroy(&self);
    return self;
}

void auth_users_destroy(auth_users_t **self_p)
{
    auth_users_t *self = *self_p;
    if (!self)
        return;
    json_decref(self->users);
    json_decref(self->groups);
    free(self);
    *self_p = NULL;
}

/* --- feeding ---------------------------------------------------------------------------------- */

static bool has_type(mp_t object, const char *type)
{
    str_t text;
    return mp_find_str(object, "type", &text) && str_is(text, type);
}

/* Running out of memory makes somebody unknown, which lets nobody in. */
static void set_key(json_t *map, str_t key, json_t *value)
{
    (void)json_object_setn_new_nocheck(map, key.p, key.len, value);
}

static json_t *name_of(mp_t common)
{
    mp_t name;
    json_t *tree = mp_find(common, "name", &name) ? tree_from_mp(name) : NULL;
    return tree ? tree : json_null();
}

void auth_users_print(buf_t *out, str_t hash)
{
    if (hash.len == 0)
        return;
    auth_hash_t print = auth_hash_of(hash);
    size_t at = out->len;
    auth_hash_put(out, &print);
    if (!out->failed)
        out->len = at + PRINT_DIGITS;
}

static bool set_print(json_t *user, str_t hash)
{
    password_hash_t parsed;
    buf_t print = {0};
    auth_users_print(&print, hash);
    str_t text = buf_str(&print);
    const char *old = json_string_value(json_object_get(user, "print"));
    bool changed = old && !str_is(text, old);
    json_object_set_new(user, "print", json_stringn(text.len ? text.p : "", text.len));
    json_object_set_new(user, "iterations",
                        json_integer(password_parse(hash, &parsed) ? parsed.iterations : 0));
    buf_fini(&print);
    return changed;
}

static void feed_user(auth_users_t *self, str_t id, mp_t object, bool whole)
{
    str_t hash = {"", 0};
    if (!has_type(object, "user")) {
        (void)json_object_deln(self->users, id.p, id.len); /* absent is fine */
        return;
    }
    mp_t common = loose_get(object, "common");
    json_t *old = json_object_getn(self->users, id.p, id.len);
    json_t *user = old ? json_incref(old) : json_pack("{s:n, s:i}", "print", "iterations", 0);
    json_object_set_new(user, "name", name_of(common));
    json_object_set_new(user, "enabled", json_boolean(loose_true(loose_get(common, "enabled"))));
    json_object_set_new(user, "protected",
                        json_boolean(loose_true(loose_get(common, "dontDelete"))));
    if (whole) {
        (void)mp_find_str(common, "password", &hash); /* absent: none */
        (void)set_print(user, hash);
    }
    set_key(self->users, id, user);
}

static json_t *text_or_null(mp_t common, const char *key)
{
    mp_t value = loose_get(common, key);
    json_t *tree = mp_at_end(&value) ? NULL : tree_from_mp(value);
    return tree ? tree : json_null();
}

static json_t *members_of(mp_t common)
{
    mp_t list = loose_get(common, "members"), item;
    uint32_t count = 0;
    json_t *members = json_array();
    if (!mp_read_array(&list, &count))
        return members;
    for (uint32_t i = 0; i < count && mp_next(&list, &item); i++) {
        str_t id;
        if (mp_read_str(&item, &id) && id.len > 0)
            json_array_append_new(members, json_stringn_nocheck(id.p, id.len));
    }
    return members;
}

static void feed_group(auth_users_t *self, str_t id, mp_t object)
{
    if (!has_type(object, "group")) {
        (void)json_object_deln(self->groups, id.p, id.len);
        return;
    }
    mp_t common = loose_get(object, "common");
    json_t *group = json_object();
    json_object_set_new(group, "name", name_of(common));
    json_object_set_new(group, "description", text_or_null(common, "desc"));
    json_object_set_new(group, "members", members_of(common));
    json_object_set_new(group, "acl", text_or_null(common, "acl"));
    json_object_set_new(group, "protected",
                        json_boolean(loose_true(loose_get(common, "dontDelete"))));
    set_key(self->groups, id, group);
}

static void feed_config(auth_users_t *self, mp_t object)
{
    str_t language;
    self->language[0] = '\0';
    if (!mp_find_str(loose_get(object, "common"), "language", &language) ||
        language.len >= sizeof self->language)
        return;
    memcpy(self->language, language.len ? language.p : "", language.len);
    self->language[language.len] = '\0';
}

void auth_users_feed(auth_users_t *self, str_t id, mp_t object, bool whole)
{
    if (str_starts(id, AUTH_USER_PREFIX))
        feed_user(self, id, object, whole);
    else if (str_starts(id, AUTH_GROUP_PREFIX))
        feed_group(self, id, object);
    else if (str_is(id, CONFIG_ID))
        feed_config(self, object);
}

/* --- users ------------------------------------------------------------------------------------ */

static json_t *user_of(const auth_users_t *self, str_t id)
{
    return json_object_getn(self->users, id.len ? id.p : "", id.len);
}

bool auth_users_find(const auth_users_t *self, str_t id, auth_user_t *out)
{
    const json_t *user = user_of(self, id);
    *out = (auth_user_t){.print = ""};
    if (!user)
        return false;
    const char *print = json_string_value(json_object_get(user, "print"));
    out->enabled = str_is(id, AUTH_ROOT) || json_is_true(json_object_get(user, "enabled"));
    out->protected = json_is_true(json_object_get(user, "protected"));
    out->print_known = print != NULL;
    out->print = print ? print : "";
    out->has_password = out->print[0] != '\0';
    out->name = json_object_get(user, "name");
    return true;
}

bool auth_users_set_password(auth_users_t *self, str_t id, str_t hash)
{
    json_t *user = user_of(self, id);
    return user && set_print(user, hash);
}

const json_t *auth_users_all(const auth_users_t *self)
{
    return self->users;
}

/* --- names ------------------------------------------------------------------------------------ */

static bool is_text(const json_t *value, str_t text)
{
    return json_is_string(value) &&
           str_eq(text, (str_t){json_string_value(value), json_string_length(value)});
}

/* A name is a text, or a map of languages. */
static bool has_name(const auth_users_t *self, const json_t *entry, str_t name)
{
    const json_t *own = json_object_get(entry, "name");
    if (!json_is_object(own))
        return is_text(own, name);
    const json_t *local = json_object_get(own, self->language);
    return is_text(json_is_string(local) ? local : json_object_get(own, "en"), name);
}

/* The least id of those with this name, so that the answer does not depend on the order of the
 * changes; NULL: none. */
static const char *id_by_name(const auth_users_t *self, json_t *map, str_t name)
{
    const char *found = NULL;
    for (void *at = json_object_iter(map); at; at = json_object_iter_next(map, at)) {
        const char *id = json_object_iter_key(at);
        if (has_name(self, json_object_iter_value(at), name) && (!found || strcmp(id, found) < 0))
            found = id;
    }
    return found;
}

/* Appends text in lower case, also beyond ASCII. */
static void put_lower(buf_t *out, str_t text)
{
    size_t len = 0;
    uint8_t *lower =
        text.len ? u8_tolower((const uint8_t *)text.p, text.len, NULL, NULL, NULL, &len) : NULL;
    if (lower)
        buf_append(out, lower, len);
    else
        buf_append_str(out, text);
    free(lower);
}

void auth_users_make_id(buf_t *out, str_t name)
{
    buf_t fixed = {0};
    if (name.len > AUTH_NAME_MAX)
        name.len = 0;
    (void)id_fix(&fixed, name); /* whether it changed does not matter */
    for (size_t i = 0; i < fixed.len; i++) {
        if (fixed.data[i] == ' ' || fixed.data[i] == '.')
            fixed.data[i] = '_';
    }
    buf_append_cstr(out, AUTH_USER_PREFIX);
    put_lower(out, buf_str(&fixed));
    out->failed = out->failed || fixed.failed;
    buf_fini(&fixed);
}

void auth_users_resolve(const auth_users_t *self, str_t name, buf_t *id)
{
    const char *found = NULL;
    if (name.len <= AUTH_NAME_MAX && str_starts(name, AUTH_USER_PREFIX)) {
        buf_append_str(id, name);
        return;
    }
    if (str_is(name, "admin"))
        found = AUTH_ROOT;
    else if (name.len > 0 && name.len <= AUTH_NAME_MAX)
        found = id_by_name(self, self->users, name);
    if (found)
        buf_append_cstr(id, found);
    else
        auth_users_make_id(id, name);
}

uint32_t auth_users_iterations(const auth_users_t *self, str_t id, uint32_t fallback)
{
    size_t count = json_object_size(self->users);
    auth_hash_t hash = auth_hash_of(id);
    size_t pick = count ? ((size_t)hash.bytes[0] << 8 | hash.bytes[1]) % count : 0;
    for (void *at = json_object_iter(self->users); at;
         at = json_object_iter_next(self->users, at)) {
        const json_t *user = json_object_iter_value(at);
        json_int_t iterations = json_integer_value(json_object_get(user, "iterations"));
        if (iterations > 0)
            fallback = (uint32_t)iterations;
        if (pick-- == 0)
            break;
    }
    return fallback;
}

/* --- groups ----------------------------------------------------------------------------------- */

void auth_users_resolve_group(const auth_users_t *self, str_t name, buf_t *id)
{
    if (str_starts(name, AUTH_GROUP_PREFIX)) {
        buf_append_str(id, name);
        return;
    }
    const char *found = name.len > 0 ? id_by_name(self, self->groups, name) : NULL;
    if (found) {
        buf_append_cstr(id, found);
        return;
    }
    buf_append_cstr(id, AUTH_GROUP_PREFIX);
    size_t at = id->len;
    (void)id_fix(id, name);
    if (id->len > at && id->data[at] >= 'A' && id->data[at] <= 'Z')
        id->data[at] = (uint8_t)(id->data[at] - 'A' + 'a');
}

const json_t *auth_users_groups(const auth_users_t *self)
{
    return self->groups;
}

const json_t *auth_users_group(const auth_users_t *self, str_t id)
{
    return json_object_getn(self->groups, id.len ? id.p : "", id.len);
}

void auth_users_set_members(auth_users_t *self, str_t group, const json_t *members)
{
    json_t *entry = json_object_getn(self->groups, group.p, group.len);
    if (entry)
        json_object_set_new(entry, "members", json_deep_copy(members));
}
