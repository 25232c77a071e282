/* SPDX-License-Identifier: MIT */
/* What clients send to this host with sendToHost. The call-back has no error argument, so errors
 * travel as {error: text}. Every command of the original's controller has a row: what has no
 * meaning here says so. Source: commands.md 2.6; js-controller 7.1, controller/messages. */
#include <string.h>

#include "actors/host_ctx.h"
#include "actors/safe_text.h"

#define NAME_MAX_BYTES 100

/* --- information ----------------------------------------------------------------------------- */

static void put_text(buf_t *out, const char *key, const char *text)
{
    mp_put_cstr(out, key);
    mp_put_cstr(out, text);
}

void host_put_version(const host_t *self, buf_t *out)
{
    mp_put_map(out, 7);
    put_text(out, "name", "iobus");
    put_text(out, "title", "iobus");
    put_text(out, "version", self->facts.version);
    put_text(out, "runningVersion", self->facts.version);
    put_text(out, "iobusVersion", IOBUS_VERSION);
    put_text(out, "host", self->facts.name);
    put_text(out, "platform", "Linux");
}

static err_t get_version(host_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    (void)request, (void)message;
    host_put_version(self, reply_value(reply));
    return ERR_OK;
}

static err_t get_info_short(host_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    (void)request, (void)message;
    buf_t *out = reply_value(reply);
    size_t map = mp_begin_map(out);
    mp_end(out, map, host_info_put_short(out, &self->facts, self->env->now(self->env)));
    return ERR_OK;
}

static err_t get_info(host_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    (void)request, (void)message;
    buf_t *out = reply_value(reply);
    size_t map = mp_begin_map(out);
    uint32_t count = host_info_put_short(out, &self->facts, self->env->now(self->env));
    count += host_info_put_more(out, &self->facts, self->env->mono(self->env));
    mp_end(out, map, count);
    return ERR_OK;
}

static err_t get_interfaces(host_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    (void)self, (void)request, (void)message;
    buf_t *out = reply_value(reply);
    mp_put_map(out, 1);
    mp_put_cstr(out, "result");
    host_info_put_interfaces(out);
    return ERR_OK;
}

static err_t get_location(host_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    (void)request, (void)message;
    buf_t *out = reply_value(reply);
    mp_put_map(out, 2);
    put_text(out, "path", self->facts.data);
    put_text(out, "platform", "linux");
    return ERR_OK;
}

static err_t get_devices(host_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    (void)self, (void)request, (void)message;
    host_info_put_devices(reply_value(reply));
    return ERR_OK;
}

/* --- what there is nothing of ---------------------------------------------------------------- */

/* No adapters are installed; the host itself is. */
static err_t get_installed(host_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    (void)request, (void)message;
    buf_t *out = reply_value(reply);
    mp_put_map(out, 1);
    mp_put_cstr(out, "hosts");
    mp_put_map(out, 1);
    mp_put_cstr(out, self->facts.name);
    host_put_version(self, out);
    return ERR_OK;
}

static err_t answer_nothing(host_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    (void)self, (void)request, (void)message;
    reply_nil(reply);
    return ERR_OK;
}

static err_t answer_empty(host_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    (void)self, (void)request, (void)message;
    mp_put_map(reply_value(reply), 0);
    return ERR_OK;
}

static err_t get_notifications(host_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    (void)self, (void)request, (void)message;
    buf_t *out = reply_value(reply);
    mp_put_map(out, 1);
    mp_put_cstr(out, "result");
    mp_put_map(out, 0);
    return ERR_OK;
}

/* --- the table ------------------------------------------------------------------------------- */

static const struct {
    const char *command;
    host_message_fn *fn; /* NULL: it has no meaning here, and why says so */
    bool execute;        /* protected: needs other.execute */
    const char *why;
} messages[] = {
    {"getVersion", get_version, false, NULL},
    {"getHostInfo", get_info, false, NULL},
    {"getHostInfoShort", get_info_short, false, NULL},
    {"getInterfaces", get_interfaces, false, NULL},
    {"getInstalled", get_installed, false, NULL},
    {"getInstalledAdapter", answer_nothing, false, NULL},
    {"getRepository", answer_empty, false, NULL},
    {"getNotifications", get_notifications, false, NULL},
    {"getDiagData", answer_nothing, true, NULL},
    {"getLocationOnDisk", get_location, true, NULL},
    {"getDevList", get_devices, true, NULL},
    {"getLogs", host_message_getLogs, false, NULL},
    {"getLogFile", host_message_getLogFile, false, NULL},
    {"getLogFiles", host_message_getLogFiles, false, NULL},
    {"delLogs", host_message_delLogs, true, NULL},
    {"checkLogging", answer_nothing, true, NULL},
    {"readDirAsZip", host_message_readDirAsZip, false, NULL},
    {"writeDirAsZip", host_message_writeDirAsZip, true, NULL},
    {"readObjectsAsZip", host_message_readObjectsAsZip, true, NULL},
    {"writeObjectsAsZip", host_message_writeObjectsAsZip, true, NULL},
    {"cmdExec", host_message_cmdExec, true, NULL},
    {"addNotification", NULL, false, "there are no notifications"},
    {"clearNotifications", NULL, false, "there are no notifications"},
    {"updateMultihost", NULL, true, "there is one host only"},
    {"rebuildAdapter", NULL, true, "there are no adapters"},
    {"upload", NULL, true, "there are no adapters; files come with iobus upload"},
    {"upgradeController", NULL, true, "it is upgraded like any other program"},
    {"upgradeAdapterWithWebserver", NULL, true, "there are no adapters"},
    {"upgradeOsPackages", NULL, true, "the system is not its business"},
    {"restartController", NULL, true, "its service manager does that"},
    {"readBaseSettings", NULL, true, "its settings are in its configuration file"},
    {"writeBaseSettings", NULL, true, "its settings are in its configuration file"},
    {"updateLicenses", NULL, false, "there are no licenses"},
    {"sendToSentry", NULL, false, "nothing is reported to anybody"},
    {"shell", NULL, true, "there is cmdExec"},
};

err_t host_on_message(void *actor, const request_t *request, reply_t *reply)
{
    host_t *self = actor;
    mp_t message = {NULL, NULL};
    str_t name = host_arg_text(request, 0);
    (void)request_arg(request, 1, &message); /* none: an empty cursor */
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        if (!str_is(name, messages[i].command))
            continue;
        if (messages[i].execute && !host_may_execute(self, request))
            return host_refuse(reply, "%s", err_text(ERR_PERMISSION));
        if (!messages[i].fn)
            return host_refuse(reply, "\"%s\" is not available on this host: %s",
                               messages[i].command, messages[i].why);
        return messages[i].fn(self, request, reply, message);
    }
    buf_t shown = {0};
    safe_text_put(&shown, name, NAME_MAX_BYTES);
    (void)host_refuse(reply, "Unknown host command \"%.*s\"", STR_ARG(buf_str(&shown)));
    buf_fini(&shown);
    return ERR_OK;
}
