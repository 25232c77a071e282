/* SPDX-License-Identifier: MIT */
#include "gateway/eio3.h"

#include <string.h>

#include "bus/json.h"
#include "gateway/eio_base64.h"

/* --- one packet --------------------------------------------------------------------------------
 */

static str_t after(str_t text, size_t count)
{
    return (str_t){text.p + count, text.len - count};
}

static eio_type_t type_of(unsigned number)
{
    return number <= EIO_PACKET_NOOP ? (eio_type_t)number : EIO_PACKET_UNKNOWN;
}

/* "b4AQID": the original takes any type after the b, and ignores what it does not know. */
static err_t decode_base64(str_t text, buf_t *scratch, eio_packet_t *out)
{
    *out = (eio_packet_t){EIO_PACKET_UNKNOWN, true, {0}};
    if (text.len == 0)
        return ERR_OK;
    size_t start = scratch->len;
    eio_base64_decode(scratch, after(text, 1));
    if (scratch->failed)
        return ERR_NO_MEMORY;
    out->type = type_of((unsigned char)text.p[0] - (unsigned)'0');
    out->data = after(buf_str(scratch), start);
    return ERR_OK;
}

/* A text packet that is known to be valid UTF-8. */
static err_t decode_valid_text(str_t text, buf_t *scratch, eio_packet_t *out)
{
    if (text.len == 0)
        return ERR_BAD_FRAME;
    if (text.p[0] == 'b')
        return decode_base64(after(text, 1), scratch, out);
    *out = (eio_packet_t){type_of((unsigned char)text.p[0] - (unsigned)'0'), false, after(text, 1)};
    return out->type == EIO_PACKET_UNKNOWN ? ERR_BAD_FRAME : ERR_OK;
}

err_t eio3_decode_text(str_t message, buf_t *scratch, eio_packet_t *out)
{
    if (!json_utf8_valid(message))
        return ERR_UTF8;
    return decode_valid_text(message, scratch, out);
}

void eio3_decode_binary(str_t message, eio_packet_t *out)
{
    *out = (eio_packet_t){EIO_PACKET_UNKNOWN, true, {0}};
    if (message.len == 0)
        return;
    out->type = type_of((unsigned char)message.p[0]);
    out->data = after(message, 1);
}

void eio3_encode(buf_t *out, const eio_packet_t *packet)
{
    uint8_t type = (uint8_t)packet->type;
    buf_append_byte(out, packet->binary ? type : (uint8_t)('0' + type));
    buf_append_str(out, packet->data);
}

/* --- reading a payload -------------------------------------------------------------------------
 */

eio3_framing_t eio3_framing_of(str_t content_type)
{
    return str_is(content_type, EIO_CONTENT_OCTETS) ? EIO3_FRAMING_OCTETS : EIO3_FRAMING_TEXT;
}

void eio3_payload_init(eio_payload_t *self, str_t body, eio3_framing_t framing, buf_t *scratch)
{
    *self = (eio_payload_t){body, framing == EIO3_FRAMING_OCTETS, scratch, ERR_OK};
    if (body.len == 0)
        self->err = ERR_BAD_FRAME;
    else if (framing == EIO3_FRAMING_TEXT && !json_utf8_valid(body))
        self->err = ERR_UTF8;
}

/* Adds a digit to a length; false when it is none or the length gets larger than any body. */
static bool add_digit(size_t *length, unsigned digit)
{
    if (digit > 9 || *length > SIZE_MAX / 16)
        return false;
    *length = *length * 10 + digit;
    return true;
}

/* Bytes of the first `units` UTF-16 code units of valid UTF-8. A length that ends between the two
 * units of a character, or behind the text, is wrong: false. */
static bool bytes_of_units(str_t text, size_t units, size_t *bytes)
{
    size_t i = 0;
    while (units > 0) {
        if (i >= text.len)
            return false;
        uint8_t lead = (uint8_t)text.p[i];
        size_t cost = lead >= 0xf0 ? 2 : 1;
        if (cost > units)
            return false;
        units -= cost;
        i += lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    }
    *bytes = i;
    return true;
}

