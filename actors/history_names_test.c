/* SPDX-License-Identifier: MIT */
#include "actors/history_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void add(history_names_t *names, const char *id)
{
    assert_int_equal(history_names_add(names, str_of(id)), ERR_OK);
}

static void check(const history_names_t *names, const char *file_id, const char *expected)
{
    str_t id;
    assert_int_equal(history_names_find(names, str_of(file_id), &id), expected != NULL);
    assert_true(!expected || str_is(id, expected));
}

static void test_usage(void **state)
{
    (void)state;
    history_names_t *names = history_names_new();
    add(names, "a.0.b/c");
    add(names, "a.0.b");
    assert_true(history_names_is_open(STR_LIT("a.0.b~c")));
    assert_false(history_names_is_open(STR_LIT("a.0.b")));
    check(names, "a.0.b~c", "a.0.b/c");
    check(names, "a.0.b", "a.0.b");
    history_names_destroy(&names);
    assert_null(names);
}

static void test_ids_that_are_not_known(void **state)
{
    (void)state;
    history_names_t *names = history_names_new();
    check(names, "a~b", "a~b");
    check(names, "", "");
    add(names, "a~b");
    check(names, "a~b", "a~b");
    history_names_destroy(&names);
}

static void test_several_ids(void **state)
{
    (void)state;
    history_names_t *names = history_names_new();
    add(names, "a:b");
    add(names, "a:b");
    check(names, "a~b", "a:b");
    add(names, "a/b");
    check(names, "a~b", NULL);
    add(names, "a:b");
    check(names, "a~b", NULL);
    assert_int_equal(history_names_add(names, STR_LIT("x\0y")), ERR_OK);
    str_t id;
    assert_true(history_names_find(names, STR_LIT("x~y"), &id));
    assert_true(str_eq(id, STR_LIT("x\0y")));
    history_names_destroy(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_ids_that_are_not_known),
        cmocka_unit_test(test_several_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
