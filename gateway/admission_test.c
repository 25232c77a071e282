/* SPDX-License-Identifier: MIT */
#include "gateway/admission.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Usage: at most three in all and two of an address. */
static void limits_both(void **unused)
{
    admission_t *admission = admission_new(3, 2);
    (void)unused;
    assert_true(admission_enter(admission, "a"));
    assert_true(admission_enter(admission, "a"));
    assert_false(admission_enter(admission, "a"));
    assert_true(admission_enter(admission, "b"));
    assert_false(admission_enter(admission, "c"));
    admission_leave(admission, "a");
    assert_true(admission_enter(admission, "c"));
    admission_destroy(&admission);
}

/* A proxy brings many; each of them counts when it is known. */
static void clients_of_a_proxy_count_for_themselves(void **unused)
{
    admission_t *admission = admission_new(10, 1);
    (void)unused;
    for (size_t i = 0; i < 3; i++)
        assert_true(admission_enter(admission, NULL));
    assert_true(admission_move(admission, NULL, "a"));
    assert_false(admission_move(admission, NULL, "a"));
    assert_true(admission_move(admission, NULL, "b"));
    assert_false(admission_move(admission, "b", "a"));
    assert_true(admission_move(admission, "a", "c"));
    assert_true(admission_move(admission, "b", "a"));
    admission_leave(admission, "c");
    admission_leave(admission, "a");
    admission_leave(admission, NULL);
    admission_destroy(&admission);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_both),
        cmocka_unit_test(clients_of_a_proxy_count_for_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
