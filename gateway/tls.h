/* SPDX-License-Identifier: MIT */
/* TLS of the server's side, on OpenSSL, without sockets: bytes of the peer go in, bytes for the
 * peer come out (gateway/README.md says why not libwebsockets' own).
 *
 * tls_t holds certificates and settings. It is immutable and counted: connections keep the one they
 * began with while new ones get the next. Renegotiation is off, TLS 1.2 is the least, and of
 * application protocols only http/1.1 is agreed on.
 *
 * tls_stream_t is one connection:
 *     tls_stream_feed(stream, from_peer);
 *     while (tls_stream_read(stream, bytes, sizeof bytes, &n) == TLS_DATA) ...
 *     tls_stream_write(stream, text);                     // after the handshake
 *     send(tls_stream_output(stream))                     // after each of these
 * Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_TLS_H
#define IOBUS_GATEWAY_TLS_H

#include "bus/buf.h"

typedef struct tls tls_t;
typedef struct tls_stream tls_stream_t;

/* --- certificates ------------------------------------------------------------------------------
 */

/* As PEM text. */
typedef struct {
    buf_t cert;    /* the server's own first; others belong to the chain */
    buf_t key;     /* not encrypted */
    buf_t chain;   /* may be empty */
    buf_t domains; /* names of servers that get this one, separated by blanks; may be empty */
} tls_pair_t;

void tls_pair_fini(tls_pair_t *self);

typedef struct {
    const char *min_version;  /* "1.2", "1.3" */
    const char *ciphers;      /* of TLS 1.2, as in ciphers(1); "" for the library's choice */
    const char *ciphersuites; /* of TLS 1.3; the same */
} tls_settings_t;

/* The first pair is for everybody who asks for no name that another pair has. NULL: one line in
 * why. One reference, caller owns. */
tls_t *tls_new(const tls_settings_t *settings, const tls_pair_t *pairs, size_t count, buf_t *why);
tls_t *tls_ref(tls_t *self);
void tls_put(tls_t **self_p); /* puts a reference down */
/* Of the first certificate: "CN=house", and until when it is valid (seconds since 1970). */
const char *tls_subject(const tls_t *self);
int64_t tls_not_after(const tls_t *self);

/* --- connections -------------------------------------------------------------------------------
 */

typedef enum {
    TLS_DATA,   /* there is some */
    TLS_MORE,   /* the peer has to send more */
    TLS_CLOSED, /* the peer has said that it is done */
    TLS_FAILED  /* the connection is to be cut when the output is sent */
} tls_result_t;

/* room: bytes that are left free in front of the output. NULL: no memory. Caller owns. */
tls_stream_t *tls_stream_new(tls_t *tls, size_t room);
void tls_stream_destroy(tls_stream_t **self_p);
/* Bytes of the peer; borrowed until tls_stream_read says something else than TLS_DATA. */
void tls_stream_feed(tls_stream_t *self, str_t bytes);
/* Goes on with the handshake and decrypts up to cap bytes. */
tls_result_t tls_stream_read(tls_stream_t *self, uint8_t *to, size_t cap, size_t *n);
bool tls_stream_is_ready(const tls_stream_t *self); /* the handshake is done */
/* Encrypts. false: it cannot. */
bool tls_stream_write(tls_stream_t *self, const uint8_t *bytes, size_t n);
/* Says that nothing more will come (close_notify); once. */
void tls_stream_close(tls_stream_t *self);
/* What is to be sent, behind `room` bytes; buf_fini when it is sent. Empty: nothing. */
buf_t *tls_stream_output(tls_stream_t *self);
/* Why it failed, in short. */
const char *tls_stream_error(const tls_stream_t *self);

#endif
