/* SPDX-License-Identifier: MIT */
/* What goes to instances, and what comes back. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/loose.h"
#include "actors/messages_ctx.h"

#define PREFIX "system.adapter."
#define HOST_PREFIX "system.host."

static const char nobody[] = "This instance does not run here";

/* Instances that are actors of ours. */
static const struct {
    const char *instance;
    const char *actor;
    const char *command; /* [command, message] -> [result] */
} builtins[] = {{"history.0", "history", "history.message"}};
#define BUILTIN_COUNT (sizeof builtins / sizeof builtins[0])

static str_t without(str_t text, const char *prefix)
{
    size_t len = strlen(prefix);
    return str_starts(text, prefix) ? (str_t){text.p + len, text.len - len} : text;
}

str_t messages_plain_name(str_t name)
{
    return without(name, PREFIX);
}

bool messages_is_builtin(str_t name)
{
    for (size_t i = 0; i < BUILTIN_COUNT; i++) {
        if (str_is(name, builtins[i].instance))
            return true;
    }
    return false;
}

static mp_t arg_of(const request_t *request, uint32_t index)
{
    mp_t value;
    return request_arg(request, index, &value) ? value : (mp_t){NULL, NULL};
}

static void put_or_nil(buf_t *out, mp_t value)
{
    if (mp_type(value) == MP_NONE)
        mp_put_nil(out);
    else
        mp_put_raw(out, value);
}

static void put_full_name(buf_t *out, str_t name)
{
    buf_t text = {0};
    buf_append_cstr(&text, PREFIX);
    buf_append_str(&text, name);
    mp_put_str(out, buf_str(&text));
    buf_fini(&text);
}

/* --- events for clients ----------------------------------------------------------------------- */

void messages_emit(messages_t *self, const registry_client_t *client, const char *event, mp_t args)
{
    buf_t body = {0};
    uint32_t count = 0;
    (void)mp_read_array(&args, &count);
    mp_put_array(&body, count + 2);
    mp_put_cstr(&body, client->id);
    mp_put_cstr(&body, event);
    mp_put_raw(&body, args);
    if (!body.failed)
        self->env->publish(self->env, "clientEvent", NULL, (mp_t){NULL, NULL}, mp_of_buf(&body));
    buf_fini(&body);
}

/* A message on its way to an instance. */
typedef struct {
    str_t from; /* "socketio.0" */
    str_t user; /* "": the system */
    mp_t command;
    mp_t message;
    uint64_t id; /* by which it is answered; 0: nobody waits */
} letter_t;

static void emit_letter(messages_t *self, const registry_instance_t *to, const letter_t *letter)
{
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_map(&args, letter->id ? 6 : 5);
    mp_put_cstr(&args, "command");
    put_or_nil(&args, letter->command);
    mp_put_cstr(&args, "message");
    put_or_nil(&args, letter->message);
    mp_put_cstr(&args, "from");
    put_full_name(&args, letter->from);
    mp_put_cstr(&args, "to");
    mp_put_cstr(&args, to->name);
    mp_put_cstr(&args, "user");
    mp_put_str(&args, letter->user);
    if (letter->id) {
        mp_put_cstr(&args, "callback");
        mp_put_map(&args, 3);
        mp_put_cstr(&args, "id");
        mp_put_uint(&args, letter->id);
        mp_put_cstr(&args, "ack");
        mp_put_bool(&args, false);
        mp_put_cstr(&args, "time");
        mp_put_int(&args, self->env->now(self->env));
    }
    messages_emit(self, to->client, "message", mp_of_buf(&args));
    buf_fini(&args);
}

/* Instances speak under their own name, others under that of the listener they came by. */
static str_t from_of(const messages_t *self, const request_t *request)
{
    const registry_client_t *client = registry_client_find(self->registry, request->caller.client);
    return client && client->instances ? str_of(client->instances->name) : request->caller.instance;
}

/* --- messages of our own ---------------------------------------------------------------------- */

