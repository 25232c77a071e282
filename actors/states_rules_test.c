/* SPDX-License-Identifier: MIT */
/* Rights, aliases, default values, the end of states: what the states actor makes of objects. */
#include "actors/states_test.h"

#define ACL(owner, group, object, state)                                                           \
    "\"acl\":{\"owner\":\"system.user." owner "\",\"ownerGroup\":\"system.group." group            \
    "\",\"object\":" object ",\"state\":" state "}"
#define STATE_OBJECT(id, common, more)                                                             \
    "[\"" id "\",{\"type\":\"state\",\"common\":{" common "}" more "}]"

static const char objects[] = "[null,[" STATE_OBJECT(
    "alias.0.f",
    "\"type\":\"number\",\"alias\":{\"id\":\"x.c\",\"read\":\"val * 9 / 5 + 32\","
    "\"write\":\"(val - 32) * 5 / 9\"}",
    "") "," STATE_OBJECT("alias.0.missing", "\"alias\":{\"id\":\"x.missing\"}",
                         "") "," STATE_OBJECT("alias.0.none", "\"type\":\"number\"",
                                              "") "," STATE_OBJECT("alias.0.own",
                                                                   "\"alias\":{\"id\":\"x."
                                                                   "hidden\"}",
                                                                   "," ACL("guest", "guests",
                                                                           "1638",
                                                                           "1638")) "," STATE_OBJECT("alias.0.percent", "\"type\":\"number\",\"unit\":\"%\",\"alias\":{\"id\":\"x.byte\"}", "") "," STATE_OBJECT("alias.0.readonly", "\"alias\":{\"id\":{\"read\":\"x.c\"}}", "") "," STATE_OBJECT("alias.0.two", "\"alias\":{\"id\":{\"read\":\"x.c\",\"write\":\"x.byte\"}}", "") ","
                                                                                                                                                                                                                                                                                                                                                                                    "[\"system.group.administrator\",{\"type\":\"group\",\"common\":{\"members\":["
                                                                                                                                                                                                                                                                                                                                                                                    "\"system.user.admin\",\"system.user.boss\"]}}],"
                                                                                                                                                                                                                                                                                                                                                                                    "[\"system.group.guests\",{\"type\":\"group\",\"common\":{\"members\":[\"system.user.guest\"],"
                                                                                                                                                                                                                                                                                                                                                                                    "\"acl\":{\"object\":{\"read\":true,\"list\":true},\"state\":{\"read\":true,\"write\":true}}}}],"
                                                                                                                                                                                                                                                                                                                                                                                    "[\"system.user.boss\",{\"type\":\"user\",\"common\":{}}],"
                                                                                                                                                                                                                                                                                                                                                                                    "[\"system.user.guest\",{\"type\":\"user\",\"common\":{}}]," STATE_OBJECT("x.byte", "\"type\":\"number\",\"min\":0,\"max\":255", "") "," STATE_OBJECT("x.c", "\"type\":\"number\"", "," ACL("admin", "administrator", "1636", "1636")) "," STATE_OBJECT("x.hidden",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                            "\"type\":\"string\"",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                            "," ACL("admin",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                    "administrator", "1536", "1536")) "," STATE_OBJECT("x.open",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                       "\"type\":\"string\"",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                       "," ACL("admin",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                               "administrator", "1638", "1638")) "," STATE_OBJECT("x.values", "\"type\":\"string\"", "," ACL("admin", "administrator", "1636", "1632")) "],null]";

