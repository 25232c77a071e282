/* SPDX-License-Identifier: MIT */
#include "actors/log_actor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "bus/log.h"
#include "tests/unit/fake_env.h"

/* data: where the files are; ":memory:": nowhere. */
static fake_env_t *open_log_in(const char *ring, const char *data)
{
    fake_env_t *env = fake_env_new();
    config_t *config = config_new();
    buf_t why = {0};
    assert_int_equal(config_set(config, "log-ring", str_of(ring), &why), ERR_OK);
    assert_int_equal(config_set(config, "host-name", STR_LIT("house"), &why), ERR_OK);
    assert_int_equal(config_set(config, "data", str_of(data), &why), ERR_OK);
    fake_env_open(env, &log_actor, config);
    config_destroy(&config);
    return env;
}

static fake_env_t *open_log(const char *ring)
{
    return open_log_in(ring, ":memory:");
}

static void test_usage(void **state)
{
    (void)state;
    fake_env_t *env = open_log("10");
    assert_string_equal(fake_env_call(env, "log.append", "[\"warn\",\"it rains\",\"\",\"vis.0\"]"),
                        "[null]");
    assert_string_equal(fake_env_events(env),
                        "[[\"log\",[{\"_id\":1700000000000,\"from\":\"system.adapter.socketio.0\","
                        "\"severity\":\"warn\",\"ts\":1700000000000,\"message\":\"it "
                        "rains\",\"client\":\"vis.0\"}]]]");
    assert_string_equal(fake_env_call(env, "log.tail", "[]"),
                        "[null,[{\"_id\":1700000000000,\"from\":\"system.adapter.socketio.0\","
                        "\"severity\":\"warn\",\"ts\":1700000000000,\"message\":\"it "
                        "rains\",\"client\":\"vis.0\"}]]");
    fake_env_destroy(&env);
}

static void test_odd_lines(void **state)
{
    (void)state;
    static const struct {
        const char *args;
        const char *part; /* of the event; NULL: no line */
    } rows[] = {
        {"[\"error\",{\"a\":1},\"x.0\"]", "\"from\":\"x.0\",\"severity\":\"error\""},
        {"[\"error\",{\"a\":1},\"x.0\"]", "\"message\":\"{\\\"a\\\":1}\""},
        {"[\"info\",null]", "\"message\":\"null\""},
        {"[\"nosuch\",\"x\"]", NULL}, /* debug: above the level */
        {"[5,\"x\"]", NULL},
        {"[\"a very long name of a severity\",\"x\"]", NULL},
        {"[\"error\"]", NULL},
        {"[]", NULL},
    };
    fake_env_t *env = open_log("10");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(fake_env_call(env, "log.append", rows[i].args), "[null]");
        const char *events = fake_env_events(env);
        if (rows[i].part)
            assert_non_null(strstr(events, rows[i].part));
        else
            assert_string_equal(events, "[]");
    }
    fake_env_destroy(&env);
}

static void test_ring_keeps_the_newest(void **state)
{
    (void)state;
    fake_env_t *env = open_log("10");
    char args[64];
    for (int i = 0; i < 25; i++) {
        snprintf(args, sizeof args, "[\"error\",\"line-%d\"]", i);
        fake_env_call(env, "log.append", args);
    }
    const char *tail = fake_env_call(env, "log.tail", "[2]");
    assert_null(strstr(tail, "line-22"));
    assert_true(strstr(tail, "line-23") < strstr(tail, "line-24"));
    tail = fake_env_call(env, "log.tail", "[null]");
    assert_null(strstr(tail, "line-14"));
    assert_non_null(strstr(tail, "line-15"));
    fake_env_destroy(&env);
}

static void test_floods_of_clients_are_cut(void **state)
{
    (void)state;
    fake_env_t *env = open_log("1000");
    for (int i = 0; i < 500; i++)
        fake_env_call(env, "log.append", "[\"error\",\"flood\"]");
    const char *tail = fake_env_call(env, "log.tail", "[]");
    size_t count = 0;
    for (const char *at = tail; (at = strstr(at, "flood")) != NULL; at++)
        count++;
    assert_int_equal(count, 200);
    fake_env_events(env);
    fake_env_advance(env, 1000);
    assert_non_null(strstr(fake_env_events(env), "LOG-DROPPED whose=clients lines=300"));
    fake_env_destroy(&env);
}

static void test_long_lines_are_cut_between_characters(void **state)
{
    (void)state;
    fake_env_t *env = open_log("10");
    buf_t args = {0};
    err_t status;
    mp_put_array(&args, 2);
    mp_put_cstr(&args, "error");
    buf_t text = {0};
    buf_append_byte(&text, 'x');
    for (int i = 0; i < 5000; i++)
        buf_append_cstr(&text, "\xc3\xa4");
    mp_put_str(&args, buf_str(&text));
    fake_env_call_mp(env, "log.append", mp_of_buf(&args), &status);
    const char *tail = fake_env_call(env, "log.tail", "[]");
    const char *message = strstr(tail, "\"message\":\"x");
    assert_non_null(message);
    assert_int_equal(strlen(message), strlen("\"message\":\"\",\"client\":\"test/1\"}]]") + 4095);
    buf_fini(&text);
    buf_fini(&args);
    fake_env_destroy(&env);
}

