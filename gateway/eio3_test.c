/* SPDX-License-Identifier: MIT */
#include "gateway/eio3.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MESSAGE(text)                                                                              \
    {                                                                                              \
        EIO_PACKET_MESSAGE, false, STR_LIT(text)                                                   \
    }
#define BYTES(text)                                                                                \
    {                                                                                              \
        EIO_PACKET_MESSAGE, true, STR_LIT(text)                                                    \
    }

static void check_packet(const eio_packet_t *got, const eio_packet_t *want)
{
    assert_int_equal(got->type, want->type);
    assert_int_equal(got->binary, want->binary);
    assert_true(str_eq(got->data, want->data));
}

/* Usage: walk through the body of a POST, answer a GET. */
static void reads_and_writes_payloads(void **unused)
{
    (void)unused;
    const eio_packet_t want[] = {MESSAGE("hello"), MESSAGE("\xe2\x82\xac"), BYTES("\1\2\3\4")};
    str_t body = STR_LIT("6:4hello2:4\xe2\x82\xac"
                         "10:b4AQIDBA==");
    buf_t scratch, out;
    buf_init(&scratch);
    buf_init(&out);
    eio_payload_t payload;
    eio_packet_t packet;
    err_t err;
    size_t count = 0;
    eio3_payload_init(&payload, body, EIO3_FRAMING_TEXT, &scratch);
    while (eio3_payload_next(&payload, &packet, &err))
        check_packet(&packet, &want[count++]);
    assert_int_equal(err, ERR_OK);
    assert_int_equal(count, 3);
    assert_int_equal(eio3_encode_payload(&out, want, 3, true), EIO3_FRAMING_TEXT);
    assert_true(str_eq(buf_str(&out), body));
    buf_fini(&out);
    buf_fini(&scratch);
}

static void binary_payloads(void **unused)
{
    (void)unused;
    const eio_packet_t want[] = {MESSAGE("hello"), MESSAGE("\xe2\x82\xac"), BYTES("\1\2\3\4"),
                                 MESSAGE("\xf0\x9f\x98\x80")};
    str_t body = STR_LIT("\x00\x06\xff"
                         "4hello"
                         "\x00\x04\xff"
                         "4\xe2\x82\xac"
                         "\x01\x05\xff\x04\1\2\3\4"
                         "\x00\x05\xff"
                         "4\xf0\x9f\x98\x80");
    buf_t scratch, out;
    buf_init(&scratch);
    buf_init(&out);
    assert_int_equal(eio3_encode_payload(&out, want, 4, false), EIO3_FRAMING_OCTETS);
    assert_true(str_eq(buf_str(&out), body));
    eio_payload_t payload;
    eio_packet_t packet;
    err_t err;
    size_t count = 0;
    eio3_payload_init(&payload, body, EIO3_FRAMING_OCTETS, &scratch);
    while (eio3_payload_next(&payload, &packet, &err))
        check_packet(&packet, &want[count++]);
    assert_int_equal(err, ERR_OK);
    assert_int_equal(count, 4);
    buf_fini(&out);
    buf_fini(&scratch);
}

static void text_without_bytes_stays_text(void **unused)
{
    (void)unused;
    const eio_packet_t packets[] = {
        {EIO_PACKET_CLOSE, false, {0}}, MESSAGE("\xf0\x9f\x98\x80"), {EIO_PACKET_NOOP, false, {0}}};
    buf_t out;
    buf_init(&out);
    assert_int_equal(eio3_encode_payload(&out, packets, 3, false), EIO3_FRAMING_TEXT);
    assert_true(str_is(buf_str(&out), "1:13:4\xf0\x9f\x98\x80"
                                      "1:6"));
    buf_reset(&out);
    assert_int_equal(eio3_encode_payload(&out, NULL, 0, false), EIO3_FRAMING_TEXT);
    assert_true(str_is(buf_str(&out), "0:"));
    buf_fini(&out);
}

