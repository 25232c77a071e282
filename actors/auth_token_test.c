/* SPDX-License-Identifier: MIT */
#include "actors/auth_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Made by the original. */
#define SECRET STR_LIT("Zgfr56gFe87jJOM")
#define SID "0123456789abcdefghijklmnopqrstuv"
#define COOKIE "s%3A" SID ".6nXavfXgfluSGHnFc8LzYyf9NmiSQiKxMP1gHpj9Axs"

/* Usage: a session id is made of random bytes, signed for the browser and read back. */
static void test_cookies(void **state)
{
    (void)state;
    static const uint8_t random[AUTH_SID_RANDOM] = {0xff, 0xef, 0xbe, 1, 2, 3};
    buf_t sid = {0}, cookie = {0}, read = {0};
    auth_sid_put(&sid, random);
    assert_int_equal(sid.len, AUTH_SID_LEN);
    assert_int_equal(memcmp(sid.data, "_---", 4), 0);
    auth_cookie_put(&cookie, buf_str(&sid), SECRET);
    assert_int_equal(auth_cookie_read(buf_str(&cookie), SECRET, &read), AUTH_COOKIE_SIGNED);
    assert_true(str_eq(buf_str(&read), buf_str(&sid)));
    buf_fini(&sid);
    buf_fini(&cookie);
    buf_fini(&read);
}

static void test_the_originals_cookie(void **state)
{
    (void)state;
    buf_t cookie = {0}, sid = {0};
    auth_cookie_put(&cookie, STR_LIT(SID), SECRET);
    assert_true(str_is(buf_str(&cookie), COOKIE));
    assert_int_equal(auth_cookie_read(STR_LIT(COOKIE), SECRET, &sid), AUTH_COOKIE_SIGNED);
    assert_true(str_is(buf_str(&sid), SID));
    buf_fini(&cookie);
    buf_fini(&sid);
}

static void check_read(const char *value, auth_cookie_t want)
{
    buf_t sid = {0};
    assert_int_equal(auth_cookie_read(str_of(value), SECRET, &sid), want);
    assert_int_equal(sid.len > 0, want == AUTH_COOKIE_SIGNED);
    buf_fini(&sid);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    check_read("s:" SID ".6nXavfXgfluSGHnFc8LzYyf9NmiSQiKxMP1gHpj9Axs", AUTH_COOKIE_SIGNED);
    check_read("", AUTH_COOKIE_UNSIGNED);
    check_read(SID, AUTH_COOKIE_UNSIGNED);
    check_read(SID ".6nXavfXgfluSGHnFc8LzYyf9NmiSQiKxMP1gHpj9Axs", AUTH_COOKIE_UNSIGNED);
    check_read("s", AUTH_COOKIE_UNSIGNED);
    check_read("s:", AUTH_COOKIE_FORGED);
    check_read("s:.", AUTH_COOKIE_FORGED);
    check_read("s:" SID, AUTH_COOKIE_FORGED);
    check_read("s:" SID ".", AUTH_COOKIE_FORGED);
    check_read("s:" SID ".6nXavfXgfluSGHnFc8LzYyf9NmiSQiKxMP1gHpj9Axt", AUTH_COOKIE_FORGED);
    check_read("s:" SID ".6nXavfXgfluSGHnFc8LzYyf9NmiSQiKxMP1gHpj9Axs=", AUTH_COOKIE_FORGED);
    check_read("s:1" SID ".6nXavfXgfluSGHnFc8LzYyf9NmiSQiKxMP1gHpj9Axs", AUTH_COOKIE_FORGED);
    check_read("s%3", AUTH_COOKIE_UNSIGNED);
    buf_t sid = {0};
    assert_int_equal(auth_cookie_read(STR_LIT(COOKIE), STR_LIT("another"), &sid),
                     AUTH_COOKIE_FORGED);
    assert_int_equal(sid.len, 0);
    char longest[AUTH_TEXT_MAX + 2];
    memset(longest, 'x', sizeof longest - 1);
    memcpy(longest, "s:", 2);
    longest[sizeof longest - 1] = '\0';
    check_read(longest, AUTH_COOKIE_UNSIGNED);
}

static void test_hashes(void **state)
{
    (void)state;
    static const char want[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    buf_t text = {0};
    auth_hash_t hash = auth_hash_of(STR_LIT("abc")), read;
    auth_hash_put(&text, &hash);
    assert_true(str_is(buf_str(&text), want));
    assert_true(auth_hash_read(buf_str(&text), &read));
    assert_true(auth_hash_eq(&hash, &read));
    read.bytes[31] ^= 1;
    assert_false(auth_hash_eq(&hash, &read));
    text.data[5] = 'F';
    assert_false(auth_hash_read(buf_str(&text), &read));
    text.len--;
    assert_false(auth_hash_read(buf_str(&text), &read));
    buf_fini(&text);
}

static void test_tokens(void **state)
{
    (void)state;
    static const uint8_t random[AUTH_TOKEN_RANDOM] = {0xa0, 0x0b};
    buf_t token = {0};
    auth_token_put(&token, random);
    assert_true(str_is(buf_str(&token), "a00b000000000000000000000000000000000000"));
    buf_fini(&token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cookies),         cmocka_unit_test(test_the_originals_cookie),
        cmocka_unit_test(test_what_is_refused), cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
