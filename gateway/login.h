/* SPDX-License-Identifier: MIT */
/* Who a client is: its credentials are given to the auth actor, one after the other, until one is
 * good, and the user's rights are awaited, so that the first command finds them. On a listener
 * without auth everybody is the default user at once.
 *
 *     self->login = login_start(core, listener, credentials, address, on_login, self);
 *     ...
 *     static void on_login(void *arg, const login_t *login)  // login_result(), login_identity()
 *
 * Every log-in ends, at the latest with the deadline of a request per credential.
 * Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_LOGIN_H
#define IOBUS_GATEWAY_LOGIN_H

#include "gateway/core.h"
#include "gateway/credentials.h"
#include "gateway/listener.h"

#define IDENTITY_HASH_LEN 64

typedef enum {
    IDENTITY_OPEN,     /* nobody was asked */
    IDENTITY_PASSWORD, /* lasts as long as the connection */
    IDENTITY_SESSION,
    IDENTITY_ACCESS,
    IDENTITY_DEVICE
} identity_kind_t;

typedef struct {
    grants_user_t *user; /* NULL: nobody */
    identity_kind_t kind;
    char hash[IDENTITY_HASH_LEN + 1]; /* of the session or token; "": there is none */
    int64_t expires_ms;               /* since 1970; 0: never */
    bool cookie;                      /* a browser showed it by itself */
} identity_t;

typedef enum {
    LOGIN_OK,
    LOGIN_NEEDED, /* there are no credentials, or they have become void */
    LOGIN_FORGED, /* all there was is a session that was never signed */
    LOGIN_WRONG,  /* credentials that decide are wrong */
    LOGIN_BUSY    /* the auth actor did not say; the same may be right a moment later */
} login_result_t;

typedef struct login login_t;
/* The log-in has ended; login is valid for the call. */
typedef void login_done_fn(void *arg, const login_t *login);

/* credentials: borrowed until it has ended; may be NULL. Returns NULL when done was called already.
 * Otherwise the caller keeps it, until done is called, or login_cancel. */
login_t *login_start(core_t *core, const listener_t *listener, const credentials_t *credentials,
                     const char *address, login_done_fn *done, void *arg);
/* done will not be called. */
void login_cancel(login_t **self_p);

login_result_t login_result(const login_t *self);
const identity_t *login_identity(const login_t *self); /* of nobody unless it is LOGIN_OK */
/* Whether what was wrong came as Authorization: Basic. */
bool login_is_basic(const login_t *self);
/* Why, for people. */
const char *login_text(const login_t *self);

/* Reads what the auth actor says of a session or token: [nil, {user, hash, kind, expiresAt,
 * readOnly}]. false: it is not that. */
bool login_read_identity(core_t *core, mp_t body, identity_t *out);

#endif
