/* SPDX-License-Identifier: MIT */
/* The dialect of socket.io 3.x and 4.x clients: socket.io protocol 5 inside Engine.IO 4 messages.
 * Packets look like those of protocol 4 (sio4.h), with these differences:
 *
 *   0{"token":"x"}               the client asks to enter, and says who it is
 *   0{"sid":"...","pid":"..."}   it is in; with pid it may come back (recovery.h)
 *   4{"message":"..."}           it is not
 *   everything that is malformed, of unknown type or out of turn closes the connection
 *
 * Bytes have no type byte. An event that a client could miss ends with its number, as an argument
 * more, if the dialect recovers.
 * Source: socket.io-protocol revision 5; wire.md 3.1, 3.3. Thread contract: the packets are pure
 * functions, the dialects belong to the gateway thread. */
#ifndef IOBUS_GATEWAY_SIO5_H
#define IOBUS_GATEWAY_SIO5_H

#include "gateway/session.h"
#include "gateway/sio4.h"

/* As sio4_parse, but ERR_BAD_FRAME for unknown types and for what only a server sends. */
err_t sio5_parse(str_t text, sio4_packet_t *out) MUST_USE;
/* As sio4_event_decode, but ERR_BAD_FRAME for the names that the clients' libraries use
 * themselves. */
err_t sio5_event_decode(buf_t *out, const sio4_packet_t *packet, const str_t *attachments,
                        sio4_event_t *event) MUST_USE;
/* Appends 0{"sid":"..."}. pid: NULL for none. */
void sio5_put_connect(buf_t *out, const char *sid, const char *pid);
/* Appends 4{"message":"..."} or 4/nsp,{"message":"..."}. */
void sio5_put_connect_error(buf_t *out, str_t nsp, str_t message);

/* Messages (without the Engine.IO type) go to session_receive. */
extern const dialect_t sio5_dialect;       /* clients may come back */
extern const dialect_t sio5_plain_dialect; /* they may not, and events have no number */

#endif
