/* SPDX-License-Identifier: MIT */
#include "gateway/messenger.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "bus/acl.h"
#include "gateway/map.h"
#include "gateway/session.h"

#define ACTOR "messages"
#define TTL_MS 5000
#define PREFIX "system.adapter."
#define TOKEN_BYTES 16 /* random, in hexadecimal digits */
#define TOKEN_MAX 64
#define NAME_MAX_BYTES 128  /* of an instance */
#define TYPE_MAX_BYTES 1024 /* of what is subscribed there */

/* An instance that the client is. */
typedef struct name {
    struct name *next;
    bool pending; /* the actor has not agreed yet */
    char token[TOKEN_MAX + 1];
    char text[];
} name_t;

/* What the client has subscribed at an instance. */
typedef struct topic {
    struct topic *next;
    char *instance;
    char *type;
} topic_t;

/* A client that the messages actor knows. */
typedef struct {
    session_t *session;
    name_t *names;
    topic_t *topics;
} link_t;

struct messenger {
    core_t *core;
    listener_t *const *listeners;
    map_t *links; /* by session_client */
    bool stopped;
};

/* --- texts --------------------------------------------------------------------------------------
 */

static str_t plain(str_t name)
{
    size_t len = sizeof PREFIX - 1;
    return str_starts(name, PREFIX) ? (str_t){name.p + len, name.len - len} : name;
}

static char *copy(str_t text)
{
    char *result = str_dup(text);
    assert(result);
    return result;
}

static bool is_text(str_t text, size_t max)
{
    return text.len > 0 && text.len <= max && !memchr(text.p, 0, text.len);
}

static str_t text_arg(const invocation_t *invocation, uint32_t index)
{
    mp_t value = command_arg(invocation, index);
    str_t text = {"", 0};
    (void)mp_read_str(&value, &text);
    return text;
}

/* --- links --------------------------------------------------------------------------------------
 */

static link_t *find_link(const messenger_t *self, const session_t *session)
{
    return map_get(self->links, str_of(session_client(session)));
}

/* A client that comes back to its session would not know that all this has ended. */
static link_t *require_link(messenger_t *self, session_t *session)
{
    link_t *link = find_link(self, session);
    if (link)
        return link;
    link = calloc(1, sizeof *link);
    assert(link);
    link->session = session;
    map_put(self->links, str_of(session_client(session)), link);
    session_forbid_return(session);
    return link;
}

static name_t *find_name(const link_t *link, str_t text)
{
    name_t *name = link ? link->names : NULL;
    while (name && !str_is(text, name->text))
        name = name->next;
    return name;
}

static void add_name(link_t *link, str_t text, const char *token)
{
    name_t *name = calloc(1, sizeof *name + text.len + 1);
    assert(name && strlen(token) <= TOKEN_MAX);
    memcpy(name->text, text.p, text.len);
    strcpy(name->token, token);
    name->pending = true;
    name->next = link->names;
    link->names = name;
}

static void remove_name(link_t *link, str_t text)
{
    for (name_t **at = link ? &link->names : NULL; at && *at; at = &(*at)->next) {
        name_t *name = *at;
        if (!str_is(text, name->text))
            continue;
        *at = name->next;
        free(name);
        return;
    }
}

static topic_t *find_topic(const link_t *link, str_t instance, str_t type)
{
    topic_t *topic = link ? link->topics : NULL;
    while (topic && !(str_is(instance, topic->instance) && str_is(type, topic->type)))
        topic = topic->next;
    return topic;
}

static void add_topic(link_t *link, str_t instance, str_t type)
{
    topic_t *topic = calloc(1, sizeof *topic);
    assert(topic);
    *topic = (topic_t){.next = link->topics, .instance = copy(instance), .type = copy(type)};
    link->topics = topic;
}

/* type: NULL for all of that instance; instance: NULL for all. */
static void remove_topics(link_t *link, const str_t *instance, const str_t *type)
{
    topic_t **at = link ? &link->topics : NULL;
    while (at && *at) {
        topic_t *topic = *at;
        if ((instance && !str_is(*instance, topic->instance)) ||
            (type && !str_is(*type, topic->type))) {
            at = &topic->next;
            continue;
        }
        *at = topic->next;
        free(topic->instance);
        free(topic->type);
        free(topic);
    }
}

static void clear_link(link_t *link)
{
    while (link->names)
        remove_name(link, str_of(link->names->text));
    remove_topics(link, NULL, NULL);
}

