/* SPDX-License-Identifier: MIT */
#include "actors/alias.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "bus/json.h"
#include "bus/log.h"

static void to_mp(buf_t *out, const char *json)
{
    buf_reset(out);
    assert_int_equal(json_to_mp(out, str_of(json)), ERR_OK);
}

typedef struct {
    const char *alias;  /* common of the alias; "alias" is added */
    const char *ways;   /* read and write of common.alias */
    const char *other;  /* common of the object at the other end; NULL: does not exist */
    const char *val;    /* NULL: the state has none */
    const char *result; /* NULL: no value can be given */
} row_t;

static void convert(formulas_t *formulas, const row_t *row, bool reads)
{
    char text[1024];
    buf_t object = {0}, behind = {0}, val = {0}, out = {0}, json = {0};
    alias_common_t own, other;
    snprintf(text, sizeof text, "{\"type\":\"state\",\"common\":{%s\"alias\":{%s\"id\":\"x\"}}}",
             row->alias, row->ways);
    to_mp(&object, text);
    alias_common_read(&own, mp_of_buf(&object));
    if (row->other) {
        snprintf(text, sizeof text, "{\"type\":\"state\",\"common\":{%s}}", row->other);
        to_mp(&behind, text);
    }
    alias_common_read(&other, mp_of_buf(&behind));
    if (row->val)
        to_mp(&val, row->val);
    alias_t *alias = alias_new(formulas, STR_LIT("alias.a"), mp_of_buf(&object));
    assert_non_null(alias);
    bool ok = (reads ? alias_read : alias_write)(alias, &own, &other, mp_of_buf(&val), &out);
    if (ok)
        json_from_mp(&json, mp_of_buf(&out), NULL);
    if (ok != (row->result != NULL) || (ok && !str_is(buf_str(&json), row->result)))
        fail_msg("%s of %s gives %.*s, not %s", reads ? "read" : "write",
                 row->val ? row->val : "nothing", STR_ARG(buf_str(&json)), row->result);
    alias_destroy(&alias);
    buf_t *const buffers[] = {&object, &behind, &val, &out, &json};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        buf_fini(buffers[i]);
}

#define NUMBER "\"type\":\"number\""
#define STRING "\"type\":\"string\""
#define BOOLEAN "\"type\":\"boolean\""
#define PERCENT NUMBER ",\"unit\":\"%\""
#define BYTE NUMBER ",\"min\":0,\"max\":255"

static void example(void **state)
{
    (void)state;
    static const row_t celsius = {NUMBER ",", "\"read\":\"val * 9 / 5 + 32\",", NUMBER, "25", "77"};
    formulas_t *formulas = formulas_new();
    convert(formulas, &celsius, true);
    formulas_destroy(&formulas);
}

static void reading(void **state)
{
    static const row_t rows[] = {
        {"", "", "", NULL, "null"},
        {NUMBER ",", "", "", "null", "null"},
        {NUMBER ",", "", STRING, "\"12.5 kWh\"", "12.5"},
        {NUMBER ",", "", STRING, "\"warm\"", "null"},
        {NUMBER ",", "", BOOLEAN, "true", "true"},
        {BOOLEAN ",", "", STRING, "\"OFF\"", "false"},
        {BOOLEAN ",", "", STRING, "\"aus\"", "false"},
        {BOOLEAN ",", "", STRING, "\"0\"", "false"},
        {BOOLEAN ",", "", STRING, "\"\"", "false"},
        {BOOLEAN ",", "", STRING, "\"false\"", "true"},
        {BOOLEAN ",", "", NUMBER, "0", "false"},
        {BOOLEAN ",", "", NUMBER, "0.5", "true"},
        {BOOLEAN ",", "", "", "[]", "true"},
        {STRING ",", "", NUMBER, "7", "\"7\""},
        {STRING ",", "", NUMBER, "-0.1", "\"-0.1\""},
        {STRING ",", "", BOOLEAN, "true", "\"true\""},
        {STRING ",", "", "", "[1,[\"a\",null],{}]", "\"1,a,,[object Object]\""},
        {STRING ",", "", "", "{}", "\"[object Object]\""},
        {"", "", NUMBER, "{\"a\":1}", "{\"a\":1}"},
        {"\"type\":\"mixed\",", "", NUMBER, "1", "1"},
        {NUMBER ",", "", NULL, "\"5\"", "5"},
        /* scaling */
        {PERCENT ",", "", BYTE, "51", "20"},
        {BYTE ",", "", PERCENT, "20", "51"},
        {PERCENT ",", "", BYTE ",\"unit\":\"%\"", "51", "51"},
        {PERCENT ",", "", NUMBER ",\"min\":0", "51", "51"},
        {PERCENT ",", "", "\"min\":0,\"max\":255", "51", "51"},
        {PERCENT ",", "", NUMBER ",\"min\":5,\"max\":5", "5", "null"},
        {PERCENT ",", "", BYTE, "null", "null"},
        {PERCENT ",", "\"read\":\"val\",", BYTE, "51", "51"},
        {PERCENT ",", "\"write\":\"val\",", BYTE, "51", "20"},
        /* formulas */
        {STRING ",", "\"read\":\"val + 1\",", NUMBER, "1", "\"2\""},
        {"", "\"read\":\"[type, sType, sMin, sMax]\",", BYTE, "1", "[null,\"number\",0,255]"},
        {NUMBER ",", "\"read\":\"val + 1\",", NULL, "1", NULL},
        {NUMBER ",", "\"read\":\"val.x.y\",", NUMBER, "1", NULL},
        {NUMBER ",", "\"read\":\"while (1);\",", NUMBER, "1", NULL},
        {NUMBER ",", "\"read\":5,", NUMBER, "1", "1"},
        {NUMBER ",", "\"read\":\"\",", NUMBER, "1", "1"},
        {"", "\"read\":\"undefined\",", NUMBER, "1", "null"},
    };
    (void)state;
    log_set_level(LEVEL_ERROR);
    formulas_t *formulas = formulas_new();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        convert(formulas, &rows[i], true);
    formulas_destroy(&formulas);
}

