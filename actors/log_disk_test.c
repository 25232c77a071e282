/* SPDX-License-Identifier: MIT */
#include "actors/log_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_MS 86400000
#define NOW 1796064549706 /* 2026-11-30 18:49:09.706 UTC */

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    snprintf(folder, sizeof folder, "/tmp/iobus-log-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static log_disk_t *open_disk(size_t bytes)
{
    buf_t why = {0};
    log_disk_t *disk = log_disk_open(folder, bytes, &why);
    assert_non_null(disk);
    assert_int_equal(why.len, 0);
    return disk;
}

static void add(log_disk_t *disk, int64_t ts, const char *text)
{
    const log_disk_line_t line = {STR_LIT("info"), ts, STR_LIT("system.host.house"), str_of(text)};
    log_disk_add(disk, &line);
}

static void put_line(void *arg, const log_disk_line_t *line)
{
    buf_printf(arg, "%lld %.*s %.*s|%.*s\n", (long long)line->ts, STR_ARG(line->severity),
               STR_ARG(line->from), STR_ARG(line->text));
}

static void assert_tail(log_disk_t *disk, size_t lines, const char *expected)
{
    buf_t text = {0};
    log_disk_tail(disk, lines, put_line, &text);
    buf_append_byte(&text, 0);
    assert_string_equal((const char *)text.data, expected);
    buf_fini(&text);
}

typedef struct {
    size_t count;
    uint64_t bytes;
    char first[64], last[64];
} seen_t;

static void see(void *arg, const char *name, uint64_t size)
{
    seen_t *seen = arg;
    if (seen->count++ == 0)
        snprintf(seen->first, sizeof seen->first, "%s", name);
    snprintf(seen->last, sizeof seen->last, "%s", name);
    seen->bytes += size;
}

static seen_t look(log_disk_t *disk)
{
    seen_t seen = {.count = 0};
    log_disk_files(disk, see, &seen);
    return seen;
}

static void test_usage(void **state)
{
    (void)state;
    log_disk_t *disk = open_disk(1 << 20);
    add(disk, NOW, "it rains");
    log_disk_flush(disk);
    seen_t seen = look(disk);
    buf_t text = {0};
    uint64_t size;
    assert_string_equal(seen.last, "iobus.2026-11-30.000001.log");
    assert_int_equal(log_disk_read(disk, str_of(seen.last), 0, 1000, &text, &size), ERR_OK);
    buf_append_byte(&text, 0);
    assert_string_equal((const char *)text.data,
                        "2026-11-30 18:49:09.706  - info: system.host.house it rains\n");
    buf_fini(&text);
    log_disk_close(&disk);
}

static void test_goes_on_after_a_restart(void **state)
{
    (void)state;
    log_disk_t *disk = open_disk(1 << 20);
    add(disk, NOW, "one\ntwo\x1b\r");
    log_disk_close(&disk);
    disk = open_disk(1 << 20);
    add(disk, NOW + 1, "three");
    assert_int_equal(look(disk).count, 1);
    assert_tail(disk, 10,
                "1796064549706 info system.host.house|one\\ntwo? \n"
                "1796064549707 info system.host.house|three\n");
    assert_tail(disk, 1, "1796064549707 info system.host.house|three\n");
    log_disk_close(&disk);
}

static void test_is_bounded(void **state)
{
    char text[200];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_disk_t *disk = open_disk(65536);
    for (int i = 0; i < 5000; i++) {
        snprintf(text, 10, "%09d", i);
        text[9] = ' ';
        add(disk, NOW + i, text);
    }
    seen_t seen = look(disk);
    assert_true(seen.bytes <= 65536 && seen.bytes > 30000);
    assert_true(seen.count > 3);
    assert_string_not_equal(seen.first, "iobus.2026-11-30.000001.log");
    assert_int_equal(log_disk_lost(disk), 0);
    log_disk_close(&disk);
    disk = open_disk(65536);
    assert_int_equal(look(disk).bytes, seen.bytes);
    log_disk_clear(disk);
    assert_int_equal(look(disk).count, 0);
    add(disk, NOW, "again");
    assert_int_equal(look(disk).count, 1);
    log_disk_close(&disk);
}

static void test_a_day_is_a_file(void **state)
{
    (void)state;
    log_disk_t *disk = open_disk(1 << 20);
    add(disk, NOW, "today");
    add(disk, NOW + DAY_MS, "tomorrow");
    seen_t seen = look(disk);
    assert_string_equal(seen.first, "iobus.2026-11-30.000001.log");
    assert_string_equal(seen.last, "iobus.2026-12-01.000002.log");
    log_disk_close(&disk);
}

static void test_names_of_others(void **state)
{
    static const char *const names[] = {"../etc/passwd", "iobus.2026-11-30.000002.log", "iobus.log",
                                        "", "iobus.2026-11-30.1.log"};
    (void)state;
    buf_t text = {0};
    uint64_t size;
    char path[128];
    snprintf(path, sizeof path, "%s/iobus.2026-11-30.000009.log", folder);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    snprintf(path, sizeof path, "%s/other", folder);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    log_disk_t *disk = open_disk(1 << 20);
    assert_int_equal(look(disk).count, 0);
    add(disk, NOW, "x");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(log_disk_read(disk, str_of(names[i]), 0, 10, &text, &size),
                         ERR_NOT_EXISTS);
    assert_int_equal(text.len, 0);
    assert_int_equal(access(path, F_OK), 0);
    log_disk_close(&disk);
}

static void test_a_disk_that_takes_nothing(void **state)
{
    char path[128];
    (void)state;
    log_disk_t *disk = open_disk(1 << 20);
    snprintf(path, sizeof path, "%s/iobus.2026-11-30.000001.log", folder);
    assert_int_equal(mkdir(path, 0700), 0); /* nothing can be written there */
    add(disk, NOW, "lost");
    add(disk, NOW, "too");
    log_disk_flush(disk);
    assert_int_equal(log_disk_lost(disk), 2);
    assert_int_equal(log_disk_lost(disk), 0);
    log_disk_close(&disk);
}

static void test_lines(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"2026-11-30 18:49:09.706  - info: a b", true},
        {"2026-11-30 18:49:09.706  - info: a ", true},
        {"2026-11-30 18:49:09.706  - info: a", false},
        {"2026-11-30 18:49:09.706  - : a b", false},
        {"2026-11-30 18:49:09.70   - info: a b", false},
        {"2026-11-30T18:49:09.706  - info: a b", false},
        {"  - info: a b", false},
        {"", false},
        {"x", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        log_disk_line_t line;
        if (log_disk_parse(str_of(rows[i].text), &line) != rows[i].good)
            fail_msg("%s", rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_usage, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_goes_on_after_a_restart, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_is_bounded, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_day_is_a_file, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_names_of_others, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_disk_that_takes_nothing, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_lines, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
