/* SPDX-License-Identifier: MIT */
/* Usage: the places of a page are filled, everything else stays as it is. */
#include "gateway/web_fill.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void fills_places(void **state)
{
    static const struct {
        const char *page, *filled;
    } cases[] = {
        {"", ""},
        {"<p>a@@b</p>", "<p>a@@b</p>"},
        {"x = '@@disableDataReporting@@';", "x = true;"},
        {"x=\"@@loadingHideLogo@@\",y='@@loadingHideLogo@@'", "x=false,y=false"},
        {"@@vendorPrefix@@", ""},
        {"a @@vendorPrefix@@@@loadingBackgroundColor@@ b", "a  b"},
        {"@@vendorPrefix@", "@@vendorPrefix@"},
        {"@@@vendorPrefix@@@", "@@"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_t out = {0};
        web_fill(str_of(cases[i].page), &out);
        buf_append_byte(&out, 0);
        assert_string_equal(out.data, cases[i].filled);
        buf_fini(&out);
    }
}

static void knows_the_pages(void **state)
{
    (void)state;
    assert_true(web_fill_is_wanted(STR_LIT("index.html"), 10));
    assert_true(web_fill_is_wanted(STR_LIT("edit.html"), WEB_FILL_MAX));
    assert_false(web_fill_is_wanted(STR_LIT("edit.html"), WEB_FILL_MAX + 1));
    assert_false(web_fill_is_wanted(STR_LIT("index.html"), 0));
    assert_false(web_fill_is_wanted(STR_LIT("main/index.html"), 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fills_places),
                                       cmocka_unit_test(knows_the_pages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
