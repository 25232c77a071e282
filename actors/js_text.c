/* SPDX-License-Identifier: MIT */
#include "actors/js_text.h"

#include <string.h>

static const char replacement[] = "\xef\xbf\xbd";

/* Bytes that may follow a first byte: how many, and the bounds of the first of them (Unicode 15,
 * table 3-7); 0 for a byte that starts nothing. */
static size_t followers(uint8_t first, uint8_t *low, uint8_t *high)
{
    *low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first >= 0xc2 && first <= 0xdf)
        return 1;
    if (first >= 0xe0 && first <= 0xef)
        return 2;
    return first >= 0xf0 && first <= 0xf4 ? 3 : 0;
}

/* Length of the character at p, or of the piece that is none (*valid false). */
static size_t measure(const uint8_t *p, size_t left, bool *valid)
{
    uint8_t low, high;
    *valid = true;
    if (p[0] < 0x80)
        return 1;
    size_t more = followers(p[0], &low, &high), len = 1;
    *valid = more > 0;
    for (size_t i = 1; i <= more; i++, low = 0x80, high = 0xbf) {
        *valid = i < left && p[i] >= low && p[i] <= high;
        if (!*valid)
            return len;
        len++;
    }
    return len;
}

static bool is_surrogate(const uint8_t *p, size_t left)
{
    return left >= 3 && p[0] == 0xed && p[1] >= 0xa0 && p[1] <= 0xbf && (p[2] & 0xc0) == 0x80;
}

static void convert(buf_t *out, str_t text, bool surrogates)
{
    const uint8_t *p = (const uint8_t *)text.p;
    size_t left = text.len;
    if (!buf_reserve(out, left))
        return;
    while (left > 0) {
        bool valid;
        size_t len = surrogates && is_surrogate(p, left) ? 3 : 0;
        if (len > 0)
            valid = false;
        else
            len = measure(p, left, &valid);
        if (valid)
            buf_append(out, p, len);
        else
            buf_append(out, replacement, sizeof replacement - 1);
        p += len;
        left -= len;
    }
}

void js_text_to_bytes(buf_t *out, str_t text)
{
    convert(out, text, true);
}

void js_text_from_bytes(buf_t *out, str_t bytes)
{
    convert(out, bytes, false);
}

void js_text_uri_component(buf_t *out, str_t text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.p[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                     (c != 0 && strchr("-_.!~*'()", c));
        if (plain) {
            buf_append_byte(out, c);
        } else {
            buf_append_byte(out, '%');
            buf_append_byte(out, (uint8_t)hex[c >> 4]);
            buf_append_byte(out, (uint8_t)hex[c & 15]);
        }
    }
}
