/* SPDX-License-Identifier: MIT */
/* readFile, readFile64, fileExists, readDir. Source: commands.md 2.5, data-model.md 6.4, 6.5, 6.7.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base64.h"
#include "actors/files_ctx.h"
#include "actors/js_text.h"
#include "bus/json.h"

/* --- reading a file --------------------------------------------------------------------------- */

/* The file that a command wants to read, its bytes in self->data. ERR_NOT_EXISTS; *folder: it is
 * one, which is no error to the original. */
static err_t read_target(files_t *self, const request_t *request, reply_t *reply,
                         files_target_t *target, files_meta_t *meta, bool *folder)
{
    str_t name;
    bool found = false;
    *folder = false;
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
    if (err == ERR_OK && !found)
        err = files_store_is_folder(self->store, target->id, target->path, folder);
    if (err == ERR_OK && !found && !*folder)
        err = ERR_NOT_EXISTS;
    buf_reset(&self->data);
    if (err == ERR_OK && found)
        err = files_store_read(self->store, meta, &self->data);
    return err;
}

/* The bytes as node's toString gives them. */
static str_t as_text(files_t *self)
{
    str_t bytes = buf_str(&self->data);
    if (json_utf8_valid(bytes))
        return bytes;
    buf_reset(&self->text);
    js_text_from_bytes(&self->text, bytes);
    return buf_str(&self->text);
}

static err_t three_nils(reply_t *reply)
{
    reply_nil(reply);
    reply_nil(reply);
    reply_nil(reply);
    return ERR_OK;
}

err_t files_on_read_file(void *arg, const request_t *request, reply_t *reply)
{
    files_t *self = arg;
    files_target_t target;
    files_meta_t meta;
    bool folder;
    err_t err = read_target(self, request, reply, &target, &meta, &folder);
    if (err != ERR_OK)
        return err;
    if (folder)
        return three_nils(reply);
    reply_nil(reply);
    if (meta.binary)
        mp_put_bin(reply_value(reply), self->data.data, self->data.len);
    else
        reply_str(reply, as_text(self));
    reply_str(reply, meta.mime);
    buf_reset(&self->data);
    buf_reset(&self->text);
    return reply->body.failed ? ERR_NO_MEMORY : ERR_OK;
}

static bool ends_with(str_t text, const char *end)
{
    size_t len = strlen(end);
    return text.len >= len && memcmp(text.p + text.len - len, end, len) == 0;
}

/* JSON is percent-encoded before it is encoded again, in the original since its version 1.4.0. */
static bool is_json(const files_target_t *target, const files_meta_t *meta)
{
    return str_is(meta->mime, "application/json") || str_is(meta->mime, "application/json5") ||
           ends_with(target->path, ".json5");
}

static err_t read_file64(files_t *self, const files_target_t *target, const files_meta_t *meta,
                         reply_t *reply)
{
    buf_t encoded = {0};
    str_t bytes = buf_str(&self->data);
    if (is_json(target, meta)) {
        str_t text = as_text(self);
        js_text_uri_component(&encoded, text);
        bytes = buf_str(&encoded);
    }
    buf_t base64 = {0};
    base64_encode(&base64, bytes);
    bool failed = encoded.failed || base64.failed;
    buf_fini(&encoded);
    buf_reset(&self->data);
    buf_reset(&self->text);
    reply_nil(reply);
    reply_str(reply, buf_str(&base64));
    reply_str(reply, meta->mime);
    buf_fini(&base64);
    return failed || reply->body.failed ? ERR_NO_MEMORY : ERR_OK;
}

err_t files_on_read_file64(void *arg, const request_t *request, reply_t *reply)
{
    files_t *self = arg;
    files_target_t target;
    files_meta_t meta;
    bool folder;
    err_t err = read_target(self, request, reply, &target, &meta, &folder);
    if (err != ERR_OK && err != ERR_NOT_EXISTS)
        return err;
    if (err == ERR_OK && !folder)
        return read_file64(self, &target, &meta, reply);
    if (folder) {
        reply_nil(reply);
    } else {
        (void)reply_error(reply, "%s", err_text(err)); /* its code is returned below */
    }
    reply_str(reply, (str_t){"", 0});
    return folder ? ERR_OK : ERR_CUSTOM;
}

err_t files_on_file_exists(void *arg, const request_t *request, reply_t *reply)
{
    files_t *self = arg;
    files_target_t target;
    files_meta_t meta;
    str_t id, name;
    bool found = false;
    err_t err = files_arg_text(request, reply, 0, "_adapter", &id);
    if (err == ERR_OK)
        err = files_arg_text(request, reply, 1, "filename", &name);
    if (err == ERR_OK)
        err = files_target(self, request, reply, name, FILES_ANY_ID, &target);
    if (err != ERR_OK)
        return err;
    if (target.kind == FILES_PATH_FINE)
        err = files_store_find(self->store, target.id, target.path, &self->hold, &meta, &found);
    if (err != ERR_OK)
        return err;
    if (!files_may(self, request, "read") ||
        !files_allowed(self, request, found ? &meta : NULL, RIGHT_READ))
        return reply_error(reply, "Cannot check file existence of \"%.*s\": %s",
                           STR_ARG(files_shown(id)), err_text(ERR_PERMISSION));
    reply_nil(reply);
    reply_bool(reply, found);
    return ERR_OK;
}

/* --- listing a folder ------------------------------------------------------------------------- */

typedef struct {
    size_t name_at, name_len;
    size_t entry_at, entry_len;
} row_t;

typedef struct {
    buf_t names;
    buf_t entries;
    row_t *rows;
    size_t len, cap;
    bool sorted; /* byte order is the order of the answer */
} list_t;

