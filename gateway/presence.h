/* SPDX-License-Identifier: MIT */
/* The states in which an installation shows that this server lives and who is connected
 * (commands.md 8.2): system.adapter.<instance>.alive, <instance>.info.connection,
 * <instance>.info.connected "[2]vis.0, noname". Written through the states actor as the system.
 * Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_PRESENCE_H
#define IOBUS_GATEWAY_PRESENCE_H

#include <ev.h>

#include "gateway/core.h"
#include "gateway/listener.h"

typedef struct presence presence_t;

/* listeners: NULL-terminated, borrowed; each instance is shown once. Caller owns. */
presence_t *presence_new(core_t *core, struct ev_loop *loop, listener_t *const *listeners);
void presence_destroy(presence_t **self_p);
/* Writes all states; for the start, and when the states actor has come (back). */
void presence_announce(presence_t *self);
/* A client came, went or took a name: the text is written a second later. */
void presence_changed(presence_t *self);
/* Writes that nobody is here any more. */
void presence_leave(presence_t *self);

#endif
