/* SPDX-License-Identifier: MIT */
#include "actors/host_exec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>
#include <time.h>

#include "bus/json.h"
#include "bus/log.h"

static const host_exec_limits_t limits = {
    .enabled = true, .timeout_ms = 30000, .output = 10000, .parallel = 2};

static void on_event(void *arg, str_t client, const char *event, str_t id, mp_t data)
{
    buf_printf(arg, "%.*s %s %.*s ", STR_ARG(client), event, STR_ARG(id));
    json_from_mp(arg, data, NULL);
    buf_append_byte(arg, '\n');
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until nothing runs any more. */
static void finish(host_exec_t *exec)
{
    int64_t deadline = now_ms() + 30000;
    int64_t wait;
    while ((wait = host_exec_tick(exec, now_ms())) >= 0) {
        assert_true(now_ms() < deadline);
        poll(NULL, 0, (int)wait);
    }
}

/* The events of one command. */
static void run(const char *command, const host_exec_limits_t *with, const char *expected)
{
    buf_t events = {0};
    host_exec_t *exec = host_exec_new(on_event, &events);
    assert_null(
        host_exec_start(exec, with, STR_LIT("gw/1"), STR_LIT("7"), str_of(command), now_ms()));
    finish(exec);
    buf_append_byte(&events, 0);
    assert_string_equal((const char *)events.data, expected);
    host_exec_destroy(&exec);
    buf_fini(&events);
}

static void test_usage(void **state)
{
    (void)state;
    run("echo hello; exit 3", &limits, "gw/1 cmdStdout 7 \"hello\"\ngw/1 cmdExit 7 3\n");
}

static void test_what_a_command_gets(void **state)
{
    (void)state;
    setenv("SECRET", "x", 1);
    run("cat; pwd; echo \"$SECRET\"; ls /proc/self/fd | wc -l", &limits,
        "gw/1 cmdStdout 7 \"/\\n\\n4\"\ngw/1 cmdExit 7 0\n");
}

static void test_text(void **state)
{
    (void)state;
    run("printf 'a\\303\\244\\377\\360\\237'", &limits,
        "gw/1 cmdStdout 7 \"a\xc3\xa4\xef\xbf\xbd\"\n"
        "gw/1 cmdStdout 7 \"\xef\xbf\xbd\xef\xbf\xbd\"\ngw/1 cmdExit 7 0\n");
    run("kill -9 $$", &limits, "gw/1 cmdExit 7 137\n");
    run("echo oh >&2", &limits, "gw/1 cmdStderr 7 \"oh\"\ngw/1 cmdExit 7 0\n");
}

static void test_time_and_output_are_bounded(void **state)
{
    host_exec_limits_t brief = limits, narrow = limits;
    brief.timeout_ms = 100;
    narrow.output = 5;
    (void)state;
    run("sleep 1000 & sleep 1000", &brief,
        "gw/1 cmdStderr 7 \"The command has taken too long and was ended\"\n"
        "gw/1 cmdExit 7 137\n");
    run("echo 1234; sleep 0.2; echo 5678; sleep 1000", &narrow,
        "gw/1 cmdStdout 7 \"1234\"\n"
        "gw/1 cmdStderr 7 \"The command has printed too much and was ended\"\n"
        "gw/1 cmdExit 7 137\n");
}

/* A child in the background does not hold up the end, and does not live on. */
static void test_children(void **state)
{
    (void)state;
    int64_t start = now_ms();
    run("sleep 1000 & echo started", &limits, "gw/1 cmdStdout 7 \"started\"\ngw/1 cmdExit 7 0\n");
    assert_true(now_ms() - start < 20000);
}

static void test_refused(void **state)
{
    (void)state;
    buf_t events = {0};
    host_exec_t *exec = host_exec_new(on_event, &events);
    host_exec_limits_t off = limits;
    off.enabled = false;
    str_t client = STR_LIT("gw/1"), id = STR_LIT("7");
    assert_non_null(
        strstr(host_exec_start(exec, &off, client, id, STR_LIT("echo x"), 0), "switched off"));
    assert_non_null(host_exec_start(exec, &limits, client, id, STR_LIT(""), 0));
    assert_non_null(host_exec_start(exec, &limits, client, id, (str_t){"a\0b", 3}, 0));
    for (size_t i = 0; i < limits.parallel; i++)
        assert_null(host_exec_start(exec, &limits, client, id, STR_LIT("sleep 1000"), now_ms()));
    assert_non_null(
        strstr(host_exec_start(exec, &limits, client, id, STR_LIT("x"), now_ms()), "Too many"));
    assert_int_equal(events.len, 0);
    host_exec_destroy(&exec); /* ends them */
    buf_fini(&events);
}

int main(void)
{
    log_set_level(LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),    cmocka_unit_test(test_what_a_command_gets),
        cmocka_unit_test(test_text),     cmocka_unit_test(test_time_and_output_are_bounded),
        cmocka_unit_test(test_children), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
