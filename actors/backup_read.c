/* SPDX-License-Identifier: MIT */
#include "actors/backup_read.h"

#include <archive.h>
#include <archive_entry.h>
#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/history_import.h"
#include "actors/history_rules.h"
#include "actors/safe_text.h"
#include "actors/unpack.h"
#include "bus/json.h"

#define BLOCK_BYTES 65536u
#define SETS_BYTES_MAX (1024u * 1024 * 1024)
#define SET_ENTRY_BYTES 100          /* what a set needs for an entry beside its text */
#define HOST_MARK "$$__hostname__$$" /* what backups have instead of the name of their host */

typedef struct {
    unpack_t *source_bytes; /* borrowed */
    struct archive *archive;
    const char *host;
    backup_limits_t limits;
    backup_ops_t ops;
    void *arg;
    backup_summary_t *summary;
    buf_t *why;
    json_t *paths;      /* set of the names of files met */
    json_t *object_ids; /* set */
    json_t *state_ids;  /* set */
    json_t *recorded;   /* set of ids with recorded values */
    size_t set_bytes;   /* about what the sets take */
    uint64_t entries;
    int64_t mtime_ms;   /* of the entry */
    bool found;         /* something that makes it a backup */
    buf_t data;         /* a line, a file or a document */
    buf_t text;         /* the same with the host's name in it */
    buf_t value;        /* the same as msgpack */
    const char *source; /* where a value comes from, for messages: "objects.jsonl" */
    uint64_t line;      /* its line; 0: none */
} reader_t;

