/* SPDX-License-Identifier: MIT */
#include "actors/history_import.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bus/json.h"

/* Collects what history.put would get, as JSON. */
static err_t collect(void *arg, str_t rows)
{
    buf_t *out = arg;
    json_from_mp(out, mp_of(rows.p, rows.len), NULL);
    return ERR_OK;
}

static err_t refuse(void *arg, str_t rows)
{
    (void)arg;
    (void)rows;
    return ERR_READ_ONLY;
}

static void test_usage(void **state)
{
    (void)state;
    str_t id;
    buf_t out = {0};
    history_day_t day;
    assert_true(history_file_name(STR_LIT("history.demo.0.power.json"), &id));
    assert_true(str_is(id, "demo.0.power"));
    assert_int_equal(
        history_read_day(STR_LIT("[{\"ts\":1699833600000,\"val\":300,\"ack\":1,\"q\":0},\n"
                                 "{\"ts\":1699834200000,\"val\":null,\"from\":\"x\"}]"),
                         STR_LIT("20231113"), collect, &out, &day),
        ERR_OK);
    assert_int_equal(day.rows, 2);
    assert_int_equal(day.skipped, 0);
    assert_true(str_is(buf_str(&out), "[[1699833600000,300,1,0],"
                                      "[1699834200000,null,null,null,\"x\"]]"));
    buf_fini(&out);
}

static void test_file_names(void **state)
{
    (void)state;
    str_t id;
    assert_false(history_file_name(STR_LIT("history..json"), &id) && id.len == 0);
    assert_false(history_file_name(STR_LIT("history.json"), &id));
    assert_false(history_file_name(STR_LIT("history.a.txt"), &id));
    assert_false(history_file_name(STR_LIT("other.a.json"), &id));
    assert_false(history_file_name(STR_LIT(""), &id));
    buf_t out = {0};
    history_file_put_id(&out, STR_LIT("a.b/c|*,;\"'<>?:\\~\0d"));
    assert_true(str_is(buf_str(&out), "a.b~c~~~~~~~~~~~~~d"));
    buf_fini(&out);
}

static void test_days(void **state)
{
    (void)state;
    int64_t ms;
    assert_true(history_day_begin(STR_LIT("20231113"), &ms));
    assert_int_equal(ms, 1699833600000);
    assert_true(history_day_begin(STR_LIT("20240229"), &ms));
    static const char *const wrong[] = {"",         "2023",     "20230229",  "20231301", "20230010",
                                        "2023111x", "-0231113", "20231113 ", "20231100"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(history_day_begin(str_of(wrong[i]), &ms));
}

/* East of Greenwich a year begins before it does by UTC; such a row is of milliseconds as well. */
static void test_rows_of_other_days(void **state)
{
    (void)state;
    buf_t out = {0};
    history_day_t day;
    assert_int_equal(history_read_day(STR_LIT("[{\"ts\":1704063600000,\"val\":1},"
                                              "{\"ts\":1704067200,\"val\":2},"
                                              "{\"ts\":1699833600000,\"val\":3},"
                                              "{\"ts\":8640000000000000,\"val\":4},"
                                              "{\"ts\":-1,\"val\":5}]"),
                                      STR_LIT("20240101"), collect, &out, &day),
                     ERR_OK);
    assert_int_equal(day.rows, 2);
    assert_int_equal(day.outside, 3);
    assert_int_equal(day.skipped, 0);
    assert_true(str_is(buf_str(&out), "[[1704063600000,1],[1704067200000,2]]"));
    buf_fini(&out);
}

static void test_odd_elements(void **state)
{
    (void)state;
    buf_t out = {0};
    history_day_t day;
    assert_int_equal(history_read_day(STR_LIT("[null,5,{},{\"ts\":\"x\"},{\"ts\":1e300},"
                                              "{\"ts\":1699833600,\"val\":1},[],"
                                              "{\"ts\":1699833600001,\"val\":2}]"),
                                      STR_LIT("20231113"), collect, &out, &day),
                     ERR_OK);
    assert_int_equal(day.rows, 2);
    assert_int_equal(day.skipped, 6);
    assert_true(str_is(buf_str(&out), "[[1699833600000,1],[1699833600001,2]]"));
    buf_fini(&out);
}

static void test_bad_files(void **state)
{
    (void)state;
    buf_t out = {0};
    history_day_t day;
    const str_t folder = STR_LIT("20231113");
    assert_int_equal(history_read_day(STR_LIT(""), folder, collect, &out, &day), ERR_JSON);
    assert_int_equal(history_read_day(STR_LIT("[{\"ts\":1"), folder, collect, &out, &day),
                     ERR_JSON);
    assert_int_equal(history_read_day(STR_LIT("{}"), folder, collect, &out, &day), ERR_BAD_ARGS);
    assert_int_equal(history_read_day(STR_LIT("[]"), folder, collect, &out, &day), ERR_OK);
    assert_int_equal(history_read_day(STR_LIT("[{\"ts\":1699833600000,\"val\":1}]"), STR_LIT("x"),
                                      refuse, &out, &day),
                     ERR_READ_ONLY);
    assert_int_equal(out.len, 0);
    buf_fini(&out);
}

static err_t count(void *arg, str_t rows)
{
    uint32_t *sizes = arg;
    mp_t list = mp_of(rows.p, rows.len);
    uint32_t len;
    assert_true(mp_read_array(&list, &len));
    sizes[sizes[0] + 1] = len;
    sizes[0]++;
    return ERR_OK;
}

static void test_portions(void **state)
{
    (void)state;
    buf_t json = {0};
    uint32_t sizes[5] = {0};
    history_day_t day;
    for (uint32_t i = 0; i < HISTORY_IMPORT_ROWS + 5; i++)
        buf_printf(&json, "%s{\"ts\":%u,\"val\":1}", i ? "," : "[", i);
    buf_append_byte(&json, ']');
    assert_int_equal(history_read_day(buf_str(&json), STR_LIT("19700101"), count, sizes, &day),
                     ERR_OK);
    assert_int_equal(sizes[0], 2);
    assert_int_equal(sizes[1], HISTORY_IMPORT_ROWS);
    assert_int_equal(sizes[2], 5);
    buf_fini(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),        cmocka_unit_test(test_file_names),
        cmocka_unit_test(test_days),         cmocka_unit_test(test_rows_of_other_days),
        cmocka_unit_test(test_odd_elements), cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_portions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
