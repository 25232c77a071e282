/* SPDX-License-Identifier: MIT */
/* Text of others in messages for a terminal. Thread contract: pure function. */
#ifndef IOBUS_ACTORS_SAFE_TEXT_H
#define IOBUS_ACTORS_SAFE_TEXT_H

#include "bus/buf.h"

/* Appends at most max bytes of text, and "..." when there is more. Control characters, C1 controls
 * included (they move a terminal's cursor as well), and bytes that are not UTF-8 become '?'. */
void safe_text_put(buf_t *out, str_t text, size_t max);

#endif
