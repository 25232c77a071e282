/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/tls_ctx.h"

struct tls_stream {
    tls_t *tls; /* counted */
    SSL *ssl;
    str_t in; /* what the peer has sent and OpenSSL has not taken */
    buf_t out;
    size_t room;
    bool failed;
    bool closed; /* close_notify is out */
    char error[96];
};

/* --- the pipe between OpenSSL and the socket -----------------------------------------------------
 */

static int take_in(BIO *bio, char *to, int cap)
{
    tls_stream_t *self = BIO_get_data(bio);
    size_t n = self->in.len < (size_t)cap ? self->in.len : (size_t)cap;
    BIO_clear_retry_flags(bio);
    if (n == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(to, self->in.p, n);
    self->in = (str_t){self->in.p + n, self->in.len - n};
    return (int)n;
}

static int put_out(BIO *bio, const char *bytes, int n)
{
    static const uint8_t zeros[64];
    tls_stream_t *self = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    while (self->out.len < self->room && !self->out.failed)
        buf_append(&self->out, zeros,
                   self->room - self->out.len < sizeof zeros ? self->room - self->out.len
                                                             : sizeof zeros);
    buf_append(&self->out, bytes, (size_t)n);
    return self->out.failed ? -1 : n;
}

static long control(BIO *bio, int command, long number, void *arg)
{
    (void)bio;
    (void)number;
    (void)arg;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_stream_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "iobus");
    if (!method)
        return NULL;
    BIO_meth_set_read(method, take_in);
    BIO_meth_set_write(method, put_out);
    BIO_meth_set_ctrl(method, control);
    return method;
}

/* --- life --------------------------------------------------------------------------------------
 */

tls_stream_t *tls_stream_new(tls_t *tls, size_t room)
{
    tls_stream_t *self = calloc(1, sizeof *self);
    assert(self);
    self->tls = tls_ref(tls);
    self->room = room;
    self->ssl = SSL_new(tls->items[0].ctx);
    BIO *bio = self->ssl ? BIO_new(tls->method) : NULL;
    if (!bio) {
        tls_stream_destroy(&self);
        return NULL;
    }
    BIO_set_data(bio, self);
    BIO_set_init(bio, 1);
    SSL_set_bio(self->ssl, bio, bio);
    SSL_set_accept_state(self->ssl);
    return self;
}

void tls_stream_destroy(tls_stream_t **self_p)
{
    tls_stream_t *self = *self_p;
    if (!self)
        return;
    SSL_free(self->ssl);
    tls_put(&self->tls);
    buf_fini(&self->out);
    free(self);
    *self_p = NULL;
}

/* --- in and out --------------------------------------------------------------------------------
 */

static tls_result_t fail(tls_stream_t *self)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    snprintf(self->error, sizeof self->error, "%s", reason ? reason : "no reason given");
    ERR_clear_error();
    self->failed = true;
    return TLS_FAILED;
}

void tls_stream_feed(tls_stream_t *self, str_t bytes)
{
    assert(self->in.len == 0 || self->failed);
    self->in = bytes;
}

tls_result_t tls_stream_read(tls_stream_t *self, uint8_t *to, size_t cap, size_t *n)
{
    *n = 0;
    if (self->failed)
        return TLS_FAILED;
    ERR_clear_error();
    if (SSL_read_ex(self->ssl, to, cap, n) == 1)
        return TLS_DATA;
    switch (SSL_get_error(self->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
        return TLS_MORE;
    case SSL_ERROR_ZERO_RETURN:
        self->in.len = 0; /* whatever comes behind the end */
        return TLS_CLOSED;
    default:
        return fail(self);
    }
}

bool tls_stream_is_ready(const tls_stream_t *self)
{
    return SSL_is_init_finished(self->ssl);
}

bool tls_stream_write(tls_stream_t *self, const uint8_t *bytes, size_t n)
{
    size_t written;
    if (self->failed || self->closed)
        return false;
    ERR_clear_error();
    if (n == 0 || (SSL_write_ex(self->ssl, bytes, n, &written) == 1 && written == n))
        return true;
    (void)fail(self);
    return false;
}

void tls_stream_close(tls_stream_t *self)
{
    if (self->failed || self->closed || !tls_stream_is_ready(self))
        return;
    self->closed = true;
    ERR_clear_error();
    (void)SSL_shutdown(self->ssl);
    ERR_clear_error();
}

buf_t *tls_stream_output(tls_stream_t *self)
{
    return &self->out;
}

const char *tls_stream_error(const tls_stream_t *self)
{
    return self->error;
}
