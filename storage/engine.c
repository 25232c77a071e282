/* SPDX-License-Identifier: MIT */
#include "storage/engine.h"

#include <stdlib.h>
#include <string.h>

#include "storage/engine_ops.h"

int engine_durability_parse(const char *name)
{
    static const struct {
        const char *name;
        engine_durability_t durability;
    } rows[] = {{"none", ENGINE_NONE}, {"process", ENGINE_PROCESS}, {"power", ENGINE_POWER}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return (int)rows[i].durability;
    }
    return -1;
}

void engine_close(engine_t **self_p)
{
    if (*self_p)
        (*self_p)->ops->close(*self_p);
    *self_p = NULL;
}

/* --- reading and writing --------------------------------------------------------------------- */

static err_t get(engine_t *self, str_t key, bool once, buf_t *out, bool *found)
{
    *found = false;
    if (key.len == 0)
        return ERR_OK;
    err_t err = self->ops->get(self, key, once, out, found);
    return err == ERR_OK && out->failed ? ERR_NO_MEMORY : err;
}

err_t engine_get(engine_t *self, str_t key, buf_t *out, bool *found)
{
    return get(self, key, false, out, found);
}

err_t engine_get_once(engine_t *self, str_t key, buf_t *out, bool *found)
{
    return get(self, key, true, out, found);
}

void engine_put(engine_t *self, str_t key, str_t value)
{
    if (key.len > 0)
        self->ops->put(self, key, value);
}

void engine_delete(engine_t *self, str_t key)
{
    if (key.len > 0)
        self->ops->remove(self, key);
}

size_t engine_pending(const engine_t *self)
{
    return self->ops->pending(self);
}

err_t engine_commit(engine_t *self)
{
    return self->ops->commit(self);
}

void engine_rollback(engine_t *self)
{
    self->ops->rollback(self);
}

bool engine_read_only(const engine_t *self)
{
    return self->ops->read_only(self);
}

int64_t engine_tick(engine_t *self, int64_t mono_ms)
{
    return self->ops->tick(self, mono_ms);
}

err_t engine_checkpoint(engine_t *self, const char *path, buf_t *why)
{
    return self->ops->checkpoint(self, path, why);
}

/* --- scans ----------------------------------------------------------------------------------- */

static engine_scan_t *begin(engine_scan_t *self, str_t prefix, str_t from)
{
    buf_append_str(&self->prefix, prefix);
    engine_scan_seek(self, from);
    return self;
}

engine_scan_t *engine_scan_new(engine_t *self, str_t prefix, str_t from)
{
    return begin(self->ops->scan(self, prefix), prefix, from);
}

void engine_scan_seek(engine_scan_t *self, str_t from)
{
    str_t prefix = buf_str(&self->prefix);
    self->ended = self->prefix.failed;
    self->ops->seek(self, str_cmp(from, prefix) < 0 ? prefix : from);
}

static bool has_prefix(str_t key, str_t prefix)
{
    return key.len >= prefix.len && (!prefix.len || memcmp(key.p, prefix.p, prefix.len) == 0);
}

bool engine_scan_next(engine_scan_t *self, str_t *key, str_t *value)
{
    if (self->ended)
        return false;
    bool more = self->ops->next(self, key, value);
    if (more && key->len == 0)
        more = self->ops->next(self, key, value);
    self->ended = !more || !has_prefix(*key, buf_str(&self->prefix));
    return !self->ended;
}

err_t engine_scan_error(const engine_scan_t *self)
{
    return self->prefix.failed ? ERR_NO_MEMORY : self->ops->error(self);
}

void engine_scan_destroy(engine_scan_t **self_p)
{
    engine_scan_t *self = *self_p;
    if (!self)
        return;
    buf_fini(&self->prefix);
    self->ops->destroy(self);
    *self_p = NULL;
}

/* --- snapshots ------------------------------------------------------------------------------- */

engine_snapshot_t *engine_snapshot_new(engine_t *self)
{
    return self->ops->snapshot(self);
}

err_t engine_snapshot_get(engine_snapshot_t *self, str_t key, buf_t *out, bool *found)
{
    *found = false;
    if (key.len == 0)
        return ERR_OK;
    err_t err = self->ops->get(self, key, out, found);
    return err == ERR_OK && out->failed ? ERR_NO_MEMORY : err;
}

engine_scan_t *engine_snapshot_scan(engine_snapshot_t *self, str_t prefix, str_t from)
{
    return begin(self->ops->scan(self, prefix), prefix, from);
}

void engine_snapshot_destroy(engine_snapshot_t **self_p)
{
    if (*self_p)
        (*self_p)->ops->destroy(*self_p);
    *self_p = NULL;
}

/* --- format version -------------------------------------------------------------------------- */

void engine_format_write(buf_t *out, uint32_t format)
{
    buf_printf(out, "%u", format);
}

err_t engine_format_check(const engine_options_t *options, str_t stored, buf_t *why)
{
    uint64_t format = 0;
    bool sound = stored.len > 0 && stored.len < 10;
    for (size_t i = 0; sound && i < stored.len; i++) {
        sound = stored.p[i] >= '0' && stored.p[i] <= '9';
        format = format * 10 + (uint64_t)(stored.p[i] - '0');
    }
    if (!sound) {
        buf_printf(why, "%s: data in %s is damaged: it has no format version", options->name,
                   options->path);
        return ERR_DAMAGED;
    }
    if (format > options->format) {
        buf_printf(why, "%s: data in %s has format %llu, this program knows formats up to %u",
                   options->name, options->path, (unsigned long long)format, options->format);
        return ERR_NEWER_FORMAT;
    }
    return ERR_OK;
}
