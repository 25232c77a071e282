/* SPDX-License-Identifier: MIT */
#include "actors/idmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct {
    char id[16];
} entry_t;

static void example(void **state)
{
    (void)state;
    entry_t lamp = {"lamp"};
    idmap_t *map = idmap_new(1);
    assert_true(idmap_put(map, str_of(lamp.id), &lamp));
    assert_ptr_equal(idmap_get(map, STR_LIT("lamp")), &lamp);
    assert_null(idmap_get(map, STR_LIT("")));
    idmap_remove(map, STR_LIT("lamp"));
    idmap_remove(map, STR_LIT("lamp"));
    assert_null(idmap_get(map, STR_LIT("lamp")));
    idmap_destroy(&map);
    idmap_destroy(&map);
}

/* Against the simplest model: an entry is there or it is not. */
static void random_changes(void **state)
{
    enum { COUNT = 3000, STEPS = 60000 };
    (void)state;
    entry_t *entries = calloc(COUNT, sizeof *entries);
    bool *in = calloc(COUNT, sizeof *in);
    idmap_t *map = idmap_new(7);
    size_t size = 0;
    unsigned seed = 3;
    for (int i = 0; i < COUNT; i++)
        snprintf(entries[i].id, sizeof entries[i].id, "demo.0.%d", i);
    for (int step = 0; step < STEPS; step++) {
        seed = seed * 1103515245u + 12345u;
        unsigned i = (seed >> 8) % COUNT;
        str_t id = str_of(entries[i].id);
        if (in[i]) {
            idmap_remove(map, id);
            size--;
        } else {
            assert_true(idmap_put(map, id, &entries[i]));
            size++;
        }
        in[i] = !in[i];
    }
    assert_int_equal(idmap_size(map), size);
    for (int i = 0; i < COUNT; i++)
        assert_ptr_equal(idmap_get(map, str_of(entries[i].id)), in[i] ? &entries[i] : NULL);
    size_t at = 0, seen = 0;
    while (idmap_next(map, &at))
        seen++;
    assert_int_equal(seen, size);
    idmap_destroy(&map);
    free(entries);
    free(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(example), cmocka_unit_test(random_changes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
