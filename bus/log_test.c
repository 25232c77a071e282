/* SPDX-License-Identifier: MIT */
#include "bus/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char seen[4096];
static int lines;

static void sink(void *arg, log_level_t level, const char *text)
{
    (void)arg;
    (void)level;
    lines++;
    strncpy(seen, text, sizeof seen - 1);
}

static int set_up(void **unused)
{
    (void)unused;
    lines = 0;
    log_set_level(LEVEL_INFO);
    log_set_sink(sink, NULL);
    return 0;
}

/* Usage: a stable id, then key=value. */
static void writes_id_and_values(void **unused)
{
    (void)unused;
    log_info("TEST-LINE", "client=%s queued=%d", "a", 3);
    assert_int_equal(lines, 1);
    assert_string_equal(seen, "TEST-LINE client=a queued=3");
    log_debug("TEST-HIDDEN", "x=%d", 1);
    assert_int_equal(lines, 1);
}

static void control_characters_forge_no_lines(void **unused)
{
    (void)unused;
    log_warn("TEST-FORGED", "name=%s", "a\nerror FAKE\x1b[2J");
    assert_null(strchr(seen, '\n'));
    assert_null(strchr(seen, '\x1b'));
}

static void a_limiter_lets_one_line_through(void **unused)
{
    (void)unused;
    static log_limit_t limit;
    for (int i = 0; i < 1000; i++)
        log_limited(&limit, LEVEL_WARN, "TEST-LIMIT", "i=%d", i);
    assert_int_equal(lines, 1);
    assert_true(limit.skipped == 999);
}

static void long_lines_are_cut(void **unused)
{
    (void)unused;
    static char text[100000];
    memset(text, 'x', sizeof text - 1);
    log_info("TEST-LONG", "%s", text);
    assert_int_equal(lines, 1);
    assert_true(strlen(seen) < 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(writes_id_and_values, set_up),
        cmocka_unit_test_setup(control_characters_forge_no_lines, set_up),
        cmocka_unit_test_setup(a_limiter_lets_one_line_through, set_up),
        cmocka_unit_test_setup(long_lines_are_cut, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