/* --- the actor ----------------------------------------------------------------------------------
 */

static void tell(messenger_t *self, const char *command, mp_t args, requests_done_fn *done)
{
    static const caller_t caller = {{"", 0}, {"", 0}, {"gateway", 7}};
    core_t *core = self->core;
    if (!self->stopped)
        (void)requests_send(core->requests, ACTOR, str_of(command), &caller, args, TTL_MS, 0,
                            core->mono_ms, done, self);
}

static void ignore(void *arg, err_t status, uint64_t seq, mp_t body)
{
    (void)arg;
    (void)status;
    (void)seq;
    (void)body;
}

static void emit_lost(session_t *session, const char *name, const char *reason)
{
    buf_t args = {0};
    mp_put_array(&args, 2);
    mp_put_cstr(&args, name);
    mp_put_cstr(&args, reason);
    session_emit(session, STR_LIT("instanceLost"), mp_of_buf(&args));
    buf_fini(&args);
}

static void lose_name(messenger_t *self, str_t text)
{
    size_t at = 0;
    for (link_t *link = map_next(self->links, &at); link; link = map_next(self->links, &at)) {
        const name_t *name = find_name(link, text);
        if (!name || name->pending)
            continue;
        emit_lost(link->session, name->text, "another client is this instance now");
        remove_name(link, text);
        return;
    }
}

/* [nil, [names that are others']] */
static void greeted(void *arg, err_t status, uint64_t seq, mp_t body)
{
    messenger_t *self = arg;
    mp_t list;
    uint32_t count;
    str_t name;
    (void)seq;
    if (status != ERR_OK || !mp_at(body, 1, &list) || !mp_read_array(&list, &count))
        return; /* messenger_tick sees that we are not known */
    for (uint32_t i = 0; i < count && mp_read_str(&list, &name); i++)
        lose_name(self, name);
}

static void put_link(const link_t *link, buf_t *out)
{
    uint32_t count = 0;
    mp_put_array(out, 3);
    mp_put_cstr(out, session_client(link->session));
    size_t mark = mp_begin_array(out);
    for (const name_t *name = link->names; name; name = name->next, count++) {
        mp_put_array(out, 2);
        mp_put_cstr(out, name->text);
        mp_put_cstr(out, name->token);
    }
    mp_end(out, mark, count);
    count = 0;
    mark = mp_begin_array(out);
    for (const topic_t *topic = link->topics; topic; topic = topic->next, count++) {
        mp_put_array(out, 2);
        mp_put_cstr(out, topic->instance);
        mp_put_cstr(out, topic->type);
    }
    mp_end(out, mark, count);
}

static void greet(messenger_t *self)
{
    buf_t args = {0};
    uint32_t count = 0;
    size_t at = 0;
    mp_put_array(&args, 2);
    size_t mark = mp_begin_array(&args);
    for (; self->listeners[count]; count++)
        mp_put_cstr(&args, self->listeners[count]->instance);
    mp_end(&args, mark, count);
    mp_put_array(&args, (uint32_t)map_len(self->links));
    for (const link_t *link = map_next(self->links, &at); link; link = map_next(self->links, &at))
        put_link(link, &args);
    tell(self, "messages.hello", mp_of_buf(&args), greeted);
    buf_fini(&args);
}

/* [nil, whether the actor knows us] */
static void seen(void *arg, err_t status, uint64_t seq, mp_t body)
{
    messenger_t *self = arg;
    mp_t value;
    bool known = true;
    (void)seq;
    if (status == ERR_OK && mp_at(body, 1, &value) && mp_read_bool(&value, &known) && !known)
        greet(self);
}

void messenger_contact(messenger_t *self)
{
    greet(self);
}

void messenger_tick(messenger_t *self)
{
    static const uint8_t no_args[] = {0x90};
    tell(self, "messages.here", mp_of(no_args, sizeof no_args), seen);
}

void messenger_stop(messenger_t *self)
{
    static const uint8_t no_args[] = {0x90};
    tell(self, "messages.bye", mp_of(no_args, sizeof no_args), ignore);
    self->stopped = true;
}

/* --- life ---------------------------------------------------------------------------------------
 */

messenger_t *messenger_new(core_t *core, listener_t *const *listeners)
{
    messenger_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (messenger_t){.core = core, .listeners = listeners, .links = map_new()};
    return self;
}

