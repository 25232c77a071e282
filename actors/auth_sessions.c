/* SPDX-License-Identifier: MIT */
/* Sessions and tokens: beginning, checking, ending. */
#include <assert.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "actors/auth_ctx.h"
#include "actors/loose.h"
#include "bus/log.h"

/* --- ending ----------------------------------------------------------------------------------- */

static void publish_end(auth_t *self, const char *user, const auth_hash_t *hash, const char *reason)
{
    buf_t args = {0}, text = {0};
    mp_put_array(&args, 3);
    mp_put_cstr(&args, user);
    if (hash) {
        auth_hash_put(&text, hash);
        mp_put_str(&args, buf_str(&text));
    } else {
        mp_put_nil(&args);
    }
    mp_put_cstr(&args, reason);
    if (!args.failed)
        self->env->publish(self->env, "sessionEnd", NULL, (mp_t){NULL, NULL}, mp_of_buf(&args));
    buf_fini(&args);
    buf_fini(&text);
}

void auth_end_record(auth_t *self, auth_record_t *record, const char *reason)
{
    if (record->kind != AUTH_REFRESH)
        publish_end(self, record->user, &record->hash, reason);
    auth_store_remove(self->store, record);
}

uint64_t auth_end_user(auth_t *self, const char *user, const char *reason, bool devices)
{
    uint64_t count = 0;
    publish_end(self, user, NULL, reason);
    for (size_t i = auth_store_count(self->store); i-- > 0;) {
        auth_record_t *record = auth_store_at(self->store, i);
        if (strcmp(record->user, user) != 0 || (record->kind == AUTH_DEVICE && !devices))
            continue;
        count++;
        if (record->kind == AUTH_DEVICE)
            auth_end_record(self, record, reason);
        else
            auth_store_remove(self->store, record);
    }
    return count;
}

static bool has_expired(const auth_record_t *record, int64_t now_ms)
{
    return record->expires_ms > 0 && record->expires_ms <= now_ms;
}

void auth_expire(auth_t *self)
{
    int64_t now_ms = self->env->now(self->env);
    if (now_ms < self->next_expiry)
        return;
    self->next_expiry = INT64_MAX;
    for (size_t i = auth_store_count(self->store); i-- > 0;) {
        auth_record_t *record = auth_store_at(self->store, i);
        if (has_expired(record, now_ms))
            auth_end_record(self, record, "expired");
        else if (record->expires_ms > 0 && record->expires_ms < self->next_expiry)
            self->next_expiry = record->expires_ms;
    }
}

/* Why a record is worth nothing now; NULL: it is good. */
static const char *why_not(const auth_t *self, const auth_record_t *record)
{
    auth_user_t user;
    if (!auth_users_find(self->users, str_of(record->user), &user))
        return "deleted";
    if (!user.enabled)
        return "disabled";
    if (record->kind != AUTH_DEVICE && user.print_known && strcmp(user.print, record->print) != 0)
        return "password";
    return NULL;
}

void auth_end_orphans(auth_t *self)
{
    for (size_t i = auth_store_count(self->store); i-- > 0;) {
        auth_record_t *record = auth_store_at(self->store, i);
        const char *reason = why_not(self, record);
        if (reason)
            auth_end_record(self, record, reason);
    }
}

/* --- beginning -------------------------------------------------------------------------------- */

/* The one that was used longest ago. */
static bool is_older(const auth_record_t *a, const auth_record_t *b)
{
    return !b || a->seen_ms < b->seen_ms ||
           (a->seen_ms == b->seen_ms && a->created_ms < b->created_ms);
}

/* Makes room for `count` records of a user: the oldest go, device tokens excepted. False: they are
 * all that is there. */
