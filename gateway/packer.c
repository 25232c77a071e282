/* SPDX-License-Identifier: MIT */
#include "gateway/packer.h"

#include <assert.h>
#include <brotli/encode.h>
#include <stdlib.h>
#include <zlib.h>

#define ROOM 16384u
#define ZLIB_LEVEL 5
#define ZLIB_MEMORY 8
#define ZLIB_WINDOW 15
#define GZIP_WINDOW (ZLIB_WINDOW + 16) /* zlib's way to ask for the gzip format */
#define BROTLI_LEVEL 4                 /* as fast as gzip, and smaller */
#define BROTLI_WINDOW 18               /* bits; a connection pays for it in memory */

struct packer {
    BrotliEncoderState *brotli; /* NULL: zlib */
    z_stream zlib;
    bool open; /* zlib */
    encoding_t encoding;
};

packer_t *packer_new(encoding_t encoding)
{
    packer_t *self = encoding == ENCODING_NONE ? NULL : calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->encoding = encoding;
    if (encoding == ENCODING_BROTLI) {
        self->brotli = BrotliEncoderCreateInstance(NULL, NULL, NULL);
        self->open = self->brotli &&
                     BrotliEncoderSetParameter(self->brotli, BROTLI_PARAM_QUALITY, BROTLI_LEVEL) &&
                     BrotliEncoderSetParameter(self->brotli, BROTLI_PARAM_LGWIN, BROTLI_WINDOW);
    } else {
        int window = encoding == ENCODING_GZIP ? GZIP_WINDOW : ZLIB_WINDOW;
        self->open = deflateInit2(&self->zlib, ZLIB_LEVEL, Z_DEFLATED, window, ZLIB_MEMORY,
                                  Z_DEFAULT_STRATEGY) == Z_OK;
    }
    if (!self->open)
        packer_destroy(&self);
    return self;
}

const char *packer_name(const packer_t *self)
{
    return encoding_name(self->encoding);
}

void packer_destroy(packer_t **self_p)
{
    packer_t *self = *self_p;
    if (!self)
        return;
    if (self->brotli)
        BrotliEncoderDestroyInstance(self->brotli);
    else if (self->open)
        (void)deflateEnd(&self->zlib);
    free(self);
    *self_p = NULL;
}

static bool feed_brotli(packer_t *self, str_t piece, bool last, buf_t *out)
{
    const uint8_t *in = (const uint8_t *)piece.p;
    size_t left = piece.len;
    BrotliEncoderOperation operation = last ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_PROCESS;
    do {
        size_t room = ROOM;
        if (!buf_reserve(out, room))
            return false;
        uint8_t *to = out->data + out->len;
        if (!BrotliEncoderCompressStream(self->brotli, operation, &left, &in, &room, &to, NULL))
            return false;
        out->len += ROOM - room;
    } while (left > 0 || BrotliEncoderHasMoreOutput(self->brotli) ||
             (last && !BrotliEncoderIsFinished(self->brotli)));
    return true;
}

static bool feed_zlib(packer_t *self, str_t piece, bool last, buf_t *out)
{
    self->zlib.next_in = (Bytef *)(uintptr_t)piece.p; /* zlib lacks a const here */
    self->zlib.avail_in = (uInt)piece.len;
    do {
        if (!buf_reserve(out, ROOM))
            return false;
        self->zlib.next_out = out->data + out->len;
        self->zlib.avail_out = ROOM;
        int result = deflate(&self->zlib, last ? Z_FINISH : Z_NO_FLUSH);
        if (result == Z_STREAM_ERROR)
            return false;
        out->len += ROOM - self->zlib.avail_out;
    } while (self->zlib.avail_out == 0);
    return true;
}

bool packer_feed(packer_t *self, str_t piece, bool last, buf_t *out)
{
    assert(piece.len <= UINT32_MAX);
    return self->brotli ? feed_brotli(self, piece, last, out) : feed_zlib(self, piece, last, out);
}