static void aliases(void **state)
{
    (void)state;
    fake_env_t *env = world(objects);
    static const world_row_t rows[] = {
        {"getState", "[\"alias.0.f\"]", "[null,null]"},
        {"setState", "[\"alias.0.f\",{\"val\":77,\"ack\":true}]", "[null,\"x.c\"]"},
        {"getState", "[\"x.c\"]", "[null,{\"val\":25," TAIL("true") "]"},
        {"getState", "[\"alias.0.f\"]", "[null,{\"val\":77," TAIL("true") "]"},
        {"getStates", "[[\"alias.0.f\",\"alias.0.nothing\"]]",
         "[null,{\"alias.0.f\":{\"val\":77," TAIL("true") ",\"alias.0.nothing\":null}]"},
        {"getStates", "[\"alias.0.f*\"]", "[null,{\"alias.0.f\":{\"val\":77," TAIL("true") "}]"},
        {"getState", "[\"alias.0.none\"]", "[null,null]"},
        {"getState", "[\"alias.0.two\"]", "[null,{\"val\":25," TAIL("true") "]"},
        {"setState", "[\"alias.0.two\",1]", "[null,\"x.byte\"]"},
        {"setState", "[\"alias.0.percent\",100]", "[null,\"x.byte\"]"},
        {"getState", "[\"x.byte\"]", "[null,{\"val\":255," TAIL("false") "]"},
        {"setState", "[\"alias.0.missing\",1]", "[null,\"x.missing\"]"},
        {"getState", "[\"alias.0.missing\"]", "[null,{\"val\":1," TAIL("false") "]"},
        {"setState", "[\"alias.0.none\",1]", "[\"Alias alias.0.none has no target\"]"},
        {"setState", "[\"alias.0.nothing\",1]", "[\"Alias alias.0.nothing has no target\"]"},
        {"setState", "[\"alias.0.readonly\",1]",
         "[\"Error validating alias id of alias.0.readonly: The id "
         "\\\"{\\\"read\\\":\\\"x.c\\\"}\\\" is an invalid object! Expected at least one of the "
         "properties \\\"device\\\", \\\"channel\\\" or \\\"state\\\" to exist.\"]"},
        {"delState", "[\"alias.0.f\"]", "[null,\"alias.0.f\"]"},
        {"getState", "[\"x.c\"]", "[null,{\"val\":25," TAIL("true") "]"},
        {NULL, NULL, NULL}};
    world_expect(env, rows);
    fake_env_destroy(&env);
}

static void aliases_make_events(void **state)
{
    (void)state;
    fake_env_t *env = world("[null,[" STATE_OBJECT("alias.0.double",
                                                   "\"alias\":{\"id\":\"x\","
                                                   "\"read\":\"val.length * 2\"}",
                                                   "") "," STATE_OBJECT("x", "", "") "],null]");
    fake_env_call(env, "setState", "[\"x\",\"abc\"]");
    fake_env_call(env, "setState", "[\"x\",null]"); /* the formula throws: no event of the alias */
    fake_env_call(env, "delState", "[\"x\"]");
    assert_string_equal(
        fake_env_events(env),
        "[[\"stateChange\",[\"x\",{\"val\":\"abc\"," TAIL(
            "false") "]],"
                     "[\"stateChange\",[\"alias.0.double\",{\"val\":6," TAIL(
                         "false") "]],"
                                  "[\"stateChange\",[\"x\",{\"val\":null," TAIL(
                                      "false") "]],"
                                               "[\"stateChange\",[\"x\",null]],"
                                               "[\"stateChange\",[\"alias.0.double\",null]]]");
    /* It is pointed elsewhere, then deleted. */
    world_object(env, STATE_OBJECT("alias.0.double", "\"alias\":{\"id\":\"y\"}", ""));
    fake_env_call(env, "setState", "[\"x\",1]");
    fake_env_call(env, "setState", "[\"y\",{\"val\":2,\"ack\":true}]");
    world_object(env, "[\"alias.0.double\",null]");
    fake_env_call(env, "setState", "[\"y\",3]");
    assert_string_equal(
        fake_env_events(env),
        "[[\"stateChange\",[\"x\",{\"val\":1," TAIL(
            "false") "]],"
                     "[\"stateChange\",[\"y\",{\"val\":2," TAIL(
                         "true") "]],"
                                 "[\"stateChange\",[\"alias.0.double\",{\"val\":2," TAIL(
                                     "true") "]],"
                                             "[\"stateChange\",[\"y\",{\"val\":3," TAIL(
                                                 "false") "]]]");
    fake_env_destroy(&env);
}

