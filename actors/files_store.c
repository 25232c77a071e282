/* SPDX-License-Identifier: MIT */
#include "actors/files_store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/files_path.h"
#include "storage/engine.h"

#define FORMAT 1
#define META 'm'
#define DATA 'd'
#define UPLOAD 'u'
#define GENERATION "g"
#define ONCE_BYTES (1u << 20)   /* of a file that is too large for the cache */
#define FLUSH_BYTES (64u << 20) /* a batch with more data than this is committed in parts */

struct files_store {
    engine_t *engine;
    uint64_t generation; /* the last one given away */
    size_t pending;      /* bytes of data in the open batch */
    err_t failed;        /* of a commit in parts, until the actor's commit */
    buf_t key;           /* scratch */
    buf_t value;         /* scratch */
};

struct files_walk {
    engine_scan_t *scan;
    size_t prefix_len; /* of the keys of the folder */
    bool all;          /* across storages: the id stands in the key behind the prefix */
    buf_t id;
    buf_t folder; /* its path with a '/' behind it, or "" */
    buf_t path;   /* of the entry that was lent last */
    err_t err;
};

/* --- keys ------------------------------------------------------------------------------------- */

static void put_big_endian(buf_t *out, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        buf_append_byte(out, (uint8_t)(value >> (8 * i)));
}

static uint64_t get_big_endian(str_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.len && i < 8; i++)
        value = value << 8 | (uint8_t)bytes.p[i];
    return value;
}

static void append_parts(buf_t *out, str_t path)
{
    for (size_t i = 0; i < path.len; i++)
        buf_append_byte(out, path.p[i] == '/' ? 0 : (uint8_t)path.p[i]);
}

static str_t meta_key(buf_t *out, str_t id, str_t path)
{
    buf_reset(out);
    buf_append_byte(out, META);
    buf_append_str(out, id);
    buf_append_byte(out, 0);
    append_parts(out, path);
    assert(!out->failed); /* a key that lacks its end would be that of another file */
    return buf_str(out);
}

/* Prefix of all that is in a folder, and key of the folder itself when it was made as such. */
static str_t folder_key(buf_t *out, str_t id, str_t path)
{
    meta_key(out, id, path);
    if (path.len > 0)
        buf_append_byte(out, 0);
    return buf_str(out);
}

static str_t data_key(buf_t *out, uint64_t generation, uint32_t chunk)
{
    buf_reset(out);
    buf_append_byte(out, DATA);
    put_big_endian(out, generation, 8);
    put_big_endian(out, chunk, 4);
    return buf_str(out);
}

static str_t upload_key(buf_t *out, uint64_t generation)
{
    buf_reset(out);
    buf_append_byte(out, UPLOAD);
    put_big_endian(out, generation, 8);
    return buf_str(out);
}

static uint32_t chunks_of(uint64_t size)
{
    return (uint32_t)((size + FILES_CHUNK - 1) / FILES_CHUNK);
}

/* --- meta data -------------------------------------------------------------------------------- */

static void encode(buf_t *out, const files_meta_t *meta)
{
    buf_reset(out);
    mp_put_map(out, 7);
    mp_put_cstr(out, "acl");
    mp_put_map(out, 3);
    mp_put_cstr(out, "owner");
    mp_put_str(out, meta->owner);
    mp_put_cstr(out, "ownerGroup");
    mp_put_str(out, meta->group);
    mp_put_cstr(out, "permissions");
    mp_put_uint(out, meta->permissions);
    mp_put_cstr(out, "mimeType");
    mp_put_str(out, meta->mime);
    mp_put_cstr(out, "binary");
    mp_put_bool(out, meta->binary);
    mp_put_cstr(out, "createdAt");
    mp_put_int(out, meta->created_ms);
    mp_put_cstr(out, "modifiedAt");
    mp_put_int(out, meta->modified_ms);
    mp_put_cstr(out, "size");
    mp_put_uint(out, meta->size);
    mp_put_cstr(out, "generation");
    mp_put_uint(out, meta->generation);
}

static bool find_uint(mp_t map, const char *key, uint64_t *out)
{
    mp_t value;
    return mp_find(map, key, &value) && mp_read_uint(&value, out);
}

static bool find_int(mp_t map, const char *key, int64_t *out)
{
    mp_t value;
    return mp_find(map, key, &value) && mp_read_int(&value, out);
}

