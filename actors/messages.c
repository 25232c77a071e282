/* SPDX-License-Identifier: MIT */
#include "actors/messages.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/host_name.h"
#include "actors/messages_ctx.h"
#include "actors/messages_presence.h"
#include "bus/actor_names.h"
#include "bus/config.h"
#include "bus/log.h"

#define GATEWAY_SILENT_MS 6000 /* a gateway says something every second */
#define TICK_MS 500
#define TICK_OPEN_MS 50 /* while deadlines run */
#define CLIENT_ID_MAX 160
#define WEBS_BYTES_MAX 8192

/* --- gateways --------------------------------------------------------------------------------- */

static void end_clients(messages_t *self, registry_gateway_t *gateway)
{
    while (gateway->clients)
        messages_end_client(self, gateway->clients);
}

static void end_gateway(messages_t *self, registry_gateway_t *gateway)
{
    end_clients(self, gateway);
    presence_board_drop(self->board, str_of(gateway->peer));
    registry_gateway_remove(self->registry, gateway);
}

static void end_silent_gateways(messages_t *self, int64_t mono_ms)
{
    registry_gateway_t *gateway = registry_gateways(self->registry);
    while (gateway) {
        registry_gateway_t *next = gateway->next;
        if (mono_ms - gateway->heard_ms >= GATEWAY_SILENT_MS) {
            log_warn("MESSAGES-GATEWAY-GONE", "peer=%s", gateway->peer);
            end_gateway(self, gateway);
        }
        gateway = next;
    }
}

/* Every request of a gateway is a sign of life. */
static registry_gateway_t *hear(messages_t *self, const request_t *request)
{
    return registry_gateway_require(self->registry, request->peer, self->env->mono(self->env));
}

/* --- names ------------------------------------------------------------------------------------ */

/* Adapters whose instances no client can be: they are ours, or clients trust them. */
static const char *const reserved[] = {"history", "system", "socketio", "ws",   "web",
                                       "admin",   "demo",   "host",     "iobus"};

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* "mydevice.0": one dot, digits behind it. */
static bool is_instance_name(str_t name)
{
    size_t at = 0;
    if (name.len > MESSAGES_NAME_MAX)
        return false;
    while (at < name.len && is_name_char(name.p[at]))
        at++;
    if (at == 0 || at + 1 >= name.len || name.p[at] != '.')
        return false;
    for (at++; at < name.len; at++) {
        if (name.p[at] < '0' || name.p[at] > '9')
            return false;
    }
    return true;
}

static bool is_reserved(const messages_t *self, str_t name)
{
    size_t len = 0;
    while (len < name.len && name.p[len] != '.')
        len++;
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (str_is((str_t){name.p, len}, reserved[i]))
            return true;
    }
    return messages_is_builtin(name) || registry_is_web(self->registry, name);
}

/* --- being an instance ------------------------------------------------------------------------ */

static bool is_same_token(const registry_instance_t *instance, str_t token)
{
    size_t len = strlen(instance->token);
    unsigned char difference = 0;
    if (len == 0 || len != token.len)
        return false;
    for (size_t i = 0; i < len; i++)
        difference |= (unsigned char)(instance->token[i] ^ token.p[i]);
    return difference == 0;
}

static void emit_lost(messages_t *self, const registry_instance_t *instance, const char *reason)
{
    buf_t args = {0};
    mp_put_array(&args, 2);
    mp_put_cstr(&args, instance->name);
    mp_put_cstr(&args, reason);
    messages_emit(self, instance->client, "instanceLost", mp_of_buf(&args));
    buf_fini(&args);
}

/* NULL: another client is it. Whoever proves to be the same program takes over. */
static registry_instance_t *become(messages_t *self, registry_gateway_t *gateway, str_t id,
                                   str_t name, str_t token)
{
    registry_instance_t *instance = registry_instance_find(self->registry, name);
    if (instance && str_is(id, instance->client->id))
        return instance;
    if (instance && !is_same_token(instance, token))
        return NULL;
    if (instance) {
        emit_lost(self, instance, "taken over by a newer connection");
        messages_end_instance(self, instance);
    }
    registry_client_t *client = registry_client_require(self->registry, gateway, id);
    return registry_instance_add(self->registry, client, name, token);
}

