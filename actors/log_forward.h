/* SPDX-License-Identifier: MIT */
/* In a process without the log actor: takes the lines of this process and sends them to it
 * (log.forward), so that the lines of all processes are in one log. Lines wait while the log actor
 * is away; bounds: 1,024 lines here, then those of the bus; what is more is counted, and a line
 * says so. Standard error has all of them in any case. Thread contract: a thread of its own; start
 * and stop by the parent. */
#ifndef IOBUS_ACTORS_LOG_FORWARD_H
#define IOBUS_ACTORS_LOG_FORWARD_H

#include "bus/config.h"
#include "bus/endpoint.h"

typedef struct log_forward log_forward_t;

/* endpoints: borrowed. NULL: there is no thread to be had; then the lines stay here. Caller owns.
 */
log_forward_t *log_forward_start(const config_t *config, const endpoints_t *endpoints);
/* Sends what waits. */
void log_forward_stop(log_forward_t **self_p);

#endif
