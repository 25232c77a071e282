/* SPDX-License-Identifier: MIT */
/* The reading half of json.h: text to msgpack. */
#include "bus/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#define ARENA_BYTES 4096 /* what yajl needs for nearly every text */

/* --- lone surrogates in the input ------------------------------------------------------------- */

/* The code unit of the escape \uXXXX at p; false when there is no such escape. */
static bool escaped_unit(const char *p, const char *end, unsigned *unit)
{
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return false;
    *unit = 0;
    for (int i = 2; i < 6; i++) {
        unsigned char c = (unsigned char)p[i];
        unsigned digit = c - '0';
        if (digit > 9) {
            digit = (c | 0x20u) - 'a' + 10;
            if (digit < 10 || digit > 15)
                return false;
        }
        *unit = *unit << 4 | digit;
    }
    return true;
}

/* Bytes of the escape at p that belong together: 12 for a pair of surrogates, 6 for another \uXXXX,
 * 2 for what else follows a backslash (1 at the end of the text). *unit is set for a lone one. */
static size_t escape_len(const char *p, const char *end, unsigned *unit)
{
    unsigned low;
    *unit = 0;
    if (!escaped_unit(p, end, unit))
        return end - p >= 2 ? 2 : 1;
    if ((*unit & 0xfc00) == 0xd800 && escaped_unit(p + 6, end, &low) && (low & 0xfc00) == 0xdc00) {
        *unit = 0;
        return 12;
    }
    return 6;
}

static bool may_have_surrogates(str_t text)
{
    const char *p = memchr(text.p, '\\', text.len);
    if (!p)
        return false;
    size_t left = text.len - (size_t)(p - text.p);
    return memmem(p, left, "\\ud", 3) || memmem(p, left, "\\uD", 3);
}

/* Copies text with the escapes of lone surrogates replaced by their three bytes: yajl would make a
 * question mark of them and swallow what follows. Never longer than text. */
static void replace_lone_surrogates(buf_t *out, str_t text)
{
    const char *p = text.p;
    const char *end = p + text.len;
    while (p < end) {
        const char *escape = memchr(p, '\\', (size_t)(end - p));
        if (!escape)
            escape = end;
        buf_append(out, p, (size_t)(escape - p));
        if (escape == end)
            return;
        unsigned unit;
        size_t len = escape_len(escape, end, &unit);
        if ((unit & 0xf800) == 0xd800) {
            const uint8_t raw[3] = {0xed, (uint8_t)(0x80 | (unit >> 6 & 0x3f)),
                                    (uint8_t)(0x80 | (unit & 0x3f))};
            buf_append(out, raw, sizeof raw);
        } else {
            buf_append(out, escape, len);
        }
        p = escape + len;
    }
}

/* --- memory for yajl -------------------------------------------------------------------------- */

/* yajl does not look at the result of malloc, and a client chooses how much it needs. So it gets
 * its memory here, and a failure ends the parse by a jump. Nothing is given back before the end of
 * the parse: yajl only ever grows a few buffers by doubling. */
typedef struct chunk {
    struct chunk *next;
    size_t size; /* bytes behind the header */
} chunk_t;

typedef struct {
    chunk_t *heap; /* chunks that did not fit into the arena */
    size_t used;
    jmp_buf no_memory;
    _Alignas(16) uint8_t arena[ARENA_BYTES];
} memory_t;

static void *memory_alloc(void *ctx, size_t size)
{
    memory_t *self = ctx;
    size_t need = sizeof(chunk_t) + ((size + 15) & ~(size_t)15);
    chunk_t *chunk = NULL;
    if (size < ARENA_BYTES && need <= ARENA_BYTES - self->used) {
        chunk = (chunk_t *)(void *)(self->arena + self->used);
        self->used += need;
    } else {
        chunk = malloc(need);
        if (!chunk)
            longjmp(self->no_memory, 1);
        chunk->next = self->heap;
        self->heap = chunk;
    }
    chunk->size = size;
    return chunk + 1;
}

static void *memory_realloc(void *ctx, void *old, size_t size)
{
    void *fresh = memory_alloc(ctx, size);
    if (old) {
        size_t had = ((chunk_t *)old - 1)->size;
        memcpy(fresh, old, had < size ? had : size);
    }
    return fresh;
}

static void memory_free(void *ctx, void *old)
{
    (void)ctx;
    (void)old;
}

static void memory_fini(memory_t *self)
{
    while (self->heap) {
        chunk_t *next = self->heap->next;
        free(self->heap);
        self->heap = next;
    }
}

