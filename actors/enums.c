/* SPDX-License-Identifier: MIT */
#include "actors/enums.h"

#include <stdlib.h>
#include <string.h>

#include "bus/tree.h"

#define ENUM_PREFIX "enum."
#define ROOMS_PREFIX "enum.rooms."
#define HITS_MAX 256 /* enums of one object that are shown */

struct enums {
    json_t *enums;     /* id -> {"name": common.name, "members": {id: true}} */
    json_t *by_member; /* member id -> [enum ids]; NULL: to be made from enums */
};

enums_t *enums_new(void)
{
    enums_t *self = calloc(1, sizeof *self);
    if (self && !(self->enums = json_object()))
        enums_destroy(&self);
    return self;
}

void enums_destroy(enums_t **self_p)
{
    enums_t *self = *self_p;
    if (!self)
        return;
    json_decref(self->enums);
    json_decref(self->by_member);
    free(self);
    *self_p = NULL;
}

static json_t *members_of(mp_t object)
{
    json_t *members = json_object();
    mp_t list;
    uint32_t count = 0;
    if (mp_path(object, &list, "common", "members", NULL))
        (void)mp_read_array(&list, &count); /* no array: nothing is in it */
    for (uint32_t i = 0; i < count; i++) {
        mp_t item;
        str_t id;
        if (!mp_next(&list, &item))
            break;
        if (mp_read_str(&item, &id) && id.len)
            (void)json_object_setn_new_nocheck(members, id.p, id.len, json_true());
    }
    return members;
}

void enums_feed(enums_t *self, str_t id, mp_t object)
{
    str_t type;
    if (!str_starts(id, ENUM_PREFIX))
        return;
    json_decref(self->by_member);
    self->by_member = NULL;
    if (!mp_find_str(object, "type", &type) || !str_is(type, "enum")) {
        (void)json_object_deln(self->enums, id.p, id.len); /* absent is fine */
        return;
    }
    mp_t name;
    json_t *entry = json_object();
    json_t *tree = mp_path(object, &name, "common", "name", NULL) ? tree_from_mp(name) : NULL;
    json_object_set_new(entry, "name", tree ? tree : json_null());
    json_object_set_new(entry, "members", members_of(object));
    (void)json_object_setn_new_nocheck(self->enums, id.p, id.len, entry);
}

static void require_lookup(enums_t *self)
{
    if (self->by_member)
        return;
    self->by_member = json_object();
    for (void *at = json_object_iter(self->enums); at;
         at = json_object_iter_next(self->enums, at)) {
        json_t *id = json_stringn_nocheck(json_object_iter_key(at), json_object_iter_key_len(at));
        json_t *members = json_object_get(json_object_iter_value(at), "members");
        for (void *m = json_object_iter(members); m; m = json_object_iter_next(members, m)) {
            const char *member = json_object_iter_key(m);
            size_t len = json_object_iter_key_len(m);
            json_t *list = json_object_getn(self->by_member, member, len);
            if (!list) {
                list = json_array();
                (void)json_object_setn_new_nocheck(self->by_member, member, len, list);
            }
            json_array_append(list, id);
        }
        json_decref(id);
    }
}

json_t *enums_with_member(enums_t *self, str_t member)
{
    require_lookup(self);
    return json_incref(json_object_getn(self->by_member, member.len ? member.p : "", member.len));
}

static str_t text_of(const json_t *string)
{
    return (str_t){json_string_value(string), json_string_length(string)};
}

static bool counts(str_t enum_id, enums_filter_t filter)
{
    if (filter == ENUMS_ROOMS)
        return str_starts(enum_id, ROOMS_PREFIX);
    unsigned dots = 0;
    for (size_t i = 0; i < enum_id.len; i++)
        dots += enum_id.p[i] == '.' ? 1u : 0u;
    return dots >= 2;
}

typedef struct {
    const json_t *ids[HITS_MAX];
    uint32_t len;
} hits_t;

static void collect(const json_t *list, enums_filter_t filter, hits_t *hits)
{
    for (size_t i = 0; i < json_array_size(list) && hits->len < HITS_MAX; i++) {
        const json_t *id = json_array_get(list, i);
        bool known = !counts(text_of(id), filter);
        for (uint32_t k = 0; k < hits->len && !known; k++)
            known = str_eq(text_of(hits->ids[k]), text_of(id));
        if (!known)
            hits->ids[hits->len++] = id;
    }
}

/* "a.b.c" -> "a.b"; false when there is no dot. */
static bool to_parent(str_t *id)
{
    while (id->len > 0 && id->p[id->len - 1] != '.')
        id->len--;
    if (id->len == 0)
        return false;
    id->len--;
    return true;
}

void enums_put(enums_t *self, str_t object_id, enums_filter_t filter, buf_t *out)
{
    hits_t hits = {.len = 0};
    str_t id = object_id;
    require_lookup(self);
    for (int up = 0; up < 3; up++) {
        if (id.len)
            collect(json_object_getn(self->by_member, id.p, id.len), filter, &hits);
        if (!to_parent(&id))
            break;
    }
    mp_put_map(out, hits.len);
    for (uint32_t i = 0; i < hits.len; i++) {
        str_t key = text_of(hits.ids[i]);
        mp_put_str(out, key);
        tree_to_mp(out, json_object_get(json_object_getn(self->enums, key.p, key.len), "name"));
    }
}
