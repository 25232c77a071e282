/* SPDX-License-Identifier: MIT */
/* The result of one run, and its line of JSON. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tests/bench/hist.h"

typedef struct report {
    const char *label;
    const char *mode;
    const char *dialect;
    uint32_t connections; /* open at the same time, subscribers included */
    uint32_t idle;        /* more, that do nothing */
    uint32_t inflight;
    uint32_t publishers, subscribers, subscriptions; /* fanout only */
    double target_rate;                              /* paced runs, else 0 */
    double seconds;                                  /* measured, without warm-up */
    uint64_t ops;     /* completed in that time; fanout: deliveries */
    uint64_t backlog; /* paced: operations whose time had come but that no one could send */
    const hist_t *latency;
    bool has_cpu;
    uint64_t server_cpu_ns;  /* used by the processes under test in that time */
    double system_share;     /* of it, in the kernel */
    uint64_t client_cpu_ns;  /* used by the instrument itself */
    uint64_t machine_cpu_ns; /* used by all processes; with has_cpu */
    bool has_rss;
    double rss_per_connection; /* idle only */
    uint64_t errors, lost, reordered;
} report_t;

void report_print(const report_t *self, FILE *file);

#endif
