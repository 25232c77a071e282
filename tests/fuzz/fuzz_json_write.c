/* SPDX-License-Identifier: MIT */
/* Any bytes taken as msgpack give valid JSON text, also when they are broken. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>

#include "bus/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    buf_t json, value;
    str_t found[4];
    json_bins_t bins = {JSON_BIN_PLACEHOLDER, found, 4, 0};
    buf_init(&json);
    buf_init(&value);
    for (int round = 0; round < 2; round++) {
        buf_reset(&json);
        buf_reset(&value);
        json_from_mp(&json, mp_of(data, size), round ? &bins : NULL);
        err_t err = json_to_mp(&value, buf_str(&json));
        /* msgpack may be nested more deeply than JSON, and a buffer adds levels. */
        assert(err == ERR_OK || err == ERR_TOO_DEEP);
        (void)err;
    }
    buf_fini(&value);
    buf_fini(&json);
    return 0;
}
