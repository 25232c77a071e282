/* SPDX-License-Identifier: MIT */
#include "tests/bench/hist.h"

#include <math.h>
#include <string.h>

void hist_init(hist_t *self)
{
    memset(self, 0, sizeof *self);
}

size_t hist_bucket(uint64_t value)
{
    if (value < HIST_SUB)
        return (size_t)value;
    if (value >> HIST_VALUE_BITS)
        return HIST_BUCKETS - 1;
    /* Shifted so that the top bit lands on HIST_SUB, the value is its own place in the row. */
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - HIST_SUB_BITS;
    return (size_t)shift * HIST_SUB + (size_t)(value >> shift);
}

uint64_t hist_bucket_end(size_t bucket)
{
    if (bucket < (size_t)2 * HIST_SUB)
        return bucket;
    size_t shift = bucket / HIST_SUB - 1;
    return ((uint64_t)(bucket - shift * HIST_SUB + 1) << shift) - 1;
}

void hist_record(hist_t *self, uint64_t value)
{
    self->count++;
    self->buckets[hist_bucket(value)]++;
    if (value > self->max)
        self->max = value;
}

uint64_t hist_quantile(const hist_t *self, double share)
{
    uint64_t rank = (uint64_t)ceil(share * (double)self->count);
    uint64_t seen = 0;
    for (size_t i = 0; i < HIST_BUCKETS; i++) {
        seen += self->buckets[i];
        if (seen > 0 && seen >= rank) {
            /* The last bucket has no end of its own: what lies beyond the range is in it too. */
            uint64_t end = hist_bucket_end(i);
            return end < self->max && i < HIST_BUCKETS - 1 ? end : self->max;
        }
    }
    return 0;
}
