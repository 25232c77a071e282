/* SPDX-License-Identifier: MIT */
/* The writing half of json.h, and UTF-8; json_read.c has the reading half. */
#include "bus/json.h"

#include <endian.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAFE_INTEGER 9007199254740992.0 /* 2^53 */

/* --- UTF-8 ------------------------------------------------------------------------------------ */

static bool is_tail(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Length of the well-formed sequence of two to four bytes at p, 0 if there is none. Overlong forms,
 * surrogates (ed a0 80) and what lies beyond U+10FFFF (f4 90) are not well-formed. */
static size_t sequence_len(const uint8_t *p, const uint8_t *end)
{
    size_t left = (size_t)(end - p);
    if (p[0] < 0xc2 || p[0] > 0xf4 || left < 2 || !is_tail(p[1]))
        return 0;
    if (p[0] < 0xe0)
        return 2;
    if (left < 3 || !is_tail(p[2]))
        return 0;
    if (p[0] < 0xf0) {
        bool overlong = p[0] == 0xe0 && p[1] < 0xa0;
        bool surrogate = p[0] == 0xed && p[1] >= 0xa0;
        return overlong || surrogate ? 0 : 3;
    }
    bool overlong = p[0] == 0xf0 && p[1] < 0x90;
    bool beyond = p[0] == 0xf4 && p[1] >= 0x90;
    return left < 4 || !is_tail(p[3]) || overlong || beyond ? 0 : 4;
}

static uint64_t load_word(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

#define TOP_BITS 0x8080808080808080ull

/* Of 32 bytes. */
static inline bool is_ascii(const uint8_t *p)
{
    return ((load_word(p) | load_word(p + 8) | load_word(p + 16) | load_word(p + 24)) & TOP_BITS) ==
           0;
}

bool json_utf8_valid(str_t text)
{
    const uint8_t *p = (const uint8_t *)text.p;
    const uint8_t *end = text.len ? p + text.len : p;
    while (p < end) {
        while (end - p >= 32 && is_ascii(p))
            p += 32;
        if (p == end)
            break;
        if (end - p >= 8 && (load_word(p) & TOP_BITS) == 0) {
            p += 8;
        } else if (*p < 0x80) {
            p++;
        } else {
            size_t len = sequence_len(p, end);
            if (len == 0)
                return false;
            p += len;
        }
    }
    return true;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* buf_append, inlined: most of what is written are a few bytes. */
static inline void put(buf_t *out, const void *data, size_t len)
{
    if (len > out->cap - out->len && !buf_reserve(out, len))
        return;
    if (len > 0)
        memcpy(out->data + out->len, data, len);
    out->len += len;
}

static inline void put_byte(buf_t *out, char byte)
{
    put(out, &byte, 1);
}

#define PUT_LITERAL(out, text) put((out), (text), sizeof(text) - 1)

/* Bytes below 0x20, quote, backslash and bytes from 0x80 on: each sets the top bit of its byte. A
 * byte above such a one may be reported by mistake, which costs a closer look and no more. */
static inline uint64_t special_bytes(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101ull;
    uint64_t quote = word ^ (ones * '"');
    uint64_t backslash = word ^ (ones * '\\');
    return (word | (word - ones * 0x20) | (quote - ones) | (backslash - ones)) & (ones * 0x80);
}

/* The end of the run of characters at p that JSON takes as they are. */
static const uint8_t *plain_run(const uint8_t *p, const uint8_t *end)
{
    while (p < end) {
        if (end - p >= 8 && special_bytes(load_word(p)) == 0) {
            p += 8;
        } else if (*p >= 0x80) {
            size_t len = sequence_len(p, end);
            if (len == 0)
                break;
            p += len;
        } else if (*p < 0x20 || *p == '"' || *p == '\\') {
            break;
        } else {
            p++;
        }
    }
    return p;
}

static void put_unit(buf_t *out, unsigned unit)
{
    static const char hex[] = "0123456789abcdef";
    const char text[6] = {
        '\\', 'u', hex[unit >> 12 & 15], hex[unit >> 8 & 15], hex[unit >> 4 & 15], hex[unit & 15]};
    put(out, text, sizeof text);
}

/* Writes what stands at p and cannot stay as it is; returns what follows. Lone surrogates become
 * escapes, other malformed bytes U+FFFD: the text must be valid UTF-8 for a WebSocket. */
static const uint8_t *put_special(buf_t *out, const uint8_t *p, const uint8_t *end)
{
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    if (*p >= 0x80) {
        if (end - p >= 3 && p[0] == 0xed && p[1] >= 0xa0 && is_tail(p[1]) && is_tail(p[2])) {
            put_unit(out, 0xd000u | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu));
            return p + 3;
        }
        PUT_LITERAL(out, "\xef\xbf\xbd");
    } else if (*p < 0x20 && letters[*p] == 0) {
        put_unit(out, *p);
    } else {
        put_byte(out, '\\');
        put_byte(out, *p < 0x20 ? letters[*p] : (char)*p);
    }
    return p + 1;
}

/* Writes a text without special bytes, the usual one, eight bytes at a time. False: it has some, or
 * there is no memory; nothing is written. */
static inline bool put_plain(buf_t *out, str_t text)
{
    if (text.len + 2 > out->cap - out->len && !buf_reserve(out, text.len + 2))
        return false;
    const uint8_t *p = (const uint8_t *)text.p;
    uint8_t *to = out->data + out->len;
    size_t left = text.len;
    *to++ = '"';
    for (; left >= 8; left -= 8, p += 8, to += 8) {
        uint64_t word = load_word(p);
        if (special_bytes(word) != 0)
            return false;
        memcpy(to, &word, 8);
    }
    if (left > 0 && text.len >= 8) { /* the last eight, some of them once more */
        uint64_t word = load_word(p + left - 8);
        if (special_bytes(word) != 0)
            return false;
        memcpy(to + left - 8, &word, 8);
        to += left;
        left = 0;
    }
    for (; left > 0; left--, p++) {
        if (*p < 0x20 || *p == '"' || *p == '\\' || *p >= 0x80)
            return false;
        *to++ = *p;
    }
    *to++ = '"';
    out->len = (size_t)(to - out->data);
    return true;
}

void json_put_str(buf_t *out, str_t text)
{
    if (put_plain(out, text))
        return;
    const uint8_t *p = (const uint8_t *)text.p;
    const uint8_t *end = text.len ? p + text.len : p;
    put_byte(out, '"');
    while (p < end) {
        const uint8_t *run = plain_run(p, end);
        put(out, p, (size_t)(run - p));
        p = run < end ? put_special(out, run, end) : end;
    }
    put_byte(out, '"');
}

static const char pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

/* Decimal digits of value, right-aligned before `end`; returns where they begin. */
static char *digits_before(char *end, uint64_t value)
{
    for (; value >= 100; value /= 100) {
        end -= 2;
        memcpy(end, &pairs[value % 100 * 2], 2);
    }
    if (value < 10) {
        *--end = (char)('0' + value);
        return end;
    }
    end -= 2;
    memcpy(end, &pairs[value * 2], 2);
    return end;
}

static void put_integer(buf_t *out, bool negative, uint64_t magnitude)
{
    char text[24];
    char *p = digits_before(text + sizeof text, magnitude);
    if (negative)
        *--p = '-';
    put(out, p, (size_t)(text + sizeof text - p));
}

/* Writes "0.<digits>" or "<digits>.<digits>" for mantissa / 10^places. */
static void put_fraction(buf_t *out, uint64_t mantissa, size_t places)
{
    char text[40];
    char *end = text + sizeof text;
    char *p = digits_before(end, mantissa);
    while ((size_t)(end - p) <= places)
        *--p = '0';
    put(out, p, (size_t)(end - p) - places);
    put_byte(out, '.');
    put(out, end - places, places);
}

static const double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Numbers with few decimals, as sensors give them: the smallest number of places with which an
 * integer of at most 15 digits, divided by a power of ten, gives the value. Two decimals of 15
 * digits never share a double, so this is the shortest text. */
static bool put_short_fraction(buf_t *out, double magnitude)
{
    if (magnitude < 1e-6 || magnitude >= 1e15)
        return false;
    for (size_t places = 1; places <= 20; places++) {
        double scaled = nearbyint(magnitude * powers_of_ten[places]);
        if (scaled >= 1e15)
            return false;
        if (scaled / powers_of_ten[places] == magnitude) {
            put_fraction(out, (uint64_t)scaled, places);
            return true;
        }
    }
    return false;
}

/* Significant digits and decimal exponent: 0.d1d2d3... * 10^point. */
typedef struct {
    char digits[20];
    size_t count;
    int point;
} decimal_t;

static void decimal_of(decimal_t *self, double magnitude, int precision)
{
    char text[40];
    snprintf(text, sizeof text, "%.*e", precision - 1, magnitude);
    self->count = 0;
    const char *p = text;
    for (; *p != 'e'; p++) {
        if (*p >= '0' && *p <= '9')
            self->digits[self->count++] = *p;
    }
    self->point = atoi(p + 1) + 1;
}

static double decimal_value(const decimal_t *self)
{
    char text[40];
    snprintf(text, sizeof text, "0.%.*se%d", (int)self->count, self->digits, self->point);
    return strtod(text, NULL);
}

/* The next larger decimal of as many digits. */
static void decimal_increment(decimal_t *self)
{
    size_t i = self->count;
    while (i > 0 && self->digits[i - 1] == '9')
        self->digits[--i] = '0';
    if (i > 0) {
        self->digits[i - 1]++;
    } else {
        self->digits[0] = '1';
        self->point++;
    }
}

/* The shortest decimal that reads back as the value, and of those the nearest. Below a power of
 * two doubles lie closer than above it; there the decimal that lies nearest may miss although the
 * next larger one does not (2^-44 is 5.684341886080802e-14). */
static void decimal_shortest(decimal_t *self, double magnitude)
{
    int exponent;
    bool power_of_two = frexp(magnitude, &exponent) == 0.5;
    /* Every decimal of 15 digits survives, so fewer are never needed; subnormals hold less. */
    int precision = magnitude < DBL_MIN ? 1 : 15;
    for (; precision <= 17; precision++) {
        decimal_of(self, magnitude, precision);
        if (decimal_value(self) == magnitude)
            break;
        if (power_of_two) {
            decimal_increment(self);
            if (decimal_value(self) == magnitude)
                break;
        }
    }
    while (self->count > 1 && self->digits[self->count - 1] == '0')
        self->count--;
}

static void put_zeros(buf_t *out, int count)
{
    for (; count > 0; count--)
        put_byte(out, '0');
}

/* The layout of ECMAScript's Number::toString. */
static void put_decimal(buf_t *out, const decimal_t *value)
{
    int count = (int)value->count;
    int point = value->point;
    if (point > 21 || point <= -6) {
        put_byte(out, value->digits[0]);
        if (count > 1) {
            put_byte(out, '.');
            put(out, value->digits + 1, value->count - 1);
        }
        buf_printf(out, "e%+d", point - 1);
    } else if (point <= 0) {
        PUT_LITERAL(out, "0.");
        put_zeros(out, -point);
        put(out, value->digits, value->count);
    } else if (count <= point) {
        put(out, value->digits, value->count);
        put_zeros(out, point - count);
    } else {
        put(out, value->digits, (size_t)point);
        put_byte(out, '.');
        put(out, value->digits + point, (size_t)(count - point));
    }
}

void json_put_double(buf_t *out, double value)
{
    double magnitude = fabs(value);
    if (!isfinite(value)) {
        PUT_LITERAL(out, "null");
        return;
    }
    if (magnitude <= SAFE_INTEGER && magnitude == trunc(magnitude)) {
        put_integer(out, value < 0, (uint64_t)magnitude); /* -0 is written as 0 */
        return;
    }
    if (value < 0)
        put_byte(out, '-');
    if (put_short_fraction(out, magnitude))
        return;
    decimal_t decimal;
    decimal_shortest(&decimal, magnitude);
    put_decimal(out, &decimal);
}

static void put_buffer(buf_t *out, str_t bytes)
{
    PUT_LITERAL(out, "{\"type\":\"Buffer\",\"data\":[");
    for (size_t i = 0; i < bytes.len; i++) {
        if (i > 0)
            put_byte(out, ',');
        put_integer(out, false, (uint8_t)bytes.p[i]);
    }
    PUT_LITERAL(out, "]}");
}

static void put_bin(buf_t *out, str_t bytes, json_bins_t *bins)
{
    if (!bins || bins->mode == JSON_BIN_BUFFER) {
        put_buffer(out, bytes);
        return;
    }
    PUT_LITERAL(out, "{\"_placeholder\":true,\"num\":");
    put_integer(out, false, bins->bins_len);
    put_byte(out, '}');
    if (bins->bins_len < bins->bins_cap)
        bins->bins[bins->bins_len] = bytes;
    bins->bins_len++;
}

static bool put_number(buf_t *out, mp_t *at)
{
    int64_t integer;
    uint64_t magnitude;
    double number;
    if (mp_type(*at) == MP_INT) {
        if (mp_read_uint(at, &magnitude)) {
            put_integer(out, false, magnitude);
            return true;
        }
        if (!mp_read_int(at, &integer))
            return false;
        put_integer(out, true, 0 - (uint64_t)integer);
        return true;
    }
    if (!mp_read_double(at, &number))
        return false;
    json_put_double(out, number);
    return true;
}

/* Times, flags and nothing. False: something else, or truncated. */
static inline bool put_fixed(buf_t *out, mp_t *at, uint8_t head)
{
    size_t len = 1;
    if (head == 0xcf) {
        uint64_t value;
        len = 9;
        if ((size_t)(at->end - at->p) < len)
            return false;
        memcpy(&value, at->p + 1, sizeof value);
        put_integer(out, false, be64toh(value));
    } else if (head == 0xc0) {
        PUT_LITERAL(out, "null");
    } else if (head == 0xc2) {
        PUT_LITERAL(out, "false");
    } else if (head == 0xc3) {
        PUT_LITERAL(out, "true");
    } else {
        return false;
    }
    at->p += len;
    return true;
}

/* The forms of one head byte, without the general reader: most of a state is short strings and
 * small integers. False: something else, or truncated. */
static bool put_short(buf_t *out, mp_t *at)
{
    if (at->p >= at->end)
        return false;
    uint8_t head = *at->p;
    size_t len = head & 0x1fu;
    if (head < 0x80) {
        put_integer(out, false, head);
        at->p++;
        return true;
    }
    if ((head & 0xe0) != 0xa0 || (size_t)(at->end - at->p) <= len)
        return false;
    json_put_str(out, (str_t){(const char *)at->p + 1, len});
    at->p += 1 + len;
    return true;
}

/* Writes the value at the cursor if it is no container. */
static bool put_scalar(buf_t *out, mp_t *at, json_bins_t *bins)
{
    bool flag;
    str_t text;
    if (put_short(out, at) || (at->p < at->end && put_fixed(out, at, *at->p)))
        return true;
    switch (mp_type(*at)) {
    case MP_STR:
        if (!mp_read_str(at, &text))
            return false;
        json_put_str(out, text);
        return true;
    case MP_INT:
    case MP_DOUBLE:
        return put_number(out, at);
    case MP_BOOL:
        if (!mp_read_bool(at, &flag))
            return false;
        put(out, flag ? "true" : "false", flag ? 4 : 5);
        return true;
    case MP_NIL:
        PUT_LITERAL(out, "null");
        return mp_read_nil(at);
    case MP_BIN:
        if (!mp_read_bin(at, &text))
            return false;
        put_bin(out, text, bins);
        return true;
    case MP_ARRAY:
    case MP_MAP:
    case MP_NONE:
        break;
    }
    return false;
}

/* A key; JSON has only strings there, so that numbers are written as text and the rest is refused.
 */
static bool put_key(buf_t *out, mp_t *at)
{
    str_t key;
    bool ok = true;
    if (at->p < at->end && *at->p >= 0x80 && put_short(out, at)) {
        /* a short string */
    } else if (mp_read_str(at, &key)) {
        json_put_str(out, key);
    } else {
        put_byte(out, '"');
        ok = put_number(out, at);
        put_byte(out, '"');
    }
    put_byte(out, ':');
    return ok;
}

typedef struct {
    uint32_t left; /* elements or pairs still to come */
    bool map;
    bool first;
} open_t;

typedef struct {
    buf_t *out;
    mp_t at;
    json_bins_t *bins;
    size_t depth;
    open_t open[MP_MAX_DEPTH];
} writer_t;

/* Begins the container at the cursor, or writes the scalar. False where the data breaks. */
static bool write_value(writer_t *self)
{
    uint32_t count;
    if (put_scalar(self->out, &self->at, self->bins))
        return true;
    bool map = mp_type(self->at) == MP_MAP;
    if (self->depth == MP_MAX_DEPTH ||
        !(map ? mp_read_map(&self->at, &count) : mp_read_array(&self->at, &count)))
        return false;
    self->open[self->depth++] = (open_t){count, map, true};
    put_byte(self->out, map ? '{' : '[');
    return true;
}

/* Closes what is complete and goes to the place of the next value; false when there is none. */
static bool next_place(writer_t *self)
{
    while (self->depth > 0 && self->open[self->depth - 1].left == 0)
        put_byte(self->out, self->open[--self->depth].map ? '}' : ']');
    if (self->depth == 0)
        return false;
    open_t *open = &self->open[self->depth - 1];
    open->left--;
    if (!open->first)
        put_byte(self->out, ',');
    open->first = false;
    return true;
}

void json_from_mp(buf_t *out, mp_t value, json_bins_t *bins)
{
    writer_t self;
    self.out = out;
    self.at = value;
    self.bins = bins;
    self.depth = 0;
    if (bins)
        bins->bins_len = 0;
    do {
        bool ok = self.depth == 0 || !self.open[self.depth - 1].map || put_key(out, &self.at);
        if (!ok || !write_value(&self)) {
            PUT_LITERAL(out, "null");
            while (self.depth > 0)
                put_byte(out, self.open[--self.depth].map ? '}' : ']');
            return;
        }
    } while (next_place(&self));
}
