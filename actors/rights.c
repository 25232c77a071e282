/* SPDX-License-Identifier: MIT */
#include "actors/rights.h"

#include <stdlib.h>
#include <string.h>

#include "bus/pattern.h"
#include "bus/tree.h"

#define USER_PREFIX "system.user."
#define GROUP_PREFIX "system.group."
#define ROOT_USER "system.user.admin"
#define ADMIN_GROUP "system.group.administrator"
#define CONFIG_ID "system.config"
#define CACHE_MAX 4096 /* users whose rights are remembered; more: all are worked out again */

struct rights {
    json_t *users;     /* id -> common.name (null when it is no text) */
    json_t *groups;    /* id -> {"members": {user id: true}, "acl": common.acl or {}} */
    json_t *cache;     /* user id -> {"admin": bool, "groups": [ids], "acl": {type: {op: value}}} */
    buf_t default_acl; /* common.defaultNewAcl of system.config; empty when there is none */
};

/* --- feeding -----------------------------------------------------------------------------------
 */

rights_t *rights_new(void)
{
    rights_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->users = json_object();
    self->groups = json_object();
    self->cache = json_object();
    if (!self->users || !self->groups || !self->cache)
        rights_destroy(&self);
    return self;
}

void rights_destroy(rights_t **self_p)
{
    rights_t *self = *self_p;
    if (!self)
        return;
    json_decref(self->users);
    json_decref(self->groups);
    json_decref(self->cache);
    buf_fini(&self->default_acl);
    free(self);
    *self_p = NULL;
}

static bool has_type(mp_t object, const char *type)
{
    str_t text;
    return mp_find_str(object, "type", &text) && str_is(text, type);
}

static void set_key(json_t *map, str_t key, json_t *value)
{
    /* Running out of memory here takes rights away, never gives some: nothing to report. */
    (void)json_object_setn_new_nocheck(map, key.p, key.len, value);
}

static void drop_key(json_t *map, str_t key)
{
    (void)json_object_deln(map, key.p, key.len); /* absent is fine */
}

static void feed_user(rights_t *self, str_t id, mp_t object)
{
    if (!has_type(object, "user")) {
        drop_key(self->users, id);
        return;
    }
    mp_t name;
    str_t text = {"", 0};
    bool named = mp_path(object, &name, "common", "name", NULL) && mp_read_str(&name, &text);
    set_key(self->users, id,
            named ? json_stringn_nocheck(text.len ? text.p : "", text.len) : json_null());
}

static json_t *members_of(mp_t object)
{
    json_t *members = json_object();
    mp_t list;
    uint32_t count = 0;
    if (mp_path(object, &list, "common", "members", NULL))
        (void)mp_read_array(&list, &count); /* no array: nobody */
    for (uint32_t i = 0; i < count; i++) {
        mp_t item;
        str_t user;
        if (!mp_next(&list, &item))
            break;
        if (mp_read_str(&item, &user) && user.len)
            set_key(members, user, json_true());
    }
    return members;
}

static void feed_group(rights_t *self, str_t id, mp_t object)
{
    if (!has_type(object, "group")) {
        drop_key(self->groups, id);
        return;
    }
    mp_t acl;
    json_t *tree = mp_path(object, &acl, "common", "acl", NULL) ? tree_from_mp(acl) : NULL;
    if (!json_is_object(tree)) {
        json_decref(tree);
        tree = json_object();
    }
    json_t *group = json_object();
    json_object_set_new(group, "members", members_of(object));
    json_object_set_new(group, "acl", tree);
    set_key(self->groups, id, group);
}

static void feed_config(rights_t *self, mp_t object)
{
    mp_t acl;
    buf_reset(&self->default_acl);
    if (mp_path(object, &acl, "common", "defaultNewAcl", NULL) && mp_type(acl) == MP_MAP)
        mp_put_raw(&self->default_acl, acl);
}

void rights_feed(rights_t *self, str_t id, mp_t object)
{
    if (str_starts(id, USER_PREFIX)) {
        feed_user(self, id, object);
    } else if (str_starts(id, GROUP_PREFIX)) {
        feed_group(self, id, object);
    } else {
        if (str_is(id, CONFIG_ID))
            feed_config(self, object);
        return;
    }
    json_object_clear(self->cache);
}

/* --- what a user may ---------------------------------------------------------------------------
 */

static bool truthy(const json_t *value)
{
    if (!value || json_is_null(value) || json_is_false(value))
        return false;
    if (json_is_number(value))
        return json_number_value(value) != 0;
    return !json_is_string(value) || json_string_length(value) > 0;
}

