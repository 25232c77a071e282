/* SPDX-License-Identifier: MIT */
#include "actors/safe_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_safe_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t max;
        const char *safe;
    } rows[] = {
        {"K\xc3\xbc"
         "che",
         20,
         "K\xc3\xbc"
         "che"},
        {"a\x1b[2Jb\n", 20, "a?[2Jb?"},
        {"a\xff"
         "b",
         20, "a?b"},
        {"\xc3\xbc\xc3\xbc", 3, "\xc3\xbc..."},
        {"\xc2\x9b"
         "2J",
         20, "?2J"},
        {"abcdef", 3, "abc..."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_t out = {0};
        safe_text_put(&out, str_of(rows[i].text), rows[i].max);
        assert_true(str_is(buf_str(&out), rows[i].safe));
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_safe_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