bool auth_make_room(auth_t *self, const char *user, size_t count)
{
    for (;;) {
        auth_record_t *oldest = NULL, *own = NULL;
        size_t of_user = 0, total = auth_store_count(self->store);
        for (size_t i = 0; i < total; i++) {
            auth_record_t *record = auth_store_at(self->store, i);
            bool is_own = strcmp(record->user, user) == 0;
            of_user += is_own;
            if (record->kind == AUTH_DEVICE)
                continue;
            if (is_older(record, oldest))
                oldest = record;
            if (is_own && is_older(record, own))
                own = record;
        }
        bool user_full = of_user + count > self->max_user_sessions;
        if (!user_full && total + count <= self->max_sessions)
            return true;
        auth_record_t *victim = user_full ? own : oldest;
        if (!victim)
            return false;
        auth_end_record(self, victim, "replaced");
    }
}

auth_record_t *auth_add_record(auth_t *self, auth_record_t *draft, str_t secret, int64_t life_ms)
{
    int64_t now_ms = self->env->now(self->env);
    draft->hash = auth_hash_of(secret);
    draft->created_ms = now_ms;
    draft->seen_ms = draft->kind == AUTH_DEVICE ? 0 : now_ms;
    draft->expires_ms = life_ms > 0 ? now_ms + life_ms : 0;
    auth_record_t *record = auth_store_add(self->store, draft);
    if (record && record->expires_ms > 0 && record->expires_ms < self->next_expiry)
        self->next_expiry = record->expires_ms;
    return record;
}

void auth_put_new_token(auth_t *self, buf_t *out)
{
    uint8_t random[AUTH_TOKEN_RANDOM];
    self->env->random(self->env, random, sizeof random);
    auth_token_put(out, random);
    OPENSSL_cleanse(random, sizeof random);
}

static auth_record_t draft_of(const auth_grant_t *grant, auth_kind_t kind)
{
    return (auth_record_t){.kind = kind,
                           .user = grant->user,
                           .print = grant->print,
                           .client = grant->client,
                           .address = grant->address,
                           .name = NULL};
}

void auth_put_hash(buf_t *out, const char *key, const auth_hash_t *hash)
{
    buf_t text = {0};
    auth_hash_put(&text, hash);
    mp_put_cstr(out, key);
    mp_put_str(out, buf_str(&text));
    buf_fini(&text);
}

static void put_who(buf_t *out, const char *user)
{
    auth_put_str(out, "user", user);
    auth_put_str(out, "name", auth_name_of(user));
}

void auth_put_end(buf_t *out, const auth_record_t *record)
{
    if (record->expires_ms > 0) {
        auth_put_int(out, "expiresAt", record->expires_ms);
        return;
    }
    mp_put_cstr(out, "expiresAt");
    mp_put_nil(out);
}

err_t auth_no_room(reply_t *reply)
{
    return auth_error(reply, "invalid", "Too many sessions and device tokens");
}

static err_t begin_session(auth_t *self, const auth_grant_t *grant, reply_t *reply)
{
    uint8_t random[AUTH_SID_RANDOM];
    buf_t sid = {0}, cookie = {0};
    auth_record_t draft = draft_of(grant, AUTH_SESSION);
    self->env->random(self->env, random, sizeof random);
    auth_sid_put(&sid, random);
    auth_cookie_put(&cookie, buf_str(&sid), auth_store_secret(self->store));
    draft.ttl_ms = grant->ttl_ms ? grant->ttl_ms : self->ttl_ms;
    if (grant->stay && self->stay_ttl_ms > draft.ttl_ms)
        draft.ttl_ms = self->stay_ttl_ms;
    const auth_record_t *record = auth_make_room(self, grant->user, 1)
                                      ? auth_add_record(self, &draft, buf_str(&sid), draft.ttl_ms)
                                      : NULL;
    err_t err = record ? ERR_OK : auth_no_room(reply);
    if (record) {
        reply_nil(reply);
        buf_t *out = reply_value(reply);
        mp_put_map(out, 6);
        put_who(out, record->user);
        auth_put_hash(out, "hash", &record->hash);
        mp_put_cstr(out, "session");
        mp_put_str(out, buf_str(&sid));
        mp_put_cstr(out, "cookie");
        mp_put_str(out, buf_str(&cookie));
        auth_put_end(out, record);
    }
    OPENSSL_cleanse(random, sizeof random);
    buf_fini(&sid);
    buf_fini(&cookie);
    return err;
}

