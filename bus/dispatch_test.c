/* SPDX-License-Identifier: MIT */
#include "bus/dispatch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <czmq.h>

#include "bus/envelope.h"
#include "bus/follower.h"
#include "bus/log.h"
#include "bus/sock.h"

/* A small actor under the name "states": it echoes, counts, publishes, defers, and fails on demand.
 * It follows a second one under the name "objects", which has it as its barrier. */
typedef struct {
    env_t *env;
    int64_t stored;  /* committed */
    int64_t pending; /* of the open batch */
    bool fail_next_commit;
    uint64_t ticket;
    int64_t seen; /* events of "objects" */
    int64_t gaps;
} small_t;

static err_t small_on_echo(void *arg, const request_t *request, reply_t *reply)
{
    mp_t value;
    (void)arg;
    reply_nil(reply);
    if (request_arg(request, 0, &value))
        reply_raw(reply, value);
    return ERR_OK;
}

static err_t small_on_add(void *arg, const request_t *request, reply_t *reply)
{
    small_t *self = arg;
    self->pending++;
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_int(&args, self->stored + self->pending);
    self->env->publish(self->env, "change", request, (mp_t){NULL, NULL}, mp_of_buf(&args));
    buf_fini(&args);
    reply_nil(reply);
    mp_put_int(reply_value(reply), self->stored + self->pending);
    return ERR_OK;
}

static err_t small_on_fail(void *arg, const request_t *request, reply_t *reply)
{
    ((small_t *)arg)->fail_next_commit = true;
    return small_on_add(arg, request, reply);
}

static err_t small_on_later(void *arg, const request_t *request, reply_t *reply)
{
    small_t *self = arg;
    (void)reply;
    self->ticket = self->env->defer(self->env, request);
    return self->ticket ? ERR_PENDING : ERR_BUSY;
}

static err_t small_on_now(void *arg, const request_t *request, reply_t *reply)
{
    small_t *self = arg;
    (void)request;
    reply_nil(reply);
    self->env->answer(self->env, self->ticket, ERR_OK, reply);
    self->env->answer(self->env, self->ticket, ERR_OK, reply); /* a second answer does nothing */
    return ERR_OK;
}

static err_t small_on_seen(void *arg, const request_t *request, reply_t *reply)
{
    small_t *self = arg;
    (void)request;
    reply_nil(reply);
    mp_put_int(reply_value(reply), self->seen);
    return ERR_OK;
}

static const command_t small_commands[] = {
    {"echo", small_on_echo, 1, CMD_READ},
    {"add", small_on_add, 0, CMD_WRITE},
    {"fail", small_on_fail, 0, CMD_WRITE},
    {"later", small_on_later, 0, CMD_READ},
    {"now", small_on_now, 0, CMD_READ},
    {"seen", small_on_seen, 0, CMD_READ},
    {NULL, NULL, 0, 0},
};

static err_t small_open(env_t *env, const config_t *config, void **self_p, buf_t *why)
{
    if (strcmp(config_text(config, "host-name"), "broken") == 0) {
        buf_append_cstr(why, "small: broken on purpose");
        return ERR_STORAGE;
    }
    small_t *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->env = env;
    *self_p = self;
    return ERR_OK;
}

