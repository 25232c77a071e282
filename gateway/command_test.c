/* SPDX-License-Identifier: MIT */
/* Sessions, commands and the fan-out together: the transport is a fake one, the bus is the real
 * one, and behind it stand small actors that do as little as these tests need. */
#include "gateway/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus/dispatch.h"
#include "bus/json.h"
#include "bus/log.h"
#include "gateway/feed.h"
#include "gateway/sio2.h"
#include "gateway/whitelist.h"

#define PATIENCE_MS 5000

/* --- the actors --------------------------------------------------------------------------------
 */

static env_t *states_env;

static err_t states_open(env_t *env, const config_t *config, void **self, buf_t *why)
{
    static int nothing;
    (void)config;
    (void)why;
    states_env = env;
    *self = &nothing;
    return ERR_OK;
}

static err_t any_open(env_t *env, const config_t *config, void **self, buf_t *why)
{
    static int nothing;
    (void)env;
    (void)config;
    (void)why;
    *self = &nothing;
    return ERR_OK;
}

static void any_close(void **self)
{
    *self = NULL;
}

/* [nil, number of arguments, first argument] */
static err_t states_on_echo(void *self, const request_t *request, reply_t *reply)
{
    mp_t value;
    (void)self;
    reply_nil(reply);
    mp_put_uint(reply_value(reply), request->argc);
    if (request_arg(request, 0, &value))
        reply_raw(reply, value);
    return ERR_OK;
}

/* Publishes the arguments as they are; the acl of a value that has one decides who may see it. */
static err_t states_on_setState(void *self, const request_t *request, reply_t *reply)
{
    buf_t args = {0};
    mp_t value, acl = {NULL, NULL};
    (void)self;
    mp_put_array(&args, request->argc);
    mp_put_raw(&args, request->args);
    if (request_arg(request, 1, &value))
        (void)mp_find(value, "acl", &acl);
    states_env->publish(states_env, "stateChange", request, acl, mp_of_buf(&args));
    buf_fini(&args);
    reply_nil(reply);
    return ERR_OK;
}

/* Of the ids only "alias.0.good" is there. */
static err_t objects_on_get(void *self, const request_t *request, reply_t *reply)
{
    mp_t ids, id;
    uint32_t count = 0;
    (void)self;
    (void)request_arg(request, 0, &ids);
    (void)mp_read_array(&ids, &count);
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_array(out, count);
    for (uint32_t i = 0; i < count; i++) {
        str_t text = {"", 0};
        if (mp_next(&ids, &id))
            (void)mp_read_str(&id, &text);
        if (!str_is(text, "alias.0.good")) {
            mp_put_nil(out);
            continue;
        }
        mp_put_map(out, 1);
        mp_put_cstr(out, "common");
        mp_put_map(out, 1);
        mp_put_cstr(out, "alias");
        mp_put_map(out, 1);
        mp_put_cstr(out, "id");
        mp_put_cstr(out, "a.b");
    }
    return ERR_OK;
}

/* Everybody may read and list states, the administrator objects, too; nothing else. */
static err_t auth_on_permissions(void *self, const request_t *request, reply_t *reply)
{
    mp_t value;
    str_t user = {"", 0};
    (void)self;
    if (request_arg(request, 0, &value))
        (void)mp_read_str(&value, &user);
    bool admin = str_is(user, "system.user.admin");
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_map(out, admin ? 2 : 1);
    if (admin) {
        mp_put_cstr(out, "object");
        mp_put_map(out, 1);
        mp_put_cstr(out, "read");
        mp_put_bool(out, true);
    }
    mp_put_cstr(out, "state");
    mp_put_map(out, 2);
    mp_put_cstr(out, "read");
    mp_put_bool(out, true);
    mp_put_cstr(out, "list");
    mp_put_bool(out, true);
    return ERR_OK;
}

