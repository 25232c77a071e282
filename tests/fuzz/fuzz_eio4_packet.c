/* SPDX-License-Identifier: MIT */
/* A WebSocket text message. What is decoded is said in the same way again: a text as it was, bytes
 * as base64 that stands for them. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>

#include "gateway/eio4.h"

static void check_again(const eio_packet_t *packet, str_t message)
{
    buf_t out, scratch;
    eio_packet_t back;
    buf_init(&out);
    buf_init(&scratch);
    eio4_encode_text(&out, packet);
    assert(packet->binary || str_eq(buf_str(&out), message));
    err_t err = eio4_decode_text(buf_str(&out), &scratch, &back);
    assert(err == ERR_OK && back.type == packet->type && back.binary == packet->binary);
    (void)err;
    assert(str_eq(back.data, packet->data));
    buf_fini(&scratch);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str_t message = {(const char *)data, size};
    buf_t scratch;
    eio_packet_t packet;
    buf_init(&scratch);
    if (eio4_decode_text(message, &scratch, &packet) == ERR_OK) {
        assert(packet.type <= EIO_PACKET_NOOP);
        assert(packet.binary == (message.p[0] == 'b'));
        check_again(&packet, message);
    }
    buf_fini(&scratch);
    return 0;
}
