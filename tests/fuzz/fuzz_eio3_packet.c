/* SPDX-License-Identifier: MIT */
/* First byte: 't' WebSocket text, 'b' WebSocket binary, 'j' JSONP form. A decoded message encodes
 * to itself; what a form carries survives the way back as a JavaScript string. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <string.h>

#include "bus/json.h"
#include "gateway/eio3.h"

static void check_text(str_t message)
{
    buf_t scratch, out;
    eio_packet_t packet;
    buf_init(&scratch);
    buf_init(&out);
    if (eio3_decode_text(message, &scratch, &packet) == ERR_OK) {
        assert(packet.binary == (message.p[0] == 'b'));
        eio3_encode(&out, &packet);
        assert(packet.binary || str_eq(buf_str(&out), message));
    }
    buf_fini(&out);
    buf_fini(&scratch);
}

static void check_binary(str_t message)
{
    buf_t out;
    eio_packet_t packet;
    buf_init(&out);
    eio3_decode_binary(message, &packet);
    eio3_encode(&out, &packet);
    assert(packet.type == EIO_PACKET_UNKNOWN || str_eq(buf_str(&out), message));
    buf_fini(&out);
}

/* ___eio[7]("..."); */
static void check_script(str_t payload)
{
    static const char head[] = "___eio[7](";
    buf_t out, value;
    buf_init(&out);
    buf_init(&value);
    eio3_encode_jsonp(&out, payload, STR_LIT("7"));
    str_t script = buf_str(&out);
    size_t head_len = sizeof head - 1;
    assert(str_starts(script, head) && script.p[script.len - 1] == ';');
    str_t literal = {script.p + head_len, script.len - head_len - 2};
    err_t err = json_to_mp(&value, literal);
    assert(err == ERR_OK);
    (void)err;
    mp_t at = mp_of_buf(&value);
    str_t back = {0};
    bool is_str = mp_read_str(&at, &back);
    assert(is_str && str_eq(back, payload));
    (void)is_str;
    assert(!memmem(script.p, script.len, "\xe2\x80\xa8", 3));
    buf_fini(&value);
    buf_fini(&out);
}

static void check_jsonp(str_t form)
{
    buf_t payload;
    buf_init(&payload);
    if (eio3_jsonp_decode(&payload, form) == ERR_OK) {
        assert(payload.len <= form.len);
        if (json_utf8_valid(buf_str(&payload)))
            check_script(buf_str(&payload));
    }
    buf_fini(&payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    str_t rest = {(const char *)data + 1, size - 1};
    if (data[0] == 'b')
        check_binary(rest);
    else if (data[0] == 'j')
        check_jsonp(rest);
    else
        check_text(rest);
    return 0;
}
