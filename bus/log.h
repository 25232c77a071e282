/* SPDX-License-Identifier: MIT */
/* Log lines on standard error: time, level, stable id, key=value text.
 *
 *     log_warn("GW-SLOW-CLIENT", "client=%s queued=%zu", name, queued);
 *
 * Levels: ERROR a person must act; WARN something was lost or refused; INFO births, deaths and
 * changes of state; DEBUG what a developer wants while looking for a fault.
 * No secrets and no payloads. What a remote can trigger goes through LOG_LIMIT.
 * Thread contract: every function may be called from any thread. */
#ifndef IOBUS_BUS_LOG_H
#define IOBUS_BUS_LOG_H

#include <stdarg.h>
#include <stdint.h>

typedef enum { LEVEL_ERROR, LEVEL_WARN, LEVEL_INFO, LEVEL_DEBUG } log_level_t;

/* Lines above this level are dropped (default LEVEL_INFO). */
void log_set_level(log_level_t level);
log_level_t log_level(void);
/* Name to level ("error" "warn" "info" "debug"); -1 for any other text. */
int log_level_parse(const char *name);
const char *log_level_name(log_level_t level);

/* An observer of every line that is written, called in the logging thread; it must not block and
 * must not log. NULL removes it. text is "ID key=value ..." without the time. */
typedef void log_sink_fn(void *arg, log_level_t level, const char *text);
void log_set_sink(log_sink_fn *sink, void *arg);

void log_write(log_level_t level, const char *id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(id, ...) log_write(LEVEL_ERROR, id, __VA_ARGS__)
#define log_warn(id, ...) log_write(LEVEL_WARN, id, __VA_ARGS__)
#define log_info(id, ...) log_write(LEVEL_INFO, id, __VA_ARGS__)
#define log_debug(id, ...) log_write(LEVEL_DEBUG, id, __VA_ARGS__)

/* At most one line a second per limiter; the next line says how many were left out. A limiter is
 * a static variable at the place of the call. */
typedef struct {
    _Atomic int64_t last_ms;  /* when the last line was written */
    _Atomic uint32_t skipped; /* lines left out since then */
} log_limit_t;
void log_limited(log_limit_t *limit, log_level_t level, const char *id, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
