/* SPDX-License-Identifier: MIT */
#include "actors/history_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "actors/history_store.h"
#include "bus/json.h"

#define NOW 1700000000000
#define WEEK 604800000

static const history_defaults_t command = {AGGREGATE_NONE, WEEK, 2000, 0};
static const history_defaults_t message = {AGGREGATE_AVERAGE, 86400000, 100, 10};

static history_options_t read_with(const history_defaults_t *defaults, const char *json)
{
    buf_t options = {0}, why = {0};
    history_options_t read;
    assert_int_equal(json_to_mp(&options, str_of(json)), ERR_OK);
    assert_true(history_options_read(mp_of_buf(&options), defaults, NOW, &read, &why));
    assert_int_equal(why.len, 0);
    buf_fini(&options);
    return read;
}

static void test_usage(void **state)
{
    (void)state;
    history_options_t options = read_with(
        &command, "{\"start\":1000,\"end\":5000,\"count\":\"300\",\"aggregate\":\"minmax\","
                  "\"ignoreNull\":\"true\",\"ack\":true}");
    assert_int_equal(options.aggregate.kind, AGGREGATE_MINMAX);
    assert_int_equal(options.aggregate.start, 1000);
    assert_int_equal(options.aggregate.end, 5000);
    assert_int_equal(options.aggregate.count, 300);
    assert_int_equal(options.aggregate.nulls, AGGREGATE_NULLS_DROP);
    assert_true(options.ack);
    assert_false(options.q);
    assert_false(options.raw);
}

static void test_defaults(void **state)
{
    (void)state;
    history_options_t options = read_with(&command, "{}");
    assert_int_equal(options.aggregate.kind, AGGREGATE_NONE);
    assert_int_equal(options.aggregate.start, NOW - WEEK);
    assert_int_equal(options.aggregate.end, NOW + 5000000);
    assert_int_equal(options.aggregate.count, 2000);
    assert_true(options.raw);
    options = read_with(&message, "{}");
    assert_int_equal(options.aggregate.kind, AGGREGATE_AVERAGE);
    assert_int_equal(options.aggregate.start, NOW - 86400000);
    assert_int_equal(options.aggregate.count, 500);
    assert_int_equal(options.aggregate.limit, 100);
    assert_true(options.aggregate.round == 10);
    options = read_with(&command, "[]"); /* no map: nothing given */
    assert_int_equal(options.aggregate.count, 2000);
}

static void test_without_start(void **state)
{
    (void)state;
    history_options_t options = read_with(&command, "{\"count\":5,\"aggregate\":\"average\"}");
    assert_false(options.has_start);
    assert_true(options.raw);
    assert_false(options.oldest);
    assert_int_equal(options.aggregate.start, -HISTORY_TS_MAX);
    assert_int_equal(options.count_end, options.aggregate.end);
    options = read_with(&command, "{\"count\":5,\"start\":null,\"end\":1699837200000}");
    assert_int_equal(options.aggregate.end, 1699837200000);
    assert_int_equal(options.count_end, 1699919999999);
}

static void test_odd_values(void **state)
{
    (void)state;
    history_options_t options = read_with(&command, "{\"start\":5000,\"end\":1000}");
    assert_int_equal(options.aggregate.start, 1000);
    assert_int_equal(options.aggregate.end, 5000);
    options =
        read_with(&command, "{\"start\":1,\"count\":-5,\"limit\":\"x\",\"step\":-1,\"round\":-1,"
                            "\"aggregate\":7,\"percentile\":[],\"ignoreNull\":{}}");
    assert_int_equal(options.aggregate.count, 500);
    assert_int_equal(options.aggregate.limit, 2000);
    assert_true(options.aggregate.step == 0);
    assert_true(options.aggregate.round == 0);
    assert_int_equal(options.aggregate.kind, AGGREGATE_UNKNOWN);
    assert_int_equal(options.aggregate.nulls, AGGREGATE_NULLS_KEEP);
    options = read_with(&command, "{\"start\":1,\"count\":1e300,\"end\":8.64e15}");
    assert_int_equal(options.aggregate.count, HISTORY_MAX_ROWS);
    assert_true(options.limited);
    assert_int_equal(options.aggregate.end, HISTORY_TS_MAX);
    options = read_with(&command, "{\"start\":1,\"round\":1e9}");
    assert_true(options.aggregate.round == 1e15);
}

static void test_quantiles(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        double quantile;
    } rows[] = {
        {"{\"aggregate\":\"percentile\"}", 0.5},
        {"{\"aggregate\":\"percentile\",\"percentile\":\"90\"}", 0.9},
        {"{\"aggregate\":\"percentile\",\"percentile\":100}", 1},
        {"{\"aggregate\":\"percentile\",\"percentile\":101}", 0.5},
        {"{\"aggregate\":\"percentile\",\"quantile\":0.9}", 0.5},
        {"{\"aggregate\":\"quantile\",\"quantile\":0.25}", 0.25},
        {"{\"aggregate\":\"quantile\",\"quantile\":\"0.25\"}", 0.25},
        {"{\"aggregate\":\"quantile\",\"quantile\":2}", 0.5},
        {"{\"aggregate\":\"quantile\",\"quantile\":0}", 0.5}, /* as nothing, in the original */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_true(read_with(&command, rows[i].json).aggregate.quantile == rows[i].quantile);
}

static void test_no_dates(void **state)
{
    (void)state;
    static const struct {
        const char *json, *why;
    } rows[] = {
        {"{\"start\":\"never\"}", "Invalid call. Start date \"never\" is not a valid date"},
        {"{\"end\":{\"a\":1}}", "Invalid call. End date {\"a\":1} is not a valid date"},
        {"{\"start\":true}", "Invalid call. Start date true is not a valid date"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_t options = {0}, why = {0};
        history_options_t read;
        assert_int_equal(json_to_mp(&options, str_of(rows[i].json)), ERR_OK);
        assert_false(history_options_read(mp_of_buf(&options), &command, NOW, &read, &why));
        assert_true(str_is(buf_str(&why), rows[i].why));
        buf_fini(&options);
        buf_fini(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),         cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_without_start), cmocka_unit_test(test_odd_values),
        cmocka_unit_test(test_quantiles),     cmocka_unit_test(test_no_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
