/* SPDX-License-Identifier: MIT */
#include "actors/replica.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bus/json.h"
#include "bus/log.h"
#include "tests/unit/fake_env.h"

/* An actor that does nothing but write down what its replica reports. */
typedef struct {
    replica_t *replica;
    buf_t seen;
} watcher_t;

static const char *const *watched_types;

static void on_begin(void *arg)
{
    watcher_t *self = arg;
    buf_append_cstr(&self->seen, "begin ");
}

static void on_object(void *arg, str_t id, mp_t object, bool live, str_t instance)
{
    watcher_t *self = arg;
    buf_printf(&self->seen, "%.*s=", STR_ARG(id));
    json_from_mp(&self->seen, object, NULL);
    if (live)
        buf_printf(&self->seen, "/%.*s", STR_ARG(instance));
    buf_append_byte(&self->seen, ' ');
}

static void on_end(void *arg)
{
    watcher_t *self = arg;
    buf_append_cstr(&self->seen, "end ");
}

static err_t watcher_open(env_t *env, const config_t *config, void **self_p, buf_t *why)
{
    static const replica_ops_t ops = {on_begin, on_object, on_end};
    watcher_t *self = calloc(1, sizeof *self);
    (void)config;
    (void)why;
    self->replica = replica_new(env, watched_types, &ops, self);
    *self_p = self;
    return ERR_OK;
}

static void watcher_close(void **self_p)
{
    watcher_t *self = *self_p;
    replica_destroy(&self->replica);
    replica_destroy(&self->replica);
    buf_fini(&self->seen);
    free(self);
    *self_p = NULL;
}

static void watcher_event(void *arg, const event_t *event)
{
    replica_event(((watcher_t *)arg)->replica, event);
}

static void watcher_gap(void *arg, const char *actor)
{
    assert_string_equal(actor, "objects");
    replica_gap(((watcher_t *)arg)->replica);
}

static int64_t watcher_tick(void *arg, int64_t mono_ms)
{
    return replica_tick(((watcher_t *)arg)->replica, mono_ms);
}

static const command_t commands[] = {{NULL, NULL, 0, 0}};
static const char *const follows[] = {"objects", NULL};
static const actor_t watcher_actor = {.name = "watcher",
                                      .commands = commands,
                                      .follows = follows,
                                      .open = watcher_open,
                                      .close = watcher_close,
                                      .event = watcher_event,
                                      .gap = watcher_gap,
                                      .tick = watcher_tick};

static fake_env_t *start(const char *const *types)
{
    log_set_level(LEVEL_ERROR);
    watched_types = types;
    fake_env_t *env = fake_env_new();
    fake_env_open(env, &watcher_actor, NULL);
    return env;
}

static bool is_ready(fake_env_t *env)
{
    return replica_ready(((watcher_t *)fake_env_actor(env))->replica);
}

static void expect_seen(fake_env_t *env, const char *want)
{
    watcher_t *self = fake_env_actor(env);
    if (!str_is(buf_str(&self->seen), want))
        fail_msg("seen \"%.*s\", not \"%s\"", STR_ARG(buf_str(&self->seen)), want);
    buf_reset(&self->seen);
}

static void change(fake_env_t *env, const char *args)
{
    fake_env_event(env, "objects", "objectChange", "ws.0", args);
}

static void example(void **state)
{
    (void)state;
    fake_env_t *env = start(NULL);
    assert_string_equal(fake_env_asked(env), "[[\"objects\",\"objects.scan\",[null,500,null]]]");
    fake_env_reply(env, ERR_OK, "[null,[[\"a\",{}],[\"b\",{\"x\":1}]],\"b\"]");
    assert_false(is_ready(env));
    assert_string_equal(fake_env_asked(env), "[[\"objects\",\"objects.scan\",[\"b\",500,null]]]");
    fake_env_reply(env, ERR_OK, "[null,[[\"c\",{}]],null]");
    assert_true(is_ready(env));
    change(env, "[\"c\",null]");
    expect_seen(env, "begin a={} b={\"x\":1} c={} end c=null/ws.0 ");
    fake_env_destroy(&env);
}

