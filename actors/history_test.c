/* SPDX-License-Identifier: MIT */
#include "actors/history.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/config.h"
#include "bus/json.h"
#include "tests/unit/fake_env.h"

#define T0 1700000000000 /* where fake_env's clock starts */
#define RANGE "\"start\":1600000000000,\"end\":1800000000000"

/* What the other actors answer. */
typedef struct {
    const char *objects; /* rows of objects.scan */
    const char *states;  /* answer of states.get */
    const char *state;   /* answer of getState */
} others_t;

static others_t others;

static const char *answer_as_others(void *arg, const char *actor, const char *command,
                                    const char *args_json)
{
    static char text[4096];
    (void)arg;
    (void)args_json;
    if (strcmp(command, "objects.scan") == 0) {
        snprintf(text, sizeof text, "[null,%s,null]", others.objects);
        return text;
    }
    if (strcmp(actor, "states") == 0)
        return strcmp(command, "states.get") == 0 ? others.states : others.state;
    return NULL;
}

#define CUSTOM(settings)                                                                           \
    "{\"type\":\"state\",\"common\":{\"custom\":{\"history.0\":{\"enabled\":true" settings "}}}}"

static fake_env_t *open_history_as(const char *data, const char *objects, const char *recording)
{
    fake_env_t *env = fake_env_new();
    config_t *config = config_new();
    buf_t why = {0};
    assert_int_equal(config_set(config, "data", str_of(data), &why), ERR_OK);
    assert_int_equal(config_set(config, "recording", str_of(recording), &why), ERR_OK);
    others = (others_t){.objects = objects,
                        .states = "[null,[{\"val\":77,\"ts\":5,\"lc\":5}]]",
                        .state = "[null,{\"val\":1}]"};
    fake_env_set_peer(env, answer_as_others, NULL);
    fake_env_open(env, &history_actor, config);
    config_destroy(&config);
    buf_fini(&why);
    return env;
}

static fake_env_t *open_history_in(const char *data, const char *objects)
{
    return open_history_as(data, objects, "on");
}

static fake_env_t *open_history(const char *objects)
{
    return open_history_in(":memory:", objects);
}

/* Answers that come later count like those at once. */
static const char *call(fake_env_t *env, const char *command, const char *args)
{
    const char *answer = fake_env_call(env, command, args);
    for (int i = 0; i < 1000 && strcmp(answer, "PENDING") == 0; i++) {
        const char *later = fake_env_answer(env);
        if (later)
            return later;
        fake_env_advance(env, 1);
    }
    return answer;
}

static const char *message(fake_env_t *env, const char *command, const char *json)
{
    static char args[8192];
    snprintf(args, sizeof args, "[\"%s\",%s]", command, json);
    return call(env, "history.message", args);
}

/* The recorded values of an id as "[v,v,...]". */
static const char *values(fake_env_t *env, const char *id)
{
    static char text[8192];
    char args[256];
    snprintf(args, sizeof args, "[\"%s\",{" RANGE "}]", id);
    const char *answer = call(env, "getHistory", args);
    size_t len = 0;
    for (const char *at = strstr(answer, "\"val\":"); at; at = strstr(at, "\"val\":")) {
        at += strlen("\"val\":");
        size_t n = strcspn(at, "},");
        if (len)
            text[len++] = ' ';
        memcpy(text + len, at, n);
        len += n;
    }
    text[len] = '\0';
    return text;
}

static void change(fake_env_t *env, const char *id, const char *val, int64_t ts, bool changed)
{
    char args[256];
    snprintf(args, sizeof args,
             "[\"%s\",{\"val\":%s,\"ack\":true,\"ts\":%lld,\"lc\":%lld,\"q\":0,"
             "\"from\":\"system.adapter.x.0\"}]",
             id, val, (long long)ts, (long long)(changed ? ts : ts - 1));
    fake_env_event(env, "states", "stateChange", "socketio.0", args);
}

