/* SPDX-License-Identifier: MIT */
#include "bus/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Usage: compile once, ask often. */
static void compiles_and_matches(void **unused)
{
    (void)unused;
    err_t err;
    pattern_t *pattern = pattern_new(STR_LIT("hue.0.*.on"), &err);
    assert_non_null(pattern);
    assert_int_equal(err, ERR_OK);
    assert_true(pattern_match(pattern, STR_LIT("hue.0.lamp.on")));
    assert_false(pattern_match(pattern, STR_LIT("hue.1.lamp.on")));
    assert_true(str_is(pattern_prefix(pattern), "hue.0."));
    assert_true(str_is(pattern_text(pattern), "hue.0.*.on"));
    pattern_destroy(&pattern);
    assert_null(pattern);
    pattern_destroy(&pattern);
}

static void matches_as_specified(void **unused)
{
    (void)unused;
    static const struct {
        const char *pattern;
        const char *id;
        bool match;
    } rows[] = {
        {"*", "", true},
        {"*", "a.b", true},
        {"**", "x", true},
        {"", "", true},
        {"", "a", false},
        {"a.b", "a.b", true},
        {"a.b", "a.bc", false},
        {"a.b", "xa.b", false},
        {"a.0.*", "a.0.", true},
        {"a.0.*", "a.0.x.y", true},
        {"a.0.*", "a.0", false},
        {"*.STATE", "x.STATE", true},
        {"*.STATE", ".STATE", true},
        {"*.STATE", "x.STATE.y", false},
        {"*.STATE", "x.state", false},
        {"a.*.b", "a.x.b", true},
        {"a.*.b", "a.x.y.b", true},
        {"a.*.b", "a..b", true},
        {"a.*.b", "a.b", false},
        {"a.*.b", "xa.x.b", false},
        {"ab*ba", "aba", false},
        {"ab*ba", "abba", true},
        {"*a*", "xay", true},
        {"*a*", "xy", false},
        {"*a*a*", "a", false},
        {"*a*a*", "aa", true},
        {"*ab*b", "ab", false},
        {"*ab*b", "abb", true},
        {"*x*y*z", "xyzxyz", true},
        {"a*b*c*d", "abdcd", true},
        {"a*b*c*d", "acbd", false},
        {"a?", "ab", false},
        {"a[1].*", "a[1].x", true},
        {"a+", "aa", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        err_t err;
        pattern_t *pattern = pattern_new(str_of(rows[i].pattern), &err);
        assert_non_null(pattern);
        if (pattern_match(pattern, str_of(rows[i].id)) != rows[i].match)
            fail_msg("%s on %s", rows[i].pattern, rows[i].id);
        pattern_destroy(&pattern);
    }
}

static void knows_its_kind(void **unused)
{
    (void)unused;
    static const struct {
        const char *pattern;
        pattern_kind_t kind;
        const char *prefix;
    } rows[] = {
        {"a.b", PATTERN_EXACT, "a.b"}, {"", PATTERN_EXACT, ""},        {"*", PATTERN_PREFIX, ""},
        {"a.*", PATTERN_PREFIX, "a."}, {"a**", PATTERN_PREFIX, "a"},   {"*a", PATTERN_GENERAL, ""},
        {"a*b", PATTERN_GENERAL, "a"}, {"a*b*", PATTERN_GENERAL, "a"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        err_t err;
        pattern_t *pattern = pattern_new(str_of(rows[i].pattern), &err);
        assert_non_null(pattern);
        assert_int_equal(pattern_kind(pattern), rows[i].kind);
        assert_true(str_is(pattern_prefix(pattern), rows[i].prefix));
        pattern_destroy(&pattern);
    }
}

/* A backtracking matcher would not come back from this one. */
static void costs_linear_time(void **unused)
{
    (void)unused;
    static char text[PATTERN_MAX_LEN + 1];
    static char id[PATTERN_MAX_LEN * 4];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 ? 'a' : '*';
    memset(id, 'a', sizeof id);
    text[PATTERN_MAX_LEN - 1] = 'b';
    err_t err;
    pattern_t *pattern = pattern_new((str_t){text, PATTERN_MAX_LEN}, &err);
    assert_non_null(pattern);
    assert_false(pattern_match(pattern, (str_t){id, sizeof id}));
    id[sizeof id - 1] = 'b';
    assert_true(pattern_match(pattern, (str_t){id, sizeof id}));
    pattern_destroy(&pattern);
    assert_null(pattern_new((str_t){text, PATTERN_MAX_LEN + 1}, &err));
    assert_int_equal(err, ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compiles_and_matches),
        cmocka_unit_test(matches_as_specified),
        cmocka_unit_test(knows_its_kind),
        cmocka_unit_test(costs_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