static void small_close(void **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

static err_t small_commit(void *arg)
{
    small_t *self = arg;
    bool fail = self->fail_next_commit;
    if (!fail)
        self->stored += self->pending;
    self->pending = 0;
    self->fail_next_commit = false;
    return fail ? ERR_READ_ONLY : ERR_OK;
}

static void small_event(void *arg, const event_t *event)
{
    small_t *self = arg;
    self->seen += str_is(event->name, "change");
}

static void small_gap(void *arg, const char *actor)
{
    (void)actor;
    ((small_t *)arg)->gaps++;
}

static const char *const follows_objects[] = {"objects", NULL};
static const char *const barrier_states[] = {"states", NULL};

static const actor_t states_like = {.name = "states",
                                    .commands = small_commands,
                                    .follows = follows_objects,
                                    .open = small_open,
                                    .close = small_close,
                                    .commit = small_commit,
                                    .event = small_event,
                                    .gap = small_gap};
static const actor_t objects_like = {.name = "objects",
                                     .commands = small_commands,
                                     .barrier = barrier_states,
                                     .open = small_open,
                                     .close = small_close,
                                     .commit = small_commit};

/* --- the fixture ----------------------------------------------------------------------------- */

typedef struct {
    config_t *config;
    endpoints_t *endpoints;
    dispatch_t *states, *objects;
    requests_t *requests;
    int answers;
    err_t status;
    uint64_t seq;
    buf_t body;
} world_t;

static const char *const local[] = {"states", "objects", NULL};

static int set_up(void **state)
{
    world_t *world = calloc(1, sizeof *world);
    buf_t why = {0};
    zsys_handler_set(NULL);
    log_set_level(LEVEL_ERROR);
    world->config = config_new();
    assert_int_equal(config_set(world->config, "data", STR_LIT(":memory:"), &why), ERR_OK);
    world->endpoints = endpoints_new(world->config, local, &why);
    assert_non_null(world->endpoints);
    world->objects = dispatch_start(&objects_like, world->config, world->endpoints, &why);
    world->states = dispatch_start(&states_like, world->config, world->endpoints, &why);
    assert_non_null(world->objects);
    assert_non_null(world->states);
    world->requests = requests_new(world->endpoints, "tester", 100, 1 << 20);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    world_t *world = *state;
    requests_destroy(&world->requests);
    dispatch_destroy(&world->states);
    dispatch_destroy(&world->objects);
    endpoints_destroy(&world->endpoints);
    config_destroy(&world->config);
    buf_fini(&world->body);
    free(world);
    return 0;
}

static void on_answer(void *arg, err_t status, uint64_t seq, mp_t body)
{
    world_t *world = arg;
    world->answers++;
    world->status = status;
    world->seq = seq;
    buf_reset(&world->body);
    mp_put_raw(&world->body, body);
}

static void pump(world_t *world)
{
    zmq_pollitem_t items[16];
    size_t count = requests_poll_items(world->requests, items, 16);
    requests_flush(world->requests);
    zmq_poll(items, (int)count, 5);
    requests_process(world->requests);
    requests_expire(world->requests, sock_mono_ms());
}

static void await_answers(world_t *world, int count)
{
    int64_t deadline = sock_mono_ms() + 10000;
    while (world->answers < count && sock_mono_ms() < deadline)
        pump(world);
    assert_int_equal(world->answers, count);
}

static uint64_t ask(world_t *world, const char *actor, const char *command, mp_t args,
                    int64_t ttl_ms)
{
    const caller_t caller = {STR_LIT("system.user.admin"), STR_LIT("socketio.0"),
                             STR_LIT("test/1")};
    return requests_send(world->requests, actor, str_of(command), &caller, args, ttl_ms, 1,
                         sock_mono_ms(), on_answer, world);
}

static const uint8_t no_args[] = {0x90};
#define NO_ARGS mp_of(no_args, 1)

static int64_t number_at(const world_t *world, uint32_t index)
{
    mp_t value;
    int64_t n;
    assert_true(mp_at(mp_of_buf(&world->body), index, &value));
    assert_true(mp_read_int(&value, &n));
    return n;
}

static void assert_text(const world_t *world, const char *text)
{
    mp_t value;
    str_t got;
    assert_true(mp_at(mp_of_buf(&world->body), 0, &value));
    assert_true(mp_read_str(&value, &got));
    assert_true(str_is(got, text));
}

/* --- tests ----------------------------------------------------------------------------------- */

/* Usage: ask an actor and get the array of call-back arguments. */
static void answers_a_request(void **state)
{
    world_t *world = *state;
    static const uint8_t args[] = {0x91, 0x2a};
    ask(world, "states", "echo", mp_of(args, sizeof args), 5000);
    await_answers(world, 1);
    assert_int_equal(world->status, ERR_OK);
    assert_int_equal(number_at(world, 1), 42);
}

static void refuses_unknown_and_incomplete(void **state)
{
    world_t *world = *state;
    ask(world, "states", "no-such", NO_ARGS, 5000);
    await_answers(world, 1);
    assert_int_equal(world->status, ERR_UNKNOWN_COMMAND);
    assert_text(world, "Unknown command");
    ask(world, "states", "echo", NO_ARGS, 5000);
    await_answers(world, 2);
    assert_int_equal(world->status, ERR_BAD_ARGS);
}

static void failed_commit_is_told_and_undone(void **state)
{
    world_t *world = *state;
    ask(world, "states", "fail", NO_ARGS, 5000);
    await_answers(world, 1);
    assert_int_equal(world->status, ERR_READ_ONLY);
    assert_text(world, err_text(ERR_READ_ONLY));
    ask(world, "states", "add", NO_ARGS, 5000);
    await_answers(world, 2);
    assert_int_equal(number_at(world, 1), 1);
    assert_true(world->seq == 1); /* the event of the failed batch took no number */
}

static void silent_actor_times_out(void **state)
{
    world_t *world = *state;
    uint64_t corr = ask(world, "states", "later", NO_ARGS, 100);
    assert_true(requests_is_open(world->requests, corr));
    await_answers(world, 1);
    assert_int_equal(world->status, ERR_TIMEOUT);
    assert_false(requests_is_open(world->requests, corr));
}

static void absurd_deadlines_are_survived(void **state)
{
    world_t *world = *state;
    static const uint8_t args[] = {0x91, 0x01};
    ask(world, "states", "echo", mp_of(args, sizeof args), INT64_MAX);
    await_answers(world, 1);
    assert_int_equal(world->status, ERR_OK);
    ask(world, "states", "later", NO_ARGS, -5);
    await_answers(world, 2);
    assert_int_equal(world->status, ERR_TIMEOUT);
}

/* Correlation numbers of two lives of one peer do not meet. */
static void numbers_start_at_random(void **state)
{
    world_t *world = *state;
    requests_t *other = requests_new(world->endpoints, "tester-2", 10, 1 << 20);
    uint64_t mine = ask(world, "states", "echo", NO_ARGS, 5000);
    uint64_t theirs = requests_send(other, "states", STR_LIT("echo"), NULL, NO_ARGS, 5000, 0,
                                    sock_mono_ms(), NULL, NULL);
    assert_true(mine != theirs);
    requests_destroy(&other);
    await_answers(world, 1);
}

static void deferred_answer_comes_once(void **state)
{
    world_t *world = *state;
    ask(world, "states", "later", NO_ARGS, 5000);
    ask(world, "states", "now", NO_ARGS, 5000);
    await_answers(world, 2);
    assert_int_equal(world->status, ERR_OK);
    ask(world, "states", "echo", mp_of("\x91\xc0", 2), 5000);
    await_answers(world, 3);
}

static void missing_actor_is_known_at_once(void **state)
{
    world_t *world = *state;
    int64_t started = sock_mono_ms();
    ask(world, "files", "echo", NO_ARGS, 60000);
    await_answers(world, 1);
    assert_int_equal(world->status, ERR_UNAVAILABLE);
    assert_true(sock_mono_ms() - started < 5000);
}

static void too_many_open_requests_are_refused(void **state)
{
    world_t *world = *state;
    for (int i = 0; i < 100; i++)
        assert_true(ask(world, "states", "later", NO_ARGS, 60000) != 0);
    assert_true(ask(world, "states", "later", NO_ARGS, 60000) == 0);
    assert_int_equal(requests_open_count(world->requests), 100);
}

static void writers_answer_follows_the_event(void **state)
{
    world_t *world = *state;
    for (int i = 1; i <= 200; i++) {
        int before = world->answers;
        ask(world, "objects", "add", NO_ARGS, 5000);
        await_answers(world, before + 1);
        ask(world, "states", "seen", NO_ARGS, 5000);
        await_answers(world, before + 2);
        /* Whoever was answered can rely on the follower having seen the event. The first ones may
         * fall into the time before first contact, where a gap stands for them. */
        if (i > 100)
            assert_true(number_at(world, 1) >= i - 100);
    }
}

static void bad_frames_harm_nobody(void **state)
{
    world_t *world = *state;
    zsock_t *dealer = sock_new(ZMQ_DEALER, "vandal", 1 << 20);
    zmq_connect(zsock_resolve(dealer),
                endpoints_connect(world->endpoints, "states", ENDPOINT_REQUEST));
    static const struct {
        const char *bytes;
        size_t len;
    } frames[] = {
        {"", 0},
        {"\xc1", 1},
        {"\x98\x02\x00", 3},
        {"\x98\x63\x00\x01\xa1x\x93\xa0\xa0\xa0\x01\x01\x01\x90", 15},
        {"hello", 5},
        {"\xdd\xff\xff\xff\xff", 5},
        {"\x96\x01\x01\x01\x00\x00\x00\x90", 8},
        {"\x98\x01\x00\x01\xa1x\x93\xa0\xa0\xa0\x01\x01\x01\x01", 14},
    };
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
        assert_int_equal(sock_send(dealer, (str_t){frames[i].bytes, frames[i].len}, false), ERR_OK);
    ask(world, "states", "echo", mp_of("\x91\xc0", 2), 5000);
    await_answers(world, 1);
    assert_int_equal(world->status, ERR_OK);
    ask(world, "states", "bus.stats", NO_ARGS, 5000);
    await_answers(world, 2);
    assert_int_equal(number_at(world, 2), sizeof frames / sizeof frames[0]);
    zsock_destroy(&dealer);
}

typedef struct {
    world_t *world;
    int events, gaps;
    uint64_t last;
} watcher_t;

static void watch_event(void *arg, const char *actor, const envelope_t *event)
{
    watcher_t *watcher = arg;
    assert_string_equal(actor, "states");
    assert_true(watcher->last == 0 || event->seq == watcher->last + 1);
    watcher->last = event->seq;
    watcher->events++;
}

static void watch_gap(void *arg, const char *actor)
{
    (void)actor;
    ((watcher_t *)arg)->gaps++;
}

static void follower_gets_every_event_in_order(void **state)
{
    world_t *world = *state;
    watcher_t watcher = {world, 0, 0, 0};
    static const follower_ops_t ops = {watch_event, watch_gap};
    follower_t *follower =
        follower_new(world->endpoints, world->requests, "states", &ops, &watcher);
    int64_t deadline = sock_mono_ms() + 10000;
    while (watcher.gaps == 0 && sock_mono_ms() < deadline) {
        pump(world);
        follower_process(follower, 100, sock_mono_ms());
    }
    assert_int_equal(watcher.gaps, 1);
    for (int i = 0; i < 50; i++)
        ask(world, "states", "add", NO_ARGS, 5000);
    while (watcher.events < 50 && sock_mono_ms() < deadline) {
        pump(world);
        follower_process(follower, 100, sock_mono_ms());
    }
    assert_int_equal(watcher.events, 50);
    assert_int_equal(watcher.gaps, 1);
    assert_true(follower_in_sync(follower));
    follower_destroy(&follower);
    await_answers(world, 50);
}

static void replay_gives_what_was_missed(void **state)
{
    world_t *world = *state;
    for (int i = 0; i < 10; i++)
        ask(world, "states", "add", NO_ARGS, 5000);
    await_answers(world, 10);
    buf_t args = {0};
    mp_put_array(&args, 2);
    mp_put_uint(&args, 12345); /* not its epoch */
    mp_put_uint(&args, 3);
    ask(world, "states", "bus.replay", mp_of_buf(&args), 5000);
    await_answers(world, 11);
    mp_t value;
    uint64_t epoch = 0, seq = 0;
    assert_true(mp_at(mp_of_buf(&world->body), 1, &value) && mp_read_uint(&value, &epoch));
    assert_true(mp_at(mp_of_buf(&world->body), 2, &value) && mp_read_uint(&value, &seq));
    assert_true(seq == 10);
    assert_true(mp_at(mp_of_buf(&world->body), 3, &value) && mp_type(value) == MP_NIL);
    buf_reset(&args);
    mp_put_array(&args, 2);
    mp_put_uint(&args, epoch);
    mp_put_uint(&args, 3);
    ask(world, "states", "bus.replay", mp_of_buf(&args), 5000);
    await_answers(world, 12);
    assert_true(mp_at(mp_of_buf(&world->body), 3, &value) && mp_type(value) == MP_ARRAY);
    buf_fini(&args);
}

static void failed_open_says_why(void **state)
{
    world_t *world = *state;
    buf_t why = {0};
    config_t *broken = config_copy(world->config);
    assert_int_equal(config_set(broken, "host-name", STR_LIT("broken"), &why), ERR_OK);
    static const actor_t third = {
        .name = "files", .commands = small_commands, .open = small_open, .close = small_close};
    assert_null(dispatch_start(&third, broken, world->endpoints, &why));
    assert_true(str_is(buf_str(&why), "small: broken on purpose"));
    config_destroy(&broken);
    buf_fini(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_a_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_unknown_and_incomplete, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failed_commit_is_told_and_undone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(silent_actor_times_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(absurd_deadlines_are_survived, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_start_at_random, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deferred_answer_comes_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_actor_is_known_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_open_requests_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writers_answer_follows_the_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_frames_harm_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(follower_gets_every_event_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(replay_gives_what_was_missed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failed_open_says_why, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
