/* SPDX-License-Identifier: MIT */
/* The gateway's side of messages (the messages actor knows who is where): which of its clients are
 * instances, or listen to one, so that a new actor can be told again; the events that such clients
 * get; and the word that a client has gone. Its commands stand in command.def.
 *
 * Who may be an instance: a client with the right other.sendto whose user is an administrator, or
 * may write the object system.adapter.<instance>. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_MESSENGER_H
#define IOBUS_GATEWAY_MESSENGER_H

#include "gateway/listener.h"
#include "gateway/local.h"

typedef struct messenger messenger_t;

/* listeners: NULL-terminated, borrowed. Caller owns. */
messenger_t *messenger_new(core_t *core, listener_t *const *listeners);
void messenger_destroy(messenger_t **self_p);
/* There is contact with the messages actor (again). */
void messenger_contact(messenger_t *self);
/* Once a second: the gateway lives. */
void messenger_tick(messenger_t *self);
/* The gateway ends; nothing is told after that. */
void messenger_stop(messenger_t *self);
/* The client has gone. self may be NULL. */
void messenger_left(messenger_t *self, const session_t *session);
/* An event for one client: [client, name, arguments...]. */
void messenger_deliver(messenger_t *self, mp_t args);

local_fn messenger_on_sendTo;
local_fn messenger_on_sendToHost;
local_fn messenger_on_clientSubscribe;
local_fn messenger_on_clientUnsubscribe;
local_fn messenger_on_iobusRegister;
local_fn messenger_on_iobusUnregister;

#endif
