/* SPDX-License-Identifier: MIT */
/* Recorded values in an ordered store. Key: id, NUL, point of time (8 bytes that sort like the
 * number), tie (2 bytes, for several values of one millisecond). Value: the msgpack array [val,
 * ack, q, from, user, c], cut behind its last element that is not nil. Thread contract: owner
 * thread of the engine. */
#ifndef IOBUS_ACTORS_HISTORY_STORE_H
#define IOBUS_ACTORS_HISTORY_STORE_H

#include "bus/buf.h"
#include "bus/mp.h"
#include "storage/engine.h"

#define HISTORY_FORMAT 1u
#define HISTORY_ID_MAX 1024u            /* bytes of an id that can be recorded */
#define HISTORY_ROW_MAX 2097152u        /* bytes of one stored row */
#define HISTORY_TS_MAX 8640000000000000 /* ms; as a JavaScript Date */

/* One value. Empty cursors: not known. Borrowed. */
typedef struct {
    int64_t ts;
    mp_t val, ack, q, from, user, comment;
} history_row_t;

/* Whether it can be a key: not empty, no NUL, not too long. */
bool history_id_ok(str_t id);
/* Fields of a state or of a row of a file: a map with val, ts, ack, q, from, user, c. ts is
 * `fallback` when the map has none. False: no map, or an impossible ts. */
bool history_row_of_state(mp_t state, int64_t fallback, history_row_t *row);
/* [ts, val, ack, q, from, user, c], cut anywhere behind val. False: another shape. */
bool history_row_of_list(mp_t list, history_row_t *row);
void history_row_to_list(buf_t *out, const history_row_t *row);

/* Adds beside a value of the same millisecond. ERR_BAD_ARGS: impossible id or ts; ERR_TOO_LARGE. */
err_t history_store_add(engine_t *engine, str_t id, const history_row_t *row) MUST_USE;
/* Takes the place of a value of the same millisecond, so that an import can be repeated. */
err_t history_store_put(engine_t *engine, str_t id, const history_row_t *row) MUST_USE;

/* Changes the first row of patch->ts: fields that patch has (also nil) replace its own; q and from
 * only where it has some. *found: whether there is such a row. */
err_t history_store_update(engine_t *engine, str_t id, const history_row_t *patch,
                           bool *found) MUST_USE;

/* Rows of an id from a point of time on, ascending. Caller owns; NULL for an impossible id or when
 * memory is gone. */
typedef struct history_scan history_scan_t;
history_scan_t *history_scan_new(engine_t *engine, str_t id, int64_t from);
/* The next row and, when key is not NULL, its key; borrowed until the next call. */
bool history_scan_next(history_scan_t *self, history_row_t *row, str_t *key);
err_t history_scan_error(const history_scan_t *self);
void history_scan_destroy(history_scan_t **self_p);

/* Point of time of the newest row before `before`, and not before `from`. False: none. At most 64
 * look-ups, however many rows there are. */
bool history_store_last_before(engine_t *engine, str_t id, int64_t from, int64_t before,
                               int64_t *ts);

#endif
