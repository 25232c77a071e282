/* SPDX-License-Identifier: MIT */
#include "actors/demo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/demo_house.h"
#include "tests/unit/fake_env.h"

/* The other actors, as far as the demo speaks with them. */
typedef struct {
    bool objects_exist;
    const char *first_state; /* JSON of demo.house.lamp.on; NULL: no state exists */
    char answer[4096];
    char put[16384]; /* arguments of objects.put */
    char set[8192];  /* of the setState calls, one a line */
} peer_t;

static void list(char *out, size_t size, size_t count, const char *first, const char *other)
{
    size_t len = (size_t)snprintf(out, size, "[null,[");
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(out + len, size - len, "%s%s", i ? "," : "", i ? other : first);
    snprintf(out + len, size - len, "]]");
}

static const char *answer(void *arg, const char *actor, const char *command, const char *args)
{
    peer_t *peer = arg;
    size_t objects = 0;
    (void)actor;
    while (house_objects()[objects].id)
        objects++;
    if (strcmp(command, "objects.get") == 0) {
        const char *each = peer->objects_exist ? "{}" : "null";
        list(peer->answer, sizeof peer->answer, objects, each, each);
    } else if (strcmp(command, "objects.put") == 0) {
        snprintf(peer->put, sizeof peer->put, "%s", args);
        snprintf(peer->answer, sizeof peer->answer, "[null,1]");
    } else if (strcmp(command, "states.get") == 0) {
        const char *first = peer->first_state ? peer->first_state : "null";
        list(peer->answer, sizeof peer->answer, HOUSE_POINTS, first,
             peer->first_state ? "{\"val\":1,\"ack\":true}" : "null");
    } else {
        size_t len = strlen(peer->set);
        assert_string_equal(command, "setState");
        snprintf(peer->set + len, sizeof peer->set - len, "%s\n", args);
        snprintf(peer->answer, sizeof peer->answer, "[null]");
    }
    return peer->answer;
}

static fake_env_t *open_demo(peer_t *peer)
{
    fake_env_t *env = fake_env_new();
    fake_env_set_peer(env, answer, peer);
    fake_env_open(env, &demo_actor, NULL);
    for (int i = 0; i < 5; i++)
        fake_env_advance(env, 1);
    return env;
}

static void advance(fake_env_t *env, int64_t ms)
{
    for (int64_t done = 0; done < ms; done += 100)
        fake_env_advance(env, 100);
}

static void test_usage(void **state)
{
    (void)state;
    peer_t peer = {.objects_exist = false};
    fake_env_t *env = open_demo(&peer);
    assert_non_null(strstr(
        peer.put, "[\"demo.house.lamp.on\",{\"_id\":\"demo.house.lamp.on\",\"type\":\"state\","));
    assert_non_null(strstr(peer.put, "\"from\":\"system.adapter.demo.0\""));
    assert_non_null(strstr(peer.set, "[\"demo.house.lamp.on\",{\"val\":false,\"ack\":true}]\n"));
    assert_non_null(
        strstr(peer.set, "[\"demo.house.livingroom.temperature\",{\"val\":21.3,\"ack\":true}]\n"));
    peer.set[0] = '\0';
    fake_env_event(env, "states", "stateChange", "socketio.0",
                   "[\"demo.house.lamp.on\",{\"val\":true,\"ack\":false}]");
    advance(env, 1000);
    assert_non_null(strstr(peer.set, "[\"demo.house.lamp.on\",{\"val\":true,\"ack\":true}]\n"));
    fake_env_destroy(&env);
}

static void test_existing_house_is_carried_on(void **state)
{
    (void)state;
    peer_t peer = {.objects_exist = true, .first_state = "{\"val\":true,\"ack\":false}"};
    fake_env_t *env = open_demo(&peer);
    assert_string_equal(peer.put, "");
    assert_string_equal(peer.set, "");
    advance(env, 1000); /* the command that was left is done */
    assert_non_null(strstr(peer.set, "[\"demo.house.lamp.on\",{\"val\":true,\"ack\":true}]\n"));
    fake_env_destroy(&env);
}

static void test_events_of_no_concern(void **state)
{
    (void)state;
    static const char *const events[] = {
        "[\"demo.house.lamp.on\",{\"val\":true,\"ack\":true}]",
        "[\"demo.house.lamp.on\",null]",
        "[\"demo.house.kitchen.temperature\",{\"val\":5,\"ack\":false}]",
        "[\"other\",{\"val\":5,\"ack\":false}]",
        "[5,6]",
        "[]",
        "[\"demo.house.lamp.on\"]"};
    peer_t peer = {.objects_exist = true, .first_state = "{\"val\":false,\"ack\":true}"};
    fake_env_t *env = open_demo(&peer);
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        fake_env_event(env, "states", "stateChange", "socketio.0", events[i]);
    advance(env, 1000);
    assert_null(strstr(peer.set, "lamp"));
    assert_null(strstr(peer.set, "\"val\":5,"));
    fake_env_destroy(&env);
}

/* What makes no sense is answered with the value that is. */
static void test_senseless_commands(void **state)
{
    (void)state;
    peer_t peer = {.objects_exist = true, .first_state = "{\"val\":false,\"ack\":true}"};
    fake_env_t *env = open_demo(&peer);
    fake_env_event(env, "states", "stateChange", "",
                   "[\"demo.house.lamp.on\",{\"val\":{\"x\":1}}]");
    fake_env_event(env, "states", "stateChange", "",
                   "[\"demo.house.shutter.level\",{\"val\":\"up\"}]");
    advance(env, 1000);
    assert_non_null(strstr(peer.set, "[\"demo.house.lamp.on\",{\"val\":false,\"ack\":true}]\n"));
    assert_non_null(strstr(peer.set, "[\"demo.house.shutter.level\",{\"val\":1,\"ack\":true}]\n"));
    fake_env_destroy(&env);
}

static void test_deleted_objects_are_left_alone(void **state)
{
    (void)state;
    peer_t peer = {.objects_exist = true, .first_state = "{\"val\":false,\"ack\":true}"};
    fake_env_t *env = open_demo(&peer);
    fake_env_event(env, "objects", "objectChange", "", "[\"demo.house.kitchen.temperature\",null]");
    peer.set[0] = '\0';
    advance(env, 10000);
    assert_null(strstr(peer.set, "kitchen"));
    assert_non_null(strstr(peer.set, "outside"));
    fake_env_destroy(&env);
}

static void test_silent_peers_are_asked_again(void **state)
{
    (void)state;
    fake_env_t *env = fake_env_new();
    fake_env_open(env, &demo_actor, NULL);
    fake_env_advance(env, 1);
    assert_non_null(strstr(fake_env_asked(env), "objects.get"));
    fake_env_advance(env, 5000);
    assert_string_equal(fake_env_asked(env), "[]"); /* one question at a time */
    fake_env_reply(env, ERR_UNAVAILABLE, "[\"Service is not available\"]");
    advance(env, 3000);
    assert_non_null(strstr(fake_env_asked(env), "objects.get"));
    fake_env_destroy(&env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_existing_house_is_carried_on),
        cmocka_unit_test(test_events_of_no_concern),
        cmocka_unit_test(test_senseless_commands),
        cmocka_unit_test(test_deleted_objects_are_left_alone),
        cmocka_unit_test(test_silent_peers_are_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
