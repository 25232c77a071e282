/* SPDX-License-Identifier: MIT */
#include "gateway/wsframe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/frame.h"

/* A frame as a client sends it, masked. */
static void put(buf_t *out, unsigned first, const char *payload, size_t len)
{
    static const uint8_t mask[] = {1, 2, 3, 4};
    buf_append_byte(out, (uint8_t)first);
    if (len < 126) {
        buf_append_byte(out, (uint8_t)(0x80 | len));
    } else {
        buf_append_byte(out, 0x80 | 127);
        for (int i = 7; i >= 0; i--)
            buf_append_byte(out, (uint8_t)((uint64_t)len >> (8 * i)));
    }
    buf_append(out, mask, sizeof mask);
    for (size_t i = 0; i < len; i++)
        buf_append_byte(out, (uint8_t)payload[i] ^ mask[i & 3]);
}

static void put_text(buf_t *out, unsigned first, const char *text)
{
    put(out, first, text, strlen(text));
}

/* Feeds step bytes at a time; returns the first result that is not MORE. */
static wsframe_result_t feed(wsframe_decoder_t *decoder, buf_t *in, size_t *at, size_t step,
                             wsframe_t *out)
{
    while (*at < in->len) {
        size_t len = in->len - *at < step ? in->len - *at : step;
        uint8_t *data = in->data + *at;
        size_t before = len;
        wsframe_result_t result = wsframe_decode(decoder, &data, &len, out);
        *at += before - len;
        if (result != WSFRAME_MORE)
            return result;
    }
    return WSFRAME_MORE;
}

/* Usage: messages and control frames come out one by one, however the bytes are cut. */
static void reads_messages(void **unused)
{
    (void)unused;
    for (size_t step = 1; step < 40; step++) {
        buf_t in = {0};
        size_t at = 0;
        wsframe_t frame;
        wsframe_decoder_t *decoder = wsframe_decoder_new(1000);
        put_text(&in, 0x81, "hello");
        put_text(&in, 0x01, "frag");
        put_text(&in, 0x89, "ping");
        put_text(&in, 0x80, "mented");
        put_text(&in, 0x82, "");
        assert_int_equal(feed(decoder, &in, &at, step, &frame), WSFRAME_MESSAGE);
        assert_true(str_is(frame.payload, "hello") && !frame.binary);
        assert_int_equal(feed(decoder, &in, &at, step, &frame), WSFRAME_CONTROL);
        assert_true(str_is(frame.payload, "ping") && frame.opcode == WSFRAME_PING);
        assert_int_equal(feed(decoder, &in, &at, step, &frame), WSFRAME_MESSAGE);
        assert_true(str_is(frame.payload, "fragmented"));
        assert_int_equal(feed(decoder, &in, &at, step, &frame), WSFRAME_MESSAGE);
        assert_true(frame.payload.len == 0 && frame.binary);
        assert_int_equal(feed(decoder, &in, &at, step, &frame), WSFRAME_MORE);
        wsframe_decoder_destroy(&decoder);
        buf_fini(&in);
    }
}

static void fails(const void *bytes, size_t len, uint16_t code)
{
    buf_t in = {0};
    size_t at = 0;
    wsframe_t frame;
    wsframe_decoder_t *decoder = wsframe_decoder_new(1000);
    buf_append(&in, bytes, len);
    assert_int_equal(feed(decoder, &in, &at, 3, &frame), WSFRAME_FAILED);
    assert_int_equal(frame.close_code, code);
    wsframe_decoder_destroy(&decoder);
    buf_fini(&in);
}

static void refuses_broken_frames(void **unused)
{
    (void)unused;
    fails("\x81\x01x", 3, 1002);                             /* not masked */
    fails("\xc1\x81\0\0\0\0x", 7, 1002);                     /* reserved bit */
    fails("\x83\x80\0\0\0\0", 6, 1002);                      /* unknown opcode */
    fails("\x80\x80\0\0\0\0", 6, 1002);                      /* continuation of nothing */
    fails("\x09\x80\0\0\0\0", 6, 1002);                      /* fragmented control frame */
    fails("\x89\xfe\0\x80\0\0\0\0", 8, 1002);                /* long control frame */
    fails("\x01\x81\0\0\0\0x\x81\x81\0\0\0\0x", 14, 1002);   /* message within a message */
    fails("\x81\x82\0\0\0\0\xc3\x28", 8, 1007);              /* no UTF-8 */
    fails("\x81\xff\0\0\0\0\0\0\x03\xe9\0\0\0\0", 14, 1009); /* 1001 bytes promised */
    fails("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14, 1009);
}

/* The limit is for the message, not for a frame. */
static void limits_the_sum_of_fragments(void **unused)
{
    (void)unused;
    static const char text[600];
    buf_t in = {0};
    size_t at = 0;
    wsframe_t frame;
    wsframe_decoder_t *decoder = wsframe_decoder_new(1000);
    put(&in, 0x02, text, sizeof text);
    put(&in, 0x80, text, sizeof text);
    assert_int_equal(feed(decoder, &in, &at, 100, &frame), WSFRAME_FAILED);
    assert_int_equal(frame.close_code, 1009);
    wsframe_decoder_destroy(&decoder);
    buf_fini(&in);
}

static void writes_heads(void **unused)
{
    (void)unused;
    uint8_t head[WSFRAME_MAX_HEAD];
    assert_int_equal(wsframe_head(head, WSFRAME_TEXT, 125), 2);
    assert_memory_equal(head, "\x81\x7d", 2);
    assert_int_equal(wsframe_head(head, WSFRAME_BINARY, 65535), 4);
    assert_memory_equal(head, "\x82\x7e\xff\xff", 4);
    assert_int_equal(wsframe_head(head, WSFRAME_TEXT, 65536), 10);
    assert_memory_equal(head, "\x81\x7f\0\0\0\0\0\x01\0\0", 10);
}

static void frames_are_shared(void **unused)
{
    (void)unused;
    frame_t *frame = frame_new(FRAME_TEXT, STR_LIT("40"));
    frame_t *second = frame_ref(frame);
    assert_true(str_eq(frame_wire(frame), (str_t){"\x81\x02"
                                                  "40",
                                                  4}));
    assert_true(str_is(frame_payload(frame), "40"));
    frame_put(&frame);
    assert_null(frame);
    assert_true(str_is(frame_payload(second), "40"));
    frame_put(&second);
}

/* Large contents change hands without a copy. */
static void frames_take_large_buffers(void **unused)
{
    (void)unused;
    buf_t buf = {0};
    frame_room(&buf);
    for (int i = 0; i < 100000; i++)
        buf_append_byte(&buf, 'x');
    const uint8_t *data = buf.data;
    frame_t *frame = frame_take(FRAME_BINARY, &buf, STR_LIT("key"));
    assert_int_equal(frame_payload(frame).len, 100000);
    assert_ptr_equal(frame_payload(frame).p, data + WSFRAME_MAX_HEAD);
    assert_true(str_is(frame_key(frame), "key"));
    assert_null(buf.data);
    frame_put(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_messages),
        cmocka_unit_test(refuses_broken_frames),
        cmocka_unit_test(limits_the_sum_of_fragments),
        cmocka_unit_test(writes_heads),
        cmocka_unit_test(frames_are_shared),
        cmocka_unit_test(frames_take_large_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
