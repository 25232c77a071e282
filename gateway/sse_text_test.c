/* SPDX-License-Identifier: MIT */
#include "gateway/sse_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "bus/json.h"

static void check(const char *name, const char *args_json, const char *expected)
{
    buf_t args = {0}, text = {0};
    assert_int_equal(json_to_mp(&args, str_of(args_json)), ERR_OK);
    sse_put_event(str_of(name), mp_of_buf(&args), &text);
    assert_true(str_is(buf_str(&text), expected));
    buf_fini(&args);
    buf_fini(&text);
}

static void writes_a_change(void **state)
{
    (void)state;
    check("stateChange", "[\"a.b\",{\"val\":\"x\\ny\"}]",
          "event: stateChange\ndata: {\"id\":\"a.b\",\"state\":{\"val\":\"x\\ny\"}}\n\n");
}

static void numbered_events_begin_with_half_an_id(void **state)
{
    (void)state;
    check("stateChange", "[\"a\",null,\"1f\"]",
          ".1f\nevent: stateChange\ndata: {\"id\":\"a\",\"state\":null}\n\n");
    check("fileChange", "[\"vis.0\",\"a.png\",5,\"20\"]",
          ".20\nevent: fileChange\ndata: {\"id\":\"vis.0\",\"file\":\"a.png\",\"size\":5}\n\n");
    assert_true(sse_is_numbered(STR_LIT(".1f\n")));
    assert_false(sse_is_numbered(STR_LIT("event: x")));
    assert_false(sse_is_numbered(STR_LIT("")));
}

static void other_events_carry_their_arguments(void **state)
{
    (void)state;
    check("objectChange", "[\"a\"]",
          "event: objectChange\ndata: {\"id\":\"a\",\"object\":null}\n\n");
    check("permissionError", "[{\"command\":\"x\"}]",
          "event: permissionError\ndata: [{\"command\":\"x\"}]\n\n");
}

static void takes_ids_apart(void **state)
{
    str_t secret, number;
    (void)state;
    sse_split_id(STR_LIT("AbC.1f"), &secret, &number);
    assert_true(str_is(secret, "AbC") && str_is(number, "1f"));
    sse_split_id(STR_LIT("AbC"), &secret, &number);
    assert_true(str_is(secret, "AbC") && number.len == 0);
    sse_split_id(STR_LIT(""), &secret, &number);
    assert_true(secret.len == 0 && number.len == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_a_change),
        cmocka_unit_test(numbered_events_begin_with_half_an_id),
        cmocka_unit_test(other_events_carry_their_arguments),
        cmocka_unit_test(takes_ids_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
