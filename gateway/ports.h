/* SPDX-License-Identifier: MIT */
/* The listening sockets and everything of libwebsockets that is not a single connection: its
 * context on our loop, a virtual host per listener, and the one callback. Every accepted socket
 * becomes a conn_t. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_PORTS_H
#define IOBUS_GATEWAY_PORTS_H

#include "gateway/conn.h"
#include "gateway/listener.h"

typedef struct ports ports_t;

/* Listens on all of them and fills in their bound_port. env and listeners: borrowed; env->gather
 * and env->admission are set. NULL: one line in why. Caller owns. */
ports_t *ports_open(conn_env_t *env, listener_t *const *listeners, buf_t *why);
/* Closes all connections at once. */
void ports_destroy(ports_t **self_p);
/* New connections are refused from now on. */
void ports_close(ports_t *self);
/* max_per_address 0: no limit. */
void ports_limit(ports_t *self, size_t max, size_t max_per_address);

#endif
