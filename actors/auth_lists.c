/* SPDX-License-Identifier: MIT */
/* Lists of users and groups, for tools. */
#include <stdlib.h>
#include <string.h>

#include "actors/auth_ctx.h"
#include "bus/tree.h"

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Ids of a map in ascending order; caller frees the array, the texts are borrowed. */
static const char **sorted_ids(const json_t *map, size_t *count)
{
    json_t *at_map = (json_t *)(uintptr_t)map; /* jansson's iterators are not const */
    const char **ids = calloc(json_object_size(map) + 1, sizeof *ids);
    *count = 0;
    for (void *at = json_object_iter(at_map); ids && at; at = json_object_iter_next(at_map, at))
        ids[(*count)++] = json_object_iter_key(at);
    if (ids)
        qsort(ids, *count, sizeof *ids, by_text);
    return ids;
}

static bool has_member(const json_t *group, const char *user)
{
    const json_t *members = json_object_get(group, "members");
    for (size_t i = 0; i < json_array_size(members); i++) {
        const char *id = json_string_value(json_array_get(members, i));
        if (id && strcmp(id, user) == 0)
            return true;
    }
    return false;
}

static void put_groups_of(const auth_t *self, buf_t *out, const char *user)
{
    size_t groups_len;
    uint32_t count = 0;
    const char **groups = sorted_ids(auth_users_groups(self->users), &groups_len);
    size_t mark = mp_begin_array(out);
    for (size_t i = 0; i < groups_len; i++) {
        if (!has_member(auth_users_group(self->users, str_of(groups[i])), user))
            continue;
        mp_put_cstr(out, groups[i]);
        count++;
    }
    mp_end(out, mark, count);
    free(groups);
}

static void count_records(const auth_t *self, const char *user, int64_t *sessions, int64_t *devices)
{
    *sessions = *devices = 0;
    for (size_t i = 0; i < auth_store_count(self->store); i++) {
        const auth_record_t *record = auth_store_at(self->store, i);
        if (strcmp(record->user, user) != 0)
            continue;
        /* A pair of tokens is one log-in. */
        *sessions += record->kind == AUTH_SESSION || record->kind == AUTH_REFRESH;
        *devices += record->kind == AUTH_DEVICE;
    }
}

static void put_user(const auth_t *self, buf_t *out, const char *id)
{
    auth_user_t user;
    int64_t sessions, devices;
    (void)auth_users_find(self->users, str_of(id), &user); /* it is in the list */
    count_records(self, id, &sessions, &devices);
    mp_put_map(out, 7);
    auth_put_str(out, "id", id);
    mp_put_cstr(out, "name");
    tree_to_mp(out, user.name);
    auth_put_bool(out, "enabled", user.enabled);
    auth_put_bool(out, "password", user.has_password);
    mp_put_cstr(out, "groups");
    put_groups_of(self, out, id);
    auth_put_int(out, "sessions", sessions);
    auth_put_int(out, "devices", devices);
}

static void put_group(const auth_t *self, buf_t *out, const char *id)
{
    static const char *const keys[] = {"name", "description", "members"};
    const json_t *group = auth_users_group(self->users, str_of(id));
    mp_put_map(out, 4);
    auth_put_str(out, "id", id);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        mp_put_cstr(out, keys[i]);
        tree_to_mp(out, json_object_get(group, keys[i]));
    }
}

static err_t list(const auth_t *self, const request_t *request, reply_t *reply, const json_t *map,
                  void (*put)(const auth_t *self, buf_t *out, const char *id))
{
    size_t count;
    err_t err = auth_check_system(request);
    if (err == ERR_OK && !replica_ready(self->replica))
        err = ERR_UNAVAILABLE;
    const char **ids = err == ERR_OK ? sorted_ids(map, &count) : NULL;
    if (!ids)
        return err == ERR_OK ? ERR_NO_MEMORY : err;
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_array(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        put(self, out, ids[i]);
    free(ids);
    return ERR_OK;
}

err_t auth_on_user_list(void *actor, const request_t *request, reply_t *reply)
{
    const auth_t *self = actor;
    return list(self, request, reply, auth_users_all(self->users), put_user);
}

err_t auth_on_group_list(void *actor, const request_t *request, reply_t *reply)
{
    const auth_t *self = actor;
    return list(self, request, reply, auth_users_groups(self->users), put_group);
}
