/* SPDX-License-Identifier: MIT */
#include "actors/states.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/states_ctx.h"
#include "bus/config.h"

#define TICK_MS                                                                                    \
    500 /* at least so often: a life may begin after a tick has looked for the next end */

err_t states_refuse(const states_t *self, reply_t *reply)
{
    reply_clear(reply);
    reply_str(reply, buf_str(&self->why));
    return ERR_CUSTOM;
}

/* --- opening and closing --------------------------------------------------------------------- */

static void states_close(void **self_p)
{
    states_t *self = *self_p;
    if (!self)
        return;
    replica_destroy(&self->replica);
    states_store_close(&self->store);
    points_destroy(&self->points);
    formulas_destroy(&self->formulas);
    rights_destroy(&self->rights);
    buf_t *const buffers[] = {&self->value,       &self->event, &self->converted,
                              &self->alias_state, &self->why,   &self->fixed,
                              &self->from,        &self->hold,  &self->acl};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        buf_fini(buffers[i]);
    free(self);
    *self_p = NULL;
}

static err_t open_engine(engine_t **engine, const config_t *config, buf_t *why)
{
    const char *data = config_text(config, "data");
    if (strcmp(data, ":memory:") == 0) {
        *engine = engine_open_memory();
        return ERR_OK;
    }
    char path[4096];
    int len = snprintf(path, sizeof path, "%s/states", data);
    if (len < 0 || (size_t)len >= sizeof path) {
        buf_append_cstr(why, "states: the name of the data folder is too long");
        return ERR_CONFIG;
    }
    int durability = engine_durability_parse(config_text(config, "states-durability"));
    const engine_options_t options = {.path = path,
                                      .name = "states",
                                      .format = STATES_FORMAT,
                                      .durability = (engine_durability_t)durability,
                                      .sync_interval_ms = config_int(config, "sync-interval"),
                                      .cache_bytes = (size_t)config_int(config, "store-cache"),
                                      .read_at_start = true};
    return engine_open(engine, &options, why);
}

static void states_reload(void *arg, const config_t *config)
{
    states_t *self = arg;
    self->max_value = (size_t)config_int(config, "max-value");
}

static err_t open_parts(states_t *self, const config_t *config, buf_t *why)
{
    uint64_t seed;
    engine_t *engine = NULL;
    self->env->random(self->env, &seed, sizeof seed);
    self->points = points_new(seed);
    self->rights = rights_new();
    self->formulas = formulas_new();
    self->replica = replica_new(self->env, NULL, &states_feed_ops, self);
    if (!self->points || !self->rights || !self->formulas || !self->replica)
        return ERR_NO_MEMORY;
    err_t err = open_engine(&engine, config, why);
    return err == ERR_OK ? states_store_open(&self->store, &engine, self->points, why) : err;
}

static err_t states_open(env_t *env, const config_t *config, void **self_p, buf_t *why)
{
    states_t *self = calloc(1, sizeof *self);
    if (!self)
        return ERR_NO_MEMORY;
    self->env = env;
    states_reload(self, config);
    err_t err = open_parts(self, config, why);
    *self_p = self;
    if (err != ERR_OK)
        states_close(self_p);
    return err;
}

/* --- the actor ------------------------------------------------------------------------------- */

static err_t states_commit(void *arg)
{
    states_t *self = arg;
    return states_store_commit(self->store);
}

static void states_event(void *arg, const event_t *event)
{
    states_t *self = arg;
    replica_event(self->replica, event);
}

static void states_gap(void *arg, const char *actor)
{
    states_t *self = arg;
    (void)actor; /* it follows only one */
    replica_gap(self->replica);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t states_tick(void *arg, int64_t mono_ms)
{
    states_t *self = arg;
    int64_t next = sooner(TICK_MS, states_expire(self));
    next = sooner(next, replica_tick(self->replica, mono_ms));
    return sooner(next, engine_tick(states_store_engine(self->store), mono_ms));
}

static bool states_ready(void *arg, buf_t *why)
{
    states_t *self = arg;
    if (replica_ready(self->replica))
        return true;
    buf_append_cstr(why, "states: the objects have not been read yet");
    return false;
}

static const command_t commands[] = {
    {"getState", states_on_get_state, 0, CMD_READ},
    {"getStates", states_on_get_states, 0, CMD_READ},
    {"getForeignStates", states_on_get_states, 0, CMD_READ},
    {"setState", states_on_set_state, 0, CMD_WRITE},
    {"delState", states_on_del_state, 0, CMD_WRITE},
    {"states.get", states_on_get, 1, CMD_READ},
    {"states.watched", states_on_watched, 1, CMD_READ},
    {"states.put", states_on_put, 1, CMD_WRITE},
    {"states.del", states_on_del, 1, CMD_WRITE},
    {"states.scan", states_on_scan, 2, CMD_READ},
    {NULL, NULL, 0, 0},
};

static const char *const follows[] = {"objects", NULL};

const actor_t states_actor = {.name = "states",
                              .commands = commands,
                              .follows = follows,
                              .open = states_open,
                              .close = states_close,
                              .commit = states_commit,
                              .event = states_event,
                              .gap = states_gap,
                              .tick = states_tick,
                              .reload = states_reload,
                              .ready = states_ready};
