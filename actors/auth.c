/* SPDX-License-Identifier: MIT */
#include "actors/auth.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "actors/auth_ctx.h"
#include "bus/config.h"
#include "bus/tree.h"

#define MEMORY_FOLDER ":memory:" /* value of `data` that keeps nothing */
#define TICK_BUSY_MS 3           /* how late a password that was compared is noticed */
#define TICK_HELD_MS 100         /* the same for the turn of a log-in */
#define TICK_IDLE_MS 1000
#define FETCH_TTL_MS 5000
#define FETCH_MAX 100u /* users that are asked for at once */
#define LOCK_SECONDS 1000

/* --- arguments and answers -------------------------------------------------------------------- */

err_t auth_check_system(const request_t *request)
{
    return request->caller.user.len == 0 ? ERR_OK : ERR_PERMISSION;
}

mp_t auth_arg(const request_t *request, uint32_t index)
{
    mp_t value = {NULL, NULL};
    (void)request_arg(request, index, &value); /* missing: an empty cursor */
    return value;
}

bool auth_arg_str(const request_t *request, uint32_t index, str_t *out)
{
    mp_t value = auth_arg(request, index);
    *out = STR_LIT("");
    if (mp_type(value) == MP_NIL || mp_at_end(&value))
        return index > 0;
    return mp_read_str(&value, out);
}

err_t auth_error(reply_t *reply, const char *reason, const char *text)
{
    err_t err = reply_error(reply, "%s", text);
    buf_t *out = reply_value(reply);
    mp_put_map(out, 1);
    auth_put_str(out, "reason", reason);
    return err;
}

err_t auth_error_locked(reply_t *reply, int64_t wait_ms)
{
    int64_t minutes = (wait_ms + 59999) / 60000;
    err_t err = reply_error(reply, "Too many errors. Try again in %lld minute%s.",
                            (long long)minutes, minutes == 1 ? "" : "s");
    buf_t *out = reply_value(reply);
    mp_put_map(out, 2);
    auth_put_str(out, "reason", "locked");
    auth_put_int(out, "seconds", (wait_ms + LOCK_SECONDS - 1) / LOCK_SECONDS);
    return err;
}

void auth_put_str(buf_t *out, const char *key, const char *text)
{
    mp_put_cstr(out, key);
    mp_put_cstr(out, text);
}

void auth_put_int(buf_t *out, const char *key, int64_t number)
{
    mp_put_cstr(out, key);
    mp_put_int(out, number);
}

void auth_put_bool(buf_t *out, const char *key, bool flag)
{
    mp_put_cstr(out, key);
    mp_put_bool(out, flag);
}

const char *auth_name_of(const char *user)
{
    size_t len = strlen(AUTH_USER_PREFIX);
    return strncmp(user, AUTH_USER_PREFIX, len) == 0 ? user + len : user;
}

/* --- passwords that may have changed ---------------------------------------------------------- */

static void ask_passwords(auth_t *self);

/* [nil, [object|nil...]] in the order of the question. */
static void take_passwords(auth_t *self, mp_t body)
{
    mp_t list, object;
    uint32_t count;
    if (!mp_at(body, 1, &list) || !mp_read_array(&list, &count))
        return;
    for (uint32_t i = 0; i < count && mp_next(&list, &object); i++) {
        const json_t *id = json_array_get(self->fetching, i);
        mp_t password;
        str_t hash = {"", 0};
        if (mp_path(object, &password, "common", "password", NULL))
            (void)mp_read_str(&password, &hash); /* anything else: none */
        if (json_is_string(id))
            auth_password_is(self, (str_t){json_string_value(id), json_string_length(id)}, hash);
    }
}

static void on_passwords(void *arg, err_t status, mp_t body)
{
    auth_t *self = arg;
    if (status == ERR_OK) {
        take_passwords(self, body);
    } else {
        for (size_t i = 0; i < json_array_size(self->fetching); i++) /* the next tick asks again */
            json_object_set_new(self->stale, json_string_value(json_array_get(self->fetching, i)),
                                json_true());
    }
    json_decref(self->fetching);
    self->fetching = NULL;
    if (status == ERR_OK)
        ask_passwords(self);
}

