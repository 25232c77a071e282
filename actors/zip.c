/* SPDX-License-Identifier: MIT */
#include "actors/zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <assert.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "actors/safe_text.h"
#include "bus/json.h"

#define BLOCK_BYTES 65536u
#define ARCHIVE_MIN 22 /* bytes of the shortest one, with nothing in it */
#define SHOWN_MAX 100  /* bytes of a name in an error */

/* libarchive converts names by the locale, and "C" has only ASCII. */
typedef struct {
    locale_t utf8, before;
} names_t;

static names_t begin_names(void)
{
    names_t names = {newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), (locale_t)0};
    if (names.utf8)
        names.before = uselocale(names.utf8);
    return names;
}

static void end_names(names_t *names)
{
    if (!names->utf8)
        return;
    uselocale(names->before);
    freelocale(names->utf8);
}

/* --- names ----------------------------------------------------------------------------------- */

static bool part_is_fine(str_t part)
{
    return part.len > 0 && !str_is(part, ".") && !str_is(part, "..");
}

bool zip_name_fine(str_t name)
{
    size_t start = 0;
    if (name.len == 0 || name.len > ZIP_NAME_MAX || !json_utf8_valid(name))
        return false;
    for (size_t i = 0; i <= name.len; i++) {
        if (i < name.len && name.p[i] != '/') {
            if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f || name.p[i] == '\\')
                return false;
            continue;
        }
        if (!part_is_fine((str_t){name.p + start, i - start}))
            return false;
        start = i + 1;
    }
    return true;
}

/* --- reading --------------------------------------------------------------------------------- */

typedef struct {
    struct archive *archive;
    const zip_limits_t *limits;
    zip_file_fn *each;
    void *arg;
    size_t entries, total;
    buf_t bytes; /* of one file */
    buf_t *why;
} reader_t;

static err_t refuse(reader_t *self, const char *what, str_t name)
{
    buf_append_cstr(self->why, what);
    if (name.len > 0) {
        buf_append_cstr(self->why, " \"");
        safe_text_put(self->why, name, SHOWN_MAX);
        buf_append_cstr(self->why, "\"");
    }
    return ERR_CUSTOM;
}

static err_t refuse_damage(reader_t *self)
{
    static const str_t none = {"", 0};
    return refuse(self, "The archive is damaged, or no zip archive", none);
}

static err_t read_bytes(reader_t *self, str_t name)
{
    buf_reset(&self->bytes);
    for (;;) {
        if (!buf_reserve(&self->bytes, BLOCK_BYTES))
            return ERR_NO_MEMORY;
        la_ssize_t got =
            archive_read_data(self->archive, self->bytes.data + self->bytes.len, BLOCK_BYTES);
        if (got < 0)
            return refuse(self, "The archive is damaged at", name);
        if (got == 0)
            return ERR_OK;
        self->bytes.len += (size_t)got;
        self->total += (size_t)got;
        if (self->bytes.len > self->limits->max_file || self->total > self->limits->max_total)
            return refuse(self, "The archive holds too much, at", name);
    }
}

static err_t take_entry(reader_t *self, struct archive_entry *entry)
{
    const char *text = archive_entry_pathname_utf8(entry);
    str_t name = str_of(text ? text : "");
    bool is_folder =
        archive_entry_filetype(entry) == AE_IFDIR || (name.len > 0 && name.p[name.len - 1] == '/');
    if (++self->entries > self->limits->max_entries)
        return refuse(self, "The archive holds too many files, at", name);
    if (archive_entry_is_encrypted(entry))
        return refuse(self, "The archive is encrypted, at", name);
    if (is_folder && name.len > 0)
        name.len -= name.p[name.len - 1] == '/';
    if (!zip_name_fine(name))
        return refuse(self, "The archive holds a name that is not allowed:", name);
    if (is_folder)
        return ERR_OK;
    if (archive_entry_hardlink(entry) || archive_entry_symlink(entry) ||
        archive_entry_filetype(entry) != AE_IFREG)
        return refuse(self, "The archive holds something that is no file:", name);
    if (archive_entry_size_is_set(entry) &&
        (uint64_t)archive_entry_size(entry) > self->limits->max_file)
        return refuse(self, "The archive holds too much, at", name);
    err_t err = read_bytes(self, name);
    return err != ERR_OK ? err : self->each(self->arg, name, buf_str(&self->bytes), self->why);
}

