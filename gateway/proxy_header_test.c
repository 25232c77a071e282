/* SPDX-License-Identifier: MIT */
#include "gateway/proxy_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 SIGNATURE "\x21\x11\x00\x0c\x0a\x01\x02\x03\x7f\x00\x00\x01\xc0\x00\x01\xbb"

static void is_address(const cidr_addr_t *address, const char *expected)
{
    buf_t text = {0};
    cidr_addr_print(&text, address);
    if (!str_is(buf_str(&text), expected))
        fail_msg("%.*s instead of %s", STR_ARG(buf_str(&text)), expected);
    buf_fini(&text);
}

/* Usage: the header of a proxy that speaks for 10.1.2.3. */
static void reads_a_header(void **unused)
{
    proxy_v2_t header;
    (void)unused;
    assert_int_equal(proxy_v2_parse(STR_LIT(V4 "GET /"), &header), PROXY_V2_DONE);
    assert_int_equal(header.length, 28);
    assert_true(header.known && !header.secure);
    is_address(&header.source, "10.1.2.3");
}

static void waits_for_the_rest(void **unused)
{
    proxy_v2_t header;
    (void)unused;
    for (size_t n = 0; n < sizeof V4 - 1; n++)
        assert_int_equal(proxy_v2_parse((str_t){V4, n}, &header), PROXY_V2_MORE);
}

static void knows_ipv6_and_tls(void **unused)
{
    static const char text[] =
        SIGNATURE "\x21\x21\x00\x2f"
                  "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
                  "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"
                  "\x01\x02\x03\x04"
                  "\x20\x00\x08\x01\x00\x00\x00\x00\x21\x00\x00"; /* TLV: TLS, with one inside */
    proxy_v2_t header;
    (void)unused;
    assert_int_equal(proxy_v2_parse((str_t){text, sizeof text - 1}, &header), PROXY_V2_DONE);
    assert_true(header.known && header.secure);
    is_address(&header.source, "2001:db8::1");
}

static void own_checks_name_nobody(void **unused)
{
    proxy_v2_t header;
    (void)unused;
    assert_int_equal(proxy_v2_parse(STR_LIT(SIGNATURE "\x20\x00\x00\x00"), &header), PROXY_V2_DONE);
    assert_true(!header.known && header.length == 16);
    assert_int_equal(proxy_v2_parse(STR_LIT(SIGNATURE "\x21\x00\x00\x01x"), &header),
                     PROXY_V2_DONE);
    assert_true(!header.known && header.length == 17);
}

static void refuses_what_is_none(void **unused)
{
    static const str_t bad[] = {
        STR_LIT("GET / HTTP/1.1\r\n"),
        STR_LIT("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n"),         /* version 1 */
        STR_LIT("\r\n\r\nG"),                                  /* not the signature */
        STR_LIT(SIGNATURE "\x11\x11\x00\x0c"),                 /* version 1 in the binary form */
        STR_LIT(SIGNATURE "\x22\x11\x00\x0c"),                 /* no command */
        STR_LIT(SIGNATURE "\x21\x11\xff\xff"),                 /* too long */
        STR_LIT(SIGNATURE "\x21\x11\x00\x04\x01\x02\x03\x04"), /* shorter than its addresses */
        STR_LIT(SIGNATURE "\x21\x11\x00\x0f"
                          "\x0a\x01\x02\x03\x7f\x00\x00\x01\xc0\x00\x01\xbb\x20\x00\x09")};
    proxy_v2_t header;
    (void)unused;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(proxy_v2_parse(bad[i], &header), PROXY_V2_BAD);
}

/* --- X-Forwarded-* -------------------------------------------------------------------------------
 */

typedef struct {
    buf_t text;
    http_head_t head;
} request_t;

static void make(request_t *self, const char *lines)
{
    memset(self, 0, sizeof *self);
    buf_printf(&self->text, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", lines);
    assert_int_equal(http_head_parse(buf_str(&self->text), &self->head), 0);
}

static void check_for(const char *sender, const char *lines, const char *expected)
{
    request_t request;
    cidr_list_t trusted;
    cidr_addr_t address;
    assert_true(cidr_list_parse(&trusted, STR_LIT("10.0.0.0/8, fd00::/8"), NULL));
    assert_true(cidr_addr_parse(&address, str_of(sender)));
    make(&request, lines);
    proxy_forwarded_for(&request.head, &trusted, &address);
    is_address(&address, expected);
    cidr_list_fini(&trusted);
    buf_fini(&request.text);
}

static void finds_the_client(void **unused)
{
    (void)unused;
    check_for("10.0.0.1", "X-Forwarded-For: 2.2.2.2\r\n", "2.2.2.2");
    check_for("::ffff:10.0.0.1", "X-Forwarded-For: ::ffff:2.2.2.2\r\n", "2.2.2.2");
    check_for("10.0.0.1", "x-forwarded-for:1.1.1.1 ,2.2.2.2,\t10.0.0.9\r\n", "2.2.2.2");
    check_for("fd00::1", "X-Forwarded-For: 2001:db8::7, fd00::9\r\n", "2001:db8::7");
    check_for("10.0.0.1", "X-Forwarded-For: 2.2.2.2:4711\r\n", "2.2.2.2");
    check_for("10.0.0.1", "X-Forwarded-For: [2001:db8::7]:4711\r\n", "2001:db8::7");
    check_for("10.0.0.1", "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n", "2.2.2.2");
    check_for("10.0.0.1", "X-Forwarded-For: 10.0.0.2, 10.0.0.3\r\n", "10.0.0.2");
}

static void believes_only_proxies(void **unused)
{
    (void)unused;
    check_for("2.2.2.2", "X-Forwarded-For: 1.1.1.1\r\n", "2.2.2.2");
    check_for("10.0.0.1", "X-Forwarded-For: 1.1.1.1, unknown\r\n", "10.0.0.1");
    check_for("10.0.0.1", "X-Forwarded-For: 1.1.1.1, unknown, 10.0.0.4\r\n", "10.0.0.4");
    check_for("10.0.0.1", "X-Forwarded-For: 1.1.1.1,\r\n", "10.0.0.1");
    check_for("10.0.0.1", "X-Forwarded-For:\r\n", "10.0.0.1");
    check_for("10.0.0.1", "", "10.0.0.1");
}

static void tells_scheme_and_host(void **unused)
{
    request_t request;
    (void)unused;
    make(&request, "X-Forwarded-Proto: http, HTTPS\r\nX-Forwarded-Host: a, house:8084\r\n");
    assert_true(proxy_forwarded_secure(&request.head));
    assert_true(str_is(proxy_forwarded_host(&request.head), "house:8084"));
    buf_fini(&request.text);
    make(&request, "X-Forwarded-Proto: https, http\r\n");
    assert_false(proxy_forwarded_secure(&request.head));
    assert_int_equal(proxy_forwarded_host(&request.head).len, 0);
    buf_fini(&request.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_header),        cmocka_unit_test(waits_for_the_rest),
        cmocka_unit_test(knows_ipv6_and_tls),    cmocka_unit_test(own_checks_name_nobody),
        cmocka_unit_test(refuses_what_is_none),  cmocka_unit_test(finds_the_client),
        cmocka_unit_test(believes_only_proxies), cmocka_unit_test(tells_scheme_and_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
