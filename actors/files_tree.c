/* SPDX-License-Identifier: MIT */
/* unlink, deleteFile, deleteFolder, rename, renameFile: what moves or goes as a whole, in one
 * batch. Everything is checked before the first change, because a handler cannot take back a part
 * of the batch. Source: commands.md 2.5, data-model.md 6.5, 6.6. */
#include "actors/files_ctx.h"

/* --- deleting --------------------------------------------------------------------------------- */

/* Whether everything in a folder may go. *count: files and made folders in it. */
static err_t check_delete(files_t *self, const request_t *request, const files_target_t *target,
                          size_t *count)
{
    files_entry_t entry;
    err_t err = ERR_OK;
    *count = 0;
    files_walk_t *walk = files_walk_new(self->store, target->id, target->path);
    while (err == ERR_OK && files_walk_next(walk, &entry)) {
        if (++*count > FILES_ENTRIES_MAX)
            err = ERR_TOO_LARGE;
        else if (!files_allowed(self, request, entry.folder ? NULL : &entry.meta, RIGHT_WRITE))
            err = ERR_PERMISSION;
    }
    if (err == ERR_OK)
        err = files_walk_error(walk);
    files_walk_destroy(&walk);
    return err;
}

/* The walk enters `folder`: publishes those from *at upwards that it has left. */
static void enter_folder(files_t *self, const request_t *request, str_t id, buf_t *at, str_t folder)
{
    while (at->len > 0 && !str_eq(folder, buf_str(at)) &&
           !files_path_is_below(folder, buf_str(at))) {
        files_publish(self, request, id, buf_str(at), -1, NULL);
        at->len = files_path_folder(buf_str(at)).len;
    }
    buf_reset(at);
    buf_append_str(at, folder);
}

/* One event for each file and folder, children first. */
static err_t delete_folder(files_t *self, const request_t *request, const files_target_t *target)
{
    files_entry_t entry;
    buf_t at = {0};
    buf_append_str(&at, target->path);
    files_walk_t *walk = files_walk_new(self->store, target->id, target->path);
    while (files_walk_next(walk, &entry)) {
        if (entry.folder) {
            enter_folder(self, request, target->id, &at, entry.path);
            files_store_remove_folder(self->store, target->id, entry.path);
            continue;
        }
        enter_folder(self, request, target->id, &at, files_path_folder(entry.path));
        files_store_remove(self->store, target->id, entry.path, &entry.meta);
        files_publish(self, request, target->id, entry.path, -1, &entry.meta);
    }
    while (at.len > 0 && at.len >= target->path.len) {
        files_publish(self, request, target->id, buf_str(&at), -1, NULL);
        at.len = files_path_folder(buf_str(&at)).len;
    }
    err_t err = files_walk_error(walk);
    files_walk_destroy(&walk);
    buf_fini(&at);
    return err;
}

/* Deletes a file, or a folder with all that is in it. */
static err_t delete_path(files_t *self, const request_t *request, const files_target_t *target,
                         bool *found)
{
    files_meta_t meta;
    size_t count;
    err_t err = files_store_find(self->store, target->id, target->path, &self->hold, &meta, found);
    if (err != ERR_OK)
        return err;
    if (*found) {
        if (!files_allowed(self, request, &meta, RIGHT_WRITE))
            return ERR_PERMISSION;
        files_store_remove(self->store, target->id, target->path, &meta);
        files_publish(self, request, target->id, target->path, -1, &meta);
        return ERR_OK;
    }
    err = check_delete(self, request, target, &count);
    *found = err == ERR_OK && count > 0;
    return *found ? delete_folder(self, request, target) : err;
}

static bool names_something(const files_target_t *target)
{
    return target->kind == FILES_PATH_FINE || target->kind == FILES_PATH_ROOT;
}

/* unlink and deleteFolder: what is not there is no error, "" is the whole storage. */
err_t files_on_unlink(void *arg, const request_t *request, reply_t *reply)
{
    files_t *self = arg;
    files_target_t target;
    str_t name;
    bool found;
    err_t err = files_arg_ends_with(request, reply, 1, "name", &name);
    if (err == ERR_OK)
        err = files_target(self, request, reply, name, FILES_META_ID, &target);
    if (err == ERR_OK && !files_may(self, request, "delete"))
        err = ERR_PERMISSION;
    if (err == ERR_OK && names_something(&target))
        err = delete_path(self, request, &target, &found);
    if (err == ERR_OK)
        reply_nil(reply);
    return err;
}

