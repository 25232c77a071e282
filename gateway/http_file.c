/* SPDX-License-Identifier: MIT */
#include "gateway/http_file.h"

#include <string.h>

/* --- path ------------------------------------------------------------------------------------- */

static bool has_nul(const buf_t *text)
{
    return text->len > 0 && memchr(text->data, 0, text->len);
}

/* Cuts the part before the next slash off; false: there is none. */
static bool cut_part(str_t *path, str_t *part)
{
    const char *slash = path->len ? memchr(path->p, '/', path->len) : NULL;
    if (!slash || slash == path->p)
        return false;
    *part = (str_t){path->p, (size_t)(slash - path->p)};
    path->p += part->len + 1;
    path->len -= part->len + 1;
    return true;
}

bool http_file_of(str_t path, buf_t *id, buf_t *name)
{
    str_t first, rest = path;
    if (rest.len == 0 || rest.p[0] != '/')
        return false;
    rest.p++;
    rest.len--;
    if (!cut_part(&rest, &first))
        return false;
    if (str_is(first, "lib")) {
        buf_append_cstr(id, "web");
        buf_append_cstr(name, "lib/");
    } else if (str_is(first, "adapter")) {
        if (!cut_part(&rest, &first))
            return false;
        http_percent_decode(id, first, false);
        buf_append_cstr(id, ".admin");
    } else {
        http_percent_decode(id, first, false);
    }
    http_percent_decode(name, rest, false);
    if (name->len == 0 || name->data[name->len - 1] == '/')
        buf_append_cstr(name, "index.html");
    return !has_nul(id) && !has_nul(name) && !id->failed && !name->failed;
}

/* --- range ------------------------------------------------------------------------------------ */

/* Digits at the beginning of text, which is advanced; false: there are none, or too many. */
static bool take_number(str_t *text, uint64_t *out)
{
    size_t digits = 0;
    *out = 0;
    while (text->len > 0 && text->p[0] >= '0' && text->p[0] <= '9' && digits < 18) {
        *out = *out * 10 + (uint64_t)(text->p[0] - '0');
        text->p++;
        text->len--;
        digits++;
    }
    return digits > 0;
}

bool http_file_range(str_t header, uint64_t size, uint64_t *from, uint64_t *to_excluded)
{
    static const char unit[] = "bytes=";
    if (!str_starts(header, unit))
        return false;
    str_t text = {header.p + sizeof unit - 1, header.len - (sizeof unit - 1)};
    uint64_t last = UINT64_MAX - 1;
    bool has_first = take_number(&text, from);
    if (text.len == 0 || text.p[0] != '-')
        return false;
    text.p++;
    text.len--;
    bool has_last = take_number(&text, &last);
    if (text.len > 0 || (!has_first && !has_last))
        return false;
    if (!has_first) { /* the last bytes */
        *from = last < size ? size - last : 0;
        *to_excluded = size;
        return size > 0 && last > 0;
    }
    *to_excluded = has_last && last < size ? last + 1 : size;
    return *from < size && (!has_last || last >= *from);
}

/* --- types ------------------------------------------------------------------------------------ */

static bool is_text(str_t type)
{
    static const char *const types[] = {"application/javascript",   "application/json",
                                        "application/json5",        "application/xml",
                                        "application/x-javascript", "image/svg+xml",
                                        "application/manifest+json"};
    if (str_starts(type, "text/"))
        return true;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (str_is(type, types[i]))
            return true;
    }
    return false;
}

bool http_file_compressible(str_t type)
{
    return is_text(type) || str_is(type, "image/x-icon") || str_is(type, "application/wasm") ||
           str_is(type, "image/vnd.microsoft.icon");
}

/* The type may come from a client: a line end in it would begin a header of its own. */
void http_file_type(str_t type, buf_t *out)
{
    bool sound = type.len > 0;
    for (size_t i = 0; i < type.len; i++)
        sound = sound && type.p[i] > ' ' - 1 && type.p[i] < 0x7f;
    if (!sound) {
        buf_append_cstr(out, "application/octet-stream");
        return;
    }
    buf_append_str(out, type);
    if (is_text(type) && !memmem(type.p, type.len, "charset", 7))
        buf_append_cstr(out, "; charset=utf-8");
}
