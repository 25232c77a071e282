/* SPDX-License-Identifier: MIT */
/* Commands that change users and passwords. */
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "actors/auth_task.h"
#include "bus/log.h"

/* --- checks ----------------------------------------------------------------------------------- */

/* The two kinds of callers: the system gets a reason beside the text, a client only the text. */
err_t auth_refuse(const request_t *request, reply_t *reply, const char *reason, const char *text)
{
    if (auth_check_system(request) == ERR_OK)
        return auth_error(reply, reason, text);
    return reply_error(reply, "%s", text);
}

static err_t account_ready(const auth_t *self)
{
    return replica_ready(self->replica) ? ERR_OK : ERR_UNAVAILABLE;
}

/* Whether a client's user may change users like this; the system may. */
err_t auth_account_may(const auth_t *self, const request_t *request, const char *operation)
{
    err_t err = account_ready(self);
    if (err == ERR_OK && !rights_may(self->rights, request->caller.user, "users", operation))
        err = ERR_PERMISSION;
    return err;
}

err_t auth_account_system(const auth_t *self, const request_t *request)
{
    err_t err = auth_check_system(request);
    return err == ERR_OK ? account_ready(self) : err;
}

/* Letters of the names that the original accepts: commands.md 7. */
static bool is_name_letter(ucs4_t c, bool group)
{
    static const char marks[] = "-.@+$=?!&# ";
    static const ucs4_t others[] = {0xfc, 0xe4, 0xf6, 0xdf, 0xd6, 0xc4, 0xdc, 0xa7};
    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               (c != 0 && strchr(marks, (int)c)) || (group && c == '_');
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (c == others[i])
            return true;
    }
    return c >= 0x410 && c <= 0x44f;
}

bool auth_is_name(str_t name, bool group)
{
    if (name.len == 0 || name.len > AUTH_NAME_MAX)
        return false;
    for (size_t at = 0; at < name.len;) {
        ucs4_t c;
        int len = u8_mbtoucr(&c, (const uint8_t *)name.p + at, name.len - at);
        if (len <= 0 || !is_name_letter(c, group))
            return false;
        at += (size_t)len;
    }
    return true;
}

static err_t check_password(const request_t *request, reply_t *reply, str_t password)
{
    if (password.len == 0)
        return auth_refuse(request, reply, "invalid", "The password must not be empty");
    if (password.len > PASSWORD_MAX)
        return auth_refuse(request, reply, "invalid", "The password is too long");
    return ERR_OK;
}

/* The id of a user that exists, in id. */
err_t auth_find_user(const auth_t *self, const request_t *request, reply_t *reply, str_t name,
                     buf_t *id, auth_user_t *user)
{
    auth_users_resolve(self->users, name, id);
    if (id->failed)
        return ERR_NO_MEMORY;
    if (!auth_users_find(self->users, buf_str(id), user))
        return auth_refuse(request, reply, "missing", "User does not exist");
    return ERR_OK;
}

err_t auth_find_group(const auth_t *self, const request_t *request, reply_t *reply, str_t name,
                      buf_t *id, const json_t **group)
{
    auth_users_resolve_group(self->users, name, id);
    if (id->failed)
        return ERR_NO_MEMORY;
    *group = auth_users_group(self->users, buf_str(id));
    return *group ? ERR_OK : auth_refuse(request, reply, "missing", "Group does not exist");
}

/* --- passwords -------------------------------------------------------------------------------- */

static void write_password(auth_task_t *task)
{
    static log_limit_t limit;
    str_t hash = buf_str(&task->hash);
    log_limited(&limit, LEVEL_INFO, "AUTH-PASSWORD", "user=%s", task->id);
    auth_task_set(task, task->id, "password", json_stringn_nocheck(hash.p, hash.len));
}

static err_t change_password(auth_t *self, const request_t *request, reply_t *reply, str_t id,
                             str_t password)
{
    err_t err = check_password(request, reply, password);
    if (err != ERR_OK)
        return err;
    auth_task_t *task = auth_task_new(self, request, id);
    if (!task)
        return ERR_BUSY;
    auth_task_answers_id(task, request);
    return auth_task_begin_hashed(task, request, password, write_password);
}

static err_t read_name_and_password(const request_t *request, str_t *name, str_t *password)
{
    return auth_arg_str(request, 0, name) && auth_arg_str(request, 1, password) ? ERR_OK
                                                                                : ERR_BAD_ARGS;
}

