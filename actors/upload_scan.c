/* SPDX-License-Identifier: MIT */
#include "actors/upload_scan.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "actors/files_path.h"
#include "actors/safe_text.h"

#define SHOWN_MAX 500

typedef struct {
    size_t count;
    char *example;
} left_out_t;

struct upload_scan {
    int root;
    str_t storage; /* borrowed while the folder is read */
    upload_file_t *files;
    size_t len, cap;
    char **folders; /* that are still to be read */
    size_t folders_len, folders_cap;
    uint64_t bytes;
    left_out_t left_out[UPLOAD_REASONS];
};

/* --- opening below a folder ------------------------------------------------------------------- */

/* No way leads out: not "..", not an absolute link. Kernels and sandboxes that do not know the call
 * follow no link at all. */
static int open_below(int root, const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)(unsigned)(flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK),
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd = syscall(SYS_openat2, root, path, &how, sizeof how);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        fd = openat(root, path, flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    return (int)fd;
}

static void explain(buf_t *why, const char *path)
{
    const char *reason = strerror(errno);
    safe_text_put(why, str_of(path), SHOWN_MAX);
    buf_printf(why, ": %s", reason);
}

/* --- lists ------------------------------------------------------------------------------------ */

static void leave_out(upload_scan_t *self, upload_reason_t reason, const char *path)
{
    left_out_t *at = &self->left_out[reason];
    if (at->count++ == 0)
        at->example = str_dup(str_of(path)); /* no memory: no example */
}

static bool add_file(upload_scan_t *self, const char *path, uint64_t size)
{
    if (self->len == self->cap) {
        size_t cap = self->cap ? self->cap * 2 : 64;
        upload_file_t *files = realloc(self->files, cap * sizeof *files);
        if (!files)
            return false;
        self->files = files;
        self->cap = cap;
    }
    char *copy = str_dup(str_of(path));
    if (!copy)
        return false;
    self->files[self->len++] = (upload_file_t){copy, size};
    self->bytes += size;
    return true;
}

static bool add_folder(upload_scan_t *self, const char *path)
{
    if (self->folders_len == self->folders_cap) {
        size_t cap = self->folders_cap ? self->folders_cap * 2 : 16;
        char **folders = realloc(self->folders, cap * sizeof *folders);
        if (!folders)
            return false;
        self->folders = folders;
        self->folders_cap = cap;
    }
    char *copy = str_dup(str_of(path));
    if (!copy)
        return false;
    self->folders[self->folders_len++] = copy;
    return true;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);
    return len >= end_len && strcmp(name + len - end_len, end) == 0;
}

static bool is_hidden(const char *name)
{
    return name[0] == '.' || ends_with(name, ".npmignore") || ends_with(name, ".gitignore") ||
           strcmp(name, FILES_FOLDER_MARK) == 0;
}

/* Whether the store keeps it under exactly this name. */
static bool can_be_stored(const upload_scan_t *self, const char *path)
{
    buf_t clean = {0};
    bool fine = files_path_clean(self->storage, str_of(path), &clean) == FILES_PATH_FINE &&
                str_is(buf_str(&clean), path);
    buf_fini(&clean);
    return fine;
}

/* What a link points to, when that is a file inside. */
static bool link_to_file(const upload_scan_t *self, const char *path, struct stat *info)
{
    int fd = open_below(self->root, path, 0);
    bool found = fd >= 0 && fstat(fd, info) == 0 && S_ISREG(info->st_mode);
    if (fd >= 0)
        close(fd);
    return found;
}

static err_t take_entry(upload_scan_t *self, int folder, const char *name, const char *path,
                        buf_t *why)
{
    struct stat info;
    bool added = true;
    if (is_hidden(name)) {
        leave_out(self, UPLOAD_HIDDEN, path);
        return ERR_OK;
    }
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        explain(why, path);
        return ERR_IO;
    }
    if (!can_be_stored(self, path))
        leave_out(self, UPLOAD_NAME, path);
    else if (S_ISDIR(info.st_mode))
        added = add_folder(self, path);
    else if (S_ISLNK(info.st_mode) && !link_to_file(self, path, &info))
        leave_out(self, UPLOAD_LINK, path);
    else if (!S_ISREG(info.st_mode))
        leave_out(self, UPLOAD_SPECIAL, path);
    else
        added = self->len < UPLOAD_FILES_MAX && add_file(self, path, (uint64_t)info.st_size);
    if (added)
        return ERR_OK;
    buf_append_cstr(why, self->len < UPLOAD_FILES_MAX ? err_text(ERR_NO_MEMORY) : "too many files");
    return ERR_NO_MEMORY;
}

static err_t read_entries(upload_scan_t *self, DIR *entries, const char *folder, buf_t *why)
{
    buf_t path = {0};
    err_t err = ERR_OK;
    const struct dirent *entry;
    while (err == ERR_OK && (errno = 0, entry = readdir(entries)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        buf_reset(&path);
        if (strcmp(folder, ".") != 0)
            buf_printf(&path, "%s/", folder);
        buf_append_cstr(&path, entry->d_name);
        buf_append_byte(&path, 0);
        err = path.failed
                  ? ERR_NO_MEMORY
                  : take_entry(self, dirfd(entries), entry->d_name, (const char *)path.data, why);
    }
    if (err == ERR_OK && errno != 0) {
        explain(why, folder);
        err = ERR_IO;
    }
    buf_fini(&path);
    return err;
}

static err_t read_folder(upload_scan_t *self, const char *path, buf_t *why)
{
    int fd = open_below(self->root, path, O_DIRECTORY | O_NOFOLLOW);
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    if (!entries) {
        explain(why, path);
        if (fd >= 0)
            close(fd);
        return ERR_IO;
    }
    err_t err = read_entries(self, entries, path, why);
    closedir(entries);
    return err;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const upload_file_t *)a)->path, ((const upload_file_t *)b)->path);
}

