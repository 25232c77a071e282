/* SPDX-License-Identifier: MIT */
/* What the revisions of Engine.IO have in common, and the one table by which the rest of the
 * gateway uses them: bytes to packets, packets to bytes, and the few answers in which the revisions
 * differ. A revision is one module with one constant table (eio3.h, eio4.h); eio.c, polling.c and
 * ws.c know only the table.
 * Source: engine.io-protocol; wire.md 1 and 2. Thread contract: pure functions. */
#ifndef IOBUS_GATEWAY_EIO_CODEC_H
#define IOBUS_GATEWAY_EIO_CODEC_H

#include "bus/buf.h"
#include "bus/err.h"

#define EIO_CONTENT_TEXT "text/plain; charset=UTF-8"  /* Content-Type of text payloads */
#define EIO_CONTENT_OCTETS "application/octet-stream" /* Content-Type of binary payloads */

typedef enum {
    EIO_PACKET_OPEN,
    EIO_PACKET_CLOSE,
    EIO_PACKET_PING,
    EIO_PACKET_PONG,
    EIO_PACKET_MESSAGE,
    EIO_PACKET_UPGRADE,
    EIO_PACKET_NOOP,
    EIO_PACKET_UNKNOWN /* only from decoding: a binary packet of no known type; ignore it */
} eio_type_t;

typedef struct {
    eio_type_t type;
    bool binary; /* data are bytes, not text */
    str_t data;  /* what follows the type; borrowed */
} eio_packet_t;

/* Walks through the body of a POST; begun by `begin` of the table, nothing to free. */
typedef struct {
    str_t rest; /* what has not been read yet; body is borrowed */
    bool octets;
    buf_t *scratch; /* base64 is decoded here; borrowed */
    err_t err;
} eio_payload_t;

/* What the open packet tells. */
typedef struct {
    const char *sid;
    bool may_upgrade; /* to a WebSocket */
    int64_t ping_interval_ms, ping_timeout_ms;
    size_t max_payload; /* bytes of a message */
} eio_handshake_t;

typedef struct {
    const char *version;   /* value of the query's EIO */
    bool server_pings;     /* else the client does */
    bool jsonp;            /* polling by script elements is known */
    int overlap_status;    /* answer to a second GET or POST at the same time */
    int options_status;    /* answer to OPTIONS */
    const char *headers;   /* of every answer to polling, each with its CRLF */
    const char *preflight; /* those of an answer to OPTIONS */
    /* Appends the open packet as a text message. */
    void (*open)(buf_t *out, const eio_handshake_t *handshake);
    /* Takes a WebSocket message apart. An error ends the session. scratch: holds decoded base64,
     * emptied by the caller. */
    err_t (*decode)(bool binary, str_t message, buf_t *scratch, eio_packet_t *out);
    /* The same for a message that we have encoded ourselves. */
    void (*decode_own)(bool binary, str_t message, eio_packet_t *out);
    /* Begins to read the body of a POST. scratch is emptied before each packet, so a packet is
     * valid until the next one. false: a body of this content type is not taken. */
    bool (*begin)(eio_payload_t *self, str_t body, str_t content_type, buf_t *scratch);
    /* The next packet; false at the end, with *err ERR_OK, or at an error, which ends the session.
     * Packets before the error count. */
    bool (*next)(eio_payload_t *self, eio_packet_t *out, err_t *err);
    /* Appends the body of an answer; returns its content type. b64: the client takes no bytes. */
    const char *(*write)(buf_t *out, const eio_packet_t *packets, size_t count, bool b64);
} eio_codec_t;

#endif
