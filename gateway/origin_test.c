/* SPDX-License-Identifier: MIT */
#include "gateway/origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static origins_t *make(const char *const *items, size_t count)
{
    buf_t why = {0};
    origins_t *origins = origins_new(items, count, &why);
    if (!origins)
        fail_msg("%.*s", STR_ARG(buf_str(&why)));
    return origins;
}

/* Usage: a list of the configuration. */
static void knows_its_origins(void **unused)
{
    static const char *const items[] = {"https://house.example", "http://10.0.0.5:8082/",
                                        "https://*.example.com", "null"};
    origins_t *origins = make(items, 4);
    (void)unused;
    assert_false(origins_is_empty(origins) || origins_allow_all(origins));
    assert_true(origins_allow(origins, STR_LIT("https://house.example")));
    assert_true(origins_allow(origins, STR_LIT("https://HOUSE.example:443")));
    assert_true(origins_allow(origins, STR_LIT("http://10.0.0.5:8082")));
    assert_true(origins_allow(origins, STR_LIT("https://a.b.example.com")));
    assert_true(origins_allow(origins, STR_LIT("null")));
    origins_destroy(&origins);
}

static void refuses_all_others(void **unused)
{
    static const char *const items[] = {"https://house.example", "https://*.example.com"};
    static const char *const others[] = {
        "",
        "null",
        "*",
        "http://house.example",
        "https://house.example:8443",
        "https://house.example.evil.test",
        "https://evilhouse.example",
        "https://example.com",
        "https://evilexample.com",
        "https://example.com.evil.test",
        "https://house.example/",
        "https://house.example:",
        "house.example",
    };
    origins_t *origins = make(items, 2);
    (void)unused;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (origins_allow(origins, str_of(others[i])))
            fail_msg("%s is allowed", others[i]);
    }
    origins_destroy(&origins);
}

static void a_star_is_everybody(void **unused)
{
    static const char *const items[] = {"*"};
    origins_t *origins = make(items, 1), *none = make(NULL, 0);
    (void)unused;
    assert_true(origins_allow_all(origins) && origins_allow(origins, STR_LIT("https://any.test")));
    assert_true(origins_is_empty(none) && !origins_allow(none, STR_LIT("https://any.test")));
    origins_destroy(&origins);
    origins_destroy(&none);
}

static void says_what_is_wrong(void **unused)
{
    static const char *const bad[] = {"house",
                                      "https://",
                                      "https://*",
                                      "https://*x.test",
                                      "https://a*.test",
                                      "https://a:0",
                                      "https://a:99999",
                                      "https://a/path",
                                      "://a",
                                      ""};
    (void)unused;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        buf_t why = {0};
        origins_t *origins = origins_new(&bad[i], 1, &why);
        if (origins || !memmem(why.data, why.len, "allowed-origins", 15))
            fail_msg("%s is taken", bad[i]);
        buf_fini(&why);
    }
}

static void knows_pages_of_the_server(void **unused)
{
    static const struct {
        const char *origin, *host;
        bool secure, same;
    } rows[] = {{"http://house:8084", "house:8084", false, true},
                {"http://house", "House", false, true},
                {"http://house", "house:80", false, true},
                {"https://house", "house", true, true},
                {"https://house", "house:443", false, true}, /* a proxy takes TLS off */
                {"https://[::1]:8084", "[::1]:8084", true, true},
                {"http://house", "house", true, false},
                {"https://house", "house:8084", true, false},
                {"http://house:8082", "house:8084", false, false},
                {"http://other:8084", "house:8084", false, false},
                {"null", "house", false, false},
                {"null", "null", false, false},
                {"", "", false, false},
                {"http://", "", false, false},
                {"file://house", "house", false, false},
                {"http://house", "", false, false}};
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (origin_is_same(str_of(rows[i].origin), str_of(rows[i].host), rows[i].secure) !=
            rows[i].same)
            fail_msg("%s at %s", rows[i].origin, rows[i].host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_origins),         cmocka_unit_test(refuses_all_others),
        cmocka_unit_test(a_star_is_everybody),       cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(knows_pages_of_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
