/* SPDX-License-Identifier: MIT */
/* Files in pieces, for HTTP and the upload verb: nobody holds a whole file in memory. A download
 * names the generation that files.stat gave, so that it never mixes two contents; an upload writes
 * its pieces under a new generation and becomes the file only with files.finish, in one batch. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/files_ctx.h"
#include "actors/mime.h"

#define PIECE_MAX (1u << 20) /* bytes of one read or append */
#define UPLOADS_MAX 64u      /* at the same time */
#define UPLOADS_USER_MAX 32u /* of one user */
#define UPLOAD_IDLE_MS 60000 /* without a piece */
#define MIME_MAX 255u        /* bytes of a type that a client names */

struct files_upload {
    uint64_t token;
    uint64_t generation; /* its pieces stand under this */
    uint64_t size;       /* bytes so far */
    uint32_t chunks;     /* full ones that are in the store */
    int64_t seen_ms;
    bool fresh; /* has changed in the batch that is open */
    bool over;  /* became the file in that batch: nobody finds it any more */
    char *user;
    char *id;
    char *path;
    char *mime;  /* "" by the name */
    buf_t chunk; /* the one that is not full yet */
    files_upload_t *next;
};

/* --- reading ---------------------------------------------------------------------------------- */

static err_t find_readable(files_t *self, const request_t *request, reply_t *reply,
                           files_target_t *target, files_meta_t *meta)
{
    str_t name;
    bool found = false;
    err_t err = files_arg_text(request, reply, 1, "filename", &name);
    if (err == ERR_OK)
        err = files_target(self, request, reply, name, FILES_ANY_ID, target);
    if (err != ERR_OK)
        return err;
    if (!files_may(self, request, "read"))
        return ERR_PERMISSION;
    if (target->kind != FILES_PATH_FINE)
        return ERR_NOT_EXISTS;
    err = files_store_find(self->store, target->id, target->path, &self->hold, meta, &found);
    if (err == ERR_OK && !files_allowed(self, request, found ? meta : NULL, RIGHT_READ))
        err = ERR_PERMISSION;
    return err == ERR_OK && !found ? ERR_NOT_EXISTS : err;
}

/* The content is named by its generation, and by its time and size: another store, filled from a
 * backup, may give the same generation to something else. */
static void put_etag(buf_t *out, const files_meta_t *meta)
{
    buf_t text = {0};
    buf_printf(&text, "%llx-%llx-%llx", (unsigned long long)meta->generation,
               (unsigned long long)meta->size, (unsigned long long)meta->modified_ms);
    mp_put_str(out, buf_str(&text));
    buf_fini(&text);
}

err_t files_on_stat(void *arg, const request_t *request, reply_t *reply)
{
    files_t *self = arg;
    files_target_t target;
    files_meta_t meta;
    err_t err = find_readable(self, request, reply, &target, &meta);
    if (err != ERR_OK)
        return err;
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_map(out, 6);
    mp_put_cstr(out, "size");
    mp_put_uint(out, meta.size);
    mp_put_cstr(out, "mimeType");
    mp_put_str(out, meta.mime);
    mp_put_cstr(out, "binary");
    mp_put_bool(out, meta.binary);
    mp_put_cstr(out, "etag");
    put_etag(out, &meta);
    mp_put_cstr(out, "modifiedAt");
    mp_put_int(out, meta.modified_ms);
    mp_put_cstr(out, "generation");
    mp_put_uint(out, meta.generation);
    return ERR_OK;
}

static bool arg_uint(const request_t *request, uint32_t index, uint64_t *out)
{
    mp_t value;
    return request_arg(request, index, &value) && mp_read_uint(&value, out);
}

err_t files_on_read_piece(void *arg, const request_t *request, reply_t *reply)
{
    files_t *self = arg;
    files_target_t target;
    files_meta_t meta;
    uint64_t generation, offset, length;
    if (!arg_uint(request, 2, &generation) || !arg_uint(request, 3, &offset) ||
        !arg_uint(request, 4, &length) || length > PIECE_MAX)
        return ERR_BAD_ARGS;
    err_t err = find_readable(self, request, reply, &target, &meta);
    if (err != ERR_OK)
        return err;
    if (meta.generation != generation)
        return reply_error(reply, "The file has changed");
    buf_reset(&self->data);
    err = files_store_read_part(self->store, &meta, offset, (size_t)length, &self->data);
    if (err == ERR_OK) {
        reply_nil(reply);
        mp_put_bin(reply_value(reply), self->data.data, self->data.len);
    }
    buf_reset(&self->data);
    return err == ERR_OK && reply->body.failed ? ERR_NO_MEMORY : err;
}

