/* SPDX-License-Identifier: MIT */
#include "storage/rocks_folder.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static err_t refuse(const engine_options_t *options, buf_t *why, const char *what, int number)
{
    buf_printf(why, "%s: data folder %s %s", options->name, options->path, what);
    if (number)
        buf_printf(why, ": %s", strerror(number));
    return ERR_IO;
}

/* 0, or the errno of the first part that could not be made. */
static int make_parts(const char *path)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0)
        return ENOENT;
    if (len >= sizeof part)
        return ENAMETOOLONG;
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        char end = part[i];
        part[i] = '\0';
        if (mkdir(part, 0750) != 0 && errno != EEXIST && errno != EISDIR)
            return errno;
        part[i] = end;
    }
    return 0;
}

static bool ends_with(const char *name, const char *end)
{
    size_t name_len = strlen(name), end_len = strlen(end);
    return name_len >= end_len && strcmp(name + name_len - end_len, end) == 0;
}

/* RocksDB leaves one behind at each opening, because it cannot write the log level that we set. */
static bool is_leftover(const char *name)
{
    return strncmp(name, "OPTIONS-", 8) == 0 && ends_with(name, ".dbtmp");
}

/* Removes leftovers; whether the database is complete. A new one gets its CURRENT file before the
 * first table or log, so one that is cut off while it is being created does not look damaged. */
static bool tidy_and_check(const char *path)
{
    DIR *folder = opendir(path);
    bool current = false, data = false;
    struct dirent *entry;
    if (!folder)
        return true; /* opening the database will say why */
    while ((entry = readdir(folder)) != NULL) {
        current = current || strcmp(entry->d_name, "CURRENT") == 0;
        data = data || ends_with(entry->d_name, ".sst") || ends_with(entry->d_name, ".log");
        if (is_leftover(entry->d_name))
            (void)unlinkat(dirfd(folder), entry->d_name, 0); /* it harms nobody */
    }
    closedir(folder);
    return current || !data;
}

err_t rocks_folder_prepare(const engine_options_t *options, buf_t *why)
{
    struct stat info;
    int number = make_parts(options->path);
    if (number == ENOTDIR)
        return refuse(options, why, "is not a folder", 0);
    if (number)
        return refuse(options, why, "cannot be created", number);
    if (stat(options->path, &info) != 0)
        return refuse(options, why, "cannot be read", errno);
    if (!S_ISDIR(info.st_mode))
        return refuse(options, why, "is not a folder", 0);
    if (access(options->path, R_OK | W_OK | X_OK) != 0)
        return refuse(options, why, "is not writable", errno);
    if (!tidy_and_check(options->path)) {
        (void)refuse(options, why, "is damaged: the file CURRENT is missing", 0);
        return ERR_DAMAGED;
    }
    return ERR_OK;
}

bool rocks_folder_has_room(const char *path, uint64_t bytes)
{
    struct statvfs info;
    return statvfs(path, &info) == 0 && (uint64_t)info.f_bavail * info.f_frsize >= bytes;
}
