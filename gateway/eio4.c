/* SPDX-License-Identifier: MIT */
#include "gateway/eio4.h"

#include <string.h>

#include "bus/json.h"
#include "gateway/eio_base64.h"

static str_t after(str_t text, size_t count)
{
    return (str_t){text.p + count, text.len - count};
}

/* --- one packet --------------------------------------------------------------------------------
 */

static err_t decode_base64(str_t text, buf_t *scratch, eio_packet_t *out)
{
    size_t start = scratch->len;
    eio_base64_decode(scratch, text);
    if (scratch->failed)
        return ERR_NO_MEMORY;
    *out = (eio_packet_t){EIO_PACKET_MESSAGE, true, after(buf_str(scratch), start)};
    return ERR_OK;
}

/* A text packet that is known to be valid UTF-8. */
static err_t decode_valid_text(str_t text, buf_t *scratch, eio_packet_t *out)
{
    if (text.len == 0)
        return ERR_BAD_FRAME;
    if (text.p[0] == 'b')
        return decode_base64(after(text, 1), scratch, out);
    unsigned type = (unsigned char)text.p[0] - (unsigned)'0';
    if (type > EIO_PACKET_NOOP)
        return ERR_BAD_FRAME;
    *out = (eio_packet_t){(eio_type_t)type, false, after(text, 1)};
    return ERR_OK;
}

err_t eio4_decode_text(str_t message, buf_t *scratch, eio_packet_t *out)
{
    if (!json_utf8_valid(message))
        return ERR_UTF8;
    return decode_valid_text(message, scratch, out);
}

void eio4_encode_text(buf_t *out, const eio_packet_t *packet)
{
    buf_append_byte(out, packet->binary ? 'b' : (uint8_t)('0' + packet->type));
    if (packet->binary)
        eio_base64_encode(out, packet->data);
    else
        buf_append_str(out, packet->data);
}

/* --- payloads ----------------------------------------------------------------------------------
 */

void eio4_payload_init(eio_payload_t *self, str_t body, buf_t *scratch)
{
    *self = (eio_payload_t){.rest = body, .scratch = scratch, .err = ERR_OK};
    if (body.len == 0)
        self->err = ERR_BAD_FRAME;
    else if (!json_utf8_valid(body))
        self->err = ERR_UTF8;
}

bool eio4_payload_next(eio_payload_t *self, eio_packet_t *out, err_t *err)
{
    if (self->err == ERR_OK && self->rest.p) {
        const char *end = memchr(self->rest.p, EIO4_SEPARATOR, self->rest.len);
        str_t packet = {self->rest.p, end ? (size_t)(end - self->rest.p) : self->rest.len};
        /* Behind a separator stands a packet, if only an empty (and thus wrong) one. */
        self->rest = end ? after(self->rest, packet.len + 1) : (str_t){NULL, 0};
        buf_reset(self->scratch);
        self->err = decode_valid_text(packet, self->scratch, out);
        *err = self->err;
        return self->err == ERR_OK;
    }
    *err = self->err;
    return false;
}

void eio4_encode_payload(buf_t *out, const eio_packet_t *packets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_byte(out, EIO4_SEPARATOR);
        eio4_encode_text(out, &packets[i]);
    }
}

/* --- the table -----------------------------------------------------------------------------------
 */

static void open_packet(buf_t *out, const eio_handshake_t *handshake)
{
    buf_printf(out,
               "0{\"sid\":\"%s\",\"upgrades\":[%s],\"pingInterval\":%lld,\"pingTimeout\":%lld,"
               "\"maxPayload\":%zu}",
               handshake->sid, handshake->may_upgrade ? "\"websocket\"" : "",
               (long long)handshake->ping_interval_ms, (long long)handshake->ping_timeout_ms,
               handshake->max_payload);
}

static err_t decode(bool binary, str_t message, buf_t *scratch, eio_packet_t *out)
{
    if (!binary)
        return eio4_decode_text(message, scratch, out);
    *out = (eio_packet_t){EIO_PACKET_MESSAGE, true, message};
    return ERR_OK;
}

static void decode_own(bool binary, str_t message, eio_packet_t *out)
{
    if (binary)
        *out = (eio_packet_t){EIO_PACKET_MESSAGE, true, message};
    else
        *out = (eio_packet_t){(eio_type_t)(message.p[0] - '0'), false, after(message, 1)};
}

static bool begin(eio_payload_t *self, str_t body, str_t content_type, buf_t *scratch)
{
    eio4_payload_init(self, body, scratch);
    return !str_is(content_type, EIO_CONTENT_OCTETS);
}

static const char *write_payload(buf_t *out, const eio_packet_t *packets, size_t count, bool b64)
{
    (void)b64; /* bytes are base64 for everybody */
    eio4_encode_payload(out, packets, count);
    return EIO_CONTENT_TEXT;
}

const eio_codec_t eio4_codec = {
    .version = "4",
    .server_pings = true,
    .overlap_status = 400,
    .options_status = 204,
    .headers = "Cache-Control: no-store\r\n",
    .preflight = "Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE\r\n",
    .open = open_packet,
    .decode = decode,
    .decode_own = decode_own,
    .begin = begin,
    .next = eio4_payload_next,
    .write = write_payload};
