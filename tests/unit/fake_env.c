/* SPDX-License-Identifier: MIT */
#include "tests/unit/fake_env.h"

#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/json.h"

#define TICKETS_MAX 64
#define QUESTIONS_MAX 256

typedef struct {
    char *actor;
    char *command;
    buf_t args; /* msgpack array */
    env_answer_fn *done;
    void *arg;
} question_t;

struct fake_env {
    env_t env;
    const actor_t *actor;
    void *self;       /* the actor under test */
    config_t *config; /* owned */
    char folder[64];  /* temporary data folder, "" when the test brought its own */
    int64_t now_ms;
    int64_t mono_ms;
    uint64_t seed;
    uint64_t seq; /* of events handed to the actor */
    char user[128];
    char instance[64];
    char client[128];
    buf_t batch_events; /* JSON, elements separated by commas; of the batch under way */
    buf_t events;       /* JSON, of committed batches */
    buf_t batch_acls;   /* the same of the acls of these events */
    buf_t acls;
    buf_t asked; /* JSON of questions since the last look */
    buf_t text;  /* what the last call returned */
    buf_t args;  /* msgpack of the last call */
    buf_t json;  /* scratch */
    reply_t reply;
    buf_t answers[TICKETS_MAX]; /* JSON, by ticket - 1 */
    uint64_t tickets;
    question_t questions[QUESTIONS_MAX];
    size_t questions_len;
    fake_env_peer_fn *peer;
    void *peer_arg;
    err_t fail_commit;
};

static fake_env_t *of(env_t *env)
{
    return env->impl;
}

static const char *terminated(buf_t *buf)
{
    buf_append_byte(buf, 0);
    buf->len--;
    return (const char *)buf->data;
}

static const char *json_of(buf_t *out, mp_t value)
{
    buf_reset(out);
    json_from_mp(out, value, NULL);
    return terminated(out);
}

/* --- env_t ----------------------------------------------------------------------------------- */

static int64_t env_now(env_t *env)
{
    return of(env)->now_ms;
}

static int64_t env_mono(env_t *env)
{
    return of(env)->mono_ms;
}

static void env_random(env_t *env, void *out, size_t len)
{
    fake_env_t *self = of(env);
    for (size_t i = 0; i < len; i++) {
        self->seed = self->seed * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)out)[i] = (uint8_t)(self->seed >> 33);
    }
}

static void env_publish(env_t *env, const char *event, const request_t *cause, mp_t acl, mp_t args)
{
    fake_env_t *self = of(env);
    (void)cause;
    if (self->batch_acls.len)
        buf_append_byte(&self->batch_acls, ',');
    if (mp_at_end(&acl))
        buf_append_cstr(&self->batch_acls, "null");
    else
        json_from_mp(&self->batch_acls, acl, NULL);
    if (self->batch_events.len)
        buf_append_byte(&self->batch_events, ',');
    buf_printf(&self->batch_events, "[\"%s\",", event);
    json_from_mp(&self->batch_events, args, NULL);
    buf_append_byte(&self->batch_events, ']');
}

static void env_ask(env_t *env, const char *actor, const char *command, const caller_t *caller,
                    mp_t args, int64_t ttl_ms, env_answer_fn *done, void *arg)
{
    fake_env_t *self = of(env);
    (void)caller;
    (void)ttl_ms;
    assert(self->questions_len < QUESTIONS_MAX);
    question_t *question = &self->questions[self->questions_len++];
    *question = (question_t){strdup(actor), strdup(command), {0}, done, arg};
    mp_put_raw(&question->args, args);
    if (self->asked.len)
        buf_append_byte(&self->asked, ',');
    buf_printf(&self->asked, "[\"%s\",\"%s\",", actor, command);
    json_from_mp(&self->asked, args, NULL);
    buf_append_byte(&self->asked, ']');
}

static uint64_t env_defer(env_t *env, const request_t *request)
{
    fake_env_t *self = of(env);
    (void)request;
    if (self->tickets == TICKETS_MAX)
        return 0;
    return ++self->tickets;
}

static void put_answer(buf_t *out, err_t status, const reply_t *reply)
{
    reply_t text;
    reply_init(&text);
    if (!reply || (status != ERR_OK && reply->count == 0)) {
        reply_str(&text, str_of(err_text(status)));
        reply = &text;
    }
    buf_t list;
    buf_init(&list);
    mp_put_array(&list, reply->count);
    mp_put_raw(&list, mp_of_buf(&reply->body));
    json_of(out, mp_of_buf(&list));
    buf_fini(&list);
    reply_fini(&text);
}

static void env_answer(env_t *env, uint64_t ticket, err_t status, const reply_t *reply)
{
    fake_env_t *self = of(env);
    if (ticket > 0 && ticket <= self->tickets && self->answers[ticket - 1].len == 0)
        put_answer(&self->answers[ticket - 1], status, reply);
}

