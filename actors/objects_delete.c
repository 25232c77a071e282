/* SPDX-License-Identifier: MIT */
/* delObject in its forms: data-model.md 1.4, commands.md 2.4 and 7. */
#include <string.h>

#include "actors/objects_ctx.h"
#include "bus/tree.h"

/* A set of ids: keys of a map. */
static void add_id(json_t *set, str_t id)
{
    (void)json_object_setn_new_nocheck(set, id.len ? id.p : "", id.len, json_true());
}

static bool has_id(const json_t *set, const json_t *id)
{
    return json_is_string(id) &&
           json_object_getn(set, json_string_value(id), json_string_length(id));
}

/* --- clean-up of enums -------------------------------------------------------------------------
 */

static err_t clean_enum(objects_t *self, const request_t *request, str_t enum_id,
                        const json_t *deleted)
{
    mp_t raw;
    err_t err = objects_store_get(self->store, enum_id, &self->hold, &raw);
    if (err != ERR_OK || mp_at_end(&raw))
        return err;
    json_t *object = tree_from_mp(raw);
    json_t *members = tree_path(object, "common", "members", NULL);
    for (size_t i = json_array_size(members); i > 0; i--) {
        if (has_id(deleted, json_array_get(members, i - 1)))
            json_array_remove(members, i - 1);
    }
    buf_reset(&self->made);
    tree_to_mp(&self->made, object);
    err = object ? objects_change(self, request, enum_id, mp_of_buf(&self->made)) : ERR_NO_MEMORY;
    json_decref(object);
    return err;
}

/* Takes the deleted ids out of the members of all enums; each changed enum is written once, as it
 * is. */
static err_t clean_enums(objects_t *self, const request_t *request, json_t *deleted)
{
    err_t err = ERR_OK;
    json_t *affected = json_object();
    for (void *at = json_object_iter(deleted); at; at = json_object_iter_next(deleted, at)) {
        json_t *list = enums_with_member(
            self->enums, (str_t){json_object_iter_key(at), json_object_iter_key_len(at)});
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *id = json_array_get(list, i);
            add_id(affected, (str_t){json_string_value(id), json_string_length(id)});
        }
        json_decref(list);
    }
    for (void *at = json_object_iter(affected); at && err == ERR_OK;
         at = json_object_iter_next(affected, at))
        err = clean_enum(self, request,
                         (str_t){json_object_iter_key(at), json_object_iter_key_len(at)}, deleted);
    json_decref(affected);
    return err;
}

/* --- deleting ----------------------------------------------------------------------------------
 */

typedef enum { CHOICE_TAKE, CHOICE_ABSENT, CHOICE_LOCKED, CHOICE_DENIED } choice_t;

static err_t choose(objects_t *self, const request_t *request, str_t id, choice_t *choice)
{
    mp_t object, common;
    bool locked = false;
    err_t err = objects_store_get(self->store, id, &self->hold, &object);
    *choice = CHOICE_TAKE;
    if (!access_changes(self, request, id, "delete")) {
        *choice = CHOICE_DENIED;
        return ERR_OK;
    }
    if (err == ERR_DAMAGED)
        return ERR_OK; /* what cannot be read can at least be deleted */
    if (err != ERR_OK)
        return err;
    if (mp_at_end(&object))
        *choice = CHOICE_ABSENT;
    else if (!access_writes(self, request, object))
        *choice = CHOICE_DENIED;
    else if (mp_find(object, "common", &common) && mp_find_bool(common, "dontDelete", &locked) &&
             locked)
        *choice = CHOICE_LOCKED;
    return ERR_OK;
}

/* Deletes the ids of the set and what hangs on them. */
static err_t take(objects_t *self, const request_t *request, json_t *ids)
{
    err_t err = ERR_OK;
    for (void *at = json_object_iter(ids); at && err == ERR_OK; at = json_object_iter_next(ids, at))
        err = objects_remove(self, request,
                             (str_t){json_object_iter_key(at), json_object_iter_key_len(at)});
    return err == ERR_OK ? clean_enums(self, request, ids) : err;
}

static err_t delete_one(objects_t *self, const request_t *request, reply_t *reply, str_t id)
{
    choice_t choice;
    err_t err = choose(self, request, id, &choice);
    if (err != ERR_OK)
        return err;
    if (choice == CHOICE_DENIED)
        return ERR_PERMISSION;
    if (choice == CHOICE_LOCKED)
        return reply_error(reply, "not deletable");
    if (choice == CHOICE_TAKE) {
        json_t *ids = json_object();
        add_id(ids, id);
        err = take(self, request, ids);
        json_decref(ids);
    }
    if (err == ERR_OK)
        reply_nil(reply);
    return err;
}

static err_t add_chosen(objects_t *self, const request_t *request, str_t id, json_t *ids)
{
    choice_t choice;
    err_t err = choose(self, request, id, &choice);
    if (err == ERR_OK && choice == CHOICE_DENIED)
        err = ERR_PERMISSION;
    if (err == ERR_OK && choice == CHOICE_TAKE)
        add_id(ids, id);
    return err;
}

/* The id and all ids below it, those that must not be deleted left out. One that the caller may not
 * delete refuses the whole call. */
static err_t delete_tree(objects_t *self, const request_t *request, reply_t *reply, str_t id)
{
    json_t *ids = json_object();
    buf_t prefix;
    buf_init(&prefix);
    buf_append_str(&prefix, id);
    buf_append_byte(&prefix, '.');
    str_t from = buf_str(&prefix);
    err_t err = prefix.failed ? ERR_NO_MEMORY : add_chosen(self, request, id, ids);
    const index_entry_t *at = index_seek(objects_store_index(self->store), from);
    for (; at && err == ERR_OK; at = index_next(at)) {
        str_t below = index_id(at);
        if (below.len < from.len || memcmp(below.p, from.p, from.len) != 0)
            break;
        err = add_chosen(self, request, below, ids);
    }
    if (err == ERR_OK)
        err = take(self, request, ids);
    if (err == ERR_OK)
        reply_nil(reply);
    buf_fini(&prefix);
    json_decref(ids);
    return err;
}

static err_t delete_checked(objects_t *self, const request_t *request, reply_t *reply,
                            bool recursive)
{
    mp_t value;
    str_t id;
    (void)args_get(request, 0, &value);
    err_t err = args_id(value, reply, "", &id);
    if (err == ERR_OK)
        err = access_check_change(self, request, reply, id, "delete");
    if (err != ERR_OK)
        return err;
    return recursive ? delete_tree(self, request, reply, id) : delete_one(self, request, reply, id);
}

/* Pages may delete what flot and fullcalendar store, whatever their rights; then the rights count.
 */
err_t objects_on_delObject(void *actor, const request_t *request, reply_t *reply)
{
    mp_t value;
    str_t id;
    (void)args_get(request, 0, &value);
    if (!mp_read_str(&value, &id) || !(str_starts(id, "flot.") || str_starts(id, "fullcalendar.")))
        return ERR_PERMISSION;
    return delete_checked(actor, request, reply, false);
}

err_t objects_on_delObjectAdmin(void *actor, const request_t *request, reply_t *reply)
{
    mp_t options, recursive;
    (void)args_get(request, 1, &options);
    return delete_checked(actor, request, reply,
                          mp_find(options, "recursive", &recursive) && args_truthy(recursive));
}

err_t objects_on_delObjects(void *actor, const request_t *request, reply_t *reply)
{
    return delete_checked(actor, request, reply, true);
}