static void types_are_asked_for(void **state)
{
    static const char *const types[] = {"user", "group", NULL};
    (void)state;
    fake_env_t *env = start(types);
    assert_string_equal(fake_env_asked(env),
                        "[[\"objects\",\"objects.scan\",[null,500,[\"user\",\"group\"]]]]");
    fake_env_destroy(&env);
}

static void events_wait_for_the_reading(void **state)
{
    (void)state;
    fake_env_t *env = start(NULL);
    change(env, "[\"a\",{\"x\":1}]");
    fake_env_reply(env, ERR_OK, "[null,[[\"a\",{}]],\"a\"]");
    change(env, "[\"a\",{\"x\":2}]");
    fake_env_event(env, "objects", "somethingElse", "", "[\"a\",1]");
    expect_seen(env, "begin a={} ");
    fake_env_reply(env, ERR_OK, "[null,[],null]");
    expect_seen(env, "end a={\"x\":1}/ws.0 a={\"x\":2}/ws.0 ");
    fake_env_destroy(&env);
}

static void errors_are_retried(void **state)
{
    static const char *const wrong[] = {"[\"text\"]", "[null]", "[null,5,null]", "[]", "[null,[]]"};
    (void)state;
    fake_env_t *env = start(NULL);
    fake_env_asked(env);
    fake_env_reply(env, ERR_TIMEOUT, "[\"text\"]");
    assert_string_equal(fake_env_asked(env), "[]");
    fake_env_advance(env, 99);
    assert_string_equal(fake_env_asked(env), "[]");
    fake_env_advance(env, 1);
    assert_string_equal(fake_env_asked(env), "[[\"objects\",\"objects.scan\",[null,500,null]]]");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        fake_env_reply(env, ERR_OK, wrong[i]);
        fake_env_advance(env, 5000);
        assert_string_equal(fake_env_asked(env),
                            "[[\"objects\",\"objects.scan\",[null,500,null]]]");
    }
    expect_seen(env, "");
    fake_env_reply(env, ERR_OK, "[null,[5,[\"a\"],[1,2],[\"b\",{}]],null]");
    expect_seen(env, "begin b={} end ");
    fake_env_destroy(&env);
}

/* Events were lost in the middle of a reading: the answer under way no longer counts. */
static void gap_during_the_reading(void **state)
{
    (void)state;
    fake_env_t *env = start(NULL);
    fake_env_reply(env, ERR_OK, "[null,[[\"a\",{}]],\"a\"]");
    change(env, "[\"a\",{\"x\":1}]");
    fake_env_asked(env);
    watcher_actor.gap(fake_env_actor(env), "objects");
    assert_string_equal(fake_env_asked(env), "[]");
    fake_env_reply(env, ERR_OK, "[null,[[\"b\",{}]],null]");
    assert_false(is_ready(env));
    assert_string_equal(fake_env_asked(env), "[[\"objects\",\"objects.scan\",[null,500,null]]]");
    fake_env_reply(env, ERR_OK, "[null,[[\"c\",{}]],null]");
    expect_seen(env, "begin a={} begin c={} end ");
    /* And once more, later. */
    watcher_actor.gap(fake_env_actor(env), "objects");
    assert_true(is_ready(env));
    fake_env_reply(env, ERR_OK, "[null,[],null]");
    expect_seen(env, "begin end ");
    fake_env_destroy(&env);
}

static void too_many_events_start_again(void **state)
{
    enum { MANY = 100001 };
    (void)state;
    fake_env_t *env = start(NULL);
    fake_env_asked(env);
    for (int i = 0; i < MANY; i++)
        change(env, i < MANY - 1 ? "[\"old\",1]" : "[\"last\",1]");
    fake_env_reply(env, ERR_OK, "[null,[],null]"); /* of the reading that was given up */
    assert_string_equal(fake_env_asked(env), "[[\"objects\",\"objects.scan\",[null,500,null]]]");
    fake_env_reply(env, ERR_OK, "[null,[],null]");
    expect_seen(env, "begin end last=1/ws.0 ");
    fake_env_destroy(&env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example),
        cmocka_unit_test(types_are_asked_for),
        cmocka_unit_test(events_wait_for_the_reading),
        cmocka_unit_test(errors_are_retried),
        cmocka_unit_test(gap_during_the_reading),
        cmocka_unit_test(too_many_events_start_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
