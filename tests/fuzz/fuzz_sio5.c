/* SPDX-License-Identifier: MIT */
/* What protocol 5 accepts protocol 4 accepts too and understands in the same way; it is no packet
 * that only a server sends, asks to enter with an object or nothing, and is no event with a name
 * that the libraries use themselves. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>

#include "bus/json.h"
#include "gateway/sio5.h"

static const str_t attachments[SIO4_MAX_ATTACHMENTS] = {
    STR_LIT("\0"), STR_LIT("\1\2"), STR_LIT("abc"), STR_LIT(""),  STR_LIT("\xff"),
    STR_LIT("5"),  STR_LIT("6"),    STR_LIT("7"),   STR_LIT("8"), STR_LIT("9"),
};

static void check_connect(const sio4_packet_t *packet)
{
    buf_t value, answer;
    buf_init(&value);
    buf_init(&answer);
    err_t err = packet->payload.len ? json_to_mp(&value, packet->payload) : ERR_TOO_DEEP;
    assert(err == ERR_TOO_DEEP || (err == ERR_OK && mp_type(mp_of_buf(&value)) == MP_MAP));
    (void)err;
    sio4_packet_t back;
    sio5_put_connect_error(&answer, packet->nsp, STR_LIT("Invalid namespace"));
    err = sio4_parse(buf_str(&answer), &back);
    assert(err == ERR_OK && back.type == SIO4_ERROR && str_eq(back.nsp, packet->nsp));
    buf_fini(&answer);
    buf_fini(&value);
}

static void check_event(const sio4_packet_t *packet)
{
    buf_t value, older;
    sio4_event_t event, same;
    const str_t *bytes = packet->attachments ? attachments : NULL;
    buf_init(&value);
    buf_init(&older);
    if (sio5_event_decode(&value, packet, bytes, &event) == ERR_OK) {
        assert(!str_is(event.name, "connect") && !str_is(event.name, "disconnect"));
        err_t err = sio4_event_decode(&older, packet, bytes, &same);
        assert(err == ERR_OK && str_eq(event.name, same.name));
        (void)err;
    } else {
        assert(value.len == 0);
    }
    buf_fini(&older);
    buf_fini(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sio4_packet_t packet, older;
    str_t text = {(const char *)data, size};
    if (sio5_parse(text, &packet) != ERR_OK)
        return 0;
    err_t err = sio4_parse(text, &older);
    assert(err == ERR_OK && packet.type == older.type && str_eq(packet.nsp, older.nsp));
    (void)err;
    assert(packet.type != SIO4_UNKNOWN && packet.type != SIO4_ERROR);
    if (packet.type == SIO4_CONNECT)
        check_connect(&packet);
    else if (packet.type == SIO4_EVENT || packet.type == SIO4_BINARY_EVENT)
        check_event(&packet);
    return 0;
}