static bool has_room(const messages_t *self, str_t id)
{
    const registry_client_t *client = registry_client_find(self->registry, id);
    return registry_instance_count(self->registry) < MESSAGES_INSTANCES_MAX &&
           (!client || client->instance_count < MESSAGES_PER_CLIENT_MAX);
}

/* A client of the gateway that asks: nobody speaks for those of others. */
static bool is_client_id(const request_t *request, str_t id)
{
    str_t peer = request->peer;
    return id.len <= CLIENT_ID_MAX && id.len > peer.len + 1 && id.p[peer.len] == '/' &&
           str_eq(peer, (str_t){id.p, peer.len}) && !memchr(id.p, 0, id.len);
}

static bool is_token(str_t token)
{
    return token.len > 0 && token.len <= REGISTRY_TOKEN_MAX && !memchr(token.p, 0, token.len);
}

static err_t messages_on_register(void *arg, const request_t *request, reply_t *reply)
{
    messages_t *self = arg;
    mp_t args = request->args;
    str_t name, token, id = request->caller.client;
    if (!mp_read_str(&args, &name) || !mp_read_str(&args, &token) || !is_token(token) ||
        !is_client_id(request, id))
        return ERR_BAD_ARGS;
    name = messages_plain_name(name);
    if (!is_instance_name(name))
        return reply_error(reply, "An instance is called like mydevice.0");
    if (is_reserved(self, name))
        return reply_error(reply, "%.*s is a name of the server's own", STR_ARG(name));
    if (!has_room(self, id))
        return reply_error(reply, "Too many instances");
    registry_instance_t *instance = become(self, hear(self, request), id, name, token);
    if (!instance)
        return reply_error(reply, "%.*s is another client already", STR_ARG(name));
    log_info("MESSAGES-INSTANCE", "name=%s client=%s user=%.*s", instance->name,
             instance->client->id, STR_ARG(request->caller.user));
    reply_nil(reply);
    return ERR_OK;
}

static err_t messages_on_unregister(void *arg, const request_t *request, reply_t *reply)
{
    messages_t *self = arg;
    mp_t args = request->args;
    str_t name;
    if (!mp_read_str(&args, &name))
        return ERR_BAD_ARGS;
    registry_instance_t *instance =
        registry_instance_find(self->registry, messages_plain_name(name));
    bool own = instance && str_is(request->caller.client, instance->client->id);
    if (own)
        messages_end_instance(self, instance);
    reply_nil(reply);
    reply_bool(reply, own);
    return ERR_OK;
}

static err_t messages_on_left(void *arg, const request_t *request, reply_t *reply)
{
    messages_t *self = arg;
    mp_t args = request->args;
    str_t id;
    if (!mp_read_str(&args, &id) || !is_client_id(request, id))
        return ERR_BAD_ARGS;
    (void)hear(self, request);
    registry_client_t *client = registry_client_find(self->registry, id);
    if (client)
        messages_end_client(self, client);
    reply_nil(reply);
    return ERR_OK;
}

/* --- what gateways know ----------------------------------------------------------------------- */

/* [[name, token]...]; appends the names that are somebody else's. */
static uint32_t restore_instances(messages_t *self, registry_gateway_t *gateway, str_t id,
                                  mp_t list, buf_t *lost)
{
    uint32_t count = 0, width, refused = 0;
    mp_t row;
    str_t name, token;
    (void)mp_read_array(&list, &count);
    for (uint32_t i = 0; i < count && mp_next(&list, &row); i++) {
        if (!mp_read_array(&row, &width) || width != 2 || !mp_read_str(&row, &name) ||
            !mp_read_str(&row, &token) || !is_token(token) || !is_instance_name(name) ||
            is_reserved(self, name))
            continue;
        if (has_room(self, id) && become(self, gateway, id, name, token))
            continue;
        mp_put_str(lost, name);
        refused++;
    }
    return refused;
}

