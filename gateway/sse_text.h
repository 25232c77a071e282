/* SPDX-License-Identifier: MIT */
/* Server-sent events as text (https://html.spec.whatwg.org/multipage/server-sent-events.html). An
 * event for many clients is written once; what differs is the id, which begins with the secret of
 * the client's session. So a shared event begins with the second half of its id line (".1f\n"), and
 * each client's stream puts the first half ("id: SECRET") in front of it. Without recovery events
 * have no ids. Pure functions. */
#ifndef IOBUS_GATEWAY_SSE_TEXT_H
#define IOBUS_GATEWAY_SSE_TEXT_H

#include "bus/mp.h"

/* Appends an event of the bus: stateChange {id, state}, objectChange {id, object}, fileChange {id,
 * file, size}; what has another name gets its arguments as a list. args: one array value, with
 * the event's number behind the arguments when it has one. */
void sse_put_event(str_t name, mp_t args, buf_t *out);
/* Whether a text begins with the second half of an id. */
bool sse_is_numbered(str_t text);
/* Takes "SECRET.1f" or "SECRET" apart; number is empty for the latter. */
void sse_split_id(str_t id, str_t *secret, str_t *number);

#endif
