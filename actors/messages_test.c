/* SPDX-License-Identifier: MIT */
#include "actors/messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/log.h"
#include "tests/unit/fake_env.h"

#define NOBODY "[\"This instance does not run here\"]"

static fake_env_t *open_messages(void)
{
    fake_env_t *env = fake_env_new();
    config_t *config = config_new();
    buf_t why = {0};
    log_set_level(LEVEL_ERROR);
    assert_int_equal(config_set(config, "host-name", STR_LIT("house"), &why), ERR_OK);
    assert_int_equal(config_set(config, "message-timeout", STR_LIT("5s"), &why), ERR_OK);
    fake_env_open(env, &messages_actor, config);
    config_destroy(&config);
    assert_string_equal(fake_env_call(env, "messages.hello", "[[\"socketio.0\"],[]]"), "[null,[]]");
    return env;
}

static const char *call_as(fake_env_t *env, const char *client, const char *command,
                           const char *args)
{
    fake_env_set_client(env, client);
    return fake_env_call(env, command, args);
}

/* A client of gateway "a" that is hue.0. */
static void register_hue(fake_env_t *env)
{
    assert_string_equal(call_as(env, "a/1", "messages.register", "[\"hue.0\",\"secret\"]"),
                        "[null]");
    assert_string_equal(call_as(env, "a/1", "messages.hello",
                                "[[\"socketio.0\"],[[\"a/1\",[[\"hue.0\",\"secret\"]],[]]]]"),
                        "[null,[]]");
}

static void assert_event(fake_env_t *env, const char *part)
{
    const char *events = fake_env_events(env);
    if (!strstr(events, part))
        fail_msg("%s is not in %s", part, events);
}

/* --- sendTo --- */

static void test_usage(void **state)
{
    (void)state;
    fake_env_t *env = open_messages();
    register_hue(env);
    assert_string_equal(call_as(env, "b/7", "sendTo", "[\"hue.0\",\"dim\",{\"to\":5}]"), "PENDING");
    assert_string_equal(
        fake_env_events(env),
        "[[\"clientEvent\",[\"a/1\",\"message\",{\"command\":\"dim\",\"message\":{\"to\":5},"
        "\"from\":\"system.adapter.socketio.0\",\"to\":\"hue.0\",\"user\":\"system.user.admin\","
        "\"callback\":{\"id\":1,\"ack\":false,\"time\":1700000000000}}]]]");
    assert_null(fake_env_answer(env));
    assert_string_equal(call_as(env, "a/1", "iobusReply", "[1,{\"ok\":true}]"), "[null,true]");
    assert_string_equal(fake_env_answer(env), "[{\"ok\":true}]");
    assert_string_equal(fake_env_call(env, "iobusReply", "[1,null]"), "[null,false]");
    fake_env_destroy(&env);
}

static void test_nobody(void **state)
{
    (void)state;
    static const struct {
        const char *args, *answer;
    } rows[] = {
        {"[\"nobody.0\",\"x\",null]", NOBODY},
        {"[\"system.adapter.nobody.0\",\"x\",null]", NOBODY},
        {"[\"nobody\",\"x\",null]", NOBODY},
        {"[\"\",\"x\",null]", NOBODY},
        {"[\"hue.00\",\"x\"]", NOBODY},
        {"[\"system.adapter.\"]", NOBODY},
        {"[null,\"x\",null]", "[\"The name of an instance is missing\"]"},
        {"[{},\"x\"]", "[\"The name of an instance is missing\"]"},
        {"[]", "[\"Invalid arguments\"]"},
        {"[\"socketio.0\",\"x\"]", "[\"This instance takes no messages\"]"},
    };
    fake_env_t *env = open_messages();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(fake_env_call(env, "sendTo", rows[i].args), rows[i].answer);
    assert_string_equal(fake_env_call(env, "messages.post", "[\"nobody.0\",\"x\"]"), NOBODY);
    fake_env_destroy(&env);
}

