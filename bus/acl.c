/* SPDX-License-Identifier: MIT */
#include "bus/acl.h"

#include <string.h>

#define NAME_MAX_BYTES 256 /* longer names belong to nobody */

static const char *const names[] = {"owner", "ownerGroup"};
static const char *const numbers[] = {"object", "state", "permissions"};

static bool read_bits(mp_t acl, const char *field, unsigned *bits)
{
    double number;
    if (!mp_find_double(acl, field, &number)) {
        if (strcmp(field, "state") != 0 || !mp_find_double(acl, "object", &number))
            return false;
    }
    /* Beyond the three digits nothing has a meaning, and a cast must not overflow. */
    *bits = number >= 0 && number <= 0xffff ? (unsigned)number : 0;
    return true;
}

bool acl_allows(mp_t acl, const char *field, acl_right_t right, str_t user,
                acl_member_fn *is_member, const void *arg)
{
    unsigned bits, flag = (unsigned)right;
    str_t owner, group;
    if (!read_bits(acl, field, &bits))
        return true;
    if (mp_find_str(acl, "owner", &owner) && str_eq(owner, user))
        flag <<= 8;
    else if (mp_find_str(acl, "ownerGroup", &group) && is_member(arg, group))
        flag <<= 4;
    return (bits & flag) != 0;
}

void acl_put(buf_t *out, mp_t acl)
{
    uint32_t count = 0;
    str_t name;
    unsigned bits;
    size_t mark = mp_begin_map(out);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!mp_find_str(acl, names[i], &name) || name.len > NAME_MAX_BYTES)
            continue;
        mp_put_cstr(out, names[i]);
        mp_put_str(out, name);
        count++;
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        mp_t value;
        if (!mp_find(acl, numbers[i], &value) || !read_bits(acl, numbers[i], &bits))
            continue;
        mp_put_cstr(out, numbers[i]);
        mp_put_uint(out, bits);
        count++;
    }
    mp_end(out, mark, count);
}
