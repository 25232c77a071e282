/* SPDX-License-Identifier: MIT */
#include "actors/auth_store.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "actors/idmap.h"
#include "bus/log.h"
#include "bus/mp.h"

#define RECORD 'r' /* first byte of the key of a record; its hash follows */
#define SECRET_KEY "ksecret"
#define SECRET_BYTES 24u /* as many as the original's */
#define FIELDS 12u       /* of a stored record */
#define SAVE_EVERY_MS 60000

struct auth_store {
    engine_t *engine;
    idmap_t *map; /* by hash */
    auth_record_t **list;
    size_t list_len, list_cap;
    auth_hash_t *changed; /* records of this batch */
    size_t changed_len, changed_cap;
    bool spoiled; /* a change could not be noted: the batch must not be committed */
    buf_t secret;
    buf_t value; /* scratch */
};

static const char *const kind_names[AUTH_KINDS] = {"session", "access", "refresh", "device"};

const char *auth_kind_name(auth_kind_t kind)
{
    return kind_names[kind];
}

/* --- a record --------------------------------------------------------------------------------- */

void auth_record_put(buf_t *out, const auth_record_t *record)
{
    mp_put_array(out, FIELDS);
    mp_put_uint(out, record->kind);
    mp_put_cstr(out, record->user);
    mp_put_cstr(out, record->print);
    mp_put_uint(out, record->family);
    mp_put_int(out, record->created_ms);
    mp_put_int(out, record->seen_ms);
    mp_put_int(out, record->expires_ms);
    mp_put_int(out, record->ttl_ms);
    mp_put_cstr(out, record->client);
    mp_put_cstr(out, record->address);
    mp_put_cstr(out, record->name);
    mp_put_bool(out, record->read_only);
}

static bool read_text(mp_t *at, char **out)
{
    str_t text;
    if (!mp_read_str(at, &text) || (text.len && memchr(text.p, 0, text.len)))
        return false;
    *out = str_dup(text);
    return *out != NULL;
}

/* A time that sums cannot overflow. */
static bool read_time(mp_t *at, int64_t *out)
{
    return mp_read_int(at, out) && *out >= 0 && *out <= (int64_t)1 << 53;
}

static bool read_fields(auth_record_t *record, mp_t at)
{
    uint32_t count;
    uint64_t kind;
    if (!mp_read_array(&at, &count) || count != FIELDS || !mp_read_uint(&at, &kind) ||
        kind >= AUTH_KINDS)
        return false;
    record->kind = (auth_kind_t)kind;
    return read_text(&at, &record->user) && read_text(&at, &record->print) &&
           mp_read_uint(&at, &record->family) && read_time(&at, &record->created_ms) &&
           read_time(&at, &record->seen_ms) && read_time(&at, &record->expires_ms) &&
           read_time(&at, &record->ttl_ms) && read_text(&at, &record->client) &&
           read_text(&at, &record->address) && read_text(&at, &record->name) &&
           mp_read_bool(&at, &record->read_only);
}

auth_record_t *auth_record_read(const auth_hash_t *hash, str_t value)
{
    mp_t at = mp_of(value.p, value.len);
    auth_record_t *record = mp_check(at, true) == ERR_OK ? calloc(1, sizeof *record) : NULL;
    if (!record)
        return NULL;
    record->hash = *hash;
    if (!read_fields(record, at))
        auth_record_destroy(&record);
    else
        record->saved_ms = record->seen_ms;
    return record;
}

void auth_record_destroy(auth_record_t **self_p)
{
    auth_record_t *self = *self_p;
    if (!self)
        return;
    free(self->user);
    free(self->print);
    free(self->client);
    free(self->address);
    free(self->name);
    free(self);
    *self_p = NULL;
}

/* --- the list --------------------------------------------------------------------------------- */

static str_t hash_str(const auth_hash_t *hash)
{
    return (str_t){(const char *)hash->bytes, sizeof hash->bytes};
}

/* Takes the record over; false: no memory, and it is gone. */
static bool link_record(auth_store_t *self, auth_record_t *record)
{
    if (self->list_len == self->list_cap) {
        size_t cap = self->list_cap ? self->list_cap * 2 : 64;
        auth_record_t **list = realloc(self->list, cap * sizeof *list);
        if (!list) {
            auth_record_destroy(&record);
            return false;
        }
        self->list = list;
        self->list_cap = cap;
    }
    if (!idmap_put(self->map, hash_str(&record->hash), record)) {
        auth_record_destroy(&record);
        return false;
    }
    record->index = self->list_len;
    self->list[self->list_len++] = record;
    return true;
}

