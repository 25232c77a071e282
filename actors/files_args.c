/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "actors/files_ctx.h"

#define SHOWN_MAX 256

const char *files_arg(const request_t *request, uint32_t index, mp_t *value)
{
    if (request_arg(request, index, value))
        return mp_typeof(*value);
    *value = (mp_t){NULL, NULL};
    return "undefined";
}

err_t files_arg_text(const request_t *request, reply_t *reply, uint32_t index, const char *name,
                     str_t *out)
{
    mp_t value;
    const char *type = files_arg(request, index, &value);
    if (mp_read_str(&value, out))
        return ERR_OK;
    return reply_error(
        reply, "Parameter \"%s\" needs to be of type \"string\" but type \"%s\" has been passed",
        name, type);
}

err_t files_arg_ends_with(const request_t *request, reply_t *reply, uint32_t index,
                          const char *name, str_t *out)
{
    mp_t value;
    (void)files_arg(request, index, &value); /* its type is told by other words here */
    if (mp_read_str(&value, out))
        return ERR_OK;
    if (mp_type(value) == MP_NONE || mp_type(value) == MP_NIL)
        return reply_error(reply, "Cannot read properties of %s (reading 'endsWith')",
                           mp_type(value) == MP_NIL ? "null" : "undefined");
    return reply_error(reply, "%s.endsWith is not a function", name);
}

bool files_mode_of(mp_t value, uint32_t *mode)
{
    int64_t number;
    str_t text;
    char digits[16], *end;
    if (mp_read_str(&value, &text)) {
        if (text.len == 0 || text.len >= sizeof digits)
            return false;
        memcpy(digits, text.p, text.len);
        digits[text.len] = '\0';
        number = strtol(digits, &end, 16);
        if (end == digits)
            return false;
    } else if (!mp_read_int(&value, &number)) {
        return false;
    }
    *mode = (uint32_t)number;
    return number >= 0 && number <= 0xfff;
}

str_t files_shown(str_t text)
{
    if (text.len <= SHOWN_MAX)
        return text;
    text.len = SHOWN_MAX;
    while (text.len > 0 && ((uint8_t)text.p[text.len] & 0xc0) == 0x80)
        text.len--;
    return text;
}

/* The name under which clients know this server: "socketio" of "socketio.0". */
static str_t own_name(const request_t *request)
{
    str_t name = request->caller.instance;
    size_t len = name.len;
    while (len > 0 && name.p[len - 1] != '.')
        len--;
    return len > 0 ? (str_t){name.p, len - 1} : name;
}

static err_t check_meta(const files_t *self, reply_t *reply, str_t id)
{
    if (id.len == 0)
        return reply_error(reply, "invalid id \"\"");
    if (json_object_getn(self->metas, id.p, id.len))
        return ERR_OK;
    return reply_error(reply, "%.*s is not an object of type \"meta\"", STR_ARG(files_shown(id)));
}

err_t files_target(files_t *self, const request_t *request, reply_t *reply, str_t name,
                   files_need_t need, files_target_t *out)
{
    mp_t value;
    str_t id = own_name(request);
    if (!replica_ready(self->replica))
        return ERR_UNAVAILABLE;
    (void)files_arg(request, 0, &value); /* files_arg_text names the type */
    err_t err =
        mp_type(value) == MP_NIL ? ERR_OK : files_arg_text(request, reply, 0, "_adapter", &id);
    if (err == ERR_OK && need == FILES_META_ID)
        err = check_meta(self, reply, id);
    if (err != ERR_OK)
        return err;
    buf_reset(&self->id);
    buf_reset(&self->path);
    if (files_path_clean_id(id, &self->id))
        out->kind = files_path_clean(buf_str(&self->id), name, &self->path);
    else
        out->kind = FILES_PATH_NOWHERE;
    out->id = buf_str(&self->id);
    out->path = buf_str(&self->path);
    return ERR_OK;
}

err_t files_refuse_name(reply_t *reply, files_path_t kind)
{
    switch (kind) {
    case FILES_PATH_TOO_LONG:
        return reply_error(reply, "The file name is too long");
    case FILES_PATH_BAD:
        return reply_error(reply, "The file name contains a NUL");
    default:
        return ERR_NOT_EXISTS;
    }
}
