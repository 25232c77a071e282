/* SPDX-License-Identifier: MIT */
#include "actors/base64.h"

#define SKIP (-1)
#define STOP (-2)

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

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return c == '=' ? STOP : SKIP;
}

void base64_decode(buf_t *out, str_t text)
{
    uint32_t bits = 0;
    int count = 0; /* bits that wait */
    if (text.len == 0 || !buf_reserve(out, text.len / 4 * 3 + 3))
        return;
    uint8_t *to = out->data + out->len;
    for (size_t i = 0; i < text.len; i++) {
        int value = value_of(text.p[i]);
        if (value == STOP)
            break;
        if (value == SKIP)
            continue;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            *to++ = (uint8_t)(bits >> count);
        }
    }
    out->len = (size_t)(to - out->data);
}