/* Of whom a notice comes that no call has caused: a listener of the client's gateway. */
static str_t web_of(const registry_client_t *client)
{
    mp_t list = mp_of_buf(&client->gateway->webs);
    uint32_t count;
    str_t name;
    if (mp_read_array(&list, &count) && count > 0 && mp_read_str(&list, &name))
        return name;
    return STR_LIT("socketio.0");
}

static void emit_notice(messages_t *self, const registry_instance_t *to, str_t from,
                        const char *command, const buf_t *message)
{
    buf_t name = {0};
    mp_put_cstr(&name, command);
    letter_t letter = {
        .from = from, .user = {"", 0}, .command = mp_of_buf(&name), .message = mp_of_buf(message)};
    emit_letter(self, to, &letter);
    buf_fini(&name);
}

/* types: a list. */
static void emit_unsubscribed(messages_t *self, const registry_client_t *client, str_t name,
                              mp_t types, const char *reason)
{
    buf_t message = {0};
    const registry_instance_t *instance = registry_instance_find(self->registry, name);
    if (!instance)
        return;
    mp_put_map(&message, 3);
    mp_put_cstr(&message, "type");
    mp_put_raw(&message, types);
    mp_put_cstr(&message, "sid");
    mp_put_cstr(&message, client->id);
    mp_put_cstr(&message, "reason");
    mp_put_cstr(&message, reason);
    emit_notice(self, instance, web_of(client), "clientUnsubscribe", &message);
    buf_fini(&message);
}

/* Ends what the client has subscribed at the instance; appends the list of its types. False: there
 * was nothing. */
static bool take_topics(messages_t *self, registry_client_t *client, str_t name, buf_t *types)
{
    size_t mark = mp_begin_array(types);
    uint32_t count = 0;
    for (registry_topic_t *topic = client->topics, *next; topic; topic = next) {
        next = topic->next;
        if (!str_is(name, topic->instance))
            continue;
        mp_put_cstr(types, topic->type);
        count++;
        registry_topic_remove(self->registry, client, topic);
    }
    mp_end(types, mark, count);
    return count > 0;
}

/* --- the end of instances and clients --------------------------------------------------------- */

static void finish(messages_t *self, registry_instance_t *instance, open_message_t *message,
                   err_t status, const reply_t *reply)
{
    uint64_t ticket = message->ticket;
    open_message_remove(instance, message);
    self->open_count--;
    self->env->answer(self->env, ticket, status, reply);
}

static void drop_refused_topic(messages_t *self, const registry_instance_t *instance,
                               const open_message_t *message)
{
    registry_client_t *client =
        message->is_new ? registry_client_find(self->registry, str_of(message->sender)) : NULL;
    registry_topic_t *topic =
        client ? registry_topic_find(client, str_of(instance->name), str_of(message->topic)) : NULL;
    if (!topic)
        return;
    registry_topic_remove(self->registry, client, topic);
    registry_client_release(self->registry, client);
}

/* text: behind the name of the instance. */
static void fail(messages_t *self, registry_instance_t *instance, open_message_t *message,
                 const char *text)
{
    reply_t reply;
    reply_init(&reply);
    err_t err = reply_error(&reply, "%s %s", instance->name, text);
    drop_refused_topic(self, instance, message);
    finish(self, instance, message, err, &reply);
    reply_fini(&reply);
}

static void tell_listener(messages_t *self, registry_client_t *client, str_t name)
{
    buf_t args = {0}, types = {0};
    if (take_topics(self, client, name, &types)) {
        mp_put_array(&args, 2);
        put_full_name(&args, name);
        mp_put_raw(&args, mp_of_buf(&types));
        messages_emit(self, client, "instanceGone", mp_of_buf(&args));
        registry_client_release(self->registry, client);
    }
    buf_fini(&args);
    buf_fini(&types);
}

static void tell_listeners(messages_t *self, str_t name)
{
    for (registry_gateway_t *gateway = registry_gateways(self->registry); gateway;
         gateway = gateway->next) {
        for (registry_client_t *client = gateway->clients, *next; client; client = next) {
            next = client->next;
            tell_listener(self, client, name);
        }
    }
}

