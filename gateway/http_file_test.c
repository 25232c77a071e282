/* SPDX-License-Identifier: MIT */
#include "gateway/http_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_a_path_names_a_file_of_a_storage(void **state)
{
    static const struct {
        const char *path, *id, *name;
    } cases[] = {{"/vis.0/main/a%20b.png", "vis.0", "main/a b.png"},
                 {"/vis/", "vis", "index.html"},
                 {"/vis/sub/", "vis", "sub/index.html"},
                 {"/lib/js/a.js", "web", "lib/js/a.js"},
                 {"/adapter/hue/hue.png", "hue.admin", "hue.png"},
                 {"/vis.0/a+b", "vis.0", "a+b"},
                 {"/vis.0/../x", "vis.0", "../x"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_t id = {0}, name = {0};
        assert_true(http_file_of(str_of(cases[i].path), &id, &name));
        assert_true(str_is(buf_str(&id), cases[i].id));
        assert_true(str_is(buf_str(&name), cases[i].name));
        buf_fini(&id);
        buf_fini(&name);
    }
}

static void test_other_paths_name_none(void **state)
{
    static const char *const paths[] = {"",    "/",          "/vis",      "vis/a",
                                        "//a", "/vis/a%00b", "/adapter/x"};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        buf_t id = {0}, name = {0};
        assert_false(http_file_of(str_of(paths[i]), &id, &name));
        buf_fini(&id);
        buf_fini(&name);
    }
}

static void test_ranges(void **state)
{
    static const struct {
        const char *header;
        bool part;
        uint64_t from, to;
    } cases[] = {{"bytes=0-9", true, 0, 10},    {"bytes=90-", true, 90, 100},
                 {"bytes=-5", true, 95, 100},   {"bytes=-500", true, 0, 100},
                 {"bytes=5-500", true, 5, 100}, {"bytes=100-", false, 0, 0},
                 {"bytes=9-5", false, 0, 0},    {"bytes=0-1,5-6", false, 0, 0},
                 {"lines=0-1", false, 0, 0},    {"bytes=-", false, 0, 0},
                 {"bytes=-0", false, 0, 0},     {"", false, 0, 0},
                 {"bytes=a-b", false, 0, 0},    {"bytes=99999999999999999999-", false, 0, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t from = 0, to = 0;
        assert_int_equal(http_file_range(str_of(cases[i].header), 100, &from, &to), cases[i].part);
        if (cases[i].part) {
            assert_int_equal(from, cases[i].from);
            assert_int_equal(to, cases[i].to);
        }
    }
}

static void test_types(void **state)
{
    static const struct {
        const char *type, *shown;
    } cases[] = {{"text/html", "text/html; charset=utf-8"},
                 {"image/svg+xml", "image/svg+xml; charset=utf-8"},
                 {"image/png", "image/png"},
                 {"", "application/octet-stream"},
                 {"a\r\nX: y", "application/octet-stream"},
                 {"text/plain; charset=latin1", "text/plain; charset=latin1"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_t out = {0};
        http_file_type(str_of(cases[i].type), &out);
        assert_true(str_is(buf_str(&out), cases[i].shown));
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_path_names_a_file_of_a_storage),
                                       cmocka_unit_test(test_other_paths_name_none),
                                       cmocka_unit_test(test_ranges), cmocka_unit_test(test_types)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