err_t files_on_delete_file(void *arg, const request_t *request, reply_t *reply)
{
    files_t *self = arg;
    files_target_t target;
    str_t name;
    bool found = false;
    err_t err = files_arg_text(request, reply, 1, "name", &name);
    if (err == ERR_OK)
        err = files_target(self, request, reply, name, FILES_ANY_ID, &target);
    if (err == ERR_OK && !files_may(self, request, "delete"))
        err = ERR_PERMISSION;
    if (err == ERR_OK && target.kind == FILES_PATH_FINE)
        err = delete_path(self, request, &target, &found);
    if (err != ERR_OK)
        return err;
    if (!found)
        return ERR_NOT_EXISTS;
    reply_nil(reply);
    reply_nil(reply);
    return ERR_OK;
}

/* --- renaming --------------------------------------------------------------------------------- */

typedef struct {
    files_t *self;
    const request_t *request;
    reply_t *reply;
    str_t id;
    str_t from; /* clean */
    str_t to;   /* clean */
    bool merge; /* the folder `to` is there: what has the same name is replaced */
    buf_t path; /* new name of the entry that is looked at */
} rename_t;

static str_t new_name(rename_t *rename, str_t path)
{
    buf_reset(&rename->path);
    buf_append_str(&rename->path, rename->to);
    buf_append_str(&rename->path, (str_t){path.p + rename->from.len, path.len - rename->from.len});
    return buf_str(&rename->path);
}

/* Whether a file may get this name; *over: the file that it replaces is there, with this meta. */
static err_t check_new_name(rename_t *rename, str_t to, files_meta_t *meta, bool *over)
{
    files_t *self = rename->self;
    err_t err = files_store_find(self->store, rename->id, to, &self->over, meta, over);
    if (err != ERR_OK)
        return err;
    if (*over)
        return files_allowed(self, rename->request, meta, RIGHT_WRITE) ? ERR_OK : ERR_PERMISSION;
    return files_check_free(self, rename->reply, rename->id, to);
}

static err_t rename_file(rename_t *rename, const files_meta_t *meta)
{
    files_meta_t replaced;
    bool over;
    if (!files_allowed(rename->self, rename->request, meta, RIGHT_WRITE))
        return ERR_PERMISSION;
    err_t err = check_new_name(rename, rename->to, &replaced, &over);
    if (err == ERR_OK)
        files_store_move(rename->self->store, rename->id, rename->from, rename->to, meta,
                         over ? &replaced : NULL);
    return err;
}

static err_t check_entry(rename_t *rename, const files_entry_t *entry)
{
    files_meta_t replaced;
    bool over, blocked;
    size_t at = 0;
    str_t to = new_name(rename, entry->path);
    if (to.len > FILES_PATH_MAX)
        return files_refuse_name(rename->reply, FILES_PATH_TOO_LONG);
    if (!files_allowed(rename->self, rename->request, entry->folder ? NULL : &entry->meta,
                       RIGHT_WRITE))
        return ERR_PERMISSION;
    if (!rename->merge)
        return ERR_OK;
    if (!entry->folder)
        return check_new_name(rename, to, &replaced, &over);
    err_t err = files_store_blocked(rename->self->store, rename->id, to, &blocked, &at);
    if (err == ERR_OK && blocked)
        err = reply_error(rename->reply, "\"%.*s\" is a file", (int)at, to.p);
    return err;
}

static err_t move_entry(rename_t *rename, const files_entry_t *entry)
{
    files_t *self = rename->self;
    files_meta_t replaced;
    bool over = false;
    str_t to = new_name(rename, entry->path);
    if (entry->folder) {
        files_store_remove_folder(self->store, rename->id, entry->path);
        files_store_put_folder(self->store, rename->id, to);
        return ERR_OK;
    }
    if (rename->merge) {
        err_t err = files_store_find(self->store, rename->id, to, &self->over, &replaced, &over);
        if (err != ERR_OK)
            return err;
    }
    files_store_move(self->store, rename->id, entry->path, to, &entry->meta,
                     over ? &replaced : NULL);
    return ERR_OK;
}

typedef err_t entry_fn(rename_t *rename, const files_entry_t *entry);

