/* SPDX-License-Identifier: MIT */
#include "actors/history_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/history_store.h"
#include "bus/json.h"

#define NOW 1700000000000

static const str_t ID = {"a.b", 3};
static const history_defaults_t defaults = {AGGREGATE_NONE, 604800000, 2000, 0};

static void put(engine_t *engine, const char *list_json)
{
    buf_t list = {0};
    history_row_t row;
    assert_int_equal(json_to_mp(&list, str_of(list_json)), ERR_OK);
    assert_true(history_row_of_list(mp_of_buf(&list), &row));
    assert_int_equal(history_store_add(engine, ID, &row), ERR_OK);
    buf_fini(&list);
}

/* Runs a query with `budget` rows a step; the answer as JSON: [rows, step]. */
static char *ask_with(engine_t *engine, const char *options_json, uint32_t budget)
{
    buf_t options = {0}, rows = {0}, step = {0}, why = {0}, out = {0};
    history_options_t read;
    assert_int_equal(json_to_mp(&options, str_of(options_json)), ERR_OK);
    assert_true(history_options_read(mp_of_buf(&options), &defaults, NOW, &read, &why));
    history_query_t *query = history_query_new(engine, ID, ID, &read);
    assert_non_null(query);
    while (!history_query_step(query, budget))
        ;
    assert_int_equal(history_query_result(query, &rows, &step), ERR_OK);
    assert_false(history_query_truncated(query));
    history_query_destroy(&query);
    assert_null(query);
    assert_int_equal(mp_check(mp_of_buf(&rows), true), ERR_OK);
    buf_append_byte(&out, '[');
    json_from_mp(&out, mp_of_buf(&rows), NULL);
    buf_append_byte(&out, ',');
    json_from_mp(&out, mp_of_buf(&step), NULL);
    buf_append_byte(&out, ']');
    char *text = str_dup(buf_str(&out));
    assert_non_null(text);
    buf_t *const buffers[] = {&options, &rows, &step, &why, &out};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        buf_fini(buffers[i]);
    return text;
}

static void check(engine_t *engine, const char *options_json, const char *wanted)
{
    for (uint32_t budget = 1; budget <= 1000; budget = budget * 10) {
        char *text = ask_with(engine, options_json, budget);
        assert_string_equal(text, wanted);
        free(text);
    }
}

/* One value every second: 1000 is 1, ... 9000 is 9, with a null at 5000. */
static engine_t *small_series(void)
{
    engine_t *engine = engine_open_memory();
    for (int i = 1; i <= 9; i++) {
        char text[64];
        snprintf(text, sizeof text, i == 5 ? "[%d000,null]" : "[%d000,%d,1,0,\"f\"]", i, i);
        put(engine, text);
    }
    return engine;
}

static void test_usage(void **state)
{
    (void)state;
    engine_t *engine = small_series();
    check(engine, "{\"start\":2000,\"end\":3000,\"ack\":true,\"q\":1,\"from\":true,\"addId\":true}",
          "[[{\"ts\":2000,\"val\":2,\"ack\":true,\"q\":0,\"from\":\"f\",\"id\":\"a.b\"},"
          "{\"ts\":3000,\"val\":3,\"ack\":true,\"q\":0,\"from\":\"f\",\"id\":\"a.b\"}],null]");
    check(engine, "{\"start\":1500,\"end\":8500,\"aggregate\":\"max\",\"step\":3500}",
          "[[{\"ts\":1500,\"val\":2.5,\"i\":true},{\"ts\":3250,\"val\":4},"
          "{\"ts\":6750,\"val\":8},{\"ts\":8500,\"val\":8.5,\"i\":true}],3500]");
    engine_close(&engine);
}

