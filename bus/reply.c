/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>

#include "bus/env.h"

void reply_init(reply_t *self)
{
    buf_init(&self->body);
    self->count = 0;
}

void reply_fini(reply_t *self)
{
    buf_fini(&self->body);
    self->count = 0;
}

void reply_clear(reply_t *self)
{
    buf_reset(&self->body);
    self->count = 0;
}

buf_t *reply_value(reply_t *self)
{
    self->count++;
    return &self->body;
}

void reply_nil(reply_t *self)
{
    mp_put_nil(reply_value(self));
}

void reply_bool(reply_t *self, bool value)
{
    mp_put_bool(reply_value(self), value);
}

void reply_str(reply_t *self, str_t text)
{
    mp_put_str(reply_value(self), text);
}

void reply_raw(reply_t *self, mp_t value)
{
    if (mp_at_end(&value))
        reply_nil(self);
    else
        mp_put_raw(reply_value(self), value);
}

err_t reply_error(reply_t *self, const char *format, ...)
{
    buf_t text;
    buf_init(&text);
    va_list args;
    va_start(args, format);
    char small[512];
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(small, sizeof small, format, args);
    if (len >= 0 && (size_t)len < sizeof small) {
        buf_append(&text, small, (size_t)len);
    } else if (len >= 0 && buf_reserve(&text, (size_t)len + 1)) {
        vsnprintf((char *)text.data, (size_t)len + 1, format, again);
        text.len = (size_t)len;
    }
    va_end(again);
    va_end(args);
    reply_clear(self);
    reply_str(self, buf_str(&text));
    buf_fini(&text);
    return ERR_CUSTOM;
}

bool request_arg(const request_t *request, uint32_t index, mp_t *value)
{
    if (index >= request->argc)
        return false;
    mp_t cursor = request->args;
    for (uint32_t i = 0; i < index; i++) {
        if (!mp_skip(&cursor))
            return false;
    }
    return mp_next(&cursor, value);
}
