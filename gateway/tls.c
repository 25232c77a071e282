/* SPDX-License-Identifier: MIT */
/* Certificates and settings; connections stand in tls_stream.c. */
#include "gateway/tls.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "gateway/tls_ctx.h"

void tls_pair_fini(tls_pair_t *self)
{
    if (self->key.data)
        OPENSSL_cleanse(self->key.data, self->key.len);
    buf_fini(&self->cert);
    buf_fini(&self->key);
    buf_fini(&self->chain);
    buf_fini(&self->domains);
}

/* OpenSSL's own words behind ours; its queue is emptied. */
static void *fail(buf_t *why, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    buf_printf(why, "TLS: %s%s%s", what, reason ? ": " : "", reason ? reason : "");
    ERR_clear_error();
    return NULL;
}

/* --- reading PEM -------------------------------------------------------------------------------
 */

static BIO *bio_of(const buf_t *text)
{
    return BIO_new_mem_buf(text->len ? (const void *)text->data : "", (int)text->len);
}

/* Nobody is there to type one. */
static int no_passphrase(char *to, int size, int writing, void *arg)
{
    (void)to;
    (void)size;
    (void)writing;
    (void)arg;
    return 0;
}

/* Whether the list holds the certificate already. */
static bool has_certificate(STACK_OF(X509) * list, const X509 *cert)
{
    for (int i = 0; i < sk_X509_num(list); i++) {
        if (X509_cmp(sk_X509_value(list, i), cert) == 0)
            return true;
    }
    return false;
}

/* Appends what the text holds, each once. false: a block is broken. */
static bool read_certificates(const buf_t *text, STACK_OF(X509) * list)
{
    BIO *bio = bio_of(text);
    X509 *cert;
    while ((cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
        if (has_certificate(list, cert) || !sk_X509_push(list, cert))
            X509_free(cert);
    }
    BIO_free(bio);
    bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (end)
        ERR_clear_error();
    return end;
}

static EVP_PKEY *read_key(const buf_t *text)
{
    BIO *bio = bio_of(text);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    return key;
}

static int64_t not_after_of(const X509 *cert)
{
    struct tm tm = {0};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
        return 0;
    return timegm(&tm);
}

static void describe(tls_t *self, const X509 *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert(bio);
    char *text;
    X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_ONELINE & ~XN_FLAG_SPC_EQ);
    long n = BIO_get_mem_data(bio, &text);
    self->subject = str_dup((str_t){text, n > 0 ? (size_t)n : 0});
    assert(self->subject);
    self->not_after = not_after_of(cert);
    BIO_free(bio);
}

/* --- one context -------------------------------------------------------------------------------
 */

/* Of what a browser offers only this is spoken here. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;
    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof ours - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool use_settings(SSL_CTX *ctx, const tls_settings_t *settings, buf_t *why)
{
    int least = strcmp(settings->min_version, "1.3") == 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"iobus", 5);
    if (SSL_CTX_set_min_proto_version(ctx, least) != 1)
        return fail(why, "the lowest version cannot be set") != NULL;
    if (settings->ciphers[0] && SSL_CTX_set_cipher_list(ctx, settings->ciphers) != 1)
        return fail(why, "tls-ciphers names no known cipher") != NULL;
    if (settings->ciphersuites[0] && SSL_CTX_set_ciphersuites(ctx, settings->ciphersuites) != 1)
        return fail(why, "tls-ciphersuites names an unknown cipher suite") != NULL;
    return true;
}

/* The first certificate of the list is the server's own. */
static bool use_certificates(SSL_CTX *ctx, STACK_OF(X509) * list, EVP_PKEY *key, buf_t *why)
{
    X509 *own = sk_X509_value(list, 0);
    if (X509_check_private_key(own, key) != 1)
        return fail(why, "the key does not belong to the certificate") != NULL;
    if (SSL_CTX_use_certificate(ctx, own) != 1)
        return fail(why, "the certificate is not usable") != NULL;
    if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
        return fail(why, "the key is not usable") != NULL;
    for (int i = 1; i < sk_X509_num(list); i++) {
        if (SSL_CTX_add1_chain_cert(ctx, sk_X509_value(list, i)) != 1)
            return fail(why, "the chain is not usable") != NULL;
    }
    return true;
}

