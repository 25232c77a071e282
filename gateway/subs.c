/* SPDX-License-Identifier: MIT */
#include "gateway/subs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bus/pattern.h"
#include "gateway/map.h"

#define CACHE_MAX 4096   /* ids whose match is remembered */
#define CACHE_ID_MAX 256 /* longer ids are matched anew */

/* A client that has a pattern. */
typedef struct {
    subs_client_t *client;
    uint64_t after;
} member_t;

typedef struct {
    member_t *items;
    size_t len, cap;
} members_t;

/* A pattern that at least one client has. */
typedef struct {
    pattern_t *pattern;
    bool aliases; /* also finds ids that begin with "alias." */
    members_t members;
    size_t at; /* place in the list of general patterns */
} entry_t;

typedef struct {
    entry_t **items;
    size_t len, cap;
} entries_t;

/* What subs_match found for an id. */
typedef struct {
    members_t members;
    size_t id_len;
    char id[];
} match_t;

typedef struct {
    map_t *entries;    /* pattern text -> entry_t */
    map_t *prefixes;   /* text before the star -> entry_t, of prefix patterns */
    entries_t general; /* all others with stars */
    map_t *cache;      /* id -> match_t */
} index_t;

struct subs {
    index_t kinds[SUBS_KINDS];
    size_t max_patterns;
    uint64_t mark;                            /* number of the match under way */
    size_t length_count[PATTERN_MAX_LEN + 1]; /* prefix patterns by length, all kinds */
    size_t longest;
};

/* A pattern of a client, for its end. */
typedef struct {
    subs_kind_t kind;
    entry_t *entry;
} own_t;

struct subs_client {
    subs_t *subs;
    void *owner;
    own_t *own;
    size_t len, cap;
    uint64_t mark;   /* last match in which it was found */
    size_t found_at; /* its place in that match */
};

/* --- lists -------------------------------------------------------------------------------------
 */

/* Room for one more item of a list. */
static void *grow(void *items, size_t len, size_t *cap, size_t size)
{
    if (len < *cap)
        return items;
    *cap = *cap ? *cap * 2 : 4;
    items = realloc(items, *cap * size);
    assert(items);
    return items;
}

static void entries_add(entries_t *list, entry_t *entry)
{
    list->items = grow(list->items, list->len, &list->cap, sizeof *list->items);
    entry->at = list->len;
    list->items[list->len++] = entry;
}

static void entries_remove(entries_t *list, entry_t *entry)
{
    entry_t *last = list->items[--list->len];
    list->items[entry->at] = last;
    last->at = entry->at;
}

static void members_add(members_t *list, subs_client_t *client, uint64_t after)
{
    list->items = grow(list->items, list->len, &list->cap, sizeof *list->items);
    list->items[list->len++] = (member_t){client, after};
}

static member_t *members_find(const members_t *list, const subs_client_t *client)
{
    for (size_t i = 0; i < list->len; i++) {
        if (list->items[i].client == client)
            return &list->items[i];
    }
    return NULL;
}

/* --- life --------------------------------------------------------------------------------------
 */

subs_t *subs_new(size_t max_patterns)
{
    subs_t *self = calloc(1, sizeof *self);
    assert(self);
    self->max_patterns = max_patterns;
    for (size_t i = 0; i < SUBS_KINDS; i++) {
        self->kinds[i].entries = map_new();
        self->kinds[i].prefixes = map_new();
        self->kinds[i].cache = map_new();
    }
    return self;
}

void subs_set_max_patterns(subs_t *self, size_t max_patterns)
{
    self->max_patterns = max_patterns;
}

static void cache_clear(index_t *index)
{
    size_t at = 0;
    for (match_t *match = map_next(index->cache, &at); match; match = map_next(index->cache, &at)) {
        free(match->members.items);
        free(match);
    }
    map_clear(index->cache);
}

void subs_destroy(subs_t **self_p)
{
    subs_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < SUBS_KINDS; i++) {
        index_t *index = &self->kinds[i];
        assert(map_len(index->entries) == 0);
        cache_clear(index);
        map_destroy(&index->entries);
        map_destroy(&index->prefixes);
        map_destroy(&index->cache);
        free(index->general.items);
    }
    free(self);
    *self_p = NULL;
}

subs_client_t *subs_client_new(subs_t *subs, void *owner)
{
    subs_client_t *self = calloc(1, sizeof *self);
    assert(self);
    self->subs = subs;
    self->owner = owner;
    return self;
}