static err_t decode(str_t bytes, files_meta_t *meta)
{
    mp_t map = mp_of(bytes.p, bytes.len), acl;
    uint64_t permissions;
    *meta = (files_meta_t){0};
    bool sound =
        mp_check(map, true) == ERR_OK && mp_find(map, "acl", &acl) &&
        mp_find_str(acl, "owner", &meta->owner) && mp_find_str(acl, "ownerGroup", &meta->group) &&
        find_uint(acl, "permissions", &permissions) && permissions <= UINT32_MAX &&
        mp_find_str(map, "mimeType", &meta->mime) && mp_find_bool(map, "binary", &meta->binary) &&
        find_int(map, "createdAt", &meta->created_ms) &&
        find_int(map, "modifiedAt", &meta->modified_ms) && find_uint(map, "size", &meta->size) &&
        meta->size < (uint64_t)1 << 40 && find_uint(map, "generation", &meta->generation);
    if (!sound)
        return ERR_DAMAGED;
    meta->permissions = (uint32_t)permissions;
    return ERR_OK;
}

/* --- open and close --------------------------------------------------------------------------- */

static err_t open_engine(files_store_t *self, const config_t *config, buf_t *why)
{
    const char *data = config_text(config, "data");
    buf_t path = {0};
    if (strcmp(data, ":memory:") == 0) {
        self->engine = engine_open_memory();
        return ERR_OK;
    }
    buf_printf(&path, "%s/files", data);
    buf_append_byte(&path, 0);
    engine_options_t options = {.path = (const char *)path.data,
                                .name = "files",
                                .format = FORMAT,
                                .durability = (engine_durability_t)engine_durability_parse(
                                    config_text(config, "files-durability")),
                                .sync_interval_ms = config_int(config, "sync-interval"),
                                .cache_bytes = (size_t)config_int(config, "store-cache")};
    err_t err = engine_open(&self->engine, &options, why);
    buf_fini(&path);
    return err;
}

/* Deletes all keys that begin with prefix. */
static err_t drop_prefix(files_store_t *self, str_t prefix)
{
    str_t key, value;
    engine_scan_t *scan = engine_scan_new(self->engine, prefix, (str_t){"", 0});
    while (engine_scan_next(scan, &key, &value))
        engine_delete(self->engine, key);
    err_t err = engine_scan_error(scan);
    engine_scan_destroy(&scan);
    return err;
}

/* What uploads left behind that were cut off by a crash. */
static err_t drop_unfinished(files_store_t *self)
{
    static const char upload = UPLOAD;
    str_t key, value;
    bool any = false;
    err_t err = ERR_OK;
    engine_scan_t *scan = engine_scan_new(self->engine, (str_t){&upload, 1}, (str_t){"", 0});
    while (err == ERR_OK && engine_scan_next(scan, &key, &value)) {
        any = true;
        buf_reset(&self->key);
        buf_append_byte(&self->key, DATA);
        buf_append(&self->key, key.p + 1, key.len - 1);
        err = drop_prefix(self, buf_str(&self->key));
        engine_delete(self->engine, key);
    }
    if (err == ERR_OK)
        err = engine_scan_error(scan);
    engine_scan_destroy(&scan);
    return err == ERR_OK && any ? engine_commit(self->engine) : err;
}

err_t files_store_open(files_store_t **out, const config_t *config, buf_t *why)
{
    bool found = false;
    files_store_t *self = calloc(1, sizeof *self);
    assert(self);
    err_t err = open_engine(self, config, why);
    if (err == ERR_OK) {
        err = engine_get(self->engine, str_of(GENERATION), &self->value, &found);
        if (err != ERR_OK)
            buf_printf(why, "files: %s", err_text(err));
    }
    if (err != ERR_OK) {
        files_store_close(&self);
        return err;
    }
    self->generation = get_big_endian(buf_str(&self->value));
    err = drop_unfinished(self);
    if (err != ERR_OK) {
        buf_printf(why, "files: %s", err_text(err));
        files_store_close(&self);
        return err;
    }
    *out = self;
    return ERR_OK;
}

void files_store_close(files_store_t **self_p)
{
    files_store_t *self = *self_p;
    if (!self)
        return;
    engine_close(&self->engine);
    buf_fini(&self->key);
    buf_fini(&self->value);
    free(self);
    *self_p = NULL;
}

