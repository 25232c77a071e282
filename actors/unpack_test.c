/* SPDX-License-Identifier: MIT */
#include "actors/unpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

/* Appends a gzip member. */
static void pack(buf_t *out, const char *text, size_t len)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_true(buf_reserve(out, len + 1000));
    stream.next_in = (Bytef *)(uintptr_t)text;
    stream.avail_in = (uInt)len;
    stream.next_out = out->data + out->len;
    stream.avail_out = (uInt)(len + 1000);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out->len += len + 1000 - stream.avail_out;
    deflateEnd(&stream);
}

/* What comes out, or the error. */
static void check(str_t data, const char *expected, const char *error)
{
    buf_t out = {0};
    str_t bytes;
    unpack_t *unpack = unpack_new_memory(data);
    while (unpack_read(unpack, &bytes))
        buf_append_str(&out, bytes);
    if (error) {
        assert_string_equal(unpack_error(unpack), error);
    } else {
        assert_null(unpack_error(unpack));
        assert_true(str_is(buf_str(&out), expected));
        assert_int_equal(unpack_unpacked(unpack), strlen(expected));
        assert_int_equal(unpack_packed(unpack), data.len);
    }
    unpack_destroy(&unpack);
    buf_fini(&out);
}

static void test_usage(void **state)
{
    (void)state;
    buf_t packed = {0};
    pack(&packed, "hello", 5);
    check(buf_str(&packed), "hello", NULL);
    check(STR_LIT("plain"), "plain", NULL);
    check(STR_LIT(""), "", NULL);
    buf_fini(&packed);
}

static void test_members_and_padding(void **state)
{
    (void)state;
    buf_t packed = {0};
    pack(&packed, "one ", 4);
    pack(&packed, "two", 3);
    check(buf_str(&packed), "one two", NULL);
    buf_append(&packed, "\0\0\0", 3);
    check(buf_str(&packed), "one two", NULL);
    buf_fini(&packed);
}

static void test_large(void **state)
{
    (void)state;
    size_t len = 300000;
    char *text = malloc(len + 1);
    buf_t packed = {0};
    for (size_t i = 0; i < len; i++)
        text[i] = (char)('a' + rand() % 26);
    text[len] = '\0';
    pack(&packed, text, len);
    check(buf_str(&packed), text, NULL);
    check(str_of(text), text, NULL);
    free(text);
    buf_fini(&packed);
}

static void test_damage(void **state)
{
    (void)state;
    buf_t packed = {0};
    pack(&packed, "hello, hello, hello", 19);
    for (size_t len = 2; len < packed.len; len++)
        check((str_t){(const char *)packed.data, len}, NULL, "it ends early");
    packed.data[packed.len - 6] ^= 1; /* of the checksum */
    check(buf_str(&packed), NULL, "its checksum or its compression is wrong");
    packed.data[packed.len - 6] ^= 1;
    packed.data[2] = 9; /* an unknown method */
    check(buf_str(&packed), NULL, "its checksum or its compression is wrong");
    buf_fini(&packed);
}

static void test_files(void **state)
{
    (void)state;
    str_t bytes;
    unpack_t *unpack = unpack_new_fd(12345); /* nobody has opened it */
    assert_false(unpack_read(unpack, &bytes));
    assert_string_equal(unpack_error(unpack), "it cannot be read");
    unpack_destroy(&unpack);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage), cmocka_unit_test(test_members_and_padding),
        cmocka_unit_test(test_large), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
