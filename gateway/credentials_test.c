/* SPDX-License-Identifier: MIT */
#include "gateway/credentials.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void read_request(const char *target, const char *headers, credentials_t *out)
{
    static buf_t text;
    http_head_t head;
    buf_reset(&text);
    buf_printf(&text, "GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", target, headers);
    assert_int_equal(http_head_parse(buf_str(&text), &head), 0);
    credentials_read(&head, out);
}

static void assert_text(const buf_t *got, const char *expected)
{
    if (!str_is(buf_str(got), expected))
        fail_msg("\"%.*s\", not \"%s\"", STR_ARG(buf_str(got)), expected);
}

/* Usage: what does a request say about who it is? */
static void reads_what_a_request_says(void **unused)
{
    credentials_t all;
    (void)unused;
    read_request("/socket.io/?user=anna&pass=a%2Bb+c", "Cookie: connect.sid=s%3Aid.sig\r\n", &all);
    assert_int_equal(all.count, 2);
    assert_int_equal(all.items[0].kind, CREDENTIAL_PASSWORD);
    assert_text(&all.items[0].text, "anna");
    assert_text(&all.items[0].password, "a+b c");
    assert_true(all.items[0].decides);
    assert_int_equal(all.items[1].kind, CREDENTIAL_SESSION);
    assert_text(&all.items[1].text, "s:id.sig");
    assert_false(all.items[1].decides);
    assert_true(all.items[1].cookie);
    credentials_fini(&all);
}

static void every_way_has_its_place(void **unused)
{
    static const struct {
        const char *target, *headers;
        credential_kind_t kind;
        const char *text, *password;
    } rows[] = {
        {"/?user=a&pass=", "", CREDENTIAL_PASSWORD, "a", ""},
        {"/?token=t", "", CREDENTIAL_TOKEN, "t", ""},
        {"/?access_token=t%3D%3D", "", CREDENTIAL_TOKEN, "t==", ""},
        {"/?connect.sid=s%3Ai.s", "", CREDENTIAL_SESSION, "s:i.s", ""},
        {"/", "Authorization: bearer  abc\r\n", CREDENTIAL_TOKEN, "abc", ""},
        {"/", "Authorization: Basic YW5uYTp4Onk6eg==\r\n", CREDENTIAL_PASSWORD, "anna", "x:y:z"},
        {"/", "Authorization: BASIC YW5uYTo\r\n", CREDENTIAL_PASSWORD, "anna", ""},
        {"/", "Cookie: access_token=a=b==\r\n", CREDENTIAL_TOKEN, "a=b==", ""},
        {"/", "Cookie: x=1;  access_token=\"q\" ; y\r\n", CREDENTIAL_TOKEN, "q", ""},
        {"/", "Cookie: connect.sid=s:i.s\r\n", CREDENTIAL_SESSION, "s:i.s", ""},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        credentials_t all;
        read_request(rows[i].target, rows[i].headers, &all);
        if (all.count != 1 || all.items[0].kind != rows[i].kind)
            fail_msg("row %zu: %zu found", i, all.count);
        assert_text(&all.items[0].text, rows[i].text);
        assert_text(&all.items[0].password, rows[i].password);
        credentials_fini(&all);
    }
}

static void what_is_no_proof_is_left_out(void **unused)
{
    static const struct {
        const char *target, *headers;
    } rows[] = {
        {"/", ""},
        {"/?user=a", ""},
        {"/?pass=a", ""},
        {"/?user=&pass=x", ""},
        {"/?user=a%00b&pass=x", ""},
        {"/?token=", ""},
        {"/?key=nokey", ""},
        {"/", "Authorization: Basic\r\n"},
        {"/", "Authorization: Basic YW5uYQ==\r\n"}, /* no colon */
        {"/", "Authorization: Basic OmE=\r\n"},     /* no user */
        {"/", "Authorization: Digest x\r\n"},
        {"/", "Authorization: Bearer \r\n"},
        {"/", "Cookie: access_token\r\n"},
        {"/", "Cookie: Connect.sid=s%3Ai.s\r\n"},
        {"/", "Cookie: xconnect.sid=s%3Ai.s; connect.sid2=s%3Ai.s\r\n"},
        {"/", "Cookie: ;;=;; connect.sid=\r\n"},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        credentials_t all;
        read_request(rows[i].target, rows[i].headers, &all);
        if (all.count != 0)
            fail_msg("row %zu: \"%.*s\"", i, STR_ARG(buf_str(&all.items[0].text)));
        credentials_fini(&all);
    }
}