err_t files_store_commit(files_store_t *self)
{
    err_t err = self->failed;
    self->failed = ERR_OK;
    self->pending = 0;
    if (err == ERR_OK)
        return engine_commit(self->engine);
    engine_rollback(self->engine);
    return err;
}

int64_t files_store_tick(files_store_t *self, int64_t mono_ms)
{
    return engine_tick(self->engine, mono_ms);
}

bool files_store_read_only(const files_store_t *self)
{
    return engine_read_only(self->engine);
}

/* --- single files ----------------------------------------------------------------------------- */

err_t files_store_find(files_store_t *self, str_t id, str_t path, buf_t *hold, files_meta_t *meta,
                       bool *found)
{
    buf_reset(hold);
    *found = false;
    if (path.len == 0)
        return ERR_OK;
    err_t err = engine_get(self->engine, meta_key(&self->key, id, path), hold, found);
    return err == ERR_OK && *found ? decode(buf_str(hold), meta) : err;
}

/* Appends a chunk. */
static err_t get_chunk(files_store_t *self, const files_meta_t *meta, uint64_t chunk, buf_t *out,
                       bool *found)
{
    str_t key = data_key(&self->key, meta->generation, (uint32_t)chunk);
    return meta->size > ONCE_BYTES ? engine_get_once(self->engine, key, out, found)
                                   : engine_get(self->engine, key, out, found);
}

err_t files_store_read(files_store_t *self, const files_meta_t *meta, buf_t *out)
{
    size_t before = out->len;
    if (!buf_reserve(out, meta->size))
        return ERR_NO_MEMORY;
    for (uint32_t chunk = 0; chunk < chunks_of(meta->size); chunk++) {
        bool found;
        err_t err = get_chunk(self, meta, chunk, out, &found);
        if (err != ERR_OK)
            return err;
        if (!found)
            return ERR_DAMAGED;
    }
    return out->len - before == meta->size ? ERR_OK : ERR_DAMAGED;
}

static void drop_data(files_store_t *self, const files_meta_t *meta)
{
    for (uint32_t chunk = 0; chunk < chunks_of(meta->size); chunk++)
        engine_delete(self->engine, data_key(&self->key, meta->generation, chunk));
}

static void put_data(files_store_t *self, uint64_t generation, str_t data)
{
    for (uint32_t chunk = 0; chunk < chunks_of(data.len); chunk++) {
        size_t at = (size_t)chunk * FILES_CHUNK, left = data.len - at;
        str_t bytes = {data.p + at, left < FILES_CHUNK ? left : FILES_CHUNK};
        engine_put(self->engine, data_key(&self->key, generation, chunk), bytes);
    }
}

/* Keeps the memory of a batch bounded, whatever clients send at once. What follows an error in the
 * same batch must not become durable either: the actor's commit throws it away. */
static void flush_large_batch(files_store_t *self, size_t bytes)
{
    self->pending += bytes;
    if (self->pending < FLUSH_BYTES || self->failed != ERR_OK)
        return;
    self->pending = 0;
    self->failed = engine_commit(self->engine);
}

void files_store_put_meta(files_store_t *self, str_t id, str_t path, const files_meta_t *meta)
{
    encode(&self->value, meta);
    engine_put(self->engine, meta_key(&self->key, id, path), buf_str(&self->value));
}

static void keep_generation(files_store_t *self)
{
    buf_reset(&self->value);
    put_big_endian(&self->value, self->generation, 8);
    engine_put(self->engine, str_of(GENERATION), buf_str(&self->value));
}

void files_store_write(files_store_t *self, str_t id, str_t path, files_meta_t *meta, str_t data,
                       const files_meta_t *old)
{
    if (old)
        drop_data(self, old);
    meta->size = data.len;
    meta->generation = ++self->generation;
    put_data(self, meta->generation, data);
    files_store_put_meta(self, id, path, meta);
    keep_generation(self);
    flush_large_batch(self, data.len);
}

