/* SPDX-License-Identifier: MIT */
/* A packet that is accepted stays within its limits; an event that decodes is encoded to a packet
 * that decodes to the same event. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>

#include "gateway/sio4.h"

static const str_t attachments[SIO4_MAX_ATTACHMENTS] = {
    STR_LIT("\0"), STR_LIT("\1\2"), STR_LIT("abc"), STR_LIT(""),  STR_LIT("\xff"),
    STR_LIT("5"),  STR_LIT("6"),    STR_LIT("7"),   STR_LIT("8"), STR_LIT("9"),
};

static bool has_bytes(mp_t values)
{
    while (!mp_at_end(&values)) {
        uint32_t count;
        if (mp_type(values) == MP_BIN)
            return true;
        if (!mp_read_array(&values, &count) && !mp_read_map(&values, &count) && !mp_skip(&values))
            break;
    }
    return false;
}

static void check_event(const sio4_event_t *event)
{
    buf_t frame, value;
    sio4_bins_t bins;
    sio4_packet_t packet;
    sio4_event_t back;
    buf_init(&frame);
    buf_init(&value);
    err_t err = sio4_put_event(&frame, event->name, event->args, &bins);
    assert(err == ERR_OK);
    bool too_many = bins.count == 0 && has_bytes(event->args);
    if (!too_many) {
        err = sio4_parse(buf_str(&frame), &packet);
        assert(err == ERR_OK && packet.attachments == bins.count && !packet.has_ack);
        err = sio4_event_decode(&value, &packet, bins.items, &back);
        assert(err == ERR_OK && str_eq(back.name, event->name));
        str_t before = {(const char *)event->args.p, (size_t)(event->args.end - event->args.p)};
        str_t after = {(const char *)back.args.p, (size_t)(back.args.end - back.args.p)};
        assert(str_eq(before, after) || fuzz_has_infinity(event->args));
        (void)before;
        (void)after;
    }
    (void)err;
    buf_fini(&value);
    buf_fini(&frame);
}

static void check_ack(const sio4_packet_t *packet, const sio4_event_t *event)
{
    buf_t frame;
    sio4_bins_t bins;
    sio4_packet_t back;
    buf_init(&frame);
    err_t err = sio4_put_ack(&frame, packet->ack, event->args, &bins);
    assert(err == ERR_OK);
    err = sio4_parse(buf_str(&frame), &back);
    assert(err == ERR_OK && back.has_ack && back.ack == packet->ack);
    assert(back.type == (bins.count ? SIO4_BINARY_ACK : SIO4_ACK));
    (void)err;
    buf_fini(&frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sio4_packet_t packet;
    sio4_event_t event;
    buf_t value;
    if (sio4_parse((str_t){(const char *)data, size}, &packet) != ERR_OK)
        return 0;
    bool binary = packet.type == SIO4_BINARY_EVENT || packet.type == SIO4_BINARY_ACK;
    assert(packet.attachments <= SIO4_MAX_ATTACHMENTS && (packet.attachments > 0) == binary);
    assert(packet.nsp.len > 0 && packet.nsp.p[0] == '/' && packet.ack <= SIO4_MAX_ACK_ID);
    if (packet.type != SIO4_EVENT && packet.type != SIO4_BINARY_EVENT)
        return 0;
    buf_init(&value);
    const str_t *bytes = packet.attachments ? attachments : NULL;
    if (sio4_event_decode(&value, &packet, bytes, &event) == ERR_OK) {
        assert(mp_check(event.args, true) == ERR_OK && mp_type(event.args) == MP_ARRAY);
        check_event(&event);
        if (packet.has_ack)
            check_ack(&packet, &event);
    } else {
        assert(value.len == 0);
    }
    buf_fini(&value);
    return 0;
}