static void test_without_callback(void **state)
{
    (void)state;
    fake_env_t *env = open_messages();
    register_hue(env);
    assert_string_equal(call_as(env, "b/7", "messages.post", "[\"system.adapter.hue.0\",\"dim\"]"),
                        "[]");
    const char *events = fake_env_events(env);
    assert_non_null(strstr(events, "\"message\":null"));
    assert_null(strstr(events, "callback"));
    fake_env_destroy(&env);
}

static void test_all_of_an_adapter(void **state)
{
    (void)state;
    fake_env_t *env = open_messages();
    register_hue(env);
    assert_string_equal(fake_env_call(env, "messages.register", "[\"hue.1\",\"t\"]"), "[null]");
    assert_string_equal(fake_env_call(env, "messages.register", "[\"huge.0\",\"t\"]"), "[null]");
    assert_string_equal(call_as(env, "b/7", "sendTo", "[\"hue\",\"dim\",1]"),
                        "[{\"error\":\"Sent to all instances of hue; nobody answers such a "
                        "message\",\"sent\":2}]");
    const char *events = fake_env_events(env);
    assert_non_null(strstr(events, "\"to\":\"hue.0\""));
    assert_non_null(strstr(events, "\"to\":\"hue.1\""));
    assert_null(strstr(events, "huge"));
    assert_non_null(strstr(fake_env_call(env, "sendTo", "[\"history\",\"features\"]"), "sent"));
    assert_string_equal(fake_env_asked(env),
                        "[[\"history\",\"history.message\",[\"features\",null]]]");
    fake_env_destroy(&env);
}

static void test_history(void **state)
{
    (void)state;
    fake_env_t *env = open_messages();
    assert_string_equal(fake_env_call(env, "sendTo", "[\"history.0\",\"features\",null]"),
                        "PENDING");
    assert_string_equal(fake_env_asked(env),
                        "[[\"history\",\"history.message\",[\"features\",null]]]");
    fake_env_reply(env, ERR_OK, "[{\"supportedFeatures\":[]}]");
    assert_string_equal(fake_env_answer(env), "[{\"supportedFeatures\":[]}]");
    assert_string_equal(fake_env_call(env, "sendTo", "[\"history.0\",\"features\",null]"),
                        "PENDING");
    fake_env_reply(env, ERR_UNAVAILABLE, "[\"Service is not available\"]");
    assert_string_equal(fake_env_answer(env), "[\"Service is not available\"]");
    /* one that is open at the end */
    assert_string_equal(fake_env_call(env, "sendTo", "[\"history.0\",\"features\"]"), "PENDING");
    fake_env_destroy(&env);
}

static void test_deadline(void **state)
{
    (void)state;
    fake_env_t *env = open_messages();
    register_hue(env);
    assert_string_equal(call_as(env, "b/7", "sendTo", "[\"hue.0\",\"dim\"]"), "PENDING");
    for (int i = 0; i < 4; i++) {
        fake_env_advance(env, 1000);
        assert_string_equal(call_as(env, "a/1", "messages.here", "[]"), "[null,true]");
    }
    assert_null(fake_env_answer(env));
    fake_env_advance(env, 1000);
    assert_string_equal(fake_env_answer(env), "[\"hue.0 has not answered in time\"]");
    assert_string_equal(call_as(env, "a/1", "iobusReply", "[1,5]"), "[null,false]");
    fake_env_destroy(&env);
}

static void test_bounds(void **state)
{
    (void)state;
    fake_env_t *env = open_messages();
    register_hue(env);
    fake_env_set_client(env, "b/7");
    /* The fake has 64 tickets. */
    for (int i = 0; i < 64; i++)
        assert_string_equal(fake_env_call(env, "sendTo", "[\"hue.0\",\"x\"]"), "PENDING");
    assert_string_equal(fake_env_call(env, "sendTo", "[\"hue.0\",\"x\"]"),
                        "[\"Too many requests in flight\"]");
    fake_env_destroy(&env);
}

/* --- being an instance --- */