err_t files_store_read_part(files_store_t *self, const files_meta_t *meta, uint64_t offset,
                            size_t length, buf_t *out)
{
    err_t err = ERR_OK;
    uint64_t end =
        offset < meta->size && length < meta->size - offset ? offset + length : meta->size;
    while (err == ERR_OK && offset < end) {
        bool found;
        size_t skip = (size_t)(offset % FILES_CHUNK), want = (size_t)(end - offset);
        buf_reset(&self->value);
        err = get_chunk(self, meta, offset / FILES_CHUNK, &self->value, &found);
        if (err == ERR_OK && (!found || self->value.len <= skip))
            err = ERR_DAMAGED;
        if (err != ERR_OK)
            break;
        size_t have = self->value.len - skip;
        size_t n = have < want ? have : want;
        buf_append(out, self->value.data + skip, n);
        offset += n;
    }
    buf_reset(&self->value);
    return err == ERR_OK && out->failed ? ERR_NO_MEMORY : err;
}

uint64_t files_store_begin(files_store_t *self)
{
    uint64_t generation = ++self->generation;
    keep_generation(self);
    engine_put(self->engine, upload_key(&self->key, generation), (str_t){"", 0});
    return generation;
}

void files_store_put_chunk(files_store_t *self, uint64_t generation, uint32_t chunk, str_t bytes)
{
    engine_put(self->engine, data_key(&self->key, generation, chunk), bytes);
    flush_large_batch(self, bytes.len);
}

void files_store_finish(files_store_t *self, str_t id, str_t path, const files_meta_t *meta,
                        const files_meta_t *old)
{
    if (old)
        drop_data(self, old);
    files_store_put_meta(self, id, path, meta);
    engine_delete(self->engine, upload_key(&self->key, meta->generation));
}

void files_store_discard(files_store_t *self, uint64_t generation, uint32_t chunks)
{
    for (uint32_t chunk = 0; chunk < chunks; chunk++)
        engine_delete(self->engine, data_key(&self->key, generation, chunk));
    engine_delete(self->engine, upload_key(&self->key, generation));
}

void files_store_remove(files_store_t *self, str_t id, str_t path, const files_meta_t *meta)
{
    drop_data(self, meta);
    engine_delete(self->engine, meta_key(&self->key, id, path));
}

void files_store_move(files_store_t *self, str_t id, str_t from, str_t to, const files_meta_t *meta,
                      const files_meta_t *over)
{
    if (over)
        drop_data(self, over);
    engine_delete(self->engine, meta_key(&self->key, id, from));
    files_store_put_meta(self, id, to, meta);
}

/* --- folders ---------------------------------------------------------------------------------- */

err_t files_store_is_folder(files_store_t *self, str_t id, str_t path, bool *is_folder)
{
    str_t key, value;
    *is_folder = true;
    if (path.len == 0)
        return ERR_OK;
    str_t prefix = folder_key(&self->key, id, path);
    engine_scan_t *scan = engine_scan_new(self->engine, prefix, (str_t){"", 0});
    *is_folder = engine_scan_next(scan, &key, &value);
    err_t err = engine_scan_error(scan);
    engine_scan_destroy(&scan);
    return err;
}

err_t files_store_blocked(files_store_t *self, str_t id, str_t path, bool *blocked, size_t *at)
{
    *blocked = false;
    for (; path.len > 0; path = files_path_folder(path)) {
        buf_reset(&self->value);
        err_t err = engine_get(self->engine, meta_key(&self->key, id, path), &self->value, blocked);
        *at = path.len;
        if (err != ERR_OK || *blocked)
            return err;
    }
    return ERR_OK;
}

void files_store_put_folder(files_store_t *self, str_t id, str_t path)
{
    if (path.len > 0)
        engine_put(self->engine, folder_key(&self->key, id, path), (str_t){"", 0});
}

void files_store_remove_folder(files_store_t *self, str_t id, str_t path)
{
    if (path.len > 0)
        engine_delete(self->engine, folder_key(&self->key, id, path));
}

/* --- walks ------------------------------------------------------------------------------------ */

static files_walk_t *walk_new(files_store_t *store, str_t prefix, str_t from)
{
    files_walk_t *self = calloc(1, sizeof *self);
    assert(self);
    self->prefix_len = prefix.len;
    self->scan = engine_scan_new(store->engine, prefix, from);
    return self;
}

files_walk_t *files_walk_new(files_store_t *self, str_t id, str_t folder)
{
    files_walk_t *walk = walk_new(self, folder_key(&self->key, id, folder), (str_t){"", 0});
    buf_append_str(&walk->id, id);
    buf_append_str(&walk->folder, folder);
    if (folder.len > 0)
        buf_append_byte(&walk->folder, '/');
    return walk;
}

