/* SPDX-License-Identifier: MIT */
#include "actors/upload_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char folder[32]; /* the test's current folder */
    upload_scan_t *scan;
    buf_t text;
} fixture_t;

static int set_up(void **state)
{
    fixture_t *self = calloc(1, sizeof *self);
    strcpy(self->folder, "/tmp/iobus-scan-XXXXXX");
    assert_non_null(mkdtemp(self->folder));
    assert_int_equal(chdir(self->folder), 0);
    assert_int_equal(mkdir("web", 0700), 0);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    fixture_t *self = *state;
    char command[64];
    upload_scan_destroy(&self->scan);
    snprintf(command, sizeof command, "rm -rf %s", self->folder);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(system(command), 0);
    buf_fini(&self->text);
    free(self);
    return 0;
}

static void put(const char *path, const char *content)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void folder(const char *path)
{
    assert_int_equal(mkdir(path, 0700), 0);
}

static void lay_link(const char *target, const char *path)
{
    assert_int_equal(symlink(target, path), 0);
}

/* Names and sizes of all files: "a:1 d/b:2". */
static const char *scan(fixture_t *self, const char *path, const char *storage)
{
    buf_t why = {0};
    upload_scan_destroy(&self->scan);
    self->scan = upload_scan_new(path, str_of(storage), &why);
    assert_non_null(self->scan);
    assert_int_equal(why.len, 0);
    buf_reset(&self->text);
    for (size_t i = 0; i < upload_scan_count(self->scan); i++) {
        const upload_file_t *file = upload_scan_at(self->scan, i);
        buf_printf(&self->text, "%s%s:%llu", i ? " " : "", file->path,
                   (unsigned long long)file->size);
    }
    buf_append_byte(&self->text, 0);
    return (const char *)self->text.data;
}

static void assert_left_out(const fixture_t *self, upload_reason_t reason, size_t count)
{
    const char *example;
    assert_int_equal(upload_scan_left_out(self->scan, reason, &example), count);
    assert_int_equal(example[0] == '\0', count == 0);
}

static void usage(void **state)
{
    fixture_t *self = *state;
    char bytes[10] = "";
    buf_t why = {0};
    folder("web/d");
    folder("web/d/empty");
    put("web/d/\xc3\xa4 b.txt", "12");
    put("web/z.txt", "1");
    put("web/a", "");
    assert_string_equal(scan(self, "web", "vis.0"), "a:0 d/\xc3\xa4 b.txt:2 z.txt:1");
    assert_int_equal(upload_scan_bytes(self->scan), 3);
    assert_true(upload_scan_has(self->scan, STR_LIT("z.txt")));
    assert_false(upload_scan_has(self->scan, STR_LIT("z.tx")));
    assert_false(upload_scan_has(self->scan, STR_LIT("d")));
    int fd = upload_scan_open(self->scan, upload_scan_at(self->scan, 1), &why);
    assert_int_equal(read(fd, bytes, sizeof bytes), 2);
    close(fd);
}

static void what_stands_in_the_way(void **state)
{
    fixture_t *self = *state;
    folder("web/d");
    folder("web/d/e");
    put("web/d/e/f", "x");
    put("web/d.x", "x");
    put("web/g", "x");
    (void)scan(self, "web", "vis");
    static const char *const blocking[] = {"d", "d/e", "g/h", "g/h/i", "d.x/y"};
    static const char *const others[] = {"d/e/f", "d/f", "e", "g", "h/g", "d.", "z", "d/e/"};
    for (size_t i = 0; i < sizeof blocking / sizeof blocking[0]; i++)
        assert_true(upload_scan_blocked_by(self->scan, str_of(blocking[i])));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(upload_scan_blocked_by(self->scan, str_of(others[i])));
}

static void an_empty_folder(void **state)
{
    fixture_t *self = *state;
    assert_string_equal(scan(self, "web", "vis"), "");
    assert_false(upload_scan_has(self->scan, STR_LIT("")));
}

static void hidden_names(void **state)
{
    fixture_t *self = *state;
    folder("web/.git");
    put("web/.git/config", "x");
    put("web/.env", "x");
    put("web/x.gitignore", "x");
    put("web/.npmignore", "x");
    put("web/_data.json", "x");
    put("web/a.b", "x");
    folder("web/node_modules");
    put("web/node_modules/lib.js", "x");
    assert_string_equal(scan(self, "web", "vis"), "a.b:1 node_modules/lib.js:1");
    assert_left_out(self, UPLOAD_HIDDEN, 5);
}

