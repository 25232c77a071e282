/* SPDX-License-Identifier: MIT */
/* What the gateway counts, as Prometheus text
 * (https://prometheus.io/docs/instrumenting/exposition_formats). Thread contract: gateway thread
 * only; plain numbers. */
#ifndef IOBUS_GATEWAY_METRICS_H
#define IOBUS_GATEWAY_METRICS_H

#include "bus/buf.h"

typedef enum {
#define METRIC(id, name, type, labels, help) METRIC_##id,
#include "gateway/metrics.def"
#undef METRIC
    METRIC_COUNT
} metric_t;

#define METRICS_BUCKETS 14

/* Of one command of the command table. */
typedef struct {
    uint64_t ok;
    uint64_t failed; /* answered with an error */
    uint64_t denied;
} metrics_command_t;

typedef struct {
    int64_t values[METRIC_COUNT];
    uint64_t buckets[METRICS_BUCKETS + 1]; /* latencies; the last: above all bounds */
    uint64_t latency_count;
    double latency_sum; /* seconds */
} metrics_t;

void metrics_add(metrics_t *self, metric_t metric, int64_t n);
/* An HTTP answer of this status, 100 to 599. */
void metrics_response(metrics_t *self, int status);
/* Time from the call of a command to its answer, in microseconds. */
void metrics_latency(metrics_t *self, int64_t us);
/* Appends the text of everything but the commands. */
void metrics_write(const metrics_t *self, buf_t *out);
/* Appends the lines of one command. first: with the header of the family. */
void metrics_write_command(const metrics_command_t *command, const char *name, bool first,
                           buf_t *out);

#endif