static void test_count_applies_to_the_interval(void **state)
{
    (void)state;
    engine_t *engine = small_series();
    check(engine, "{\"start\":1000,\"end\":4000,\"count\":2}",
          "[[{\"ts\":3000,\"val\":3},{\"ts\":4000,\"val\":4}],null]");
    check(engine, "{\"start\":1000,\"end\":4000,\"count\":\"2\",\"returnNewestEntries\":true}",
          "[[{\"ts\":3000,\"val\":3},{\"ts\":4000,\"val\":4}],null]");
    check(engine, "{\"start\":1000,\"end\":4000,\"limit\":2,\"returnNewestEntries\":false}",
          "[[{\"ts\":1000,\"val\":1},{\"ts\":2000,\"val\":2}],null]");
    check(engine, "{\"count\":2}", "[[{\"ts\":8000,\"val\":8},{\"ts\":9000,\"val\":9}],null]");
    check(engine, "{\"count\":2,\"end\":3500}",
          "[[{\"ts\":2000,\"val\":2},{\"ts\":3000,\"val\":3}],null]");
    check(engine, "{\"count\":3,\"end\":7000,\"ignoreNull\":true}",
          "[[{\"ts\":4000,\"val\":4},{\"ts\":6000,\"val\":6},{\"ts\":7000,\"val\":7}],null]");
    /* As recorded: counted back from the end of the day. */
    check(engine, "{\"start\":null,\"count\":3,\"end\":7000}", "[[{\"ts\":7000,\"val\":7}],null]");
    engine_close(&engine);
}

static void test_borders_of_onchange(void **state)
{
    (void)state;
    engine_t *engine = small_series();
    check(engine, "{\"start\":1500,\"end\":3500,\"aggregate\":\"onchange\"}",
          "[[{\"ts\":1500,\"val\":1},{\"ts\":2000,\"val\":2},{\"ts\":3000,\"val\":3},"
          "{\"ts\":3500,\"val\":4}],null]");
    check(engine, "{\"start\":500,\"end\":1500,\"aggregate\":\"onchange\"}",
          "[[{\"ts\":500,\"val\":null},{\"ts\":1000,\"val\":1},{\"ts\":1500,\"val\":2}],null]");
    check(engine, "{\"start\":500,\"end\":1500,\"aggregate\":\"onchange\",\"ignoreNull\":\"true\"}",
          "[[{\"ts\":500,\"val\":1},{\"ts\":1000,\"val\":1},{\"ts\":1500,\"val\":2}],null]");
    check(engine,
          "{\"start\":8500,\"end\":9500,\"aggregate\":\"onchange\",\"removeBorderValues\":true}",
          "[[{\"ts\":9000,\"val\":9}],null]");
    check(engine, "{\"start\":8500,\"end\":9500,\"aggregate\":\"onchange\",\"ignoreNull\":true}",
          "[[{\"ts\":8500,\"val\":8},{\"ts\":9000,\"val\":9},{\"ts\":9500,\"val\":9}],null]");
    check(engine, "{\"start\":500,\"end\":9500,\"aggregate\":\"onchange\",\"count\":1}",
          "[[{\"ts\":500,\"val\":null},{\"ts\":9000,\"val\":9}],null]");
    check(engine, "{\"start\":20000,\"end\":30000,\"aggregate\":\"onchange\"}", "[[],null]");
    engine_close(&engine);
}

static void test_nulls_and_round(void **state)
{
    (void)state;
    engine_t *engine = engine_open_memory();
    put(engine, "[1000,1.2345]");
    put(engine, "[2000,null]");
    put(engine, "[3000,\"text\"]");
    put(engine, "[4000,true]");
    put(engine, "[5000,{\"a\":1}]");
    check(engine, "{\"start\":1,\"end\":9000,\"round\":\"2\"}",
          "[[{\"ts\":1000,\"val\":1.23},{\"ts\":2000,\"val\":null},{\"ts\":3000,\"val\":\"text\"},"
          "{\"ts\":4000,\"val\":true},{\"ts\":5000,\"val\":{\"a\":1}}],null]");
    check(engine, "{\"start\":1,\"end\":3000,\"ignoreNull\":\"0\"}",
          "[[{\"ts\":1000,\"val\":1.2345},{\"ts\":2000,\"val\":0},{\"ts\":3000,\"val\":\"text\"}],"
          "null]");
    check(engine,
          "{\"start\":1000,\"end\":5000,\"aggregate\":\"count\",\"count\":1,"
          "\"removeBorderValues\":true}",
          "[[{\"ts\":3000,\"val\":4}],4000]");
    check(engine,
          "{\"start\":1000,\"end\":5000,\"aggregate\":\"average\",\"count\":1,"
          "\"removeBorderValues\":true}",
          "[[{\"ts\":3000,\"val\":1.23}],4000]");
    engine_close(&engine);
}

