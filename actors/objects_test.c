/* SPDX-License-Identifier: MIT */
#include "actors/objects.h"

#include <ftw.h>
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

static int set_up(void **state)
{
    fake_env_t *env = fake_env_new();
    config_t *config = config_new();
    buf_t why;
    buf_init(&why);
    assert_int_equal(config_set(config, "data", STR_LIT(":memory:"), &why), ERR_OK);
    assert_int_equal(config_set(config, "host-name", STR_LIT("box"), &why), ERR_OK);
    assert_int_equal(config_set(config, "max-value", STR_LIT("4096"), &why), ERR_OK);
    fake_env_open(env, &objects_actor, config);
    config_destroy(&config);
    buf_fini(&why);
    /* Objects without acl, as in an installation whose settings have no default. */
    fake_env_call(env, "extendObject", "[\"system.config\",{\"common\":{\"defaultNewAcl\":null}}]");
    fake_env_events(env);
    *state = env;
    return 0;
}

static int tear_down(void **state)
{
    fake_env_t *env = *state;
    fake_env_destroy(&env);
    return 0;
}

static void check(fake_env_t *env, const char *command, const char *args, const char *want)
{
    assert_string_equal(fake_env_call(env, command, args), want);
}

/* Usage: what is set can be read, and a change is published. */
static void test_set_and_get(void **state)
{
    fake_env_t *env = *state;
    check(env, "setObject", "[\"flot.0.a\",{\"type\":\"device\",\"common\":{\"name\":\"A\"}}]",
          "[null,{\"id\":\"flot.0.a\"}]");
    const char *want =
        "{\"type\":\"device\",\"common\":{\"name\":\"A\"}," FILLED ",\"_id\":\"flot.0.a\"}";
    char text[512];
    snprintf(text, sizeof text, "[null,%s]", want);
    check(env, "getObject", "[\"flot.0.a\"]", text);
    snprintf(text, sizeof text, "[[\"objectChange\",[\"flot.0.a\",%s]]]", want);
    assert_string_equal(fake_env_events(env), text);
}

