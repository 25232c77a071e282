/* SPDX-License-Identifier: MIT */
/* What every engine does: one list of tests, run against RocksDB and against memory. */
#include "storage/engine.h"

#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct {
    char folder[64];
    engine_t *engine;
} fixture_t;

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *walk)
{
    (void)info;
    (void)flag;
    (void)walk;
    return remove(path);
}

/* In memory where the system offers that: each opening of a database costs several fsyncs. */
static bool make_folder(char path[64])
{
    strcpy(path, "/dev/shm/iobus-engine-XXXXXX");
    if (mkdtemp(path))
        return true;
    strcpy(path, "/tmp/iobus-engine-XXXXXX");
    return mkdtemp(path) != NULL;
}

typedef enum { MEMORY, SORTED, UNSORTED } kind_t;

static int set_up(void **state, kind_t kind)
{
    fixture_t *self = calloc(1, sizeof *self);
    buf_t why = {0};
    err_t err = ERR_OK;
    if (!make_folder(self->folder))
        return -1;
    engine_options_t options = {.path = self->folder,
                                .name = "states",
                                .format = 1,
                                .durability = ENGINE_PROCESS,
                                .sync_interval_ms = 100,
                                .cache_bytes = 1 << 20,
                                .read_at_start = kind == UNSORTED};
    if (kind == MEMORY)
        self->engine = engine_open_memory();
    else
        err = engine_open(&self->engine, &options, &why);
    buf_fini(&why);
    *state = self;
    return err == ERR_OK ? 0 : -1;
}

static int set_up_rocks(void **state)
{
    return set_up(state, SORTED);
}

static int set_up_unsorted(void **state)
{
    return set_up(state, UNSORTED);
}

static int set_up_memory(void **state)
{
    return set_up(state, MEMORY);
}

