/* SPDX-License-Identifier: MIT */
#include "gateway/sio5.h"

#include <assert.h>
#include <openssl/rand.h>

#include "bus/json.h"
#include "gateway/sio.h"

#define SID_LEN 20

/* --- packets -------------------------------------------------------------------------------------
 */

/* What a client says to enter is an object, or nothing. */
static bool is_object(str_t json)
{
    size_t i = 0;
    while (i < json.len && (json.p[i] == ' ' || (json.p[i] >= '\t' && json.p[i] <= '\r')))
        i++;
    return json.len == 0 || (i < json.len && json.p[i] == '{');
}

err_t sio5_parse(str_t text, sio4_packet_t *out)
{
    err_t err = sio4_parse(text, out);
    if (err != ERR_OK)
        return err;
    if (out->type == SIO4_UNKNOWN || out->type == SIO4_ERROR)
        return ERR_BAD_FRAME;
    return out->type == SIO4_CONNECT && !is_object(out->payload) ? ERR_BAD_FRAME : ERR_OK;
}

static const char *const reserved[] = {"connect",       "connect_error", "disconnect",
                                       "disconnecting", "newListener",   "removeListener"};

err_t sio5_event_decode(buf_t *out, const sio4_packet_t *packet, const str_t *attachments,
                        sio4_event_t *event)
{
    size_t start = out->len;
    err_t err = sio4_event_decode(out, packet, attachments, event);
    for (size_t i = 0; err == ERR_OK && i < sizeof reserved / sizeof reserved[0]; i++) {
        if (!str_is(event->name, reserved[i]))
            continue;
        out->len = start;
        err = ERR_BAD_FRAME;
    }
    return err;
}

void sio5_put_connect(buf_t *out, const char *sid, const char *pid)
{
    buf_append_cstr(out, "0{\"sid\":");
    json_put_str(out, str_of(sid));
    if (pid) {
        buf_append_cstr(out, ",\"pid\":");
        json_put_str(out, str_of(pid));
    }
    buf_append_byte(out, '}');
}

void sio5_put_connect_error(buf_t *out, str_t nsp, str_t message)
{
    buf_append_byte(out, '4');
    if (nsp.len > 0 && !str_is(nsp, "/")) {
        buf_append_str(out, nsp);
        buf_append_byte(out, ',');
    }
    buf_append_cstr(out, "{\"message\":");
    json_put_str(out, message);
    buf_append_byte(out, '}');
}

/* --- entering and leaving ------------------------------------------------------------------------
 */

static sio_verdict_t enter(session_t *session, const sio_t *self, const sio4_packet_t *packet)
{
    buf_t auth = {0};
    if (!str_is(packet->nsp, "/")) {
        buf_t text;
        sio_begin(&text);
        sio5_put_connect_error(&text, packet->nsp, STR_LIT("Invalid namespace"));
        sio_push(session, &text);
        return SIO_DONE;
    }
    if (sio_is_connected(self))
        return SIO_REFUSED;
    bool ok = packet->payload.len == 0 || json_to_mp(&auth, packet->payload) == ERR_OK;
    if (ok)
        session_login(session, mp_of_buf(&auth));
    buf_fini(&auth);
    return ok ? SIO_DONE : SIO_REFUSED;
}

static sio_verdict_t leave(session_t *session, sio_t *self, const sio4_packet_t *packet)
{
    if (!sio_is_connected(self))
        return SIO_REFUSED;
    if (str_is(packet->nsp, "/")) {
        sio_set_connected(self, false);
        session_leave(session);
    }
    return SIO_DONE;
}

static sio_verdict_t judge(session_t *session, sio_t *self, const sio4_packet_t *packet)
{
    bool ours = sio_is_connected(self) && str_is(packet->nsp, "/");
    switch (packet->type) {
    case SIO4_CONNECT:
        return enter(session, self, packet);
    case SIO4_DISCONNECT:
        return leave(session, self, packet);
    case SIO4_EVENT:
    case SIO4_BINARY_EVENT:
        return ours ? SIO_CALL : SIO_REFUSED;
    case SIO4_ACK:
    case SIO4_BINARY_ACK:
        return ours ? SIO_DONE : SIO_REFUSED; /* we ask for no answers */
    default:
        return SIO_REFUSED;
    }
}

static const sio_protocol_t protocol = {
    .type_byte = false, .parse = sio5_parse, .decode_event = sio5_event_decode, .judge = judge};

/* --- the dialect ---------------------------------------------------------------------------------
 */

static void *sio5_open(session_t *session)
{
    return sio_new(&protocol, session);
}

static void sio5_close(void *state)
{
    sio_t *self = state;
    sio_destroy(&self);
}

/* The id that the client sees is not the one by which its connection is known. */
static void make_id(session_t *session)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[SID_LEN];
    char id[SID_LEN];
    int ok = RAND_bytes(bytes, sizeof bytes);
    assert(ok == 1);
    (void)ok;
    for (size_t i = 0; i < SID_LEN; i++)
        id[i] = digits[bytes[i] & 63];
    session_set_id(session, (str_t){id, SID_LEN});
}

static str_t auth_text(const session_t *session, const char *key)
{
    mp_t value;
    str_t text = {"", 0};
    if (mp_path(session_auth(session), &value, key, NULL))
        (void)mp_read_str(&value, &text);
    return text;
}

static void put_connect(session_t *session)
{
    buf_t text;
    sio_begin(&text);
    sio5_put_connect(&text, session_id(session), session_pid(session));
    sio_push(session, &text);
}

static void sio5_greet(session_t *session, void *state)
{
    str_t pid = auth_text(session, "pid");
    bool back = pid.len > 0 && session_recover(session, pid, auth_text(session, "offset"));
    sio_set_connected(state, true);
    if (!back)
        make_id(session);
    put_connect(session);
    if (back)
        session_replay(session);
}

static void sio5_refuse(session_t *session, void *state)
{
    static const uint8_t no_args[] = {0x90};
    (void)state;
    if (session_refusal(session) == LOGIN_WRONG) {
        buf_t text;
        sio_begin(&text);
        sio5_put_connect_error(&text, STR_LIT("/"), STR_LIT(SIO_WRONG_PASSWORD));
        sio_push(session, &text);
        return;
    }
    make_id(session);
    put_connect(session);
    session_emit(session, STR_LIT("reauthenticate"), mp_of(no_args, sizeof no_args));
}

static bool sio5_receive(session_t *session, void *state, bool binary, str_t payload)
{
    return sio_receive(session, state, binary, payload);
}

static void sio5_event(str_t name, mp_t args, str_t key, frames_t *out)
{
    sio_event(false, name, args, key, out);
}

static void sio5_answer(void *state, uint64_t id, mp_t args, frames_t *out)
{
    (void)state;
    sio_answer(false, id, args, out);
}

const dialect_t sio5_dialect = {.name = "socket.io 4",
                                .id = 2,
                                .asks_to_enter = true,
                                .recovers = true,
                                .open = sio5_open,
                                .close = sio5_close,
                                .greet = sio5_greet,
                                .refuse = sio5_refuse,
                                .receive = sio5_receive,
                                .event = sio5_event,
                                .answer = sio5_answer};

const dialect_t sio5_plain_dialect = {.name = "socket.io 4",
                                      .id = 3,
                                      .asks_to_enter = true,
                                      .open = sio5_open,
                                      .close = sio5_close,
                                      .greet = sio5_greet,
                                      .refuse = sio5_refuse,
                                      .receive = sio5_receive,
                                      .event = sio5_event,
                                      .answer = sio5_answer};
