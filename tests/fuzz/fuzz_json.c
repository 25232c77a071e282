/* SPDX-License-Identifier: MIT */
/* Text to msgpack to text to msgpack: what is accepted is well-formed, and goes round unchanged. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <string.h>

#include "bus/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    buf_t first, json, second, again;
    buf_init(&first);
    buf_init(&json);
    buf_init(&second);
    buf_init(&again);
    str_t text = {(const char *)data, size};
    if (json_to_mp(&first, text) == ERR_OK) {
        assert(json_utf8_valid(text));
        assert(mp_check(mp_of_buf(&first), true) == ERR_OK);
        json_from_mp(&json, mp_of_buf(&first), NULL);
        assert(json_utf8_valid(buf_str(&json)));
        err_t err = json_to_mp(&second, buf_str(&json));
        assert(err == ERR_OK);
        json_from_mp(&again, mp_of_buf(&second), NULL);
        assert(str_eq(buf_str(&json), buf_str(&again)));
        bool equal = str_eq(buf_str(&first), buf_str(&second));
        assert(equal || fuzz_has_infinity(mp_of_buf(&first)));
        (void)err;
        (void)equal;
    } else {
        assert(first.len == 0);
    }
    buf_fini(&again);
    buf_fini(&second);
    buf_fini(&json);
    buf_fini(&first);
    return 0;
}
