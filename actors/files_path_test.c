/* SPDX-License-Identifier: MIT */
#include "actors/files_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_clean(const char *id, str_t name, files_path_t expected, const char *path)
{
    buf_t out = {0};
    files_path_t got = files_path_clean(str_of(id), name, &out);
    if (got != expected || !str_is(buf_str(&out), path))
        print_error("\"%.*s\" gives %d \"%.*s\"\n", STR_ARG(name), got, STR_ARG(buf_str(&out)));
    assert_int_equal(got, expected);
    assert_true(str_is(buf_str(&out), path));
    buf_fini(&out);
}

static void usage(void **unused)
{
    (void)unused;
    assert_clean("vis.0", STR_LIT("/main//img\\a.png"), FILES_PATH_FINE, "main/img/a.png");
    assert_clean("vis.0", STR_LIT("../../etc/x.txt"), FILES_PATH_FINE, "etc/x.txt");
    assert_clean("vis.0", STR_LIT("/"), FILES_PATH_ROOT, "");
}

static void names(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        const char *path;
    } rows[] = {
        {"a", "a"},
        {"a/", "a"},
        {"///a///", "a"},
        {"\\a\\b", "a/b"},
        {"a/../b", "b"},
        {"a/b/../../c", "c"},
        {"./a/./b", "a/b"},
        {"a..b", "ab"},
        {"a/.../b", "a/b"},
        {"a....", "a"},
        {".hidden", ".hidden"},
        {"a b", "a b"},
        {"a\nb", "a\nb"},
        {"a*", "a*"},
        {"Gr\xc3\xbc\xc3\x9f/\xe6\x97\xa5", "Gr\xc3\xbc\xc3\x9f/\xe6\x97\xa5"},
        {"\xed\xa0\x80", "\xef\xbf\xbd"},
        {"a/..b", "a/b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_clean("vis.0", str_of(rows[i].name), FILES_PATH_FINE, rows[i].path);
}

static void names_of_no_file(void **unused)
{
    (void)unused;
    char longest[5000];
    memset(longest, 'x', sizeof longest);
    assert_clean("vis.0", STR_LIT(""), FILES_PATH_ROOT, "");
    assert_clean("vis.0", STR_LIT("."), FILES_PATH_ROOT, "");
    assert_clean("vis.0", STR_LIT("\\/"), FILES_PATH_ROOT, "");
    assert_clean("vis.0", STR_LIT(".."), FILES_PATH_NOWHERE, "");
    assert_clean("vis.0", STR_LIT("a/.."), FILES_PATH_NOWHERE, "");
    assert_clean("vis.0", STR_LIT("a\0b"), FILES_PATH_BAD, "");
    assert_clean("vis.0", (str_t){longest, 255}, FILES_PATH_FINE, (longest[255] = 0, longest));
    longest[255] = 'x';
    assert_clean("vis.0", (str_t){longest, 256}, FILES_PATH_TOO_LONG, "");
    for (size_t i = 9; i < sizeof longest; i += 10)
        longest[i] = '/';
    assert_clean("vis.0", (str_t){longest, 4998}, FILES_PATH_TOO_LONG, "");
    memset(longest, '/', sizeof longest);
    assert_clean("vis.0", (str_t){longest, sizeof longest}, FILES_PATH_ROOT, "");
}

static void admin_storages(void **unused)
{
    (void)unused;
    assert_clean("web.admin", STR_LIT("admin/index.html"), FILES_PATH_FINE, "index.html");
    assert_clean("web.admin", STR_LIT("admin"), FILES_PATH_FINE, "admin");
    assert_clean("web", STR_LIT("admin/index.html"), FILES_PATH_FINE, "admin/index.html");
}

static void ids(void **unused)
{
    (void)unused;
    static const struct {
        const char *id;
        const char *clean;
    } rows[] = {
        {"vis.0", "vis.0"}, {"vi[s]*,;'\"`<>\\?/.0", "vis.0"}, {"vis..0", "vis0"}, {"...", "."}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_t out = {0};
        assert_true(files_path_clean_id(str_of(rows[i].id), &out));
        assert_true(str_is(buf_str(&out), rows[i].clean));
        buf_fini(&out);
    }
    char longest[FILES_ID_MAX + 1];
    memset(longest, 'x', sizeof longest);
    const str_t bad[] = {
        STR_LIT(""), STR_LIT("/"), STR_LIT(".."), STR_LIT("a\0b"), {longest, sizeof longest}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        buf_t out = {0};
        assert_false(files_path_clean_id(bad[i], &out));
        buf_fini(&out);
    }
}

static void parts(void **unused)
{
    (void)unused;
    assert_true(str_is(files_path_folder(STR_LIT("a/b/c")), "a/b"));
    assert_true(str_is(files_path_last(STR_LIT("a/b/c")), "c"));
    assert_true(str_is(files_path_folder(STR_LIT("a")), ""));
    assert_true(str_is(files_path_last(STR_LIT("a")), "a"));
    assert_true(files_path_is_below(STR_LIT("a/b"), STR_LIT("a")));
    assert_true(files_path_is_below(STR_LIT("a"), STR_LIT("")));
    assert_false(files_path_is_below(STR_LIT("a"), STR_LIT("a")));
    assert_false(files_path_is_below(STR_LIT("ab"), STR_LIT("a")));
    assert_false(files_path_is_below(STR_LIT(""), STR_LIT("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage),
        cmocka_unit_test(names),
        cmocka_unit_test(names_of_no_file),
        cmocka_unit_test(admin_storages),
        cmocka_unit_test(ids),
        cmocka_unit_test(parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
