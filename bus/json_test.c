/* SPDX-License-Identifier: MIT */
#include "bus/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Usage: a call of a client in, a field looked up, the same text out. */
static void goes_in_and_out(void **unused)
{
    (void)unused;
    const char *text = "[\"javascript.0.x\",{\"val\":21.5,\"ack\":true,\"ts\":1700000000000}]";
    buf_t value, json;
    buf_init(&value);
    buf_init(&json);
    assert_int_equal(json_to_mp(&value, str_of(text)), ERR_OK);
    mp_t state;
    double val;
    assert_true(mp_at(mp_of_buf(&value), 1, &state));
    assert_true(mp_find_double(state, "val", &val) && val == 21.5);
    json_from_mp(&json, mp_of_buf(&value), NULL);
    assert_true(str_is(buf_str(&json), text));
    buf_fini(&json);
    buf_fini(&value);
}

typedef struct {
    const char *in;
    const char *out; /* NULL: as it went in */
} row_t;

static void check_round_trip(str_t in, str_t out)
{
    buf_t value, json;
    buf_init(&value);
    buf_init(&json);
    assert_int_equal(json_to_mp(&value, in), ERR_OK);
    assert_int_equal(mp_check(mp_of_buf(&value), true), ERR_OK);
    json_from_mp(&json, mp_of_buf(&value), NULL);
    if (!str_eq(buf_str(&json), out))
        fail_msg("%.*s gave %.*s", STR_ARG(in), STR_ARG(buf_str(&json)));
    buf_fini(&json);
    buf_fini(&value);
}

static void check_rows(const row_t *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_round_trip(str_of(rows[i].in), str_of(rows[i].out ? rows[i].out : rows[i].in));
}