static err_t read_all(upload_scan_t *self, buf_t *why)
{
    err_t err = add_folder(self, ".") ? ERR_OK : ERR_NO_MEMORY;
    while (err == ERR_OK && self->folders_len > 0) {
        char *path = self->folders[--self->folders_len];
        err = read_folder(self, path, why);
        free(path);
    }
    if (self->len > 0)
        qsort(self->files, self->len, sizeof *self->files, by_path);
    return err;
}

/* Goes into the part of a package that is for the web. */
static err_t enter_package(upload_scan_t *self, const char *folder, buf_t *why)
{
    struct stat info;
    if (fstatat(self->root, "io-package.json", &info, 0) != 0)
        return ERR_OK;
    bool admin =
        self->storage.len > 6 && memcmp(self->storage.p + self->storage.len - 6, ".admin", 6) == 0;
    const char *part = admin ? "admin" : "www";
    int inside = open_below(self->root, part, O_DIRECTORY);
    if (inside < 0) {
        safe_text_put(why, str_of(folder), SHOWN_MAX);
        buf_printf(why, " is a package without a folder %s", part);
        return ERR_IO;
    }
    close(self->root);
    self->root = inside;
    return ERR_OK;
}

upload_scan_t *upload_scan_new(const char *folder, str_t storage, buf_t *why)
{
    upload_scan_t *self = calloc(1, sizeof *self);
    assert(self);
    self->storage = storage;
    self->root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    err_t err = ERR_OK;
    if (self->root < 0) {
        explain(why, folder);
        err = ERR_IO;
    }
    if (err == ERR_OK)
        err = enter_package(self, folder, why);
    if (err == ERR_OK)
        err = read_all(self, why);
    self->storage = (str_t){"", 0};
    if (err != ERR_OK) {
        if (why->len == 0)
            buf_append_cstr(why, err_text(err));
        upload_scan_destroy(&self);
    }
    return self;
}

void upload_scan_destroy(upload_scan_t **self_p)
{
    upload_scan_t *self = *self_p;
    if (!self)
        return;
    if (self->root >= 0)
        close(self->root);
    for (size_t i = 0; i < self->len; i++)
        free(self->files[i].path);
    for (size_t i = 0; i < self->folders_len; i++)
        free(self->folders[i]);
    for (size_t i = 0; i < UPLOAD_REASONS; i++)
        free(self->left_out[i].example);
    free(self->files);
    free(self->folders);
    free(self);
    *self_p = NULL;
}

/* --- looking ---------------------------------------------------------------------------------- */

size_t upload_scan_count(const upload_scan_t *self)
{
    return self->len;
}

const upload_file_t *upload_scan_at(const upload_scan_t *self, size_t index)
{
    assert(index < self->len);
    return &self->files[index];
}

/* Index of the first file whose path is not less. */
static size_t find(const upload_scan_t *self, str_t path)
{
    size_t from = 0, to = self->len;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (str_cmp(str_of(self->files[middle].path), path) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

bool upload_scan_has(const upload_scan_t *self, str_t path)
{
    size_t at = find(self, path);
    return at < self->len && str_is(path, self->files[at].path);
}

bool upload_scan_blocked_by(const upload_scan_t *self, str_t path)
{
    for (str_t folder = files_path_folder(path); folder.len; folder = files_path_folder(folder)) {
        if (upload_scan_has(self, folder))
            return true;
    }
    buf_t folder = {0};
    buf_append_str(&folder, path);
    buf_append_byte(&folder, '/');
    size_t at = find(self, buf_str(&folder));
    bool blocked = at < self->len && files_path_is_below(str_of(self->files[at].path), path);
    buf_fini(&folder);
    return blocked;
}

uint64_t upload_scan_bytes(const upload_scan_t *self)
{
    return self->bytes;
}

size_t upload_scan_left_out(const upload_scan_t *self, upload_reason_t reason, const char **example)
{
    const left_out_t *at = &self->left_out[reason];
    *example = at->example ? at->example : "";
    return at->count;
}

const char *upload_reason_text(upload_reason_t reason)
{
    static const char *const texts[UPLOAD_REASONS] = {
        [UPLOAD_HIDDEN] = "hidden files and folders",
        [UPLOAD_LINK] = "links to folders, or out of the folder",
        [UPLOAD_SPECIAL] = "neither files nor folders",
        [UPLOAD_NAME] = "names that the file store cannot hold"};
    return texts[reason];
}

int upload_scan_open(const upload_scan_t *self, const upload_file_t *file, buf_t *why)
{
    struct stat info;
    int fd = open_below(self->root, file->path, 0);
    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        return fd;
    if (fd >= 0) {
        close(fd);
        errno = EINVAL;
    }
    explain(why, file->path);
    return -1;
}