static int tear_down(void **state)
{
    fixture_t *self = *state;
    engine_close(&self->engine);
    nftw(self->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(self);
    return 0;
}

static engine_t *engine_of(void **state)
{
    return ((fixture_t *)*state)->engine;
}

/* --- short forms ------------------------------------------------------------------------------ */

static void put(engine_t *engine, const char *key, const char *value)
{
    engine_put(engine, str_of(key), str_of(value));
}

static void commit(engine_t *engine)
{
    assert_int_equal(engine_commit(engine), ERR_OK);
    assert_int_equal(engine_pending(engine), 0);
}

static void assert_value(engine_t *engine, const char *key, const char *expected)
{
    buf_t out = {0};
    bool found;
    assert_int_equal(engine_get(engine, str_of(key), &out, &found), ERR_OK);
    assert_int_equal(found, expected != NULL);
    if (expected)
        assert_true(str_is(buf_str(&out), expected));
    buf_reset(&out);
    assert_int_equal(engine_get_once(engine, str_of(key), &out, &found), ERR_OK);
    assert_int_equal(found, expected != NULL);
    assert_true(str_is(buf_str(&out), expected ? expected : ""));
    buf_fini(&out);
}

/* "key=value key=value" of what the scan still has; static storage. Destroys the scan. */
static const char *rest_of(engine_scan_t *scan)
{
    static buf_t text;
    str_t key, value;
    buf_reset(&text);
    while (engine_scan_next(scan, &key, &value))
        buf_printf(&text, "%s%.*s=%.*s", text.len ? " " : "", STR_ARG(key), STR_ARG(value));
    assert_false(engine_scan_next(scan, &key, &value));
    assert_int_equal(engine_scan_error(scan), ERR_OK);
    engine_scan_destroy(&scan);
    buf_append_byte(&text, 0);
    return (const char *)text.data;
}

static const char *scan(engine_t *engine, const char *prefix, const char *from)
{
    return rest_of(engine_scan_new(engine, str_of(prefix), str_of(from)));
}

/* --- what every engine does ------------------------------------------------------------------- */

static void usage(void **state)
{
    engine_t *engine = engine_of(state);
    buf_t value = {0};
    bool found;

    engine_put(engine, STR_LIT("s/a"), STR_LIT("1"));
    engine_put(engine, STR_LIT("s/b"), STR_LIT("2"));
    assert_int_equal(engine_commit(engine), ERR_OK);

    assert_int_equal(engine_get(engine, STR_LIT("s/a"), &value, &found), ERR_OK);
    assert_true(found && str_is(buf_str(&value), "1"));
    buf_fini(&value);

    str_t key, val;
    engine_scan_t *all = engine_scan_new(engine, STR_LIT("s/"), STR_LIT(""));
    assert_true(engine_scan_next(all, &key, &val));
    assert_true(str_is(key, "s/a") && str_is(val, "1"));
    assert_true(engine_scan_next(all, &key, &val));
    assert_true(str_is(key, "s/b") && str_is(val, "2"));
    assert_false(engine_scan_next(all, &key, &val));
    engine_scan_destroy(&all);
}

static void get_sees_the_open_batch(void **state)
{
    engine_t *engine = engine_of(state);
    put(engine, "a", "old");
    put(engine, "b", "old");
    commit(engine);
    put(engine, "a", "new");
    put(engine, "a", "newer");
    engine_delete(engine, STR_LIT("b"));
    put(engine, "c", "");
    assert_true(engine_pending(engine) > 0);
    assert_value(engine, "a", "newer");
    assert_value(engine, "b", NULL);
    assert_value(engine, "c", "");
    assert_value(engine, "d", NULL);
    commit(engine);
    assert_value(engine, "a", "newer");
    assert_value(engine, "b", NULL);
    assert_value(engine, "c", "");
}

static void get_appends(void **state)
{
    engine_t *engine = engine_of(state);
    buf_t out = {0};
    bool found;
    put(engine, "a", "x");
    buf_append_cstr(&out, "before ");
    assert_int_equal(engine_get(engine, STR_LIT("a"), &out, &found), ERR_OK);
    assert_int_equal(engine_get(engine, STR_LIT("none"), &out, &found), ERR_OK);
    assert_false(found);
    assert_true(str_is(buf_str(&out), "before x"));
    buf_fini(&out);
}

static void rollback(void **state)
{
    engine_t *engine = engine_of(state);
    put(engine, "a", "1");
    commit(engine);
    put(engine, "a", "2");
    put(engine, "b", "2");
    engine_rollback(engine);
    assert_int_equal(engine_pending(engine), 0);
    assert_value(engine, "a", "1");
    assert_value(engine, "b", NULL);
    commit(engine);
    assert_string_equal(scan(engine, "", ""), "a=1");
}

static void scan_sees_the_open_batch(void **state)
{
    engine_t *engine = engine_of(state);
    put(engine, "p/a", "1");
    put(engine, "p/c", "1");
    put(engine, "p/d", "1");
    commit(engine);
    put(engine, "p/b", "2");
    put(engine, "p/c", "2");
    put(engine, "p/c", "3");
    put(engine, "q", "2");
    engine_delete(engine, STR_LIT("p/d"));
    put(engine, "p/e", "2");
    engine_delete(engine, STR_LIT("p/e"));
    assert_string_equal(scan(engine, "p/", ""), "p/a=1 p/b=2 p/c=3");
    assert_string_equal(scan(engine, "p/", "p/b"), "p/b=2 p/c=3");
    assert_string_equal(scan(engine, "", ""), "p/a=1 p/b=2 p/c=3 q=2");
}

static void scan_keeps_the_state_at_its_start(void **state)
{
    engine_t *engine = engine_of(state);
    put(engine, "a", "1");
    put(engine, "b", "1");
    commit(engine);
    put(engine, "c", "batch");
    engine_scan_t *before = engine_scan_new(engine, STR_LIT(""), STR_LIT(""));
    str_t key, value;
    assert_true(engine_scan_next(before, &key, &value));
    engine_delete(engine, STR_LIT("b"));
    put(engine, "c", "changed");
    commit(engine);
    put(engine, "d", "later");
    commit(engine);
    assert_string_equal(rest_of(before), "b=1 c=batch");
    assert_string_equal(scan(engine, "", ""), "a=1 c=changed d=later");
}

static void scan_outlives_a_rollback(void **state)
{
    engine_t *engine = engine_of(state);
    put(engine, "a", "batch");
    engine_scan_t *before = engine_scan_new(engine, STR_LIT(""), STR_LIT(""));
    engine_rollback(engine);
    assert_string_equal(rest_of(before), "a=batch");
}

static void scan_bounds(void **state)
{
    engine_t *engine = engine_of(state);
    put(engine, "a", "1");
    put(engine, "ab", "2");
    put(engine, "abc", "3");
    put(engine, "b", "4");
    commit(engine);
    assert_string_equal(scan(engine, "ab", ""), "ab=2 abc=3");
    assert_string_equal(scan(engine, "ab", "a"), "ab=2 abc=3"); /* below the prefix */
    assert_string_equal(scan(engine, "ab", "aba"), "abc=3");
    assert_string_equal(scan(engine, "ab", "b"), ""); /* past it */
    assert_string_equal(scan(engine, "x", ""), "");
    assert_string_equal(scan(engine, "", "ac"), "b=4");
}

static void scan_at_the_edge_of_bytes(void **state)
{
    engine_t *engine = engine_of(state);
    put(engine, "a\xff", "1");
    put(engine, "a\xff\xff", "2");
    put(engine, "b", "3");
    put(engine, "\xff", "4");
    put(engine, "\xff\xff", "5");
    commit(engine);
    assert_string_equal(scan(engine, "a\xff", ""), "a\xff=1 a\xff\xff=2");
    assert_string_equal(scan(engine, "\xff", ""), "\xff=4 \xff\xff=5");
    assert_string_equal(scan(engine, "\xff\xff", ""), "\xff\xff=5");
    put(engine, "\xff\xff\xff", "6");
    assert_string_equal(scan(engine, "\xff\xff", ""), "\xff\xff=5 \xff\xff\xff=6");
}

static void scan_seek(void **state)
{
    engine_t *engine = engine_of(state);
    put(engine, "p1", "1");
    put(engine, "p2", "2");
    commit(engine);
    put(engine, "p3", "3");
    put(engine, "q", "4");
    str_t key, value;
    engine_scan_t *jump = engine_scan_new(engine, STR_LIT("p"), STR_LIT(""));
    engine_scan_seek(jump, STR_LIT("p3"));
    assert_true(engine_scan_next(jump, &key, &value) && str_is(key, "p3"));
    engine_scan_seek(jump, STR_LIT("q"));
    assert_false(engine_scan_next(jump, &key, &value));
    engine_scan_seek(jump, STR_LIT("p2"));
    assert_true(engine_scan_next(jump, &key, &value) && str_is(key, "p2"));
    engine_scan_seek(jump, key);
    assert_string_equal(rest_of(jump), "p2=2 p3=3");
}

static void keys_hold_any_byte(void **state)
{
    engine_t *engine = engine_of(state);
    str_t zero = {"\0a\0", 3}, zeros = {"\0", 1};
    buf_t out = {0};
    bool found;
    engine_put(engine, zero, zeros);
    engine_put(engine, zeros, zero);
    commit(engine);
    assert_int_equal(engine_get(engine, zero, &out, &found), ERR_OK);
    assert_true(found && str_eq(buf_str(&out), zeros));
    buf_fini(&out);
    str_t key, value;
    engine_scan_t *all = engine_scan_new(engine, STR_LIT(""), STR_LIT(""));
    assert_true(engine_scan_next(all, &key, &value) && str_eq(key, zeros) && str_eq(value, zero));
    assert_true(engine_scan_next(all, &key, &value) && str_eq(key, zero));
    assert_false(engine_scan_next(all, &key, &value));
    engine_scan_destroy(&all);
}

static void empty_key_belongs_to_the_engine(void **state)
{
    engine_t *engine = engine_of(state);
    put(engine, "", "x");
    engine_delete(engine, STR_LIT(""));
    assert_int_equal(engine_pending(engine), 0);
    assert_value(engine, "", NULL);
    put(engine, "a", "1");
    commit(engine);
    assert_string_equal(scan(engine, "", ""), "a=1");
    engine_snapshot_t *snapshot = engine_snapshot_new(engine);
    assert_string_equal(rest_of(engine_snapshot_scan(snapshot, STR_LIT(""), STR_LIT(""))), "a=1");
    engine_snapshot_destroy(&snapshot);
}

static void empty_commit(void **state)
{
    engine_t *engine = engine_of(state);
    commit(engine);
    engine_delete(engine, STR_LIT("never there"));
    commit(engine);
    assert_false(engine_read_only(engine));
}

static void large_values(void **state)
{
    engine_t *engine = engine_of(state);
    size_t len = 3u << 20;
    char *bytes = malloc(len);
    buf_t out = {0};
    bool found;
    memset(bytes, 'x', len);
    engine_put(engine, STR_LIT("big"), (str_t){bytes, len});
    commit(engine);
    put(engine, "small", "1");
    commit(engine);
    assert_int_equal(engine_get(engine, STR_LIT("big"), &out, &found), ERR_OK);
    assert_true(found && str_eq(buf_str(&out), (str_t){bytes, len}));
    buf_fini(&out);
    free(bytes);
}

static void many_keys_in_order(void **state)
{
    engine_t *engine = engine_of(state);
    char key[16];
    uint32_t seed = 1;
    for (int i = 0; i < 2000; i++) {
        seed = seed * 1103515245u + 12345u;
        snprintf(key, sizeof key, "%05u", (seed >> 8) % 3000u);
        if (seed & 0x10000)
            put(engine, key, "x");
        else
            engine_delete(engine, str_of(key));
        if (i % 97 == 0)
            commit(engine);
    }
    commit(engine);
    str_t at, value;
    char last[16] = "";
    size_t count = 0;
    engine_scan_t *all = engine_scan_new(engine, STR_LIT(""), STR_LIT(""));
    for (; engine_scan_next(all, &at, &value); count++) {
        assert_true(str_cmp(str_of(last), at) < 0);
        snprintf(last, sizeof last, "%.*s", STR_ARG(at));
    }
    engine_scan_destroy(&all);
    assert_in_range(count, 500, 1500);
}

typedef struct {
    engine_snapshot_t *snapshot;
    int pipe[2];
    bool wrong;
} reader_t;

static void *read_snapshot(void *arg)
{
    reader_t *self = arg;
    char byte;
    if (read(self->pipe[0], &byte, 1) != 1) /* the owner has overwritten everything by now */
        self->wrong = true;
    buf_t out = {0};
    bool found;
    err_t err = engine_snapshot_get(self->snapshot, STR_LIT("a"), &out, &found);
    self->wrong = self->wrong || err != ERR_OK || !found || !str_is(buf_str(&out), "1");
    buf_fini(&out);
    str_t key, value;
    size_t count = 0;
    engine_scan_t *all = engine_snapshot_scan(self->snapshot, STR_LIT(""), STR_LIT(""));
    for (; engine_scan_next(all, &key, &value); count++)
        self->wrong = self->wrong || !str_is(value, "1");
    self->wrong = self->wrong || count != 2;
    engine_scan_destroy(&all);
    engine_snapshot_destroy(&self->snapshot);
    return NULL;
}

static void snapshot_in_another_thread(void **state)
{
    engine_t *engine = engine_of(state);
    put(engine, "a", "1");
    put(engine, "b", "1");
    commit(engine);
    put(engine, "c", "not committed");
    reader_t reader = {.snapshot = engine_snapshot_new(engine)};
    pthread_t thread;
    assert_int_equal(pipe(reader.pipe), 0);
    assert_int_equal(pthread_create(&thread, NULL, read_snapshot, &reader), 0);
    put(engine, "a", "2");
    engine_delete(engine, STR_LIT("b"));
    commit(engine);
    assert_int_equal(write(reader.pipe[1], "x", 1), 1);
    for (int i = 0; i < 100; i++) {
        put(engine, "d", "more");
        commit(engine);
    }
    pthread_join(thread, NULL);
    assert_false(reader.wrong);
    close(reader.pipe[0]);
    close(reader.pipe[1]);
    assert_value(engine, "a", "2");
}

static void durability_names(void **state)
{
    (void)state;
    assert_int_equal(engine_durability_parse("none"), ENGINE_NONE);
    assert_int_equal(engine_durability_parse("process"), ENGINE_PROCESS);
    assert_int_equal(engine_durability_parse("power"), ENGINE_POWER);
    assert_int_equal(engine_durability_parse("Power"), -1);
    assert_int_equal(engine_durability_parse(""), -1);
}

#define COMMON(set_up_one)                                                                         \
    cmocka_unit_test_setup_teardown(usage, set_up_one, tear_down),                                 \
        cmocka_unit_test_setup_teardown(get_sees_the_open_batch, set_up_one, tear_down),           \
        cmocka_unit_test_setup_teardown(get_appends, set_up_one, tear_down),                       \
        cmocka_unit_test_setup_teardown(rollback, set_up_one, tear_down),                          \
        cmocka_unit_test_setup_teardown(scan_sees_the_open_batch, set_up_one, tear_down),          \
        cmocka_unit_test_setup_teardown(scan_keeps_the_state_at_its_start, set_up_one, tear_down), \
        cmocka_unit_test_setup_teardown(scan_outlives_a_rollback, set_up_one, tear_down),          \
        cmocka_unit_test_setup_teardown(scan_bounds, set_up_one, tear_down),                       \
        cmocka_unit_test_setup_teardown(scan_at_the_edge_of_bytes, set_up_one, tear_down),         \
        cmocka_unit_test_setup_teardown(scan_seek, set_up_one, tear_down),                         \
        cmocka_unit_test_setup_teardown(keys_hold_any_byte, set_up_one, tear_down),                \
        cmocka_unit_test_setup_teardown(empty_key_belongs_to_the_engine, set_up_one, tear_down),   \
        cmocka_unit_test_setup_teardown(empty_commit, set_up_one, tear_down),                      \
        cmocka_unit_test_setup_teardown(large_values, set_up_one, tear_down),                      \
        cmocka_unit_test_setup_teardown(many_keys_in_order, set_up_one, tear_down),                \
        cmocka_unit_test_setup_teardown(snapshot_in_another_thread, set_up_one, tear_down)

int main(void)
{
    const struct CMUnitTest memory[] = {COMMON(set_up_memory)};
    const struct CMUnitTest rocks[] = {COMMON(set_up_rocks), cmocka_unit_test(durability_names)};
    const struct CMUnitTest unsorted[] = {COMMON(set_up_unsorted)};
    return cmocka_run_group_tests_name("memory", memory, NULL, NULL) +
           cmocka_run_group_tests_name("unsorted", unsorted, NULL, NULL) +
           cmocka_run_group_tests_name("rocks", rocks, NULL, NULL);
}
