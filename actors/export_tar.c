/* SPDX-License-Identifier: MIT */
#include "actors/export_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES 65536u

struct export_tar {
    char *path;
    char *temporary; /* "" when it has taken its place */
    int fd;
    struct archive *archive;
    locale_t utf8, before;
};

struct export_spool {
    FILE *file;
    uint64_t size;
};

static err_t fail(buf_t *why, const char *what, const char *error)
{
    buf_printf(why, "%s: %s", what, error ? error : "unknown error");
    return ERR_IO;
}

static err_t fail_archive(const export_tar_t *self, buf_t *why)
{
    return fail(why, self->path, archive_error_string(self->archive));
}

static char *beside(const char *path)
{
    size_t size = strlen(path) + sizeof ".XXXXXX";
    char *name = malloc(size);
    assert(name);
    snprintf(name, size, "%s.XXXXXX", path);
    return name;
}

static bool open_archive(export_tar_t *self)
{
    self->archive = archive_write_new();
    assert(self->archive);
    return archive_write_set_format_pax_restricted(self->archive) == ARCHIVE_OK &&
           archive_write_add_filter_gzip(self->archive) == ARCHIVE_OK &&
           archive_write_set_filter_option(self->archive, "gzip", "timestamp", NULL) ==
               ARCHIVE_OK &&
           archive_write_set_format_option(self->archive, NULL, "hdrcharset", "UTF-8") ==
               ARCHIVE_OK &&
           archive_write_open_fd(self->archive, self->fd) == ARCHIVE_OK;
}

export_tar_t *export_tar_open(const char *path, buf_t *why)
{
    export_tar_t *self = calloc(1, sizeof *self);
    assert(self);
    self->path = strdup(path);
    self->temporary = beside(path);
    assert(self->path);
    /* libarchive converts names by the locale, and "C" has only ASCII. */
    self->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    self->before = self->utf8 ? uselocale(self->utf8) : (locale_t)0;
    self->fd = mkostemp(self->temporary, O_CLOEXEC);
    if (self->fd < 0) {
        fail(why, path, strerror(errno));
        self->temporary[0] = '\0';
        export_tar_destroy(&self);
    } else if (!open_archive(self)) {
        fail_archive(self, why);
        export_tar_destroy(&self);
    }
    return self;
}

static err_t begin_entry(export_tar_t *self, const char *name, uint64_t size, int64_t mtime_ms,
                         buf_t *why)
{
    struct archive_entry *entry = archive_entry_new();
    assert(entry);
    archive_entry_set_pathname_utf8(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)size);
    archive_entry_set_mtime(entry, mtime_ms / 1000, 0);
    int result = archive_write_header(self->archive, entry);
    archive_entry_free(entry);
    return result == ARCHIVE_OK ? ERR_OK : fail_archive(self, why);
}

static err_t put_bytes(export_tar_t *self, str_t bytes, buf_t *why)
{
    while (bytes.len > 0) {
        la_ssize_t written = archive_write_data(self->archive, bytes.p, bytes.len);
        if (written <= 0)
            return fail_archive(self, why);
        bytes.p += written;
        bytes.len -= (size_t)written;
    }
    return ERR_OK;
}

err_t export_tar_add(export_tar_t *self, const char *name, str_t bytes, int64_t mtime_ms,
                     buf_t *why)
{
    err_t err = begin_entry(self, name, bytes.len, mtime_ms, why);
    return err == ERR_OK ? put_bytes(self, bytes, why) : err;
}

err_t export_tar_add_spool(export_tar_t *self, const char *name, export_spool_t *spool, buf_t *why)
{
    char block[BLOCK_BYTES];
    err_t err = begin_entry(self, name, spool->size, 0, why);
    if (err != ERR_OK)
        return err;
    if (fflush(spool->file) != 0 || fseek(spool->file, 0, SEEK_SET) != 0)
        return fail(why, "temporary file", strerror(errno));
    for (uint64_t left = spool->size; left > 0 && err == ERR_OK;) {
        size_t got = fread(block, 1, left < sizeof block ? left : sizeof block, spool->file);
        if (got == 0)
            return fail(why, "temporary file", "it cannot be read");
        err = put_bytes(self, (str_t){block, got}, why);
        left -= got;
    }
    return err;
}

/* mkstemp makes files that only their owner may read; an archive has the usual permissions. */
static void use_umask(int fd)
{
    mode_t mask = umask(0);
    umask(mask);
    (void)fchmod(fd, 0666 & ~mask); /* on failure the archive stays private */
}

err_t export_tar_finish(export_tar_t *self, buf_t *why)
{
    if (archive_write_close(self->archive) != ARCHIVE_OK)
        return fail_archive(self, why);
    use_umask(self->fd);
    if (fsync(self->fd) != 0 || rename(self->temporary, self->path) != 0)
        return fail(why, self->path, strerror(errno));
    self->temporary[0] = '\0';
    return ERR_OK;
}

void export_tar_destroy(export_tar_t **self_p)
{
    export_tar_t *self = *self_p;
    if (!self)
        return;
    if (self->temporary[0])
        unlink(self->temporary);
    if (self->archive)
        archive_write_free(self->archive);
    if (self->fd >= 0)
        close(self->fd);
    if (self->utf8) {
        uselocale(self->before);
        freelocale(self->utf8);
    }
    free(self->temporary);
    free(self->path);
    free(self);
    *self_p = NULL;
}

/* --- spool ----------------------------------------------------------------------------------- */

export_spool_t *export_spool_open(const export_tar_t *tar, buf_t *why)
{
    char *name = beside(tar->path);
    export_spool_t *self = calloc(1, sizeof *self);
    assert(self);
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    self->file = fd >= 0 ? fdopen(fd, "w+") : NULL;
    if (!self->file) {
        fail(why, "temporary file", strerror(errno));
        if (fd >= 0)
            close(fd);
        free(self);
        self = NULL;
    }
    free(name);
    return self;
}

err_t export_spool_write(export_spool_t *self, str_t bytes, buf_t *why)
{
    if (bytes.len > 0 && fwrite(bytes.p, 1, bytes.len, self->file) != bytes.len)
        return fail(why, "temporary file", strerror(errno));
    self->size += bytes.len;
    return ERR_OK;
}

void export_spool_destroy(export_spool_t **self_p)
{
    export_spool_t *self = *self_p;
    if (!self)
        return;
    fclose(self->file);
    free(self);
    *self_p = NULL;
}
