/* SPDX-License-Identifier: MIT */
/* What the processes under test cost: CPU time and resident memory, summed over all of them. */
#ifndef BENCH_PROC_H
#define BENCH_PROC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* CPU time since their start, user and system, in nanoseconds. It is the figure behind utime +
 * stime of /proc/PID/stat, but not rounded to clock ticks, so that short runs can be trusted. 0 or
 * -1. */
int proc_cpu_ns(const pid_t *pids, size_t count, uint64_t *total);

/* CPU time of the whole machine since its start, idle time left out, in nanoseconds; rounded to
 * clock ticks. 0 or -1. */
int proc_machine_ns(uint64_t *total);

/* Resident memory (VmRSS) in bytes. 0 or -1. */
int proc_rss(const pid_t *pids, size_t count, uint64_t *total);

/* How much of their CPU time was spent in the kernel so far, and how much at all, in clock ticks.
 * Coarser than proc_cpu_ns; good for a share. */
int proc_ticks(const pid_t *pids, size_t count, uint64_t *system, uint64_t *all);

#endif
