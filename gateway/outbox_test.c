/* SPDX-License-Identifier: MIT */
#include "gateway/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SOFT 100
#define HARD 300

static frame_t *make(const char *key, const char *text)
{
    buf_t buf = {0};
    frame_room(&buf);
    buf_append_cstr(&buf, text);
    frame_t *frame = frame_take(FRAME_TEXT, &buf, str_of(key));
    buf_fini(&buf);
    return frame;
}

static bool push(outbox_t *outbox, const char *key, const char *text)
{
    frame_t *frame = make(key, text);
    bool pushed = outbox_push(outbox, frame);
    frame_put(&frame);
    return pushed;
}

static void expect(outbox_t *outbox, const char *text)
{
    frame_t *frame = outbox_pop(outbox);
    if (!text) {
        assert_null(frame);
        return;
    }
    assert_non_null(frame);
    assert_true(str_is(frame_payload(frame), text));
    frame_put(&frame);
}

/* Usage: below the soft bound it is a queue. */
static void keeps_everything_in_order(void **unused)
{
    (void)unused;
    outbox_t *outbox = outbox_new(SOFT, HARD);
    assert_true(push(outbox, "a", "a=1"));
    assert_true(push(outbox, "a", "a=2"));
    assert_true(push(outbox, "", "ack"));
    assert_int_equal(outbox_len(outbox), 3);
    expect(outbox, "a=1");
    expect(outbox, "a=2");
    expect(outbox, "ack");
    expect(outbox, NULL);
    assert_int_equal(outbox_bytes(outbox), 0);
    outbox_destroy(&outbox);
}

static const char filler[] =
    "0123456789012345678901234567890123456789012345678901234567890123456789";

/* Above it the newest value of each id stays, and the order of what stays. */
static void conflates_above_the_soft_bound(void **unused)
{
    (void)unused;
    outbox_t *outbox = outbox_new(SOFT, HARD);
    push(outbox, "a", "a=1");
    push(outbox, "b", "b=1");
    push(outbox, "", filler);
    push(outbox, "a", "a=2");
    push(outbox, "", "ack");
    push(outbox, "", "padding to go above the bound");
    assert_int_equal(outbox_conflated(outbox), 1);
    push(outbox, "b", "b=2");
    push(outbox, "b", "b=3");
    assert_int_equal(outbox_conflated(outbox), 3);
    expect(outbox, filler);
    expect(outbox, "a=2");
    expect(outbox, "ack");
    expect(outbox, "padding to go above the bound");
    expect(outbox, "b=3");
    expect(outbox, NULL);
    outbox_destroy(&outbox);
}

/* When it is short again nothing is left out any more. */
static void stops_conflating_when_it_is_short(void **unused)
{
    (void)unused;
    outbox_t *outbox = outbox_new(SOFT, HARD);
    push(outbox, "", filler);
    push(outbox, "", filler);
    push(outbox, "a", "a=1");
    expect(outbox, filler);
    expect(outbox, filler);
    push(outbox, "a", "a=2");
    expect(outbox, "a=1");
    expect(outbox, "a=2");
    assert_int_equal(outbox_conflated(outbox), 0);
    outbox_destroy(&outbox);
}

static void fails_at_the_hard_bound(void **unused)
{
    (void)unused;
    outbox_t *outbox = outbox_new(SOFT, HARD);
    for (int i = 0; i < 4; i++)
        assert_true(push(outbox, "", filler));
    assert_false(push(outbox, "", filler));
    assert_int_equal(outbox_len(outbox), 4);
    outbox_destroy(&outbox);
}

/* One message may be larger than the bound: a file, for example. */
static void takes_one_large_message(void **unused)
{
    (void)unused;
    outbox_t *outbox = outbox_new(4, 8);
    assert_true(push(outbox, "", filler));
    assert_false(push(outbox, "", "x"));
    expect(outbox, filler);
    outbox_destroy(&outbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_everything_in_order),
        cmocka_unit_test(conflates_above_the_soft_bound),
        cmocka_unit_test(stops_conflating_when_it_is_short),
        cmocka_unit_test(fails_at_the_hard_bound),
        cmocka_unit_test(takes_one_large_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
