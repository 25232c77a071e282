/* SPDX-License-Identifier: MIT */
#include "gateway/deflate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "gateway/frame.h"
#include "gateway/wsframe.h"

static void fill(buf_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buf_append_byte(out, (uint8_t) "states repeat themselves "[i % 25]);
}

/* Usage: a message goes out and comes back. */
static void round_trip(void **unused)
{
    (void)unused;
    buf_t text = {0}, small = {0}, back = {0};
    fill(&text, 5000);
    assert_true(deflate_is_worth(text.len));
    assert_true(deflate_message(&small, buf_str(&text)));
    assert_true(small.len < 200);
    assert_int_equal(deflate_inflate(&back, buf_str(&small), 5000), ERR_OK);
    assert_true(str_eq(buf_str(&back), buf_str(&text)));
    buf_fini(&back);
    buf_fini(&small);
    buf_fini(&text);
}

/* The examples of RFC 7692, 7.2.3: Hello, twice the same block, not compressed, with a last block.
 */
static void examples(void **unused)
{
    (void)unused;
    static const str_t rows[] = {
        STR_LIT("\xf2\x48\xcd\xc9\xc9\x07\x00"),
        STR_LIT("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"),
        STR_LIT("\xf3\x48\xcd\xc9\xc9\x07\x00"),
        STR_LIT("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_t out = {0};
        err_t err = deflate_inflate(&out, rows[i], 100);
        if (err != ERR_OK || !str_is(buf_str(&out), "Hello"))
            fail_msg("example %zu: %s", i, err_name(err));
        buf_fini(&out);
    }
}

/* A small message that stands for a large one, and ones that stand for nothing. */
static void bounds(void **unused)
{
    (void)unused;
    buf_t text = {0}, small = {0}, out = {0};
    fill(&text, 1000000);
    assert_true(deflate_message(&small, buf_str(&text)));
    assert_int_equal(deflate_inflate(&out, buf_str(&small), 999999), ERR_TOO_LARGE);
    assert_int_equal(out.len, 0);
    assert_int_equal(deflate_inflate(&out, buf_str(&small), 1000000), ERR_OK);
    buf_reset(&out);
    assert_int_equal(deflate_inflate(&out, STR_LIT("\xff\xff\xff"), 100), ERR_BAD_FRAME);
    assert_int_equal(deflate_inflate(&out, STR_LIT("\xf3\x48\xcd\xc9\xc9\x07\x00rest"), 100),
                     ERR_BAD_FRAME);
    assert_int_equal(deflate_inflate(&out, (str_t){"", 0}, 100), ERR_OK);
    assert_int_equal(out.len, 0);
    assert_false(deflate_is_worth(1023));
    assert_false(deflate_is_worth(DEFLATE_MAX + 1));
    buf_fini(&out);
    buf_fini(&small);
    buf_fini(&text);
}

static void what_does_not_get_smaller(void **unused)
{
    (void)unused;
    buf_t noise = {0}, out = {0};
    uint32_t seed = 1;
    for (int i = 0; i < 2000; i++) {
        seed = seed * 1664525u + 1013904223u;
        buf_append_byte(&noise, (uint8_t)(seed >> 24));
    }
    assert_false(deflate_message(&out, buf_str(&noise)));
    assert_int_equal(out.len, 0);
    buf_fini(&out);
    buf_fini(&noise);
}

static void offers(void **unused)
{
    (void)unused;
    static const struct {
        const char *offers;
        bool taken;
    } rows[] = {
        {"permessage-deflate", true},
        {"permessage-deflate; client_max_window_bits", true},
        {"permessage-deflate; client_max_window_bits=10", true},
        {"permessage-deflate; client_max_window_bits=\"15\"", true},
        {"permessage-deflate;server_no_context_takeover;client_no_context_takeover", true},
        {"permessage-deflate; server_max_window_bits=15", true},
        {"x-other; a=b, permessage-deflate", true},
        {"permessage-deflate; server_max_window_bits=10, permessage-deflate", true},
        {"permessage-deflate; server_max_window_bits=10", false},
        {"permessage-deflate; client_max_window_bits=16", false},
        {"permessage-deflate; client_max_window_bits=7", false},
        {"permessage-deflate; server_no_context_takeover=1", false},
        {"permessage-deflate; client_max_window_bits; client_max_window_bits", false},
        {"permessage-deflate; unknown", false},
        {"permessage-deflate2", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (deflate_accepts(str_of(rows[i].offers)) != rows[i].taken)
            fail_msg("%s", rows[i].offers);
    }
}

/* A frame is compressed once. What our decoder makes of it (masked, as from a client) is the
 * message. */
static void frames(void **unused)
{
    (void)unused;
    buf_t text = {0}, wire = {0};
    wsframe_t out;
    fill(&text, 4000);
    frame_t *frame = frame_new(FRAME_TEXT, buf_str(&text)),
            *tiny = frame_new(FRAME_TEXT, STR_LIT("x"));
    frame_t *small = frame_deflated(frame);
    assert_non_null(small);
    assert_ptr_equal(frame_deflated(frame), small);
    assert_null(frame_deflated(tiny));
    str_t payload = frame_payload(small);
    assert_int_equal((uint8_t)frame_wire(small).p[0], 0xc1);
    assert_true(payload.len < 126);
    buf_append_byte(&wire, 0xc1);
    buf_append_byte(&wire, (uint8_t)(0x80 | payload.len));
    buf_append(&wire, "\0\0\0\0", 4);
    buf_append_str(&wire, payload);
    for (int allowed = 0; allowed < 2; allowed++) {
        wsframe_decoder_t *decoder = wsframe_decoder_new(4000);
        uint8_t *data = wire.data;
        size_t len = wire.len;
        if (allowed)
            wsframe_decoder_allow_deflated(decoder);
        wsframe_result_t result = wsframe_decode(decoder, &data, &len, &out);
        assert_int_equal(result, allowed ? WSFRAME_MESSAGE : WSFRAME_FAILED);
        assert_true(!allowed || str_eq(out.payload, buf_str(&text)));
        wsframe_decoder_destroy(&decoder);
    }
    wsframe_decoder_t *decoder = wsframe_decoder_new(3999);
    uint8_t *data = wire.data;
    size_t len = wire.len;
    wsframe_decoder_allow_deflated(decoder);
    assert_int_equal(wsframe_decode(decoder, &data, &len, &out), WSFRAME_FAILED);
    assert_int_equal(out.close_code, 1009);
    wsframe_decoder_destroy(&decoder);
    frame_put(&tiny);
    frame_put(&frame);
    buf_fini(&wire);
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip), cmocka_unit_test(examples),
        cmocka_unit_test(bounds),     cmocka_unit_test(what_does_not_get_smaller),
        cmocka_unit_test(offers),     cmocka_unit_test(frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
