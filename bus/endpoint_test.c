/* SPDX-License-Identifier: MIT */
#include "bus/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static config_t *config_with(const char *key, const char *value)
{
    config_t *config = config_new();
    buf_t why = {0};
    assert_int_equal(config_set(config, "data", STR_LIT(":memory:"), &why), ERR_OK);
    if (key)
        assert_int_equal(config_set(config, key, str_of(value), &why), ERR_OK);
    buf_fini(&why);
    return config;
}

/* Usage: an actor of this process is found in it, another one by its socket in the run folder. */
static void local_and_other(void **unused)
{
    (void)unused;
    static const char *const local[] = {"states", NULL};
    buf_t why = {0};
    config_t *config = config_with(NULL, NULL);
    endpoints_t *endpoints = endpoints_new(config, local, &why);
    assert_non_null(endpoints);
    assert_true(endpoints_is_local(endpoints, "states"));
    assert_non_null(strstr(endpoints_connect(endpoints, "states", ENDPOINT_REQUEST), "inproc://"));
    assert_non_null(
        strstr(endpoints_connect(endpoints, "objects", ENDPOINT_EVENT), "/objects.evt"));
    assert_non_null(endpoints_bind(endpoints, "states", ENDPOINT_TAP)[1]);

    endpoints_destroy(&endpoints);
    config_destroy(&config);
}

static void long_path_gets_a_short_one(void **unused)
{
    (void)unused;
    char path[180];
    memset(path, 'x', sizeof path);
    memcpy(path, "/tmp/", 5);
    path[sizeof path - 1] = '\0';
    buf_t why = {0};
    config_t *config = config_with("run", path);
    endpoints_t *first = endpoints_new(config, NULL, &why);
    endpoints_t *second = endpoints_new(config, NULL, &why);
    assert_non_null(first);
    assert_true(strlen(endpoints_connect(first, "objects", ENDPOINT_REQUEST)) < 107);
    assert_string_equal(endpoints_run_dir(first), endpoints_run_dir(second));
    rmdir(endpoints_run_dir(first));
    endpoints_destroy(&first);
    endpoints_destroy(&second);
    config_destroy(&config);
}

static void tcp_takes_three_ports(void **unused)
{
    (void)unused;
    buf_t why = {0};
    config_t *config = config_with("endpoint", "states=tcp://127.0.0.1:7000");
    endpoints_t *endpoints = endpoints_new(config, NULL, &why);
    assert_non_null(endpoints);
    assert_string_equal(endpoints_connect(endpoints, "states", ENDPOINT_REQUEST),
                        "tcp://127.0.0.1:7000");
    assert_string_equal(endpoints_connect(endpoints, "states", ENDPOINT_TAP),
                        "tcp://127.0.0.1:7002");

    endpoints_destroy(&endpoints);
    config_destroy(&config);
}

static void bad_endpoints_are_refused(void **unused)
{
    (void)unused;
    static const struct {
        const char *item, *why;
    } rows[] = {
        {"states", "endpoint states: expected ACTOR=URL with a known actor"},
        {"nobody=ipc:///tmp/x",
         "endpoint nobody=ipc:///tmp/x: expected ACTOR=URL with a known actor"},
        {"states=tcp://10.0.0.1:7000", "endpoint tcp://10.0.0.1:7000: the bus is not encrypted; "
                                       "set insecure to use it beyond this host"},
        {"states=tcp://127.evil.example:7000",
         "endpoint tcp://127.evil.example:7000: the bus is not encrypted; set insecure to use it "
         "beyond this host"},
        {"states=tcp://127.0.0.1:0",
         "endpoint tcp://127.0.0.1:0: expected tcp://HOST:PORT with a port from 1 to 65533"},
        {"states=udp://x",
         "endpoint states=udp://x: expected a short ipc://PATH or tcp://HOST:PORT"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_t why = {0};
        config_t *config = config_with("endpoint", rows[i].item);
        assert_null(endpoints_new(config, NULL, &why));
        assert_true(str_is(buf_str(&why), rows[i].why));
        buf_fini(&why);
        config_destroy(&config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_and_other),
        cmocka_unit_test(long_path_gets_a_short_one),
        cmocka_unit_test(tcp_takes_three_ports),
        cmocka_unit_test(bad_endpoints_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
