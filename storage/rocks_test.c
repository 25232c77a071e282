/* SPDX-License-Identifier: MIT */
/* What of a database rests on disk: classes, folders that cannot be used, damage, other processes.
 */
#include "storage/engine.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus/log.h"

typedef struct {
    char folder[64];
    engine_t *engine;
} fixture_t;

static engine_options_t options_of(const char *path, engine_durability_t durability)
{
    return (engine_options_t){.path = path,
                              .name = "states",
                              .format = 1,
                              .durability = durability,
                              .sync_interval_ms = 100,
                              .cache_bytes = 1 << 20};
}

static engine_t *open_at(const char *path, engine_durability_t durability)
{
    engine_options_t options = options_of(path, durability);
    engine_t *engine = NULL;
    buf_t why = {0};
    err_t err = engine_open(&engine, &options, &why);
    if (err != ERR_OK)
        print_error("%.*s\n", STR_ARG(buf_str(&why)));
    assert_int_equal(err, ERR_OK);
    buf_fini(&why);
    return engine;
}

/* Opening fails with err and exactly one line that contains `part`. */
static void assert_open_fails(const char *path, uint32_t format, err_t expected, const char *part)
{
    engine_options_t options = options_of(path, ENGINE_PROCESS);
    engine_t *engine = NULL;
    buf_t why = {0};
    options.format = format;
    err_t err = engine_open(&engine, &options, &why);
    buf_append_byte(&why, 0);
    if (err != expected || !strstr((char *)why.data, part))
        print_error("err=%d why=%s\n", err, (char *)why.data);
    assert_int_equal(err, expected);
    assert_null(engine);
    assert_non_null(strstr((char *)why.data, part));
    assert_null(strchr((char *)why.data, '\n'));
    assert_true(strncmp((char *)why.data, "states: ", 8) == 0);
    buf_fini(&why);
}

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *walk)
{
    (void)info;
    (void)flag;
    (void)walk;
    return remove(path);
}

/* In memory where the system offers that: each opening of a database costs several fsyncs. */
static bool make_folder(char path[64])
{
    strcpy(path, "/dev/shm/iobus-rocks-XXXXXX");
    if (mkdtemp(path))
        return true;
    strcpy(path, "/tmp/iobus-rocks-XXXXXX");
    return mkdtemp(path) != NULL;
}

