/* SPDX-License-Identifier: MIT */
#include "actors/messages_registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/messages_open.h"
#include "bus/mp.h"

static void test_usage(void **state)
{
    (void)state;
    registry_t *registry = registry_new(1);
    registry_gateway_t *gateway = registry_gateway_require(registry, STR_LIT("a"), 5);
    registry_client_t *client = registry_client_require(registry, gateway, STR_LIT("a/1"));
    registry_instance_t *hue =
        registry_instance_add(registry, client, STR_LIT("hue.0"), STR_LIT("t"));
    registry_topic_add(registry, client, STR_LIT("lamp.0"), STR_LIT("on"));
    assert_ptr_equal(registry_instance_find(registry, STR_LIT("hue.0")), hue);
    assert_ptr_equal(registry_client_find(registry, STR_LIT("a/1")), client);
    assert_ptr_equal(registry_client_require(registry, gateway, STR_LIT("a/1")), client);
    assert_non_null(registry_topic_find(client, STR_LIT("lamp.0"), STR_LIT("on")));
    assert_null(registry_topic_find(client, STR_LIT("lamp.0"), STR_LIT("o")));
    assert_null(registry_topic_find(client, STR_LIT("lamp.00"), STR_LIT("on")));
    registry_client_release(registry, client); /* it is needed still */
    registry_instance_remove(registry, hue);
    registry_topic_remove(registry, client, client->topics);
    assert_int_equal(registry_topic_count(registry), 0);
    registry_client_release(registry, client);
    assert_null(registry_client_find(registry, STR_LIT("a/1")));
    registry_gateway_remove(registry, gateway);
    assert_null(registry_gateways(registry));
    registry_destroy(&registry);
}

static void test_many(void **state)
{
    (void)state;
    registry_t *registry = registry_new(2);
    char name[32], id[32], peer[8];
    for (int i = 0; i < 300; i++) {
        snprintf(peer, sizeof peer, "g%d", i % 3);
        snprintf(id, sizeof id, "g%d/%d", i % 3, i % 100);
        snprintf(name, sizeof name, "x.%d", i);
        registry_gateway_t *gateway = registry_gateway_require(registry, str_of(peer), i);
        registry_client_t *client = registry_client_require(registry, gateway, str_of(id));
        (void)registry_instance_add(registry, client, str_of(name), STR_LIT(""));
        registry_topic_add(registry, client, str_of(name), STR_LIT("t"));
    }
    size_t at = 0, seen = 0;
    while (registry_instance_next(registry, &at))
        seen++;
    assert_int_equal(seen, 300);
    assert_int_equal(registry_instance_count(registry), 300);
    assert_int_equal(registry_gateway_find(registry, STR_LIT("g2"))->heard_ms, 299);
    assert_null(registry_gateway_find(registry, STR_LIT("g")));
    /* What is left goes with it. */
    registry_destroy(&registry);
}

static void test_webs(void **state)
{
    (void)state;
    registry_t *registry = registry_new(3);
    registry_gateway_t *gateway = registry_gateway_require(registry, STR_LIT("a"), 0);
    assert_false(registry_is_web(registry, STR_LIT("socketio.0")));
    mp_put_array(&gateway->webs, 2);
    mp_put_cstr(&gateway->webs, "ws.0");
    mp_put_cstr(&gateway->webs, "socketio.0");
    assert_true(registry_is_web(registry, STR_LIT("socketio.0")));
    assert_false(registry_is_web(registry, STR_LIT("socketio.1")));
    registry_destroy(&registry);
}

static void test_open_messages(void **state)
{
    (void)state;
    registry_t *registry = registry_new(4);
    registry_gateway_t *gateway = registry_gateway_require(registry, STR_LIT("a"), 0);
    registry_client_t *client = registry_client_require(registry, gateway, STR_LIT("a/1"));
    registry_instance_t *hue =
        registry_instance_add(registry, client, STR_LIT("hue.0"), STR_LIT("t"));
    str_t topic = STR_LIT("cam");
    open_message_t *first = open_message_add(hue, 1, 11, 100, STR_LIT("b/1"), NULL);
    open_message_t *second = open_message_add(hue, 2, 12, 100, STR_LIT("b/2"), &topic);
    open_message_t *third = open_message_add(hue, 3, 13, 100, STR_LIT("b/1"), NULL);
    assert_ptr_equal(open_message_find(hue, 2), second);
    assert_string_equal(second->topic, "cam");
    assert_null(open_message_find(hue, 4));
    assert_int_equal(open_message_of(hue, STR_LIT("b/1")), 2);
    open_message_remove(hue, second);
    assert_ptr_equal(first->next, third);
    open_message_remove(hue, first);
    open_message_remove(hue, third);
    assert_null(hue->first_open);
    assert_null(hue->last_open);
    assert_int_equal(hue->open_count, 0);
    registry_destroy(&registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_webs),
        cmocka_unit_test(test_open_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
