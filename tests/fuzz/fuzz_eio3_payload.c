/* SPDX-License-Identifier: MIT */
/* First byte: 't' text, 'o' octets; the rest is a polling body. The packets of a body without
 * errors, encoded and decoded again in either framing, are the same. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>

#include "gateway/eio3.h"

#define PACKETS_MAX 64

typedef struct {
    eio_packet_t packets[PACKETS_MAX];
    size_t count;
    buf_t bytes; /* the packets' data: they outlive the decoder's scratch */
} list_t;

static void list_init(list_t *self)
{
    self->count = 0;
    buf_init(&self->bytes);
}

static void list_add(list_t *self, const eio_packet_t *packet)
{
    if (packet->type == EIO_PACKET_UNKNOWN || self->count == PACKETS_MAX)
        return;
    self->packets[self->count] = *packet;
    self->packets[self->count++].data.p = NULL; /* set when the bytes have stopped moving */
    buf_append_str(&self->bytes, packet->data);
}

static err_t list_read(list_t *self, str_t body, eio3_framing_t framing)
{
    buf_t scratch;
    eio_payload_t payload;
    eio_packet_t packet;
    err_t err;
    buf_init(&scratch);
    eio3_payload_init(&payload, body, framing, &scratch);
    while (eio3_payload_next(&payload, &packet, &err))
        list_add(self, &packet);
    buf_fini(&scratch);
    size_t at = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (self->packets[i].data.len > 0)
            self->packets[i].data.p = (const char *)self->bytes.data + at;
        at += self->packets[i].data.len;
    }
    return err;
}

static void check_round_trip(const list_t *list, bool b64)
{
    buf_t body;
    list_t back;
    buf_init(&body);
    list_init(&back);
    eio3_framing_t framing = eio3_encode_payload(&body, list->packets, list->count, b64);
    assert(!b64 || framing == EIO3_FRAMING_TEXT);
    err_t err = list_read(&back, buf_str(&body), framing);
    assert(err == ERR_OK && back.count == list->count);
    (void)err;
    for (size_t i = 0; i < list->count; i++) {
        assert(back.packets[i].type == list->packets[i].type);
        assert(back.packets[i].binary == list->packets[i].binary);
        assert(str_eq(back.packets[i].data, list->packets[i].data));
    }
    buf_fini(&back.bytes);
    buf_fini(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    list_t list;
    list_init(&list);
    eio3_framing_t framing = data[0] == 'o' ? EIO3_FRAMING_OCTETS : EIO3_FRAMING_TEXT;
    if (list_read(&list, (str_t){(const char *)data + 1, size - 1}, framing) == ERR_OK) {
        check_round_trip(&list, true);
        check_round_trip(&list, false);
    }
    buf_fini(&list.bytes);
    return 0;
}
