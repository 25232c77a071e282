/* SPDX-License-Identifier: MIT */
/* Values as somebody may see them who watches: secrets in them are replaced by MASK. What a secret
 * is cannot be known of every text; masked are
 *   what stands under a name like "password", "token", "secret" (in any case, '_' and '-' do not
 *   count); not true, false, nil and ""
 *   under "native" what "protectedNative" or "encryptedNative" beside it name
 *   texts that hold a private key (PEM) or are a password's hash
 *   in a text that is a URL: user and password before the host; parameters with such names
 * Where a value as a whole is one (CMD_SECRET) its owner does not come here but says MASK.
 * Thread contract: pure functions. */
#ifndef IOBUS_BUS_MASK_H
#define IOBUS_BUS_MASK_H

#include "bus/mp.h"

#define MASK "\xe2\x80\xa6" /* "…" */

/* Appends one value, nested at most MP_MAX_DEPTH (as mp_check has seen); ends at data that is none.
 */
void mask_put(buf_t *out, mp_t value);

#endif