static void unlink_record(auth_store_t *self, auth_record_t *record)
{
    auth_record_t *last = self->list[--self->list_len];
    idmap_remove(self->map, hash_str(&record->hash));
    self->list[record->index] = last;
    last->index = record->index;
    auth_record_destroy(&record);
}

auth_record_t *auth_store_find(auth_store_t *self, const auth_hash_t *hash)
{
    return idmap_get(self->map, hash_str(hash));
}

size_t auth_store_count(const auth_store_t *self)
{
    return self->list_len;
}

auth_record_t *auth_store_at(const auth_store_t *self, size_t index)
{
    assert(index < self->list_len);
    return self->list[index];
}

/* --- opening ---------------------------------------------------------------------------------- */

static void load_record(auth_store_t *self, str_t key, str_t value, size_t *damaged)
{
    auth_hash_t hash;
    auth_record_t *record = NULL;
    if (key.len == 1 + sizeof hash.bytes) {
        memcpy(hash.bytes, key.p + 1, sizeof hash.bytes);
        record = auth_record_read(&hash, value);
    }
    if (!record || !link_record(self, record))
        ++*damaged;
}

static err_t load(auth_store_t *self)
{
    const char prefix[] = {RECORD, '\0'};
    str_t key, value;
    size_t damaged = 0;
    engine_scan_t *scan = engine_scan_new(self->engine, str_of(prefix), STR_LIT(""));
    while (scan && engine_scan_next(scan, &key, &value))
        load_record(self, key, value, &damaged);
    err_t err = scan ? engine_scan_error(scan) : ERR_NO_MEMORY;
    engine_scan_destroy(&scan);
    if (damaged)
        log_warn("AUTH-SKIPPED", "count=%zu", damaged);
    return err;
}

/* The secret that was stored, or a new one. */
static err_t require_secret(auth_store_t *self, const uint8_t *random)
{
    static const char digits[] = "0123456789abcdef";
    bool found = false;
    err_t err = engine_get(self->engine, STR_LIT(SECRET_KEY), &self->secret, &found);
    if (err != ERR_OK || (found && self->secret.len > 0))
        return err;
    for (size_t i = 0; i < SECRET_BYTES; i++) {
        buf_append_byte(&self->secret, (uint8_t)digits[random[i] >> 4]);
        buf_append_byte(&self->secret, (uint8_t)digits[random[i] & 15]);
    }
    if (self->secret.failed)
        return ERR_NO_MEMORY;
    engine_put(self->engine, STR_LIT(SECRET_KEY), buf_str(&self->secret));
    return engine_commit(self->engine);
}

err_t auth_store_open(auth_store_t **out, engine_t **engine_p, const uint8_t random[32], buf_t *why)
{
    uint64_t seed;
    auth_store_t *self = calloc(1, sizeof *self);
    assert(self);
    self->engine = *engine_p;
    *engine_p = NULL;
    memcpy(&seed, random + SECRET_BYTES, sizeof seed);
    self->map = idmap_new(seed);
    err_t err = self->map ? require_secret(self, random) : ERR_NO_MEMORY;
    if (err == ERR_OK)
        err = load(self);
    if (err != ERR_OK) {
        buf_printf(why, "auth: %s", err_text(err));
        auth_store_close(&self);
    }
    *out = self;
    return err;
}

void auth_store_close(auth_store_t **self_p)
{
    auth_store_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->list_len; i++)
        auth_record_destroy(&self->list[i]);
    idmap_destroy(&self->map);
    if (self->secret.data)
        OPENSSL_cleanse(self->secret.data, self->secret.len);
    buf_fini(&self->secret);
    buf_fini(&self->value);
    engine_close(&self->engine);
    free(self->list);
    free(self->changed);
    free(self);
    *self_p = NULL;
}

engine_t *auth_store_engine(auth_store_t *self)
{
    return self->engine;
}

str_t auth_store_secret(const auth_store_t *self)
{
    return buf_str(&self->secret);
}

/* --- changes ---------------------------------------------------------------------------------- */

static str_t key_of(const auth_hash_t *hash, uint8_t key[1 + sizeof(auth_hash_t)])
{
    key[0] = RECORD;
    memcpy(key + 1, hash->bytes, sizeof hash->bytes);
    return (str_t){(const char *)key, 1 + sizeof hash->bytes};
}

