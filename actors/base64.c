/* SPDX-License-Identifier: MIT */
#include "actors/base64.h"

#define STOP 128 /* the end of the text */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(buf_t *out, str_t bytes)
{
    const uint8_t *p = (const uint8_t *)bytes.p;
    size_t left = bytes.len;
    if (bytes.len == 0 || !buf_reserve(out, (bytes.len + 2) / 3 * 4))
        return;
    uint8_t *to = out->data + out->len;
    for (; left >= 3; left -= 3, p += 3) {
        *to++ = (uint8_t)digits[p[0] >> 2];
        *to++ = (uint8_t)digits[(p[0] & 3) << 4 | p[1] >> 4];
        *to++ = (uint8_t)digits[(p[1] & 15) << 2 | p[2] >> 6];
        *to++ = (uint8_t)digits[p[2] & 63];
    }
    if (left > 0) {
        uint8_t second = left == 2 ? p[1] : 0;
        *to++ = (uint8_t)digits[p[0] >> 2];
        *to++ = (uint8_t)digits[(p[0] & 3) << 4 | second >> 4];
        *to++ = left == 2 ? (uint8_t)digits[(second & 15) << 2] : '=';
        *to++ = '=';
    }
    out->len = (size_t)(to - out->data);
}

/* One more than the value of a character; 0: it is skipped. */
static const uint8_t values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,    ['E'] = 5,  ['F'] = 6,  ['G'] = 7,
    ['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11,   ['L'] = 12, ['M'] = 13, ['N'] = 14,
    ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,   ['S'] = 19, ['T'] = 20, ['U'] = 21,
    ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25,   ['Z'] = 26, ['a'] = 27, ['b'] = 28,
    ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,   ['g'] = 33, ['h'] = 34, ['i'] = 35,
    ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39,   ['n'] = 40, ['o'] = 41, ['p'] = 42,
    ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46,   ['u'] = 47, ['v'] = 48, ['w'] = 49,
    ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53,   ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60,   ['8'] = 61, ['9'] = 62, ['+'] = 63,
    ['/'] = 64, ['-'] = 63, ['_'] = 64, ['='] = STOP,
};

/* Four characters that stand for three bytes; false: there is another one among them. */
static inline bool decode_four(const uint8_t *p, uint8_t *to)
{
    uint32_t a = values[p[0]] - 1u, b = values[p[1]] - 1u, c = values[p[2]] - 1u,
             d = values[p[3]] - 1u;
    if ((a | b | c | d) > 63)
        return false;
    uint32_t bits = a << 18 | b << 12 | c << 6 | d;
    to[0] = (uint8_t)(bits >> 16);
    to[1] = (uint8_t)(bits >> 8);
    to[2] = (uint8_t)bits;
    return true;
}

void base64_decode(buf_t *out, str_t text)
{
    uint32_t bits = 0;
    int count = 0; /* bits that wait */
    if (text.len == 0 || !buf_reserve(out, text.len / 4 * 3 + 3))
        return;
    const uint8_t *p = (const uint8_t *)text.p, *end = p + text.len;
    uint8_t *to = out->data + out->len;
    while (p < end) {
        if (count == 0 && end - p >= 4 && decode_four(p, to)) {
            p += 4;
            to += 3;
            continue;
        }
        uint8_t value = values[*p++];
        if (value == STOP)
            break;
        if (value == 0)
            continue;
        bits = bits << 6 | (value - 1u);
        count += 6;
        if (count >= 8) {
            count -= 8;
            *to++ = (uint8_t)(bits >> count);
        }
    }
    out->len = (size_t)(to - out->data);
}
