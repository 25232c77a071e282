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

static int as_system(void **state)
{
    set_up(state);
    fake_env_set_user(*state, "");
    fake_env_set_instance(*state, "");
    return 0;
}

/* Usage: an import puts objects as they are. */
static void test_put_and_get(void **state)
{
    fake_env_t *env = *state;
    check(env, "objects.put",
          "[[[\"z.1\",{\"_id\":\"z.1\",\"a\":null}],[\"z.0\",{\"b\":1,\"_id\":\"x\"}]]]",
          "[null,2]");
    check(env, "objects.get", "[[\"z.0\",\"none\",\"z.1\"]]",
          "[null,[{\"_id\":\"z.0\",\"b\":1},null,{\"_id\":\"z.1\",\"a\":null}]]");
    assert_string_equal(fake_env_events(env),
                        "[[\"objectChange\",[\"z.1\",{\"_id\":\"z.1\",\"a\":null}]],"
                        "[\"objectChange\",[\"z.0\",{\"_id\":\"z.0\",\"b\":1}]]]");
    check(env, "objects.put", "[[]]", "[null,0]");
    check(env, "objects.get", "[[]]", "[null,[]]");
}

static void test_put_keeps_the_order_given(void **state)
{
    fake_env_t *env = *state;
    check(env, "objects.put", "[[[\"z.b\",{\"type\":\"chart\"}],[\"z.a\",{\"type\":\"chart\"}]]]",
          "[null,2]");
    check(env, "objects.put", "[[[\"z.c\",{\"type\":\"chart\"}],[\"z.b\",{\"type\":\"chart\"}]]]",
          "[null,2]");
    check(env, "getObjectView", "[\"system\",\"chart\",{}]",
          "[null,{\"rows\":[{\"id\":\"z.b\",\"value\":{\"_id\":\"z.b\",\"type\":\"chart\"}},"
          "{\"id\":\"z.a\",\"value\":{\"_id\":\"z.a\",\"type\":\"chart\"}},"
          "{\"id\":\"z.c\",\"value\":{\"_id\":\"z.c\",\"type\":\"chart\"}}]}]");
}

static void test_del(void **state)
{
    fake_env_t *env = *state;
    fake_env_call(env, "objects.put",
                  "[[[\"z.a\",{\"common\":{\"dontDelete\":true}}],[\"z.b\",{}]]]");
    fake_env_events(env);
    check(env, "objects.del", "[[\"z.a\",\"z.c\",\"z.b\",\"z.a\"]]", "[null,2]");
    assert_string_equal(fake_env_events(env),
                        "[[\"objectChange\",[\"z.a\",null]],[\"objectChange\",[\"z.b\",null]]]");
    check(env, "objects.get", "[[\"z.a\"]]", "[null,[null]]");
}

static void test_scan_goes_page_by_page(void **state)
{
    fake_env_t *env = *state;
    fake_env_call(env, "objects.put",
                  "[[[\"z.c\",{\"type\":\"chart\"}],[\"z.a\",{\"type\":\"state\"}],[\"z.b\",{"
                  "\"type\":\"chart\"}]]]");
    check(env, "objects.scan", "[\"z\",1]",
          "[null,[[\"z.a\",{\"_id\":\"z.a\",\"type\":\"state\"}]],\"z.a\"]");
    check(env, "objects.scan", "[\"z.a\",1,null]",
          "[null,[[\"z.b\",{\"_id\":\"z.b\",\"type\":\"chart\"}]],\"z.b\"]");
    check(env, "objects.scan", "[\"z.b\",1]",
          "[null,[[\"z.c\",{\"_id\":\"z.c\",\"type\":\"chart\"}]],null]");
    check(env, "objects.scan", "[\"z.c\",1]", "[null,[],null]");
    check(env, "objects.scan", "[null,1000,[\"chart\",\"nosuch\"]]",
          "[null,[[\"z.b\",{\"_id\":\"z.b\",\"type\":\"chart\"}],[\"z.c\",{\"_id\":\"z.c\","
          "\"type\":\"chart\"}]],null]");
    check(env, "objects.scan", "[null,10,[\"nosuch\"]]", "[null,[],null]");
    assert_non_null(
        strstr(fake_env_call(env, "objects.scan", "[null,1]"), "[null,[[\"0_userdata.0\","));
}

static void test_bad_arguments(void **state)
{
    fake_env_t *env = *state;
    static const char *const rows[][2] = {
        {"objects.get", "[]"},
        {"objects.get", "[5]"},
        {"objects.get", "[[5]]"},
        {"objects.put", "[]"},
        {"objects.put", "[{}]"},
        {"objects.put", "[[[\"a\"]]]"},
        {"objects.put", "[[[\"a\",5]]]"},
        {"objects.put", "[[[\"\",{}]]]"},
        {"objects.put", "[[[5,{}]]]"},
        {"objects.del", "[]"},
        {"objects.del", "[\"a\"]"},
        {"objects.del", "[[\"enum.rooms\",5]]"},
        {"objects.scan", "[]"},
        {"objects.scan", "[null]"},
        {"objects.scan", "[5,10]"},
        {"objects.scan", "[null,0]"},
        {"objects.scan", "[null,-1]"},
        {"objects.scan", "[null,\"x\"]"},
        {"objects.scan", "[null,1,5]"},
        {"objects.scan", "[null,1,[5]]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(env, rows[i][0], rows[i][1], "[\"Invalid arguments\"]");
    /* A list with one bad entry writes nothing. */
    check(env, "objects.put", "[[[\"z.a\",{}],[\"z.b\",5]]]", "[\"Invalid arguments\"]");
    check(env, "objects.get", "[[\"z.a\"]]", "[null,[null]]");
    assert_non_null(strstr(fake_env_call(env, "objects.get", "[[\"enum.rooms\"]]"), "\"_id\""));
}

static void test_bounds(void **state)
{
    fake_env_t *env = *state;
    char args[8192];
    memset(args, 'x', sizeof args);
    memcpy(args, "[[[\"z\",{\"a\":\"", 13);
    strcpy(args + 6000, "\"}]]]");
    check(env, "objects.put", args, "[\"Message is too large\"]");
    memset(args, 'x', sizeof args);
    memcpy(args, "[[[\"", 4);
    strcpy(args + 5000, "\",{}]]]");
    check(env, "objects.put", args, "[\"Message is too large\"]");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, as_system, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_put_and_get),   TEST(test_put_keeps_the_order_given),
        TEST(test_del),           TEST(test_scan_goes_page_by_page),
        TEST(test_bad_arguments), TEST(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
