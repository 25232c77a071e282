/* SPDX-License-Identifier: MIT */
/* writeFile, writeFile64, mkdir. Source: commands.md 2.5, data-model.md 6.3, 6.5, 6.7. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base64.h"
#include "actors/files_ctx.h"
#include "actors/js_text.h"
#include "actors/mime.h"
#include "bus/json.h"

/* --- writing a file --------------------------------------------------------------------------- */

err_t files_check_reserved(reply_t *reply, str_t path)
{
    if (!files_path_is_reserved(path))
        return ERR_OK;
    return reply_error(reply, "The name " FILES_FOLDER_MARK " is reserved");
}

err_t files_check_free(files_t *self, reply_t *reply, str_t id, str_t path)
{
    bool blocked = false, is_folder = false;
    size_t at = 0;
    err_t err = files_check_reserved(reply, path);
    if (err == ERR_OK)
        err = files_store_blocked(self->store, id, files_path_folder(path), &blocked, &at);
    if (err == ERR_OK && blocked)
        return reply_error(reply, "\"%.*s\" is a file", (int)at, path.p);
    if (err == ERR_OK)
        err = files_store_is_folder(self->store, id, path, &is_folder);
    if (err == ERR_OK && is_folder)
        return reply_error(reply, "\"%.*s\" is a folder", STR_ARG(path));
    return err;
}

err_t files_check_write(files_t *self, const request_t *request, const files_meta_t *old)
{
    bool may = files_may(self, request, "write") && (old || files_may(self, request, "create"));
    return may && files_allowed(self, request, old, RIGHT_WRITE) ? ERR_OK : ERR_PERMISSION;
}

/* The acl of a file that exists stays as it is, whatever mode says. */
void files_begin_meta(files_t *self, const request_t *request, mp_t options,
                      const files_meta_t *old, files_meta_t *meta)
{
    mp_t value;
    uint32_t mode;
    int64_t now = self->env->now(self->env);
    if (old) {
        *meta = *old;
    } else {
        files_default_acl(self, meta);
        meta->created_ms = now;
        if (request->caller.user.len > 0)
            meta->owner = request->caller.user;
        if (mp_find(options, "mode", &value) && files_mode_of(value, &mode))
            meta->permissions = mode;
    }
    meta->modified_ms = now;
}

static err_t write_file(files_t *self, const request_t *request, reply_t *reply,
                        const files_target_t *target, str_t bytes, bool is_text)
{
    files_meta_t meta, old;
    mp_t options;
    bool found = false;
    if (target->kind != FILES_PATH_FINE)
        return files_refuse_name(reply, target->kind);
    err_t err = files_store_find(self->store, target->id, target->path, &self->hold, &old, &found);
    if (err == ERR_OK)
        err = files_check_write(self, request, found ? &old : NULL);
    if (err == ERR_OK && bytes.len > self->max_file)
        return reply_error(reply, "The file is too large: %zu bytes, the limit is %zu", bytes.len,
                           self->max_file);
    if (err == ERR_OK && !found)
        err = files_check_free(self, reply, target->id, target->path);
    if (err != ERR_OK)
        return err;
    (void)files_arg(request, 3, &options); /* anything but an object counts as none */
    files_begin_meta(self, request, options, found ? &old : NULL, &meta);
    mime_t mime = mime_of(target->path, is_text);
    meta.mime = mime.type;
    meta.binary = !mime.text;
    files_store_write(self->store, target->id, target->path, &meta, bytes, found ? &old : NULL);
    files_publish(self, request, target->id, target->path, (int64_t)bytes.len, &meta);
    reply_nil(reply);
    return ERR_OK;
}

err_t files_on_write_file(void *arg, const request_t *request, reply_t *reply)
{
    files_t *self = arg;
    files_target_t target;
    str_t name, bytes;
    mp_t data;
    bool is_text = false;
    err_t err = files_arg_text(request, reply, 1, "filename", &name);
    if (err == ERR_OK)
        err = files_target(self, request, reply, name, FILES_META_ID, &target);
    if (err != ERR_OK)
        return err;
    const char *type = files_arg(request, 2, &data);
    if (mp_read_str(&data, &bytes))
        is_text = true;
    else if (!mp_read_bin(&data, &bytes))
        return reply_error(
            reply, "Parameter \"data\" needs to be a Buffer but type \"%s\" has been passed", type);
    buf_reset(&self->data);
    if (is_text && !json_utf8_valid(bytes)) {
        js_text_to_bytes(&self->data, bytes);
        bytes = buf_str(&self->data);
    }
    err = self->data.failed ? ERR_NO_MEMORY
                            : write_file(self, request, reply, &target, bytes, is_text);
    buf_reset(&self->data);
    return err;
}

/* --- what writeFile64 takes ------------------------------------------------------------------- */

static bool is_falsy(mp_t value)
{
    bool flag;
    double number;
    str_t text;
    if (mp_type(value) == MP_NONE || mp_type(value) == MP_NIL)
        return true;
    if (mp_read_bool(&value, &flag))
        return !flag;
    if (mp_read_double(&value, &number))
        return number == 0 || isnan(number);
    return mp_read_str(&value, &text) && text.len == 0;
}

