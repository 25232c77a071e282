/* SPDX-License-Identifier: MIT */
#include "gateway/sio4.h"

#include <assert.h>
#include <string.h>

#include "bus/json.h"

/* --- the head of a packet ----------------------------------------------------------------------
 */

static str_t after(str_t text, size_t count)
{
    return (str_t){text.p + count, text.len - count};
}

/* Reads decimal digits up to `max` and moves past them; false when there are none or the number is
 * larger. */
static bool take_number(str_t *text, uint64_t max, uint64_t *out)
{
    size_t i = 0;
    *out = 0;
    for (; i < text->len && text->p[i] >= '0' && text->p[i] <= '9'; i++) {
        *out = *out * 10 + (uint64_t)(text->p[i] - '0');
        if (*out > max)
            return false;
    }
    *text = after(*text, i);
    return i > 0;
}

static bool is_digit(str_t text)
{
    return text.len > 0 && text.p[0] >= '0' && text.p[0] <= '9';
}

static bool take_attachments(str_t *text, uint32_t *out)
{
    uint64_t count;
    if (!take_number(text, SIO4_MAX_ATTACHMENTS, &count) || count == 0)
        return false;
    if (text->len == 0 || text->p[0] != '-')
        return false;
    *text = after(*text, 1);
    *out = (uint32_t)count;
    return true;
}

/* "/name," or "/name" at the end of the text. */
static str_t take_namespace(str_t *text)
{
    if (text->len == 0 || text->p[0] != '/')
        return STR_LIT("/");
    const char *comma = memchr(text->p, ',', text->len);
    str_t nsp = {text->p, comma ? (size_t)(comma - text->p) : text->len};
    *text = after(*text, comma ? nsp.len + 1 : nsp.len);
    return nsp;
}

/* --- which payloads a type may have ------------------------------------------------------------
 */

static bool is_object(mp_t value) /* in JavaScript's sense: null and arrays too */
{
    mp_type_t type = mp_type(value);
    return type == MP_NIL || type == MP_MAP || type == MP_ARRAY;
}

static bool is_text_or_object(mp_t value)
{
    return mp_type(value) == MP_STR || is_object(value);
}

static bool is_array(mp_t value)
{
    return mp_type(value) == MP_ARRAY;
}

static bool is_event(mp_t value)
{
    mp_t name;
    if (!is_array(value) || !mp_at(value, 0, &name))
        return false;
    mp_type_t type = mp_type(name);
    return type == MP_STR || type == MP_INT || type == MP_DOUBLE;
}

static bool is_nothing(mp_t value)
{
    (void)value;
    return false;
}

static const struct {
    bool binary;
    bool checked_later; /* by sio4_event_decode, which has to parse the payload anyway */
    bool (*allows)(mp_t payload);
} rules[] = {
    [SIO4_CONNECT] = {false, false, is_object},
    [SIO4_DISCONNECT] = {false, false, is_nothing},
    [SIO4_EVENT] = {false, true, is_event},
    [SIO4_ACK] = {false, false, is_array},
    [SIO4_ERROR] = {false, false, is_text_or_object},
    [SIO4_BINARY_EVENT] = {true, false, is_event},
    [SIO4_BINARY_ACK] = {true, false, is_array},
};

static err_t check_payload(const sio4_packet_t *packet)
{
    buf_t value;
    if (packet->payload.len == 0 || rules[packet->type].checked_later)
        return ERR_OK;
    buf_init(&value);
    err_t err = json_to_mp(&value, packet->payload);
    if (err == ERR_OK && !rules[packet->type].allows(mp_of_buf(&value)))
        err = ERR_BAD_FRAME;
    if (err == ERR_TOO_DEEP)
        err = ERR_OK; /* that is answered in the call-back, if there is one */
    buf_fini(&value);
    return err;
}

err_t sio4_parse(str_t text, sio4_packet_t *out)
{
    *out = (sio4_packet_t){.type = SIO4_UNKNOWN, .nsp = STR_LIT("/")};
    if (text.len == 0)
        return ERR_BAD_FRAME;
    unsigned type = (unsigned char)text.p[0] - (unsigned)'0';
    if (type >= SIO4_UNKNOWN)
        return ERR_OK;
    out->type = (sio4_type_t)type;
    text = after(text, 1);
    if (rules[type].binary && !take_attachments(&text, &out->attachments))
        return ERR_BAD_FRAME;
    out->nsp = take_namespace(&text);
    if (!json_utf8_valid(out->nsp))
        return ERR_UTF8;
    if (is_digit(text)) {
        if (!take_number(&text, SIO4_MAX_ACK_ID, &out->ack))
            return ERR_BAD_FRAME;
        out->has_ack = true;
    }
    out->payload = text;
    return check_payload(out);
}

/* --- events ------------------------------------------------------------------------------------
 */

/* Turns the array at `start` of out into name and remaining arguments without moving them: the
 * bytes of the name go to the front, where the old head was, and a new head is written over what
 * is free now, right before the second element.
 *   dd 00000002 a3 'g' 'e' 't' <arg>   ->   'g' 'e' 't' 00 dd 00000001 <arg>
 * There is room: the array head that json_to_mp writes has five bytes, as the new one has. */
static void split_array(buf_t *out, size_t start, uint32_t count, str_t name, mp_t args,
                        sio4_event_t *event)
{
    uint8_t *base = out->data + start;
    uint8_t *head = out->data + ((size_t)(args.p - out->data) - 5);
    assert(base + name.len <= head);
    if (name.len > 0)
        memmove(base, name.p, name.len);
    head[0] = 0xdd;
    for (int i = 0; i < 4; i++)
        head[1 + i] = (uint8_t)(count >> (24 - 8 * i));
    event->name = (str_t){(const char *)base, name.len};
    event->args = mp_of(head, (size_t)(args.end - head));
}

