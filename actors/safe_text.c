/* SPDX-License-Identifier: MIT */
#include "actors/safe_text.h"

#include "bus/json.h"

void safe_text_put(buf_t *out, str_t text, size_t max)
{
    str_t shown = {text.p, text.len < max ? text.len : max};
    while (shown.len > 0 && shown.len < text.len &&
           ((unsigned char)text.p[shown.len] & 0xc0) == 0x80)
        shown.len--;
    bool utf8 = json_utf8_valid(shown);
    for (size_t i = 0; i < shown.len; i++) {
        unsigned char c = (unsigned char)shown.p[i];
        bool c1 = utf8 && c == 0xc2 && (unsigned char)shown.p[i + 1] < 0xa0;
        bool odd = c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8) || c1;
        buf_append_byte(out, odd ? '?' : c);
        i += c1;
    }
    if (shown.len < text.len)
        buf_append_cstr(out, "...");
}