/* --- parsing ---------------------------------------------------------------------------------- */

typedef struct {
    size_t mark;    /* of mp_begin_array or mp_begin_map */
    uint32_t count; /* elements so far; keys and values both count in a map */
} level_t;

typedef struct {
    buf_t *out;
    err_t err; /* why a call-back stopped yajl */
    size_t depth;
    const str_t *attachments; /* NULL: placeholders are ordinary objects */
    size_t attachment_count;
    size_t attachment_budget;           /* bytes that may still be put in for placeholders */
    level_t levels[JSON_MAX_DEPTH + 1]; /* levels[0] counts the values outside of all containers */
} parser_t;

static int stop(parser_t *self, err_t err)
{
    self->err = err;
    return 0;
}

static void count_value(parser_t *self)
{
    self->levels[self->depth].count++;
}

static int on_null(void *ctx)
{
    parser_t *self = ctx;
    count_value(self);
    mp_put_nil(self->out);
    return 1;
}

static int on_boolean(void *ctx, int value)
{
    parser_t *self = ctx;
    count_value(self);
    mp_put_bool(self->out, value != 0);
    return 1;
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
    parser_t *self = ctx;
    buf_t *out = self->out;
    count_value(self);
    if (len < 32 && out->cap - out->len > len) {
        /* The short form, in place: most texts are keys. */
        out->data[out->len] = (uint8_t)(0xa0 | len);
        memcpy(out->data + out->len + 1, text, len);
        out->len += 1 + len;
    } else {
        mp_put_str(out, (str_t){(const char *)text, len});
    }
    return 1;
}

static const double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* A number of at most 15 digits without exponent, exactly: mantissa and power of ten are doubles
 * without error, so one division rounds correctly. False for all others. */
static bool short_number(const char *text, size_t len, double *out)
{
    bool negative = len > 0 && text[0] == '-';
    size_t point = len, i = negative;
    int64_t mantissa = 0;
    if (len > 17u || len - negative > 16u)
        return false;
    for (; i < len; i++) {
        unsigned digit = (unsigned char)text[i] - (unsigned)'0';
        if (digit <= 9)
            mantissa = mantissa * 10 + digit;
        else if (text[i] == '.')
            point = i + 1;
        else
            return false;
    }
    if (mantissa >= 1000000000000000) /* 16 digits and no point */
        return false;
    *out = (double)mantissa / powers_of_ten[len - point];
    if (negative)
        *out = -*out;
    return true;
}

/* strtod wants a NUL behind the number, which the text does not have. */
static bool long_number(const char *text, size_t len, double *out)
{
    char small[64];
    char *copy = len < sizeof small ? small : malloc(len + 1);
    if (!copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    *out = strtod(copy, NULL); /* beyond the range it gives infinity, as JavaScript does */
    if (copy != small)
        free(copy);
    return true;
}

static int on_number(void *ctx, const char *text, size_t len)
{
    parser_t *self = ctx;
    double value;
    count_value(self);
    if (!short_number(text, len, &value) && !long_number(text, len, &value))
        return stop(self, ERR_NO_MEMORY);
    mp_put_double(self->out, value);
    return 1;
}

static int open_level(parser_t *self, size_t (*begin)(buf_t *))
{
    if (self->depth == JSON_MAX_DEPTH)
        return stop(self, ERR_TOO_DEEP);
    count_value(self);
    self->depth++;
    self->levels[self->depth] = (level_t){begin(self->out), 0};
    return 1;
}

static int on_start_map(void *ctx)
{
    return open_level(ctx, mp_begin_map);
}

static int on_start_array(void *ctx)
{
    return open_level(ctx, mp_begin_array);
}

static int on_end_array(void *ctx)
{
    parser_t *self = ctx;
    const level_t *level = &self->levels[self->depth--];
    mp_end(self->out, level->mark, level->count);
    return 1;
}

/* Whether the map written from mark on is exactly {"_placeholder":true,"num":<number>}, in any
 * order of keys. */
static bool is_placeholder(mp_t map, double *num)
{
    uint32_t count;
    bool marked = false, numbered = false;
    str_t key;
    if (!mp_read_map(&map, &count) || count != 2)
        return false;
    while (mp_read_str(&map, &key)) {
        bool flag = false;
        if (str_is(key, "_placeholder") && mp_read_bool(&map, &flag) && flag)
            marked = true;
        else if (str_is(key, "num") && mp_read_double(&map, num))
            numbered = true;
        else
            return false;
    }
    return marked && numbered;
}

static int put_attachment(parser_t *self, size_t mark, double num)
{
    if (!(num >= 0) || num >= (double)self->attachment_count || num != trunc(num))
        return stop(self, ERR_JSON);
    str_t bytes = self->attachments[(size_t)num];
    if (bytes.len > self->attachment_budget)
        return stop(self, ERR_JSON);
    self->attachment_budget -= bytes.len;
    self->out->len = mark;
    mp_put_bin(self->out, bytes.p, bytes.len);
    return 1;
}

static int on_end_map(void *ctx)
{
    parser_t *self = ctx;
    const level_t *level = &self->levels[self->depth--];
    double num;
    mp_end(self->out, level->mark, level->count / 2);
    if (self->attachments && level->count == 4 && !self->out->failed) {
        mp_t map = mp_of(self->out->data + level->mark, self->out->len - level->mark);
        if (is_placeholder(map, &num))
            return put_attachment(self, level->mark, num);
    }
    return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_start_map,
    .yajl_map_key = on_string,
    .yajl_end_map = on_end_map,
    .yajl_start_array = on_start_array,
    .yajl_end_array = on_end_array,
};

static bool is_blank(str_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return false;
    }
    return true;
}

