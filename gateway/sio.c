/* SPDX-License-Identifier: MIT */
#include "gateway/sio.h"

#include <assert.h>
#include <stdlib.h>

#include "bus/log.h"
#include "gateway/command.h"

#define TEXT_TYPE '4'
#define BINARY_TYPE 0x04

struct sio {
    const sio_protocol_t *protocol;
    bool connected;
    /* an event or answer whose attachments are still coming */
    buf_t text;  /* the packet */
    buf_t bytes; /* the attachments, one behind the other */
    size_t ends[SIO4_MAX_ATTACHMENTS];
    size_t have;
    size_t needed; /* 0: nothing is awaited */
    size_t max;    /* bytes of all together */
};

/* --- encoding ------------------------------------------------------------------------------------
 */

static void add_frame(frames_t *out, frame_kind_t kind, buf_t *buf, str_t key)
{
    frame_t *frame = frame_take(kind, buf, key);
    if (frame)
        out->items[out->count++] = frame;
}

/* The text and its attachments; all or nothing. */
static void finish(bool type_byte, buf_t *text, const sio4_bins_t *bins, str_t key, frames_t *out)
{
    size_t expected = out->count + 1 + bins->count;
    add_frame(out, FRAME_TEXT, text, bins->count ? (str_t){"", 0} : key);
    for (size_t i = 0; i < bins->count; i++) {
        buf_t bytes = {0};
        frame_room(&bytes);
        if (type_byte)
            buf_append_byte(&bytes, BINARY_TYPE);
        buf_append_str(&bytes, bins->items[i]);
        add_frame(out, FRAME_BINARY, &bytes, (str_t){"", 0});
        buf_fini(&bytes);
    }
    if (out->count != expected)
        frames_put(out);
}

void sio_begin(buf_t *text)
{
    buf_init(text);
    frame_room(text);
    buf_append_byte(text, TEXT_TYPE);
}

void sio_event(bool type_byte, str_t name, mp_t args, str_t key, frames_t *out)
{
    sio4_bins_t bins = {0};
    buf_t text;
    sio_begin(&text);
    if (sio4_put_event(&text, name, args, &bins) == ERR_OK)
        finish(type_byte, &text, &bins, key, out);
    buf_fini(&text);
}

void sio_answer(bool type_byte, uint64_t id, mp_t args, frames_t *out)
{
    sio4_bins_t bins = {0};
    buf_t text;
    sio_begin(&text);
    if (sio4_put_ack(&text, id, args, &bins) == ERR_OK)
        finish(type_byte, &text, &bins, (str_t){"", 0}, out);
    buf_fini(&text);
}

void sio_push(session_t *session, buf_t *text)
{
    frame_t *frame = frame_take(FRAME_TEXT, text, (str_t){"", 0});
    if (frame)
        session_push(session, frame);
    frame_put(&frame);
    buf_fini(text);
}

/* --- life ----------------------------------------------------------------------------------------
 */

sio_t *sio_new(const sio_protocol_t *protocol, const session_t *session)
{
    sio_t *self = calloc(1, sizeof *self);
    assert(self);
    self->protocol = protocol;
    self->max = session_core(session)->limits.max_message;
    return self;
}

static void forget(sio_t *self)
{
    buf_fini(&self->text);
    buf_fini(&self->bytes);
    self->have = self->needed = 0;
}

void sio_destroy(sio_t **self_p)
{
    if (!*self_p)
        return;
    forget(*self_p);
    free(*self_p);
    *self_p = NULL;
}

bool sio_is_connected(const sio_t *self)
{
    return self->connected;
}

void sio_set_connected(sio_t *self, bool connected)
{
    self->connected = connected;
}

/* --- messages ------------------------------------------------------------------------------------
 */

/* What a client may not do is logged once in a while, and ends its session. */
static bool refuse(session_t *session, err_t err)
{
    static log_limit_t limit;
    log_limited(&limit, LEVEL_WARN, "GW-BAD-PACKET", "client=%s from=%s error=%s",
                session_client(session), session_address(session), err_name(err));
    return false;
}

static void answer_error(session_t *session, uint64_t ack, err_t err)
{
    frames_t frames = {0};
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_cstr(&args, err_text(err));
    session_encode_answer(session, ack, mp_of_buf(&args), &frames);
    for (size_t i = 0; i < frames.count; i++)
        session_push(session, frames.items[i]);
    frames_put(&frames);
    buf_fini(&args);
}

static bool call_event(session_t *session, const sio_t *self, const sio4_packet_t *packet,
                       const str_t *attachments)
{
    buf_t decoded = {0};
    sio4_event_t event;
    if (command_is_oversized(session_core(session), packet->payload)) {
        if (packet->has_ack)
            answer_error(session, packet->ack, ERR_TOO_LARGE);
        return true;
    }
    err_t err = self->protocol->decode_event(&decoded, packet, attachments, &event);
    bool ok = err == ERR_OK;
    if (ok && event.name.len > 0)
        session_call(session, event.name, event.args, packet->has_ack, packet->ack);
    else if (ok && packet->has_ack)
        answer_error(session, packet->ack, ERR_UNKNOWN_COMMAND);
    if ((err == ERR_TOO_DEEP || err == ERR_NO_MEMORY) && packet->has_ack) {
        answer_error(session, packet->ack, err);
        ok = true;
    }
    buf_fini(&decoded);
    return ok || refuse(session, err);
}

static bool take_packet(session_t *session, sio_t *self, const sio4_packet_t *packet,
                        const str_t *attachments)
{
    switch (self->protocol->judge(session, self, packet)) {
    case SIO_CALL:
        return call_event(session, self, packet, attachments);
    case SIO_DONE:
        return true;
    default:
        return refuse(session, ERR_BAD_FRAME);
    }
}

static bool finish_binary(session_t *session, sio_t *self)
{
    sio4_packet_t packet;
    str_t attachments[SIO4_MAX_ATTACHMENTS];
    size_t start_at = 0;
    for (size_t i = 0; i < self->have; i++) {
        size_t len = self->ends[i] - start_at;
        attachments[i] = len ? (str_t){(char *)self->bytes.data + start_at, len} : (str_t){"", 0};
        start_at = self->ends[i];
    }
    err_t err = self->bytes.failed || self->text.failed ? ERR_NO_MEMORY : ERR_OK;
    if (err == ERR_OK)
        err = self->protocol->parse(buf_str(&self->text), &packet);
    bool ok =
        err == ERR_OK ? take_packet(session, self, &packet, attachments) : refuse(session, err);
    forget(self);
    return ok;
}

static bool take_attachment(session_t *session, sio_t *self, str_t payload)
{
    if (self->needed == 0)
        return refuse(session, ERR_BAD_FRAME);
    if (self->bytes.len + payload.len > self->max)
        return refuse(session, ERR_TOO_LARGE);
    buf_append_str(&self->bytes, payload);
    self->ends[self->have++] = self->bytes.len;
    return self->have < self->needed || finish_binary(session, self);
}

bool sio_receive(session_t *session, sio_t *self, bool binary, str_t payload)
{
    sio4_packet_t packet;
    if (binary)
        return take_attachment(session, self, payload);
    if (self->needed > 0)
        return refuse(session, ERR_BAD_FRAME);
    err_t err = self->protocol->parse(payload, &packet);
    if (err != ERR_OK)
        return refuse(session, err);
    if (packet.attachments == 0)
        return take_packet(session, self, &packet, NULL);
    buf_append_str(&self->text, payload);
    self->needed = packet.attachments;
    return true;
}