static bool load_pair(SSL_CTX *ctx, const tls_pair_t *pair, STACK_OF(X509) * list, buf_t *why)
{
    if (!read_certificates(&pair->cert, list))
        return fail(why, "the certificate cannot be read") != NULL;
    if (sk_X509_num(list) == 0)
        return fail(why, "there is no certificate (PEM) in the text of the certificate") != NULL;
    if (!read_certificates(&pair->chain, list))
        return fail(why, "the chain cannot be read") != NULL;
    EVP_PKEY *key = read_key(&pair->key);
    if (!key)
        return fail(why, "the key cannot be read, or is encrypted") != NULL;
    bool fine = use_certificates(ctx, list, key, why);
    EVP_PKEY_free(key);
    return fine;
}

/* --- names of servers ----------------------------------------------------------------------------
 */

static str_t next_word(str_t *text)
{
    const char *blank = text->len ? memchr(text->p, ' ', text->len) : NULL;
    str_t word = {text->p, blank ? (size_t)(blank - text->p) : text->len};
    size_t used = word.len + (blank ? 1 : 0);
    *text = (str_t){text->p + used, text->len - used};
    return word;
}

/* 2: the very name, 1: a wildcard for it, 0: neither. */
static int fits(str_t domain, str_t name)
{
    if (domain.len == name.len && strncasecmp(domain.p, name.p, name.len) == 0)
        return 2;
    const char *dot = name.len ? memchr(name.p, '.', name.len) : NULL;
    str_t parent = {dot, dot ? name.len - (size_t)(dot - name.p) : 0};
    return dot && str_starts(domain, "*.") && domain.len == parent.len + 1 &&
           strncasecmp(domain.p + 1, parent.p, parent.len) == 0;
}

/* The client says which server it wants before the certificate is shown. */
static int choose_certificate(SSL *ssl, int *alert, void *arg)
{
    const tls_t *self = arg;
    const char *wanted = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    int best = 0;
    (void)alert;
    for (size_t i = 0; wanted && i < self->count; i++) {
        str_t domains = str_of(self->items[i].domains);
        while (domains.len > 0) {
            int fit = fits(next_word(&domains), str_of(wanted));
            if (fit > best)
                SSL_set_SSL_CTX(ssl, self->items[i].ctx);
            best = fit > best ? fit : best;
        }
    }
    return SSL_TLSEXT_ERR_OK;
}

/* --- life --------------------------------------------------------------------------------------
 */

static bool add(tls_t *self, const tls_settings_t *settings, const tls_pair_t *pair, buf_t *why)
{
    tls_item_t *item = &self->items[self->count];
    item->ctx = SSL_CTX_new(TLS_server_method());
    item->domains = str_dup(buf_str(&pair->domains));
    assert(item->ctx && item->domains);
    self->count++;
    SSL_CTX_set_tlsext_servername_callback(item->ctx, choose_certificate);
    SSL_CTX_set_tlsext_servername_arg(item->ctx, self);
    STACK_OF(X509) *list = sk_X509_new_null();
    assert(list);
    bool fine = use_settings(item->ctx, settings, why) && load_pair(item->ctx, pair, list, why);
    if (fine && self->count == 1)
        describe(self, sk_X509_value(list, 0));
    sk_X509_pop_free(list, X509_free);
    return fine;
}

tls_t *tls_new(const tls_settings_t *settings, const tls_pair_t *pairs, size_t count, buf_t *why)
{
    tls_t *self = calloc(1, sizeof *self);
    assert(self && count > 0);
    self->references = 1;
    self->items = calloc(count, sizeof *self->items);
    self->method = tls_stream_method();
    assert(self->items && self->method);
    ERR_clear_error();
    for (size_t i = 0; i < count; i++) {
        if (!add(self, settings, &pairs[i], why)) {
            tls_put(&self);
            return NULL;
        }
    }
    return self;
}

tls_t *tls_ref(tls_t *self)
{
    self->references++;
    return self;
}

void tls_put(tls_t **self_p)
{
    tls_t *self = *self_p;
    *self_p = NULL;
    if (!self || --self->references > 0)
        return;
    for (size_t i = 0; i < self->count; i++) {
        SSL_CTX_free(self->items[i].ctx);
        free(self->items[i].domains);
    }
    BIO_meth_free(self->method);
    free(self->items);
    free(self->subject);
    free(self);
}

const char *tls_subject(const tls_t *self)
{
    return self->subject;
}

int64_t tls_not_after(const tls_t *self)
{
    return self->not_after;
}
