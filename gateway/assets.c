/* SPDX-License-Identifier: MIT */
#include "gateway/assets.h"

#include <assert.h>
#include <dirent.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/log.h"
#include "gateway/http_file.h"
#include "gateway/packer.h"

#define FILE_MAX (4 * 1024 * 1024)
#define FILES_MAX 512
#define FOLDERS 4
#define DEPTH_MAX 6 /* of folders below www */
#define SCRIPT "application/javascript; charset=utf-8"
#define OURS "no-cache" /* with an entity tag: asked for each time, sent when it has changed */

/* What is found under another name than its own. A path that begins with '*' means every path that
 * ends so: pages ask for the client library below their own folder. */
static const struct {
    const char *path;
    const char *file;
    const char *type;
    const char *cache;
} aliases[] = {
    {"/", "www/index.html", "text/html; charset=utf-8", OURS},
    {"/favicon.ico", "www/favicon.svg", "image/svg+xml", "public, max-age=86400"},
    {"/socket.io/4/socket.io.js", "lib/socket.io-4.js", SCRIPT, "public, max-age=60"},
    {"/lib/js/ws.js", "lib/iobroker-ws.js", SCRIPT, "public, max-age=60"},
    {"*/socket.io.js", "lib/socket.io-2.5.0.js", SCRIPT, "public, max-age=60"},
    {"*/socket.io.js.map", "lib/socket.io-2.5.0.js.map", "application/json", "public, max-age=60"},
};
#define ALIAS_COUNT (sizeof aliases / sizeof aliases[0])

static const struct {
    const char *extension;
    const char *type;
} types[] = {{".html", "text/html; charset=utf-8"},
             {".js", SCRIPT},
             {".mjs", SCRIPT},
             {".css", "text/css; charset=utf-8"},
             {".json", "application/json; charset=utf-8"},
             {".svg", "image/svg+xml"},
             {".png", "image/png"},
             {".webmanifest", "application/manifest+json"},
             {".woff2", "font/woff2"}};

typedef struct {
    asset_t asset;
    char *path;                     /* as clients ask for it, "*..." as above */
    char *file;                     /* below a folder */
    buf_t bytes[ENCODING_NONE + 1]; /* by how they are compressed; empty: not wanted yet */
    char etag[40];
    bool loaded;
} entry_t;

struct assets {
    char *folders[FOLDERS]; /* NULL-terminated, in the order in which they are searched */
    entry_t entries[FILES_MAX];
    size_t count;
};

static entry_t *add_entry(assets_t *self, str_t path, str_t file, const char *type,
                          const char *cache)
{
    entry_t *entry = &self->entries[self->count];
    if (self->count == FILES_MAX)
        return NULL;
    *entry = (entry_t){.path = str_dup(path), .file = str_dup(file)};
    assert(entry->path && entry->file);
    entry->asset.type = type;
    entry->asset.cache = cache;
    self->count++;
    return entry;
}

static const char *type_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(dot, types[i].extension) == 0)
            return types[i].type;
    }
    return NULL; /* is not served */
}

/* Adds what lies in FOLDER/www/below under its own path. */
static void add_pages(assets_t *self, const char *folder, const char *below, int depth)
{
    buf_t name = {0};
    struct dirent *item;
    buf_printf(&name, "%s/www%s", folder, below);
    buf_append_byte(&name, 0);
    DIR *dir = opendir((const char *)name.data);
    while (dir && depth < DEPTH_MAX && (item = readdir(dir))) {
        if (item->d_name[0] == '.')
            continue;
        buf_reset(&name);
        buf_printf(&name, "www%s/%s", below, item->d_name);
        str_t file = buf_str(&name), path = {file.p + 3, file.len - 3};
        const char *type = type_of(item->d_name);
        if (type) {
            (void)add_entry(self, path, file, type, OURS); /* more than FILES_MAX are not ours */
        } else {
            char *inner = str_dup(path);
            assert(inner);
            add_pages(self, folder, inner, depth + 1);
            free(inner);
        }
    }
    if (dir)
        closedir(dir);
    buf_fini(&name);
}

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
    for (size_t i = 0; i < ALIAS_COUNT; i++)
        (void)add_entry(self, str_of(aliases[i].path), str_of(aliases[i].file), aliases[i].type,
                        aliases[i].cache);
    for (size_t i = 0; i < FOLDERS && self->folders[i]; i++)
        add_pages(self, self->folders[i], "", 0);
    return self;
}

void assets_destroy(assets_t **self_p)
{
    assets_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++) {
        free(self->entries[i].path);
        free(self->entries[i].file);
        for (size_t k = 0; k <= ENCODING_NONE; k++)
            buf_fini(&self->entries[i].bytes[k]);
    }
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
    int ok = EVP_Digest(entry->bytes[ENCODING_NONE].data, entry->bytes[ENCODING_NONE].len, hash,
                        &len, EVP_sha256(), NULL);
    assert(ok == 1 && len >= 16);
    (void)ok;
    char *at = entry->etag;
    *at++ = '"';
    for (size_t i = 0; i < 16; i++)
        at += snprintf(at, 3, "%02x", hash[i]);
    *at++ = '"';
    *at = '\0';
}

static bool load(assets_t *self, entry_t *entry)
{
    static log_limit_t limit;
    for (size_t n = 0; !entry->loaded && n < FOLDERS && self->folders[n]; n++)
        entry->loaded = read_file(self->folders[n], entry->file, &entry->bytes[ENCODING_NONE]);
    if (!entry->loaded) {
        log_limited(&limit, LEVEL_WARN, "GW-ASSET", "file=%s error=missing", entry->file);
        return false;
    }
    if (entry->etag[0] == '\0')
        make_etag(entry);
    entry->asset.etag = entry->etag;
    return true;
}

/* Leaves the body of the asset in that encoding, or as it is where that makes it no smaller. */
static void encode(entry_t *entry, encoding_t encoding)
{
    buf_t *whole = &entry->bytes[ENCODING_NONE], *packed = &entry->bytes[encoding];
    bool worth = encoding != ENCODING_NONE && whole->len >= PACKER_MIN &&
                 http_file_compressible(str_of(entry->asset.type));
    if (worth && packed->len == 0) {
        packer_t *packer = packer_new(encoding);
        if (!packer || !packer_feed(packer, buf_str(whole), true, packed))
            buf_reset(packed);
        packer_destroy(&packer);
    }
    bool smaller = worth && packed->len > 0 && packed->len < whole->len;
    entry->asset.encoding = smaller ? encoding_name(encoding) : NULL;
    entry->asset.body = buf_str(smaller ? packed : whole);
}

static bool fits(const char *pattern, str_t path)
{
    if (pattern[0] != '*')
        return str_is(path, pattern);
    size_t n = strlen(pattern + 1);
    return path.len >= n && memcmp(path.p + path.len - n, pattern + 1, n) == 0;
}

const asset_t *assets_find(assets_t *self, str_t path, encoding_t encoding, bool *missing)
{
    *missing = false;
    for (size_t i = 0; i < self->count; i++) {
        entry_t *entry = &self->entries[i];
        if (!fits(entry->path, path))
            continue;
        if (load(self, entry)) {
            encode(entry, encoding);
            return &entry->asset;
        }
        *missing = true;
        return NULL;
    }
    return NULL;
}
