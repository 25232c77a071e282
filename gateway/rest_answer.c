/* SPDX-License-Identifier: MIT */
#include "gateway/rest_answer.h"

#include "bus/err.h"
#include "bus/json.h"
#include "gateway/http_answer.h"

#define TEXT "text/plain; charset=utf-8"

/* --- errors --------------------------------------------------------------------------------------
 */

static const struct {
    err_t err;
    int status;
} statuses[] = {{ERR_NOT_EXISTS, 404},  {ERR_TOO_LARGE, 413}, {ERR_TIMEOUT, 503},
                {ERR_UNAVAILABLE, 503}, {ERR_BUSY, 503},      {ERR_SHUTDOWN, 503},
                {ERR_NO_MEMORY, 503},   {ERR_STORAGE, 503},   {ERR_READ_ONLY, 503},
                {ERR_IO, 503}};

/* "Cannot check file existence of ...: permissionError": what was denied to a part of the work. */
static str_t last_part(str_t error)
{
    size_t at = error.len;
    while (at > 1 && !(error.p[at - 2] == ':' && error.p[at - 1] == ' '))
        at--;
    return at > 1 ? (str_t){error.p + at, error.len - at} : error;
}

int rest_answer_status(str_t error)
{
    if (str_is(last_part(error), err_text(ERR_PERMISSION)))
        return 403;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (str_is(error, err_text(statuses[i].err)))
            return statuses[i].status;
    }
    return 400;
}

void rest_answer_problem(int status, str_t detail, rest_answer_t *out)
{
    out->status = status;
    out->type = REST_PROBLEM;
    buf_reset(&out->body);
    buf_printf(&out->body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":",
               http_status_text(status), status);
    json_put_str(&out->body, detail);
    buf_append_cstr(&out->body, "}\n");
}

/* --- values --------------------------------------------------------------------------------------
 */

static void put_json(mp_t value, rest_answer_t *out)
{
    out->status = 200;
    out->type = REST_JSON;
    json_from_mp(&out->body, value, NULL);
    buf_append_byte(&out->body, '\n');
}

static void put_value(mp_t value, rest_answer_t *out)
{
    if (mp_type(value) == MP_NIL || mp_type(value) == MP_NONE)
        rest_answer_problem(404, STR_LIT("Nothing has this id, or it has no value"), out);
    else
        put_json(value, out);
}

/* A text as it is, everything else as JSON. */
static void put_plain(mp_t state, rest_answer_t *out)
{
    mp_t value;
    str_t text;
    if (!mp_find(state, "val", &value)) {
        put_value(state, out);
        return;
    }
    out->status = 200;
    out->type = TEXT;
    if (mp_read_str(&value, &text))
        buf_append_str(&out->body, text);
    else
        json_from_mp(&out->body, value, NULL);
}

static void put_nothing(mp_t value, rest_answer_t *out)
{
    (void)value;
    out->status = 204;
}

static void put_id(mp_t value, rest_answer_t *out)
{
    out->status = 200;
    out->type = REST_JSON;
    buf_append_cstr(&out->body, "{\"id\":");
    json_from_mp(&out->body, value, NULL);
    buf_append_byte(&out->body, '}');
}

static void put_exists(mp_t value, rest_answer_t *out)
{
    bool exists = false;
    (void)mp_read_bool(&value, &exists); /* anything else is no file */
    out->status = exists ? 302 : 0;
}

static void put_folder(mp_t value, rest_answer_t *out)
{
    uint32_t count = 0;
    mp_t list = value;
    if (mp_read_array(&list, &count) && count > 0)
        put_json(value, out);
    else
        rest_answer_problem(404, STR_LIT("There is no such file or folder"), out);
}

static void put_element(mp_t args, uint32_t index, buf_t *out)
{
    mp_t value;
    if (mp_at(args, index, &value))
        json_from_mp(out, value, NULL);
    else
        buf_append_cstr(out, "null");
}

static void put_history(mp_t args, rest_answer_t *out)
{
    out->status = 200;
    out->type = REST_JSON;
    buf_append_cstr(&out->body, "{\"result\":");
    put_element(args, 1, &out->body);
    buf_append_cstr(&out->body, ",\"step\":");
    put_element(args, 2, &out->body);
    buf_append_cstr(&out->body, "}\n");
}

static void (*const writers[])(mp_t value, rest_answer_t *out) = {
    [REST_VALUE] = put_value, [REST_PLAIN] = put_plain,   [REST_NOTHING] = put_nothing,
    [REST_ID] = put_id,       [REST_EXISTS] = put_exists, [REST_FOLDER] = put_folder,
};

/* --- answers -------------------------------------------------------------------------------------
 */

static void put_error(mp_t error, rest_answer_t *out)
{
    str_t text;
    buf_t other = {0};
    if (mp_read_str(&error, &text)) {
        rest_answer_problem(rest_answer_status(text), text, out);
        return;
    }
    json_from_mp(&other, error, NULL);
    rest_answer_problem(400, buf_str(&other), out);
    buf_fini(&other);
}

void rest_answer_read(rest_shape_t shape, mp_t args, rest_answer_t *out)
{
    mp_t error, value = {0};
    *out = (rest_answer_t){0};
    if (mp_at(args, 0, &error) && mp_type(error) != MP_NIL) {
        put_error(error, out);
    } else if (shape == REST_HISTORY) {
        put_history(args, out);
    } else {
        (void)mp_at(args, 1, &value); /* commands without a result answer [nil] */
        writers[shape](value, out);
    }
    if (out->body.failed)
        *out = (rest_answer_t){.status = 503};
}
