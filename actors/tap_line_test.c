/* SPDX-License-Identifier: MIT */
#include "actors/tap_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "bus/json.h"

/* Frames as JSON: what bus/tap.h sends. */
static const char request_json[] =
    "[\"request\",1700000000123,\"states\",\"setState\",\"system.user.admin\","
    "\"gateway-1/17\",7,3,[\"demo.0.lamp\",true]]";
static const char reply_json[] =
    "[\"reply\",1700000000124,\"states\",\"setState\",\"system.user.admin\","
    "\"gateway-1/17\",7,3,\"OK\",1250,[null,\"demo.0.lamp\"]]";
static const char event_json[] =
    "[\"event\",1700000000124,\"states\",\"stateChange\",\"\",\"\",7,42,"
    "[\"demo.0.lamp\",{\"val\":true}]]";

static buf_t hold;

static tap_frame_t read_frame(const char *json)
{
    tap_frame_t frame;
    buf_reset(&hold);
    assert_int_equal(json_to_mp(&hold, str_of(json)), ERR_OK);
    assert_true(tap_frame_read(mp_of_buf(&hold), &frame));
    return frame;
}

typedef void put_fn(buf_t *out, const tap_frame_t *frame);

static void check_line(put_fn *put, const char *json, const char *expected)
{
    buf_t out = {0};
    tap_frame_t frame = read_frame(json);
    put(&out, &frame);
    buf_append_byte(&out, '\0');
    assert_string_equal(out.data, expected);
    buf_fini(&out);
}

static void test_usage(void **state)
{
    (void)state;
    check_line(tap_frame_put_text, request_json,
               "22:13:20.123 request states  setState         admin  gateway-1/17   "
               "[\"demo.0.lamp\",true]\n");
    check_line(tap_frame_put_text, reply_json,
               "22:13:20.124 reply   states  setState         admin  gateway-1/17   OK 1.250 ms "
               "[null,\"demo.0.lamp\"]\n");
    check_line(
        tap_frame_put_text, event_json,
        "22:13:20.124 event   states  stateChange      #42 [\"demo.0.lamp\",{\"val\":true}]\n");
}

static void test_json(void **state)
{
    (void)state;
    check_line(
        tap_frame_put_json, request_json,
        "{\"kind\":\"request\",\"ts\":1700000000123,\"actor\":\"states\",\"command\":\"setState\","
        "\"user\":\"system.user.admin\",\"client\":\"gateway-1/17\",\"corr\":7,\"trace\":3,"
        "\"args\":[\"demo.0.lamp\",true]}\n");
    check_line(
        tap_frame_put_json, reply_json,
        "{\"kind\":\"reply\",\"ts\":1700000000124,\"actor\":\"states\",\"command\":\"setState\","
        "\"user\":\"system.user.admin\",\"client\":\"gateway-1/17\",\"corr\":7,\"trace\":3,"
        "\"status\":\"OK\",\"latencyUs\":1250,\"result\":[null,\"demo.0.lamp\"]}\n");
    check_line(
        tap_frame_put_json, event_json,
        "{\"kind\":\"event\",\"ts\":1700000000124,\"actor\":\"states\",\"command\":\"stateChange\","
        "\"user\":\"\",\"client\":\"\",\"corr\":7,\"seq\":42,"
        "\"args\":[\"demo.0.lamp\",{\"val\":true}]}\n");
}

static void test_lines_are_short_and_safe(void **state)
{
    (void)state;
    buf_t json = {0}, out = {0};
    buf_append_cstr(&json, "[\"request\",-1,\"states\",\"a\\u001b[2Jb\",\"\",\"\",7,3,[\"");
    for (int i = 0; i < 1000; i++)
        buf_append_cstr(&json, "\\u009b\xc3\xa4");
    buf_append_cstr(&json, "\"]]");
    buf_append_byte(&json, '\0');
    tap_frame_t frame = read_frame((const char *)json.data);
    tap_frame_put_text(&out, &frame);
    assert_true(out.len < 300);
    for (size_t i = 0; i + 1 < out.len; i++)
        assert_true(out.data[i] >= 0x20 && out.data[i] != 0x7f &&
                    !(out.data[i] == 0xc2 && out.data[i + 1] < 0xa0));
    assert_int_equal(out.data[out.len - 1], '\n');
    buf_fini(&json);
    buf_fini(&out);
}

