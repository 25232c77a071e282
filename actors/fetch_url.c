/* SPDX-License-Identifier: MIT */
#include "actors/fetch_url.h"

#include <string.h>
#include <strings.h>

#define URL_MAX (64u * 1024u)

str_t fetch_url_trim(str_t text)
{
    while (text.len > 0 && (unsigned char)text.p[0] <= ' ') {
        text.p++;
        text.len--;
    }
    while (text.len > 0 && (unsigned char)text.p[text.len - 1] <= ' ')
        text.len--;
    return text;
}

static size_t scheme_len(str_t url)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(schemes[i]);
        if (url.len > len && strncasecmp(url.p, schemes[i], len) == 0)
            return len;
    }
    return 0;
}

/* Letters up to a colon: "file:", "javascript:"; "not a url" and "a/b:c" have none. */
static bool has_scheme(str_t url)
{
    for (size_t i = 0; i < url.len; i++) {
        char c = url.p[i];
        if (c == ':')
            return i > 0;
        if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') &&
            !(i > 0 && (c == '+' || c == '-' || c == '.')))
            return false;
    }
    return false;
}

const char *fetch_url_fix(buf_t *out, str_t url)
{
    url = fetch_url_trim(url);
    if (url.len > URL_MAX)
        return "URL is too long";
    size_t at = scheme_len(url);
    if (at == 0)
        return has_scheme(url) && strncasecmp(url.p, "http", 4) != 0 ? "Unsupported protocol"
                                                                     : "Invalid URL";
    buf_append(out, url.p, at);
    bool in_host = true;
    for (; at < url.len; at++) {
        unsigned char c = (unsigned char)url.p[at];
        if (c == '\t' || c == '\n' || c == '\r')
            continue;
        in_host = in_host && c != '/' && c != '?' && c != '#';
        if (in_host && (c <= ' ' || c == 0x7f))
            return "Invalid URL";
        if (!in_host && (c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>'))
            buf_printf(out, "%%%02X", c);
        else
            buf_append_byte(out, c);
    }
    return NULL;
}