size_t subs_client_count(const subs_client_t *client)
{
    return client->len;
}

/* --- entries -----------------------------------------------------------------------------------
 */

static bool finds_aliases(const pattern_t *pattern)
{
    str_t text = pattern_text(pattern);
    return pattern_kind(pattern) == PATTERN_EXACT || str_is(text, "*") ||
           str_starts(text, "alias.");
}

/* Whether it is found by the text before its star. Of the patterns that begin alike and mean the
 * same ("a*", "a**") only one may: it is the key. */
static bool is_prefix(const pattern_t *pattern)
{
    return pattern_kind(pattern) == PATTERN_PREFIX &&
           pattern_text(pattern).len == pattern_prefix(pattern).len + 1;
}

static void count_length(subs_t *self, const pattern_t *pattern, bool more)
{
    size_t n = pattern_prefix(pattern).len;
    self->length_count[n] += more ? 1 : (size_t)-1;
    if (more && n > self->longest)
        self->longest = n;
    while (self->longest > 0 && self->length_count[self->longest] == 0)
        self->longest--;
}

static entry_t *entry_new(subs_t *self, subs_kind_t kind, str_t text, err_t *err)
{
    index_t *index = &self->kinds[kind];
    pattern_t *pattern = pattern_new(text, err);
    if (!pattern)
        return NULL;
    entry_t *entry = calloc(1, sizeof *entry);
    assert(entry);
    *entry =
        (entry_t){.pattern = pattern, .aliases = kind != SUBS_STATES || finds_aliases(pattern)};
    map_put(index->entries, pattern_text(pattern), entry);
    if (is_prefix(pattern)) {
        map_put(index->prefixes, pattern_prefix(pattern), entry);
        count_length(self, pattern, true);
    } else if (pattern_kind(pattern) != PATTERN_EXACT) {
        entries_add(&index->general, entry);
    }
    return entry;
}

static void entry_destroy(subs_t *self, subs_kind_t kind, entry_t *entry)
{
    index_t *index = &self->kinds[kind];
    map_remove(index->entries, pattern_text(entry->pattern));
    if (is_prefix(entry->pattern)) {
        map_remove(index->prefixes, pattern_prefix(entry->pattern));
        count_length(self, entry->pattern, false);
    } else if (pattern_kind(entry->pattern) != PATTERN_EXACT) {
        entries_remove(&index->general, entry);
    }
    pattern_destroy(&entry->pattern);
    free(entry->members.items);
    free(entry);
}

err_t subs_add(subs_client_t *client, subs_kind_t kind, str_t pattern, uint64_t after)
{
    subs_t *self = client->subs;
    err_t err = ERR_OK;
    if (!pattern_valid(pattern))
        return ERR_BAD_ARGS;
    entry_t *entry = map_get(self->kinds[kind].entries, pattern);
    if (entry && members_find(&entry->members, client))
        return ERR_OK;
    if (client->len >= self->max_patterns)
        return ERR_BUSY;
    if (!entry)
        entry = entry_new(self, kind, pattern, &err);
    if (!entry)
        return err;
    cache_clear(&self->kinds[kind]);
    members_add(&entry->members, client, after);
    client->own = grow(client->own, client->len, &client->cap, sizeof *client->own);
    client->own[client->len++] = (own_t){kind, entry};
    return ERR_OK;
}

static void leave(subs_client_t *client, own_t own)
{
    members_t *members = &own.entry->members;
    member_t *member = members_find(members, client);
    assert(member);
    *member = members->items[--members->len];
    cache_clear(&client->subs->kinds[own.kind]);
    if (members->len == 0)
        entry_destroy(client->subs, own.kind, own.entry);
}

bool subs_remove(subs_client_t *client, subs_kind_t kind, str_t pattern)
{
    entry_t *entry = map_get(client->subs->kinds[kind].entries, pattern);
    for (size_t i = 0; entry && i < client->len; i++) {
        if (client->own[i].entry != entry)
            continue;
        own_t own = client->own[i];
        client->own[i] = client->own[--client->len];
        leave(client, own);
        return true;
    }
    return false;
}

void subs_client_destroy(subs_client_t **self_p)
{
    subs_client_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->len; i++)
        leave(self, self->own[i]);
    free(self->own);
    free(self);
    *self_p = NULL;
}

void subs_client_set_owner(subs_client_t *client, void *owner)
{
    client->owner = owner;
}

