/* SPDX-License-Identifier: MIT */
#include "gateway/eio4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_packet(const eio_packet_t *got, eio_type_t type, bool binary, str_t data)
{
    assert_int_equal(got->type, type);
    assert_int_equal(got->binary, binary);
    assert_true(str_eq(got->data, data));
}

/* Usage: walk through the body of a POST, answer a GET. */
static void reads_and_writes_payloads(void **unused)
{
    (void)unused;
    str_t body = STR_LIT("4hello\x1e"
                         "4\xe2\x82\xac\x1e"
                         "bAQIDBA==\x1e"
                         "3");
    eio_packet_t packets[4];
    eio_payload_t payload;
    buf_t scratch = {0}, kept = {0}, out = {0};
    err_t err;
    size_t count = 0;
    eio4_payload_init(&payload, body, &scratch);
    while (count < 4 && eio4_payload_next(&payload, &packets[count], &err)) {
        if (packets[count].binary) { /* scratch is used again */
            buf_append_str(&kept, packets[count].data);
            packets[count].data = buf_str(&kept);
        }
        count++;
    }
    assert_int_equal(count, 4);
    assert_false(eio4_payload_next(&payload, &packets[0], &err));
    assert_int_equal(err, ERR_OK);
    check_packet(&packets[0], EIO_PACKET_MESSAGE, false, STR_LIT("hello"));
    check_packet(&packets[1], EIO_PACKET_MESSAGE, false, STR_LIT("\xe2\x82\xac"));
    check_packet(&packets[2], EIO_PACKET_MESSAGE, true, STR_LIT("\1\2\3\4"));
    check_packet(&packets[3], EIO_PACKET_PONG, false, STR_LIT(""));
    eio4_encode_payload(&out, packets, 4);
    assert_true(str_eq(buf_str(&out), body));
    buf_fini(&out);
    buf_fini(&kept);
    buf_fini(&scratch);
}

/* How many packets a body gives before its end or its error. */
static void bad_payloads(void **unused)
{
    (void)unused;
    static const struct {
        str_t body;
        size_t packets;
        err_t err;
    } rows[] = {
        {STR_LIT(""), 0, ERR_BAD_FRAME},           {STR_LIT("abc"), 0, ERR_BAD_FRAME},
        {STR_LIT("4a\x1e"), 1, ERR_BAD_FRAME},     {STR_LIT("\x1e"), 0, ERR_BAD_FRAME},
        {STR_LIT("4a\x1e\x1e"), 1, ERR_BAD_FRAME}, {STR_LIT("4a\x1e\x37"), 1, ERR_BAD_FRAME},
        {STR_LIT("4a\x1e\x34\xff"), 0, ERR_UTF8},  {STR_LIT("6:4hello"), 1, ERR_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        eio_payload_t payload;
        eio_packet_t packet;
        buf_t scratch = {0};
        err_t err;
        size_t count = 0;
        eio4_payload_init(&payload, rows[i].body, &scratch);
        while (eio4_payload_next(&payload, &packet, &err))
            count++;
        assert_int_equal(count, rows[i].packets);
        assert_int_equal(err, rows[i].err);
        buf_fini(&scratch);
    }
}

/* On a WebSocket bytes are a message as they are. */
static void messages(void **unused)
{
    (void)unused;
    static const struct {
        bool binary;
        str_t message;
        err_t err;
        eio_packet_t packet;
    } rows[] = {
        {false, STR_LIT("4hi"), ERR_OK, {EIO_PACKET_MESSAGE, false, STR_LIT("hi")}},
        {false, STR_LIT("2probe"), ERR_OK, {EIO_PACKET_PING, false, STR_LIT("probe")}},
        {false, STR_LIT("bAQI"), ERR_OK, {EIO_PACKET_MESSAGE, true, STR_LIT("\1\2")}},
        {true, STR_LIT("\4\1"), ERR_OK, {EIO_PACKET_MESSAGE, true, STR_LIT("\4\1")}},
        {true, STR_LIT(""), ERR_OK, {EIO_PACKET_MESSAGE, true, STR_LIT("")}},
        {false, STR_LIT(""), ERR_BAD_FRAME, {0}},
        {false, STR_LIT("7"), ERR_BAD_FRAME, {0}},
        {false, STR_LIT("4\xc3"), ERR_UTF8, {0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_t scratch = {0};
        eio_packet_t packet;
        err_t err = eio4_codec.decode(rows[i].binary, rows[i].message, &scratch, &packet);
        assert_int_equal(err, rows[i].err);
        if (err == ERR_OK)
            check_packet(&packet, rows[i].packet.type, rows[i].packet.binary, rows[i].packet.data);
        buf_fini(&scratch);
    }
}

static void open_packet(void **unused)
{
    (void)unused;
    buf_t out = {0};
    eio_handshake_t handshake = {.sid = "abc",
                                 .may_upgrade = true,
                                 .ping_interval_ms = 300,
                                 .ping_timeout_ms = 200,
                                 .max_payload = 1000000};
    eio4_codec.open(&out, &handshake);
    assert_true(str_is(buf_str(&out), "0{\"sid\":\"abc\",\"upgrades\":[\"websocket\"],"
                                      "\"pingInterval\":300,\"pingTimeout\":200,"
                                      "\"maxPayload\":1000000}"));
    buf_fini(&out);
}

/* Only text is posted. */
static void content_types(void **unused)
{
    (void)unused;
    eio_payload_t payload;
    buf_t scratch = {0};
    assert_true(eio4_codec.begin(&payload, STR_LIT("4"), STR_LIT("text/plain"), &scratch));
    assert_false(eio4_codec.begin(&payload, STR_LIT("4"), STR_LIT(EIO_CONTENT_OCTETS), &scratch));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_payloads),
        cmocka_unit_test(bad_payloads),
        cmocka_unit_test(messages),
        cmocka_unit_test(open_packet),
        cmocka_unit_test(content_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
