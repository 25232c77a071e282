/* SPDX-License-Identifier: MIT */
#include "actors/files.h"

#include <assert.h>
#include <stdlib.h>

#include "actors/files_ctx.h"

/* --- what is known of the objects ------------------------------------------------------------- */

static void remember_meta(json_t *metas, str_t id, mp_t object)
{
    str_t type;
    if (mp_find_str(object, "type", &type) && str_is(type, "meta"))
        (void)json_object_setn_new_nocheck(metas, id.p, id.len,
                                           json_true()); /* no memory: refused */
    else
        (void)json_object_deln(metas, id.p, id.len); /* absent is fine */
}

static void drop_fresh(files_t *self)
{
    rights_destroy(&self->fresh_rights);
    json_decref(self->fresh_metas);
    self->fresh_metas = NULL;
}

static void reading_begins(void *arg)
{
    files_t *self = arg;
    drop_fresh(self);
    self->fresh_rights = rights_new();
    self->fresh_metas = json_object();
    assert(self->fresh_rights && self->fresh_metas);
}

static void object_is_known(void *arg, str_t id, mp_t object, bool live, str_t instance)
{
    files_t *self = arg;
    bool fresh = !live && self->fresh_rights;
    (void)instance;
    rights_feed(fresh ? self->fresh_rights : self->rights, id, object);
    remember_meta(fresh ? self->fresh_metas : self->metas, id, object);
}

static void reading_ends(void *arg)
{
    files_t *self = arg;
    if (!self->fresh_rights)
        return;
    rights_destroy(&self->rights);
    json_decref(self->metas);
    self->rights = self->fresh_rights;
    self->metas = self->fresh_metas;
    self->fresh_rights = NULL;
    self->fresh_metas = NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

static void files_close(void **self_p)
{
    files_t *self = *self_p;
    if (!self)
        return;
    files_uploads_close(self);
    replica_destroy(&self->replica);
    files_store_close(&self->store);
    rights_destroy(&self->rights);
    json_decref(self->metas);
    drop_fresh(self);
    buf_t *const buffers[] = {&self->id,   &self->path, &self->other, &self->hold,
                              &self->over, &self->data, &self->text};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        buf_fini(buffers[i]);
    free(self);
    *self_p = NULL;
}

static void files_reload(void *arg, const config_t *config)
{
    files_t *self = arg;
    self->max_file = (size_t)config_int(config, "max-file");
}

static err_t files_open(env_t *env, const config_t *config, void **self_p, buf_t *why)
{
    static const char *const types[] = {"meta", "user", "group", "config", NULL};
    static const replica_ops_t ops = {reading_begins, object_is_known, reading_ends};
    files_t *self = calloc(1, sizeof *self);
    assert(self);
    self->env = env;
    self->rights = rights_new();
    self->metas = json_object();
    self->replica = replica_new(env, types, &ops, self);
    assert(self->rights && self->metas && self->replica);
    files_reload(self, config);
    err_t err = files_store_open(&self->store, config, why);
    *self_p = self;
    if (err != ERR_OK)
        files_close(self_p);
    return err;
}

static err_t files_commit(void *arg)
{
    files_t *self = arg;
    err_t err = files_store_commit(self->store);
    files_uploads_committed(self, err == ERR_OK);
    return err;
}

static void files_event(void *arg, const event_t *event)
{
    replica_event(((files_t *)arg)->replica, event);
}

static void files_gap(void *arg, const char *actor)
{
    (void)actor; /* it follows one only */
    replica_gap(((files_t *)arg)->replica);
}

static int64_t files_tick(void *arg, int64_t mono_ms)
{
    files_t *self = arg;
    int64_t store_ms = files_store_tick(self->store, mono_ms);
    int64_t replica_ms = replica_tick(self->replica, mono_ms);
    int64_t uploads_ms = files_uploads_tick(self, mono_ms);
    int64_t least = store_ms < replica_ms ? store_ms : replica_ms;
    return least < uploads_ms ? least : uploads_ms;
}

static bool files_ready(void *arg, buf_t *why)
{
    files_t *self = arg;
    if (!replica_ready(self->replica)) {
        buf_append_cstr(why, "the objects are not known yet");
        return false;
    }
    if (files_store_read_only(self->store)) {
        buf_append_cstr(why, err_text(ERR_READ_ONLY));
        return false;
    }
    return true;
}

static const command_t commands[] = {
    /* name          handler                 min args  flags */
    {"readFile", files_on_read_file, 1, CMD_READ},
    {"readFile64", files_on_read_file64, 1, CMD_READ},
    {"fileExists", files_on_file_exists, 1, CMD_READ},
    {"readDir", files_on_read_dir, 1, CMD_READ},
    {"writeFile", files_on_write_file, 1, CMD_WRITE},
    {"writeFile64", files_on_write_file64, 1, CMD_WRITE},
    {"mkdir", files_on_mkdir, 1, CMD_WRITE},
    {"chmodFile", files_on_chmod, 1, CMD_WRITE},
    {"chownFile", files_on_chown, 1, CMD_WRITE},
    {"unlink", files_on_unlink, 1, CMD_WRITE},
    {"deleteFile", files_on_delete_file, 1, CMD_WRITE},
    {"deleteFolder", files_on_unlink, 1, CMD_WRITE},
    {"rename", files_on_rename, 1, CMD_WRITE},
    {"renameFile", files_on_rename_file, 1, CMD_WRITE},
    {"files.stat", files_on_stat, 2, CMD_READ},
    {"files.read", files_on_read_piece, 5, CMD_READ},
    {"files.begin", files_on_begin, 2, CMD_WRITE},
    {"files.append", files_on_append, 3, CMD_WRITE},
    {"files.finish", files_on_finish, 1, CMD_WRITE},
    {"files.abort", files_on_abort, 1, CMD_WRITE},
    {"files.put", files_on_put, 3, CMD_WRITE},
    {"files.get", files_on_get, 2, CMD_READ},
    {"files.scan", files_on_scan, 2, CMD_READ},
    {NULL, NULL, 0, 0},
};

static const char *const follows[] = {"objects", NULL};

const actor_t files_actor = {
    .name = "files",
    .commands = commands,
    .follows = follows,
    .open = files_open,
    .close = files_close,
    .commit = files_commit,
    .event = files_event,
    .gap = files_gap,
    .tick = files_tick,
    .reload = files_reload,
    .ready = files_ready,
};
