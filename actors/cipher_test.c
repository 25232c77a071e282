/* SPDX-License-Identifier: MIT */
#include "actors/cipher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define KEY STR_LIT("0123456789abcdef0123456789abcdef0123456789abcdef")
static const uint8_t iv[CIPHER_IV_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static void assert_text(buf_t *buf, const char *expected)
{
    buf_append_byte(buf, 0);
    assert_string_equal((const char *)buf->data, expected);
    buf_fini(buf);
}

static void test_usage(void **state)
{
    (void)state;
    buf_t made = {0}, back = {0};
    assert_int_equal(cipher_encrypt(&made, KEY, STR_LIT("secret"), iv), ERR_OK);
    assert_int_equal(cipher_decrypt(&back, KEY, buf_str(&made)), ERR_OK);
    assert_text(&back, "secret");
    /* What node's crypto makes of the same key, vector and text. */
    assert_text(&made, "$/aes-192-cbc:0102030405060708090a0b0c0d0e0f10:"
                       "30924f1d654063027452906d8f07a366");
}

/* With an old secret: XOR of UTF-16 units, its own inverse. */
static void test_old_secrets(void **state)
{
    static const char *const texts[] = {"secret",
                                        "",
                                        "\xc3\xa4",
                                        "\xf0\x9f\x98\x80 x",
                                        "\xe4\xb8\xad\xe6\x96\x87",
                                        "a longer text than the key"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        buf_t made = {0}, back = {0};
        str_t key = STR_LIT("Zgfr56gFe87jJOM");
        assert_int_equal(cipher_encrypt(&made, key, str_of(texts[i]), iv), ERR_OK);
        assert_int_equal(cipher_decrypt(&back, key, buf_str(&made)), ERR_OK);
        assert_text(&back, texts[i]);
        buf_fini(&made);
    }
    buf_t made = {0};
    assert_int_equal(cipher_encrypt(&made, STR_LIT("ab"), STR_LIT("AB"), iv), ERR_OK);
    assert_text(&made, "  ");
}

static void test_refused(void **state)
{
    static const char *const texts[] = {
        "$/aes-192-cbc:",
        "$/aes-192-cbc:00:11",
        "$/aes-192-cbc:0102030405060708090a0b0c0d0e0f10:",
        "$/aes-192-cbc:0102030405060708090a0b0c0d0e0f10:00",
        "$/aes-192-cbc:0102030405060708090a0b0c0d0e0f10:zz",
        "$/aes-192-cbc:0102030405060708090a0b0c0d0e0f10:00112233445566778899aabbccddeeff",
    };
    (void)state;
    buf_t out = {0};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(cipher_decrypt(&out, KEY, str_of(texts[i])), ERR_DAMAGED);
    assert_int_equal(cipher_decrypt(&out, STR_LIT("short"), str_of(texts[3])), ERR_DAMAGED);
    assert_int_equal(cipher_decrypt(&out, STR_LIT(""), STR_LIT("x")), ERR_BAD_ARGS);
    assert_int_equal(cipher_encrypt(&out, STR_LIT(""), STR_LIT("x"), iv), ERR_BAD_ARGS);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_old_secrets),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
