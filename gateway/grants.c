/* SPDX-License-Identifier: MIT */
#include "gateway/grants.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/map.h"

#define ADMIN "system.user.admin"
#define ASK_TTL_MS 5000
#define SYNC_TTL_MS 1000

static const struct {
    const char *command;
    const char *type;
    const char *operation;
} rows[PERM_NONE + 1] = {
#define PERMISSION(id, command, type, operation) {command, type, operation},
#include "gateway/permission.def"
#undef PERMISSION
    {"", "", ""}};

struct grants_user {
    grants_t *all;
    char *key;
    const char *name; /* within the key */
    bool read_only;
    forbidden_t forbidden;
    bool root; /* is system.user.admin */
    bool known;
    bool granted[PERM_NONE]; /* to the user himself, wherever he is */
    uint64_t asked;          /* request under way; 0 none */
    bool stale;              /* changed while it was asked for */
    bool doubted;            /* the answer under way is the one that ends the doubt */
    bool admin;
    buf_t groups; /* a list */
    size_t number;
    uint32_t version; /* of all this */
    grants_waiter_t *waiters;
};

struct grants {
    requests_t *requests;
    map_t *users;        /* key of make_key -> grants_user_t */
    int64_t mono_ms;     /* when somebody last said what time it is */
    bool doubt;          /* what is known may be older than a change of users or groups */
    uint64_t epoch, seq; /* of the objects' event that told of it */
    uint64_t sync;       /* question whether the auth actor has seen it; 0 none */
    uint64_t sync_seq;   /* that it asks about */
    size_t doubted;      /* users that are being asked for after that */
};

const char *permission_command(permission_t permission)
{
    return rows[permission].command;
}

const char *permission_type(permission_t permission)
{
    return rows[permission].type;
}

const char *permission_operation(permission_t permission)
{
    return rows[permission].operation;
}

void permission_list(buf_t *out)
{
    mp_put_map(out, PERM_NONE);
    for (size_t i = 0; i < PERM_NONE; i++) {
        mp_put_cstr(out, rows[i].command);
        mp_put_map(out, 2);
        mp_put_cstr(out, "type");
        mp_put_cstr(out, rows[i].type);
        mp_put_cstr(out, "operation");
        mp_put_cstr(out, rows[i].operation);
    }
}

grants_t *grants_new(requests_t *requests)
{
    grants_t *self = calloc(1, sizeof *self);
    assert(self);
    self->requests = requests;
    self->users = map_new();
    return self;
}

void grants_destroy(grants_t **self_p)
{
    grants_t *self = *self_p;
    if (!self)
        return;
    size_t at = 0;
    for (grants_user_t *user = map_next(self->users, &at); user;
         user = map_next(self->users, &at)) {
        requests_forget(self->requests, user->asked);
        buf_fini(&user->groups);
        free(user->key);
        free(user);
    }
    requests_forget(self->requests, self->sync);
    map_destroy(&self->users);
    free(self);
    *self_p = NULL;
}

static void ask(grants_user_t *user);
static void ask_sync(grants_t *self);

static void take_map(grants_user_t *user, mp_t map)
{
    for (size_t i = 0; i < PERM_NONE; i++) {
        mp_t value;
        bool granted = false;
        if (mp_path(map, &value, rows[i].type, rows[i].operation, NULL))
            (void)mp_read_bool(&value, &granted);
        user->granted[i] = granted;
    }
    user->known = true;
}

static void end_doubt(grants_user_t *user)
{
    grants_t *all = user->all;
    if (!user->doubted)
        return;
    user->doubted = false;
    if (--all->doubted == 0 && all->sync == 0)
        all->doubt = false;
}

/* [nil, map, admin, [groups]]; who says less is neither administrator nor member of a group. */
static void take_identity(grants_user_t *user, mp_t body)
{
    mp_t value;
    user->admin = false;
    buf_reset(&user->groups);
    if (mp_at(body, 2, &value))
        (void)mp_read_bool(&value, &user->admin);
    if (mp_at(body, 3, &value))
        mp_put_raw(&user->groups, value);
    if (++user->version == 0)
        user->version = 1;
    end_doubt(user);
}

static void tell_waiters(grants_user_t *user, bool known)
{
    while (user->waiters) {
        grants_waiter_t *waiter = user->waiters;
        user->waiters = waiter->next;
        waiter->done(waiter->arg, known);
    }
}

