/* SPDX-License-Identifier: MIT */
#include "bus/tree.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *load(const char *text)
{
    json_t *tree = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(tree);
    return tree;
}

/* Usage: take a document, change it, write it back. */
static void test_document_goes_in_and_out(void **state)
{
    (void)state;
    buf_t in, out;
    buf_init(&in);
    buf_init(&out);
    mp_put_map(&in, 2);
    mp_put_cstr(&in, "type");
    mp_put_cstr(&in, "state");
    mp_put_cstr(&in, "ts");
    mp_put_int(&in, 1700000000000);

    json_t *tree = tree_from_mp(mp_of_buf(&in));
    assert_string_equal(json_string_value(tree_path(tree, "type", NULL)), "state");
    json_object_set_new(tree, "type", json_string("channel"));
    tree_to_mp(&out, tree);

    str_t type;
    assert_true(mp_find_str(mp_of_buf(&out), "type", &type));
    assert_true(str_is(type, "channel"));
    json_decref(tree);
    buf_fini(&in);
    buf_fini(&out);
}

static void round_trip(const buf_t *in)
{
    buf_t out;
    buf_init(&out);
    json_t *tree = tree_from_mp(mp_of_buf(in));
    assert_non_null(tree);
    tree_to_mp(&out, tree);
    assert_int_equal(out.len, in->len);
    assert_memory_equal(out.data, in->data, in->len);
    json_decref(tree);
    buf_fini(&out);
}

static void test_every_kind_of_value(void **state)
{
    (void)state;
    buf_t in;
    buf_init(&in);
    mp_put_array(&in, 10);
    mp_put_nil(&in);
    mp_put_bool(&in, true);
    mp_put_bool(&in, false);
    mp_put_int(&in, INT64_MIN);
    mp_put_int(&in, INT64_MAX);
    mp_put_double(&in, -0.5);
    mp_put_double(&in, DBL_MAX);
    mp_put_cstr(&in, "");
    mp_put_array(&in, 0);
    mp_put_map(&in, 0);
    round_trip(&in);
    buf_fini(&in);
}

static void test_keys_and_strings_may_hold_anything(void **state)
{
    (void)state;
    buf_t in;
    buf_init(&in);
    mp_put_map(&in, 4);
    mp_put_str(&in, STR_LIT("a\0b"));
    mp_put_str(&in, STR_LIT("x\0y"));
    mp_put_str(&in, STR_LIT("\xed\xa0\x80")); /* a lone surrogate */
    mp_put_str(&in, STR_LIT("\xed\xb0\x80"));
    mp_put_cstr(&in, "__proto__");
    mp_put_map(&in, 1);
    mp_put_str(&in, STR_LIT("\0"));
    mp_put_nil(&in);
    mp_put_cstr(&in, "");
    mp_put_int(&in, 1);
    round_trip(&in);

    /* The same through a merge, which copies. */
    json_t *patch = tree_from_mp(mp_of_buf(&in));
    json_t *target = json_object();
    tree_extend(target, patch);
    buf_t out;
    buf_init(&out);
    tree_to_mp(&out, target);
    assert_int_equal(out.len, in.len);
    assert_memory_equal(out.data, in.data, in.len);
    buf_fini(&out);
    assert_ptr_not_equal(tree_path(target, "__proto__", NULL), tree_path(patch, "__proto__", NULL));
    json_decref(target);
    json_decref(patch);
    buf_fini(&in);
}

static void test_bytes_become_what_javascript_makes_of_a_buffer(void **state)
{
    (void)state;
    buf_t in;
    buf_init(&in);
    mp_put_bin(&in, "\x01\xff", 2);
    json_t *tree = tree_from_mp(mp_of_buf(&in));
    json_t *want = load("{\"type\":\"Buffer\",\"data\":[1,255]}");
    assert_true(json_equal(tree, want));
    json_decref(want);
    json_decref(tree);
    buf_fini(&in);
}

static void test_not_a_number_becomes_null(void **state)
{
    (void)state;
    uint8_t nan_bytes[] = {0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0};
    json_t *tree = tree_from_mp(mp_of(nan_bytes, sizeof nan_bytes));
    assert_true(json_is_null(tree));
    json_decref(tree);
}

