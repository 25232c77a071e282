/* SPDX-License-Identifier: MIT */
#include "actors/states_test.h"

static const char objects[] =
    "[null,["
    "[\"a.channel\",{\"type\":\"channel\",\"common\":{}}],"
    "[\"a.mixedNull\",{\"type\":\"state\",\"common\":{\"type\":\"mixed\"}}],"
    "[\"a.mixedl\",{\"type\":\"state\",\"common\":{\"type\":\"mixed\"}}],"
    "[\"a.room.temp\",{\"type\":\"state\",\"common\":{\"type\":\"number\",\"min\":0,\"max\":9}}],"
    "[\"a.step\",{\"type\":\"state\",\"common\":{\"type\":\"number\",\"step\":0.5}}],"
    "[\"b.room.temp\",{\"type\":\"state\",\"common\":{\"type\":\"number\",\"write\":false}}]"
    "],null]";

static void example(void **state)
{
    (void)state;
    fake_env_t *env = world(objects);
    static const world_row_t rows[] = {
        {"setState", "[\"a.room.temp\",5]", "[null,\"a.room.temp\"]"},
        {"getState", "[\"a.room.temp\"]", "[null,{\"val\":5," TAIL("false") "]"},
        {"getStates", "[\"a.r*\"]", "[null,{\"a.room.temp\":{\"val\":5," TAIL("false") "}]"},
        {"delState", "[\"a.room.temp\"]", "[null,\"a.room.temp\"]"},
        {"getState", "[\"a.room.temp\"]", "[null,null]"},
        {NULL, NULL, NULL}};
    world_expect(env, rows);
    assert_string_equal(fake_env_events(env),
                        "[[\"stateChange\",[\"a.room.temp\",{\"val\":5," TAIL(
                            "false") "]],"
                                     "[\"stateChange\",[\"a.room.temp\",null]]]");
    fake_env_destroy(&env);
}

static void ids_are_checked(void **state)
{
    (void)state;
    fake_env_t *env = world(objects);
#define STRING_ID(type)                                                                            \
    "[\"Parameter \\\"id\\\" needs to be of type \\\"string\\\" but type \\\"" type                \
    "\\\" has been passed\"]"
#define EMPTY_ID "[\"The id is empty! Please provide a valid id.\"]"
#define WRONG_ID(text, type)                                                                       \
    "[\"The id \\\"" text "\\\" has an invalid type! Expected \\\"string\\\" or "                  \
    "\\\"object\\\", received \\\"" type "\\\".\"]"
#define DOT_ID "[\"The id \\\"a.\\\" is invalid. Ids are not allowed to end in \\\".\\\"\"]"
    static const world_row_t rows[] = {
        {"getState", "[null]", STRING_ID("object")},
        {"getState", "[]", STRING_ID("undefined")},
        {"getState", "[true]", STRING_ID("boolean")},
        {"getState", "[[\"a\"]]", STRING_ID("object")},
        {"getState", "[\"\"]", EMPTY_ID},
        {"getState", "[\"a.\"]", DOT_ID},
        {"getState", "[\"a\\u0000\"]", "[null,null]"},
        {"getState", "[\"a.room.temp\",1,2,3]", "[null,null]"},
        {"delState", "[5]", STRING_ID("number")},
        {"delState", "[\"a.\"]", DOT_ID},
        {"delState", "[\"unknown\"]", "[null,\"unknown\"]"},
        {"setState", "[]", EMPTY_ID},
        {"setState", "[null,5]", EMPTY_ID},
        {"setState", "[0,5]", EMPTY_ID},
        {"setState", "[false,5]", EMPTY_ID},
        {"setState", "[[],5]", EMPTY_ID},
        {"setState", "[\"\",5]", EMPTY_ID},
        {"setState", "[\"a.\",5]", DOT_ID},
        {"setState", "[7,5]", WRONG_ID("7", "number")},
        {"setState", "[true,5]", WRONG_ID("true", "boolean")},
        {"setState", "[[\"a\",null,[1,{}]],5]", WRONG_ID("a,,1,[object Object]", "object")},
        {"setState", "[{\"id\":\"x\"},5]",
         "[\"The id \\\"{\\\"id\\\":\\\"x\\\"}\\\" is an invalid object! Expected at least one of "
         "the properties \\\"device\\\", \\\"channel\\\" or \\\"state\\\" to exist.\"]"},
        {"setState", "[{\"state\":\"x\"},5]", "[\"invalid id {\\\"state\\\":\\\"x\\\"}\"]"},
        {"setState", "[\"a*?b\",5]", "[null,\"a_b\"]"},
        {NULL, NULL, NULL}};
    world_expect(env, rows);
    fake_env_destroy(&env);
}

