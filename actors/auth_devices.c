/* SPDX-License-Identifier: MIT */
/* Device tokens, and the lists of all records. */
#include <stdlib.h>
#include <string.h>

#include "actors/auth_ctx.h"
#include "actors/loose.h"
#include "bus/log.h"

#define LIST_MAX 1000u         /* records in one answer */
#define NAME_BYTES_MAX 100u    /* of a device token */
#define DEVICE_ID_DIGITS 12u   /* of its hash */
#define DEVICE_PREFIX "iobus_" /* of the token */
#define TTL_MAX_S 3153600000   /* a hundred years */

/* --- lists ------------------------------------------------------------------------------------ */

static int by_use(const void *a, const void *b)
{
    const auth_record_t *x = *(auth_record_t *const *)a, *y = *(auth_record_t *const *)b;
    int64_t left = x->seen_ms ? x->seen_ms : x->created_ms;
    int64_t right = y->seen_ms ? y->seen_ms : y->created_ms;
    return left > right ? -1 : left < right;
}

static void put_seen(buf_t *out, const auth_record_t *record)
{
    auth_put_int(out, "createdAt", record->created_ms);
    mp_put_cstr(out, "seenAt");
    if (record->seen_ms > 0)
        mp_put_int(out, record->seen_ms);
    else
        mp_put_nil(out);
    auth_put_str(out, "address", record->address);
    auth_put_end(out, record);
}

static void put_device_id(buf_t *out, const auth_record_t *record)
{
    buf_t text = {0};
    auth_hash_put(&text, &record->hash);
    mp_put_cstr(out, "id");
    mp_put_str(out, (str_t){(const char *)text.data, text.failed ? 0 : DEVICE_ID_DIGITS});
    buf_fini(&text);
}

static void put_listed(buf_t *out, const auth_record_t *record)
{
    mp_put_map(out, 11);
    put_device_id(out, record);
    auth_put_hash(out, "hash", &record->hash);
    auth_put_str(out, "user", record->user);
    auth_put_str(out, "kind", auth_kind_name(record->kind));
    auth_put_str(out, "name", record->name);
    auth_put_str(out, "client", record->client);
    auth_put_bool(out, "readOnly", record->read_only);
    put_seen(out, record);
}

