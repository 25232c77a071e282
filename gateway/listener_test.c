/* SPDX-License-Identifier: MIT */
#include "gateway/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Usage: settings that are not given come from the configuration. */
static void parses_a_listener(void **unused)
{
    (void)unused;
    buf_t why = {0}, url = {0};
    listener_t *listener;
    config_t *config = config_new();
    assert_int_equal(listener_parse("127.0.0.1:8085,instance=socketio.1,admin=on,base-path=/house/",
                                    config, &listener, &why),
                     ERR_OK);
    assert_string_equal(listener->host, "127.0.0.1");
    assert_int_equal(listener->port, 8085);
    assert_string_equal(listener->instance, "socketio.1");
    assert_string_equal(listener->adapter, "socketio");
    assert_string_equal(listener->from, "system.adapter.socketio.1");
    assert_string_equal(listener->default_user, "system.user.admin");
    assert_string_equal(listener->base_path, "/house");
    assert_true(listener->admin && !listener->auth);
    listener_url(listener, &url);
    assert_true(str_is(buf_str(&url), "http://127.0.0.1:8085"));
    listener_destroy(&listener);
    config_destroy(&config);
    buf_fini(&url);
    buf_fini(&why);
}

static void check(const char *text, bool open, const char *expected)
{
    buf_t why = {0};
    listener_t *listener;
    config_t *config = config_new();
    if (open)
        assert_int_equal(config_set(config, "open", STR_LIT("on"), &why), ERR_OK);
    err_t err = listener_parse(text, config, &listener, &why);
    assert_int_equal(err, expected ? ERR_CONFIG : ERR_OK);
    if (expected && !memmem(why.data, why.len, expected, strlen(expected)))
        fail_msg("\"%.*s\" does not contain \"%s\"", STR_ARG(buf_str(&why)), expected);
    assert_true((listener == NULL) == (expected != NULL));
    listener_destroy(&listener);
    config_destroy(&config);
    buf_fini(&why);
}

static void accepts_addresses(void **unused)
{
    (void)unused;
    check("localhost:0", false, NULL);
    check("[::1]:8084", false, NULL);
    check("0.0.0.0:8084", true, NULL);
    check("*:8084", true, NULL);
    check(":8084", true, NULL);
}

static void says_what_is_wrong(void **unused)
{
    (void)unused;
    check("8084", false, "HOST:PORT");
    check("", false, "HOST:PORT");
    check("127.0.0.1:65536", false, "HOST:PORT");
    check("127.0.0.1:x", false, "HOST:PORT");
    check("house:80", false, "HOST:PORT");
    check("0.0.0.0:8084", false, "--open");
    check("127.0.0.1:1,nonsense=1", false, "unknown key \"nonsense\"");
    check("127.0.0.1:1,auth=maybe", false, "auth must be on or off");
    check("127.0.0.1:1,instance=socketio", false, "must look like socketio.0");
    check("127.0.0.1:1,instance=socket io.0", false, "must look like socketio.0");
    check("127.0.0.1:1,base-path=house", false, "base-path must begin");
    check("127.0.0.1:1,default-user=", false, "default-user");
    check("127.0.0.1:1,tls=maybe", false, "tls must be on or off");
    check("127.0.0.1:1,https-redirect=70000", false, "https-redirect must be on, off or a port");
    check("127.0.0.1:1,proxy-protocol=on", false, "trusted-proxies names nobody");
}

static void knows_https(void **unused)
{
    buf_t why = {0}, url = {0};
    listener_t *listener;
    config_t *config = config_new();
    (void)unused;
    assert_int_equal(config_set(config, "trusted-proxies", STR_LIT("10.0.0.1"), &why), ERR_OK);
    assert_int_equal(listener_parse("[::1]:443,tls=on,proxy-protocol=on,https-redirect=8443",
                                    config, &listener, &why),
                     ERR_OK);
    assert_true(listener->tls && listener->proxy_protocol && listener->redirect == 8443);
    listener_url(listener, &url);
    assert_true(str_is(buf_str(&url), "https://[::1]:443"));
    listener_destroy(&listener);
    config_destroy(&config);
    buf_fini(&url);
    buf_fini(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_a_listener),
        cmocka_unit_test(accepts_addresses),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(knows_https),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
