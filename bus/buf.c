/* SPDX-License-Identifier: MIT */
#include "bus/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_BYTES                                                                                 \
    (1024u * 1024u) /* what buf_reset keeps: one large message is not held for ever */

str_t str_of(const char *text)
{
    return (str_t){text, strlen(text)};
}

bool str_eq(str_t a, str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

bool str_is(str_t a, const char *text)
{
    return str_eq(a, str_of(text));
}

bool str_starts(str_t a, const char *prefix)
{
    size_t len = strlen(prefix);
    return a.len >= len && memcmp(a.p, prefix, len) == 0;
}

int str_cmp(str_t a, str_t b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.p, b.p, common) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

char *str_dup(str_t a)
{
    char *copy = malloc(a.len + 1);
    if (!copy)
        return NULL;
    if (a.len)
        memcpy(copy, a.p, a.len);
    copy[a.len] = '\0';
    return copy;
}

void buf_init(buf_t *self)
{
    *self = (buf_t){0};
}

void buf_fini(buf_t *self)
{
    free(self->data);
    *self = (buf_t){0};
}

void buf_reset(buf_t *self)
{
    if (self->cap > KEEP_BYTES)
        buf_fini(self);
    self->len = 0;
    self->failed = false;
}

bool buf_reserve(buf_t *self, size_t more)
{
    if (self->failed)
        return false;
    if (more <= self->cap - self->len)
        return true;
    if (more > SIZE_MAX / 2 - self->len) {
        self->failed = true;
        return false;
    }
    size_t cap = self->cap ? self->cap : 64;
    while (cap < self->len + more)
        cap *= 2;
    uint8_t *data = realloc(self->data, cap);
    if (!data) {
        self->failed = true;
        return false;
    }
    self->data = data;
    self->cap = cap;
    return true;
}

void buf_append(buf_t *self, const void *data, size_t len)
{
    if (len == 0 || !buf_reserve(self, len))
        return;
    memcpy(self->data + self->len, data, len);
    self->len += len;
}

void buf_append_byte(buf_t *self, uint8_t byte)
{
    if (!buf_reserve(self, 1))
        return;
    self->data[self->len++] = byte;
}

void buf_append_str(buf_t *self, str_t text)
{
    buf_append(self, text.p, text.len);
}

void buf_append_cstr(buf_t *self, const char *text)
{
    buf_append(self, text, strlen(text));
}

void buf_printf(buf_t *self, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    if (len >= 0 && buf_reserve(self, (size_t)len + 1)) {
        vsnprintf((char *)self->data + self->len, (size_t)len + 1, format, again);
        self->len += (size_t)len;
    }
    va_end(again);
    va_end(args);
}

void buf_consume(buf_t *self, size_t n)
{
    if (n == 0)
        return;
    memmove(self->data, self->data + n, self->len - n);
    self->len -= n;
}

str_t buf_str(const buf_t *self)
{
    return (str_t){(const char *)self->data, self->len};
}
