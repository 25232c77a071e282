/* SPDX-License-Identifier: MIT */
/* Files as clients see them in answers (data-model.md 6.3, 6.4) and in events (6.6). */
#include <stdio.h>
#include <time.h>

#include "actors/files_ctx.h"

#define REGULAR_FILE 0100644 /* stats.mode of every file: there is no file system behind it */
#define TIME_MAX_MS 253402300799999 /* the end of the year 9999 */

static void put_iso_time(buf_t *out, const char *key, int64_t ms)
{
    char text[40];
    struct tm parts;
    if (ms < 0 || ms > TIME_MAX_MS)
        ms = 0;
    time_t seconds = (time_t)(ms / 1000);
    gmtime_r(&seconds, &parts);
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + len, sizeof text - len, ".%03dZ", (int)(ms % 1000));
    mp_put_cstr(out, key);
    mp_put_cstr(out, text);
}

static void put_stats(buf_t *out, const files_meta_t *meta)
{
    mp_put_cstr(out, "stats");
    if (!meta) {
        mp_put_map(out, 0);
        return;
    }
    mp_put_map(out, 6);
    mp_put_cstr(out, "mode");
    mp_put_int(out, REGULAR_FILE);
    mp_put_cstr(out, "size");
    mp_put_uint(out, meta->size);
    put_iso_time(out, "atime", meta->modified_ms);
    put_iso_time(out, "mtime", meta->modified_ms);
    put_iso_time(out, "ctime", meta->modified_ms);
    put_iso_time(out, "birthtime", meta->created_ms);
}

static void put_owners(buf_t *out, const files_meta_t *meta)
{
    mp_put_cstr(out, "owner");
    mp_put_str(out, meta->owner);
    mp_put_cstr(out, "ownerGroup");
    mp_put_str(out, meta->group);
    mp_put_cstr(out, "permissions");
    mp_put_uint(out, meta->permissions);
}

static void put_times(buf_t *out, const files_meta_t *meta)
{
    mp_put_cstr(out, "modifiedAt");
    mp_put_int(out, meta->modified_ms);
    mp_put_cstr(out, "createdAt");
    mp_put_int(out, meta->created_ms);
}

void files_put_entry(buf_t *out, str_t name, const files_meta_t *meta, bool is_admin)
{
    mp_put_map(out, meta ? 6 : 3);
    mp_put_cstr(out, "file");
    mp_put_str(out, name);
    put_stats(out, meta);
    mp_put_cstr(out, "isDir");
    mp_put_bool(out, !meta);
    if (!meta)
        return;
    mp_put_cstr(out, "acl");
    mp_put_map(out, 5);
    put_owners(out, meta);
    mp_put_cstr(out, "read");
    mp_put_bool(out, is_admin || (meta->permissions & RIGHT_READ));
    mp_put_cstr(out, "write");
    mp_put_bool(out, is_admin || (meta->permissions & RIGHT_WRITE));
    put_times(out, meta);
}

void files_put_changed(buf_t *out, str_t path, const files_meta_t *meta)
{
    mp_put_map(out, 7);
    mp_put_cstr(out, "path");
    mp_put_str(out, files_path_folder(path));
    mp_put_cstr(out, "file");
    mp_put_str(out, files_path_last(path));
    put_stats(out, meta);
    mp_put_cstr(out, "isDir");
    mp_put_bool(out, false);
    mp_put_cstr(out, "acl");
    mp_put_map(out, 3);
    put_owners(out, meta);
    put_times(out, meta);
}

void files_put_meta(buf_t *out, const files_meta_t *meta)
{
    mp_put_map(out, 6);
    mp_put_cstr(out, "acl");
    mp_put_map(out, 3);
    put_owners(out, meta);
    mp_put_cstr(out, "mimeType");
    mp_put_str(out, meta->mime);
    mp_put_cstr(out, "binary");
    mp_put_bool(out, meta->binary);
    mp_put_cstr(out, "size");
    mp_put_uint(out, meta->size);
    put_times(out, meta);
}

static void put_acl(buf_t *out, const files_meta_t *meta)
{
    mp_put_map(out, 3);
    put_owners(out, meta);
}

void files_publish(files_t *self, const request_t *request, str_t id, str_t path, int64_t size,
                   const files_meta_t *meta)
{
    buf_t args = {0}, acl = {0};
    files_meta_t fallback;
    if (!meta)
        files_default_acl(self, &fallback);
    put_acl(&acl, meta ? meta : &fallback);
    mp_put_array(&args, 3);
    mp_put_str(&args, id);
    mp_put_str(&args, path);
    if (size < 0)
        mp_put_nil(&args);
    else
        mp_put_int(&args, size);
    if (!args.failed && !acl.failed)
        self->env->publish(self->env, "fileChange", request, mp_of_buf(&acl), mp_of_buf(&args));
    buf_fini(&args);
    buf_fini(&acl);
}

void files_publish_rights(files_t *self, const request_t *request, str_t id)
{
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_str(&args, id);
    if (!args.failed)
        self->env->publish(self->env, "rightsChange", request, (mp_t){NULL, NULL},
                           mp_of_buf(&args));
    buf_fini(&args);
}
