/* SPDX-License-Identifier: MIT */
#include "bus/mp.h"

#include <math.h>
#include <msgpack/pack.h>
#include <stdarg.h>
#include <string.h>

#define SAFE_INTEGER                                                                               \
    9007199254740992.0 /* 2^53: beyond it a double no longer holds every integer                   \
                        */

#define EQUAL_SEARCH_MIN                                                                           \
    65536                     /* bytes that mp_equal may look through for keys in another order    \
                               */
#define EQUAL_SEARCH_FACTOR 4 /* ... and so many times the value's length */

/* --- reading --------------------------------------------------------------------------------- */

/* What the first byte of a value says. head: bytes of type and length; size: bytes that follow
 * them as payload; count: values that follow as elements (twice the pairs for a map). */
typedef struct {
    mp_type_t type;
    size_t head;
    size_t size;
    uint64_t count;
} shape_t;

static uint64_t big_endian(const uint8_t *p, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++)
        value = value << 8 | p[i];
    return value;
}

/* First bytes 0xc0 to 0xdf. size_bytes: length field that gives size (payload) or count (elements).
 */
typedef struct {
    mp_type_t type;
    uint8_t size_bytes;
    uint8_t fixed; /* payload bytes when there is no length field */
} lead_t;

static const lead_t leads[32] = {
    {MP_NIL, 0, 0},   {MP_NONE, 0, 0},  {MP_BOOL, 0, 0},   {MP_BOOL, 0, 0},   /* c0.. */
    {MP_BIN, 1, 0},   {MP_BIN, 2, 0},   {MP_BIN, 4, 0},    {MP_NONE, 0, 0},   /* c4.. */
    {MP_NONE, 0, 0},  {MP_NONE, 0, 0},  {MP_DOUBLE, 0, 4}, {MP_DOUBLE, 0, 8}, /* c8.. */
    {MP_INT, 0, 1},   {MP_INT, 0, 2},   {MP_INT, 0, 4},    {MP_INT, 0, 8},    /* cc.. */
    {MP_INT, 0, 1},   {MP_INT, 0, 2},   {MP_INT, 0, 4},    {MP_INT, 0, 8},    /* d0.. */
    {MP_NONE, 0, 0},  {MP_NONE, 0, 0},  {MP_NONE, 0, 0},   {MP_NONE, 0, 0},   /* d4.. */
    {MP_NONE, 0, 0},  {MP_STR, 1, 0},   {MP_STR, 2, 0},    {MP_STR, 4, 0},    /* d8.. */
    {MP_ARRAY, 2, 0}, {MP_ARRAY, 4, 0}, {MP_MAP, 2, 0},    {MP_MAP, 4, 0},    /* dc.. */
};

static bool shape_of_lead(mp_t at, shape_t *out)
{
    const lead_t *lead = &leads[*at.p - 0xc0];
    size_t left = (size_t)(at.end - at.p);
    if (lead->type == MP_NONE || left < 1u + lead->size_bytes)
        return false;
    uint64_t n = big_endian(at.p + 1, lead->size_bytes);
    out->type = lead->type;
    out->head = 1u + lead->size_bytes;
    if (lead->type == MP_ARRAY)
        out->count = n;
    else if (lead->type == MP_MAP)
        out->count = n * 2;
    else
        out->size = lead->size_bytes ? (size_t)n : lead->fixed;
    return true;
}

/* Reads the head of the value at the cursor; false when it is invalid or its bytes are not all
 * there. */
static bool shape_at(mp_t at, shape_t *out)
{
    if (at.p >= at.end)
        return false;
    uint8_t byte = *at.p;
    *out = (shape_t){MP_INT, 1, 0, 0};
    if (byte >= 0xc0 && byte < 0xe0) {
        if (!shape_of_lead(at, out))
            return false;
    } else if (byte >= 0xa0 && byte < 0xc0) {
        *out = (shape_t){MP_STR, 1, byte & 0x1fu, 0};
    } else if (byte >= 0x90 && byte < 0xa0) {
        *out = (shape_t){MP_ARRAY, 1, 0, byte & 0x0fu};
    } else if (byte >= 0x80 && byte < 0x90) {
        *out = (shape_t){MP_MAP, 1, 0, 2u * (byte & 0x0fu)};
    }
    return out->size <= (size_t)(at.end - at.p) - out->head;
}

