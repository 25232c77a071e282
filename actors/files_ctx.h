/* SPDX-License-Identifier: MIT */
/* What the parts of the files actor share: its state, the checks that its commands make, and its
 * handlers. files.c is the actor itself; files_read.c, files_write.c, files_change.c, files_tree.c
 * and files_plain.c hold the handlers. Thread contract: the actor's thread. */
#ifndef IOBUS_ACTORS_FILES_CTX_H
#define IOBUS_ACTORS_FILES_CTX_H

#include <jansson.h>

#include "actors/files_path.h"
#include "actors/files_store.h"
#include "actors/replica.h"
#include "actors/rights.h"
#include "bus/env.h"

#define FILES_ENTRIES_MAX 100000 /* in one answer, or touched by one command */
#define FILES_DEFAULT_MODE 0x644u

typedef struct files_upload files_upload_t; /* an upload in pieces (files_stream.c) */

typedef struct {
    env_t *env;
    files_store_t *store;
    replica_t *replica;
    rights_t *rights;       /* what is known of users and groups */
    rights_t *fresh_rights; /* the same of a reading that is under way */
    json_t *metas;          /* ids of the objects of type meta: {id: true} */
    json_t *fresh_metas;
    size_t max_file;         /* bytes */
    files_upload_t *uploads; /* those that are not finished */
    buf_t id;                /* clean names of the request under way */
    buf_t path;
    buf_t other;
    buf_t hold; /* meta data that was read */
    buf_t over; /* meta data of what is replaced */
    buf_t data; /* bytes of a file */
    buf_t text; /* the same in another form */
} files_t;

/* --- arguments (files_args.c) ----------------------------------------------------------------- */

/* The argument, or an empty cursor. Returns JavaScript's typeof; "undefined" when it is missing. */
const char *files_arg(const request_t *request, uint32_t index, mp_t *value);
/* The text, or the original's error about a parameter of a wrong type in the reply. */
err_t files_arg_text(const request_t *request, reply_t *reply, uint32_t index, const char *name,
                     str_t *out) MUST_USE;
/* The same for the commands that begin with name.endsWith('/'), whose error is JavaScript's. */
err_t files_arg_ends_with(const request_t *request, reply_t *reply, uint32_t index,
                          const char *name, str_t *out) MUST_USE;
/* The beginning of a text of any length, for an error. */
str_t files_shown(str_t text);
/* A mode as clients write it: a number or a text of hexadecimal digits. */
bool files_mode_of(mp_t value, uint32_t *mode);

/* What a command is about. */
typedef struct {
    str_t id;          /* clean; in self->id */
    str_t path;        /* clean; in self->path */
    files_path_t kind; /* NOWHERE also when the id is none */
} files_target_t;

typedef enum { FILES_ANY_ID, FILES_META_ID } files_need_t;

/* Looks at the id (argument 0): text, or null for the server's own name; with FILES_META_ID it must
 * be an object of type meta; then cleans it and the name. ERR_UNAVAILABLE while the objects are not
 * known yet. */
err_t files_target(files_t *self, const request_t *request, reply_t *reply, str_t name,
                   files_need_t need, files_target_t *out) MUST_USE;
/* The error of a name under which nothing can be written. */
err_t files_refuse_name(reply_t *reply, files_path_t kind);

/* --- rights (files_access.c) ------------------------------------------------------------------ */

/* Whether the caller's groups allow file.<operation>. */
bool files_may(const files_t *self, const request_t *request, const char *operation);
/* Whether the acl of a file (NULL: of a file that is not there yet) allows it. */
bool files_allowed(files_t *self, const request_t *request, const files_meta_t *meta,
                   right_t right);
/* Owner, group and permissions of a new file; texts live as long as the request. */
void files_default_acl(const files_t *self, files_meta_t *meta);
bool files_is_admin(const files_t *self, const request_t *request);

/* --- answers and events (files_entry.c) ------------------------------------------------------- */

/* Appends an entry of readDir. meta NULL: a folder. */
void files_put_entry(buf_t *out, str_t name, const files_meta_t *meta, bool is_admin);
/* Appends an entry of chmodFile and chownFile. */
void files_put_changed(buf_t *out, str_t path, const files_meta_t *meta);
/* The meta data as the plain verbs give it. */
void files_put_meta(buf_t *out, const files_meta_t *meta);
/* size: bytes, or -1 for a file or folder that was deleted. meta: of the file (deleted: the last),
 * whose acl decides who may see the event; NULL: a folder. */
void files_publish(files_t *self, const request_t *request, str_t id, str_t path, int64_t size,
                   const files_meta_t *meta);
/* Files of this storage have another acl than before: whoever keeps events must not hand them out
 * any more. */
void files_publish_rights(files_t *self, const request_t *request, str_t id);

/* --- writing (files_write.c) ------------------------------------------------------------------ */

/* The error of a name that import and export need for themselves; ERR_OK for any other. */
err_t files_check_reserved(reply_t *reply, str_t path) MUST_USE;
/* Whether a new file can have this path; else a text that says why not in the reply. */
err_t files_check_free(files_t *self, reply_t *reply, str_t id, str_t path) MUST_USE;

/* The error of a caller who may not write the file (old NULL: a new one). */
err_t files_check_write(files_t *self, const request_t *request, const files_meta_t *old) MUST_USE;
/* The meta data of a file that is written: what is there stays, else defaults and options. */
void files_begin_meta(files_t *self, const request_t *request, mp_t options,
                      const files_meta_t *old, files_meta_t *meta);

/* --- uploads in pieces (files_stream.c) ------------------------------------------------------- */

void files_uploads_close(files_t *self);
/* Ends those that are idle; ms until the next look. */
int64_t files_uploads_tick(files_t *self, int64_t mono_ms);
/* After each commit: written tells whether it succeeded. */
void files_uploads_committed(files_t *self, bool written);

/* --- handlers --------------------------------------------------------------------------------- */

handler_fn files_on_read_file, files_on_read_file64, files_on_file_exists, files_on_read_dir;
handler_fn files_on_write_file, files_on_write_file64, files_on_mkdir;
handler_fn files_on_chmod, files_on_chown;
handler_fn files_on_unlink, files_on_delete_file, files_on_rename, files_on_rename_file;
handler_fn files_on_stat, files_on_read_piece;
handler_fn files_on_begin, files_on_append, files_on_finish, files_on_abort;
handler_fn files_on_put, files_on_get, files_on_scan;

#endif
