/* SPDX-License-Identifier: MIT */
#include "bus/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Usage: an id of a client is repaired before it is written. */
static void repairs_an_id(void **unused)
{
    (void)unused;
    buf_t id;
    buf_init(&id);
    assert_true(id_fix(&id, STR_LIT("demo.0.a[1];\"b")));
    assert_true(str_is(buf_str(&id), "demo.0.a_1_b"));
    buf_fini(&id);
}

static void repairs_runs(void **unused)
{
    (void)unused;
    static const struct {
        str_t in;
        str_t out;
    } rows[] = {
        {STR_LIT(""), STR_LIT("")},
        {STR_LIT("a.B_9-/ :!#$%&()+=@^{}|~"), STR_LIT("a.B_9-/ :!#$%&()+=@^{}|~")},
        {STR_LIT("*?,;'`<>\\"), STR_LIT("_")},
        {STR_LIT("a\0b\n"), STR_LIT("a_b_")},
        {STR_LIT("K\xc3\xbc"
                 "che \xd0\x9f"),
         STR_LIT("K\xc3\xbc"
                 "che \xd0\x9f")},
        {STR_LIT("\xe6\x97\xa5\xe6\x9c\xac.x"), STR_LIT("_.x")},    /* letters without case */
        {STR_LIT("x\xf0\x9f\x8f\xa0"), STR_LIT("x_")},              /* an emoji */
        {STR_LIT("\xd9\xa3"), STR_LIT("\xd9\xa3")},                 /* Arabic-Indic digit three */
        {STR_LIT("\xf0\x9d\x92\x9c"), STR_LIT("\xf0\x9d\x92\x9c")}, /* mathematical script A */
        {STR_LIT("a\xff\xc3"), STR_LIT("a_")},                      /* not UTF-8 */
        {STR_LIT("\xed\xa0\x80z"), STR_LIT("_z")},                  /* lone surrogate */
        {STR_LIT("\xc2\xaa\xc2\xb2"), STR_LIT("_")},                /* Lo and No */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_t out;
        buf_init(&out);
        bool changed = id_fix(&out, rows[i].in);
        if (!str_eq(buf_str(&out), rows[i].out))
            fail_msg("row %zu gave %.*s", i, STR_ARG(buf_str(&out)));
        assert_int_equal(changed, !str_eq(rows[i].in, rows[i].out));
        buf_fini(&out);
    }
}

static void judges_patterns(void **unused)
{
    (void)unused;
    assert_true(pattern_valid(STR_LIT("")));
    assert_true(pattern_valid(STR_LIT("*")));
    assert_true(pattern_valid(STR_LIT("a.*.b(1)*")));
    assert_true(pattern_valid(STR_LIT("http://x")));
    assert_true(pattern_valid(STR_LIT("\xc3\x9c*")));
    assert_false(pattern_valid(STR_LIT("a[1].*")));
    assert_false(pattern_valid(STR_LIT("^a.+$?")));
    assert_false(pattern_valid(STR_LIT("a,b")));
    assert_false(pattern_valid(STR_LIT("a\xc3")));
    assert_false(pattern_valid(STR_LIT("a\0b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repairs_an_id),
        cmocka_unit_test(repairs_runs),
        cmocka_unit_test(judges_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
