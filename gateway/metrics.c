/* SPDX-License-Identifier: MIT */
#include "gateway/metrics.h"

#include <string.h>

typedef struct {
    const char *name;
    const char *type;
    const char *labels;
    const char *help;
} row_t;

static const row_t rows[METRIC_COUNT] = {
#define METRIC(id, name, type, labels, help) {name, type, labels, help},
#include "gateway/metrics.def"
#undef METRIC
};

/* Upper bounds in microseconds. */
static const int64_t bounds[METRICS_BUCKETS] = {100,    250,     500,     1000,    2500,
                                                5000,   10000,   25000,   50000,   100000,
                                                250000, 1000000, 2500000, 10000000};

void metrics_add(metrics_t *self, metric_t metric, int64_t n)
{
    self->values[metric] += n;
}

void metrics_response(metrics_t *self, int status)
{
    if (status >= 100 && status < 600)
        self->values[METRIC_HTTP_1XX + status / 100 - 1]++;
}

void metrics_latency(metrics_t *self, int64_t us)
{
    size_t i = 0;
    while (i < METRICS_BUCKETS && us > bounds[i])
        i++;
    self->buckets[i]++;
    self->latency_count++;
    self->latency_sum += (double)us / 1e6;
}

static void write_head(buf_t *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_latency(const metrics_t *self, buf_t *out)
{
    static const char name[] = "iobus_call_seconds";
    uint64_t sum = 0;
    write_head(out, name, "histogram", "time from a call to its answer");
    for (size_t i = 0; i < METRICS_BUCKETS; i++) {
        sum += self->buckets[i];
        buf_printf(out, "%s_bucket{le=\"%g\"} %llu\n", name, (double)bounds[i] / 1e6,
                   (unsigned long long)sum);
    }
    unsigned long long count = self->latency_count;
    buf_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.6f\n%s_count %llu\n", name, count, name,
               self->latency_sum, name, count);
}

void metrics_write(const metrics_t *self, buf_t *out)
{
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const row_t *row = &rows[i];
        if (i == 0 || strcmp(row->name, rows[i - 1].name) != 0)
            write_head(out, row->name, row->type, row->help);
        bool labels = row->labels[0] != '\0';
        buf_printf(out, "%s%s%s%s %lld\n", row->name, labels ? "{" : "", row->labels,
                   labels ? "}" : "", (long long)self->values[i]);
    }
    write_latency(self, out);
}

void metrics_write_command(const metrics_command_t *command, const char *name, bool first,
                           buf_t *out)
{
    static const char family[] = "iobus_calls_total";
    const struct {
        const char *result;
        uint64_t n;
    } lines[] = {{"ok", command->ok}, {"error", command->failed}, {"denied", command->denied}};
    if (first)
        write_head(out, family, "counter", "calls by command and result");
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (lines[i].n > 0)
            buf_printf(out, "%s{command=\"%s\",result=\"%s\"} %llu\n", family, name,
                       lines[i].result, (unsigned long long)lines[i].n);
    }
}