static void test_errors_of_getObject(void **state)
{
    fake_env_t *env = *state;
    static const char *const rows[][2] = {
        {"[\"nothing\"]", "[null,null]"},
        {"[\"__proto__\"]", "[null,null]"},
        {"[\"demo.0.[x]\"]", "[null,null]"},
        {"[\"demo.0.\\udc00\"]", "[null,null]"},
        {"[\"a\\u0000b\"]", "[null,null]"},
        {"[]", "[\"The id is empty! Please provide a valid id.\"]"},
        {"[\"\"]", "[\"The id is empty! Please provide a valid id.\"]"},
        {"[null]", "[\"The id is empty! Please provide a valid id.\"]"},
        {"[0]", "[\"The id is empty! Please provide a valid id.\"]"},
        {"[false]", "[\"The id is empty! Please provide a valid id.\"]"},
        {"[5]", "[\"The id \\\"5\\\" has an invalid type! Expected \\\"string\\\" or "
                "\\\"object\\\", received \\\"number\\\".\"]"},
        {"[true]", "[\"The id \\\"true\\\" has an invalid type! Expected \\\"string\\\" or "
                   "\\\"object\\\", received \\\"boolean\\\".\"]"},
        {"[[\"a\",null,[1,2],{}]]",
         "[\"The id \\\"a,,1,2,[object Object]\\\" has an invalid type! Expected \\\"string\\\" "
         "or \\\"object\\\", received \\\"object\\\".\"]"},
        {"[{\"a\":1}]",
         "[\"The id \\\"{\\\"a\\\":1}\\\" is an invalid object! Expected at least one of the "
         "properties \\\"device\\\", \\\"channel\\\" or \\\"state\\\" to exist.\"]"},
        {"[\"a.\"]", "[\"The id \\\"a.\\\" is invalid. Ids are not allowed to end in \\\".\\\"\"]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(env, "getObject", rows[i][0], rows[i][1]);
}

static void set(fake_env_t *env, const char *id, const char *object)
{
    char args[2048];
    snprintf(args, sizeof args, "[\"%s\",%s]", id, object);
    assert_non_null(strstr(fake_env_call(env, "setObject", args), "[null,"));
}

static void house(fake_env_t *env)
{
    set(env, "hue.0", "{\"type\":\"device\"}");
    set(env, "hue.0.lamp", "{\"type\":\"channel\"}");
    set(env, "hue.0.lamp.on", "{\"type\":\"state\",\"enums\":\"mine\"}");
    set(env, "hue.0.lamp.folder", "{\"type\":\"folder\"}");
    set(env, "enum.rooms.hall",
        "{\"type\":\"enum\",\"common\":{\"name\":\"Hall\",\"members\":[\"hue.0.lamp\"]}}");
    set(env, "enum.functions.light",
        "{\"type\":\"enum\",\"common\":{\"name\":\"Light\",\"members\":[\"hue.0.lamp\"]}}");
}

static void test_getObjects_takes_a_list(void **state)
{
    fake_env_t *env = *state;
    house(env);
    check(env, "getObjects", "[[\"hue.0.lamp.on\",\"nothing\",\"hue.0.lamp.on\",\"\"]]",
          "[null,{\"hue.0.lamp.on\":{\"type\":\"state\"," FILLED ",\"_id\":\"hue.0.lamp.on\","
          "\"enums\":{\"enum.rooms.hall\":\"Hall\",\"enum.functions.light\":\"Light\"}}}]");
    check(env, "getObjects", "[[\"hue.0.*\"]]", "[null,{}]");
    check(env, "getObjects", "[[\"hue.0\",null]]",
          "[\"Parameter \\\"pattern\\\" needs to be of type \\\"string\\\" or an array of type "
          "\\\"string\\\", but the array contains a value of type \\\"object\\\"\"]");
}

static void test_getObjects_takes_a_pattern_of_states(void **state)
{
    fake_env_t *env = *state;
    house(env);
    const char *answer = fake_env_call(env, "getObjects", "[\"hue.0.*\"]");
    assert_non_null(strstr(answer, "\"hue.0.lamp.on\":{"));
    assert_null(strstr(answer, "\"hue.0.lamp\":{"));
    check(env, "getObjects", "[\"hue.0.lamp\"]", "[null,{}]"); /* no state */
    check(env, "getObjects", "[\"[x]\"]",
          "[\"The pattern \\\"[x]\\\" is not a valid ID pattern\"]");
}

static void test_getObjects_without_list_gives_what_pages_need(void **state)
{
    fake_env_t *env = *state;
    house(env);
    static const char *const calls[][2] = {{"getObjects", "[]"},     {"getObjects", "[null]"},
                                           {"getObjects", "[[]]"},   {"getObjects", "[5]"},
                                           {"getObjects", "[\"\"]"}, {"getObjects", "[{}]"},
                                           {"getAllObjects", "[]"},  {"getAllObjects", "[null]"}};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        const char *answer = fake_env_call(env, calls[i][0], calls[i][1]);
        assert_non_null(strstr(answer, "\"hue.0\":{"));
        assert_non_null(strstr(answer, "\"hue.0.lamp\":{"));
        assert_non_null(strstr(answer, "\"enum.rooms.hall\":{\"type\""));
        assert_non_null(strstr(answer, "\"system.config\":{"));
        assert_null(strstr(answer, "\"hue.0.lamp.folder\""));
        assert_null(strstr(answer, "\"_design/system\""));
        assert_null(strstr(answer, "\"system.user.admin\":{"));
        /* States show their rooms, other objects all enums. */
        const char *on = strstr(answer, "\"hue.0.lamp.on\":{");
        const char *lamp = strstr(answer, "\"hue.0.lamp\":{");
        assert_non_null(strstr(on, "\"enums\":{\"enum.rooms.hall\":\"Hall\"}}"));
        assert_non_null(strstr(lamp, "\"enum.functions.light\":\"Light\"}}"));
    }
}

static void test_getForeignObjects(void **state)
{
    fake_env_t *env = *state;
    house(env);
    const char *answer = fake_env_call(env, "getForeignObjects", "[\"hue.0.*\",\"channel\"]");
    assert_non_null(strstr(answer, "\"hue.0.lamp\":{"));
    assert_null(strstr(answer, "\"hue.0.lamp.on\":{"));
    answer = fake_env_call(env, "getForeignObjects", "[\"*.on\",null]");
    assert_non_null(strstr(answer, "\"hue.0.lamp.on\":{"));
    answer = fake_env_call(env, "getForeignObjects", "[[\"hue.0.lamp\"]]");
    assert_non_null(strstr(answer, "\"hue.0.lamp\":{"));
    check(env, "getForeignObjects", "[[]]", "[null,{}]");
    check(env, "getForeignObjects", "[\"*\",\"nosuch\"]",
          "[\"Cannot find search \\\"nosuch\\\" in \\\"system\\\"\"]");
    check(env, "getForeignObjects", "[\"*\",5]",
          "[\"Parameter \\\"type\\\" needs to be of type \\\"string\\\" but type \\\"number\\\" "
          "has been passed\"]");
    check(env, "getForeignObjects", "[]",
          "[\"Parameter \\\"pattern\\\" needs to be of type \\\"string\\\" or an array of type "
          "\\\"string\\\", \\\"undefined\\\" has been passed\"]");
}

static void test_getAdapterInstances(void **state)
{
    fake_env_t *env = *state;
    set(env, "system.adapter.hue.1",
        "{\"type\":\"instance\",\"common\":{\"name\":\"hue\",\"news\":{},\"materialize\":true,"
        "\"adminTab\":{},\"supportCustoms\":true}}");
    set(env, "system.adapter.hue.0",
        "{\"type\":\"instance\",\"common\":{\"name\":\"hue\",\"adminUI\":{\"config\":\"json\"}}}");
    set(env, "system.adapter.hue.2", "{\"type\":\"instance\",\"common\":{\"name\":\"other\"}}");
    set(env, "system.adapter.hue.x", "{\"type\":\"state\",\"common\":{\"name\":\"hue\"}}");
    check(env, "getAdapterInstances", "[\"hue\"]",
          "[null,[{\"type\":\"instance\",\"common\":{\"name\":\"hue\",\"materialize\":true,"
          "\"adminTab\":{},\"supportCustoms\":true,\"adminUI\":{\"config\":\"materialize\","
          "\"custom\":\"json\",\"tab\":\"html\"}}," FILLED ",\"_id\":\"system.adapter.hue.1\"},"
          "{\"type\":\"instance\",\"common\":{\"name\":\"hue\",\"adminUI\":{\"config\":\"json\"}}"
          "," FILLED ",\"_id\":\"system.adapter.hue.0\"}]]");
    check(env, "getAdapterInstances", "[\"nosuch\"]", "[null,[]]");
    static const char *const all[] = {"[]", "[null]", "[\"\"]"};
    for (size_t i = 0; i < 3; i++) {
        const char *answer = fake_env_call(env, "getAdapterInstances", all[i]);
        assert_non_null(strstr(answer, "\"_id\":\"system.adapter.hue.2\""));
        assert_non_null(strstr(answer, "\"_id\":\"system.adapter.socketio.0\""));
    }
    check(env, "getAdapterInstances", "[5]",
          "[\"Parameter \\\"adapterName\\\" needs to be of type \\\"string\\\" but type "
          "\\\"number\\\" has been passed\"]");
}

static void test_getCompactSystemConfig(void **state)
{
    fake_env_t *env = *state;
    set(env, "system.config",
        "{\"type\":\"config\",\"common\":{},\"acl\":{\"object\":1604},"
        "\"native\":{\"secret\":\"s\",\"vendor\":1,\"other\":2}}");
    check(env, "getCompactSystemConfig", "[]",
          "[null,{\"type\":\"config\",\"common\":{},\"acl\":{\"object\":1604},"
          "\"native\":{\"secret\":\"s\",\"vendor\":1}," FILLED ",\"_id\":\"system.config\"}]");
    fake_env_call(env, "delObjectAdmin", "[\"system.config\"]");
    check(env, "getCompactSystemConfig", "[]", "[null,{}]");
}

/* --- rights ------------------------------------------------------------------------------------
 */

static void people(fake_env_t *env)
{
    set(env, "system.user.anna",
        "{\"type\":\"user\",\"common\":{\"name\":\"anna\",\"password\":\"hash\"}}");
    set(env, "system.user.bob",
        "{\"type\":\"user\",\"common\":{\"name\":\"bob\",\"enabled\":true}}");
    set(env, "system.group.readers",
        "{\"type\":\"group\",\"common\":{\"members\":[\"system.user.anna\"],\"acl\":{\"object\":"
        "{\"read\":true,\"list\":true,\"write\":true,\"delete\":true}}}}");
    set(env, "flot.0.open", "{\"type\":\"state\",\"acl\":{\"object\":1638}}");
    set(env, "flot.0.shut",
        "{\"type\":\"state\",\"acl\":{\"owner\":\"system.user.admin\",\"object\":1536}}");
    set(env, "flot.0.seen",
        "{\"type\":\"state\",\"acl\":{\"owner\":\"system.user.admin\",\"object\":1604}}");
    fake_env_events(env);
}

static void test_who_has_no_right_gets_permissionError(void **state)
{
    fake_env_t *env = *state;
    people(env);
    fake_env_set_user(env, "system.user.bob");
    static const char *const calls[][2] = {
        {"getObject", "[\"flot.0.open\"]"},
        {"getObject", "[\"nothing\"]"},
        {"getObjects", "[]"},
        {"getObjects", "[[\"flot.0.open\"]]"},
        {"getObjects", "[\"*\"]"},
        {"getAllObjects", "[]"},
        {"getObjectView", "[\"system\",\"state\",{}]"},
        {"getForeignObjects", "[\"*\"]"},
        {"getAdapterInstances", "[\"x\"]"},
        {"getCompactSystemConfig", "[]"},
        {"setObject", "[\"flot.0.x\",{}]"},
        {"extendObject", "[\"flot.0.open\",{}]"},
        {"delObject", "[\"flot.0.open\"]"},
        {"delObjectAdmin", "[\"flot.0.open\"]"},
        {"delObjects", "[\"flot.0\"]"},
        {"objects.get", "[[\"flot.0.open\"]]"},
        {"objects.put", "[[]]"},
        {"objects.del", "[[]]"},
        {"objects.scan", "[null,10]"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        check(env, calls[i][0], calls[i][1], "[\"permissionError\"]");
    fake_env_set_user(env, "bob");
    check(env, "getObject", "[\"flot.0.open\"]", "[\"invalid user name: bob\"]");
    assert_string_equal(fake_env_events(env), "[]");
}

static void test_the_acl_of_the_object_counts(void **state)
{
    fake_env_t *env = *state;
    people(env);
    fake_env_set_user(env, "system.user.anna");
    check(env, "getObject", "[\"flot.0.shut\"]", "[\"permissionError\"]");
    assert_non_null(strstr(fake_env_call(env, "getObject", "[\"flot.0.seen\"]"), "[null,{"));
    check(env, "extendObject", "[\"flot.0.seen\",{}]", "[\"permissionError\"]");
    check(env, "delObject", "[\"flot.0.seen\"]", "[\"permissionError\"]");
    check(env, "delObjects", "[\"flot.0\"]", "[\"permissionError\"]");
    assert_string_equal(fake_env_events(env), "[]");
    /* The original lets setObject replace whatever the acl says. */
    check(env, "setObject", "[\"flot.0.seen\",{}]", "[\"permissionError\"]");
    check(env, "setObject", "[\"flot.0.open\",{\"type\":\"state\"}]",
          "[null,{\"id\":\"flot.0.open\"}]");
    check(env, "delObject", "[\"flot.0.open\"]", "[null]");
}

static void test_lists_leave_out_what_getObject_denies(void **state)
{
    fake_env_t *env = *state;
    people(env);
    set(env, "flot.0.deep.er.open", "{\"type\":\"state\"}");
    set(env, "flot.0.deep.er.shut", "{\"type\":\"state\",\"acl\":{\"object\":1536}}");
    fake_env_set_user(env, "system.user.anna");
    static const char *const calls[][2] = {
        {"getObjects", "[[\"flot.0.shut\",\"flot.0.open\"]]"},
        {"getObjects", "[\"flot.0.*\"]"},
        {"getAllObjects", "[]"},
        {"getObjectView", "[\"system\",\"state\",{}]"},
        {"getForeignObjects", "[\"flot.*\"]"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        const char *answer = fake_env_call(env, calls[i][0], calls[i][1]);
        assert_null(strstr(answer, "flot.0.shut"));
        assert_non_null(strstr(answer, "flot.0.open"));
    }
    /* Virtual folders do not tell of it either. */
    const char *answer = fake_env_call(
        env, "getObjectView",
        "[\"system\",\"state\",{\"startkey\":\"flot.0.\",\"endkey\":\"flot.1\",\"depth\":1}]");
    assert_non_null(strstr(answer, "\"id\":\"flot.0.deep.er\""));
    assert_non_null(strstr(answer, "\"hasChildren\":1}"));
}

static void test_secrets_stay_inside(void **state)
{
    fake_env_t *env = *state;
    set(env, "system.user.anna",
        "{\"type\":\"user\",\"common\":{\"name\":\"anna\",\"password\":\"hash\"}}");
    assert_null(strstr(fake_env_events(env), "hash"));
    assert_null(strstr(fake_env_call(env, "getObject", "[\"system.user.anna\"]"), "hash"));
    assert_null(strstr(fake_env_call(env, "getObjectView", "[\"system\",\"user\",{}]"), "hash"));
    assert_null(
        strstr(fake_env_call(env, "extendObject", "[\"system.user.anna\",{\"x\":1}]"), "hash"));
    assert_non_null(strstr(fake_env_call(env, "getObject", "[\"system.config\"]"), "\"secret\""));
    fake_env_call(env, "extendObject", "[\"system.config\",{\"x\":1}]");
    assert_null(strstr(fake_env_events(env), "secret"));

    people(env);
    fake_env_set_user(env, "system.user.anna");
    assert_null(strstr(fake_env_call(env, "getObject", "[\"system.config\"]"), "secret"));
    assert_null(strstr(fake_env_call(env, "getCompactSystemConfig", "[]"), "secret"));
    assert_null(strstr(fake_env_call(env, "getObjects", "[]"), "secret"));

    fake_env_set_user(env, "");
    fake_env_set_instance(env, "");
    assert_non_null(strstr(fake_env_call(env, "objects.get", "[[\"system.user.anna\"]]"), "hash"));
    assert_non_null(strstr(fake_env_call(env, "getObject", "[\"system.user.anna\"]"), "hash"));
}

static void test_protected_attributes_are_for_the_adapter_itself(void **state)
{
    fake_env_t *env = *state;
    const char *object =
        "{\"type\":\"instance\",\"common\":{\"name\":\"hue\"},"
        "\"protectedNative\":[\"token\",5],\"native\":{\"token\":\"t0p\",\"a\":1}}";
    set(env, "system.adapter.hue.0", object);
    assert_null(strstr(fake_env_call(env, "getObject", "[\"system.adapter.hue.0\"]"), "t0p"));
    assert_null(strstr(fake_env_events(env), "t0p"));
    fake_env_set_instance(env, "hue.3");
    assert_non_null(strstr(fake_env_call(env, "getObject", "[\"system.adapter.hue.0\"]"), "t0p"));
    fake_env_set_instance(env, "admin.0");
    assert_non_null(strstr(fake_env_call(env, "getObject", "[\"system.adapter.hue.0\"]"), "t0p"));
}

static void test_what_was_not_shown_survives_writing_back(void **state)
{
    fake_env_t *env = *state;
    people(env);
    set(env, "system.adapter.hue.0",
        "{\"type\":\"instance\",\"protectedNative\":[\"token\"],\"native\":{\"token\":\"t0p\"}}");
    set(env, "system.adapter.hue.0",
        "{\"type\":\"instance\",\"protectedNative\":[\"token\"],\"native\":{}}");
    set(env, "system.user.anna", "{\"type\":\"user\",\"common\":{\"name\":\"Anna\"}}");
    const char *config = fake_env_call(env, "getObject", "[\"system.config\"]");
    char secret[64] = "";
    sscanf(strstr(config, "\"secret\":\""), "\"secret\":\"%48[0-9a-f]", secret);
    fake_env_call(env, "extendObject", "[\"system.config\",{\"acl\":{\"object\":1638}}]");
    fake_env_set_user(env, "system.user.anna");
    set(env, "system.config", "{\"type\":\"config\",\"native\":{\"secret\":\"chosen\"}}");
    fake_env_call(env, "extendObject", "[\"system.config\",{\"native\":{\"secret\":\"chosen\"}}]");

    fake_env_set_user(env, "");
    fake_env_set_instance(env, "");
    const char *all = fake_env_call(
        env, "objects.get", "[[\"system.user.anna\",\"system.config\",\"system.adapter.hue.0\"]]");
    assert_non_null(strstr(all, "\"password\":\"hash\""));
    assert_int_equal(strlen(secret), 48);
    assert_non_null(strstr(all, secret));
    assert_null(strstr(all, "chosen"));
    assert_non_null(strstr(all, "t0p"));
}

static void test_accounts_need_the_right_to_change_users(void **state)
{
    fake_env_t *env = *state;
    people(env);
    fake_env_set_user(env, "system.user.anna");
    check(env, "setObject",
          "[\"system.group.administrator\",{\"type\":\"group\",\"common\":{\"members\":[\"system."
          "user.anna\"]}}]",
          "[\"permissionError\"]");
    check(env, "extendObject", "[\"system.user.anna\",{\"common\":{\"name\":\"x\"}}]",
          "[\"permissionError\"]");
    check(env, "delObjectAdmin", "[\"system.user.bob\"]", "[\"permissionError\"]");
    /* Not by way of what stands above them either. */
    check(env, "delObjects", "[\"system.user\"]", "[\"permissionError\"]");
    check(env, "delObjectAdmin", "[\"system\",{\"recursive\":true}]", "[\"permissionError\"]");
    assert_string_equal(fake_env_events(env), "[]");
}

/* An event names the acl that decides who may see it: of a deleted object the last one. Nothing
 * else of the acl leaves, and whoever keeps events is told when one changes. */
static void test_events_name_their_acl(void **state)
{
    fake_env_t *env = *state;
    fake_env_events(env);
    fake_env_acls(env);
    set(env, "flot.0.a", "{\"acl\":{\"owner\":\"system.user.anna\",\"object\":1604,\"x\":[1]}}");
    assert_string_equal(fake_env_acls(env), "[{\"owner\":\"system.user.anna\",\"object\":1604}]");
    set(env, "flot.0.a", "{\"common\":{}}"); /* keeps it */
    assert_string_equal(fake_env_acls(env), "[{\"owner\":\"system.user.anna\",\"object\":1604}]");
    assert_null(strstr(fake_env_events(env), "rightsChange"));
    set(env, "flot.0.a", "{\"acl\":{\"object\":1536}}");
    assert_string_equal(fake_env_acls(env), "[null,{\"object\":1536}]");
    assert_non_null(strstr(fake_env_events(env), "[[\"rightsChange\",[\"flot.0.a\"]],"));
    check(env, "delObject", "[\"flot.0.a\"]", "[null]");
    assert_string_equal(fake_env_events(env), "[[\"objectChange\",[\"flot.0.a\",null]]]");
    assert_string_equal(fake_env_acls(env), "[{\"object\":1536}]");
}

static void test_a_failed_commit_changes_nothing(void **state)
{
    fake_env_t *env = *state;
    fake_env_fail_commit(env, ERR_READ_ONLY);
    check(env, "setObject", "[\"flot.0.a\",{}]",
          "[\"Storage is read-only: the disk is full or failing\"]");
    assert_string_equal(fake_env_events(env), "[]");
    fake_env_fail_commit(env, ERR_OK);
}

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *walk)
{
    (void)info;
    (void)flag;
    (void)walk;
    return remove(path);
}

static fake_env_t *open_folder(const char *folder)
{
    fake_env_t *env = fake_env_new();
    config_t *config = config_new();
    buf_t why;
    buf_init(&why);
    assert_int_equal(config_set(config, "data", str_of(folder), &why), ERR_OK);
    fake_env_open(env, &objects_actor, config);
    config_destroy(&config);
    buf_fini(&why);
    return env;
}

static void test_objects_survive_a_restart(void **state)
{
    (void)state;
    char folder[] = "/tmp/iobus-objects-XXXXXX";
    assert_non_null(mkdtemp(folder));
    fake_env_t *env = open_folder(folder);
    set(env, "x.b", "{\"type\":\"chart\"}");
    set(env, "x.a", "{\"type\":\"chart\"}");
    fake_env_call(env, "delObjectAdmin", "[\"vis.0\"]");
    fake_env_destroy(&env);

    env = open_folder(folder);
    check(env, "getObject", "[\"vis.0\"]",
          "[null,null]"); /* the first objects are not written again */
    set(env, "x.c", "{\"type\":\"chart\"}");
    const char *rows = fake_env_call(env, "getObjectView", "[\"system\",\"chart\",{}]");
    const char *b = strstr(rows, "\"id\":\"x.b\""), *a = strstr(rows, "\"id\":\"x.a\""),
               *c = strstr(rows, "\"id\":\"x.c\"");
    assert_true(b && a && c && b < a && a < c);
    fake_env_destroy(&env);
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void test_a_folder_that_cannot_be_made(void **state)
{
    (void)state;
    fake_env_t *env = fake_env_new();
    config_t *config = config_new();
    buf_t why;
    void *self = NULL;
    buf_init(&why);
    assert_int_equal(config_set(config, "data", STR_LIT("/dev/null/x"), &why), ERR_OK);
    assert_int_not_equal(objects_actor.open(fake_env_env(env), config, &self, &why), ERR_OK);
    assert_null(self);
    assert_true(why.len > 0 && !memchr(why.data, '\n', why.len));
    config_destroy(&config);
    buf_fini(&why);
    fake_env_destroy(&env);
}

static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    TEST(test_set_and_get),
    TEST(test_errors_of_getObject),
    TEST(test_getObjects_takes_a_list),
    TEST(test_getObjects_takes_a_pattern_of_states),
    TEST(test_getObjects_without_list_gives_what_pages_need),
    TEST(test_getForeignObjects),
    TEST(test_getAdapterInstances),
    TEST(test_getCompactSystemConfig),
    TEST(test_who_has_no_right_gets_permissionError),
    TEST(test_the_acl_of_the_object_counts),
    TEST(test_events_name_their_acl),
    TEST(test_lists_leave_out_what_getObject_denies),
    TEST(test_secrets_stay_inside),
    TEST(test_protected_attributes_are_for_the_adapter_itself),
    TEST(test_what_was_not_shown_survives_writing_back),
    TEST(test_accounts_need_the_right_to_change_users),
    TEST(test_a_failed_commit_changes_nothing),
    cmocka_unit_test(test_objects_survive_a_restart),
    cmocka_unit_test(test_a_folder_that_cannot_be_made),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
