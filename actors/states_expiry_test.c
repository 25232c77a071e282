/* SPDX-License-Identifier: MIT */
#include "actors/states_expiry.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void example(void **state)
{
    (void)state;
    expiry_t expiry = {0};
    expiry_due_t tea = {0}, egg = {0};
    assert_null(expiry_first(&expiry));
    assert_true(expiry_set(&expiry, &tea, 300));
    assert_true(expiry_set(&expiry, &egg, 240));
    assert_ptr_equal(expiry_first(&expiry), &egg);
    assert_true(expiry_set(&expiry, &egg, 400));
    assert_ptr_equal(expiry_first(&expiry), &tea);
    assert_true(expiry_set(&expiry, &tea, 0));
    assert_true(expiry_set(&expiry, &tea, 0));
    assert_ptr_equal(expiry_first(&expiry), &egg);
    assert_int_equal(egg.when_ms, 400);
    expiry_fini(&expiry);
}

static void they_come_in_order(void **state)
{
    enum { COUNT = 500 };
    (void)state;
    expiry_t expiry = {0};
    expiry_due_t dues[COUNT] = {0};
    for (int i = 0; i < COUNT; i++)
        assert_true(expiry_set(&expiry, &dues[i], 1 + (i * 7919) % 1009));
    for (int i = 0; i < COUNT; i += 3)
        assert_true(expiry_set(&expiry, &dues[i], i % 2 ? 0 : 1 + (i * 31) % 1009));
    int64_t last = 0;
    expiry_due_t *due;
    size_t seen = 0;
    for (; (due = expiry_first(&expiry)) != NULL; seen++) {
        assert_true(due->when_ms >= last);
        last = due->when_ms;
        assert_true(expiry_set(&expiry, due, 0));
        assert_int_equal(due->place, 0);
    }
    assert_int_equal(seen, COUNT - COUNT / 6);
    expiry_fini(&expiry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(example),
                                       cmocka_unit_test(they_come_in_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
