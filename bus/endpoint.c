/* SPDX-License-Identifier: MIT */
#include "bus/endpoint.h"

#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/actor_names.h"

#define ACTORS_MAX 32
#define KINDS 3
#define SOCKET_PATH_MAX                                                                            \
    100 /* sun_path is 108 bytes with its NUL; "/objects.req" and a margin come on top */

static const char *const suffixes[KINDS] = {"req", "evt", "tap"};

typedef struct {
    bool local;         /* runs in this process */
    char *inner[KINDS]; /* inproc:// */
    char *outer[KINDS]; /* ipc:// or tcp:// */
    const char *bind[KINDS][3];
} entry_t;

struct endpoints {
    entry_t entries[ACTORS_MAX]; /* by index in actor_names() */
    char *run_dir;
    bool temporary; /* run_dir is for this process only and goes with it */
};

const char *const *endpoint_actors(void)
{
    return actor_names();
}

static char *format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));

static char *format(const char *pattern, ...)
{
    char text[PATH_MAX + 64];
    va_list args;
    va_start(args, pattern);
    vsnprintf(text, sizeof text, pattern, args);
    va_end(args);
    char *copy = strdup(text);
    assert(copy);
    return copy;
}

static size_t index_of(const char *actor)
{
    for (size_t i = 0; actor_names()[i]; i++) {
        if (strcmp(actor_names()[i], actor) == 0)
            return i;
    }
    assert(false && "unknown actor");
    return 0;
}

/* A short name for a path that is too long for a Unix socket; the same path gives the same name, so
 * that tools find it. FNV-1a. */
static char *short_run_dir(const char *path)
{
    uint64_t hash = 14695981039346656037u;
    for (const char *p = path; *p; p++)
        hash = (hash ^ (uint8_t)*p) * 1099511628211u;
    return format("/tmp/iobus-%u-%016llx", (unsigned)getuid(), (unsigned long long)hash);
}

static err_t absolute(const char *path, char out[PATH_MAX], buf_t *why)
{
    if (path[0] == '/') {
        snprintf(out, PATH_MAX, "%s", path);
        return ERR_OK;
    }
    char cwd[PATH_MAX];
    if (!getcwd(cwd, sizeof cwd) || strlen(cwd) + strlen(path) + 2 > PATH_MAX) {
        buf_printf(why, "cannot resolve %s: %s", path, strerror(errno));
        return ERR_IO;
    }
    /* "./data" and "data" must give the same name. */
    while (strncmp(path, "./", 2) == 0)
        path += 2;
    strcpy(out, cwd);
    strcat(out, "/");
    strcat(out, path);
    return ERR_OK;
}

static err_t make_run_dir(endpoints_t *self, const config_t *config, buf_t *why)
{
    const char *data = config_text(config, "data");
    const char *run = config_text(config, "run");
    char base[PATH_MAX];
    if (strcmp(data, ":memory:") == 0 && !run[0]) {
        static _Atomic unsigned count;
        self->run_dir = format("/tmp/iobus-memory-%ld-%u", (long)getpid(), count++);
        self->temporary = true;
    } else {
        if (absolute(run[0] ? run : data, base, why) != ERR_OK)
            return ERR_IO;
        self->run_dir = run[0] ? format("%s", base) : format("%s/run", base);
        if (!run[0] && mkdir(base, 0700) != 0 && errno != EEXIST) {
            buf_printf(why, "cannot create data folder %s: %s", data, strerror(errno));
            return ERR_IO;
        }
    }
    if (strlen(self->run_dir) > SOCKET_PATH_MAX - sizeof "/objects.req") {
        char *shorter = short_run_dir(self->run_dir);
        free(self->run_dir);
        self->run_dir = shorter;
    }
    struct stat info;
    if ((mkdir(self->run_dir, 0700) != 0 && errno != EEXIST) || lstat(self->run_dir, &info) != 0 ||
        !S_ISDIR(info.st_mode)) {
        buf_printf(why, "cannot create run folder %s: %s", self->run_dir, strerror(errno));
        return ERR_IO;
    }
    /* A folder that somebody else made in /tmp could feed us foreign sockets. */
    if (info.st_uid != getuid()) {
        buf_printf(why, "run folder %s belongs to another user", self->run_dir);
        return ERR_IO;
    }
    return ERR_OK;
}

static bool is_loopback(const char *host, size_t len)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr address;
    if (len == 9 && strncmp(host, "localhost", 9) == 0)
        return true;
    if (len >= sizeof text)
        return false;
    memcpy(text, host, len);
    text[len] = '\0';
    return inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

