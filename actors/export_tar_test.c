/* SPDX-License-Identifier: MIT */
#include "actors/export_tar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "actors/backup_read.h"
#include "bus/json.h"

typedef struct {
    char folder[64];
    char path[96];
} place_t;

static int make_folder(void **state)
{
    place_t *place = calloc(1, sizeof *place);
    strcpy(place->folder, "/tmp/iobus-test-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->path, sizeof place->path, "%s/b.tar.gz", place->folder);
    *state = place;
    return 0;
}

static int remove_folder(void **state)
{
    place_t *place = *state;
    unlink(place->path);
    int result = rmdir(place->folder); /* fails when something was left behind */
    free(place);
    return result;
}

static void write_archive(const char *path, buf_t *why)
{
    export_tar_t *tar = export_tar_open(path, why);
    assert_non_null(tar);
    export_spool_t *spool = export_spool_open(tar, why);
    assert_non_null(spool);
    assert_int_equal(export_spool_write(spool, STR_LIT("{\"_id\":\"a\"}\n"), why), ERR_OK);
    assert_int_equal(export_spool_write(spool, STR_LIT("{\"_id\":\"b\"}\n"), why), ERR_OK);
    assert_int_equal(export_tar_add(tar,
                                    "backup/files/vis.0/Gr\xc3\xbc\xc3\x9f"
                                    "e \xf0\x9f\x8f\xa0.txt",
                                    STR_LIT("hello"), 1700000000000, why),
                     ERR_OK);
    assert_int_equal(export_tar_add_spool(tar, "backup/objects.jsonl", spool, why), ERR_OK);
    assert_int_equal(export_tar_finish(tar, why), ERR_OK);
    export_spool_destroy(&spool);
    export_tar_destroy(&tar);
}

static err_t keep_object(void *arg, str_t id, mp_t object, buf_t *why)
{
    (void)object;
    (void)why;
    buf_printf(arg, "object %.*s\n", STR_ARG(id));
    return ERR_OK;
}

static err_t keep_file(void *arg, str_t storage, str_t name, str_t bytes, int64_t mtime_ms,
                       buf_t *why)
{
    (void)why;
    assert_int_equal(mtime_ms, 1700000000000);
    buf_printf(arg, "file %.*s %.*s %.*s\n", STR_ARG(storage), STR_ARG(name), STR_ARG(bytes));
    return ERR_OK;
}

static void read_bytes(const char *path, buf_t *out)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    int c;
    while ((c = fgetc(file)) != EOF)
        buf_append_byte(out, (uint8_t)c);
    fclose(file);
}

static void test_usage(void **state)
{
    place_t *place = *state;
    buf_t why = {0}, out = {0};
    config_t *config = config_new();
    backup_limits_t limits = backup_limits(config);
    backup_summary_t summary;
    const backup_ops_t ops = {.object = keep_object, .file = keep_file};
    write_archive(place->path, &why);
    int fd = open(place->path, O_RDONLY);
    assert_int_equal(backup_read_fd(fd, "h", &limits, &ops, &out, &summary, &why), ERR_OK);
    assert_true(str_is(buf_str(&out), "file vis.0 Gr\xc3\xbc\xc3\x9f"
                                      "e \xf0\x9f\x8f\xa0.txt hello\nobject a\nobject b\n"));
    close(fd);
    config_destroy(&config);
    buf_fini(&out);
}

static void test_same_content_same_bytes(void **state)
{
    place_t *place = *state;
    buf_t why = {0}, first = {0}, second = {0};
    write_archive(place->path, &why);
    read_bytes(place->path, &first);
    write_archive(place->path, &why); /* replaces it */
    read_bytes(place->path, &second);
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.data, second.data, first.len);
    buf_fini(&first);
    buf_fini(&second);
}

static void test_nothing_is_left_of_a_failed_one(void **state)
{
    place_t *place = *state;
    buf_t why = {0};
    export_tar_t *tar = export_tar_open(place->path, &why);
    assert_int_equal(export_tar_add(tar, "x", STR_LIT("y"), 0, &why), ERR_OK);
    export_tar_destroy(&tar);
    assert_int_equal(access(place->path, F_OK), -1);
}

static void test_folder_that_is_not_there(void **state)
{
    (void)state;
    buf_t why = {0};
    assert_null(export_tar_open("/nonexistent/b.tar.gz", &why));
    assert_true(str_is(buf_str(&why), "/nonexistent/b.tar.gz: No such file or directory"));
    buf_fini(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_usage, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_same_content_same_bytes, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_nothing_is_left_of_a_failed_one, make_folder,
                                        remove_folder),
        cmocka_unit_test(test_folder_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