/* Events do not carry passwords: those of users that were written are asked for. */
static void ask_passwords(auth_t *self)
{
    static const caller_t nobody = {{"", 0}, {"", 0}, {"auth", 4}};
    buf_t args = {0};
    if (self->fetching || json_object_size(self->stale) == 0)
        return;
    self->fetching = json_array();
    void *at;
    while (json_array_size(self->fetching) < FETCH_MAX &&
           (at = json_object_iter(self->stale)) != NULL) {
        const char *id = json_object_iter_key(at);
        json_array_append_new(self->fetching, json_string_nocheck(id));
        json_object_del(self->stale, id);
    }
    mp_put_array(&args, 1);
    mp_put_array(&args, (uint32_t)json_array_size(self->fetching));
    for (size_t i = 0; i < json_array_size(self->fetching); i++)
        mp_put_cstr(&args, json_string_value(json_array_get(self->fetching, i)));
    self->env->ask(self->env, "objects", "objects.peek", &nobody, mp_of_buf(&args), FETCH_TTL_MS,
                   on_passwords, self);
    buf_fini(&args);
}

/* --- events ----------------------------------------------------------------------------------- */

static void publish_change(auth_t *self, str_t user)
{
    buf_t args;
    buf_init(&args);
    mp_put_array(&args, 1);
    if (user.len)
        mp_put_str(&args, user);
    else
        mp_put_nil(&args);
    if (!args.failed)
        self->env->publish(self->env, "permissionsChange", NULL, (mp_t){NULL, NULL},
                           mp_of_buf(&args));
    buf_fini(&args);
}

static void auth_begin_reading(void *arg)
{
    auth_t *self = arg;
    rights_destroy(&self->reading);
    auth_users_destroy(&self->reading_users);
    self->reading = rights_new();
    self->reading_users = auth_users_new();
    assert(self->reading && self->reading_users);
}

/* A user has been written or deleted just now. */
static void user_changed(auth_t *self, str_t id, bool existed, bool was_enabled)
{
    auth_user_t after;
    bool exists = auth_users_find(self->users, id, &after);
    char *user = str_dup(id);
    if (user && existed && !exists)
        (void)auth_end_user(self, user, "deleted", true);
    else if (user && was_enabled && !after.enabled)
        (void)auth_end_user(self, user, "disabled", true);
    if (user && exists) {
        json_object_set_new(self->stale, user, json_true());
        ask_passwords(self);
    }
    free(user);
    publish_change(self, id);
}

static void auth_object(void *arg, str_t id, mp_t object, bool live, str_t instance)
{
    auth_t *self = arg;
    auth_user_t before;
    (void)instance;
    if (!live && self->reading) {
        rights_feed(self->reading, id, object);
        auth_users_feed(self->reading_users, id, object, true);
        return;
    }
    bool existed = auth_users_find(self->users, id, &before);
    rights_feed(self->rights, id, object);
    auth_users_feed(self->users, id, object, false);
    if (str_starts(id, AUTH_USER_PREFIX))
        user_changed(self, id, existed, before.enabled);
    else if (str_starts(id, AUTH_GROUP_PREFIX))
        publish_change(self, STR_LIT(""));
}

static void auth_end_reading(void *arg)
{
    auth_t *self = arg;
    if (!self->reading)
        return;
    rights_destroy(&self->rights);
    auth_users_destroy(&self->users);
    self->rights = self->reading;
    self->users = self->reading_users;
    self->reading = NULL;
    self->reading_users = NULL;
    auth_end_orphans(self);
    publish_change(self, STR_LIT(""));
}

static void auth_event(void *actor, const event_t *event)
{
    replica_event(((auth_t *)actor)->replica, event);
}

static void auth_gap(void *actor, const char *publisher)
{
    (void)publisher; /* objects is the only one */
    replica_gap(((auth_t *)actor)->replica);
}

