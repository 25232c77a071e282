/* SPDX-License-Identifier: MIT */
#include "actors/auth_task.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "bus/tree.h"

#define TASKS_MAX 256u
#define ASK_TTL_MS 10000

struct auth_accounts {
    auth_t *auth;
    auth_task_t *list[TASKS_MAX];
    size_t len;
};

/* --- life ------------------------------------------------------------------------------------- */

auth_accounts_t *auth_accounts_new(auth_t *auth)
{
    auth_accounts_t *self = calloc(1, sizeof *self);
    if (self)
        self->auth = auth;
    return self;
}

static void task_destroy(auth_task_t *task)
{
    if (task->hash.data)
        OPENSSL_cleanse(task->hash.data, task->hash.cap);
    buf_fini(&task->hash);
    buf_fini(&task->error);
    json_decref(task->more);
    free(task->id);
    free(task->writer);
    free(task->instance);
    reply_fini(&task->reply);
    free(task);
}

void auth_accounts_destroy(auth_accounts_t **self_p)
{
    auth_accounts_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->len; i++)
        task_destroy(self->list[i]);
    free(self);
    *self_p = NULL;
}

size_t auth_accounts_len(const auth_accounts_t *self)
{
    return self->len;
}

static void drop(auth_accounts_t *self, auth_task_t *task)
{
    size_t at = 0;
    while (self->list[at] != task)
        at++;
    self->list[at] = self->list[--self->len];
    task_destroy(task);
}

