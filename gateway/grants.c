/* SPDX-License-Identifier: MIT */
#include "gateway/grants.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/map.h"

#define ADMIN "system.user.admin"
#define ASK_TTL_MS 5000

static const struct {
    const char *command;
    const char *type;
    const char *operation;
} rows[PERM_NONE + 1] = {
#define PERMISSION(id, command, type, operation) {command, type, operation},
#include "gateway/permission.def"
#undef PERMISSION
    {"", "", ""}};

struct grants_user {
    grants_t *all;
    char *name;
    bool known;
    bool granted[PERM_NONE];
    uint64_t asked; /* request under way; 0 none */
    bool stale;     /* changed while it was asked for */
};

struct grants {
    requests_t *requests;
    map_t *users;    /* name -> grants_user_t */
    int64_t mono_ms; /* when somebody last said what time it is */
};

const char *permission_command(permission_t permission)
{
    return rows[permission].command;
}

const char *permission_type(permission_t permission)
{
    return rows[permission].type;
}

const char *permission_operation(permission_t permission)
{
    return rows[permission].operation;
}

void permission_list(buf_t *out)
{
    mp_put_map(out, PERM_NONE);
    for (size_t i = 0; i < PERM_NONE; i++) {
        mp_put_cstr(out, rows[i].command);
        mp_put_map(out, 2);
        mp_put_cstr(out, "type");
        mp_put_cstr(out, rows[i].type);
        mp_put_cstr(out, "operation");
        mp_put_cstr(out, rows[i].operation);
    }
}

grants_t *grants_new(requests_t *requests)
{
    grants_t *self = calloc(1, sizeof *self);
    assert(self);
    self->requests = requests;
    self->users = map_new();
    return self;
}

void grants_destroy(grants_t **self_p)
{
    grants_t *self = *self_p;
    if (!self)
        return;
    size_t at = 0;
    for (grants_user_t *user = map_next(self->users, &at); user;
         user = map_next(self->users, &at)) {
        requests_forget(self->requests, user->asked);
        free(user->name);
        free(user);
    }
    map_destroy(&self->users);
    free(self);
    *self_p = NULL;
}

static void ask(grants_user_t *user);

static void take_map(grants_user_t *user, mp_t map)
{
    for (size_t i = 0; i < PERM_NONE; i++) {
        mp_t value;
        bool granted = false;
        if (mp_path(map, &value, rows[i].type, rows[i].operation, NULL))
            (void)mp_read_bool(&value, &granted);
        user->granted[i] = granted;
    }
    user->known = true;
}

static void take_answer(void *arg, err_t status, uint64_t seq, mp_t body)
{
    grants_user_t *user = arg;
    mp_t map;
    (void)seq;
    user->asked = 0;
    if (status != ERR_OK || !mp_at(body, 1, &map) || mp_type(map) != MP_MAP)
        return; /* grants_retry asks again */
    if (user->stale)
        ask(user); /* it may be older than the change */
    else
        take_map(user, map);
}

static void ask(grants_user_t *user)
{
    static const caller_t system_caller = {{"", 0}, {"", 0}, {"gateway", 7}};
    buf_t args = {0};
    user->stale = false;
    mp_put_array(&args, 1);
    mp_put_cstr(&args, user->name);
    user->asked =
        requests_send(user->all->requests, "auth", STR_LIT("auth.permissions"), &system_caller,
                      mp_of_buf(&args), ASK_TTL_MS, 0, user->all->mono_ms, take_answer, user);
    buf_fini(&args);
}

grants_user_t *grants_require(grants_t *self, const char *name, int64_t mono_ms)
{
    grants_user_t *user = map_get(self->users, str_of(name));
    self->mono_ms = mono_ms;
    if (user)
        return user;
    user = calloc(1, sizeof *user);
    assert(user);
    user->all = self;
    user->name = strdup(name);
    assert(user->name);
    map_put(self->users, str_of(user->name), user);
    ask(user);
    return user;
}

void grants_retry(grants_t *self, int64_t mono_ms)
{
    size_t at = 0;
    self->mono_ms = mono_ms;
    for (grants_user_t *user = map_next(self->users, &at); user;
         user = map_next(self->users, &at)) {
        if ((!user->known || user->stale) && user->asked == 0)
            ask(user);
    }
}

void grants_changed(grants_t *self, str_t name, int64_t mono_ms)
{
    size_t at = 0;
    self->mono_ms = mono_ms;
    for (grants_user_t *user = map_next(self->users, &at); user;
         user = map_next(self->users, &at)) {
        if (name.len > 0 && !str_is(name, user->name))
            continue;
        user->stale = true;
        if (user->asked == 0)
            ask(user);
    }
}

grant_t grants_check(const grants_user_t *user, permission_t permission)
{
    if (permission == PERM_NONE || rows[permission].type[0] == '\0' ||
        strcmp(user->name, ADMIN) == 0)
        return GRANT_YES;
    if (!user->known)
        return GRANT_UNKNOWN;
    return user->granted[permission] ? GRANT_YES : GRANT_NO;
}

const char *grants_name(const grants_user_t *user)
{
    return user->name;
}