static err_t run_yajl(parser_t *self, memory_t *memory, str_t text)
{
    yajl_alloc_funcs funcs = {memory_alloc, memory_realloc, memory_free, memory};
    yajl_handle yajl = yajl_alloc(&callbacks, &funcs, self);
    yajl_config(yajl, yajl_dont_validate_strings, 1); /* it has been checked, and surrogates pass */
    /* yajl overlooks an unterminated string behind the value, so it stops there and we look. */
    yajl_config(yajl, yajl_allow_trailing_garbage, 1);
    bool ok = yajl_parse(yajl, (const unsigned char *)text.p, text.len) == yajl_status_ok;
    size_t used = yajl_get_bytes_consumed(yajl);
    ok = ok && yajl_complete_parse(yajl) == yajl_status_ok;
    if (self->err != ERR_OK)
        return self->err;
    return ok && is_blank((str_t){text.p + used, text.len - used}) ? ERR_OK : ERR_JSON;
}

/* Nothing but the call stands here, so that no variable can be lost by the jump. */
static err_t run_guarded(parser_t *self, memory_t *memory, str_t text)
{
    if (setjmp(memory->no_memory) != 0)
        return ERR_NO_MEMORY;
    return run_yajl(self, memory, text);
}

static err_t parse(parser_t *self, str_t text)
{
    buf_t copy;
    memory_t memory;
    memory.heap = NULL;
    memory.used = 0;
    buf_init(&copy);
    if (may_have_surrogates(text)) {
        replace_lone_surrogates(&copy, text);
        if (copy.failed) {
            buf_fini(&copy);
            return ERR_NO_MEMORY;
        }
        text = buf_str(&copy);
    }
    err_t err = run_guarded(self, &memory, text);
    memory_fini(&memory);
    buf_fini(&copy);
    return err;
}

err_t json_to_mp_attached(buf_t *out, str_t text, const str_t *attachments, size_t count)
{
    if (text.len > UINT32_MAX) /* what msgpack can count */
        return ERR_TOO_LARGE;
    if (text.len == 0)
        return ERR_JSON;
    if (!json_utf8_valid(text))
        return ERR_UTF8;
    /* yajl takes them for blanks; inside of strings they are not allowed either. */
    if (memchr(text.p, '\v', text.len) || memchr(text.p, '\f', text.len))
        return ERR_JSON;
    if (out->failed)
        return ERR_NO_MEMORY;

    parser_t self;
    self.out = out;
    self.err = ERR_OK;
    self.depth = 0;
    self.attachments = attachments;
    self.attachment_count = attachments ? count : 0;
    self.attachment_budget = 0;
    self.levels[0] = (level_t){0, 0};
    for (size_t i = 0; i < self.attachment_count; i++)
        self.attachment_budget += attachments[i].len;

    size_t before = out->len;
    err_t err = parse(&self, text);
    if (err == ERR_OK && out->failed)
        err = ERR_NO_MEMORY;
    if (err != ERR_OK) {
        out->len = before;
        out->failed = false;
    }
    return err;
}

err_t json_to_mp(buf_t *out, str_t text)
{
    return json_to_mp_attached(out, text, NULL, 0);
}