void messenger_destroy(messenger_t **self_p)
{
    messenger_t *self = *self_p;
    size_t at = 0;
    if (!self)
        return;
    for (link_t *link = map_next(self->links, &at); link; link = map_next(self->links, &at)) {
        clear_link(link);
        free(link);
    }
    map_destroy(&self->links);
    free(self);
    *self_p = NULL;
}

static void tell_left(messenger_t *self, const session_t *session)
{
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_cstr(&args, session_client(session));
    tell(self, "messages.left", mp_of_buf(&args), ignore);
    buf_fini(&args);
}

void messenger_left(messenger_t *self, const session_t *session)
{
    link_t *link = self && map_len(self->links) > 0 ? find_link(self, session) : NULL;
    if (!link)
        return;
    map_remove(self->links, str_of(session_client(session)));
    tell_left(self, session);
    clear_link(link);
    free(link);
}

/* --- events -------------------------------------------------------------------------------------
 */

static session_t *find_session(const messenger_t *self, str_t client)
{
    const link_t *link = map_get(self->links, client);
    if (link)
        return link->session;
    session_t *session = self->core->sessions;
    while (session && !str_is(client, session_client(session)))
        session = session_next(session);
    return session;
}

/* Of another gateway, most of the time. */
static bool is_ours(const messenger_t *self, str_t client)
{
    const char *peer = requests_peer(self->core->requests);
    size_t len = strlen(peer);
    return str_starts(client, peer) && client.len > len && client.p[len] == '/';
}

static void on_lost(link_t *link, mp_t args)
{
    str_t name;
    if (mp_read_str(&args, &name))
        remove_name(link, name);
}

static void on_gone(link_t *link, mp_t args)
{
    str_t name;
    if (!mp_read_str(&args, &name))
        return;
    name = plain(name);
    remove_topics(link, &name, NULL);
}

static const struct {
    const char *name;
    permission_t permission; /* without it nothing is delivered any more */
    void (*note)(link_t *link, mp_t args);
} events[] = {{"message", PERM_SEND_TO, NULL},
              {"im", PERM_CLIENT_SUBSCRIBE, NULL},
              {"instanceLost", PERM_NONE, on_lost},
              {"instanceGone", PERM_NONE, on_gone}};

/* What the user was allowed to do, and is not any more. */
static void revoke(messenger_t *self, session_t *session)
{
    link_t *link = find_link(self, session);
    if (!link)
        return;
    tell_left(self, session);
    for (const name_t *name = link->names; name; name = name->next)
        emit_lost(session, name->text, err_text(ERR_PERMISSION));
    clear_link(link);
}

/* args: behind name. */
static bool prepare(messenger_t *self, session_t *session, str_t name, mp_t args)
{
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        link_t *link = find_link(self, session);
        if (!str_is(name, events[i].name))
            continue;
        if (grants_check(session_user(session), events[i].permission) == GRANT_NO) {
            revoke(self, session);
            return false;
        }
        if (events[i].note && link)
            events[i].note(link, args);
    }
    return true;
}

void messenger_deliver(messenger_t *self, mp_t args)
{
    uint32_t count;
    str_t client, name;
    buf_t list = {0};
    if (!mp_read_array(&args, &count) || count < 2 || !mp_read_str(&args, &client) ||
        !mp_read_str(&args, &name) || !is_ours(self, client))
        return;
    session_t *session = find_session(self, client);
    if (!session || !prepare(self, session, name, args))
        return;
    mp_put_array(&list, count - 2);
    mp_put_raw(&list, args);
    session_emit(session, name, mp_of_buf(&list));
    buf_fini(&list);
}

/* --- sendTo, sendToHost -------------------------------------------------------------------------
 */

static void pass(const invocation_t *invocation, const char *command)
{
    command_ask(invocation, ACTOR, command, invocation->args);
}

void messenger_on_sendTo(const invocation_t *invocation)
{
    pass(invocation, invocation->has_ack ? "sendTo" : "messages.post");
}

void messenger_on_sendToHost(const invocation_t *invocation)
{
    pass(invocation, invocation->has_ack ? "sendToHost" : "messages.postToHost");
}

/* --- clientSubscribe ----------------------------------------------------------------------------
 */

/* What a call under way is about. */
typedef struct {
    messenger_t *messenger;
    char *name;
    char *type;
    char token[TOKEN_MAX + 1];
    bool is_new;
} step_t;

