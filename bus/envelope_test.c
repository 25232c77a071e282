/* SPDX-License-Identifier: MIT */
#include "bus/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t one_nil[] = {0x91, 0xc0};

/* Usage: two messages in one frame. */
static void messages_follow_each_other(void **unused)
{
    (void)unused;
    const caller_t caller = {STR_LIT("system.user.admin"), STR_LIT("socketio.0"), STR_LIT("gw/1")};
    buf_t out = {0};
    envelope_put_request(&out, 7, STR_LIT("getState"), &caller, 5000, 9, true, mp_of(one_nil, 2));
    envelope_put_reply(&out, 7, ERR_NOT_EXISTS, 3, 9, 1, mp_of("\xc0", 1));
    const envelope_t event = {.epoch = 11,
                              .seq = 4,
                              .name = STR_LIT("stateChange"),
                              .peer = STR_LIT("gw"),
                              .corr = 7,
                              .caller = {.instance = STR_LIT("socketio.0")},
                              .acl = mp_of("\x80", 1),
                              .seen = 5,
                              .body = mp_of(one_nil, 2)};
    envelope_put_event(&out, &event);
    mp_t frame = mp_of_buf(&out);
    envelope_t message;
    assert_int_equal(envelope_next(&frame, &message), ERR_OK);
    assert_int_equal(message.type, ENVELOPE_REQUEST);
    assert_true(message.corr == 7 && message.trace == 9 && message.wants_reply &&
                message.ttl_ms == 5000);
    assert_true(str_is(message.name, "getState") && str_is(message.caller.client, "gw/1"));
    assert_int_equal(message.argc, 1);
    assert_int_equal(envelope_next(&frame, &message), ERR_OK);
    assert_int_equal(message.type, ENVELOPE_REPLY);
    assert_true(message.status == ERR_NOT_EXISTS && message.seq == 3);
    assert_int_equal(envelope_next(&frame, &message), ERR_OK);
    assert_int_equal(message.type, ENVELOPE_EVENT);
    assert_true(message.epoch == 11 && message.seq == 4 && str_is(message.peer, "gw") &&
                message.corr == 7 && mp_type(message.acl) == MP_MAP && message.seen == 5);
    assert_true(mp_at_end(&frame));
    buf_fini(&out);
}

static void every_truncation_is_refused(void **unused)
{
    (void)unused;
    const caller_t caller = {STR_LIT("u"), STR_LIT("i"), STR_LIT("c")};
    buf_t out = {0};
    envelope_put_request(&out, 1, STR_LIT("x"), &caller, 1, 1, true, mp_of(one_nil, 2));
    for (size_t len = 0; len < out.len; len++) {
        mp_t frame = mp_of(out.data, len);
        envelope_t message;
        assert_int_not_equal(envelope_next(&frame, &message), ERR_OK);
    }
    buf_fini(&out);
}

static void other_versions_and_types_are_named(void **unused)
{
    (void)unused;
    envelope_t message;
    mp_t newer = mp_of("\x92\x02\x00\x90", 4);
    assert_int_equal(envelope_next(&newer, &message), ERR_BAD_VERSION);
    mp_t type = mp_of("\x92\x01\x09\x90", 4);
    assert_int_equal(envelope_next(&type, &message), ERR_BAD_FRAME);
    mp_t body = mp_of("\x96\x01\x01\x01\x00\x00\x00\x01", 8);
    assert_int_equal(envelope_next(&body, &message), ERR_BAD_FRAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_follow_each_other),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(other_versions_and_types_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