static const command_t states_commands[] = {{"getState", states_on_echo, 1, CMD_READ},
                                            {"getStates", states_on_echo, 0, CMD_READ},
                                            {"setState", states_on_setState, 2, CMD_WRITE},
                                            {NULL, NULL, 0, 0}};
static const command_t objects_commands[] = {{"objects.get", objects_on_get, 1, CMD_READ},
                                             {"delObject", states_on_echo, 0, CMD_READ},
                                             {"delObjectAdmin", states_on_echo, 0, CMD_READ},
                                             {NULL, NULL, 0, 0}};
static const command_t auth_commands[] = {{"auth.permissions", auth_on_permissions, 1, CMD_READ},
                                          {"auth.identity", auth_on_permissions, 1, CMD_READ},
                                          {NULL, NULL, 0, 0}};
static const command_t log_commands[] = {{"log.append", states_on_echo, 0, CMD_EFFECT},
                                         {NULL, NULL, 0, 0}};

static const actor_t actors[] = {
    {.name = "states", .commands = states_commands, .open = states_open, .close = any_close},
    {.name = "objects", .commands = objects_commands, .open = any_open, .close = any_close},
    {.name = "auth", .commands = auth_commands, .open = any_open, .close = any_close},
    {.name = "log", .commands = log_commands, .open = any_open, .close = any_close},
};
#define ACTOR_COUNT (sizeof actors / sizeof actors[0])

/* --- the world ---------------------------------------------------------------------------------
 */

typedef struct {
    char folder[64];
    config_t *config;
    endpoints_t *endpoints;
    dispatch_t *running[ACTOR_COUNT];
    listener_t *listener;
    core_t core;
    metrics_t metrics;
    feed_hub_t *feed;
    unsigned contacts; /* bits of the feeds that have made contact */
    session_t *session;
    buf_t out; /* payloads that came out, each with a line end */
    bool ended;
    bool paused;
} world_t;

static void told(void *arg, feed_t feed)
{
    ((world_t *)arg)->contacts |= 1u << feed;
}

static void nothing_changed(void *arg)
{
    (void)arg;
}

static void on_wake(void *arg)
{
    (void)arg;
}

static void on_end(void *arg, const char *reason, bool flush)
{
    (void)reason;
    (void)flush;
    ((world_t *)arg)->ended = true;
}

static void on_pause(void *arg, bool pause)
{
    ((world_t *)arg)->paused = pause;
}

static const session_transport_t transport = {.wake = on_wake, .end = on_end, .pause = on_pause};

/* One turn of the loop; waits for the bus when there is nothing to do. */
static void turn(world_t *self)
{
    zmq_pollitem_t items[16];
    self->core.mono_ms = sock_mono_ms();
    requests_flush(self->core.requests);
    bool any = requests_process(self->core.requests);
    any = feed_process(self->feed) || any;
    if (!any)
        zmq_poll(items, (int)requests_poll_items(self->core.requests, items, 16), 20);
    (void)requests_expire(self->core.requests, self->core.mono_ms);
    for (frame_t *frame = session_pop(self->session); frame; frame = session_pop(self->session)) {
        buf_append_str(&self->out, frame_payload(frame));
        buf_append_byte(&self->out, '\n');
        frame_put(&frame);
    }
}

static bool contains(const world_t *self, const char *text)
{
    return self->out.len > 0 && memmem(self->out.data, self->out.len, text, strlen(text));
}

/* Waits until a text has come out. */
static void await(world_t *self, const char *text)
{
    int64_t until = sock_mono_ms() + PATIENCE_MS;
    while (!contains(self, text) && sock_mono_ms() < until)
        turn(self);
    if (!contains(self, text))
        fail_msg("%s did not come, but\n%.*s", text, STR_ARG(buf_str(&self->out)));
}

/* Everything that came out until now is exactly this. */
static void expect(world_t *self, const char *text)
{
    if (!str_is(buf_str(&self->out), text))
        fail_msg("expected\n%sbut got\n%.*s", text, STR_ARG(buf_str(&self->out)));
    buf_reset(&self->out);
}

