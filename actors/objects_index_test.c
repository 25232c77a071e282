/* SPDX-License-Identifier: MIT */
#include "actors/objects_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Usage: ids go in in any order and come out in theirs. */
static void test_ids_come_out_in_order(void **state)
{
    (void)state;
    objects_index_t *index = index_new();
    const char *ids[] = {"b", "a.b", "a", "c", "a.b.c"};
    for (size_t i = 0; i < 5; i++)
        index_require(index, str_of(ids[i]))->seq = i + 1;
    assert_int_equal(index_count(index), 5);
    assert_int_equal(index_find(index, STR_LIT("a"))->seq, 3);
    assert_null(index_find(index, STR_LIT("a.")));

    index_entry_t *entry = index_seek(index, STR_LIT("a."));
    assert_true(str_is(index_id(entry), "a.b"));
    entry = index_next(entry);
    assert_true(str_is(index_id(entry), "a.b.c"));
    assert_null(index_seek(index, STR_LIT("d")));
    assert_true(str_is(index_id(index_seek(index, STR_LIT(""))), "a"));
    index_destroy(&index);
    assert_null(index);
}

static void check_order(str_t a, str_t b)
{
    assert_true(index_compare(a, b) < 0);
    assert_true(index_compare(b, a) > 0);
    assert_int_equal(index_compare(a, a), 0);
}

static void test_order_is_that_of_utf16(void **state)
{
    (void)state;
    check_order(STR_LIT(""), STR_LIT("a"));
    check_order(STR_LIT("a"), STR_LIT("a\0"));
    check_order(STR_LIT("Z"), STR_LIT("a"));
    check_order(STR_LIT("a.z"), STR_LIT("a.\u9999"));
    check_order(STR_LIT("a.\u9999"), STR_LIT("a.\uac00"));       /* a Korean syllable is past it */
    check_order(STR_LIT("a.\u9999"), STR_LIT("a.\U0001f3e0"));   /* surrogates are too */
    check_order(STR_LIT("\U0001f3e0"), STR_LIT("\uff01"));       /* ... but below U+E000 and up */
    check_order(STR_LIT("x\U0001f3e0"), STR_LIT("x\U0001f3e1")); /* same first half */
    check_order(STR_LIT("\xed\xa0\xbc"), STR_LIT("\U0001f3e0")); /* a lone first half is shorter */
    check_order(STR_LIT("\xed\xa0\xbcz"), STR_LIT("\U0001f3e0"));
    check_order(STR_LIT("\U0001f3e0"), STR_LIT("\xed\xa0\xbc\xef\xbc\x81"));
    check_order(STR_LIT("\u0431"), STR_LIT("\u0432"));
    check_order(STR_LIT("\u00e9"), STR_LIT("\u0431"));
}

static void test_malformed_bytes_have_some_order(void **state)
{
    (void)state;
    assert_int_not_equal(index_compare(STR_LIT("\xf0\x9f"), STR_LIT("\xf0\x9f\x8f")), 0);
    assert_int_not_equal(index_compare(STR_LIT("\x80"), STR_LIT("\xc0")), 0);
    assert_int_not_equal(index_compare(STR_LIT("\xc0\x80"), STR_LIT("\xc0\xc0")), 0);
}

static void test_types(void **state)
{
    (void)state;
    assert_int_equal(object_type_parse(STR_LIT("state")), OBJECT_STATE);
    assert_int_equal(object_type_parse(STR_LIT("design")), OBJECT_DESIGN);
    assert_int_equal(object_type_parse(STR_LIT("states")), OBJECT_OTHER);
    assert_int_equal(object_type_parse(STR_LIT("")), OBJECT_OTHER);
}

static void test_many_come_and_go(void **state)
{
    (void)state;
    objects_index_t *index = index_new();
    char id[32];
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(id, sizeof id, "id.%04u", i * 7919 % 5000);
        assert_non_null(index_require(index, str_of(id)));
    }
    for (unsigned i = 0; i < 5000; i += 2) {
        snprintf(id, sizeof id, "id.%04u", i);
        index_remove(index, str_of(id));
        index_remove(index, str_of(id));
    }
    assert_int_equal(index_count(index), 2500);
    unsigned seen = 0;
    for (index_entry_t *at = index_seek(index, STR_LIT("")); at; at = index_next(at)) {
        snprintf(id, sizeof id, "id.%04u", 2 * seen + 1);
        assert_true(str_is(index_id(at), id));
        seen++;
    }
    assert_int_equal(seen, 2500);
    index_destroy(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_come_out_in_order),
        cmocka_unit_test(test_order_is_that_of_utf16),
        cmocka_unit_test(test_malformed_bytes_have_some_order),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_many_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
