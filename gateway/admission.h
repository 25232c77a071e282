/* SPDX-License-Identifier: MIT */
/* How many connections there may be, in all and per address. Thread contract: gateway thread. */
#ifndef IOBUS_GATEWAY_ADMISSION_H
#define IOBUS_GATEWAY_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>

typedef struct admission admission_t;

/* max_per_address 0: no limit. Caller owns. */
admission_t *admission_new(size_t max, size_t max_per_address);
void admission_destroy(admission_t **self_p);
void admission_set(admission_t *self, size_t max, size_t max_per_address);
/* Counts a connection in; false: it may not come. address NULL: of a proxy, behind which there are
 * many; only the number of all counts. */
bool admission_enter(admission_t *self, const char *address);
/* Counts one out that had come in. */
void admission_leave(admission_t *self, const char *address);
/* It turned out to be of another address (each may be NULL). false: that one has too many; nothing
 * is changed. */
bool admission_move(admission_t *self, const char *from, const char *to);

#endif
