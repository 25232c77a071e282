/* SPDX-License-Identifier: MIT */
/* A database on a disk that fills up: writes are refused, reads go on, and when there is room again
 * writes are taken without a restart. The disk is a small tmpfs in a mount namespace of our own;
 * where that is not permitted the tests are skipped. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus/log.h"
#include "storage/engine.h"

#define VALUE_BYTES (32u << 10)
#define KEYS_MAX 20000u
#define DEADLINE_MS 30000

static char mount_point[] = "/tmp/iobus-full-XXXXXX";
static bool may_mount;

typedef struct {
    char path[64];
    char ballast[64];
    engine_t *engine;
    unsigned acknowledged; /* keys 0 .. acknowledged - 1 are there */
} fixture_t;

/* --- the disk --------------------------------------------------------------------------------- */

static int prepare(void **state)
{
    (void)state;
    if (!mkdtemp(mount_point))
        return -1;
    may_mount = unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
    may_mount = may_mount && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    may_mount = may_mount && mount("tmpfs", mount_point, "tmpfs", 0, "size=64m") == 0;
    if (!may_mount)
        print_message("no tmpfs can be mounted here (%s): tests of full disks are skipped\n",
                      strerror(errno));
    return 0;
}

static int finish(void **state)
{
    (void)state;
    if (may_mount)
        umount(mount_point);
    return rmdir(mount_point);
}

static size_t room(void)
{
    struct statvfs info;
    assert_int_equal(statvfs(mount_point, &info), 0);
    return (size_t)info.f_bavail * info.f_frsize;
}

/* Fills the disk until `left` bytes are free. */
static void fill(const fixture_t *self, size_t left)
{
    int file = open(self->ballast, O_CREAT | O_WRONLY, 0600);
    assert_true(file >= 0);
    size_t bytes = room() > left ? room() - left : 0;
    assert_int_equal(posix_fallocate(file, 0, (off_t)bytes), 0);
    close(file);
}

/* --- the database ----------------------------------------------------------------------------- */

static err_t open_engine(fixture_t *self, engine_durability_t durability)
{
    engine_options_t options = {.path = self->path,
                                .name = "files",
                                .format = 1,
                                .durability = durability,
                                .sync_interval_ms = 50,
                                .cache_bytes = 1 << 20};
    buf_t why = {0};
    err_t err = engine_open(&self->engine, &options, &why);
    if (err != ERR_OK)
        print_message("%.*s\n", STR_ARG(buf_str(&why)));
    buf_fini(&why);
    return err;
}

static int set_up(void **state)
{
    fixture_t *self = calloc(1, sizeof *self);
    snprintf(self->path, sizeof self->path, "%s/data", mount_point);
    snprintf(self->ballast, sizeof self->ballast, "%s/ballast", mount_point);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    fixture_t *self = *state;
    char command[256];
    engine_close(&self->engine);
    snprintf(command, sizeof command, "rm -rf %s %s", self->path, self->ballast);
    int status = system(command);
    free(self);
    return status;
}

static err_t write_key(fixture_t *self, unsigned number)
{
    static char value[VALUE_BYTES];
    char key[16];
    unsigned seed = number + 1;
    for (size_t i = 0; i < sizeof value; i++) /* bytes that do not compress */
        value[i] = (char)((seed = seed * 1103515245u + 12345u) >> 16);
    snprintf(key, sizeof key, "%06u", number);
    engine_put(self->engine, str_of(key), (str_t){value, sizeof value});
    return engine_commit(self->engine);
}

/* Writes until the store refuses. */
static void write_until_full(fixture_t *self)
{
    err_t err = ERR_OK;
    while (err == ERR_OK) {
        assert_true(self->acknowledged < KEYS_MAX);
        err = write_key(self, self->acknowledged);
        if (err == ERR_OK)
            self->acknowledged++;
    }
    assert_int_equal(err, ERR_READ_ONLY);
    assert_int_equal(engine_pending(self->engine), 0);
    assert_true(engine_read_only(self->engine));
}