static void test_names(void **state)
{
    (void)state;
    static const char *const bad[] = {"[\"\",\"t\"]",
                                      "[\"hue\",\"t\"]",
                                      "[\"hue.\",\"t\"]",
                                      "[\".0\",\"t\"]",
                                      "[\"hue.x\",\"t\"]",
                                      "[\"a.b.0\",\"t\"]",
                                      "[\"hue.0 \",\"t\"]",
                                      "[\"h\\u0000.0\",\"t\"]",
                                      "[\"history.0\",\"t\"]",
                                      "[\"history.5\",\"t\"]",
                                      "[\"socketio.0\",\"t\"]",
                                      "[\"admin.0\",\"t\"]",
                                      "[\"web.0\",\"t\"]",
                                      "[\"mine.3\",\"t\"]",
                                      "[\"hue.0\",\"\"]",
                                      "[\"hue.0\",5]",
                                      "[5,\"t\"]",
                                      "[\"hue.0\"]"};
    fake_env_t *env = open_messages();
    (void)call_as(env, "a/1", "messages.hello", "[[\"mine.3\"],[]]");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_string_not_equal(fake_env_call(env, "messages.register", bad[i]), "[null]");
    /* A client that is none of the gateway's. */
    assert_string_equal(call_as(env, "a", "messages.register", "[\"hue.0\",\"t\"]"),
                        "[\"Invalid arguments\"]");
    assert_string_equal(
        call_as(env, "a/1", "messages.register", "[\"system.adapter.hue.0\",\"t\"]"), "[null]");
    fake_env_destroy(&env);
}

static void test_second(void **state)
{
    (void)state;
    fake_env_t *env = open_messages();
    register_hue(env);
    assert_string_equal(call_as(env, "a/1", "messages.register", "[\"hue.0\",\"else\"]"), "[null]");
    assert_string_equal(call_as(env, "b/2", "messages.register", "[\"hue.0\",\"guess\"]"),
                        "[\"hue.0 is another client already\"]");
    assert_string_equal(fake_env_call(env, "messages.unregister", "[\"hue.0\"]"), "[null,false]");
    (void)fake_env_events(env);
    assert_string_equal(fake_env_call(env, "sendTo", "[\"hue.0\",\"x\"]"), "PENDING");
    /* The same program, by a new connection. */
    assert_string_equal(call_as(env, "b/3", "messages.register", "[\"hue.0\",\"secret\"]"),
                        "[null]");
    assert_string_equal(fake_env_answer(env), "[\"hue.0 has gone before it answered\"]");
    assert_event(env, "[\"clientEvent\",[\"a/1\",\"instanceLost\",\"hue.0\","
                      "\"taken over by a newer connection\"]]");
    /* The end of the old connection does not concern it. */
    assert_string_equal(call_as(env, "a/1", "messages.left", "[\"a/1\"]"), "[null]");
    assert_string_equal(fake_env_call(env, "sendTo", "[\"hue.0\",\"x\"]"), "PENDING");
    assert_event(env, "[\"clientEvent\",[\"b/3\",\"message\"");
    fake_env_destroy(&env);
}

static void test_instance_goes(void **state)
{
    (void)state;
    static const struct {
        const char *client, *command, *args;
    } ends[] = {{"a/1", "messages.left", "[\"a/1\"]"},
                {"a/1", "messages.unregister", "[\"system.adapter.hue.0\"]"},
                {"a/0", "messages.bye", "[]"},
                {"a/0", "messages.hello", "[[],[]]"}};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        fake_env_t *env = open_messages();
        register_hue(env);
        assert_string_equal(call_as(env, "b/7", "sendTo", "[\"hue.0\",\"dim\"]"), "PENDING");
        (void)call_as(env, ends[i].client, ends[i].command, ends[i].args);
        assert_string_equal(fake_env_answer(env), "[\"hue.0 has gone before it answered\"]");
        assert_string_equal(call_as(env, "b/7", "sendTo", "[\"hue.0\",\"dim\"]"), NOBODY);
        fake_env_destroy(&env);
    }
}

