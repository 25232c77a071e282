/* SPDX-License-Identifier: MIT */
#include "bus/mp.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Usage: write a state, find a field, read it. */
static void writes_and_finds(void **unused)
{
    (void)unused;
    buf_t buf;
    buf_init(&buf);
    mp_put_map(&buf, 2);
    mp_put_cstr(&buf, "val");
    mp_put_double(&buf, 21.5);
    mp_put_cstr(&buf, "ack");
    mp_put_bool(&buf, true);
    mp_t state = mp_of_buf(&buf);
    double val;
    bool ack = false;
    assert_true(mp_check(state, true) == ERR_OK);
    assert_true(mp_find_double(state, "val", &val));
    assert_true(val == 21.5);
    assert_true(mp_find_bool(state, "ack", &ack) && ack);
    assert_false(mp_find_bool(state, "val", &ack));
    buf_fini(&buf);
}

static void numbers_keep_their_value(void **unused)
{
    (void)unused;
    static const double values[] = {0,
                                    1,
                                    -1,
                                    127,
                                    128,
                                    -32,
                                    -33,
                                    255,
                                    256,
                                    65535,
                                    65536,
                                    -128,
                                    -129,
                                    -32769,
                                    4294967295.0,
                                    4294967296.0,
                                    0.1,
                                    -0.5,
                                    1e300,
                                    9007199254740992.0,
                                    -9007199254740992.0,
                                    1e19};
    buf_t buf;
    buf_init(&buf);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        buf_reset(&buf);
        mp_put_double(&buf, values[i]);
        mp_t at = mp_of_buf(&buf);
        double back;
        assert_true(mp_read_double(&at, &back));
        assert_true(back == values[i]);
        assert_true(mp_at_end(&at));
    }
    buf_fini(&buf);
}

static void integers_of_every_width(void **unused)
{
    (void)unused;
    static const int64_t values[] = {INT64_MIN, INT64_MAX, INT32_MIN, INT32_MAX, -1,
                                     0,         200,       70000,     -200,      -70000};
    buf_t buf;
    buf_init(&buf);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        buf_reset(&buf);
        mp_put_int(&buf, values[i]);
        mp_t at = mp_of_buf(&buf);
        int64_t back;
        assert_true(mp_read_int(&at, &back));
        assert_true(back == values[i]);
    }
    buf_reset(&buf);
    mp_put_uint(&buf, UINT64_MAX);
    mp_t at = mp_of_buf(&buf);
    int64_t none;
    uint64_t all;
    assert_false(mp_read_int(&at, &none));
    assert_true(mp_read_uint(&at, &all) && all == UINT64_MAX);
    buf_fini(&buf);
}

static void last_of_repeated_keys_wins(void **unused)
{
    (void)unused;
    static const uint8_t map[] = {0x82, 0xa1, 'a', 1, 0xa1, 'a', 2};
    mp_t value;
    int64_t n;
    assert_true(mp_find(mp_of(map, sizeof map), "a", &value));
    assert_true(mp_read_int(&value, &n) && n == 2);
}

