/* SPDX-License-Identifier: MIT */
#include "actors/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bus/sock.h"

#define WIDTH 30
#define EVERY_MS 100

progress_t progress_begin(const char *label, uint64_t total)
{
    return (progress_t){.label = label, .total = total, .visible = isatty(STDERR_FILENO) == 1};
}

void progress_show(progress_t *self, uint64_t done)
{
    int64_t now = self->visible ? sock_mono_ms() : 0;
    if (!self->visible || now - self->drawn_ms < EVERY_MS)
        return;
    self->drawn_ms = now;
    if (self->total == 0) {
        fprintf(stderr, "\r%-10s %llu\x1b[K", self->label, (unsigned long long)done);
        return;
    }
    uint64_t percent = done < self->total ? done * 100 / self->total : 100;
    char bar[WIDTH + 1];
    memset(bar, '.', WIDTH);
    memset(bar, '#', percent * WIDTH / 100);
    bar[WIDTH] = '\0';
    fprintf(stderr, "\r%-10s [%s] %3llu%%\x1b[K", self->label, bar, (unsigned long long)percent);
}

void progress_end(progress_t *self)
{
    if (self->visible && self->drawn_ms > 0)
        fputs("\r\x1b[K", stderr);
    self->visible = false;
}