err_t auth_on_passwd(void *actor, const request_t *request, reply_t *reply)
{
    auth_t *self = actor;
    str_t name = {"", 0}, password = {"", 0};
    auth_user_t user;
    buf_t id = {0};
    err_t err = auth_account_system(self, request);
    if (err == ERR_OK)
        err = read_name_and_password(request, &name, &password);
    if (err == ERR_OK)
        err = auth_find_user(self, request, reply, name, &id, &user);
    if (err == ERR_OK)
        err = change_password(self, request, reply, buf_str(&id), password);
    buf_fini(&id);
    return err;
}

/* Everybody may change his own. */
err_t auth_on_change_password(void *actor, const request_t *request, reply_t *reply)
{
    auth_t *self = actor;
    str_t name = {"", 0}, password = {"", 0};
    auth_user_t user;
    buf_t id = {0};
    err_t err = account_ready(self);
    if (err == ERR_OK)
        err = read_name_and_password(request, &name, &password);
    if (err == ERR_OK)
        auth_users_resolve(self->users, name, &id);
    if (err == ERR_OK && !str_eq(buf_str(&id), request->caller.user))
        err = auth_account_may(self, request, "write");
    buf_reset(&id);
    if (err == ERR_OK)
        err = auth_find_user(self, request, reply, name, &id, &user);
    if (err == ERR_OK)
        err = change_password(self, request, reply, buf_str(&id), password);
    buf_fini(&id);
    return err;
}

/* --- users ------------------------------------------------------------------------------------ */

static void write_user(auth_task_t *task)
{
    json_t *common = json_incref(json_object_get(task->more, "common"));
    const json_t *groups = json_object_get(task->more, "groups");
    str_t hash = buf_str(&task->hash);
    json_object_set_new(common, "password", json_stringn_nocheck(hash.len ? hash.p : "", hash.len));
    auth_task_patch(task, task->id,
                    json_pack("{s:s, s:o, s:{}}", "type", "user", "common", common, "native"));
    for (size_t i = 0; i < json_array_size(groups); i++)
        auth_task_join(task, json_string_value(json_array_get(groups, i)), task->id);
}

