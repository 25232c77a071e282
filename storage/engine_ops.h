/* SPDX-License-Identifier: MIT */
/* What an engine implements to stand behind storage/engine.h. engine.c checks and bounds the
 * arguments, keeps the empty key for the engines and ends scans at their prefix; an engine file
 * holds its own struct that starts with struct engine (and likewise for scans and snapshots).
 * Included by the engines only. Thread contract: as in storage/engine.h. */
#ifndef IOBUS_STORAGE_ENGINE_OPS_H
#define IOBUS_STORAGE_ENGINE_OPS_H

#include "storage/engine.h"

typedef struct {
    void (*close)(engine_t *self); /* frees self */
    /* once: hardly again, not to be kept in a cache */
    err_t (*get)(engine_t *self, str_t key, bool once, buf_t *out, bool *found);
    void (*put)(engine_t *self, str_t key, str_t value);
    void (*remove)(engine_t *self, str_t key);
    size_t (*pending)(const engine_t *self);
    err_t (*commit)(engine_t *self);
    void (*rollback)(engine_t *self);
    bool (*read_only)(const engine_t *self);
    int64_t (*tick)(engine_t *self, int64_t mono_ms);
    engine_scan_t *(*scan)(engine_t *self, str_t prefix); /* stands nowhere until seek */
    engine_snapshot_t *(*snapshot)(engine_t *self);
    err_t (*checkpoint)(engine_t *self, const char *path, buf_t *why);
} engine_ops_t;

struct engine {
    const engine_ops_t *ops;
};

typedef struct {
    void (*seek)(engine_scan_t *self, str_t key);                /* to the first key >= key */
    bool (*next)(engine_scan_t *self, str_t *key, str_t *value); /* false: end or error */
    err_t (*error)(const engine_scan_t *self);
    void (*destroy)(engine_scan_t *self); /* frees self, not the fields below */
} engine_scan_ops_t;

struct engine_scan {
    const engine_scan_ops_t *ops;
    buf_t prefix; /* set by engine.c, as is ended */
    bool ended;
};

typedef struct {
    err_t (*get)(engine_snapshot_t *self, str_t key, buf_t *out, bool *found);
    engine_scan_t *(*scan)(engine_snapshot_t *self, str_t prefix);
    void (*destroy)(engine_snapshot_t *self); /* frees self */
} engine_snapshot_ops_t;

struct engine_snapshot {
    const engine_snapshot_ops_t *ops;
};

/* The format version that every database holds under the empty key, as decimal text. */
void engine_format_write(buf_t *out, uint32_t format);
/* ERR_OK, ERR_NEWER_FORMAT, or ERR_DAMAGED when the text is no version of ours; one line in why. */
err_t engine_format_check(const engine_options_t *options, str_t stored, buf_t *why) MUST_USE;

#endif
