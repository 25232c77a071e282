/* SPDX-License-Identifier: MIT */
/* The texts that prove a log-in, and what is stored of them. Session ids are 32 characters of
 * [A-Za-z0-9_-], tokens 40 hexadecimal digits; the store only has their SHA-256. connect.sid is
 * signed as express-session does it: "s:" id "." HMAC-SHA256(secret, id) in base64 without padding,
 * percent-encoded. Values without a signature are refused, unlike in the original.
 * Source: auth.md 2, 4.2. Thread contract: pure functions. */
#ifndef IOBUS_ACTORS_AUTH_TOKEN_H
#define IOBUS_ACTORS_AUTH_TOKEN_H

#include "bus/buf.h"

#define AUTH_SID_RANDOM 24u
#define AUTH_SID_LEN 32u
#define AUTH_TOKEN_RANDOM 20u
#define AUTH_TOKEN_LEN 40u
#define AUTH_TEXT_MAX 512u /* bytes of a cookie or token that is looked at */

typedef struct {
    uint8_t bytes[32];
} auth_hash_t;

/* The hash of a session id or token. */
auth_hash_t auth_hash_of(str_t secret);
bool auth_hash_eq(const auth_hash_t *a, const auth_hash_t *b);
/* Appends 64 hexadecimal digits; reads them back (lower case only). */
void auth_hash_put(buf_t *out, const auth_hash_t *hash);
bool auth_hash_read(str_t text, auth_hash_t *out);

/* Append an id or token made of random bytes. */
void auth_sid_put(buf_t *out, const uint8_t random[AUTH_SID_RANDOM]);
void auth_token_put(buf_t *out, const uint8_t random[AUTH_TOKEN_RANDOM]);

/* Appends the value of connect.sid, percent-encoded. */
void auth_cookie_put(buf_t *out, str_t sid, str_t secret);

typedef enum { AUTH_COOKIE_SIGNED, AUTH_COOKIE_UNSIGNED, AUTH_COOKIE_FORGED } auth_cookie_t;
/* Appends the session id of a value of connect.sid, percent-encoded or not, to sid (which must be
 * empty) when the signature is right; compares in constant time. */
auth_cookie_t auth_cookie_read(str_t value, str_t secret, buf_t *sid);

#endif