static void test_usage(void **state)
{
    (void)state;
    fake_env_t *env = open_history("[[\"a.b\"," CUSTOM("") "],[\"a.c\",{\"type\":\"state\"}]]");
    change(env, "a.b", "20", T0 + 1000, true);
    change(env, "a.b", "21", T0 + 2000, true);
    change(env, "a.c", "5", T0 + 2000, true);
    assert_string_equal(call(env, "getHistory",
                             "[\"a.b\",{\"start\":1700000000001,\"end\":1700000005000,"
                             "\"ack\":true,\"sessionId\":7}]"),
                        "[null,[{\"ts\":1700000001000,\"val\":20,\"ack\":true},"
                        "{\"ts\":1700000002000,\"val\":21,\"ack\":true}],null,7]");
    assert_string_equal(values(env, "a.c"), "");
    fake_env_destroy(&env);
}

static void import_state(fake_env_t *env, const char *args)
{
    fake_env_event(env, "states", "stateChange", "", args);
}

/* An import brings the last value of a state twice: as its state and among the recorded ones. */
static void test_values_of_an_import(void **state)
{
    (void)state;
    fake_env_t *env = open_history("[[\"a.b\"," CUSTOM("") "]]");
    const char *first = values(env, "a.b");
    assert_null(strstr(first, "20"));
    fake_env_call(env, "history.put", "[\"a.b\",[[1690000000000,20,1,0]]]");
    import_state(env, "[\"a.b\",{\"val\":20,\"ts\":1690000000000,\"lc\":1690000000000}]");
    import_state(env, "[\"a.b\",{\"val\":20,\"ts\":1690000000000,\"lc\":1690000000000}]");
    import_state(env, "[\"a.b\",{\"val\":30,\"ts\":1690000001000,\"lc\":1690000001000}]");
    assert_int_equal(strncmp(values(env, "a.b"), "20 30", 5), 0);
    assert_null(strstr(values(env, "a.b"), "20 20"));
    fake_env_destroy(&env);
}

/* Neither values nor the nulls at beginning and end; what is put is stored. */
static void test_recording_switched_off(void **state)
{
    (void)state;
    fake_env_t *env = open_history_as(":memory:", "[[\"a.b\"," CUSTOM("") "]]", "off");
    change(env, "a.b", "20", T0 + 1000, true);
    fake_env_event(env, "objects", "objectChange", "socketio.0", "[\"a.c\"," CUSTOM("") "]");
    change(env, "a.c", "20", T0 + 1000, true);
    assert_string_equal(values(env, "a.b"), "");
    assert_string_equal(values(env, "a.c"), "");
    assert_string_equal(fake_env_call(env, "history.put", "[\"a.b\",[[1690000000000,5]]]"),
                        "[null,1]");
    assert_string_equal(values(env, "a.b"), "5");
    fake_env_destroy(&env);
}

static void test_recording_follows_objects(void **state)
{
    (void)state;
    fake_env_t *env = open_history("[]");
    change(env, "a.b", "1", T0 + 1, true);
    fake_env_event(env, "objects", "objectChange", "socketio.0", "[\"a.b\"," CUSTOM("") "]");
    change(env, "a.b", "2", T0 + 2, true);
    change(env, "a.b", "null", T0 + 3, true);
    fake_env_event(env, "states", "stateChange", "", "[\"a.b\",null]");
    assert_string_equal(values(env, "a.b"), "null 2 null"); /* begins with a null */
    fake_env_event(env, "objects", "objectChange", "socketio.0", "[\"a.b\",null]");
    change(env, "a.b", "4", T0 + 4, true);
    assert_string_equal(values(env, "a.b"), "null null 2 null"); /* and ends with one */
    fake_env_destroy(&env);
}

static void test_alias_id(void **state)
{
    (void)state;
    fake_env_t *env = open_history("[[\"a.b\"," CUSTOM(",\"aliasId\":\"old.name\"") "]]");
    change(env, "a.b", "1", T0 + 1, true);
    assert_string_equal(values(env, "a.b"), "null 1");
    assert_string_equal(values(env, "old.name"), "null 1");
    assert_string_equal(
        call(env, "getHistory", "[\"a.b\",{\"start\":1700000000001,\"addId\":true}]"),
        "[null,[{\"ts\":1700000000001,\"val\":1,\"id\":\"a.b\"}],null,null]");
    fake_env_destroy(&env);
}