static int set_up(void **state)
{
    fixture_t *self = calloc(1, sizeof *self);
    if (!make_folder(self->folder))
        return -1;
    self->engine = open_at(self->folder, ENGINE_PROCESS);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    fixture_t *self = *state;
    engine_close(&self->engine);
    nftw(self->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(self);
    return 0;
}

static void put(engine_t *engine, const char *key, const char *value)
{
    engine_put(engine, str_of(key), str_of(value));
}

static void commit(engine_t *engine)
{
    assert_int_equal(engine_commit(engine), ERR_OK);
    assert_int_equal(engine_pending(engine), 0);
}

static void assert_value(engine_t *engine, const char *key, const char *expected)
{
    buf_t out = {0};
    bool found;
    assert_int_equal(engine_get(engine, str_of(key), &out, &found), ERR_OK);
    assert_int_equal(found, expected != NULL);
    if (expected)
        assert_true(str_is(buf_str(&out), expected));
    buf_fini(&out);
}

/* "key=value key=value" of what the scan still has; static storage. Destroys the scan. */
static const char *rest_of(engine_scan_t *scan)
{
    static buf_t text;
    str_t key, value;
    buf_reset(&text);
    while (engine_scan_next(scan, &key, &value))
        buf_printf(&text, "%s%.*s=%.*s", text.len ? " " : "", STR_ARG(key), STR_ARG(value));
    assert_false(engine_scan_next(scan, &key, &value));
    assert_int_equal(engine_scan_error(scan), ERR_OK);
    engine_scan_destroy(&scan);
    buf_append_byte(&text, 0);
    return (const char *)text.data;
}

static const char *scan(engine_t *engine, const char *prefix, const char *from)
{
    return rest_of(engine_scan_new(engine, str_of(prefix), str_of(from)));
}

/* --- what rests on disk ----------------------------------------------------------------------- */

static void reopen(fixture_t *self, engine_durability_t durability)
{
    engine_close(&self->engine);
    self->engine = open_at(self->folder, durability);
}

static void every_class_survives_an_orderly_close(void **state)
{
    fixture_t *self = *state;
    static const char *const keys[] = {"none", "process", "power"};
    for (int i = ENGINE_NONE; i <= ENGINE_POWER; i++) {
        reopen(self, (engine_durability_t)i);
        put(self->engine, keys[i], "1");
        commit(self->engine);
        put(self->engine, "open batch", "thrown away");
    }
    reopen(self, ENGINE_PROCESS);
    assert_string_equal(scan(self->engine, "", ""), "none=1 power=1 process=1");
}

static void ticks(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(engine_tick(self->engine, 5000), 100);
    put(self->engine, "a", "1");
    commit(self->engine);
    assert_int_equal(engine_tick(self->engine, 5040), 60);
    assert_int_equal(engine_tick(self->engine, 5100), 100);
    assert_false(engine_read_only(self->engine));
}

static void folder_is_created(void **state)
{
    fixture_t *self = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/deep/er/", self->folder);
    engine_t *engine = open_at(path, ENGINE_POWER);
    put(engine, "a", "1");
    commit(engine);
    engine_close(&engine);
}

static void folder_in_use(void **state)
{
    fixture_t *self = *state;
    assert_open_fails(self->folder, 1, ERR_LOCKED, "is in use by another process");
    assert_value(self->engine, "a", NULL);
}

static void not_a_folder(void **state)
{
    fixture_t *self = *state;
    char path[128], below[160];
    snprintf(path, sizeof path, "%s/file", self->folder);
    snprintf(below, sizeof below, "%s/below", path);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_open_fails(path, 1, ERR_IO, "is not a folder");
    assert_open_fails(below, 1, ERR_IO, "is not a folder");
    assert_open_fails("", 1, ERR_IO, "cannot be created");
    assert_open_fails("/proc/iobus-test", 1, ERR_IO, "cannot be created");
}

static void folder_without_permission(void **state)
{
    fixture_t *self = *state;
    char path[128];
    if (geteuid() == 0)
        skip(); /* root may write everywhere; tests/faults has a read-only mount */
    snprintf(path, sizeof path, "%s/closed", self->folder);
    assert_int_equal(mkdir(path, 0500), 0);
    assert_open_fails(path, 1, ERR_IO, "is not writable");
}

static void newer_format(void **state)
{
    fixture_t *self = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/new", self->folder);
    engine_options_t options = options_of(path, ENGINE_POWER);
    engine_t *engine;
    buf_t why = {0};
    options.format = 2;
    assert_int_equal(engine_open(&engine, &options, &why), ERR_OK);
    engine_close(&engine);
    assert_open_fails(path, 1, ERR_NEWER_FORMAT, "has format 2");
    assert_int_equal(engine_open(&engine, &options, &why), ERR_OK);
    engine_close(&engine);
    buf_fini(&why);
}

/* Path of the newest file whose name starts and ends so; static storage. */
static const char *file_in(const char *folder, const char *start, const char *end)
{
    static char path[512];
    char name[256] = "";
    DIR *list = opendir(folder);
    struct dirent *entry;
    while ((entry = readdir(list)) != NULL) {
        size_t len = strlen(entry->d_name);
        if (str_starts(str_of(entry->d_name), start) && len >= strlen(end) &&
            strcmp(entry->d_name + len - strlen(end), end) == 0 && strcmp(entry->d_name, name) > 0)
            snprintf(name, sizeof name, "%s", entry->d_name);
    }
    closedir(list);
    assert_true(name[0] != '\0');
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void overwrite(const char *path, off_t at, size_t len)
{
    int file = open(path, O_WRONLY);
    assert_true(file >= 0);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(pwrite(file, "\xa5", 1, at + (off_t)i), 1);
    close(file);
}

/* A database with one table file and an empty log. */
static void make_table(fixture_t *self)
{
    char key[16];
    reopen(self, ENGINE_NONE);
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "%05d", i);
        put(self->engine, key, "some value that fills the table");
    }
    commit(self->engine);
    engine_close(&self->engine);
}

