/* SPDX-License-Identifier: MIT */
#include "gateway/cert_object.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

err_t cert_file_read(const char *path, buf_t *out, buf_t *why)
{
    char bytes[4096];
    size_t n, before = out->len;
    FILE *file = fopen(path, "re");
    if (!file) {
        buf_printf(why, "TLS: %s: %s", path, strerror(errno));
        return ERR_IO;
    }
    while ((n = fread(bytes, 1, sizeof bytes, file)) > 0 && out->len - before <= CERT_FILE_MAX)
        buf_append(out, bytes, n);
    bool fine = !ferror(file) && !out->failed && out->len - before <= CERT_FILE_MAX;
    explicit_bzero(bytes, sizeof bytes);
    fclose(file);
    if (!fine)
        buf_printf(why, "TLS: %s cannot be read, or is too large", path);
    return fine ? ERR_OK : ERR_IO;
}

/* PEM text, or the path of a file with it. */
static bool take_text(str_t text, const char *name, buf_t *out, buf_t *why)
{
    if (text.len > 0 && memmem(text.p, text.len, "-----BEGIN", 10)) {
        buf_append_str(out, text);
        return true;
    }
    char *path = str_dup(text);
    bool fine = path && text.len > 0 && !memchr(text.p, '\0', text.len) &&
                cert_file_read(path, out, why) == ERR_OK;
    if (!fine && why->len == 0)
        buf_printf(why, "TLS: certificate \"%s\" of system.certificates is empty", name);
    free(path);
    return fine;
}

static bool take_named(mp_t object, const char *name, buf_t *out, buf_t *why)
{
    mp_t value;
    str_t text;
    if (mp_path(object, &value, "native", "certificates", name, NULL) && mp_read_str(&value, &text))
        return take_text(text, name, out, why);
    buf_printf(why, "TLS: system.certificates has no certificate \"%s\"", name);
    return false;
}

static bool read_names(mp_t object, const cert_names_t *names, tls_pair_t *pair, buf_t *why)
{
    if (take_named(object, names->public_name, &pair->cert, why) &&
        take_named(object, names->private_name, &pair->key, why) &&
        (names->chained_name[0] == '\0' ||
         take_named(object, names->chained_name, &pair->chain, why)))
        return true;
    tls_pair_fini(pair);
    return false;
}

/* The parts of a chain are a list of texts, or one text. */
static void take_chain(mp_t chain, buf_t *out)
{
    uint32_t count = 1;
    str_t text;
    if (mp_type(chain) == MP_ARRAY && !mp_read_array(&chain, &count))
        return;
    for (uint32_t i = 0; i < count && mp_read_str(&chain, &text); i++) {
        buf_append_str(out, text);
        buf_append_byte(out, '\n');
    }
}

static void take_domains(mp_t domains, buf_t *out)
{
    uint32_t count;
    str_t text;
    if (!mp_read_array(&domains, &count))
        return;
    for (uint32_t i = 0; i < count && mp_read_str(&domains, &text); i++) {
        if (text.len == 0 || memchr(text.p, ' ', text.len) || memchr(text.p, '\0', text.len))
            continue;
        if (out->len > 0)
            buf_append_byte(out, ' ');
        buf_append_str(out, text);
    }
}

static bool read_collection(mp_t entry, tls_pair_t *pair)
{
    mp_t value;
    str_t cert, key;
    if (!mp_find_str(entry, "cert", &cert) || !mp_find_str(entry, "key", &key))
        return false;
    buf_append_str(&pair->cert, cert);
    buf_append_str(&pair->key, key);
    if (mp_find(entry, "chain", &value))
        take_chain(value, &pair->chain);
    if (mp_find(entry, "domains", &value))
        take_domains(value, &pair->domains);
    return true;
}

static size_t read_collections(mp_t object, const char *wanted, tls_pair_t *pairs, size_t room)
{
    mp_t map, entry;
    str_t name;
    uint32_t count;
    size_t n = 0;
    if (wanted[0] == '\0' || !mp_path(object, &map, "native", "collections", NULL) ||
        !mp_read_map(&map, &count))
        return 0;
    for (uint32_t i = 0; i < count && n < room; i++) {
        if (!mp_read_str(&map, &name) || !mp_next(&map, &entry))
            break;
        if (strcmp(wanted, "*") == 0 || str_is(name, wanted))
            n += read_collection(entry, &pairs[n]) ? 1 : 0;
    }
    return n;
}

/* Whether the name stands for something, usable or not. */
static bool has_name(mp_t object, const char *name)
{
    mp_t value;
    return mp_path(object, &value, "native", "certificates", name, NULL) &&
           mp_type(value) != MP_NIL;
}

size_t cert_object_read(mp_t object, const cert_names_t *names, tls_pair_t *pairs, buf_t *why)
{
    memset(pairs, 0, CERT_PAIRS_MAX * sizeof *pairs);
    size_t n = read_names(object, names, &pairs[0], why) ? 1 : 0;
    if (n == 0 && has_name(object, names->public_name))
        return 0; /* who names a certificate shall not get another one without a word */
    n += read_collections(object, names->collection, pairs + n, CERT_PAIRS_MAX - n);
    if (n > 0)
        buf_reset(why);
    return n;
}
