/* SPDX-License-Identifier: MIT */
#include "bus/err.h"

#include <stddef.h>

typedef struct {
    err_t code;
    const char *name;
    const char *text;
    bool retryable;
} row_t;

static const row_t rows[] = {
#define ERR(name, code, text, retryable) {(code), #name, (text), (retryable)},
#include "bus/errors.def"
#undef ERR
};

static const row_t *find(err_t err)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].code == err)
            return &rows[i];
    }
    return NULL;
}

const char *err_text(err_t err)
{
    const row_t *row = find(err);
    return row ? row->text : "Request failed";
}

const char *err_name(err_t err)
{
    const row_t *row = find(err);
    return row ? row->name : "UNKNOWN";
}

bool err_retryable(err_t err)
{
    const row_t *row = find(err);
    return row && row->retryable;
}