static err_t each_entry(rename_t *rename, entry_fn *visit)
{
    files_entry_t entry;
    size_t count = 0;
    err_t err = ERR_OK;
    files_walk_t *walk = files_walk_new(rename->self->store, rename->id, rename->from);
    while (err == ERR_OK && files_walk_next(walk, &entry))
        err = ++count > FILES_ENTRIES_MAX ? ERR_TOO_LARGE : visit(rename, &entry);
    if (err == ERR_OK)
        err = files_walk_error(walk);
    files_walk_destroy(&walk);
    return err;
}

static err_t rename_folder(rename_t *rename)
{
    files_t *self = rename->self;
    files_meta_t meta;
    bool is_file;
    if (files_path_is_below(rename->to, rename->from))
        return reply_error(rename->reply, "A folder cannot be moved into itself");
    err_t err = files_store_find(self->store, rename->id, rename->to, &self->over, &meta, &is_file);
    if (err != ERR_OK)
        return err;
    if (is_file)
        return reply_error(rename->reply, "\"%.*s\" is a file", STR_ARG(rename->to));
    err = files_store_is_folder(self->store, rename->id, rename->to, &rename->merge);
    if (err == ERR_OK)
        err = each_entry(rename, check_entry);
    if (err == ERR_OK)
        err = each_entry(rename, move_entry);
    return err;
}

/* *found: whether there is something to rename. As in the original nothing happens, without an
 * error, when the folder of the new name is missing. */
static err_t rename_path(rename_t *rename, bool *found)
{
    files_t *self = rename->self;
    files_meta_t meta;
    bool is_file, is_folder = false, has_folder;
    err_t err =
        files_store_find(self->store, rename->id, rename->from, &self->hold, &meta, &is_file);
    if (err == ERR_OK && !is_file)
        err = files_store_is_folder(self->store, rename->id, rename->from, &is_folder);
    *found = is_file || is_folder;
    if (err != ERR_OK || !*found || str_eq(rename->from, rename->to))
        return err;
    err =
        files_store_is_folder(self->store, rename->id, files_path_folder(rename->to), &has_folder);
    if (err != ERR_OK || !has_folder)
        return err;
    return is_file ? rename_file(rename, &meta) : rename_folder(rename);
}

static err_t run_rename(files_t *self, const request_t *request, reply_t *reply, str_t from,
                        str_t to, files_need_t need, bool *found)
{
    files_target_t target;
    *found = false;
    err_t err = files_target(self, request, reply, from, need, &target);
    if (err == ERR_OK && !files_may(self, request, "write"))
        err = ERR_PERMISSION;
    if (err != ERR_OK)
        return err;
    buf_reset(&self->other);
    files_path_t kind = files_path_clean(target.id, to, &self->other);
    if (target.kind == FILES_PATH_ROOT || kind != FILES_PATH_FINE)
        return files_refuse_name(reply, kind);
    if (target.kind != FILES_PATH_FINE)
        return ERR_OK;
    err = files_check_reserved(reply, buf_str(&self->other));
    if (err != ERR_OK)
        return err;
    rename_t rename = {.self = self,
                       .request = request,
                       .reply = reply,
                       .id = target.id,
                       .from = target.path,
                       .to = buf_str(&self->other)};
    err = rename_path(&rename, found);
    buf_fini(&rename.path);
    return err;
}

/* What is not there is no error. */
err_t files_on_rename(void *arg, const request_t *request, reply_t *reply)
{
    str_t from, to;
    bool found;
    err_t err = files_arg_ends_with(request, reply, 1, "oldName", &from);
    if (err == ERR_OK)
        err = files_arg_ends_with(request, reply, 2, "newName", &to);
    if (err == ERR_OK)
        err = run_rename(arg, request, reply, from, to, FILES_META_ID, &found);
    if (err == ERR_OK)
        reply_nil(reply);
    return err;
}

err_t files_on_rename_file(void *arg, const request_t *request, reply_t *reply)
{
    str_t from, to;
    bool found;
    err_t err = files_arg_text(request, reply, 1, "oldName", &from);
    if (err == ERR_OK)
        err = files_arg_text(request, reply, 2, "newName", &to);
    if (err == ERR_OK)
        err = run_rename(arg, request, reply, from, to, FILES_ANY_ID, &found);
    if (err == ERR_OK && !found)
        err = ERR_NOT_EXISTS;
    if (err == ERR_OK)
        reply_nil(reply);
    return err;
}
