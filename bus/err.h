/* SPDX-License-Identifier: MIT */
/* The one list of errors. A function returns err_t when the cause matters to its caller or to a
 * client; 0 (ERR_OK) is success. errno, RocksDB and libcurl errors are translated where they occur
 * and go no further. Thread contract: constant tables, callable from anywhere. */
#ifndef IOBUS_BUS_ERR_H
#define IOBUS_BUS_ERR_H

#include <stdbool.h>

typedef enum {
#define ERR(name, code, text, retryable) ERR_##name = (code),
#include "bus/errors.def"
#undef ERR
} err_code_t;

/* Results must be looked at; cast to void only with a comment that says why. */
typedef int err_t;
#define MUST_USE __attribute__((warn_unused_result))

/* Text of an error as a client may see it. Static storage; unknown codes give "Request failed". */
const char *err_text(err_t err);

/* Name of an error for logs and metrics, e.g. "TIMEOUT". Static storage. */
const char *err_name(err_t err);

/* Whether the same request may succeed later without being changed. */
bool err_retryable(err_t err);

#endif