static void end_instance(messages_t *self, registry_instance_t *instance)
{
    while (instance->first_open)
        fail(self, instance, instance->first_open, "has gone before it answered");
    tell_listeners(self, str_of(instance->name));
    registry_instance_remove(self->registry, instance);
}

void messages_end_instance(messages_t *self, registry_instance_t *instance)
{
    registry_client_t *client = instance->client;
    end_instance(self, instance);
    registry_client_release(self->registry, client);
}

void messages_end_client(messages_t *self, registry_client_t *client)
{
    while (client->topics) {
        buf_t name = {0}, types = {0};
        buf_append_cstr(&name, client->topics->instance);
        (void)take_topics(self, client, buf_str(&name), &types);
        emit_unsubscribed(self, client, buf_str(&name), mp_of_buf(&types), "disconnect");
        buf_fini(&name);
        buf_fini(&types);
    }
    while (client->instances)
        end_instance(self, client->instances);
    registry_client_release(self->registry, client);
}

void messages_expire(messages_t *self, int64_t mono_ms)
{
    size_t at = 0;
    if (self->open_count == 0)
        return;
    /* Deadlines may differ within a list: the setting can be changed. */
    for (registry_instance_t *instance = registry_instance_next(self->registry, &at); instance;
         instance = registry_instance_next(self->registry, &at)) {
        for (open_message_t *message = instance->first_open, *next; message; message = next) {
            next = message->next;
            if (mono_ms >= message->deadline_ms)
                fail(self, instance, message, "has not answered in time");
        }
    }
}

/* --- delivery --------------------------------------------------------------------------------- */

static err_t check_room(const messages_t *self, const registry_instance_t *instance,
                        const request_t *request, reply_t *reply)
{
    if (self->open_count >= MESSAGES_OPEN_MAX)
        return ERR_BUSY;
    if (instance->open_count >= MESSAGES_PER_INSTANCE ||
        (instance->open_count >= MESSAGES_PER_SENDER &&
         open_message_of(instance, request->caller.client) >= MESSAGES_PER_SENDER))
        return reply_error(reply, "Too many messages wait for %s", instance->name);
    return ERR_OK;
}

/* The letter goes out, and the caller waits for its answer. topic: see open_message_t. */
static err_t deliver(messages_t *self, registry_instance_t *instance, const request_t *request,
                     reply_t *reply, letter_t *letter, const str_t *topic, bool is_new)
{
    err_t err = check_room(self, instance, request, reply);
    if (err != ERR_OK)
        return err;
    uint64_t ticket = self->env->defer(self->env, request);
    if (ticket == 0)
        return ERR_BUSY;
    letter->id = ++self->last_id;
    open_message_t *open = open_message_add(instance, letter->id, ticket,
                                            self->env->mono(self->env) + self->timeout_ms,
                                            request->caller.client, topic);
    open->is_new = is_new;
    self->open_count++;
    emit_letter(self, instance, letter);
    return ERR_PENDING;
}

/* --- actors of ours --------------------------------------------------------------------------- */

typedef struct messages_ask {
    struct messages_ask *prev, *next;
    messages_t *messages;
    uint64_t ticket;
} messages_ask_t;

static void unlink_ask(messages_ask_t *ask)
{
    if (ask->prev)
        ask->prev->next = ask->next;
    else
        ask->messages->asks = ask->next;
    if (ask->next)
        ask->next->prev = ask->prev;
}

void messages_free_asks(messages_t *self)
{
    while (self->asks) {
        messages_ask_t *ask = self->asks;
        unlink_ask(ask);
        free(ask);
    }
}

/* The answer is passed on as it is. */
static void answered(void *arg, err_t status, mp_t body)
{
    messages_ask_t *ask = arg;
    env_t *env = ask->messages->env;
    reply_t reply;
    uint32_t count = 0;
    mp_t value;
    reply_init(&reply);
    (void)mp_read_array(&body, &count);
    for (uint32_t i = 0; i < count && mp_next(&body, &value); i++)
        reply_raw(&reply, value);
    env->answer(env, ask->ticket, status, &reply);
    reply_fini(&reply);
    unlink_ask(ask);
    free(ask);
}