static void test_gateway_falls_silent(void **state)
{
    (void)state;
    fake_env_t *env = open_messages();
    register_hue(env);
    log_set_level(LEVEL_ERROR);
    assert_string_equal(call_as(env, "b/7", "sendTo", "[\"hue.0\",\"dim\"]"), "PENDING");
    fake_env_advance(env, 4000);
    assert_string_equal(call_as(env, "a/1", "messages.here", "[]"), "[null,true]");
    fake_env_advance(env, 4000);
    assert_string_equal(call_as(env, "b/7", "sendTo", "[\"hue.0\",\"dim\"]"), "PENDING");
    fake_env_advance(env, 3000);
    assert_string_equal(fake_env_answer(env), "[\"hue.0 has gone before it answered\"]");
    assert_string_equal(call_as(env, "a/1", "messages.here", "[]"), "[null,false]");
    fake_env_destroy(&env);
}

static void test_hello(void **state)
{
    (void)state;
    fake_env_t *env = open_messages();
    register_hue(env);
    /* Another gateway claims the same; a third part cannot be read. */
    assert_string_equal(
        call_as(env, "b/1", "messages.hello",
                "[[],[[\"b/1\",[[\"hue.0\",\"guess\"],[\"lamp.0\",\"t\"],5,[\"x\"]],[]],"
                "[\"a/1\",[[\"stolen.0\",\"t\"]],[]],7]]"),
        "[null,[\"hue.0\"]]");
    assert_string_equal(fake_env_call(env, "sendTo", "[\"lamp.0\",\"x\"]"), "PENDING");
    assert_string_equal(fake_env_call(env, "sendTo", "[\"stolen.0\",\"x\"]"), NOBODY);
    /* What it knew already stays. */
    assert_string_equal(call_as(env, "b/1", "messages.hello",
                                "[[],[[\"b/1\",[[\"lamp.0\",\"t\"]],[[\"hue.0\",\"cam\"]]]]]"),
                        "[null,[]]");
    assert_null(fake_env_answer(env));
    (void)fake_env_events(env);
    assert_string_equal(call_as(env, "a/1", "sendTo",
                                "[\"socketio.0\",\"im\",{\"m\":\"cam\",\"s\":\"b/1\",\"d\":1}]"),
                        "[true]");
    assert_event(env, "[\"b/1\",\"im\",\"cam\",\"system.adapter.hue.0\",1]");
    fake_env_destroy(&env);
}

/* --- clientSubscribe --- */

static void test_subscription(void **state)
{
    (void)state;
    fake_env_t *env = open_messages();
    register_hue(env);
    assert_string_equal(call_as(env, "b/7", "clientSubscribe", "[\"hue.0\",\"cam/1\",{\"w\":2}]"),
                        "PENDING");
    assert_event(env, "{\"command\":\"clientSubscribe\",\"message\":{\"type\":\"cam/1\","
                      "\"sid\":\"b/7\",\"data\":{\"w\":2}}");
    assert_string_equal(call_as(env, "a/1", "iobusReply", "[1,{\"accepted\":true}]"),
                        "[null,true]");
    assert_string_equal(fake_env_answer(env), "[null,{\"accepted\":true}]");
    (void)fake_env_events(env);
    assert_string_equal(fake_env_call(env, "sendTo",
                                      "[\"system.adapter.socketio.0\",\"im\","
                                      "{\"m\":\"cam/1\",\"s\":\"b/7\",\"d\":[1]}]"),
                        "[true]");
    assert_string_equal(
        fake_env_events(env),
        "[[\"clientEvent\",[\"b/7\",\"im\",\"cam/1\",\"system.adapter.hue.0\",[1]]]]");
    assert_string_equal(
        call_as(env, "b/7", "clientUnsubscribe", "[\"system.adapter.hue.0\",\"cam/1\"]"),
        "[null,true]");
    assert_event(env, "{\"command\":\"clientUnsubscribe\",\"message\":{\"type\":[\"cam/1\"],"
                      "\"sid\":\"b/7\",\"reason\":\"client\"}");
    assert_string_equal(fake_env_call(env, "clientUnsubscribe", "[\"hue.0\",\"cam/1\"]"),
                        "[null,false]");
    assert_string_equal(call_as(env, "b/0", "messages.hello", "[[],[]]"), "[null,[]]");
    assert_string_equal(
        call_as(env, "a/1", "sendTo", "[\"socketio.0\",\"im\",{\"m\":\"cam/1\",\"s\":\"b/7\"}]"),
        "[false]");
    assert_event(env, "{\"command\":\"clientSubscribeError\",\"message\":{\"type\":\"cam/1\","
                      "\"sid\":\"b/7\",\"reason\":\"no one subscribed\"}");
    fake_env_destroy(&env);
}