/* Those of a user (or all) that are device tokens, or that are none. */
static err_t list(auth_t *self, const request_t *request, reply_t *reply, bool devices)
{
    str_t name;
    buf_t id = {0};
    err_t err = auth_check_ready(self, request);
    if (err != ERR_OK)
        return err;
    if (auth_arg_str(request, 0, &name) && name.len > 0)
        auth_users_resolve(self->users, name, &id);
    size_t count = 0, total = auth_store_count(self->store);
    auth_record_t **chosen = calloc(total ? total : 1, sizeof(auth_record_t *));
    for (size_t i = 0; chosen && i < total; i++) {
        auth_record_t *record = auth_store_at(self->store, i);
        if ((record->kind == AUTH_DEVICE) == devices &&
            (id.len == 0 || str_is(buf_str(&id), record->user)))
            chosen[count++] = record;
    }
    buf_fini(&id);
    if (!chosen)
        return ERR_NO_MEMORY;
    qsort(chosen, count, sizeof *chosen, by_use);
    count = count < LIST_MAX ? count : LIST_MAX;
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_array(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        put_listed(out, chosen[i]);
    free(chosen);
    return ERR_OK;
}

err_t auth_on_session_list(void *actor, const request_t *request, reply_t *reply)
{
    return list(actor, request, reply, false);
}

/* --- device tokens ---------------------------------------------------------------------------- */

static bool is_name(str_t name)
{
    if (name.len == 0 || name.len > NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if ((uint8_t)name.p[i] < ' ' || name.p[i] == 0x7f)
            return false;
    }
    return true;
}

static void answer_device(reply_t *reply, const auth_record_t *record, str_t token)
{
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_map(out, 6);
    mp_put_cstr(out, "token");
    mp_put_str(out, token);
    put_device_id(out, record);
    auth_put_str(out, "user", record->user);
    auth_put_str(out, "name", record->name);
    auth_put_bool(out, "readOnly", record->read_only);
    auth_put_end(out, record);
}

static err_t add_device(auth_t *self, auth_record_t *draft, int64_t life_ms, reply_t *reply)
{
    buf_t token = {0};
    buf_append_cstr(&token, DEVICE_PREFIX);
    auth_put_new_token(self, &token);
    const auth_record_t *record = auth_make_room(self, draft->user, 1)
                                      ? auth_add_record(self, draft, buf_str(&token), life_ms)
                                      : NULL;
    if (record) {
        log_info("AUTH-DEVICE", "user=%s name=\"%s\" read_only=%d", record->user, record->name,
                 record->read_only);
        answer_device(reply, record, buf_str(&token));
    }
    buf_fini(&token);
    return record ? ERR_OK : auth_no_room(reply);
}

err_t auth_on_device_add(void *actor, const request_t *request, reply_t *reply)
{
    auth_t *self = actor;
    str_t user_name, name;
    auth_user_t user;
    int64_t ttl_s = 0;
    buf_t id = {0};
    err_t err = auth_read_two(self, request, &user_name, &name);
    if (err != ERR_OK)
        return err;
    mp_t options = auth_arg(request, 2), ttl = loose_get(options, "ttl");
    if (!is_name(name))
        return auth_error(reply, "invalid", "A device token needs a name of at most 100 bytes");
    if (mp_type(ttl) == MP_INT && (!mp_read_int(&ttl, &ttl_s) || ttl_s < 1 || ttl_s > TTL_MAX_S))
        return ERR_BAD_ARGS;
    auth_users_resolve(self->users, user_name, &id);
    if (!auth_users_find(self->users, buf_str(&id), &user)) {
        buf_fini(&id);
        return auth_error(reply, "missing", "User does not exist");
    }
    char *user_id = str_dup(buf_str(&id)), *device = str_dup(name);
    auth_record_t draft = {.kind = AUTH_DEVICE,
                           .read_only = loose_true(loose_get(options, "readOnly")),
                           .user = user_id,
                           .name = device};
    err = user_id && device ? add_device(self, &draft, ttl_s * 1000, reply) : ERR_NO_MEMORY;
    free(user_id);
    free(device);
    buf_fini(&id);
    return err;
}

err_t auth_on_device_list(void *actor, const request_t *request, reply_t *reply)
{
    return list(actor, request, reply, true);
}

static bool has_device_id(const auth_record_t *record, str_t id)
{
    buf_t text = {0};
    auth_hash_put(&text, &record->hash);
    bool same = id.len >= DEVICE_ID_DIGITS && id.len <= text.len &&
                str_eq(id, (str_t){(const char *)text.data, id.len});
    buf_fini(&text);
    return same;
}

/* By id, or by a name that only one has; NULL: none, or *many. */
static auth_record_t *find_device(auth_t *self, str_t text, bool *many)
{
    auth_record_t *named = NULL;
    *many = false;
    for (size_t i = 0; i < auth_store_count(self->store); i++) {
        auth_record_t *record = auth_store_at(self->store, i);
        if (record->kind != AUTH_DEVICE)
            continue;
        if (has_device_id(record, text))
            return record;
        if (str_is(text, record->name)) {
            *many = named != NULL;
            named = record;
        }
    }
    return *many ? NULL : named;
}

err_t auth_on_device_revoke(void *actor, const request_t *request, reply_t *reply)
{
    auth_t *self = actor;
    str_t text;
    bool many;
    err_t err = auth_check_ready(self, request);
    if (err == ERR_OK && !auth_arg_str(request, 0, &text))
        err = ERR_BAD_ARGS;
    if (err != ERR_OK)
        return err;
    auth_record_t *record = find_device(self, text, &many);
    if (!record)
        return auth_error(reply, "missing",
                          many ? "Several device tokens have this name: use the id"
                               : "There is no such device token");
    log_info("AUTH-REVOKED", "user=%s name=\"%s\"", record->user, record->name);
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_map(out, 3);
    put_device_id(out, record);
    auth_put_str(out, "name", record->name);
    auth_put_str(out, "user", record->user);
    auth_end_record(self, record, "revoked");
    return ERR_OK;
}