/* --- uploads ---------------------------------------------------------------------------------- */

static files_upload_t **find_upload(files_t *self, const request_t *request)
{
    uint64_t token;
    files_upload_t **at = &self->uploads;
    if (!arg_uint(request, 0, &token))
        return NULL;
    while (*at &&
           ((*at)->token != token || (*at)->over || !str_is(request->caller.user, (*at)->user)))
        at = &(*at)->next;
    return *at ? at : NULL;
}

/* Takes it out of the list and frees it; what it has stored is the caller's business. */
static void drop(files_upload_t **at)
{
    files_upload_t *upload = *at;
    *at = upload->next;
    free(upload->user);
    free(upload->id);
    free(upload->path);
    free(upload->mime);
    buf_fini(&upload->chunk);
    free(upload);
}

static void discard(files_t *self, files_upload_t **at)
{
    files_store_discard(self->store, (*at)->generation, (*at)->chunks);
    drop(at);
}

void files_uploads_close(files_t *self)
{
    while (self->uploads)
        drop(&self->uploads);
}

/* Whether its data is that of a file: part of a large batch may count although the rest failed. */
static bool is_in_use(files_t *self, const files_upload_t *upload)
{
    files_meta_t meta;
    bool found;
    err_t err = files_store_find(self->store, str_of(upload->id), str_of(upload->path), &self->hold,
                                 &meta, &found);
    return err != ERR_OK || (found && meta.generation == upload->generation);
}

/* What a failed batch has lost cannot be made up for: the upload ends, and its next command is told
 * so. */
void files_uploads_committed(files_t *self, bool written)
{
    files_upload_t **at = &self->uploads;
    while (*at) {
        bool fresh = (*at)->fresh;
        (*at)->fresh = false;
        if (fresh && !written && !((*at)->over && is_in_use(self, *at)))
            discard(self, at);
        else if ((*at)->over)
            drop(at);
        else
            at = &(*at)->next;
    }
}

int64_t files_uploads_tick(files_t *self, int64_t mono_ms)
{
    files_upload_t **at = &self->uploads;
    while (*at) {
        if (mono_ms - (*at)->seen_ms >= UPLOAD_IDLE_MS)
            discard(self, at);
        else
            at = &(*at)->next;
    }
    return self->uploads ? UPLOAD_IDLE_MS / 4 : UPLOAD_IDLE_MS;
}

static bool too_many(const files_t *self, str_t user)
{
    unsigned all = 0, own = 0;
    for (const files_upload_t *at = self->uploads; at; at = at->next) {
        all++;
        own += str_is(user, at->user);
    }
    return all >= UPLOADS_MAX || own >= UPLOADS_USER_MAX;
}

/* Whether the caller may write this file now; old: what is there, if anything. */
static err_t check_target(files_t *self, const request_t *request, reply_t *reply, str_t id,
                          str_t path, files_meta_t *old, bool *found)
{
    err_t err = files_store_find(self->store, id, path, &self->hold, old, found);
    if (err == ERR_OK)
        err = files_check_write(self, request, *found ? old : NULL);
    if (err == ERR_OK && !*found)
        err = files_check_free(self, reply, id, path);
    return err;
}

static files_upload_t *new_upload(files_t *self, const request_t *request,
                                  const files_target_t *target, str_t mime)
{
    files_upload_t *upload = calloc(1, sizeof *upload);
    assert(upload);
    self->env->random(self->env, &upload->token, sizeof upload->token);
    upload->token &= (UINT64_C(1) << 53) - 1; /* a number that survives JSON */
    upload->generation = files_store_begin(self->store);
    upload->seen_ms = self->env->mono(self->env);
    upload->fresh = true;
    upload->user = str_dup(request->caller.user);
    upload->id = str_dup(target->id);
    upload->path = str_dup(target->path);
    upload->mime = str_dup(mime);
    assert(upload->user && upload->id && upload->path && upload->mime);
    upload->next = self->uploads;
    self->uploads = upload;
    return upload;
}

/* It becomes a line of an HTTP head. */
static bool is_mime(str_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < ' ' || text.p[i] > '~')
            return false;
    }
    return text.len <= MIME_MAX;
}