static void states_are_checked(void **state)
{
    (void)state;
    fake_env_t *env = world(objects);
#define WRONG_TYPE(name, got, want)                                                                \
    "[\"The state property \\\"" name "\\\" has the wrong type \\\"" got                           \
    "\\\" (should be \\\"" want "\\\")!\"]"
    static const world_row_t rows[] = {
        {"setState", "[\"a.b\",{}]",
         "[\"The state contains no properties! At least one property is expected!\"]"},
        {"setState", "[\"a.b\",{\"value\":1,\"val\":1,\"x\":2}]",
         "[\"The state contains the forbidden properties value, x!\"]"},
        {"setState", "[\"a.b\",{\"val\":1,\"ack\":\"true\"}]",
         WRONG_TYPE("ack", "string", "boolean")},
        {"setState", "[\"a.b\",{\"val\":1,\"ack\":null}]", WRONG_TYPE("ack", "object", "boolean")},
        {"setState", "[\"a.b\",{\"val\":1,\"ts\":\"1\"}]", WRONG_TYPE("ts", "string", "number")},
        {"setState", "[\"a.b\",{\"val\":1,\"q\":true}]", WRONG_TYPE("q", "boolean", "number")},
        {"setState", "[\"a.b\",{\"val\":1,\"lc\":{}}]", WRONG_TYPE("lc", "object", "number")},
        {"setState", "[\"a.b\",{\"val\":1,\"expire\":\"5\"}]",
         WRONG_TYPE("expire", "string", "number")},
        {"setState", "[\"a.b\",{\"val\":1,\"from\":5}]", WRONG_TYPE("from", "number", "string")},
        {"setState", "[\"a.b\",{\"val\":1,\"c\":5}]", WRONG_TYPE("c", "number", "string")},
        {"setState", "[\"a.b\",{\"val\":1,\"user\":5}]", WRONG_TYPE("user", "number", "string")},
        {"getState", "[\"a.b\"]", "[null,null]"},
        {NULL, NULL, NULL}};
    world_expect(env, rows);
    assert_string_equal(fake_env_events(env), "[]");
    fake_env_destroy(&env);
}

/* Each row is stored as the next one says; the id is new each time. */
static void states_are_filled_in(void **state)
{
    static const struct {
        const char *given, *stored;
    } rows[] = {
        {"5", "{\"val\":5," TAIL("false")},
        {"null", "{\"val\":null," TAIL("false")},
        {"[1,2]", "{\"val\":[1,2]," TAIL("false")},
        {"\"a\\ud83d\"", "{\"val\":\"a\\ud83d\"," TAIL("false")},
        {"{\"ack\":true}", "{\"val\":null," TAIL("true")},
        {"{\"val\":1,\"from\":\"\",\"user\":\"u\",\"c\":\"\"}", "{\"val\":1," TAIL("false")},
        {"{\"lc\":1,\"c\":\"c\",\"from\":\"f\",\"q\":66,\"ts\":1600000000000,\"ack\":true,"
         "\"val\":1.5}",
         "{\"val\":1.5,\"ack\":true,\"ts\":1600000000000,\"q\":66,\"c\":\"c\",\"from\":\"f\","
         "\"user\":\"system.user.admin\",\"lc\":1}"},
        {"{\"val\":2,\"ts\":1500000000}",
         "{\"val\":2,\"ack\":false,\"ts\":1500000000000,\"q\":0,"
         "\"from\":\"system.adapter.socketio.0\",\"user\":\"system.user.admin\","
         "\"lc\":1500000000000}"},
        {"{\"val\":1,\"expire\":0}", "{\"val\":1," TAIL("false")},
        {"{\"val\":1,\"expire\":-3}", "{\"val\":1," TAIL("false")},
    };
    (void)state;
    fake_env_t *env = world(objects);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char args[512], want[512];
        snprintf(args, sizeof args, "[\"x.%zu\",%s]", i, rows[i].given);
        snprintf(want, sizeof want, "[null,\"x.%zu\"]", i);
        assert_string_equal(fake_env_call(env, "setState", args), want);
        snprintf(args, sizeof args, "[\"x.%zu\"]", i);
        snprintf(want, sizeof want, "[null,%s]", rows[i].stored);
        assert_string_equal(fake_env_call(env, "getState", args), want);
    }
    fake_env_destroy(&env);
}

