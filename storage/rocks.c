/* SPDX-License-Identifier: MIT */
/* RocksDB behind storage/engine.h.
 *
 * RocksDB refuses all writes after a failed one and its C interface has no call to resume. So when
 * the disk has room again the database is closed and opened behind the engine_t; the log replays
 * what was acknowledged. Class NONE keeps its newest writes in memory only, where a reopen would
 * lose them: there we wait for RocksDB's own recovery, which covers a full disk. */
#include <assert.h>
#include <rocksdb/c.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bus/log.h"
#include "storage/engine_ops.h"
#include "storage/rocks_error.h"
#include "storage/rocks_folder.h"

#define WRITE_BUFFER_BYTES (8u << 20)
#define BLOCK_BYTES (8u << 10)
#define BLOOM_BITS 10
#define BACKGROUND_JOBS 2
#define OPEN_FILES 256
#define POINT_IN_TIME_RECOVERY 2 /* enum WALRecoveryMode: a torn tail is cut off */
/* Past the highest level of enum InfoLogLevel: RocksDB writes nothing into its file of information.
 * On a full disk a second line into it ends the process by an assertion (7.8, as Debian builds it).
 */
#define INFO_LOG_NOTHING 6
#define INFO_LOG_FILES 1
#define KEEP_BATCH_BYTES (1u << 20)              /* a larger batch gives its memory back */
#define REOPEN_BYTES (2ull * WRITE_BUFFER_BYTES) /* room for the log and the tables of a reopen */
#define RETRY_MS 500                             /* between two attempts to leave read-only */
#define IDLE_MS 1000

typedef struct {
    engine_t base;
    char *path;
    char *name;
    engine_durability_t durability;
    int64_t sync_interval_ms;
    rocksdb_options_t *options;
    rocksdb_block_based_table_options_t *table;
    rocksdb_cache_t *cache;
    rocksdb_writeoptions_t *write;
    rocksdb_readoptions_t *read;
    rocksdb_readoptions_t *read_once; /* leaves the cache as it is */
    rocksdb_t *db;                    /* NULL: a reopen failed and no read-only one was possible */
    rocksdb_writebatch_wi_t *batch;
    bool read_only;
    bool unsynced;         /* writes of class PROCESS since the last fsync */
    int64_t next_sync_ms;  /* of the caller's clock */
    int64_t next_retry_ms; /* of our own clock */
    _Atomic int users; /* open scans and snapshots: the database stays open while there are any */
} rocks_t;

typedef struct {
    engine_scan_t base;
    rocks_t *rocks;
    buf_t bound; /* end of the prefix; the read options point into it */
    rocksdb_readoptions_t *read;
    rocksdb_writebatch_wi_t *batch; /* what the open batch had below the prefix, or NULL */
    rocksdb_iterator_t *iterator;   /* NULL: no database */
    bool moved;                     /* the iterator stands on the pair that was lent last */
} rocks_scan_t;

typedef struct {
    engine_snapshot_t base;
    rocks_t *rocks;
    const rocksdb_snapshot_t *snapshot; /* NULL: no database */
} rocks_snapshot_t;

static rocks_t *of(engine_t *base)
{
    return (rocks_t *)base;
}

static const rocks_t *of_const(const engine_t *base)
{
    return (const rocks_t *)base;
}

/* Code of a RocksDB error, which is freed; the operation is named in the log. */
static err_t take_error(const rocks_t *self, const char *operation, char *text)
{
    static log_limit_t limit;
    err_t err = rocks_error_code(rocks_error_cause(text));
    if (text) {
        buf_t line = {0};
        rocks_error_line(&line, text);
        log_limited(&limit, LEVEL_ERROR, "STORE-ERROR", "store=%s operation=%s error=%.*s",
                    self->name, operation, STR_ARG(buf_str(&line)));
        buf_fini(&line);
        rocksdb_free(text);
    }
    return err;
}

/* --- opening ---------------------------------------------------------------------------------- */

