/* SPDX-License-Identifier: MIT */
#include "bus/mask.h"

#include <string.h>

#define NAME_MAX_BYTES 64

/* In lower case, without '_' and '-'. */
static const char *const names[] = {
    "password",   "passwort",   "passwd",       "pass",      "pwd",        "passphrase",
    "secret",     "token",      "clientsecret", "apikey",    "apitoken",   "accesstoken",
    "privatekey", "privatepem", "refreshtoken", "idtoken",   "authtoken",  "authorization",
    "cookie",     "setcookie",  "connect.sid",  "sessionid", "credentials"};

static bool is_secret_name(str_t name)
{
    char plain[NAME_MAX_BYTES + 1];
    size_t len = 0;
    if (name.len > NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        if (c != '_' && c != '-')
            plain[len++] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    plain[len] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(plain, names[i]) == 0)
            return true;
    }
    return false;
}

/* --- texts ---------------------------------------------------------------------------------------
 */

static bool holds(str_t text, const char *part)
{
    return text.len > 0 && memmem(text.p, text.len, part, strlen(part));
}

static str_t from(str_t text, size_t at)
{
    return (str_t){text.p + at, text.len - at};
}

/* Bytes before the first of these characters. */
static size_t until(str_t text, const char *ends)
{
    size_t n = 0;
    while (n < text.len && (text.p[n] == '\0' || !strchr(ends, text.p[n])))
        n++;
    return n;
}

/* "me:word@" before the host, 0: there is none. Of addresses written wrong as well, when the word
 * has a '/' or '?'; but "host:80/@x" has none.
 * valid: "me:word@host/", "me@host/", "me:wo/rd@host"; none: "host/@x", "host:80/@x" */
static size_t userinfo_len(str_t text)
{
    str_t all = {text.p, until(text, " \t\r\n\"'<>")};
    str_t authority = {all.p, until(all, "/?#")};
    const char *at = authority.len ? memrchr(authority.p, '@', authority.len) : NULL;
    size_t colon = until(authority, ":");
    if (!at && colon < authority.len && authority.p[0] != '[') {
        size_t digits = colon + 1;
        while (digits < authority.len && authority.p[digits] >= '0' && authority.p[digits] <= '9')
            digits++;
        at = digits < authority.len || digits == colon + 1 ? memrchr(all.p, '@', all.len) : NULL;
    }
    return at ? (size_t)(at - text.p) + 1 : 0;
}

/* Parameters of the query, or of a fragment that looks like one. */
static void put_parameters(str_t text, buf_t *out)
{
    while (text.len > 0) {
        size_t n = until(text, "?&#=");
        str_t name = {text.p, n};
        if (n < text.len && text.p[n] == '=' && is_secret_name(name)) {
            buf_append(out, text.p, n + 1);
            buf_append_cstr(out, MASK);
            n += until(from(text, n), "&# \t\r\n\"'<>");
        } else {
            n += n < text.len ? 1 : 0;
            buf_append(out, text.p, n);
        }
        text = from(text, n);
    }
}

static void put_url(str_t text, buf_t *out)
{
    for (;;) {
        const char *mark = text.len ? memmem(text.p, text.len, "://", 3) : NULL;
        size_t before = mark ? (size_t)(mark - text.p) + 3 : text.len;
        put_parameters((str_t){text.p, before}, out);
        text = from(text, before);
        if (!mark)
            return;
        size_t hidden = userinfo_len(text);
        if (hidden > 0)
            buf_append_cstr(out, MASK "@");
        text = from(text, hidden);
    }
}

static void put_text(str_t text, buf_t *out)
{
    buf_t shown = {0};
    if (holds(text, "PRIVATE KEY-----") || str_starts(text, "pbkdf2$")) {
        mp_put_cstr(out, MASK);
    } else if (holds(text, "://")) {
        put_url(text, &shown);
        mp_put_str(out, buf_str(&shown));
    } else {
        mp_put_str(out, text);
    }
    buf_fini(&shown);
}

/* --- values --------------------------------------------------------------------------------------
 */

static bool is_empty_text(mp_t value)
{
    str_t text;
    return mp_read_str(&value, &text) && text.len == 0;
}

/* What is under a secret's name. Whether there is one may be seen. */
static void put_hidden(mp_t value, buf_t *out)
{
    mp_type_t type = mp_type(value);
    if (type == MP_NIL || type == MP_BOOL || is_empty_text(value))
        mp_put_raw(out, value);
    else
        mp_put_cstr(out, MASK);
}

static bool list_has(mp_t map, const char *key, str_t name)
{
    mp_t list, item;
    str_t text;
    uint32_t count;
    if (!mp_find(map, key, &list) || !mp_read_array(&list, &count))
        return false;
    for (uint32_t i = 0; i < count && mp_next(&list, &item); i++) {
        if (mp_read_str(&item, &text) && str_eq(text, name))
            return true;
    }
    return false;
}

/* object: whose "native" the map is; of no bytes otherwise. */
static void put_map(mp_t map, mp_t object, buf_t *out)
{
    mp_t at = map, key, value;
    uint32_t count;
    if (!mp_read_map(&at, &count))
        return;
    mp_put_map(out, count);
    for (uint32_t i = 0; i < count && mp_next(&at, &key) && mp_next(&at, &value); i++) {
        str_t name = {"", 0};
        mp_t text = key;
        (void)mp_read_str(&text, &name); /* JSON has no other keys */
        mp_put_raw(out, key);
        if (is_secret_name(name) || list_has(object, "protectedNative", name) ||
            list_has(object, "encryptedNative", name))
            put_hidden(value, out);
        else if (str_is(name, "native") && mp_type(value) == MP_MAP)
            put_map(value, map, out);
        else
            mask_put(out, value);
    }
}

void mask_put(buf_t *out, mp_t value)
{
    uint32_t count;
    str_t text;
    mp_t item;
    switch (mp_type(value)) {
    case MP_STR:
        if (mp_read_str(&value, &text))
            put_text(text, out);
        break;
    case MP_ARRAY:
        if (!mp_read_array(&value, &count))
            break;
        mp_put_array(out, count);
        for (uint32_t i = 0; i < count && mp_next(&value, &item); i++)
            mask_put(out, item);
        break;
    case MP_MAP:
        put_map(value, (mp_t){0}, out);
        break;
    default:
        mp_put_raw(out, value);
    }
}
