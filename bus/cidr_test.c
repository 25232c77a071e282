/* SPDX-License-Identifier: MIT */
#include "bus/cidr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sys/un.h>

static cidr_addr_t addr(const char *text)
{
    cidr_addr_t address;
    assert_true(cidr_addr_parse(&address, str_of(text)));
    return address;
}

static bool inside(const char *network, const char *address)
{
    cidr_t net;
    cidr_addr_t parsed = addr(address);
    assert_true(cidr_parse(&net, str_of(network)));
    return cidr_contains(&net, &parsed);
}

static void test_usage(void **state)
{
    (void)state;
    cidr_list_t list;
    assert_true(cidr_list_parse(&list, STR_LIT("10.0.0.0/8, fe80::/10,::1"), NULL));
    cidr_addr_t lan = addr("10.1.2.3"), other = addr("192.168.1.1");
    assert_true(cidr_list_contains(&list, &lan));
    assert_false(cidr_list_contains(&list, &other));
    cidr_list_fini(&list);
}

static void test_contains(void **state)
{
    (void)state;
    static const struct {
        const char *network;
        const char *address;
        bool inside;
    } rows[] = {
        {"10.0.0.0/8", "10.0.0.0", true},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "9.255.255.255", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"10.0.0.0/8", "::ffff:a01:203", true},
        {"10.0.0.0/8", "::10.1.2.3", false},
        {"10.1.2.3/8", "10.9.9.9", true},
        {"::ffff:10.0.0.0/104", "10.1.2.3", true},
        {"::ffff:10.0.0.0/104", "11.1.2.3", false},
        {"10.1.2.3", "10.1.2.3", true},
        {"10.1.2.3", "10.1.2.2", false},
        {"10.1.2.3/31", "10.1.2.2", true},
        {"0.0.0.0/0", "255.255.255.255", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "10.1.2.3", false},
        {"::/0", "::ffff:10.1.2.3", false},
        {"::/80", "10.1.2.3", false},
        {"::1", "::1", true},
        {"::1/128", "::2", false},
        {"[::1]", "[::1]", true},
        {"fe80::/10", "fe80::1%eth0", true},
        {"fe80::/10", "febf:ffff::1", true},
        {"fe80::/10", "fec0::1", false},
        {"[fe80::]/10", "fe80::1", true},
        {"172.16.0.0/12", "172.31.255.255", true},
        {"172.16.0.0/12", "172.32.0.0", false},
        {"2001:db8::/33", "2001:db8:7fff::", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (inside(rows[i].network, rows[i].address) != rows[i].inside)
            fail_msg("%s in %s", rows[i].address, rows[i].network);
    }
}

static void test_what_is_no_network(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "/",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/08",
        "10.0.0/8",
        "10",
        "10.0.0.0/8 ",
        " 10.0.0.0/8",
        "10.0.0.0/+8",
        "10.0.0.0/-1",
        "10.0.0.0//8",
        "host/8",
        "::/129",
        "::/1000",
        "::/18446744073709551617",
        "[::1",
        "::1]",
        "[10.1.2.3]",
        "fe80::%1/10",
        "[::1/128]",
        "010.0.0.1",
        "0x7f.0.0.1",
        "1.2.3.4.5",
        "1.2.3.256",
        ":::",
        "1:2:3:4:5:6:7:8:9",
        "::ffff:10.0.0.0/129",
    };
    cidr_t net;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (cidr_parse(&net, str_of(rows[i])))
            fail_msg("%s", rows[i]);
    }
    assert_false(cidr_parse(&net, (str_t){"::1\0", 4}));
    assert_false(cidr_parse(&net, (str_t){NULL, 0}));
}

static void test_what_is_no_address(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",           "[]",   "[",     "10.1",          "2130706433",
        "10.0.0.0/8", "::1%", "%eth0", "10.1.2.3%eth0", "[10.1.2.3]",
        "[::1]:80",   "host",
    };
    cidr_addr_t address;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (cidr_addr_parse(&address, str_of(rows[i])))
            fail_msg("%s", rows[i]);
    }
}

static void assert_prints(const cidr_addr_t *address, const char *expected)
{
    buf_t text = {0};
    cidr_addr_print(&text, address);
    assert_true(str_is(buf_str(&text), expected));
    buf_fini(&text);
}

static void test_print(void **state)
{
    (void)state;
    cidr_addr_t address = addr("::ffff:10.1.2.3");
    assert_prints(&address, "10.1.2.3");
    address = addr("FE80:0::1%lo");
    assert_prints(&address, "fe80::1");
}

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool v4, loopback;
    } rows[] = {
        {"127.0.0.1", true, true}, {"127.9.9.9", true, true}, {"::ffff:127.0.0.1", true, true},
        {"::1", false, true},      {"10.0.0.1", true, false}, {"::", false, false},
        {"::2", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cidr_addr_t address = addr(rows[i].text);
        assert_int_equal(cidr_addr_is_v4(&address), rows[i].v4);
        assert_int_equal(cidr_addr_is_loopback(&address), rows[i].loopback);
    }
}

