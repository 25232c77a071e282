/* SPDX-License-Identifier: MIT */
#include "gateway/sio4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/json.h"

static void check_json(mp_t value, const char *json)
{
    buf_t out;
    buf_init(&out);
    json_from_mp(&out, value, NULL);
    if (!str_is(buf_str(&out), json))
        fail_msg("%.*s is not %s", STR_ARG(buf_str(&out)), json);
    buf_fini(&out);
}

/* Usage: a call comes in, its answer goes out. */
static void answers_a_call(void **unused)
{
    (void)unused;
    sio4_packet_t packet;
    sio4_event_t event;
    sio4_bins_t bins;
    buf_t body, answer, frame;
    buf_init(&body);
    buf_init(&answer);
    buf_init(&frame);
    assert_int_equal(sio4_parse(STR_LIT("217[\"getState\",\"a.b\"]"), &packet), ERR_OK);
    assert_int_equal(packet.type, SIO4_EVENT);
    assert_true(packet.has_ack && packet.ack == 17);
    assert_int_equal(sio4_event_decode(&body, &packet, NULL, &event), ERR_OK);
    assert_true(str_is(event.name, "getState"));
    check_json(event.args, "[\"a.b\"]");

    mp_put_array(&answer, 2);
    mp_put_nil(&answer);
    mp_put_int(&answer, 5);
    assert_int_equal(sio4_put_ack(&frame, packet.ack, mp_of_buf(&answer), &bins), ERR_OK);
    assert_true(str_is(buf_str(&frame), "317[null,5]"));
    assert_int_equal(bins.count, 0);
    buf_fini(&frame);
    buf_fini(&answer);
    buf_fini(&body);
}

static void takes_heads_apart(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        sio4_type_t type;
        uint32_t attachments;
        const char *nsp;
        int64_t ack; /* -1: none */
        const char *payload;
    } rows[] = {
        {"0", SIO4_CONNECT, 0, "/", -1, ""},
        {"0{\"a\":1}", SIO4_CONNECT, 0, "/", -1, "{\"a\":1}"},
        {"0null", SIO4_CONNECT, 0, "/", -1, "null"},
        {"0/random", SIO4_CONNECT, 0, "/random", -1, ""},
        {"0/admin?token=1,", SIO4_CONNECT, 0, "/admin?token=1", -1, ""},
        {"1", SIO4_DISCONNECT, 0, "/", -1, ""},
        {"1/x,", SIO4_DISCONNECT, 0, "/x", -1, ""},
        {"2", SIO4_EVENT, 0, "/", -1, ""},
        {"27", SIO4_EVENT, 0, "/", 7, ""},
        {"2[\"x\"]", SIO4_EVENT, 0, "/", -1, "[\"x\"]"},
        {"2/,5[\"x\"]", SIO4_EVENT, 0, "/", 5, "[\"x\"]"},
        {"2/nosuch,0[\"x\"]", SIO4_EVENT, 0, "/nosuch", 0, "[\"x\"]"},
        {"299999999[1,2]", SIO4_EVENT, 0, "/", 99999999, "[1,2]"},
        {"29007199254740992[1]", SIO4_EVENT, 0, "/", 9007199254740992, "[1]"},
        {"2{\"a\":1}", SIO4_EVENT, 0, "/", -1, "{\"a\":1}"}, /* found by sio4_event_decode */
        {"30[\"x\"]", SIO4_ACK, 0, "/", 0, "[\"x\"]"},
        {"4\"x\"", SIO4_ERROR, 0, "/", -1, "\"x\""},
        {"52-5[\"b\",{\"_placeholder\":true,\"num\":0}]", SIO4_BINARY_EVENT, 2, "/", 5,
         "[\"b\",{\"_placeholder\":true,\"num\":0}]"},
        {"510-/x,[\"b\"]", SIO4_BINARY_EVENT, 10, "/x", -1, "[\"b\"]"},
        {"61-5[null]", SIO4_BINARY_ACK, 1, "/", 5, "[null]"},
        {"7", SIO4_UNKNOWN, 0, "/", -1, ""},
        {"9[\"x\"]", SIO4_UNKNOWN, 0, "/", -1, ""},
        {"abc", SIO4_UNKNOWN, 0, "/", -1, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sio4_packet_t packet;
        if (sio4_parse(str_of(rows[i].text), &packet) != ERR_OK)
            fail_msg("%s", rows[i].text);
        assert_int_equal(packet.type, rows[i].type);
        assert_int_equal(packet.attachments, rows[i].attachments);
        assert_true(str_is(packet.nsp, rows[i].nsp));
        assert_int_equal(packet.has_ack, rows[i].ack >= 0);
        assert_int_equal(packet.ack, rows[i].ack >= 0 ? (uint64_t)rows[i].ack : 0);
        assert_true(str_is(packet.payload, rows[i].payload));
    }
}

