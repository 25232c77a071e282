/* SPDX-License-Identifier: MIT */
/* Values that adapters keep encrypted with native.secret of system.config, as the original's
 * tools.encrypt and tools.decrypt do it: with a secret of 48 hexadecimal digits
 * "$/aes-192-cbc:IV:DATA", with any other one the text's UTF-16 units XORed with the secret's.
 * Whoever can write such a value can read it: it hides values from the eye, not from the
 * installation. Source: js-controller 7.1, common-db/tools. Thread contract: pure functions. */
#ifndef IOBUS_ACTORS_CIPHER_H
#define IOBUS_ACTORS_CIPHER_H

#include "bus/buf.h"
#include "bus/err.h"

#define CIPHER_IV_BYTES 16

/* iv: random bytes. ERR_BAD_ARGS: there is no secret. ERR_NO_MEMORY. */
err_t cipher_encrypt(buf_t *out, str_t secret, str_t text,
                     const uint8_t iv[CIPHER_IV_BYTES]) MUST_USE;
/* ERR_DAMAGED: not made with that secret. */
err_t cipher_decrypt(buf_t *out, str_t secret, str_t text) MUST_USE;

#endif