static void damaged_manifest(void **state)
{
    fixture_t *self = *state;
    make_table(self);
    overwrite(file_in(self->folder, "MANIFEST", ""), 0, 64);
    assert_open_fails(self->folder, 1, ERR_DAMAGED, "is damaged");
}

static void missing_manifest(void **state)
{
    fixture_t *self = *state;
    make_table(self);
    unlink(file_in(self->folder, "MANIFEST", ""));
    assert_open_fails(self->folder, 1, ERR_DAMAGED, "is damaged");
}

static void damaged_current(void **state)
{
    fixture_t *self = *state;
    make_table(self);
    overwrite(file_in(self->folder, "CURRENT", ""), 0, 17);
    assert_open_fails(self->folder, 1, ERR_DAMAGED, "is damaged");
}

static void missing_current(void **state)
{
    fixture_t *self = *state;
    make_table(self);
    unlink(file_in(self->folder, "CURRENT", ""));
    assert_open_fails(self->folder, 1, ERR_DAMAGED, "CURRENT is missing");
}

static void missing_table(void **state)
{
    fixture_t *self = *state;
    make_table(self);
    unlink(file_in(self->folder, "", ".sst"));
    assert_open_fails(self->folder, 1, ERR_DAMAGED, "is damaged");
}

static void truncated_table(void **state)
{
    fixture_t *self = *state;
    make_table(self);
    assert_int_equal(truncate(file_in(self->folder, "", ".sst"), 100), 0);
    assert_open_fails(self->folder, 1, ERR_DAMAGED, "is damaged");
}

static void damaged_block(void **state)
{
    fixture_t *self = *state;
    buf_t out = {0};
    bool found;
    make_table(self);
    overwrite(file_in(self->folder, "", ".sst"), 20, 8); /* in the block of the first keys */
    engine_options_t options = options_of(self->folder, ENGINE_PROCESS);
    err_t err = engine_open(&self->engine, &options, &out);
    if (err == ERR_OK) {
        assert_int_equal(engine_get(self->engine, STR_LIT("00001"), &out, &found), ERR_DAMAGED);
        assert_false(found);
        engine_scan_t *all = engine_scan_new(self->engine, STR_LIT(""), STR_LIT(""));
        str_t key, value;
        while (engine_scan_next(all, &key, &value))
            ;
        assert_int_equal(engine_scan_error(all), ERR_DAMAGED);
        engine_scan_destroy(&all);
    } else {
        assert_int_equal(err, ERR_DAMAGED);
    }
    buf_fini(&out);
}

static void torn_log_opens(void **state)
{
    fixture_t *self = *state;
    char key[16];
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "%05d", i);
        put(self->engine, key, "value");
        commit(self->engine);
    }
    engine_close(&self->engine);
    const char *log = file_in(self->folder, "", ".log");
    struct stat info;
    assert_int_equal(stat(log, &info), 0);
    assert_int_equal(truncate(log, info.st_size - 5), 0);
    self->engine = open_at(self->folder, ENGINE_PROCESS);
    assert_value(self->engine, "00098", "value");
    assert_value(self->engine, "00099", NULL);
    put(self->engine, "00099", "again");
    commit(self->engine);
    reopen(self, ENGINE_PROCESS);
    assert_value(self->engine, "00099", "again");
}

static void checkpoint(void **state)
{
    fixture_t *self = *state;
    char path[128];
    buf_t why = {0};
    snprintf(path, sizeof path, "%s/copy", self->folder);
    put(self->engine, "a", "1");
    commit(self->engine);
    put(self->engine, "b", "not committed");
    assert_int_equal(engine_checkpoint(self->engine, path, &why), ERR_OK);
    engine_t *copy = open_at(path, ENGINE_PROCESS);
    assert_string_equal(scan(copy, "", ""), "a=1");
    put(copy, "a", "2");
    commit(copy);
    engine_close(&copy);
    assert_value(self->engine, "a", "1");
    assert_true(engine_checkpoint(self->engine, path, &why) != ERR_OK); /* it exists */
    assert_true(str_starts(buf_str(&why), "states: no copy in "));
    buf_fini(&why);
}

