/* SPDX-License-Identifier: MIT */
#include "gateway/sio5.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Usage: a client asks to enter, is let in, and is told that another namespace does not exist. */
static void lets_a_client_in(void **unused)
{
    (void)unused;
    sio4_packet_t packet;
    buf_t out = {0};
    assert_int_equal(sio5_parse(STR_LIT("0{\"token\":\"123\"}"), &packet), ERR_OK);
    assert_int_equal(packet.type, SIO4_CONNECT);
    assert_true(str_is(packet.payload, "{\"token\":\"123\"}"));
    sio5_put_connect(&out, "abc", NULL);
    assert_true(str_is(buf_str(&out), "0{\"sid\":\"abc\"}"));
    buf_reset(&out);
    sio5_put_connect(&out, "abc", "secret");
    assert_true(str_is(buf_str(&out), "0{\"sid\":\"abc\",\"pid\":\"secret\"}"));
    buf_reset(&out);
    sio5_put_connect_error(&out, STR_LIT("/random"), STR_LIT("Invalid namespace"));
    assert_true(str_is(buf_str(&out), "4/random,{\"message\":\"Invalid namespace\"}"));
    buf_reset(&out);
    sio5_put_connect_error(&out, STR_LIT("/"), STR_LIT("no"));
    assert_true(str_is(buf_str(&out), "4{\"message\":\"no\"}"));
    buf_fini(&out);
}

static void packets(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        err_t err;
    } rows[] = {
        {"0", ERR_OK},
        {"0{}", ERR_OK},
        {"0/custom", ERR_OK},
        {"0/custom,{\"a\":1}", ERR_OK},
        {"0[]", ERR_BAD_FRAME},
        {"0null", ERR_BAD_FRAME},
        {"0\"x\"", ERR_BAD_FRAME},
        {"0{", ERR_JSON},
        {"1", ERR_OK},
        {"1{}", ERR_BAD_FRAME},
        {"2[\"a\"]", ERR_OK},
        {"30[]", ERR_OK},
        {"3{}", ERR_BAD_FRAME},
        {"4{\"message\":\"x\"}", ERR_BAD_FRAME},
        {"52-7[\"a\",{\"_placeholder\":true,\"num\":0}]", ERR_OK},
        {"5[\"a\"]", ERR_BAD_FRAME},
        {"511-[\"a\"]", ERR_BAD_FRAME},
        {"abc", ERR_BAD_FRAME},
        {"7", ERR_BAD_FRAME},
        {"", ERR_BAD_FRAME},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sio4_packet_t packet;
        err_t err = sio5_parse(str_of(rows[i].text), &packet);
        if (err != rows[i].err)
            fail_msg("%s: %s", rows[i].text, err_name(err));
    }
}

static void reserved_names(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        err_t err;
    } rows[] = {
        {"2[\"getState\"]", ERR_OK},
        {"2[\"connect\"]", ERR_BAD_FRAME},
        {"2[\"connect_error\"]", ERR_BAD_FRAME},
        {"2[\"disconnect\"]", ERR_BAD_FRAME},
        {"2[\"disconnecting\"]", ERR_BAD_FRAME},
        {"2[\"newListener\"]", ERR_BAD_FRAME},
        {"2[\"removeListener\"]", ERR_BAD_FRAME},
        {"2[\"connected\"]", ERR_OK},
        {"2[5]", ERR_OK},
        {"2", ERR_OK},
        {"2{}", ERR_BAD_FRAME},
        {"2[null]", ERR_BAD_FRAME},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sio4_packet_t packet;
        sio4_event_t event;
        buf_t out = {0};
        assert_int_equal(sio5_parse(str_of(rows[i].text), &packet), ERR_OK);
        err_t err = sio5_event_decode(&out, &packet, NULL, &event);
        if (err != rows[i].err)
            fail_msg("%s: %s", rows[i].text, err_name(err));
        assert_true(err == ERR_OK || out.len == 0);
        buf_fini(&out);
    }
}

/* Bytes go out as they are. */
static void bytes_without_a_type(void **unused)
{
    (void)unused;
    frames_t frames = {0};
    buf_t args = {0};
    mp_put_array(&args, 2);
    mp_put_nil(&args);
    mp_put_bin(&args, "\1\2\3", 3);
    sio5_dialect.answer(NULL, 5, mp_of_buf(&args), &frames);
    assert_int_equal(frames.count, 2);
    assert_true(
        str_is(frame_payload(frames.items[0]), "461-5[null,{\"_placeholder\":true,\"num\":0}]"));
    assert_true(str_is(frame_payload(frames.items[1]), "\1\2\3"));
    frames_put(&frames);
    buf_fini(&args);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_a_client_in),
        cmocka_unit_test(packets),
        cmocka_unit_test(reserved_names),
        cmocka_unit_test(bytes_without_a_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
