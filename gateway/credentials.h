/* SPDX-License-Identifier: MIT */
/* What a client says to prove who it is, in the order in which it is tried: first what the request
 * itself says (query, Authorization), then what a browser adds to every request (cookies). Pure
 * functions; whether it is true only the auth actor knows (login.h).
 *
 *   ?user=anna&pass=x          Authorization: Basic YW5uYTp4
 *   ?token=T, ?access_token=T  Authorization: Bearer T
 *   ?connect.sid=s:ID.SIG      Cookie: access_token=T; connect.sid=s%3AID.SIG
 *
 * A user or a header that is wrong ends the search: whoever names them means them. A token or a
 * cookie that has become void does not; browsers keep them for long.
 * Sources: auth.md 1 to 4, 13; RFC 6750, 7617, 6265. */
#ifndef IOBUS_GATEWAY_CREDENTIALS_H
#define IOBUS_GATEWAY_CREDENTIALS_H

#include "bus/mp.h"
#include "gateway/http_head.h"

#define CREDENTIALS_MAX 8 /* what is more is not looked at */

typedef enum {
    CREDENTIAL_PASSWORD, /* text: the user */
    CREDENTIAL_TOKEN,    /* access or device token */
    CREDENTIAL_SESSION   /* text: value of connect.sid, signed, percent-encoded or not */
} credential_kind_t;

typedef struct {
    credential_kind_t kind;
    bool decides;  /* when it is wrong, nothing else is tried */
    bool basic;    /* it came as Authorization: Basic */
    bool cookie;   /* a browser has added it by itself */
    bool entering; /* said when it entered (credentials_add_auth) */
    buf_t text;
    buf_t password;
} credential_t;

typedef struct {
    credential_t items[CREDENTIALS_MAX];
    size_t count;
    bool unsigned_session; /* a connect.sid that nobody can have signed was left out */
} credentials_t;

/* Starts empty. Caller calls credentials_fini. */
void credentials_read(const http_head_t *head, credentials_t *out);
/* Puts what a client of socket.io 5 says when it enters in front, instead of what it said the last
 * time: {token} or {user, pass}; anything else says nothing. */
void credentials_add_auth(credentials_t *self, mp_t auth);
/* Forgets that again: it has been looked at. */
void credentials_drop_auth(credentials_t *self);
/* Wipes what is secret. */
void credentials_fini(credentials_t *self);
/* The same on the heap; head may be NULL. Caller owns. */
credentials_t *credentials_new(const http_head_t *head);
void credentials_destroy(credentials_t **self_p);
/* Frees a buffer that held something secret. */
void credentials_wipe(buf_t *secret);

#endif
