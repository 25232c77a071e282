/* SPDX-License-Identifier: MIT */
/* Compression of one answer in a stream: brotli, gzip or deflate (zlib's format, RFC 9110 8.4.1.2).
 * A piece of 64 kB costs about a millisecond, so that whoever feeds no more in a turn of the loop
 * holds nobody up. Thread contract: one owner, no locks. */
#ifndef IOBUS_GATEWAY_PACKER_H
#define IOBUS_GATEWAY_PACKER_H

#include "gateway/http_accept.h"

#define PACKER_MIN 1024u           /* bytes of content; less gets hardly smaller */
#define PACKER_PIECE (64u * 1024u) /* bytes that are fed at most at once */

typedef struct packer packer_t;

/* NULL: ENCODING_NONE, or no memory. Caller owns. */
packer_t *packer_new(encoding_t encoding);
/* "gzip". */
const char *packer_name(const packer_t *self);
void packer_destroy(packer_t **self_p);
/* Compresses a piece and appends what has come out so far, perhaps nothing. last: the content is
 * complete, and with it the output. false: no memory. */
bool packer_feed(packer_t *self, str_t piece, bool last, buf_t *out);

#endif
