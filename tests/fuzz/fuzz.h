/* SPDX-License-Identifier: MIT */
/* What fuzz targets share. A target defines LLVMFuzzerTestOneInput, asserts a property (asserts
 * are on in every build), and gives back all memory. */
#ifndef IOBUS_TESTS_FUZZ_H
#define IOBUS_TESTS_FUZZ_H

#include "bus/mp.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether an infinity is among the values: JSON writes null for it, so it does not go round. */
static inline bool fuzz_has_infinity(mp_t values)
{
    while (!mp_at_end(&values)) {
        uint32_t count;
        double number;
        if (mp_read_array(&values, &count) || mp_read_map(&values, &count))
            continue;
        if (mp_read_double(&values, &number)) {
            if (isinf(number))
                return true;
        } else if (!mp_skip(&values)) {
            return false;
        }
    }
    return false;
}

#endif