static void test_refused_subscriptions(void **state)
{
    (void)state;
    static const char *const refusals[] = {"[1,{\"accepted\":false}]",
                                           "[1,{\"accepted\":true,\"error\":\"no\"}]"};
    fake_env_t *env = open_messages();
    assert_string_equal(fake_env_call(env, "clientSubscribe", "[\"hue.0\",\"t\"]"), NOBODY);
    assert_string_equal(fake_env_call(env, "clientSubscribe", "[\"history.0\",\"t\"]"),
                        "[\"Nobody can subscribe at this instance\"]");
    assert_string_equal(fake_env_call(env, "clientSubscribe", "[\"hue.0\"]"),
                        "[\"Invalid arguments\"]");
    fake_env_destroy(&env);
    for (size_t i = 0; i < 2; i++) {
        env = open_messages();
        register_hue(env);
        assert_string_equal(call_as(env, "b/7", "clientSubscribe", "[\"hue.0\",\"t\"]"), "PENDING");
        assert_string_equal(call_as(env, "a/1", "iobusReply", refusals[i]), "[null,true]");
        assert_string_equal(call_as(env, "b/7", "clientUnsubscribe", "[\"hue.0\",\"t\"]"),
                            "[null,false]");
        fake_env_destroy(&env);
    }
}

static void subscribe(fake_env_t *env, const char *client, const char *type)
{
    char args[64];
    snprintf(args, sizeof args, "[\"hue.0\",\"%s\"]", type);
    assert_string_equal(call_as(env, client, "clientSubscribe", args), "PENDING");
}

static void test_listener_goes(void **state)
{
    (void)state;
    fake_env_t *env = open_messages();
    register_hue(env);
    subscribe(env, "b/7", "x");
    subscribe(env, "b/7", "y");
    (void)fake_env_events(env);
    assert_string_equal(call_as(env, "b/0", "messages.left", "[\"b/7\"]"), "[null]");
    assert_event(env, "{\"command\":\"clientUnsubscribe\",\"message\":{\"type\":[\"y\",\"x\"],"
                      "\"sid\":\"b/7\",\"reason\":\"disconnect\"},\"from\":\"system.adapter."
                      "socketio.0\",\"to\":\"hue.0\"");
    assert_string_equal(fake_env_call(env, "messages.left", "[\"b/7\"]"), "[null]");
    assert_string_equal(fake_env_events(env), "[]");
    /* The gateway cannot speak for clients of others. */
    assert_string_equal(fake_env_call(env, "messages.left", "[\"a/1\"]"),
                        "[\"Invalid arguments\"]");
    fake_env_destroy(&env);
}

static void test_open_subscriptions_fail(void **state)
{
    (void)state;
    fake_env_t *env = open_messages();
    register_hue(env);
    subscribe(env, "b/7", "x");
    subscribe(env, "b/8", "x");
    subscribe(env, "a/2", "x");
    (void)fake_env_events(env);
    assert_string_equal(call_as(env, "a/1", "messages.unregister", "[\"hue.0\"]"), "[null,true]");
    /* Nobody has accepted them: they fail. */
    assert_string_equal(fake_env_answer(env), "[\"hue.0 has gone before it answered\"]");
    assert_string_equal(fake_env_events(env), "[]");
    fake_env_destroy(&env);
}

