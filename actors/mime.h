/* SPDX-License-Identifier: MIT */
/* Types of files by the extension of their name, and which of them are delivered as text. The
 * content is never looked at. Source: data-model.md 6.3. Thread contract: constant table. */
#ifndef IOBUS_ACTORS_MIME_H
#define IOBUS_ACTORS_MIME_H

#include "bus/buf.h"

typedef struct {
    str_t type; /* "text/html" */
    bool text;  /* delivered as a string; otherwise as bytes */
} mime_t;

/* data_is_text decides where the extension is unknown or missing. Static storage. */
mime_t mime_of(str_t name, bool data_is_text);
/* Whether the extension is in the table. */
bool mime_is_known(str_t name);
/* Whether a file of this name and this (stored) type is delivered as a string. */
bool mime_is_text(str_t name, str_t type);

#endif