static err_t pass_on(messages_t *self, const request_t *request, bool waits, const char *actor,
                     const char *command, const buf_t *args)
{
    env_t *env = self->env;
    int64_t left = request->deadline_ms - env->mono(env);
    if (!waits) {
        env->ask(env, actor, command, &request->caller, mp_of_buf(args), left, NULL, NULL);
        return ERR_OK;
    }
    uint64_t ticket = env->defer(env, request);
    if (ticket == 0)
        return ERR_BUSY;
    messages_ask_t *ask = calloc(1, sizeof *ask);
    assert(ask);
    *ask = (messages_ask_t){.next = self->asks, .messages = self, .ticket = ticket};
    if (ask->next)
        ask->next->prev = ask;
    self->asks = ask;
    env->ask(env, actor, command, &request->caller, mp_of_buf(args), left, answered, ask);
    return ERR_PENDING;
}

/* [command, message] */
static void put_letter(buf_t *out, const request_t *request)
{
    mp_put_array(out, 2);
    put_or_nil(out, arg_of(request, 1));
    put_or_nil(out, arg_of(request, 2));
}

static err_t send_to_builtin(messages_t *self, const request_t *request, bool waits, size_t index)
{
    buf_t args = {0};
    put_letter(&args, request);
    err_t err =
        pass_on(self, request, waits, builtins[index].actor, builtins[index].command, &args);
    buf_fini(&args);
    return err;
}

/* --- sendTo ----------------------------------------------------------------------------------- */

static err_t reply_to(messages_t *self, const request_t *request, mp_t id_value, mp_t result,
                      reply_t *reply);

static letter_t letter_of(const messages_t *self, const request_t *request)
{
    return (letter_t){.from = from_of(self, request),
                      .user = request->caller.user,
                      .command = arg_of(request, 1),
                      .message = arg_of(request, 2)};
}

static bool is_of(str_t adapter, const char *instance)
{
    size_t len = strlen(instance);
    return len > adapter.len && instance[adapter.len] == '.' &&
           str_eq(adapter, (str_t){instance, adapter.len});
}

/* Without a number: to all instances of the adapter. */
static err_t send_to_all(messages_t *self, const request_t *request, reply_t *reply, str_t adapter)
{
    letter_t letter = letter_of(self, request);
    size_t at = 0;
    uint32_t sent = 0;
    buf_t text = {0};
    for (size_t i = 0; i < BUILTIN_COUNT; i++) {
        if (is_of(adapter, builtins[i].instance) &&
            send_to_builtin(self, request, false, i) == ERR_OK)
            sent++;
    }
    for (registry_instance_t *instance = registry_instance_next(self->registry, &at); instance;
         instance = registry_instance_next(self->registry, &at)) {
        if (!is_of(adapter, instance->name))
            continue;
        emit_letter(self, instance, &letter);
        sent++;
    }
    if (sent == 0)
        return reply_error(reply, nobody);
    buf_printf(&text, "Sent to all instances of %.*s; nobody answers such a message",
               STR_ARG(adapter));
    buf_t *out = reply_value(reply);
    mp_put_map(out, 2);
    mp_put_cstr(out, "error");
    mp_put_str(out, buf_str(&text));
    mp_put_cstr(out, "sent");
    mp_put_uint(out, sent);
    buf_fini(&text);
    return ERR_OK;
}

static void emit_unheard(messages_t *self, const registry_instance_t *instance, str_t from,
                         str_t type, str_t sid)
{
    buf_t message = {0};
    mp_put_map(&message, 3);
    mp_put_cstr(&message, "type");
    mp_put_str(&message, type);
    mp_put_cstr(&message, "sid");
    mp_put_str(&message, sid);
    mp_put_cstr(&message, "reason");
    mp_put_cstr(&message, "no one subscribed");
    emit_notice(self, instance, from, "clientSubscribeError", &message);
    buf_fini(&message);
}

