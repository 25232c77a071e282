/* SPDX-License-Identifier: MIT */
/* Bus frames: any bytes give messages or an error, and what was read can be written again to the
 * same message. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(buf_t *out, const envelope_t *m)
{
    mp_t values = m->body;
    uint32_t count;
    switch (m->type) {
    case ENVELOPE_REQUEST:
        envelope_put_request(out, m->corr, m->name, &m->caller, m->ttl_ms, m->trace, m->wants_reply,
                             m->body);
        break;
    case ENVELOPE_REPLY:
        (void)mp_read_array(&values, &count);
        envelope_put_reply(out, m->corr, m->status, m->seq, m->trace, m->argc, values);
        break;
    case ENVELOPE_EVENT:
        envelope_put_event(out, m);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mp_t frame = mp_of(data, size);
    envelope_t message, again;
    while (!mp_at_end(&frame) && envelope_next(&frame, &message) == ERR_OK) {
        buf_t out = {0};
        write_again(&out, &message);
        mp_t second = mp_of_buf(&out);
        err_t err = envelope_next(&second, &again);
        assert(err == ERR_OK && mp_at_end(&second));
        assert(again.type == message.type && again.corr == message.corr &&
               again.seq == message.seq);
        assert(str_eq(again.name, message.name) && again.argc == message.argc);
        assert(mp_equal(again.body, message.body) || again.body.p == NULL);
        buf_fini(&out);
    }
    return 0;
}