static void writing(void **state)
{
    static const row_t rows[] = {
        {NUMBER ",", "", STRING, "7", "\"7\""},
        {NUMBER ",", "", NULL, "7", "7"},
        {PERCENT ",", "", BYTE, "100", "255"},
        {BYTE ",", "", PERCENT, "51", "20"},
        {PERCENT ",", "\"write\":\"val / 2\",", BYTE, "100", "50"},
        {PERCENT ",", "\"read\":\"val / 2\",", BYTE, "100", "255"},
        {BOOLEAN ",", "\"write\":\"val ? 100 : 0\",", NUMBER, "true", "100"},
        {BOOLEAN ",", "\"write\":\"[type, tType, tMax]\",", BYTE, "true",
         "[\"boolean\",\"number\",255]"},
        {NUMBER ",", "\"write\":\"val.x.y\",", NUMBER, "1", NULL},
        {NUMBER ",", "\"write\":\"val\",", NULL, "1", NULL},
        {NUMBER ",", "", NUMBER, NULL, "null"},
    };
    (void)state;
    log_set_level(LEVEL_ERROR);
    formulas_t *formulas = formulas_new();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        convert(formulas, &rows[i], false);
    formulas_destroy(&formulas);
}

static void targets(void **state)
{
    static const struct {
        const char *alias, *source, *target; /* source NULL: no alias at all */
    } rows[] = {
        {"{\"id\":\"a.b\"}", "a.b", "\"a.b\""},
        {"{\"id\":{\"read\":\"r\",\"write\":\"w\"}}", "r", "\"w\""},
        {"{\"id\":{\"read\":\"r\"}}", "r", "{\"read\":\"r\"}"},
        {"{\"id\":{\"write\":\"w\"}}", "", "\"w\""},
        {"{\"id\":{\"read\":5,\"write\":5}}", "", "{\"read\":5,\"write\":5}"},
        {"{\"id\":\"alias.0.x\"}", "", "\"alias.0.x\""},
        {"{\"id\":\"\"}", NULL, NULL},
        {"{\"id\":5}", NULL, NULL},
        {"{\"id\":null}", NULL, NULL},
        {"{}", NULL, NULL},
        {"[]", NULL, NULL},
        {"7", NULL, NULL},
    };
    (void)state;
    formulas_t *formulas = formulas_new();
    buf_t object = {0}, json = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"common\":{\"alias\":%s}}", rows[i].alias);
        to_mp(&object, text);
        alias_t *alias = alias_new(formulas, STR_LIT("alias.a"), mp_of_buf(&object));
        assert_int_equal(alias != NULL, rows[i].source != NULL);
        if (alias) {
            assert_true(str_is(alias_source(alias), rows[i].source));
            buf_reset(&json);
            json_from_mp(&json, alias_target(alias), NULL);
            assert_true(str_is(buf_str(&json), rows[i].target));
        }
        alias_destroy(&alias);
    }
    buf_fini(&object);
    buf_fini(&json);
    formulas_destroy(&formulas);
}

static void numbers_in_texts(void **state)
{
    static const struct {
        const char *text;
        double number;
    } rows[] = {{"12", 12},
                {" \t\n-1.5x", -1.5},
                {"+.5", 0.5},
                {"5.", 5},
                {"1e3", 1000},
                {"1e", 1},
                {"1e+", 1},
                {"0x10", 0},
                {"-Infinity", -INFINITY},
                {"Infinity", INFINITY},
                {"1.2.3", 1.2},
                {"007", 7}};
    static const char *const none[] = {"", " ", "x", "-", ".", "e5", "nan", "inf", "+-1"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_true(alias_parse_float(str_of(rows[i].text)) == rows[i].number);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_true(isnan(alias_parse_float(str_of(none[i]))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example), cmocka_unit_test(reading),          cmocka_unit_test(writing),
        cmocka_unit_test(targets), cmocka_unit_test(numbers_in_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
