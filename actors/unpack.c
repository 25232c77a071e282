/* SPDX-License-Identifier: MIT */
#include "actors/unpack.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#define BLOCK_BYTES 65536u
#define GZIP_WINDOW (15 + 16) /* zlib: gzip headers and trailers, no others */

struct unpack {
    int fd;     /* -1: from memory */
    str_t data; /* what is left of it */
    uint8_t in[BLOCK_BYTES], out[BLOCK_BYTES];
    z_stream stream; /* next_in, avail_in: bytes of the source that wait */
    bool started, packed, in_member, source_ended;
    uint64_t taken, given;
    const char *error;
};

static unpack_t *new_unpack(int fd, str_t data)
{
    unpack_t *self = calloc(1, sizeof *self);
    assert(self);
    self->fd = fd;
    self->data = data;
    return self;
}

unpack_t *unpack_new_fd(int fd)
{
    return new_unpack(fd, (str_t){"", 0});
}

unpack_t *unpack_new_memory(str_t data)
{
    return new_unpack(-1, data);
}

void unpack_destroy(unpack_t **self_p)
{
    unpack_t *self = *self_p;
    if (!self)
        return;
    if (self->packed)
        inflateEnd(&self->stream);
    free(self);
    *self_p = NULL;
}

/* Fills the input when it is empty. */
static void refill(unpack_t *self)
{
    if (self->stream.avail_in > 0 || self->source_ended)
        return;
    size_t len = self->data.len < BLOCK_BYTES ? self->data.len : BLOCK_BYTES;
    self->stream.next_in = (Bytef *)(uintptr_t)self->data.p; /* zlib only reads it */
    self->data.p += len;
    self->data.len -= len;
    if (self->fd >= 0) {
        ssize_t got = read(self->fd, self->in, sizeof self->in);
        if (got < 0)
            self->error = "it cannot be read";
        len = got > 0 ? (size_t)got : 0;
        self->stream.next_in = self->in;
    }
    self->stream.avail_in = (uInt)len;
    self->taken += len;
    self->source_ended = len == 0;
}

static bool give_plain(unpack_t *self, str_t *bytes)
{
    *bytes = (str_t){(const char *)self->stream.next_in, self->stream.avail_in};
    self->stream.avail_in = 0;
    self->given += bytes->len;
    return bytes->len > 0;
}

/* Behind a member may stand another one; what else is there (padding of tapes) does not count. */
static bool next_member(unpack_t *self)
{
    refill(self);
    if (self->stream.avail_in == 0 || self->stream.next_in[0] != 0x1f)
        return false;
    self->in_member = inflateReset(&self->stream) == Z_OK;
    return self->in_member;
}

static bool give_unpacked(unpack_t *self, str_t *bytes)
{
    self->stream.next_out = self->out;
    self->stream.avail_out = BLOCK_BYTES;
    while (self->stream.avail_out > 0 && !self->error) {
        if (!self->in_member && !next_member(self))
            break;
        refill(self);
        int result = inflate(&self->stream, Z_NO_FLUSH);
        if (result == Z_STREAM_END)
            self->in_member = false;
        else if (self->source_ended)
            self->error = "it ends early";
        else if (result != Z_OK && result != Z_BUF_ERROR)
            self->error = "its checksum or its compression is wrong";
    }
    *bytes = (str_t){(const char *)self->out, BLOCK_BYTES - self->stream.avail_out};
    self->given += bytes->len;
    return bytes->len > 0 && !self->error;
}

static void start(unpack_t *self)
{
    self->started = true;
    refill(self);
    bool gzip = self->stream.avail_in >= 2 && self->stream.next_in[0] == 0x1f &&
                self->stream.next_in[1] == 0x8b;
    if (!gzip)
        return;
    int result = inflateInit2(&self->stream, GZIP_WINDOW);
    assert(result == Z_OK);
    (void)result;
    self->packed = self->in_member = true;
}

bool unpack_read(unpack_t *self, str_t *bytes)
{
    *bytes = (str_t){"", 0};
    if (!self->started)
        start(self);
    if (self->error)
        return false;
    if (self->packed)
        return give_unpacked(self, bytes);
    refill(self);
    return !self->error && give_plain(self, bytes);
}

const char *unpack_error(const unpack_t *self)
{
    return self->error;
}

uint64_t unpack_packed(const unpack_t *self)
{
    return self->taken;
}

uint64_t unpack_unpacked(const unpack_t *self)
{
    return self->given;
}
