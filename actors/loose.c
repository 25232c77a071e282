/* SPDX-License-Identifier: MIT */
#include "actors/loose.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NUMBER_MAX 64u /* bytes of a text that are looked at for a number */
#define INT_MAX_EXACT 9007199254740992.0
#define TIME_MAX_MS 8640000000000000.0 /* of a JavaScript Date */

bool loose_true(mp_t value)
{
    bool flag;
    double number;
    str_t text;
    switch (mp_type(value)) {
    case MP_NONE:
    case MP_NIL:
        return false;
    case MP_BOOL:
        return mp_read_bool(&value, &flag) && flag;
    case MP_INT:
    case MP_DOUBLE:
        return mp_read_double(&value, &number) && number != 0 && !isnan(number);
    case MP_STR:
        return mp_read_str(&value, &text) && text.len > 0;
    default:
        return true;
    }
}

/* strtod knows hexadecimal numbers, infinities and the like, which JavaScript does not. */
static bool text_double(str_t text, double *out)
{
    char copy[NUMBER_MAX + 1];
    size_t len = 0;
    size_t from = 0;
    while (from < text.len && isspace((unsigned char)text.p[from]))
        from++;
    while (from + len < text.len && len < NUMBER_MAX && text.p[from + len] &&
           strchr("0123456789+-.eE", text.p[from + len])) {
        copy[len] = text.p[from + len];
        len++;
    }
    copy[len] = '\0';
    char *end;
    *out = strtod(copy, &end);
    return end != copy && isfinite(*out);
}

bool loose_double(mp_t value, double *out)
{
    str_t text;
    if (mp_read_str(&value, &text))
        return text_double(text, out);
    return mp_read_double(&value, out) && isfinite(*out);
}

bool loose_int(mp_t value, int64_t *out)
{
    double number;
    if (!loose_double(value, &number))
        return false;
    number = trunc(number);
    if (number > INT_MAX_EXACT)
        number = INT_MAX_EXACT;
    if (number < -INT_MAX_EXACT)
        number = -INT_MAX_EXACT;
    *out = (int64_t)number;
    return true;
}

mp_t loose_get(mp_t map, const char *key)
{
    mp_t value;
    if (mp_find(map, key, &value))
        return value;
    return (mp_t){NULL, NULL};
}

/* Reads exactly `digits` digits; the cursor stays on failure. */
static bool digits_at(const char **at, int digits, int *out)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        if (!isdigit((unsigned char)(*at)[i]))
            return false;
        value = value * 10 + ((*at)[i] - '0');
    }
    *at += digits;
    *out = value;
    return true;
}

static bool char_at(const char **at, char wanted)
{
    if (**at != wanted)
        return false;
    (*at)++;
    return true;
}

/* "12:34", "12:34:56", "12:34:56.789" */
static bool read_clock(const char **at, struct tm *tm, int *ms)
{
    double fraction = 0, unit = 0.1;
    if (!digits_at(at, 2, &tm->tm_hour) || !char_at(at, ':') || !digits_at(at, 2, &tm->tm_min))
        return false;
    if (char_at(at, ':')) {
        if (!digits_at(at, 2, &tm->tm_sec))
            return false;
        if (char_at(at, '.')) {
            for (; isdigit((unsigned char)**at); (*at)++, unit /= 10)
                fraction += (**at - '0') * unit;
        }
    }
    *ms = (int)(fraction * 1000 + 1e-6);
    return tm->tm_hour <= 24 && tm->tm_min < 60 && tm->tm_sec < 60;
}

/* "Z", "+01:00", "-0530"; *local when there is none. */
static bool read_zone(const char **at, int *offset_min, bool *local)
{
    int hours = 0, minutes = 0;
    *offset_min = 0;
    *local = **at == '\0';
    if (*local || char_at(at, 'Z'))
        return true;
    int sign = **at == '-' ? -1 : 1;
    if (**at != '+' && **at != '-')
        return false;
    (*at)++;
    if (!digits_at(at, 2, &hours))
        return false;
    char_at(at, ':');
    if (!digits_at(at, 2, &minutes))
        return false;
    *offset_min = sign * (hours * 60 + minutes);
    return true;
}

static bool text_time(const char *text, int64_t *out)
{
    const char *at = text;
    struct tm tm = {0};
    int month = 1, day = 1, ms = 0, offset_min = 0;
    bool local = false;
    if (!digits_at(&at, 4, &tm.tm_year))
        return false;
    if (char_at(&at, '-') && !digits_at(&at, 2, &month))
        return false;
    if (char_at(&at, '-') && !digits_at(&at, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    if ((char_at(&at, 'T') || char_at(&at, ' ')) &&
        (!read_clock(&at, &tm, &ms) || !read_zone(&at, &offset_min, &local)))
        return false;
    if (*at != '\0')
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon = month - 1;
    tm.tm_mday = day;
    tm.tm_isdst = -1;
    int64_t seconds = local ? (int64_t)mktime(&tm) : (int64_t)timegm(&tm);
    *out = (seconds - (int64_t)offset_min * 60) * 1000 + ms;
    return true;
}

bool loose_time(mp_t value, int64_t *out)
{
    str_t text;
    double number;
    char copy[NUMBER_MAX];
    if (mp_read_str(&value, &text)) {
        if (text.len == 0 || text.len >= sizeof copy || memchr(text.p, '\0', text.len))
            return false;
        memcpy(copy, text.p, text.len);
        copy[text.len] = '\0';
        if (text.len <= 4 || copy[strspn(copy, "0123456789")] != '\0')
            return text_time(copy, out);
        number = strtod(copy, NULL);
    } else if (!mp_read_double(&value, &number)) {
        return false;
    }
    if (!(fabs(number) <= TIME_MAX_MS))
        return false;
    *out = (int64_t)number;
    return true;
}