static void put_tokens(buf_t *out, const auth_record_t *record, str_t access, str_t refresh,
                       int64_t life_s, int64_t refresh_life_s)
{
    mp_put_map(out, 8);
    mp_put_cstr(out, "access_token");
    mp_put_str(out, access);
    auth_put_str(out, "token_type", "Bearer");
    auth_put_int(out, "expires_in", life_s);
    mp_put_cstr(out, "refresh_token");
    mp_put_str(out, refresh);
    auth_put_int(out, "refresh_token_expires_in", refresh_life_s);
    auth_put_str(out, "user", record->user);
    auth_put_hash(out, "hash", &record->hash);
    auth_put_end(out, record);
}

/* family: 0: a new one. */
static err_t begin_tokens(auth_t *self, const auth_grant_t *grant, uint64_t family, reply_t *reply)
{
    buf_t access = {0}, refresh = {0};
    auth_record_t draft = draft_of(grant, AUTH_ACCESS);
    const auth_record_t *record = NULL, *second = NULL;
    draft.family = family;
    while (draft.family == 0)
        self->env->random(self->env, &draft.family, sizeof draft.family);
    auth_put_new_token(self, &access);
    auth_put_new_token(self, &refresh);
    if (auth_make_room(self, grant->user, 2)) {
        record = auth_add_record(self, &draft, buf_str(&access), self->token_ttl_ms);
        draft.kind = AUTH_REFRESH;
        second = auth_add_record(self, &draft, buf_str(&refresh), self->refresh_ttl_ms);
    }
    err_t err = record && second ? ERR_OK : auth_no_room(reply);
    if (err == ERR_OK) {
        reply_nil(reply);
        put_tokens(reply_value(reply), record, buf_str(&access), buf_str(&refresh),
                   self->token_ttl_ms / 1000, self->refresh_ttl_ms / 1000);
    }
    buf_fini(&access);
    buf_fini(&refresh);
    return err;
}

err_t auth_begin(auth_t *self, const auth_grant_t *grant, reply_t *reply)
{
    switch (grant->want) {
    case AUTH_WANT_SESSION:
        return begin_session(self, grant, reply);
    case AUTH_WANT_TOKENS:
        return begin_tokens(self, grant, 0, reply);
    case AUTH_WANT_CHECK:
        break;
    }
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_map(out, 2);
    put_who(out, grant->user);
    return ERR_OK;
}

/* --- checking --------------------------------------------------------------------------------- */

static err_t unknown(reply_t *reply, const char *text)
{
    return auth_error(reply, "unknown", text);
}

/* A record that is still good; what is not is ended on the way. */
static auth_record_t *good(auth_t *self, const auth_hash_t *hash)
{
    auth_record_t *record = auth_store_find(self->store, hash);
    const char *reason = record ? why_not(self, record) : NULL;
    if (record && !reason && has_expired(record, self->env->now(self->env)))
        reason = "expired";
    if (!reason)
        return record;
    auth_end_record(self, record, reason);
    return NULL;
}

static err_t answer_record(auth_t *self, auth_record_t *record, str_t address, reply_t *reply)
{
    auth_store_touch(self->store, record, address, self->env->now(self->env));
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_map(out, 6);
    put_who(out, record->user);
    auth_put_hash(out, "hash", &record->hash);
    auth_put_str(out, "kind", auth_kind_name(record->kind));
    auth_put_end(out, record);
    auth_put_bool(out, "readOnly", record->read_only);
    return ERR_OK;
}

