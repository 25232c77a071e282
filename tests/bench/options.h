/* SPDX-License-Identifier: MIT */
/* The command line of iobus-bench. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define OPTIONS_MAX_PIDS 16

typedef struct options {
    const char *url;            /* HOST:PORT */
    const char *mode;           /* a name of the table in modes.c */
    const char *label;          /* copied to the report */
    const char *dialect;        /* a name of the table in dialect.c */
    const char *writer_dialect; /* fanout: of those who publish; NULL = the same */
    uint32_t connections;
    uint32_t idle;          /* connections that do nothing, beside the others */
    uint32_t inflight;      /* requests under way per connection */
    uint32_t window;        /* requests under way at all */
    uint32_t subscribers;   /* fanout */
    uint32_t publishers;    /* fanout */
    uint32_t subscriptions; /* fanout: of each subscriber, to states that are never written */
    uint32_t size;          /* bytes of a file */
    uint32_t ids;           /* bench.0.s0 ..., shared out among the connections */
    double seconds;
    double warmup;
    double timeout; /* without any progress for so long, the run has failed */
    uint64_t count; /* instead of warm-up and seconds: so many operations; 0 = by time */
    double rate;    /* operations per second overall; 0 = as fast as answers arrive */
    bool no_verify; /* the server keeps nothing */
    pid_t pids[OPTIONS_MAX_PIDS];
    size_t pid_count;
} options_t;

/* Returns 0, 1 when help was asked for and printed, or -1 after saying on stderr what is wrong. */
int options_parse(options_t *self, int argc, char **argv);

#endif