/* The instance of the sender at which the client has subscribed; only: the one of that name. */
static const registry_instance_t *listened_to(const registry_client_t *sender,
                                              const registry_client_t *client, str_t type,
                                              str_t only)
{
    for (const registry_instance_t *instance = sender->instances; instance && client;
         instance = instance->next) {
        if ((only.len == 0 || str_is(only, instance->name)) &&
            registry_topic_find(client, str_of(instance->name), type))
            return instance;
    }
    return NULL;
}

static void emit_im(messages_t *self, const registry_client_t *client, const char *from, str_t type,
                    mp_t data)
{
    buf_t args = {0};
    mp_put_array(&args, 3);
    mp_put_str(&args, type);
    put_full_name(&args, str_of(from));
    put_or_nil(&args, data);
    messages_emit(self, client, "im", mp_of_buf(&args));
    buf_fini(&args);
}

/* After a start gateways tell what they know one after the other: until the client's has, nobody
 * can say that the client does not listen. */
static bool may_be_unknown(const messages_t *self, str_t sid)
{
    size_t len = sid.len;
    while (len > 0 && sid.p[len - 1] != '/')
        len--;
    const registry_gateway_t *gateway =
        len > 0 ? registry_gateway_find(self->registry, (str_t){sid.p, len - 1}) : NULL;
    return !(gateway && gateway->greeted) &&
           self->env->mono(self->env) < self->opened_ms + MESSAGES_RESTORE_MS;
}

/* im {m: type, s: sid, d: data, f: one of the sender's instances} */
static err_t send_to_client(messages_t *self, const request_t *request, reply_t *reply, str_t web)
{
    mp_t message = arg_of(request, 2);
    str_t type, sid, only = {"", 0};
    const registry_client_t *sender = registry_client_find(self->registry, request->caller.client);
    if (!sender || !sender->instances)
        return reply_error(reply, "Only an instance can send to clients");
    if (!mp_find_str(message, "m", &type) || !mp_find_str(message, "s", &sid))
        return ERR_BAD_ARGS;
    (void)mp_find_str(message, "f", &only);
    const registry_client_t *client = registry_client_find(self->registry, sid);
    const registry_instance_t *instance =
        listened_to(sender, client, type, messages_plain_name(only));
    if (instance)
        emit_im(self, client, instance->name, type, loose_get(message, "d"));
    else if (!may_be_unknown(self, sid))
        emit_unheard(self, sender->instances, web, type, sid);
    reply_bool(reply, instance != NULL);
    return ERR_OK;
}

/* Commands to the web server itself. */
static err_t send_to_web(messages_t *self, const request_t *request, reply_t *reply, str_t web)
{
    mp_t command = arg_of(request, 1);
    str_t name = {"", 0};
    if (mp_read_str(&command, &name) && str_is(name, "im"))
        return send_to_client(self, request, reply, web);
    return reply_error(reply, "This instance takes no messages");
}

static bool has_number(str_t name)
{
    size_t at = name.len;
    while (at > 0 && name.p[at - 1] >= '0' && name.p[at - 1] <= '9')
        at--;
    return at < name.len && at > 1 && name.p[at - 1] == '.';
}

static err_t send_to(messages_t *self, const request_t *request, reply_t *reply, bool waits)
{
    mp_t value = arg_of(request, 0), id;
    str_t name;
    /* sendTo(obj.from, obj.command, result, obj.callback), as adapters answer. */
    if (mp_find(arg_of(request, 3), "id", &id))
        return reply_to(self, request, id, arg_of(request, 2), reply);
    if (!mp_read_str(&value, &name))
        return reply_error(reply, "The name of an instance is missing");
    name = messages_plain_name(name);
    for (size_t i = 0; i < BUILTIN_COUNT; i++) {
        if (str_is(name, builtins[i].instance))
            return send_to_builtin(self, request, waits, i);
    }
    registry_instance_t *instance = registry_instance_find(self->registry, name);
    if (!instance && registry_is_web(self->registry, name))
        return send_to_web(self, request, reply, name);
    if (!instance)
        return name.len > 0 && name.len <= MESSAGES_NAME_MAX && !has_number(name)
                   ? send_to_all(self, request, reply, name)
                   : reply_error(reply, nobody);
    letter_t letter = letter_of(self, request);
    if (waits)
        return deliver(self, instance, request, reply, &letter, NULL, false);
    emit_letter(self, instance, &letter);
    return ERR_OK;
}