/* acl[type][op] = acl[type][op] || group's; a legacy type "user" counts as "users". */
static void merge_type(json_t *acl, const char *type, json_t *operations)
{
    if (!json_is_object(operations) || strcmp(type, "groups") == 0)
        return;
    if (strcmp(type, "user") == 0)
        type = "users";
    json_t *merged = json_object_get(acl, type);
    if (!merged) {
        merged = json_object();
        json_object_set_new_nocheck(acl, type, merged);
    }
    for (void *at = json_object_iter(operations); at; at = json_object_iter_next(operations, at)) {
        const char *op = json_object_iter_key(at);
        if (!truthy(json_object_get(merged, op)))
            json_object_set_nocheck(merged, op, json_object_iter_value(at));
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Ids of all keys in ascending order; caller frees the array, the texts are borrowed. */
static const char **sorted_keys(json_t *map, size_t *count)
{
    size_t size = json_object_size(map);
    const char **keys = calloc(size ? size : 1, sizeof *keys);
    *count = 0;
    if (!keys)
        return NULL;
    for (void *at = json_object_iter(map); at; at = json_object_iter_next(map, at))
        keys[(*count)++] = json_object_iter_key(at);
    qsort(keys, *count, sizeof *keys, by_text);
    return keys;
}

static json_t *work_out(const rights_t *self, str_t user)
{
    json_t *groups = json_array(), *acl = json_object();
    bool admin = str_is(user, ROOT_USER);
    bool known = admin || json_object_getn(self->users, user.p, user.len);
    size_t count;
    const char **ids = sorted_keys(self->groups, &count);
    for (size_t i = 0; known && i < count; i++) {
        json_t *group = json_object_get(self->groups, ids[i]);
        if (!json_object_getn(json_object_get(group, "members"), user.p, user.len))
            continue;
        json_array_append_new(groups, json_string_nocheck(ids[i]));
        if (strcmp(ids[i], ADMIN_GROUP) == 0)
            admin = true;
        json_t *types = json_object_get(group, "acl");
        for (void *at = json_object_iter(types); at; at = json_object_iter_next(types, at))
            merge_type(acl, json_object_iter_key(at), json_object_iter_value(at));
    }
    free(ids);
    json_t *person = json_object();
    json_object_set_new(person, "admin", json_boolean(admin));
    json_object_set_new(person, "groups", groups);
    json_object_set_new(person, "acl", acl);
    return person;
}

/* Borrowed until the next call of any function of this module. */
static json_t *require_person(const rights_t *self, str_t user)
{
    json_t *person = json_object_getn(self->cache, user.len ? user.p : "", user.len);
    if (person)
        return person;
    if (json_object_size(self->cache) >= CACHE_MAX)
        json_object_clear(self->cache);
    person = work_out(self, user);
    set_key(self->cache, user, person);
    return json_object_getn(self->cache, user.p, user.len);
}

bool rights_is_root(str_t user)
{
    return user.len == 0 || str_is(user, ROOT_USER);
}

bool rights_is_admin(const rights_t *self, str_t user)
{
    return rights_is_root(user) ||
           json_is_true(json_object_get(require_person(self, user), "admin"));
}

bool rights_may(const rights_t *self, str_t user, const char *type, const char *operation)
{
    if (rights_is_admin(self, user))
        return true;
    return truthy(tree_path(require_person(self, user), "acl", type, operation, NULL));
}

/* Of whom is_in_group is asked. */
typedef struct {
    const rights_t *rights;
    str_t user;
} asked_t;

static bool is_in_group(const void *arg, str_t group)
{
    const asked_t *asked = arg;
    json_t *groups = json_object_get(require_person(asked->rights, asked->user), "groups");
    for (size_t i = 0; i < json_array_size(groups); i++) {
        const json_t *id = json_array_get(groups, i);
        if (str_eq(group, (str_t){json_string_value(id), json_string_length(id)}))
            return true;
    }
    return false;
}

bool rights_acl(const rights_t *self, str_t user, mp_t acl, const char *field, right_t right)
{
    bool state = strcmp(field, "state") == 0;
    if (rights_is_root(user) || (!state && rights_is_admin(self, user)))
        return true;
    const asked_t asked = {self, user};
    return acl_allows(acl, field, right, user, is_in_group, &asked);
}

str_t rights_first_group(const rights_t *self, str_t user)
{
    const json_t *id = json_array_get(json_object_get(require_person(self, user), "groups"), 0);
    if (!id)
        return (str_t){"", 0};
    return (str_t){json_string_value(id), json_string_length(id)};
}

void rights_groups(const rights_t *self, str_t user, buf_t *out)
{
    tree_to_mp(out, json_object_get(require_person(self, user), "groups"));
}

mp_t rights_default_acl(const rights_t *self)
{
    return mp_of_buf(&self->default_acl);
}

/* --- getUserPermissions ------------------------------------------------------------------------
 */

typedef struct {
    const char *type;
    const char *operations[6]; /* ends with NULL */
} grant_t;

/* In the order in which the original builds them: from the commands of the web interface for
 * system.user.admin, written out for members of the administrator group. */
static const grant_t root_grants[] = {
    {"object", {"read", "list", "write", "delete"}},
    {"state", {"list", "read", "write", "delete", "create"}},
    {"users", {"create", "delete", "write"}},
    {"other", {"http", "execute", "sendto"}},
    {"file", {"list", "create", "write", "read", "delete"}},
};
static const grant_t member_grants[] = {
    {"file", {"read", "write", "delete", "create", "list"}},
    {"object", {"read", "write", "delete", "list"}},
    {"state", {"read", "write", "delete", "create", "list"}},
    {"users", {"read", "write", "create", "delete", "list"}},
    {"other", {"execute", "http", "sendto"}},
};
#define GRANTS (sizeof root_grants / sizeof root_grants[0])

static void put_grant(buf_t *out, const grant_t *grant)
{
    uint32_t count = 0;
    while (grant->operations[count])
        count++;
    mp_put_cstr(out, grant->type);
    mp_put_map(out, count);
    for (uint32_t i = 0; i < count; i++) {
        mp_put_cstr(out, grant->operations[i]);
        mp_put_bool(out, true);
    }
}

static void put_user(buf_t *out, str_t user)
{
    mp_put_cstr(out, "user");
    mp_put_str(out, user);
}

static void put_root(buf_t *out, str_t user)
{
    mp_put_map(out, 2 + GRANTS);
    put_user(out, user);
    mp_put_cstr(out, "groups");
    mp_put_array(out, 1);
    mp_put_cstr(out, ADMIN_GROUP);
    for (size_t i = 0; i < GRANTS; i++)
        put_grant(out, &root_grants[i]);
}

static void put_member(buf_t *out, str_t user, const json_t *groups)
{
    mp_put_map(out, 2 + GRANTS);
    for (size_t i = 0; i < GRANTS; i++) {
        if (strcmp(member_grants[i].type, "users") == 0)
            put_user(out, user);
        put_grant(out, &member_grants[i]);
    }
    mp_put_cstr(out, "groups");
    uint32_t count = 0;
    size_t mark = mp_begin_array(out);
    for (size_t i = 0; i < json_array_size(groups); i++) {
        const char *id = json_string_value(json_array_get(groups, i));
        mp_put_cstr(out, id);
        count++;
        if (strcmp(id, ADMIN_GROUP) == 0)
            break; /* the original stops looking there */
    }
    mp_end(out, mark, count);
}

static void put_other(buf_t *out, str_t user, const json_t *groups, json_t *acl)
{
    mp_put_map(out, 2 + (uint32_t)json_object_size(acl));
    put_user(out, user);
    mp_put_cstr(out, "groups");
    tree_to_mp(out, groups);
    for (void *at = json_object_iter(acl); at; at = json_object_iter_next(acl, at)) {
        mp_put_cstr(out, json_object_iter_key(at));
        tree_to_mp(out, json_object_iter_value(at));
    }
}

/* A log-in name becomes the user with that common.name, else an id made of the name. */
static void resolve(const rights_t *self, str_t name, buf_t *id)
{
    size_t count;
    const char **ids = sorted_keys(self->users, &count);
    bool found = false;
    for (size_t i = 0; ids && i < count && !found; i++) {
        const json_t *known = json_object_get(self->users, ids[i]);
        found = json_is_string(known) &&
                str_eq(name, (str_t){json_string_value(known), json_string_length(known)});
        if (found)
            buf_append_cstr(id, ids[i]);
    }
    free(ids);
    if (found)
        return;
    buf_append_cstr(id, USER_PREFIX);
    size_t from = id->len;
    (void)id_fix(id, name); /* whether it changed does not matter */
    for (size_t i = from; i < id->len; i++) {
        uint8_t c = id->data[i];
        if (c == ' ' || c == '.')
            id->data[i] = '_';
        else if (c >= 'A' && c <= 'Z')
            id->data[i] = (uint8_t)(c - 'A' + 'a');
    }
}

void rights_permissions(const rights_t *self, str_t user, buf_t *out)
{
    buf_t resolved;
    buf_init(&resolved);
    if (user.len && !str_starts(user, USER_PREFIX)) {
        resolve(self, user, &resolved);
        user = buf_str(&resolved);
    }
    if (rights_is_root(user)) {
        put_root(out, str_of(ROOT_USER));
    } else {
        json_t *person = require_person(self, user);
        json_t *groups = json_object_get(person, "groups");
        if (json_is_true(json_object_get(person, "admin")))
            put_member(out, user, groups);
        else
            put_other(out, user, groups, json_object_get(person, "acl"));
    }
    buf_fini(&resolved);
}
