/* SPDX-License-Identifier: MIT */
/* Password hashes as ioBroker stores them in common.password:
 *
 *     pbkdf2$10000$<512 hexadecimal digits>$<salt>
 *
 * PBKDF2 with HMAC-SHA256 and 256 bytes of key; the salt is used as the text it is (32 hexadecimal
 * digits, not decoded), the iterations are those that the hash names. Source: auth.md 6.
 * Valid: "pbkdf2$10000$00...ff$0011223344"; refused (never matches): "", "secret",
 * "pbkdf2$0$...$s", "pbkdf2$1e4$...", a key of another length, upper-case digits, an empty salt,
 * more iterations than PASSWORD_ITERATIONS_MAX (who writes a user must not occupy the processor).
 * Thread contract: pure functions; they take tens of milliseconds, so password_pool.h calls them.
 */
#ifndef IOBUS_ACTORS_PASSWORD_H
#define IOBUS_ACTORS_PASSWORD_H

#include "bus/buf.h"

#define PASSWORD_ITERATIONS 10000u /* the original's */
#define PASSWORD_ITERATIONS_MAX 2000000u
#define PASSWORD_SALT_BYTES 16u /* random ones behind the salt of a new hash */
#define PASSWORD_KEY_BYTES 256u
#define PASSWORD_SALT_MAX 256u /* bytes of a salt that is read */
#define PASSWORD_MAX 1024u     /* bytes of a password; longer ones match nothing */

typedef struct {
    uint32_t iterations;
    uint8_t key[PASSWORD_KEY_BYTES];
    str_t salt; /* borrowed from the text */
} password_hash_t;

/* False: no hash of this format. */
bool password_parse(str_t text, password_hash_t *out);
/* Whether the password belongs to the hash; compared in constant time. A wrong password costs an
 * eighth of a right one: the first of the eight blocks of the key decides against it. */
bool password_matches(const password_hash_t *hash, str_t password);
/* The work of password_matches for a wrong password, for a user that does not exist. */
void password_waste(uint32_t iterations, str_t password);
/* Appends the hash of a password. salt: PASSWORD_SALT_BYTES random bytes. False: no memory. */
bool password_hash(buf_t *out, str_t password, uint32_t iterations, const uint8_t *salt);

#endif
