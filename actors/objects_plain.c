/* SPDX-License-Identifier: MIT */
/* The plain verbs beneath the commands of web clients: objects as they are, nothing filled in,
 * nothing left out. For other actors and tools, so only for callers with all rights.
 *   objects.get  [[ids]]            -> [nil, [object|nil...]]
 *   objects.put  [[[id, object]...]] -> [nil, count]
 *   objects.del  [[ids]]            -> [nil, count of those that existed]
 *   objects.scan [after_id|nil, limit, [types]|nil] -> [nil, [[id, object]...], next after_id|nil]
 * Two are known by a second name, under which the tap does not show what they carry, for users and
 * their password hashes: objects.peek is objects.get, objects.patch is extendObject. */
#include <string.h>

#include "actors/objects_ctx.h"

#define SCAN_MAX 10000                  /* objects in one page */
#define SCAN_BYTES (4u * 1024u * 1024u) /* a page ends when it holds more */

static err_t check_caller(const objects_t *self, const request_t *request)
{
    return rights_is_admin(self->rights, request->caller.user) ? ERR_OK : ERR_PERMISSION;
}

static err_t read_ids(const objects_t *self, const request_t *request, mp_t *ids, uint32_t *count)
{
    err_t err = check_caller(self, request);
    if (err != ERR_OK)
        return err;
    if (!request_arg(request, 0, ids) || !mp_read_array(ids, count))
        return ERR_BAD_ARGS;
    return *count <= OBJECTS_IDS_MAX ? ERR_OK : ERR_TOO_LARGE;
}

err_t objects_on_get(void *actor, const request_t *request, reply_t *reply)
{
    objects_t *self = actor;
    mp_t ids, object;
    str_t id;
    uint32_t count;
    err_t err = read_ids(self, request, &ids, &count);
    if (err != ERR_OK)
        return err;
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_array(out, count);
    for (uint32_t i = 0; i < count; i++) {
        if (!mp_read_str(&ids, &id))
            return ERR_BAD_ARGS;
        err = objects_store_get(self->store, id, &self->hold, &object);
        if (err != ERR_OK)
            return err;
        if (mp_at_end(&object))
            mp_put_nil(out);
        else
            mp_put_raw(out, object);
        if (out->len > self->max_answer)
            return ERR_TOO_LARGE;
    }
    return ERR_OK;
}

/* --- objects.put -------------------------------------------------------------------------------
 */

static bool read_pair(mp_t *list, str_t *id, mp_t *object)
{
    uint32_t size;
    return mp_read_array(list, &size) && size == 2 && mp_read_str(list, id) && id->len > 0 &&
           mp_type(*list) == MP_MAP && mp_next(list, object);
}

/* The object with the id it is stored under as its _id. */
static mp_t with_id(objects_t *self, str_t id, mp_t object)
{
    str_t own, key;
    uint32_t count, kept = 0;
    if (mp_find_str(object, "_id", &own) && str_eq(own, id))
        return object;
    buf_reset(&self->made);
    size_t mark = mp_begin_map(&self->made);
    mp_put_cstr(&self->made, "_id");
    mp_put_str(&self->made, id);
    if (!mp_read_map(&object, &count))
        count = 0;
    for (uint32_t i = 0; i < count; i++) {
        mp_t value;
        if (!mp_read_str(&object, &key) || !mp_next(&object, &value))
            break;
        if (str_is(key, "_id"))
            continue;
        mp_put_str(&self->made, key);
        mp_put_raw(&self->made, value);
        kept++;
    }
    mp_end(&self->made, mark, kept + 1);
    return mp_of_buf(&self->made);
}

/* The whole list is looked at before the first object is written. */
static err_t check_pairs(const objects_t *self, mp_t list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        str_t id;
        mp_t object;
        if (!read_pair(&list, &id, &object))
            return ERR_BAD_ARGS;
        if (id.len > OBJECTS_ID_MAX || (size_t)(object.end - object.p) > self->max_value)
            return ERR_TOO_LARGE;
    }
    return ERR_OK;
}