static void test_changes_only_asks_for_the_first_value(void **state)
{
    (void)state;
    fake_env_t *env = open_history("[[\"a.b\"," CUSTOM(",\"changesOnly\":true") "]]");
    fake_env_advance(env, 1000);
    change(env, "a.b", "77", T0 + 2000, false);
    change(env, "a.b", "78", T0 + 3000, true);
    assert_string_equal(values(env, "a.b"), "null 77 77 78");
    fake_env_destroy(&env);
}

static void test_timers(void **state)
{
    (void)state;
    fake_env_t *env = open_history("[[\"a.b\"," CUSTOM(",\"debounceTime\":500") "]]");
    change(env, "a.b", "1", T0 + 10, true); /* from null: at once */
    fake_env_advance(env, 100);
    change(env, "a.b", "2", T0 + 100, true);
    fake_env_advance(env, 400);
    assert_string_equal(values(env, "a.b"), "null 1");
    fake_env_advance(env, 100);
    assert_string_equal(values(env, "a.b"), "null 1 2");
    fake_env_destroy(&env);
}

static void test_settings_of_the_instance(void **state)
{
    (void)state;
    fake_env_t *env = open_history(
        "[[\"a.b\"," CUSTOM("") "],[\"system.adapter.history.0\",{\"type\":\"instance\","
                                "\"native\":{\"writeNulls\":false,\"storeFrom\":true,\"storeAck\":"
                                "false,\"limit\":2}}]]");
    change(env, "a.b", "1", T0 + 1, true);
    change(env, "a.b", "2", T0 + 2, true);
    change(env, "a.b", "3", T0 + 3, true);
    assert_string_equal(values(env, "a.b"), "2 3");
    assert_string_equal(
        call(env, "getHistory", "[\"a.b\",{\"start\":1700000000003,\"from\":true,\"ack\":true}]"),
        "[null,[{\"ts\":1700000000003,\"val\":3,\"from\":\"system.adapter.x.0\"}],null,null]");
    fake_env_destroy(&env);
}

static void test_wrong_calls(void **state)
{
    (void)state;
    static const struct {
        const char *args, *answer;
    } rows[] = {
        {"[5,{}]", "[\"Parameter \\\"id\\\" needs to be of type \\\"string\\\" but type "
                   "\\\"number\\\" has been passed\"]"},
        {"[{},{}]", "[\"Parameter \\\"id\\\" needs to be of type \\\"string\\\" but type "
                    "\\\"object\\\" has been passed\"]"},
        {"[]", "[\"Parameter \\\"id\\\" needs to be of type \\\"string\\\" but type "
               "\\\"undefined\\\" has been passed\"]"},
        {"[\"\"]", "[\"The id is empty! Please provide a valid id.\"]"},
        {"[\"a.\"]", "[\"The id \\\"a.\\\" is invalid. Ids are not allowed to end in \\\".\\\"\"]"},
        {"[\"a\",[]]", "[\"Parameter \\\"options\\\" needs to be a real object but type "
                       "\\\"object\\\" has been passed\"]"},
        {"[\"a\",5]", "[\"Parameter \\\"options\\\" needs to be a real object but type "
                      "\\\"number\\\" has been passed\"]"},
        {"[\"a\",{\"start\":\"x\"}]",
         "[\"Invalid call. Start date \\\"x\\\" is not a valid date\"]"},
        {"[\"a\",{\"instance\":\"sql.0\"}]", "[\"Instance sql.0 does not run here\"]"},
        {"[\"a\",\"history.0\"]", "[null,[],null,null]"},
        {"[\"a\",null]", "[null,[],null,null]"},
        {"[\"a\",{\"instance\":null,\"start\":\"2023-11-13\"}]", "[null,[],null,null]"},
        {"[\"a\\u0000b\"]", "[null,[],null,null]"},
    };
    fake_env_t *env = open_history("[]");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(call(env, "getHistory", rows[i].args), rows[i].answer);
    fake_env_destroy(&env);
}