/* A number as name: its text is longer than its msgpack form may be, so it goes behind the args. */
static err_t name_by_number(buf_t *out, size_t start, double number, sio4_event_t *event)
{
    size_t args_at = (size_t)(event->args.p - out->data);
    size_t args_len = (size_t)(event->args.end - event->args.p);
    size_t name_at = out->len;
    json_put_double(out, number);
    if (out->failed) {
        out->len = start;
        out->failed = false;
        return ERR_NO_MEMORY;
    }
    event->name = (str_t){(const char *)out->data + name_at, out->len - name_at};
    event->args = mp_of(out->data + args_at, args_len);
    return ERR_OK;
}

static err_t split_event(buf_t *out, size_t start, sio4_event_t *event)
{
    mp_t array = mp_of(out->data + start, out->len - start);
    mp_t args = array;
    uint32_t count;
    str_t name = {0};
    double number;
    if (!is_event(array) || !mp_read_array(&args, &count)) {
        out->len = start;
        return ERR_BAD_FRAME;
    }
    if (mp_read_str(&args, &name)) {
        split_array(out, start, count - 1, name, args, event);
        return ERR_OK;
    }
    mp_read_double(&args, &number);
    split_array(out, start, count - 1, name, args, event);
    return name_by_number(out, start, number, event);
}

err_t sio4_event_decode(buf_t *out, const sio4_packet_t *packet, const str_t *attachments,
                        sio4_event_t *event)
{
    size_t start = out->len;
    str_t payload = packet->payload.len ? packet->payload : STR_LIT("[\"\"]");
    /* Without attachments a placeholder is an object like any other. */
    const str_t *bytes = packet->attachments ? attachments : NULL;
    err_t err = json_to_mp_attached(out, payload, bytes, packet->attachments);
    if (err != ERR_OK)
        return err;
    return split_event(out, start, event);
}

/* --- encoding ----------------------------------------------------------------------------------
 */

typedef struct {
    char plain;  /* type without bytes */
    char binary; /* type with bytes */
    const uint64_t *ack;
    const str_t *name; /* goes in front of the arguments */
    mp_t args;
} frame_t;

/* [name,args...] or [args...] */
static void put_payload(buf_t *out, const frame_t *frame, json_bins_t *bins)
{
    if (!frame->name) {
        json_from_mp(out, frame->args, bins);
        return;
    }
    buf_append_byte(out, '[');
    json_put_str(out, *frame->name);
    size_t comma = out->len;
    json_from_mp(out, frame->args, bins);
    if (out->failed)
        return;
    /* What has been written is ["name"[args]: the second bracket becomes a comma, or goes. */
    if (out->data[comma + 1] == ']')
        out->data[--out->len - 1] = ']';
    else
        out->data[comma] = ',';
}

static void put_once(buf_t *out, const frame_t *frame, json_bins_t *bins)
{
    buf_append_byte(out, (uint8_t)frame->plain);
    if (frame->ack)
        json_put_double(out, (double)*frame->ack);
    put_payload(out, frame, bins);
}

/* Makes 5<n>-... of the 2... that begins at start. */
static void insert_attachments(buf_t *out, size_t start, char type, size_t count)
{
    size_t len = out->len;
    buf_printf(out, "%zu-", count);
    if (out->failed)
        return;
    uint8_t head[8];
    size_t head_len = out->len - len;
    memcpy(head, out->data + len, head_len);
    memmove(out->data + start + 1 + head_len, out->data + start + 1, len - start - 1);
    memcpy(out->data + start + 1, head, head_len);
    out->data[start] = (uint8_t)type;
}

static err_t put_frame(buf_t *out, const frame_t *frame, sio4_bins_t *bins)
{
    size_t start = out->len;
    json_bins_t found = {JSON_BIN_PLACEHOLDER, bins->items, SIO4_MAX_ATTACHMENTS, 0};
    bins->count = 0;
    if (!is_array(frame->args))
        return ERR_BAD_ARGS;
    if (out->failed)
        return ERR_NO_MEMORY;
    put_once(out, frame, &found);
    if (found.bins_len > SIO4_MAX_ATTACHMENTS) {
        out->len = start;
        put_once(out, frame, NULL);
    } else if (found.bins_len > 0 && !out->failed) {
        bins->count = found.bins_len;
        insert_attachments(out, start, frame->binary, bins->count);
    }
    if (!out->failed)
        return ERR_OK;
    out->len = start;
    out->failed = false;
    bins->count = 0;
    return ERR_NO_MEMORY;
}

err_t sio4_put_event(buf_t *out, str_t name, mp_t args, sio4_bins_t *bins)
{
    return put_frame(out, &(frame_t){'2', '5', NULL, &name, args}, bins);
}

err_t sio4_put_ack(buf_t *out, uint64_t id, mp_t args, sio4_bins_t *bins)
{
    return put_frame(out, &(frame_t){'3', '6', &id, NULL, args}, bins);
}

void sio4_put_error(buf_t *out, str_t nsp, str_t text)
{
    const char *query = nsp.len ? memchr(nsp.p, '?', nsp.len) : NULL;
    if (query)
        nsp.len = (size_t)(query - nsp.p);
    buf_append_byte(out, '4');
    if (nsp.len > 0 && !str_is(nsp, "/")) {
        buf_append_str(out, nsp);
        buf_append_byte(out, ',');
    }
    json_put_str(out, text);
}

void sio4_put_connect(buf_t *out)
{
    buf_append_byte(out, '0');
}

void sio4_put_disconnect(buf_t *out)
{
    buf_append_byte(out, '1');
}
