/* SPDX-License-Identifier: MIT */
#include "gateway/forbidden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "bus/json.h"

static forbidden_t read_set(const char *json)
{
    buf_t map = {0};
    assert_int_equal(json_to_mp(&map, str_of(json)), ERR_OK);
    forbidden_t set = forbidden_read(mp_of_buf(&map));
    buf_fini(&map);
    return set;
}

static void check(const char *entry, const char *permissions, const char *left)
{
    buf_t map = {0}, out = {0}, json = {0};
    assert_int_equal(json_to_mp(&map, str_of(permissions)), ERR_OK);
    forbidden_apply(read_set(entry), mp_of_buf(&map), &out);
    json_from_mp(&json, mp_of_buf(&out), NULL);
    if (!str_is(buf_str(&json), left))
        fail_msg("%s and %s: %.*s", entry, permissions, STR_ARG(buf_str(&json)));
    buf_fini(&map);
    buf_fini(&out);
    buf_fini(&json);
}

/* Usage: what an entry says, and what is left of a user's permissions. */
static void takes_rights_away(void **unused)
{
    (void)unused;
    forbidden_t set = read_set("{\"state\":{\"write\":false,\"read\":true}}");
    assert_int_equal(set, forbidden_of(STR_LIT("state"), STR_LIT("write")));
    check("{\"state\":{\"write\":false}}",
          "{\"user\":\"x\",\"groups\":[\"g\"],\"state\":{\"read\":true,\"write\":true}}",
          "{\"user\":\"x\",\"groups\":[\"g\"],\"state\":{\"read\":true,\"write\":false}}");
}

static void gives_none(void **unused)
{
    (void)unused;
    check("{\"state\":{\"write\":true},\"file\":{}}", "{\"state\":{\"write\":false}}",
          "{\"state\":{\"write\":false}}");
    check("{\"state\":{\"delete\":false},\"file\":{\"read\":false}}",
          "{\"state\":{\"write\":true},\"file\":{\"list\":true}}",
          "{\"state\":{\"write\":true},\"file\":{\"list\":true}}");
    check("{\"object\":{\"list\":false}}", "{\"object\":5}", "{\"object\":5}");
    check("{\"object\":{\"list\":false}}", "[1]", "[1]");
}

/* Users and what is beyond the house are no matter of addresses. */
static void knows_three_types(void **unused)
{
    (void)unused;
    assert_int_equal(read_set("{\"users\":{\"write\":false},\"other\":{\"http\":false}}"), 0);
    assert_int_equal(read_set("{\"state\":{\"fly\":false}}"), 0);
    assert_int_equal(forbidden_of(STR_LIT("other"), STR_LIT("http")), 0);
    assert_int_equal(forbidden_of(STR_LIT(""), STR_LIT("")), 0);
}

static void false_is_what_javascript_says(void **unused)
{
    forbidden_t set = forbidden_of(STR_LIT("file"), STR_LIT("read"));
    (void)unused;
    assert_int_equal(read_set("{\"file\":{\"read\":0}}"), set);
    assert_int_equal(read_set("{\"file\":{\"read\":null}}"), set);
    assert_int_equal(read_set("{\"file\":{\"read\":\"\"}}"), set);
    assert_int_equal(read_set("{\"file\":{\"read\":1}}"), 0);
    assert_int_equal(read_set("{\"file\":{\"read\":\"false\"}}"), 0);
    assert_int_equal(read_set("{\"file\":{\"read\":[]}}"), 0);
    assert_int_equal(read_set("{\"file\":false}"), 0);
    assert_int_equal(read_set("null"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_rights_away),
        cmocka_unit_test(gives_none),
        cmocka_unit_test(knows_three_types),
        cmocka_unit_test(false_is_what_javascript_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
