/* SPDX-License-Identifier: MIT */
#include "gateway/whitelist.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bus/json.h"

#define USER_PREFIX "system.user."

struct whitelist_entry {
    bool everybody; /* the default; net is of no meaning */
    cidr_t net;
    char *user; /* NULL: names nobody */
    forbidden_t forbidden;
};

struct whitelist {
    size_t count;
    whitelist_entry_t *entries;
};

/* --- addresses -----------------------------------------------------------------------------------
 */

/* "192.168.1.*", "192.168.*", "192.168.*.*": a network whose prefix ends at the first star. */
static bool parse_stars(str_t text, cidr_t *out)
{
    buf_t plain = {0};
    unsigned parts = 0, fixed = 0;
    bool fine = true, star = false;
    while (fine && text.len > 0 && parts < 4) {
        const char *dot = memchr(text.p, '.', text.len);
        str_t part = {text.p, dot ? (size_t)(dot - text.p) : text.len};
        size_t used = part.len + (dot ? 1 : 0);
        bool is_star = str_is(part, "*");
        text = (str_t){text.p + used, text.len - used};
        fine = part.len > 0 && (is_star || !star) && !(dot && text.len == 0);
        star = star || is_star;
        fixed += star ? 0 : 1;
        buf_printf(&plain, "%s%.*s", parts++ ? "." : "", is_star ? 1 : (int)part.len,
                   is_star ? "0" : part.p);
    }
    while (parts++ < 4)
        buf_append_cstr(&plain, ".0");
    fine = fine && star && fixed > 0 && text.len == 0;
    buf_printf(&plain, "/%u", fixed * 8);
    fine = fine && !plain.failed && cidr_parse(out, buf_str(&plain));
    buf_fini(&plain);
    return fine;
}

/* --- entries -------------------------------------------------------------------------------------
 */

static void set_user(whitelist_entry_t *entry, str_t user)
{
    buf_t text = {0};
    if (user.len == 0 || str_is(user, "auth"))
        return;
    if (!str_starts(user, USER_PREFIX))
        buf_append_cstr(&text, USER_PREFIX);
    buf_append_str(&text, user);
    entry->user = str_dup(buf_str(&text));
    assert(entry->user);
    buf_fini(&text);
}

static bool add(whitelist_t *self, const cidr_t *net, str_t user, forbidden_t forbidden)
{
    if (self->count == WHITELIST_MAX)
        return false;
    self->entries = realloc(self->entries, (self->count + 1) * sizeof *self->entries);
    assert(self->entries);
    whitelist_entry_t *entry = &self->entries[self->count++];
    *entry = (whitelist_entry_t){.everybody = !net, .forbidden = forbidden};
    if (net)
        entry->net = *net;
    set_user(entry, user);
    return true;
}

/* "localhost" is two networks. */
static bool add_named(whitelist_t *self, str_t address, str_t user, forbidden_t forbidden)
{
    cidr_t net;
    if (str_is(address, "default") || str_is(address, "*"))
        return add(self, NULL, user, forbidden);
    if (str_is(address, "localhost"))
        return cidr_parse(&net, STR_LIT("127.0.0.0/8")) && add(self, &net, user, forbidden) &&
               cidr_parse(&net, STR_LIT("::1")) && add(self, &net, user, forbidden);
    return (cidr_parse(&net, address) || parse_stars(address, &net)) &&
           add(self, &net, user, forbidden);
}

/* --- the two forms -------------------------------------------------------------------------------
 */

static bool add_line(whitelist_t *self, str_t item)
{
    const char *equals = item.len ? memchr(item.p, '=', item.len) : NULL;
    if (!equals)
        return false;
    str_t address = {item.p, (size_t)(equals - item.p)};
    str_t user = {equals + 1, item.len - address.len - 1};
    return user.len > 0 && add_named(self, address, user, 0);
}

static bool add_map(whitelist_t *self, mp_t map)
{
    uint32_t count;
    if (!mp_read_map(&map, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        str_t address, user = {"", 0};
        mp_t entry;
        if (!mp_read_str(&map, &address) || !mp_next(&map, &entry) || mp_type(entry) != MP_MAP)
            return false;
        (void)mp_find_str(entry, "user", &user);
        if (!add_named(self, address, user, forbidden_read(entry)))
            return false;
    }
    return true;
}

static bool add_json(whitelist_t *self, str_t item)
{
    buf_t value = {0};
    bool fine = json_to_mp(&value, item) == ERR_OK && add_map(self, mp_of_buf(&value));
    buf_fini(&value);
    return fine;
}

whitelist_t *whitelist_new(const char *const *items, size_t count, buf_t *why)
{
    whitelist_t *self = calloc(1, sizeof *self);
    assert(self);
    for (size_t i = 0; i < count; i++) {
        str_t item = str_of(items[i]);
        if (str_starts(item, "{") ? add_json(self, item) : add_line(self, item))
            continue;
        buf_printf(why, "white-list: \"%.100s\" is not ADDRESS=USER (or the JSON of %s)", items[i],
                   "whiteListSettings");
        whitelist_destroy(&self);
        return NULL;
    }
    return self;
}

void whitelist_destroy(whitelist_t **self_p)
{
    whitelist_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        free(self->entries[i].user);
    free(self->entries);
    free(self);
    *self_p = NULL;
}

/* --- looking up ----------------------------------------------------------------------------------
 */

const whitelist_entry_t *whitelist_find(const whitelist_t *self, const cidr_addr_t *address)
{
    const whitelist_entry_t *best = NULL;
    int most = -1;
    for (size_t i = 0; i < self->count; i++) {
        const whitelist_entry_t *entry = &self->entries[i];
        int bits = entry->everybody ? 0 : entry->net.bits + 1;
        if (bits < most || !(entry->everybody || cidr_contains(&entry->net, address)))
            continue;
        best = entry;
        most = bits;
    }
    return best;
}

const char *whitelist_entry_user(const whitelist_entry_t *self)
{
    return self->user;
}

forbidden_t whitelist_entry_forbidden(const whitelist_entry_t *self)
{
    return self->forbidden;
}

const whitelist_entry_t *whitelist_at(const whitelist_t *self, str_t address)
{
    cidr_addr_t parsed;
    return cidr_addr_parse(&parsed, address) ? whitelist_find(self, &parsed) : NULL;
}