static void test_others_read_what_they_may(void **state)
{
    (void)state;
    fake_env_t *env = open_history("[[\"a.b\"," CUSTOM("") "]]");
    change(env, "a.b", "1", T0 + 1, true);
    fake_env_set_user(env, "system.user.guest");
    assert_string_equal(values(env, "a.b"), "null 1");
    others.state = "[\"permissionError\"]";
    assert_string_equal(call(env, "getHistory", "[\"a.b\"]"), "[\"permissionError\"]");
    assert_string_equal(message(env, "getHistory", "{\"id\":\"a.b\",\"options\":{\"count\":1}}"),
                        "[{\"error\":\"permissionError\"}]");
    others.state = NULL;
    fake_env_set_peer(env, NULL, NULL);
    assert_string_equal(fake_env_call(env, "getHistory", "[\"a.b\"]"), "PENDING");
    fake_env_reply(env, ERR_UNAVAILABLE, "[\"gone\"]");
    assert_string_equal(fake_env_answer(env), "[\"Service is not available\"]");
    assert_string_equal(fake_env_call(env, "getHistory", "[\"a.b\"]"), "PENDING"); /* stays open */
    fake_env_destroy(&env);
}

static void test_put(void **state)
{
    (void)state;
    fake_env_t *env = open_history("[]");
    assert_string_equal(call(env, "history.put",
                             "[\"a.b\",[[1700000000000,1,1,0],"
                             "[1700000001000,\"x\",false,0,\"f\",\"u\",\"c\"]]]"),
                        "[null,2]");
    assert_string_equal(call(env, "history.put", "[\"a.b\",[[1700000000000,2]]]"), "[null,1]");
    assert_string_equal(values(env, "a.b"), "2 \"x\"");
    assert_string_equal(call(env, "history.put", "[\"a.b\",[5]]"), "[\"Invalid arguments\"]");
    assert_string_equal(call(env, "history.put", "[\"a.b\",5]"), "[\"Invalid arguments\"]");
    assert_string_equal(call(env, "history.put", "[\"\",[[1,1]]]"), "[\"Invalid arguments\"]");
    fake_env_set_user(env, "system.user.guest");
    assert_string_equal(call(env, "history.put", "[\"a.b\",[]]"), "[\"permissionError\"]");
    fake_env_destroy(&env);
}

static void test_message_get_history(void **state)
{
    (void)state;
    fake_env_t *env = open_history("[]");
    call(env, "history.put", "[\"a.b\",[[1699833600000,300],[1699834200000,314.3]]]");
    assert_string_equal(message(env, "getHistory",
                                "{\"id\":\"a.b\",\"options\":{\"start\":1699833600000,"
                                "\"end\":1699835400000,\"aggregate\":\"none\"}}"),
                        "[{\"result\":[{\"ts\":1699833600000,\"val\":300},"
                        "{\"ts\":1699834200000,\"val\":314.3}],\"step\":null,\"error\":null}]");
    assert_string_equal(message(env, "getHistory",
                                "{\"id\":\"a.b\",\"options\":{\"start\":1699833600000,"
                                "\"end\":1699833700000,\"count\":1,\"sessionId\":\"s\"}}"),
                        "[{\"result\":[{\"ts\":1699833600000,\"val\":null},"
                        "{\"ts\":1699833650000,\"val\":300},"
                        "{\"ts\":1699833700000,\"val\":307.15,\"i\":true}],"
                        "\"step\":100000,\"error\":null,\"sessionId\":\"s\"}]");
    assert_string_equal(message(env, "getHistory", "{\"id\":\"a.b\"}"),
                        "[{\"error\":\"Invalid call. No options for getHistory provided\"}]");
    assert_string_equal(message(env, "getHistory", "{\"options\":{\"a\":1}}"),
                        "[{\"error\":\"Invalid call\"}]");
    assert_string_equal(message(env, "getHistory", "{\"id\":\"a\",\"options\":{\"end\":\"x\"}}"),
                        "[{\"error\":\"Invalid call. End date \\\"x\\\" is not a valid date\"}]");
    fake_env_destroy(&env);
}

