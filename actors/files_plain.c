/* SPDX-License-Identifier: MIT */
/* The plain verbs for import, export and backup: files as they are, without a look at the objects.
 * A folder that was made as such appears as the virtual file FOLDER/_data.json, which is how the
 * original keeps it. */
#include <string.h>

#include "actors/files_ctx.h"
#include "actors/js_text.h"
#include "actors/mime.h"
#include "bus/json.h"

#define SCAN_BYTES_MAX (16u << 20) /* of one answer, so that it fits a message of the bus */

/* Only the system and administrators: these verbs ask for no rights of files. */
static err_t check_caller(const files_t *self, const request_t *request)
{
    return files_is_admin(self, request) ? ERR_OK : ERR_PERMISSION;
}

static err_t plain_target(files_t *self, const request_t *request, reply_t *reply,
                          files_target_t *out)
{
    str_t id, path;
    err_t err = check_caller(self, request);
    if (err == ERR_OK)
        err = files_arg_text(request, reply, 0, "id", &id);
    if (err == ERR_OK)
        err = files_arg_text(request, reply, 1, "path", &path);
    if (err != ERR_OK)
        return err;
    buf_reset(&self->id);
    buf_reset(&self->path);
    out->kind = files_path_clean_id(id, &self->id)
                    ? files_path_clean(buf_str(&self->id), path, &self->path)
                    : FILES_PATH_NOWHERE;
    out->id = buf_str(&self->id);
    out->path = buf_str(&self->path);
    return out->kind == FILES_PATH_FINE ? ERR_OK : files_refuse_name(reply, out->kind);
}

static bool is_mark(str_t path)
{
    return str_is(files_path_last(path), FILES_FOLDER_MARK);
}

/* --- files.put -------------------------------------------------------------------------------- */

/* Bytes whose name says nothing are text when they can be shown as such. */
static bool looks_like_text(str_t bytes)
{
    return json_utf8_valid(bytes) && (bytes.len == 0 || !memchr(bytes.p, 0, bytes.len));
}

static int64_t time_of(mp_t meta, const char *key, int64_t fallback)
{
    mp_t value;
    int64_t ms;
    return mp_find(meta, key, &value) && mp_read_int(&value, &ms) ? ms : fallback;
}

static void take_meta(files_t *self, mp_t given, str_t path, bool is_text, files_meta_t *meta)
{
    mp_t acl, value;
    uint32_t mode;
    int64_t now = self->env->now(self->env);
    mime_t mime = mime_of(path, is_text);
    *meta = (files_meta_t){.mime = mime.type,
                           .owner = STR_LIT("system.user.admin"),
                           .group = STR_LIT("system.group.administrator"),
                           .permissions = FILES_DEFAULT_MODE};
    if (mp_find_str(given, "mimeType", &meta->mime))
        mime.text = mime_is_text(path, meta->mime);
    meta->binary = !mime.text;
    (void)mp_find_bool(given, "binary", &meta->binary); /* absent: by the type */
    meta->modified_ms = time_of(given, "modifiedAt", now);
    meta->created_ms = time_of(given, "createdAt", meta->modified_ms);
    if (!mp_find(given, "acl", &acl))
        return;
    (void)mp_find_str(acl, "owner", &meta->owner); /* absent: as above */
    (void)mp_find_str(acl, "ownerGroup", &meta->group);
    if (mp_find(acl, "permissions", &value) && files_mode_of(value, &mode))
        meta->permissions = mode;
}

static err_t put_folder(files_t *self, reply_t *reply, const files_target_t *target)
{
    bool blocked = false;
    size_t at = 0;
    str_t path = files_path_folder(target->path);
    err_t err = files_check_reserved(reply, path);
    if (err == ERR_OK)
        err = files_store_blocked(self->store, target->id, path, &blocked, &at);
    if (err == ERR_OK && blocked)
        return reply_error(reply, "\"%.*s\" is a file", (int)at, path.p);
    if (err == ERR_OK) {
        files_store_put_folder(self->store, target->id, path);
        reply_nil(reply);
    }
    return err;
}

static err_t put_file(files_t *self, const request_t *request, reply_t *reply,
                      const files_target_t *target, str_t bytes, bool is_text)
{
    files_meta_t old, meta;
    mp_t given;
    bool found;
    if (bytes.len > self->max_file)
        return reply_error(reply, "The file is too large: %zu bytes, the limit is %zu", bytes.len,
                           self->max_file);
    err_t err = files_store_find(self->store, target->id, target->path, &self->hold, &old, &found);
    if (err == ERR_OK && !found)
        err = files_check_free(self, reply, target->id, target->path);
    if (err != ERR_OK)
        return err;
    (void)files_arg(request, 3, &given); /* anything but a map counts as none */
    take_meta(self, given, target->path, is_text, &meta);
    files_store_write(self->store, target->id, target->path, &meta, bytes, found ? &old : NULL);
    files_publish(self, request, target->id, target->path, (int64_t)bytes.len, &meta);
    reply_nil(reply);
    return ERR_OK;
}

