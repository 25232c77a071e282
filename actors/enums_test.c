/* SPDX-License-Identifier: MIT */
#include "actors/enums.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/tree.h"

static void feed(enums_t *enums, const char *id, const char *json)
{
    buf_t object;
    buf_init(&object);
    json_t *tree = json_loads(json, JSON_DECODE_ANY, NULL);
    tree_to_mp(&object, tree);
    enums_feed(enums, str_of(id), mp_of_buf(&object));
    json_decref(tree);
    buf_fini(&object);
}

static void check(enums_t *enums, const char *id, enums_filter_t filter, const char *want)
{
    buf_t out;
    buf_init(&out);
    enums_put(enums, str_of(id), filter, &out);
    json_t *tree = tree_from_mp(mp_of_buf(&out));
    char *got = json_dumps(tree, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(got, want);
    free(got);
    json_decref(tree);
    buf_fini(&out);
}

static enums_t *house(void)
{
    enums_t *enums = enums_new();
    feed(enums, "enum.rooms",
         "{\"type\":\"enum\",\"common\":{\"name\":\"Rooms\",\"members\":[\"a\"]}}");
    feed(enums, "enum.rooms.kitchen",
         "{\"type\":\"enum\",\"common\":{\"name\":{\"en\":\"Kitchen\"},\"members\":[\"hue.0.lamp\"]"
         "}}");
    feed(enums, "enum.functions.light",
         "{\"type\":\"enum\",\"common\":{\"name\":\"Light\",\"members\":[\"hue.0.lamp.on\",\"hue.0."
         "lamp\"]}}");
    return enums;
}

/* Usage: feed it with objects, then ask for the enums of an id. */
static void test_object_parent_and_grandparent_count(void **state)
{
    (void)state;
    enums_t *enums = house();
    check(enums, "hue.0.lamp", ENUMS_ROOMS, "{\"enum.rooms.kitchen\":{\"en\":\"Kitchen\"}}");
    check(enums, "hue.0.lamp.on", ENUMS_ALL,
          "{\"enum.functions.light\":\"Light\",\"enum.rooms.kitchen\":{\"en\":\"Kitchen\"}}");
    check(enums, "hue.0.lamp.a.b", ENUMS_ROOMS, "{\"enum.rooms.kitchen\":{\"en\":\"Kitchen\"}}");
    check(enums, "hue.0.lamp.a.b.c", ENUMS_ALL, "{}");
    check(enums, "hue.0", ENUMS_ALL, "{}");
    enums_destroy(&enums);
    enums_destroy(&enums);
}

static void test_enums_of_two_parts_do_not_show(void **state)
{
    (void)state;
    enums_t *enums = house();
    check(enums, "a", ENUMS_ALL, "{}");
    json_t *ids = enums_with_member(enums, STR_LIT("a")); /* but they are cleaned up */
    assert_int_equal(json_array_size(ids), 1);
    json_decref(ids);
    assert_null(enums_with_member(enums, STR_LIT("nothing")));
    enums_destroy(&enums);
}

static void test_changes(void **state)
{
    (void)state;
    enums_t *enums = house();
    enums_feed(enums, STR_LIT("enum.rooms.kitchen"), mp_of(NULL, 0));
    check(enums, "hue.0.lamp", ENUMS_ROOMS, "{}");
    feed(enums, "enum.rooms.hall", "{\"type\":\"enum\",\"common\":{\"members\":[\"hue.0.lamp\"]}}");
    check(enums, "hue.0.lamp", ENUMS_ROOMS, "{\"enum.rooms.hall\":null}");
    enums_destroy(&enums);
}

static void test_any_stored_shape(void **state)
{
    (void)state;
    enums_t *enums = enums_new();
    feed(enums, "enum.rooms.a", "{\"type\":\"enum\",\"common\":{\"members\":\"x\"}}");
    feed(enums, "enum.rooms.b", "{\"type\":\"enum\",\"common\":{\"members\":{\"x\":1}}}");
    feed(enums, "enum.rooms.c",
         "{\"type\":\"enum\",\"common\":{\"members\":[null,5,[\"x\"],\"\"]}}");
    feed(enums, "enum.rooms.d", "{\"type\":\"enum\",\"common\":7}");
    feed(enums, "enum.rooms.e", "5");
    feed(enums, "enum.rooms.f", "{\"type\":\"channel\",\"common\":{\"members\":[\"x\"]}}");
    feed(enums, "other.rooms.g", "{\"type\":\"enum\",\"common\":{\"members\":[\"x\"]}}");
    check(enums, "x", ENUMS_ALL, "{}");
    check(enums, "", ENUMS_ALL, "{}");
    check(enums, "..", ENUMS_ALL, "{}");
    enums_destroy(&enums);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_object_parent_and_grandparent_count),
        cmocka_unit_test(test_enums_of_two_parts_do_not_show),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_any_stored_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
