/* SPDX-License-Identifier: MIT */
/* Putting requests together without a format string: some millions of them leave each second.
 *
 * Each function writes at `at` and returns the place behind what it wrote. The caller has checked
 * the room; nothing is terminated by a zero. */
#ifndef BENCH_TEXT_H
#define BENCH_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline char *text_bytes(char *at, const char *data, size_t size)
{
    memcpy(at, data, size);
    return at + size;
}

static inline char *text_put(char *at, const char *text)
{
    return text_bytes(at, text, strlen(text));
}

static inline char *text_number(char *at, uint64_t value)
{
    char digits[20];
    size_t begin = sizeof digits;
    do {
        digits[--begin] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return text_bytes(at, digits + begin, sizeof digits - begin);
}

/* Digits at `data`, up to 18 of them (no overflow); returns how many there were. */
static inline size_t text_digits(const char *data, size_t size, uint64_t *value)
{
    size_t used = 0;
    *value = 0;
    while (used < size && used < 18 && data[used] >= '0' && data[used] <= '9')
        *value = *value * 10 + (uint64_t)(data[used++] - '0');
    return used;
}

#endif