static err_t refuse(reader_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

static err_t refuse(reader_t *self, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (self->source && self->line)
        buf_printf(self->why, "%s:%llu: ", self->source, (unsigned long long)self->line);
    else if (self->source)
        buf_printf(self->why, "%s: ", self->source);
    buf_append_cstr(self->why, text);
    return ERR_CUSTOM;
}

static void skip_some(reader_t *self, uint64_t count, const char *reason, str_t what)
{
    backup_summary_t *summary = self->summary;
    size_t i = 0;
    while (i < BACKUP_SKIPS_MAX - 1 && summary->skips[i].reason &&
           strcmp(summary->skips[i].reason, reason) != 0)
        i++;
    if (!summary->skips[i].reason) {
        buf_t safe = {0};
        safe_text_put(&safe, what, BACKUP_EXAMPLE_MAX - 4);
        snprintf(summary->skips[i].example, BACKUP_EXAMPLE_MAX, "%.*s", STR_ARG(buf_str(&safe)));
        summary->skips[i].reason = reason;
        buf_fini(&safe);
    }
    summary->skips[i].count += count;
}

static void skip(reader_t *self, const char *reason, str_t what)
{
    skip_some(self, 1, reason, what);
}

/* Adds to a set; *is_new tells whether it was not there. All sets together are bounded. */
static err_t add_to_set(reader_t *self, json_t *set, str_t key, bool *is_new)
{
    size_t before = json_object_size(set);
    if (json_object_setn_new_nocheck(set, key.p, key.len, json_true()) != 0)
        return ERR_NO_MEMORY;
    *is_new = json_object_size(set) > before;
    self->set_bytes += *is_new ? key.len + SET_ENTRY_BYTES : 0;
    return self->set_bytes <= SETS_BYTES_MAX ? ERR_OK : refuse(self, "there are too many names");
}

/* --- bytes of an entry ----------------------------------------------------------------------- */

static err_t check_bomb(reader_t *self)
{
    const backup_limits_t *limits = &self->limits;
    uint64_t unpacked = unpack_unpacked(self->source_bytes);
    uint64_t packed = unpack_packed(self->source_bytes);
    if (unpacked > limits->max_total)
        return refuse(self, "more than %llu bytes are in it",
                      (unsigned long long)limits->max_total);
    if (unpacked > limits->ratio_from && unpacked / limits->max_ratio > packed)
        return refuse(self, "it unpacks to more than %llu times its size",
                      (unsigned long long)limits->max_ratio);
    if (self->ops.progress)
        self->ops.progress(self->arg, packed);
    return ERR_OK;
}

static err_t refuse_archive(reader_t *self)
{
    buf_t text = {0};
    const char *error = archive_error_string(self->archive);
    safe_text_put(&text, str_of(error ? error : "unknown error"), 200);
    err_t err = refuse(self, "the archive is damaged: %.*s", STR_ARG(buf_str(&text)));
    buf_fini(&text);
    return err;
}

/* The next bytes of the entry; 0 at its end. */
static err_t read_block(reader_t *self, uint8_t *block, size_t size, size_t *got)
{
    la_ssize_t len = archive_read_data(self->archive, block, size);
    *got = len > 0 ? (size_t)len : 0;
    if (len < 0)
        return refuse_archive(self);
    return check_bomb(self);
}

static err_t read_whole(reader_t *self, size_t max)
{
    size_t got = 1;
    buf_reset(&self->data);
    while (got > 0) {
        if (!buf_reserve(&self->data, BLOCK_BYTES))
            return ERR_NO_MEMORY;
        err_t err = read_block(self, self->data.data + self->data.len, BLOCK_BYTES, &got);
        if (err != ERR_OK)
            return err;
        self->data.len += got;
        if (self->data.len > max)
            return refuse(self, "larger than %zu bytes", max);
    }
    return ERR_OK;
}

static err_t read_past(reader_t *self)
{
    uint8_t block[BLOCK_BYTES];
    size_t got = 1;
    err_t err = ERR_OK;
    while (err == ERR_OK && got > 0)
        err = read_block(self, block, sizeof block, &got);
    return err;
}

/* --- values ---------------------------------------------------------------------------------- */

/* The text with the name of this host in the places that the backup left open. */
static str_t with_host(reader_t *self, str_t text)
{
    static const str_t mark = STR_LIT(HOST_MARK);
    const char *at = text.len ? memmem(text.p, text.len, mark.p, mark.len) : NULL;
    if (!at)
        return text;
    buf_reset(&self->text);
    const char *end = text.p + text.len;
    for (const char *from = text.p; from; from = at ? at + mark.len : NULL) {
        at = memmem(from, (size_t)(end - from), mark.p, mark.len);
        buf_append(&self->text, from, (size_t)((at ? at : end) - from));
        if (at)
            buf_append_cstr(&self->text, self->host);
    }
    return buf_str(&self->text);
}

/* Parses into self->value. What JSON may nest leaves room for what wraps it on the bus (json.h). */
static err_t parse(reader_t *self, str_t text, mp_t *value)
{
    buf_reset(&self->value);
    err_t err = json_to_mp(&self->value, with_host(self, text));
    if (err == ERR_OK && (self->value.failed || self->text.failed))
        err = ERR_NO_MEMORY;
    if (err == ERR_OK)
        *value = mp_of_buf(&self->value);
    else if (err != ERR_NO_MEMORY)
        err = refuse(self, "%s", err_text(err));
    return err;
}

/* What objects and states have in common: the id may be one, the size may be, and which of two
 * counts. */
static err_t check_value(reader_t *self, json_t *ids, str_t id, mp_t value, uint64_t *count)
{
    bool is_new;
    const char *fault = backup_id_check(id);
    if (fault)
        return refuse(self, "%s", fault);
    if (id.len + (size_t)(value.end - value.p) > self->limits.max_value)
        return refuse(self, "the value is larger than %zu bytes", self->limits.max_value);
    err_t err = add_to_set(self, ids, id, &is_new);
    if (err != ERR_OK)
        return err;
    if (is_new)
        (*count)++;
    else
        skip(self, "the id occurs again: the last one counts", id);
    return ERR_OK;
}

static err_t take_object(reader_t *self, str_t id, mp_t object)
{
    err_t err = check_value(self, self->object_ids, id, object, &self->summary->objects);
    if (err == ERR_OK && self->ops.object)
        err = self->ops.object(self->arg, id, object, self->why);
    return err;
}

static err_t take_state(reader_t *self, str_t id, mp_t state)
{
    if (mp_type(state) != MP_MAP) {
        skip(self, "the state has no value", id);
        return ERR_OK;
    }
    err_t err = check_value(self, self->state_ids, id, state, &self->summary->states);
    if (err == ERR_OK && self->ops.state)
        err = self->ops.state(self->arg, id, state, self->why);
    return err;
}

/* --- objects.jsonl, states.jsonl ------------------------------------------------------------- */

static err_t take_object_line(reader_t *self, mp_t value)
{
    str_t id;
    if (!mp_find_str(value, "_id", &id))
        return refuse(self, "the object has no _id");
    return take_object(self, id, value);
}

static err_t take_state_line(reader_t *self, mp_t value)
{
    str_t id;
    mp_t state;
    if (!mp_find_str(value, "id", &id) || !mp_find(value, "state", &state))
        return refuse(self, "the line has no id or no state");
    return take_state(self, id, state);
}

typedef err_t take_line_fn(reader_t *self, mp_t value);

static bool is_blank(str_t line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (line.p[i] != ' ' && line.p[i] != '\t' && line.p[i] != '\r')
            return false;
    }
    return true;
}

