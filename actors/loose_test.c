/* SPDX-License-Identifier: MIT */
#include "actors/loose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "bus/json.h"

static mp_t value_of(buf_t *buf, const char *json)
{
    buf_reset(buf);
    assert_int_equal(json_to_mp(buf, str_of(json)), ERR_OK);
    return mp_of_buf(buf);
}

static void test_usage(void **state)
{
    (void)state;
    buf_t buf = {0};
    int64_t count;
    mp_t options = value_of(&buf, "{\"count\":\"300\",\"ack\":1}");
    assert_true(loose_int(loose_get(options, "count"), &count));
    assert_int_equal(count, 300);
    assert_true(loose_true(loose_get(options, "ack")));
    assert_false(loose_true(loose_get(options, "from")));
    buf_fini(&buf);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool is_number;
        double number;
    } rows[] = {
        {"5", true, 5},         {"\"5\"", true, 5},       {"\" 12 kg\"", true, 12},
        {"\"1.5\"", true, 1.5}, {"\"-3e2\"", true, -300}, {"3.9", true, 3.9},
        {"\"\"", false, 0},     {"\"kg 1\"", false, 0},   {"null", false, 0},
        {"true", false, 0},     {"[]", false, 0},         {"{}", false, 0},
        {"\"0x10\"", true, 0},  {"\"inf\"", false, 0},    {"\"1e999\"", false, 0},
        {"\"-\"", false, 0},    {"\".\"", false, 0},      {"\"1.2.3\"", true, 1.2},
    };
    buf_t buf = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double number = 0;
        int64_t whole = 0;
        mp_t value = value_of(&buf, rows[i].json);
        assert_int_equal(loose_double(value, &number), rows[i].is_number);
        assert_int_equal(loose_int(value, &whole), rows[i].is_number);
        if (rows[i].is_number) {
            assert_true(number == rows[i].number);
            assert_int_equal(whole, (int64_t)rows[i].number);
        }
    }
    int64_t whole;
    assert_true(loose_int(value_of(&buf, "1e300"), &whole));
    assert_int_equal(whole, INT64_C(9007199254740992));
    buf_fini(&buf);
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int64_t ms; /* -1: no time */
    } rows[] = {
        {"1699833600000", 1699833600000},
        {"\"2023-11-13\"", 1699833600000},
        {"\"2023-11-13T00:00:00.000Z\"", 1699833600000},
        {"\"2023-11-13T01:00:00+01:00\"", 1699833600000},
        {"\"2023-11-12T19:30:00-0430\"", 1699833600000},
        {"\"2023-11-13 00:30\"", 1699835400000},
        {"\"2023-11-13T00:00:00.123Z\"", 1699833600123},
        {"\"2023\"", 1672531200000},
        {"\"1699833600000\"", 1699833600000},
        {"\"garbage\"", -1},
        {"\"2023-13-01\"", -1},
        {"\"2023-11-13T00:00:00.000Z tail\"", -1},
        {"\"2023-11-13T\"", -1},
        {"{}", -1},
        {"[]", -1},
        {"true", -1},
        {"1e300", -1},
        {"\"\"", -1},
    };
    buf_t buf = {0};
    setenv("TZ", "UTC", 1);
    tzset();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = -1;
        bool is_time = loose_time(value_of(&buf, rows[i].json), &ms);
        assert_int_equal(is_time, rows[i].ms != -1);
        if (is_time)
            assert_int_equal(ms, rows[i].ms);
    }
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
