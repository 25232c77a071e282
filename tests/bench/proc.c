/* SPDX-License-Identifier: MIT */
#include "tests/bench/proc.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int proc_cpu_ns(const pid_t *pids, size_t count, uint64_t *total)
{
    *total = 0;
    for (size_t i = 0; i < count; i++) {
        clockid_t clock;
        struct timespec used;
        if (clock_getcpuclockid(pids[i], &clock) != 0 || clock_gettime(clock, &used) != 0)
            return -1;
        *total += (uint64_t)used.tv_sec * UINT64_C(1000000000) + (uint64_t)used.tv_nsec;
    }
    return 0;
}

int proc_machine_ns(uint64_t *total)
{
    unsigned long long user, nice, system, idle, iowait, irq, softirq, steal;
    FILE *file = fopen("/proc/stat", "r");
    if (!file)
        return -1;
    int found = fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system,
                       &idle, &iowait, &irq, &softirq, &steal);
    fclose(file);
    if (found != 8)
        return -1;
    uint64_t ticks = user + nice + system + irq + softirq + steal;
    *total = ticks * (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK));
    return 0;
}

int proc_ticks(const pid_t *pids, size_t count, uint64_t *system, uint64_t *all)
{
    *system = *all = 0;
    for (size_t i = 0; i < count; i++) {
        char text[512];
        snprintf(text, sizeof text, "/proc/%d/stat", (int)pids[i]);
        FILE *file = fopen(text, "r");
        if (!file)
            return -1;
        size_t size = fread(text, 1, sizeof text - 1, file);
        fclose(file);
        text[size] = '\0';
        /* The name, in parentheses, may hold anything; utime and stime are 12 fields behind it. */
        const char *at = strrchr(text, ')');
        unsigned long long user, kernel;
        if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
                          &kernel) != 2)
            return -1;
        *system += kernel;
        *all += user + kernel;
    }
    return 0;
}

static int rss_of(pid_t pid, uint64_t *bytes)
{
    char text[256];
    snprintf(text, sizeof text, "/proc/%d/status", (int)pid);
    FILE *file = fopen(text, "r");
    if (!file)
        return -1;
    int result = -1;
    unsigned long long kilobytes;
    while (result != 0 && fgets(text, sizeof text, file)) {
        if (sscanf(text, "VmRSS: %llu kB", &kilobytes) == 1) {
            *bytes = kilobytes * 1024;
            result = 0;
        }
    }
    fclose(file);
    return result;
}

int proc_rss(const pid_t *pids, size_t count, uint64_t *total)
{
    *total = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t bytes = 0;
        if (rss_of(pids[i], &bytes) != 0)
            return -1;
        *total += bytes;
    }
    return 0;
}
