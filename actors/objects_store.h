/* SPDX-License-Identifier: MIT */
/* The database of objects: an engine whose values are msgpack arrays [sequence number, object]
 * under the id as key, and the index of all ids in memory, kept right also when a commit fails.
 * Writes are seen by reads at once and made durable by commit. Knows nothing of rights or rules.
 * Thread contract: one owner thread. */
#ifndef IOBUS_ACTORS_OBJECTS_STORE_H
#define IOBUS_ACTORS_OBJECTS_STORE_H

#include "actors/objects_index.h"
#include "bus/err.h"
#include "storage/engine.h"

#define OBJECTS_FORMAT 1 /* version of the database */

typedef struct objects_store objects_store_t;

/* Told of every object that is written (empty cursor: deleted), of all objects at open, and again
 * of the old ones when a batch is taken back. */
typedef void objects_seen_fn(void *arg, str_t id, mp_t object);

/* Takes the engine over, also when it fails, and reads all objects once. On error one line in why.
 * Records that are damaged are reported in the log and left out. Caller owns *out. */
err_t objects_store_open(objects_store_t **out, engine_t **engine_p, objects_seen_fn *seen,
                         void *arg, buf_t *why) MUST_USE;
void objects_store_close(objects_store_t **self_p);
const objects_index_t *objects_store_index(const objects_store_t *self);
engine_t *objects_store_engine(objects_store_t *self); /* borrowed */

/* The object of an id, laid into hold (which is emptied first); an empty cursor when there is none.
 */
err_t objects_store_get(objects_store_t *self, str_t id, buf_t *hold, mp_t *object) MUST_USE;
/* A new id is put behind all others; an existing one keeps its place. object: one map. */
err_t objects_store_put(objects_store_t *self, str_t id, mp_t object) MUST_USE;
/* Absent is fine. */
err_t objects_store_delete(objects_store_t *self, str_t id) MUST_USE;
/* Makes the batch durable; on error the batch is taken back. */
err_t objects_store_commit(objects_store_t *self) MUST_USE;
void objects_store_rollback(objects_store_t *self);

#endif