static void numbers_are_javascripts(void **unused)
{
    (void)unused;
    static const row_t rows[] = {
        {"0", NULL},
        {"-0", "0"},
        {"-0.0", "0"},
        {"1.0", "1"},
        {"1e2", "100"},
        {"1E+2", "100"},
        {"0.1", NULL},
        {"-0.5", NULL},
        {"0.30000000000000004", NULL},
        {"9007199254740991", NULL},
        {"-9007199254740992", NULL},
        {"9007199254740993", "9007199254740992"},
        {"18446744073709551615", "18446744073709552000"},
        {"123456789012345678901234567890", "1.2345678901234568e+29"},
        {"1e20", "100000000000000000000"},
        {"1e21", "1e+21"},
        {"0.000001", NULL},
        {"0.0000001", "1e-7"},
        {"1.5e-7", NULL},
        {"1e999", "null"},
        {"-1e999", "null"},
        {"1e-999", "0"},
        {"5e-324", NULL},
        {"1.7976931348623157e+308", NULL},
        {"5.684341886080802e-14", NULL}, /* 2^-44 */
        {"4.35", NULL},
        {"1700000000000.5", NULL},
        {"999999999999999", NULL},
        {"0.00001", NULL},
    };
    check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void numbers_are_canonical(void **unused)
{
    (void)unused;
    buf_t value;
    buf_init(&value);
    assert_int_equal(json_to_mp(&value, STR_LIT("[1.0,1e1,2147483648,9007199254740994,0.5]")),
                     ERR_OK);
    static const mp_type_t types[] = {MP_INT, MP_INT, MP_INT, MP_DOUBLE, MP_DOUBLE};
    for (uint32_t i = 0; i < 5; i++) {
        mp_t element;
        assert_true(mp_at(mp_of_buf(&value), i, &element));
        assert_int_equal(mp_type(element), types[i]);
    }
    buf_fini(&value);
}

static void texts_are_javascripts(void **unused)
{
    (void)unused;
    static const row_t rows[] = {
        {"\"\"", NULL},
        {"\"\\u0000a\\u001f\"", NULL},
        {"\"\\b\\f\\n\\r\\t\\\"\\\\\"", NULL},
        {"\"\\u0008\\/\\u0041\"", "\"\\b/A\""},
        {"\"\x7f\xc2\x80 Gr\xc3\xbc\xc3\x9f"
         "e \xe2\x82\xac\"",
         NULL},
        {"\"\\ud83c\\udfe0\"", "\"\xf0\x9f\x8f\xa0\""},
        {"\"\\u2028\xe2\x80\xa9\"", "\"\xe2\x80\xa8\xe2\x80\xa9\""},
        {"\"\\uD800\"", "\"\\ud800\""},
        {"\"\\ud800\\u0041b\"", "\"\\ud800Ab\""},
        {"\"\\udc00\\ud800\"", NULL},
        {"\"x\\ud800\\ud83c\\udfe0\\udfffy\"", "\"x\\ud800\xf0\x9f\x8f\xa0\\udfffy\""},
        {"\"\\\\ud800\"", NULL},
        {"{\"\\udead\":\"__proto__\"}", NULL},
    };
    check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void structure_is_kept(void **unused)
{
    (void)unused;
    static const row_t rows[] = {
        {" \t\r\n[ ] ", "[]"},
        {"{}", NULL},
        {"[[],{},[{}],null,true,false]", NULL},
        {"{ \"a\" : [ 1 , { \"b\" : null } ] }", "{\"a\":[1,{\"b\":null}]}"},
        {"{\"a\":1,\"a\":2}", NULL},
        {"null", NULL},
        {"[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]", NULL},
    };
    check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void refuses_what_javascript_refuses(void **unused)
{
    (void)unused;
    static const struct {
        str_t text;
        err_t err;
    } rows[] = {
        {STR_LIT(""), ERR_JSON},
        {STR_LIT("  "), ERR_JSON},
        {STR_LIT("[1"), ERR_JSON},
        {STR_LIT("{\"a\""), ERR_JSON},
        {STR_LIT("{a:1}"), ERR_JSON},
        {STR_LIT("[1,]"), ERR_JSON},
        {STR_LIT("[01]"), ERR_JSON},
        {STR_LIT("+1"), ERR_JSON},
        {STR_LIT(".5"), ERR_JSON},
        {STR_LIT("1."), ERR_JSON},
        {STR_LIT("-"), ERR_JSON},
        {STR_LIT("1 2"), ERR_JSON},
        {STR_LIT("[]]"), ERR_JSON},
        {STR_LIT("1\"x"), ERR_JSON},
        {STR_LIT("[]\"x"), ERR_JSON},
        {STR_LIT("'a'"), ERR_JSON},
        {STR_LIT("\"\n\""), ERR_JSON},
        {STR_LIT("\"\\x\""), ERR_JSON},
        {STR_LIT("\"\\u12\""), ERR_JSON},
        {STR_LIT("[1]\v"), ERR_JSON},
        {STR_LIT("[1\f]"), ERR_JSON},
        {STR_LIT("/**/1"), ERR_JSON},
        {STR_LIT("1\0"), ERR_JSON},
        {STR_LIT("undefined"), ERR_JSON},
        {STR_LIT("NaN"), ERR_JSON},
        {STR_LIT("\xef\xbb\xbf"
                 "1"),
         ERR_JSON},
        {STR_LIT("\"\xc3(\""), ERR_UTF8},
        {STR_LIT("\"\xed\xa0\x80\""), ERR_UTF8},
        {STR_LIT("\"\xc0\x80\""), ERR_UTF8},
        {STR_LIT("\"\xf4\x90\x80\x80\""), ERR_UTF8},
        {STR_LIT("\"\xe2\x82"), ERR_UTF8},
    };
    buf_t out;
    buf_init(&out);
    buf_append_cstr(&out, "kept");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (json_to_mp(&out, rows[i].text) != rows[i].err)
            fail_msg("%.*s", STR_ARG(rows[i].text));
        assert_true(str_is(buf_str(&out), "kept"));
    }
    buf_fini(&out);
}

static void bounds_depth(void **unused)
{
    (void)unused;
    static char text[100000];
    buf_t out;
    buf_init(&out);
    memset(text, '[', sizeof text);
    assert_int_equal(json_to_mp(&out, (str_t){text, sizeof text}), ERR_TOO_DEEP);
    assert_int_equal(out.len, 0);
    memset(text + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
    check_round_trip((str_t){text, 2 * JSON_MAX_DEPTH}, (str_t){text, 2 * JSON_MAX_DEPTH});
    text[JSON_MAX_DEPTH] = '[';
    assert_int_equal(json_to_mp(&out, (str_t){text, 2 * JSON_MAX_DEPTH}), ERR_TOO_DEEP);
    buf_fini(&out);
}

/* Texts that yajl needs much memory for. */
static void takes_long_texts(void **unused)
{
    (void)unused;
    size_t len = 300000;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, 'x', len);
    text[0] = text[len - 1] = '"';
    memcpy(text + 1, "\\n", 2);
    memcpy(text + len - 3, "\\t", 2);
    check_round_trip((str_t){text, len}, (str_t){text, len});
    buf_t out;
    buf_init(&out);
    assert_int_equal(json_to_mp(&out, (str_t){text, len - 1}), ERR_JSON);
    memset(text, '7', len);
    check_round_trip((str_t){text, len}, STR_LIT("null"));
    text[1] = '.';
    check_round_trip((str_t){text, len}, STR_LIT("7.777777777777778"));
    buf_fini(&out);
    free(text);
}

static void attachments_replace_placeholders(void **unused)
{
    (void)unused;
    const str_t bytes[] = {STR_LIT("\1\0\2"), STR_LIT("")};
    buf_t out, json;
    buf_init(&out);
    buf_init(&json);
    str_t text =
        STR_LIT("[\"a\",{\"_placeholder\":true,\"num\":0},{\"num\":1,\"_placeholder\":true},"
                "{\"_placeholder\":false,\"num\":0},{\"_placeholder\":true,\"num\":0,\"x\":1}]");
    assert_int_equal(json_to_mp_attached(&out, text, bytes, 2), ERR_OK);
    mp_t element;
    str_t got = {0};
    assert_true(mp_at(mp_of_buf(&out), 1, &element) && mp_read_bin(&element, &got));
    assert_true(str_eq(got, bytes[0]));
    assert_true(mp_at(mp_of_buf(&out), 3, &element) && mp_type(element) == MP_MAP);
    assert_true(mp_at(mp_of_buf(&out), 4, &element) && mp_type(element) == MP_MAP);

    str_t found[1];
    json_bins_t bins = {JSON_BIN_PLACEHOLDER, found, 1, 0};
    json_from_mp(&json, mp_of_buf(&out), &bins);
    assert_true(str_eq(buf_str(&json), (str_t){"[\"a\",{\"_placeholder\":true,\"num\":0},"
                                               "{\"_placeholder\":true,\"num\":1},"
                                               "{\"_placeholder\":false,\"num\":0},"
                                               "{\"_placeholder\":true,\"num\":0,\"x\":1}]",
                                               text.len}));
    assert_int_equal(bins.bins_len, 2);
    assert_true(str_eq(found[0], bytes[0]));
    buf_reset(&json);
    assert_true(mp_at(mp_of_buf(&out), 1, &element));
    json_from_mp(&json, element, NULL);
    assert_true(str_is(buf_str(&json), "{\"type\":\"Buffer\",\"data\":[1,0,2]}"));
    buf_fini(&json);
    buf_fini(&out);
}

static void bad_placeholders_are_refused(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        "{\"_placeholder\":true,\"num\":1}",
        "{\"_placeholder\":true,\"num\":-1}",
        "{\"_placeholder\":true,\"num\":0.5}",
        "{\"_placeholder\":true,\"num\":1e999}",
        /* would make more of the bytes than have been sent */
        "[{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":0}]",
    };
    const str_t bytes[] = {STR_LIT("abc")};
    buf_t out;
    buf_init(&out);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(json_to_mp_attached(&out, str_of(texts[i]), bytes, 1), ERR_JSON);
    assert_int_equal(json_to_mp(&out, str_of(texts[0])), ERR_OK);
    buf_fini(&out);
}