static void say(world_t *self, const char *text)
{
    assert_true(session_receive(self->session, false, str_of(text)));
}

static void open_session(world_t *self)
{
    self->session = session_new(&self->core, &sio2_dialect, self->listener, STR_LIT("sid"),
                                "127.0.0.1", NULL, &transport, self);
    await(self, "40");
    expect(self, "40\n");
}

static void start_actors(world_t *self)
{
    static const char *const local[] = {"states", "objects", "auth", "log", NULL};
    buf_t why = {0};
    snprintf(self->folder, sizeof self->folder, "/tmp/command_test.XXXXXX");
    assert_non_null(mkdtemp(self->folder));
    self->config = config_new();
    assert_int_equal(config_set(self->config, "data", str_of(self->folder), &why), ERR_OK);
    assert_int_equal(config_set(self->config, "run", str_of(self->folder), &why), ERR_OK);
    self->endpoints = endpoints_new(self->config, local, &why);
    assert_non_null(self->endpoints);
    for (size_t i = 0; i < ACTOR_COUNT; i++) {
        self->running[i] = dispatch_start(&actors[i], self->config, self->endpoints, &why);
        if (!self->running[i])
            fail_msg("%.*s", STR_ARG(buf_str(&why)));
    }
    buf_fini(&why);
}

static const char *limits; /* white list of the next world; NULL: none */

static void make_core(world_t *self)
{
    core_t *core = &self->core;
    buf_t why = {0};
    core->limits = (core_limits_t){.max_message = 1000000,
                                   .max_value = 1000000,
                                   .max_requests = 4,
                                   .outbox_soft = 10000,
                                   .outbox_hard = 100000,
                                   .request_ms = 5000,
                                   .fetch_ms = 5000};
    core->mono_ms = sock_mono_ms();
    core->metrics = &self->metrics;
    core->version = "8.0.1";
    core->requests = requests_new(self->endpoints, "gateway-test", 100, 1000000);
    core->subs = subs_new(100);
    core->grants = grants_new(core->requests);
    core->access = access_new();
    core->calls = map_new();
    core->command_index = map_new();
    core->commands = calloc(command_count(), sizeof *core->commands);
    core->changed = nothing_changed;
    if (limits)
        core->whitelist = whitelist_new(&limits, 1, &why);
    assert_int_equal(why.len, 0);
    self->feed = feed_new(core, self->endpoints, told, self);
}

/* listen: settings of the listener. */
static world_t *world_new(const char *listen)
{
    buf_t why = {0};
    world_t *self = calloc(1, sizeof *self);
    log_set_level(LEVEL_ERROR);
    start_actors(self);
    make_core(self);
    assert_int_equal(listener_parse(listen, self->config, &self->listener, &why), ERR_OK);
    open_session(self);
    int64_t until = sock_mono_ms() + PATIENCE_MS;
    while (self->contacts != 0x1b && sock_mono_ms() < until) /* all feeds but files */
        turn(self);
    assert_int_equal(self->contacts, 0x1b);
    while (grants_check(session_user(self->session), PERM_GET_STATE) == GRANT_UNKNOWN &&
           sock_mono_ms() < until)
        turn(self);
    buf_fini(&why);
    return self;
}

static void world_destroy(world_t *self)
{
    core_t *core = &self->core;
    char command[128];
    session_destroy(&self->session);
    feed_destroy(&self->feed);
    access_destroy(&core->access);
    grants_destroy(&core->grants);
    whitelist_destroy(&core->whitelist);
    requests_destroy(&core->requests);
    subs_destroy(&core->subs);
    assert_int_equal(map_len(core->calls), 0);
    map_destroy(&core->calls);
    map_destroy(&core->command_index);
    free(core->commands);
    for (size_t i = 0; i < ACTOR_COUNT; i++) {
        dispatch_stop(self->running[i]);
        assert_true(dispatch_wait(self->running[i], sock_mono_ms() + PATIENCE_MS));
        dispatch_destroy(&self->running[i]);
    }
    listener_destroy(&self->listener);
    endpoints_destroy(&self->endpoints);
    config_destroy(&self->config);
    buf_fini(&self->out);
    snprintf(command, sizeof command, "rm -rf %s", self->folder);
    (void)!system(command);
    free(self);
}

