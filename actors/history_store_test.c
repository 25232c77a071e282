/* SPDX-License-Identifier: MIT */
#include "actors/history_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/json.h"

static const str_t ID = {"a.b", 3};

/* A row whose value is a number; the buffer holds it. */
static history_row_t row_of(buf_t *buf, int64_t ts, double number)
{
    buf_reset(buf);
    mp_put_double(buf, number);
    return (history_row_t){.ts = ts, .val = mp_of_buf(buf)};
}

static void add(engine_t *engine, str_t id, int64_t ts, double number)
{
    buf_t buf = {0};
    const history_row_t row = row_of(&buf, ts, number);
    assert_int_equal(history_store_add(engine, id, &row), ERR_OK);
    buf_fini(&buf);
}

/* "ts=val ts=val" of the rows from a point of time on. */
static const char *show(engine_t *engine, str_t id, int64_t from)
{
    static char text[512];
    buf_t out = {0};
    history_row_t row;
    history_scan_t *scan = history_scan_new(engine, id, from);
    assert_non_null(scan);
    while (history_scan_next(scan, &row, NULL)) {
        if (out.len)
            buf_append_byte(&out, ' ');
        buf_printf(&out, "%lld=", (long long)row.ts);
        json_from_mp(&out, row.val, NULL);
    }
    assert_int_equal(history_scan_error(scan), ERR_OK);
    history_scan_destroy(&scan);
    assert_true(out.len < sizeof text);
    memcpy(text, out.data ? (const char *)out.data : "", out.len);
    text[out.len] = '\0';
    buf_fini(&out);
    return text;
}

static void test_usage(void **state)
{
    (void)state;
    engine_t *engine = engine_open_memory();
    add(engine, ID, 2000, 2);
    add(engine, ID, 1000, 1);
    add(engine, STR_LIT("a.bc"), 1500, 9);
    assert_string_equal(show(engine, ID, 0), "1000=1 2000=2");
    assert_string_equal(show(engine, ID, 1001), "2000=2");
    int64_t ts;
    assert_true(history_store_last_before(engine, ID, 0, 2000, &ts));
    assert_int_equal(ts, 1000);
    engine_close(&engine);
}

static void test_times_sort_like_numbers(void **state)
{
    (void)state;
    engine_t *engine = engine_open_memory();
    const int64_t times[] = {HISTORY_TS_MAX, -HISTORY_TS_MAX, 0, -1, 256, 255, 1700000000000};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        add(engine, ID, times[i], 0);
    assert_string_equal(
        show(engine, ID, INT64_MIN),
        "-8640000000000000=0 -1=0 0=0 255=0 256=0 1700000000000=0 8640000000000000=0");
    assert_string_equal(show(engine, ID, INT64_MAX), "");
    engine_close(&engine);
}

static void test_same_millisecond(void **state)
{
    (void)state;
    engine_t *engine = engine_open_memory();
    buf_t buf = {0};
    add(engine, ID, 5, 1);
    add(engine, ID, 5, 2);
    assert_string_equal(show(engine, ID, 0), "5=1 5=2");
    const history_row_t row = row_of(&buf, 5, 3);
    assert_int_equal(history_store_put(engine, ID, &row), ERR_OK);
    assert_string_equal(show(engine, ID, 0), "5=3 5=2");
    for (int i = 0; i < 1100; i++)
        add(engine, ID, 6, i);
    buf_fini(&buf);
    engine_close(&engine);
}

static void test_impossible_keys(void **state)
{
    (void)state;
    engine_t *engine = engine_open_memory();
    char long_id[HISTORY_ID_MAX + 1];
    memset(long_id, 'a', sizeof long_id);
    const str_t bad[] = {{"", 0}, {"a\0b", 3}, {long_id, sizeof long_id}};
    const history_row_t row = {.ts = 1};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t ts;
        assert_int_equal(history_store_add(engine, bad[i], &row), ERR_BAD_ARGS);
        assert_int_equal(history_store_put(engine, bad[i], &row), ERR_BAD_ARGS);
        assert_null(history_scan_new(engine, bad[i], 0));
        assert_false(history_store_last_before(engine, bad[i], 0, 9, &ts));
    }
    const history_row_t late = {.ts = HISTORY_TS_MAX + 1};
    assert_int_equal(history_store_add(engine, ID, &late), ERR_BAD_ARGS);
    engine_close(&engine);
}