/* How many packets a body gives before its end or its error. */
static void bad_payloads(void **unused)
{
    (void)unused;
    static const struct {
        str_t body;
        eio3_framing_t framing;
        size_t packets;
        err_t err;
    } rows[] = {
        {STR_LIT(""), EIO3_FRAMING_TEXT, 0, ERR_BAD_FRAME},
        {STR_LIT("99:2"), EIO3_FRAMING_TEXT, 0, ERR_BAD_FRAME},
        {STR_LIT("1:2x"), EIO3_FRAMING_TEXT, 1, ERR_BAD_FRAME},
        {STR_LIT("1:21"), EIO3_FRAMING_TEXT, 1, ERR_BAD_FRAME},
        {STR_LIT(":2"), EIO3_FRAMING_TEXT, 0, ERR_BAD_FRAME},
        {STR_LIT("-1:2"), EIO3_FRAMING_TEXT, 0, ERR_BAD_FRAME},
        {STR_LIT("abc"), EIO3_FRAMING_TEXT, 0, ERR_BAD_FRAME},
        {STR_LIT("1:7"), EIO3_FRAMING_TEXT, 0, ERR_BAD_FRAME},
        {STR_LIT("1:21:x1:2"), EIO3_FRAMING_TEXT, 1, ERR_BAD_FRAME},
        {STR_LIT("2:4\xf0\x9f\x98\x80"), EIO3_FRAMING_TEXT, 0, ERR_BAD_FRAME},
        {STR_LIT("2:4\xc3"), EIO3_FRAMING_TEXT, 0, ERR_UTF8},
        {STR_LIT("99999999999999999999999999999:4"), EIO3_FRAMING_TEXT, 0, ERR_BAD_FRAME},
        {STR_LIT("0:"), EIO3_FRAMING_TEXT, 0, ERR_OK},
        {STR_LIT("0:1:2"), EIO3_FRAMING_TEXT, 1, ERR_OK},
        {STR_LIT("001:2"), EIO3_FRAMING_TEXT, 1, ERR_OK},
        {STR_LIT("1:b2:b9"), EIO3_FRAMING_TEXT, 2, ERR_OK}, /* both of unknown type */
        {STR_LIT(""), EIO3_FRAMING_OCTETS, 0, ERR_BAD_FRAME},
        {STR_LIT("\x00\x01\xff"
                 "2"),
         EIO3_FRAMING_OCTETS, 1, ERR_OK},
        {STR_LIT("\x00\x02\xff"
                 "2"),
         EIO3_FRAMING_OCTETS, 0, ERR_BAD_FRAME},
        {STR_LIT("\x02\x01\xff"
                 "2"),
         EIO3_FRAMING_OCTETS, 0, ERR_BAD_FRAME},
        {STR_LIT("\x00\x0a\xff"
                 "2"),
         EIO3_FRAMING_OCTETS, 0, ERR_BAD_FRAME},
        {STR_LIT("\x00\xff"
                 "2"),
         EIO3_FRAMING_OCTETS, 0, ERR_BAD_FRAME},
        {STR_LIT("\x00\x00\xff"), EIO3_FRAMING_OCTETS, 0, ERR_BAD_FRAME},
        {STR_LIT("\x01\x00\xff"), EIO3_FRAMING_OCTETS, 1, ERR_OK},
        {STR_LIT("\x00\x01"), EIO3_FRAMING_OCTETS, 0, ERR_BAD_FRAME},
        {STR_LIT("\x00\x01\xff"
                 "x"),
         EIO3_FRAMING_OCTETS, 0, ERR_BAD_FRAME},
        {STR_LIT("\x00\x02\xff"
                 "4\xff"),
         EIO3_FRAMING_OCTETS, 0, ERR_UTF8},
    };
    buf_t scratch;
    buf_init(&scratch);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        eio_payload_t payload;
        eio_packet_t packet;
        err_t err;
        size_t count = 0;
        eio3_payload_init(&payload, rows[i].body, rows[i].framing, &scratch);
        while (eio3_payload_next(&payload, &packet, &err))
            count++;
        if (count != rows[i].packets || err != rows[i].err)
            fail_msg("row %zu gave %zu packets and %s", i, count, err_name(err));
    }
    buf_fini(&scratch);
}

static void websocket_messages(void **unused)
{
    (void)unused;
    static const struct {
        str_t text;
        err_t err;
        eio_packet_t packet;
    } rows[] = {
        {STR_LIT("4hello"), ERR_OK, MESSAGE("hello")},
        {STR_LIT("4"), ERR_OK, MESSAGE("")},
        {STR_LIT("2abc"), ERR_OK, {EIO_PACKET_PING, false, STR_LIT("abc")}},
        {STR_LIT("b4AQID"), ERR_OK, BYTES("\1\2\3")},
        {STR_LIT("b4AQL/"), ERR_OK, BYTES("\1\2\xff")},
        {STR_LIT("b4AQL_"), ERR_OK, BYTES("\1\2\xff")},
        {STR_LIT("b4AQ=="), ERR_OK, BYTES("\1")},
        {STR_LIT("b4A Q\n"), ERR_OK, BYTES("\1")},
        {STR_LIT("b4"), ERR_OK, BYTES("")},
        {STR_LIT("b2"), ERR_OK, {EIO_PACKET_PING, true, {0}}},
        {STR_LIT("b"), ERR_OK, {EIO_PACKET_UNKNOWN, true, {0}}},
        {STR_LIT(""), ERR_BAD_FRAME, {0}},
        {STR_LIT("7"), ERR_BAD_FRAME, {0}},
        {STR_LIT("x"), ERR_BAD_FRAME, {0}},
        {STR_LIT("4\xc3("), ERR_UTF8, {0}},
    };
    buf_t scratch;
    buf_init(&scratch);
    buf_append_cstr(&scratch, "kept");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        eio_packet_t packet;
        err_t err = eio3_decode_text(rows[i].text, &scratch, &packet);
        if (err != rows[i].err)
            fail_msg("row %zu gave %s", i, err_name(err));
        if (err == ERR_OK)
            check_packet(&packet, &rows[i].packet);
    }
    assert_memory_equal(scratch.data, "kept", 4);
    buf_fini(&scratch);
}

