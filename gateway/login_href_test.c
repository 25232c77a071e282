/* SPDX-License-Identifier: MIT */
#include "gateway/login_href.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void assert_put(const char *href, const char *expected)
{
    buf_t out = {0};
    bool ok = login_href_put(str_of(href), &out);
    if (ok != (expected != NULL) || !str_is(buf_str(&out), expected ? expected : ""))
        fail_msg("%s became \"%.*s\"", href, STR_ARG(buf_str(&out)));
    buf_fini(&out);
}

/* Usage: where does a link lead after the log-in? */
static void a_path_of_this_server_stays(void **unused)
{
    (void)unused;
    assert_put("/", "/");
    assert_put("/vis/index.html?lab&x=%20#view", "/vis/index.html?lab&x=%20#view");
    assert_put("/vis/K\xc3\xbc"
               "che \"1\"",
               "/vis/K%C3%BCche%20%221%22");
    assert_put("/a\\b", "/a%5Cb");
}

static void other_servers_are_refused(void **unused)
{
    (void)unused;
    assert_put("", NULL);
    assert_put("vis/index.html", NULL);
    assert_put("https://evil.example/", NULL);
    assert_put("javascript:alert(1)", NULL);
    assert_put("//evil.example", NULL);
    assert_put("/\\evil.example", NULL);
    assert_put("\\\\evil.example", NULL);
    assert_put("/\t/evil.example", NULL); /* browsers leave tabs out */
    assert_put("/a\r\nSet-Cookie: x=1", NULL);
    assert_put(" /a", NULL);
}

static void what_is_too_long_is_refused(void **unused)
{
    buf_t href = {0}, out = {0};
    (void)unused;
    while (href.len <= LOGIN_HREF_MAX)
        buf_append_byte(&href, '/' + (href.len > 0));
    assert_false(login_href_put(buf_str(&href), &out));
    href.len--;
    assert_true(login_href_put(buf_str(&href), &out));
    buf_fini(&href);
    buf_fini(&out);
}

static void finds_the_address_within_that_of_the_page(void **unused)
{
    buf_t out = {0};
    (void)unused;
    assert_true(
        login_href_put_inner(STR_LIT("/login/index.html?href=%2Fvis%2F%3Flab&error"), &out));
    assert_true(str_is(buf_str(&out), "/vis/?lab"));
    assert_false(login_href_put_inner(STR_LIT("/login?href=%2F%2Fevil.example"), &out));
    assert_false(login_href_put_inner(STR_LIT("/login"), &out));
    assert_false(login_href_put_inner(STR_LIT("/login?"), &out));
    assert_false(login_href_put_inner((str_t){"", 0}, &out));
    buf_fini(&out);
}

static void a_value_of_a_query_is_one(void **unused)
{
    buf_t out = {0};
    (void)unused;
    login_href_encode((str_t){"/a b&c=\xc3\xbc\0#", 11}, &out);
    assert_true(str_is(buf_str(&out), "%2Fa%20b%26c%3D%C3%BC%00%23"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_of_this_server_stays),
        cmocka_unit_test(other_servers_are_refused),
        cmocka_unit_test(what_is_too_long_is_refused),
        cmocka_unit_test(finds_the_address_within_that_of_the_page),
        cmocka_unit_test(a_value_of_a_query_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
