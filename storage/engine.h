/* SPDX-License-Identifier: MIT */
/* A key-value store with ordered keys, as the actors see it: few verbs, so that another engine can
 * stand behind them. Keys and values are bytes; keys sort by bytes.
 *
 * Writes are collected in a batch that the store's own reads see at once (get and scan look into
 * the batch first); engine_commit makes it durable as the class says; engine_rollback throws it
 * away. Errors of the engine are translated here: ERR_READ_ONLY (no space, or the engine stopped
 * taking writes: reads go on, and engine_commit tries again when space is back), ERR_DAMAGED,
 * ERR_LOCKED, ERR_NEWER_FORMAT, ERR_IO, ERR_STORAGE. A failed commit leaves the batch empty and has
 * written nothing; only one whose fsync failed may still be found when the log is replayed.
 *
 * Each database holds its format version under the empty key, which belongs to the engine: gets
 * find nothing there, scans never show it, writes to it are ignored.
 * Scans and snapshots are freed before the engine is closed.
 * Thread contract: one owner thread per engine_t; a snapshot may be read and freed by another. */
#ifndef IOBUS_STORAGE_ENGINE_H
#define IOBUS_STORAGE_ENGINE_H

#include "bus/buf.h"
#include "bus/err.h"

typedef struct engine engine_t;
typedef struct engine_scan engine_scan_t;
typedef struct engine_snapshot engine_snapshot_t;

/* When a commit counts: NONE: in memory of the process; PROCESS: in the log, survives kill -9;
 * POWER: fsynced. With PROCESS an fsync follows at least every sync_interval_ms while there are
 * writes (engine_tick). */
typedef enum { ENGINE_NONE, ENGINE_PROCESS, ENGINE_POWER } engine_durability_t;
/* "none" "process" "power"; -1 for other text. */
int engine_durability_parse(const char *name);

typedef struct {
    const char *path; /* folder of this database; created when missing */
    const char *name; /* "states", for messages */
    uint32_t format;  /* version that this program writes and reads */
    engine_durability_t durability;
    int64_t sync_interval_ms;
    size_t cache_bytes;
    bool read_at_start; /* its owner has everything in memory and reads only at first: what is
                           written is kept unsorted until it goes to a table, which costs a third of
                           a sorted insertion, but makes reads of what is new slow */
} engine_options_t;

/* RocksDB. On error one clear line in why ("states: data folder X is in use by another process").
 * Caller owns *out. */
err_t engine_open(engine_t **out, const engine_options_t *options, buf_t *why) MUST_USE;
/* The same interface in memory, for tests and fuzzing; nothing outlives it. */
engine_t *engine_open_memory(void);
/* Writes what is left of the log, closes. An open batch is thrown away. */
void engine_close(engine_t **self_p);

/* Appends the value to out. *found tells whether the key exists. */
err_t engine_get(engine_t *self, str_t key, buf_t *out, bool *found) MUST_USE;
/* The same for a large value that will hardly be asked for again: the cache keeps what is in use.
 */
err_t engine_get_once(engine_t *self, str_t key, buf_t *out, bool *found) MUST_USE;
void engine_put(engine_t *self, str_t key, str_t value);
void engine_delete(engine_t *self, str_t key);
size_t engine_pending(const engine_t *self); /* operations in the batch */
err_t engine_commit(engine_t *self) MUST_USE;
void engine_rollback(engine_t *self);
/* Whether the last commit failed for want of space or a failing disk. */
bool engine_read_only(const engine_t *self);
/* Duties by time: fsync of class PROCESS, attempts to leave read-only. Returns ms until the next.
 */
int64_t engine_tick(engine_t *self, int64_t mono_ms);

/* Keys that start with prefix, ascending, from `from` on (empty: from the prefix). A scan sees the
 * state at its start, the open batch included; the store may be written while it is open. Caller
 * owns. */
engine_scan_t *engine_scan_new(engine_t *self, str_t prefix, str_t from);
/* The next pair, borrowed until the next call; false at the end or on error. */
bool engine_scan_next(engine_scan_t *self, str_t *key, str_t *value);
/* Goes on at the first key >= from (forwards or backwards) that has the prefix. */
void engine_scan_seek(engine_scan_t *self, str_t from);
err_t engine_scan_error(const engine_scan_t *self);
void engine_scan_destroy(engine_scan_t **self_p);

/* A view of what is committed now; scans and gets on it may run in another thread. */
engine_snapshot_t *engine_snapshot_new(engine_t *self);
err_t engine_snapshot_get(engine_snapshot_t *self, str_t key, buf_t *out, bool *found) MUST_USE;
engine_scan_t *engine_snapshot_scan(engine_snapshot_t *self, str_t prefix, str_t from);
void engine_snapshot_destroy(engine_snapshot_t **self_p);

/* A consistent copy in a new folder (hard links where the file system has them). */
err_t engine_checkpoint(engine_t *self, const char *path, buf_t *why) MUST_USE;

#endif