mp_t mp_of(const void *data, size_t len)
{
    return (mp_t){data, len ? (const uint8_t *)data + len : data}; /* NULL + 0 is undefined */
}

mp_t mp_of_buf(const buf_t *buf)
{
    return mp_of(buf->data, buf->len);
}

mp_type_t mp_type(mp_t value)
{
    shape_t shape;
    return shape_at(value, &shape) ? shape.type : MP_NONE;
}

bool mp_at_end(const mp_t *self)
{
    return self->p >= self->end;
}

/* Bytes of a value whose first byte alone tells them; 0: it does not. Most values are such. */
static inline size_t plain_len(uint8_t byte)
{
    if (byte < 0x80 || byte >= 0xe0)
        return 1;
    if (byte < 0xa0)
        return 0;
    if (byte < 0xc0)
        return 1u + (byte & 0x1fu);
    const lead_t *lead = &leads[byte - 0xc0];
    return lead->size_bytes == 0 && lead->type != MP_NONE ? 1u + lead->fixed : 0;
}

/* Moves past `left` values on each level, from the innermost out: what a container owes is put
 * aside while its element is looked at. */
static err_t skip_checked(mp_t *self)
{
    uint64_t open[MP_MAX_DEPTH], left = 1; /* elements that are still owed at each level */
    size_t depth = 0;
    mp_t at = *self;
    while (left > 0 || depth > 0) {
        if (left == 0) {
            /* what lies below depth has been put there */
            left = open[--depth]; // cppcheck-suppress uninitvar
            continue;
        }
        if (at.p >= at.end)
            return ERR_BAD_FRAME;
        size_t len = plain_len(*at.p), room = (size_t)(at.end - at.p);
        left--;
        if (len == 0) {
            shape_t shape;
            /* Every element takes a byte at least: a count that cannot be true is refused at once.
             */
            if (!shape_at(at, &shape) || shape.count > room)
                return ERR_BAD_FRAME;
            len = shape.head + shape.size;
            if (shape.type == MP_ARRAY || shape.type == MP_MAP) {
                if (depth == MP_MAX_DEPTH)
                    return ERR_TOO_DEEP;
                open[depth++] = left;
                left = shape.count;
            }
        } else if (len > room) {
            return ERR_BAD_FRAME;
        }
        at.p += len;
    }
    self->p = at.p;
    return ERR_OK;
}

bool mp_skip(mp_t *self)
{
    size_t len = self->p < self->end ? plain_len(*self->p) : 0;
    if (len == 0)
        return skip_checked(self) == ERR_OK;
    if (len > (size_t)(self->end - self->p))
        return false;
    self->p += len;
    return true;
}

err_t mp_next_checked(mp_t *self, mp_t *value)
{
    const uint8_t *start = self->p;
    err_t err = skip_checked(self);
    if (err == ERR_OK)
        *value = (mp_t){start, self->p};
    return err;
}

bool mp_next(mp_t *self, mp_t *value)
{
    const uint8_t *start = self->p;
    if (!mp_skip(self))
        return false;
    *value = (mp_t){start, self->p};
    return true;
}

err_t mp_check(mp_t self, bool one)
{
    do {
        err_t err = skip_checked(&self);
        if (err != ERR_OK)
            return err;
    } while (!one && self.p < self.end);
    return self.p == self.end ? ERR_OK : ERR_BAD_FRAME;
}

bool mp_read_nil(mp_t *self)
{
    if (mp_type(*self) != MP_NIL)
        return false;
    self->p++;
    return true;
}

bool mp_read_bool(mp_t *self, bool *out)
{
    if (mp_type(*self) != MP_BOOL)
        return false;
    *out = *self->p == 0xc3;
    self->p++;
    return true;
}

