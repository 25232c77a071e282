/* SPDX-License-Identifier: MIT */
#include "gateway/sio2.h"

#include <assert.h>
#include <stdlib.h>

#include "bus/log.h"
#include "gateway/command.h"
#include "gateway/eio3.h"
#include "gateway/sio4.h"

#define TEXT_TYPE '4'
#define BINARY_TYPE 0x04

/* An event or answer whose attachments are still coming. */
typedef struct {
    buf_t text;  /* the packet */
    buf_t bytes; /* the attachments, one behind the other */
    size_t ends[SIO4_MAX_ATTACHMENTS];
    size_t have;
    size_t needed; /* 0: nothing is awaited */
    size_t max;    /* bytes of all together */
} state_t;

/* --- encoding ------------------------------------------------------------------------------------
 */

static void add_frame(frames_t *out, frame_kind_t kind, buf_t *buf, str_t key)
{
    frame_t *frame = frame_take(kind, buf, key);
    if (frame)
        out->items[out->count++] = frame;
}

/* The text and its attachments; all or nothing. */
static void finish(buf_t *text, const sio4_bins_t *bins, str_t key, frames_t *out)
{
    size_t expected = out->count + 1 + bins->count;
    add_frame(out, FRAME_TEXT, text, bins->count ? (str_t){"", 0} : key);
    for (size_t i = 0; i < bins->count; i++) {
        buf_t bytes = {0};
        frame_room(&bytes);
        buf_append_byte(&bytes, BINARY_TYPE);
        buf_append_str(&bytes, bins->items[i]);
        add_frame(out, FRAME_BINARY, &bytes, (str_t){"", 0});
        buf_fini(&bytes);
    }
    if (out->count != expected)
        frames_put(out);
}

static void start(buf_t *text)
{
    buf_init(text);
    frame_room(text);
    buf_append_byte(text, TEXT_TYPE);
}

static void sio2_event(str_t name, mp_t args, str_t key, frames_t *out)
{
    sio4_bins_t bins = {0};
    buf_t text;
    start(&text);
    if (sio4_put_event(&text, name, args, &bins) == ERR_OK)
        finish(&text, &bins, key, out);
    buf_fini(&text);
}

static void sio2_answer(void *state, uint64_t id, mp_t args, frames_t *out)
{
    (void)state;
    sio4_bins_t bins = {0};
    buf_t text;
    start(&text);
    if (sio4_put_ack(&text, id, args, &bins) == ERR_OK)
        finish(&text, &bins, (str_t){"", 0}, out);
    buf_fini(&text);
}

static void push(session_t *session, buf_t *text)
{
    frame_t *frame = frame_take(FRAME_TEXT, text, (str_t){"", 0});
    if (frame)
        session_push(session, frame);
    frame_put(&frame);
    buf_fini(text);
}

/* --- messages ------------------------------------------------------------------------------------
 */

static void *sio2_open(session_t *session)
{
    state_t *self = calloc(1, sizeof *self);
    assert(self);
    self->max = session_core(session)->limits.max_message;
    buf_t text;
    start(&text);
    sio4_put_connect(&text);
    push(session, &text);
    return self;
}

static void forget(state_t *self)
{
    buf_fini(&self->text);
    buf_fini(&self->bytes);
    self->have = self->needed = 0;
}

static void sio2_close(void *state)
{
    forget(state);
    free(state);
}

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
    sio2_answer(NULL, ack, mp_of_buf(&args), &frames);
    for (size_t i = 0; i < frames.count; i++)
        session_push(session, frames.items[i]);
    frames_put(&frames);
    buf_fini(&args);
}

static bool call_event(session_t *session, const sio4_packet_t *packet, const str_t *attachments)
{
    buf_t decoded = {0};
    sio4_event_t event;
    if (command_is_oversized(session_core(session), packet->payload)) {
        if (packet->has_ack)
            answer_error(session, packet->ack, ERR_TOO_LARGE);
        return true;
    }
    err_t err = sio4_event_decode(&decoded, packet, attachments, &event);
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

/* "/" and "/?query" are the one namespace that there is. */
static bool is_root(str_t nsp)
{
    return str_is(nsp, "/") || str_starts(nsp, "/?");
}

static bool finish_binary(session_t *session, state_t *self)
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
        err = sio4_parse(buf_str(&self->text), &packet);
    bool ok = err == ERR_OK;
    /* Clients answer nothing that the server asked for: a binary answer is let go. */
    if (ok && packet.type == SIO4_BINARY_EVENT && is_root(packet.nsp))
        ok = call_event(session, &packet, attachments);
    forget(self);
    return ok || refuse(session, err);
}

static bool take_attachment(session_t *session, state_t *self, str_t payload)
{
    if (self->needed == 0)
        return refuse(session, ERR_BAD_FRAME);
    if (self->bytes.len + payload.len > self->max)
        return refuse(session, ERR_TOO_LARGE);
    buf_append_str(&self->bytes, payload);
    self->ends[self->have++] = self->bytes.len;
    return self->have < self->needed || finish_binary(session, self);
}

static void refuse_namespace(session_t *session, str_t nsp)
{
    buf_t text;
    start(&text);
    sio4_put_error(&text, nsp, STR_LIT("Invalid namespace"));
    push(session, &text);
}

static bool take_packet(session_t *session, state_t *self, const sio4_packet_t *packet, str_t text)
{
    bool root = packet->type != SIO4_UNKNOWN && is_root(packet->nsp);
    switch (packet->type) {
    case SIO4_CONNECT:
        if (!root)
            refuse_namespace(session, packet->nsp);
        return true;
    case SIO4_DISCONNECT:
        if (root)
            session_leave(session);
        return true;
    case SIO4_EVENT:
        return !root || call_event(session, packet, NULL);
    case SIO4_BINARY_EVENT:
    case SIO4_BINARY_ACK:
        buf_append_str(&self->text, text);
        self->needed = packet->attachments;
        return true;
    default:
        return true; /* answers and errors of clients, and unknown types, mean nothing here */
    }
}

static bool sio2_receive(session_t *session, void *state, bool binary, str_t payload)
{
    state_t *self = state;
    sio4_packet_t packet;
    if (binary)
        return take_attachment(session, self, payload);
    if (self->needed > 0)
        return refuse(session, ERR_BAD_FRAME);
    err_t err = sio4_parse(payload, &packet);
    return err == ERR_OK ? take_packet(session, self, &packet, payload) : refuse(session, err);
}

const dialect_t sio2_dialect = {.name = "socket.io 2",
                                .id = 0,
                                .open = sio2_open,
                                .close = sio2_close,
                                .receive = sio2_receive,
                                .event = sio2_event,
                                .answer = sio2_answer};
