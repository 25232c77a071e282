/* SPDX-License-Identifier: MIT */
#include "bus/error_object.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "bus/json.h"

static void check(bool as_text, const char *expected)
{
    buf_t args = {0}, out = {0}, json = {0};
    str_t text;
    mp_put_array(&args, 2);
    error_object_put(&args, STR_LIT("no such view"));
    mp_put_int(&args, 5);
    assert_true(error_object_read(mp_of_buf(&args), &text));
    error_object_write(mp_of_buf(&args), text, as_text, &out);
    json_from_mp(&json, mp_of_buf(&out), NULL);
    assert_true(str_is(buf_str(&json), expected));
    buf_fini(&args);
    buf_fini(&out);
    buf_fini(&json);
}

static void test_each_dialect_has_its_form(void **state)
{
    (void)state;
    check(true, "[\"Error: no such view\",5]");
    check(false, "[{},5]");
}

static void test_other_answers_are_none(void **state)
{
    static const char *const answers[] = {
        "[]", "[null]", "[{}]", "[{\"error\":\"x\"}]", "[\"x\"]", "[{\"a\":1,\"b\":2}]"};
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        buf_t args = {0};
        str_t text;
        assert_int_equal(json_to_mp(&args, str_of(answers[i])), ERR_OK);
        assert_false(error_object_read(mp_of_buf(&args), &text));
        buf_fini(&args);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_dialect_has_its_form),
                                       cmocka_unit_test(test_other_answers_are_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
