/* SPDX-License-Identifier: MIT */
#include "actors/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_env.h"

#define USER "[\"system.user.anna\",{\"type\":\"user\",\"common\":{\"name\":\"anna\"}}]"
#define GROUP                                                                                      \
    "[\"system.group.a\",{\"type\":\"group\",\"common\":{\"members\":[\"system.user.anna\"],"      \
    "\"acl\":{\"object\":{\"read\":true}}}}]"

static const char *objects_answer(void *arg, const char *actor, const char *command,
                                  const char *args)
{
    (void)args;
    assert_string_equal(actor, "objects");
    return strcmp(command, "objects.scan") == 0 ? *(const char **)arg : NULL;
}

static void check(fake_env_t *env, const char *args, const char *want)
{
    assert_string_equal(fake_env_call(env, "auth.permissions", args), want);
}

/* Usage: it reads users and groups at the start and then knows what they may. */
static void test_permissions(void **state)
{
    (void)state;
    const char *page = "[null,[" USER "," GROUP "],null]";
    fake_env_t *env = fake_env_new();
    fake_env_set_peer(env, objects_answer, &page);
    fake_env_open(env, &auth_actor, NULL);
    check(env, "[\"system.user.anna\"]",
          "[null,{\"user\":\"system.user.anna\",\"groups\":[\"system.group.a\"],\"object\":{"
          "\"read\":true}}]");
    check(env, "[\"anna\"]",
          "[null,{\"user\":\"system.user.anna\",\"groups\":[\"system.group.a\"],\"object\":{"
          "\"read\":true}}]");
    check(env, "[\"system.user.x\"]", "[null,{\"user\":\"system.user.x\",\"groups\":[]}]");
    assert_string_equal(fake_env_events(env), "[[\"permissionsChange\",[null]]]");
    fake_env_destroy(&env);
}

static void test_bad_arguments(void **state)
{
    (void)state;
    const char *page = "[null,[],null]";
    fake_env_t *env = fake_env_new();
    fake_env_set_peer(env, objects_answer, &page);
    fake_env_open(env, &auth_actor, NULL);
    check(env, "[]", "[\"Invalid arguments\"]");
    check(env, "[5]", "[\"Invalid arguments\"]");
    check(env, "[\"\"]", "[\"Invalid arguments\"]");
    fake_env_destroy(&env);
}

static void test_nothing_is_known_before_the_first_reading(void **state)
{
    (void)state;
    fake_env_t *env = fake_env_new();
    fake_env_open(env, &auth_actor, NULL);
    check(env, "[\"system.user.admin\"]", "[\"Service is not available\"]");
    buf_t why;
    buf_init(&why);
    assert_false(auth_actor.ready(fake_env_actor(env), &why));
    assert_true(why.len > 0);
    fake_env_reply(env, ERR_OK, "[null,[],null]");
    assert_true(auth_actor.ready(fake_env_actor(env), &why));
    assert_non_null(
        strstr(fake_env_call(env, "auth.permissions", "[\"system.user.admin\"]"), "[null,{"));
    buf_fini(&why);
    fake_env_destroy(&env);
}

/* For the delivery of events: all groups, also those of administrators. */
static void test_identity(void **state)
{
    (void)state;
    const char *page = "[null,[" USER "," GROUP ","
                       "[\"system.group.administrator\",{\"type\":\"group\",\"common\":{"
                       "\"members\":[\"system.user.boss\"]}}],"
                       "[\"system.group.other\",{\"type\":\"group\",\"common\":{"
                       "\"members\":[\"system.user.boss\"]}}],"
                       "[\"system.user.boss\",{\"type\":\"user\",\"common\":{}}]],null]";
    fake_env_t *env = fake_env_new();
    fake_env_open(env, &auth_actor, NULL);
    assert_string_equal(fake_env_call(env, "auth.identity", "[\"system.user.boss\"]"),
                        "[\"Service is not available\"]");
    fake_env_reply(env, ERR_OK, page);
    const char *boss = fake_env_call(env, "auth.identity", "[\"system.user.boss\"]");
    assert_non_null(strstr(boss, ",true,[\"system.group.administrator\",\"system.group.other\"]]"));
    const char *nobody = fake_env_call(env, "auth.identity", "[\"system.user.nobody\"]");
    assert_string_equal(nobody, "[null,{\"user\":\"system.user.nobody\",\"groups\":[]},false,[]]");
    auth_actor.gap(fake_env_actor(env), "objects"); /* being read anew */
    assert_string_equal(fake_env_call(env, "auth.identity", "[\"system.user.boss\"]"),
                        "[\"Service is not available\"]");
    fake_env_destroy(&env);
}

static void test_changes_take_effect_and_are_told(void **state)
{
    (void)state;
    const char *page = "[null,[" USER "],null]";
    fake_env_t *env = fake_env_new();
    fake_env_set_peer(env, objects_answer, &page);
    fake_env_open(env, &auth_actor, NULL);
    fake_env_events(env);
    fake_env_event(env, "objects", "objectChange", "socketio.0", GROUP);
    assert_string_equal(fake_env_events(env), "[[\"permissionsChange\",[null]]]");
    assert_non_null(
        strstr(fake_env_call(env, "auth.permissions", "[\"anna\"]"), "\"object\":{\"read\":true}"));
    fake_env_event(env, "objects", "objectChange", "socketio.0", "[\"system.user.anna\",null]");
    assert_string_equal(fake_env_events(env),
                        "[[\"sessionEnd\",[\"system.user.anna\",null,\"deleted\"]],"
                        "[\"permissionsChange\",[\"system.user.anna\"]]]");
    fake_env_event(env, "objects", "objectChange", "socketio.0",
                   "[\"flot.0.a\",{\"type\":\"state\"}]");
    assert_string_equal(fake_env_events(env), "[]");
    fake_env_destroy(&env);
}

static void test_a_new_reading_forgets_what_is_gone(void **state)
{
    (void)state;
    const char *page = "[null,[" USER "," GROUP "],null]";
    fake_env_t *env = fake_env_new();
    fake_env_set_peer(env, objects_answer, &page);
    fake_env_open(env, &auth_actor, NULL);
    page = "[null,[" USER "],null]";
    auth_actor.gap(fake_env_actor(env), "objects");
    fake_env_advance(env, 10000);
    check(env, "[\"system.user.anna\"]", "[null,{\"user\":\"system.user.anna\",\"groups\":[]}]");
    fake_env_destroy(&env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permissions),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_nothing_is_known_before_the_first_reading),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_changes_take_effect_and_are_told),
        cmocka_unit_test(test_a_new_reading_forgets_what_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