static err_t read_entries(reader_t *self)
{
    struct archive_entry *entry;
    err_t err = ERR_OK;
    while (err == ERR_OK) {
        int result = archive_read_next_header(self->archive, &entry);
        if (result == ARCHIVE_EOF)
            return ERR_OK;
        err = result == ARCHIVE_OK || result == ARCHIVE_WARN ? take_entry(self, entry)
                                                             : refuse_damage(self);
    }
    return err;
}

err_t zip_read(str_t data, const zip_limits_t *limits, zip_file_fn *each, void *arg, buf_t *why)
{
    reader_t reader = {.limits = limits, .each = each, .arg = arg, .why = why};
    if (data.len < ARCHIVE_MIN)
        return refuse_damage(&reader);
    names_t names = begin_names();
    err_t err = ERR_NO_MEMORY;
    reader.archive = archive_read_new();
    if (reader.archive) {
        (void)archive_read_support_format_zip(reader.archive);
        err = archive_read_open_memory(reader.archive, data.p, data.len) == ARCHIVE_OK
                  ? read_entries(&reader)
                  : refuse_damage(&reader);
        archive_read_free(reader.archive);
    }
    buf_fini(&reader.bytes);
    end_names(&names);
    return err;
}

/* --- writing --------------------------------------------------------------------------------- */

struct zip_writer {
    struct archive *archive;
    buf_t out;
};

static la_ssize_t take_bytes(struct archive *archive, void *arg, const void *data, size_t len)
{
    zip_writer_t *self = arg;
    (void)archive;
    buf_append(&self->out, data, len);
    return self->out.failed ? -1 : (la_ssize_t)len;
}

zip_writer_t *zip_writer_new(void)
{
    zip_writer_t *self = calloc(1, sizeof *self);
    assert(self);
    names_t names = begin_names();
    self->archive = archive_write_new();
    bool open = self->archive && archive_write_set_format_zip(self->archive) == ARCHIVE_OK &&
                archive_write_set_format_option(self->archive, "zip", "hdrcharset", "UTF-8") ==
                    ARCHIVE_OK &&
                archive_write_set_bytes_in_last_block(self->archive, 1) == ARCHIVE_OK &&
                archive_write_open(self->archive, self, NULL, take_bytes, NULL) == ARCHIVE_OK;
    end_names(&names);
    if (!open)
        zip_writer_destroy(&self);
    return self;
}

void zip_writer_destroy(zip_writer_t **self_p)
{
    zip_writer_t *self = *self_p;
    if (!self)
        return;
    if (self->archive)
        archive_write_free(self->archive);
    buf_fini(&self->out);
    free(self);
    *self_p = NULL;
}

static bool write_entry(zip_writer_t *self, const char *name, str_t bytes, int64_t mtime_ms)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname_utf8(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)bytes.len);
    archive_entry_set_mtime(entry, mtime_ms / 1000, 0);
    bool written = archive_write_header(self->archive, entry) == ARCHIVE_OK &&
                   archive_write_data(self->archive, bytes.p, bytes.len) == (la_ssize_t)bytes.len;
    archive_entry_free(entry);
    return written;
}

err_t zip_writer_add(zip_writer_t *self, str_t name, str_t bytes, int64_t mtime_ms)
{
    if (!zip_name_fine(name))
        return ERR_CUSTOM;
    char *text = str_dup(name);
    if (!text)
        return ERR_NO_MEMORY;
    names_t names = begin_names();
    bool written = write_entry(self, text, bytes, mtime_ms);
    end_names(&names);
    free(text);
    return written ? ERR_OK : ERR_NO_MEMORY;
}

err_t zip_writer_finish(zip_writer_t *self, buf_t *out)
{
    names_t names = begin_names();
    bool closed = archive_write_close(self->archive) == ARCHIVE_OK;
    end_names(&names);
    if (!closed || self->out.failed)
        return ERR_NO_MEMORY;
    buf_append_str(out, buf_str(&self->out));
    return out->failed ? ERR_NO_MEMORY : ERR_OK;
}
