/* SPDX-License-Identifier: MIT */
#include "gateway/http_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Usage: wait until the head is complete, then parse it. */
static void reads_a_request(void **unused)
{
    (void)unused;
    str_t text = STR_LIT(
        "GET /socket.io/?EIO=3&transport=polling&x=a%20b+c HTTP/1.1\r\n"
        "Host: house\r\nConnection: keep-alive, Upgrade\r\norigin:  http://page \r\n\r\nbody");
    http_head_t head;
    buf_t value = {0};
    size_t n = http_head_length(text);
    assert_int_equal(n, text.len - 4);
    assert_int_equal(http_head_parse((str_t){text.p, n}, &head), 0);
    assert_int_equal(head.method, HTTP_GET);
    assert_true(str_is(head.path, "/socket.io/"));
    assert_true(str_is(http_head_get(&head, "Origin"), "http://page"));
    assert_true(http_head_has(&head, "connection", "upgrade"));
    assert_false(http_head_has(&head, "connection", "close"));
    assert_true(head.keep_alive);
    assert_true(http_query_get(head.query, "x", &value));
    assert_true(str_is(buf_str(&value), "a b c"));
    assert_false(http_query_get(head.query, "y", &value));
    buf_fini(&value);
}

static int parse(const char *text)
{
    http_head_t head;
    return http_head_parse(str_of(text), &head);
}

static void refuses_what_is_ambiguous(void **unused)
{
    (void)unused;
    assert_int_equal(parse("GET / HTTP/1.1\r\n\r\n"), 0);
    assert_int_equal(parse("GET http://host/x HTTP/1.1\r\n\r\n"), 0);
    assert_int_equal(parse("OPTIONS * HTTP/1.1\r\n\r\n"), 0);
    assert_int_equal(parse("GET / HTTP/2.0\r\n\r\n"), 505);
    assert_int_equal(parse("GET /\r\n\r\n"), 400);
    assert_int_equal(parse("GET x HTTP/1.1\r\n\r\n"), 400);
    assert_int_equal(parse("GET /a b HTTP/1.1\r\n\r\n"), 400);
    assert_int_equal(parse("G(T / HTTP/1.1\r\n\r\n"), 400);
    assert_int_equal(parse("GET / HTTP/1.1\nHost: a\n\n"), 400);
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), 400);
    assert_int_equal(parse("GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n"), 400);
    assert_int_equal(parse("GET / HTTP/1.1\r\nA: b\x01\r\n\r\n"), 400);
    assert_int_equal(parse("GET / HTTP/1.1\r\nA: b\rc\r\n\r\n"), 400);
    assert_int_equal(parse("GET / HTTP/1.1\r\nno colon\r\n\r\n"), 400);
    assert_int_equal(parse("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
                     400);
    assert_int_equal(parse("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"), 0);
    assert_int_equal(parse("POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n"), 400);
    assert_int_equal(
        parse("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
    assert_int_equal(parse("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), 501);
    assert_int_equal(parse("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
}

static void counts_headers(void **unused)
{
    (void)unused;
    buf_t text = {0};
    http_head_t head;
    buf_append_cstr(&text, "GET / HTTP/1.1\r\n");
    for (int i = 0; i <= HTTP_MAX_HEADERS; i++)
        buf_append_cstr(&text, "a: b\r\n");
    buf_append_cstr(&text, "\r\n");
    assert_int_equal(http_head_parse(buf_str(&text), &head), 431);
    buf_fini(&text);
}

static void keeps_alive_as_asked(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        bool keep;
    } rows[] = {{"GET / HTTP/1.1\r\n\r\n", true},
                {"GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", false},
                {"GET / HTTP/1.0\r\n\r\n", false},
                {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        http_head_t head;
        assert_int_equal(http_head_parse(str_of(rows[i].text), &head), 0);
        assert_int_equal(head.keep_alive, rows[i].keep);
    }
}

/* Feeds step bytes at a time; the body is collected in out. */
static http_body_result_t feed(const char *text, size_t step, bool chunked, uint64_t length,
                               buf_t *out)
{
    http_head_t head = {.chunked = chunked, .content_length = length};
    http_body_t body;
    http_body_result_t result = HTTP_BODY_MORE;
    size_t all = strlen(text);
    http_body_init(&body, &head);
    for (size_t at = 0; at < all && result == HTTP_BODY_MORE; at += step) {
        str_t data = {text + at, all - at < step ? all - at : step}, piece;
        while (data.len > 0 && result == HTTP_BODY_MORE) {
            result = http_body_feed(&body, &data, &piece);
            buf_append_str(out, piece);
        }
    }
    return result;
}

static void reads_bodies(void **unused)
{
    (void)unused;
    for (size_t step = 1; step < 30; step++) {
        buf_t out = {0};
        assert_int_equal(feed("hello", step, false, 5, &out), HTTP_BODY_DONE);
        assert_int_equal(
            feed("5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nT: u\r\n\r\n", step, true, 0, &out),
            HTTP_BODY_DONE);
        assert_true(str_is(buf_str(&out), "hellohello0123456789"));
        buf_fini(&out);
    }
}

static void refuses_bad_chunks(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        "x\r\n", "\r\n", "5\rx", "1\r\nab", "1\r\na\rx", "5;ext\n", "1111111111111111\r\n",
        "-1\r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        buf_t out = {0};
        assert_int_equal(feed(texts[i], 100, true, 0, &out), HTTP_BODY_BAD);
        buf_fini(&out);
    }
}

static void decodes_escapes(void **unused)
{
    (void)unused;
    buf_t out = {0};
    http_percent_decode(&out, STR_LIT("%41%zz%4+%"), false);
    assert_true(str_is(buf_str(&out), "A%zz%4+%"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_request), cmocka_unit_test(refuses_what_is_ambiguous),
        cmocka_unit_test(counts_headers),  cmocka_unit_test(keeps_alive_as_asked),
        cmocka_unit_test(reads_bodies),    cmocka_unit_test(refuses_bad_chunks),
        cmocka_unit_test(decodes_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