/* --- another process -------------------------------------------------------------------------- */

/* This program started again: argv[1] names what it does at argv[2]. */
static pid_t start_child(const char *verb, const char *path, int *output)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        execl("/proc/self/exe", "rocks_test", verb, path, (char *)NULL);
        _exit(99);
    }
    close(ends[1]);
    *output = ends[0];
    return child;
}

static int child_open(const char *path)
{
    engine_options_t options = options_of(path, ENGINE_PROCESS);
    engine_t *engine;
    buf_t why = {0};
    int err = engine_open(&engine, &options, &why);
    engine_close(&engine);
    buf_fini(&why);
    return err;
}

static int child_write(const char *path, engine_durability_t durability)
{
    engine_t *engine = open_at(path, durability);
    char key[16];
    for (uint32_t i = 0;; i++) {
        for (int part = 0; part < 3; part++) {
            snprintf(key, sizeof key, "%08u.%d", i, part);
            put(engine, key, "value");
        }
        if (engine_commit(engine) != ERR_OK || write(STDOUT_FILENO, &i, sizeof i) != sizeof i)
            return 1;
    }
}

static void locked_by_another_process(void **state)
{
    fixture_t *self = *state;
    int output, status;
    pid_t child = start_child("open", self->folder, &output);
    assert_int_equal(waitpid(child, &status, 0), child);
    close(output);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), ERR_LOCKED);
}

static void assert_batches(engine_t *engine, uint32_t acknowledged)
{
    char key[16];
    size_t count = 0;
    str_t at, value;
    for (uint32_t i = 0; i <= acknowledged; i++) {
        snprintf(key, sizeof key, "%08u.2", i);
        assert_value(engine, key, "value");
    }
    engine_scan_t *all = engine_scan_new(engine, STR_LIT(""), STR_LIT(""));
    while (engine_scan_next(all, &at, &value))
        count++;
    assert_int_equal(engine_scan_error(all), ERR_OK);
    engine_scan_destroy(&all);
    assert_int_equal(count % 3, 0); /* a batch is there as a whole or not at all */
}

static void kill_while_writing(fixture_t *self, const char *verb)
{
    for (uint32_t round = 0; round < 3; round++) {
        int output, status;
        uint32_t last = 0, i;
        engine_close(&self->engine);
        pid_t child = start_child(verb, self->folder, &output);
        for (uint32_t n = 0; n < 50 + round * 37; n++)
            assert_int_equal(read(output, &last, sizeof last), sizeof last);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        while (read(output, &i, sizeof i) == sizeof i)
            last = i;
        close(output);
        self->engine = open_at(self->folder, ENGINE_PROCESS);
        assert_batches(self->engine, last);
    }
}

static void kill_9_keeps_acknowledged_writes_process(void **state)
{
    kill_while_writing(*state, "write-process");
}

static void kill_9_keeps_acknowledged_writes_power(void **state)
{
    kill_while_writing(*state, "write-power");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int test_all(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_class_survives_an_orderly_close),
        TEST(ticks),
        TEST(folder_is_created),
        TEST(folder_in_use),
        TEST(not_a_folder),
        TEST(folder_without_permission),
        TEST(newer_format),
        TEST(damaged_manifest),
        TEST(missing_manifest),
        TEST(damaged_current),
        TEST(missing_current),
        TEST(missing_table),
        TEST(truncated_table),
        TEST(damaged_block),
        TEST(torn_log_opens),
        TEST(checkpoint),
        TEST(locked_by_another_process),
        TEST(kill_9_keeps_acknowledged_writes_process),
        TEST(kill_9_keeps_acknowledged_writes_power),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    log_set_level(LEVEL_ERROR);
    if (argc < 3)
        return test_all();
    if (strcmp(argv[1], "open") == 0)
        return child_open(argv[2]);
    bool power = strcmp(argv[1], "write-power") == 0;
    return child_write(argv[2], power ? ENGINE_POWER : ENGINE_PROCESS);
}
