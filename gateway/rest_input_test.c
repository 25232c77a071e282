/* SPDX-License-Identifier: MIT */
#include "gateway/rest_input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "bus/json.h"

static void decodes_an_id(void **state)
{
    buf_t id = {0};
    (void)state;
    assert_true(rest_decode(&id, STR_LIT("lamp.0.K%C3%BCche%2Fon"), false));
    assert_true(str_is(buf_str(&id), "lamp.0.K\xc3\xbc"
                                     "che/on"));
    buf_fini(&id);
}

static void refuses_what_is_no_id(void **state)
{
    static const char *const texts[] = {"", "%", "a%2", "a%zz", "%00", "a%0Ab", "%ff", "%7f"};
    buf_t id = {0};
    (void)state;
    buf_append_cstr(&id, "kept");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(rest_decode(&id, str_of(texts[i]), false));
    char longer[REST_ID_MAX + 1];
    memset(longer, 'a', sizeof longer);
    assert_false(rest_decode(&id, (str_t){longer, sizeof longer}, false));
    assert_true(str_is(buf_str(&id), "kept"));
    assert_true(rest_decode(&id, (str_t){longer, sizeof longer - 1}, false));
    buf_fini(&id);
}

static void walks_through_parameters(void **state)
{
    str_t query = STR_LIT("a=1&b&&c=%3D=&a=2"), key, value;
    static const char *const expected[][2] = {
        {"a", "1"}, {"b", ""}, {"", ""}, {"c", "%3D="}, {"a", "2"}};
    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_true(rest_param_next(&query, &key, &value));
        assert_true(str_is(key, expected[i][0]) && str_is(value, expected[i][1]));
    }
    assert_false(rest_param_next(&query, &key, &value));
}

static void reads_flags_and_numbers(void **state)
{
    bool flag = false;
    double number = 0;
    (void)state;
    assert_int_equal(rest_param_flag(STR_LIT("ack"), "ack", &flag), REST_PARAM_GIVEN);
    assert_true(flag);
    assert_int_equal(rest_param_flag(STR_LIT("ack=false"), "ack", &flag), REST_PARAM_GIVEN);
    assert_false(flag);
    assert_int_equal(rest_param_flag(STR_LIT("ack=perhaps"), "ack", &flag), REST_PARAM_BAD);
    assert_int_equal(rest_param_flag(STR_LIT("back=1"), "ack", &flag), REST_PARAM_ABSENT);
    assert_int_equal(rest_param_number(STR_LIT("n=-1.5e3"), "n", &number), REST_PARAM_GIVEN);
    assert_true(number == -1500);
    static const char *const bad[] = {"n=", "n=1x", "n=inf", "n=0x10", "n=1e999", "n=+", "n=%"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(rest_param_number(str_of(bad[i]), "n", &number), REST_PARAM_BAD);
}

static void knows_types(void **state)
{
    (void)state;
    assert_int_equal(rest_body_of(STR_LIT("Application/JSON ; charset=utf-8")), REST_BODY_JSON);
    assert_int_equal(rest_body_of(STR_LIT("application/merge+json")), REST_BODY_JSON);
    assert_int_equal(rest_body_of(STR_LIT("text/plain")), REST_BODY_TEXT);
    assert_int_equal(rest_body_of(STR_LIT("application/x-www-form-urlencoded")), REST_BODY_GUESS);
    assert_int_equal(rest_body_of(STR_LIT("")), REST_BODY_GUESS);
    assert_int_equal(rest_body_of(STR_LIT("text/xml")), REST_BODY_UNKNOWN);
}

static void reads_bodies(void **state)
{
    static const struct {
        rest_body_t kind;
        const char *body;
        const char *json; /* NULL: refused */
    } rows[] = {
        {REST_BODY_JSON, " {\"val\":1} ", "{\"val\":1}"},
        {REST_BODY_JSON, "on", NULL},
        {REST_BODY_JSON, "", NULL},
        {REST_BODY_TEXT, "21.5\n", "21.5"},
        {REST_BODY_TEXT, "true", "true"},
        {REST_BODY_TEXT, "null\r\n", "null"},
        {REST_BODY_TEXT, "{\"val\":1}", "\"{\\\"val\\\":1}\""},
        {REST_BODY_TEXT, "two\nlines\n", "\"two\\nlines\""},
        {REST_BODY_TEXT, "1.2.3", "\"1.2.3\""},
        {REST_BODY_TEXT, "", "\"\""},
        {REST_BODY_TEXT, "\xff", NULL},
        {REST_BODY_GUESS, "on", "\"on\""},
        {REST_BODY_GUESS, "{\"val\":1}", "{\"val\":1}"},
        {REST_BODY_GUESS, "\"a", NULL},
        {REST_BODY_GUESS, "-7", "-7"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_t value = {0}, json = {0};
        err_t err = rest_body_value(&value, rows[i].kind, str_of(rows[i].body));
        assert_int_equal(err == ERR_OK, rows[i].json != NULL);
        if (rows[i].json) {
            json_from_mp(&json, mp_of_buf(&value), NULL);
            assert_true(str_is(buf_str(&json), rows[i].json));
        }
        buf_fini(&value);
        buf_fini(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_an_id),
        cmocka_unit_test(refuses_what_is_no_id),
        cmocka_unit_test(walks_through_parameters),
        cmocka_unit_test(reads_flags_and_numbers),
        cmocka_unit_test(knows_types),
        cmocka_unit_test(reads_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
