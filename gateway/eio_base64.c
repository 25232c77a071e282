/* SPDX-License-Identifier: MIT */
#include "gateway/eio_base64.h"

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t eio_base64_len(size_t bytes)
{
    return (bytes + 2) / 3 * 4;
}

void eio_base64_encode(buf_t *out, str_t bytes)
{
    if (!buf_reserve(out, eio_base64_len(bytes.len)))
        return;
    uint8_t *to = out->data + out->len;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t group = 0;
        for (size_t k = 0; k < 3; k++)
            group = group << 8 | (k < left ? (uint8_t)bytes.p[i + k] : 0);
        *to++ = (uint8_t)base64_digits[group >> 18];
        *to++ = (uint8_t)base64_digits[group >> 12 & 63];
        *to++ = left > 1 ? (uint8_t)base64_digits[group >> 6 & 63] : '=';
        *to++ = left > 2 ? (uint8_t)base64_digits[group & 63] : '=';
    }
    out->len += eio_base64_len(bytes.len);
}

/* Value of a digit of either alphabet (+/ or -_), -1 for any other character. */
static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

void eio_base64_decode(buf_t *out, str_t text)
{
    if (!buf_reserve(out, text.len / 4 * 3 + 3))
        return;
    uint8_t *to = out->data + out->len;
    uint32_t group = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < text.len && text.p[i] != '='; i++) {
        int value = base64_value(text.p[i]);
        if (value < 0)
            continue;
        group = (group << 6 | (uint32_t)value) & 0xffffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            *to++ = (uint8_t)(group >> bits);
        }
    }
    out->len = (size_t)(to - out->data);
}
