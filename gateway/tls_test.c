/* SPDX-License-Identifier: MIT */
/* Streams against OpenSSL's client, in memory. */
#include "gateway/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cmocka.h>

#define ROOM 16

static const tls_settings_t usual = {"1.2", "ECDHE+AESGCM", ""};

/* --- certificates ------------------------------------------------------------------------------
 */

typedef struct {
    X509 *cert;
    EVP_PKEY *key;
} identity_t;

static void name_it(X509_NAME *name, const char *text)
{
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                                (const unsigned char *)text, -1, -1, 0),
                     1);
}

/* issuer NULL: signs itself. */
static identity_t make_identity(const char *name, const identity_t *issuer)
{
    identity_t self = {X509_new(), EVP_EC_gen("P-256")};
    X509_set_version(self.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(self.cert), (long)name[0]);
    X509_gmtime_adj(X509_getm_notBefore(self.cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(self.cert), 3600);
    X509_set_pubkey(self.cert, self.key);
    name_it(X509_get_subject_name(self.cert), name);
    X509_set_issuer_name(self.cert, X509_get_subject_name(issuer ? issuer->cert : self.cert));
    assert_true(X509_sign(self.cert, issuer ? issuer->key : self.key, EVP_sha256()) > 0);
    return self;
}

static void drop_identity(identity_t *self)
{
    X509_free(self->cert);
    EVP_PKEY_free(self->key);
}

static void take(BIO *bio, buf_t *out)
{
    char *text;
    long n = BIO_get_mem_data(bio, &text);
    buf_append(out, text, (size_t)n);
    BIO_free(bio);
}

static void put_cert(const identity_t *self, buf_t *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, self->cert), 1);
    take(bio, out);
}

static void put_key(const identity_t *self, const char *passphrase, buf_t *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    const EVP_CIPHER *cipher = passphrase ? EVP_aes_128_cbc() : NULL;
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, self->key, cipher, passphrase,
                                                   passphrase ? (int)strlen(passphrase) : 0, NULL,
                                                   NULL),
                     1);
    take(bio, out);
}

static tls_pair_t make_pair(const char *name)
{
    tls_pair_t pair = {0};
    identity_t identity = make_identity(name, NULL);
    put_cert(&identity, &pair.cert);
    put_key(&identity, NULL, &pair.key);
    drop_identity(&identity);
    return pair;
}

static tls_t *make_tls(const tls_settings_t *settings, const tls_pair_t *pairs, size_t count)
{
    buf_t why = {0};
    tls_t *tls = tls_new(settings, pairs, count, &why);
    if (!tls)
        fail_msg("%.*s", STR_ARG(buf_str(&why)));
    return tls;
}

static tls_t *simple_tls(const tls_settings_t *settings)
{
    tls_pair_t pair = make_pair("house");
    tls_t *tls = make_tls(settings, &pair, 1);
    tls_pair_fini(&pair);
    return tls;
}

/* --- a client ----------------------------------------------------------------------------------
 */

typedef struct {
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *to, *from; /* of the client's side */
    tls_stream_t *stream;
    buf_t got; /* what the server has read */
    tls_result_t result;
} talk_t;

static talk_t begin(tls_t *tls, int version, const char *server)
{
    talk_t self = {.ctx = SSL_CTX_new(TLS_client_method()),
                   .to = BIO_new(BIO_s_mem()),
                   .from = BIO_new(BIO_s_mem()),
                   .stream = tls_stream_new(tls, ROOM)};
    SSL_CTX_set_security_level(self.ctx, 0);
    SSL_CTX_set_min_proto_version(self.ctx, version);
    SSL_CTX_set_max_proto_version(self.ctx, version);
    self.ssl = SSL_new(self.ctx);
    if (server)
        SSL_set_tlsext_host_name(self.ssl, server);
    SSL_set_bio(self.ssl, self.from, self.to);
    SSL_set_connect_state(self.ssl);
    return self;
}

