/* SPDX-License-Identifier: MIT */
#include "gateway/rest_input.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bus/config.h"
#include "bus/json.h"
#include "gateway/http_head.h"

#define NUMBER_MAX 64 /* characters */

/* --- percent-encoded text ------------------------------------------------------------------------
 */

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool escapes_are_whole(str_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] != '%')
            continue;
        if (text.len - i < 3 || !is_hex(text.p[i + 1]) || !is_hex(text.p[i + 2]))
            return false;
    }
    return true;
}

static bool is_plain(str_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((uint8_t)text.p[i] < 0x20 || text.p[i] == 0x7f)
            return false;
    }
    return json_utf8_valid(text);
}

bool rest_decode(buf_t *out, str_t text, bool plus)
{
    size_t before = out->len;
    if (!escapes_are_whole(text))
        return false;
    http_percent_decode(out, text, plus);
    str_t decoded = {(const char *)out->data + before, out->len - before};
    if (!out->failed && decoded.len > 0 && decoded.len <= REST_ID_MAX && is_plain(decoded))
        return true;
    out->len = before;
    return false;
}

/* --- parameters ----------------------------------------------------------------------------------
 */

bool rest_param_next(str_t *query, str_t *key, str_t *value)
{
    if (query->len == 0)
        return false;
    const char *stop = memchr(query->p, '&', query->len);
    str_t pair = {query->p, stop ? (size_t)(stop - query->p) : query->len};
    size_t used = pair.len + (stop ? 1 : 0);
    *query = (str_t){query->p + used, query->len - used};
    const char *equals = pair.len > 0 ? memchr(pair.p, '=', pair.len) : NULL;
    *key = (str_t){pair.p, equals ? (size_t)(equals - pair.p) : pair.len};
    size_t behind = equals ? key->len + 1 : pair.len;
    *value = (str_t){pair.p + behind, pair.len - behind};
    return true;
}

rest_param_t rest_param_text(str_t query, const char *name, buf_t *out)
{
    str_t key, value;
    while (rest_param_next(&query, &key, &value)) {
        if (!str_is(key, name))
            continue;
        return value.len == 0 || rest_decode(out, value, true) ? REST_PARAM_GIVEN : REST_PARAM_BAD;
    }
    return REST_PARAM_ABSENT;
}

rest_param_t rest_param_flag(str_t query, const char *name, bool *out)
{
    buf_t text = {0};
    rest_param_t result = rest_param_text(query, name, &text);
    if (result == REST_PARAM_GIVEN && text.len == 0)
        *out = true;
    else if (result == REST_PARAM_GIVEN && !config_parse_bool(buf_str(&text), out))
        result = REST_PARAM_BAD;
    buf_fini(&text);
    return result;
}

rest_param_t rest_param_number(str_t query, const char *name, double *out)
{
    buf_t text = {0};
    char *end = NULL;
    rest_param_t result = rest_param_text(query, name, &text);
    size_t len = text.len;
    buf_append_byte(&text, 0);
    if (result == REST_PARAM_GIVEN) {
        const char *start = (const char *)text.data;
        bool ok = len > 0 && len <= NUMBER_MAX && strspn(start, "+-.0123456789eE") == len;
        *out = ok ? strtod(start, &end) : 0;
        if (!ok || end != start + len || !isfinite(*out))
            result = REST_PARAM_BAD;
    }
    buf_fini(&text);
    return result;
}

/* --- bodies --------------------------------------------------------------------------------------
 */

static const struct {
    const char *type;
    rest_body_t kind;
} types[] = {{"", REST_BODY_GUESS},
             {"application/json", REST_BODY_JSON},
             {"text/json", REST_BODY_JSON},
             {"text/plain", REST_BODY_TEXT},
             {"application/x-www-form-urlencoded", REST_BODY_GUESS},
             {"application/octet-stream", REST_BODY_GUESS}};

static bool same_ignoring_case(str_t text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.p, word, text.len) == 0;
}

rest_body_t rest_body_of(str_t content_type)
{
    static const char json[] = "+json";
    const char *stop = content_type.len > 0 ? memchr(content_type.p, ';', content_type.len) : NULL;
    str_t type = {content_type.p, stop ? (size_t)(stop - content_type.p) : content_type.len};
    while (type.len > 0 && (type.p[type.len - 1] == ' ' || type.p[type.len - 1] == '\t'))
        type.len--;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (same_ignoring_case(type, types[i].type))
            return types[i].kind;
    }
    size_t n = sizeof json - 1;
    bool ends_so = type.len > n && strncasecmp(type.p + type.len - n, json, n) == 0;
    return ends_so ? REST_BODY_JSON : REST_BODY_UNKNOWN;
}

static str_t without_line_end(str_t text)
{
    if (text.len > 0 && text.p[text.len - 1] == '\n')
        text.len--;
    if (text.len > 0 && text.p[text.len - 1] == '\r')
        text.len--;
    return text;
}

/* Whether it may be one of JSON's values that are no text. */
static bool is_scalar(str_t text)
{
    if (str_is(text, "true") || str_is(text, "false") || str_is(text, "null"))
        return true;
    for (size_t i = 0; i < text.len; i++) {
        if (!memchr("+-.0123456789eE", text.p[i], 15))
            return false;
    }
    return text.len > 0;
}

err_t rest_body_value(buf_t *out, rest_body_t kind, str_t body)
{
    str_t text = without_line_end(body);
    if (kind == REST_BODY_GUESS && text.len > 0 && memchr("{[\"", text.p[0], 3))
        kind = REST_BODY_JSON;
    if (kind == REST_BODY_JSON)
        return json_to_mp(out, body);
    if (is_scalar(text) && json_to_mp(out, text) == ERR_OK)
        return ERR_OK;
    if (!json_utf8_valid(text))
        return ERR_UTF8;
    mp_put_str(out, text);
    return out->failed ? ERR_NO_MEMORY : ERR_OK;
}
