/* SPDX-License-Identifier: MIT */
#include "gateway/deflate.h"

#include <string.h>
#include <strings.h>
#define ZLIB_CONST /* input is not written to */
#include <zlib.h>

#define LEVEL 1 /* of 9: states are small and repeat themselves, more is hardly worth the time */
#define MEMORY 8
#define RAW_WINDOW (-15) /* zlib's way to ask for deflate without a header */
#define PIECE 65536u     /* bytes by which an inflated message grows */

/* What a message ends with is not sent (RFC 7692, 7.2.1). */
static const uint8_t tail[] = {0x00, 0x00, 0xff, 0xff};

bool deflate_is_worth(size_t bytes)
{
    return bytes >= DEFLATE_MIN && bytes <= DEFLATE_MAX;
}

/* --- compressing ---------------------------------------------------------------------------------
 */

/* The room is that of the payload: what needs more is not sent. */
static bool compress_into(buf_t *out, str_t payload)
{
    z_stream stream = {0};
    if (payload.len == 0 || payload.len > DEFLATE_MAX || !buf_reserve(out, payload.len) ||
        deflateInit2(&stream, LEVEL, Z_DEFLATED, RAW_WINDOW, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    stream.next_in = (const Bytef *)payload.p;
    stream.avail_in = (uInt)payload.len;
    stream.next_out = out->data + out->len;
    stream.avail_out = (uInt)payload.len;
    int result = deflate(&stream, Z_SYNC_FLUSH);
    bool whole = result == Z_OK && stream.avail_in == 0 && stream.avail_out > 0;
    if (whole)
        out->len += payload.len - stream.avail_out;
    (void)deflateEnd(&stream);
    return whole;
}

bool deflate_message(buf_t *out, str_t payload)
{
    size_t start = out->len;
    if (!compress_into(out, payload))
        return false;
    if (out->len - start >= sizeof tail &&
        memcmp(out->data + out->len - sizeof tail, tail, sizeof tail) == 0)
        out->len -= sizeof tail;
    return true;
}

/* --- decompressing -------------------------------------------------------------------------------
 */

typedef struct {
    z_stream stream;
    buf_t *out;
    size_t limit; /* length that out must not exceed */
    bool ended;   /* the last block has come */
} inflate_t;

/* Inflates one piece of input; there is room for one byte more than allowed, which shows that it is
 * too much. */
static err_t inflate_piece(inflate_t *self, str_t piece)
{
    self->stream.next_in = (const Bytef *)piece.p;
    self->stream.avail_in = (uInt)piece.len;
    do {
        size_t room = self->limit - self->out->len + 1;
        room = room < PIECE ? room : PIECE;
        if (!buf_reserve(self->out, room))
            return ERR_NO_MEMORY;
        self->stream.next_out = self->out->data + self->out->len;
        self->stream.avail_out = (uInt)room;
        int result = inflate(&self->stream, Z_SYNC_FLUSH);
        self->out->len += room - self->stream.avail_out;
        if (self->out->len > self->limit)
            return ERR_TOO_LARGE;
        if (result == Z_MEM_ERROR)
            return ERR_NO_MEMORY;
        self->ended = result == Z_STREAM_END;
        if (result != Z_OK && result != Z_BUF_ERROR && !self->ended)
            return ERR_BAD_FRAME;
    } while (self->stream.avail_out == 0 && !self->ended);
    return self->stream.avail_in == 0 ? ERR_OK : ERR_BAD_FRAME;
}

err_t deflate_inflate(buf_t *out, str_t payload, size_t max)
{
    size_t start = out->len;
    inflate_t self = {.out = out, .limit = start + max};
    if (payload.len > UINT32_MAX)
        return ERR_TOO_LARGE;
    if (inflateInit2(&self.stream, RAW_WINDOW) != Z_OK)
        return ERR_NO_MEMORY;
    err_t err = payload.len ? inflate_piece(&self, payload) : ERR_OK;
    if (err == ERR_OK && !self.ended)
        err = inflate_piece(&self, (str_t){(const char *)tail, sizeof tail});
    (void)inflateEnd(&self.stream);
    if (err != ERR_OK) {
        out->len = start;
        out->failed = false;
    }
    return err;
}

/* --- negotiation ---------------------------------------------------------------------------------
 */

static str_t trim(str_t text)
{
    while (text.len > 0 && (text.p[0] == ' ' || text.p[0] == '\t'))
        text = (str_t){text.p + 1, text.len - 1};
    while (text.len > 0 && (text.p[text.len - 1] == ' ' || text.p[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* The text before the next separator, trimmed; moves past it. */
static str_t next_item(str_t *rest, char separator)
{
    const char *end = rest->len ? memchr(rest->p, separator, rest->len) : NULL;
    str_t item = {rest->p, end ? (size_t)(end - rest->p) : rest->len};
    size_t used = end ? item.len + 1 : item.len;
    *rest = (str_t){rest->p + used, rest->len - used};
    return trim(item);
}

static bool is_word(str_t text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.p, word, text.len) == 0;
}

/* 8 to 15, perhaps in quotes. */
static bool is_window(str_t value)
{
    if (value.len >= 2 && value.p[0] == '"' && value.p[value.len - 1] == '"')
        value = (str_t){value.p + 1, value.len - 2};
    if (value.len == 1)
        return value.p[0] == '8' || value.p[0] == '9';
    return value.len == 2 && value.p[0] == '1' && value.p[1] >= '0' && value.p[1] <= '5';
}

/* Each parameter at most once, and of those that there are. A smaller window of ours is not
 * promised: one compressed message serves all clients. */
static bool accepts_parameters(str_t parameters)
{
    static const char *const names[] = {"server_no_context_takeover", "client_no_context_takeover",
                                        "client_max_window_bits", "server_max_window_bits"};
    unsigned seen = 0;
    while (parameters.len > 0) {
        str_t value = next_item(&parameters, ';');
        str_t name = next_item(&value, '=');
        value = trim(value);
        unsigned i = 0;
        while (i < 4 && !is_word(name, names[i]))
            i++;
        if (i == 4 || seen & 1u << i)
            return false;
        seen |= 1u << i;
        if (i < 2 && value.len > 0)
            return false;
        if (i == 2 && value.len > 0 && !is_window(value))
            return false;
        if (i == 3 && !str_is(value, "15") && !str_is(value, "\"15\""))
            return false;
    }
    return true;
}

bool deflate_accepts(str_t offers)
{
    while (offers.len > 0) {
        str_t offer = next_item(&offers, ',');
        if (is_word(next_item(&offer, ';'), "permessage-deflate") && accepts_parameters(offer))
            return true;
    }
    return false;
}