static void end(talk_t *self)
{
    SSL_free(self->ssl);
    SSL_CTX_free(self->ctx);
    tls_stream_destroy(&self->stream);
    buf_fini(&self->got);
}

/* What the server has to send reaches the client. */
static void deliver(talk_t *self)
{
    buf_t *output = tls_stream_output(self->stream);
    if (output->len > 0) {
        assert_true(output->len > ROOM);
        BIO_write(self->from, output->data + ROOM, (int)(output->len - ROOM));
    }
    buf_fini(output);
}

/* What the client has to send reaches the server, cut into pieces of `step` bytes. */
static void carry(talk_t *self, size_t step)
{
    char *bytes;
    size_t left = (size_t)BIO_get_mem_data(self->to, &bytes);
    while (left > 0) {
        uint8_t plain[256];
        size_t n, len = left < step ? left : step;
        tls_stream_feed(self->stream, (str_t){bytes, len});
        while ((self->result = tls_stream_read(self->stream, plain, sizeof plain, &n)) == TLS_DATA)
            buf_append(&self->got, plain, n);
        bytes += len;
        left -= len;
        if (self->result == TLS_FAILED)
            break;
    }
    (void)BIO_reset(self->to);
    deliver(self);
}

/* Whether both sides are done. */
static bool shake(talk_t *self, size_t step)
{
    for (int i = 0; i < 10 && !SSL_is_init_finished(self->ssl) && self->result != TLS_FAILED; i++) {
        (void)SSL_do_handshake(self->ssl);
        carry(self, step);
    }
    carry(self, step);
    ERR_clear_error();
    return SSL_is_init_finished(self->ssl) && tls_stream_is_ready(self->stream);
}

static const char *peer_name(const talk_t *self, char *to, int size)
{
    X509 *cert = SSL_get0_peer_certificate(self->ssl);
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, to, size);
    return to;
}

/* --- tests -------------------------------------------------------------------------------------
 */

/* Usage: a handshake, a word in each direction, and the end. */
static void talks(void **unused)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        tls_t *tls = simple_tls(&usual);
        char word[8] = "";
        talk_t talk = begin(tls, versions[i], NULL);
        tls_put(&tls); /* the stream keeps it */
        assert_true(shake(&talk, 7));
        assert_int_equal(SSL_write(talk.ssl, "ping", 4), 4);
        carry(&talk, 5);
        assert_true(str_is(buf_str(&talk.got), "ping"));
        assert_true(tls_stream_write(talk.stream, (const uint8_t *)"pong", 4));
        deliver(&talk);
        assert_int_equal(SSL_read(talk.ssl, word, sizeof word), 4);
        assert_string_equal(word, "pong");
        tls_stream_close(talk.stream);
        tls_stream_close(talk.stream);
        assert_false(tls_stream_write(talk.stream, (const uint8_t *)"x", 1));
        deliver(&talk);
        assert_int_equal(SSL_read(talk.ssl, word, sizeof word), 0);
        assert_int_equal(SSL_get_error(talk.ssl, 0), SSL_ERROR_ZERO_RETURN);
        SSL_shutdown(talk.ssl);
        carry(&talk, 100);
        assert_int_equal(talk.result, TLS_CLOSED);
        end(&talk);
    }
}

static void carries_much(void **unused)
{
    tls_t *tls = simple_tls(&usual);
    talk_t talk = begin(tls, TLS1_3_VERSION, NULL);
    size_t size = 1000000, read = 0, n;
    uint8_t *bytes = malloc(size), *back = malloc(size);
    (void)unused;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    assert_true(shake(&talk, 1000));
    assert_true(tls_stream_write(talk.stream, bytes, size));
    deliver(&talk);
    while (read < size && SSL_read_ex(talk.ssl, back + read, size - read, &n) == 1)
        read += n;
    assert_int_equal(read, size);
    assert_memory_equal(bytes, back, size);
    assert_int_equal(SSL_write(talk.ssl, bytes, (int)size), size);
    carry(&talk, 65536);
    assert_int_equal(talk.got.len, size);
    assert_memory_equal(talk.got.data, bytes, size);
    free(bytes);
    free(back);
    end(&talk);
    tls_put(&tls);
}