static void test_messages_about_the_instance(void **state)
{
    (void)state;
    fake_env_t *env = open_history("[[\"a.b\"," CUSTOM(",\"debounceTime\":5") "]]");
    assert_string_equal(message(env, "features", "null"),
                        "[{\"supportedFeatures\":[\"update\",\"delete\",\"deleteRange\","
                        "\"deleteAll\",\"storeState\"]}]");
    assert_string_equal(message(env, "getEnabledDPs", "{}"),
                        "[{\"a.b\":{\"enabled\":true,\"debounceTime\":5}}]");
    assert_string_equal(message(env, "nosuch", "{}"), "[{\"error\":\"Unknown command: nosuch\"}]");
    assert_string_equal(call(env, "history.message", "[5]"), "[{\"error\":\"Invalid call\"}]");
    fake_env_destroy(&env);
}

static void test_store_state(void **state)
{
    (void)state;
    fake_env_t *env = open_history("[[\"a.r\"," CUSTOM(",\"ignoreZero\":true") "]]");
    assert_string_equal(
        message(env, "storeState", "{\"id\":\"a.b\",\"state\":{\"val\":1,\"ts\":1700000000001}}"),
        "[{\"success\":true,\"successCount\":1}]");
    assert_string_equal(message(env, "storeState",
                                "{\"id\":\"a.b\",\"state\":[{\"val\":2,\"ts\":1700000000002},"
                                "{\"val\":\"3\",\"ts\":1700000000003},5]}"),
                        "[{\"error\":\"1 errors happened while storing data\","
                        "\"errors\":[\"State is not valid for a.b\"],\"successCount\":2}]");
    assert_string_equal(
        message(env, "storeState",
                "[{\"id\":\"a.b\",\"state\":{\"val\":4,\"ts\":1700000000004}},"
                "{\"id\":\"a.r\",\"rules\":true,\"state\":[{\"val\":0},{\"val\":9}]}]"),
        "[{\"success\":true,\"successCount\":3}]");
    assert_string_equal(values(env, "a.b"), "1 2 3 4");
    assert_string_equal(values(env, "a.r"), "9"); /* neither the null at the beginning nor the 0 */
    assert_string_equal(
        message(env, "storeState", "{\"id\":\"x\",\"rules\":1,\"state\":{}}"),
        "[{\"error\":\"1 errors happened while storing data\",\"errors\":[\"History "
        "is not enabled, so rules cannot be applied for x\"],\"successCount\":0}]");
    static const char *const wrong[] = {"null", "5", "{}", "{\"id\":\"a\"}", "{\"state\":{}}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_string_equal(message(env, "storeState", wrong[i]), "[{\"error\":\"Invalid call\"}]");
    fake_env_destroy(&env);
}

static void test_update(void **state)
{
    (void)state;
    fake_env_t *env = open_history("[]");
    call(env, "history.put", "[\"a\",[[1700000000001,1],[1700000000002,2]]]");
    assert_string_equal(
        message(env, "update", "{\"id\":\"a\",\"state\":{\"ts\":1700000000002,\"val\":5}}"),
        "[{\"success\":true}]");
    assert_string_equal(
        message(env, "update", "{\"id\":\"a\",\"state\":{\"ts\":1700000000009,\"val\":5}}"),
        "[{\"success\":false}]");
    assert_string_equal(
        message(env, "update",
                "[{\"id\":\"a\",\"state\":{\"ts\":1700000000001,\"val\":7}},null,{}]"),
        "[{\"success\":true}]");
    assert_string_equal(values(env, "a"), "7 5");
    assert_string_equal(message(env, "update", "7"), "[{\"error\":\"Invalid call\"}]");
    fake_env_destroy(&env);
}

static void put_ten(fake_env_t *env)
{
    for (int i = 0; i < 10; i++) {
        char args[64];
        snprintf(args, sizeof args, "[\"a\",[[170000000000%d,%d]]]", i, i);
        assert_string_equal(call(env, "history.put", args), "[null,1]");
    }
}

static void test_delete(void **state)
{
    (void)state;
    static const struct {
        const char *command, *json, *left;
    } rows[] = {
        {"delete", "{\"id\":\"a\",\"state\":{\"ts\":1700000000003}}", "0 1 2 4 5 6 7 8 9"},
        {"delete", "{\"id\":\"a\",\"ts\":1700000000003}", "0 1 2 4 5 6 7 8 9"},
        {"delete", "{\"id\":\"a\",\"ts\":[1700000000003,1700000000005]}", "0 1 2 4 6 7 8 9"},
        {"delete", "{\"id\":\"a\",\"state\":[{\"ts\":1700000000000},1700000000009]}",
         "1 2 3 4 5 6 7 8"},
        {"delete",
         "[{\"id\":\"a\",\"ts\":1700000000000},{\"id\":\"a\",\"state\":{\"ts\":"
         "1700000000001}},null,{\"id\":\"a\"}]",
         "2 3 4 5 6 7 8 9"},
        {"deleteRange", "[{\"id\":\"a\",\"start\":1700000000001,\"end\":1700000000008}]", "0 9"},
        {"deleteRange", "{\"id\":\"a\",\"start\":1700000000001,\"end\":1700000000008}", "0 9"},
        {"deleteRange", "{\"id\":\"a\",\"state\":{\"start\":1700000000005}}", "0 1 2 3 4"},
        {"deleteAll", "{\"id\":\"a\"}", ""},
        {"deleteAll", "[{\"id\":\"a\"},{\"id\":\"b\"},5]", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake_env_t *env = open_history("[]");
        fake_env_advance(env, 1000);
        put_ten(env);
        assert_string_equal(message(env, rows[i].command, rows[i].json), "[{\"success\":true}]");
        assert_string_equal(values(env, "a"), rows[i].left);
        fake_env_destroy(&env);
    }
}

static void test_delete_nothing(void **state)
{
    (void)state;
    fake_env_t *env = open_history("[]");
    assert_string_equal(message(env, "delete", "{\"id\":\"a\",\"ts\":5}"), "[{\"success\":false}]");
    assert_string_equal(message(env, "deleteAll", "{\"id\":\"a\"}"), "[{\"success\":true}]");
    assert_string_equal(message(env, "delete", "null"), "[{\"error\":\"Invalid call\"}]");
    assert_string_equal(message(env, "deleteAll", "7"), "[{\"error\":\"Invalid call\"}]");
    assert_string_equal(message(env, "delete", "[]"), "[{\"success\":true}]");
    fake_env_destroy(&env);
}

static void test_enable_and_disable(void **state)
{
    (void)state;
    fake_env_t *env = open_history("[]");
    fake_env_asked(env);
    assert_string_equal(fake_env_call(env, "history.message",
                                      "[\"enableHistory\",{\"id\":\"a.b\",\"options\":{"
                                      "\"changesOnly\":true,\"enabled\":false}}]"),
                        "PENDING");
    assert_string_equal(
        fake_env_asked(env),
        "[[\"objects\",\"extendObject\",[\"a.b\",{\"common\":{\"custom\":{"
        "\"history.0\":{\"changesOnly\":true,\"enabled\":false,\"enabled\":true}}}}]]]");
    fake_env_reply(env, ERR_OK, "[null,{\"id\":\"a.b\"}]");
    assert_string_equal(fake_env_answer(env), "[{\"success\":true}]");
    assert_string_equal(
        fake_env_call(env, "history.message", "[\"disableHistory\",{\"id\":\"a.b\"}]"), "PENDING");
    fake_env_reply(env, ERR_OK, "[\"permissionError\"]");
    assert_string_equal(fake_env_answer(env), "[{\"error\":\"permissionError\"}]");
    assert_string_equal(message(env, "enableHistory", "{}"), "[{\"error\":\"Invalid call\"}]");
    fake_env_destroy(&env);
}

static void fill(fake_env_t *env, const char *id, int count)
{
    buf_t args = {0};
    buf_printf(&args, "[\"%s\",[", id);
    for (int i = 0; i < count; i++)
        buf_printf(&args, "%s[%lld,%d]", i ? "," : "", 1600000000000 + (long long)i * 60000,
                   i % 10);
    buf_append_cstr(&args, "]]");
    buf_append_byte(&args, 0);
    call(env, "history.put", (const char *)args.data);
    buf_fini(&args);
}

static void test_long_series_are_read_in_steps(void **state)
{
    (void)state;
    fake_env_t *env = open_history("[]");
    fill(env, "a", 30000);
    const char *args = "[\"a\",{\"start\":1600000000000,\"end\":1601800000000,\"aggregate\":"
                       "\"count\",\"count\":1,\"removeBorderValues\":true}]";
    assert_string_equal(fake_env_call(env, "getHistory", args), "PENDING");
    assert_null(fake_env_answer(env));
    fake_env_advance(env, 1);
    fake_env_advance(env, 1);
    assert_string_equal(fake_env_answer(env),
                        "[null,[{\"ts\":1600900000000,\"val\":30000}],1800000000,null]");
    /* Given up at the deadline. */
    assert_string_equal(fake_env_call(env, "getHistory", args), "PENDING");
    fake_env_advance(env, 60000);
    assert_null(fake_env_answer(env));
    fake_env_destroy(&env);
}

static void test_retention(void **state)
{
    (void)state;
    fake_env_t *env =
        open_history("[[\"a\"," CUSTOM(",\"retention\":864000") "],[\"b\"," CUSTOM("") "]]");
    fill(env, "a", 5000);
    fill(env, "b", 3);
    for (int i = 0; i < 10; i++)
        fake_env_advance(env, 1000);
    assert_string_equal(values(env, "a"), "null");
    assert_string_equal(values(env, "b"), "0 1 2 null");
    fake_env_destroy(&env);
}

static void test_failed_commit_is_told(void **state)
{
    (void)state;
    fake_env_t *env = open_history("[]");
    fake_env_fail_commit(env, ERR_READ_ONLY);
    assert_string_equal(call(env, "history.put", "[\"a\",[[1,1]]]"),
                        "[\"Storage is read-only: the disk is full or failing\"]");
    fake_env_destroy(&env);
}

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *walk)
{
    (void)info;
    (void)flag;
    (void)walk;
    return remove(path);
}

static void test_values_are_there_after_a_restart(void **state)
{
    (void)state;
    char folder[] = "/tmp/iobus-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    fake_env_t *env = open_history_in(folder, "[[\"a\"," CUSTOM("") "]]");
    change(env, "a", "1", T0 + 1, true);
    change(env, "a", "2", T0 + 2, true);
    fake_env_destroy(&env);
    env = open_history_in(folder, "[[\"a\"," CUSTOM("") "]]");
    change(env, "a", "3", T0 + 3, true);
    /* Beginning, end and beginning have the same time here: fake_env's clock starts anew. */
    assert_string_equal(values(env, "a"), "null null null 1 2 3");
    fake_env_destroy(&env);
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void test_objects_read_again(void **state)
{
    (void)state;
    fake_env_t *env = open_history("[[\"a\"," CUSTOM("") "],[\"b\"," CUSTOM("") "]]");
    others.objects = "[[\"b\"," CUSTOM("") "],[\"c\"," CUSTOM("") "]]";
    history_actor.gap(fake_env_actor(env), "objects");
    fake_env_advance(env, 1000);
    change(env, "a", "1", T0 + 2000, true);
    change(env, "b", "1", T0 + 2000, true);
    change(env, "c", "1", T0 + 2000, true);
    assert_string_equal(values(env, "a"), "null null");
    assert_string_equal(values(env, "b"), "null 1");
    assert_string_equal(values(env, "c"), "null 1");
    fake_env_destroy(&env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_values_of_an_import),
        cmocka_unit_test(test_recording_switched_off),
        cmocka_unit_test(test_recording_follows_objects),
        cmocka_unit_test(test_alias_id),
        cmocka_unit_test(test_changes_only_asks_for_the_first_value),
        cmocka_unit_test(test_timers),
        cmocka_unit_test(test_settings_of_the_instance),
        cmocka_unit_test(test_wrong_calls),
        cmocka_unit_test(test_others_read_what_they_may),
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_message_get_history),
        cmocka_unit_test(test_messages_about_the_instance),
        cmocka_unit_test(test_store_state),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_delete),
        cmocka_unit_test(test_delete_nothing),
        cmocka_unit_test(test_enable_and_disable),
        cmocka_unit_test(test_long_series_are_read_in_steps),
        cmocka_unit_test(test_retention),
        cmocka_unit_test(test_failed_commit_is_told),
        cmocka_unit_test(test_objects_read_again),
        cmocka_unit_test(test_values_are_there_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
