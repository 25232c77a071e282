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
    buf_t args = {0};
    buf_printf(&args, "[[[\"%s\",%s]]]%c", id, object, '\0');
    assert_string_equal(fake_env_call(env, "objects.put", (const char *)args.data), "[null,1]");
    buf_fini(&args);
}

/* Calls getObjectView and compares the ids of the rows, joined by blanks. */
static void check_ids(fake_env_t *env, const char *args, const char *want)
{
    const char *answer = fake_env_call(env, "getObjectView", args);
    char got[2048] = "";
    size_t len = 0;
    for (const char *at = strstr(answer, "{\"id\":\""); at; at = strstr(at + 1, "{\"id\":\"")) {
        size_t size = strcspn(at + 7, "\"");
        len += (size_t)snprintf(got + len, sizeof got - len, "%s%.*s", len ? " " : "", (int)size,
                                at + 7);
    }
    assert_string_equal(got, want);
}

static void house(fake_env_t *env)
{
    set(env, "hue.0.b.on", "{\"type\":\"state\",\"common\":{\"custom\":{\"h.0\":{\"on\":true}}}}");
    set(env, "hue.0.a",
        "{\"type\":\"state\",\"common\":{\"custom\":null,\"history\":{\"h.0\":1}}}");
    set(env, "hue.0.b", "{\"type\":\"channel\"}");
    set(env, "hue.0.a",
        "{\"type\":\"state\",\"common\":{\"custom\":null,\"history\":{\"h.0\":1}}}");
    set(env, "hue.0.c.d.e", "{\"type\":\"state\"}");
    set(env, "hue.0.c.d.f", "{\"type\":\"state\"}");
}

/* Usage: objects of a type between two keys, in the order in which they were inserted. */
static void test_rows_of_a_range(void **state)
{
    fake_env_t *env = *state;
    house(env);
    check(env, "getObjectView",
          "[\"system\",\"channel\",{\"startkey\":\"hue.\",\"endkey\":\"hue.\u9999\"}]",
          "[null,{\"rows\":[{\"id\":\"hue.0.b\",\"value\":{\"_id\":\"hue.0.b\",\"type\":"
          "\"channel\"}}]}]");
    check_ids(env, "[\"system\",\"state\",{\"startkey\":\"hue.\",\"endkey\":\"hue.\u9999\"}]",
              "hue.0.b.on hue.0.a hue.0.c.d.e hue.0.c.d.f");
}

static void test_ranges(void **state)
{
    fake_env_t *env = *state;
    house(env);
    static const char *const rows[][2] = {
        {"{\"startkey\":\"hue.0.a\",\"endkey\":\"hue.0.a\"}", "hue.0.a"},
        {"{\"startkey\":\"hue.0.c\",\"endkey\":\"hue.0.a\"}", ""},
        {"{\"startkey\":\"hue.0.b\",\"endkey\":\"hue.0.b.on\"}", "hue.0.b.on"},
        {"{\"endkey\":\"hue.0.b\"}", "hue.0.a"},
        {"{\"startkey\":\"hue.0.*\",\"endkey\":\"hue.0.*\u9999\"}", ""},
        {"{\"startkey\":null,\"endkey\":\"hue.0.b\"}", "hue.0.a"},
        {"{\"startkey\":5,\"endkey\":\"hue.0.b\"}", "hue.0.a"},
        {"{\"startkey\":\"nosuch.\",\"endkey\":\"nosuch.\u9999\"}", ""},
    };
    char args[256];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(args, sizeof args, "[\"system\",\"state\",%s]", rows[i][0]);
        check_ids(env, args, rows[i][1]);
    }
    const char *rest =
        fake_env_call(env, "getObjectView", "[\"system\",\"state\",{\"startkey\":\"hue.0.c\"}]");
    assert_non_null(strstr(rest, "socketio.0.info.connected"));
    assert_null(strstr(rest, "hue.0.a"));
}

static void test_order_of_keys_is_javascripts(void **state)
{
    fake_env_t *env = *state;
    set(env, "x.\uac00", "{\"type\":\"chart\"}");     /* above \u9999 */
    set(env, "x.\U0001f3e0", "{\"type\":\"chart\"}"); /* its first half too, but below \uff01 */
    set(env, "x.\uff01", "{\"type\":\"chart\"}");
    set(env, "x.z", "{\"type\":\"chart\"}");
    check_ids(env, "[\"system\",\"chart\",{\"startkey\":\"x.\",\"endkey\":\"x.\u9999\"}]", "x.z");
    check_ids(env, "[\"system\",\"chart\",{\"startkey\":\"x.\",\"endkey\":\"x.\U0001f3ff\"}]",
              "x.\uac00 x.\U0001f3e0 x.z");
}

