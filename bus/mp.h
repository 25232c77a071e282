/* SPDX-License-Identifier: MIT */
/* msgpack: a cursor that reads values where they lie, and a writer that appends to a buf_t.
 * Reading with msgpack-c builds a tree and gives up at 32 levels; iobus forwards values that it
 * does not look at, so it reads by cursor. Writing uses msgpack-c's packer.
 *
 * A cursor is a range; readers advance p past what they read. Every reader checks the range and
 * returns false (leaving the cursor where it was) on a wrong type or truncated data: it is safe
 * on hostile bytes. mp_valid is called once where bytes enter; after that skips cannot fail.
 * Values are JSON's (nil bool int double str array map) plus bin for bytes; ext types are refused.
 * Numbers that are integral and within 2^53 are ints in canonical form (see json.h), so that
 * 1 and 1.0 compare equal; mp_equal compares across int and double anyway.
 * Source: msgpack specification 2.0. Thread contract: pure functions. */
#ifndef IOBUS_BUS_MP_H
#define IOBUS_BUS_MP_H

#include "bus/buf.h"
#include "bus/err.h"

#define MP_MAX_DEPTH 256 /* levels of nesting that are accepted anywhere */

typedef struct {
    const uint8_t *p;
    const uint8_t *end;
} mp_t;

typedef enum {
    MP_NONE, /* end of data or an invalid first byte */
    MP_NIL,
    MP_BOOL,
    MP_INT, /* signed or unsigned integer */
    MP_DOUBLE,
    MP_STR,
    MP_BIN,
    MP_ARRAY,
    MP_MAP
} mp_type_t;

/* --- reading --------------------------------------------------------------------------------- */

mp_t mp_of(const void *data, size_t len);
mp_t mp_of_buf(const buf_t *buf);
mp_type_t mp_type(mp_t value);
bool mp_at_end(const mp_t *self);

/* Skips one value of any kind, without recursion; false: truncated, ext or too deep. */
bool mp_skip(mp_t *self);
/* The next value as its own range, and moves past it; false as mp_skip. */
bool mp_next(mp_t *self, mp_t *value);
/* The same, and why not: ERR_BAD_FRAME or ERR_TOO_DEEP. */
err_t mp_next_checked(mp_t *self, mp_t *value) MUST_USE;
/* Whether the range is exactly one well-formed value (`one`) or any sequence of them, nested at
 * most MP_MAX_DEPTH. ERR_OK, ERR_BAD_FRAME or ERR_TOO_DEEP. Does not check UTF-8. */
err_t mp_check(mp_t self, bool one) MUST_USE;

bool mp_read_nil(mp_t *self);
bool mp_read_bool(mp_t *self, bool *out);
bool mp_read_int(mp_t *self, int64_t *out);   /* also integral doubles within int64 */
bool mp_read_uint(mp_t *self, uint64_t *out); /* also non-negative ints */
bool mp_read_double(mp_t *self, double *out); /* any number */
bool mp_read_str(mp_t *self, str_t *out);
bool mp_read_bin(mp_t *self, str_t *out);
bool mp_read_array(mp_t *self, uint32_t *count); /* cursor then stands at the first element */
bool mp_read_map(mp_t *self, uint32_t *count);   /* ... at the first key */

/* Value of a key in the map at `map`; the last one wins when a key is repeated, as in JavaScript.
 * False when it is no map or has no such key. Does not move anything. */
bool mp_find(mp_t map, const char *key, mp_t *value);
/* The same along a path of keys: mp_path(obj, &v, "common", "alias", "id", NULL). */
bool mp_path(mp_t map, mp_t *value, ...) __attribute__((sentinel));
/* Convenience: string at a path of one key; false if absent or no string. */
bool mp_find_str(mp_t map, const char *key, str_t *out);
bool mp_find_double(mp_t map, const char *key, double *out);
bool mp_find_bool(mp_t map, const char *key, bool *out);
/* Element of an array; false when out of range or no array. */
bool mp_at(mp_t array, uint32_t index, mp_t *value);

/* Deep equality in the sense of JavaScript's deep strict comparison: order of map keys does not
 * matter, 1 equals 1.0, 1 does not equal "1". */
bool mp_equal(mp_t a, mp_t b);
/* JavaScript's typeof: "string" "number" "boolean" "object"; nil, arrays, maps, bin are "object".
 */
const char *mp_typeof(mp_t value);

/* --- writing --------------------------------------------------------------------------------- */

void mp_put_nil(buf_t *out);
void mp_put_bool(buf_t *out, bool value);
void mp_put_int(buf_t *out, int64_t value);
void mp_put_uint(buf_t *out, uint64_t value);
/* Written as an int when integral and within 2^53 (JavaScript has one number type). */
void mp_put_double(buf_t *out, double value);
void mp_put_str(buf_t *out, str_t text);
void mp_put_cstr(buf_t *out, const char *text);
void mp_put_bin(buf_t *out, const void *data, size_t len);
void mp_put_array(buf_t *out, uint32_t count);
void mp_put_map(buf_t *out, uint32_t count);
void mp_put_raw(buf_t *out, mp_t value); /* one or more values as they are */

/* Containers whose size is not known yet: begin returns a mark, end writes the count into it. */
size_t mp_begin_array(buf_t *out);
size_t mp_begin_map(buf_t *out);
void mp_end(buf_t *out, size_t mark, uint32_t count);

#endif
