/* SPDX-License-Identifier: MIT */
#include "gateway/certs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "bus/log.h"
#include "gateway/cert_object.h"

#define OBJECT "system.certificates"
#define ASK_TTL_MS 5000
#define DAY_S 86400
#define WARN_DAYS 14

enum { FILE_CERT, FILE_KEY, FILE_CHAIN, FILE_COUNT };

static const char *const keys[FILE_COUNT] = {"tls-cert", "tls-key", "tls-chain"};

/* By what a change of a file is noticed. */
typedef struct {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
    bool there;
} print_t;

struct certs {
    requests_t *requests;
    metrics_t *metrics;
    config_t *config; /* of the last certs_configure */
    tls_t *current;
    buf_t error;
    print_t loaded[FILE_COUNT]; /* as the files were when they were read */
    print_t seen[FILE_COUNT];   /* as they were a second ago */
    uint64_t asked;             /* request under way; 0 none */
    bool stale;                 /* asked for again while one was under way */
    bool settled;
    int64_t warned; /* day of the last warning */
};

certs_t *certs_new(requests_t *requests, metrics_t *metrics)
{
    certs_t *self = calloc(1, sizeof *self);
    assert(self);
    self->requests = requests;
    self->metrics = metrics;
    return self;
}

void certs_destroy(certs_t **self_p)
{
    certs_t *self = *self_p;
    if (!self)
        return;
    if (self->asked)
        requests_forget(self->requests, self->asked);
    config_destroy(&self->config);
    tls_put(&self->current);
    buf_fini(&self->error);
    free(self);
    *self_p = NULL;
}

static bool from_object(const certs_t *self)
{
    return self->config && config_bool(self->config, "tls-certificate-object");
}

/* --- taking over -------------------------------------------------------------------------------
 */

static void warn_expiry(certs_t *self)
{
    int64_t now = (int64_t)time(NULL), left = tls_not_after(self->current) - now;
    if (left > WARN_DAYS * DAY_S || now / DAY_S == self->warned)
        return;
    self->warned = now / DAY_S;
    log_warn("GW-TLS-EXPIRES", "subject=\"%s\" days=%lld", tls_subject(self->current),
             (long long)(left / DAY_S));
}

/* why: one line, when there are no pairs. */
static err_t use_pairs(certs_t *self, const tls_pair_t *pairs, size_t count, buf_t *why)
{
    tls_settings_t settings = {.min_version = config_text(self->config, "tls-min-version"),
                               .ciphers = config_text(self->config, "tls-ciphers"),
                               .ciphersuites = config_text(self->config, "tls-ciphersuites")};
    tls_t *next = count > 0 ? tls_new(&settings, pairs, count, why) : NULL;
    self->settled = true;
    buf_reset(&self->error);
    if (!next) {
        buf_append_str(&self->error, buf_str(why));
        log_error("GW-TLS-BAD", "the certificate before stays; %.*s", STR_ARG(buf_str(why)));
        return ERR_CONFIG;
    }
    tls_put(&self->current);
    self->current = next;
    self->warned = 0;
    self->metrics->values[METRIC_TLS_EXPIRES] = tls_not_after(next);
    log_info("GW-TLS-CERTIFICATE", "subject=\"%s\" valid-days=%lld pairs=%zu", tls_subject(next),
             (long long)((tls_not_after(next) - (int64_t)time(NULL)) / DAY_S), count);
    warn_expiry(self);
    return ERR_OK;
}

/* --- files -------------------------------------------------------------------------------------
 */

static void look(const certs_t *self, print_t prints[FILE_COUNT])
{
    memset(prints, 0, FILE_COUNT * sizeof *prints);
    for (size_t i = 0; i < FILE_COUNT; i++) {
        struct stat found;
        const char *path = config_text(self->config, keys[i]);
        if (path[0] == '\0' || stat(path, &found) != 0)
            continue;
        prints[i].device = found.st_dev;
        prints[i].inode = found.st_ino;
        prints[i].size = found.st_size;
        prints[i].changed = found.st_mtim;
        prints[i].there = true;
    }
}

static bool same(const print_t a[FILE_COUNT], const print_t b[FILE_COUNT])
{
    return memcmp(a, b, FILE_COUNT * sizeof *a) == 0;
}

