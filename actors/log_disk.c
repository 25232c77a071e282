/* SPDX-License-Identifier: MIT */
#include "actors/log_disk.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SHARES 8                          /* files that the ring is made of, about */
#define FILES_MAX 400                     /* days are files, too: what is older than so many goes */
#define WAITING_MAX (4u << 20)            /* bytes of lines that wait for the disk */
#define TAIL_BYTES_MAX (32u << 20)        /* that are read to find the newest lines */
#define LINE_MAX_BYTES 4500               /* of the longest line, about */
#define NAME_FORMAT "iobus.%s.%06llu.log" /* day, number */
#define NAME_MAX_BYTES 64
#define DAY_LEN 10
#define STAMP_LEN 23

typedef struct {
    char name[NAME_MAX_BYTES];
    char day[DAY_LEN + 1];
    unsigned long long number;
    uint64_t size;
} file_t;

struct log_disk {
    int folder;
    int fd; /* of the newest file; -1: it is opened when there is something to write */
    size_t max_bytes;
    file_t *files; /* by number */
    size_t files_len, files_cap;
    buf_t waiting;
    char waiting_day[DAY_LEN + 1]; /* of the lines that wait */
    uint64_t waiting_lines, lost;
};

/* --- names ----------------------------------------------------------------------------------- */

/* False: the file is none of ours. */
static bool parse_name(const char *name, file_t *file)
{
    char again[NAME_MAX_BYTES];
    int end = 0;
    if (strlen(name) >= NAME_MAX_BYTES ||
        sscanf(name, "iobus.%10[0-9-].%llu.log%n", file->day, &file->number, &end) != 2 ||
        end == 0 || name[end] != '\0')
        return false;
    snprintf(again, sizeof again, NAME_FORMAT, file->day, file->number);
    snprintf(file->name, sizeof file->name, "%s", name);
    return strlen(file->day) == DAY_LEN && strcmp(again, name) == 0;
}

static int by_number(const void *a, const void *b)
{
    const file_t *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static file_t *add_file(log_disk_t *self)
{
    if (self->files_len == self->files_cap) {
        size_t cap = self->files_cap ? 2 * self->files_cap : 16;
        file_t *files = realloc(self->files, cap * sizeof *files);
        assert(files);
        self->files = files;
        self->files_cap = cap;
    }
    file_t *file = &self->files[self->files_len++];
    memset(file, 0, sizeof *file);
    return file;
}

static const file_t *find_file(const log_disk_t *self, str_t name)
{
    for (size_t i = 0; i < self->files_len; i++) {
        if (str_is(name, self->files[i].name))
            return &self->files[i];
    }
    return NULL;
}

/* --- ring ------------------------------------------------------------------------------------ */

static void drop_oldest(log_disk_t *self)
{
    (void)unlinkat(self->folder, self->files[0].name, 0);
    memmove(self->files, self->files + 1, --self->files_len * sizeof *self->files);
}

/* Makes room for `more` bytes; the newest file stays. */
static void trim(log_disk_t *self, size_t more)
{
    uint64_t total = more;
    for (size_t i = 0; i < self->files_len; i++)
        total += self->files[i].size;
    while (self->files_len > 1 && (total > self->max_bytes || self->files_len > FILES_MAX)) {
        total -= self->files[0].size;
        drop_oldest(self);
    }
}

static bool open_newest(log_disk_t *self)
{
    if (self->fd < 0 && self->files_len > 0)
        self->fd = openat(self->folder, self->files[self->files_len - 1].name,
                          O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
    return self->fd >= 0;
}

static void begin_file(log_disk_t *self, const char *day)
{
    unsigned long long last = self->files_len ? self->files[self->files_len - 1].number : 0;
    file_t *file = add_file(self);
    snprintf(file->day, sizeof file->day, "%s", day);
    file->number = last + 1;
    snprintf(file->name, sizeof file->name, NAME_FORMAT, file->day, file->number);
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

static bool needs_file(const log_disk_t *self, size_t more)
{
    if (self->files_len == 0)
        return true;
    const file_t *newest = &self->files[self->files_len - 1];
    return strcmp(newest->day, self->waiting_day) != 0 ||
           (newest->size > 0 && newest->size + more > self->max_bytes / SHARES);
}

static void give_up(log_disk_t *self)
{
    self->lost += self->waiting_lines;
}

void log_disk_flush(log_disk_t *self)
{
    size_t len = self->waiting.len;
    if (len == 0)
        return;
    if (needs_file(self, len))
        begin_file(self, self->waiting_day);
    trim(self, len);
    ssize_t written = open_newest(self) ? write(self->fd, self->waiting.data, len) : -1;
    if (written > 0)
        self->files[self->files_len - 1].size += (uint64_t)written;
    if (written != (ssize_t)len)
        give_up(self);
    buf_reset(&self->waiting);
    self->waiting_lines = 0;
}

/* --- lines ----------------------------------------------------------------------------------- */

static void put_text(buf_t *out, str_t text, bool is_word)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.p[i];
        if (byte == '\n' && !is_word)
            buf_append_cstr(out, "\\n");
        else if (byte < 0x20 || byte == 0x7f)
            buf_append_byte(out, byte == '\r' ? ' ' : '?');
        else
            buf_append_byte(out, is_word && byte == ' ' ? '_' : byte);
    }
}

/* "2026-11-30 18:29:46.123" */
static void put_stamp(char *out, size_t size, int64_t ts)
{
    struct tm tm = {0};
    time_t seconds = (time_t)(ts / 1000);
    char text[32];
    localtime_r(&seconds, &tm);
    if (strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm) != STAMP_LEN - 4)
        snprintf(text, sizeof text, "1970-01-01 00:00:00"); /* a clock beyond the year 9999 */
    snprintf(out, size, "%s.%03d", text, (int)(ts % 1000 < 0 ? 0 : ts % 1000));
}