/* What closes the connection, in the head or in the payload. */
static void closes_on(void **unused)
{
    (void)unused;
    static const struct {
        str_t text;
        err_t err;
    } rows[] = {
        {STR_LIT(""), ERR_BAD_FRAME},
        {STR_LIT("0\"x\""), ERR_BAD_FRAME},
        {STR_LIT("01"), ERR_OK}, /* an ack id, and no payload */
        {STR_LIT("0true"), ERR_BAD_FRAME},
        {STR_LIT("1{}"), ERR_BAD_FRAME},
        {STR_LIT("1[]"), ERR_BAD_FRAME},
        {STR_LIT("1x"), ERR_JSON},
        {STR_LIT("2{}"), ERR_BAD_FRAME},
        {STR_LIT("2[]"), ERR_BAD_FRAME},
        {STR_LIT("2[null]"), ERR_BAD_FRAME},
        {STR_LIT("2[true]"), ERR_BAD_FRAME},
        {STR_LIT("2[[\"x\"]]"), ERR_BAD_FRAME},
        {STR_LIT("2\"x\""), ERR_BAD_FRAME},
        {STR_LIT("2abc[\"x\"]"), ERR_JSON},
        {STR_LIT("2[\"x\""), ERR_JSON},
        {STR_LIT("2-[\"x\"]"), ERR_JSON},
        {STR_LIT("2[\"x\xff\"]"), ERR_UTF8},
        {STR_LIT("2/x\xff,[\"x\"]"), ERR_UTF8},
        {STR_LIT("29007199254740993[\"x\"]"), ERR_BAD_FRAME},
        {STR_LIT("299999999999999999999999[\"x\"]"), ERR_BAD_FRAME},
        {STR_LIT("3{}"), ERR_BAD_FRAME},
        {STR_LIT("30[\"x\""), ERR_JSON},
        {STR_LIT("4true"), ERR_BAD_FRAME},
        {STR_LIT("4x"), ERR_JSON},
        {STR_LIT("5[\"x\"]"), ERR_BAD_FRAME},
        {STR_LIT("5-[\"x\"]"), ERR_BAD_FRAME},
        {STR_LIT("50-[\"x\"]"), ERR_BAD_FRAME},
        {STR_LIT("51[\"x\"]"), ERR_BAD_FRAME},
        {STR_LIT("51"), ERR_BAD_FRAME},
        {STR_LIT("511-0[\"x\"]"), ERR_BAD_FRAME},
        {STR_LIT("51-{}"), ERR_BAD_FRAME},
        {STR_LIT("51-[\"x\""), ERR_JSON},
        {STR_LIT("61-{}"), ERR_BAD_FRAME},
    };
    buf_t out;
    buf_init(&out);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sio4_packet_t packet;
        sio4_event_t event;
        err_t err = sio4_parse(rows[i].text, &packet);
        if (err == ERR_OK && packet.type == SIO4_EVENT)
            err = sio4_event_decode(&out, &packet, NULL, &event);
        if (err != rows[i].err)
            fail_msg("%.*s gave %s", STR_ARG(rows[i].text), err_name(err));
        assert_int_equal(out.len, 0);
    }
    buf_fini(&out);
}

