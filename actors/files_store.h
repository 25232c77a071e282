/* SPDX-License-Identifier: MIT */
/* Where files rest: key layout of the files database and what is done to single files.
 *
 *     m ID 00 PART 00 PART        a file: msgpack map of its meta data
 *     m ID 00 PART 00             a folder that was made as such; all others exist by their files
 *     d GENERATION CHUNK          up to FILES_CHUNK bytes of data (8 and 4 bytes, big-endian)
 *     u GENERATION                an upload that is under way
 *     g                           the last generation that was given away
 *
 * The data of a file has a generation instead of a name: writing a file again is one batch that
 * puts the new data, points the meta data at it and deletes the old, and renaming moves only meta
 * data. The NUL between the parts sorts before every other byte, so all that is in a folder lies
 * together and listing it skips each subtree with one seek, without touching data. Ids and paths
 * are clean (files_path.h). Changes go into the engine's open batch. Thread contract: one owner
 * thread. */
#ifndef IOBUS_ACTORS_FILES_STORE_H
#define IOBUS_ACTORS_FILES_STORE_H

#include "bus/config.h"
#include "bus/mp.h"

#define FILES_CHUNK (128u << 10)

typedef struct files_store files_store_t;
typedef struct files_walk files_walk_t;

typedef struct {
    str_t mime;
    bool binary; /* delivered as bytes, not as text */
    str_t owner; /* "system.user.admin" */
    str_t group;
    uint32_t permissions; /* 0x644, data-model.md 1.2 */
    int64_t created_ms;
    int64_t modified_ms;
    uint64_t size;       /* in bytes; set by the store, as is generation */
    uint64_t generation; /* of the data */
} files_meta_t;

/* data "…" of the config: "FOLDER/files", or in memory for ":memory:". One line in why. */
err_t files_store_open(files_store_t **out, const config_t *config, buf_t *why) MUST_USE;
void files_store_close(files_store_t **self_p);
/* Makes everything since the last commit durable. After a very large batch part of it may have been
 * made durable before; when that has failed, commit gives that error. */
err_t files_store_commit(files_store_t *self) MUST_USE;
/* Time duties of the engine; ms until the next. */
int64_t files_store_tick(files_store_t *self, int64_t mono_ms);
bool files_store_read_only(const files_store_t *self);

/* --- single files ----------------------------------------------------------------------------- */

/* *found: whether there is such a file; its texts lie in hold (emptied first). */
err_t files_store_find(files_store_t *self, str_t id, str_t path, buf_t *hold, files_meta_t *meta,
                       bool *found) MUST_USE;
/* Appends the bytes of a file. */
err_t files_store_read(files_store_t *self, const files_meta_t *meta, buf_t *out) MUST_USE;
/* Writes a file; sets size and generation of meta. old: what was there before, or NULL. */
void files_store_write(files_store_t *self, str_t id, str_t path, files_meta_t *meta, str_t data,
                       const files_meta_t *old);
/* Changes the meta data only. */
void files_store_put_meta(files_store_t *self, str_t id, str_t path, const files_meta_t *meta);
void files_store_remove(files_store_t *self, str_t id, str_t path, const files_meta_t *meta);
/* Appends up to length bytes from offset on; fewer at the end. */
err_t files_store_read_part(files_store_t *self, const files_meta_t *meta, uint64_t offset,
                            size_t length, buf_t *out) MUST_USE;
/* A file that is written in chunks: a new generation, its chunks in order (all but the last have
 * FILES_CHUNK bytes), and the end, at which it becomes the file (meta with size and generation), or
 * is thrown away. What was begun and neither finished nor discarded is deleted at the next open. */
uint64_t files_store_begin(files_store_t *self);
void files_store_put_chunk(files_store_t *self, uint64_t generation, uint32_t chunk, str_t bytes);
void files_store_finish(files_store_t *self, str_t id, str_t path, const files_meta_t *meta,
                        const files_meta_t *old);
void files_store_discard(files_store_t *self, uint64_t generation, uint32_t chunks);
/* Gives a file another name; `over` is the file that it replaces, or NULL. */
void files_store_move(files_store_t *self, str_t id, str_t from, str_t to, const files_meta_t *meta,
                      const files_meta_t *over);

/* --- folders ---------------------------------------------------------------------------------- */

/* Whether something lies below path or it was made as a folder. "" is one always. */
err_t files_store_is_folder(files_store_t *self, str_t id, str_t path, bool *is_folder) MUST_USE;
/* Whether path or a folder above it is in fact a file; *at receives the length of that path. */
err_t files_store_blocked(files_store_t *self, str_t id, str_t path, bool *blocked,
                          size_t *at) MUST_USE;
void files_store_put_folder(files_store_t *self, str_t id, str_t path);
void files_store_remove_folder(files_store_t *self, str_t id, str_t path);

/* --- walks ------------------------------------------------------------------------------------ */

typedef struct {
    str_t id;
    str_t path;  /* of the file or folder, from the storage on */
    bool folder; /* a folder; of the fields below nothing counts */
    files_meta_t meta;
} files_entry_t;

/* All files and made folders below a folder ("": the whole storage), in the order of their parts. A
 * walk sees the state at its start; the store may be changed meanwhile. Caller owns. */
files_walk_t *files_walk_new(files_store_t *self, str_t id, str_t folder);
/* Everything behind (id, path) in all storages; both empty: from the beginning. "dir/" is the made
 * folder itself. */
files_walk_t *files_walk_all(files_store_t *self, str_t id, str_t path);
/* The next entry, borrowed until the next call; false at the end or on error. */
bool files_walk_next(files_walk_t *self, files_entry_t *entry);
/* The same for what lies directly in the folder: a subtree is one entry with folder set. */
bool files_walk_next_child(files_walk_t *self, files_entry_t *entry);
err_t files_walk_error(const files_walk_t *self);
void files_walk_destroy(files_walk_t **self_p);
/* Ids of the storages that hold something: the next after `id` ("": the first); false: no more. */
bool files_store_next_id(files_store_t *self, str_t id, buf_t *next, err_t *err);

#endif