static void list_fini(list_t *self)
{
    buf_fini(&self->names);
    buf_fini(&self->entries);
    free(self->rows);
}

static bool add_row(list_t *self, str_t name, const files_meta_t *meta, bool is_admin)
{
    if (self->len == self->cap) {
        size_t cap = self->cap ? self->cap * 2 : 64;
        row_t *rows = realloc(self->rows, cap * sizeof *rows);
        if (!rows)
            return false;
        self->rows = rows;
        self->cap = cap;
    }
    row_t *row = &self->rows[self->len++];
    row->name_at = self->names.len;
    row->name_len = name.len;
    buf_append_str(&self->names, name);
    row->entry_at = self->entries.len;
    files_put_entry(&self->entries, name, meta, is_admin);
    row->entry_len = self->entries.len - row->entry_at;
    for (size_t i = 0; i < name.len; i++)
        self->sorted = self->sorted && (uint8_t)name.p[i] < 0xee;
    return !self->names.failed && !self->entries.failed;
}

/* Order of UTF-16 code units: characters beyond U+FFFF (first byte f0 and up) are surrogates there
 * and sort before U+E000 to U+FFFF (first byte ee, ef). Everything else is the order of bytes. */
static int compare_names(str_t a, str_t b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < common; i++) {
        uint8_t x = (uint8_t)a.p[i], y = (uint8_t)b.p[i];
        if (x == y)
            continue;
        bool swapped = x >= 0xee && y >= 0xee && (x >= 0xf0) != (y >= 0xf0);
        return (x < y) == swapped ? 1 : -1;
    }
    return (a.len > b.len) - (a.len < b.len);
}

static int compare_rows(const void *a, const void *b, void *arg)
{
    const list_t *self = arg;
    const row_t *x = a, *y = b;
    const char *names = (const char *)self->names.data;
    return compare_names((str_t){names + x->name_at, x->name_len},
                         (str_t){names + y->name_at, y->name_len});
}

static void put_list(list_t *self, reply_t *reply)
{
    if (!self->sorted && self->len > 1)
        qsort_r(self->rows, self->len, sizeof *self->rows, compare_rows, self);
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_array(out, (uint32_t)self->len);
    for (size_t i = 0; i < self->len; i++)
        buf_append(out, self->entries.data + self->rows[i].entry_at, self->rows[i].entry_len);
}

static err_t answer_list(list_t *self, err_t err, reply_t *reply)
{
    if (err == ERR_OK)
        put_list(self, reply);
    list_fini(self);
    return err == ERR_OK && reply->body.failed ? ERR_NO_MEMORY : err;
}

static err_t list_storages(files_t *self, const request_t *request, reply_t *reply)
{
    list_t list = {.sorted = true};
    buf_t last = {0}, next = {0};
    if (!replica_ready(self->replica))
        return ERR_UNAVAILABLE;
    err_t err = files_may(self, request, "list") ? ERR_OK : ERR_PERMISSION;
    while (err == ERR_OK && files_store_next_id(self->store, buf_str(&last), &next, &err)) {
        if (list.len == FILES_ENTRIES_MAX)
            err = ERR_TOO_LARGE;
        else if (!add_row(&list, buf_str(&next), NULL, false))
            err = ERR_NO_MEMORY;
        buf_reset(&last);
        buf_append_str(&last, buf_str(&next));
    }
    buf_fini(&last);
    buf_fini(&next);
    return answer_list(&list, err, reply);
}

static err_t list_folder(files_t *self, const request_t *request, const files_target_t *target,
                         list_t *list)
{
    files_entry_t entry;
    err_t err = ERR_OK;
    bool is_admin = files_is_admin(self, request);
    files_walk_t *walk = files_walk_new(self->store, target->id, target->path);
    while (err == ERR_OK && files_walk_next_child(walk, &entry)) {
        str_t name = files_path_last(entry.path);
        if (list->len == FILES_ENTRIES_MAX)
            err = ERR_TOO_LARGE;
        else if (!add_row(list, name, entry.folder ? NULL : &entry.meta, is_admin))
            err = ERR_NO_MEMORY;
    }
    if (err == ERR_OK)
        err = files_walk_error(walk);
    files_walk_destroy(&walk);
    return err;
}

err_t files_on_read_dir(void *arg, const request_t *request, reply_t *reply)
{
    files_t *self = arg;
    list_t list = {.sorted = true};
    files_target_t target;
    files_meta_t meta;
    mp_t id;
    str_t name, id_text;
    bool found = false;
    err_t err = files_arg_text(request, reply, 1, "path", &name);
    if (err != ERR_OK)
        return err;
    (void)files_arg(request, 0, &id); /* a wrong type is told by files_target */
    if (mp_read_str(&id, &id_text) && id_text.len == 0)
        return list_storages(self, request, reply);
    err = files_target(self, request, reply, name, FILES_META_ID, &target);
    if (err != ERR_OK)
        return err;
    if (!files_may(self, request, "read") || !files_may(self, request, "list"))
        return ERR_PERMISSION;
    if (target.kind == FILES_PATH_FINE) {
        err = files_store_find(self->store, target.id, target.path, &self->hold, &meta, &found);
        if (err == ERR_OK && found && !files_allowed(self, request, &meta, RIGHT_READ))
            err = ERR_PERMISSION;
    }
    if (err == ERR_OK && (target.kind == FILES_PATH_FINE || target.kind == FILES_PATH_ROOT))
        err = list_folder(self, request, &target, &list);
    return answer_list(&list, err, reply);
}