static void check_event(const char *text, const char *name, const char *args)
{
    sio4_packet_t packet;
    sio4_event_t event;
    buf_t out;
    buf_init(&out);
    buf_append_cstr(&out, "before");
    assert_int_equal(sio4_parse(str_of(text), &packet), ERR_OK);
    const str_t unused_bytes[1] = {STR_LIT("?")};
    assert_int_equal(sio4_event_decode(&out, &packet, unused_bytes, &event), ERR_OK);
    if (!str_is(event.name, name))
        fail_msg("%s is named %.*s", text, STR_ARG(event.name));
    assert_int_equal(mp_check(event.args, true), ERR_OK);
    check_json(event.args, args);
    assert_memory_equal(out.data, "before", 6);
    buf_fini(&out);
}

static void splits_events(void **unused)
{
    (void)unused;
    check_event("2[\"x\"]", "x", "[]");
    check_event("2[\"\",1]", "", "[1]");
    check_event("2[\"name\",1,[2],{\"a\":null},\"b\"]", "name", "[1,[2],{\"a\":null},\"b\"]");
    check_event("2[\"a name of more than thirty-two characters\",{}]",
                "a name of more than thirty-two characters", "[{}]");
    check_event("2[1,2]", "1", "[2]");
    check_event("2[-1234567890123,2]", "-1234567890123", "[2]");
    check_event("2[255]", "255", "[]");
    check_event("2[0.1,[]]", "0.1", "[[]]");
    check_event("2[\"x\",{\"_placeholder\":true,\"num\":0}]", "x",
                "[{\"_placeholder\":true,\"num\":0}]");
    check_event("2", "", "[]");
    check_event("25", "", "[]");
}

static void attachments_become_bytes(void **unused)
{
    (void)unused;
    str_t text =
        STR_LIT("52-5[\"w\",{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":0}]");
    const str_t bytes[] = {STR_LIT("\1\0"), STR_LIT("\xff")};
    sio4_packet_t packet;
    sio4_event_t event;
    sio4_bins_t bins;
    buf_t out, frame;
    buf_init(&out);
    buf_init(&frame);
    assert_int_equal(sio4_parse(text, &packet), ERR_OK);
    assert_int_equal(sio4_event_decode(&out, &packet, bytes, &event), ERR_OK);
    mp_t element;
    str_t got = {0};
    assert_true(mp_at(event.args, 0, &element) && mp_read_bin(&element, &got));
    assert_true(str_eq(got, bytes[1]));

    assert_int_equal(sio4_put_event(&frame, event.name, event.args, &bins), ERR_OK);
    assert_true(str_is(buf_str(&frame), "52-[\"w\",{\"_placeholder\":true,\"num\":0},"
                                        "{\"_placeholder\":true,\"num\":1}]"));
    assert_int_equal(bins.count, 2);
    assert_true(str_eq(bins.items[0], bytes[1]) && str_eq(bins.items[1], bytes[0]));
    buf_reset(&frame);
    assert_int_equal(sio4_put_ack(&frame, 12, event.args, &bins), ERR_OK);
    assert_true(str_is(buf_str(&frame), "62-12[{\"_placeholder\":true,\"num\":0},"
                                        "{\"_placeholder\":true,\"num\":1}]"));
    buf_fini(&frame);
    buf_fini(&out);
}

static void missing_attachments_are_refused(void **unused)
{
    (void)unused;
    const str_t bytes[] = {STR_LIT("a")};
    sio4_packet_t packet;
    sio4_event_t event;
    buf_t out;
    buf_init(&out);
    assert_int_equal(sio4_parse(STR_LIT("51-[\"w\",{\"_placeholder\":true,\"num\":1}]"), &packet),
                     ERR_OK);
    assert_int_equal(sio4_event_decode(&out, &packet, bytes, &event), ERR_JSON);
    buf_fini(&out);
}