static void test_what_is_no_frame(void **state)
{
    (void)state;
    static const char *const rows[] = {"5",
                                       "[]",
                                       "[\"other\",1,\"a\",\"b\",\"\",\"\",1,1,[]]",
                                       "[\"request\",1,\"a\",\"b\",\"\",\"\",1,1]",
                                       "[\"request\",\"x\",\"a\",\"b\",\"\",\"\",1,1,[]]",
                                       "[\"reply\",1,\"a\",\"b\",\"\",\"\",1,1,[]]"};
    tap_frame_t frame;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_reset(&hold);
        assert_int_equal(json_to_mp(&hold, str_of(rows[i])), ERR_OK);
        assert_false(tap_frame_read(mp_of_buf(&hold), &frame));
    }
    assert_false(tap_frame_read(mp_of("\xc1", 1), &frame));
    assert_false(tap_frame_read(mp_of("", 0), &frame));
}

static bool matches(tap_filter_t *filter, const char *json)
{
    tap_frame_t frame = read_frame(json);
    return tap_filter_match(filter, &frame);
}

static void check_filter(const char *actors, const char *commands, const char *user, const char *id,
                         bool request, bool reply, bool event)
{
    buf_t why = {0};
    tap_filter_t *filter = tap_filter_new(actors, commands, user, id, &why);
    assert_non_null(filter);
    assert_int_equal(matches(filter, request_json), request);
    assert_int_equal(matches(filter, reply_json), reply);
    assert_int_equal(matches(filter, event_json), event);
    tap_filter_destroy(&filter);
}

static void test_filters(void **state)
{
    (void)state;
    check_filter(NULL, NULL, NULL, NULL, true, true, true);
    check_filter("objects,states", NULL, NULL, NULL, true, true, true);
    check_filter("objects", NULL, NULL, NULL, false, false, false);
    check_filter(NULL, "getState,setState", NULL, NULL, true, true, false);
    check_filter(NULL, "stateChange", NULL, NULL, false, false, true);
    check_filter(NULL, NULL, "admin", NULL, true, true, false);
    check_filter(NULL, NULL, "system.user.admin", NULL, true, true, false);
    check_filter(NULL, NULL, "guest", NULL, false, false, false);
    check_filter(NULL, NULL, NULL, "demo.*", true, true, true);
    check_filter(NULL, NULL, NULL, "*.window", false, false, false);
    check_filter("states", "setState", "admin", "demo.0.lamp", true, true, false);
}

static void test_ids_in_lists(void **state)
{
    (void)state;
    buf_t why = {0};
    tap_filter_t *filter = tap_filter_new(NULL, NULL, NULL, "b.*", &why);
    assert_true(matches(
        filter, "[\"request\",1,\"states\",\"states.get\",\"\",\"\",1,1,[[\"a.x\",\"b.x\"]]]"));
    assert_false(
        matches(filter, "[\"request\",1,\"states\",\"states.get\",\"\",\"\",2,1,[[\"a.x\"]]]"));
    assert_false(
        matches(filter, "[\"request\",1,\"states\",\"states.scan\",\"\",\"\",3,1,[null,5]]"));
    assert_false(matches(filter, "[\"request\",1,\"states\",\"x\",\"\",\"\",4,1,null]"));
    assert_true(
        matches(filter, "[\"reply\",1,\"states\",\"states.get\",\"\",\"\",1,1,\"OK\",5,[]]"));
    assert_false(
        matches(filter, "[\"reply\",1,\"states\",\"states.get\",\"\",\"\",2,1,\"OK\",5,[]]"));
    tap_filter_destroy(&filter);
}

static void test_unknown_actor(void **state)
{
    (void)state;
    buf_t why = {0};
    assert_null(tap_filter_new("states,nosuch", NULL, NULL, NULL, &why));
    assert_true(str_is(buf_str(&why), "there is no actor \"nosuch\""));
    buf_fini(&why);
}

static int free_hold(void **state)
{
    (void)state;
    buf_fini(&hold);
    return 0;
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_lines_are_short_and_safe),
        cmocka_unit_test(test_what_is_no_frame),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_ids_in_lists),
        cmocka_unit_test(test_unknown_actor),
    };
    return cmocka_run_group_tests(tests, NULL, free_hold);
}
