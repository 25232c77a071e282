/* SPDX-License-Identifier: MIT */
#include "actors/objects_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_env.h"

static void set(fake_env_t *env, const char *id, const char *object)
{
    char args[1024];
    snprintf(args, sizeof args, "[\"%s\",%s]", id, object);
    assert_non_null(strstr(fake_env_call(env, "setObject", args), "[null,"));
    fake_env_events(env);
}

static bool exists(fake_env_t *env, const char *id)
{
    char args[256];
    snprintf(args, sizeof args, "[\"%s\"]", id);
    return strcmp(fake_env_call(env, "getObject", args), "[null,null]") != 0;
}

/* Usage: pages delete what flot stores. */
static void test_pages_delete_their_own(void **state)
{
    fake_env_t *env = *state;
    set(env, "flot.0.a", "{}");
    set(env, "fullcalendar.0.a", "{}");
    check(env, "delObject", "[\"flot.0.a\",null]", "[null]");
    assert_string_equal(fake_env_events(env), "[[\"objectChange\",[\"flot.0.a\",null]]]");
    check(env, "delObject", "[\"fullcalendar.0.a\",{}]", "[null]");
    fake_env_events(env);
    check(env, "delObject", "[\"flot.0.a\"]", "[null]"); /* missing: no error, no event */
    assert_string_equal(fake_env_events(env), "[]");
    assert_false(exists(env, "flot.0.a"));
}

static void test_pages_delete_nothing_else(void **state)
{
    fake_env_t *env = *state;
    static const char *const args[] = {"[\"system.config\",null]",
                                       "[\"flot0.x\"]",
                                       "[\"\"]",
                                       "[]",
                                       "[null]",
                                       "[5]",
                                       "[[\"flot.0.a\"]]",
                                       "[{}]",
                                       "[\"flot\"]",
                                       "[\"demo.flot.0\"]"};
    for (size_t i = 0; i < sizeof args / sizeof args[0]; i++)
        check(env, "delObject", args[i], "[\"permissionError\"]");
    check(env, "delObject", "[\"flot.\"]",
          "[\"The id \\\"flot.\\\" is invalid. Ids are not allowed to end in \\\".\\\"\"]");
    assert_true(exists(env, "system.config"));
}

static void test_what_must_not_be_deleted(void **state)
{
    fake_env_t *env = *state;
    set(env, "flot.0.a", "{\"common\":{\"dontDelete\":true}}");
    check(env, "delObject", "[\"flot.0.a\"]", "[\"not deletable\"]");
    check(env, "delObjectAdmin", "[\"system.config\"]", "[\"not deletable\"]");
    assert_string_equal(fake_env_events(env), "[]");
    set(env, "flot.0.a", "{\"common\":{\"dontDelete\":\"yes\"}}");
    check(env, "delObject", "[\"flot.0.a\"]", "[null]");
}

static void test_enums_forget_what_is_deleted(void **state)
{
    fake_env_t *env = *state;
    set(env, "hue.0.a", "{}");
    set(env, "enum.rooms.x",
        "{\"type\":\"enum\",\"common\":{\"members\":[\"hue.0.a\",5,\"b\",\"hue.0.a\"]},"
        "\"from\":\"f\",\"user\":\"u\",\"ts\":1}");
    set(env, "enum.rooms.odd", "{\"type\":\"enum\",\"common\":{\"members\":\"hue.0.a\"}}");
    set(env, "hue.0.enum", "{\"type\":\"enum\",\"common\":{\"members\":[\"hue.0.a\"]}}");
    check(env, "delObjectAdmin", "[\"hue.0.a\"]", "[null]");
    assert_string_equal(
        fake_env_events(env),
        "[[\"objectChange\",[\"hue.0.a\",null]],[\"objectChange\",[\"enum.rooms.x\","
        "{\"type\":\"enum\",\"common\":{\"members\":[5,\"b\"]},\"from\":\"f\",\"user\":\"u\","
        "\"ts\":1,\"_id\":\"enum.rooms.x\"}]]]");
    /* Only enums below "enum." are cleaned up. */
    assert_non_null(strstr(fake_env_call(env, "getObject", "[\"hue.0.enum\"]"), "[\"hue.0.a\"]"));
}

static void tree(fake_env_t *env)
{
    set(env, "hue.0", "{}");
    set(env, "hue.0.a", "{}");
    set(env, "hue.0.a.b", "{\"common\":{\"dontDelete\":true}}");
    set(env, "hue.0.a.c", "{}");
    set(env, "hue.0.ab", "{}");
    set(env, "enum.rooms.x",
        "{\"type\":\"enum\",\"common\":{\"members\":[\"hue.0.a\",\"hue.0.a.c\"]}}");
}

static void test_a_whole_tree_can_go(void **state)
{
    fake_env_t *env = *state;
    tree(env);
    check(env, "delObjects", "[\"hue.0.a\",{}]", "[null]");
    assert_false(exists(env, "hue.0.a"));
    assert_true(exists(env, "hue.0.a.b"));
    assert_false(exists(env, "hue.0.a.c"));
    assert_true(exists(env, "hue.0.ab"));
    assert_non_null(
        strstr(fake_env_call(env, "getObject", "[\"enum.rooms.x\"]"), "\"members\":[]"));
    check(env, "delObjects", "[\"nothing\"]", "[null]");

    tree(env);
    check(env, "delObjectAdmin", "[\"hue.0\",{\"recursive\":true}]", "[null]");
    assert_false(exists(env, "hue.0.ab"));
    assert_true(exists(env, "hue.0.a.b"));
    tree(env);
    check(env, "delObjectAdmin", "[\"hue.0\",{\"recursive\":false}]", "[null]");
    assert_true(exists(env, "hue.0.ab"));
}

static void test_an_enum_may_go_with_its_members(void **state)
{
    fake_env_t *env = *state;
    set(env, "enum.rooms.x",
        "{\"type\":\"enum\",\"common\":{\"members\":[\"enum.rooms.x\",\"enum.rooms.y\"]}}");
    set(env, "enum.rooms.y", "{\"type\":\"enum\",\"common\":{\"members\":[\"enum.rooms.x\"]}}");
    check(env, "delObjects", "[\"enum.rooms\"]", "[null]");
    assert_false(exists(env, "enum.rooms.x"));
    assert_false(exists(env, "enum.rooms.y"));
    assert_true(exists(env, "enum.rooms"));
}

static void test_errors(void **state)
{
    fake_env_t *env = *state;
    static const char *const commands[] = {"delObjectAdmin", "delObjects"};
    for (size_t i = 0; i < 2; i++) {
        check(env, commands[i], "[]", "[\"The id is empty! Please provide a valid id.\"]");
        check(env, commands[i], "[5]",
              "[\"The id \\\"5\\\" has an invalid type! Expected \\\"string\\\" or "
              "\\\"object\\\", received \\\"number\\\".\"]");
        check(env, commands[i], "[\"a.\"]",
              "[\"The id \\\"a.\\\" is invalid. Ids are not allowed to end in \\\".\\\"\"]");
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_pages_delete_their_own),
        TEST(test_pages_delete_nothing_else),
        TEST(test_what_must_not_be_deleted),
        TEST(test_enums_forget_what_is_deleted),
        TEST(test_a_whole_tree_can_go),
        TEST(test_an_enum_may_go_with_its_members),
        TEST(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
