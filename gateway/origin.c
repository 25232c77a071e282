/* SPDX-License-Identifier: MIT */
#include "gateway/origin.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct origins {
    bool all;
    size_t count;
    char **items; /* without "*" */
};

/* Pieces of "https://house:8084". */
typedef struct {
    str_t scheme;
    str_t host;
    int port; /* 0: none was named and the scheme means none */
} parts_t;

static bool same(str_t a, str_t b)
{
    return a.len == b.len && strncasecmp(a.p, b.p, a.len) == 0;
}

static int default_port(str_t scheme)
{
    if (same(scheme, STR_LIT("https")))
        return 443;
    return same(scheme, STR_LIT("http")) ? 80 : 0;
}

static bool parse_port(str_t text, int *port)
{
    *port = 0;
    if (text.len == 0 || text.len > 5 || text.p[0] == '0')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        *port = *port * 10 + (text.p[i] - '0');
    }
    return *port > 0 && *port <= 65535;
}

/* Bytes of names and addresses; '*' only in front. */
static bool valid_host(str_t host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.p[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && !strchr("-_.:[]%", c) && !(c == '*' && i == 0))
            return false;
        if (c == '\0')
            return false;
    }
    return host.len > 0;
}

/* "house", "house:8084", "[::1]:8084" */
static bool parse_host(str_t text, str_t *host, int *port)
{
    const char *colon = text.len ? memrchr(text.p, ':', text.len) : NULL;
    const char *bracket = text.len ? memrchr(text.p, ']', text.len) : NULL;
    *host = text;
    if (colon && (!bracket || colon > bracket)) {
        host->len = (size_t)(colon - text.p);
        if (!parse_port((str_t){colon + 1, text.len - host->len - 1}, port))
            return false;
    }
    return valid_host(*host);
}

static bool parse(str_t text, parts_t *out)
{
    const char *mark = text.len ? memmem(text.p, text.len, "://", 3) : NULL;
    if (!mark || mark == text.p)
        return false;
    out->scheme = (str_t){text.p, (size_t)(mark - text.p)};
    out->port = default_port(out->scheme);
    str_t rest = {mark + 3, text.len - out->scheme.len - 3};
    return parse_host(rest, &out->host, &out->port);
}

/* "*.example.com" fits "a.example.com". */
static bool host_fits(str_t pattern, str_t host)
{
    if (pattern.p[0] != '*')
        return same(pattern, host);
    str_t end = {pattern.p + 1, pattern.len - 1};
    return host.len > end.len && same(end, (str_t){host.p + (host.len - end.len), end.len});
}

static bool item_fits(str_t item, str_t origin)
{
    parts_t wanted, got;
    if (same(item, STR_LIT("null")))
        return str_is(origin, "null");
    return parse(item, &wanted) && parse(origin, &got) && same(wanted.scheme, got.scheme) &&
           wanted.port == got.port && host_fits(wanted.host, got.host);
}

static bool valid_item(str_t item)
{
    parts_t parts;
    if (str_is(item, "*") || same(item, STR_LIT("null")))
        return true;
    if (!parse(item, &parts))
        return false;
    return parts.host.p[0] != '*' || (parts.host.len > 2 && parts.host.p[1] == '.');
}

/* Without a slash behind it: people copy addresses. */
static str_t clean(const char *item)
{
    str_t text = str_of(item);
    if (text.len > 0 && text.p[text.len - 1] == '/')
        text.len--;
    return text;
}

origins_t *origins_new(const char *const *items, size_t count, buf_t *why)
{
    origins_t *self = calloc(1, sizeof *self);
    assert(self);
    self->items = calloc(count + 1, sizeof *self->items);
    assert(self->items);
    for (size_t i = 0; i < count; i++) {
        str_t item = clean(items[i]);
        if (!valid_item(item)) {
            buf_printf(why,
                       "allowed-origins: \"%s\" is not *, null or an origin like "
                       "https://house.example:8084",
                       items[i]);
            origins_destroy(&self);
            return NULL;
        }
        if (str_is(item, "*")) {
            self->all = true;
            continue;
        }
        self->items[self->count] = str_dup(item);
        assert(self->items[self->count]);
        self->count++;
    }
    return self;
}

void origins_destroy(origins_t **self_p)
{
    origins_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        free(self->items[i]);
    free(self->items);
    free(self);
    *self_p = NULL;
}

bool origins_is_empty(const origins_t *self)
{
    return !self->all && self->count == 0;
}

bool origins_allow_all(const origins_t *self)
{
    return self->all;
}

bool origins_allow(const origins_t *self, str_t origin)
{
    for (size_t i = 0; i < self->count; i++) {
        if (item_fits(str_of(self->items[i]), origin))
            return true;
    }
    return self->all;
}

bool origin_is_same(str_t origin, str_t host, bool secure)
{
    parts_t parts;
    str_t name;
    if (!parse(origin, &parts) || default_port(parts.scheme) == 0)
        return false;
    int port = default_port(parts.scheme);
    if (!parse_host(host, &name, &port))
        return false;
    if (secure && !same(parts.scheme, STR_LIT("https")))
        return false;
    return port == parts.port && same(name, parts.host);
}