/* --- life ------------------------------------------------------------------------------------ */

fake_env_t *fake_env_new(void)
{
    fake_env_t *self = calloc(1, sizeof *self);
    assert(self);
    self->env =
        (env_t){self, env_now, env_mono, env_random, env_publish, env_ask, env_defer, env_answer};
    self->now_ms = 1700000000000;
    self->mono_ms = 1000;
    self->seed = 1;
    fake_env_set_user(self, "system.user.admin");
    fake_env_set_instance(self, "socketio.0");
    fake_env_set_client(self, "test/1");
    reply_init(&self->reply);
    return self;
}

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *walk)
{
    (void)info;
    (void)flag;
    (void)walk;
    return remove(path);
}

static void drop_question(fake_env_t *self, size_t index)
{
    question_t *question = &self->questions[index];
    free(question->actor);
    free(question->command);
    buf_fini(&question->args);
    self->questions_len--;
    memmove(question, question + 1, (self->questions_len - index) * sizeof *question);
}

void fake_env_destroy(fake_env_t **self_p)
{
    fake_env_t *self = *self_p;
    if (!self)
        return;
    if (self->self)
        self->actor->close(&self->self);
    while (self->questions_len)
        drop_question(self, 0);
    for (size_t i = 0; i < TICKETS_MAX; i++)
        buf_fini(&self->answers[i]);
    buf_t *const buffers[] = {&self->batch_events, &self->events, &self->batch_acls, &self->acls,
                              &self->asked,        &self->text,   &self->args,       &self->json};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        buf_fini(buffers[i]);
    reply_fini(&self->reply);
    config_destroy(&self->config);
    if (self->folder[0])
        nftw(self->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(self);
    *self_p = NULL;
}

env_t *fake_env_env(fake_env_t *self)
{
    return &self->env;
}

static config_t *default_config(fake_env_t *self)
{
    config_t *config = config_new();
    buf_t why = {0};
    snprintf(self->folder, sizeof self->folder, "/tmp/iobus-test-XXXXXX");
    char *made = mkdtemp(self->folder);
    assert(made);
    err_t err = config_set(config, "data", str_of(self->folder), &why);
    assert(err == ERR_OK);
    buf_fini(&why);
    return config;
}

/* Events that were published while nothing is being handled count as committed. */
static void move_list(buf_t *to, buf_t *from)
{
    if (from->len == 0)
        return;
    if (to->len)
        buf_append_byte(to, ',');
    buf_append_str(to, buf_str(from));
    buf_reset(from);
}

static void settle(fake_env_t *self)
{
    move_list(&self->events, &self->batch_events);
    move_list(&self->acls, &self->batch_acls);
}

static void answer_question(fake_env_t *self, size_t index, err_t status, const char *json)
{
    question_t *question = &self->questions[index];
    env_answer_fn *done = question->done;
    void *arg = question->arg;
    buf_t body = {0};
    err_t err = json_to_mp(&body, str_of(json));
    assert(err == ERR_OK);
    drop_question(self, index);
    if (done)
        done(arg, status, mp_of_buf(&body));
    buf_fini(&body);
}

static void ask_peer(fake_env_t *self)
{
    size_t index = 0;
    while (self->peer && index < self->questions_len) {
        question_t *question = &self->questions[index];
        const char *args = json_of(&self->json, mp_of_buf(&question->args));
        const char *answer = self->peer(self->peer_arg, question->actor, question->command, args);
        if (answer) {
            answer_question(self, index, ERR_OK, answer);
            index = 0;
        } else {
            index++;
        }
    }
}

static err_t commit(fake_env_t *self)
{
    err_t err = self->fail_commit;
    if (err == ERR_OK && self->actor->commit)
        err = self->actor->commit(self->self);
    if (err == ERR_OK)
        settle(self);
    buf_reset(&self->batch_events);
    buf_reset(&self->batch_acls);
    return err;
}

static void after(fake_env_t *self)
{
    err_t err = commit(self);
    (void)err;
    ask_peer(self);
}

void fake_env_open(fake_env_t *self, const actor_t *actor, const config_t *config)
{
    buf_t why = {0};
    self->actor = actor;
    self->config = config ? config_copy(config) : default_config(self);
    err_t err = actor->open(&self->env, self->config, &self->self, &why);
    if (err != ERR_OK)
        fprintf(stderr, "open failed: %.*s\n", STR_ARG(buf_str(&why)));
    assert(err == ERR_OK);
    buf_fini(&why);
    for (size_t i = 0; actor->follows && actor->follows[i]; i++)
        actor->gap(self->self, actor->follows[i]);
    after(self);
}

void *fake_env_actor(fake_env_t *self)
{
    return self->self;
}

void fake_env_advance(fake_env_t *self, int64_t ms)
{
    self->now_ms += ms;
    self->mono_ms += ms;
    if (self->actor->tick)
        self->actor->tick(self->self, self->mono_ms);
    after(self);
}

void fake_env_set_user(fake_env_t *self, const char *user)
{
    snprintf(self->user, sizeof self->user, "%s", user);
}

void fake_env_set_instance(fake_env_t *self, const char *instance)
{
    snprintf(self->instance, sizeof self->instance, "%s", instance);
}

void fake_env_set_client(fake_env_t *self, const char *client)
{
    snprintf(self->client, sizeof self->client, "%s", client);
}

/* --- requests -------------------------------------------------------------------------------- */

static const command_t *find_command(const actor_t *actor, const char *name)
{
    for (const command_t *row = actor->commands; row->name; row++) {
        if (strcmp(row->name, name) == 0)
            return row;
    }
    return NULL;
}

static err_t run(fake_env_t *self, const command_t *row, const char *command, mp_t args)
{
    request_t request = {
        .corr = 1,
        .trace = 1,
        .peer = {self->client, strcspn(self->client, "/")},
        .command = str_of(command),
        .caller = {str_of(self->user), str_of(self->instance), str_of(self->client)},
        .deadline_ms = self->mono_ms + 10000,
        .wants_reply = true,
        .args = args};
    if (!mp_read_array(&request.args, &request.argc))
        return ERR_BAD_ARGS;
    if (!row)
        return ERR_UNKNOWN_COMMAND;
    if (request.argc < row->min_args)
        return ERR_BAD_ARGS;
    err_t err = row->handler(self->self, &request, &self->reply);
    err_t done = commit(self);
    if (done != ERR_OK && (row->flags & CMD_WRITE) && err != ERR_PENDING)
        err = done;
    return err;
}

mp_t fake_env_call_mp(fake_env_t *self, const char *command, mp_t args, err_t *status)
{
    reply_clear(&self->reply);
    err_t err = run(self, find_command(self->actor, command), command, args);
    if (err != ERR_OK && err != ERR_CUSTOM && err != ERR_PENDING) {
        reply_clear(&self->reply);
        reply_str(&self->reply, str_of(err_text(err)));
    }
    if (status)
        *status = err;
    buf_reset(&self->text);
    mp_put_array(&self->text, self->reply.count);
    mp_put_raw(&self->text, mp_of_buf(&self->reply.body));
    ask_peer(self);
    return mp_of_buf(&self->text);
}

const char *fake_env_call(fake_env_t *self, const char *command, const char *args_json)
{
    err_t status;
    buf_reset(&self->args);
    err_t err = json_to_mp(&self->args, str_of(args_json));
    assert(err == ERR_OK);
    mp_t answer = fake_env_call_mp(self, command, mp_of_buf(&self->args), &status);
    if (status == ERR_PENDING)
        return "PENDING";
    buf_t json = {0};
    json_of(&json, answer);
    buf_fini(&self->text);
    self->text = json;
    return terminated(&self->text);
}

const char *fake_env_answer(fake_env_t *self)
{
    if (self->tickets == 0 || self->answers[self->tickets - 1].len == 0)
        return NULL;
    return terminated(&self->answers[self->tickets - 1]);
}

static const char *take_list(fake_env_t *self, buf_t *list)
{
    buf_reset(&self->json);
    buf_append_byte(&self->json, '[');
    buf_append_str(&self->json, buf_str(list));
    buf_append_byte(&self->json, ']');
    buf_reset(list);
    return terminated(&self->json);
}

const char *fake_env_events(fake_env_t *self)
{
    settle(self);
    return take_list(self, &self->events);
}

const char *fake_env_acls(fake_env_t *self)
{
    settle(self);
    return take_list(self, &self->acls);
}

const char *fake_env_asked(fake_env_t *self)
{
    return take_list(self, &self->asked);
}

void fake_env_reply(fake_env_t *self, err_t status, const char *answer_json)
{
    assert(self->questions_len > 0);
    answer_question(self, 0, status, answer_json);
    after(self);
}

void fake_env_set_peer(fake_env_t *self, fake_env_peer_fn *peer, void *arg)
{
    self->peer = peer;
    self->peer_arg = arg;
    if (self->self)
        ask_peer(self);
}

void fake_env_event(fake_env_t *self, const char *actor, const char *name, const char *instance,
                    const char *args_json)
{
    buf_t args = {0};
    err_t err = json_to_mp(&args, str_of(args_json));
    assert(err == ERR_OK);
    event_t event = {actor, str_of(name), ++self->seq, str_of(instance), mp_of_buf(&args)};
    self->actor->event(self->self, &event);
    buf_fini(&args);
    after(self);
}

void fake_env_fail_commit(fake_env_t *self, err_t err)
{
    self->fail_commit = err;
}