static void odd_aliases(void **state)
{
    (void)state;
    fake_env_t *env =
        world("[null,[" STATE_OBJECT("alias.a", "\"alias\":{\"id\":\"alias.b\"}", "") "," STATE_OBJECT("alias.b", "\"alias\":{\"id\":\"\"}", "") "," STATE_OBJECT(
            "alias.c", "\"alias\":{\"id\":5}",
            "") "," STATE_OBJECT("alias.d", "\"alias\":5",
                                 "") "," STATE_OBJECT("alias.e", "\"alias\":{\"id\":\"x.\"}",
                                                      "") "," STATE_OBJECT("alias.f",
                                                                           "\"alias\":{\"id\":"
                                                                           "\"x\",\"write\":"
                                                                           "\"while(1);\"}",
                                                                           "") "," STATE_OBJECT("al"
                                                                                                "ia"
                                                                                                "s."
                                                                                                "g",
                                                                                                "\""
                                                                                                "al"
                                                                                                "ia"
                                                                                                "s"
                                                                                                "\""
                                                                                                ":{"
                                                                                                "\""
                                                                                                "id"
                                                                                                "\""
                                                                                                ":"
                                                                                                "\""
                                                                                                "al"
                                                                                                "ia"
                                                                                                "s."
                                                                                                "g"
                                                                                                "\""
                                                                                                "}",
                                                                                                "") "," STATE_OBJECT("x",
                                                                                                                     "\"alias\":{\"id\":\"x\"}",
                                                                                                                     "") "],null]");
    static const world_row_t rows[] = {
        {"setState", "[\"alias.a\",1]", "[\"Alias alias.a has no target\"]"},
        {"setState", "[\"alias.b\",1]", "[\"Alias alias.b has no target\"]"},
        {"setState", "[\"alias.c\",1]", "[\"Alias alias.c has no target\"]"},
        {"setState", "[\"alias.d\",1]", "[\"Alias alias.d has no target\"]"},
        {"setState", "[\"alias.e\",1]",
         "[\"Error validating alias id of alias.e: The id \\\"x.\\\" is invalid. Ids are not "
         "allowed "
         "to end in \\\".\\\"\"]"},
        {"setState", "[\"alias.f\",1]", "[\"Alias alias.f cannot convert the value\"]"},
        {"setState", "[\"alias.g\",1]", "[\"Alias alias.g has no target\"]"},
        {"getStates", "[\"alias.*\"]",
         "[null,{\"alias.a\":null,\"alias.b\":null,\"alias.c\":null,\"alias.d\":null,"
         "\"alias.e\":null,\"alias.f\":null,\"alias.g\":null}]"},
        {"setState", "[\"x\",1]", "[null,\"x\"]"},
        {NULL, NULL, NULL}};
    world_expect(env, rows);
    fake_env_destroy(&env);
}

static void rights(void **state)
{
    (void)state;
    fake_env_t *env = world(objects);
    static const world_row_t filling[] = {{"setState", "[\"x.c\",1]", "[null,\"x.c\"]"},
                                          {"setState", "[\"x.hidden\",1]", "[null,\"x.hidden\"]"},
                                          {NULL, NULL, NULL}};
#define NO "[\"permissionError\"]"
    static const world_row_t guest[] = {
        {"getState", "[\"x.c\"]", "[null,{\"val\":1," TAIL("false") "]"},
        {"getState", "[\"x.hidden\"]", NO},
        {"getState", "[\"x.values\"]", NO},
        {"getState", "[\"alias.0.own\"]", NO}, /* may see the alias, not what is behind it */
        {"getState", "[\"nothing\"]", "[null,null]"},
        {"getStates", "[[\"x.c\",\"x.hidden\"]]", NO},
        {"getStates", "[[\"alias.0.own\"]]", NO},
        {"getStates", "[\"x.*\"]",
         "[null,{\"x.byte\":null,\"x.c\":{\"val\":1," TAIL("false") ",\"x.open\":null}]"},
        {"setState", "[\"x.c\",2]", NO},
        {"setState", "[\"x.hidden\",2]", NO},
        {"setState", "[\"alias.0.f\",2]", NO}, /* may write the alias, not what is behind it */
        {"setState", "[\"nothing\",2]", "[null,\"nothing\"]"},
        {"setState", "[\"x.open\",2]", "[null,\"x.open\"]"},
        {"delState", "[\"x.open\"]", NO}, /* the group has no right to delete */
        {NULL, NULL, NULL}};
    static const world_row_t boss[] = {{"setState", "[\"x.c\",2]", "[null,\"x.c\"]"},
                                       {"delState", "[\"x.open\"]", "[null,\"x.open\"]"},
                                       {NULL, NULL, NULL}};
    static const world_row_t unknown[] = {
        {"getState", "[\"x.c\"]", NO}, {"getStates", "[]", NO}, {NULL, NULL, NULL}};
    world_expect(env, filling);
    fake_env_set_user(env, "system.user.guest");
    world_expect(env, guest);
    fake_env_set_user(env, "system.user.boss");
    world_expect(env, boss);
    fake_env_set_user(env, "system.user.nobody");
    world_expect(env, unknown);
    fake_env_destroy(&env);
}

