/* SPDX-License-Identifier: MIT */
#include "actors/js_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef void convert_fn(buf_t *out, str_t text);

static void assert_converts(convert_fn *convert, str_t from, const char *to)
{
    buf_t out = {0};
    convert(&out, from);
    if (!str_is(buf_str(&out), to))
        print_error("got \"%.*s\" instead of \"%s\"\n", STR_ARG(buf_str(&out)), to);
    assert_true(str_is(buf_str(&out), to));
    buf_fini(&out);
}

static void usage(void **unused)
{
    (void)unused;
    assert_converts(js_text_from_bytes,
                    STR_LIT("Gr\xc3\xbc\xc3\x9f"
                            "e \xff"),
                    "Gr\xc3\xbc\xc3\x9f"
                    "e \xef\xbf\xbd");
    assert_converts(js_text_to_bytes, STR_LIT("a\xed\xa0\x80"), "a\xef\xbf\xbd");
    assert_converts(js_text_uri_component, STR_LIT("{\"\xc3\xbc\": 1}"),
                    "%7B%22%C3%BC%22%3A%201%7D");
}

#define R "\xef\xbf\xbd"

/* The right column is what node 20 answers. */
static void broken_bytes(void **unused)
{
    (void)unused;
    assert_converts(js_text_from_bytes, STR_LIT(""), "");
    assert_converts(js_text_from_bytes, STR_LIT("\x80"), R);
    assert_converts(js_text_from_bytes, STR_LIT("\xc0\x80"), R R);
    assert_converts(js_text_from_bytes, STR_LIT("\xe2\x82"), R);
    assert_converts(js_text_from_bytes, STR_LIT("\xe2\x82z"), R "z");
    assert_converts(js_text_from_bytes, STR_LIT("\xe0\x80\x80"), R R R);
    assert_converts(js_text_from_bytes, STR_LIT("\xed\xa0\x80"), R R R);
    assert_converts(js_text_from_bytes, STR_LIT("\xf0\x9f\x8f"), R);
    assert_converts(js_text_from_bytes, STR_LIT("\xf0\x9f\x8f\xa0"), "\xf0\x9f\x8f\xa0");
    assert_converts(js_text_from_bytes, STR_LIT("\xf4\x90\x80\x80"), R R R R);
    assert_converts(js_text_from_bytes, STR_LIT("\xf5\x80"), R R);
}

static void strings_with_surrogates(void **unused)
{
    (void)unused;
    assert_converts(js_text_to_bytes, STR_LIT("\xed\xbf\xbfx\xed\xa0\x80"), R "x" R);
    assert_converts(js_text_to_bytes, STR_LIT("\xed\x9f\xbf"), "\xed\x9f\xbf");
    assert_converts(js_text_to_bytes, STR_LIT("\xed\xa0"), R R);
}

static void uri_components(void **unused)
{
    (void)unused;
    assert_converts(js_text_uri_component, STR_LIT("Az09-_.!~*'()"), "Az09-_.!~*'()");
    assert_converts(js_text_uri_component, STR_LIT("\0 /+%"), "%00%20%2F%2B%25");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage),
        cmocka_unit_test(broken_bytes),
        cmocka_unit_test(strings_with_surrogates),
        cmocka_unit_test(uri_components),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
