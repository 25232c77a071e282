/* SPDX-License-Identifier: MIT */
/* However the bytes are cut, the same messages come out, and they stay within the limit. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <string.h>

#include "gateway/wsframe.h"

#define MAX_MESSAGE 5000

/* Writes what was decoded into out, in a form that can be compared. */
static void decode(const uint8_t *data, size_t size, size_t step, buf_t *out)
{
    wsframe_decoder_t *decoder = wsframe_decoder_new(MAX_MESSAGE);
    wsframe_result_t result = WSFRAME_MORE;
    buf_t copy = {0};
    buf_append(&copy, data, size);
    for (size_t at = 0; at < size && result != WSFRAME_FAILED; at += step) {
        uint8_t *p = copy.data + at;
        size_t len = size - at < step ? size - at : step;
        wsframe_t frame;
        while ((result = wsframe_decode(decoder, &p, &len, &frame)) != WSFRAME_MORE) {
            assert(frame.payload.len <= MAX_MESSAGE);
            assert(result != WSFRAME_CONTROL || frame.payload.len <= WSFRAME_MAX_CONTROL);
            buf_printf(out, "%d %u %d %u %zu:", result, frame.opcode, frame.binary,
                       frame.close_code, frame.payload.len);
            if (result == WSFRAME_FAILED)
                break;
            buf_append_str(out, frame.payload);
        }
    }
    wsframe_decoder_destroy(&decoder);
    buf_fini(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = {1, 2, 7, 1000};
    buf_t whole = {0};
    if (size == 0)
        return 0;
    decode(data, size, size, &whole);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        buf_t parts = {0};
        decode(data, size, steps[i], &parts);
        assert(str_eq(buf_str(&whole), buf_str(&parts)));
        buf_fini(&parts);
    }
    buf_fini(&whole);
    return 0;
}
