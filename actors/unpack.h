/* SPDX-License-Identifier: MIT */
/* A stream of bytes from a file or from memory, unpacked on the way when it is gzip. Unlike
 * libarchive's own filter it verifies checksum and length, so that a damaged backup is noticed
 * before it is written anywhere. Thread contract: one owner thread. */
#ifndef IOBUS_ACTORS_UNPACK_H
#define IOBUS_ACTORS_UNPACK_H

#include "bus/buf.h"

typedef struct unpack unpack_t;

/* The file is read from where it stands and stays open; memory is borrowed. Caller owns. */
unpack_t *unpack_new_fd(int fd);
unpack_t *unpack_new_memory(str_t data);
void unpack_destroy(unpack_t **self_p);
/* The next bytes, borrowed until the next call. False at the end and when something is wrong. */
bool unpack_read(unpack_t *self, str_t *bytes);
/* What is wrong, a static text; NULL: nothing. */
const char *unpack_error(const unpack_t *self);
/* Bytes taken from the source, and bytes given out. */
uint64_t unpack_packed(const unpack_t *self);
uint64_t unpack_unpacked(const unpack_t *self);

#endif
