/* SPDX-License-Identifier: MIT */
#include "actors/fetch.h"

#include <assert.h>
#include <stdlib.h>

#include "actors/fetch_url.h"
#include "actors/fetch_worker.h"
#include "bus/config.h"

#define TICK_BUSY_MS 3    /* how late an answer may be delivered */
#define TICK_IDLE_MS 1000 /* a deferred request calls tick at once (env.h) */

typedef struct {
    env_t *env;
    fetch_worker_t *worker;
} fetch_t;

static fetch_limits_t read_limits(const config_t *config)
{
    return (fetch_limits_t){
        .timeout_ms = config_int(config, "fetch-timeout"),
        .max_size = (size_t)config_int(config, "fetch-max-size"),
        .max_redirects = (long)config_int(config, "fetch-max-redirects"),
        .parallel = (size_t)config_int(config, "fetch-parallel"),
        .per_user = (size_t)config_int(config, "fetch-per-user"),
        .per_client = (size_t)config_int(config, "fetch-per-client"),
        .queue = (size_t)config_int(config, "fetch-queue"),
    };
}

/* A text, or an array of exactly one. */
static bool read_url(const request_t *request, str_t *url)
{
    mp_t value;
    uint32_t count;
    if (!request_arg(request, 0, &value))
        return false;
    if (mp_type(value) == MP_ARRAY && (!mp_read_array(&value, &count) || count != 1))
        return false;
    return mp_read_str(&value, url);
}

static err_t fetch_on_http_get(void *arg, const request_t *request, reply_t *reply)
{
    fetch_t *self = arg;
    str_t text;
    buf_t url = {0};
    if (!read_url(request, &text))
        return reply_error(reply, "Invalid URL");
    const char *error = fetch_url_fix(&url, text);
    err_t err = ERR_PENDING;
    if (error)
        err = reply_error(reply, "%s", error);
    else if (!fetch_worker_has_room(self->worker, &request->caller))
        err = ERR_BUSY;
    if (err == ERR_PENDING) {
        uint64_t ticket = self->env->defer(self->env, request);
        int64_t left = request->deadline_ms - self->env->mono(self->env);
        if (ticket == 0)
            err = ERR_BUSY;
        else if (!fetch_worker_submit(self->worker, ticket, &request->caller, buf_str(&url),
                                      left > 1 ? left : 1))
            self->env->answer(self->env, ticket, ERR_BUSY, NULL);
    }
    buf_fini(&url);
    return err;
}

static void answer(fetch_t *self, const fetch_result_t *result)
{
    reply_t reply;
    reply_init(&reply);
    if (result->error) {
        (void)reply_error(&reply, "%s", result->error);
    } else {
        reply_nil(&reply);
        buf_t *head = reply_value(&reply);
        mp_put_map(head, 2);
        mp_put_cstr(head, "status");
        mp_put_int(head, result->status);
        mp_put_cstr(head, "statusText");
        mp_put_cstr(head, result->status_text);
        mp_put_bin(reply_value(&reply), result->body.data, result->body.len);
    }
    self->env->answer(self->env, result->id, result->error ? ERR_CUSTOM : ERR_OK, &reply);
    reply_fini(&reply);
}

static int64_t fetch_tick(void *arg, int64_t mono_ms)
{
    fetch_t *self = arg;
    fetch_result_t result;
    (void)mono_ms;
    while (fetch_worker_take(self->worker, &result)) {
        answer(self, &result);
        fetch_result_fini(&result);
    }
    return fetch_worker_open(self->worker) > 0 ? TICK_BUSY_MS : TICK_IDLE_MS;
}

static void fetch_close(void **self_p)
{
    fetch_t *self = *self_p;
    if (!self)
        return;
    /* Requests that are still open are answered by the dispatcher. */
    fetch_worker_destroy(&self->worker);
    free(self);
    *self_p = NULL;
}

static err_t fetch_open(env_t *env, const config_t *config, void **self_p, buf_t *why)
{
    fetch_t *self = calloc(1, sizeof *self);
    assert(self);
    fetch_limits_t limits = read_limits(config);
    fetch_policy_t *policy = fetch_policy_new(config);
    self->env = env;
    self->worker = fetch_worker_new(&limits, &policy);
    *self_p = self;
    if (self->worker)
        return ERR_OK;
    buf_append_cstr(why, "fetch: cannot start a thread");
    fetch_close(self_p);
    return ERR_NO_MEMORY;
}

static void fetch_reload(void *arg, const config_t *config)
{
    fetch_t *self = arg;
    fetch_limits_t limits = read_limits(config);
    fetch_policy_t *policy = fetch_policy_new(config);
    fetch_worker_set_limits(self->worker, &limits, &policy);
}

static const command_t commands[] = {
    /* name      handler            min args  flags */
    {"httpGet", fetch_on_http_get, 1, CMD_READ},
    {NULL, NULL, 0, 0},
};

const actor_t fetch_actor = {
    .name = "fetch",
    .commands = commands,
    .open = fetch_open,
    .close = fetch_close,
    .tick = fetch_tick,
    .reload = fetch_reload,
};
