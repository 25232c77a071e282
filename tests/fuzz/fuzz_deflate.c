/* SPDX-License-Identifier: MIT */
/* First byte: 'o' an offer of extensions, 'i' the payload of a compressed message, anything else a
 * message. What is inflated stays within its limit; what is compressed is smaller and comes back.
 */
#include "tests/fuzz/fuzz.h"

#include <assert.h>

#include "gateway/deflate.h"

#define LIMIT 10000

static void check_inflate(str_t payload)
{
    buf_t out = {0};
    err_t err = deflate_inflate(&out, payload, LIMIT);
    assert(err == ERR_OK || out.len == 0);
    assert(out.len <= LIMIT);
    buf_fini(&out);
}

static void check_round_trip(str_t message)
{
    buf_t small = {0}, back = {0};
    if (deflate_message(&small, message)) {
        assert(small.len < message.len);
        err_t err = deflate_inflate(&back, buf_str(&small), message.len);
        assert(err == ERR_OK && str_eq(buf_str(&back), message));
        (void)err;
    }
    buf_fini(&back);
    buf_fini(&small);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    str_t rest = {(const char *)data + 1, size - 1};
    if (data[0] == 'o')
        (void)deflate_accepts(rest);
    else if (data[0] == 'i')
        check_inflate(rest);
    else
        check_round_trip(rest);
    return 0;
}