static void refuses_old_versions(void **unused)
{
    static const tls_settings_t strict = {"1.3", "", ""};
    tls_t *tls = simple_tls(&usual), *newer = simple_tls(&strict);
    talk_t old = begin(tls, TLS1_1_VERSION, NULL), two = begin(newer, TLS1_2_VERSION, NULL);
    (void)unused;
    assert_false(shake(&old, 100));
    assert_int_equal(old.result, TLS_FAILED);
    assert_true(tls_stream_error(old.stream)[0] != '\0');
    assert_false(shake(&two, 100));
    end(&old);
    end(&two);
    tls_put(&tls);
    tls_put(&newer);
}

static void refuses_renegotiation(void **unused)
{
    tls_t *tls = simple_tls(&usual);
    talk_t talk = begin(tls, TLS1_2_VERSION, NULL);
    (void)unused;
    assert_true(shake(&talk, 100));
    SSL_renegotiate(talk.ssl);
    (void)SSL_do_handshake(talk.ssl);
    carry(&talk, 100);
    assert_int_not_equal(SSL_do_handshake(talk.ssl), 1);
    assert_true(tls_stream_is_ready(talk.stream));
    end(&talk);
    tls_put(&tls);
}

static void ends_at_nonsense(void **unused)
{
    tls_t *tls = simple_tls(&usual);
    uint8_t plain[64];
    size_t n;
    tls_stream_t *stream = tls_stream_new(tls, ROOM);
    (void)unused;
    tls_stream_feed(stream, STR_LIT("\x16\x03\x01\x00\x05hello and more"));
    assert_int_equal(tls_stream_read(stream, plain, sizeof plain, &n), TLS_FAILED);
    assert_int_equal(tls_stream_read(stream, plain, sizeof plain, &n), TLS_FAILED);
    assert_false(tls_stream_write(stream, plain, 1));
    tls_stream_close(stream);
    tls_stream_destroy(&stream);
    tls_put(&tls);
}

/* The intermediate certificate is sent once, though it stands in both texts. */
static void sends_the_chain(void **unused)
{
    identity_t root = make_identity("root", NULL), middle = make_identity("middle", &root),
               leaf = make_identity("leaf", &middle);
    tls_pair_t pair = {0};
    (void)unused;
    put_cert(&leaf, &pair.cert);
    put_cert(&middle, &pair.cert);
    put_cert(&leaf, &pair.chain);
    put_cert(&middle, &pair.chain);
    put_key(&leaf, NULL, &pair.key);
    tls_t *tls = make_tls(&usual, &pair, 1);
    assert_string_equal(tls_subject(tls), "CN=leaf");
    assert_true(tls_not_after(tls) > (int64_t)time(NULL) + 3000 &&
                tls_not_after(tls) < (int64_t)time(NULL) + 4000);
    talk_t talk = begin(tls, TLS1_3_VERSION, NULL);
    assert_true(shake(&talk, 100));
    assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(talk.ssl)), 2);
    end(&talk);
    tls_put(&tls);
    tls_pair_fini(&pair);
    drop_identity(&root);
    drop_identity(&middle);
    drop_identity(&leaf);
}

static void check_name(tls_t *tls, const char *server, const char *expected)
{
    char name[64];
    talk_t talk = begin(tls, TLS1_3_VERSION, server);
    assert_true(shake(&talk, 1000));
    assert_string_equal(peer_name(&talk, name, sizeof name), expected);
    end(&talk);
}