static void websocket_binary_messages(void **unused)
{
    (void)unused;
    eio_packet_t packet;
    eio3_decode_binary(STR_LIT("\x04\1\2"), &packet);
    check_packet(&packet, &(eio_packet_t)BYTES("\1\2"));
    eio3_decode_binary(STR_LIT("\x02"), &packet);
    assert_int_equal(packet.type, EIO_PACKET_PING);
    eio3_decode_binary(STR_LIT("4"), &packet);
    assert_int_equal(packet.type, EIO_PACKET_UNKNOWN);
    eio3_decode_binary(STR_LIT(""), &packet);
    assert_int_equal(packet.type, EIO_PACKET_UNKNOWN);
    buf_t out;
    buf_init(&out);
    eio3_encode(&out, &(eio_packet_t)BYTES("\1\2"));
    eio3_encode(&out, &(eio_packet_t){EIO_PACKET_PONG, false, STR_LIT("probe")});
    assert_true(str_is(buf_str(&out), "\x04\1\2"
                                      "3probe"));
    buf_fini(&out);
}

static void base64_of_every_length(void **unused)
{
    (void)unused;
    uint8_t bytes[70];
    buf_t text, back;
    buf_init(&text);
    buf_init(&back);
    for (size_t len = 0; len < sizeof bytes; len++) {
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)(i * 151 + len);
        eio_packet_t packet = {EIO_PACKET_MESSAGE, true, {(const char *)bytes, len}};
        eio_packet_t got;
        eio_payload_t payload;
        err_t err;
        buf_reset(&text);
        eio3_encode_payload(&text, &packet, 1, true);
        eio3_payload_init(&payload, buf_str(&text), EIO3_FRAMING_TEXT, &back);
        assert_true(eio3_payload_next(&payload, &got, &err));
        check_packet(&got, &packet);
        assert_false(eio3_payload_next(&payload, &got, &err));
    }
    buf_fini(&back);
    buf_fini(&text);
}

static void jsonp_bodies(void **unused)
{
    (void)unused;
    static const struct {
        const char *form;
        const char *payload; /* NULL: refused */
    } rows[] = {
        {"d=4%3A4a%5Cnb", "4:4a\nb"},
        {"d=4%3a4a%5cnb", "4:4a\nb"},
        {"d=%5C%5Cn", "\\n"},
        {"d=%5C%5C%5Cn", "\\\\n"},
        {"d=%5Cx%5C", "\\x\\"},
        {"d=n%5Cn%5Cn", "n\n\n"},
        {"d=a+b%2Bc", "a b+c"},
        {"d=100%&e=%zz", "100%"},
        {"e=1&d=2", "2"},
        {"d=", ""},
        {"d=%E2%82%AC", "\xe2\x82\xac"},
        {"d=1&d=2", NULL},
        {"x=1", NULL},
        {"d", NULL},
        {"", NULL},
    };
    buf_t out;
    buf_init(&out);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_reset(&out);
        err_t err = eio3_jsonp_decode(&out, str_of(rows[i].form));
        assert_int_equal(err, rows[i].payload ? ERR_OK : ERR_BAD_FRAME);
        if (err == ERR_OK && !str_is(buf_str(&out), rows[i].payload))
            fail_msg("%s gave %.*s", rows[i].form, STR_ARG(buf_str(&out)));
    }
    buf_fini(&out);
}

static void jsonp_answers(void **unused)
{
    (void)unused;
    buf_t out;
    buf_init(&out);
    eio3_encode_jsonp(&out, STR_LIT("8:4\"\\\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\xe2\x82\xac"),
                      STR_LIT("3x<4"));
    assert_true(str_is(buf_str(&out),
                       "___eio[34](\"8:4\\\"\\\\\\u2028\\u2029\xe2\x80\xaa\xe2\x82\xac\");"));
    buf_reset(&out);
    eio3_encode_jsonp(&out, STR_LIT(""), STR_LIT(""));
    assert_true(str_is(buf_str(&out), "___eio[](\"\");"));
    buf_fini(&out);
}

static void framing_by_content_type(void **unused)
{
    (void)unused;
    assert_int_equal(eio3_framing_of(STR_LIT("application/octet-stream")), EIO3_FRAMING_OCTETS);
    assert_int_equal(eio3_framing_of(STR_LIT("application/octet-stream; x")), EIO3_FRAMING_TEXT);
    assert_int_equal(eio3_framing_of(STR_LIT("")), EIO3_FRAMING_TEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_payloads),
        cmocka_unit_test(binary_payloads),
        cmocka_unit_test(text_without_bytes_stays_text),
        cmocka_unit_test(bad_payloads),
        cmocka_unit_test(websocket_messages),
        cmocka_unit_test(websocket_binary_messages),
        cmocka_unit_test(base64_of_every_length),
        cmocka_unit_test(jsonp_bodies),
        cmocka_unit_test(jsonp_answers),
        cmocka_unit_test(framing_by_content_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
