/* SPDX-License-Identifier: MIT */
/* The dialect of socket.io 1.x and 2.x clients: socket.io protocol 4 inside Engine.IO 3 messages.
 * Messages are "4..." texts and, for attachments, bytes that begin with 04. Source:
 * wire.md 3.1, 3.2. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_SIO2_H
#define IOBUS_GATEWAY_SIO2_H

#include "gateway/session.h"

/* Messages (without the Engine.IO type) go to session_receive. */
extern const dialect_t sio2_dialect;

#endif
