/* SPDX-License-Identifier: MIT */
/* A latency histogram of fixed size: log-linear buckets, every value kept to within 1/128.
 *
 * Values are nanoseconds, but nothing here depends on that. Below 128 each value has its own
 * bucket; above, each power of two is cut into 128 equal buckets. Values from 2^40 on (18 minutes)
 * share the last bucket; the maximum is exact whatever its size. One owner, no locks, no
 * allocation. */
#ifndef BENCH_HIST_H
#define BENCH_HIST_H

#include <stddef.h>
#include <stdint.h>

#define HIST_SUB_BITS 7
#define HIST_SUB (1u << HIST_SUB_BITS)
#define HIST_VALUE_BITS 40
#define HIST_BUCKETS ((size_t)(HIST_VALUE_BITS - HIST_SUB_BITS + 1) * HIST_SUB)

typedef struct hist {
    uint64_t count;                 /* values recorded */
    uint64_t max;                   /* the largest of them, exact */
    uint64_t buckets[HIST_BUCKETS]; /* values per bucket */
} hist_t;

void hist_init(hist_t *self);

void hist_record(hist_t *self, uint64_t value);

/* The smallest value that at least `share` (0 to 1) of all values do not exceed, rounded up to the
 * end of its bucket, never above the maximum. 0 when nothing was recorded. */
uint64_t hist_quantile(const hist_t *self, double share);

/* The bucket of a value and the largest value of a bucket; exported for the test. */
size_t hist_bucket(uint64_t value);
uint64_t hist_bucket_end(size_t bucket);

#endif