static err_t load_files(certs_t *self, buf_t *why)
{
    tls_pair_t pair = {0};
    buf_t *const parts[FILE_COUNT] = {&pair.cert, &pair.key, &pair.chain};
    err_t err = ERR_OK;
    look(self, self->loaded);
    memcpy(self->seen, self->loaded, sizeof self->seen);
    for (size_t i = 0; i < FILE_COUNT && err == ERR_OK; i++) {
        const char *path = config_text(self->config, keys[i]);
        if (path[0] != '\0')
            err = cert_file_read(path, parts[i], why);
    }
    if (err == ERR_OK && pair.key.len == 0) /* both may stand in one file */
        buf_append_str(&pair.key, buf_str(&pair.cert));
    if (err == ERR_OK && pair.cert.len == 0)
        buf_append_cstr(why, "TLS: tls=on needs a certificate: tls-cert and tls-key, or "
                             "tls-certificate-object");
    err_t used = use_pairs(self, &pair, err == ERR_OK && pair.cert.len > 0 ? 1 : 0, why);
    tls_pair_fini(&pair);
    return err == ERR_OK ? used : err;
}

/* Files are replaced one after the other: they are read when they rest for a second. */
static void watch_files(certs_t *self)
{
    print_t now[FILE_COUNT];
    buf_t why = {0};
    look(self, now);
    bool rests = same(now, self->seen);
    memcpy(self->seen, now, sizeof now);
    if (rests && !same(now, self->loaded))
        (void)!load_files(self, &why);
    buf_fini(&why);
}

/* --- the object --------------------------------------------------------------------------------
 */

static void take_object(certs_t *self, mp_t object)
{
    cert_names_t names = {.public_name = config_text(self->config, "tls-public"),
                          .private_name = config_text(self->config, "tls-private"),
                          .chained_name = config_text(self->config, "tls-chained"),
                          .collection = config_text(self->config, "tls-collection")};
    tls_pair_t pairs[CERT_PAIRS_MAX];
    buf_t why = {0};
    size_t count = cert_object_read(object, &names, pairs, &why);
    (void)!use_pairs(self, pairs, count, &why);
    for (size_t i = 0; i < count; i++)
        tls_pair_fini(&pairs[i]);
    buf_fini(&why);
}

static void take_answer(void *arg, err_t status, uint64_t seq, mp_t body)
{
    certs_t *self = arg;
    mp_t objects, object;
    (void)seq;
    self->asked = 0;
    if (status != ERR_OK || !from_object(self)) {
        self->stale = status != ERR_OK; /* certs_tick asks again */
        return;
    }
    if (!self->stale && mp_at(body, 1, &objects) && mp_at(objects, 0, &object))
        take_object(self, object);
}

void certs_ask(certs_t *self, int64_t mono_ms)
{
    static const caller_t system_caller = {{"", 0}, {"", 0}, {"gateway", 7}};
    buf_t args = {0};
    self->stale = true;
    if (!from_object(self) || self->asked)
        return;
    mp_put_array(&args, 1);
    mp_put_array(&args, 1);
    mp_put_cstr(&args, OBJECT);
    self->asked = requests_send(self->requests, "objects", STR_LIT("objects.peek"), &system_caller,
                                mp_of_buf(&args), ASK_TTL_MS, 0, mono_ms, take_answer, self);
    self->stale = self->asked == 0;
    buf_fini(&args);
}

/* --- from outside --------------------------------------------------------------------------------
 */

err_t certs_configure(certs_t *self, const config_t *config, int64_t mono_ms, buf_t *why)
{
    config_t *copy = config_copy(config);
    config_destroy(&self->config);
    self->config = copy;
    if (!from_object(self))
        return load_files(self, why);
    certs_ask(self, mono_ms);
    return ERR_OK;
}

void certs_reload(certs_t *self, const config_t *config, int64_t mono_ms)
{
    buf_t why = {0};
    (void)!certs_configure(self, config, mono_ms, &why); /* logged, and the one before stays */
    buf_fini(&why);
}

void certs_tick(certs_t *self, int64_t mono_ms)
{
    if (!self->config)
        return;
    if (!from_object(self))
        watch_files(self);
    else if (self->stale && !self->asked)
        certs_ask(self, mono_ms);
    if (self->current)
        warn_expiry(self);
}

bool certs_is_settled(const certs_t *self)
{
    return self->settled;
}

str_t certs_error(const certs_t *self)
{
    return buf_str(&self->error);
}

tls_t *certs_current(const certs_t *self)
{
    return self->current;
}