/* [[instance, type]...] */
static void restore_topics(messages_t *self, registry_gateway_t *gateway, str_t id, mp_t list)
{
    uint32_t count = 0, width;
    mp_t row;
    str_t name, type;
    (void)mp_read_array(&list, &count);
    for (uint32_t i = 0; i < count && mp_next(&list, &row); i++) {
        if (!mp_read_array(&row, &width) || width != 2 || !mp_read_str(&row, &name) ||
            !mp_read_str(&row, &type) || !is_instance_name(name) || type.len > MESSAGES_TYPE_MAX ||
            memchr(type.p, 0, type.len) ||
            registry_topic_count(self->registry) >= MESSAGES_TOPICS_MAX)
            continue;
        registry_client_t *client = registry_client_require(self->registry, gateway, id);
        if (client->topic_count < MESSAGES_TOPICS_PER_CLIENT &&
            !registry_topic_find(client, name, type))
            registry_topic_add(self->registry, client, name, type);
        registry_client_release(self->registry, client);
    }
}

static void mark_named(messages_t *self, mp_t clients)
{
    uint32_t count = 0;
    mp_t row, id_value;
    str_t id;
    (void)mp_read_array(&clients, &count);
    for (uint32_t i = 0; i < count && mp_next(&clients, &row); i++) {
        if (!mp_at(row, 0, &id_value) || !mp_read_str(&id_value, &id))
            continue;
        registry_client_t *client = registry_client_find(self->registry, id);
        if (client)
            client->named = true;
    }
}

static registry_client_t *find_unnamed(const registry_gateway_t *gateway)
{
    registry_client_t *client = gateway->clients;
    while (client && client->named)
        client = client->next;
    return client;
}

/* Whom it does not name any more is gone. The end of one can be that of others. */
static void forget_others(messages_t *self, registry_gateway_t *gateway, mp_t clients)
{
    registry_client_t *client;
    for (client = gateway->clients; client; client = client->next)
        client->named = false;
    mark_named(self, clients);
    while ((client = find_unnamed(gateway)) != NULL)
        messages_end_client(self, client);
}

static err_t messages_on_hello(void *arg, const request_t *request, reply_t *reply)
{
    messages_t *self = arg;
    mp_t webs, clients, row, part;
    uint32_t count = 0, lost_count = 0;
    str_t id;
    buf_t lost = {0};
    if (!request_arg(request, 0, &webs) || mp_type(webs) != MP_ARRAY ||
        (size_t)(webs.end - webs.p) > WEBS_BYTES_MAX || !request_arg(request, 1, &clients) ||
        mp_type(clients) != MP_ARRAY)
        return ERR_BAD_ARGS;
    registry_gateway_t *gateway = hear(self, request);
    buf_reset(&gateway->webs);
    mp_put_raw(&gateway->webs, webs);
    gateway->greeted = true;
    forget_others(self, gateway, clients);
    (void)mp_read_array(&clients, &count);
    for (uint32_t i = 0; i < count && mp_next(&clients, &row); i++) {
        if (!mp_at(row, 0, &part) || !mp_read_str(&part, &id) || !is_client_id(request, id))
            continue;
        if (mp_at(row, 1, &part))
            lost_count += restore_instances(self, gateway, id, part, &lost);
        if (mp_at(row, 2, &part))
            restore_topics(self, gateway, id, part);
    }
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_array(out, lost_count);
    mp_put_raw(out, mp_of_buf(&lost));
    buf_fini(&lost);
    return ERR_OK;
}

static err_t messages_on_here(void *arg, const request_t *request, reply_t *reply)
{
    reply_nil(reply);
    reply_bool(reply, hear(arg, request)->greeted);
    return ERR_OK;
}

static err_t messages_on_bye(void *arg, const request_t *request, reply_t *reply)
{
    messages_t *self = arg;
    registry_gateway_t *gateway = registry_gateway_find(self->registry, request->peer);
    if (gateway)
        end_gateway(self, gateway);
    else
        presence_board_drop(self->board, request->peer);
    reply_nil(reply);
    return ERR_OK;
}

