/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "actors/objects_ctx.h"
#include "bus/json.h"
#include "bus/log.h"
#include "bus/pattern.h"

#define ID_LOGGED 200u /* bytes of an id in a log line */

static const char EMPTY_ID[] = "The id is empty! Please provide a valid id.";

const char *args_get(const request_t *request, uint32_t index, mp_t *value)
{
    if (request_arg(request, index, value))
        return mp_typeof(*value);
    *value = (mp_t){NULL, NULL};
    return "undefined";
}

bool args_truthy(mp_t value)
{
    bool flag;
    double number;
    str_t text;
    switch (mp_type(value)) {
    case MP_NONE:
    case MP_NIL:
        return false;
    case MP_BOOL:
        return mp_read_bool(&value, &flag) && flag;
    case MP_INT:
    case MP_DOUBLE:
        return mp_read_double(&value, &number) && number != 0 && !isnan(number);
    case MP_STR:
        return mp_read_str(&value, &text) && text.len > 0;
    default:
        return true;
    }
}

err_t args_str(const request_t *request, reply_t *reply, uint32_t index, const char *name,
               str_t *out)
{
    mp_t value;
    const char *type = args_get(request, index, &value);
    if (mp_read_str(&value, out))
        return ERR_OK;
    return reply_error(
        reply, "Parameter \"%s\" needs to be of type \"string\" but type \"%s\" has been passed",
        name, type);
}

/* String(value) as JavaScript makes it. Depth is bounded by that of messages. */
static void put_text(buf_t *out, mp_t value)
{
    str_t text;
    uint32_t count;
    if (mp_read_str(&value, &text)) {
        buf_append_str(out, text);
    } else if (mp_read_array(&value, &count)) {
        for (uint32_t i = 0; i < count; i++) {
            mp_t item;
            if (i)
                buf_append_byte(out, ',');
            if (mp_next(&value, &item) && mp_type(item) != MP_NIL)
                put_text(out, item);
        }
    } else if (mp_type(value) == MP_MAP || mp_type(value) == MP_BIN) {
        buf_append_cstr(out, "[object Object]");
    } else {
        json_from_mp(out, value, NULL);
    }
}

/* Texts with ids of any length: printf's formats end at a NUL and at 2 GiB, buffers do not. */
static err_t refuse(reply_t *reply, const char *prefix, const char *before, str_t id,
                    const char *after)
{
    buf_t text;
    buf_init(&text);
    buf_append_cstr(&text, prefix);
    buf_append_cstr(&text, before);
    buf_append_str(&text, id);
    buf_append_cstr(&text, after);
    reply_clear(reply);
    reply_str(reply, buf_str(&text));
    buf_fini(&text);
    return ERR_CUSTOM;
}

static err_t refuse_type(reply_t *reply, const char *prefix, mp_t value)
{
    buf_t text, after;
    err_t err;
    buf_init(&text);
    buf_init(&after);
    if (mp_type(value) == MP_MAP) {
        json_from_mp(&text, value, NULL);
        err = refuse(reply, prefix, "The id \"", buf_str(&text),
                     "\" is an invalid object! Expected at least one of the properties "
                     "\"device\", \"channel\" or \"state\" to exist.");
    } else {
        put_text(&text, value);
        buf_printf(&after,
                   "\" has an invalid type! Expected \"string\" or \"object\", received \"%s\".",
                   mp_typeof(value));
        buf_append_byte(&after, 0);
        err = refuse(reply, prefix, "The id \"", buf_str(&text),
                     after.failed ? "" : (const char *)after.data);
    }
    buf_fini(&text);
    buf_fini(&after);
    return err;
}

err_t args_id(mp_t value, reply_t *reply, const char *prefix, str_t *out)
{
    if (!args_truthy(value))
        return refuse(reply, prefix, EMPTY_ID, STR_LIT(""), "");
    mp_t at = value;
    if (!mp_read_str(&at, out))
        return refuse_type(reply, prefix, value);
    if (out->p[out->len - 1] == '.')
        return refuse(reply, prefix, "The id \"", *out,
                      "\" is invalid. Ids are not allowed to end in \".\"");
    return ERR_OK;
}

err_t args_fix_id(mp_t value, reply_t *reply, buf_t *fixed)
{
    static log_limit_t limit;
    str_t id;
    err_t err = args_id(value, reply, "", &id);
    if (err != ERR_OK)
        return err;
    if (id.len > OBJECTS_ID_MAX)
        return ERR_TOO_LARGE;
    if (id_fix(fixed, id)) {
        str_t from = {id.p, id.len < ID_LOGGED ? id.len : ID_LOGGED};
        str_t to = {(char *)fixed->data, fixed->len < ID_LOGGED ? fixed->len : ID_LOGGED};
        log_limited(&limit, LEVEL_WARN, "OBJECTS-ID",
                    "Used invalid characters: %.*s changed to %.*s", STR_ARG(from), STR_ARG(to));
    }
    if (fixed->failed)
        return ERR_NO_MEMORY;
    id = buf_str(fixed);
    /* The database keeps these for itself; the other characters it refuses have been replaced. */
    if (memmem(id.p, id.len, "$%$", 3))
        return refuse(reply, "", "Invalid ID: ", id, "");
    return ERR_OK;
}
