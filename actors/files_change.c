/* SPDX-License-Identifier: MIT */
/* chmodFile, chownFile: the acl of one file, or of the files in a folder. Source: commands.md 2.5,
 * data-model.md 6.5. */
#include "actors/files_ctx.h"

typedef struct {
    const files_target_t *target;
    bool owners; /* chownFile: owner and group; otherwise the mode */
    uint32_t mode;
    str_t owner;
    str_t group;
    bool deep;        /* everything below the folder, not only what is directly in it */
    bool folder_only; /* the name ended with a star: it means no file */
    buf_t list;       /* entries of the answer */
    uint32_t count;
} change_t;

static void apply(files_t *self, change_t *change, str_t path, files_meta_t *meta)
{
    if (change->owners) {
        meta->owner = change->owner;
        meta->group = change->group;
    } else {
        meta->permissions = change->mode;
    }
    files_store_put_meta(self->store, change->target->id, path, meta);
    files_put_changed(&change->list, path, meta);
    change->count++;
}

/* Files of others are left alone, silently, as in the original. */
static err_t apply_to_folder(files_t *self, const request_t *request, change_t *change)
{
    files_entry_t entry;
    err_t err = ERR_OK;
    files_walk_t *walk = files_walk_new(self->store, change->target->id, change->target->path);
    while (err == ERR_OK &&
           (change->deep ? files_walk_next(walk, &entry) : files_walk_next_child(walk, &entry))) {
        if (entry.folder || !files_allowed(self, request, &entry.meta, RIGHT_WRITE))
            continue;
        if (change->count == FILES_ENTRIES_MAX)
            err = ERR_TOO_LARGE;
        else
            apply(self, change, entry.path, &entry.meta);
    }
    if (err == ERR_OK)
        err = files_walk_error(walk);
    files_walk_destroy(&walk);
    return err;
}

static err_t apply_change(files_t *self, const request_t *request, change_t *change)
{
    files_meta_t meta;
    bool found = false;
    const files_target_t *target = change->target;
    if (!files_may(self, request, "write"))
        return ERR_PERMISSION;
    if (target->kind == FILES_PATH_ROOT && !change->folder_only)
        return ERR_NOT_EXISTS;
    if (target->kind != FILES_PATH_FINE && target->kind != FILES_PATH_ROOT)
        return ERR_OK; /* finds nothing */
    if (!change->folder_only) {
        err_t err =
            files_store_find(self->store, target->id, target->path, &self->hold, &meta, &found);
        if (err != ERR_OK)
            return err;
    }
    if (!found)
        return apply_to_folder(self, request, change);
    if (!files_allowed(self, request, &meta, RIGHT_WRITE))
        return ERR_PERMISSION;
    apply(self, change, target->path, &meta);
    return ERR_OK;
}

/* "dir*": the folder and everything in it, "dir/" + "*": the files directly in it. */
static str_t without_star(str_t name, change_t *change)
{
    if (name.len == 0 || name.p[name.len - 1] != '*')
        return name;
    name.len--;
    change->folder_only = true;
    change->deep = name.len == 0 || name.p[name.len - 1] != '/';
    return name;
}

static err_t run(files_t *self, const request_t *request, reply_t *reply, change_t *change)
{
    files_target_t target;
    str_t name;
    err_t err = files_arg_text(request, reply, 1, "path", &name);
    if (err == ERR_OK) {
        name = without_star(name, change);
        err = files_target(self, request, reply, name, FILES_ANY_ID, &target);
    }
    if (err == ERR_OK) {
        change->target = &target;
        err = apply_change(self, request, change);
    }
    if (change->count > 0)
        files_publish_rights(self, request, target.id);
    if (err == ERR_OK) {
        reply_nil(reply);
        buf_t *out = reply_value(reply);
        mp_put_array(out, change->count);
        buf_append_str(out, buf_str(&change->list));
    }
    if (change->list.failed)
        err = ERR_NO_MEMORY;
    buf_fini(&change->list);
    return err;
}

err_t files_on_chmod(void *arg, const request_t *request, reply_t *reply)
{
    change_t change = {0};
    mp_t options, mode;
    (void)files_arg(request, 2, &options); /* every wrong type is "no options" */
    if (!mp_find(options, "mode", &mode) || !files_mode_of(mode, &change.mode))
        return reply_error(reply, "no options");
    return run(arg, request, reply, &change);
}

err_t files_on_chown(void *arg, const request_t *request, reply_t *reply)
{
    files_t *self = arg;
    change_t change = {.owners = true, .owner = request->caller.user};
    mp_t options;
    (void)files_arg(request, 2, &options); /* every wrong type is "no options" */
    if (mp_type(options) != MP_MAP)
        return reply_error(reply, "no options");
    (void)mp_find_str(options, "owner", &change.owner); /* absent: the caller */
    if (change.owner.len > FILES_ID_MAX)
        return reply_error(reply, "invalid parameter");
    if (change.owner.len == 0)
        change.owner = STR_LIT("system.user.admin");
    if (!mp_find_str(options, "ownerGroup", &change.group) || change.group.len == 0)
        change.group = rights_first_group(self->rights, change.owner);
    if (change.group.len > FILES_ID_MAX)
        return reply_error(reply, "invalid parameter");
    if (change.group.len == 0)
        return reply_error(reply, "user \"%.*s\" belongs to no group",
                           STR_ARG(files_shown(change.owner)));
    return run(self, request, reply, &change);
}
