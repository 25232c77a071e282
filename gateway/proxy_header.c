/* SPDX-License-Identifier: MIT */
#include "gateway/proxy_header.h"

#include <string.h>
#include <strings.h>

/* --- PROXY protocol, version 2 -------------------------------------------------------------------
 */

#define V2_HEAD 16 /* signature, command, family, length */

enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 };

/* Room that a family's addresses take: source, destination and their ports. */
static const struct {
    uint8_t family;
    size_t bytes;
    size_t address; /* bytes of the source, which comes first */
} families[] = {{0x11, 12, 4}, {0x12, 12, 4}, {0x21, 36, 16}, {0x22, 36, 16}, {0x31, 216, 0}};

#define TLV_HEAD 3
#define TLV_SSL 0x20
#define TLV_SSL_MIN 5 /* flags, result of the check of the client's certificate */
#define SSL_CLIENT 1  /* flag: the client came over TLS */

static size_t length_at(str_t data, size_t at)
{
    return (size_t)(uint8_t)data.p[at] << 8 | (uint8_t)data.p[at + 1];
}

static cidr_addr_t address_at(str_t data, size_t at, size_t bytes)
{
    cidr_addr_t address = {.bytes = {[10] = 0xff, [11] = 0xff}};
    memcpy(address.bytes + sizeof address.bytes - bytes, data.p + at, bytes);
    return address;
}

/* Further facts: type, length, value. false: they overrun the header. */
static bool read_tlvs(str_t data, size_t at, proxy_v2_t *out)
{
    while (at < data.len) {
        if (data.len - at < TLV_HEAD)
            return false;
        uint8_t type = (uint8_t)data.p[at];
        size_t length = length_at(data, at + 1);
        at += TLV_HEAD;
        if (length > data.len - at)
            return false;
        if (type == TLV_SSL && length >= TLV_SSL_MIN)
            out->secure = (data.p[at] & SSL_CLIENT) != 0;
        at += length;
    }
    return true;
}

/* data: the whole header. */
static bool read_addresses(str_t data, proxy_v2_t *out)
{
    uint8_t family = (uint8_t)data.p[13];
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        if (families[i].family != family)
            continue;
        if (data.len - V2_HEAD < families[i].bytes)
            return false;
        out->known = families[i].address > 0;
        if (out->known)
            out->source = address_at(data, V2_HEAD, families[i].address);
        return read_tlvs(data, V2_HEAD + families[i].bytes, out);
    }
    return true; /* a family that nobody knows: the socket's address counts */
}

proxy_v2_result_t proxy_v2_parse(str_t data, proxy_v2_t *out)
{
    static const char signature[12] = {'\r', '\n', '\r', '\n', '\0', '\r',
                                       '\n', 'Q',  'U',  'I',  'T',  '\n'};
    size_t seen = data.len < sizeof signature ? data.len : sizeof signature;
    *out = (proxy_v2_t){0};
    if (seen > 0 && memcmp(data.p, signature, seen) != 0)
        return PROXY_V2_BAD;
    if (data.len < V2_HEAD)
        return PROXY_V2_MORE;
    uint8_t command = (uint8_t)data.p[12];
    size_t length = V2_HEAD + length_at(data, 14);
    if ((command != COMMAND_LOCAL && command != COMMAND_PROXY) || length > PROXY_V2_MAX)
        return PROXY_V2_BAD;
    if (data.len < length)
        return PROXY_V2_MORE;
    out->length = length;
    if (command == COMMAND_PROXY && !read_addresses((str_t){data.p, length}, out))
        return PROXY_V2_BAD;
    return PROXY_V2_DONE;
}

/* --- X-Forwarded-* -------------------------------------------------------------------------------
 */

/* Walks through the entries of all headers of a name, the last first. */
typedef struct {
    const http_head_t *head;
    const char *name;
    size_t left; /* headers that have not been looked at */
    bool inside; /* rest belongs to a header */
    str_t rest;
} entries_t;

static bool next_header(entries_t *self)
{
    while (self->left > 0) {
        const http_header_t *header = &self->head->headers[--self->left];
        if (header->name.len != strlen(self->name) ||
            strncasecmp(header->name.p, self->name, header->name.len) != 0)
            continue;
        self->rest = header->value;
        self->inside = true;
        return true;
    }
    return false;
}

static str_t trim(str_t text)
{
    while (text.len > 0 && (text.p[0] == ' ' || text.p[0] == '\t'))
        text = (str_t){text.p + 1, text.len - 1};
    while (text.len > 0 && (text.p[text.len - 1] == ' ' || text.p[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static bool next_entry(entries_t *self, str_t *out)
{
    if (!self->inside && !next_header(self))
        return false;
    str_t rest = self->rest;
    const char *comma = rest.len ? memrchr(rest.p, ',', rest.len) : NULL;
    size_t before = comma ? (size_t)(comma - rest.p) : 0;
    size_t skip = comma ? before + 1 : 0;
    *out = trim((str_t){rest.p + skip, rest.len - skip});
    self->inside = comma != NULL;
    self->rest.len = before;
    return true;
}

static entries_t entries_of(const http_head_t *head, const char *name)
{
    return (entries_t){.head = head, .name = name, .left = head->header_count};
}

/* "1.2.3.4", "1.2.3.4:80", "::1", "[::1]", "[::1]:80" */
static bool parse_entry(str_t text, cidr_addr_t *out)
{
    const char *colon = text.len ? memchr(text.p, ':', text.len) : NULL;
    const char *bracket = text.len ? memchr(text.p, ']', text.len) : NULL;
    if (bracket)
        text.len = (size_t)(bracket - text.p) + 1;
    else if (colon && !memchr(colon + 1, ':', text.len - (size_t)(colon + 1 - text.p)))
        text.len = (size_t)(colon - text.p);
    return cidr_addr_parse(out, text);
}

void proxy_forwarded_for(const http_head_t *head, const cidr_list_t *trusted, cidr_addr_t *address)
{
    entries_t entries = entries_of(head, "x-forwarded-for");
    str_t text;
    cidr_addr_t before;
    while (cidr_list_contains(trusted, address) && next_entry(&entries, &text) &&
           parse_entry(text, &before))
        *address = before;
}

static str_t last_entry(const http_head_t *head, const char *name)
{
    entries_t entries = entries_of(head, name);
    str_t text = {"", 0};
    (void)next_entry(&entries, &text);
    return text;
}

bool proxy_forwarded_secure(const http_head_t *head)
{
    str_t proto = last_entry(head, "x-forwarded-proto");
    return proto.len == 5 && strncasecmp(proto.p, "https", 5) == 0;
}

str_t proxy_forwarded_host(const http_head_t *head)
{
    return last_entry(head, "x-forwarded-host");
}