static void make_options(rocks_t *self, const engine_options_t *options)
{
    self->options = rocksdb_options_create();
    self->table = rocksdb_block_based_options_create();
    self->cache = rocksdb_cache_create_lru(options->cache_bytes);
    rocksdb_block_based_options_set_block_cache(self->table, self->cache);
    rocksdb_block_based_options_set_block_size(self->table, BLOCK_BYTES);
    rocksdb_block_based_options_set_filter_policy(
        self->table, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS));
    rocksdb_options_set_block_based_table_factory(self->options, self->table);
    rocksdb_options_set_create_if_missing(self->options, 1);
    rocksdb_options_set_compression(self->options, rocksdb_lz4_compression);
    rocksdb_options_set_write_buffer_size(self->options, WRITE_BUFFER_BYTES);
    rocksdb_options_set_max_write_buffer_number(self->options, 3);
    rocksdb_options_set_max_background_jobs(self->options, BACKGROUND_JOBS);
    rocksdb_options_set_max_open_files(self->options, OPEN_FILES);
    rocksdb_options_set_wal_recovery_mode(self->options, POINT_IN_TIME_RECOVERY);
    rocksdb_options_set_info_log_level(self->options, INFO_LOG_NOTHING);
    rocksdb_options_set_keep_log_file_num(self->options, INFO_LOG_FILES);
    rocksdb_options_set_stats_dump_period_sec(self->options, 0);
    rocksdb_options_set_stats_persist_period_sec(self->options, 0);
    if (options->read_at_start) {
        rocksdb_options_set_memtable_vector_rep(self->options);
        rocksdb_options_set_allow_concurrent_memtable_write(self->options, 0);
    }
    self->read = rocksdb_readoptions_create();
    self->read_once = rocksdb_readoptions_create();
    rocksdb_readoptions_set_fill_cache(self->read_once, 0);
    self->write = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(self->write, self->durability == ENGINE_POWER);
    rocksdb_writeoptions_disable_WAL(self->write, self->durability == ENGINE_NONE);
}

static void free_rocks(rocks_t *self)
{
    if (self->batch)
        rocksdb_writebatch_wi_destroy(self->batch);
    if (self->db)
        rocksdb_close(self->db);
    if (self->read) {
        rocksdb_writeoptions_destroy(self->write);
        rocksdb_readoptions_destroy(self->read);
        rocksdb_readoptions_destroy(self->read_once);
        rocksdb_options_destroy(self->options);
        rocksdb_block_based_options_destroy(self->table);
        rocksdb_cache_destroy(self->cache);
    }
    free(self->path);
    free(self->name);
    free(self);
}

/* Opens for writing, or, when the disk does not allow that, for reading only. text receives the
 * first error, NULL when there is none; db stays NULL when both fail. */
static void open_db(rocks_t *self, char **text)
{
    char *second = NULL;
    *text = NULL;
    self->db = rocksdb_open(self->options, self->path, text);
    self->read_only = *text != NULL;
    rocks_cause_t cause = rocks_error_cause(*text);
    if (cause != ROCKS_NO_SPACE && cause != ROCKS_IO)
        return;
    self->db = rocksdb_open_for_read_only(self->options, self->path, 0, &second);
    rocksdb_free(second);
}

static err_t explain(const engine_options_t *options, char *text, buf_t *why)
{
    rocks_cause_t cause = rocks_error_cause(text);
    buf_printf(why, "%s: data folder %s ", options->name, options->path);
    switch (cause) {
    case ROCKS_LOCKED:
        buf_append_cstr(why, "is in use by another process");
        break;
    case ROCKS_NOT_WRITABLE:
        buf_append_cstr(why, "is not writable: ");
        break;
    case ROCKS_CORRUPT:
    case ROCKS_MISSING_FILE:
        buf_append_cstr(why, "is damaged: ");
        break;
    default:
        buf_append_cstr(why, "cannot be opened: ");
    }
    if (cause != ROCKS_LOCKED)
        rocks_error_line(why, text);
    rocksdb_free(text);
    return rocks_error_code(cause);
}