err_t messages_on_send_to(void *arg, const request_t *request, reply_t *reply)
{
    return send_to(arg, request, reply, request->wants_reply);
}

/* The client gave no call-back; the gateway is answered at once. */
err_t messages_on_post(void *arg, const request_t *request, reply_t *reply)
{
    return send_to(arg, request, reply, false);
}

/* --- sendToHost ------------------------------------------------------------------------------- */

/* Nothing means all hosts, of which there is one. */
static bool is_this_host(const messages_t *self, mp_t value)
{
    str_t name;
    if (mp_type(value) == MP_NONE || mp_type(value) == MP_NIL)
        return true;
    return mp_read_str(&value, &name) &&
           (name.len == 0 || str_is(without(name, HOST_PREFIX), self->host));
}

static err_t send_to_host(messages_t *self, const request_t *request, reply_t *reply, bool waits)
{
    buf_t args = {0};
    if (!self->host_actor || !is_this_host(self, arg_of(request, 0)))
        return reply_error(reply, "This host does not run here");
    put_letter(&args, request);
    err_t err = pass_on(self, request, waits, self->host_actor, "host.message", &args);
    buf_fini(&args);
    return err;
}

err_t messages_on_send_to_host(void *arg, const request_t *request, reply_t *reply)
{
    return send_to_host(arg, request, reply, request->wants_reply);
}

err_t messages_on_post_to_host(void *arg, const request_t *request, reply_t *reply)
{
    return send_to_host(arg, request, reply, false);
}

/* --- answers ---------------------------------------------------------------------------------- */

static bool is_refusal(mp_t result)
{
    bool accepted;
    return loose_true(loose_get(result, "error")) ||
           (mp_find_bool(result, "accepted", &accepted) && !accepted);
}

static void pass_result(messages_t *self, registry_instance_t *instance, open_message_t *message,
                        mp_t result)
{
    reply_t reply;
    reply_init(&reply);
    if (message->topic)
        reply_nil(&reply); /* the call-back of clientSubscribe has an error argument */
    put_or_nil(reply_value(&reply), result);
    if (message->topic && is_refusal(result))
        drop_refused_topic(self, instance, message);
    finish(self, instance, message, ERR_OK, &reply);
    reply_fini(&reply);
}

/* [nil, whether somebody still waited] */
static err_t reply_to(messages_t *self, const request_t *request, mp_t id_value, mp_t result,
                      reply_t *reply)
{
    const registry_client_t *client = registry_client_find(self->registry, request->caller.client);
    open_message_t *message = NULL;
    uint64_t id;
    if (!mp_read_uint(&id_value, &id))
        return ERR_BAD_ARGS;
    for (registry_instance_t *instance = client ? client->instances : NULL; instance && !message;
         instance = instance->next) {
        message = open_message_find(instance, id);
        if (message)
            pass_result(self, instance, message, result);
    }
    reply_nil(reply);
    reply_bool(reply, message != NULL);
    return ERR_OK;
}

err_t messages_on_reply(void *arg, const request_t *request, reply_t *reply)
{
    return reply_to(arg, request, arg_of(request, 0), arg_of(request, 1), reply);
}

/* --- clientSubscribe -------------------------------------------------------------------------- */

static bool read_topic(const request_t *request, str_t *instance, str_t *type)
{
    mp_t name_value = arg_of(request, 0), type_value = arg_of(request, 1);
    if (!mp_read_str(&name_value, instance) || !mp_read_str(&type_value, type))
        return false;
    *instance = messages_plain_name(*instance);
    return type->len <= MESSAGES_TYPE_MAX && !memchr(type->p, 0, type->len);
}