/* ToNumber of an element of an array, modulo 256 as a Buffer keeps it. */
static uint8_t byte_of(mp_t value)
{
    double number = 0;
    bool flag;
    str_t text;
    char digits[32];
    if (mp_read_bool(&value, &flag)) {
        number = flag;
    } else if (mp_read_str(&value, &text) && text.len < sizeof digits) {
        memcpy(digits, text.p, text.len);
        digits[text.len] = '\0';
        number = strtod(digits, NULL);
    } else if (!mp_read_double(&value, &number)) {
        return 0;
    }
    return isfinite(number) ? (uint8_t)(int)fmod(trunc(number), 256) : 0;
}

static void append_bytes(buf_t *out, mp_t array)
{
    uint32_t count;
    mp_t value;
    if (!mp_read_array(&array, &count))
        return;
    while (count-- > 0 && mp_next(&array, &value))
        buf_append_byte(out, byte_of(value));
}

/* A Buffer after JSON.stringify: {"type": "Buffer", "data": [...]}. */
static bool is_json_buffer(mp_t value, mp_t *array)
{
    str_t type;
    return mp_find_str(value, "type", &type) && str_is(type, "Buffer") &&
           mp_find(value, "data", array) && mp_type(*array) == MP_ARRAY;
}

static err_t refuse_data(reply_t *reply, mp_t data)
{
    buf_t text = {0};
    if (mp_type(data) == MP_MAP) {
        buf_append_cstr(&text, "an instance of Object");
    } else {
        buf_printf(&text, "type %s (", mp_typeof(data));
        json_from_mp(&text, data, NULL);
        buf_append_byte(&text, ')');
    }
    err_t err = reply_error(
        reply,
        "Cannot convert data: TypeError [ERR_INVALID_ARG_TYPE]: The first argument must be of type "
        "string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object. Received "
        "%.*s",
        STR_ARG(buf_str(&text)));
    buf_fini(&text);
    return err;
}

/* Buffer.from(data, 'base64') into self->data. */
static err_t convert_data(files_t *self, reply_t *reply, mp_t data)
{
    str_t text;
    mp_t array;
    buf_reset(&self->data);
    if (mp_read_str(&data, &text))
        base64_decode(&self->data, text);
    else if (mp_read_bin(&data, &text))
        buf_append_str(&self->data, text);
    else if (mp_type(data) == MP_ARRAY)
        append_bytes(&self->data, data);
    else if (is_json_buffer(data, &array))
        append_bytes(&self->data, array);
    else
        return refuse_data(reply, data);
    return self->data.failed ? ERR_NO_MEMORY : ERR_OK;
}

err_t files_on_write_file64(void *arg, const request_t *request, reply_t *reply)
{
    files_t *self = arg;
    files_target_t target;
    str_t name;
    mp_t data;
    if (!replica_ready(self->replica))
        return ERR_UNAVAILABLE;
    if (!files_may(self, request, "write"))
        return ERR_PERMISSION;
    (void)files_arg(request, 2, &data); /* the errors below name its type */
    if (is_falsy(data))
        return reply_error(reply, "No data provided");
    err_t err = convert_data(self, reply, data);
    if (err == ERR_OK)
        err = files_arg_text(request, reply, 1, "filename", &name);
    if (err == ERR_OK)
        err = files_target(self, request, reply, name, FILES_META_ID, &target);
    if (err == ERR_OK)
        err = write_file(self, request, reply, &target, buf_str(&self->data), false);
    buf_reset(&self->data);
    return err;
}

/* --- folders ---------------------------------------------------------------------------------- */

err_t files_on_mkdir(void *arg, const request_t *request, reply_t *reply)
{
    files_t *self = arg;
    files_target_t target;
    str_t name;
    bool is_folder = false, blocked = false;
    size_t at = 0;
    err_t err = files_arg_text(request, reply, 1, "dirname", &name);
    if (err == ERR_OK)
        err = files_target(self, request, reply, name, FILES_META_ID, &target);
    if (err == ERR_OK)
        err = files_check_write(self, request, NULL);
    if (err != ERR_OK)
        return err;
    if (target.kind == FILES_PATH_TOO_LONG || target.kind == FILES_PATH_BAD)
        return files_refuse_name(reply, target.kind);
    err = files_check_reserved(reply, target.path);
    if (err == ERR_OK)
        err = files_store_is_folder(self->store, target.id, target.path, &is_folder);
    if (err == ERR_OK && !is_folder)
        err = files_store_blocked(self->store, target.id, target.path, &blocked, &at);
    if (err != ERR_OK)
        return err;
    if (blocked)
        return reply_error(reply, "\"%.*s\" is a file", (int)at, target.path.p);
    if (!is_folder)
        files_store_put_folder(self->store, target.id, target.path);
    reply_nil(reply);
    return ERR_OK;
}
