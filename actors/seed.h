/* SPDX-License-Identifier: MIT */
/* The system objects that an empty installation starts with: what clients read before anybody has
 * made anything. Names and structures are those that clients rely on (data-model.md 1.1, 5.3;
 * commands.md 8), descriptions are ours. Thread contract: pure. */
#ifndef IOBUS_ACTORS_SEED_H
#define IOBUS_ACTORS_SEED_H

#include "bus/err.h"
#include "bus/mp.h"

typedef struct {
    const char *host;         /* name of this host */
    const char *instance;     /* "socketio.0" */
    const char *default_user; /* "admin" */
    const char *version;      /* that the instance shows */
    const char *listen; /* "HOST:PORT" or "[HOST]:PORT", with or without ",key=value" behind it */
    const char *secret; /* native.secret of system.config */
    bool auth;
    int64_t now_ms;
} seed_t;

typedef err_t seed_put_fn(void *arg, str_t id, mp_t object);

/* Hands out each object once, in the order in which they are to be inserted; stops at the first
 * error. */
err_t seed_write(const seed_t *seed, seed_put_fn *put, void *arg) MUST_USE;

#endif
