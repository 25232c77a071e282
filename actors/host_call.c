/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/host_ctx.h"

#define ERROR_MAX 512 /* bytes of an error text */

/* --- calls ----------------------------------------------------------------------------------- */

/* Copies the texts behind each other into one allocation. */
static bool keep_caller(host_call_t *call, const caller_t *caller)
{
    str_t *const copies[] = {&call->caller.user, &call->caller.instance, &call->caller.client};
    const str_t texts[] = {caller->user, caller->instance, caller->client};
    call->texts = malloc(texts[0].len + texts[1].len + texts[2].len + 1);
    char *at = call->texts;
    for (size_t i = 0; at && i < 3; i++) {
        if (texts[i].len > 0)
            memcpy(at, texts[i].p, texts[i].len);
        *copies[i] = (str_t){at, texts[i].len};
        at += texts[i].len;
    }
    return call->texts != NULL;
}

static void end_call(host_call_t **call_p)
{
    host_call_t *call = *call_p;
    *call_p = NULL;
    call->host->calls--;
    if (call->free_data)
        call->free_data(call->data);
    free(call->texts);
    free(call);
}

host_call_t *host_call_open(host_t *self, const request_t *request)
{
    if (self->calls == HOST_CALLS_MAX)
        return NULL;
    host_call_t *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    call->host = self;
    call->is_message = str_is(request->command, "host.message");
    self->calls++;
    if (!keep_caller(call, &request->caller) ||
        (call->ticket = self->env->defer(self->env, request)) == 0)
        end_call(&call);
    return call;
}

static void on_answer(void *arg, err_t status, mp_t body)
{
    host_call_t *call = arg;
    call->step(call, status, body);
}

static void ask(host_call_t *call, const caller_t *caller, const char *actor, const char *command,
                mp_t args, host_step_fn *step)
{
    env_t *env = call->host->env;
    call->step = step;
    env->ask(env, actor, command, caller, args, HOST_ASK_MS, on_answer, call);
}

void host_call_ask(host_call_t *call, const char *actor, const char *command, mp_t args,
                   host_step_fn *step)
{
    ask(call, &call->caller, actor, command, args, step);
}

void host_call_ask_as_system(host_call_t *call, const char *actor, const char *command, mp_t args,
                             host_step_fn *step)
{
    caller_t system = call->caller;
    system.user = (str_t){"", 0};
    ask(call, &system, actor, command, args, step);
}

void host_call_answer(host_call_t **call_p, const reply_t *reply)
{
    env_t *env = (*call_p)->host->env;
    env->answer(env, (*call_p)->ticket, reply->body.failed ? ERR_NO_MEMORY : ERR_OK, reply);
    end_call(call_p);
}

err_t host_answer_now(host_t *self, const request_t *request, const reply_t *reply)
{
    host_call_t *call = host_call_open(self, request);
    if (!call)
        return ERR_BUSY;
    host_call_answer(&call, reply);
    return ERR_PENDING;
}

static void fail(host_call_t **call_p, str_t text)
{
    host_call_t *call = *call_p;
    reply_t reply;
    reply_init(&reply);
    if (call->is_message)
        (void)host_refuse(&reply, "%.*s", STR_ARG(text));
    else
        (void)reply_error(&reply, "%.*s", STR_ARG(text));
    call->host->env->answer(call->host->env, call->ticket, call->is_message ? ERR_OK : ERR_CUSTOM,
                            &reply);
    reply_fini(&reply);
    end_call(call_p);
}

void host_call_fail(host_call_t **call_p, const char *format, ...)
{
    char text[ERROR_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fail(call_p, str_of(text));
}

void host_call_fail_with(host_call_t **call_p, err_t status, mp_t body)
{
    mp_t value;
    str_t text = str_of(err_text(status));
    if (mp_at(body, 0, &value))
        (void)mp_read_str(&value, &text);
    fail(call_p, text);
}

/* --- arguments and answers ------------------------------------------------------------------- */

str_t host_arg_text(const request_t *request, uint32_t index)
{
    mp_t value;
    str_t text = {"", 0};
    if (request_arg(request, index, &value))
        (void)mp_read_str(&value, &text);
    return text;
}

err_t host_refuse(reply_t *reply, const char *format, ...)
{
    char text[ERROR_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    reply_clear(reply);
    buf_t *out = reply_value(reply);
    mp_put_map(out, 1);
    mp_put_cstr(out, "error");
    mp_put_cstr(out, text);
    return ERR_OK;
}

bool host_is_me(const host_t *self, str_t name)
{
    static const char prefix[] = "system.host.";
    if (str_starts(name, prefix))
        name = (str_t){name.p + sizeof prefix - 1, name.len - (sizeof prefix - 1)};
    return name.len == 0 || str_is(name, self->facts.name);
}

bool host_may_execute(const host_t *self, const request_t *request)
{
    return rights_may(self->rights, request->caller.user, "other", "execute");
}
