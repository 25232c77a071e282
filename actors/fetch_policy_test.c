/* SPDX-License-Identifier: MIT */
#include "actors/fetch_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sys/un.h>

typedef struct {
    const char *key;
    const char *value;
} setting_t;

static fetch_policy_t *make(const setting_t *settings, size_t count)
{
    config_t *config = config_new();
    buf_t why = {0};
    for (size_t i = 0; i < count; i++)
        assert_int_equal(config_set(config, settings[i].key, str_of(settings[i].value), &why),
                         ERR_OK);
    fetch_policy_t *policy = fetch_policy_new(config);
    config_destroy(&config);
    return policy;
}

static bool allows(const fetch_policy_t *policy, const char *text, uint16_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return fetch_policy_allows(policy, (struct sockaddr *)&v4, sizeof v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return fetch_policy_allows(policy, (struct sockaddr *)&v6, sizeof v6);
}

static void test_usage(void **state)
{
    (void)state;
    fetch_policy_t *policy = make(NULL, 0);
    assert_true(allows(policy, "192.168.1.20", 80));
    assert_false(allows(policy, "169.254.169.254", 80));
    fetch_policy_destroy(&policy);
}

static void test_defaults(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        bool allowed;
    } rows[] = {
        {"127.0.0.1", true},
        {"::1", true},
        {"10.0.0.1", true},
        {"172.16.0.1", true},
        {"192.168.0.1", true},
        {"100.64.0.1", true},
        {"8.8.8.8", true},
        {"fd00::1", true},
        {"2001:db8::1", true},
        {"64:ff9b::808:808", true},
        {"2002:c0a8:101::1", true},
        {"::ffff:192.168.0.1", true},
        {"0.0.0.0", false},
        {"0.1.2.3", false},
        {"169.254.0.1", false},
        {"169.254.169.254", false},
        {"100.100.100.200", false},
        {"168.63.129.16", false},
        {"224.0.0.1", false},
        {"239.255.255.250", false},
        {"255.255.255.255", false},
        {"240.0.0.1", false},
        {"::", false},
        {"fe80::1", false},
        {"febf::1", false},
        {"ff02::1", false},
        {"fd00:ec2::254", false},
        {"::ffff:169.254.169.254", false},
        {"::ffff:0.0.0.0", false},
        {"::169.254.169.254", false},
        {"64:ff9b::a9fe:a9fe", false},
        {"64:ff9b:1::a9fe:a9fe", false},
        {"2002:a9fe:a9fe::1", false},
        {"2001:0:102:304::5601:5601", false},
        {"fd00::5efe:a9fe:a9fe", false},
    };
    fetch_policy_t *policy = make(NULL, 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (allows(policy, rows[i].address, 80) != rows[i].allowed)
            fail_msg("%s", rows[i].address);
    }
    fetch_policy_destroy(&policy);
}

static void test_deny_and_allow(void **state)
{
    (void)state;
    static const setting_t settings[] = {
        {"fetch-deny", "127.0.0.0/8, ::1, 10.0.0.0/8"},
        {"fetch-allow", "10.1.0.0/16,169.254.169.254"},
    };
    fetch_policy_t *policy = make(settings, 2);
    assert_false(allows(policy, "127.0.0.1", 80));
    assert_false(allows(policy, "::1", 80));
    assert_false(allows(policy, "::ffff:127.0.0.1", 80));
    assert_false(allows(policy, "2002:7f00:1::", 80));
    assert_false(allows(policy, "10.2.0.1", 80));
    assert_true(allows(policy, "10.1.0.1", 80));
    assert_true(allows(policy, "169.254.169.254", 80));
    assert_false(allows(policy, "64:ff9b::a9fe:a9fe", 80)); /* an exception is taken literally */
    assert_false(allows(policy, "169.254.169.253", 80));
    fetch_policy_destroy(&policy);
}

static void test_only_what_is_allowed(void **state)
{
    (void)state;
    static const setting_t settings[] = {
        {"fetch-deny", "0.0.0.0/0,::/0"},
        {"fetch-allow", "192.168.1.0/24"},
    };
    fetch_policy_t *policy = make(settings, 2);
    assert_true(allows(policy, "192.168.1.9", 80));
    assert_true(allows(policy, "::ffff:192.168.1.9", 80));
    assert_false(allows(policy, "192.168.2.9", 80));
    assert_false(allows(policy, "8.8.8.8", 80));
    assert_false(allows(policy, "2001:db8::1", 80));
    fetch_policy_destroy(&policy);
}

static void test_our_own_ports(void **state)
{
    (void)state;
    static const setting_t settings[] = {
        {"listen", "127.0.0.1:8084"},
        {"listen", "[::1]:8085,auth=on,default-user=x:8099"},
        {"listen", "*:0"},
        {"endpoint", "states=tcp://127.0.0.1:9001"},
        {"endpoint", "objects=ipc:///run/x:9002"},
        {"fetch-allow", "127.0.0.2"},
    };
    fetch_policy_t *policy = make(settings, sizeof settings / sizeof settings[0]);
    assert_false(allows(policy, "127.0.0.1", 8084));
    assert_false(allows(policy, "127.0.0.3", 8084));
    assert_false(allows(policy, "::ffff:127.0.0.1", 8084));
    assert_false(allows(policy, "::1", 8085));
    assert_false(allows(policy, "127.0.0.1", 9001));
    assert_true(allows(policy, "127.0.0.1", 8099));
    assert_true(allows(policy, "127.0.0.1", 80));
    assert_true(allows(policy, "127.0.0.1", 0));
    assert_true(allows(policy, "127.0.0.2", 8084));
    assert_true(allows(policy, "192.0.2.1", 8084)); /* the same port of somebody else */
    assert_true(allows(policy, "2001:db8::1", 8084));
    fetch_policy_destroy(&policy);
}

static void test_other_families(void **state)
{
    (void)state;
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    fetch_policy_t *policy = make(NULL, 0);
    assert_false(fetch_policy_allows(policy, (struct sockaddr *)&local, sizeof local));
    fetch_policy_destroy(&policy);
    fetch_policy_destroy(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),          cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_deny_and_allow), cmocka_unit_test(test_only_what_is_allowed),
        cmocka_unit_test(test_our_own_ports),  cmocka_unit_test(test_other_families),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