static void test_listeners_are_told(void **state)
{
    (void)state;
    fake_env_t *env = open_messages();
    register_hue(env);
    subscribe(env, "b/7", "x");
    assert_string_equal(call_as(env, "a/1", "iobusReply", "[1,{\"accepted\":true}]"),
                        "[null,true]");
    subscribe(env, "b/7", "y");
    assert_string_equal(call_as(env, "a/1", "iobusReply", "[2,null]"), "[null,true]");
    subscribe(env, "a/1", "own"); /* an instance may listen to itself */
    (void)fake_env_events(env);
    assert_string_equal(call_as(env, "a/1", "messages.left", "[\"a/1\"]"), "[null]");
    assert_event(env, "[\"b/7\",\"instanceGone\",\"system.adapter.hue.0\",[\"y\",\"x\"]]");
    assert_string_equal(call_as(env, "b/7", "clientUnsubscribe", "[\"hue.0\",\"x\"]"),
                        "[null,false]");
    fake_env_destroy(&env);
}

static void test_im_is_for_instances(void **state)
{
    (void)state;
    fake_env_t *env = open_messages();
    register_hue(env);
    subscribe(env, "b/7", "x");
    assert_string_equal(
        call_as(env, "b/8", "sendTo", "[\"socketio.0\",\"im\",{\"m\":\"x\",\"s\":\"b/7\"}]"),
        "[\"Only an instance can send to clients\"]");
    /* Another instance: the client listens to hue.0 only. */
    assert_string_equal(fake_env_call(env, "messages.register", "[\"lamp.0\",\"t\"]"), "[null]");
    assert_string_equal(
        fake_env_call(env, "sendTo", "[\"socketio.0\",\"im\",{\"m\":\"x\",\"s\":\"b/7\"}]"),
        "[false]");
    assert_string_equal(fake_env_call(env, "sendTo", "[\"socketio.0\",\"im\",{\"m\":5}]"),
                        "[\"Invalid arguments\"]");
    assert_string_equal(
        call_as(env, "a/1", "sendTo",
                "[\"socketio.0\",\"im\",{\"m\":\"x\",\"s\":\"b/7\",\"f\":\"no.0\"}]"),
        "[false]");
    /* Answers as an adapter gives them. */
    assert_string_equal(
        fake_env_call(env, "sendTo",
                      "[\"system.adapter.socketio.0\",\"clientSubscribe\",{\"accepted\":true},"
                      "{\"id\":1,\"ack\":false}]"),
        "[null,true]");
    assert_string_equal(fake_env_answer(env), "[null,{\"accepted\":true}]");
    fake_env_destroy(&env);
}

static void test_nobody_answers_for_another(void **state)
{
    (void)state;
    fake_env_t *env = open_messages();
    register_hue(env);
    assert_string_equal(call_as(env, "b/7", "sendTo", "[\"hue.0\",\"x\"]"), "PENDING");
    assert_string_equal(call_as(env, "b/8", "iobusReply", "[1,\"forged\"]"), "[null,false]");
    assert_string_equal(fake_env_call(env, "messages.register", "[\"lamp.0\",\"t\"]"), "[null]");
    assert_string_equal(fake_env_call(env, "iobusReply", "[1,\"forged\"]"), "[null,false]");
    assert_string_equal(fake_env_call(env, "iobusReply", "[\"1\",\"forged\"]"),
                        "[\"Invalid arguments\"]");
    assert_null(fake_env_answer(env));
    fake_env_destroy(&env);
}

static void test_who_is_not_known_yet(void **state)
{
    (void)state;
    fake_env_t *env = open_messages();
    static const char *const push = "[\"socketio.0\",\"im\",{\"m\":\"x\",\"s\":\"c-1/7\"}]";
    register_hue(env);
    (void)fake_env_events(env);
    assert_string_equal(fake_env_call(env, "sendTo", push), "[false]");
    assert_string_equal(fake_env_events(env), "[]");
    assert_string_equal(call_as(env, "c-1/0", "messages.hello", "[[],[]]"), "[null,[]]");
    assert_string_equal(call_as(env, "a/1", "sendTo", push), "[false]");
    assert_event(env, "no one subscribed");
    fake_env_destroy(&env);
}

