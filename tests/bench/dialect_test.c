/* SPDX-License-Identifier: MIT */
#include "tests/bench/dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(text) text, sizeof(text) - 1

static void test_example(void **state)
{
    (void)state;
    const dialect_t *sio = dialect_find("sio2");
    char request[64];
    char *end = sio->begin(request, 17, "getState");
    assert_memory_equal(request, "4217[\"getState\",", (size_t)(end - request));
    packet_t packet = sio->parse(BYTES("4317[null,\"bench.0.s1\"]"));
    assert_int_equal(packet.kind, PACKET_ACK);
    assert_int_equal(packet.id, 17);
    assert_int_equal(packet.size, 17);
    assert_memory_equal(packet.body, "null,\"bench.0.s1\"", 17);
}

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *dialect, *text;
        size_t size;
        packet_kind_t kind;
    } rows[] = {
        {"sio2", BYTES("0{\"sid\":\"x\"}"), PACKET_OPEN},
        {"sio2", BYTES("3"), PACKET_IGNORED},
        {"sio5", BYTES("2"), PACKET_PING},
        {"sio2", BYTES("40"), PACKET_READY},
        {"sio5", BYTES("40{\"sid\":\"y\"}"), PACKET_READY},
        {"sio2", BYTES("41"), PACKET_REFUSED},
        {"sio2", BYTES("42[\"stateChange\",\"a.b\",{\"val\":1}]"), PACKET_EVENT},
        {"sio2", BYTES("42[\"stateChange\"]"), PACKET_UNKNOWN},
        {"sio2", BYTES("42[\"stateChange\",\"a.b\"]"), PACKET_UNKNOWN},
        {"sio2", BYTES("430[]"), PACKET_ACK},
        {"sio2", BYTES("44\"no\""), PACKET_REFUSED},
        {"sio2", BYTES(""), PACKET_UNKNOWN},
        {"sio2", BYTES("4"), PACKET_UNKNOWN},
        {"sio2", BYTES("43[]"), PACKET_UNKNOWN},
        {"sio2", BYTES("451-[]"), PACKET_UNKNOWN},
        {"iobws", BYTES("[0,1,\"___ready___\"]"), PACKET_READY},
        {"iobws", BYTES("[1]"), PACKET_PING},
        {"iobws", BYTES("[2]"), PACKET_IGNORED},
        {"iobws", BYTES("[3,7,\"x\",[null]]"), PACKET_ACK},
        {"iobws", BYTES("[3,7,\"x\"]"), PACKET_UNKNOWN},
        {"iobws", BYTES("[0,7,\"stateChange\",[\"a.b\",{\"val\":1}]]"), PACKET_EVENT},
        {"iobws", BYTES("[0,401,\"reauthenticate\"]"), PACKET_UNKNOWN},
        {"iobws", BYTES("[3,"), PACKET_UNKNOWN},
        {"mqtt", BYTES("\x20\x02\0\0"), PACKET_READY},
        {"mqtt", BYTES("\x20\x02\0\5"), PACKET_REFUSED},
        {"mqtt", BYTES("\x90\x03\0\1\0"), PACKET_ACK},
        {"mqtt", BYTES("\x30\x08\0\3a.b{}"), PACKET_EVENT},
        {"mqtt",
         BYTES("\x30\x08\0\x09"
               "a.b{}"),
         PACKET_UNKNOWN},
        {"nchan", BYTES("\"a.b\",{\"val\":1}"), PACKET_EVENT},
        {"nchan", BYTES("queued messages: 1\r\n"), PACKET_IGNORED},
        {"resp", BYTES("+PONG\r\n"), PACKET_READY},
        {"resp", BYTES("+OK\r\n"), PACKET_ACK},
        {"resp", BYTES("$3\r\nabc\r\n"), PACKET_ACK},
        {"resp", BYTES("-ERR no\r\n"), PACKET_REFUSED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        packet_t packet = dialect_find(rows[i].dialect)->parse(rows[i].text, rows[i].size);
        assert_int_equal(packet.kind, rows[i].kind);
    }
}

/* Every dialect says the same of the same event and answer. */
static void test_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *dialect, *text;
        size_t size;
    } events[] = {
        {"sio2", BYTES("42[\"stateChange\",\"a.b\",{\"val\":12}]")},
        {"iobws", BYTES("[0,7,\"stateChange\",[\"a.b\",{\"val\":12}]]")},
        {"mqtt", BYTES("\x30\x0f\0\3a.b{\"val\":12}")},
        {"nchan", BYTES("\"a.b\",{\"val\":12}")},
    };
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        packet_t packet = dialect_find(events[i].dialect)->parse(events[i].text, events[i].size);
        assert_int_equal(packet.name_size, 3);
        assert_memory_equal(packet.name, "a.b", 3);
        assert_int_equal(packet.size, 10);
        assert_memory_equal(packet.body, "{\"val\":12}", 10);
    }
    packet_t packet = dialect_find("iobws")->parse(BYTES("[3,7,\"getState\",[null,{}]]"));
    assert_int_equal(packet.id, 7);
    assert_int_equal(packet.size, 7);
    assert_memory_equal(packet.body, "null,{}", 7);
    packet = dialect_find("resp")->parse(BYTES("$3\r\nabc\r\n"));
    assert_int_equal(packet.size, 3);
    assert_memory_equal(packet.body, "abc", 3);
}

static void test_split(void **state)
{
    (void)state;
    size_t (*split)(const char *, size_t) = dialect_find("resp")->split;
    assert_int_equal(split(BYTES("+OK\r\n+OK\r\n")), 5);
    assert_int_equal(split(BYTES("+OK\r")), 0);
    assert_int_equal(split(BYTES("$3\r\nabc\r\n+OK")), 9);
    assert_int_equal(split(BYTES("$3\r\nabc\r")), 0);
    assert_int_equal(split(BYTES("$-1\r\n")), 5);
}

static void test_mqtt_lengths(void **state)
{
    (void)state;
    char packet[512];
    char *end = dialect_find("mqtt")->set(packet, 0, BYTES("bench.0.fan1"), 5);
    packet_t read = dialect_find("mqtt")->parse(packet, (size_t)(end - packet));
    uint64_t value;
    assert_int_equal(read.kind, PACKET_EVENT);
    assert_int_equal((packet[1] & 127) | packet[2] << 7, end - packet - 3);
    assert_true(dialect_number(read.body, read.size, "val", &value));
    assert_int_equal(value, 5);
}

static void test_number(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool found;
        uint64_t value;
    } rows[] = {
        {"{\"val\":42,\"ack\":true}", true, 42},
        {"{\"ack\":true,\"val\":7}", true, 7},
        {"{\"val\":4.5}", false, 0},
        {"{\"val\":\"4\"}", false, 0},
        {"{\"val\":null}", false, 0},
        {"{\"val\":12", false, 0},
        {"{\"value\":12}", false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t value = 0;
        bool found = dialect_number(rows[i].json, strlen(rows[i].json), "val", &value);
        assert_int_equal(found, rows[i].found);
        if (found)
            assert_int_equal(value, rows[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example),      cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_bodies),       cmocka_unit_test(test_split),
        cmocka_unit_test(test_mqtt_lengths), cmocka_unit_test(test_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