/* {type, sid, data} */
static void put_subscription(buf_t *out, const request_t *request, str_t type)
{
    mp_t data = arg_of(request, 2);
    bool has_data = mp_type(data) != MP_NONE && mp_type(data) != MP_NIL;
    mp_put_map(out, has_data ? 3 : 2);
    mp_put_cstr(out, "type");
    mp_put_str(out, type);
    mp_put_cstr(out, "sid");
    mp_put_str(out, request->caller.client);
    if (has_data) {
        mp_put_cstr(out, "data");
        mp_put_raw(out, data);
    }
}

static err_t ask_to_subscribe(messages_t *self, registry_instance_t *instance,
                              const request_t *request, reply_t *reply, str_t type, bool is_new)
{
    buf_t command = {0}, message = {0};
    mp_put_cstr(&command, "clientSubscribe");
    put_subscription(&message, request, type);
    letter_t letter = {.from = request->caller.instance,
                       .user = request->caller.user,
                       .command = mp_of_buf(&command),
                       .message = mp_of_buf(&message)};
    err_t err = deliver(self, instance, request, reply, &letter, &type, is_new);
    buf_fini(&command);
    buf_fini(&message);
    return err;
}

/* The peer of a client's id; clients cannot speak for those of other gateways. */
static bool is_at(const request_t *request)
{
    str_t client = request->caller.client, peer = request->peer;
    return client.len > peer.len + 1 && client.p[peer.len] == '/' &&
           str_eq(peer, (str_t){client.p, peer.len});
}

err_t messages_on_client_subscribe(void *arg, const request_t *request, reply_t *reply)
{
    messages_t *self = arg;
    str_t name, type;
    if (!read_topic(request, &name, &type) || !is_at(request))
        return ERR_BAD_ARGS;
    if (messages_is_builtin(name) || registry_is_web(self->registry, name))
        return reply_error(reply, "Nobody can subscribe at this instance");
    registry_instance_t *instance = registry_instance_find(self->registry, name);
    if (!instance)
        return reply_error(reply, nobody);
    registry_gateway_t *gateway =
        registry_gateway_require(self->registry, request->peer, self->env->mono(self->env));
    registry_client_t *client =
        registry_client_require(self->registry, gateway, request->caller.client);
    bool is_new = !registry_topic_find(client, name, type);
    err_t err = ERR_OK;
    if (is_new && (client->topic_count >= MESSAGES_TOPICS_PER_CLIENT ||
                   registry_topic_count(self->registry) >= MESSAGES_TOPICS_MAX))
        err = reply_error(reply, "Too many subscriptions");
    /* It counts from now on: the instance may send before it has answered. */
    if (err == ERR_OK && is_new)
        registry_topic_add(self->registry, client, name, type);
    if (err == ERR_OK)
        err = ask_to_subscribe(self, instance, request, reply, type, is_new);
    if (err != ERR_PENDING) {
        registry_topic_t *topic = is_new ? registry_topic_find(client, name, type) : NULL;
        if (topic)
            registry_topic_remove(self->registry, client, topic);
        registry_client_release(self->registry, client);
    }
    return err;
}

/* [nil, whether it was subscribed] */
err_t messages_on_client_unsubscribe(void *arg, const request_t *request, reply_t *reply)
{
    messages_t *self = arg;
    str_t name, type;
    if (!read_topic(request, &name, &type))
        return ERR_BAD_ARGS;
    registry_client_t *client = registry_client_find(self->registry, request->caller.client);
    registry_topic_t *topic = client ? registry_topic_find(client, name, type) : NULL;
    if (topic) {
        buf_t types = {0};
        mp_put_array(&types, 1);
        mp_put_str(&types, type);
        registry_topic_remove(self->registry, client, topic);
        emit_unsubscribed(self, client, name, mp_of_buf(&types), "client");
        registry_client_release(self->registry, client);
        buf_fini(&types);
    }
    reply_nil(reply);
    reply_bool(reply, topic != NULL);
    return ERR_OK;
}