err_t objects_on_put(void *actor, const request_t *request, reply_t *reply)
{
    objects_t *self = actor;
    mp_t list, object;
    str_t id;
    uint32_t count;
    err_t err = read_ids(self, request, &list, &count);
    if (err == ERR_OK)
        err = check_pairs(self, list, count);
    for (uint32_t i = 0; i < count && err == ERR_OK && read_pair(&list, &id, &object); i++) {
        object = with_id(self, id, object);
        err = objects_change(self, request, id, object);
    }
    if (err != ERR_OK)
        return err;
    reply_nil(reply);
    mp_put_uint(reply_value(reply), count);
    return ERR_OK;
}

/* --- objects.del and objects.scan --------------------------------------------------------------
 */

err_t objects_on_del(void *actor, const request_t *request, reply_t *reply)
{
    objects_t *self = actor;
    mp_t ids;
    str_t id;
    uint32_t count, deleted = 0;
    err_t err = read_ids(self, request, &ids, &count);
    mp_t at = ids;
    for (uint32_t i = 0; i < count && err == ERR_OK; i++) {
        if (!mp_read_str(&at, &id))
            err = ERR_BAD_ARGS;
    }
    for (uint32_t i = 0; i < count && err == ERR_OK && mp_read_str(&ids, &id); i++) {
        if (!index_find(objects_store_index(self->store), id))
            continue;
        err = objects_remove(self, request, id);
        deleted++;
    }
    if (err != ERR_OK)
        return err;
    reply_nil(reply);
    mp_put_uint(reply_value(reply), deleted);
    return ERR_OK;
}

/* Types that a scan is limited to, as a set of bits. Names that are no type are never found. */
static bool read_types(mp_t value, uint32_t *types)
{
    uint32_t count;
    str_t name;
    *types = UINT32_MAX;
    if (mp_type(value) == MP_NIL || mp_at_end(&value))
        return true;
    if (!mp_read_array(&value, &count))
        return false;
    *types = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!mp_read_str(&value, &name))
            return false;
        object_type_t type = object_type_parse(name);
        *types |= type == OBJECT_OTHER ? 0u : 1u << type;
    }
    return true;
}

/* First entry behind an id. */
static const index_entry_t *seek_after(const objects_index_t *index, str_t after, bool given)
{
    const index_entry_t *at = index_seek(index, after);
    return at && given && str_eq(index_id(at), after) ? index_next(at) : at;
}

static err_t put_page(objects_t *self, const index_entry_t *at, uint64_t limit, uint32_t types,
                      reply_t *reply)
{
    const index_entry_t *last = NULL;
    uint32_t count = 0;
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    size_t mark = mp_begin_array(out);
    for (; at && count < limit && out->len < SCAN_BYTES; at = index_next(at)) {
        mp_t object;
        last = at;
        if (!(types & 1u << at->type))
            continue;
        err_t err = objects_store_get(self->store, index_id(at), &self->hold, &object);
        if (err == ERR_DAMAGED)
            continue; /* reported when the store was opened */
        if (err != ERR_OK)
            return err;
        mp_put_array(out, 2);
        mp_put_str(out, index_id(at));
        mp_put_raw(out, object);
        count++;
    }
    mp_end(out, mark, count);
    if (at && last)
        reply_str(reply, index_id(last));
    else
        reply_nil(reply);
    return ERR_OK;
}

err_t objects_on_scan(void *actor, const request_t *request, reply_t *reply)
{
    objects_t *self = actor;
    mp_t value;
    str_t after = STR_LIT("");
    uint64_t limit = 0;
    uint32_t types;
    err_t err = check_caller(self, request);
    if (err != ERR_OK)
        return err;
    (void)args_get(request, 0, &value);
    bool given = mp_read_str(&value, &after);
    if (!given && args_truthy(value))
        return ERR_BAD_ARGS;
    (void)args_get(request, 1, &value);
    if (!mp_read_uint(&value, &limit) || limit == 0)
        return ERR_BAD_ARGS;
    (void)args_get(request, 2, &value);
    if (!read_types(value, &types))
        return ERR_BAD_ARGS;
    return put_page(self, seek_after(objects_store_index(self->store), after, given),
                    limit < SCAN_MAX ? limit : SCAN_MAX, types, reply);
}