static bool is_empty(const rocks_t *self)
{
    rocksdb_iterator_t *iterator = rocksdb_create_iterator(self->db, self->read);
    rocksdb_iter_seek_to_first(iterator);
    char *text = NULL;
    rocksdb_iter_get_error(iterator, &text);
    bool empty = !rocksdb_iter_valid(iterator) && !text;
    rocksdb_free(text);
    rocksdb_iter_destroy(iterator);
    return empty;
}

/* Checks the format version, or writes it into a new database, with an fsync whatever the class. */
static err_t check_format(rocks_t *self, const engine_options_t *options, buf_t *why)
{
    char *text = NULL;
    size_t len = 0;
    char *stored = rocksdb_get(self->db, self->read, "", 0, &len, &text);
    if (text)
        return explain(options, text, why);
    if (stored || self->read_only || !is_empty(self)) {
        err_t err = engine_format_check(options, (str_t){stored ? stored : "", len}, why);
        rocksdb_free(stored);
        return err;
    }
    buf_t format = {0};
    engine_format_write(&format, options->format);
    rocksdb_writeoptions_t *write = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(write, 1);
    rocksdb_put(self->db, write, "", 0, (const char *)format.data, format.len, &text);
    rocksdb_writeoptions_destroy(write);
    buf_fini(&format);
    return text ? explain(options, text, why) : ERR_OK;
}

static const engine_ops_t ops;

err_t engine_open(engine_t **out, const engine_options_t *options, buf_t *why)
{
    *out = NULL;
    err_t err = rocks_folder_prepare(options, why);
    if (err != ERR_OK)
        return err;
    rocks_t *self = calloc(1, sizeof *self);
    assert(self);
    self->base.ops = &ops;
    self->path = str_dup(str_of(options->path));
    self->name = str_dup(str_of(options->name));
    assert(self->path && self->name);
    self->durability = options->durability;
    self->sync_interval_ms = options->sync_interval_ms > 0 ? options->sync_interval_ms : 1;
    make_options(self, options);
    self->batch = rocksdb_writebatch_wi_create(0, 1);
    char *text;
    open_db(self, &text);
    if (!self->db) {
        err = explain(options, text, why);
        goto fail;
    }
    if (text) /* it serves, but cannot write: the log says so */
        (void)take_error(self, "open", text);
    err = check_format(self, options, why);
    if (err != ERR_OK)
        goto fail;
    *out = &self->base;
    return ERR_OK;
fail:
    free_rocks(self);
    return err;
}

/* --- read-only and back ----------------------------------------------------------------------- */

static int64_t own_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void turn_read_only(rocks_t *self, const char *operation, char *text)
{
    if (!self->read_only)
        log_error("STORE-READ-ONLY", "store=%s path=%s", self->name, self->path);
    self->read_only = true;
    (void)take_error(self, operation, text); /* for its log line */
}

static void turn_writable(rocks_t *self)
{
    if (self->read_only)
        log_info("STORE-WRITABLE", "store=%s path=%s", self->name, self->path);
    self->read_only = false;
}

/* Closes the database and opens it again, when there is room and nobody looks into it. Whether it
 * now takes writes. */
