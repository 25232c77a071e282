/* SPDX-License-Identifier: MIT */
#include "bus/cidr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define V4_AT 12 /* where an IPv4 address stands in its mapped form */
#define V4_BITS 96

static const uint8_t mapped[V4_AT] = {[10] = 0xff, [11] = 0xff};

/* --- addresses ------------------------------------------------------------------------------- */

static cidr_addr_t of_v4(const uint8_t v4[4])
{
    cidr_addr_t address;
    memcpy(address.bytes, mapped, V4_AT);
    memcpy(address.bytes + V4_AT, v4, 4);
    return address;
}

/* Without brackets and zone. */
static bool parse_plain(cidr_addr_t *out, str_t text)
{
    char copy[CIDR_TEXT_MAX];
    uint8_t v4[4];
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.p, '\0', text.len))
        return false;
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, v4) == 1) {
        *out = of_v4(v4);
        return true;
    }
    return inet_pton(AF_INET6, copy, out->bytes) == 1;
}

/* Takes "[" and "]" off; false when only one of them is there, or something else than IPv6 inside.
 */
static bool unbracket(str_t *text)
{
    if (text->len == 0 || text->p[0] != '[')
        return true;
    if (text->len < 2 || text->p[text->len - 1] != ']')
        return false;
    *text = (str_t){text->p + 1, text->len - 2};
    return memchr(text->p, ':', text->len) != NULL;
}

static bool cut_zone(str_t *text)
{
    const char *zone = text->len ? memchr(text->p, '%', text->len) : NULL;
    if (!zone)
        return true;
    size_t len = (size_t)(zone - text->p);
    bool named = len + 1 < text->len;
    text->len = len;
    return named && len > 0 && memchr(text->p, ':', len) != NULL;
}

bool cidr_addr_parse(cidr_addr_t *out, str_t text)
{
    return unbracket(&text) && cut_zone(&text) && parse_plain(out, text);
}

bool cidr_addr_of(cidr_addr_t *out, const struct sockaddr *address, size_t len)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (len >= sizeof v4 && address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof v4);
        *out = of_v4((const uint8_t *)&v4.sin_addr);
        return true;
    }
    if (len >= sizeof v6 && address->sa_family == AF_INET6) {
        memcpy(&v6, address, sizeof v6);
        memcpy(out->bytes, &v6.sin6_addr, sizeof out->bytes);
        return true;
    }
    return false;
}

bool cidr_addr_is_v4(const cidr_addr_t *self)
{
    return memcmp(self->bytes, mapped, V4_AT) == 0;
}

bool cidr_addr_is_loopback(const cidr_addr_t *self)
{
    static const uint8_t one[16] = {[15] = 1};
    if (cidr_addr_is_v4(self))
        return self->bytes[V4_AT] == 127;
    return memcmp(self->bytes, one, sizeof one) == 0;
}

void cidr_addr_print(buf_t *out, const cidr_addr_t *self)
{
    char text[CIDR_TEXT_MAX];
    const char *done = cidr_addr_is_v4(self)
                           ? inet_ntop(AF_INET, self->bytes + V4_AT, text, sizeof text)
                           : inet_ntop(AF_INET6, self->bytes, text, sizeof text);
    assert(done);
    buf_append_cstr(out, done);
}

/* --- networks -------------------------------------------------------------------------------- */

/* Decimal without leading zeros, at most `max`. */
static bool parse_bits(str_t text, unsigned max, unsigned *bits)
{
    if (text.len == 0 || text.len > 3 || (text.len > 1 && text.p[0] == '0'))
        return false;
    *bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        *bits = *bits * 10 + (unsigned)(text.p[i] - '0');
    }
    return *bits <= max;
}

static void clear_behind(cidr_addr_t *address, unsigned bits)
{
    for (unsigned i = 0; i < sizeof address->bytes; i++) {
        unsigned kept = bits > i * 8 ? bits - i * 8 : 0;
        if (kept < 8)
            address->bytes[i] &= (uint8_t)(0xff00u >> kept);
    }
}

bool cidr_parse(cidr_t *out, str_t text)
{
    const char *slash = text.len ? memchr(text.p, '/', text.len) : NULL;
    str_t host = {text.p, slash ? (size_t)(slash - text.p) : text.len};
    unsigned bits = 0;
    if (!unbracket(&host) || !parse_plain(&out->base, host))
        return false;
    bool dotted = memchr(host.p, ':', host.len) == NULL;
    unsigned max = dotted ? 32 : 128;
    if (!slash)
        bits = max;
    else if (!parse_bits((str_t){slash + 1, (size_t)(text.p + text.len - slash - 1)}, max, &bits))
        return false;
    out->bits = (uint8_t)(dotted ? V4_BITS + bits : bits);
    clear_behind(&out->base, out->bits);
    return true;
}

