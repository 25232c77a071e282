/* SPDX-License-Identifier: MIT */
#include "actors/host.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/host_ctx.h"
#include "bus/config.h"
#include "bus/log.h"

#define TICK_MS 1000
#define ANSWER_OVERHEAD 4096 /* what the bus puts around an answer, amply */

/* --- objects --------------------------------------------------------------------------------- */

static void on_begin(void *arg)
{
    host_t *self = arg;
    rights_destroy(&self->rights);
    self->rights = rights_new();
    assert(self->rights);
    host_states_restart(self->states);
}

static void on_object(void *arg, str_t id, mp_t object, bool live, str_t instance)
{
    host_t *self = arg;
    (void)live, (void)instance;
    rights_feed(self->rights, id, object);
}

static void on_end(void *arg)
{
    (void)arg;
}

static const char *const types[] = {"user", "group", "config", NULL};
static const replica_ops_t replica_ops = {on_begin, on_object, on_end};

static void host_event(void *arg, const event_t *event)
{
    replica_event(((host_t *)arg)->replica, event);
}

static void host_gap(void *arg, const char *actor)
{
    host_t *self = arg;
    (void)actor;
    replica_gap(self->replica);
}

static bool host_ready(void *arg, buf_t *why)
{
    host_t *self = arg;
    bool ready = replica_ready(self->replica);
    if (!ready)
        buf_append_cstr(why, "users and groups are not read yet");
    return ready;
}

/* --- events of commands ---------------------------------------------------------------------- */

/* clientEvent [client, name, id, data] */
static void on_exec_event(void *arg, str_t client, const char *event, str_t id, mp_t data)
{
    host_t *self = arg;
    buf_t args = {0};
    mp_put_array(&args, 4);
    mp_put_str(&args, client);
    mp_put_cstr(&args, event);
    mp_put_str(&args, id);
    mp_put_raw(&args, data);
    if (!args.failed)
        self->env->publish(self->env, "clientEvent", NULL, (mp_t){NULL, NULL}, mp_of_buf(&args));
    buf_fini(&args);
}

/* --- life ------------------------------------------------------------------------------------ */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t host_tick(void *arg, int64_t mono_ms)
{
    host_t *self = arg;
    int64_t next = least(TICK_MS, replica_tick(self->replica, mono_ms));
    next = least(next, host_states_tick(self->states, mono_ms));
    int64_t exec = host_exec_tick(self->exec, mono_ms);
    return exec >= 0 ? least(next, exec) : next;
}

static void read_config(host_t *self, const config_t *config)
{
    size_t zip = (size_t)config_int(config, "zip-max");
    self->exec_limits = (host_exec_limits_t){
        .enabled = config_bool(config, "cmd-exec"),
        .timeout_ms = config_int(config, "cmd-exec-timeout"),
        .output = (size_t)config_int(config, "cmd-exec-output"),
        .parallel = (size_t)config_int(config, "cmd-exec-parallel"),
    };
    self->zip_limits =
        (zip_limits_t){.max_entries = HOST_ENTRIES_MAX, .max_file = zip, .max_total = zip};
}

static void host_close(void **self_p)
{
    host_t *self = *self_p;
    if (!self)
        return;
    host_exec_destroy(&self->exec);
    host_states_destroy(&self->states);
    replica_destroy(&self->replica);
    rights_destroy(&self->rights);
    host_facts_fini(&self->facts);
    free(self);
    *self_p = NULL;
}

static err_t host_open(env_t *env, const config_t *config, void **self_p, buf_t *why)
{
    host_t *self = calloc(1, sizeof *self);
    (void)why;
    assert(self);
    self->env = env;
    self->max_answer = (size_t)config_int(config, "max-frame") - ANSWER_OVERHEAD;
    host_facts_init(&self->facts, config, env->mono(env));
    read_config(self, config);
    self->rights = rights_new();
    self->replica = replica_new(env, types, &replica_ops, self);
    self->states = host_states_new(self);
    self->exec = host_exec_new(on_exec_event, self);
    assert(self->rights && self->replica);
    if (self->exec_limits.enabled)
        log_warn("HOST-EXEC-ON", "commands of clients are run on this machine; auth=%s",
                 config_bool(config, "auth") ? "on" : "off");
    *self_p = self;
    return ERR_OK;
}

static void host_reload(void *arg, const config_t *config)
{
    read_config(arg, config);
}

static void host_leave(void *arg)
{
    host_states_leave(((host_t *)arg)->states);
}

static const command_t commands[] = {
    /* name         handler                     min args  flags */
    {"host.message", host_on_message, 1, CMD_EFFECT | CMD_SECRET},
    {"getHostByIp", host_on_getHostByIp, 0, CMD_READ},
    {"readLogs", host_on_readLogs, 0, CMD_READ},
    {"cmdExec", host_on_cmdExec, 0, CMD_EFFECT | CMD_SECRET},
    {"eventsThreshold", host_on_eventsThreshold, 0, CMD_READ},
    {"getRatings", host_on_getRatings, 0, CMD_READ},
    {"getCurrentInstance", host_on_getCurrentInstance, 0, CMD_READ},
    {"decrypt", host_on_decrypt, 0, CMD_READ | CMD_SECRET},
    {"encrypt", host_on_encrypt, 0, CMD_READ | CMD_SECRET},
    {"getIsEasyModeStrict", host_on_getIsEasyModeStrict, 0, CMD_READ},
    {"getEasyMode", host_on_getEasyMode, 0, CMD_READ},
    {"getAdapters", host_on_getAdapters, 0, CMD_READ},
    {"updateLicenses", host_on_updateLicenses, 0, CMD_READ | CMD_SECRET},
    {"getCompactInstances", host_on_getCompactInstances, 0, CMD_READ},
    {"getCompactAdapters", host_on_getCompactAdapters, 0, CMD_READ},
    {"getCompactInstalled", host_on_getCompactInstalled, 0, CMD_READ},
    {"getCompactSystemRepositories", host_on_getCompactSystemRepositories, 0, CMD_READ},
    {"getCompactRepository", host_on_getCompactRepository, 0, CMD_READ},
    {"getCompactHosts", host_on_getCompactHosts, 0, CMD_READ},
    {NULL, NULL, 0, 0},
};

static const char *const follows[] = {"objects", NULL};

const actor_t host_actor = {
    .name = "host",
    .commands = commands,
    .follows = follows,
    .open = host_open,
    .close = host_close,
    .event = host_event,
    .gap = host_gap,
    .tick = host_tick,
    .reload = host_reload,
    .ready = host_ready,
    .leave = host_leave,
};