static bool reopen(rocks_t *self)
{
    int64_t now_ms = own_clock_ms();
    if (self->durability == ENGINE_NONE || now_ms < self->next_retry_ms ||
        atomic_load(&self->users) > 0 || !rocks_folder_has_room(self->path, REOPEN_BYTES))
        return false;
    self->next_retry_ms = now_ms + RETRY_MS;
    if (self->db)
        rocksdb_close(self->db);
    char *text;
    open_db(self, &text);
    if (text) {
        turn_read_only(self, "reopen", text);
        return false;
    }
    log_info("STORE-WRITABLE", "store=%s path=%s", self->name, self->path);
    return true;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void rocks_put(engine_t *base, str_t key, str_t value)
{
    rocksdb_writebatch_wi_put(of(base)->batch, key.p, key.len, value.len ? value.p : "", value.len);
}

static void rocks_remove(engine_t *base, str_t key)
{
    rocksdb_writebatch_wi_delete(of(base)->batch, key.p, key.len);
}

static size_t rocks_pending(const engine_t *base)
{
    return (size_t)rocksdb_writebatch_wi_count(of_const(base)->batch);
}

static void rocks_rollback(engine_t *base)
{
    rocks_t *self = of(base);
    size_t bytes = 0;
    (void)rocksdb_writebatch_wi_data(self->batch, &bytes); /* only its size is wanted */
    if (bytes <= KEEP_BATCH_BYTES) {
        rocksdb_writebatch_wi_clear(self->batch);
        return;
    }
    rocksdb_writebatch_wi_destroy(self->batch);
    self->batch = rocksdb_writebatch_wi_create(0, 1);
}

/* NULL, or the error. */
static char *write_batch(rocks_t *self)
{
    char *text = NULL;
    if (self->db)
        rocksdb_write_writebatch_wi(self->db, self->write, self->batch, &text);
    return text;
}

static err_t rocks_commit(engine_t *base)
{
    rocks_t *self = of(base);
    if (rocks_pending(base) == 0)
        return ERR_OK;
    char *text = write_batch(self);
    if ((text || !self->db) && reopen(self)) {
        rocksdb_free(text);
        text = write_batch(self);
    }
    rocks_rollback(base);
    if (text || !self->db) {
        bool corrupt = rocks_error_cause(text) == ROCKS_CORRUPT;
        turn_read_only(self, "commit", text);
        return corrupt ? ERR_DAMAGED : ERR_READ_ONLY;
    }
    turn_writable(self);
    self->unsynced = self->durability == ENGINE_PROCESS;
    return ERR_OK;
}

static bool rocks_read_only(const engine_t *base)
{
    return of_const(base)->read_only;
}

static void sync_log(rocks_t *self)
{
    char *text = NULL;
    if (!self->unsynced || self->read_only) /* after an error RocksDB asserts that nobody syncs */
        return;
    rocksdb_flush_wal(self->db, 1, &text);
    self->unsynced = false; /* RocksDB does not sync the same bytes twice after an error */
    if (text)
        turn_read_only(self, "sync", text);
}

static int64_t rocks_tick(engine_t *base, int64_t mono_ms)
{
    rocks_t *self = of(base);
    if (self->read_only) {
        (void)reopen(self); /* else the next tick tries again */
        return RETRY_MS;
    }
    if (self->durability != ENGINE_PROCESS)
        return IDLE_MS;
    if (mono_ms >= self->next_sync_ms) {
        sync_log(self);
        self->next_sync_ms = mono_ms + self->sync_interval_ms;
    }
    return self->next_sync_ms - mono_ms;
}

static void rocks_close(engine_t *base)
{
    rocks_t *self = of(base);
    char *text = NULL;
    assert(atomic_load(&self->users) == 0);
    sync_log(self);
    if (self->durability == ENGINE_NONE && self->db && !self->read_only) {
        rocksdb_flushoptions_t *flush = rocksdb_flushoptions_create();
        rocksdb_flushoptions_set_wait(flush, 1);
        rocksdb_flush(self->db, flush, &text);
        rocksdb_flushoptions_destroy(flush);
        (void)take_error(self, "close", text); /* for its log line */
    }
    free_rocks(self);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* A key of the database, without a copy in between. */
static char *get_pinned(rocksdb_t *db, const rocksdb_readoptions_t *read, str_t key, buf_t *out,
                        bool *found)
{
    char *text = NULL;
    size_t len = 0;
    rocksdb_pinnableslice_t *slice = rocksdb_get_pinned(db, read, key.p, key.len, &text);
    *found = slice != NULL;
    if (!slice)
        return text;
    const char *value = rocksdb_pinnableslice_value(slice, &len);
    buf_append(out, value, len);
    rocksdb_pinnableslice_destroy(slice);
    return text;
}

static err_t rocks_get(engine_t *base, str_t key, bool once, buf_t *out, bool *found)
{
    rocks_t *self = of(base);
    const rocksdb_readoptions_t *read = once ? self->read_once : self->read;
    char *text = NULL;
    size_t len = 0;
    if (!self->db)
        return ERR_STORAGE;
    if (rocks_pending(base) == 0) {
        text = get_pinned(self->db, read, key, out, found);
        return take_error(self, "get", text);
    }
    char *value = rocksdb_writebatch_wi_get_from_batch_and_db(self->batch, self->db, read, key.p,
                                                              key.len, &len, &text);
    *found = value != NULL;
    if (value)
        buf_append(out, value, len);
    rocksdb_free(value);
    return take_error(self, "get", text);
}

/* The first key after all that start with prefix: [a ff] gives [b], all ff have none (empty). */
static void end_of_prefix(str_t prefix, buf_t *out)
{
    while (prefix.len > 0 && (unsigned char)prefix.p[prefix.len - 1] == 0xff)
        prefix.len--;
    buf_append_str(out, prefix);
    if (out->len > 0)
        out->data[out->len - 1]++;
}

static void scan_seek(engine_scan_t *base, str_t key)
{
    rocks_scan_t *self = (rocks_scan_t *)base;
    if (self->iterator)
        rocksdb_iter_seek(self->iterator, key.len ? key.p : "", key.len);
    self->moved = true;
}

static bool scan_next(engine_scan_t *base, str_t *key, str_t *value)
{
    rocks_scan_t *self = (rocks_scan_t *)base;
    if (!self->iterator)
        return false;
    if (!self->moved)
        rocksdb_iter_next(self->iterator);
    self->moved = false;
    if (!rocksdb_iter_valid(self->iterator))
        return false;
    key->p = rocksdb_iter_key(self->iterator, &key->len);
    value->p = rocksdb_iter_value(self->iterator, &value->len);
    return true;
}

static err_t scan_error(const engine_scan_t *base)
{
    const rocks_scan_t *self = (const rocks_scan_t *)base;
    char *text = NULL;
    if (!self->iterator)
        return ERR_STORAGE;
    rocksdb_iter_get_error(self->iterator, &text);
    return take_error(self->rocks, "scan", text);
}

static void scan_destroy(engine_scan_t *base)
{
    rocks_scan_t *self = (rocks_scan_t *)base;
    if (self->iterator)
        rocksdb_iter_destroy(self->iterator);
    if (self->batch)
        rocksdb_writebatch_wi_destroy(self->batch);
    rocksdb_readoptions_destroy(self->read);
    buf_fini(&self->bound);
    atomic_fetch_sub(&self->rocks->users, 1);
    free(self);
}

static rocks_scan_t *scan_of(rocks_t *rocks, str_t prefix)
{
    static const engine_scan_ops_t scan_ops = {scan_seek, scan_next, scan_error, scan_destroy};
    rocks_scan_t *self = calloc(1, sizeof *self);
    assert(self);
    self->base.ops = &scan_ops;
    self->rocks = rocks;
    atomic_fetch_add(&rocks->users, 1);
    self->read = rocksdb_readoptions_create();
    end_of_prefix(prefix, &self->bound);
    if (self->bound.len)
        rocksdb_readoptions_set_iterate_upper_bound(self->read, (const char *)self->bound.data,
                                                    self->bound.len);
    return self;
}

/* What of the open batch a scan sees: the batch itself goes on changing. */
typedef struct {
    rocksdb_writebatch_wi_t *out;
    str_t prefix;
} extract_t;

static bool belongs(const extract_t *self, const char *key, size_t len)
{
    return len >= self->prefix.len && memcmp(key, self->prefix.p, self->prefix.len) == 0;
}

static void extract_put(void *arg, const char *key, size_t key_len, const char *value, size_t len)
{
    extract_t *self = arg;
    if (belongs(self, key, key_len))
        rocksdb_writebatch_wi_put(self->out, key, key_len, value, len);
}

static void extract_delete(void *arg, const char *key, size_t key_len)
{
    extract_t *self = arg;
    if (belongs(self, key, key_len))
        rocksdb_writebatch_wi_delete(self->out, key, key_len);
}

static engine_scan_t *rocks_scan(engine_t *base, str_t prefix)
{
    rocks_t *self = of(base);
    rocks_scan_t *scan = scan_of(self, prefix);
    if (!self->db)
        return &scan->base;
    scan->iterator = rocksdb_create_iterator(self->db, scan->read);
    if (rocks_pending(base) == 0)
        return &scan->base;
    scan->batch = rocksdb_writebatch_wi_create(0, 1);
    extract_t extract = {scan->batch, {prefix.len ? prefix.p : "", prefix.len}};
    rocksdb_writebatch_wi_iterate(self->batch, &extract, extract_put, extract_delete);
    if (rocksdb_writebatch_wi_count(scan->batch) > 0)
        scan->iterator =
            rocksdb_writebatch_wi_create_iterator_with_base(scan->batch, scan->iterator);
    return &scan->base;
}

/* --- snapshots -------------------------------------------------------------------------------- */

static rocksdb_readoptions_t *read_at(const rocks_snapshot_t *self, rocksdb_readoptions_t *read)
{
    rocksdb_readoptions_set_snapshot(read, self->snapshot);
    rocksdb_readoptions_set_fill_cache(read, 0); /* a long reading would push out what is in use */
    return read;
}

static err_t snapshot_get(engine_snapshot_t *base, str_t key, buf_t *out, bool *found)
{
    rocks_snapshot_t *self = (rocks_snapshot_t *)base;
    if (!self->snapshot)
        return ERR_STORAGE;
    rocksdb_readoptions_t *read = read_at(self, rocksdb_readoptions_create());
    char *text = get_pinned(self->rocks->db, read, key, out, found);
    rocksdb_readoptions_destroy(read);
    return take_error(self->rocks, "get", text);
}

static engine_scan_t *snapshot_scan(engine_snapshot_t *base, str_t prefix)
{
    rocks_snapshot_t *self = (rocks_snapshot_t *)base;
    rocks_scan_t *scan = scan_of(self->rocks, prefix);
    if (self->snapshot)
        scan->iterator = rocksdb_create_iterator(self->rocks->db, read_at(self, scan->read));
    return &scan->base;
}

static void snapshot_destroy(engine_snapshot_t *base)
{
    rocks_snapshot_t *self = (rocks_snapshot_t *)base;
    if (self->snapshot)
        rocksdb_release_snapshot(self->rocks->db, self->snapshot);
    atomic_fetch_sub(&self->rocks->users, 1);
    free(self);
}

static engine_snapshot_t *rocks_snapshot(engine_t *base)
{
    static const engine_snapshot_ops_t snapshot_ops = {snapshot_get, snapshot_scan,
                                                       snapshot_destroy};
    rocks_snapshot_t *self = calloc(1, sizeof *self);
    assert(self);
    self->base.ops = &snapshot_ops;
    self->rocks = of(base);
    atomic_fetch_add(&self->rocks->users, 1);
    if (self->rocks->db)
        self->snapshot = rocksdb_create_snapshot(self->rocks->db);
    return &self->base;
}

static err_t rocks_checkpoint(engine_t *base, const char *path, buf_t *why)
{
    rocks_t *self = of(base);
    char *text = NULL;
    if (!self->db || self->read_only) {
        buf_printf(why, "%s: the database is read-only, no copy can be made", self->name);
        return ERR_READ_ONLY;
    }
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(self->db, &text);
    if (checkpoint) {
        rocksdb_checkpoint_create(checkpoint, path, 0, &text);
        rocksdb_checkpoint_object_destroy(checkpoint);
    }
    if (!text)
        return ERR_OK;
    err_t err = rocks_error_code(rocks_error_cause(text));
    buf_printf(why, "%s: no copy in %s: ", self->name, path);
    rocks_error_line(why, text);
    rocksdb_free(text);
    return err;
}

static const engine_ops_t ops = {rocks_close,   rocks_get,    rocks_put,      rocks_remove,
                                 rocks_pending, rocks_commit, rocks_rollback, rocks_read_only,
                                 rocks_tick,    rocks_scan,   rocks_snapshot, rocks_checkpoint};