#define ACLS(owner, group, object, state)                                                          \
    "{\"owner\":\"system.user." owner "\",\"ownerGroup\":\"system.group." group                    \
    "\",\"object\":" object ",\"state\":" state "}"

/* An event names what decides who may see it; of an alias also that of what it reads. */
static void events_name_their_acl(void **state)
{
    (void)state;
    fake_env_t *env = world(objects);
    fake_env_acls(env);
    fake_env_call(env, "setState", "[\"nothing\",1]");
    assert_string_equal(fake_env_acls(env), "[null]");
    fake_env_call(env, "setState", "[\"x.open\",1]");
    assert_string_equal(fake_env_acls(env), "[" ACLS("admin", "administrator", "1638", "1638") "]");
    fake_env_call(env, "setState", "[\"x.hidden\",1]");
    assert_string_equal(fake_env_acls(env),
                        "[" ACLS("admin", "administrator", "1536", "1536") ",[" ACLS(
                            "guest", "guests", "1638", "1638") "," ACLS("admin", "administrator",
                                                                        "1536", "1536") "]]");
    fake_env_call(env, "setState", "[\"x.byte\",1]"); /* has no acl, nor has its alias */
    assert_string_equal(fake_env_acls(env), "[{},[{},{}]]");
    world_object(env, "[\"x.open\",null]"); /* its state goes by the acl that it had */
    assert_string_equal(fake_env_acls(env), "[" ACLS("admin", "administrator", "1638", "1638") "]");
    fake_env_call(env, "setState", "[\"x.open\",1]");
    assert_string_equal(fake_env_acls(env), "[null]");
    fake_env_destroy(&env);
}

/* What a gateway asks for after it has missed events. */
static void watched_states(void **state)
{
    (void)state;
    fake_env_t *env = world(objects);
    fake_env_call(env, "setState", "[\"x.hidden\",\"s\"]");
    fake_env_call(env, "setState", "[\"x.free\",1]");
    static const world_row_t refused[] = {{"states.watched", "[\"*\"]", NO}, {NULL, NULL, NULL}};
    world_expect(env, refused);
    fake_env_set_user(env, "");
    static const world_row_t rows[] = {
        {"states.watched", "[[\"x.none\",\"alias.0.own\",\"x.byte\"]]",
         "[null,[[\"x.none\",null,null],[\"alias.0.own\",{\"val\":\"s\"," TAIL("false") ",[" ACLS(
             "guest", "guests", "1638", "1638") "," ACLS("admin", "administrator", "1536",
                                                         "1536") "]],[\"x.byte\",null,{}]]]"},
        {"states.watched", "[\"x.f*\"]", "[null,[[\"x.free\",{\"val\":1," TAIL("false") ",null]]]"},
        {"states.watched", "[\"y.*\"]", "[null,[]]"},
        {"states.watched", "[5]", "[\"Invalid arguments\"]"},
        {"states.watched", "[[5]]", "[\"Invalid arguments\"]"},
        {NULL, NULL, NULL}};
    world_expect(env, rows);
    fake_env_destroy(&env);
}

static void the_writer_is_named(void **state)
{
    (void)state;
    fake_env_t *env = world(objects);
    fake_env_set_user(env, "system.user.guest");
    fake_env_set_instance(env, "ws.3");
    fake_env_call(env, "setState", "[\"x.open\",{\"val\":1,\"user\":\"system.user.admin\"}]");
    assert_string_equal(fake_env_call(env, "getState", "[\"x.open\"]"),
                        "[null,{\"val\":1,\"ack\":false,\"ts\":" NOW ",\"q\":0,"
                        "\"from\":\"system.adapter.ws.3\",\"user\":\"system.user.guest\","
                        "\"lc\":" NOW "}]");
    fake_env_set_user(env, "");
    fake_env_set_instance(env, "");
    fake_env_call(env, "setState", "[\"x.open\",1]");
    assert_string_equal(fake_env_call(env, "getState", "[\"x.open\"]"),
                        "[null,{\"val\":1,\"ack\":false,\"ts\":" NOW ",\"q\":0,"
                        "\"user\":\"system.user.admin\",\"lc\":" NOW "}]");
    fake_env_destroy(&env);
}

/* --- default values, deleted objects --------------------------------------------------------- */