static int setup(void **state)
{
    *state = world_new("127.0.0.1:0");
    return 0;
}

static int setup_admin(void **state)
{
    *state = world_new("127.0.0.1:0,admin=on");
    return 0;
}

static int setup_guest(void **state)
{
    *state = world_new("127.0.0.1:0,default-user=guest");
    return 0;
}

/* Where nobody may list states or delete objects. */
static int setup_limited(void **state)
{
    limits = "{\"127.0.*\":{\"user\":\"auth\",\"state\":{\"list\":false},"
             "\"object\":{\"delete\":false}}}";
    *state = world_new("127.0.0.1:0");
    limits = NULL;
    return 0;
}

static int teardown(void **state)
{
    world_destroy(*state);
    return 0;
}

/* --- tests -------------------------------------------------------------------------------------
 */

/* Usage: a call goes to its actor and the answer comes back; local commands are answered at once.
 */
static void answers_calls(void **state)
{
    world_t *world = *state;
    say(world, "20[\"getState\",\"a.b\"]");
    await(world, "30");
    expect(world, "430[null,1,\"a.b\"]\n");
    say(world, "21[\"authEnabled\"]");
    say(world, "22[\"getVersion\"]");
    say(world, "23[\"authenticate\"]");
    turn(world);
    expect(world, "431[false,\"admin\"]\n432[null,\"8.0.1\",\"socketio\"]\n433[true,null]\n");
}

static void answers_everything_once(void **state)
{
    world_t *world = *state;
    say(world, "20[\"noSuchCommand\",1]");
    say(world, "2[\"noSuchCommand\",1]");
    say(world, "21[\"iobusRegister\",\"x.0\"]");
    say(world, "22[\"cmdExec\"]");
    say(world, "23[\"getState\"]");
    say(world, "24[\"getState\",\"a\",1,2,null]");
    say(world, "25[\"clientSubscribe\",\"x.0\",\"type\"]");
    say(world, "26[\"updateTokenExpiration\",\"x\"]");
    say(world, "27[\"setBinaryState\"]");
    say(world, "28[\"name\",{\"a\":1}]");
    await(world, "434");
    turn(world);
    expect(world, "430[\"Unknown command\"]\n"
                  "431[\"This needs a connection that stays\"]\n"
                  "432[\"permissionError\"]\n"
                  "435[\"This needs a connection that stays\"]\n"
                  "436[\"No access token found\",false]\n"
                  "437[\"This function is deprecated\"]\n"
                  "438[]\n"
                  "433[\"Invalid arguments\"]\n"
                  "434[null,1,\"a\"]\n");
    assert_string_equal(session_name(world->session), "[object Object]");
}

static void own_event_comes_after_the_answer(void **state)
{
    world_t *world = *state;
    for (int i = 0; i < 50; i++) {
        say(world, "21[\"subscribe\",\"a.*\"]");
        say(world, "22[\"setState\",\"a.b\",5]");
        say(world, "2[\"setState\",\"a.c\",6]");
        await(world, "a.c");
        expect(
            world,
            "431[null]\n432[null]\n42[\"stateChange\",\"a.b\",5]\n42[\"stateChange\",\"a.c\",6]\n");
    }
}

