/* SPDX-License-Identifier: MIT */
#include "bus/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Usage: collect text, look at it, empty it. */
static void collects_text(void **unused)
{
    (void)unused;
    buf_t buf;
    buf_init(&buf);
    buf_append_cstr(&buf, "a=");
    buf_printf(&buf, "%d", 42);
    buf_append_byte(&buf, ';');
    assert_true(str_is(buf_str(&buf), "a=42;"));
    buf_consume(&buf, 2);
    assert_true(str_is(buf_str(&buf), "42;"));
    buf_reset(&buf);
    assert_int_equal(buf.len, 0);
    buf_fini(&buf);
}

static void large_memory_is_given_back(void **unused)
{
    (void)unused;
    buf_t buf;
    buf_init(&buf);
    assert_true(buf_reserve(&buf, 4u << 20));
    buf_reset(&buf);
    assert_int_equal(buf.cap, 0);
    assert_true(buf_reserve(&buf, 100));
    buf_reset(&buf);
    assert_true(buf.cap >= 100);
    buf_fini(&buf);
}

static void impossible_size_is_remembered(void **unused)
{
    (void)unused;
    buf_t buf;
    buf_init(&buf);
    assert_false(buf_reserve(&buf, SIZE_MAX - 1));
    assert_true(buf.failed);
    buf_append_cstr(&buf, "ignored");
    assert_int_equal(buf.len, 0);
    buf_reset(&buf);
    buf_append_cstr(&buf, "again");
    assert_true(str_is(buf_str(&buf), "again"));
    buf_fini(&buf);
}

static void order_of_keys(void **unused)
{
    (void)unused;
    assert_true(str_cmp(STR_LIT("a"), STR_LIT("b")) < 0);
    assert_true(str_cmp(STR_LIT("ab"), STR_LIT("a")) > 0);
    assert_true(str_cmp(STR_LIT("a\xff"), STR_LIT("ab")) > 0);
    assert_true(str_cmp(STR_LIT(""), STR_LIT("")) == 0);
    assert_true(str_starts(STR_LIT("system.user.x"), "system.user."));
    assert_false(str_starts(STR_LIT("sys"), "system"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(collects_text),
        cmocka_unit_test(large_memory_is_given_back),
        cmocka_unit_test(impossible_size_is_remembered),
        cmocka_unit_test(order_of_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