/* Values that did not come from JSON: wide integers, keys of other types, broken data. */
static void writes_any_msgpack(void **unused)
{
    (void)unused;
    static const struct {
        str_t mp;
        const char *json;
    } rows[] = {
        {STR_LIT("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "18446744073709551615"},
        {STR_LIT("\xd3\x80\0\0\0\0\0\0\0"), "-9223372036854775808"},
        {STR_LIT("\xca\x3f\x80\0\0"), "1"},
        {STR_LIT("\xcb\x7f\xf8\0\0\0\0\0\0"), "null"},
        {STR_LIT("\x81\x07\xff"), "{\"7\":-1}"},
        {STR_LIT("\xa4"
                 "a\xff\xe2z"),
         "\"a\xef\xbf\xbd\xef\xbf\xbdz\""},
        {STR_LIT(""), "null"},
        {STR_LIT("\x92\x01"), "[1,null]"},
        {STR_LIT("\x93\x01\xc1\x02"), "[1,null]"},
        {STR_LIT("\x81\xa1"
                 "a"),
         "{\"a\":null}"},
        {STR_LIT("\x81\xc0\x01"), "{\"\":null}"},
        {STR_LIT("\x82\xa1"
                 "a\x91\xa5"
                 "b"),
         "{\"a\":[null]}"},
        {STR_LIT("\xdd\xff\xff\xff\xff"), "[null]"},
    };
    buf_t json;
    buf_init(&json);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_reset(&json);
        json_from_mp(&json, mp_of(rows[i].mp.p, rows[i].mp.len), NULL);
        if (!str_is(buf_str(&json), rows[i].json))
            fail_msg("row %zu gave %.*s", i, STR_ARG(buf_str(&json)));
    }
    uint8_t deep[MP_MAX_DEPTH + 20];
    memset(deep, 0x91, sizeof deep);
    buf_reset(&json);
    json_from_mp(&json, mp_of(deep, sizeof deep), NULL);
    assert_int_equal(json.len, 2 * MP_MAX_DEPTH + 4);
    buf_fini(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_in_and_out),
        cmocka_unit_test(numbers_are_javascripts),
        cmocka_unit_test(numbers_are_canonical),
        cmocka_unit_test(texts_are_javascripts),
        cmocka_unit_test(structure_is_kept),
        cmocka_unit_test(refuses_what_javascript_refuses),
        cmocka_unit_test(bounds_depth),
        cmocka_unit_test(takes_long_texts),
        cmocka_unit_test(attachments_replace_placeholders),
        cmocka_unit_test(bad_placeholders_are_refused),
        cmocka_unit_test(writes_any_msgpack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
