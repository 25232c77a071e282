/* SPDX-License-Identifier: MIT */
/* Which values of a state are recorded, and when. Settings are those of common.custom["history.0"],
 * with the instance's own (native of system.adapter.history.0) where they are empty.
 *
 * How they are read (ioBroker.history 5.0.1, pushHistory):
 *
 * debounceTime: while it runs, an unchanged value is passed over and a changed one starts it anew;
 *   what stands when it is over is recorded, with its own time. To and from null: at once.
 *
 * blockTime: nothing within that time after the last recorded value.
 *
 * ignoreZero, ignoreBelowNumber (or ignoreBelowZero), ignoreAboveNumber: such values count as not
 *   there.
 *
 * changesOnly: only values whose lc equals their ts. With changesRelogInterval an unchanged value
 *   is recorded too when the last record is that old, and a timer repeats the last value with the
 *   current time. With changesMinDelta a number must differ by that much from the last recorded
 *   one. The last value that was passed over is recorded just before the next one, so that charts
 *   show steps (not with disableSkippedValueLogging).
 *
 * A state without lc counts as changed. A text that is a number is recorded as one, "true" and
 * "false" as booleans.
 *
 * Thread contract: one owner, no locks. */
#ifndef IOBUS_ACTORS_HISTORY_RULES_H
#define IOBUS_ACTORS_HISTORY_RULES_H

#include "actors/history_store.h"

#define HISTORY_VALUE_MAX 1048576u /* bytes of a value that is recorded */
#define HISTORY_NULL_QUALITY 64    /* q of the null that marks the beginning or end of recording */
#define HISTORY_NEVER INT64_MAX

typedef struct {
    bool changes_only, ignore_zero, log_skipped;
    bool has_below, has_above;
    double below, above;
    double min_delta;
    int64_t relog_ms, debounce_ms, block_ms;
    int64_t retention_ms; /* 0: for ever */
} history_rules_t;

/* The instance's settings. */
typedef struct {
    bool write_nulls, store_from, store_ack;
    int64_t limit;         /* rows when a call says nothing */
    double round;          /* 10^digits, 0: not rounded */
    history_rules_t rules; /* what holds where an object says nothing */
} history_native_t;

/* native: of system.adapter.history.0, or an empty cursor for the defaults. */
void history_native_read(mp_t native, history_native_t *out);
/* custom: common.custom["history.0"]. */
void history_rules_read(mp_t custom, const history_native_t *native, history_rules_t *out);

/* Takes a row for the store. Borrowed for the call. */
typedef void history_sink_fn(void *arg, const history_row_t *row);

typedef struct {
    bool is_set;
    buf_t list; /* as history_row_to_list */
} history_kept_t;

/* What is remembered of one state. Zero it at first. */
typedef struct {
    history_kept_t last;    /* recorded last */
    history_kept_t skipped; /* passed over since */
    history_kept_t pending; /* waits for the end of its debounce time */
    bool has_log_ts;
    int64_t log_ts;
    int64_t pending_at, relog_at; /* mono ms; 0: no timer */
} history_memory_t;

typedef struct {
    const history_rules_t *rules;
    int64_t now_ms, mono_ms;
    history_sink_fn *sink;
    void *arg;
} history_pass_t;

/* A text that is a number or a boolean becomes one. out is empty and has to live as long as the
 * row. */
void history_convert(history_row_t *row, buf_t *out);

void history_memory_fini(history_memory_t *self);
/* A new value. changed: its lc equals its ts. */
void history_push(history_memory_t *self, const history_pass_t *pass, history_row_t row,
                  bool changed);
/* Does what is due. Returns when to call again (mono ms), or HISTORY_NEVER. */
int64_t history_due(history_memory_t *self, const history_pass_t *pass);
/* Recording ends: what waits is recorded. */
void history_flush(history_memory_t *self, const history_pass_t *pass);
/* Starts the timer of changesRelogInterval; call when recording begins. */
void history_start_relog(history_memory_t *self, const history_pass_t *pass);

#endif
