/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "actors/objects_ctx.h"
#include "bus/tree.h"

#define USER_PREFIX "system.user."
#define GROUP_PREFIX "system.group."
#define ADAPTER_PREFIX "system.adapter."
#define CONFIG_ID "system.config"

err_t access_check(objects_t *self, const request_t *request, reply_t *reply, const char *operation)
{
    str_t user = request->caller.user;
    if (user.len && !str_starts(user, USER_PREFIX))
        return reply_error(reply, "invalid user name: %.*s", STR_ARG(user));
    if (!rights_may(self->rights, user, "object", operation))
        return ERR_PERMISSION;
    return ERR_OK;
}

bool access_changes(const objects_t *self, const request_t *request, str_t id,
                    const char *operation)
{
    bool account = str_starts(id, USER_PREFIX) || str_starts(id, GROUP_PREFIX);
    return !account || rights_may(self->rights, request->caller.user, "users", operation);
}

err_t access_check_change(objects_t *self, const request_t *request, reply_t *reply, str_t id,
                          const char *operation)
{
    err_t err = access_check(self, request, reply, operation);
    if (err != ERR_OK)
        return err;
    return access_changes(self, request, id, operation) ? ERR_OK : ERR_PERMISSION;
}

static bool object_allows(objects_t *self, const request_t *request, mp_t object, right_t right)
{
    mp_t acl;
    if (!mp_find(object, "acl", &acl))
        return true;
    return rights_acl(self->rights, request->caller.user, acl, "object", right);
}

bool access_reads(objects_t *self, const request_t *request, mp_t object)
{
    return rights_is_root(request->caller.user) ||
           (rights_may(self->rights, request->caller.user, "object", "read") &&
            object_allows(self, request, object, RIGHT_READ));
}

bool access_writes(objects_t *self, const request_t *request, mp_t object)
{
    return object_allows(self, request, object, RIGHT_WRITE);
}

/* --- what is not shown -------------------------------------------------------------------------
 */

/* NULL: an event, which goes to anybody. */
static bool is_system(const request_t *request)
{
    return request && request->caller.user.len == 0 && request->caller.instance.len == 0;
}

/* "hue" of "hue.0" or of "system.adapter.hue.0". */
static str_t adapter_of(str_t id)
{
    if (str_starts(id, ADAPTER_PREFIX)) {
        id.p += sizeof ADAPTER_PREFIX - 1;
        id.len -= sizeof ADAPTER_PREFIX - 1;
    }
    const char *dot = id.len ? memchr(id.p, '.', id.len) : NULL;
    return (str_t){id.p, dot ? (size_t)(dot - id.p) : id.len};
}

static bool sees_protected(const request_t *request, str_t id)
{
    static const char *const trusted[] = {"admin", "iot", "cloud", "discovery"};
    if (!request)
        return false;
    str_t reader = adapter_of(request->caller.instance);
    for (size_t i = 0; i < sizeof trusted / sizeof trusted[0]; i++) {
        if (str_is(reader, trusted[i]))
            return true;
    }
    return str_eq(reader, adapter_of(id));
}

typedef enum { HIDE_NOTHING, HIDE_PASSWORD, HIDE_SECRET, HIDE_PROTECTED } hide_t;

static hide_t what_to_hide(objects_t *self, const request_t *request, str_t id)
{
    if (is_system(request) || !str_starts(id, "system."))
        return HIDE_NOTHING;
    if (str_starts(id, USER_PREFIX))
        return HIDE_PASSWORD;
    if (str_is(id, CONFIG_ID)) {
        bool admin = request && rights_is_admin(self->rights, request->caller.user);
        return admin ? HIDE_NOTHING : HIDE_SECRET;
    }
    if (str_starts(id, ADAPTER_PREFIX) && !sees_protected(request, id))
        return HIDE_PROTECTED;
    return HIDE_NOTHING;
}

static void hide_protected(json_t *object)
{
    json_t *names = json_object_get(object, "protectedNative");
    json_t *native = json_object_get(object, "native");
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (name)
            json_object_del(native, name);
    }
}

/* Whether there is something to hide at all: most objects travel as they are. */
static bool has_hidden(mp_t object, hide_t hide)
{
    mp_t found;
    uint32_t count;
    switch (hide) {
    case HIDE_PASSWORD:
        return mp_path(object, &found, "common", "password", NULL);
    case HIDE_SECRET:
        return mp_path(object, &found, "native", "secret", NULL);
    case HIDE_PROTECTED:
        return mp_find(object, "protectedNative", &found) && mp_read_array(&found, &count) &&
               count > 0;
    case HIDE_NOTHING:
        break;
    }
    return false;
}

mp_t access_show(objects_t *self, const request_t *request, str_t id, mp_t object)
{
    hide_t hide = what_to_hide(self, request, id);
    if (!has_hidden(object, hide))
        return object;
    json_t *tree = tree_from_mp(object);
    if (hide == HIDE_PASSWORD)
        json_object_del(json_object_get(tree, "common"), "password");
    else if (hide == HIDE_SECRET)
        json_object_del(json_object_get(tree, "native"), "secret");
    else
        hide_protected(tree);
    buf_reset(&self->shown);
    tree_to_mp(&self->shown, tree); /* nil when memory is gone: nothing is shown */
    json_decref(tree);
    return mp_of_buf(&self->shown);
}

/* --- what is put back --------------------------------------------------------------------------
 */

static void put_back(json_t *object, const json_t *old, const char *part, const char *name)
{
    json_t *value = tree_path(old, part, name, NULL);
    json_t *target = json_object_get(object, part);
    if (!value)
        return;
    if (!target) {
        target = json_object();
        json_object_set_new(object, part, target);
    }
    if (json_is_object(target) && !json_object_get(target, name))
        json_object_set(target, name, value);
}

void access_restore(objects_t *self, const request_t *request, str_t id, json_t *object,
                    const json_t *old)
{
    json_t *names;
    switch (what_to_hide(self, request, id)) {
    case HIDE_PASSWORD:
        put_back(object, old, "common", "password");
        break;
    case HIDE_SECRET:
        /* It signs cookies: who may not see it may not choose it either. */
        json_object_del(json_object_get(object, "native"), "secret");
        put_back(object, old, "native", "secret");
        break;
    case HIDE_PROTECTED:
        names = json_object_get(old, "protectedNative");
        for (size_t i = 0; i < json_array_size(names); i++) {
            const char *name = json_string_value(json_array_get(names, i));
            if (name)
                put_back(object, old, "native", name);
        }
        break;
    case HIDE_NOTHING:
        break;
    }
}
