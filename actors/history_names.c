/* SPDX-License-Identifier: MIT */
#include "actors/history_names.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "actors/history_import.h"

struct history_names {
    json_t *ids; /* name in files -> id, or null when there are several */
};

history_names_t *history_names_new(void)
{
    history_names_t *self = calloc(1, sizeof *self);
    if (self)
        self->ids = json_object();
    if (self && !self->ids)
        history_names_destroy(&self);
    return self;
}

void history_names_destroy(history_names_t **self_p)
{
    history_names_t *self = *self_p;
    if (!self)
        return;
    json_decref(self->ids);
    free(self);
    *self_p = NULL;
}

bool history_names_is_open(str_t file_id)
{
    return file_id.len > 0 && memchr(file_id.p, '~', file_id.len);
}

static bool is_id(const json_t *known, str_t id)
{
    return json_is_string(known) &&
           str_eq((str_t){json_string_value(known), json_string_length(known)}, id);
}

err_t history_names_add(history_names_t *self, str_t id)
{
    buf_t name = {0};
    history_file_put_id(&name, id);
    err_t err = name.failed ? ERR_NO_MEMORY : ERR_OK;
    str_t key = buf_str(&name);
    if (err == ERR_OK && history_names_is_open(key)) {
        const json_t *known = json_object_getn(self->ids, key.p, key.len);
        json_t *value = NULL; /* jansson takes it over, also when that fails */
        if (!known)
            value = json_stringn_nocheck(id.p, id.len);
        else if (!is_id(known, id))
            value = json_null();
        bool changes = !known || value;
        if (changes && json_object_setn_new_nocheck(self->ids, key.p, key.len, value) != 0)
            err = ERR_NO_MEMORY;
    }
    buf_fini(&name);
    return err;
}

bool history_names_find(const history_names_t *self, str_t file_id, str_t *id)
{
    const json_t *known = json_object_getn(self->ids, file_id.p, file_id.len);
    *id = file_id;
    if (json_is_string(known))
        *id = (str_t){json_string_value(known), json_string_length(known)};
    return !known || json_is_string(known);
}