static void note_change(auth_store_t *self, const auth_hash_t *hash)
{
    if (self->changed_len == self->changed_cap) {
        size_t cap = self->changed_cap ? self->changed_cap * 2 : 64;
        auth_hash_t *changed = realloc(self->changed, cap * sizeof *changed);
        if (!changed) {
            self->spoiled = true;
            return;
        }
        self->changed = changed;
        self->changed_cap = cap;
    }
    self->changed[self->changed_len++] = *hash;
}

static void save(auth_store_t *self, auth_record_t *record)
{
    uint8_t key[1 + sizeof(auth_hash_t)];
    buf_reset(&self->value);
    auth_record_put(&self->value, record);
    self->spoiled = self->spoiled || self->value.failed;
    note_change(self, &record->hash);
    engine_put(self->engine, key_of(&record->hash, key), buf_str(&self->value));
    record->saved_ms = record->seen_ms;
}

/* At most so many bytes, and never half a character. */
static char *dup_cut(const char *text, size_t max)
{
    size_t len = text ? strlen(text) : 0;
    if (len > max) {
        len = max;
        while (len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80)
            len--;
    }
    return str_dup((str_t){text ? text : "", len});
}

auth_record_t *auth_store_add(auth_store_t *self, const auth_record_t *draft)
{
    auth_record_t *record = calloc(1, sizeof *record);
    if (!record)
        return NULL;
    *record = *draft;
    record->user = str_dup(str_of(draft->user));
    record->print = dup_cut(draft->print, AUTH_FIELD_MAX);
    record->client = dup_cut(draft->client, AUTH_FIELD_MAX);
    record->address = dup_cut(draft->address, AUTH_FIELD_MAX);
    record->name = dup_cut(draft->name, AUTH_FIELD_MAX);
    if (!record->user || !record->print || !record->client || !record->address || !record->name) {
        auth_record_destroy(&record);
        return NULL;
    }
    if (!link_record(self, record))
        return NULL;
    save(self, record);
    return record;
}

static int64_t save_after(const auth_record_t *record)
{
    int64_t fourth = record->ttl_ms / 4;
    return record->ttl_ms > 0 && fourth < SAVE_EVERY_MS ? fourth : SAVE_EVERY_MS;
}

void auth_store_touch(auth_store_t *self, auth_record_t *record, str_t address, int64_t now_ms)
{
    record->seen_ms = now_ms > 0 ? now_ms : 0;
    if (record->ttl_ms > 0)
        record->expires_ms = record->seen_ms + record->ttl_ms;
    bool late = now_ms - record->saved_ms >= save_after(record) || now_ms < record->saved_ms;
    if (address.len > 0 && address.len <= AUTH_FIELD_MAX && !memchr(address.p, 0, address.len) &&
        !str_is(address, record->address)) {
        char *copy = str_dup(address);
        if (copy) {
            free(record->address);
            record->address = copy;
        }
    }
    if (late)
        save(self, record);
}

void auth_store_remove(auth_store_t *self, auth_record_t *record)
{
    uint8_t key[1 + sizeof(auth_hash_t)];
    note_change(self, &record->hash);
    engine_delete(self->engine, key_of(&record->hash, key));
    unlink_record(self, record);
}

/* A record that is in both only differs in its last use, which may go on without being stored. */
void auth_store_take_back(auth_store_t *self)
{
    uint8_t key[1 + sizeof(auth_hash_t)];
    for (size_t i = 0; i < self->changed_len; i++) {
        const auth_hash_t *hash = &self->changed[i];
        auth_record_t *record = auth_store_find(self, hash);
        bool found = false;
        buf_reset(&self->value);
        err_t err = engine_get(self->engine, key_of(hash, key), &self->value, &found);
        if (err == ERR_OK && !found && record)
            unlink_record(self, record);
        else if (err == ERR_OK && found && !record)
            record = auth_record_read(hash, buf_str(&self->value));
        else
            continue;
        if (found && (!record || !link_record(self, record)))
            log_error("AUTH-MEMORY", "a session is lost until the next start");
    }
    self->changed_len = 0;
}

err_t auth_store_commit(auth_store_t *self)
{
    if (self->changed_len == 0 && !self->spoiled)
        return ERR_OK;
    err_t err = self->spoiled ? ERR_NO_MEMORY : engine_commit(self->engine);
    if (self->spoiled)
        engine_rollback(self->engine);
    if (err != ERR_OK)
        auth_store_take_back(self);
    self->spoiled = false;
    self->changed_len = 0;
    return err;
}
