/* SPDX-License-Identifier: MIT */
/* The command line of iobus-bench. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define OPTIONS_MAX_PIDS 16

typedef struct options {
    const char *url;   /* HOST:PORT */
    const char *mode;  /* a name of the table in modes.c */
    const char *label; /* copied to the report */
    uint32_t connections;
    uint32_t inflight;    /* requests under way per connection */
    uint32_t subscribers; /* fanout */
    uint32_t ids;         /* bench.0.s0 ..., shared out among the connections */
    double seconds;
    double warmup;
    double timeout; /* without any progress for so long, the run has failed */
    double rate;    /* operations per second overall; 0 = as fast as answers arrive */
    pid_t pids[OPTIONS_MAX_PIDS];
    size_t pid_count;
} options_t;

/* Returns 0, 1 when help was asked for and printed, or -1 after saying on stderr what is wrong. */
int options_parse(options_t *self, int argc, char **argv);

#endif