static void subscriptions_end(void **state)
{
    world_t *world = *state;
    say(world, "20[\"subscribe\",[\"a\",\"b\",\"\",null]]");
    say(world, "21[\"unsubscribe\",\"a\"]");
    say(world, "22[\"setState\",\"a\",1]");
    say(world, "23[\"setState\",\"b\",2]");
    await(world, "Change");
    expect(world, "430[null]\n431[null]\n432[null]\n433[null]\n42[\"stateChange\",\"b\",2]\n");
    say(world, "1");
    say(world, "24[\"authEnabled\"]");
    turn(world);
    expect(world, "");
    assert_int_equal(subs_client_count(session_subs(world->session)), 0);
}

/* The original only follows an alias that exists when it is subscribed. */
static void aliases_must_exist(void **state)
{
    world_t *world = *state;
    say(world, "20[\"subscribe\",[\"alias.0.good\",\"alias.0.bad\",\"x\"]]");
    await(world, "430[null]");
    assert_int_equal(subs_client_count(session_subs(world->session)), 2);
    buf_reset(&world->out);
    say(world, "21[\"setState\",\"alias.0.bad\",1]");
    say(world, "22[\"setState\",\"alias.0.good\",2]");
    await(world, "Change");
    assert_false(contains(world, "alias.0.bad"));
}

static void refuses_more_than_max_requests(void **state)
{
    world_t *world = *state;
    for (int i = 0; i < 6; i++) {
        char text[64];
        snprintf(text, sizeof text, "2%d[\"getState\",\"x\"]", i);
        say(world, text);
    }
    await(world, "433[");
    assert_true(contains(world, "434[\"Too many requests in flight\"]"));
    assert_true(contains(world, "435[\"Too many requests in flight\"]"));
    assert_false(world->paused);
}

/* Who does not ask for answers is not read from for a while. */
static void slows_down_who_wants_no_answers(void **state)
{
    world_t *world = *state;
    for (int i = 0; i < 6; i++)
        say(world, "2[\"setState\",\"x\",1]");
    assert_true(world->paused);
    int64_t until = sock_mono_ms() + PATIENCE_MS;
    while (world->paused && sock_mono_ms() < until)
        turn(world);
    assert_false(world->paused);
    expect(world, "");
}

