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

#define FILLED                                                                                     \
    "\"from\":\"system.adapter.socketio.0\",\"user\":\"system.user.admin\",\"ts\":1700000000000"

/* Sets an object and looks at what is read back (without what is filled in). */
static void check_stored(fake_env_t *env, const char *id, const char *object, const char *want)
{
    char text[2048], full[2048];
    snprintf(text, sizeof text, "[\"%s\",%s]", id, object);
    snprintf(full, sizeof full, "[null,{\"id\":\"%s\"}]", id);
    check(env, "setObject", text, full);
    snprintf(text, sizeof text, "[\"%s\"]", id);
    snprintf(full, sizeof full, "[null,{%s%s" FILLED ",\"_id\":\"%s\"}]", want, *want ? "," : "",
             id);
    check(env, "getObject", text, full);
}

/* Usage: an object is written and read back with what was filled in. */
static void test_a_write_fills_in_who_and_when(void **state)
{
    fake_env_t *env = *state;
    check_stored(env, "flot.0.a", "{\"type\":\"state\"}", "\"type\":\"state\"");
    check_stored(env, "flot.0.b", "{}", "");
    check_stored(env, "flot.0.c", "{\"from\":\"\",\"user\":null,\"ts\":0}", "");
    check(env, "setObject",
          "[\"flot.0.d\",{\"from\":\"f\",\"user\":\"u\",\"ts\":1,\"_id\":\"other\"}]",
          "[null,{\"id\":\"flot.0.d\"}]");
    check(env, "getObject", "[\"flot.0.d\"]",
          "[null,{\"from\":\"f\",\"user\":\"u\",\"ts\":1,\"_id\":\"flot.0.d\"}]");
}

