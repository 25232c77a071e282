/* SPDX-License-Identifier: MIT */
/* Base64 as node's Buffer has it. Thread contract: pure functions. */
#ifndef IOBUS_ACTORS_BASE64_H
#define IOBUS_ACTORS_BASE64_H

#include "bus/buf.h"

/* Appends the bytes in the standard alphabet, padded. */
void base64_encode(buf_t *out, str_t bytes);
/* Appends the bytes of Buffer.from(text, 'base64'), which refuses nothing: both alphabets are
 * taken, padding may be missing, any other character is skipped, the first '=' ends it, a single
 * character left over is dropped. Source: commands.md 2.5, writeFile64. */
void base64_decode(buf_t *out, str_t text);

#endif
