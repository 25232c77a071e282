/* SPDX-License-Identifier: MIT */
#include "bus/error_object.h"

#define KEY                                                                                        \
    "\x01"                                                                                         \
    "error"

void error_object_put(buf_t *out, str_t text)
{
    mp_put_map(out, 1);
    mp_put_cstr(out, KEY);
    mp_put_str(out, text);
}

bool error_object_read(mp_t args, str_t *text)
{
    uint32_t count;
    str_t key;
    return mp_read_array(&args, &count) && count > 0 && mp_type(args) == MP_MAP &&
           mp_read_map(&args, &count) && count == 1 && mp_read_str(&args, &key) &&
           str_is(key, KEY) && mp_read_str(&args, text);
}

void error_object_write(mp_t args, str_t text, bool as_text, buf_t *out)
{
    uint32_t count = 0;
    mp_t rest = args;
    buf_t whole = {0};
    bool ok = mp_read_array(&rest, &count) && mp_skip(&rest);
    mp_put_array(out, ok ? count : 1);
    buf_append_cstr(&whole, "Error: ");
    buf_append(&whole, text.p, text.len);
    if (as_text)
        mp_put_str(out, buf_str(&whole));
    else
        mp_put_map(out, 0);
    if (ok)
        mp_put_raw(out, rest);
    buf_fini(&whole);
}
