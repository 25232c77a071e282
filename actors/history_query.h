/* SPDX-License-Identifier: MIT */
/* The answer to one getHistory, found in steps, so that a long series does not stop its actor.
 *
 *     history_query_t *query = history_query_new(engine, id, show_id, &options);
 *     while (!history_query_step(query, 10000)) ...
 *     err_t err = history_query_result(query, &rows, &step);
 *
 * The store may be written between steps; a query that has begun may or may not show such values.
 * Source: data-model.md 10.3, 10.4. Thread contract: owner thread of the engine. */
#ifndef IOBUS_ACTORS_HISTORY_QUERY_H
#define IOBUS_ACTORS_HISTORY_QUERY_H

#include "actors/history_options.h"
#include "storage/engine.h"

typedef struct history_query history_query_t;

/* id: under which the values are stored; shown_id: what addId shows. Both are copied. Caller owns;
 * NULL when memory is gone. */
history_query_t *history_query_new(engine_t *engine, str_t id, str_t shown_id,
                                   const history_options_t *options);
void history_query_destroy(history_query_t **self_p);
/* Looks at up to `budget` stored values. True: it is done. */
bool history_query_step(history_query_t *self, uint32_t budget);
/* After the last step: appends the array of rows to `rows` and the length of an interval, or nil,
 * to `step`. */
err_t history_query_result(history_query_t *self, buf_t *rows, buf_t *step) MUST_USE;
/* Whether rows are missing because of HISTORY_MAX_ROWS or AGGREGATE_MAX_POINTS. */
bool history_query_truncated(const history_query_t *self);

#endif
