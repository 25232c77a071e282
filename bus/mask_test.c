/* SPDX-License-Identifier: MIT */
#include "bus/mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/json.h"

static void check(const char *json, const char *expected)
{
    buf_t value = {0}, shown = {0}, text = {0};
    assert_int_equal(json_to_mp(&value, str_of(json)), ERR_OK);
    mask_put(&shown, mp_of_buf(&value));
    assert_int_equal(mp_check(mp_of_buf(&shown), true), ERR_OK);
    json_from_mp(&text, mp_of_buf(&shown), NULL);
    buf_append_byte(&text, 0);
    assert_string_equal((const char *)text.data, expected);
    buf_fini(&value);
    buf_fini(&shown);
    buf_fini(&text);
}

static void test_usage(void **state)
{
    (void)state;
    check("[\"system.user.anna\",{\"common\":{\"name\":\"Anna\",\"password\":\"x\"}}]",
          "[\"system.user.anna\",{\"common\":{\"name\":\"Anna\",\"password\":\"…\"}}]");
}

static void test_what_is_no_secret_stays(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "null",
        "[]",
        "{}",
        "42.5",
        "\"password\"",
        "[\"getState\",\"password\"]",
        "{\"password\":true,\"token\":null,\"secret\":\"\"}",
        "{\"val\":1,\"passwords\":1,\"tokenCount\":2,\"key\":\"k\"}",
        "\"https://unpkg.com/@scope/name?a=b&c=d#e\"",
        "\"http://house:8084/@x?a=1\"",
        "\"http://[::1]:80/@x\"",
        "\"a=b&password=c\"",
        "\"://\"",
        "{\"native\":5,\"protectedNative\":[\"a\"],\"a\":1}",
        "{\"native\":{\"a\":1},\"protectedNative\":\"a\"}",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(rows[i], rows[i]);
}

static void test_names(void **state)
{
    (void)state;
    check("{\"PassWord\":\"a\",\"access_token\":\"b\",\"api-key\":7,\"secret\":{\"x\":\"y\"}}",
          "{\"PassWord\":\"…\",\"access_token\":\"…\",\"api-key\":\"…\",\"secret\":\"…\"}");
    check("[[{\"a\":[{\"Authorization\":[1]}]}]]", "[[{\"a\":[{\"Authorization\":\"…\"}]}]]");
}

static void test_protected_attributes(void **state)
{
    (void)state;
    check("{\"native\":{\"a\":\"x\",\"b\":\"y\",\"c\":{\"a\":1}},\"protectedNative\":[\"a\",1],"
          "\"encryptedNative\":[\"b\"]}",
          "{\"native\":{\"a\":\"…\",\"b\":\"…\",\"c\":{\"a\":1}},\"protectedNative\":[\"a\",1],"
          "\"encryptedNative\":[\"b\"]}");
}

static void test_texts(void **state)
{
    (void)state;
    check("[\"-----BEGIN PRIVATE KEY-----\\nabc\",\"x -----BEGIN RSA PRIVATE KEY-----\"]",
          "[\"…\",\"…\"]");
    check("\"pbkdf2$10000$ab$cd\"", "\"…\"");
}

static void test_urls(void **state)
{
    (void)state;
    check("\"http://me:word@host:80/a?b\"", "\"http://…@host:80/a?b\"");
    check("\"http://me@host\"", "\"http://…@host\"");
    check("\"http://me:w@rd@host\"", "\"http://…@host\"");
    check("\"http://me:wo/rd@host/\"", "\"http://…@host/\"");
    check("\"http://h/?user=me&password=x+y&z=1#t\"", "\"http://h/?user=me&password=…&z=1#t\"");
    check("\"http://h/#access_token=x\"", "\"http://h/#access_token=…\"");
    check("\"see http://a:b@h/?pass=x and http://c:d@i/\"",
          "\"see http://…@h/?pass=… and http://…@i/\"");
}

static void test_depth(void **state)
{
    (void)state;
    buf_t value = {0}, shown = {0};
    for (int i = 0; i < MP_MAX_DEPTH - 1; i++)
        mp_put_array(&value, 1);
    mp_put_int(&value, 1);
    mask_put(&shown, mp_of_buf(&value));
    assert_true(str_eq(buf_str(&value), buf_str(&shown)));
    buf_fini(&value);
    buf_fini(&shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage), cmocka_unit_test(test_what_is_no_secret_stays),
        cmocka_unit_test(test_names), cmocka_unit_test(test_protected_attributes),
        cmocka_unit_test(test_texts), cmocka_unit_test(test_urls),
        cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