static void test_border_looks_no_further_than_the_day(void **state)
{
    (void)state;
    engine_t *engine = small_series();
    put(engine, "[86400000,100]"); /* the next day */
    check(engine, "{\"start\":8000,\"end\":10000,\"aggregate\":\"onchange\"}",
          "[[{\"ts\":8000,\"val\":8},{\"ts\":9000,\"val\":9}],null]");
    check(engine, "{\"start\":8000,\"end\":10000,\"aggregate\":\"max\",\"count\":1}",
          "[[{\"ts\":8000,\"val\":8,\"i\":true},{\"ts\":9000,\"val\":9}],2000]");
    put(engine, "[86399999,50]");
    check(engine, "{\"start\":8000,\"end\":10000,\"aggregate\":\"onchange\"}",
          "[[{\"ts\":8000,\"val\":8},{\"ts\":9000,\"val\":9},{\"ts\":10000,\"val\":50}],null]");
    engine_close(&engine);
}

static void test_nothing_there(void **state)
{
    (void)state;
    engine_t *engine = engine_open_memory();
    check(engine, "{}", "[[],null]");
    check(engine, "{\"count\":5}", "[[],null]");
    check(engine, "{\"start\":1,\"end\":1000,\"aggregate\":\"onchange\"}", "[[],null]");
    check(engine, "{\"start\":1,\"end\":1,\"aggregate\":\"minmax\"}", "[[],null]");
    engine_close(&engine);
}

/* --- random series against a plain second way --------------------------------------------------
 */

static uint64_t seed = 11;

static uint32_t below(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static size_t fill(engine_t *engine, int64_t *times, size_t cap)
{
    size_t len = below((uint32_t)cap);
    int64_t ts = 1 + (int64_t)below(1000);
    for (size_t i = 0; i < len; i++) {
        char text[64];
        times[i] = ts;
        snprintf(text, sizeof text, "[%lld,%zu]", (long long)ts, i);
        put(engine, text);
        ts += (int64_t)below(5) * 10;
        if (below(30) == 0)
            ts += (int64_t)below(2000000000);
    }
    return len;
}

static void put_naive(buf_t *out, const int64_t *times, size_t from, size_t to)
{
    buf_append_cstr(out, "[[");
    for (size_t i = from; i < to; i++)
        buf_printf(out, "%s{\"ts\":%lld,\"val\":%zu}", i > from ? "," : "", (long long)times[i], i);
    buf_append_cstr(out, "],null]");
}

static void test_newest_against_naive(void **state)
{
    (void)state;
    int64_t times[300];
    for (int round = 0; round < 150; round++) {
        engine_t *engine = engine_open_memory();
        size_t len = fill(engine, times, 300);
        int64_t last = len ? times[len - 1] : 100;
        for (int probe = 0; probe < 6; probe++) {
            int64_t start = 1 + (int64_t)below((uint32_t)(last < 4000000000 ? last : 4000000000));
            int64_t end = start + (int64_t)below(2000000000);
            size_t count = 1 + below(40), from = 0, to = 0;
            bool oldest = below(3) == 0;
            while (from < len && times[from] < start)
                from++;
            for (to = from; to < len && times[to] <= end; to++)
                ;
            if (oldest && to - from > count)
                to = from + count;
            if (to - from > count)
                from = to - count;
            buf_t wanted = {0};
            char options[160];
            put_naive(&wanted, times, from, to);
            snprintf(options, sizeof options, "{\"start\":%lld,\"end\":%lld,\"count\":%zu%s}",
                     (long long)start, (long long)end, count,
                     oldest ? ",\"returnNewestEntries\":false" : "");
            char *text = ask_with(engine, options, 1 + below(50));
            assert_true(str_is(buf_str(&wanted), text));
            free(text);
            buf_fini(&wanted);
        }
        engine_close(&engine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_count_applies_to_the_interval),
        cmocka_unit_test(test_borders_of_onchange),
        cmocka_unit_test(test_nulls_and_round),
        cmocka_unit_test(test_border_looks_no_further_than_the_day),
        cmocka_unit_test(test_nothing_there),
        cmocka_unit_test(test_newest_against_naive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
