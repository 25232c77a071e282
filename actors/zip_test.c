/* SPDX-License-Identifier: MIT */
#include "actors/zip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>

static const zip_limits_t limits = {.max_entries = 100, .max_file = 1 << 20, .max_total = 1 << 21};

static err_t put_file(void *arg, str_t name, str_t bytes, buf_t *why)
{
    (void)why;
    buf_printf(arg, "%.*s=%.*s;", STR_ARG(name), STR_ARG(bytes));
    return ERR_OK;
}

static err_t stop(void *arg, str_t name, str_t bytes, buf_t *why)
{
    (void)arg, (void)name, (void)bytes;
    buf_append_cstr(why, "enough");
    return ERR_EXISTS;
}

static void assert_read(const buf_t *archive, const zip_limits_t *with, err_t expected,
                        const char *text)
{
    buf_t out = {0}, why = {0};
    assert_int_equal(zip_read(buf_str(archive), with, put_file, &out, &why), expected);
    buf_t *shown = expected == ERR_OK ? &out : &why;
    buf_append_byte(shown, 0);
    if (expected == ERR_OK)
        assert_string_equal((const char *)shown->data, text);
    else if (!strstr((const char *)shown->data, text))
        fail_msg("\"%s\" is not in \"%s\"", text, (const char *)shown->data);
    buf_fini(&out);
    buf_fini(&why);
}

static void test_usage(void **state)
{
    (void)state;
    buf_t archive = {0};
    zip_writer_t *writer = zip_writer_new();
    assert_int_equal(zip_writer_add(writer, STR_LIT("a.txt"), STR_LIT("hello"), 1700000000000),
                     ERR_OK);
    assert_int_equal(zip_writer_add(writer, STR_LIT("b/\xc3\xa4.txt"), STR_LIT(""), 0), ERR_OK);
    assert_int_equal(zip_writer_add(writer, STR_LIT("../c"), STR_LIT("x"), 0), ERR_CUSTOM);
    assert_int_equal(zip_writer_finish(writer, &archive), ERR_OK);
    zip_writer_destroy(&writer);
    assert_read(&archive, &limits, ERR_OK, "a.txt=hello;b/\xc3\xa4.txt=;");
    buf_t why = {0};
    assert_int_equal(zip_read(buf_str(&archive), &limits, stop, NULL, &why), ERR_EXISTS);
    buf_fini(&why);
    buf_fini(&archive);
}

static la_ssize_t take(struct archive *archive, void *arg, const void *data, size_t len)
{
    (void)archive;
    buf_append(arg, data, len);
    return (la_ssize_t)len;
}

typedef struct {
    const char *name;
    const char *text;
    unsigned type; /* 0: a file */
    const char *link;
} odd_t;

/* Archives that we would never write. */
static void make_odd(buf_t *out, const odd_t *odd)
{
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    archive_write_set_format_zip(archive);
    archive_write_open(archive, out, NULL, take, NULL);
    archive_entry_set_pathname(entry, odd->name);
    archive_entry_set_filetype(entry, odd->type ? odd->type : AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    if (odd->link)
        archive_entry_set_symlink(entry, odd->link);
    archive_entry_set_size(entry, odd->text ? (la_int64_t)strlen(odd->text) : 0);
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    if (odd->text)
        archive_write_data(archive, odd->text, strlen(odd->text));
    archive_entry_free(entry);
    archive_write_close(archive);
    archive_write_free(archive);
}

static void test_odd_archives(void **state)
{
    static const struct {
        odd_t odd;
        err_t err;
        const char *text;
    } rows[] = {
        {{"../a", "x", 0, NULL}, ERR_CUSTOM, "not allowed: \"../a\""},
        {{"/etc/passwd", "x", 0, NULL}, ERR_CUSTOM, "not allowed"},
        {{"a/../../b", "x", 0, NULL}, ERR_CUSTOM, "not allowed"},
        {{"a/./b", "x", 0, NULL}, ERR_CUSTOM, "not allowed"},
        {{"a//b", "x", 0, NULL}, ERR_CUSTOM, "not allowed"},
        {{"a\\..\\b", "x", 0, NULL}, ERR_CUSTOM, "not allowed"},
        {{"a\x1b[2J", "x", 0, NULL}, ERR_CUSTOM, "a?[2J"},
        {{"link", NULL, AE_IFLNK, "/etc/passwd"}, ERR_CUSTOM, "no file"},
        {{"folder/", NULL, AE_IFDIR, NULL}, ERR_OK, ""},
        {{"fine", "x", 0, NULL}, ERR_OK, "fine=x;"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_t archive = {0};
        make_odd(&archive, &rows[i].odd);
        assert_read(&archive, &limits, rows[i].err, rows[i].text);
        buf_fini(&archive);
    }
}

static void test_bombs(void **state)
{
    (void)state;
    buf_t archive = {0}, zeros = {0};
    zip_writer_t *writer = zip_writer_new();
    buf_reserve(&zeros, 3 << 20);
    memset(zeros.data, 0, 3 << 20);
    zeros.len = 3 << 20;
    assert_int_equal(zip_writer_add(writer, STR_LIT("zeros"), buf_str(&zeros), 0), ERR_OK);
    assert_int_equal(zip_writer_finish(writer, &archive), ERR_OK);
    zip_writer_destroy(&writer);
    assert_true(archive.len < 10000);
    assert_read(&archive, &limits, ERR_CUSTOM, "too much, at \"zeros\"");
    buf_fini(&archive);
    buf_fini(&zeros);
}

static void test_many(void **state)
{
    (void)state;
    buf_t archive = {0};
    zip_writer_t *writer = zip_writer_new();
    for (int i = 0; i < 101; i++) {
        buf_t name = {0};
        buf_printf(&name, "file-%d", i);
        assert_int_equal(zip_writer_add(writer, buf_str(&name), STR_LIT("x"), 0), ERR_OK);
        buf_fini(&name);
    }
    assert_int_equal(zip_writer_finish(writer, &archive), ERR_OK);
    zip_writer_destroy(&writer);
    assert_read(&archive, &limits, ERR_CUSTOM, "too many files");
    buf_fini(&archive);
}

/* Every archive that ends early, and every byte changed: refused or read, never a fault. */
static void test_damage(void **state)
{
    (void)state;
    buf_t archive = {0}, why = {0}, out = {0};
    zip_writer_t *writer = zip_writer_new();
    assert_int_equal(zip_writer_add(writer, STR_LIT("a"), STR_LIT("hello hello hello"), 0), ERR_OK);
    assert_int_equal(zip_writer_finish(writer, &archive), ERR_OK);
    zip_writer_destroy(&writer);
    assert_read(&(buf_t){0}, &limits, ERR_CUSTOM, "no zip archive");
    for (size_t len = 0; len < archive.len; len++) {
        str_t part = {(const char *)archive.data, len};
        (void)!zip_read(part, &limits, put_file, &out, &why);
    }
    for (size_t i = 0; i < archive.len; i++) {
        archive.data[i] ^= 0xff;
        (void)!zip_read(buf_str(&archive), &limits, put_file, &out, &why);
        archive.data[i] ^= 0xff;
    }
    buf_fini(&archive);
    buf_fini(&why);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),  cmocka_unit_test(test_odd_archives),
        cmocka_unit_test(test_bombs),  cmocka_unit_test(test_many),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