static err_t messages_on_presence(void *arg, const request_t *request, reply_t *reply)
{
    messages_t *self = arg;
    mp_t rows, again;
    bool repeat = false;
    if (!request_arg(request, 0, &rows))
        return ERR_BAD_ARGS;
    (void)hear(self, request);
    err_t err = presence_board_set(self->board, request->peer, rows);
    if (err != ERR_OK)
        return err;
    if (request_arg(request, 1, &again) && mp_read_bool(&again, &repeat) && repeat)
        presence_board_repeat(self->board);
    reply_nil(reply);
    return ERR_OK;
}

/* --- life ------------------------------------------------------------------------------------- */

static int64_t messages_tick(void *arg, int64_t mono_ms)
{
    messages_t *self = arg;
    messages_expire(self, mono_ms);
    end_silent_gateways(self, mono_ms);
    presence_board_tick(self->board, mono_ms);
    return self->open_count > 0 ? TICK_OPEN_MS : TICK_MS;
}

static void messages_reload(void *arg, const config_t *config)
{
    messages_t *self = arg;
    self->timeout_ms = config_int(config, "message-timeout");
}

static void messages_close(void **self_p)
{
    messages_t *self = *self_p;
    size_t at = 0;
    if (!self)
        return;
    /* Who waits has been answered by the dispatcher. */
    for (registry_instance_t *instance = registry_instance_next(self->registry, &at); instance;
         instance = registry_instance_next(self->registry, &at)) {
        while (instance->first_open)
            open_message_remove(instance, instance->first_open);
    }
    messages_free_asks(self);
    registry_destroy(&self->registry);
    presence_board_destroy(&self->board);
    free(self->host);
    free(self);
    *self_p = NULL;
}

static err_t messages_open(env_t *env, const config_t *config, void **self_p, buf_t *why)
{
    messages_t *self = calloc(1, sizeof *self);
    uint64_t seed;
    (void)why;
    assert(self);
    env->random(env, &seed, sizeof seed);
    self->env = env;
    self->opened_ms = env->mono(env);
    self->registry = registry_new(seed);
    self->board = presence_board_new(env, config_text(config, "compatible-version")[0] == '3');
    self->host_actor = actor_name_find(STR_LIT("host"));
    self->host = host_name(config);
    messages_reload(self, config);
    *self_p = self;
    return ERR_OK;
}

static const command_t commands[] = {
    /* name                 handler                         min args  flags */
    {"sendTo", messages_on_send_to, 1, CMD_EFFECT},
    {"messages.post", messages_on_post, 1, CMD_EFFECT},
    {"sendToHost", messages_on_send_to_host, 0, CMD_EFFECT | CMD_SECRET},
    {"messages.postToHost", messages_on_post_to_host, 0, CMD_EFFECT | CMD_SECRET},
    {"clientSubscribe", messages_on_client_subscribe, 0, CMD_EFFECT},
    {"clientUnsubscribe", messages_on_client_unsubscribe, 0, CMD_EFFECT},
    {"iobusReply", messages_on_reply, 1, CMD_EFFECT},
    {"messages.register", messages_on_register, 2, CMD_EFFECT | CMD_SECRET},
    {"messages.unregister", messages_on_unregister, 1, CMD_EFFECT},
    {"messages.left", messages_on_left, 1, CMD_EFFECT},
    {"messages.hello", messages_on_hello, 2, CMD_EFFECT | CMD_SECRET},
    {"messages.here", messages_on_here, 0, CMD_EFFECT},
    {"messages.bye", messages_on_bye, 0, CMD_EFFECT},
    {"messages.presence", messages_on_presence, 1, CMD_EFFECT},
    {NULL, NULL, 0, 0},
};

const actor_t messages_actor = {
    .name = "messages",
    .commands = commands,
    .open = messages_open,
    .close = messages_close,
    .tick = messages_tick,
    .reload = messages_reload,
};