/* Exactly the acknowledged keys are there, by get and by scan. */
static void assert_readable(fixture_t *self)
{
    char name[16];
    buf_t value = {0};
    bool found;
    for (unsigned i = 0; i <= self->acknowledged; i++) {
        snprintf(name, sizeof name, "%06u", i);
        buf_reset(&value);
        assert_int_equal(engine_get(self->engine, str_of(name), &value, &found), ERR_OK);
        assert_int_equal(found, i < self->acknowledged);
    }
    buf_fini(&value);
    str_t key, bytes;
    unsigned count = 0;
    engine_scan_t *all = engine_scan_new(self->engine, STR_LIT(""), STR_LIT(""));
    while (engine_scan_next(all, &key, &bytes))
        count++;
    assert_int_equal(engine_scan_error(all), ERR_OK);
    engine_scan_destroy(&all);
    assert_int_equal(count, self->acknowledged);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* As an actor does: ticks when told to, until the store takes writes again. */
static void await_writable(fixture_t *self)
{
    int64_t deadline = now_ms() + DEADLINE_MS;
    while (engine_read_only(self->engine)) {
        int64_t wait_ms = engine_tick(self->engine, now_ms());
        assert_true(now_ms() < deadline);
        if (engine_read_only(self->engine))
            nanosleep(&(struct timespec){.tv_nsec = wait_ms * 1000000 / 2}, NULL);
    }
}

static void fill_and_recover(fixture_t *self, engine_durability_t durability, size_t left)
{
    assert_int_equal(open_engine(self, durability), ERR_OK);
    for (; self->acknowledged < 20; self->acknowledged++)
        assert_int_equal(write_key(self, self->acknowledged), ERR_OK);
    fill(self, left);
    write_until_full(self);
    assert_readable(self);
    assert_int_equal(write_key(self, self->acknowledged), ERR_READ_ONLY);
    assert_readable(self);

    assert_int_equal(unlink(self->ballast), 0);
    await_writable(self);
    assert_readable(self);
    assert_int_equal(write_key(self, self->acknowledged++), ERR_OK);
    assert_readable(self);
    engine_close(&self->engine);
    assert_int_equal(open_engine(self, durability), ERR_OK);
    assert_readable(self);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void log_does_not_fit(void **state)
{
    if (!may_mount)
        skip();
    fill_and_recover(*state, ENGINE_POWER, 256u << 10);
}

static void log_does_not_fit_process(void **state)
{
    if (!may_mount)
        skip();
    fill_and_recover(*state, ENGINE_PROCESS, 256u << 10);
}

/* The log has room until the first table has to be written. */
static void table_does_not_fit(void **state)
{
    if (!may_mount)
        skip();
    fill_and_recover(*state, ENGINE_POWER, 11u << 20);
}

static void commit_recovers_without_ticks(void **state)
{
    fixture_t *self = *state;
    if (!may_mount)
        skip();
    assert_int_equal(open_engine(self, ENGINE_POWER), ERR_OK);
    fill(self, 256u << 10);
    write_until_full(self);
    assert_int_equal(unlink(self->ballast), 0);
    int64_t deadline = now_ms() + DEADLINE_MS;
    while (write_key(self, self->acknowledged) != ERR_OK)
        assert_true(now_ms() < deadline);
    self->acknowledged++;
    assert_false(engine_read_only(self->engine));
    assert_readable(self);
}

/* Nothing that is being read is pulled away by the recovery. */
static void open_scan_and_snapshot_stay_valid(void **state)
{
    fixture_t *self = *state;
    if (!may_mount)
        skip();
    assert_int_equal(open_engine(self, ENGINE_POWER), ERR_OK);
    fill(self, 256u << 10);
    write_until_full(self);
    engine_snapshot_t *snapshot = engine_snapshot_new(self->engine);
    engine_scan_t *all = engine_snapshot_scan(snapshot, STR_LIT(""), STR_LIT(""));
    assert_int_equal(unlink(self->ballast), 0);
    (void)engine_tick(self->engine, now_ms());
    str_t key, value;
    unsigned count = 0;
    while (engine_scan_next(all, &key, &value))
        count++;
    assert_int_equal(engine_scan_error(all), ERR_OK);
    assert_int_equal(count, self->acknowledged);
    engine_scan_destroy(&all);
    engine_snapshot_destroy(&snapshot);
    await_writable(self);
    assert_readable(self);
}

static void starts_on_a_full_disk(void **state)
{
    fixture_t *self = *state;
    if (!may_mount)
        skip();
    assert_int_equal(open_engine(self, ENGINE_POWER), ERR_OK);
    for (; self->acknowledged < 20; self->acknowledged++)
        assert_int_equal(write_key(self, self->acknowledged), ERR_OK);
    engine_close(&self->engine);
    fill(self, 0);
    assert_int_equal(open_engine(self, ENGINE_POWER), ERR_OK);
    assert_true(engine_read_only(self->engine));
    assert_readable(self);
    assert_int_equal(write_key(self, self->acknowledged), ERR_READ_ONLY);
    assert_int_equal(unlink(self->ballast), 0);
    await_writable(self);
    assert_int_equal(write_key(self, self->acknowledged++), ERR_OK);
    assert_readable(self);
}

static void new_database_on_a_full_disk(void **state)
{
    fixture_t *self = *state;
    if (!may_mount)
        skip();
    fill(self, 0);
    assert_int_not_equal(open_engine(self, ENGINE_POWER), ERR_OK);
    assert_null(self->engine);
    assert_int_equal(unlink(self->ballast), 0);
    assert_int_equal(open_engine(self, ENGINE_POWER), ERR_OK);
}

static void read_only_mount(void **state)
{
    fixture_t *self = *state;
    if (!may_mount)
        skip();
    assert_int_equal(open_engine(self, ENGINE_POWER), ERR_OK);
    engine_close(&self->engine);
    assert_int_equal(mount(NULL, mount_point, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    engine_options_t options = {.path = self->path,
                                .name = "files",
                                .format = 1,
                                .durability = ENGINE_POWER,
                                .sync_interval_ms = 50,
                                .cache_bytes = 1 << 20};
    buf_t why = {0};
    err_t err = engine_open(&self->engine, &options, &why);
    assert_int_equal(mount(NULL, mount_point, NULL, MS_REMOUNT, NULL), 0);
    assert_int_equal(err, ERR_IO);
    buf_append_byte(&why, 0);
    assert_non_null(strstr((char *)why.data, "is not writable: Read-only file system"));
    buf_fini(&why);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(log_does_not_fit),
        TEST(log_does_not_fit_process),
        TEST(table_does_not_fit),
        TEST(commit_recovers_without_ticks),
        TEST(open_scan_and_snapshot_stay_valid),
        TEST(starts_on_a_full_disk),
        TEST(new_database_on_a_full_disk),
        TEST(read_only_mount),
    };
    log_set_level(LEVEL_ERROR);
    return cmocka_run_group_tests(tests, prepare, finish);
}
