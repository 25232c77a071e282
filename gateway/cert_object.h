/* SPDX-License-Identifier: MIT */
/* Finds certificates in ioBroker's object system.certificates: by their names in
 * native.certificates, whose values are PEM text or the path of a file, and in native.collections
 * (ACME), by the domains they are for. Source: auth.md 12. Reads files; otherwise pure. */
#ifndef IOBUS_GATEWAY_CERT_OBJECT_H
#define IOBUS_GATEWAY_CERT_OBJECT_H

#include "bus/err.h"
#include "bus/mp.h"
#include "gateway/tls.h"

#define CERT_PAIRS_MAX 64
#define CERT_FILE_MAX (1024u * 1024u)

typedef struct {
    const char *public_name;  /* "defaultPublic" */
    const char *private_name; /* "defaultPrivate" */
    const char *chained_name; /* "": none */
    const char *collection;   /* "": none, "*": all, else the name of one */
} cert_names_t;

/* The pairs, at most CERT_PAIRS_MAX; the first is for everybody else: that of the names, or when
 * the object has none of that name the first collection. Returns how many; 0: none is usable, one
 * line in why. To be freed with tls_pair_fini each. */
size_t cert_object_read(mp_t object, const cert_names_t *names, tls_pair_t *pairs, buf_t *why);

/* Appends the contents of a file of at most CERT_FILE_MAX bytes; ERR_IO with one line in why. */
err_t cert_file_read(const char *path, buf_t *out, buf_t *why) MUST_USE;

#endif