static void chooses_by_name(void **unused)
{
    tls_pair_t pairs[3] = {make_pair("everybody"), make_pair("wild"), make_pair("exact")};
    (void)unused;
    buf_append_cstr(&pairs[1].domains, "example.com *.example.com");
    buf_append_cstr(&pairs[2].domains, "www.example.com other.test");
    tls_t *tls = make_tls(&usual, pairs, 3);
    check_name(tls, NULL, "everybody");
    check_name(tls, "unknown.test", "everybody");
    check_name(tls, "Example.com", "wild");
    check_name(tls, "a.example.com", "wild");
    check_name(tls, "a.b.example.com", "everybody");
    check_name(tls, "www.EXAMPLE.com", "exact");
    check_name(tls, "other.test", "exact");
    tls_put(&tls);
    for (size_t i = 0; i < 3; i++)
        tls_pair_fini(&pairs[i]);
}

static void agrees_on_http(void **unused)
{
    static const unsigned char both[] = "\x02h2\x08http/1.1", other[] = "\x02h2";
    const unsigned char *chosen;
    unsigned len;
    tls_t *tls = simple_tls(&usual);
    talk_t talk = begin(tls, TLS1_3_VERSION, NULL), none = begin(tls, TLS1_3_VERSION, NULL);
    (void)unused;
    SSL_set_alpn_protos(talk.ssl, both, sizeof both - 1);
    assert_true(shake(&talk, 1000));
    SSL_get0_alpn_selected(talk.ssl, &chosen, &len);
    assert_true(str_is((str_t){(const char *)chosen, len}, "http/1.1"));
    SSL_set_alpn_protos(none.ssl, other, sizeof other - 1);
    assert_true(shake(&none, 1000));
    SSL_get0_alpn_selected(none.ssl, &chosen, &len);
    assert_int_equal(len, 0);
    end(&talk);
    end(&none);
    tls_put(&tls);
}

static void check_bad(const tls_settings_t *settings, const tls_pair_t *pair, const char *expected)
{
    buf_t why = {0};
    tls_t *tls = tls_new(settings, pair, 1, &why);
    if (tls || !memmem(why.data, why.len, expected, strlen(expected)))
        fail_msg("\"%.*s\" does not contain \"%s\"", STR_ARG(buf_str(&why)), expected);
    assert_true(memchr(why.data, '\n', why.len) == NULL);
    buf_fini(&why);
}

static void says_what_is_wrong(void **unused)
{
    static const tls_settings_t no_cipher = {"1.2", "NONSENSE", ""}, no_suite = {"1.2", "", "X"};
    identity_t mine = make_identity("mine", NULL), other = make_identity("other", NULL);
    tls_pair_t pair = {0};
    (void)unused;
    check_bad(&usual, &pair, "no certificate");
    put_cert(&mine, &pair.cert);
    check_bad(&usual, &pair, "key cannot be read");
    put_key(&mine, "secret", &pair.key);
    check_bad(&usual, &pair, "is encrypted");
    buf_reset(&pair.key);
    put_key(&other, NULL, &pair.key);
    check_bad(&usual, &pair, "does not belong");
    buf_reset(&pair.key);
    put_key(&mine, NULL, &pair.key);
    check_bad(&no_cipher, &pair, "tls-ciphers");
    check_bad(&no_suite, &pair, "tls-ciphersuites");
    buf_append_cstr(&pair.chain, "-----BEGIN CERTIFICATE-----\nxyz\n-----END CERTIFICATE-----\n");
    check_bad(&usual, &pair, "chain cannot be read");
    pair.cert.len -= 40;
    check_bad(&usual, &pair, "certificate cannot be read");
    tls_pair_fini(&pair);
    drop_identity(&mine);
    drop_identity(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(talks),
        cmocka_unit_test(carries_much),
        cmocka_unit_test(refuses_old_versions),
        cmocka_unit_test(refuses_renegotiation),
        cmocka_unit_test(ends_at_nonsense),
        cmocka_unit_test(sends_the_chain),
        cmocka_unit_test(chooses_by_name),
        cmocka_unit_test(agrees_on_http),
        cmocka_unit_test(says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