static void deep_events_can_be_answered(void **unused)
{
    (void)unused;
    char text[2 * JSON_MAX_DEPTH + 20];
    memcpy(text, "29[\"x\",", 7);
    memset(text + 7, '[', JSON_MAX_DEPTH);
    memset(text + 7 + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH + 1);
    sio4_packet_t packet;
    sio4_event_t event;
    buf_t out;
    buf_init(&out);
    assert_int_equal(sio4_parse((str_t){text, 8 + 2 * JSON_MAX_DEPTH}, &packet), ERR_OK);
    assert_true(packet.has_ack);
    assert_int_equal(sio4_event_decode(&out, &packet, NULL, &event), ERR_TOO_DEEP);
    buf_fini(&out);
}

static void put_json(buf_t *out, const char *name, const char *args, uint64_t ack,
                     sio4_bins_t *bins)
{
    buf_t value;
    buf_init(&value);
    buf_reset(out);
    assert_int_equal(json_to_mp(&value, str_of(args)), ERR_OK);
    mp_t array = mp_of_buf(&value);
    if (name)
        assert_int_equal(sio4_put_event(out, str_of(name), array, bins), ERR_OK);
    else
        assert_int_equal(sio4_put_ack(out, ack, array, bins), ERR_OK);
    buf_fini(&value);
}

static void writes_packets(void **unused)
{
    (void)unused;
    buf_t out;
    sio4_bins_t bins;
    buf_init(&out);
    put_json(&out, "stateChange", "[\"a.b\",{\"val\":\"\xc3\xbc\"}]", 0, &bins);
    assert_true(str_is(buf_str(&out), "2[\"stateChange\",\"a.b\",{\"val\":\"\xc3\xbc\"}]"));
    put_json(&out, "reauthenticate", "[]", 0, &bins);
    assert_true(str_is(buf_str(&out), "2[\"reauthenticate\"]"));
    put_json(&out, NULL, "[]", 0, &bins);
    assert_true(str_is(buf_str(&out), "30[]"));
    put_json(&out, NULL, "[null,1]", 9007199254740992, &bins);
    assert_true(str_is(buf_str(&out), "39007199254740992[null,1]"));
    buf_reset(&out);
    sio4_put_error(&out, STR_LIT("/"), STR_LIT("Invalid \"password\""));
    assert_true(str_is(buf_str(&out), "4\"Invalid \\\"password\\\"\""));
    buf_reset(&out);
    sio4_put_error(&out, STR_LIT("/admin?token=1"), STR_LIT("Invalid namespace"));
    assert_true(str_is(buf_str(&out), "4/admin,\"Invalid namespace\""));
    buf_reset(&out);
    sio4_put_connect(&out);
    sio4_put_disconnect(&out);
    assert_true(str_is(buf_str(&out), "01"));
    buf_fini(&out);
}

static void many_bytes_are_written_as_json(void **unused)
{
    (void)unused;
    buf_t value, out;
    sio4_bins_t bins;
    buf_init(&value);
    buf_init(&out);
    mp_put_array(&value, 11);
    for (int i = 0; i < 11; i++)
        mp_put_bin(&value, "\7", 1);
    assert_int_equal(sio4_put_ack(&out, 1, mp_of_buf(&value), &bins), ERR_OK);
    assert_int_equal(bins.count, 0);
    assert_true(str_starts(buf_str(&out), "31[{\"type\":\"Buffer\",\"data\":[7]},"));
    buf_reset(&out);
    buf_reset(&value);
    mp_put_nil(&value);
    assert_int_equal(sio4_put_event(&out, STR_LIT("x"), mp_of_buf(&value), &bins), ERR_BAD_ARGS);
    assert_int_equal(out.len, 0);
    buf_fini(&out);
    buf_fini(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_a_call),
        cmocka_unit_test(takes_heads_apart),
        cmocka_unit_test(closes_on),
        cmocka_unit_test(splits_events),
        cmocka_unit_test(attachments_become_bytes),
        cmocka_unit_test(missing_attachments_are_refused),
        cmocka_unit_test(deep_events_can_be_answered),
        cmocka_unit_test(writes_packets),
        cmocka_unit_test(many_bytes_are_written_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
