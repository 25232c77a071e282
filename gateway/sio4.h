/* SPDX-License-Identifier: MIT */
/* socket.io protocol 4 (clients 1.x and 2.x): packets inside Engine.IO messages.
 * The texts here are what follows the Engine.IO type: "2[...]", not "42[...]".
 *
 *   <type>[<attachments>-][<namespace>,][<ack id>][<JSON>]
 *   2["getState","a.b"]   217["getState","a.b"]   2/admin,17["x"]   317[null,{"val":1}]
 *   51-5["writeFile","vis.0","x",{"_placeholder":true,"num":0}] + 1 binary message
 *
 * Decoding is in two steps, because a binary event waits for its attachments in between:
 * sio4_parse takes the head apart, sio4_event_decode turns the payload into msgpack.
 * What an error means is exact (wire.md 3.2): every error of sio4_parse and of sio4_event_decode
 * closes the connection, but ERR_TOO_DEEP, which may be answered in the call-back; packets of
 * unknown type are no error and are ignored.
 * Source: socket.io-protocol (branch v4); wire.md 3.1, 3.2. Thread contract: pure functions. */
#ifndef IOBUS_GATEWAY_SIO4_H
#define IOBUS_GATEWAY_SIO4_H

#include "bus/buf.h"
#include "bus/err.h"
#include "bus/mp.h"

#define SIO4_MAX_ATTACHMENTS 10      /* of one packet, as in socket.io-parser */
#define SIO4_MAX_ACK_ID (1ull << 53) /* ids are JavaScript numbers */

typedef enum {
    SIO4_CONNECT,
    SIO4_DISCONNECT,
    SIO4_EVENT,
    SIO4_ACK,
    SIO4_ERROR,
    SIO4_BINARY_EVENT,
    SIO4_BINARY_ACK,
    SIO4_UNKNOWN /* ignore the packet; only `type` is set */
} sio4_type_t;

typedef struct {
    sio4_type_t type;
    uint32_t attachments; /* binary messages that follow; 1..10 for the binary types, else 0 */
    str_t nsp;            /* "/" or "/name?query"; never empty */
    bool has_ack;
    uint64_t ack;  /* <= SIO4_MAX_ACK_ID */
    str_t payload; /* JSON text; empty when there is none */
} sio4_packet_t;

/* Takes a packet apart; everything in *out borrows from text.
 * ERR_BAD_FRAME: empty text (message "4"), attachments missing, 0 or more than 10, ack id too
 * large, a payload that the type does not allow (41{}, 40"x", 43{}, 44 5, 5..{}). ERR_JSON,
 * ERR_UTF8: as it says. The payload of a plain event is not looked at: sio4_event_decode does that;
 * the payloads of all other types are checked completely (nesting apart). An event without payload
 * ("42", "427") is valid and names nothing. */
err_t sio4_parse(str_t text, sio4_packet_t *out) MUST_USE;

/* A decoded event. */
typedef struct {
    str_t name; /* "" when there was no payload; a number is given as text: [1,2] is "1" */
    mp_t args;  /* msgpack array of what follows the name: the body of the bus request */
} sio4_event_t;

/* Decodes the payload of an event. `attachments` are the `packet->attachments` binary messages in
 * the order of their arrival (NULL for a plain event). Appends to `out`; name and args
 * borrow from out until it changes. On error out is as it was. ERR_BAD_FRAME: the payload is no
 * array, or its first element neither text nor number. ERR_JSON (also: a placeholder without
 * its attachment), ERR_UTF8, ERR_TOO_DEEP, ERR_NO_MEMORY. */
err_t sio4_event_decode(buf_t *out, const sio4_packet_t *packet, const str_t *attachments,
                        sio4_event_t *event) MUST_USE;

/* --- encoding ----------------------------------------------------------------------------------
 * All of them append one packet text to out, for the namespace "/". */

/* Bytes of a packet, to be sent after its text, one binary message each, in this order. */
typedef struct {
    str_t items[SIO4_MAX_ATTACHMENTS]; /* borrowed from the encoded value */
    size_t count;
} sio4_bins_t;

/* 2["name",...] or, when args hold bytes, 5<n>-["name",...]. args: msgpack array, as events travel
 * on the bus; it must have passed mp_check. With more than SIO4_MAX_ATTACHMENTS
 * pieces of bytes all are written as {"type":"Buffer",...}: no receiver takes more. ERR_BAD_ARGS:
 * args is no array. ERR_NO_MEMORY. On error out is as it was. */
err_t sio4_put_event(buf_t *out, str_t name, mp_t args, sio4_bins_t *bins) MUST_USE;
/* 3<id>[...] or 6<n>-<id>[...]. Otherwise as sio4_put_event. No arguments are []. */
err_t sio4_put_ack(buf_t *out, uint64_t id, mp_t args, sio4_bins_t *bins) MUST_USE;
/* 4"text", or 4/nsp,"text" when nsp is not "/": "Invalid namespace", refusals. The query of a
 * namespace is not repeated. */
void sio4_put_error(buf_t *out, str_t nsp, str_t text);
void sio4_put_connect(buf_t *out);    /* 0 */
void sio4_put_disconnect(buf_t *out); /* 1 */

#endif