/* "<units>:<packet>" */
static err_t next_in_text(eio_payload_t *self, eio_packet_t *out)
{
    size_t i = 0, units = 0, bytes;
    str_t body = self->rest;
    while (i < body.len && body.p[i] != ':') {
        if (!add_digit(&units, (unsigned char)body.p[i++] - (unsigned)'0'))
            return ERR_BAD_FRAME;
    }
    if (i == 0 || i == body.len)
        return ERR_BAD_FRAME;
    str_t packets = after(body, i + 1);
    if (!bytes_of_units(packets, units, &bytes))
        return ERR_BAD_FRAME;
    self->rest = after(packets, bytes);
    if (bytes == 0) {
        *out = (eio_packet_t){EIO_PACKET_UNKNOWN, false, {0}};
        return ERR_OK;
    }
    return decode_valid_text((str_t){packets.p, bytes}, self->scratch, out);
}

/* <00 text | 01 bytes> <digits, a byte each> <ff> <packet> */
static err_t next_in_octets(eio_payload_t *self, eio_packet_t *out)
{
    size_t i = 1, length = 0;
    str_t body = self->rest;
    while (i < body.len && (uint8_t)body.p[i] != 0xff) {
        if (!add_digit(&length, (uint8_t)body.p[i++]))
            return ERR_BAD_FRAME;
    }
    if ((uint8_t)body.p[0] > 1 || i == 1 || i == body.len)
        return ERR_BAD_FRAME;
    str_t packets = after(body, i + 1);
    if (length > packets.len)
        return ERR_BAD_FRAME;
    str_t packet = {packets.p, length};
    self->rest = after(packets, length);
    if (body.p[0] == 0)
        return eio3_decode_text(packet, self->scratch, out);
    eio3_decode_binary(packet, out);
    return ERR_OK;
}

bool eio3_payload_next(eio_payload_t *self, eio_packet_t *out, err_t *err)
{
    while (self->err == ERR_OK && self->rest.len > 0) {
        buf_reset(self->scratch);
        self->err = self->octets ? next_in_octets(self, out) : next_in_text(self, out);
        if (self->err == ERR_OK && (out->type != EIO_PACKET_UNKNOWN || out->binary)) {
            *err = ERR_OK;
            return true;
        }
    }
    *err = self->err;
    return false;
}

/* --- JSONP -------------------------------------------------------------------------------------
 */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The character at p of a form value, and how many bytes of the form it takes. A percent sign that
 * no two digits follow stands for itself. */
static size_t form_char(const char *p, const char *end, char *c)
{
    *c = *p == '+' ? ' ' : *p;
    if (*p != '%' || end - p < 3)
        return 1;
    int high = hex_value(p[1]), low = hex_value(p[2]);
    if (high < 0 || low < 0)
        return 1;
    *c = (char)(high << 4 | low);
    return 3;
}

/* Decodes a form value in one pass. An n behind exactly one backslash makes a line feed of both;
 * behind several it takes one of them away. */
static void put_form_value(buf_t *out, str_t value)
{
    const char *p = value.p;
    const char *end = p + value.len;
    size_t slashes = 0;
    while (p < end) {
        char c;
        p += form_char(p, end, &c);
        if (c == 'n' && slashes > 0 && !out->failed) {
            out->len--;
            c = slashes == 1 ? '\n' : 'n';
        }
        slashes = c == '\\' ? slashes + 1 : 0;
        buf_append_byte(out, (uint8_t)c);
    }
}

/* The next field of a form; moves past it. */
static str_t next_field(str_t *form)
{
    const char *end = memchr(form->p, '&', form->len);
    str_t field = {form->p, end ? (size_t)(end - form->p) : form->len};
    *form = after(*form, end ? field.len + 1 : field.len);
    return field;
}

err_t eio3_jsonp_decode(buf_t *out, str_t body)
{
    bool found = false;
    str_t value = {0};
    while (body.len > 0) {
        str_t field = next_field(&body);
        if (!str_starts(field, "d="))
            continue;
        if (found)
            return ERR_BAD_FRAME;
        found = true;
        value = after(field, 2);
    }
    if (!found)
        return ERR_BAD_FRAME;
    put_form_value(out, value);
    return out->failed ? ERR_NO_MEMORY : ERR_OK;
}

/* U+2028 and U+2029 end a line in older JavaScript, but not in JSON. */
void eio3_encode_jsonp(buf_t *out, str_t payload, str_t j)
{
    buf_t json;
    buf_init(&json);
    json_put_str(&json, payload);
    buf_append_cstr(out, "___eio[");
    for (size_t i = 0; i < j.len; i++) {
        if (j.p[i] >= '0' && j.p[i] <= '9')
            buf_append_byte(out, (uint8_t)j.p[i]);
    }
    buf_append_cstr(out, "](");
    str_t rest = buf_str(&json);
    while (rest.len > 0) {
        const char *found = memmem(rest.p, rest.len, "\xe2\x80", 2);
        size_t len = found ? (size_t)(found - rest.p) : rest.len;
        buf_append(out, rest.p, len);
        rest = after(rest, len);
        if (found) {
            uint8_t third = (uint8_t)rest.p[2]; /* it is there: the text is valid UTF-8 */
            if (third == 0xa8 || third == 0xa9)
                buf_append_cstr(out, third == 0xa8 ? "\\u2028" : "\\u2029");
            else
                buf_append(out, rest.p, 3);
            rest = after(rest, 3);
        }
    }
    buf_append_cstr(out, ");");
    out->failed = out->failed || json.failed;
    buf_fini(&json);
}

