/* SPDX-License-Identifier: MIT */
/* A progress bar on standard error, for people only: nothing is written when that is no terminal.
 * Thread contract: one thread. */
#ifndef IOBUS_ACTORS_PROGRESS_H
#define IOBUS_ACTORS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *label; /* static */
    uint64_t total;    /* 0: not known, a count is shown */
    int64_t drawn_ms;  /* when it was drawn last */
    bool visible;
} progress_t;

progress_t progress_begin(const char *label, uint64_t total);
/* Draws at most ten times a second. done may be larger than total. */
void progress_show(progress_t *self, uint64_t done);
/* Removes the bar, so that what is printed next starts on an empty line. */
void progress_end(progress_t *self);

#endif
