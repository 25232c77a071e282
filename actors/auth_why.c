/* SPDX-License-Identifier: MIT */
/* auth.why: what a call of a web client is checked for, step by step. The rows of the tables are
 * the gateway's own; the checks behind them are those of objects_access.c, states_rights.c and
 * files_access.c, in words. Sources: data-model.md 5. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/auth_ctx.h"
#include "bus/tree.h"

#define ASK_TTL_MS 5000
#define TEXT_MAX 512

/* --- the tables of the gateway ---------------------------------------------------------------- */

typedef enum {
#define PERMISSION(id, command, type, operation) PERM_##id,
#include "gateway/permission.def"
#undef PERMISSION
    PERM_NONE
} perm_t;

static const struct {
    const char *type, *operation;
} perms[PERM_NONE + 1] = {
#define PERMISSION(id, command, type, operation) {type, operation},
#include "gateway/permission.def"
#undef PERMISSION
    {"", ""}};

static const struct {
    const char *command;
    perm_t perm;
    const char *flags;
} rows[] = {
#define BUS(name, actor, command, permission, max_args, flags) {name, PERM_##permission, #flags},
#define LOCAL(name, function, permission, flags) {name, PERM_##permission, #flags},
#include "gateway/command.def"
#undef BUS
#undef LOCAL
};
#define ROWS (sizeof rows / sizeof rows[0])

/* --- an explanation under way ----------------------------------------------------------------- */

typedef struct {
    auth_t *auth;
    uint64_t ticket;
    size_t row;
    buf_t user;
    char *id;    /* as it was given; NULL: none */
    buf_t steps; /* maps, one after the other */
    uint32_t count;
    bool denied; /* a step was */
} why_t;

typedef enum { STEP_YES, STEP_NO, STEP_UNKNOWN } step_result_t;