static void ends_a_session_that_breaks_the_rules(void **state)
{
    world_t *world = *state;
    static const char *const texts[] = {"",        "2{}",        "2[]", "2[null]", "2abc[\"x\"]",
                                        "2[\"x\"", "51-[\"x\"]x"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(session_receive(world->session, false, str_of(texts[i])));
    assert_false(session_receive(world->session, true, STR_LIT("stray")));
    say(world, "51-0[\"getState\",{\"_placeholder\":true,\"num\":0}]");
    assert_false(session_receive(world->session, false, STR_LIT("20[\"authEnabled\"]")));
}

static void takes_attachments(void **state)
{
    world_t *world = *state;
    say(world, "51-7[\"getState\",{\"_placeholder\":true,\"num\":0}]");
    assert_true(session_receive(world->session, true, STR_LIT("bytes")));
    await(world, "461-7");
    await(world, "bytes");
    expect(world, "461-7[null,1,{\"_placeholder\":true,\"num\":0}]\n\4bytes\n");
}

static void administrators_have_other_commands(void **state)
{
    world_t *world = *state;
    say(world, "20[\"delObject\",\"x\"]");
    say(world, "21[\"readLogs\",\"x\"]");
    await(world, "431[\"Service is not available\"]"); /* no such actor runs here */
    assert_true(contains(world, "430[null,1,\"x\"]"));
}

static void nothing_is_done(void *arg, err_t status, uint64_t seq, mp_t body)
{
    (void)arg;
    (void)status;
    (void)seq;
    (void)body;
}

/* Something else than the client writes a state. */
static void write_state(world_t *self, const char *args)
{
    buf_t buf = {0};
    assert_int_equal(json_to_mp(&buf, str_of(args)), ERR_OK);
    assert_true(requests_send(self->core.requests, "states", STR_LIT("setState"), NULL,
                              mp_of_buf(&buf), PATIENCE_MS, 0, self->core.mono_ms, nothing_is_done,
                              NULL) != 0);
    buf_fini(&buf);
}

/* The guest may read states, but no objects: those that have one are not for it. */
static void events_go_to_those_who_may_see_them(void **state)
{
    world_t *world = *state;
    say(world, "20[\"subscribe\",\"a.*\"]");
    await(world, "430[null]");
    buf_reset(&world->out);
    write_state(world, "[\"a.b\",{\"acl\":{}}]");
    write_state(world, "[\"a.c\",5]");
    await(world, "a.c");
    expect(world, "42[\"stateChange\",\"a.c\",5]\n");
}

static void guests_are_denied(void **state)
{
    world_t *world = *state;
    say(world, "20[\"getState\",\"x\"]");
    await(world, "430[null,1,\"x\"]");
    buf_reset(&world->out);
    say(world, "21[\"setState\",\"x\",1]");
    say(world, "2[\"setState\",\"x\",1]");
    say(world, "2[\"unlink\",\"vis.0\",\"a.txt\"]");
    say(world, "22[\"sendToHost\",\"x\"]");
    say(world, "23[\"getObjects\",[\"x\"]]");
    turn(world);
    expect(
        world,
        "431[\"permissionError\"]\n"
        "42[\"permissionError\",{\"command\":\"setState\",\"type\":\"state\",\"operation\":"
        "\"write\","
        "\"args\":[\"x\"]}]\n"
        "42[\"permissionError\",{\"command\":\"unlink\",\"type\":\"file\",\"operation\":\"delete\","
        "\"args\":[\"a.txt\"]}]\n"
        "432[{\"error\":\"permissionError\"}]\n"
        "433[\"permissionError\"]\n");
}

/* What the address of a client takes away, whoever it is. */
static void addresses_have_rights(void **state)
{
    world_t *world = *state;
    say(world, "20[\"getState\",\"x\"]");
    await(world, "430[null,1,\"x\"]");
    buf_reset(&world->out);
    say(world, "21[\"getStates\"]");
    say(world, "22[\"delObject\",\"flot.0\"]");
    turn(world);
    expect(world, "431[\"permissionError\"]\n432[\"permissionError\"]\n");
    say(world, "23[\"getUserPermissions\"]");
    await(world, "433");
    expect(world,
           "433[null,{\"object\":{\"read\":true},\"state\":{\"read\":true,\"list\":false}}]\n");
    say(world, "24[\"authEnabled\"]");
    turn(world);
    expect(world, "434[false,\"admin\"]\n");
}

/* A client that reads nothing loses old values first, and its connection in the end. */
static void slow_clients_go(void **state)
{
    world_t *world = *state;
    buf_t text = {0};
    frames_t frames = {0};
    buf_append_cstr(&text, "x");
    for (int i = 0; i < 30000; i++)
        buf_append_byte(&text, 'x');
    frames.items[frames.count++] = frame_new(FRAME_TEXT, buf_str(&text));
    for (int i = 0; i < 3; i++)
        session_event(world->session, &frames, NULL);
    assert_false(world->ended);
    session_event(world->session, &frames, NULL);
    assert_true(world->ended);
    frames_put(&frames);
    buf_fini(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_calls),
        TEST(answers_everything_once),
        TEST(own_event_comes_after_the_answer),
        TEST(subscriptions_end),
        TEST(aliases_must_exist),
        TEST(refuses_more_than_max_requests),
        TEST(slows_down_who_wants_no_answers),
        TEST(ends_a_session_that_breaks_the_rules),
        TEST(takes_attachments),
        TEST(slow_clients_go),
        cmocka_unit_test_setup_teardown(addresses_have_rights, setup_limited, teardown),
        cmocka_unit_test_setup_teardown(administrators_have_other_commands, setup_admin, teardown),
        cmocka_unit_test_setup_teardown(guests_are_denied, setup_guest, teardown),
        cmocka_unit_test_setup_teardown(events_go_to_those_who_may_see_them, setup_guest, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