static void default_values(void **state)
{
    (void)state;
    fake_env_t *env = world(objects);
#define DEFAULT(val)                                                                               \
    "{\"val\":" val ",\"ack\":true,\"ts\":" NOW ",\"q\":32,\"from\":\"system.adapter."             \
    "socketio.0\",\"user\":\"system.user.admin\",\"lc\":" NOW "}"
    world_object(env, STATE_OBJECT("d.1", "\"def\":17", ""));
    world_object(env, STATE_OBJECT("d.2", "\"def\":false", ""));
    world_object(env, STATE_OBJECT("d.3", "\"def\":null", ""));
    world_object(env, STATE_OBJECT("d.4", "", ""));
    world_object(env, "[\"d.5\",{\"type\":\"channel\",\"common\":{\"def\":1}}]");
    world_object(env, STATE_OBJECT("alias.d", "\"def\":1,\"alias\":{\"id\":\"d.4\"}", ""));
    fake_env_event(env, "objects", "objectChange", "", STATE_OBJECT("d.6", "\"def\":1", ""));
    assert_string_equal(fake_env_events(env),
                        "[[\"stateChange\",[\"d.1\"," DEFAULT(
                            "17") "]],"
                                  "[\"stateChange\",[\"d.2\"," DEFAULT("false") "]]]");
    fake_env_call(env, "setState", "[\"d.4\",3]");
    world_object(env, STATE_OBJECT("d.4", "\"def\":17", ""));
    static const world_row_t rows[] = {
        {"states.get", "[[\"d.1\",\"d.2\",\"d.3\",\"d.4\",\"d.5\",\"d.6\",\"alias.d\"]]",
         "[null,[" DEFAULT("17") "," DEFAULT("false") ",null,{\"val\":3," TAIL(
             "false") ",null,null,null]]"},
        {NULL, NULL, NULL}};
    world_expect(env, rows);
    fake_env_destroy(&env);
}

static void deleted_objects(void **state)
{
    (void)state;
    fake_env_t *env = world(objects);
    static const world_row_t filling[] = {{"setState", "[\"x.c\",1]", "[null,\"x.c\"]"},
                                          {"setState", "[\"x.byte\",1]", "[null,\"x.byte\"]"},
                                          {"setState", "[\"no.object\",1]", "[null,\"no.object\"]"},
                                          {NULL, NULL, NULL}};
    world_expect(env, filling);
    fake_env_events(env);
    world_object(env, "[\"x.c\",null]");
    world_object(env, "[\"x.open\",null]");
    world_object(env, "[\"no.object\",null]");
    world_object(env, "[\"system.user.boss\",null]");
    fake_env_event(env, "objects", "objectChange", "", "[\"x.byte\",null]"); /* an import */
    assert_string_equal(
        fake_env_events(env),
        "[[\"stateChange\",[\"x.c\",null]],[\"stateChange\",[\"alias.0.two\",null]],"
        "[\"stateChange\",[\"alias.0.readonly\",null]],"
        "[\"stateChange\",[\"alias.0.f\",null]],"
        "[\"stateChange\",[\"x.open\",null]]]");
    static const world_row_t rows[] = {
        {"states.get", "[[\"x.c\",\"x.byte\",\"no.object\"]]",
         "[null,[null,{\"val\":1," TAIL("false") ",{\"val\":1," TAIL("false") "]]"},
        {"getStates", "[\"x.*\"]", "[null,{\"x.hidden\":null,\"x.values\":null}]"},
        {NULL, NULL, NULL}};
    world_expect(env, rows);
    fake_env_destroy(&env);
}

/* Events were lost: what a new reading does not show is gone, without touching any state. */
static void objects_read_again(void **state)
{
    (void)state;
    fake_env_t *env = world(objects);
    fake_env_call(env, "setState", "[\"x.c\",1]");
    fake_env_events(env);
    union {
        const char *text;
        void *arg;
    } scan = {.text = "[null,[" STATE_OBJECT("x.new", "\"def\":1", "") "],null]"};
    fake_env_set_peer(env, world_scan, scan.arg);
    states_actor.gap(fake_env_actor(env), "objects");
    fake_env_advance(env, 0);
    static const world_row_t rows[] = {
        {"getStates", "[]", "[null,{\"x.new\":null}]"},
        {"getState", "[\"x.c\"]", "[null,{\"val\":1," TAIL("false") "]"},
        {"getState", "[\"alias.0.f\"]", "[null,null]"},
        {"setState", "[\"alias.0.f\",1]", "[\"Alias alias.0.f has no target\"]"},
        {NULL, NULL, NULL}};
    world_expect(env, rows);
    assert_string_equal(fake_env_events(env), "[]");
    fake_env_set_user(env, "system.user.boss"); /* the groups are gone as well */
    assert_string_equal(fake_env_call(env, "getStates", "[]"), "[\"permissionError\"]");
    fake_env_destroy(&env);
}