/* --- states that show it --- */

static void test_presence(void **state)
{
    (void)state;
    fake_env_t *env = open_messages();
    assert_string_equal(call_as(env, "a/0", "messages.presence",
                                "[[[\"socketio.0\",2,\"vis.0, noname\",7,1,2,10.5]],false]"),
                        "[null]");
    const char *asked = fake_env_asked(env);
    static const char *const written[] = {
        "[\"socketio.0.info.connected\",{\"val\":\"[2]vis.0, noname\",\"ack\":true}]",
        "[\"socketio.0.info.connection\",{\"val\":true,\"ack\":true}]",
        "[\"system.adapter.socketio.0.alive\",{\"val\":true,\"ack\":true,\"expire\":35}]",
        "[\"system.adapter.socketio.0.connected\",{\"val\":true,\"ack\":true,\"expire\":35}]",
        "[\"system.adapter.socketio.0.uptime\",{\"val\":7,\"ack\":true}]",
        "[\"system.adapter.socketio.0.memRss\",{\"val\":10.5,\"ack\":true}]",
    };
    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++)
        assert_non_null(strstr(asked, written[i]));
    /* A second gateway shows the same instance. */
    (void)call_as(env, "b/0", "messages.presence", "[[[\"socketio.0\",1,\"flot.0\",3,0,0,1]]]");
    assert_non_null(strstr(fake_env_asked(env), "\"[3]vis.0, noname, flot.0\""));
    (void)call_as(env, "b/0", "messages.presence", "[[[\"socketio.0\",1,\"flot.0\",4,0,0,1]]]");
    assert_string_equal(fake_env_asked(env), "[]");
    (void)call_as(env, "a/0", "messages.bye", "[]");
    assert_non_null(strstr(fake_env_asked(env), "\"[1]flot.0\""));
    (void)call_as(env, "b/0", "messages.bye", "[]");
    asked = fake_env_asked(env);
    assert_non_null(
        strstr(asked, "[\"system.adapter.socketio.0.alive\",{\"val\":false,\"ack\":true}]"));
    assert_non_null(strstr(asked, "[\"socketio.0.info.connected\",{\"val\":\"\",\"ack\":true}]"));
    assert_non_null(strstr(asked, "[\"socketio.0.info.connection\",{\"val\":false,\"ack\":true}]"));
    assert_string_equal(call_as(env, "a/0", "messages.presence", "[[[\"socketio.0\",-1]]]"),
                        "[\"Invalid arguments\"]");
    fake_env_destroy(&env);
}

static void test_presence_is_repeated(void **state)
{
    (void)state;
    fake_env_t *env = open_messages();
    const char *rows = "[[[\"socketio.0\",0,\"\",7,1,2,10]],true]";
    (void)call_as(env, "a/0", "messages.presence", rows);
    (void)fake_env_asked(env);
    for (int i = 0; i < 15; i++) {
        fake_env_advance(env, 1000);
        (void)call_as(env, "a/0", "messages.here", "[]");
    }
    fake_env_advance(env, 1);
    assert_non_null(strstr(fake_env_asked(env), "alive"));
    (void)call_as(env, "a/0", "messages.presence", rows);
    assert_non_null(strstr(fake_env_asked(env), "\"[0]\""));
    fake_env_destroy(&env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_without_callback),
        cmocka_unit_test(test_all_of_an_adapter),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_second),
        cmocka_unit_test(test_instance_goes),
        cmocka_unit_test(test_gateway_falls_silent),
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_subscription),
        cmocka_unit_test(test_refused_subscriptions),
        cmocka_unit_test(test_listener_goes),
        cmocka_unit_test(test_open_subscriptions_fail),
        cmocka_unit_test(test_listeners_are_told),
        cmocka_unit_test(test_im_is_for_instances),
        cmocka_unit_test(test_nobody_answers_for_another),
        cmocka_unit_test(test_who_is_not_known_yet),
        cmocka_unit_test(test_presence),
        cmocka_unit_test(test_presence_is_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
