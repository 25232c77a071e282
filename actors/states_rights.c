/* SPDX-License-Identifier: MIT */
#include "actors/states_ctx.h"

bool states_may(const states_t *self, str_t user, const point_t *point, right_t right,
                const char *operation)
{
    if (rights_is_root(user) || !point || !point->object)
        return true;
    /* The original reads the object on the caller's behalf before it looks at the state's acl. */
    mp_t acl = mp_of_buf(&point->object->acl);
    if (!rights_may(self->rights, user, "object", "read") ||
        !rights_acl(self->rights, user, acl, "object", RIGHT_READ))
        return false;
    if (!point->object->has_acl)
        return true;
    return rights_may(self->rights, user, "state", operation) &&
           rights_acl(self->rights, user, acl, "state", right);
}

void states_put_acl(buf_t *out, const point_t *point)
{
    const point_object_t *own = point->object;
    const point_object_t *other = point->source ? point->source->object : NULL;
    if (own && other)
        mp_put_array(out, 2);
    if (own)
        mp_put_raw(out, mp_of_buf(&own->acl));
    if (other)
        mp_put_raw(out, mp_of_buf(&other->acl));
    if (!own && !other)
        mp_put_nil(out);
}

bool states_may_read(const states_t *self, str_t user, const point_t *point)
{
    return states_may(self, user, point, RIGHT_READ, "read") &&
           (!point || !point->source || states_may(self, user, point->source, RIGHT_READ, "read"));
}