files_walk_t *files_walk_all(files_store_t *self, str_t id, str_t path)
{
    static const char meta = META;
    buf_t from = {0};
    if (id.len > 0) {
        meta_key(&from, id, path);
        buf_append_byte(&from, 0); /* the least key behind it */
    }
    files_walk_t *walk = walk_new(self, (str_t){&meta, 1}, buf_str(&from));
    walk->all = true;
    buf_fini(&from);
    return walk;
}

/* Sets id and path from what stands behind the prefix of a key. */
static void take_name(files_walk_t *self, str_t rest, files_entry_t *entry)
{
    if (self->all) {
        const char *end = rest.len ? memchr(rest.p, 0, rest.len) : NULL;
        size_t len = end ? (size_t)(end - rest.p) : rest.len;
        buf_reset(&self->id);
        buf_append_str(&self->id, (str_t){rest.p, len});
        size_t skip = end ? len + 1 : len;
        rest = (str_t){rest.p + skip, rest.len - skip};
    }
    entry->folder = rest.len == 0 || rest.p[rest.len - 1] == '\0';
    buf_reset(&self->path);
    buf_append_str(&self->path, buf_str(&self->folder));
    for (size_t i = 0; i < rest.len; i++)
        buf_append_byte(&self->path, rest.p[i] ? (uint8_t)rest.p[i] : '/');
    while (self->path.len > 0 && self->path.data[self->path.len - 1] == '/')
        self->path.len--;
    entry->id = buf_str(&self->id);
    entry->path = buf_str(&self->path);
}

bool files_walk_next(files_walk_t *self, files_entry_t *entry)
{
    str_t key, value;
    if (self->err != ERR_OK || !engine_scan_next(self->scan, &key, &value))
        return false;
    take_name(self, (str_t){key.p + self->prefix_len, key.len - self->prefix_len}, entry);
    if (!entry->folder)
        self->err = decode(value, &entry->meta);
    return self->err == ERR_OK;
}

/* Moves past all keys below the folder whose name stands at the start of rest. */
static void skip_subtree(files_walk_t *self, str_t key, size_t name_len)
{
    buf_t from = {0};
    buf_append(&from, key.p, self->prefix_len + name_len);
    buf_append_byte(&from, 1);
    engine_scan_seek(self->scan, buf_str(&from));
    buf_fini(&from);
}

bool files_walk_next_child(files_walk_t *self, files_entry_t *entry)
{
    str_t key, value, rest;
    do {
        if (self->err != ERR_OK || !engine_scan_next(self->scan, &key, &value))
            return false;
        rest = (str_t){key.p + self->prefix_len, key.len - self->prefix_len};
    } while (rest.len == 0); /* the folder itself */
    const char *end = memchr(rest.p, 0, rest.len);
    size_t len = end ? (size_t)(end - rest.p) : rest.len;
    take_name(self, (str_t){rest.p, len}, entry);
    entry->folder = end != NULL;
    if (end)
        skip_subtree(self, key, len);
    else
        self->err = decode(value, &entry->meta);
    return self->err == ERR_OK;
}

err_t files_walk_error(const files_walk_t *self)
{
    return self->err != ERR_OK ? self->err : engine_scan_error(self->scan);
}

void files_walk_destroy(files_walk_t **self_p)
{
    files_walk_t *self = *self_p;
    if (!self)
        return;
    engine_scan_destroy(&self->scan);
    buf_fini(&self->id);
    buf_fini(&self->folder);
    buf_fini(&self->path);
    free(self);
    *self_p = NULL;
}

bool files_store_next_id(files_store_t *self, str_t id, buf_t *next, err_t *err)
{
    files_entry_t entry;
    static const char meta = META;
    buf_t from = {0};
    buf_append_byte(&from, META);
    buf_append_str(&from, id);
    if (id.len > 0)
        buf_append_byte(&from, 1); /* behind all keys of that storage */
    files_walk_t *walk = walk_new(self, (str_t){&meta, 1}, buf_str(&from));
    walk->all = true;
    bool more = files_walk_next(walk, &entry);
    *err = files_walk_error(walk);
    buf_reset(next);
    if (more)
        buf_append_str(next, entry.id);
    files_walk_destroy(&walk);
    buf_fini(&from);
    return more;
}