/* Ids of the groups of a list of names; all must exist. */
static err_t read_groups(const auth_t *self, const request_t *request, reply_t *reply, mp_t list,
                         json_t *groups)
{
    uint32_t count;
    if (mp_type(list) == MP_NIL || mp_at_end(&list))
        return ERR_OK;
    if (!mp_read_array(&list, &count) || count > 100)
        return ERR_BAD_ARGS;
    for (uint32_t i = 0; i < count; i++) {
        str_t name;
        const json_t *group;
        buf_t id = {0};
        err_t err = mp_read_str(&list, &name)
                        ? auth_find_group(self, request, reply, name, &id, &group)
                        : ERR_BAD_ARGS;
        if (err == ERR_OK)
            json_array_append_new(groups, json_stringn_nocheck((const char *)id.data, id.len));
        buf_fini(&id);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

/* Whether a name is free; its id is then in id. */
static err_t check_new_user(const auth_t *self, const request_t *request, reply_t *reply,
                            str_t name, buf_t *id)
{
    auth_user_t user;
    buf_t other = {0};
    if (!auth_is_name(name, false))
        return auth_refuse(request, reply, "invalid",
                           "Invalid characters in the name. " AUTH_BAD_NAME);
    auth_users_make_id(id, name);
    auth_users_resolve(self->users, name, &other);
    bool taken = auth_users_find(self->users, buf_str(id), &user) ||
                 auth_users_find(self->users, buf_str(&other), &user) ||
                 auth_is_being_added(self, buf_str(id));
    bool failed = id->failed || other.failed;
    buf_fini(&other);
    if (failed)
        return ERR_NO_MEMORY;
    return taken ? auth_refuse(request, reply, "exists", "User yet exists") : ERR_OK;
}

static err_t add_user(auth_t *self, const request_t *request, reply_t *reply, str_t name,
                      str_t password, mp_t groups)
{
    buf_t id = {0};
    err_t err = check_new_user(self, request, reply, name, &id);
    auth_task_t *task = err == ERR_OK ? auth_task_new(self, request, buf_str(&id)) : NULL;
    buf_fini(&id);
    if (!task)
        return err == ERR_OK ? ERR_BUSY : err;
    json_t *list = json_array();
    task->adds = true;
    task->more = json_pack("{s:{s:o, s:b}, s:o}", "common", "name",
                           json_stringn_nocheck(name.p, name.len), "enabled", 1, "groups", list);
    err = task->more ? read_groups(self, request, reply, groups, list) : ERR_NO_MEMORY;
    if (err != ERR_OK) {
        auth_task_cancel(task);
        return err;
    }
    auth_task_answers_id(task, request);
    if (password.len == 0)
        return auth_task_begin(task, request, write_user);
    return auth_task_begin_hashed(task, request, password, write_user);
}

err_t auth_on_user_add(void *actor, const request_t *request, reply_t *reply)
{
    auth_t *self = actor;
    str_t name = {"", 0}, password = {"", 0};
    err_t err = auth_account_system(self, request);
    if (err == ERR_OK)
        err = read_name_and_password(request, &name, &password);
    if (err == ERR_OK && password.len > 0)
        err = check_password(request, reply, password);
    return err == ERR_OK ? add_user(self, request, reply, name, password, auth_arg(request, 2))
                         : err;
}

err_t auth_on_add_user(void *actor, const request_t *request, reply_t *reply)
{
    auth_t *self = actor;
    str_t name = {"", 0}, password = {"", 0};
    err_t err = auth_account_may(self, request, "create");
    if (err == ERR_OK)
        err = read_name_and_password(request, &name, &password);
    if (err == ERR_OK)
        err = check_password(request, reply, password);
    return err == ERR_OK ? add_user(self, request, reply, name, password, (mp_t){NULL, NULL}) : err;
}

/* Out of its groups first: nobody who comes later with this id shall inherit them. */
static void write_no_user(auth_task_t *task)
{
    json_t *ids = json_array();
    const json_t *groups = auth_users_groups(task->auth->users);
    json_t *map = json_copy((json_t *)(uintptr_t)groups); /* leaving replaces members in it */
    for (void *at = json_object_iter(map); at; at = json_object_iter_next(map, at))
        json_array_append_new(ids, json_string_nocheck(json_object_iter_key(at)));
    for (size_t i = 0; i < json_array_size(ids); i++)
        auth_task_leave(task, json_string_value(json_array_get(ids, i)), task->id);
    auth_task_remove(task, task->id);
    json_decref(map);
    json_decref(ids);
}

static err_t del_user(auth_t *self, const request_t *request, reply_t *reply)
{
    str_t name;
    auth_user_t user;
    buf_t id = {0};
    err_t err = auth_arg_str(request, 0, &name) ? ERR_OK : ERR_BAD_ARGS;
    if (err == ERR_OK)
        err = auth_find_user(self, request, reply, name, &id, &user);
    if (err == ERR_OK && user.protected)
        err = auth_refuse(request, reply, "protected", "Cannot delete user, while is system user");
    auth_task_t *task = err == ERR_OK ? auth_task_new(self, request, buf_str(&id)) : NULL;
    buf_fini(&id);
    if (!task)
        return err == ERR_OK ? ERR_BUSY : err;
    auth_task_answers_id(task, request);
    return auth_task_begin(task, request, write_no_user);
}

err_t auth_on_user_del(void *actor, const request_t *request, reply_t *reply)
{
    err_t err = auth_account_system(actor, request);
    return err == ERR_OK ? del_user(actor, request, reply) : err;
}

err_t auth_on_del_user(void *actor, const request_t *request, reply_t *reply)
{
    err_t err = auth_account_may(actor, request, "delete");
    return err == ERR_OK ? del_user(actor, request, reply) : err;
}

static void write_enabled(auth_task_t *task)
{
    auth_task_set(task, task->id, "enabled", json_true());
}

static void write_disabled(auth_task_t *task)
{
    auth_task_set(task, task->id, "enabled", json_false());
}

err_t auth_on_user_enable(void *actor, const request_t *request, reply_t *reply)
{
    auth_t *self = actor;
    str_t name;
    bool enable;
    auth_user_t user;
    buf_t id = {0};
    mp_t flag = auth_arg(request, 1);
    err_t err = auth_account_system(self, request);
    if (err == ERR_OK && (!auth_arg_str(request, 0, &name) || !mp_read_bool(&flag, &enable)))
        err = ERR_BAD_ARGS;
    if (err == ERR_OK)
        err = auth_find_user(self, request, reply, name, &id, &user);
    if (err == ERR_OK && !enable && str_is(buf_str(&id), AUTH_ROOT))
        err = auth_refuse(request, reply, "protected", "The user admin cannot be disabled");
    auth_task_t *task = err == ERR_OK ? auth_task_new(self, request, buf_str(&id)) : NULL;
    buf_fini(&id);
    if (!task)
        return err == ERR_OK ? ERR_BUSY : err;
    reply_nil(&task->reply);
    reply_str(&task->reply, str_of(task->id));
    return auth_task_begin(task, request, enable ? write_enabled : write_disabled);
}
