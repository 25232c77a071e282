/* SPDX-License-Identifier: MIT */
#include "gateway/http_accept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Usage: does the client have the content already, and what does it take? */
static void reads_what_a_browser_says(void **unused)
{
    (void)unused;
    assert_true(http_has_etag(STR_LIT("W/\"1a-2b\""), STR_LIT("\"1a-2b\"")));
    assert_int_equal(http_best_encoding(STR_LIT("gzip, deflate, br")), ENCODING_BROTLI);
    assert_string_equal(encoding_name(ENCODING_BROTLI), "br");
    assert_null(encoding_name(ENCODING_NONE));
}

static void finds_tags_in_lists(void **unused)
{
    static const struct {
        const char *list;
        bool has; /* "a" */
    } rows[] = {{"\"a\"", true},
                {"W/\"a\"", true},
                {"\"x\", W/\"a\" ,\"y\"", true},
                {" , ,\"a\"", true},
                {"*", true},
                {"\"a, b\", \"a\"", true},
                {"", false},
                {"a", false},
                {"\"a", false},
                {"\"", false},
                {"\"aa\"", false},
                {"\"x\" \"a\"", false}, /* no comma: cannot be trusted */
                {"w/\"a\"", false},
                {"\"x\"a\"", false},
                {"* , \"b\"", false}};
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (http_has_etag(str_of(rows[i].list), STR_LIT("\"a\"")) != rows[i].has)
            fail_msg("%s", rows[i].list);
    }
}

static void a_fresh_content_can_be_asked_for(void **unused)
{
    http_head_t head;
    (void)unused;
    assert_int_equal(
        http_head_parse(STR_LIT("GET / HTTP/1.1\r\nIf-None-Match: \"a\"\r\n\r\n"), &head), 0);
    assert_true(http_is_known(&head, STR_LIT("\"a\"")));
    assert_false(http_is_known(&head, STR_LIT("\"b\"")));
    assert_int_equal(http_head_parse(STR_LIT("GET / HTTP/1.1\r\nIf-None-Match: \"a\"\r\n"
                                             "Cache-Control: max-age=0, no-cache\r\n\r\n"),
                                     &head),
                     0);
    assert_false(http_is_known(&head, STR_LIT("\"a\"")));
}

static void chooses_encodings(void **unused)
{
    static const struct {
        const char *list;
        encoding_t best;
    } rows[] = {{"", ENCODING_NONE},
                {"identity", ENCODING_NONE},
                {"gzip", ENCODING_GZIP},
                {"GZIP", ENCODING_GZIP},
                {"x-gzip", ENCODING_GZIP},
                {"deflate", ENCODING_DEFLATE},
                {"deflate, gzip", ENCODING_GZIP},
                {"br;q=0.2, gzip;q=0.8", ENCODING_GZIP},
                {"gzip;q=0", ENCODING_NONE},
                {"gzip;q=0.000, deflate;q=0.001", ENCODING_DEFLATE},
                {"gzip ; q=1.0", ENCODING_GZIP},
                {"gzip;Q=0", ENCODING_NONE},
                {"*", ENCODING_BROTLI},
                {"*;q=0.5, br;q=0", ENCODING_GZIP},
                {"gzip;q=x", ENCODING_NONE},
                {"gzip;q=", ENCODING_NONE},
                {"gzip;q=1.5", ENCODING_NONE},
                {"gzip;q=0.1234", ENCODING_NONE},
                {"gzipped", ENCODING_NONE},
                {",,;;q,br", ENCODING_BROTLI}};
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (http_best_encoding(str_of(rows[i].list)) != rows[i].best)
            fail_msg("%s", rows[i].list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_a_browser_says),
        cmocka_unit_test(finds_tags_in_lists),
        cmocka_unit_test(a_fresh_content_can_be_asked_for),
        cmocka_unit_test(chooses_encodings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