/* --- writing a payload -------------------------------------------------------------------------
 */

/* UTF-16 code units of valid UTF-8: every character has one lead byte, and those of four bytes
 * count twice. */
static size_t units_of(str_t text)
{
    size_t units = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.p[i];
        if ((byte & 0xc0) != 0x80)
            units += byte >= 0xf0 ? 2 : 1;
    }
    return units;
}

static void put_in_text(buf_t *out, const eio_packet_t *packet)
{
    if (packet->binary) {
        buf_printf(out, "%zu:b%d", eio_base64_len(packet->data.len) + 2, (int)packet->type);
        eio_base64_encode(out, packet->data);
    } else {
        buf_printf(out, "%zu:", units_of(packet->data) + 1);
        eio3_encode(out, packet);
    }
}

static void put_in_octets(buf_t *out, const eio_packet_t *packet)
{
    uint8_t digits[24];
    size_t i = sizeof digits;
    for (size_t n = packet->data.len + 1; n > 0; n /= 10)
        digits[--i] = (uint8_t)(n % 10);
    buf_append_byte(out, packet->binary);
    buf_append(out, digits + i, sizeof digits - i);
    buf_append_byte(out, 0xff);
    eio3_encode(out, packet);
}

eio3_framing_t eio3_encode_payload(buf_t *out, const eio_packet_t *packets, size_t count, bool b64)
{
    bool octets = false;
    for (size_t i = 0; i < count && !b64; i++)
        octets = octets || packets[i].binary;
    for (size_t i = 0; i < count; i++) {
        if (octets)
            put_in_octets(out, &packets[i]);
        else
            put_in_text(out, &packets[i]);
    }
    if (count == 0)
        buf_append_cstr(out, "0:");
    return octets ? EIO3_FRAMING_OCTETS : EIO3_FRAMING_TEXT;
}

/* --- the table -----------------------------------------------------------------------------------
 */

static void open_packet(buf_t *out, const eio_handshake_t *handshake)
{
    buf_printf(out,
               "0{\"sid\":\"%s\",\"upgrades\":[%s],\"pingInterval\":%lld,\"pingTimeout\":%lld}",
               handshake->sid, handshake->may_upgrade ? "\"websocket\"" : "",
               (long long)handshake->ping_interval_ms, (long long)handshake->ping_timeout_ms);
}

static err_t decode(bool binary, str_t message, buf_t *scratch, eio_packet_t *out)
{
    if (!binary)
        return eio3_decode_text(message, scratch, out);
    eio3_decode_binary(message, out);
    return ERR_OK;
}

static void decode_own(bool binary, str_t message, eio_packet_t *out)
{
    unsigned char type = (unsigned char)message.p[0];
    *out = (eio_packet_t){type_of(binary ? type : type - (unsigned)'0'), binary, after(message, 1)};
}

static bool begin(eio_payload_t *self, str_t body, str_t content_type, buf_t *scratch)
{
    eio3_payload_init(self, body, eio3_framing_of(content_type), scratch);
    return true;
}

static const char *write_payload(buf_t *out, const eio_packet_t *packets, size_t count, bool b64)
{
    eio3_framing_t framing = eio3_encode_payload(out, packets, count, b64);
    return framing == EIO3_FRAMING_OCTETS ? EIO_CONTENT_OCTETS : EIO_CONTENT_TEXT;
}

const eio_codec_t eio3_codec = {.version = "3",
                                .jsonp = true,
                                .overlap_status = 500,
                                .options_status = 200,
                                .headers = "",
                                .preflight = "Access-Control-Allow-Headers: Content-Type\r\n"
                                             "Access-Control-Allow-Methods: GET,POST,OPTIONS\r\n",
                                .open = open_packet,
                                .decode = decode,
                                .decode_own = decode_own,
                                .begin = begin,
                                .next = eio3_payload_next,
                                .write = write_payload};