static void an_unsigned_session_is_noticed_but_not_tried(void **unused)
{
    credentials_t all;
    (void)unused;
    read_request("/", "Cookie: connect.sid=abc; access_token=t\r\n", &all);
    assert_true(all.unsigned_session);
    assert_int_equal(all.count, 1);
    assert_text(&all.items[0].text, "t");
    credentials_fini(&all);
}

static void the_request_comes_before_the_browser(void **unused)
{
    static const char *const order[] = {"u", "t1", "t2", "b", "s:q", "t3", "s:c"};
    credentials_t all;
    (void)unused;
    read_request("/?connect.sid=s:q&access_token=t2&token=t1&pass=p&user=u",
                 "Cookie: connect.sid=s:c; access_token=t3\r\nAuthorization: Bearer b\r\n", &all);
    assert_int_equal(all.count, sizeof order / sizeof order[0]);
    for (size_t i = 0; i < all.count; i++) {
        assert_text(&all.items[i].text, order[i]);
        assert_int_equal(all.items[i].cookie, i >= 5);
        assert_int_equal(all.items[i].decides, i == 0 || i == 3);
    }
    credentials_fini(&all);
}

/* {key: value} */
static mp_t auth_of(const char *const *pairs, buf_t *out)
{
    uint32_t count = 0;
    while (pairs[count])
        count++;
    buf_reset(out);
    mp_put_map(out, count / 2);
    for (uint32_t i = 0; i < count; i++)
        mp_put_cstr(out, pairs[i]);
    return mp_of_buf(out);
}

static void more_than_there_is_room_for_is_left_out(void **unused)
{
    credentials_t all;
    buf_t cookies = {0};
    (void)unused;
    buf_append_cstr(&cookies, "Cookie: a=b");
    for (size_t i = 0; i < 3 * CREDENTIALS_MAX; i++)
        buf_printf(&cookies, "; access_token=t%zu", i);
    buf_append_cstr(&cookies, "\r\n");
    buf_append_byte(&cookies, 0);
    read_request("/?user=a&pass=b", (const char *)cookies.data, &all);
    assert_int_equal(all.count, CREDENTIALS_MAX);
    assert_text(&all.items[0].text, "a");
    buf_t auth = {0};
    static const char *const token[] = {"token", "mine", NULL};
    credentials_add_auth(&all, auth_of(token, &auth));
    assert_int_equal(all.count, CREDENTIALS_MAX);
    assert_text(&all.items[0].text, "mine");
    credentials_fini(&all);
    buf_fini(&auth);
    buf_fini(&cookies);
}

static void what_a_client_says_on_entering_comes_first(void **unused)
{
    static const char *const token[] = {"token", "mine", NULL};
    static const char *const password[] = {"user", "anna", "pass", "x", NULL};
    static const char *const nothing[] = {"pid", "x", "user", "anna", NULL};
    credentials_t all;
    buf_t auth = {0};
    (void)unused;
    read_request("/?token=t", "", &all);
    credentials_add_auth(&all, (mp_t){0});
    credentials_add_auth(&all, auth_of(nothing, &auth));
    assert_int_equal(all.count, 1);
    credentials_add_auth(&all, auth_of(token, &auth));
    assert_int_equal(all.count, 2);
    assert_text(&all.items[0].text, "mine");
    credentials_add_auth(&all, auth_of(password, &auth)); /* instead of the token */
    assert_int_equal(all.count, 2);
    assert_int_equal(all.items[0].kind, CREDENTIAL_PASSWORD);
    assert_text(&all.items[0].password, "x");
    assert_text(&all.items[1].text, "t");
    credentials_add_auth(&all, auth_of(nothing, &auth));
    assert_int_equal(all.count, 1);
    credentials_fini(&all);
    buf_fini(&auth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_a_request_says),
        cmocka_unit_test(every_way_has_its_place),
        cmocka_unit_test(what_is_no_proof_is_left_out),
        cmocka_unit_test(an_unsigned_session_is_noticed_but_not_tried),
        cmocka_unit_test(the_request_comes_before_the_browser),
        cmocka_unit_test(more_than_there_is_room_for_is_left_out),
        cmocka_unit_test(what_a_client_says_on_entering_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
