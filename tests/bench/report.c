/* SPDX-License-Identifier: MIT */
#include "tests/bench/report.h"

#include <inttypes.h>

static void put_text(FILE *file, const char *name, const char *text)
{
    fprintf(file, "\"%s\":\"", name);
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20)
            fprintf(file, "\\u%04x", (unsigned)*text);
        else
            fprintf(file, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    }
    fputc('"', file);
}

static void put_count(FILE *file, const char *name, uint64_t value)
{
    fprintf(file, ",\"%s\":%" PRIu64, name, value);
}

/* A figure that does not exist for this run is null, which no one mistakes for a good 0. */
static void put_decimal(FILE *file, const char *name, bool exists, double value)
{
    if (exists)
        fprintf(file, ",\"%s\":%.3f", name, value);
    else
        fprintf(file, ",\"%s\":null", name);
}

static void put_latency(FILE *file, const hist_t *hist)
{
    static const struct {
        const char *name;
        double share;
    } rows[] = {
        {"p50_us", 0.5}, {"p90_us", 0.9}, {"p99_us", 0.99}, {"p999_us", 0.999}, {"max_us", 1.0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double value = (double)hist_quantile(hist, rows[i].share) / 1e3;
        put_decimal(file, rows[i].name, hist->count > 0, value);
    }
}

void report_print(const report_t *self, FILE *file)
{
    double ops = (double)self->ops;
    fputc('{', file);
    put_text(file, "label", self->label);
    fputc(',', file);
    put_text(file, "mode", self->mode);
    fputc(',', file);
    put_text(file, "dialect", self->dialect);
    put_count(file, "connections", self->connections);
    put_count(file, "inflight", self->inflight);
    put_count(file, "idle", self->idle);
    put_count(file, "publishers", self->publishers);
    put_count(file, "subscribers", self->subscribers);
    put_count(file, "subscriptions", self->subscriptions);
    put_decimal(file, "target_rate", self->target_rate > 0, self->target_rate);
    put_decimal(file, "seconds", true, self->seconds);
    put_count(file, "ops", self->ops);
    put_decimal(file, "rate", self->seconds > 0, ops / self->seconds);
    put_latency(file, self->latency);
    put_decimal(file, "cpu_us_per_op", self->has_cpu && self->ops > 0,
                (double)self->server_cpu_ns / 1e3 / ops);
    put_decimal(file, "system_share", self->has_cpu, self->system_share);
    put_decimal(file, "client_cpu_us_per_op", self->ops > 0,
                (double)self->client_cpu_ns / 1e3 / ops);
    /* The instrument's own share of one CPU: near 1, it is what limits the rate. */
    put_decimal(file, "client_busy", self->seconds > 0,
                (double)self->client_cpu_ns / 1e9 / self->seconds);
    /* CPUs that the rest of the machine kept busy: how far the run was disturbed. */
    uint64_t ours = self->server_cpu_ns + self->client_cpu_ns;
    uint64_t others = self->machine_cpu_ns > ours ? self->machine_cpu_ns - ours : 0;
    put_decimal(file, "other_cpus", self->has_cpu, (double)others / 1e9 / self->seconds);
    put_decimal(file, "rss_bytes_per_connection", self->has_rss, self->rss_per_connection);
    put_count(file, "backlog", self->backlog);
    put_count(file, "errors", self->errors);
    put_count(file, "lost", self->lost);
    put_count(file, "reordered", self->reordered);
    fputs("}\n", file);
}
