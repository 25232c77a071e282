/* SPDX-License-Identifier: MIT */
#include "gateway/assets.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/log.h"

#define FILE_MAX (4 * 1024 * 1024)
#define FOLDERS 4

/* A path that begins with '*' means every path that ends so. */
static const struct {
    const char *path;
    const char *file;
    const char *type;
    const char *cache;
} files[] = {
    {"/", "www/index.html", "text/html; charset=utf-8", "no-cache"},
    {"/index.html", "www/index.html", "text/html; charset=utf-8", "no-cache"},
    {"/start.js", "www/start.js", "application/javascript; charset=utf-8", "no-cache"},
    {"/favicon.ico", "www/favicon.svg", "image/svg+xml", "public, max-age=86400"},
    {"*/socket.io.js", "lib/socket.io-2.5.0.js", "application/javascript; charset=utf-8",
     "public, max-age=60"},
};
#define FILE_COUNT (sizeof files / sizeof files[0])

typedef struct {
    asset_t asset;
    buf_t bytes;
    char etag[40];
    bool loaded;
} entry_t;

struct assets {
    char *folders[FOLDERS]; /* NULL-terminated, in the order in which they are searched */
    entry_t entries[FILE_COUNT];
};

static void add_folder(assets_t *self, const char *folder, const char *below)
{
    size_t n = 0;
    buf_t text = {0};
    while (n < FOLDERS - 1 && self->folders[n])
        n++;
    if (folder[0] == '\0' || n == FOLDERS - 1)
        return;
    buf_printf(&text, "%s%s", folder, below);
    self->folders[n] = str_dup(buf_str(&text));
    assert(self->folders[n]);
    buf_fini(&text);
}

/* Folder of the program; "" when the system does not say. */
static void program_folder(char *out, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", out, size - 1);
    out[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(out, '/');
    if (slash)
        *slash = '\0';
}

assets_t *assets_new(const char *share)
{
    char program[4096];
    assets_t *self = calloc(1, sizeof *self);
    assert(self);
    program_folder(program, sizeof program);
    if (share[0] != '\0') {
        add_folder(self, share, "");
    } else {
        add_folder(self, program, "/share");
        add_folder(self, program, "/../share/iobus");
        add_folder(self, IOBUS_SHARE_DIR, "");
    }
    return self;
}

void assets_destroy(assets_t **self_p)
{
    assets_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < FILE_COUNT; i++)
        buf_fini(&self->entries[i].bytes);
    for (size_t i = 0; i < FOLDERS; i++)
        free(self->folders[i]);
    free(self);
    *self_p = NULL;
}

static bool read_file(const char *folder, const char *file, buf_t *out)
{
    char path[4352], chunk[16384];
    size_t n;
    if (snprintf(path, sizeof path, "%s/%s", folder, file) >= (int)sizeof path)
        return false;
    FILE *stream = fopen(path, "rbe");
    if (!stream)
        return false;
    buf_reset(out);
    while ((n = fread(chunk, 1, sizeof chunk, stream)) > 0 && out->len < FILE_MAX)
        buf_append(out, chunk, n);
    bool ok = !ferror(stream) && out->len < FILE_MAX && !out->failed;
    fclose(stream);
    return ok;
}

static void make_etag(entry_t *entry)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    int ok = EVP_Digest(entry->bytes.data, entry->bytes.len, hash, &len, EVP_sha256(), NULL);
    assert(ok == 1 && len >= 16);
    (void)ok;
    char *at = entry->etag;
    *at++ = '"';
    for (size_t i = 0; i < 16; i++)
        at += snprintf(at, 3, "%02x", hash[i]);
    *at++ = '"';
    *at = '\0';
}

static bool load(assets_t *self, size_t i)
{
    static log_limit_t limit;
    entry_t *entry = &self->entries[i];
    for (size_t n = 0; !entry->loaded && n < FOLDERS && self->folders[n]; n++)
        entry->loaded = read_file(self->folders[n], files[i].file, &entry->bytes);
    if (!entry->loaded) {
        log_limited(&limit, LEVEL_WARN, "GW-ASSET", "file=%s error=missing", files[i].file);
        return false;
    }
    if (entry->etag[0] == '\0')
        make_etag(entry);
    entry->asset = (asset_t){.type = files[i].type,
                             .cache = files[i].cache,
                             .etag = entry->etag,
                             .body = buf_str(&entry->bytes)};
    return true;
}

static bool fits(const char *pattern, str_t path)
{
    if (pattern[0] != '*')
        return str_is(path, pattern);
    size_t n = strlen(pattern + 1);
    return path.len >= n && memcmp(path.p + path.len - n, pattern + 1, n) == 0;
}

const asset_t *assets_find(assets_t *self, str_t path, bool *missing)
{
    *missing = false;
    for (size_t i = 0; i < FILE_COUNT; i++) {
        if (!fits(files[i].path, path))
            continue;
        if (load(self, i))
            return &self->entries[i].asset;
        *missing = true;
        return NULL;
    }
    return NULL;
}
