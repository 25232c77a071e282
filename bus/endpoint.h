/* SPDX-License-Identifier: MIT */
/* Where actors are found: one table from (actor, socket) to ZeroMQ endpoints.
 * An actor binds its sockets on inproc (for this process) and on ipc in the run folder (for tools
 * and other processes), or on what the config's `endpoint` says (tcp: three ports from the one
 * given). Connecting picks inproc when the actor runs in this process. Unix socket paths are
 * limited to 107 bytes: a run folder whose path is too long is replaced by a private one below /tmp
 * (endpoint_run_dir). Thread contract: read-only after endpoints_new. */
#ifndef IOBUS_BUS_ENDPOINT_H
#define IOBUS_BUS_ENDPOINT_H

#include "bus/config.h"

typedef enum { ENDPOINT_REQUEST, ENDPOINT_EVENT, ENDPOINT_TAP } endpoint_kind_t;
typedef struct endpoints endpoints_t;

/* local: NULL-terminated names of the actors that run in this process (NULL: none, a tool).
 * Creates the run folder (0700). On error one line in why. Caller owns. */
endpoints_t *endpoints_new(const config_t *config, const char *const *local, buf_t *why);
void endpoints_destroy(endpoints_t **self_p);
/* Names of all actors that exist, NULL-terminated. */
const char *const *endpoint_actors(void);
/* Endpoint to connect to. Static for the life of self. */
const char *endpoints_connect(const endpoints_t *self, const char *actor, endpoint_kind_t kind);
/* Endpoints to bind, at most two; NULL-terminated array. */
const char *const *endpoints_bind(const endpoints_t *self, const char *actor, endpoint_kind_t kind);
bool endpoints_is_local(const endpoints_t *self, const char *actor);
const char *endpoints_run_dir(const endpoints_t *self);

#endif
