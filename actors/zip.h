/* SPDX-License-Identifier: MIT */
/* Zip archives in memory. Reading trusts nothing: names that could leave their folder, links,
 * devices, encryption and damage are refused, and so is what unpacks to more than the limits allow,
 * before it is unpacked. Thread contract: no shared state; uses the locale C.UTF-8 in the calling
 * thread while it runs. */
#ifndef IOBUS_ACTORS_ZIP_H
#define IOBUS_ACTORS_ZIP_H

#include "bus/buf.h"
#include "bus/err.h"

#define ZIP_NAME_MAX 1024 /* bytes of a name */

typedef struct {
    size_t max_entries;
    size_t max_file;  /* bytes of one file */
    size_t max_total; /* bytes of all */
} zip_limits_t;

/* A file. Borrowed for the call. An error ends the reading; one line in why. */
typedef err_t zip_file_fn(void *arg, str_t name, str_t bytes, buf_t *why);
/* Hands out the files in their order; folders are passed over. ERR_CUSTOM: refused, one line in
 * why; errors of each.
 */
err_t zip_read(str_t data, const zip_limits_t *limits, zip_file_fn *each, void *arg,
               buf_t *why) MUST_USE;

/* Whether a name stays in its folder: parts separated by '/', none of them empty, "." or "..", no
 * backslash and no control characters.
 *
 *     "main/img/a.png" yes     "/a" "../a" "a//b" "a/./b" "a\\b" "" no
 */
bool zip_name_fine(str_t name);

typedef struct zip_writer zip_writer_t;
/* Caller owns. NULL when memory is gone. */
zip_writer_t *zip_writer_new(void);
void zip_writer_destroy(zip_writer_t **self_p);
/* ERR_NO_MEMORY, or ERR_CUSTOM when the name cannot be written. mtime_ms: 0: none. */
err_t zip_writer_add(zip_writer_t *self, str_t name, str_t bytes, int64_t mtime_ms) MUST_USE;
/* Completes the archive and appends it. */
err_t zip_writer_finish(zip_writer_t *self, buf_t *out) MUST_USE;

#endif