/* A task of this request, not deferred yet. NULL: too many, or no memory. */
auth_task_t *auth_task_new(auth_t *auth, const request_t *request, str_t id)
{
    auth_task_t *task = auth->accounts->len < TASKS_MAX ? calloc(1, sizeof *task) : NULL;
    if (!task)
        return NULL;
    task->auth = auth;
    reply_init(&task->reply);
    task->id = str_dup(id);
    task->writer = str_dup(request->caller.user);
    task->instance = str_dup(request->caller.instance);
    if (!task->id || !task->writer || !task->instance) {
        task_destroy(task);
        return NULL;
    }
    auth->accounts->list[auth->accounts->len++] = task;
    return task;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void finish(auth_task_t *task)
{
    auth_t *auth = task->auth;
    if (task->err == ERR_OK) {
        if (task->hash.len > 0)
            auth_password_is(auth, str_of(task->id), buf_str(&task->hash));
        auth->env->answer(auth->env, task->ticket, ERR_OK, &task->reply);
    } else {
        reply_t reply;
        reply_init(&reply);
        if (task->error.len > 0)
            reply_str(&reply, buf_str(&task->error));
        auth->env->answer(auth->env, task->ticket, task->err, &reply);
        reply_fini(&reply);
        if (task->asked)
            replica_gap(auth->replica); /* members may have been noted that did not become true */
    }
    drop(auth->accounts, task);
}

static void finish_when_done(auth_task_t *task)
{
    if (task->started && task->questions == 0)
        finish(task);
}

static void on_answer(void *arg, err_t status, mp_t body)
{
    auth_task_t *task = arg;
    mp_t first;
    str_t text = {"", 0};
    task->questions--;
    bool said = mp_at(body, 0, &first) && mp_read_str(&first, &text);
    if (status == ERR_OK && said)
        status = ERR_CUSTOM;
    if (status != ERR_OK && task->err == ERR_OK) {
        task->err = status;
        buf_append_str(&task->error, text);
    }
    finish_when_done(task);
}

/* --- questions to the objects ----------------------------------------------------------------- */

static void ask(auth_task_t *task, const char *command, const buf_t *args)
{
    static const caller_t nobody = {{"", 0}, {"", 0}, {"auth", 4}};
    env_t *env = task->auth->env;
    if (args->failed) {
        task->err = ERR_NO_MEMORY;
        return;
    }
    task->questions++;
    task->asked = true;
    env->ask(env, "objects", command, &nobody, mp_of_buf(args), ASK_TTL_MS, on_answer, task);
}

/* Merges a patch into an object; takes it over. What is written bears the name of who wanted it. */
void auth_task_patch(auth_task_t *task, const char *id, json_t *object)
{
    buf_t args = {0};
    if (task->writer[0])
        json_object_set_new(object, "user", json_string(task->writer));
    if (task->instance[0])
        json_object_set_new(object, "from", json_sprintf("system.adapter.%s", task->instance));
    mp_put_array(&args, 2);
    mp_put_cstr(&args, id);
    tree_to_mp(&args, object);
    ask(task, "objects.patch", &args);
    if (args.data)
        OPENSSL_cleanse(args.data, args.cap);
    buf_fini(&args);
    json_decref(object);
}

void auth_task_set(auth_task_t *task, const char *id, const char *key, json_t *value)
{
    json_t *common = json_object(), *object = json_object();
    json_object_set_new(common, key, value);
    json_object_set_new(object, "common", common);
    auth_task_patch(task, id, object);
}

static void set_members(auth_task_t *task, const char *group, json_t *members)
{
    auth_users_set_members(task->auth->users, str_of(group), members);
    auth_task_set(task, group, "members", members);
}

void auth_task_remove(auth_task_t *task, const char *id)
{
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_array(&args, 1);
    mp_put_cstr(&args, id);
    ask(task, "objects.del", &args);
    buf_fini(&args);
}

static bool is_member(const json_t *members, const char *user, size_t *at)
{
    for (*at = 0; *at < json_array_size(members); ++*at) {
        const char *id = json_string_value(json_array_get(members, *at));
        if (id && strcmp(id, user) == 0)
            return true;
    }
    return false;
}

void auth_task_join(auth_task_t *task, const char *group, const char *user)
{
    size_t at;
    const json_t *known =
        json_object_get(auth_users_group(task->auth->users, str_of(group)), "members");
    if (is_member(known, user, &at))
        return;
    json_t *members = known ? json_deep_copy(known) : json_array();
    json_array_append_new(members, json_string_nocheck(user));
    set_members(task, group, members);
}

void auth_task_leave(auth_task_t *task, const char *group, const char *user)
{
    size_t at;
    const json_t *known =
        json_object_get(auth_users_group(task->auth->users, str_of(group)), "members");
    if (!is_member(known, user, &at))
        return;
    json_t *members = json_deep_copy(known);
    while (is_member(members, user, &at))
        json_array_remove(members, at);
    set_members(task, group, members);
}

/* Defers the answer and takes the first step. */
err_t auth_task_begin(auth_task_t *task, const request_t *request, auth_step_fn *step)
{
    auth_t *auth = task->auth;
    task->ticket = auth->env->defer(auth->env, request);
    if (task->ticket == 0) {
        drop(auth->accounts, task);
        return ERR_BUSY;
    }
    step(task);
    task->started = true;
    finish_when_done(task); /* nothing had to be asked */
    return ERR_PENDING;
}

/* Hashes the password first. */
err_t auth_task_begin_hashed(auth_task_t *task, const request_t *request, str_t password,
                             auth_step_fn *step)
{
    auth_t *auth = task->auth;
    uint8_t salt[PASSWORD_SALT_BYTES];
    auth->env->random(auth->env, salt, sizeof salt);
    task->ticket = auth->env->defer(auth->env, request);
    task->job = ++auth->next_job;
    task->hashed = step;
    if (task->ticket == 0) {
        drop(auth->accounts, task);
        return ERR_BUSY;
    }
    if (!password_pool_hash(auth->pool, task->job, password, auth->iterations, salt)) {
        task->err = ERR_BUSY;
        finish(task);
    }
    return ERR_PENDING;
}

bool auth_accounts_take(auth_accounts_t *self, const password_result_t *result)
{
    for (size_t i = 0; i < self->len; i++) {
        auth_task_t *task = self->list[i];
        if (task->job != result->id)
            continue;
        buf_append_str(&task->hash, buf_str(&result->hash));
        if (!result->ok || task->hash.failed)
            task->err = ERR_NO_MEMORY;
        else
            task->hashed(task);
        task->started = true;
        finish_when_done(task);
        return true;
    }
    return false;
}

void auth_task_cancel(auth_task_t *task)
{
    drop(task->auth->accounts, task);
}

bool auth_is_being_added(const auth_t *self, str_t id)
{
    for (size_t i = 0; i < self->accounts->len; i++) {
        if (self->accounts->list[i]->adds && str_is(id, self->accounts->list[i]->id))
            return true;
    }
    return false;
}

void auth_task_answers_id(auth_task_t *task, const request_t *request)
{
    reply_nil(&task->reply);
    if (auth_check_system(request) == ERR_OK)
        reply_str(&task->reply, str_of(task->id));
}