static void test_fields_go_round(void **state)
{
    (void)state;
    static const struct {
        const char *state;
        const char *list; /* NULL: refused */
    } rows[] = {
        {"{\"val\":1,\"ts\":7}", "[7,1]"},
        {"{\"val\":null,\"ts\":7}", "[7,null]"},
        {"{\"ts\":7}", "[7,null]"},
        {"{\"val\":1}", "[99,1]"},
        {"{\"val\":1,\"ts\":\"x\"}", "[99,1]"},
        {"{\"val\":1,\"ts\":7,\"ack\":true,\"q\":64,\"from\":\"f\",\"user\":\"u\",\"c\":\"c\"}",
         "[7,1,true,64,\"f\",\"u\",\"c\"]"},
        {"{\"val\":[1,{}],\"ts\":7,\"c\":\"c\"}", "[7,[1,{}],null,null,null,null,\"c\"]"},
        {"{\"val\":1,\"ts\":1e300}", NULL},
        {"5", NULL},
        {"[]", NULL},
        {"null", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_t value = {0}, list = {0}, json = {0};
        history_row_t row, again;
        assert_int_equal(json_to_mp(&value, str_of(rows[i].state)), ERR_OK);
        bool ok = history_row_of_state(mp_of_buf(&value), 99, &row);
        assert_int_equal(ok, rows[i].list != NULL);
        if (ok) {
            history_row_to_list(&list, &row);
            json_from_mp(&json, mp_of_buf(&list), NULL);
            assert_true(str_is(buf_str(&json), rows[i].list));
            assert_true(history_row_of_list(mp_of_buf(&list), &again));
            assert_int_equal(again.ts, row.ts);
        }
        buf_fini(&value);
        buf_fini(&list);
        buf_fini(&json);
    }
}

static void test_update(void **state)
{
    (void)state;
    engine_t *engine = engine_open_memory();
    buf_t buf = {0};
    bool found;
    add(engine, ID, 5, 1);
    history_row_t patch = row_of(&buf, 5, 8);
    assert_int_equal(history_store_update(engine, ID, &patch, &found), ERR_OK);
    assert_true(found);
    assert_string_equal(show(engine, ID, 0), "5=8");
    patch.ts = 4;
    assert_int_equal(history_store_update(engine, ID, &patch, &found), ERR_OK);
    assert_false(found);
    buf_reset(&buf);
    mp_put_nil(&buf);
    patch = (history_row_t){.ts = 5, .val = mp_of_buf(&buf)};
    assert_int_equal(history_store_update(engine, ID, &patch, &found), ERR_OK);
    history_scan_t *scan = history_scan_new(engine, ID, 0);
    history_row_t row;
    assert_true(history_scan_next(scan, &row, NULL));
    assert_null(row.val.p);
    history_scan_destroy(&scan);
    buf_fini(&buf);
    engine_close(&engine);
}

static void test_damaged_rows_are_passed_over(void **state)
{
    (void)state;
    engine_t *engine = engine_open_memory();
    add(engine, ID, 5, 1);
    engine_put(engine, (str_t){"a.b\0\x80\0\0\0\0\0\0\1\0\0", 14}, STR_LIT("\xc1"));
    engine_put(engine, (str_t){"a.b\0\x80\0\0\0\0\0\0\2\0\0", 14}, STR_LIT("\x92\x01"));
    engine_put(engine, (str_t){"a.b\0short", 9}, STR_LIT("\x91\x01"));
    assert_string_equal(show(engine, ID, 0), "5=1");
    engine_close(&engine);
}

static void test_last_before_random(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int round = 0; round < 50; round++) {
        engine_t *engine = engine_open_memory();
        int64_t times[40];
        size_t len = (size_t)round % 40;
        for (size_t i = 0; i < len; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            times[i] = (int64_t)(seed >> 33) % (round % 2 ? 1000 : 1000000000);
            add(engine, ID, times[i], 0);
        }
        for (int probe = 0; probe < 20; probe++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            int64_t before = (int64_t)(seed >> 33) % (round % 2 ? 1100 : 1100000000);
            int64_t best = -1, ts = -1;
            for (size_t i = 0; i < len; i++) {
                if (times[i] < before && times[i] > best)
                    best = times[i];
            }
            bool found = history_store_last_before(engine, ID, INT64_MIN, before, &ts);
            assert_int_equal(found, best >= 0);
            if (found)
                assert_int_equal(ts, best);
        }
        engine_close(&engine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_times_sort_like_numbers),
        cmocka_unit_test(test_same_millisecond),
        cmocka_unit_test(test_impossible_keys),
        cmocka_unit_test(test_fields_go_round),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_damaged_rows_are_passed_over),
        cmocka_unit_test(test_last_before_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
