/* SPDX-License-Identifier: MIT */
/* The states on disk and in memory. Every write goes to the engine's batch and into the point at
 * once; commit makes the batch durable, and when that fails memory goes back to what was before, so
 * that it never shows what is not stored.
 * A record is the state map as it travels, followed by the end of its life in ms since 1970 when it
 * has one. Thread contract: one owner thread. */
#ifndef IOBUS_ACTORS_STATES_STORE_H
#define IOBUS_ACTORS_STATES_STORE_H

#include "actors/states_points.h"
#include "storage/engine.h"

#define STATES_FORMAT 1 /* version of the database */

typedef struct states_store states_store_t;

/* Takes the engine over, also when it fails, and loads all states into points (borrowed, must
 * outlive the store). Records of an unexpected shape are logged and left out. On error one line in
 * why. Caller owns *out. */
err_t states_store_open(states_store_t **out, engine_t **engine_p, points_t *points,
                        buf_t *why) MUST_USE;
void states_store_close(states_store_t **self_p);
engine_t *states_store_engine(states_store_t *self); /* borrowed */

/* end_ms: when it ends; 0: never. state must not lie in the point. ERR_NO_MEMORY. */
err_t states_store_put(states_store_t *self, point_t *point, mp_t state, int64_t end_ms) MUST_USE;
/* A point without a state is fine. It stays alive at least until the end of the batch. */
err_t states_store_delete(states_store_t *self, point_t *point) MUST_USE;
/* Makes the batch durable. On error it is taken back. */
err_t states_store_commit(states_store_t *self) MUST_USE;
void states_store_rollback(states_store_t *self);

/* The next point whose life has ended at now_ms, or NULL. *next_ms receives when the first of the
 * others ends, INT64_MAX: none. */
point_t *states_store_overdue(states_store_t *self, int64_t now_ms, int64_t *next_ms);

#endif
