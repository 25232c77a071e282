/* SPDX-License-Identifier: MIT */
#include "tests/bench/hist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

static void test_example(void **state)
{
    (void)state;
    static hist_t hist;
    hist_init(&hist);
    for (uint64_t i = 1; i <= 100; i++)
        hist_record(&hist, i);
    assert_int_equal(hist_quantile(&hist, 0.5), 50);
    assert_int_equal(hist_quantile(&hist, 0.99), 99);
    assert_int_equal(hist_quantile(&hist, 1.0), 100);
}

static void test_empty(void **state)
{
    (void)state;
    static hist_t hist;
    hist_init(&hist);
    assert_int_equal(hist_quantile(&hist, 0.5), 0);
}

/* Every value lies in the bucket that ends at or after it, and the one before ends earlier. */
static void test_buckets_are_gapless(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < HIST_VALUE_BITS; bit++) {
        for (int around = -2; around <= 2; around++) {
            uint64_t value = (UINT64_C(1) << bit) + (uint64_t)(int64_t)around;
            if (value >> HIST_VALUE_BITS)
                continue;
            size_t bucket = hist_bucket(value);
            assert_in_range(bucket, 0, HIST_BUCKETS - 1);
            assert_true(hist_bucket_end(bucket) >= value);
            assert_true(bucket == 0 || hist_bucket_end(bucket - 1) < value);
        }
    }
}

static void test_error_is_below_one_percent(void **state)
{
    (void)state;
    for (uint64_t value = 1; value < UINT64_C(1) << 39; value += value / 3 + 1) {
        uint64_t end = hist_bucket_end(hist_bucket(value));
        assert_true(end - value <= value / HIST_SUB);
    }
}

static void test_beyond_the_range(void **state)
{
    (void)state;
    static hist_t hist;
    hist_init(&hist);
    hist_record(&hist, UINT64_C(1) << 50);
    assert_int_equal(hist_quantile(&hist, 0.5), UINT64_C(1) << 50);
    hist_record(&hist, UINT64_MAX);
    assert_int_equal(hist.max, UINT64_MAX);
    assert_int_equal(hist.count, 2);
}

/* The tail must not vanish behind a large majority: 1 slow value in 1,000. */
static void test_tail(void **state)
{
    (void)state;
    static hist_t hist;
    hist_init(&hist);
    for (int i = 0; i < 999; i++)
        hist_record(&hist, 100);
    hist_record(&hist, 5000000);
    assert_int_equal(hist_quantile(&hist, 0.999), 100);
    assert_int_equal(hist_quantile(&hist, 0.9991), 5000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_buckets_are_gapless),
        cmocka_unit_test(test_error_is_below_one_percent),
        cmocka_unit_test(test_beyond_the_range),
        cmocka_unit_test(test_tail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