static err_t take_line(reader_t *self, str_t line, take_line_fn *take)
{
    mp_t value;
    self->line++;
    if (is_blank(line))
        return ERR_OK;
    if (line.len > self->limits.max_line)
        return refuse(self, "the line is longer than %zu bytes", self->limits.max_line);
    err_t err = parse(self, line, &value);
    if (err == ERR_OK && mp_type(value) != MP_MAP)
        err = refuse(self, "the line is no JSON object");
    return err == ERR_OK ? take(self, value) : err;
}

/* Takes the complete lines out of data; what is left starts an incomplete one. */
static err_t take_lines(reader_t *self, size_t fresh, take_line_fn *take)
{
    size_t start = 0, seen = self->data.len - fresh; /* no line ends before that */
    err_t err = ERR_OK;
    while (err == ERR_OK) {
        const char *from = (const char *)self->data.data + seen;
        const char *end = self->data.len > seen ? memchr(from, '\n', self->data.len - seen) : NULL;
        if (!end)
            break;
        size_t at = (size_t)(end - (const char *)self->data.data);
        err = take_line(self, (str_t){(const char *)self->data.data + start, at - start}, take);
        start = seen = at + 1;
    }
    buf_consume(&self->data, start);
    if (err == ERR_OK && self->data.len > self->limits.max_line) {
        self->line++;
        err = refuse(self, "the line is longer than %zu bytes", self->limits.max_line);
    }
    return err;
}

static err_t read_lines(reader_t *self, take_line_fn *take)
{
    size_t got = 1;
    err_t err = ERR_OK;
    buf_reset(&self->data);
    while (err == ERR_OK && got > 0) {
        if (!buf_reserve(&self->data, BLOCK_BYTES))
            return ERR_NO_MEMORY;
        err = read_block(self, self->data.data + self->data.len, BLOCK_BYTES, &got);
        if (err == ERR_OK) {
            self->data.len += got;
            err = take_lines(self, got, take);
        }
    }
    if (err == ERR_OK && self->data.len > 0)
        err = take_line(self, buf_str(&self->data), take);
    return err;
}

/* --- backup.json ----------------------------------------------------------------------------- */

/* A row is {id, value, doc}: doc and value are the same object, and older versions have only one of
 * them. */
static err_t take_row(reader_t *self, mp_t row)
{
    static const char *const places[] = {"doc", "value"};
    str_t id;
    mp_t object;
    for (size_t i = 0; i < 2; i++) {
        if (!mp_find(row, places[i], &object) || mp_type(object) != MP_MAP)
            continue;
        if (!mp_find_str(row, "id", &id) && !mp_find_str(object, "_id", &id))
            return refuse(self, "a row of objects has no id");
        return take_object(self, id, object);
    }
    if (!mp_find_str(row, "id", &id))
        return refuse(self, "a row of objects has no id");
    skip(self, "the row has no object", id);
    return ERR_OK;
}

static err_t take_rows(reader_t *self, mp_t rows)
{
    uint32_t count;
    mp_t row;
    err_t err = ERR_OK;
    if (!mp_read_array(&rows, &count))
        return refuse(self, "\"objects\" is no list of rows");
    for (uint32_t i = 0; i < count && err == ERR_OK && mp_next(&rows, &row); i++)
        err = take_row(self, row);
    return err;
}

static err_t take_states(reader_t *self, mp_t states)
{
    uint32_t count;
    str_t id;
    mp_t state;
    err_t err = ERR_OK;
    if (!mp_read_map(&states, &count))
        return refuse(self, "\"states\" is no object");
    for (uint32_t i = 0; i < count && err == ERR_OK; i++) {
        if (!mp_read_str(&states, &id) || !mp_next(&states, &state))
            return refuse(self, "\"states\" is no object");
        err = take_state(self, id, state);
    }
    return err;
}