/* --- the end of states ----------------------------------------------------------------------- */

static void lives_end(void **state)
{
    (void)state;
    fake_env_t *env = world(NULL);
    static const world_row_t rows[] = {
        {"setState", "[\"a\",{\"val\":1,\"expire\":2}]", "[null,\"a\"]"},
        {"setState", "[\"b\",{\"val\":1,\"expire\":0.5}]", "[null,\"b\"]"},
        {"setState", "[\"c\",{\"val\":1,\"expire\":1}]", "[null,\"c\"]"},
        {"setState", "[\"c\",1]", "[null,\"c\"]"}, /* a plain write lets it live */
        {"setState", "[\"d\",{\"val\":1,\"expire\":1}]", "[null,\"d\"]"},
        {"delState", "[\"d\"]", "[null,\"d\"]"},
        {"states.put", "[[[\"e\",{\"val\":1,\"expire\":1}]]]", "[null,1]"},
        {"getState", "[\"a\"]",
         "[null,{\"val\":1,\"ack\":false,\"ts\":" NOW ",\"q\":0,\"from\":\"system.adapter.socketio."
         "0\",\"user\":\"system.user.admin\",\"lc\":" NOW ",\"expire\":true}]"},
        {NULL, NULL, NULL}};
    world_expect(env, rows);
    fake_env_events(env);
    fake_env_advance(env, 499);
    assert_string_equal(fake_env_events(env), "[]");
    fake_env_advance(env, 1);
    assert_string_equal(fake_env_events(env), "[[\"stateChange\",[\"b\",null]]]");
    fake_env_advance(env, 600);
    assert_string_equal(fake_env_events(env), "[[\"stateChange\",[\"e\",null]]]");
    fake_env_advance(env, 5000);
    assert_string_equal(fake_env_events(env), "[[\"stateChange\",[\"a\",null]]]");
    static const world_row_t left[] = {
        {"states.scan", "[null,9]", "[null,[[\"c\",{\"val\":1," TAIL("false") "]],null]"},
        {NULL, NULL, NULL}};
    world_expect(env, left);
    fake_env_destroy(&env);
}

static void states_survive_a_restart(void **state)
{
    (void)state;
    char folder[] = "/tmp/iobus-states-XXXXXX", command[64];
    buf_t why = {0};
    config_t *config = config_new();
    assert_non_null(mkdtemp(folder));
    assert_int_equal(config_set(config, "data", str_of(folder), &why), ERR_OK);
    fake_env_t *env = world_with(NULL, config);
    static const world_row_t rows[] = {
        {"setState", "[\"a\",1]", "[null,\"a\"]"},
        {"setState", "[\"b\",{\"val\":1,\"expire\":1}]", "[null,\"b\"]"},
        {"setState", "[\"c\",{\"val\":1,\"expire\":100}]", "[null,\"c\"]"},
        {"delState", "[\"nothing\"]", "[null,\"nothing\"]"},
        {NULL, NULL, NULL}};
    world_expect(env, rows);
    fake_env_destroy(&env);
    env = world_with(NULL, config);
    fake_env_advance(env, 2000);
    assert_string_equal(fake_env_events(env), "[[\"stateChange\",[\"b\",null]]]");
    assert_string_equal(fake_env_call(env, "getState", "[\"a\"]"),
                        "[null,{\"val\":1," TAIL("false") "]");
    fake_env_advance(env, 98000);
    assert_string_equal(fake_env_events(env), "[[\"stateChange\",[\"c\",null]]]");
    fake_env_destroy(&env);
    config_destroy(&config);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aliases),
        cmocka_unit_test(aliases_make_events),
        cmocka_unit_test(odd_aliases),
        cmocka_unit_test(rights),
        cmocka_unit_test(events_name_their_acl),
        cmocka_unit_test(watched_states),
        cmocka_unit_test(the_writer_is_named),
        cmocka_unit_test(default_values),
        cmocka_unit_test(deleted_objects),
        cmocka_unit_test(objects_read_again),
        cmocka_unit_test(lives_end),
        cmocka_unit_test(states_survive_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