static void *log_lines(void *arg)
{
    for (int i = 0; i < *(int *)arg; i++)
        log_warn("TEST-LINE", "number=%d", i);
    return NULL;
}

/* Standard error is nobody's concern here. */
static void log_from_another_thread(int count)
{
    pthread_t thread;
    int saved = dup(STDERR_FILENO);
    int nowhere = open("/dev/null", O_WRONLY);
    assert_true(dup2(nowhere, STDERR_FILENO) >= 0);
    assert_int_equal(pthread_create(&thread, NULL, log_lines, &count), 0);
    pthread_join(thread, NULL);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(nowhere);
    close(saved);
}

static void test_lines_of_the_process(void **state)
{
    (void)state;
    fake_env_t *env = open_log("10");
    log_from_another_thread(1);
    assert_string_equal(fake_env_events(env), "[]");
    fake_env_advance(env, 50);
    const char *events = fake_env_events(env);
    assert_non_null(strstr(events, "\"from\":\"system.host.house\",\"severity\":\"warn\""));
    assert_non_null(strstr(events, "\"message\":\"TEST-LINE number=0\""));
    log_from_another_thread(1); /* never taken: freed at the end */
    fake_env_destroy(&env);
    log_from_another_thread(1); /* nobody listens any more */
}

static void test_floods_of_the_process_are_cut(void **state)
{
    (void)state;
    fake_env_t *env = open_log("2000");
    log_from_another_thread(1030);
    fake_env_advance(env, 50);
    const char *events = fake_env_events(env);
    assert_non_null(strstr(events, "number=1023"));
    assert_null(strstr(events, "number=1024"));
    assert_non_null(strstr(events, "LOG-DROPPED whose=server lines=6"));
    fake_env_destroy(&env);
}

static void test_lines_of_other_processes(void **state)
{
    (void)state;
    fake_env_t *env = open_log("10");
    const char *args = "[\"system.host.attic\",[[\"warn\",1700000000001,\"DISK-FULL\"]]]";
    assert_string_equal(fake_env_call(env, "log.forward", args), "[\"permissionError\"]");
    fake_env_set_user(env, "");
    assert_string_equal(fake_env_call(env, "log.forward", args), "[null]");
    assert_non_null(strstr(fake_env_events(env),
                           "\"from\":\"system.host.attic\",\"severity\":\"warn\","
                           "\"ts\":1700000000001,\"message\":\"DISK-FULL\""));
    assert_string_equal(fake_env_call(env, "log.forward", "[\"x\",[[\"odd\",1,\"x\"]]]"),
                        "[\"Invalid arguments\"]");
    assert_string_equal(fake_env_call(env, "log.forward", "[\"x\",[5]]"),
                        "[\"Invalid arguments\"]");
    fake_env_destroy(&env);
}

static void test_files(void **state)
{
    char args[128], folder[] = "/tmp/iobus-log-XXXXXX", command[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    fake_env_t *env = open_log_in("10", folder);
    assert_string_equal(fake_env_call(env, "log.files", "[]"), "[\"permissionError\"]");
    assert_string_equal(fake_env_call(env, "log.clear", "[]"), "[\"permissionError\"]");
    fake_env_call(env, "log.append", "[\"warn\",\"it rains\",\"\",\"vis.0\"]");
    fake_env_set_user(env, "");
    const char *files = fake_env_call(env, "log.files", "[]");
    const char *name = strstr(files, "iobus.");
    assert_non_null(name);
    snprintf(args, sizeof args, "[\"%.*s\",0,1000]", (int)strcspn(name, "\""), name);
    assert_non_null(strstr(fake_env_call(env, "log.read", args), "\"type\":\"Buffer\""));
    assert_string_equal(fake_env_call(env, "log.read", "[\"../x\",0,1000]"), "[\"Not exists\"]");
    assert_string_equal(fake_env_call(env, "log.read", "[\"x\",0,1000000000]"),
                        "[\"Invalid arguments\"]");
    fake_env_destroy(&env);
    env = open_log_in("10", folder); /* what was kept is there again */
    assert_non_null(
        strstr(fake_env_call(env, "log.tail", "[]"), "\"message\":\"(vis.0) it rains\""));
    fake_env_set_user(env, "");
    assert_string_equal(fake_env_call(env, "log.clear", "[]"), "[null]");
    assert_string_equal(fake_env_call(env, "log.files", "[]"), "[null,[]]");
    fake_env_destroy(&env);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_odd_lines),
        cmocka_unit_test(test_ring_keeps_the_newest),
        cmocka_unit_test(test_floods_of_clients_are_cut),
        cmocka_unit_test(test_long_lines_are_cut_between_characters),
        cmocka_unit_test(test_lines_of_the_process),
        cmocka_unit_test(test_floods_of_the_process_are_cut),
        cmocka_unit_test(test_lines_of_other_processes),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