static err_t read_document(reader_t *self)
{
    mp_t document, objects, states;
    err_t err = read_whole(self, self->limits.max_document);
    if (err == ERR_OK)
        err = parse(self, buf_str(&self->data), &document);
    if (err != ERR_OK)
        return err;
    if (!mp_find(document, "objects", &objects) || !mp_find(document, "states", &states))
        return refuse(self, "\"objects\" or \"states\" is missing");
    err = take_rows(self, objects);
    return err == ERR_OK ? take_states(self, states) : err;
}

/* --- recorded values ------------------------------------------------------------------------- */

typedef struct {
    reader_t *reader;
    str_t id;
    str_t path;
    uint64_t count; /* of rows so far */
    int64_t last;   /* time of the last one */
    err_t err;      /* what is to be reported */
} day_t;

static err_t take_row_of_day(day_t *day, mp_t row)
{
    reader_t *self = day->reader;
    int64_t ts = 0;
    bool is_new = false;
    mp_t first;
    if ((size_t)(row.end - row.p) > self->limits.max_row) {
        skip(self, "the value is too large", day->path);
        return ERR_OK;
    }
    if (mp_at(row, 0, &first))
        (void)mp_read_int(&first, &ts);
    if (day->count++ > 0 && ts == day->last)
        skip(self, "several values of one millisecond: the last one counts", day->path);
    else
        self->summary->values++;
    day->last = ts;
    err_t err = add_to_set(self, self->recorded, day->id, &is_new);
    self->summary->recorded += is_new;
    if (err == ERR_OK && self->ops.value)
        err = self->ops.value(self->arg, day->id, row, self->why);
    return err;
}

static err_t take_rows_of_day(void *arg, str_t rows)
{
    day_t *day = arg;
    mp_t list = mp_of(rows.p, rows.len), row;
    uint32_t count = 0;
    (void)mp_read_array(&list, &count);
    while (day->err == ERR_OK && count-- > 0 && mp_next(&list, &row))
        day->err = take_row_of_day(day, row);
    return day->err;
}

static const char *check_id(reader_t *self, str_t file_id, str_t *id)
{
    *id = file_id;
    if (self->ops.find_id && !self->ops.find_id(self->arg, file_id, id))
        return "several states have ids that fit the name";
    if (id->len > HISTORY_ID_MAX)
        return "the id is too long";
    return backup_id_check(*id);
}

static const char *day_fault(err_t err)
{
    switch (err) {
    case ERR_UTF8:
        return "damaged values: the text is not valid UTF-8";
    case ERR_TOO_DEEP:
        return "damaged values: they are nested too deeply";
    case ERR_BAD_ARGS:
        return "damaged values: they are no list";
    default:
        return "damaged values: invalid JSON";
    }
}

static err_t read_history(reader_t *self, const backup_path_t *path)
{
    history_day_t rows;
    day_t day = {.reader = self, .path = path->path};
    const char *fault = path->day.len ? check_id(self, path->id, &day.id)
                                      : "the name is not that of recorded values of a day";
    if (fault) {
        skip(self, fault, path->path);
        return read_past(self);
    }
    err_t err = read_whole(self, self->limits.max_document);
    if (err != ERR_OK)
        return err;
    err = history_read_day(buf_str(&self->data), path->day, take_rows_of_day, &day, &rows);
    if (day.err != ERR_OK || err == ERR_NO_MEMORY)
        return err;
    if (err != ERR_OK)
        skip(self, day_fault(err), path->path);
    if (rows.skipped > 0)
        skip_some(self, rows.skipped, "the value has no time", path->path);
    if (rows.outside > 0)
        skip_some(self, rows.outside, "the value is not of the day of its file", path->path);
    return ERR_OK;
}

/* --- entries --------------------------------------------------------------------------------- */

static err_t read_file(reader_t *self, const backup_path_t *path)
{
    err_t err = read_whole(self, self->limits.max_file);
    if (err != ERR_OK)
        return err;
    self->summary->files++;
    self->summary->file_bytes += self->data.len;
    if (self->ops.file)
        err = self->ops.file(self->arg, path->storage, path->name, buf_str(&self->data),
                             self->mtime_ms, self->why);
    return err;
}

static err_t read_config(reader_t *self)
{
    skip(self, "settings of the installation that made the backup", STR_LIT("config.json"));
    return read_past(self);
}

