/* SPDX-License-Identifier: MIT */
/* Commands of clients as child processes, for cmdExec. A command is run by /bin/sh in a session of
 * its own, without input, in the folder /, with nothing of this process but PATH, HOME and the
 * language. What it prints becomes text in pieces; a command that takes too long or prints too much
 * is killed with all its children that did not leave its process group. Nothing here blocks:
 * host_exec_tick looks. Thread contract: one owner thread. */
#ifndef IOBUS_ACTORS_HOST_EXEC_H
#define IOBUS_ACTORS_HOST_EXEC_H

#include "bus/buf.h"
#include "bus/mp.h"

typedef struct host_exec host_exec_t;

typedef struct {
    bool enabled;
    int64_t timeout_ms;
    size_t output;   /* bytes that one command may print */
    size_t parallel; /* commands at the same time */
} host_exec_limits_t;

/* cmdStdout and cmdStderr: data is a text; cmdExit: the status (128 + signal when one ended it). */
typedef void host_exec_event_fn(void *arg, str_t client, const char *event, str_t id, mp_t data);

host_exec_t *host_exec_new(host_exec_event_fn *event, void *arg);
/* Kills what runs. */
void host_exec_destroy(host_exec_t **self_p);
/* NULL: it runs; else a static text that says why not. */
const char *host_exec_start(host_exec_t *self, const host_exec_limits_t *limits, str_t client,
                            str_t id, str_t command, int64_t mono_ms);
/* Ms until the next call, -1 when nothing runs. */
int64_t host_exec_tick(host_exec_t *self, int64_t mono_ms);

#endif