/* What every command of the system begins with. */
err_t auth_check_ready(const auth_t *self, const request_t *request)
{
    err_t err = auth_check_system(request);
    if (err == ERR_OK && !replica_ready(self->replica))
        err = ERR_UNAVAILABLE;
    return err;
}

/* Checks the caller and reads the texts of the first two arguments. */
err_t auth_read_two(const auth_t *self, const request_t *request, str_t *first, str_t *second)
{
    err_t err = auth_check_ready(self, request);
    if (err == ERR_OK && (!auth_arg_str(request, 0, first) || !auth_arg_str(request, 1, second)))
        err = ERR_BAD_ARGS;
    return err;
}

err_t auth_on_session_check(void *actor, const request_t *request, reply_t *reply)
{
    auth_t *self = actor;
    str_t cookie, address;
    buf_t sid = {0};
    err_t err = auth_read_two(self, request, &cookie, &address);
    if (err != ERR_OK)
        return err;
    if (auth_cookie_read(cookie, auth_store_secret(self->store), &sid) != AUTH_COOKIE_SIGNED)
        return auth_error(reply, "unsigned", "No session found");
    auth_hash_t hash = auth_hash_of(buf_str(&sid));
    buf_fini(&sid);
    auth_record_t *record = good(self, &hash);
    if (!record || record->kind != AUTH_SESSION)
        return unknown(reply, "No session found");
    return answer_record(self, record, address, reply);
}

/* The record of a hash in the first argument; NULL: there is none, err says what to answer. */
static auth_record_t *record_of_arg(auth_t *self, const request_t *request, reply_t *reply,
                                    err_t *err)
{
    str_t text;
    auth_hash_t hash;
    *err = auth_check_ready(self, request);
    if (*err == ERR_OK && (!auth_arg_str(request, 0, &text) || !auth_hash_read(text, &hash)))
        *err = ERR_BAD_ARGS;
    auth_record_t *record = *err == ERR_OK ? good(self, &hash) : NULL;
    if (!record && *err == ERR_OK)
        *err = unknown(reply, "No session found");
    return record;
}

err_t auth_on_session_touch(void *actor, const request_t *request, reply_t *reply)
{
    auth_t *self = actor;
    err_t err;
    auth_record_t *record = record_of_arg(self, request, reply, &err);
    if (record && record->kind == AUTH_REFRESH)
        return unknown(reply, "No session found");
    return record ? answer_record(self, record, STR_LIT(""), reply) : err;
}

/* The reason of an event, made of what a gateway says. */
static const char *reason_of(const request_t *request, uint32_t index, char text[32])
{
    str_t given;
    if (!auth_arg_str(request, index, &given) || given.len == 0 || given.len > 31)
        return "logout";
    memcpy(text, given.p, given.len);
    text[given.len] = '\0';
    return text;
}

static err_t answer_count(reply_t *reply, uint64_t count)
{
    reply_nil(reply);
    mp_put_uint(reply_value(reply), count);
    return ERR_OK;
}

err_t auth_on_session_end(void *actor, const request_t *request, reply_t *reply)
{
    auth_t *self = actor;
    err_t err;
    char text[32];
    auth_record_t *record = record_of_arg(self, request, reply, &err);
    if (!record)
        return err == ERR_CUSTOM ? (reply_clear(reply), answer_count(reply, 0)) : err;
    if (record->kind == AUTH_DEVICE)
        return answer_count(reply, 0);
    const char *reason = reason_of(request, 1, text);
    uint64_t family = record->family, count = 1;
    auth_end_record(self, record, reason);
    for (size_t i = auth_store_count(self->store); family && i-- > 0;) {
        record = auth_store_at(self->store, i);
        if (record->family != family)
            continue;
        auth_end_record(self, record, reason);
        count++;
    }
    return answer_count(reply, count);
}

