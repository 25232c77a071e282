/* SPDX-License-Identifier: MIT */
#include "gateway/packer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <zlib.h>

#include <cmocka.h>

#define SIZE 300000u

/* Text that gets smaller, but not to nothing. */
static void fill(buf_t *out)
{
    unsigned random = 1;
    while (out->len < SIZE) {
        random = random * 1103515245u + 12345u;
        buf_printf(out, "word%u ", random >> 22);
    }
    out->len = SIZE;
}

static void pack(encoding_t encoding, str_t text, size_t piece, buf_t *out)
{
    packer_t *packer = packer_new(encoding);
    assert_non_null(packer);
    for (size_t at = 0; at < text.len; at += piece) {
        size_t n = text.len - at < piece ? text.len - at : piece;
        assert_true(packer_feed(packer, (str_t){text.p + at, n}, at + n == text.len, out));
    }
    packer_destroy(&packer);
    assert_null(packer);
}

/* zlib reads both of its formats by itself. */
static void check_zlib(encoding_t encoding, str_t text, size_t piece)
{
    buf_t packed = {0}, back = {0};
    z_stream zlib = {0};
    pack(encoding, text, piece, &packed);
    assert_true(packed.len < text.len / 2);
    assert_true(buf_reserve(&back, text.len + 1));
    assert_int_equal(inflateInit2(&zlib, 15 + 32), Z_OK);
    zlib.next_in = packed.data;
    zlib.avail_in = (uInt)packed.len;
    zlib.next_out = back.data;
    zlib.avail_out = (uInt)text.len + 1;
    assert_int_equal(inflate(&zlib, Z_FINISH), Z_STREAM_END);
    assert_int_equal(zlib.total_out, text.len);
    assert_memory_equal(back.data, text.p, text.len);
    assert_int_equal(inflateEnd(&zlib), Z_OK);
    buf_fini(&packed);
    buf_fini(&back);
}

/* Usage: piece by piece, however large the pieces are. */
static void packs_in_a_stream(void **unused)
{
    static const size_t pieces[] = {SIZE, 70000, 1000};
    buf_t text = {0};
    (void)unused;
    fill(&text);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        check_zlib(ENCODING_GZIP, buf_str(&text), pieces[i]);
        check_zlib(ENCODING_DEFLATE, buf_str(&text), pieces[i]);
    }
    buf_fini(&text);
}

/* The integration tests take it apart again. */
static void packs_with_brotli(void **unused)
{
    buf_t text = {0}, whole = {0};
    (void)unused;
    fill(&text);
    pack(ENCODING_BROTLI, buf_str(&text), 30000, &whole);
    assert_true(whole.len > 1000 && whole.len < SIZE / 2);
    buf_fini(&text);
    buf_fini(&whole);
}

static void ends_unfinished(void **unused)
{
    buf_t out = {0};
    (void)unused;
    for (encoding_t encoding = ENCODING_BROTLI; encoding < ENCODING_NONE; encoding++) {
        packer_t *packer = packer_new(encoding);
        assert_true(packer_feed(packer, STR_LIT("abc"), false, &out));
        packer_destroy(&packer);
    }
    assert_null(packer_new(ENCODING_NONE));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packs_in_a_stream),
        cmocka_unit_test(packs_with_brotli),
        cmocka_unit_test(ends_unfinished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
