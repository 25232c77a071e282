/* SPDX-License-Identifier: MIT */
/* The part of pattern.h that is about characters of ids. */
#include "bus/pattern.h"

#include <string.h>
#include <unictype.h>
#include <unistr.h>

#define NO_CODE_POINT UINT32_MAX

bool id_char_allowed(uint32_t code_point)
{
    static const char marks[] = "._-/ :!#$%&()+=@^{}|~";
    if (code_point < 0x80) {
        int c = (int)code_point;
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        return letter || (c >= '0' && c <= '9') || (c != 0 && strchr(marks, c) != NULL);
    }
    if (code_point > 0x10ffff)
        return false;
    return uc_is_general_category(code_point, UC_LOWERCASE_LETTER) ||
           uc_is_general_category(code_point, UC_UPPERCASE_LETTER) ||
           uc_is_general_category(code_point, UC_DECIMAL_DIGIT_NUMBER);
}

/* The code point at p and its length; bytes that are not well-formed UTF-8 count one by one as
 * NO_CODE_POINT, which is not allowed anywhere. */
static size_t code_point_at(const char *p, const char *end, uint32_t *code_point)
{
    ucs4_t value;
    if ((unsigned char)*p < 0x80) {
        *code_point = (unsigned char)*p;
        return 1;
    }
    int len = u8_mbtoucr(&value, (const uint8_t *)p, (size_t)(end - p));
    *code_point = len > 0 ? value : NO_CODE_POINT;
    return len > 0 ? (size_t)len : 1;
}

bool pattern_valid(str_t text)
{
    const char *p = text.p;
    const char *end = text.len ? p + text.len : p;
    while (p < end) {
        uint32_t code_point;
        p += code_point_at(p, end, &code_point);
        if (code_point != '*' && !id_char_allowed(code_point))
            return false;
    }
    return true;
}

bool id_fix(buf_t *out, str_t id)
{
    const char *p = id.p;
    const char *end = id.len ? p + id.len : p;
    bool changed = false, in_run = false;
    while (p < end) {
        uint32_t code_point;
        size_t len = code_point_at(p, end, &code_point);
        bool allowed = id_char_allowed(code_point);
        if (allowed)
            buf_append(out, p, len);
        else if (!in_run)
            buf_append_byte(out, '_');
        changed = changed || !allowed;
        in_run = !allowed;
        p += len;
    }
    return changed;
}
