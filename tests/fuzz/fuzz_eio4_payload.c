/* SPDX-License-Identifier: MIT */
/* The body of a POST. Every packet before an error has a known type; the packets of a body without
 * errors, encoded and decoded again, are the same. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>

#include "gateway/eio4.h"

#define PACKETS_MAX 64

typedef struct {
    eio_packet_t packets[PACKETS_MAX];
    size_t count;
    buf_t bytes; /* the packets' data: they outlive the decoder's scratch */
} list_t;

static err_t list_read(list_t *self, str_t body)
{
    buf_t scratch;
    eio_payload_t payload;
    eio_packet_t packet;
    err_t err;
    size_t at = 0;
    *self = (list_t){0};
    buf_init(&scratch);
    eio4_payload_init(&payload, body, &scratch);
    while (eio4_payload_next(&payload, &packet, &err) && self->count < PACKETS_MAX) {
        assert(packet.type <= EIO_PACKET_NOOP);
        self->packets[self->count++] = packet;
        buf_append_str(&self->bytes, packet.data);
    }
    buf_fini(&scratch);
    /* The bytes have stopped moving. */
    for (size_t i = 0; i < self->count; i++) {
        str_t *data = &self->packets[i].data;
        data->p = data->len > 0 ? (const char *)self->bytes.data + at : "";
        at += data->len;
    }
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    list_t list, back;
    buf_t body;
    if (list_read(&list, (str_t){(const char *)data, size}) == ERR_OK && list.count > 0) {
        buf_init(&body);
        eio4_encode_payload(&body, list.packets, list.count);
        err_t err = list_read(&back, buf_str(&body));
        assert(err == ERR_OK && back.count == list.count);
        (void)err;
        for (size_t i = 0; i < list.count; i++) {
            assert(back.packets[i].type == list.packets[i].type);
            assert(back.packets[i].binary == list.packets[i].binary);
            assert(str_eq(back.packets[i].data, list.packets[i].data));
        }
        buf_fini(&back.bytes);
        buf_fini(&body);
    }
    buf_fini(&list.bytes);
    return 0;
}