static void links(void **state)
{
    fixture_t *self = *state;
    char absolute[64];
    put("secret", "secret");
    folder("outside");
    put("outside/f", "x");
    folder("web/d");
    put("web/d/f", "123");
    snprintf(absolute, sizeof absolute, "%s/web/d/f", self->folder);
    lay_link("d/f", "web/inside");
    lay_link("../inside", "web/d/chain");
    lay_link("../secret", "web/out1");
    lay_link("../../secret", "web/d/out2");
    lay_link("/etc/passwd", "web/out3");
    lay_link(absolute, "web/out4"); /* would be inside, but leaves on the way */
    lay_link("out1", "web/out5");
    lay_link("../outside", "web/out6");
    lay_link("../outside/f", "web/out7");
    lay_link("/proc/self/environ", "web/out8");
    lay_link(".", "web/loop");
    lay_link("d", "web/folder");
    lay_link("nothing", "web/dead");
    lay_link("self", "web/self");
    assert_string_equal(scan(self, "web", "vis"), "d/chain:3 d/f:3 inside:3");
    assert_left_out(self, UPLOAD_LINK, 12);
}

/* The folder is changed between looking and opening. */
static void a_file_that_becomes_a_link(void **state)
{
    fixture_t *self = *state;
    buf_t why = {0};
    put("secret", "secret");
    folder("outside");
    put("outside/f", "secret");
    folder("web/d");
    put("web/d/f", "x");
    put("web/g", "x");
    assert_string_equal(scan(self, "web", "vis"), "d/f:1 g:1");
    assert_int_equal(unlink("web/g"), 0);
    lay_link("../secret", "web/g");
    assert_int_equal(rename("web/d", "web/e"), 0);
    lay_link("../outside", "web/d");
    assert_int_equal(upload_scan_open(self->scan, upload_scan_at(self->scan, 0), &why), -1);
    assert_true(str_starts(buf_str(&why), "d/f: "));
    assert_int_equal(upload_scan_open(self->scan, upload_scan_at(self->scan, 1), &why), -1);
    assert_int_equal(unlink("web/g"), 0);
    folder("web/g");
    assert_int_equal(upload_scan_open(self->scan, upload_scan_at(self->scan, 1), &why), -1);
    buf_fini(&why);
}

static void no_files(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(mkfifo("web/pipe", 0600), 0);
    lay_link("pipe", "web/link");
    put("web/a", "x");
    assert_string_equal(scan(self, "web", "vis"), "a:1");
    assert_left_out(self, UPLOAD_SPECIAL, 1);
    assert_left_out(self, UPLOAD_LINK, 1);
}

static void names_that_would_be_changed(void **state)
{
    fixture_t *self = *state;
    put("web/a\\b", "x");
    put("web/a..b", "x");
    put("web/a\xff", "x");
    put("web/a\tb", "x");
    folder("web/b..");
    put("web/b../c", "x");
    assert_string_equal(scan(self, "web", "vis"), "a\tb:1");
    assert_left_out(self, UPLOAD_NAME, 4);
    folder("web/admin");
    put("web/admin/x", "x");
    assert_string_equal(scan(self, "web", "vis"), "a\tb:1 admin/x:1");
    assert_string_equal(scan(self, "web", "vis.admin"), "a\tb:1"); /* data-model.md 6.2 */
}

static void packages(void **state)
{
    fixture_t *self = *state;
    buf_t why = {0};
    folder("package");
    put("package/io-package.json", "{}");
    put("package/main.js", "x");
    assert_null(upload_scan_new("package", STR_LIT("vis"), &why));
    assert_true(str_is(buf_str(&why), "package is a package without a folder www"));
    buf_reset(&why);
    lay_link("../web", "package/www");
    assert_null(upload_scan_new("package", STR_LIT("vis"), &why));
    assert_int_equal(unlink("package/www"), 0);
    folder("package/www");
    put("package/www/index.html", "x");
    folder("package/admin");
    put("package/admin/words.js", "12");
    assert_string_equal(scan(self, "package", "vis"), "index.html:1");
    assert_string_equal(scan(self, "package/", "vis.0"), "index.html:1");
    assert_string_equal(scan(self, "package", "vis.admin"), "words.js:2");
    buf_fini(&why);
}

static void no_folder(void **state)
{
    buf_t why = {0};
    (void)state;
    put("file", "x");
    assert_null(upload_scan_new("none", STR_LIT("vis"), &why));
    assert_true(str_is(buf_str(&why), "none: No such file or directory"));
    buf_reset(&why);
    assert_null(upload_scan_new("file", STR_LIT("vis"), &why));
    assert_true(str_is(buf_str(&why), "file: Not a directory"));
    buf_fini(&why);
}

static void deep(void **state)
{
    fixture_t *self = *state;
    char path[1300] = "web";
    for (int i = 0; i < 600; i++) {
        strcat(path, "/d");
        folder(path);
    }
    strcat(path, "/f");
    put(path, "x");
    (void)scan(self, "web", "vis");
    assert_int_equal(upload_scan_count(self->scan), 1);
    assert_string_equal(upload_scan_at(self->scan, 0)->path, path + 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(usage),
        TEST(what_stands_in_the_way),
        TEST(an_empty_folder),
        TEST(hidden_names),
        TEST(links),
        TEST(a_file_that_becomes_a_link),
        TEST(no_files),
        TEST(names_that_would_be_changed),
        TEST(packages),
        TEST(no_folder),
        TEST(deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