static void add_step(why_t *why, const char *step, step_result_t result, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void add_step(why_t *why, const char *step, step_result_t result, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mp_put_map(&why->steps, 3);
    auth_put_str(&why->steps, "step", step);
    auth_put_bool(&why->steps, result == STEP_UNKNOWN ? "unknown" : "allowed", result != STEP_NO);
    auth_put_str(&why->steps, "text", text);
    why->count++;
    why->denied = why->denied || result == STEP_NO;
}

static const char *type_of(const why_t *why)
{
    return perms[rows[why->row].perm].type;
}

static const char *operation_of(const why_t *why)
{
    return perms[rows[why->row].perm].operation;
}

static void why_destroy(why_t *why)
{
    buf_fini(&why->user);
    buf_fini(&why->steps);
    free(why->id);
    free(why);
}

static void put_answer(const why_t *why, reply_t *reply)
{
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_map(out, 5);
    mp_put_cstr(out, "user");
    mp_put_str(out, buf_str(&why->user));
    auth_put_str(out, "command", rows[why->row].command);
    mp_put_cstr(out, "id");
    if (why->id)
        mp_put_cstr(out, why->id);
    else
        mp_put_nil(out);
    auth_put_bool(out, "allowed", !why->denied);
    mp_put_cstr(out, "steps");
    mp_put_array(out, why->count);
    mp_put_raw(out, mp_of_buf(&why->steps));
}

static void finish(why_t *why)
{
    reply_t reply;
    reply_init(&reply);
    put_answer(why, &reply);
    why->auth->env->answer(why->auth->env, why->ticket, ERR_OK, &reply);
    reply_fini(&reply);
    why_destroy(why);
}

/* --- steps that need nobody else -------------------------------------------------------------- */

static void explain_user(why_t *why)
{
    auth_user_t user;
    if (!auth_users_find(why->auth->users, buf_str(&why->user), &user))
        add_step(why, "user", STEP_NO, "there is no such user");
    else if (!user.enabled)
        add_step(why, "user", STEP_NO, "the user is disabled");
    else
        add_step(why, "user", STEP_YES, "the user exists and is enabled");
}

/* Groups of the user that give a right, as text. */
static size_t put_givers(const why_t *why, const char *type, const char *operation, buf_t *out)
{
    json_t *map = (json_t *)(uintptr_t)auth_users_groups(why->auth->users);
    size_t count = 0;
    for (void *at = json_object_iter(map); at; at = json_object_iter_next(map, at)) {
        const json_t *group = json_object_iter_value(at);
        const json_t *members = json_object_get(group, "members");
        bool member = false;
        for (size_t i = 0; i < json_array_size(members) && !member; i++) {
            const char *id = json_string_value(json_array_get(members, i));
            member = id && str_is(buf_str(&why->user), id);
        }
        if (member && (!type || json_is_true(tree_path(group, "acl", type, operation, NULL))))
            buf_printf(out, "%s%s", count++ ? ", " : "", json_object_iter_key(at));
    }
    buf_append_byte(out, 0);
    return count;
}

static bool explain_right(why_t *why, const char *type, const char *operation)
{
    buf_t groups = {0};
    str_t user = buf_str(&why->user);
    bool allowed = rights_may(why->auth->rights, user, type, operation);
    if (allowed && rights_is_admin(why->auth->rights, user)) {
        add_step(why, "right", STEP_YES, "needs %s.%s: administrators have every right", type,
                 operation);
    } else if (allowed) {
        (void)put_givers(why, type, operation, &groups);
        add_step(why, "right", STEP_YES, "needs %s.%s: given by %s", type, operation,
                 groups.failed ? "a group" : (const char *)groups.data);
    } else {
        size_t count = put_givers(why, NULL, NULL, &groups);
        add_step(why, "right", STEP_NO, "needs %s.%s: %s%s", type, operation,
                 count ? "not given by " : "the user is in no group",
                 count && !groups.failed ? (const char *)groups.data : "");
    }
    buf_fini(&groups);
    return allowed;
}

/* The command and its right. True: go on with the acl of the target. */
static bool explain_command(why_t *why)
{
    const char *type = type_of(why);
    if (strstr(rows[why->row].flags, "ROW_ADMIN"))
        add_step(why, "command", STEP_YES, "offered only with the configuration admin = on");
    if (rights_is_root(buf_str(&why->user))) {
        add_step(why, "right", STEP_YES, "%s may do everything", AUTH_ROOT);
        return false;
    }
    if (type[0] == '\0') {
        add_step(why, "right", STEP_YES, "the command needs no right");
        return false;
    }
    if (!explain_right(why, type, operation_of(why)) || !why->id)
        return false;
    bool account = str_starts(str_of(why->id), AUTH_USER_PREFIX) ||
                   str_starts(str_of(why->id), AUTH_GROUP_PREFIX);
    const char *operation = operation_of(why);
    if (account && strcmp(type, "object") == 0 &&
        (strcmp(operation, "write") == 0 || strcmp(operation, "delete") == 0))
        return explain_right(why, "users", operation);
    return true;
}

/* --- the acl of the target -------------------------------------------------------------------- */

static const char *class_of(const why_t *why, mp_t acl, str_t *who)
{
    str_t owner, group;
    const char *name = "everyone";
    *who = STR_LIT("");
    if (mp_find_str(acl, "owner", &owner) && str_eq(owner, buf_str(&why->user))) {
        *who = owner;
        return "owner";
    }
    if (mp_find_str(acl, "ownerGroup", &group)) {
        const json_t *members =
            json_object_get(auth_users_group(why->auth->users, group), "members");
        for (size_t i = 0; i < json_array_size(members); i++) {
            const char *id = json_string_value(json_array_get(members, i));
            if (id && str_is(buf_str(&why->user), id)) {
                *who = group;
                name = "group";
            }
        }
    }
    return name;
}

static bool explain_acl(why_t *why, mp_t acl, const char *field, right_t right)
{
    str_t user = buf_str(&why->user), who;
    double bits = 0;
    const char *verb = right == RIGHT_READ ? "read" : "write";
    bool allowed = rights_acl(why->auth->rights, user, acl, field, right);
    if (strcmp(field, "state") != 0 && rights_is_admin(why->auth->rights, user)) {
        add_step(why, "acl", STEP_YES, "administrators pass the acl");
        return true;
    }
    if (!mp_find_double(acl, field, &bits) &&
        (strcmp(field, "state") != 0 || !mp_find_double(acl, "object", &bits))) {
        add_step(why, "acl", STEP_YES, "there is no acl.%s", field);
        return true;
    }
    const char *class = class_of(why, acl, &who);
    unsigned mode = bits >= 0 && bits <= 0xfff ? (unsigned)bits : 0;
    add_step(why, "acl", allowed ? STEP_YES : STEP_NO, "acl.%s is 0x%03x: %s%s%.*s may%s %s", field,
             mode, class, who.len ? " " : "", STR_ARG(who), allowed ? "" : " not", verb);
    return allowed;
}

static right_t right_of(const why_t *why)
{
    const char *operation = operation_of(why);
    return strcmp(operation, "read") == 0 || strcmp(operation, "list") == 0 ? RIGHT_READ
                                                                            : RIGHT_WRITE;
}

static void explain_object(why_t *why, mp_t acl)
{
    if (strcmp(operation_of(why), "list") == 0)
        add_step(why, "acl", STEP_YES, "what may not be read is left out of lists:");
    if (strcmp(rows[why->row].command, "setObject") == 0)
        add_step(why, "acl", STEP_YES, "whole objects are written without a look at the acl");
    else
        (void)explain_acl(why, acl, "object", right_of(why));
}

/* The object is read on the user's behalf before the acl of the state is looked at. */
static void explain_state(why_t *why, mp_t acl)
{
    if (explain_right(why, "object", "read") && explain_acl(why, acl, "object", RIGHT_READ))
        (void)explain_acl(why, acl, "state", right_of(why));
}

static void on_object(void *arg, err_t status, mp_t body)
{
    why_t *why = arg;
    mp_t list, object, acl;
    if (status != ERR_OK || !mp_at(body, 1, &list) || !mp_at(list, 0, &object))
        add_step(why, "object", STEP_UNKNOWN, "the object could not be read");
    else if (mp_type(object) != MP_MAP)
        add_step(why, "object", STEP_YES, "there is no such object, so it has no acl");
    else if (!mp_find(object, "acl", &acl) || mp_type(acl) != MP_MAP)
        add_step(why, "acl", STEP_YES, "the object has no acl");
    else if (strcmp(type_of(why), "state") == 0)
        explain_state(why, acl);
    else
        explain_object(why, acl);
    finish(why);
}

/* The entry of a file in the list of its folder. */
static void on_folder(void *arg, err_t status, mp_t body)
{
    why_t *why = arg;
    const char *slash = strrchr(why->id, '/');
    mp_t list, entry, acl = {NULL, NULL};
    uint32_t count = 0;
    bool found = false;
    if (status == ERR_OK && mp_at(body, 1, &list))
        (void)mp_read_array(&list, &count); /* no list: not found */
    for (uint32_t i = 0; i < count && !found && mp_next(&list, &entry); i++) {
        str_t name;
        found = mp_find_str(entry, "file", &name) && str_is(name, slash + 1) &&
                mp_find(entry, "acl", &acl);
    }
    if (found)
        (void)explain_acl(why, acl, "permissions", right_of(why));
    else if (status == ERR_OK)
        add_step(why, "acl", STEP_UNKNOWN, "there is no such file: the default acl decides");
    else
        add_step(why, "acl", STEP_UNKNOWN, "the file could not be looked at");
    finish(why);
}

static void ask_folder(why_t *why, const caller_t *system)
{
    const char *slash = strchr(why->id, '/'), *last = strrchr(why->id, '/');
    buf_t args = {0};
    mp_put_array(&args, 2);
    mp_put_str(&args, (str_t){why->id, (size_t)(slash - why->id)});
    mp_put_str(&args, slash < last ? (str_t){slash + 1, (size_t)(last - slash - 1)} : STR_LIT(""));
    why->auth->env->ask(why->auth->env, "files", "readDir", system, mp_of_buf(&args), ASK_TTL_MS,
                        on_folder, why);
    buf_fini(&args);
}

/* False: there is nothing to ask for. */
static bool ask_target(why_t *why)
{
    static const caller_t nobody = {{"", 0}, {"", 0}, {"auth", 4}};
    const char *type = type_of(why);
    if (strcmp(type, "file") == 0) {
        if (!strchr(why->id, '/'))
            return false;
        ask_folder(why, &nobody);
        return true;
    }
    if (strcmp(type, "object") != 0 && strcmp(type, "state") != 0)
        return false;
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_array(&args, 1);
    mp_put_cstr(&args, why->id);
    why->auth->env->ask(why->auth->env, "objects", "objects.peek", &nobody, mp_of_buf(&args),
                        ASK_TTL_MS, on_object, why);
    buf_fini(&args);
    return true;
}

/* --- the command ------------------------------------------------------------------------------ */

static bool find_row(str_t command, size_t *row)
{
    for (*row = 0; *row < ROWS; ++*row) {
        if (str_is(command, rows[*row].command))
            return true;
    }
    return false;
}

err_t auth_on_why(void *actor, const request_t *request, reply_t *reply)
{
    auth_t *self = actor;
    str_t user, command, id = {"", 0};
    size_t row;
    err_t err = auth_check_system(request);
    if (err == ERR_OK && !replica_ready(self->replica))
        err = ERR_UNAVAILABLE;
    if (err == ERR_OK && (!auth_arg_str(request, 0, &user) || !auth_arg_str(request, 1, &command)))
        err = ERR_BAD_ARGS;
    if (err != ERR_OK)
        return err;
    if (!find_row(command, &row))
        return auth_error(reply, "missing", "There is no such command");
    why_t *why = calloc(1, sizeof *why);
    if (!why)
        return ERR_NO_MEMORY;
    why->auth = self;
    why->row = row;
    auth_users_resolve(self->users, user, &why->user);
    if (auth_arg_str(request, 2, &id) && id.len > 0)
        why->id = str_dup(id);
    explain_user(why);
    bool more = !why->denied && explain_command(why);
    if (more && why->id) {
        why->ticket = self->env->defer(self->env, request);
        if (why->ticket == 0)
            err = ERR_BUSY;
        else if (ask_target(why))
            return ERR_PENDING;
        else {
            finish(why);
            return ERR_PENDING;
        }
    }
    if (err == ERR_OK)
        put_answer(why, reply);
    why_destroy(why);
    return err;
}
