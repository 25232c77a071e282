/* SPDX-License-Identifier: MIT */
/* Tells the messages actor what the installation shows of this gateway's instances (commands.md
 * 8.2): that they live, who is connected, and some figures. It adds up what all gateways say, and
 * writes the states: system.adapter.<instance>.alive and so on, <instance>.info.connected
 * "[2]vis.0, noname". Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_PRESENCE_H
#define IOBUS_GATEWAY_PRESENCE_H

#include <ev.h>

#include "gateway/core.h"
#include "gateway/listener.h"

typedef struct presence presence_t;

/* listeners: NULL-terminated, borrowed; each instance is shown once. Caller owns. */
presence_t *presence_new(core_t *core, struct ev_loop *loop, listener_t *const *listeners);
void presence_destroy(presence_t **self_p);
/* All again; for the start, and when the messages or the states actor has come (back). */
void presence_announce(presence_t *self);
/* A client came, went or took a name: that is told a second later. */
void presence_changed(presence_t *self);
/* Nothing is told any more; that the gateway ends, messenger.h says. */
void presence_leave(presence_t *self);

#endif