static void test_socket_addresses(void **state)
{
    (void)state;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    cidr_addr_t address;
    assert_int_equal(inet_pton(AF_INET, "10.1.2.3", &v4.sin_addr), 1);
    assert_true(cidr_addr_of(&address, (struct sockaddr *)&v4, sizeof v4));
    assert_prints(&address, "10.1.2.3");
    assert_false(cidr_addr_of(&address, (struct sockaddr *)&v4, sizeof v4 - 1));
    assert_int_equal(inet_pton(AF_INET6, "::ffff:10.1.2.4", &v6.sin6_addr), 1);
    assert_true(cidr_addr_of(&address, (struct sockaddr *)&v6, sizeof v6));
    assert_prints(&address, "10.1.2.4");
    assert_false(cidr_addr_of(&address, (struct sockaddr *)&v6, sizeof v4));
    assert_false(cidr_addr_of(&address, (struct sockaddr *)&local, sizeof local));
}

static void test_embedded(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        const char *embedded; /* NULL: none */
    } rows[] = {
        {"64:ff9b::a9fe:a9fe", "169.254.169.254"},
        {"64:ff9b:1::a9fe:a9fe", "169.254.169.254"},
        {"64:ff9b:1:a9fe:a9:fe00::", "169.254.169.254"},
        {"64:ff9b:1:a9:fe:a9fe::", "169.254.169.254"},
        {"64:ff9b:1:0:a9:fea9:fe00:0", "169.254.169.254"},
        {"2002:a9fe:a9fe::1", "169.254.169.254"},
        {"2001:0:102:304:0:0:5601:5601", "169.254.169.254"},
        {"2001:0:102:304:0:0:5601:5601", "1.2.3.4"},
        {"::169.254.169.254", "169.254.169.254"},
        {"fd00::5efe:a9fe:a9fe", "169.254.169.254"},
        {"fd00::200:5efe:a9fe:a9fe", "169.254.169.254"},
        {"::1", NULL},
        {"::", NULL},
        {"169.254.169.254", NULL},
        {"64:ff9b::", NULL},
        {"2001:db8::a9fe:a9fe", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cidr_addr_t outer = addr(rows[i].address), found[CIDR_EMBEDDED_MAX];
        size_t len = cidr_embedded(&outer, found);
        bool seen = false;
        for (size_t k = 0; k < len && rows[i].embedded; k++) {
            cidr_addr_t expected = addr(rows[i].embedded);
            seen = seen || memcmp(&found[k], &expected, sizeof expected) == 0;
        }
        if (rows[i].embedded ? !seen : len != 0)
            fail_msg("%s", rows[i].address);
    }
}

static void test_lists(void **state)
{
    (void)state;
    cidr_list_t list;
    str_t bad;
    assert_true(cidr_list_parse(&list, STR_LIT(" , ,"), &bad));
    assert_int_equal(list.len, 0);
    assert_false(cidr_list_parse(&list, STR_LIT("10.0.0.0/8,nonsense,::1"), &bad));
    assert_true(str_is(bad, "nonsense"));
    assert_int_equal(list.len, 0);
    cidr_list_fini(&list);
    assert_true(cidr_list_parse(&list, STR_LIT("169.254.0.0/16"), &bad));
    cidr_addr_t plain = addr("169.254.1.1"), hidden = addr("2002:a9fe:101::"), other = addr("::1");
    assert_true(cidr_list_reaches(&list, &plain));
    assert_true(cidr_list_reaches(&list, &hidden));
    assert_false(cidr_list_contains(&list, &hidden));
    assert_false(cidr_list_reaches(&list, &other));
    cidr_list_fini(&list);
}

static void test_list_is_bounded(void **state)
{
    (void)state;
    buf_t text = {0};
    cidr_list_t list;
    str_t bad;
    for (size_t i = 0; i < CIDR_LIST_MAX; i++)
        buf_printf(&text, "::%zx,", i);
    assert_true(cidr_list_parse(&list, buf_str(&text), &bad));
    assert_int_equal(list.len, CIDR_LIST_MAX);
    cidr_list_fini(&list);
    buf_append_cstr(&text, "::1");
    assert_false(cidr_list_parse(&list, buf_str(&text), &bad));
    assert_int_equal(bad.len, text.len);
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_contains),
        cmocka_unit_test(test_what_is_no_network),
        cmocka_unit_test(test_what_is_no_address),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_socket_addresses),
        cmocka_unit_test(test_embedded),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_list_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