err_t auth_on_session_end_user(void *actor, const request_t *request, reply_t *reply)
{
    auth_t *self = actor;
    str_t name;
    char text[32];
    buf_t id = {0};
    err_t err = auth_check_ready(self, request);
    if (err == ERR_OK && !auth_arg_str(request, 0, &name))
        err = ERR_BAD_ARGS;
    if (err != ERR_OK)
        return err;
    auth_users_resolve(self->users, name, &id);
    buf_append_byte(&id, 0);
    uint64_t count =
        id.failed ? 0
                  : auth_end_user(self, (const char *)id.data, reason_of(request, 1, text), false);
    buf_fini(&id);
    return answer_count(reply, count);
}

/* --- tokens ----------------------------------------------------------------------------------- */

static auth_record_t *token_of(auth_t *self, str_t token)
{
    if (token.len == 0 || token.len > AUTH_TEXT_MAX)
        return NULL;
    auth_hash_t hash = auth_hash_of(token);
    return good(self, &hash);
}

static bool is_access(const auth_record_t *record)
{
    return record && (record->kind == AUTH_ACCESS || record->kind == AUTH_DEVICE);
}

err_t auth_on_token_check(void *actor, const request_t *request, reply_t *reply)
{
    auth_t *self = actor;
    str_t token, address;
    err_t err = auth_read_two(self, request, &token, &address);
    if (err != ERR_OK)
        return err;
    auth_record_t *record = token_of(self, token);
    return is_access(record) ? answer_record(self, record, address, reply)
                             : unknown(reply, "No access token found");
}

err_t auth_on_token_update(void *actor, const request_t *request, reply_t *reply)
{
    auth_t *self = actor;
    str_t token, user;
    err_t err = auth_read_two(self, request, &token, &user);
    if (err != ERR_OK)
        return err;
    auth_record_t *record = token_of(self, token);
    if (!is_access(record) || !str_is(user, record->user))
        return unknown(reply, "No access token found");
    return answer_record(self, record, STR_LIT(""), reply);
}

err_t auth_on_token_refresh(void *actor, const request_t *request, reply_t *reply)
{
    auth_t *self = actor;
    str_t token, address;
    err_t err = auth_read_two(self, request, &token, &address);
    if (err != ERR_OK)
        return err;
    auth_record_t *record = token_of(self, token);
    if (!record || record->kind != AUTH_REFRESH)
        return unknown(reply, "Invalid grant: refresh token is invalid");
    char *from = str_dup(address);
    auth_grant_t grant = {.want = AUTH_WANT_TOKENS,
                          .user = strdup(record->user),
                          .print = strdup(record->print),
                          .client = strdup(record->client),
                          .address = from};
    uint64_t family = record->family;
    err = grant.user && grant.print && grant.client && from ? ERR_OK : ERR_NO_MEMORY;
    if (err == ERR_OK) {
        auth_store_remove(self->store, record);
        err = begin_tokens(self, &grant, family, reply);
    }
    free(grant.user);
    free(grant.print);
    free(grant.client);
    free(from);
    return err;
}

err_t auth_on_token_info(void *actor, const request_t *request, reply_t *reply)
{
    auth_t *self = actor;
    err_t err;
    const auth_record_t *record = record_of_arg(self, request, reply, &err);
    if (!record)
        return err;
    int64_t refresh_ms = 0;
    for (size_t i = 0; record->family && i < auth_store_count(self->store); i++) {
        const auth_record_t *other = auth_store_at(self->store, i);
        if (other->kind == AUTH_REFRESH && other->family == record->family)
            refresh_ms = other->expires_ms;
    }
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_map(out, 5);
    put_who(out, record->user);
    auth_put_str(out, "kind", auth_kind_name(record->kind));
    mp_put_cstr(out, "expires");
    if (record->expires_ms > 0)
        mp_put_int(out, record->expires_ms);
    else
        mp_put_nil(out);
    mp_put_cstr(out, "refreshExpires");
    if (refresh_ms > 0)
        mp_put_int(out, refresh_ms);
    else
        mp_put_nil(out);
    return ERR_OK;
}