static err_t set_tcp(entry_t *entry, const char *url, bool insecure, buf_t *why)
{
    const char *host = url + strlen("tcp://");
    const char *colon = strrchr(host, ':');
    char *end = NULL;
    long port = colon ? strtol(colon + 1, &end, 10) : 0;
    if (!colon || *end != '\0' || port < 1 || port > 65533) {
        buf_printf(why, "endpoint %s: expected tcp://HOST:PORT with a port from 1 to 65533", url);
        return ERR_CONFIG;
    }
    if (!insecure && !is_loopback(host, (size_t)(colon - host))) {
        buf_printf(why,
                   "endpoint %s: the bus is not encrypted; set insecure to use it beyond this host",
                   url);
        return ERR_CONFIG;
    }
    for (int kind = 0; kind < KINDS; kind++) {
        free(entry->outer[kind]);
        entry->outer[kind] = format("tcp://%.*s:%ld", (int)(colon - host), host, port + kind);
    }
    return ERR_OK;
}

static err_t set_outer(endpoints_t *self, const char *item, bool insecure, buf_t *why)
{
    const char *equals = strchr(item, '=');
    const char *name = equals ? actor_name_find((str_t){item, (size_t)(equals - item)}) : NULL;
    if (!name) {
        buf_printf(why, "endpoint %s: expected ACTOR=URL with a known actor", item);
        return ERR_CONFIG;
    }
    entry_t *entry = &self->entries[index_of(name)];
    const char *url = equals + 1;
    if (strncmp(url, "tcp://", 6) == 0)
        return set_tcp(entry, url, insecure, why);
    if (strncmp(url, "ipc://", 6) != 0 || strlen(url) > SOCKET_PATH_MAX) {
        buf_printf(why, "endpoint %s: expected a short ipc://PATH or tcp://HOST:PORT", item);
        return ERR_CONFIG;
    }
    for (int kind = 0; kind < KINDS; kind++) {
        free(entry->outer[kind]);
        entry->outer[kind] = format("%s.%s", url, suffixes[kind]);
    }
    return ERR_OK;
}

static void fill_defaults(endpoints_t *self, const char *const *local)
{
    static _Atomic unsigned
        instances; /* inproc names are per process: two systems in one test must differ */
    unsigned instance = instances++;
    for (size_t i = 0; actor_names()[i]; i++) {
        entry_t *entry = &self->entries[i];
        for (size_t j = 0; local && local[j]; j++)
            entry->local = entry->local || strcmp(local[j], actor_names()[i]) == 0;
        for (int kind = 0; kind < KINDS; kind++) {
            entry->inner[kind] =
                format("inproc://%u.%s.%s", instance, actor_names()[i], suffixes[kind]);
            entry->outer[kind] =
                format("ipc://%s/%s.%s", self->run_dir, actor_names()[i], suffixes[kind]);
        }
    }
}

static void fill_bindings(endpoints_t *self)
{
    for (size_t i = 0; actor_names()[i]; i++) {
        entry_t *entry = &self->entries[i];
        for (int kind = 0; kind < KINDS; kind++) {
            entry->bind[kind][0] = entry->inner[kind];
            entry->bind[kind][1] = entry->outer[kind];
        }
    }
}

endpoints_t *endpoints_new(const config_t *config, const char *const *local, buf_t *why)
{
    endpoints_t *self = calloc(1, sizeof *self);
    assert(self);
    size_t count;
    const char *const *items = config_list(config, "endpoint", &count);
    bool ok = make_run_dir(self, config, why) == ERR_OK;
    if (ok)
        fill_defaults(self, local);
    for (size_t i = 0; ok && i < count; i++)
        ok = items[i][0] == '\0' ||
             set_outer(self, items[i], config_bool(config, "insecure"), why) == ERR_OK;
    fill_bindings(self);
    if (!ok)
        endpoints_destroy(&self);
    return self;
}

/* Only what is in a folder that this process made for itself. */
static void remove_run_dir(const endpoints_t *self)
{
    DIR *folder = opendir(self->run_dir);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder)) != NULL)
        unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
    rmdir(self->run_dir);
}

void endpoints_destroy(endpoints_t **self_p)
{
    endpoints_t *self = *self_p;
    if (!self)
        return;
    if (self->temporary)
        remove_run_dir(self);
    for (size_t i = 0; i < ACTORS_MAX; i++) {
        for (int kind = 0; kind < KINDS; kind++) {
            free(self->entries[i].inner[kind]);
            free(self->entries[i].outer[kind]);
        }
    }
    free(self->run_dir);
    free(self);
    *self_p = NULL;
}

const char *endpoints_connect(const endpoints_t *self, const char *actor, endpoint_kind_t kind)
{
    const entry_t *entry = &self->entries[index_of(actor)];
    return entry->local ? entry->inner[kind] : entry->outer[kind];
}

const char *const *endpoints_bind(const endpoints_t *self, const char *actor, endpoint_kind_t kind)
{
    return self->entries[index_of(actor)].bind[kind];
}

bool endpoints_is_local(const endpoints_t *self, const char *actor)
{
    return self->entries[index_of(actor)].local;
}

const char *endpoints_run_dir(const endpoints_t *self)
{
    return self->run_dir;
}