static void refuses_broken_data(void **unused)
{
    (void)unused;
    static const struct {
        const char *bytes;
        size_t len;
        err_t err;
    } rows[] = {
        {"", 0, ERR_BAD_FRAME},
        {"\xc1", 1, ERR_BAD_FRAME},
        {"\xd9", 1, ERR_BAD_FRAME},
        {"\xd9\x05"
         "ab",
         4, ERR_BAD_FRAME},
        {"\x92\x01", 2, ERR_BAD_FRAME},
        {"\xdd\xff\xff\xff\xff", 5, ERR_BAD_FRAME},
        {"\xdf\xff\xff\xff\xff\x01", 6, ERR_BAD_FRAME},
        {"\xdb\xff\xff\xff\xff", 5, ERR_BAD_FRAME},
        {"\x01\x02", 2, ERR_BAD_FRAME},
        {"\xc7\x00\x01", 3, ERR_BAD_FRAME},
        {"\x90", 1, ERR_OK},
        {"\x92\x80\x81\x90\x90", 5, ERR_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(mp_check(mp_of(rows[i].bytes, rows[i].len), true), rows[i].err);
}

static void bounds_depth(void **unused)
{
    (void)unused;
    uint8_t nested[MP_MAX_DEPTH + 2];
    memset(nested, 0x91, sizeof nested);
    nested[MP_MAX_DEPTH] = 0xc0;
    assert_int_equal(mp_check(mp_of(nested, MP_MAX_DEPTH + 1), true), ERR_OK);
    nested[MP_MAX_DEPTH] = 0x91;
    nested[MP_MAX_DEPTH + 1] = 0xc0;
    assert_int_equal(mp_check(mp_of(nested, sizeof nested), true), ERR_TOO_DEEP);
}

static void equality_is_javascripts(void **unused)
{
    (void)unused;
    static const struct {
        const char *a, *b;
        size_t a_len, b_len;
        bool equal;
    } rows[] = {
        {"\x01", "\xcb\x3f\xf0\0\0\0\0\0\0", 1, 9, true}, /* 1, 1.0 */
        {"\x01",
         "\xa1"
         "1",
         1, 2, false}, /* 1, "1" */
        {"\x82\xa1"
         "a\x01\xa1"
         "b\x02",
         "\x82\xa1"
         "b\x02\xa1"
         "a\x01",
         7, 7, true}, /* order of keys */
        {"\x92\x01\x02", "\x92\x02\x01", 3, 3, false},
        {"\xc0", "\xc2", 1, 1, false},
        {"\xc4\x01x", "\xa1x", 3, 2, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(mp_equal(mp_of(rows[i].a, rows[i].a_len), mp_of(rows[i].b, rows[i].b_len)),
                         rows[i].equal);
        assert_int_equal(mp_equal(mp_of(rows[i].b, rows[i].b_len), mp_of(rows[i].a, rows[i].a_len)),
                         rows[i].equal);
    }
}

/* Many keys in another order, deep nesting: the cost stays in bounds, whatever the answer. */
static void equality_of_large_values_ends(void **unused)
{
    (void)unused;
    buf_t a = {0}, b = {0};
    mp_put_map(&a, 20000);
    mp_put_map(&b, 20000);
    for (int i = 0; i < 20000; i++) {
        mp_put_str(&a, (str_t){(const char *)&i, sizeof i});
        mp_put_int(&a, i);
        int reversed = 19999 - i;
        mp_put_str(&b, (str_t){(const char *)&reversed, sizeof reversed});
        mp_put_int(&b, reversed);
    }
    (void)mp_equal(mp_of_buf(&a), mp_of_buf(&b));
    assert_true(mp_equal(mp_of_buf(&a), mp_of_buf(&a)));
    buf_fini(&a);
    buf_fini(&b);
}

static void containers_of_unknown_size(void **unused)
{
    (void)unused;
    buf_t buf;
    buf_init(&buf);
    size_t list = mp_begin_array(&buf);
    size_t map = mp_begin_map(&buf);
    mp_put_cstr(&buf, "k");
    mp_put_nil(&buf);
    mp_end(&buf, map, 1);
    mp_put_int(&buf, 7);
    mp_end(&buf, list, 2);
    mp_t value;
    int64_t n;
    assert_int_equal(mp_check(mp_of_buf(&buf), true), ERR_OK);
    assert_true(mp_at(mp_of_buf(&buf), 1, &value) && mp_read_int(&value, &n) && n == 7);
    assert_false(mp_at(mp_of_buf(&buf), 2, &value));
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_finds),
        cmocka_unit_test(numbers_keep_their_value),
        cmocka_unit_test(integers_of_every_width),
        cmocka_unit_test(last_of_repeated_keys_wins),
        cmocka_unit_test(refuses_broken_data),
        cmocka_unit_test(bounds_depth),
        cmocka_unit_test(equality_is_javascripts),
        cmocka_unit_test(containers_of_unknown_size),
        cmocka_unit_test(equality_of_large_values_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