static void without_value(void **state)
{
    (void)state;
    fake_env_t *env = world(objects);
    static const world_row_t rows[] = {{"setState", "[\"x\"]", "[null,\"x\"]"},
                                       {"getState", "[\"x\"]", "[null,{" TAIL("false") "]"},
                                       {"setState", "[\"x\",{\"ack\":true}]", "[null,\"x\"]"},
                                       {"getState", "[\"x\"]", "[null,{" TAIL("true") "]"},
                                       {NULL, NULL, NULL}};
    world_expect(env, rows);
    fake_env_destroy(&env);
}

static void last_change(void **state)
{
    static const struct {
        const char *given, *val, *ts, *lc;
    } rows[] = {
        {"{\"val\":1,\"ts\":1600000000000}", "1", "1600000000000", "1600000000000"},
        {"{\"val\":1.0,\"ts\":1600000001000}", "1", "1600000001000", "1600000000000"},
        {"{\"ack\":false,\"ts\":1600000001500}", "1", "1600000001500", "1600000000000"},
        {"{\"val\":\"1\",\"ts\":1600000002000}", "\"1\"", "1600000002000", "1600000002000"},
        {"{\"val\":{\"a\":1,\"b\":[2]},\"ts\":1600000003000}", "{\"a\":1,\"b\":[2]}",
         "1600000003000", "1600000003000"},
        {"{\"val\":{\"b\":[2],\"a\":1},\"ts\":1600000004000}", "{\"b\":[2],\"a\":1}",
         "1600000004000", "1600000003000"},
        {"{\"val\":null,\"ts\":1600000005000}", "null", "1600000005000", "1600000005000"},
    };
    (void)state;
    fake_env_t *env = world(objects);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char args[512], want[512];
        snprintf(args, sizeof args, "[\"x\",%s]", rows[i].given);
        fake_env_call(env, "setState", args);
        snprintf(want, sizeof want,
                 "[null,{\"val\":%s,\"ack\":false,\"ts\":%s,\"q\":0,\"from\":\"system.adapter."
                 "socketio.0\",\"user\":\"system.user.admin\",\"lc\":%s}]",
                 rows[i].val, rows[i].ts, rows[i].lc);
        assert_string_equal(fake_env_call(env, "getState", "[\"x\"]"), want);
    }
    fake_env_destroy(&env);
}