static err_t read_content(reader_t *self, const backup_path_t *path)
{
    self->line = 0;
    self->found = self->found || (path->kind != BACKUP_OTHER && path->kind != BACKUP_CONFIG);
    switch (path->kind) {
    case BACKUP_OBJECTS:
        return read_lines(self, take_object_line);
    case BACKUP_STATES:
        return read_lines(self, take_state_line);
    case BACKUP_DOCUMENT:
        return read_document(self);
    case BACKUP_CONFIG:
        return read_config(self);
    case BACKUP_FILE:
        return read_file(self, path);
    case BACKUP_HISTORY:
        return read_history(self, path);
    case BACKUP_OTHER:
        break;
    }
    skip(self, "iobus has no place for it", path->path);
    return read_past(self);
}

/* Only files and folders: a link could point anywhere, a device needs no backup. */
static const char *check_type(struct archive_entry *entry)
{
    if (archive_entry_hardlink(entry) || archive_entry_symlink(entry))
        return "the entry is a link";
    if (archive_entry_filetype(entry) != AE_IFREG && archive_entry_filetype(entry) != AE_IFDIR)
        return "the entry is neither file nor folder";
    return NULL;
}

/* As strcmp, but a slash comes before everything else: what is in a folder follows its name at
 * once. */
static int compare_names(const void *a, const void *b)
{
    const str_t *left = a, *right = b;
    size_t len = left->len < right->len ? left->len : right->len;
    for (size_t i = 0; i < len; i++) {
        int x = left->p[i] == '/' ? 0 : (unsigned char)left->p[i];
        int y = right->p[i] == '/' ? 0 : (unsigned char)right->p[i];
        if (x != y)
            return x - y;
    }
    return left->len < right->len ? -1 : left->len > right->len;
}

/* No name is that of a file and of a folder: the store of files would refuse it in the middle of
 * the work. */
static err_t check_folders(reader_t *self)
{
    size_t count = 0, total = json_object_size(self->paths);
    str_t *names = calloc(total + 1, sizeof *names);
    err_t err = names ? ERR_OK : ERR_NO_MEMORY;
    for (void *at = json_object_iter(self->paths); at && names;
         at = json_object_iter_next(self->paths, at))
        names[count++] = (str_t){json_object_iter_key(at), json_object_iter_key_len(at)};
    if (names)
        qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 1; i < count && err == ERR_OK; i++) {
        str_t name = names[i - 1], next = names[i];
        if (next.len <= name.len || next.p[name.len] != '/' ||
            memcmp(next.p, name.p, name.len) != 0)
            continue;
        safe_text_put(self->why, name, 200);
        err = refuse(self, ": the name is that of a file and of a folder");
    }
    free(names);
    return err;
}

static int64_t time_of(struct archive_entry *entry)
{
    int64_t seconds = archive_entry_mtime_is_set(entry) ? archive_entry_mtime(entry) : 0;
    return seconds > 0 && seconds < 4000000000 ? seconds * 1000 : 0;
}

static err_t take_entry(reader_t *self, struct archive_entry *entry)
{
    bool is_new = false;
    const char *name = archive_entry_pathname_utf8(entry);
    if (!name)
        name = archive_entry_pathname(entry);
    str_t path = str_of(name ? name : "");
    const char *fault = backup_path_check(path);
    if (!fault)
        fault = check_type(entry);
    if (++self->entries > self->limits.max_entries)
        fault = "there are too many entries";
    if (fault) {
        safe_text_put(self->why, path, 200);
        buf_append_cstr(self->why, ": ");
        return refuse(self, "%s", fault);
    }
    backup_path_t parsed = backup_path_parse(path);
    if (archive_entry_filetype(entry) == AE_IFDIR)
        return check_bomb(self);
    buf_t source = {0};
    safe_text_put(&source, parsed.path, 200);
    buf_append_byte(&source, '\0');
    self->source = (const char *)source.data;
    self->mtime_ms = time_of(entry);
    err_t err = add_to_set(self, self->paths, parsed.path, &is_new);
    if (err == ERR_OK && !is_new)
        err = refuse(self, "the name occurs twice");
    if (err == ERR_OK)
        err = read_content(self, &parsed);
    self->source = NULL;
    self->line = 0;
    buf_fini(&source);
    return err;
}

static err_t read_entries(reader_t *self)
{
    struct archive_entry *entry;
    for (;;) {
        int result = archive_read_next_header(self->archive, &entry);
        if (result == ARCHIVE_EOF)
            break;
        if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
            return refuse_archive(self);
        err_t err = take_entry(self, entry);
        if (err != ERR_OK)
            return err;
    }
    err_t err = check_bomb(self);
    if (err == ERR_OK && !self->found)
        err = refuse(self, "there is no backup in it: objects.jsonl or backup.json is missing");
    return err == ERR_OK ? check_folders(self) : err;
}

