/* SPDX-License-Identifier: MIT */
#include "gateway/sio2.h"

#include "gateway/sio.h"

/* "/" and "/?query" are the one namespace that there is. */
static bool is_root(str_t nsp)
{
    return str_is(nsp, "/") || str_starts(nsp, "/?");
}

static void refuse_namespace(session_t *session, str_t nsp)
{
    buf_t text;
    sio_begin(&text);
    sio4_put_error(&text, nsp, STR_LIT("Invalid namespace"));
    sio_push(session, &text);
}

/* Answers and errors of clients, and unknown types, mean nothing here; nor does anything for
 * another namespace. */
static sio_verdict_t judge(session_t *session, sio_t *self, const sio4_packet_t *packet)
{
    bool root = packet->type != SIO4_UNKNOWN && is_root(packet->nsp);
    (void)self;
    switch (packet->type) {
    case SIO4_CONNECT:
        if (!root)
            refuse_namespace(session, packet->nsp);
        return SIO_DONE;
    case SIO4_DISCONNECT:
        if (root)
            session_leave(session);
        return SIO_DONE;
    case SIO4_EVENT:
    case SIO4_BINARY_EVENT:
        return root ? SIO_CALL : SIO_DONE;
    default:
        return SIO_DONE;
    }
}

static const sio_protocol_t protocol = {
    .type_byte = true, .parse = sio4_parse, .decode_event = sio4_event_decode, .judge = judge};

static void *sio2_open(session_t *session)
{
    return sio_new(&protocol, session);
}

static void sio2_close(void *state)
{
    sio_t *self = state;
    sio_destroy(&self);
}

static void sio2_greet(session_t *session, void *state)
{
    buf_t text;
    (void)state;
    sio_begin(&text);
    sio4_put_connect(&text);
    sio_push(session, &text);
}

static void put_wrong(session_t *session)
{
    buf_t text;
    sio_begin(&text);
    sio4_put_error(&text, STR_LIT("/"), STR_LIT(SIO_WRONG_PASSWORD));
    sio_push(session, &text);
}

/* Without the CONNECT a client would keep the event back and never show it. A wrong password is an
 * error, which every client shows. A session that nobody has signed comes from no browser: it gets
 * what was recorded. */
static void sio2_refuse(session_t *session, void *state)
{
    static const uint8_t no_args[] = {0x90};
    login_result_t result = session_refusal(session);
    if (result == LOGIN_NEEDED)
        sio2_greet(session, state);
    session_emit(session, STR_LIT("reauthenticate"), mp_of(no_args, sizeof no_args));
    if (result == LOGIN_WRONG)
        put_wrong(session);
}

static bool sio2_receive(session_t *session, void *state, bool binary, str_t payload)
{
    return sio_receive(session, state, binary, payload);
}

static void sio2_event(str_t name, mp_t args, str_t key, frames_t *out)
{
    sio_event(true, name, args, key, out);
}

static void sio2_answer(void *state, uint64_t id, mp_t args, frames_t *out)
{
    (void)state;
    sio_answer(true, id, args, out);
}

const dialect_t sio2_dialect = {.name = "socket.io 2",
                                .id = 0,
                                .open = sio2_open,
                                .close = sio2_close,
                                .greet = sio2_greet,
                                .refuse = sio2_refuse,
                                .receive = sio2_receive,
                                .event = sio2_event,
                                .answer = sio2_answer};
