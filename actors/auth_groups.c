/* SPDX-License-Identifier: MIT */
/* Commands that change groups. */
#include <stdlib.h>

#include "actors/auth_task.h"
#include "bus/tree.h"

#define DESCRIPTION_MAX 1000u /* bytes */

/* --- groups ----------------------------------------------------------------------------------- */

static void write_group(auth_task_t *task)
{
    auth_task_patch(task, task->id, json_deep_copy(task->more));
}

/* The rights of a new group: a map, or those of a group that is named. */
static err_t read_acl(const auth_t *self, const request_t *request, reply_t *reply, mp_t value,
                      json_t **acl)
{
    str_t name;
    const json_t *group;
    buf_t id = {0};
    *acl = NULL;
    if (mp_type(value) == MP_MAP) {
        *acl = tree_from_mp(value);
        return *acl ? ERR_OK : ERR_NO_MEMORY;
    }
    if (!mp_read_str(&value, &name) || auth_check_system(request) != ERR_OK) {
        *acl = json_object();
        return ERR_OK;
    }
    err_t err = auth_find_group(self, request, reply, name, &id, &group);
    if (err == ERR_OK) {
        const json_t *own = json_object_get(group, "acl");
        *acl = json_is_object(own) ? json_deep_copy(own) : json_object();
    }
    buf_fini(&id);
    return err;
}

/* "guests" becomes system.group.guests with the name "Guests", as in the original. */
static err_t make_group_id(const auth_t *self, const request_t *request, reply_t *reply, str_t name,
                           buf_t *id, buf_t *shown)
{
    if (!auth_is_name(name, true))
        return auth_refuse(request, reply, "invalid",
                           "Invalid characters in the group name. " AUTH_BAD_NAME);
    auth_users_resolve_group(self->users, name, id);
    buf_append_str(shown, name);
    if (id->failed || shown->failed)
        return ERR_NO_MEMORY;
    if (shown->data[0] >= 'a' && shown->data[0] <= 'z')
        shown->data[0] = (uint8_t)(shown->data[0] - 'a' + 'A');
    if (auth_users_group(self->users, buf_str(id)) || auth_is_being_added(self, buf_str(id)))
        return auth_refuse(request, reply, "exists", "Group yet exists");
    return ERR_OK;
}

static err_t add_group(auth_t *self, const request_t *request, reply_t *reply)
{
    str_t name, description = {"", 0};
    buf_t id = {0}, shown = {0};
    json_t *acl = NULL;
    auth_task_t *task = NULL;
    err_t err = auth_arg_str(request, 0, &name) ? ERR_OK : ERR_BAD_ARGS;
    (void)auth_arg_str(request, 1, &description); /* anything else: none */
    if (err == ERR_OK && description.len > DESCRIPTION_MAX)
        err = ERR_BAD_ARGS;
    if (err == ERR_OK)
        err = make_group_id(self, request, reply, name, &id, &shown);
    if (err == ERR_OK)
        err = read_acl(self, request, reply, auth_arg(request, 2), &acl);
    if (err == ERR_OK) {
        task = auth_task_new(self, request, buf_str(&id));
        err = task ? ERR_OK : ERR_BUSY;
    }
    if (err == ERR_OK) {
        task->adds = true;
        task->more = json_pack(
            "{s:s, s:s, s:{s:o, s:o, s:[], s:O}, s:{}}", "_id", task->id, "type", "group", "common",
            "name", json_stringn_nocheck((const char *)shown.data, shown.len), "desc",
            json_stringn_nocheck(description.len ? description.p : "", description.len), "members",
            "acl", acl, "native");
        reply_nil(&task->reply);
        if (auth_check_system(request) == ERR_OK)
            reply_str(&task->reply, str_of(task->id));
        else
            tree_to_mp(reply_value(&task->reply), task->more);
        err = auth_task_begin(task, request, write_group);
    }
    json_decref(acl);
    buf_fini(&id);
    buf_fini(&shown);
    return err;
}

err_t auth_on_group_add(void *actor, const request_t *request, reply_t *reply)
{
    err_t err = auth_account_system(actor, request);
    return err == ERR_OK ? add_group(actor, request, reply) : err;
}

err_t auth_on_add_group(void *actor, const request_t *request, reply_t *reply)
{
    err_t err = auth_account_may(actor, request, "create");
    return err == ERR_OK ? add_group(actor, request, reply) : err;
}

static void write_no_group(auth_task_t *task)
{
    auth_task_remove(task, task->id);
}

static err_t del_group(auth_t *self, const request_t *request, reply_t *reply)
{
    str_t name;
    const json_t *group;
    buf_t id = {0};
    err_t err = auth_arg_str(request, 0, &name) ? ERR_OK : ERR_BAD_ARGS;
    if (err == ERR_OK)
        err = auth_find_group(self, request, reply, name, &id, &group);
    if (err == ERR_OK && json_is_true(json_object_get(group, "protected")))
        err =
            auth_refuse(request, reply, "protected", "Cannot delete group, while is system group");
    auth_task_t *task = err == ERR_OK ? auth_task_new(self, request, buf_str(&id)) : NULL;
    buf_fini(&id);
    if (!task)
        return err == ERR_OK ? ERR_BUSY : err;
    auth_task_answers_id(task, request);
    return auth_task_begin(task, request, write_no_group);
}

err_t auth_on_group_del(void *actor, const request_t *request, reply_t *reply)
{
    err_t err = auth_account_system(actor, request);
    return err == ERR_OK ? del_group(actor, request, reply) : err;
}

err_t auth_on_del_group(void *actor, const request_t *request, reply_t *reply)
{
    err_t err = auth_account_may(actor, request, "delete");
    return err == ERR_OK ? del_group(actor, request, reply) : err;
}

static void write_join(auth_task_t *task)
{
    auth_task_join(task, task->id, json_string_value(task->more));
}

static void write_leave(auth_task_t *task)
{
    auth_task_leave(task, task->id, json_string_value(task->more));
}

static err_t change_members(auth_t *self, const request_t *request, reply_t *reply,
                            auth_step_fn *step)
{
    str_t name, user_name;
    const json_t *group;
    auth_user_t user;
    buf_t id = {0}, user_id = {0};
    auth_task_t *task = NULL;
    err_t err = auth_account_system(self, request);
    if (err == ERR_OK &&
        (!auth_arg_str(request, 0, &name) || !auth_arg_str(request, 1, &user_name)))
        err = ERR_BAD_ARGS;
    if (err == ERR_OK)
        err = auth_find_group(self, request, reply, name, &id, &group);
    if (err == ERR_OK)
        err = auth_find_user(self, request, reply, user_name, &user_id, &user);
    if (err == ERR_OK) {
        task = auth_task_new(self, request, buf_str(&id));
        err = task ? ERR_OK : ERR_BUSY;
    }
    if (err == ERR_OK) {
        task->more = json_stringn_nocheck((const char *)user_id.data, user_id.len);
        reply_nil(&task->reply);
        reply_str(&task->reply, str_of(task->id));
        err = auth_task_begin(task, request, step);
    }
    buf_fini(&id);
    buf_fini(&user_id);
    return err;
}

err_t auth_on_group_join(void *actor, const request_t *request, reply_t *reply)
{
    return change_members(actor, request, reply, write_join);
}

err_t auth_on_group_leave(void *actor, const request_t *request, reply_t *reply)
{
    return change_members(actor, request, reply, write_leave);
}
