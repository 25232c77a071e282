/* SPDX-License-Identifier: MIT */
/* What the dialects of socket.io have in common: messages whose attachments follow, events that
 * become calls, answers and events that become frames. A dialect (sio2.h, sio5.h) is a small table
 * of what its protocol does differently. Messages are "4..." texts and bytes, as Engine.IO carries
 * them. Source: wire.md 3. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_SIO_H
#define IOBUS_GATEWAY_SIO_H

#include "gateway/session.h"
#include "gateway/sio4.h"

/* By this very text pages know that they have to ask for the password again. */
#define SIO_WRONG_PASSWORD "Invalid password or user name"

typedef struct sio sio_t; /* state of one session */

typedef enum {
    SIO_CALL,   /* an event for us: run it */
    SIO_DONE,   /* taken care of, or of no interest */
    SIO_REFUSED /* not the protocol: the session ends */
} sio_verdict_t;

typedef struct {
    bool type_byte; /* attachments begin with the byte 04 */
    /* Takes a packet apart; an error ends the session. */
    err_t (*parse)(str_t text, sio4_packet_t *out);
    /* Decodes an event; an error ends the session. */
    err_t (*decode_event)(buf_t *out, const sio4_packet_t *packet, const str_t *attachments,
                          sio4_event_t *event);
    /* What to do with a packet whose attachments are all there. */
    sio_verdict_t (*judge)(session_t *session, sio_t *self, const sio4_packet_t *packet);
} sio_protocol_t;

/* Caller owns. protocol: constant. */
sio_t *sio_new(const sio_protocol_t *protocol, const session_t *session);
void sio_destroy(sio_t **self_p);
/* Whether the client is in the namespace "/"; sio only keeps it. */
bool sio_is_connected(const sio_t *self);
void sio_set_connected(sio_t *self, bool connected);

/* As dialect_t.receive. */
bool sio_receive(session_t *session, sio_t *self, bool binary, str_t payload);
/* As dialect_t.event and .answer; type_byte as in the protocol. */
void sio_event(bool type_byte, str_t name, mp_t args, str_t key, frames_t *out);
void sio_answer(bool type_byte, uint64_t id, mp_t args, frames_t *out);

/* A text of our own: begin, append the packet, push. */
void sio_begin(buf_t *text);
void sio_push(session_t *session, buf_t *text); /* the buffer is freed */

#endif