static void test_some_views_know_their_range(void **state)
{
    fake_env_t *env = *state;
    set(env, "other.user", "{\"type\":\"user\",\"common\":{\"name\":\"x\"}}");
    set(env, "other.enum", "{\"type\":\"enum\"}");
    set(env, "other.instance.7", "{\"type\":\"instance\"}");
    check_ids(env, "[\"system\",\"user\",{}]", "admin");
    check_ids(env, "[\"system\",\"user\",{\"endkey\":\"\u9999\"}]", "admin");
    check_ids(env, "[\"system\",\"user\",{\"startkey\":\"o\"}]", "admin x");
    check_ids(env, "[\"system\",\"group\"]", "User Administrator");
    check_ids(env, "[\"system\",\"enum\",null]", "enum.functions enum.rooms");
    check_ids(env, "[\"system\",\"instance\",\"\"]", "system.adapter.socketio.0");
}

static void test_names_as_row_ids(void **state)
{
    fake_env_t *env = *state;
    set(env, "x.a", "{\"type\":\"config\",\"common\":{\"name\":\"text\"}}");
    set(env, "x.b",
        "{\"type\":\"config\",\"common\":{\"name\":{\"en\":\"english\",\"de\":\"d\"}}}");
    set(env, "x.c", "{\"type\":\"config\",\"common\":{\"name\":{\"de\":1}}}");
    set(env, "x.d", "{\"type\":\"config\"}");
    set(env, "x.e", "{\"type\":\"config\",\"common\":5}");
    const char *answer = fake_env_call(
        env, "getObjectView", "[\"system\",\"config\",{\"startkey\":\"x.\",\"endkey\":\"x.z\"}]");
    static const char *const ids[] = {"{\"id\":\"text\",", "{\"id\":\"english\",",
                                      "{\"id\":\"{\\\"de\\\":1}\",", "{\"id\":\"x.d\",",
                                      "{\"id\":\"x.e\","};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        assert_non_null(strstr(answer, ids[i]));
}

static void test_custom(void **state)
{
    fake_env_t *env = *state;
    house(env);
    check(env, "getObjectView", "[\"system\",\"custom\",{}]",
          "[null,{\"rows\":[{\"id\":\"hue.0.b.on\",\"value\":{\"h.0\":{\"on\":true}}}]}]");
    check(env, "getObjectView", "[\"system\",\"custom-full\",{}]",
          "[null,{\"rows\":[{\"id\":\"hue.0.b.on\",\"value\":{\"_id\":\"hue.0.b.on\",\"type\":"
          "\"state\","
          "\"common\":{\"custom\":{\"h.0\":{\"on\":true}}}}}]}]");
    check(env, "getObjectView", "[\"custom\",\"state\",{\"depth\":1}]",
          "[null,{\"rows\":[{\"id\":\"hue.0.b.on\",\"value\":{\"h.0\":{\"on\":true}}},"
          "{\"id\":\"hue.0.a\",\"value\":{\"h.0\":1}}]}]");
}

static void test_instanceStats(void **state)
{
    fake_env_t *env = *state;
    set(env, "system.adapter.hue.2", "{\"type\":\"instance\"}");
    set(env, "system.adapter.hue.10", "{\"type\":\"instance\"}");
    set(env, "system.adapter.hue.x", "{\"type\":\"instance\"}");
    set(env, "system.adapter.hue.99", "{\"type\":\"state\"}");
    check(env, "getObjectView",
          "[\"system\",\"instanceStats\",{\"startkey\":\"system.adapter.hue.\",\"endkey\":\"system."
          "adapter.hue.\u9999\"}]",
          "[null,{\"rows\":[{\"id\":\"_stats\",\"value\":{\"max\":10}}]}]");
    check(env, "getObjectView",
          "[\"system\",\"instanceStats\",{\"startkey\":\"z\",\"endkey\":\"z\"}]",
          "[null,{\"rows\":[]}]");
}

static void test_partial_trees(void **state)
{
    fake_env_t *env = *state;
    house(env);
    check_ids(
        env,
        "[\"system\",\"state\",{\"startkey\":\"hue.0.\",\"endkey\":\"hue.0.\u9999\",\"depth\":1}]",
        "hue.0.b.on hue.0.a hue.0.c.d");
    check_ids(
        env,
        "[\"system\",\"state\",{\"startkey\":\"hue.0\",\"endkey\":\"hue.0.\u9999\",\"depth\":2}]",
        "hue.0.b.on hue.0.a hue.0.c.d.e hue.0.c.d.f");
    check_ids(env,
              "[\"system\",\"state\",{\"startkey\":\"hue.\",\"endkey\":\"hue.0.z\",\"depth\":1}]",
              "hue.0.b hue.0.a hue.0.c hue.0.c.d");
    const char *answer = fake_env_call(
        env, "getObjectView",
        "[\"system\",\"state\",{\"startkey\":\"hue.\",\"endkey\":\"hue.0.z\",\"depth\":2}]");
    assert_non_null(
        strstr(answer,
               "{\"id\":\"hue.0.c.d\",\"value\":{\"_id\":\"hue.0.c.d\",\"common\":{},\"native\":{},"
               "\"type\":\"folder\",\"virtual\":true,\"hasChildren\":2}}"));
    check_ids(env, "[\"system\",\"chart\",{\"depth\":1}]", "");
    static const char *const off[] = {"0", "-1", "null", "\"1\"", "1e300"};
    char args[128];
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
        snprintf(
            args, sizeof args,
            "[\"system\",\"state\",{\"startkey\":\"hue.0.c\",\"endkey\":\"hue.0.d\",\"depth\":%s}]",
            off[i]);
        check_ids(env, args, "hue.0.c.d.e hue.0.c.d.f");
    }
}

