/* SPDX-License-Identifier: MIT */
/* Writes the archive of an export: a tar archive packed with gzip, in a temporary file beside its
 * place, which it takes when it is complete. The same content gives the same bytes. Thread
 * contract: one thread; uses the locale C.UTF-8 in the calling thread while it runs. */
#ifndef IOBUS_ACTORS_EXPORT_TAR_H
#define IOBUS_ACTORS_EXPORT_TAR_H

#include "bus/buf.h"
#include "bus/err.h"

typedef struct export_tar export_tar_t;
/* Lines whose number is not known yet; tar needs the size of an entry before its bytes. */
typedef struct export_spool export_spool_t;

/* NULL: one line in why. Caller owns. */
export_tar_t *export_tar_open(const char *path, buf_t *why);
/* One file. mtime_ms: its time, milliseconds. */
err_t export_tar_add(export_tar_t *self, const char *name, str_t bytes, int64_t mtime_ms,
                     buf_t *why) MUST_USE;
/* One file with the bytes of the spool. */
err_t export_tar_add_spool(export_tar_t *self, const char *name, export_spool_t *spool,
                           buf_t *why) MUST_USE;
/* Completes the archive, makes it durable and puts it in its place. */
err_t export_tar_finish(export_tar_t *self, buf_t *why) MUST_USE;
/* Without finish nothing is left behind. */
void export_tar_destroy(export_tar_t **self_p);

/* A nameless file in the folder of the archive. NULL: one line in why. Caller owns. */
export_spool_t *export_spool_open(const export_tar_t *tar, buf_t *why);
err_t export_spool_write(export_spool_t *self, str_t bytes, buf_t *why) MUST_USE;
void export_spool_destroy(export_spool_t **self_p);

#endif
