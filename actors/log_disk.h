/* SPDX-License-Identifier: MIT */
/* Log lines on disk: the files of one folder are a ring of bytes. The newest file grows until it
 * has its share or the day ends; then another begins, and the oldest go. A line is what the
 * original's controller writes:
 *
 *     2026-11-30 18:29:46.123  - info: system.adapter.socketio.0 text
 *
 * in local time, one line for each message (line breaks become "\n", other control characters "?").
 * Lines wait in memory until log_disk_flush. A disk that takes nothing costs lines, never more.
 * Thread contract: one owner thread; the caller says what time it is. */
#ifndef IOBUS_ACTORS_LOG_DISK_H
#define IOBUS_ACTORS_LOG_DISK_H

#include "bus/buf.h"
#include "bus/err.h"

typedef struct log_disk log_disk_t;

typedef struct {
    str_t severity; /* "error" "warn" "info" "debug" */
    int64_t ts;     /* milliseconds since 1970 */
    str_t from;
    str_t text;
} log_disk_line_t;

/* Goes on with what the folder holds; it is made when it is missing. max_bytes: of all files. NULL:
 * one line in why. Caller owns. */
log_disk_t *log_disk_open(const char *folder, size_t max_bytes, buf_t *why);
/* Writes what waits. */
void log_disk_close(log_disk_t **self_p);

void log_disk_add(log_disk_t *self, const log_disk_line_t *line);
void log_disk_flush(log_disk_t *self);
/* Lines lost because the disk took nothing, since the last call. */
uint64_t log_disk_lost(log_disk_t *self);
/* Deletes all files. */
void log_disk_clear(log_disk_t *self);

/* The files, oldest first; each is called by its name within the folder. */
typedef void log_disk_file_fn(void *arg, const char *name, uint64_t size);
void log_disk_files(log_disk_t *self, log_disk_file_fn *each, void *arg);
/* Appends at most max bytes of a file from offset on. size: of the whole file. ERR_NOT_EXISTS (also
 * for a name that is none of ours), ERR_IO. */
err_t log_disk_read(log_disk_t *self, str_t name, uint64_t offset, size_t max, buf_t *out,
                    uint64_t *size) MUST_USE;
/* The newest lines, oldest of them first. What is no line is left out. Borrowed for the call. */
typedef void log_disk_line_fn(void *arg, const log_disk_line_t *line);
void log_disk_tail(log_disk_t *self, size_t max_lines, log_disk_line_fn *each, void *arg);

/* One line without its end; false: it is none. Borrowed from text. */
bool log_disk_parse(str_t text, log_disk_line_t *line);

#endif