static void test_integral_reals_become_integers(void **state)
{
    (void)state;
    buf_t out;
    buf_init(&out);
    json_t *tree = json_real(5.0);
    tree_to_mp(&out, tree);
    assert_int_equal(out.len, 1);
    assert_int_equal(out.data[0], 5);
    json_decref(tree);
    buf_fini(&out);
}

static void test_malformed_and_deep_data_is_refused(void **state)
{
    (void)state;
    assert_null(tree_from_mp(mp_of("", 0)));
    assert_null(tree_from_mp(mp_of("\x92\x01", 2)));       /* array of two, one is missing */
    assert_null(tree_from_mp(mp_of("\x81\x01\x01", 3)));   /* a key that is no string */
    assert_null(tree_from_mp(mp_of("\x81\xa1x\xa5y", 5))); /* truncated string */
    assert_null(tree_from_mp(mp_of("\xd4\x01\x01", 3)));   /* ext */
    uint8_t deep[MP_MAX_DEPTH + 1];
    memset(deep, 0x91, sizeof deep);
    deep[MP_MAX_DEPTH] = 0xc0;
    assert_null(tree_from_mp(mp_of(deep, sizeof deep)));
    json_t *tree = tree_from_mp(mp_of(deep + 1, sizeof deep - 1));
    assert_non_null(tree);
    json_decref(tree);
}

static void check_extend(const char *target_text, const char *patch_text, const char *want_text)
{
    json_t *target = load(target_text), *patch = load(patch_text), *want = load(want_text);
    tree_extend(target, patch);
    if (!json_equal(target, want)) {
        char *got = json_dumps(target, JSON_ENCODE_ANY);
        print_error("got %s, want %s\n", got, want_text);
        free(got);
        fail();
    }
    json_decref(want);
    json_decref(patch);
    json_decref(target);
}

static void test_extend(void **state)
{
    (void)state;
    check_extend("{\"a\":1,\"b\":{\"c\":1}}", "{\"b\":{\"d\":2}}",
                 "{\"a\":1,\"b\":{\"c\":1,\"d\":2}}");
    check_extend("{\"a\":[1,2,3]}", "{\"a\":[9]}", "{\"a\":[9,2,3]}");
    check_extend("{\"a\":[1]}", "{\"a\":[null,{\"x\":1}]}", "{\"a\":[null,{\"x\":1}]}");
    check_extend("{\"a\":[{\"x\":1}]}", "{\"a\":[{\"y\":2}]}", "{\"a\":[{\"x\":1,\"y\":2}]}");
    check_extend("{\"a\":{\"b\":1}}", "{\"a\":null}", "{\"a\":null}");
    check_extend("{\"a\":{\"b\":1}}", "{\"a\":[1]}", "{\"a\":[1]}");
    check_extend("{\"a\":[1]}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}");
    check_extend("{\"a\":\"x\"}", "{\"a\":{}}", "{\"a\":{}}");
    check_extend("{\"a\":1}", "{}", "{\"a\":1}");
    check_extend("{\"a\":1}", "[1]", "{\"a\":1}");
}

static void test_path(void **state)
{
    (void)state;
    json_t *tree = load("{\"a\":{\"b\":[1]}}");
    assert_true(json_is_array(tree_path(tree, "a", "b", NULL)));
    assert_null(tree_path(tree, "a", "x", "y", NULL));
    assert_null(tree_path(tree, "a", "b", "c", NULL));
    assert_null(tree_path(NULL, "a", NULL));
    assert_ptr_equal(tree_path(tree, NULL), tree);
    json_decref(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document_goes_in_and_out),
        cmocka_unit_test(test_every_kind_of_value),
        cmocka_unit_test(test_keys_and_strings_may_hold_anything),
        cmocka_unit_test(test_bytes_become_what_javascript_makes_of_a_buffer),
        cmocka_unit_test(test_not_a_number_becomes_null),
        cmocka_unit_test(test_integral_reals_become_integers),
        cmocka_unit_test(test_malformed_and_deep_data_is_refused),
        cmocka_unit_test(test_extend),
        cmocka_unit_test(test_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