/* --- the archive ----------------------------------------------------------------------------- */

static la_ssize_t give_bytes(struct archive *archive, void *arg, const void **data)
{
    reader_t *self = arg;
    str_t bytes;
    bool more = unpack_read(self->source_bytes, &bytes);
    *data = bytes.p;
    if (unpack_error(self->source_bytes)) {
        archive_set_error(archive, EIO, "%s", unpack_error(self->source_bytes));
        return ARCHIVE_FATAL;
    }
    return more ? (la_ssize_t)bytes.len : 0;
}

static err_t open_archive(reader_t *self)
{
    self->archive = archive_read_new();
    assert(self->archive);
    archive_read_support_format_tar(self->archive);
    if (archive_read_open(self->archive, self, NULL, give_bytes, NULL) != ARCHIVE_OK)
        return refuse_archive(self);
    return ERR_OK;
}

/* What follows the end of the archive, the checksum above all. */
static err_t read_rest(reader_t *self)
{
    str_t bytes;
    err_t err = ERR_OK;
    while (err == ERR_OK && unpack_read(self->source_bytes, &bytes))
        err = check_bomb(self);
    if (err == ERR_OK && unpack_error(self->source_bytes))
        err = refuse(self, "the archive is damaged: %s", unpack_error(self->source_bytes));
    return err;
}

static err_t read_archive(reader_t *self)
{
    self->paths = json_object();
    self->object_ids = json_object();
    self->state_ids = json_object();
    self->recorded = json_object();
    bool memory = self->paths && self->object_ids && self->state_ids && self->recorded;
    err_t err = memory ? open_archive(self) : ERR_NO_MEMORY;
    if (err == ERR_OK)
        err = read_entries(self);
    if (err == ERR_OK)
        err = read_rest(self);
    if (err == ERR_NO_MEMORY && self->why->len == 0)
        buf_append_cstr(self->why, "out of memory");
    archive_read_free(self->archive);
    json_decref(self->paths);
    json_decref(self->object_ids);
    json_decref(self->state_ids);
    json_decref(self->recorded);
    buf_fini(&self->data);
    buf_fini(&self->text);
    buf_fini(&self->value);
    return err;
}

/* Takes the source over. */
static err_t read_from(unpack_t *source, const char *host, const backup_limits_t *limits,
                       const backup_ops_t *ops, void *arg, backup_summary_t *summary, buf_t *why)
{
    static const backup_ops_t no_ops;
    reader_t reader = {.source_bytes = source,
                       .host = host,
                       .limits = *limits,
                       .ops = ops ? *ops : no_ops,
                       .arg = arg,
                       .summary = summary,
                       .why = why};
    *summary = (backup_summary_t){0};
    /* libarchive converts names by the locale, and "C" has only ASCII. */
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
    err_t err = read_archive(&reader);
    if (utf8) {
        uselocale(before);
        freelocale(utf8);
    }
    unpack_destroy(&source);
    return err;
}

backup_limits_t backup_limits(const config_t *config)
{
    size_t max_value = (size_t)config_int(config, "max-value");
    return (backup_limits_t){
        .max_value = max_value,
        .max_line = 4 * max_value, /* JSON of what fits, escapes and all */
        .max_file = (size_t)config_int(config, "max-file"),
        .max_row = max_value < HISTORY_VALUE_MAX ? max_value : HISTORY_VALUE_MAX,
        .max_document = 256u * 1024 * 1024,
        .max_total = 32ull * 1024 * 1024 * 1024,
        .max_entries = 1000000,
        .max_ratio = 200,
        .ratio_from = 64u * 1024 * 1024,
    };
}

err_t backup_read_fd(int fd, const char *host, const backup_limits_t *limits,
                     const backup_ops_t *ops, void *arg, backup_summary_t *summary, buf_t *why)
{
    if (lseek(fd, 0, SEEK_SET) != 0) {
        buf_append_cstr(why, "it is no regular file");
        return ERR_IO;
    }
    return read_from(unpack_new_fd(fd), host, limits, ops, arg, summary, why);
}

err_t backup_read_memory(str_t data, const char *host, const backup_limits_t *limits,
                         const backup_ops_t *ops, void *arg, backup_summary_t *summary, buf_t *why)
{
    return read_from(unpack_new_memory(data), host, limits, ops, arg, summary, why);
}
