/* SPDX-License-Identifier: MIT */
/* Base64 of binary packets in text. Thread contract: pure functions. */
#ifndef IOBUS_GATEWAY_EIO_BASE64_H
#define IOBUS_GATEWAY_EIO_BASE64_H

#include "bus/buf.h"

/* Characters that so many bytes give. */
size_t eio_base64_len(size_t bytes);
/* Appends the bytes in the standard alphabet, padded. */
void eio_base64_encode(buf_t *out, str_t bytes);
/* Appends what the text stands for. As lenient as node's Buffer: both alphabets are taken, padding
 * may be missing, other characters are skipped, the first '=' ends it. */
void eio_base64_decode(buf_t *out, str_t text);

#endif
