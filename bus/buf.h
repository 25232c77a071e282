/* SPDX-License-Identifier: MIT */
/* A growable byte buffer. Growing can fail only when memory is gone: the buffer then remembers
 * it in `failed`, ignores what follows, and the caller checks once at the end. Sizes that a peer
 * chooses are checked against a limit before they reach a buffer.
 * Thread contract: one owner, no locks. */
#ifndef IOBUS_BUS_BUF_H
#define IOBUS_BUS_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *data; /* NULL until the first byte */
    size_t len;    /* bytes in use */
    size_t cap;    /* bytes allocated */
    bool failed;   /* an append could not get memory */
} buf_t;

/* A borrowed piece of text or bytes; not terminated by NUL. */
typedef struct {
    const char *p;
    size_t len;
} str_t;

#define STR_LIT(s) ((str_t){(s), sizeof(s) - 1})
#define STR_ARG(s) (int)(s).len, (s).p /* for "%.*s" */
str_t str_of(const char *text);
bool str_eq(str_t a, str_t b);
bool str_is(str_t a, const char *text);
bool str_starts(str_t a, const char *prefix);
/* Code-unit-free byte order, shorter first on a tie: the order of keys in a store. */
int str_cmp(str_t a, str_t b);
/* Caller owns; NULL when memory is gone. */
char *str_dup(str_t a);

void buf_init(buf_t *self);
void buf_fini(buf_t *self);
/* Empties it and keeps the memory; a buffer grown beyond 1 MiB gives it back. */
void buf_reset(buf_t *self);
/* Makes room for `more` bytes behind len; false when memory is gone. */
bool buf_reserve(buf_t *self, size_t more);
void buf_append(buf_t *self, const void *data, size_t len);
void buf_append_byte(buf_t *self, uint8_t byte);
void buf_append_str(buf_t *self, str_t text);
void buf_append_cstr(buf_t *self, const char *text);
void buf_printf(buf_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Removes the first n bytes (n <= len). */
void buf_consume(buf_t *self, size_t n);
/* Contents as text; valid until the next change. */
str_t buf_str(const buf_t *self);

#endif
