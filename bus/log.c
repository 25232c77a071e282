/* SPDX-License-Identifier: MIT */
#include "bus/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048 /* longer lines are cut: a log line is no place for payloads */

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static _Atomic int current_level = LEVEL_INFO;

/* Guards the sink only; lines go out with one write each, so they do not mix. */
static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static log_sink_fn *sink_fn; /* {sink_lock} */
static void *sink_arg;       /* {sink_lock} */

void log_set_level(log_level_t level)
{
    current_level = (int)level;
}

log_level_t log_level(void)
{
    return (log_level_t)current_level;
}

int log_level_parse(const char *name)
{
    for (int i = 0; i <= LEVEL_DEBUG; i++) {
        if (strcmp(name, level_names[i]) == 0)
            return i;
    }
    return -1;
}

const char *log_level_name(log_level_t level)
{
    return level_names[level];
}

void log_set_sink(log_sink_fn *sink, void *arg)
{
    pthread_mutex_lock(&sink_lock);
    sink_fn = sink;
    sink_arg = arg;
    pthread_mutex_unlock(&sink_lock);
}

/* Control characters from outside must not forge lines or move a terminal's cursor. */
static void neutralise(char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f)
            *text = '?';
    }
}

static size_t put_time(char *out, size_t size)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm parts;
    gmtime_r(&now.tv_sec, &parts);
    size_t len = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &parts);
    int more = snprintf(out + len, size - len, ".%03ldZ ", now.tv_nsec / 1000000);
    return len + (size_t)more;
}

static void write_line(log_level_t level, const char *id, const char *text)
{
    char line[LINE_MAX_BYTES + 128];
    size_t len = put_time(line, sizeof line);
    int more =
        snprintf(line + len, sizeof line - len - 1, "%-5s %s %s", level_names[level], id, text);
    len += (size_t)more < sizeof line - len - 1 ? (size_t)more : sizeof line - len - 2;
    line[len++] = '\n';
    /* A full or closed stderr must not hurt the server: there is nowhere to report it. */
    ssize_t ignored = write(STDERR_FILENO, line, len);
    (void)ignored;
}

static void emit(log_level_t level, const char *id, const char *format, va_list args)
{
    char text[LINE_MAX_BYTES];
    vsnprintf(text, sizeof text, format, args);
    neutralise(text);
    write_line(level, id, text);
    pthread_mutex_lock(&sink_lock);
    if (sink_fn) {
        char full[LINE_MAX_BYTES + 64];
        snprintf(full, sizeof full, "%s %s", id, text);
        sink_fn(sink_arg, level, full);
    }
    pthread_mutex_unlock(&sink_lock);
}

void log_write(log_level_t level, const char *id, const char *format, ...)
{
    if ((int)level > current_level)
        return;
    va_list args;
    va_start(args, format);
    emit(level, id, format, args);
    va_end(args);
}

static int64_t mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void log_limited(log_limit_t *limit, log_level_t level, const char *id, const char *format, ...)
{
    if ((int)level > current_level)
        return;
    int64_t now = mono_ms();
    int64_t last = limit->last_ms;
    if ((last != 0 && now - last < 1000) ||
        !atomic_compare_exchange_strong_explicit(&limit->last_ms, &last, now, memory_order_relaxed,
                                                 memory_order_relaxed)) {
        limit->skipped++;
        return;
    }
    uint32_t skipped = limit->skipped;
    limit->skipped -= skipped;
    char text[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (skipped)
        log_write(level, id, "%s (and %u more)", text, skipped);
    else
        log_write(level, id, "%s", text);
}
