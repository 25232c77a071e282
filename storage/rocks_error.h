/* SPDX-License-Identifier: MIT */
/* RocksDB's error texts, translated into the one list of errors: its C interface tells causes by
 * text only. Thread contract: pure functions. */
#ifndef IOBUS_STORAGE_ROCKS_ERROR_H
#define IOBUS_STORAGE_ROCKS_ERROR_H

#include "bus/buf.h"
#include "bus/err.h"

typedef enum {
    ROCKS_FINE,
    ROCKS_LOCKED,       /* another process (or another engine_t of this one) has it open */
    ROCKS_NO_SPACE,     /* disk or quota is full */
    ROCKS_NOT_WRITABLE, /* no permission, or the file system is mounted read-only */
    ROCKS_MISSING_FILE, /* a file that the database refers to is not there */
    ROCKS_CORRUPT,      /* a checksum or a structure is wrong */
    ROCKS_IO,           /* any other failure of the disk */
    ROCKS_OTHER
} rocks_cause_t;

/* Cause of an errptr; ROCKS_FINE for NULL. Does not free the text. */
rocks_cause_t rocks_error_cause(const char *text);
/* What the caller of a read or write is told. */
err_t rocks_error_code(rocks_cause_t cause);
/* Appends the text on one line, without control characters. */
void rocks_error_line(buf_t *out, const char *text);

#endif
