/* SPDX-License-Identifier: MIT */
#include "gateway/whitelist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static whitelist_t *make(const char *const *items, size_t count)
{
    buf_t why = {0};
    whitelist_t *list = whitelist_new(items, count, &why);
    if (!list)
        fail_msg("%.*s", STR_ARG(buf_str(&why)));
    return list;
}

static void check(const whitelist_t *list, const char *address, const char *expected)
{
    const whitelist_entry_t *entry = whitelist_at(list, str_of(address));
    const char *user = entry ? whitelist_entry_user(entry) : NULL;
    if ((user == NULL) != (expected == NULL) || (user && strcmp(user, expected) != 0))
        fail_msg("%s is %s, not %s", address, user ? user : "nobody",
                 expected ? expected : "nobody");
}

/* Usage: addresses, networks and stars. */
static void names_users(void **unused)
{
    static const char *const items[] = {
        "192.168.1.5=admin", "192.168.1.*=guest", "10.0.0.0/8=system.user.net",
        "fd00::/8=six",      "172.16.*.*=wide",   "localhost=me"};
    whitelist_t *list = make(items, 6);
    (void)unused;
    check(list, "192.168.1.5", "system.user.admin");
    check(list, "::ffff:192.168.1.5", "system.user.admin");
    check(list, "192.168.1.77", "system.user.guest");
    check(list, "192.168.2.77", NULL);
    check(list, "10.255.0.1", "system.user.net");
    check(list, "fd12::1", "system.user.six");
    check(list, "172.16.9.8", "system.user.wide");
    check(list, "127.0.0.1", "system.user.me");
    check(list, "::1", "system.user.me");
    check(list, "nonsense", NULL);
    whitelist_destroy(&list);
}

static void the_most_specific_counts(void **unused)
{
    static const char *const items[] = {"default=guest",    "192.168.*=far",   "192.168.1.5=one",
                                        "192.168.1.*=near", "192.168.1.5=two", "192.168.1.9=auth"};
    whitelist_t *list = make(items, 6);
    (void)unused;
    check(list, "8.8.8.8", "system.user.guest");
    check(list, "2001:db8::1", "system.user.guest");
    check(list, "192.168.7.1", "system.user.far");
    check(list, "192.168.1.6", "system.user.near");
    check(list, "192.168.1.5", "system.user.two");
    check(list, "192.168.1.9", NULL); /* has to log in, although its network has not */
    whitelist_destroy(&list);
}

static void reads_the_adapters_form(void **unused)
{
    static const char *const items[] = {
        "{\"192.168.1.*\":{\"user\":\"guest\",\"object\":{\"list\":true,\"write\":false},"
        "\"state\":{\"write\":false,\"create\":false},\"file\":{\"delete\":false}},"
        "\"default\":{\"user\":\"auth\",\"file\":{\"write\":false}},"
        "\"::1\":{}}"};
    whitelist_t *list = make(items, 1);
    cidr_addr_t address;
    (void)unused;
    check(list, "192.168.1.20", "system.user.guest");
    check(list, "8.8.8.8", NULL);
    check(list, "::1", NULL);
    assert_true(cidr_addr_parse(&address, STR_LIT("192.168.1.20")));
    const whitelist_entry_t *entry = whitelist_find(list, &address);
    assert_ptr_equal(entry, whitelist_at(list, STR_LIT("192.168.1.20")));
    assert_string_equal(whitelist_entry_user(entry), "system.user.guest");
    assert_int_equal(whitelist_entry_forbidden(entry),
                     forbidden_of(STR_LIT("state"), STR_LIT("write")) |
                         forbidden_of(STR_LIT("state"), STR_LIT("create")) |
                         forbidden_of(STR_LIT("file"), STR_LIT("delete")) |
                         forbidden_of(STR_LIT("object"), STR_LIT("write")));
    entry = whitelist_at(list, STR_LIT("8.8.8.8"));
    assert_int_equal(whitelist_entry_forbidden(entry),
                     forbidden_of(STR_LIT("file"), STR_LIT("write")));
    assert_int_equal(whitelist_entry_forbidden(whitelist_at(list, STR_LIT("::1"))), 0);
    whitelist_destroy(&list);
}

static void says_what_is_wrong(void **unused)
{
    static const char *const bad[] = {"192.168.1.5",
                                      "192.168.1.5=",
                                      "=admin",
                                      "house=admin",
                                      "192.168.1=admin",
                                      "192.*.1.5=admin",
                                      "192.168.1.5.*=admin",
                                      "192.168.1.*.=admin",
                                      "*.*=admin",
                                      "1.2.3.400=admin",
                                      "10.0.0.0/33=admin",
                                      "{",
                                      "{\"1.2.3.4\":5}",
                                      "{\"house\":{\"user\":\"admin\"}}"};
    (void)unused;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        buf_t why = {0};
        whitelist_t *list = whitelist_new(&bad[i], 1, &why);
        if (list || !memmem(why.data, why.len, "white-list", 10))
            fail_msg("%s is taken", bad[i]);
        buf_fini(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_users),
        cmocka_unit_test(the_most_specific_counts),
        cmocka_unit_test(reads_the_adapters_form),
        cmocka_unit_test(says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
