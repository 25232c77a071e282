/* SPDX-License-Identifier: MIT */
#include "gateway/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void push(ring_t *ring, const char *text)
{
    ring_push(ring, frame_new(FRAME_RAW, str_of(text)));
}

static void expect(ring_t *ring, size_t max, bool one, const char *text, size_t frames)
{
    uint8_t bytes[64];
    size_t done = 0;
    size_t n = ring_take(ring, bytes, max, one, &done);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(bytes, text, n);
    assert_int_equal(done, frames);
}

/* Usage: several frames leave in one go, a long one in pieces. */
static void takes_what_fits(void **unused)
{
    (void)unused;
    ring_t ring = {0};
    push(&ring, "abc");
    push(&ring, "defgh");
    push(&ring, "i");
    assert_int_equal(ring.bytes, 9);
    expect(&ring, 5, false, "abcde", 1);
    expect(&ring, 64, false, "fghi", 2);
    expect(&ring, 64, false, "", 0);
    assert_int_equal(ring.bytes, 0);
    ring_fini(&ring);
}

static void takes_one_at_a_time(void **unused)
{
    (void)unused;
    ring_t ring = {0};
    for (int i = 0; i < 20; i++)
        push(&ring, "ab");
    for (int i = 0; i < 10; i++)
        expect(&ring, 64, true, "ab", 1);
    for (int i = 0; i < 10; i++)
        push(&ring, "cd");
    expect(&ring, 3, true, "ab", 1);
    assert_int_equal(ring.len, 19);
    ring_fini(&ring);
    assert_int_equal(ring.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_fits),
        cmocka_unit_test(takes_one_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