/* --- time ------------------------------------------------------------------------------------- */

static void take_results(auth_t *self)
{
    password_result_t result;
    while (password_pool_take(self->pool, &result)) {
        if (!auth_logins_take(self->logins, &result))
            (void)auth_accounts_take(self->accounts, &result); /* numbers are never used twice */
        password_result_fini(&result);
    }
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t auth_tick(void *actor, int64_t mono_ms)
{
    auth_t *self = actor;
    take_results(self);
    auth_logins_advance(self->logins);
    if (replica_ready(self->replica))
        auth_expire(self);
    ask_passwords(self);
    bool busy = auth_logins_len(self->logins) + auth_accounts_len(self->accounts) > 0;
    int64_t next = least(busy ? TICK_BUSY_MS : TICK_IDLE_MS, replica_tick(self->replica, mono_ms));
    return least(next, engine_tick(auth_store_engine(self->store), mono_ms));
}

static bool auth_ready(void *actor, buf_t *why)
{
    auth_t *self = actor;
    if (!replica_ready(self->replica)) {
        buf_append_cstr(why, "auth: users and groups have not been read yet");
        return false;
    }
    if (engine_read_only(auth_store_engine(self->store))) {
        buf_printf(why, "auth: %s", err_text(ERR_READ_ONLY));
        return false;
    }
    return true;
}

/* --- commands --------------------------------------------------------------------------------- */

static const char *const changing[] = {"write", "create", "delete", "execute", "sendto", "http"};

/* The permissions without everything that changes something, here or elsewhere. */
static void put_read_only(buf_t *out, mp_t map)
{
    json_t *tree = tree_from_mp(map);
    for (void *at = json_object_iter(tree); at; at = json_object_iter_next(tree, at)) {
        json_t *operations = json_object_iter_value(at);
        for (size_t i = 0; i < sizeof changing / sizeof changing[0]; i++) {
            if (json_object_get(operations, changing[i]))
                json_object_set_new(operations, changing[i], json_false());
        }
    }
    tree_to_mp(out, tree);
    json_decref(tree);
}

static err_t auth_on_permissions(void *actor, const request_t *request, reply_t *reply)
{
    auth_t *self = actor;
    str_t user;
    bool read_only = false;
    mp_t flag = auth_arg(request, 1);
    if (!auth_arg_str(request, 0, &user) || user.len == 0)
        return ERR_BAD_ARGS;
    if (!replica_ready(self->replica))
        return ERR_UNAVAILABLE;
    reply_nil(reply);
    (void)mp_read_bool(&flag, &read_only); /* anything else: no */
    if (!read_only) {
        rights_permissions(self->rights, user, reply_value(reply));
        return ERR_OK;
    }
    buf_t map = {0};
    rights_permissions(self->rights, user, &map);
    put_read_only(reply_value(reply), mp_of_buf(&map));
    buf_fini(&map);
    return ERR_OK;
}

/* For whoever delivers events: what decides about single objects, too. As long as the users and
 * groups are being read anew nobody knows. */
static err_t auth_on_identity(void *actor, const request_t *request, reply_t *reply)
{
    auth_t *self = actor;
    str_t user;
    if (!replica_current(self->replica))
        return ERR_UNAVAILABLE;
    err_t err = auth_on_permissions(actor, request, reply);
    if (err != ERR_OK || !auth_arg_str(request, 0, &user))
        return err;
    reply_bool(reply, rights_is_admin(self->rights, user));
    rights_groups(self->rights, user, reply_value(reply));
    return ERR_OK;
}

/* Whoever looks at a session prolongs it; that this could not be stored is no reason to refuse. */
static const command_t commands[] = {
    {"auth.permissions", auth_on_permissions, 1, CMD_READ},
    {"auth.identity", auth_on_identity, 1, CMD_READ},
    {"auth.why", auth_on_why, 2, CMD_READ},
    {"auth.login", auth_on_login, 2, CMD_WRITE | CMD_SECRET},
    {"auth.session.check", auth_on_session_check, 1, CMD_READ | CMD_SECRET},
    {"auth.session.touch", auth_on_session_touch, 1, CMD_EFFECT},
    {"auth.session.end", auth_on_session_end, 1, CMD_WRITE},
    {"auth.session.endUser", auth_on_session_end_user, 1, CMD_WRITE},
    {"auth.session.list", auth_on_session_list, 0, CMD_READ},
    {"auth.token.password", auth_on_token_password, 2, CMD_WRITE | CMD_SECRET},
    {"auth.token.refresh", auth_on_token_refresh, 1, CMD_WRITE | CMD_SECRET},
    {"auth.token.check", auth_on_token_check, 1, CMD_READ | CMD_SECRET},
    {"auth.token.update", auth_on_token_update, 2, CMD_READ | CMD_SECRET},
    {"auth.token.info", auth_on_token_info, 1, CMD_READ},
    {"auth.device.add", auth_on_device_add, 2, CMD_WRITE | CMD_SECRET},
    {"auth.device.list", auth_on_device_list, 0, CMD_READ},
    {"auth.device.revoke", auth_on_device_revoke, 1, CMD_WRITE},
    {"auth.passwd", auth_on_passwd, 2, CMD_WRITE | CMD_SECRET},
    {"auth.user.add", auth_on_user_add, 1, CMD_WRITE | CMD_SECRET},
    {"auth.user.del", auth_on_user_del, 1, CMD_WRITE},
    {"auth.user.enable", auth_on_user_enable, 2, CMD_WRITE},
    {"auth.user.list", auth_on_user_list, 0, CMD_READ},
    {"auth.group.add", auth_on_group_add, 1, CMD_WRITE},
    {"auth.group.del", auth_on_group_del, 1, CMD_WRITE},
    {"auth.group.join", auth_on_group_join, 2, CMD_WRITE},
    {"auth.group.leave", auth_on_group_leave, 2, CMD_WRITE},
    {"auth.group.list", auth_on_group_list, 0, CMD_READ},
    {"addUser", auth_on_add_user, 2, CMD_WRITE | CMD_SECRET},
    {"delUser", auth_on_del_user, 1, CMD_WRITE},
    {"addGroup", auth_on_add_group, 1, CMD_WRITE},
    {"delGroup", auth_on_del_group, 1, CMD_WRITE},
    {"changePassword", auth_on_change_password, 2, CMD_WRITE | CMD_SECRET},
    {NULL, NULL, 0, 0},
};

/* --- life ------------------------------------------------------------------------------------- */

static void auth_close(void **self_p)
{
    auth_t *self = *self_p;
    if (!self)
        return;
    password_pool_destroy(&self->pool); /* nobody adds to what is freed below */
    auth_logins_destroy(&self->logins);
    auth_accounts_destroy(&self->accounts);
    auth_lock_destroy(&self->lock);
    replica_destroy(&self->replica);
    auth_store_close(&self->store);
    rights_destroy(&self->rights);
    rights_destroy(&self->reading);
    auth_users_destroy(&self->users);
    auth_users_destroy(&self->reading_users);
    json_decref(self->stale);
    json_decref(self->fetching);
    free(self);
    *self_p = NULL;
}

static auth_limits_t read_limits(const config_t *config)
{
    return (auth_limits_t){.user = (uint32_t)config_int(config, "auth-lock-user"),
                           .address = (uint32_t)config_int(config, "auth-lock-address"),
                           .entries = (size_t)config_int(config, "auth-lock-entries")};
}

static void read_config(auth_t *self, const config_t *config)
{
    self->ttl_ms = config_int(config, "auth-ttl");
    self->stay_ttl_ms = config_int(config, "auth-stay-ttl");
    self->token_ttl_ms = config_int(config, "auth-token-ttl");
    self->refresh_ttl_ms = config_int(config, "auth-refresh-ttl");
    self->max_sessions = (size_t)config_int(config, "auth-max-sessions");
    self->max_user_sessions = (size_t)config_int(config, "auth-max-user-sessions");
    self->max_logins = (size_t)config_int(config, "auth-queue");
    self->iterations = (uint32_t)config_int(config, "auth-iterations");
}

static void auth_reload(void *actor, const config_t *config)
{
    auth_t *self = actor;
    const auth_limits_t limits = read_limits(config);
    read_config(self, config);
    auth_lock_set_limits(self->lock, &limits);
    password_pool_set_queue(self->pool, self->max_logins);
}

static err_t open_engine(engine_t **engine, const config_t *config, buf_t *why)
{
    const char *data = config_text(config, "data");
    buf_t path = {0};
    if (strcmp(data, MEMORY_FOLDER) == 0) {
        *engine = engine_open_memory();
        return *engine ? ERR_OK : ERR_NO_MEMORY;
    }
    if (mkdir(data, 0750) != 0 && errno != EEXIST) {
        buf_printf(why, "auth: cannot create data folder %s: %s", data, strerror(errno));
        return ERR_IO;
    }
    buf_printf(&path, "%s/auth", data);
    buf_append_byte(&path, 0);
    engine_options_t options = {
        .path = path.failed ? data : (const char *)path.data,
        .name = "auth",
        .format = AUTH_FORMAT,
        .durability =
            (engine_durability_t)engine_durability_parse(config_text(config, "auth-durability")),
        .sync_interval_ms = config_int(config, "sync-interval"),
        .cache_bytes = (size_t)config_int(config, "store-cache"),
    };
    err_t err = path.failed ? ERR_NO_MEMORY : engine_open(engine, &options, why);
    buf_fini(&path);
    return err;
}

static err_t open_parts(auth_t *self, const config_t *config, buf_t *why)
{
    static const char *const types[] = {"user", "group", "config", NULL};
    static const replica_ops_t ops = {auth_begin_reading, auth_object, auth_end_reading};
    const auth_limits_t limits = read_limits(config);
    engine_t *engine;
    uint64_t seed;
    uint8_t random[32];
    self->env->random(self->env, &seed, sizeof seed);
    self->env->random(self->env, random, sizeof random);
    read_config(self, config);
    self->rights = rights_new();
    self->users = auth_users_new();
    self->replica = replica_new(self->env, types, &ops, self);
    self->lock = auth_lock_new(seed, &limits);
    self->logins = auth_logins_new(self);
    self->accounts = auth_accounts_new(self);
    self->stale = json_object();
    if (!self->rights || !self->users || !self->replica || !self->logins || !self->accounts ||
        !self->stale)
        return ERR_NO_MEMORY;
    err_t err = open_engine(&engine, config, why);
    if (err == ERR_OK)
        err = auth_store_open(&self->store, &engine, random, why);
    if (err != ERR_OK)
        return err;
    self->pool = password_pool_new((size_t)config_int(config, "auth-threads"), self->max_logins);
    if (!self->pool)
        buf_append_cstr(why, "auth: cannot start a thread");
    return self->pool ? ERR_OK : ERR_NO_MEMORY;
}

static err_t auth_open(env_t *env, const config_t *config, void **self_p, buf_t *why)
{
    auth_t *self = calloc(1, sizeof *self);
    assert(self);
    self->env = env;
    *self_p = self;
    err_t err = open_parts(self, config, why);
    if (err == ERR_OK)
        return ERR_OK;
    if (why->len == 0)
        buf_printf(why, "auth: %s", err_text(err));
    auth_close(self_p);
    return err;
}

static err_t auth_commit(void *actor)
{
    return auth_store_commit(((auth_t *)actor)->store);
}

static const char *const follows[] = {"objects", NULL};

const actor_t auth_actor = {
    .name = "auth",
    .commands = commands,
    .follows = follows,
    .open = auth_open,
    .close = auth_close,
    .commit = auth_commit,
    .event = auth_event,
    .gap = auth_gap,
    .tick = auth_tick,
    .reload = auth_reload,
    .ready = auth_ready,
};