static void take_answer(void *arg, err_t status, uint64_t seq, mp_t body)
{
    grants_user_t *user = arg;
    mp_t map;
    (void)seq;
    user->asked = 0;
    if (status != ERR_OK || !mp_at(body, 1, &map) || mp_type(map) != MP_MAP) {
        tell_waiters(user, false); /* grants_retry asks again */
    } else if (user->stale) {
        ask(user); /* it may be older than the change */
    } else {
        take_map(user, map);
        take_identity(user, body);
        tell_waiters(user, true);
    }
}

static void ask(grants_user_t *user)
{
    static const caller_t system_caller = {{"", 0}, {"", 0}, {"gateway", 7}};
    buf_t args = {0};
    user->stale = false;
    mp_put_array(&args, 2);
    mp_put_cstr(&args, user->name);
    mp_put_bool(&args, user->read_only);
    user->asked =
        requests_send(user->all->requests, "auth", STR_LIT("auth.identity"), &system_caller,
                      mp_of_buf(&args), ASK_TTL_MS, 0, user->all->mono_ms, take_answer, user);
    buf_fini(&args);
}

/* The name, behind what sets it apart: "-system.user.x" is read-only, "f!system.user.x" may not do
 * what is in the set f. Returns how much that is. */
static size_t make_key(const char *name, bool read_only, forbidden_t forbidden, buf_t *key)
{
    if (read_only)
        buf_append_byte(key, '-');
    if (forbidden)
        buf_printf(key, "%x!", forbidden);
    size_t before = key->len;
    buf_append_cstr(key, name);
    assert(!key->failed);
    return before;
}

static grants_user_t *make_user(grants_t *self, str_t key, size_t name_at)
{
    grants_user_t *user = calloc(1, sizeof *user);
    assert(user);
    user->all = self;
    user->key = str_dup(key);
    assert(user->key);
    user->name = user->key + name_at;
    user->root = strcmp(user->name, ADMIN) == 0;
    user->number = map_len(self->users);
    map_put(self->users, str_of(user->key), user);
    return user;
}

static grants_user_t *require(grants_t *self, const char *name, bool read_only,
                              forbidden_t forbidden, int64_t mono_ms)
{
    buf_t key = {0};
    size_t name_at = make_key(name, read_only, forbidden, &key);
    grants_user_t *user = map_get(self->users, buf_str(&key));
    self->mono_ms = mono_ms;
    if (!user) {
        user = make_user(self, buf_str(&key), name_at);
        user->read_only = read_only;
        user->forbidden = forbidden;
        ask(user);
    }
    buf_fini(&key);
    return user;
}

grants_user_t *grants_require(grants_t *self, const char *name, bool read_only, int64_t mono_ms)
{
    return require(self, name, read_only, 0, mono_ms);
}

grants_user_t *grants_limited(grants_user_t *user, forbidden_t forbidden, int64_t mono_ms)
{
    forbidden |= user->forbidden;
    return require(user->all, user->name, user->read_only, forbidden, mono_ms);
}

void grants_retry(grants_t *self, int64_t mono_ms)
{
    size_t at = 0;
    self->mono_ms = mono_ms;
    for (grants_user_t *user = map_next(self->users, &at); user;
         user = map_next(self->users, &at)) {
        if ((!user->known || user->stale || user->doubted) && user->asked == 0)
            ask(user);
        if (user->asked == 0)
            tell_waiters(user, false); /* they must not wait for ever */
    }
    if (self->doubt && self->sync == 0 && self->doubted == 0)
        ask_sync(self);
}

void grants_changed(grants_t *self, str_t name, int64_t mono_ms)
{
    size_t at = 0;
    self->mono_ms = mono_ms;
    for (grants_user_t *user = map_next(self->users, &at); user;
         user = map_next(self->users, &at)) {
        if (name.len > 0 && !str_is(name, user->name))
            continue;
        user->stale = true;
        if (user->asked == 0)
            ask(user);
    }
}

/* --- doubt ---------------------------------------------------------------------------------------
 */

