/* SPDX-License-Identifier: MIT */
/* States that end by themselves, the next one first (a binary heap).
 * Thread contract: one owner thread. */
#ifndef IOBUS_ACTORS_STATES_EXPIRY_H
#define IOBUS_ACTORS_STATES_EXPIRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Part of what ends; zero at first. */
typedef struct {
    int64_t when_ms; /* 0: never */
    size_t place;    /* in the heap, from 1; 0: not in it */
} expiry_due_t;

typedef struct {
    expiry_due_t **heap;
    size_t len, cap;
} expiry_t; /* zero: empty */

void expiry_fini(expiry_t *self);
/* when_ms 0 takes it out. False when memory is gone: due is then as for 0. */
bool expiry_set(expiry_t *self, expiry_due_t *due, int64_t when_ms);
/* The one that ends next, or NULL. */
expiry_due_t *expiry_first(const expiry_t *self);

#endif