static void numbers_are_rounded(void **state)
{
    (void)state;
    fake_env_t *env = world(objects);
    static const char *const rows[][2] = {{"21.3", "21.5"},
                                          {"21.2", "21"},
                                          {"-0.25", "0"},
                                          {"\"21.3\"", "\"21.3\""},
                                          {"1e308", "1e+308"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char args[64], want[512];
        snprintf(args, sizeof args, "[\"a.step\",%s]", rows[i][0]);
        fake_env_call(env, "setState", args);
        snprintf(want, sizeof want, "[null,{\"val\":%s," TAIL("false") "]", rows[i][1]);
        assert_string_equal(fake_env_call(env, "getState", "[\"a.step\"]"), want);
    }
    fake_env_destroy(&env);
}

/* The original accepts all of these and only logs. */
static void odd_values_are_accepted(void **state)
{
    (void)state;
    fake_env_t *env = world(objects);
    static const world_row_t rows[] = {
        {"setState", "[\"a.room.temp\",100]", "[null,\"a.room.temp\"]"},
        {"setState", "[\"a.room.temp\",-1]", "[null,\"a.room.temp\"]"},
        {"setState", "[\"a.room.temp\",\"hot\"]", "[null,\"a.room.temp\"]"},
        {"setState", "[\"b.room.temp\",1]", "[null,\"b.room.temp\"]"},
        {"setState", "[\"a.mixedl\",{\"val\":{}}]", "[null,\"a.mixedl\"]"},
        {"setState", "[\"a.channel\",1]", "[null,\"a.channel\"]"},
        {"setState", "[\"no.object\",1]", "[null,\"no.object\"]"},
        {NULL, NULL, NULL}};
    world_expect(env, rows);
    fake_env_destroy(&env);
}

static void many_states(void **state)
{
    (void)state;
    fake_env_t *env = world(objects);
#define PATTERN_TYPE(type)                                                                         \
    "[\"Parameter \\\"pattern\\\" needs to be of type \\\"string\\\" or an array of type "         \
    "\\\"string\\\", \\\"" type "\\\" has been passed\"]"
#define ALL                                                                                        \
    "[null,{\"a.mixedNull\":null,\"a.mixedl\":null,\"a.room.temp\":null,\"a.step\":null,"          \
    "\"b.room.temp\":null}]"
    static const world_row_t rows[] = {
        {"setState", "[\"no.object\",1]", "[null,\"no.object\"]"},
        {"getStates", "[]", ALL},
        {"getStates", "[null]", ALL},
        {"getStates", "[\"\"]", ALL},
        {"getStates", "[0]", ALL},
        {"getStates", "[\"*\"]", ALL},
        {"getForeignStates", "[\"*\"]", ALL},
        {"getStates", "[\"*.temp\"]", "[null,{\"a.room.temp\":null,\"b.room.temp\":null}]"},
        {"getStates", "[\"*room*\"]", "[null,{\"a.room.temp\":null,\"b.room.temp\":null}]"},
        {"getStates", "[\"a.*.temp\"]", "[null,{\"a.room.temp\":null}]"},
        {"getStates", "[\"a.m*\"]", "[null,{\"a.mixedNull\":null,\"a.mixedl\":null}]"},
        {"getStates", "[\"a.mixed*l\"]", "[null,{\"a.mixedl\":null}]"},
        {"getStates", "[\"a.step\"]", "[null,{\"a.step\":null}]"},
        {"getStates", "[\"a.channel\"]", "[null,{}]"},
        {"getStates", "[\"no.object\"]", "[null,{}]"},
        {"getStates", "[\"a.st.p\"]", "[null,{}]"},
        {"getStates", "[\"[x]*\"]", "[null,{}]"},
        {"getStates", "[\"[\\\"a\\\"]\"]",
         "[\"The pattern \\\"[\\\"a\\\"]\\\" is not a valid ID pattern\"]"},
        {"getStates", "[7]", PATTERN_TYPE("number")},
        {"getStates", "[true]", PATTERN_TYPE("boolean")},
        {"getStates", "[{\"pattern\":\"*\"}]", PATTERN_TYPE("object")},
        {"getStates", "[[]]", "[null,{}]"},
        {"getStates", "[[\"no.object\",\"a.*\",\"a.step\"]]",
         "[null,{\"no.object\":{\"val\":1," TAIL("false") ",\"a.*\":null,\"a.step\":null}]"},
        {"getStates", "[[\"a.step\",5]]",
         "[\"Parameter \\\"pattern\\\" needs to be of type \\\"string\\\" or an array of type "
         "\\\"string\\\", but the array contains a value of type \\\"object\\\"\"]"},
        {NULL, NULL, NULL}};
    world_expect(env, rows);
    fake_env_destroy(&env);
}

static void plain_verbs(void **state)
{
    (void)state;
    fake_env_t *env = world(objects);
    fake_env_set_instance(env, "");
    static const world_row_t rows[] = {
        {"states.put", "[[[\"x.1\",{\"val\":1,\"odd\":2}],[\"x.2\",{}],[\"x.3\",{\"val\":3}]]]",
         "[null,3]"},
        {"states.get", "[[\"x.1\",\"x.2\",\"nothing\"]]", "[null,[{\"val\":1,\"odd\":2},{},null]]"},
        {"states.scan", "[null,2]",
         "[null,[[\"x.1\",{\"val\":1,\"odd\":2}],[\"x.2\",{}]],\"x.2\"]"},
        {"states.scan", "[\"x.2\",2]", "[null,[[\"x.3\",{\"val\":3}]],null]"},
        {"states.put", "[[[\"x.1\",null]]]", "[null,1]"},
        {"states.del", "[[\"x.1\",\"x.2\",\"nothing\"]]", "[null,1]"},
        {"states.scan", "[null,9]", "[null,[[\"x.3\",{\"val\":3}]],null]"},
        {"states.put", "[[[\"y\",{\"val\":1}],[\"y\",5]]]", "[\"Invalid arguments\"]"},
        {"states.put", "[[[\"\",{\"val\":1}]]]", "[\"Invalid arguments\"]"},
        {"states.put", "[5]", "[\"Invalid arguments\"]"},
        {"states.get", "[[5]]", "[\"Invalid arguments\"]"},
        {"states.del", "[[5]]", "[\"Invalid arguments\"]"},
        {"states.scan", "[null,0]", "[\"Invalid arguments\"]"},
        {"states.scan", "[7,1]", "[\"Invalid arguments\"]"},
        {"getState", "[\"y\"]", "[null,null]"},
        {NULL, NULL, NULL}};
    world_expect(env, rows);
    assert_string_equal(fake_env_events(env),
                        "[[\"stateChange\",[\"x.1\",{\"val\":1,\"odd\":2}]],"
                        "[\"stateChange\",[\"x.2\",{}]],[\"stateChange\",[\"x.3\",{\"val\":3}]],"
                        "[\"stateChange\",[\"x.1\",null]],[\"stateChange\",[\"x.2\",null]]]");
    fake_env_destroy(&env);
}

static void size_is_bounded(void **state)
{
    (void)state;
    config_t *config = config_new();
    buf_t why = {0}, args = {0};
    assert_int_equal(config_set(config, "data", STR_LIT(":memory:"), &why), ERR_OK);
    assert_int_equal(config_set(config, "max-value", STR_LIT("1k"), &why), ERR_OK);
    fake_env_t *env = world_with(NULL, config);
    buf_printf(&args, "[\"x\",\"%01000d\"]%c", 0, 0);
    assert_string_equal(fake_env_call(env, "setState", (char *)args.data),
                        "[\"Message is too large\"]");
    assert_string_equal(fake_env_call(env, "getState", "[\"x\"]"), "[null,null]");
    buf_reset(&args);
    buf_printf(&args, "[\"x\",\"%0700d\"]%c", 0, 0);
    assert_string_equal(fake_env_call(env, "setState", (char *)args.data), "[null,\"x\"]");
    buf_fini(&args);
    config_destroy(&config);
    fake_env_destroy(&env);
}

static void not_before_the_objects_are_known(void **state)
{
    (void)state;
    fake_env_t *env = fake_env_new();
    fake_env_open(env, &states_actor, NULL);
    static const world_row_t early[] = {{"getState", "[\"x\"]", "[\"Service is not available\"]"},
                                        {"getStates", "[\"x\"]", "[\"Service is not available\"]"},
                                        {"setState", "[\"x\",1]", "[\"Service is not available\"]"},
                                        {"delState", "[\"x\"]", "[\"Service is not available\"]"},
                                        {"states.get", "[[\"x\"]]", "[null,[null]]"},
                                        {NULL, NULL, NULL}};
    buf_t why = {0};
    world_expect(env, early);
    assert_false(states_actor.ready(fake_env_actor(env), &why));
    assert_true(why.len > 0);
    fake_env_reply(env, ERR_OK, "[null,[],null]");
    assert_true(states_actor.ready(fake_env_actor(env), &why));
    assert_string_equal(fake_env_call(env, "getState", "[\"x\"]"), "[null,null]");
    buf_fini(&why);
    fake_env_destroy(&env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example),
        cmocka_unit_test(ids_are_checked),
        cmocka_unit_test(states_are_checked),
        cmocka_unit_test(states_are_filled_in),
        cmocka_unit_test(without_value),
        cmocka_unit_test(last_change),
        cmocka_unit_test(numbers_are_rounded),
        cmocka_unit_test(odd_values_are_accepted),
        cmocka_unit_test(many_states),
        cmocka_unit_test(plain_verbs),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(not_before_the_objects_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