static void free_step(void *data)
{
    step_t *step = data;
    free(step->name);
    free(step->type);
    free(step);
}

static step_t *new_step(messenger_t *self, str_t name, str_t type)
{
    step_t *step = calloc(1, sizeof *step);
    assert(step);
    *step = (step_t){.messenger = self, .name = copy(name), .type = copy(type)};
    return step;
}

static void keep_step(call_t *call, step_t *step)
{
    if (!call) {
        free_step(step);
        return;
    }
    call->data = step;
    call->free_data = free_step;
}

/* One request after another is a session of its own in REST. */
static messenger_t *messenger_of(const invocation_t *invocation)
{
    messenger_t *self = session_core(invocation->session)->messenger;
    if (self && !session_dialect(invocation->session)->brief)
        return self;
    command_answer_error(invocation, "This needs a connection that stays");
    return NULL;
}

/* [nil, {accepted, error?}] */
static bool is_accepted(err_t status, mp_t body)
{
    mp_t reply, error;
    bool accepted = true;
    if (status != ERR_OK || !mp_at(body, 1, &reply))
        return false;
    (void)mp_find_bool(reply, "accepted", &accepted);
    return accepted && !(mp_find(reply, "error", &error) && mp_type(error) != MP_NIL);
}

static void subscribed(void *arg, err_t status, uint64_t seq, mp_t body)
{
    const call_t *call = arg;
    const step_t *step = call->data;
    if (step->is_new && !is_accepted(status, body)) {
        str_t name = str_of(step->name), type = str_of(step->type);
        remove_topics(find_link(step->messenger, call->session), &name, &type);
    }
    command_pass_answer(arg, status, seq, body);
}

void messenger_on_clientSubscribe(const invocation_t *invocation)
{
    messenger_t *self = messenger_of(invocation);
    str_t name = plain(text_arg(invocation, 0)), type = text_arg(invocation, 1);
    if (!self)
        return;
    if (!is_text(name, NAME_MAX_BYTES) || !is_text(type, TYPE_MAX_BYTES)) {
        command_answer_error(invocation, err_text(ERR_BAD_ARGS));
        return;
    }
    link_t *link = require_link(self, invocation->session);
    bool is_new = !find_topic(link, name, type);
    if (is_new)
        add_topic(link, name, type);
    step_t *step = new_step(self, name, type);
    step->is_new = is_new;
    call_t *call =
        command_ask_then(invocation, ACTOR, "clientSubscribe", invocation->args, subscribed);
    if (!call && is_new)
        remove_topics(link, &name, &type);
    keep_step(call, step);
}

void messenger_on_clientUnsubscribe(const invocation_t *invocation)
{
    messenger_t *self = session_core(invocation->session)->messenger;
    str_t name = plain(text_arg(invocation, 0)), type = text_arg(invocation, 1);
    if (self)
        remove_topics(find_link(self, invocation->session), &name, &type);
    pass(invocation, "clientUnsubscribe");
}

/* --- being an instance --------------------------------------------------------------------------
 */

