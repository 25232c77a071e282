/* SPDX-License-Identifier: MIT */
#include "bus/tree.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

/* --- msgpack -> jansson ------------------------------------------------------------------------
 */

static json_t *from_value(mp_t *in, unsigned depth);

static json_t *from_bytes(str_t bytes)
{
    json_t *data = json_array();
    for (size_t i = 0; data && i < bytes.len; i++) {
        if (json_array_append_new(data, json_integer((unsigned char)bytes.p[i])) != 0) {
            json_decref(data);
            return NULL;
        }
    }
    json_t *map = json_object();
    json_t *type = json_string("Buffer");
    /* The setters take the value over, also when they fail and also when it is NULL. */
    bool bad = json_object_set_new(map, "type", type) != 0;
    bad |= json_object_set_new(map, "data", data) != 0;
    if (bad) {
        json_decref(map);
        return NULL;
    }
    return map;
}

static json_t *from_number(mp_t *in)
{
    int64_t integer;
    if (mp_type(*in) == MP_INT && mp_read_int(in, &integer))
        return json_integer(integer);
    double real;
    if (!mp_read_double(in, &real))
        return NULL;
    /* jansson refuses what JSON has no words for; JavaScript writes it as null. */
    return isfinite(real) ? json_real(real) : json_null();
}

static json_t *from_array(mp_t *in, unsigned depth)
{
    uint32_t count;
    json_t *array = mp_read_array(in, &count) ? json_array() : NULL;
    for (uint32_t i = 0; array && i < count; i++) {
        if (json_array_append_new(array, from_value(in, depth + 1)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *from_map(mp_t *in, unsigned depth)
{
    uint32_t count;
    json_t *map = mp_read_map(in, &count) ? json_object() : NULL;
    for (uint32_t i = 0; map && i < count; i++) {
        str_t key;
        if (!mp_read_str(in, &key) ||
            json_object_setn_new_nocheck(map, key.len ? key.p : "", key.len,
                                         from_value(in, depth + 1)) != 0) {
            json_decref(map);
            return NULL;
        }
    }
    return map;
}

static json_t *from_value(mp_t *in, unsigned depth)
{
    str_t text;
    bool flag;
    if (depth > MP_MAX_DEPTH)
        return NULL;
    switch (mp_type(*in)) {
    case MP_NIL:
        return mp_read_nil(in) ? json_null() : NULL;
    case MP_BOOL:
        return mp_read_bool(in, &flag) ? json_boolean(flag) : NULL;
    case MP_INT:
    case MP_DOUBLE:
        return from_number(in);
    case MP_STR:
        return mp_read_str(in, &text) ? json_stringn_nocheck(text.len ? text.p : "", text.len)
                                      : NULL;
    case MP_BIN:
        return mp_read_bin(in, &text) ? from_bytes(text) : NULL;
    case MP_ARRAY:
        return from_array(in, depth);
    case MP_MAP:
        return from_map(in, depth);
    case MP_NONE:
        break;
    }
    return NULL;
}

json_t *tree_from_mp(mp_t value)
{
    return from_value(&value, 1);
}

/* --- jansson -> msgpack ------------------------------------------------------------------------
 */

static void put_map(buf_t *out, json_t *map)
{
    mp_put_map(out, (uint32_t)json_object_size(map));
    for (void *at = json_object_iter(map); at; at = json_object_iter_next(map, at)) {
        mp_put_str(out, (str_t){json_object_iter_key(at), json_object_iter_key_len(at)});
        tree_to_mp(out, json_object_iter_value(at));
    }
}

void tree_to_mp(buf_t *out, const json_t *value)
{
    if (!value) {
        mp_put_nil(out);
        return;
    }
    switch (json_typeof(value)) {
    case JSON_NULL:
        mp_put_nil(out);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        mp_put_bool(out, json_is_true(value));
        break;
    case JSON_INTEGER:
        mp_put_int(out, json_integer_value(value));
        break;
    case JSON_REAL:
        mp_put_double(out, json_real_value(value));
        break;
    case JSON_STRING:
        mp_put_str(out, (str_t){json_string_value(value), json_string_length(value)});
        break;
    case JSON_ARRAY:
        mp_put_array(out, (uint32_t)json_array_size(value));
        for (size_t i = 0; i < json_array_size(value); i++)
            tree_to_mp(out, json_array_get(value, i));
        break;
    case JSON_OBJECT:
        put_map(out, (json_t *)(uintptr_t)value); /* jansson's iterators want no const */
        break;
    }
}

/* --- merging and looking up --------------------------------------------------------------------
 */

/* json_deep_copy of jansson 2.14 cuts keys at a NUL. New reference, NULL when memory is gone. */
static json_t *copy(const json_t *value)
{
    json_t *out = json_is_object(value)  ? json_object()
                  : json_is_array(value) ? json_array()
                                         : NULL;
    if (!out)
        return json_is_object(value) || json_is_array(value) ? NULL : json_deep_copy(value);
    tree_extend(out, value);
    return out;
}

/* What stands in place of `old` once `patch` is laid over it: old itself, merged, when both are of
 * one kind of container; else a copy of patch. Returns a new reference, NULL when memory is gone.
 */
static json_t *merged(json_t *old, const json_t *patch)
{
    bool same = (json_is_object(old) && json_is_object(patch)) ||
                (json_is_array(old) && json_is_array(patch));
    if (!same)
        return copy(patch);
    tree_extend(old, patch);
    return json_incref(old);
}

void tree_extend(json_t *target, const json_t *patch)
{
    if (json_is_object(target) && json_is_object(patch)) {
        json_t *from = (json_t *)(uintptr_t)patch; /* iterating changes nothing */
        for (void *at = json_object_iter(from); at; at = json_object_iter_next(from, at)) {
            const char *key = json_object_iter_key(at);
            size_t len = json_object_iter_key_len(at);
            json_t *old = json_object_getn(target, key, len);
            json_object_setn_new_nocheck(target, key, len, merged(old, json_object_iter_value(at)));
        }
    } else if (json_is_array(target) && json_is_array(patch)) {
        for (size_t i = 0; i < json_array_size(patch); i++) {
            json_t *value = merged(json_array_get(target, i), json_array_get(patch, i));
            if (i < json_array_size(target))
                json_array_set_new(target, i, value);
            else
                json_array_append_new(target, value);
        }
    }
}

json_t *tree_path(const json_t *value, ...)
{
    va_list keys;
    va_start(keys, value);
    const char *key;
    while (value && (key = va_arg(keys, const char *)) != NULL)
        value = json_object_get(value, key);
    va_end(keys);
    return (json_t *)(uintptr_t)value;
}
