/* SPDX-License-Identifier: MIT */
#include "gateway/forbidden.h"

static const char *const types[] = {"object", "state", "file"};
static const char *const operations[] = {"list", "read", "write", "create", "delete"};
#define TYPE_COUNT (sizeof types / sizeof types[0])
#define OPERATION_COUNT (sizeof operations / sizeof operations[0])

static size_t index_of(const char *const *names, size_t count, str_t name)
{
    size_t i = 0;
    while (i < count && !str_is(name, names[i]))
        i++;
    return i;
}

forbidden_t forbidden_of(str_t type, str_t operation)
{
    size_t i = index_of(types, TYPE_COUNT, type);
    size_t k = index_of(operations, OPERATION_COUNT, operation);
    return i < TYPE_COUNT && k < OPERATION_COUNT ? 1u << (i * OPERATION_COUNT + k) : 0;
}

/* As JavaScript sees it. */
static bool is_false(mp_t value)
{
    bool flag;
    double number;
    str_t text;
    if (mp_read_bool(&value, &flag))
        return !flag;
    if (mp_read_double(&value, &number))
        return number == 0;
    if (mp_read_str(&value, &text))
        return text.len == 0;
    return mp_type(value) == MP_NIL;
}

forbidden_t forbidden_read(mp_t map)
{
    forbidden_t set = 0;
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        for (size_t k = 0; k < OPERATION_COUNT; k++) {
            mp_t value;
            if (mp_path(map, &value, types[i], operations[k], NULL) && is_false(value))
                set |= 1u << (i * OPERATION_COUNT + k);
        }
    }
    return set;
}

static void apply_to_type(forbidden_t set, str_t type, mp_t map, buf_t *out)
{
    uint32_t count;
    mp_t at = map, value;
    str_t operation;
    if (!mp_read_map(&at, &count)) {
        mp_put_raw(out, map);
        return;
    }
    mp_put_map(out, count);
    for (uint32_t i = 0; i < count && mp_read_str(&at, &operation) && mp_next(&at, &value); i++) {
        mp_put_str(out, operation);
        if (set & forbidden_of(type, operation))
            mp_put_bool(out, false);
        else
            mp_put_raw(out, value);
    }
}

void forbidden_apply(forbidden_t set, mp_t permissions, buf_t *out)
{
    uint32_t count;
    mp_t at = permissions, value;
    str_t type;
    if (!mp_read_map(&at, &count)) {
        mp_put_raw(out, permissions);
        return;
    }
    mp_put_map(out, count);
    for (uint32_t i = 0; i < count && mp_read_str(&at, &type) && mp_next(&at, &value); i++) {
        mp_put_str(out, type);
        apply_to_type(set, type, value, out);
    }
}
