/* SPDX-License-Identifier: MIT */
#include "tests/bench/sio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_example(void **state)
{
    (void)state;
    const char *text = "4317[null,\"bench.0.s1\"]";
    sio_packet_t packet = sio_parse(text, strlen(text));
    assert_int_equal(packet.kind, SIO_ACK);
    assert_int_equal(packet.id, 17);
    assert_true(sio_equals(&packet, "[null,\"bench.0.s1\"]", 19));
}

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        sio_kind_t kind;
    } rows[] = {
        {"0{\"sid\":\"x\"}", SIO_OPEN},
        {"3", SIO_PONG},
        {"40", SIO_CONNECT},
        {"41", SIO_REFUSED},
        {"42[\"stateChange\"]", SIO_EVENT},
        {"430[]", SIO_ACK},
        {"44\"no\"", SIO_REFUSED},
        {"", SIO_UNKNOWN},
        {"4", SIO_UNKNOWN},
        {"43[]", SIO_UNKNOWN},
        {"451-[]", SIO_UNKNOWN},
        {"x", SIO_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(sio_parse(rows[i].text, strlen(rows[i].text)).kind, rows[i].kind);
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
        bool found = sio_number(rows[i].json, strlen(rows[i].json), "val", &value);
        assert_int_equal(found, rows[i].found);
        if (found)
            assert_int_equal(value, rows[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
