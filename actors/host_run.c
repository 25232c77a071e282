/* SPDX-License-Identifier: MIT */
/* cmdExec: as a command of administrators, and as a message. What the command prints comes as
 * events to the client that called. */
#include "actors/host_ctx.h"

#define ID_MAX 256

static const char *start(host_t *self, const request_t *request, str_t id, str_t command)
{
    return host_exec_start(self->exec, &self->exec_limits, request->caller.client, id, command,
                           self->env->mono(self->env));
}

/* Text or number: clients count their commands. */
static bool read_id(mp_t value, buf_t *id)
{
    str_t text;
    int64_t number;
    if (mp_read_str(&value, &text))
        buf_append_str(id, text);
    else if (mp_read_int(&value, &number))
        buf_printf(id, "%lld", (long long)number);
    return id->len > 0 && id->len <= ID_MAX;
}

/* A list of files, as the original's administration sends with some commands. */
static bool has_files(const request_t *request)
{
    mp_t value;
    uint32_t count = 0;
    return request_arg(request, 3, &value) && mp_read_array(&value, &count) && count > 0;
}

/* cmdExec(host, id, command, files?) -> [nil] */
err_t host_on_cmdExec(void *actor, const request_t *request, reply_t *reply)
{
    host_t *self = actor;
    mp_t value;
    buf_t id = {0};
    const char *error = NULL;
    if (!host_may_execute(self, request))
        return ERR_PERMISSION;
    if (!host_is_me(self, host_arg_text(request, 0)))
        error = "This host does not exist";
    else if (!request_arg(request, 1, &value) || !read_id(value, &id))
        error = "no session ID";
    else if (has_files(request))
        error = "Files cannot be sent with a command";
    else
        error = start(self, request, buf_str(&id), host_arg_text(request, 2));
    buf_fini(&id);
    if (error)
        return reply_error(reply, "%s", error);
    reply_nil(reply);
    return host_answer_now(self, request, reply);
}

/* {id, data} -> [nil] */
err_t host_message_cmdExec(host_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    mp_t value;
    buf_t id = {0};
    str_t command = {"", 0};
    const char *error = "no session ID";
    (void)mp_find_str(message, "data", &command);
    if (mp_find(message, "id", &value) && read_id(value, &id))
        error = start(self, request, buf_str(&id), command);
    buf_fini(&id);
    if (error)
        return host_refuse(reply, "%s", error);
    reply_nil(reply);
    return host_answer_now(self, request, reply);
}