static void test_errors_of_setObject(void **state)
{
    fake_env_t *env = *state;
    static const char *const rows[][2] = {
        {"[]", "[\"Parameter \\\"id\\\" needs to be of type \\\"string\\\" but type "
               "\\\"undefined\\\" has been passed\"]"},
        {"[null,{}]", "[\"Parameter \\\"id\\\" needs to be of type \\\"string\\\" but type "
                      "\\\"object\\\" has been passed\"]"},
        {"[7,{}]", "[\"Parameter \\\"id\\\" needs to be of type \\\"string\\\" but type "
                   "\\\"number\\\" has been passed\"]"},
        {"[\"a\"]", "[\"null object\"]"},
        {"[\"a\",null]", "[\"null object\"]"},
        {"[\"a\",0]", "[\"null object\"]"},
        {"[\"a\",\"\"]", "[\"null object\"]"},
        {"[\"a\",false]", "[\"null object\"]"},
        {"[\"a\",5]", "[\"no object\"]"},
        {"[\"a\",true]", "[\"no object\"]"},
        {"[\"a\",\"x\"]", "[\"no object\"]"},
        {"[\"a\",[]]", "[\"no object\"]"},
        {"[\"\",{}]", "[\"The id is empty! Please provide a valid id.\"]"},
        {"[\"a.\",{}]",
         "[\"The id \\\"a.\\\" is invalid. Ids are not allowed to end in \\\".\\\"\"]"},
        {"[\"a$%$b\",{}]", "[\"Invalid ID: a$%$b\"]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(env, "setObject", rows[i][0], rows[i][1]);
    assert_string_equal(fake_env_events(env), "[]");
}

static void test_forbidden_characters_are_replaced(void **state)
{
    fake_env_t *env = *state;
    check(env, "setObject", "[\"a[*]b,c\",{\"type\":\"folder\"}]", "[null,{\"id\":\"a_b_c\"}]");
    check(env, "extendObject", "[\"a?b\",{\"type\":\"folder\"}]", "[null,{\"id\":\"a_b\"}]");
    assert_non_null(strstr(fake_env_call(env, "getObject", "[\"a_b_c\"]"), "\"_id\":\"a_b_c\""));
    check_stored(env, "flot.0 \u00fc & (1/2)", "{}", "");
}

static void test_bounds(void **state)
{
    fake_env_t *env = *state;
    char args[16384];
    memset(args, 'x', sizeof args);
    snprintf(args, sizeof args, "[\"a\",{\"k\":\"%s", "");
    args[strlen(args)] = 'x';
    strcpy(args + 6000, "\"}]");
    check(env, "setObject", args, "[\"Message is too large\"]");
    check(env, "getObject", "[\"a\"]", "[null,null]");

    /* Deeper than what JSON can bring: only the bus can. */
    buf_t deep;
    err_t status;
    buf_init(&deep);
    mp_put_array(&deep, 2);
    mp_put_cstr(&deep, "a");
    for (int i = 0; i < MP_MAX_DEPTH - 20; i++) {
        mp_put_map(&deep, 1);
        mp_put_cstr(&deep, "a");
    }
    mp_put_nil(&deep);
    fake_env_call_mp(env, "setObject", mp_of_buf(&deep), &status);
    assert_int_equal(status, ERR_TOO_DEEP);
    buf_fini(&deep);

    memset(args, 'x', sizeof args);
    memcpy(args, "[\"", 2);
    strcpy(args + 5000, "\",{}]");
    check(env, "setObject", args, "[\"Message is too large\"]");
}

static void test_odd_shapes_are_stored_as_they_are(void **state)
{
    fake_env_t *env = *state;
    check_stored(env, "flot.0.a", "{\"type\":\"nosuch\",\"common\":5}",
                 "\"type\":\"nosuch\",\"common\":5");
    check_stored(env, "flot.0.a", "{\"type\":7,\"common\":[]}", "\"type\":7,\"common\":[]");
    check_stored(env, "flot.0.b",
                 "{\"type\":\"state\",\"common\":{\"type\":\"x\",\"role\":5,\"read\":\"yes\","
                 "\"min\":\"a\",\"def\":[]}}",
                 "\"type\":\"state\",\"common\":{\"type\":\"x\",\"role\":5,\"read\":\"yes\","
                 "\"min\":\"a\",\"def\":[]}");
    check_stored(env, "flot.0.c",
                 "{\"__proto__\":{\"a\":1},\"a\\u0000b\":2,\"constructor\":\"\\ud800\"}",
                 "\"__proto__\":{\"a\":1},\"a\\u0000b\":2,\"constructor\":\"\\ud800\"");
}

static void test_settings_of_users_survive_a_rewrite(void **state)
{
    fake_env_t *env = *state;
    const char *id = "flot.0.a";
    check_stored(env, id,
                 "{\"common\":{\"custom\":{\"h.0\":{\"on\":1},\"s.0\":2},\"smartName\":\"n\","
                 "\"mobile\":1,\"min\":1}}",
                 "\"common\":{\"custom\":{\"h.0\":{\"on\":1},\"s.0\":2},\"smartName\":\"n\","
                 "\"mobile\":1,\"min\":1}");
    check_stored(env, id, "{\"common\":{\"max\":2}}",
                 "\"common\":{\"max\":2,\"custom\":{\"h.0\":{\"on\":1},\"s.0\":2},\"smartName\":"
                 "\"n\",\"mobile\":1}");
    check_stored(env, id, "{\"common\":{\"custom\":{\"h.0\":null,\"t.0\":3},\"smartName\":null}}",
                 "\"common\":{\"custom\":{\"t.0\":3,\"s.0\":2},\"mobile\":1}");
    check_stored(env, id, "{\"common\":{\"custom\":{\"t.0\":null,\"s.0\":null},\"mobile\":2}}",
                 "\"common\":{\"mobile\":2}");
    check_stored(env, id, "{\"common\":{\"custom\":{\"t.0\":1}}}",
                 "\"common\":{\"custom\":{\"t.0\":1},\"mobile\":2}");
    check_stored(env, id, "{\"common\":{\"custom\":null,\"mobile\":null}}", "\"common\":{}");
    /* Without common at all it is made. */
    check_stored(env, id, "{\"common\":{\"habpanel\":1,\"material\":2}}",
                 "\"common\":{\"habpanel\":1,\"material\":2}");
    check(env, "setObject", "[\"flot.0.a\",{}]", "[null,{\"id\":\"flot.0.a\"}]");
    assert_non_null(strstr(fake_env_call(env, "getObject", "[\"flot.0.a\"]"),
                           "\"common\":{\"material\":2,\"habpanel\":1}"));
    /* Shapes that nobody expects. */
    check_stored(env, "flot.0.b", "{\"common\":{\"custom\":5}}", "\"common\":{\"custom\":5}");
    check_stored(env, "flot.0.b", "{\"common\":{\"custom\":{\"x\":1}}}",
                 "\"common\":{\"custom\":{\"x\":1}}");
    check_stored(env, "flot.0.b", "{\"common\":{\"custom\":[]}}", "\"common\":{\"custom\":[]}");
}

static void test_acl(void **state)
{
    fake_env_t *env = *state;
    const char *acl = "\"acl\":{\"owner\":\"system.user.x\",\"object\":1638}";
    char object[256];
    snprintf(object, sizeof object, "{%s}", acl);
    check_stored(env, "flot.0.a", object, acl);
    check(env, "setObject", "[\"flot.0.a\",{\"acl\":null}]", "[null,{\"id\":\"flot.0.a\"}]");
    assert_non_null(strstr(fake_env_call(env, "getObject", "[\"flot.0.a\"]"), acl));
}

static void test_new_objects_get_the_default_acl(void **state)
{
    fake_env_t *env = *state;
    fake_env_call(
        env, "extendObject",
        "[\"system.config\",{\"common\":{\"defaultNewAcl\":{\"owner\":\"system.user.admin\","
        "\"ownerGroup\":\"system.group.administrator\",\"object\":1636,\"state\":1638,\"file\":1}}}"
        "]");
    fake_env_call(env, "setObject", "[\"system.user.anna\",{\"type\":\"user\"}]");
    fake_env_call(
        env, "setObject",
        "[\"system.group.a\",{\"type\":\"group\",\"common\":{\"members\":[\"system.user.anna\"],"
        "\"acl\":{\"object\":{\"write\":true,\"read\":true}}}}]");
    fake_env_call(env, "setObject", "[\"flot.0.a\",{\"type\":\"channel\"}]");
    assert_non_null(strstr(fake_env_call(env, "getObject", "[\"flot.0.a\"]"),
                           "\"acl\":{\"owner\":\"system.user.admin\",\"ownerGroup\":\"system.group."
                           "administrator\",\"object\":1636},"));
    fake_env_set_user(env, "system.user.anna");
    fake_env_call(env, "setObject", "[\"flot.0.b\",{\"type\":\"state\"}]");
    const char *b = fake_env_call(env, "getObject", "[\"flot.0.b\"]");
    assert_non_null(
        strstr(b, "\"acl\":{\"owner\":\"system.user.anna\",\"ownerGroup\":\"system.group.a\","
                  "\"object\":1636,\"state\":1638},"));
    assert_non_null(strstr(b, "\"user\":\"system.user.anna\""));
}

static void test_targets_of_aliases(void **state)
{
    fake_env_t *env = *state;
    static const char *const rows[][2] = {
        {"\"alias.0.x\"", "[\"Aliases cannot be used as target for aliases\"]"},
        {"{\"read\":\"alias.0.x\",\"write\":\"b\"}",
         "[\"Aliases cannot be used as target for aliases\"]"},
        {"{\"read\":\"a\"}",
         "[\"Alias id is invalid: The id is empty! Please provide a valid id.\"]"},
        {"\"a.\"",
         "[\"Alias id is invalid: The id \\\"a.\\\" is invalid. Ids are not allowed to end "
         "in \\\".\\\"\"]"},
        {"5",
         "[\"Alias id is invalid: The id \\\"5\\\" has an invalid type! Expected \\\"string\\\" "
         "or \\\"object\\\", received \\\"number\\\".\"]"},
        {"\"a.b\"", "[null,{\"id\":\"alias.0.a\"}]"},
        {"{\"read\":\"a\",\"write\":\"b\"}", "[null,{\"id\":\"alias.0.a\"}]"},
        {"\"\"", "[null,{\"id\":\"alias.0.a\"}]"},
        {"null", "[null,{\"id\":\"alias.0.a\"}]"},
    };
    char args[256];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(args, sizeof args,
                 "[\"alias.0.a\",{\"type\":\"state\",\"common\":{\"alias\":{\"id\":%s}}}]",
                 rows[i][0]);
        check(env, "setObject", args, rows[i][1]);
    }
}

static void test_properties_locked_by_their_vendor(void **state)
{
    fake_env_t *env = *state;
    fake_env_call(
        env, "setObject",
        "[\"flot.0.a\",{\"common\":{\"name\":\"x\",\"list\":[1,2]},"
        "\"nonEdit\":{\"password\":\"secret\",\"common\":{\"name\":\"vendor\",\"list\":[9]}}}]");
    const char *hash = "\"passHash\":\"K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=\"";
    const char *stored = fake_env_call(env, "getObject", "[\"flot.0.a\"]");
    assert_non_null(strstr(stored, hash));
    assert_non_null(strstr(stored, "\"common\":{\"name\":\"vendor\",\"list\":[9]}"));
    assert_null(strstr(stored, "secret"));

    check(env, "setObject", "[\"flot.0.a\",{\"nonEdit\":{\"password\":\"wrong\"}}]",
          "[\"Invalid password for update of vendor information\"]");
    check(env, "extendObject", "[\"flot.0.a\",{\"nonEdit\":{\"password\":\"wrong\"}}]",
          "[\"Invalid password for update of vendor information\"]");
    check(env, "setObject", "[\"flot.0.a\",{\"nonEdit\":{\"password\":5}}]",
          "[\"Invalid password for update of vendor information\"]");
    /* Without the password the locked part is put back silently. */
    fake_env_call(env, "setObject",
                  "[\"flot.0.a\",{\"common\":{\"name\":\"mine\",\"role\":\"r\"}}]");
    stored = fake_env_call(env, "getObject", "[\"flot.0.a\"]");
    assert_non_null(strstr(stored, "\"name\":\"vendor\",\"role\":\"r\""));
    assert_non_null(strstr(stored, hash));
    fake_env_call(env, "setObject",
                  "[\"flot.0.a\",{\"common\":{},\"nonEdit\":{\"password\":\"secret\",\"common\":{"
                  "\"name\":\"new\"}}}]");
    stored = fake_env_call(env, "getObject", "[\"flot.0.a\"]");
    assert_non_null(strstr(stored, "\"common\":{\"name\":\"new\"}"));
    assert_non_null(strstr(stored, hash));
}

/* --- extendObject ------------------------------------------------------------------------------
 */

static void test_extend_merges(void **state)
{
    fake_env_t *env = *state;
    check(env, "extendObject",
          "[\"flot.0.a\",{\"type\":\"state\",\"common\":{\"a\":1,\"l\":[1,2]}}]",
          "[null,{\"id\":\"flot.0.a\"}]");
    fake_env_events(env);
    const char *want = "{\"type\":\"state\",\"common\":{\"a\":1,\"l\":[9,2],\"b\":null}," FILLED
                       ",\"_id\":\"flot.0.a\",\"native\":{}}";
    char text[512];
    snprintf(text, sizeof text, "[null,{\"id\":\"flot.0.a\",\"value\":%s}]", want);
    check(env, "extendObject",
          "[\"flot.0.a\",{\"_id\":\"x\",\"common\":{\"l\":[9],\"b\":null},\"native\":{}}]", text);
    snprintf(text, sizeof text, "[[\"objectChange\",[\"flot.0.a\",%s]]]", want);
    assert_string_equal(fake_env_events(env), text);
}

static void test_extend_replaces_lists_of_members(void **state)
{
    fake_env_t *env = *state;
    fake_env_call(env, "setObject",
                  "[\"enum.rooms.a\",{\"type\":\"enum\",\"common\":{\"name\":\"A\",\"members\":["
                  "\"x\",\"y\"]}}]");
    check(env, "extendObject", "[\"enum.rooms.a\",{\"common\":{\"members\":[\"z\"]}}]",
          "[null,{\"id\":\"enum.rooms.a\"}]");
    assert_non_null(strstr(fake_env_call(env, "getObject", "[\"enum.rooms.a\"]"),
                           "\"common\":{\"name\":\"A\",\"members\":[\"z\"]}"));
    check(env, "extendObject", "[\"enum.rooms.b\",{\"common\":{\"members\":[\"z\"]}}]",
          "[null,{\"id\":\"enum.rooms.b\"}]");
    fake_env_call(env, "setObject", "[\"flot.0.a\",{\"native\":{\"devices\":{\"a\":1},\"x\":1}}]");
    check(env, "extendObject", "[\"flot.0.a\",{\"native\":{\"devices\":{\"b\":1}}}]",
          "[null,{\"id\":\"flot.0.a\"}]");
    assert_non_null(strstr(fake_env_call(env, "getObject", "[\"flot.0.a\"]"),
                           "\"native\":{\"x\":1,\"devices\":{\"b\":1}}"));
}

static void test_extend_and_custom(void **state)
{
    fake_env_t *env = *state;
    check(env, "extendObject",
          "[\"flot.0.c\",{\"type\":\"channel\",\"common\":{\"custom\":{\"h.0\":{}}}}]",
          "[null,{\"id\":\"flot.0.c\"}]");
    assert_null(strstr(fake_env_call(env, "getObject", "[\"flot.0.c\"]"), "custom"));
    fake_env_call(env, "setObject", "[\"flot.0.s\",{\"type\":\"state\"}]");
    check(env, "extendObject", "[\"flot.0.s\",{\"common\":{\"custom\":5}}]",
          "[\"common.custom needs to be an object\"]");
    assert_non_null(
        strstr(fake_env_call(env, "extendObject",
                             "[\"flot.0.s\",{\"common\":{\"custom\":{\"h.0\":{\"a\":1}}}}]"),
               "\"custom\":{\"h.0\":{\"a\":1}}"));
    assert_non_null(
        strstr(fake_env_call(env, "extendObject", "[\"flot.0.s\",{\"common\":{\"custom\":null}}]"),
               "\"custom\":null"));
}

static void test_errors_of_extendObject(void **state)
{
    fake_env_t *env = *state;
    static const char *const rows[][2] = {
        {"[]", "[\"The id is empty! Please provide a valid id.\"]"},
        {"[\"a.\",{}]",
         "[\"The id \\\"a.\\\" is invalid. Ids are not allowed to end in \\\".\\\"\"]"},
        {"[\"a\"]", "[\"null object\"]"},
        {"[\"a\",null]", "[\"null object\"]"},
        {"[\"a\",\"x\"]",
         "[\"Parameter \\\"obj\\\" needs to be a real object but type \\\"string\\\" "
         "has been passed\"]"},
        {"[\"a\",[]]",
         "[\"Parameter \\\"obj\\\" needs to be a real object but type \\\"object\\\" has "
         "been passed\"]"},
        {"[\"a\",{\"common\":{\"alias\":{\"id\":\"alias.x\"}}}]",
         "[\"Aliases cannot be used as target for aliases\"]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(env, "extendObject", rows[i][0], rows[i][1]);
}

static void test_the_system_writes_in_the_name_of_the_host(void **state)
{
    fake_env_t *env = *state;
    fake_env_set_user(env, "");
    fake_env_set_instance(env, "");
    fake_env_call(env, "setObject", "[\"flot.0.a\",{}]");
    const char *stored = fake_env_call(env, "getObject", "[\"flot.0.a\"]");
    assert_non_null(strstr(stored, "{\"from\":\"system.host."));
    assert_non_null(strstr(stored, "\"user\":\"system.user.admin\""));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_write_fills_in_who_and_when),
        TEST(test_errors_of_setObject),
        TEST(test_forbidden_characters_are_replaced),
        TEST(test_bounds),
        TEST(test_odd_shapes_are_stored_as_they_are),
        TEST(test_settings_of_users_survive_a_rewrite),
        TEST(test_acl),
        TEST(test_new_objects_get_the_default_acl),
        TEST(test_targets_of_aliases),
        TEST(test_properties_locked_by_their_vendor),
        TEST(test_extend_merges),
        TEST(test_extend_replaces_lists_of_members),
        TEST(test_extend_and_custom),
        TEST(test_errors_of_extendObject),
        TEST(test_the_system_writes_in_the_name_of_the_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
