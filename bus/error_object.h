/* SPDX-License-Identifier: MIT */
/* Errors that are objects in the original: `new Error("text")` as the first argument of a
 * call-back. socket.io's JSON leaves an empty map of it, ioBroker's own dialect writes
 * "Error: text"; so an actor answers a map with one key that no value of a user can have in this
 * place, and the gateway writes what the client's dialect has for it. Source: wire.md 4.2.
 * Thread contract: pure functions. */
#ifndef IOBUS_BUS_ERROR_OBJECT_H
#define IOBUS_BUS_ERROR_OBJECT_H

#include "bus/mp.h"

/* Appends the map. text: without "Error: ". */
void error_object_put(buf_t *out, str_t text);
/* Whether the first element of an answer (one array value) is such a map; then *text borrows. */
bool error_object_read(mp_t args, str_t *text);
/* Appends the answer with the map replaced: by "Error: text", or by an empty map. */
void error_object_write(mp_t args, str_t text, bool as_text, buf_t *out);

#endif