static void test_children_are_counted_past_one_byte(void **state)
{
    fake_env_t *env = *state;
    char id[64];
    for (int i = 0; i < 300; i++) {
        snprintf(id, sizeof id, "x.0.f.g.%d", i);
        set(env, id, "{\"type\":\"chart\"}");
    }
    assert_non_null(
        strstr(fake_env_call(env, "getObjectView",
                             "[\"system\",\"chart\",{\"startkey\":\"x.0.\",\"depth\":1}]"),
               "\"hasChildren\":300}"));
}

static void test_an_answer_that_fits_no_message_is_refused(void **state)
{
    (void)state;
    fake_env_t *env = fake_env_new();
    config_t *config = config_new();
    buf_t why;
    buf_init(&why);
    assert_int_equal(config_set(config, "data", STR_LIT(":memory:"), &why), ERR_OK);
    assert_int_equal(config_set(config, "max-frame", STR_LIT("65536"), &why), ERR_OK);
    fake_env_open(env, &objects_actor, config);
    char id[1024];
    for (int i = 0; i < 20; i++) {
        size_t len = (size_t)snprintf(id, sizeof id, "x%d", i);
        while (len < 600)
            len += (size_t)snprintf(id + len, sizeof id - len, ".a");
        set(env, id, "{\"type\":\"chart\"}");
    }
    assert_non_null(
        strstr(fake_env_call(env, "getObjectView", "[\"system\",\"chart\",{}]"), "[null,{"));
    check(env, "getObjectView", "[\"system\",\"chart\",{\"depth\":1}]",
          "[\"Message is too large\"]");
    config_destroy(&config);
    buf_fini(&why);
    fake_env_destroy(&env);
}

static void test_errors(void **state)
{
    fake_env_t *env = *state;
    static const char *const rows[][2] = {
        {"[]", "[\"Parameter \\\"design\\\" needs to be of type \\\"string\\\" but type "
               "\\\"undefined\\\" has been passed\"]"},
        {"[null,\"state\"]", "[\"Parameter \\\"design\\\" needs to be of type \\\"string\\\" but "
                             "type \\\"object\\\" has been passed\"]"},
        {"[\"system\"]", "[\"Parameter \\\"search\\\" needs to be of type \\\"string\\\" but type "
                         "\\\"undefined\\\" has been passed\"]"},
        {"[\"system\",{\"a\":1},{}]", "[\"Parameter \\\"search\\\" needs to be of type "
                                      "\\\"string\\\" but type \\\"object\\\" has been passed\"]"},
        {"[\"system\",\"enum\",\"enum.\"]", "[\"Parameter \\\"params\\\" needs to be a real object "
                                            "but type \\\"string\\\" has been passed\"]"},
        {"[\"system\",\"enum\",7]", "[\"Parameter \\\"params\\\" needs to be a real object but "
                                    "type \\\"number\\\" has been passed\"]"},
        {"[\"system\",\"enum\",[]]", "[\"Parameter \\\"params\\\" needs to be a real object but "
                                     "type \\\"object\\\" has been passed\"]"},
        {"[\"system\",\"nosuch\",{}]",
         "[{\"\\u0001error\":\"Cannot find search \\\"nosuch\\\" in \\\"system\\\"\"}]"},
        {"[\"nosuch\",\"state\",{}]", "[{\"\\u0001error\":\"Cannot find view \\\"nosuch\\\"\"}]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(env, "getObjectView", rows[i][0], rows[i][1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_rows_of_a_range),
        TEST(test_ranges),
        TEST(test_order_of_keys_is_javascripts),
        TEST(test_some_views_know_their_range),
        TEST(test_names_as_row_ids),
        TEST(test_custom),
        TEST(test_instanceStats),
        TEST(test_partial_trees),
        TEST(test_children_are_counted_past_one_byte),
        TEST(test_errors),
        cmocka_unit_test(test_an_answer_that_fits_no_message_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