/* The auth actor knows now what the objects actor had told: its next answers count. */
static void on_synced(void *arg, err_t status, uint64_t seq, mp_t body)
{
    grants_t *self = arg;
    size_t at = 0;
    (void)seq;
    (void)body;
    self->sync = 0;
    if (status != ERR_OK)
        return; /* grants_retry asks again */
    if (self->sync_seq != self->seq) {
        ask_sync(self);
        return;
    }
    for (grants_user_t *user = map_next(self->users, &at); user;
         user = map_next(self->users, &at)) {
        if (grants_is_almighty(user))
            continue;
        self->doubted += user->doubted ? 0u : 1u;
        user->doubted = true;
        user->stale = true;
        if (user->asked == 0)
            ask(user);
    }
    if (self->doubted == 0)
        self->doubt = false;
}

static void ask_sync(grants_t *self)
{
    buf_t args = {0};
    mp_put_array(&args, 3);
    mp_put_cstr(&args, "objects");
    mp_put_uint(&args, self->epoch);
    mp_put_uint(&args, self->seq);
    self->sync_seq = self->seq;
    self->sync = requests_send(self->requests, "auth", STR_LIT("bus.sync"), NULL, mp_of_buf(&args),
                               SYNC_TTL_MS, 0, self->mono_ms, on_synced, self);
    buf_fini(&args);
}

static bool is_anybody_fallible(const grants_t *self)
{
    size_t at = 0;
    const grants_user_t *user = map_next(self->users, &at);
    while (user && grants_is_almighty(user))
        user = map_next(self->users, &at);
    return user != NULL;
}

void grants_doubt(grants_t *self, uint64_t epoch, uint64_t seq, int64_t mono_ms)
{
    self->mono_ms = mono_ms;
    if (!is_anybody_fallible(self))
        return;
    self->doubt = true;
    self->epoch = epoch;
    self->seq = seq;
    if (self->sync == 0)
        ask_sync(self);
}

bool grants_doubtful(const grants_t *self)
{
    return self->doubt;
}

/* --- what is known -------------------------------------------------------------------------------
 */

bool grants_is_root(const grants_user_t *user)
{
    return user->root;
}

bool grants_is_almighty(const grants_user_t *user)
{
    return user->root && !user->read_only && !user->forbidden;
}

bool grants_is_admin(const grants_user_t *user)
{
    return user->root || user->admin;
}

bool grants_is_member(const grants_user_t *user, str_t group)
{
    mp_t list = mp_of_buf(&user->groups);
    uint32_t count;
    str_t name;
    if (!mp_read_array(&list, &count))
        return false;
    for (uint32_t i = 0; i < count && mp_read_str(&list, &name); i++) {
        if (str_eq(name, group))
            return true;
    }
    return false;
}

size_t grants_number(const grants_user_t *user)
{
    return user->number;
}

uint32_t grants_version(const grants_user_t *user)
{
    return user->known && !user->all->doubt ? user->version : 0;
}

bool grants_forbids(const grants_user_t *user, permission_t permission)
{
    return user->forbidden && permission != PERM_NONE &&
           user->forbidden &
               forbidden_of(str_of(rows[permission].type), str_of(rows[permission].operation));
}

grant_t grants_check_own(const grants_user_t *user, permission_t permission)
{
    if (permission == PERM_NONE || rows[permission].type[0] == '\0' || grants_is_almighty(user))
        return GRANT_YES;
    if (!user->known)
        return GRANT_UNKNOWN;
    return user->granted[permission] ? GRANT_YES : GRANT_NO;
}

grant_t grants_check(const grants_user_t *user, permission_t permission)
{
    return grants_forbids(user, permission) ? GRANT_NO : grants_check_own(user, permission);
}

const char *grants_name(const grants_user_t *user)
{
    return user->name;
}

bool grants_is_read_only(const grants_user_t *user)
{
    return user->read_only;
}

forbidden_t grants_forbidden(const grants_user_t *user)
{
    return user->forbidden;
}

bool grants_is_known(const grants_user_t *user)
{
    return user->known || grants_is_almighty(user);
}

void grants_await(grants_user_t *user, grants_waiter_t *waiter)
{
    waiter->next = user->waiters;
    user->waiters = waiter;
    if (user->asked == 0)
        ask(user);
}

void grants_forget(grants_user_t *user, grants_waiter_t *waiter)
{
    grants_waiter_t **at = &user->waiters;
    while (*at && *at != waiter)
        at = &(*at)->next;
    if (*at)
        *at = waiter->next;
}