bool cidr_contains(const cidr_t *self, const cidr_addr_t *address)
{
    bool v4 = self->bits >= V4_BITS && cidr_addr_is_v4(&self->base);
    size_t whole = self->bits / 8;
    if (v4 != cidr_addr_is_v4(address) || memcmp(self->base.bytes, address->bytes, whole) != 0)
        return false;
    unsigned mask = 0xff00u >> self->bits % 8 & 0xff;
    return mask == 0 || ((self->base.bytes[whole] ^ address->bytes[whole]) & mask) == 0;
}

/* --- IPv4 inside IPv6 ------------------------------------------------------------------------ */

/* Where transition mechanisms put an IPv4 address. */
static const struct {
    const char *prefix;
    uint8_t at[4]; /* bytes of the address */
    uint8_t flip;  /* Teredo hides its clients from translators */
} embeddings[] = {
    {"64:ff9b::/96", {12, 13, 14, 15}, 0},   /* NAT64, RFC 6052 */
    {"64:ff9b:1::/48", {12, 13, 14, 15}, 0}, /* NAT64 of a site, RFC 8215, prefix of 96 bits */
    {"64:ff9b:1::/48", {9, 10, 11, 12}, 0},  /* the same with 64 bits */
    {"64:ff9b:1::/48", {7, 9, 10, 11}, 0},   /* the same with 56 bits */
    {"64:ff9b:1::/48", {6, 7, 9, 10}, 0},    /* the same with 48 bits */
    {"2002::/16", {2, 3, 4, 5}, 0},          /* 6to4 */
    {"2001::/32", {4, 5, 6, 7}, 0},          /* Teredo: its server */
    {"2001::/32", {12, 13, 14, 15}, 0xff},   /* Teredo: its client */
    {"::/96", {12, 13, 14, 15}, 0},          /* IPv4-compatible */
};

static bool is_isatap(const cidr_addr_t *self)
{
    static const uint8_t mark[3] = {0x00, 0x5e, 0xfe};
    return (self->bytes[8] & 0xfd) == 0 && memcmp(self->bytes + 9, mark, sizeof mark) == 0;
}

/* 0.0.0.0/8 is no destination: it is what the bytes of ::1 and of other lengths of a prefix look
 * like. */
static size_t add_embedded(cidr_addr_t *out, size_t len, const uint8_t v4[4])
{
    if (v4[0] == 0)
        return len;
    assert(len < CIDR_EMBEDDED_MAX);
    out[len] = of_v4(v4);
    return len + 1;
}

size_t cidr_embedded(const cidr_addr_t *self, cidr_addr_t out[CIDR_EMBEDDED_MAX])
{
    size_t len = 0;
    for (size_t i = 0; i < sizeof embeddings / sizeof embeddings[0]; i++) {
        cidr_t prefix;
        uint8_t v4[4];
        bool valid = cidr_parse(&prefix, str_of(embeddings[i].prefix));
        assert(valid);
        if (!cidr_contains(&prefix, self))
            continue;
        for (size_t k = 0; k < sizeof v4; k++)
            v4[k] = self->bytes[embeddings[i].at[k]] ^ embeddings[i].flip;
        len = add_embedded(out, len, v4);
    }
    return is_isatap(self) ? add_embedded(out, len, self->bytes + V4_AT) : len;
}

/* --- lists ----------------------------------------------------------------------------------- */

static bool is_separator(char c)
{
    return c == ',' || c == ' ' || c == '\t';
}

static bool add(cidr_list_t *self, str_t piece)
{
    cidr_t item;
    if (self->len == CIDR_LIST_MAX || !cidr_parse(&item, piece))
        return false;
    cidr_t *items = realloc(self->items, (self->len + 1) * sizeof *items);
    assert(items);
    self->items = items;
    self->items[self->len++] = item;
    return true;
}

bool cidr_list_parse(cidr_list_t *self, str_t text, str_t *bad)
{
    *self = (cidr_list_t){0};
    for (size_t at = 0; at < text.len;) {
        size_t start = at;
        while (at < text.len && !is_separator(text.p[at]))
            at++;
        str_t piece = {text.p + start, at - start};
        if (piece.len > 0 && !add(self, piece)) {
            if (bad)
                *bad = self->len == CIDR_LIST_MAX ? text : piece;
            cidr_list_fini(self);
            return false;
        }
        at++;
    }
    return true;
}

void cidr_list_fini(cidr_list_t *self)
{
    free(self->items);
    *self = (cidr_list_t){0};
}

bool cidr_list_contains(const cidr_list_t *self, const cidr_addr_t *address)
{
    for (size_t i = 0; i < self->len; i++) {
        if (cidr_contains(&self->items[i], address))
            return true;
    }
    return false;
}

bool cidr_list_reaches(const cidr_list_t *self, const cidr_addr_t *address)
{
    cidr_addr_t inner[CIDR_EMBEDDED_MAX];
    size_t len = cidr_embedded(address, inner);
    for (size_t i = 0; i < len; i++) {
        if (cidr_list_contains(self, &inner[i]))
            return true;
    }
    return cidr_list_contains(self, address);
}