static void put_token(char out[TOKEN_MAX + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[TOKEN_BYTES];
    int ok = RAND_bytes(bytes, sizeof bytes);
    assert(ok == 1);
    (void)ok;
    for (size_t i = 0; i < sizeof bytes; i++) {
        out[i * 2] = digits[bytes[i] >> 4];
        out[i * 2 + 1] = digits[bytes[i] & 15];
    }
    out[sizeof bytes * 2] = '\0';
}

static void take_token(str_t given, char out[TOKEN_MAX + 1])
{
    if (given.len == 0 || given.len > TOKEN_MAX || memchr(given.p, 0, given.len)) {
        put_token(out);
        return;
    }
    memcpy(out, given.p, given.len);
    out[given.len] = '\0';
}

static void registered(void *arg, err_t status, uint64_t seq, mp_t body)
{
    call_t *call = arg;
    const step_t *step = call->data;
    link_t *link = find_link(step->messenger, call->session);
    name_t *name = find_name(link, str_of(step->name));
    if (status != ERR_OK) {
        if (step->is_new)
            remove_name(link, str_of(step->name));
        command_pass_answer(arg, status, seq, body);
        return;
    }
    buf_t args = {0};
    mp_put_array(&args, 2);
    mp_put_nil(&args);
    mp_put_map(&args, 2);
    mp_put_cstr(&args, "instance");
    mp_put_cstr(&args, step->name);
    mp_put_cstr(&args, "token");
    mp_put_cstr(&args, name ? name->token : step->token);
    if (name)
        name->pending = false;
    command_pass_answer(arg, status, seq, mp_of_buf(&args));
    buf_fini(&args);
}

/* [name, token]; the name counts as ours from now on, so that a new actor hears of it. */
static void put_registration(step_t *step, session_t *session, buf_t *out)
{
    link_t *link = require_link(step->messenger, session);
    step->is_new = !find_name(link, str_of(step->name));
    if (step->is_new)
        add_name(link, str_of(step->name), step->token);
    mp_put_array(out, 2);
    mp_put_cstr(out, step->name);
    mp_put_cstr(out, find_name(link, str_of(step->name))->token);
}

static void refuse_call(call_t *call, const char *text)
{
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_cstr(&args, text);
    session_core(call->session)->commands[call->row].denied++;
    call_answer(&call, mp_of_buf(&args));
    buf_fini(&args);
}

static bool is_member(const void *arg, str_t group)
{
    return grants_is_member(arg, group);
}

/* body: [nil, [object | nil]]. An object without rights of its own opens nothing. */
static bool may_write_object(const grants_user_t *user, err_t status, mp_t body)
{
    mp_t list, object, acl;
    double bits;
    return status == ERR_OK && mp_at(body, 1, &list) && mp_at(list, 0, &object) &&
           mp_find(object, "acl", &acl) && mp_find_double(acl, "object", &bits) &&
           acl_allows(acl, "object", ACL_WRITE, str_of(grants_name(user)), is_member, user);
}

static void take_object(void *arg, err_t status, uint64_t seq, mp_t body)
{
    call_t *call = arg;
    core_t *core = session_core(call->session);
    caller_t caller = session_caller(call->session);
    buf_t args = {0};
    (void)seq;
    if (!may_write_object(session_user(call->session), status, body)) {
        refuse_call(call, err_text(ERR_PERMISSION));
        return;
    }
    put_registration(call->data, call->session, &args);
    uint64_t corr = requests_send(core->requests, ACTOR, STR_LIT("messages.register"), &caller,
                                  mp_of_buf(&args), TTL_MS, 0, core->mono_ms, registered, call);
    if (corr != 0)
        call_set_corr(call, corr);
    else
        refuse_call(call, err_text(ERR_BUSY));
    buf_fini(&args);
}

static void ask_object(const invocation_t *invocation, step_t *step)
{
    buf_t args = {0}, id = {0};
    buf_append_cstr(&id, PREFIX);
    buf_append_cstr(&id, step->name);
    mp_put_array(&args, 1);
    mp_put_array(&args, 1);
    mp_put_str(&args, buf_str(&id));
    keep_step(
        command_ask_system(invocation, "objects", "objects.get", mp_of_buf(&args), take_object),
        step);
    buf_fini(&id);
    buf_fini(&args);
}

static void ask_register(const invocation_t *invocation, step_t *step)
{
    buf_t args = {0};
    put_registration(step, invocation->session, &args);
    call_t *call =
        command_ask_then(invocation, ACTOR, "messages.register", mp_of_buf(&args), registered);
    if (!call && step->is_new)
        remove_name(find_link(step->messenger, invocation->session), str_of(step->name));
    keep_step(call, step);
    buf_fini(&args);
}

/* [name, token?] */
void messenger_on_iobusRegister(const invocation_t *invocation)
{
    messenger_t *self = messenger_of(invocation);
    const grants_user_t *user = session_user(invocation->session);
    str_t name = plain(text_arg(invocation, 0));
    if (!self)
        return;
    if (!is_text(name, NAME_MAX_BYTES)) {
        command_answer_error(invocation, "An instance is called like mydevice.0");
        return;
    }
    if (grants_is_read_only(user)) {
        command_answer_error(invocation, err_text(ERR_PERMISSION));
        return;
    }
    step_t *step = new_step(self, name, (str_t){"", 0});
    take_token(text_arg(invocation, 1), step->token);
    if (grants_is_admin(user))
        ask_register(invocation, step);
    else
        ask_object(invocation, step);
}

void messenger_on_iobusUnregister(const invocation_t *invocation)
{
    messenger_t *self = session_core(invocation->session)->messenger;
    if (self)
        remove_name(find_link(self, invocation->session), plain(text_arg(invocation, 0)));
    pass(invocation, "messages.unregister");
}
