/* SPDX-License-Identifier: MIT */
#include "actors/mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void usage(void **unused)
{
    (void)unused;
    mime_t mime = mime_of(STR_LIT("main/vis-views.json"), true);
    assert_true(str_is(mime.type, "application/json") && mime.text);
    mime = mime_of(STR_LIT("main/img/pixel.png"), true); /* the extension decides, not the data */
    assert_true(str_is(mime.type, "image/png") && !mime.text);
}

static void table(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        const char *type;
        bool text;
    } rows[] = {
        {"a.html", "text/html", true},
        {"A.HTM", "text/html", true},
        {"a.svg", "image/svg+xml", true},
        {"a.js", "application/javascript", true},
        {"a.mjs", "application/javascript", false},
        {"a.map", "application/json", false},
        {"a.json5", "application/json5", false},
        {"a.xml", "application/xml", false},
        {"a.tar.gz", "application/gzip", false},
        {"a.ico", "image/vnd.microsoft.icon", false},
        {"a.wav", "audio/wave", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mime_t mime = mime_of(str_of(rows[i].name), false);
        assert_true(str_is(mime.type, rows[i].type));
        assert_int_equal(mime.text, rows[i].text);
        assert_true(mime_is_known(str_of(rows[i].name)));
    }
}

static void data_decides_without_a_known_extension(void **unused)
{
    (void)unused;
    static const char *const names[] = {
        "noextension", ".hidden", "a.", "", "dir.html/file", "a.xyz", "a.averyverylongextension",
        "dir.txt/"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        mime_t mime = mime_of(str_of(names[i]), true);
        assert_true(str_is(mime.type, "text/plain") && mime.text);
        mime = mime_of(str_of(names[i]), false);
        assert_true(str_is(mime.type, "application/octet-stream") && !mime.text);
        assert_false(mime_is_known(str_of(names[i])));
    }
}

static void stored_types(void **unused)
{
    (void)unused;
    assert_true(mime_is_text(STR_LIT("a.bin"), STR_LIT("text/plain")));
    assert_true(mime_is_text(STR_LIT("a.js"), STR_LIT("application/octet-stream")));
    assert_false(mime_is_text(STR_LIT("a"), STR_LIT("application/json")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage),
        cmocka_unit_test(table),
        cmocka_unit_test(data_decides_without_a_known_extension),
        cmocka_unit_test(stored_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