static double double_at(const uint8_t *p, size_t size)
{
    if (size == 4) {
        uint32_t bits = (uint32_t)big_endian(p, 4);
        float value;
        memcpy(&value, &bits, sizeof value);
        return (double)value;
    }
    uint64_t bits = big_endian(p, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* An integer as sign and magnitude-free 64 bits: is_signed says how to read bits. */
static bool int_at(mp_t at, const shape_t *shape, uint64_t *bits, bool *is_signed)
{
    uint8_t byte = *at.p;
    if (shape->type != MP_INT)
        return false;
    if (byte < 0x80 || byte >= 0xe0) {
        *is_signed = byte >= 0xe0;
        *bits = (uint64_t)(int64_t)(int8_t)byte;
        return true;
    }
    *is_signed = byte >= 0xd0;
    *bits = big_endian(at.p + 1, shape->size);
    if (*is_signed && shape->size < 8) {
        uint64_t sign = 1ull << (shape->size * 8 - 1);
        *bits = (*bits ^ sign) - sign;
    }
    if (*is_signed && (int64_t)*bits >= 0)
        *is_signed = false;
    return true;
}

bool mp_read_int(mp_t *self, int64_t *out)
{
    shape_t shape;
    uint64_t bits;
    bool is_signed;
    if (!shape_at(*self, &shape))
        return false;
    if (int_at(*self, &shape, &bits, &is_signed)) {
        if (!is_signed && bits > INT64_MAX)
            return false;
        *out = (int64_t)bits;
    } else if (shape.type == MP_DOUBLE) {
        double value = double_at(self->p + 1, shape.size);
        if (!(value >= -9.2e18 && value <= 9.2e18) || value != trunc(value))
            return false;
        *out = (int64_t)value;
    } else {
        return false;
    }
    self->p += shape.head + shape.size;
    return true;
}

bool mp_read_uint(mp_t *self, uint64_t *out)
{
    shape_t shape;
    bool is_signed;
    uint64_t bits;
    if (!shape_at(*self, &shape) || !int_at(*self, &shape, &bits, &is_signed) || is_signed)
        return false;
    *out = bits;
    self->p += shape.head + shape.size;
    return true;
}

bool mp_read_double(mp_t *self, double *out)
{
    shape_t shape;
    uint64_t bits;
    bool is_signed;
    if (!shape_at(*self, &shape))
        return false;
    if (int_at(*self, &shape, &bits, &is_signed))
        *out = is_signed ? (double)(int64_t)bits : (double)bits;
    else if (shape.type == MP_DOUBLE)
        *out = double_at(self->p + 1, shape.size);
    else
        return false;
    self->p += shape.head + shape.size;
    return true;
}

static bool read_bytes(mp_t *self, mp_type_t type, str_t *out)
{
    shape_t shape;
    if (type == MP_STR && self->p < self->end && (*self->p & 0xe0) == 0xa0) { /* a short text */
        size_t len = *self->p & 0x1fu;
        if (len >= (size_t)(self->end - self->p))
            return false;
        *out = (str_t){(const char *)self->p + 1, len};
        self->p += len + 1;
        return true;
    }
    if (!shape_at(*self, &shape) || shape.type != type)
        return false;
    *out = (str_t){(const char *)self->p + shape.head, shape.size};
    self->p += shape.head + shape.size;
    return true;
}

bool mp_read_str(mp_t *self, str_t *out)
{
    return read_bytes(self, MP_STR, out);
}

bool mp_read_bin(mp_t *self, str_t *out)
{
    return read_bytes(self, MP_BIN, out);
}

static bool read_container(mp_t *self, mp_type_t type, uint64_t *count)
{
    shape_t shape;
    if (!shape_at(*self, &shape) || shape.type != type)
        return false;
    *count = shape.count;
    self->p += shape.head;
    return true;
}

bool mp_read_array(mp_t *self, uint32_t *count)
{
    uint64_t n;
    if (!read_container(self, MP_ARRAY, &n))
        return false;
    *count = (uint32_t)n;
    return true;
}

bool mp_read_map(mp_t *self, uint32_t *count)
{
    uint64_t n;
    if (!read_container(self, MP_MAP, &n))
        return false;
    *count = (uint32_t)(n / 2);
    return true;
}

/* Moves past the map. */
static bool find_key(mp_t *map, str_t key, mp_t *value)
{
    uint32_t count;
    bool found = false;
    if (!mp_read_map(map, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        str_t name = {"", 0};
        mp_t item;
        bool is_text = mp_read_str(map, &name);
        if (!is_text && !mp_skip(map))
            return found;
        if (!mp_next(map, &item))
            return found;
        if (is_text && str_eq(name, key)) {
            *value = item;
            found = true;
        }
    }
    return found;
}

bool mp_find(mp_t map, const char *key, mp_t *value)
{
    return find_key(&map, str_of(key), value);
}

bool mp_path(mp_t map, mp_t *value, ...)
{
    va_list keys;
    va_start(keys, value);
    const char *key;
    bool found = true;
    while (found && (key = va_arg(keys, const char *)) != NULL) {
        found = mp_find(map, key, value);
        map = *value;
    }
    va_end(keys);
    return found;
}

bool mp_find_str(mp_t map, const char *key, str_t *out)
{
    mp_t value;
    return mp_find(map, key, &value) && mp_read_str(&value, out);
}

bool mp_find_double(mp_t map, const char *key, double *out)
{
    mp_t value;
    return mp_find(map, key, &value) && mp_read_double(&value, out);
}

bool mp_find_bool(mp_t map, const char *key, bool *out)
{
    mp_t value;
    return mp_find(map, key, &value) && mp_read_bool(&value, out);
}

bool mp_at(mp_t array, uint32_t index, mp_t *value)
{
    uint32_t count;
    if (!mp_read_array(&array, &count) || index >= count)
        return false;
    for (uint32_t i = 0; i < index; i++) {
        if (!mp_skip(&array))
            return false;
    }
    return mp_next(&array, value);
}

/* Comparing walks both values once. Only maps whose keys stand in another order are looked through
 * again; budget bounds the bytes spent on that, and what exceeds it counts as different. */
typedef struct {
    size_t depth;
    size_t budget;
} equal_t;

static bool equal_next(equal_t *self, mp_t *a, mp_t *b);

static bool equal_arrays(equal_t *self, mp_t *a, mp_t *b)
{
    uint32_t left, right;
    if (!mp_read_array(a, &left) || !mp_read_array(b, &right) || left != right)
        return false;
    for (uint32_t i = 0; i < left; i++) {
        if (!equal_next(self, a, b))
            return false;
    }
    return true;
}

/* The value of `key` in map, from its beginning; *end: where the map ends. */
static bool search(equal_t *self, mp_t map, str_t key, mp_t *value, const uint8_t **end)
{
    const uint8_t *start = map.p;
    bool found = find_key(&map, key, value);
    size_t cost = (size_t)(map.p - start);
    *end = map.p;
    if (cost > self->budget)
        return false;
    self->budget -= cost;
    return found;
}

static bool equal_maps(equal_t *self, mp_t *a, mp_t *b)
{
    uint32_t left, right;
    mp_t whole = *b;
    if (!mp_read_map(a, &left) || !mp_read_map(b, &right) || left != right)
        return false;
    bool ordered = true;
    const uint8_t *end = NULL;
    for (uint32_t i = 0; i < left; i++) {
        str_t key, name;
        mp_t at = *b, value;
        if (!mp_read_str(a, &key))
            return false;
        ordered = ordered && mp_read_str(&at, &name) && str_eq(name, key);
        if (ordered)
            *b = at;
        else if (!search(self, whole, key, &value, &end))
            return false;
        if (!equal_next(self, a, ordered ? b : &value))
            return false;
    }
    if (!ordered)
        b->p = end;
    return true;
}

/* Compares the next values and moves past them when they are equal. */
static bool equal_next(equal_t *self, mp_t *a, mp_t *b)
{
    mp_type_t type = mp_type(*a);
    double x, y;
    bool flag, other;
    str_t left, right;
    if (mp_read_double(a, &x) && mp_read_double(b, &y))
        return x == y || (x != x && y != y);
    if (type != mp_type(*b))
        return false;
    if (type == MP_NIL)
        return mp_read_nil(a) && mp_read_nil(b);
    if (type == MP_BOOL)
        return mp_read_bool(a, &flag) && mp_read_bool(b, &other) && flag == other;
    if (type == MP_STR || type == MP_BIN)
        return read_bytes(a, type, &left) && read_bytes(b, type, &right) && str_eq(left, right);
    if ((type != MP_ARRAY && type != MP_MAP) || self->depth == MP_MAX_DEPTH)
        return false;
    self->depth++;
    bool same = type == MP_ARRAY ? equal_arrays(self, a, b) : equal_maps(self, a, b);
    self->depth--;
    return same;
}

bool mp_equal(mp_t a, mp_t b)
{
    size_t len = (size_t)(a.end - a.p);
    if (len == (size_t)(b.end - b.p) && (len == 0 || memcmp(a.p, b.p, len) == 0))
        return true;
    equal_t self = {0, EQUAL_SEARCH_MIN + EQUAL_SEARCH_FACTOR * (size_t)(b.end - b.p)};
    return equal_next(&self, &a, &b);
}

const char *mp_typeof(mp_t value)
{
    switch (mp_type(value)) {
    case MP_STR:
        return "string";
    case MP_INT:
    case MP_DOUBLE:
        return "number";
    case MP_BOOL:
        return "boolean";
    case MP_NONE:
        return "undefined";
    case MP_NIL:
    case MP_BIN:
    case MP_ARRAY:
    case MP_MAP:
        break;
    }
    return "object";
}

/* --- writing --------------------------------------------------------------------------------- */

static int append(void *arg, const char *data, size_t len)
{
    buf_append(arg, data, len);
    return 0;
}

static msgpack_packer packer(buf_t *out)
{
    msgpack_packer pk;
    msgpack_packer_init(&pk, out, append);
    return pk;
}

void mp_put_nil(buf_t *out)
{
    buf_append_byte(out, 0xc0);
}

void mp_put_bool(buf_t *out, bool value)
{
    buf_append_byte(out, value ? 0xc3 : 0xc2);
}

void mp_put_int(buf_t *out, int64_t value)
{
    msgpack_packer pk = packer(out);
    msgpack_pack_int64(&pk, value);
}

void mp_put_uint(buf_t *out, uint64_t value)
{
    msgpack_packer pk = packer(out);
    msgpack_pack_uint64(&pk, value);
}

void mp_put_double(buf_t *out, double value)
{
    if (value >= -SAFE_INTEGER && value <= SAFE_INTEGER && value == trunc(value)) {
        mp_put_int(out, (int64_t)value);
        return;
    }
    msgpack_packer pk = packer(out);
    msgpack_pack_double(&pk, value);
}

void mp_put_str(buf_t *out, str_t text)
{
    msgpack_packer pk = packer(out);
    msgpack_pack_str(&pk, text.len);
    buf_append_str(out, text);
}

void mp_put_cstr(buf_t *out, const char *text)
{
    mp_put_str(out, str_of(text));
}

void mp_put_bin(buf_t *out, const void *data, size_t len)
{
    msgpack_packer pk = packer(out);
    msgpack_pack_bin(&pk, len);
    buf_append(out, data, len);
}

void mp_put_array(buf_t *out, uint32_t count)
{
    msgpack_packer pk = packer(out);
    msgpack_pack_array(&pk, count);
}

void mp_put_map(buf_t *out, uint32_t count)
{
    msgpack_packer pk = packer(out);
    msgpack_pack_map(&pk, count);
}

void mp_put_raw(buf_t *out, mp_t value)
{
    buf_append(out, value.p, (size_t)(value.end - value.p));
}

/* A container of unknown size takes the five-byte head, so that the count fits whatever it becomes.
 */
static size_t begin(buf_t *out, uint8_t lead)
{
    size_t mark = out->len;
    const uint8_t head[5] = {lead, 0, 0, 0, 0};
    buf_append(out, head, sizeof head);
    return mark;
}

size_t mp_begin_array(buf_t *out)
{
    return begin(out, 0xdd);
}

size_t mp_begin_map(buf_t *out)
{
    return begin(out, 0xdf);
}

void mp_end(buf_t *out, size_t mark, uint32_t count)
{
    if (out->failed || mark + 5 > out->len)
        return;
    for (int i = 0; i < 4; i++)
        out->data[mark + 1 + (size_t)i] = (uint8_t)(count >> (24 - 8 * i));
}
