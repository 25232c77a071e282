/* SPDX-License-Identifier: MIT */
#include "actors/auth.h"

#include <stdlib.h>

#include "actors/replica.h"
#include "actors/rights.h"

typedef struct {
    env_t *env;
    rights_t *rights;  /* what holds now */
    rights_t *reading; /* of a full reading under way, else NULL */
    replica_t *replica;
} auth_t;

/* --- events ------------------------------------------------------------------------------------
 */

static void publish_change(auth_t *self, str_t user)
{
    buf_t args;
    buf_init(&args);
    mp_put_array(&args, 1);
    if (user.len)
        mp_put_str(&args, user);
    else
        mp_put_nil(&args);
    if (!args.failed)
        self->env->publish(self->env, "permissionsChange", NULL, mp_of_buf(&args));
    buf_fini(&args);
}

static void auth_begin(void *arg)
{
    auth_t *self = arg;
    rights_destroy(&self->reading);
    self->reading = rights_new();
}

static void auth_object(void *arg, str_t id, mp_t object, bool live, str_t instance)
{
    auth_t *self = arg;
    (void)instance;
    rights_feed(self->reading ? self->reading : self->rights, id, object);
    if (!live || self->reading)
        return;
    if (str_starts(id, "system.user."))
        publish_change(self, id);
    else if (str_starts(id, "system.group."))
        publish_change(self, STR_LIT(""));
}

static void auth_end(void *arg)
{
    auth_t *self = arg;
    if (!self->reading)
        return;
    rights_destroy(&self->rights);
    self->rights = self->reading;
    self->reading = NULL;
    publish_change(self, STR_LIT(""));
}

static void auth_event(void *actor, const event_t *event)
{
    auth_t *self = actor;
    replica_event(self->replica, event);
}

static void auth_gap(void *actor, const char *publisher)
{
    auth_t *self = actor;
    (void)publisher; /* objects is the only one */
    replica_gap(self->replica);
}

static int64_t auth_tick(void *actor, int64_t mono_ms)
{
    auth_t *self = actor;
    return replica_tick(self->replica, mono_ms);
}

static bool auth_ready(void *actor, buf_t *why)
{
    auth_t *self = actor;
    if (replica_ready(self->replica))
        return true;
    buf_append_cstr(why, "auth: users and groups have not been read yet");
    return false;
}

/* --- commands ----------------------------------------------------------------------------------
 */

static err_t auth_on_permissions(void *actor, const request_t *request, reply_t *reply)
{
    auth_t *self = actor;
    mp_t value;
    str_t user;
    if (!request_arg(request, 0, &value) || !mp_read_str(&value, &user) || user.len == 0)
        return ERR_BAD_ARGS;
    if (!replica_ready(self->replica))
        return ERR_UNAVAILABLE;
    reply_nil(reply);
    rights_permissions(self->rights, user, reply_value(reply));
    return ERR_OK;
}

static const command_t commands[] = {
    {"auth.permissions", auth_on_permissions, 1, CMD_READ},
    {NULL, NULL, 0, 0},
};

/* --- life --------------------------------------------------------------------------------------
 */

static void auth_close(void **self_p)
{
    auth_t *self = *self_p;
    if (!self)
        return;
    replica_destroy(&self->replica);
    rights_destroy(&self->rights);
    rights_destroy(&self->reading);
    free(self);
    *self_p = NULL;
}

static err_t auth_open(env_t *env, const config_t *config, void **self_p, buf_t *why)
{
    static const char *const types[] = {"user", "group", "config", NULL};
    static const replica_ops_t ops = {auth_begin, auth_object, auth_end};
    auth_t *self = calloc(1, sizeof *self);
    (void)config;
    *self_p = self;
    if (self) {
        self->env = env;
        self->rights = rights_new();
        self->replica = replica_new(env, types, &ops, self);
    }
    if (self && self->rights && self->replica)
        return ERR_OK;
    auth_close(self_p);
    buf_printf(why, "auth: %s", err_text(ERR_NO_MEMORY));
    return ERR_NO_MEMORY;
}

static const char *const follows[] = {"objects", NULL};

const actor_t auth_actor = {
    .name = "auth",
    .commands = commands,
    .follows = follows,
    .open = auth_open,
    .close = auth_close,
    .event = auth_event,
    .gap = auth_gap,
    .tick = auth_tick,
    .ready = auth_ready,
};
