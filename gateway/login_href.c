/* SPDX-License-Identifier: MIT */
#include "gateway/login_href.h"

#include <string.h>

#include "gateway/http_head.h"

static void put_escaped(uint8_t byte, buf_t *out)
{
    buf_printf(out, "%%%02X", byte);
}

static bool is_control(uint8_t byte)
{
    return byte < 0x20 || byte == 0x7f;
}

/* A backslash is a slash for browsers. */
static bool must_escape(uint8_t byte)
{
    return byte >= 0x80 || strchr(" \"<>\\^`{|}", byte);
}

bool login_href_put(str_t href, buf_t *out)
{
    if (href.len == 0 || href.len > LOGIN_HREF_MAX || href.p[0] != '/' ||
        (href.len > 1 && (href.p[1] == '/' || href.p[1] == '\\')))
        return false;
    for (size_t i = 0; i < href.len; i++) {
        if (is_control((uint8_t)href.p[i]))
            return false;
    }
    for (size_t i = 0; i < href.len; i++) {
        uint8_t byte = (uint8_t)href.p[i];
        if (must_escape(byte))
            put_escaped(byte, out);
        else
            buf_append_byte(out, byte);
    }
    return true;
}

bool login_href_put_inner(str_t address, buf_t *out)
{
    buf_t href = {0};
    const char *mark = address.len > 0 ? memchr(address.p, '?', address.len) : NULL;
    size_t at = mark ? (size_t)(mark - address.p) + 1 : 0;
    bool ok = mark && http_query_get((str_t){address.p + at, address.len - at}, "href", &href) &&
              login_href_put(buf_str(&href), out);
    buf_fini(&href);
    return ok;
}

void login_href_encode(str_t text, buf_t *out)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] != '\0' && strchr(plain, text.p[i]))
            buf_append_byte(out, (uint8_t)text.p[i]);
        else
            put_escaped((uint8_t)text.p[i], out);
    }
}