err_t files_on_begin(void *arg, const request_t *request, reply_t *reply)
{
    files_t *self = arg;
    files_target_t target;
    files_meta_t old;
    str_t name, mime = {"", 0};
    mp_t value;
    bool found;
    err_t err = files_arg_text(request, reply, 1, "filename", &name);
    if (err == ERR_OK)
        err = files_target(self, request, reply, name, FILES_META_ID, &target);
    if (err != ERR_OK)
        return err;
    if (target.kind != FILES_PATH_FINE)
        return files_refuse_name(reply, target.kind);
    err = check_target(self, request, reply, target.id, target.path, &old, &found);
    if (err != ERR_OK)
        return err;
    if (too_many(self, request->caller.user))
        return ERR_BUSY;
    if (request_arg(request, 2, &value))
        (void)mp_read_str(&value, &mime); /* nil: by the name */
    if (!is_mime(mime))
        mime.len = 0;
    const files_upload_t *upload = new_upload(self, request, &target, mime);
    reply_nil(reply);
    mp_put_uint(reply_value(reply), upload->token);
    return ERR_OK;
}

static void store_full_chunks(files_t *self, files_upload_t *upload, str_t bytes)
{
    while (bytes.len > 0) {
        size_t room = FILES_CHUNK - upload->chunk.len;
        size_t n = bytes.len < room ? bytes.len : room;
        buf_append(&upload->chunk, bytes.p, n);
        bytes.p += n;
        bytes.len -= n;
        if (upload->chunk.len < FILES_CHUNK)
            return;
        files_store_put_chunk(self->store, upload->generation, upload->chunks++,
                              buf_str(&upload->chunk));
        buf_reset(&upload->chunk);
    }
}

err_t files_on_append(void *arg, const request_t *request, reply_t *reply)
{
    files_t *self = arg;
    files_upload_t **at = find_upload(self, request);
    uint64_t offset;
    str_t bytes;
    mp_t value;
    if (!at)
        return reply_error(reply, "Unknown upload");
    if (!arg_uint(request, 1, &offset) || !request_arg(request, 2, &value) ||
        !mp_read_bin(&value, &bytes) || bytes.len > PIECE_MAX || offset != (*at)->size)
        return ERR_BAD_ARGS;
    if ((*at)->size + bytes.len > self->max_file) {
        discard(self, at);
        return reply_error(reply, "The file is too large: the limit is %zu bytes", self->max_file);
    }
    (*at)->seen_ms = self->env->mono(self->env);
    (*at)->size += bytes.len;
    (*at)->fresh = true;
    store_full_chunks(self, *at, bytes);
    if ((*at)->chunk.failed) {
        discard(self, at);
        return ERR_NO_MEMORY;
    }
    reply_nil(reply);
    return ERR_OK;
}

static void write_meta(files_t *self, const request_t *request, const files_upload_t *upload,
                       const files_meta_t *old, files_meta_t *meta)
{
    str_t id = str_of(upload->id), path = str_of(upload->path);
    mp_t none = {0};
    files_begin_meta(self, request, none, old, meta);
    mime_t mime = mime_of(path, false);
    meta->mime = upload->mime[0] ? str_of(upload->mime) : mime.type;
    meta->binary = upload->mime[0] ? !mime_is_text(path, meta->mime) : !mime.text;
    meta->size = upload->size;
    meta->generation = upload->generation;
    files_store_finish(self->store, id, path, meta, old);
}

err_t files_on_finish(void *arg, const request_t *request, reply_t *reply)
{
    files_t *self = arg;
    files_upload_t **at = find_upload(self, request);
    files_meta_t old, meta;
    bool found = false;
    if (!at)
        return reply_error(reply, "Unknown upload");
    files_upload_t *upload = *at;
    str_t id = str_of(upload->id), path = str_of(upload->path);
    err_t err = check_target(self, request, reply, id, path, &old, &found);
    if (err != ERR_OK) {
        discard(self, at);
        return err;
    }
    if (upload->chunk.len > 0)
        files_store_put_chunk(self->store, upload->generation, upload->chunks++,
                              buf_str(&upload->chunk));
    write_meta(self, request, upload, found ? &old : NULL, &meta);
    files_publish(self, request, id, path, (int64_t)meta.size, &meta);
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_map(out, 3);
    mp_put_cstr(out, "size");
    mp_put_uint(out, meta.size);
    mp_put_cstr(out, "etag");
    put_etag(out, &meta);
    mp_put_cstr(out, "created");
    mp_put_bool(out, !found);
    upload->fresh = upload->over = true; /* freed when the batch is written */
    return ERR_OK;
}

err_t files_on_abort(void *arg, const request_t *request, reply_t *reply)
{
    files_t *self = arg;
    files_upload_t **at = find_upload(self, request);
    if (!at)
        return reply_error(reply, "Unknown upload");
    discard(self, at);
    reply_nil(reply);
    return ERR_OK;
}
