/* SPDX-License-Identifier: MIT */
#include "actors/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void usage(void **unused)
{
    (void)unused;
    buf_t text = {0}, bytes = {0};
    base64_encode(&text, STR_LIT("hello"));
    assert_true(str_is(buf_str(&text), "aGVsbG8="));
    base64_decode(&bytes, buf_str(&text));
    assert_true(str_is(buf_str(&bytes), "hello"));
    buf_fini(&text);
    buf_fini(&bytes);
}

static void every_length_goes_round(void **unused)
{
    (void)unused;
    char sample[256];
    for (size_t i = 0; i < sizeof sample; i++)
        sample[i] = (char)(i * 7 + 3);
    for (size_t len = 0; len <= sizeof sample; len++) {
        buf_t text = {0}, bytes = {0};
        base64_encode(&text, (str_t){sample, len});
        assert_int_equal(text.len, (len + 2) / 3 * 4);
        base64_decode(&bytes, buf_str(&text));
        assert_true(str_eq(buf_str(&bytes), (str_t){sample, len}));
        buf_fini(&text);
        buf_fini(&bytes);
    }
}

/* The right column is what node 20 answers. */
static void decodes_as_node_does(void **unused)
{
    (void)unused;
    static const struct {
        str_t text;
        str_t bytes;
    } rows[] = {
        {STR_LIT("YQ==YQ=="), STR_LIT("a")},
        {STR_LIT("=YQ=="), STR_LIT("")},
        {STR_LIT("YQ=Q"), STR_LIT("a")},
        {STR_LIT("Y"), STR_LIT("")},
        {STR_LIT("YQ"), STR_LIT("a")},
        {STR_LIT("YWI"), STR_LIT("ab")},
        {STR_LIT("YWJjZ"), STR_LIT("abc")},
        {STR_LIT("a-_b"), STR_LIT("\x6b\xef\xdb")},
        {STR_LIT("a+/b"), STR_LIT("\x6b\xef\xdb")},
        {STR_LIT("a b\nc d"), STR_LIT("\x69\xb7\x1d")},
        {STR_LIT("\xc3\xbc YWJj"), STR_LIT("abc")},
        {STR_LIT("YW\0Jj"), STR_LIT("abc")},
        {STR_LIT("YWJj====YWJj"), STR_LIT("abc")},
        {STR_LIT("  "), STR_LIT("")},
        {STR_LIT(""), STR_LIT("")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_t bytes = {0};
        base64_decode(&bytes, rows[i].text);
        assert_true(str_eq(buf_str(&bytes), rows[i].bytes));
        buf_fini(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage),
        cmocka_unit_test(every_length_goes_round),
        cmocka_unit_test(decodes_as_node_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
