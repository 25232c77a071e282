/* SPDX-License-Identifier: MIT */
/* Engine.IO revision 3: packets, and the payloads in which long polling carries several of them.
 * Pure translation between bytes and packets: no sessions, no timers, no I/O.
 *
 *   WebSocket text     "4hello"                  message "hello"
 *   WebSocket binary   04 01 02 03               message of three bytes
 *   polling text       "6:4hello10:b4AQIDBA=="   lengths count UTF-16 units
 *   polling octets     00 06 ff "4hello" 01 05 ff 04 01 02 03 04   lengths count bytes
 *   JSONP              ___eio[3]("6:4hello");    the text payload as a JavaScript string
 *
 * An error of a decoder means that the peer does not speak the protocol: close the session.
 * Source: engine.io-protocol revision 3; wire.md 1.3, 1.5, 1.12. Thread contract: pure functions.
 */
#ifndef IOBUS_GATEWAY_EIO3_H
#define IOBUS_GATEWAY_EIO3_H

#include "gateway/eio_codec.h"

/* The table (eio_codec.h); what follows are its parts. */
extern const eio_codec_t eio3_codec;

/* --- one packet: WebSocket messages ----------------------------------------------------------- */

/* A text message. "b4AQID" is base64 and gives a binary packet, decoded to the end of `scratch`
 * (borrowed until scratch changes); everything else borrows from the message.
 * ERR_BAD_FRAME: empty, or of no known type. ERR_UTF8. ERR_NO_MEMORY. */
err_t eio3_decode_text(str_t message, buf_t *scratch, eio_packet_t *out) MUST_USE;
/* A binary message: its first byte is the type. Never fails: what is empty or of no known type is
 * EIO_PACKET_UNKNOWN, which the session ignores. Types other than message count as their text form.
 */
void eio3_decode_binary(str_t message, eio_packet_t *out);
/* Appends the WebSocket message of a packet: text "4..." or, for a binary packet, byte 04 and the
 * bytes. The opcode follows packet->binary. */
void eio3_encode(buf_t *out, const eio_packet_t *packet);

/* --- many packets: polling bodies --------------------------------------------------------------
 */

typedef enum {
    EIO3_FRAMING_TEXT,  /* any content type but the next */
    EIO3_FRAMING_OCTETS /* content type is exactly application/octet-stream */
} eio3_framing_t;

/* The framing that a Content-Type value (may be empty) selects. */
eio3_framing_t eio3_framing_of(str_t content_type);

/* Walks through a body. scratch is emptied before each packet, so a packet is valid until the next
 * call of eio3_payload_next. An empty body is an error, reported by the first next. */
void eio3_payload_init(eio_payload_t *self, str_t body, eio3_framing_t framing, buf_t *scratch);
/* The next packet; false at the end, with *err ERR_OK, or at an error: ERR_BAD_FRAME (bad or too
 * large length, rest without a packet, unknown type, empty body), ERR_UTF8, ERR_NO_MEMORY. Packets
 * before the error have been delivered: the original acts on them too. An empty text packet
 * ("0:") is skipped.
 *   eio3_payload_init(&p, body, framing, &scratch);
 *   while (eio3_payload_next(&p, &packet, &err)) ...; */
bool eio3_payload_next(eio_payload_t *self, eio_packet_t *out, err_t *err);

/* Appends the text payload that a JSONP form (application/x-www-form-urlencoded, field `d`)
 * carries, to be walked through as EIO3_FRAMING_TEXT. In it the two characters \n stand for a
 * line feed and \\n for \n. ERR_BAD_FRAME: no field d, or several. ERR_NO_MEMORY. */
err_t eio3_jsonp_decode(buf_t *out, str_t body) MUST_USE;

/* Appends the body that carries these packets, and says which framing it has got: octets when one
 * of them is binary and the session takes binary (`b64` false), else text with bytes as base64.
 * No packets give "0:". */
eio3_framing_t eio3_encode_payload(buf_t *out, const eio_packet_t *packets, size_t count, bool b64);
/* Appends ___eio[j]("..."); for a text payload. Of `j` (the query value) only digits are kept. */
void eio3_encode_jsonp(buf_t *out, str_t payload, str_t j);

#endif
