/* SPDX-License-Identifier: MIT */
/* Values as JavaScript code converts them: options and settings arrive as numbers, as texts with
 * numbers in them, as null or not at all, and the original takes them with parseInt, parseFloat
 * and truth tests. An empty cursor stands for undefined.
 * Valid: loose_int("300") = 300, loose_int(" 12 kg") = 12, loose_int(3.9) = 3.
 * No number: "", "kg 12", null, true, [], {}.
 * Thread contract: pure functions. */
#ifndef IOBUS_ACTORS_LOOSE_H
#define IOBUS_ACTORS_LOOSE_H

#include "bus/mp.h"

/* Truthiness: false for undefined, null, false, 0, NaN and "". */
bool loose_true(mp_t value);
/* parseFloat: the number at the beginning of a text, or a number. False: NaN or infinite. */
bool loose_double(mp_t value, double *out);
/* parseInt with base 10, cut to +-2^53. False: NaN. */
bool loose_int(mp_t value, int64_t *out);
/* The last value under a key of a map, or an empty cursor. */
mp_t loose_get(mp_t map, const char *key);
/* A point of time in ms since 1970: a number, or a text as Date() takes it in its ISO forms
 * ("2023-11-13", "2023-11-13T00:00:00.000Z", with +01:00; without a zone local time, a date alone
 * UTC) or digits. False for anything else and beyond the year 275760. */
bool loose_time(mp_t value, int64_t *out);

#endif
