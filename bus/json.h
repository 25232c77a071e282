/* SPDX-License-Identifier: MIT */
/* JSON text <-> msgpack, in one pass and without a tree (yajl's parsing events on the way in).
 *
 * Inward: numbers become ints when integral and within +-2^53, doubles otherwise (JSON from a
 * JavaScript client means doubles); "-0" is 0. Lone surrogate escapes (\ud800) are kept as their
 * three-byte form and written back as the same escape, so that text goes round as in JavaScript.
 * Input that is not UTF-8 is refused (ERR_UTF8). Depth is bounded by JSON_MAX_DEPTH (ERR_TOO_DEEP).
 * A repeated key is kept as it came; readers take the last (mp_find).
 * Outward: what JSON.stringify writes: shortest number that reads back, no blanks, NaN and
 * infinities as null, control characters escaped, U+2028/2029 as they are.
 * Thread contract: no shared state. */
#ifndef IOBUS_BUS_JSON_H
#define IOBUS_BUS_JSON_H

#include "bus/buf.h"
#include "bus/err.h"
#include "bus/mp.h"

/* Levels of nesting in JSON text. Below MP_MAX_DEPTH, so that answers and events can wrap a value
 * that a client has stored. */
#define JSON_MAX_DEPTH (MP_MAX_DEPTH - 32)

/* Appends the value of `text` (exactly one JSON value, blanks around it allowed) to out.
 * On error out is as it was. ERR_JSON, ERR_UTF8, ERR_TOO_DEEP, ERR_TOO_LARGE (4 GiB),
 * ERR_NO_MEMORY. */
err_t json_to_mp(buf_t *out, str_t text) MUST_USE;

/* The same for a socket.io payload with binary attachments: an object that is exactly
 * {"_placeholder":true,"num":i} becomes bin with the bytes of attachments[i]; a number out of
 * range is ERR_JSON, and so is a text that refers to attachments again and again to become larger
 * than all of them together. Source: socket.io-protocol, "Sending binary data". */
err_t json_to_mp_attached(buf_t *out, str_t text, const str_t *attachments, size_t count) MUST_USE;

/* What to write for bytes. */
typedef enum {
    JSON_BIN_BUFFER,     /* {"type":"Buffer","data":[1,2]}: ioBroker's plain dialect, tools */
    JSON_BIN_PLACEHOLDER /* {"_placeholder":true,"num":i}, bytes collected in `bins` */
} json_bin_t;

typedef struct {
    json_bin_t mode;
    str_t *bins;     /* collected bytes (borrowed from the value), NULL with JSON_BIN_BUFFER */
    size_t bins_cap; /* room in bins */
    size_t bins_len; /* out: how many were found; those beyond bins_cap are counted, not kept */
} json_bins_t;

/* Appends the JSON form of one value. bins may be NULL (JSON_BIN_BUFFER). The value must have
 * passed mp_check; a value that has not gives "null" where it breaks, never a fault. */
void json_from_mp(buf_t *out, mp_t value, json_bins_t *bins);
/* A JSON string literal, quotes included. */
void json_put_str(buf_t *out, str_t text);
/* A number as JavaScript prints it (10 -> "10", 1e21 -> "1e+21", -0.1 -> "-0.1"). */
void json_put_double(buf_t *out, double value);

/* Whether text is well-formed UTF-8 (surrogates refused). */
bool json_utf8_valid(str_t text);

#endif
