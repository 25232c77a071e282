/* SPDX-License-Identifier: MIT */
/* How the server is, for people: the command iobusStatus (and with it GET /api/status) gathers what
 * the gateway knows of itself and its clients, and what each actor says of itself. An actor that
 * does not answer within STATUS_TTL_MS is reported as such and holds nobody up longer. Rates are
 * those of the last STATUS_WINDOW_S seconds. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_STATUS_H
#define IOBUS_GATEWAY_STATUS_H

#include "gateway/core.h"
#include "gateway/local.h"

#define STATUS_TTL_MS 1000
#define STATUS_WINDOW_S 10
#define STATUS_SESSIONS 100 /* that are listed: those with most in their outbox */

typedef struct status status_t;

/* Caller owns. */
status_t *status_new(const core_t *core);
void status_destroy(status_t **self_p);
/* Once a second: remembers the counters. */
void status_tick(status_t *self);

/* The command: [] -> [nil, {version, compatible, uptime, gateway, actors}]. */
local_fn status_on_iobusStatus;
/* Appends the sessions by dialect, as Prometheus text. */
void status_write_sessions(const core_t *core, buf_t *out);

#endif
