/* SPDX-License-Identifier: MIT */
/* Patterns on ids: `*` is the only wildcard and matches any run of characters, dots and the empty
 * run included; everything else is literal and case-sensitive; the whole id must match.
 * Matching costs linear time in the length of id and pattern, whatever the pattern: the literal
 * parts between the stars are searched from left to right, each once (two-way search of memmem).
 *   "a.*.b" matches "a.x.b", "a.x.y.b", "a..b"; not "a.b", "xa.x.b".
 * Source: data-model.md 4b.1, commands.md 4.3. Thread contract: immutable after compile. */
#ifndef IOBUS_BUS_PATTERN_H
#define IOBUS_BUS_PATTERN_H

#include "bus/buf.h"
#include "bus/err.h"

#define PATTERN_MAX_LEN 4096 /* bytes of one pattern; longer ones are ERR_TOO_LARGE */

typedef enum { PATTERN_EXACT, PATTERN_PREFIX, PATTERN_GENERAL } pattern_kind_t;
typedef struct pattern pattern_t;

/* Caller owns. *err says why NULL: ERR_TOO_LARGE, ERR_NO_MEMORY. Any characters are accepted:
 * whether a pattern is allowed is pattern_valid's business. */
pattern_t *pattern_new(str_t text, err_t *err);
void pattern_destroy(pattern_t **self_p);
bool pattern_match(const pattern_t *self, str_t id);
str_t pattern_text(const pattern_t *self);
pattern_kind_t pattern_kind(const pattern_t *self);
/* Literal text before the first star (the whole text of an exact pattern): where a scan starts. */
str_t pattern_prefix(const pattern_t *self);

/* Whether js-controller accepts it: after removing every `*` only characters that an id may have
 * (id_char_allowed). "" is valid. */
bool pattern_valid(str_t text);

/* Whether a Unicode code point may stand in an id: letters with case, decimal digits and
 * . _ - / space : ! # $ % & ( ) + = @ ^ { } | ~   (data-model.md 1.1). */
bool id_char_allowed(uint32_t code_point);
/* Appends id with every run of forbidden characters replaced by one `_`; true if it changed. */
bool id_fix(buf_t *out, str_t id);

#endif
