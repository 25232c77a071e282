/* SPDX-License-Identifier: MIT */
#include "gateway/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

/* Usage: keys live in the values. */
static void finds_what_was_put(void **unused)
{
    (void)unused;
    static struct {
        const char *key;
        int n;
    } a = {"a", 1}, b = {"b", 2};
    map_t *map = map_new();
    map_put(map, str_of(a.key), &a);
    map_put(map, str_of(b.key), &b);
    assert_ptr_equal(map_get(map, STR_LIT("a")), &a);
    assert_null(map_get(map, STR_LIT("c")));
    assert_ptr_equal(map_remove(map, STR_LIT("a")), &a);
    assert_null(map_get(map, STR_LIT("a")));
    assert_null(map_remove(map, STR_LIT("a")));
    assert_int_equal(map_len(map), 1);
    map_destroy(&map);
    assert_null(map);
}

static void empty_key_and_empty_map(void **unused)
{
    (void)unused;
    int value;
    map_t *map = map_new();
    assert_null(map_get(map, STR_LIT("")));
    assert_null(map_remove(map, STR_LIT("x")));
    map_put(map, STR_LIT(""), &value);
    assert_ptr_equal(map_get(map, STR_LIT("")), &value);
    map_clear(map);
    assert_null(map_get(map, STR_LIT("")));
    map_destroy(&map);
}

#define MANY 5000

/* Growing, and graves that are used again. */
static void many_come_and_go(void **unused)
{
    (void)unused;
    static char keys[MANY][16];
    map_t *map = map_new();
    for (int i = 0; i < MANY; i++) {
        snprintf(keys[i], sizeof keys[i], "key.%d", i);
        map_put(map, str_of(keys[i]), keys[i]);
        if (i % 3 == 0)
            assert_ptr_equal(map_remove(map, str_of(keys[i])), keys[i]);
    }
    size_t at = 0, seen = 0;
    while (map_next(map, &at))
        seen++;
    assert_int_equal(seen, map_len(map));
    for (int i = 0; i < MANY; i++)
        assert_ptr_equal(map_get(map, str_of(keys[i])), i % 3 == 0 ? NULL : keys[i]);
    map_destroy(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_put),
        cmocka_unit_test(empty_key_and_empty_map),
        cmocka_unit_test(many_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