err_t files_on_put(void *arg, const request_t *request, reply_t *reply)
{
    files_t *self = arg;
    files_target_t target;
    mp_t data;
    str_t bytes;
    err_t err = plain_target(self, request, reply, &target);
    if (err != ERR_OK)
        return err;
    (void)files_arg(request, 2, &data);
    bool is_text = mp_read_str(&data, &bytes);
    if (!is_text && !mp_read_bin(&data, &bytes))
        return ERR_BAD_ARGS;
    if (is_mark(target.path))
        return put_folder(self, reply, &target);
    buf_reset(&self->data);
    if (is_text && !json_utf8_valid(bytes)) {
        js_text_to_bytes(&self->data, bytes);
        bytes = buf_str(&self->data);
    }
    is_text = is_text || (!mime_is_known(target.path) && looks_like_text(bytes));
    err =
        self->data.failed ? ERR_NO_MEMORY : put_file(self, request, reply, &target, bytes, is_text);
    buf_reset(&self->data);
    return err;
}

/* --- files.get -------------------------------------------------------------------------------- */

static void put_mark_meta(buf_t *out)
{
    mp_put_map(out, 2);
    mp_put_cstr(out, "virtualFile");
    mp_put_bool(out, true);
    mp_put_cstr(out, "size");
    mp_put_int(out, 0);
}

static err_t get_folder(files_t *self, reply_t *reply, const files_target_t *target)
{
    bool is_folder;
    str_t path = files_path_folder(target->path);
    err_t err = files_store_is_folder(self->store, target->id, path, &is_folder);
    if (err != ERR_OK || !is_folder)
        return err != ERR_OK ? err : ERR_NOT_EXISTS;
    reply_nil(reply);
    mp_put_bin(reply_value(reply), "", 0);
    put_mark_meta(reply_value(reply));
    return ERR_OK;
}

err_t files_on_get(void *arg, const request_t *request, reply_t *reply)
{
    files_t *self = arg;
    files_target_t target;
    files_meta_t meta;
    bool found;
    err_t err = plain_target(self, request, reply, &target);
    if (err != ERR_OK)
        return err;
    err = files_store_find(self->store, target.id, target.path, &self->hold, &meta, &found);
    if (err == ERR_OK && !found && is_mark(target.path))
        return get_folder(self, reply, &target);
    if (err == ERR_OK && !found)
        err = ERR_NOT_EXISTS;
    buf_reset(&self->data);
    if (err == ERR_OK)
        err = files_store_read(self->store, &meta, &self->data);
    if (err != ERR_OK)
        return err;
    reply_nil(reply);
    mp_put_bin(reply_value(reply), self->data.data, self->data.len);
    files_put_meta(reply_value(reply), &meta);
    buf_reset(&self->data);
    return reply->body.failed ? ERR_NO_MEMORY : ERR_OK;
}

/* --- files.scan ------------------------------------------------------------------------------- */

/* Where to go on: [id, path] of the last entry, or nil. */
static bool read_position(mp_t value, str_t *id, str_t *path)
{
    mp_t first, second;
    *id = *path = (str_t){"", 0};
    if (mp_type(value) == MP_NIL)
        return true;
    return mp_at(value, 0, &first) && mp_read_str(&first, id) && mp_at(value, 1, &second) &&
           mp_read_str(&second, path);
}

/* "dir/" for a made folder: what is in it follows. */
static void put_position(buf_t *out, const files_entry_t *entry)
{
    buf_t path = {0};
    buf_append_str(&path, entry->path);
    if (entry->folder)
        buf_append_byte(&path, '/');
    mp_put_array(out, 2);
    mp_put_str(out, entry->id);
    mp_put_str(out, buf_str(&path));
    buf_fini(&path);
}

static void put_row(buf_t *out, const files_entry_t *entry)
{
    buf_t path = {0};
    buf_append_str(&path, entry->path);
    if (entry->folder) {
        if (path.len > 0)
            buf_append_byte(&path, '/');
        buf_append_cstr(&path, FILES_FOLDER_MARK);
    }
    mp_put_array(out, 3);
    mp_put_str(out, entry->id);
    mp_put_str(out, buf_str(&path));
    if (entry->folder)
        put_mark_meta(out);
    else
        files_put_meta(out, &entry->meta);
    buf_fini(&path);
}

static err_t scan(files_walk_t *walk, int64_t limit, reply_t *reply)
{
    files_entry_t entry;
    uint32_t count = 0;
    buf_t rows = {0}, next = {0};
    while (count < limit && rows.len < SCAN_BYTES_MAX && files_walk_next(walk, &entry)) {
        put_row(&rows, &entry);
        buf_reset(&next);
        put_position(&next, &entry);
        count++;
    }
    bool more = count > 0 && (count == limit || rows.len >= SCAN_BYTES_MAX);
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_array(out, count);
    buf_append_str(out, buf_str(&rows));
    if (more)
        reply_raw(reply, mp_of_buf(&next));
    else
        reply_nil(reply);
    bool failed = rows.failed || next.failed || reply->body.failed;
    buf_fini(&rows);
    buf_fini(&next);
    return failed ? ERR_NO_MEMORY : files_walk_error(walk);
}

err_t files_on_scan(void *arg, const request_t *request, reply_t *reply)
{
    files_t *self = arg;
    mp_t position, value;
    str_t id, path;
    int64_t limit;
    err_t err = check_caller(self, request);
    if (err != ERR_OK)
        return err;
    (void)files_arg(request, 0, &position);
    (void)files_arg(request, 1, &value);
    if (!read_position(position, &id, &path) || !mp_read_int(&value, &limit) || limit < 1 ||
        limit > FILES_ENTRIES_MAX)
        return ERR_BAD_ARGS;
    files_walk_t *walk = files_walk_all(self->store, id, path);
    err = scan(walk, limit, reply);
    files_walk_destroy(&walk);
    return err;
}
