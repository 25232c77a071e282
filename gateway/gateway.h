/* SPDX-License-Identifier: MIT */
/* The gateway: how web clients reach the actors. One thread with one loop (libev), in which
 * libwebsockets owns the client sockets and ZeroMQ's descriptors are watched beside them. Thread
 * contract: these functions are called by the parent; everything else runs in the gateway's thread.
 */
#ifndef IOBUS_GATEWAY_GATEWAY_H
#define IOBUS_GATEWAY_GATEWAY_H

#include "bus/config.h"
#include "bus/endpoint.h"

typedef struct gateway gateway_t;

/* Starts the thread and waits until all listeners accept. NULL: failed, one line in why. The config
 * is copied; endpoints are borrowed until gateway_destroy. Caller owns. */
gateway_t *gateway_start(const config_t *config, const endpoints_t *endpoints, buf_t *why);
/* Appends the URLs of the listeners in their order, separated by blanks: "http://127.0.0.1:8084".
 */
void gateway_urls(const gateway_t *self, buf_t *out);
/* Asks it to stop: clients are told, what is written already goes out. Returns at once. */
void gateway_stop(gateway_t *self);
/* Waits until it has stopped, at most ms milliseconds; false: it has not. */
bool gateway_wait(gateway_t *self, int64_t ms);
/* Stops it if need be, and frees it. */
void gateway_destroy(gateway_t **self_p);
/* Takes over the reloadable keys. */
void gateway_reload(gateway_t *self, const config_t *config);
/* Whether the thread ended without being asked to. */
bool gateway_has_failed(gateway_t *self);

#endif