void subs_client_copy(const subs_client_t *from, subs_client_t *to)
{
    for (size_t i = 0; i < from->len; i++) {
        const entry_t *entry = from->own[i].entry;
        const member_t *member = members_find(&entry->members, from);
        assert(member);
        /* What one index has taken the other takes too, unless it is full. */
        if (subs_add(to, from->own[i].kind, pattern_text(entry->pattern), member->after) != ERR_OK)
            return;
    }
}

/* --- matching ----------------------------------------------------------------------------------
 */

/* A client that several patterns find is in the result once, with the earliest of their starts. */
static void collect(subs_t *self, members_t *found, const entry_t *entry, bool alias)
{
    if (!entry || (alias && !entry->aliases))
        return;
    for (size_t i = 0; i < entry->members.len; i++) {
        member_t member = entry->members.items[i];
        if (member.client->mark == self->mark) {
            uint64_t *after = &found->items[member.client->found_at].after;
            *after = member.after < *after ? member.after : *after;
            continue;
        }
        member.client->mark = self->mark;
        member.client->found_at = found->len;
        members_add(found, member.client, member.after);
    }
}

static void search(subs_t *self, subs_kind_t kind, str_t id, members_t *found)
{
    const index_t *index = &self->kinds[kind];
    bool alias = str_starts(id, "alias.");
    self->mark++;
    entry_t *exact = map_get(index->entries, id);
    if (exact && pattern_kind(exact->pattern) == PATTERN_EXACT)
        collect(self, found, exact, alias);
    if (map_len(index->prefixes) > 0) {
        for (size_t n = 0; n <= id.len && n <= self->longest; n++) {
            if (self->length_count[n] > 0)
                collect(self, found, map_get(index->prefixes, (str_t){id.p, n}), alias);
        }
    }
    for (size_t i = 0; i < index->general.len; i++) {
        if (pattern_match(index->general.items[i]->pattern, id))
            collect(self, found, index->general.items[i], alias);
    }
}

static match_t *match_new(subs_t *self, subs_kind_t kind, str_t id)
{
    match_t *match = malloc(sizeof *match + id.len);
    assert(match);
    match->members = (members_t){0};
    match->id_len = id.len;
    if (id.len > 0)
        memcpy(match->id, id.p, id.len);
    search(self, kind, id, &match->members);
    return match;
}

static const match_t *require(subs_t *self, subs_kind_t kind, str_t id)
{
    index_t *index = &self->kinds[kind];
    match_t *match = map_get(index->cache, id);
    if (match)
        return match;
    match = match_new(self, kind, id);
    if (map_len(index->cache) >= CACHE_MAX)
        cache_clear(index);
    map_put(index->cache, (str_t){match->id, match->id_len}, match);
    return match;
}

static void hand_out(const members_t *members, uint64_t seq, subs_hit_fn *hit, void *arg)
{
    for (size_t i = 0; i < members->len; i++) {
        if (seq > members->items[i].after)
            hit(arg, members->items[i].client->owner);
    }
}

void subs_match(subs_t *self, subs_kind_t kind, str_t id, uint64_t seq, subs_hit_fn *hit, void *arg)
{
    if (map_len(self->kinds[kind].entries) == 0)
        return;
    if (id.len <= CACHE_ID_MAX) {
        hand_out(&require(self, kind, id)->members, seq, hit, arg);
        return;
    }
    members_t found = {0};
    search(self, kind, id, &found);
    hand_out(&found, seq, hit, arg);
    free(found.items);
}

void subs_restart(subs_t *self, subs_kind_t kind)
{
    index_t *index = &self->kinds[kind];
    size_t at = 0;
    for (entry_t *entry = map_next(index->entries, &at); entry;
         entry = map_next(index->entries, &at)) {
        for (size_t i = 0; i < entry->members.len; i++)
            entry->members.items[i].after = 0;
    }
    cache_clear(index);
}

bool subs_is_empty(const subs_t *self, subs_kind_t kind)
{
    return map_len(self->kinds[kind].entries) == 0;
}

str_t subs_next(const subs_t *self, subs_kind_t kind, size_t *at, bool *exact)
{
    const entry_t *entry = map_next(self->kinds[kind].entries, at);
    if (!entry)
        return (str_t){"", 0};
    *exact = pattern_kind(entry->pattern) == PATTERN_EXACT;
    return pattern_text(entry->pattern);
}