void log_disk_add(log_disk_t *self, const log_disk_line_t *line)
{
    char stamp[40];
    put_stamp(stamp, sizeof stamp, line->ts);
    stamp[STAMP_LEN] = '\0';
    if (self->waiting.len > 0 && strncmp(self->waiting_day, stamp, DAY_LEN) != 0)
        log_disk_flush(self);
    snprintf(self->waiting_day, sizeof self->waiting_day, "%.10s", stamp);
    if (self->waiting.len > WAITING_MAX || self->waiting.len > self->max_bytes / SHARES)
        log_disk_flush(self);
    buf_printf(&self->waiting, "%s  - %.*s: ", stamp, STR_ARG(line->severity));
    put_text(&self->waiting, line->from.len ? line->from : STR_LIT("?"), true);
    buf_append_byte(&self->waiting, ' ');
    put_text(&self->waiting, line->text, false);
    buf_append_byte(&self->waiting, '\n');
    self->waiting_lines++;
}

static bool parse_stamp(str_t text, int64_t *ts)
{
    struct tm tm = {.tm_isdst = -1};
    char copy[STAMP_LEN + 1];
    int ms, end = 0;
    if (text.len < STAMP_LEN)
        return false;
    memcpy(copy, text.p, STAMP_LEN);
    copy[STAMP_LEN] = '\0';
    if (sscanf(copy, "%4d-%2d-%2d %2d:%2d:%2d.%3d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms, &end) != 7 ||
        end != STAMP_LEN || ms < 0)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    time_t seconds = mktime(&tm);
    *ts = (int64_t)seconds * 1000 + ms;
    return seconds >= 0;
}

/* Takes the text up to the mark off the front. */
static bool take_until(str_t *text, const char *mark, str_t *part)
{
    size_t len = strlen(mark);
    const char *at = text->len > 0 ? memmem(text->p, text->len, mark, len) : NULL;
    if (!at)
        return false;
    *part = (str_t){text->p, (size_t)(at - text->p)};
    *text = (str_t){at + len, text->len - part->len - len};
    return true;
}

bool log_disk_parse(str_t text, log_disk_line_t *line)
{
    str_t stamp;
    if (!take_until(&text, "  - ", &stamp) || stamp.len != STAMP_LEN ||
        !parse_stamp(stamp, &line->ts) || !take_until(&text, ": ", &line->severity) ||
        !take_until(&text, " ", &line->from))
        return false;
    line->text = text;
    return line->severity.len > 0 && line->from.len > 0;
}

/* --- reading --------------------------------------------------------------------------------- */

void log_disk_files(log_disk_t *self, log_disk_file_fn *each, void *arg)
{
    log_disk_flush(self);
    for (size_t i = 0; i < self->files_len; i++)
        each(arg, self->files[i].name, self->files[i].size);
}

err_t log_disk_read(log_disk_t *self, str_t name, uint64_t offset, size_t max, buf_t *out,
                    uint64_t *size)
{
    log_disk_flush(self);
    const file_t *file = find_file(self, name);
    if (!file)
        return ERR_NOT_EXISTS;
    *size = file->size;
    if (offset >= file->size)
        return ERR_OK;
    size_t len = file->size - offset < max ? (size_t)(file->size - offset) : max;
    int fd = openat(self->folder, file->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    bool room = buf_reserve(out, len);
    ssize_t got = room ? pread(fd, out->data + out->len, len, (off_t)offset) : -1;
    close(fd);
    if (got < 0)
        return room ? ERR_IO : ERR_NO_MEMORY;
    out->len += (size_t)got;
    return ERR_OK;
}

static size_t count_lines(str_t text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.p[i] == '\n';
    return count;
}

/* All lines of the text but the first `skip`. */
static void hand_out(str_t text, size_t skip, log_disk_line_fn *each, void *arg)
{
    str_t one;
    log_disk_line_t line;
    for (size_t i = 0; take_until(&text, "\n", &one); i++) {
        if (i >= skip && log_disk_parse(one, &line))
            each(arg, &line);
    }
}

void log_disk_tail(log_disk_t *self, size_t max_lines, log_disk_line_fn *each, void *arg)
{
    buf_t text = {0};
    uint64_t bytes = 0, size;
    size_t first = self->files_len;
    log_disk_flush(self);
    while (first > 0 && bytes < TAIL_BYTES_MAX && bytes < (uint64_t)max_lines * LINE_MAX_BYTES)
        bytes += self->files[--first].size;
    for (; first < self->files_len; first++) {
        const file_t *file = &self->files[first];
        if (log_disk_read(self, str_of(file->name), 0, (size_t)file->size, &text, &size) != ERR_OK)
            break;
    }
    size_t count = count_lines(buf_str(&text));
    hand_out(buf_str(&text), count > max_lines ? count - max_lines : 0, each, arg);
    buf_fini(&text);
}

/* --- life ------------------------------------------------------------------------------------ */

uint64_t log_disk_lost(log_disk_t *self)
{
    uint64_t lost = self->lost;
    self->lost = 0;
    return lost;
}

void log_disk_clear(log_disk_t *self)
{
    buf_reset(&self->waiting);
    self->waiting_lines = 0;
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
    while (self->files_len > 0)
        drop_oldest(self);
}

static bool list_folder(log_disk_t *self)
{
    int fd = dup(self->folder);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;
    if (!dir)
        return false;
    while ((entry = readdir(dir)) != NULL) {
        file_t file = {0};
        struct stat info;
        if (!parse_name(entry->d_name, &file) ||
            fstatat(self->folder, file.name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(info.st_mode))
            continue;
        file.size = (uint64_t)info.st_size;
        *add_file(self) = file;
    }
    closedir(dir);
    if (self->files_len > 1)
        qsort(self->files, self->files_len, sizeof *self->files, by_number);
    trim(self, 0);
    return true;
}

log_disk_t *log_disk_open(const char *folder, size_t max_bytes, buf_t *why)
{
    log_disk_t *self = calloc(1, sizeof *self);
    assert(self);
    self->fd = self->folder = -1;
    self->max_bytes = max_bytes;
    bool made = mkdir(folder, 0750) == 0 || errno == EEXIST;
    if (made)
        self->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self->folder >= 0 && list_folder(self))
        return self;
    buf_printf(why, "cannot use %s: %s", folder, strerror(errno));
    log_disk_close(&self);
    return NULL;
}

void log_disk_close(log_disk_t **self_p)
{
    log_disk_t *self = *self_p;
    if (!self)
        return;
    if (self->folder >= 0)
        log_disk_flush(self);
    if (self->fd >= 0)
        close(self->fd);
    if (self->folder >= 0)
        close(self->folder);
    buf_fini(&self->waiting);
    free(self->files);
    free(self);
    *self_p = NULL;
}
