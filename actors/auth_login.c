/* SPDX-License-Identifier: MIT */
/* Passwords that are being checked. A log-in goes through: the user's object is fetched (FETCH), it
 * may have to wait for its turn or for others from the same address (HELD), its password is hashed
 * in the pool (RUNNING), or it waits for the same password of the same user that is being hashed
 * already (JOINED): a hundred panels that come back at once cost one hash. */
#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "actors/auth_ctx.h"
#include "actors/loose.h"
#include "actors/safe_text.h"
#include "bus/log.h"

#define FETCH_TTL_MS 5000
#define LOGINS_MAX 16384u /* whatever the configuration says */
#define CACHE_SIZE 256u   /* right passwords that are remembered, by the first byte */
#define CACHE_MS 60000    /* and for how long */
#define TTL_MIN_S 30
#define TTL_MAX_S 315360000

typedef enum { STATE_FETCH, STATE_HELD, STATE_RUNNING, STATE_JOINED } state_t;

typedef struct {
    auth_t *auth;
    state_t state;
    uint64_t job; /* of the pool */
    uint64_t ticket;
    int64_t deadline_ms;
    int64_t not_before_ms; /* its turn */
    bool has_turn;
    bool exists; /* the user */
    bool enabled;
    bool was_known; /* to us when its object was read */
    bool was_enabled;
    auth_hash_t digest; /* of user, hash and password: equal ones need one check */
    auth_grant_t grant; /* texts owned */
    buf_t address;      /* as auth_lock counts it */
    buf_t password;
    buf_t stored; /* password hash */
} login_t;

struct auth_logins {
    auth_t *auth;
    login_t **list;
    size_t len, cap;
    uint8_t key[32]; /* of the digests */
    struct {
        auth_hash_t digest;
        int64_t until_ms;
    } cache[CACHE_SIZE];
};

/* --- life ------------------------------------------------------------------------------------- */

auth_logins_t *auth_logins_new(auth_t *auth)
{
    auth_logins_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->auth = auth;
    auth->env->random(auth->env, self->key, sizeof self->key);
    return self;
}

static void wipe(buf_t *buf)
{
    if (buf->data)
        OPENSSL_cleanse(buf->data, buf->cap);
    buf_fini(buf);
}

static void login_destroy(login_t *login)
{
    free(login->grant.user);
    free(login->grant.print);
    free(login->grant.client);
    free(login->grant.address);
    buf_fini(&login->address);
    wipe(&login->password);
    wipe(&login->stored);
    free(login);
}

void auth_logins_destroy(auth_logins_t **self_p)
{
    auth_logins_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->len; i++)
        login_destroy(self->list[i]);
    free(self->list);
    OPENSSL_cleanse(self->key, sizeof self->key);
    free(self);
    *self_p = NULL;
}

size_t auth_logins_len(const auth_logins_t *self)
{
    return self->len;
}

static bool add(auth_logins_t *self, login_t *login)
{
    if (self->len == self->cap) {
        size_t cap = self->cap ? self->cap * 2 : 16;
        login_t **list = realloc(self->list, cap * sizeof *list);
        if (!list)
            return false;
        self->list = list;
        self->cap = cap;
    }
    self->list[self->len++] = login;
    return true;
}

static void drop(auth_logins_t *self, login_t *login)
{
    size_t at = 0;
    while (self->list[at] != login)
        at++;
    /* Who came first stays first. */
    memmove(&self->list[at], &self->list[at + 1], (--self->len - at) * sizeof *self->list);
    login_destroy(login);
}

static str_t user_of(const login_t *login)
{
    return str_of(login->grant.user);
}

/* --- the end of a log-in ---------------------------------------------------------------------- */

static void answer(login_t *login, err_t err, const reply_t *reply)
{
    auth_t *auth = login->auth;
    auth->env->answer(auth->env, login->ticket, err, reply);
    drop(auth->logins, login);
}

static void answer_status(login_t *login, err_t err)
{
    answer(login, err, NULL);
}

/* The address as somebody may read it in a terminal. The name of a user that does not exist is not
 * shown: now and then it is the password, typed into the wrong field. */
static void log_refused(const login_t *login, const char *id, const char *reason)
{
    static log_limit_t limit;
    buf_t address = {0};
    safe_text_put(&address, str_of(login->grant.address), 64);
    log_limited(&limit, LEVEL_WARN, id, "user=%s address=%.*s reason=%s",
                login->exists ? login->grant.user : "(unknown)", STR_ARG(buf_str(&address)),
                reason);
    buf_fini(&address);
}

static void refuse(login_t *login, const char *reason, const char *text)
{
    reply_t reply;
    reply_init(&reply);
    log_refused(login, "AUTH-REFUSED", reason);
    err_t err = auth_error(&reply, reason, text);
    answer(login, err, &reply);
    reply_fini(&reply);
}

static void refuse_locked(login_t *login, int64_t wait_ms)
{
    reply_t reply;
    reply_init(&reply);
    log_refused(login, "AUTH-REFUSED", "locked");
    err_t err = auth_error_locked(&reply, wait_ms);
    answer(login, err, &reply);
    reply_fini(&reply);
}

static bool is_late(const login_t *login)
{
    return login->deadline_ms <= login->auth->env->mono(login->auth->env);
}

static void count_failure(login_t *login)
{
    static log_limit_t limit;
    auth_t *auth = login->auth;
    int64_t lock_ms = auth_lock_fail(auth->lock, user_of(login), buf_str(&login->address),
                                     auth->env->mono(auth->env));
    if (lock_ms == 0)
        return;
    buf_t address = {0};
    safe_text_put(&address, str_of(login->grant.address), 64);
    log_limited(&limit, LEVEL_WARN, "AUTH-LOCKED", "user=%s address=%.*s seconds=%lld",
                login->exists ? login->grant.user : "(unknown)", STR_ARG(buf_str(&address)),
                (long long)lock_ms / 1000);
    buf_fini(&address);
}

static void let_in(login_t *login)
{
    auth_t *auth = login->auth;
    reply_t reply;
    reply_init(&reply);
    auth_lock_success(auth->lock, user_of(login), buf_str(&login->address),
                      auth->env->mono(auth->env));
    err_t err = auth_begin(auth, &login->grant, &reply);
    log_debug("AUTH-LOGIN", "user=%s", login->grant.user);
    answer(login, err, &reply);
    reply_fini(&reply);
}

/* The user may have changed while its password was being checked: what has ended by that must not
 * begin now. False: it was another password that has been compared. */
static bool is_still_so(login_t *login)
{
    auth_user_t user;
    bool known = auth_users_find(login->auth->users, user_of(login), &user);
    login->exists = login->exists && (known || !login->was_known);
    login->enabled = login->enabled && (!known || user.enabled || !login->was_enabled);
    return !known || !user.print_known || strcmp(user.print, login->grant.print) == 0;
}

/* The password has been compared. */
static void conclude(login_t *login, bool right)
{
    if (!is_still_so(login) || !right || !login->exists) {
        count_failure(login);
        refuse(login, "credentials", "Invalid password or user name");
    } else if (!login->enabled) {
        refuse(login, "disabled", "User is disabled");
    } else if (is_late(login)) {
        answer_status(login, ERR_TIMEOUT); /* nobody would know of the session */
    } else {
        let_in(login);
    }
}

/* --- going on --------------------------------------------------------------------------------- */

static bool is_remembered(const auth_logins_t *self, const login_t *login, int64_t mono_ms)
{
    uint8_t slot = login->digest.bytes[0];
    return self->cache[slot].until_ms > mono_ms &&
           auth_hash_eq(&self->cache[slot].digest, &login->digest);
}

static void remember(auth_logins_t *self, const auth_hash_t *digest, int64_t mono_ms)
{
    self->cache[digest->bytes[0]].digest = *digest;
    self->cache[digest->bytes[0]].until_ms = mono_ms + CACHE_MS;
}

/* Whether it must wait for others: those with the same digest, or as many from its address as may
 * be wrong before a lock. */
static bool must_wait(auth_logins_t *self, login_t *login, int64_t mono_ms)
{
    auth_room_t room =
        auth_lock_room(self->auth->lock, user_of(login), buf_str(&login->address), mono_ms);
    uint32_t of_user = 0, of_address = 0;
    login->state = STATE_HELD;
    for (size_t i = 0; i < self->len; i++) {
        const login_t *other = self->list[i];
        if (other->state != STATE_RUNNING)
            continue;
        if (auth_hash_eq(&other->digest, &login->digest)) {
            login->state = STATE_JOINED;
            return true;
        }
        if (!str_eq(buf_str(&other->address), buf_str(&login->address)))
            continue;
        of_address++;
        of_user += str_eq(user_of(other), user_of(login));
    }
    return of_user >= room.user || of_address >= room.address;
}

/* True: it has its turn now. The log-in may be gone otherwise. */
static bool take_turn(login_t *login, int64_t mono_ms)
{
    auth_t *auth = login->auth;
    if (!login->has_turn) {
        int64_t wait_ms =
            auth_lock_turn(auth->lock, user_of(login), buf_str(&login->address), mono_ms);
        if (wait_ms > AUTH_LOCK_HOLD_MS) {
            refuse_locked(login, wait_ms);
            return false;
        }
        login->has_turn = true;
        login->not_before_ms = mono_ms + wait_ms;
    }
    return login->not_before_ms <= mono_ms;
}

static void submit(login_t *login)
{
    auth_t *auth = login->auth;
    uint32_t iterations = auth_users_iterations(auth->users, user_of(login), auth->iterations);
    login->job = ++auth->next_job;
    if (!password_pool_check(auth->pool, login->job, buf_str(&login->password),
                             buf_str(&login->stored), iterations)) {
        answer_status(login, ERR_BUSY);
        return;
    }
    wipe(&login->password);
    login->state = STATE_RUNNING;
}

/* Takes the next step that is possible. The log-in may be gone afterwards. */
static void advance(login_t *login)
{
    auth_t *auth = login->auth;
    int64_t mono_ms = auth->env->mono(auth->env);
    int64_t wait_ms = auth_lock_wait(auth->lock, user_of(login), buf_str(&login->address), mono_ms);
    if (is_late(login))
        answer_status(login, ERR_TIMEOUT);
    else if (wait_ms > 0)
        refuse_locked(login, wait_ms);
    else if (is_remembered(auth->logins, login, mono_ms))
        conclude(login, true);
    else if (!must_wait(auth->logins, login, mono_ms) && take_turn(login, mono_ms))
        submit(login);
}

static login_t *find_state(auth_logins_t *self, state_t state, const auth_hash_t *digest)
{
    for (size_t i = 0; i < self->len; i++) {
        login_t *login = self->list[i];
        if (login->state == state && auth_hash_eq(&login->digest, digest))
            return login;
    }
    return NULL;
}

bool auth_logins_take(auth_logins_t *self, const password_result_t *result)
{
    login_t *login = NULL;
    for (size_t i = 0; i < self->len && !login; i++) {
        if (self->list[i]->state == STATE_RUNNING && self->list[i]->job == result->id)
            login = self->list[i];
    }
    if (!login)
        return false;
    auth_hash_t digest = login->digest;
    if (result->ok)
        remember(self, &digest, self->auth->env->mono(self->auth->env));
    conclude(login, result->ok);
    while ((login = find_state(self, STATE_JOINED, &digest)) != NULL)
        conclude(login, result->ok);
    return true;
}

void auth_logins_advance(auth_logins_t *self)
{
    for (size_t i = 0; i < self->len;) {
        size_t before = self->len;
        if (self->list[i]->state == STATE_HELD)
            advance(self->list[i]);
        if (self->len == before)
            i++; /* otherwise the next one is in its place */
    }
}

/* --- the user's object ------------------------------------------------------------------------ */

void auth_password_is(auth_t *self, str_t user, str_t hash)
{
    if (!auth_users_set_password(self->users, user, hash))
        return;
    char *id = str_dup(user);
    if (id)
        (void)auth_end_user(self, id, "password", false);
    free(id);
}

static void make_digest(login_t *login)
{
    const auth_logins_t *all = login->auth->logins;
    buf_t text = {0};
    unsigned len = sizeof login->digest.bytes;
    buf_append_str(&text, user_of(login));
    buf_append_byte(&text, 0);
    buf_append_str(&text, buf_str(&login->stored));
    buf_append_byte(&text, 0);
    buf_append_str(&text, buf_str(&login->password));
    HMAC(EVP_sha256(), all->key, sizeof all->key, text.data, text.len, login->digest.bytes, &len);
    if (text.failed) /* then it is like no other */
        login->auth->env->random(login->auth->env, login->digest.bytes, sizeof login->digest.bytes);
    wipe(&text);
}

/* [nil, [object|nil]] */
static bool take_user(login_t *login, mp_t body)
{
    mp_t list, object;
    str_t hash = {"", 0}, type;
    buf_t print = {0};
    if (!mp_at(body, 1, &list) || !mp_at(list, 0, &object))
        return false;
    mp_t common = loose_get(object, "common");
    login->exists = mp_find_str(object, "type", &type) && str_is(type, "user");
    login->enabled = str_is(user_of(login), AUTH_ROOT) || loose_true(loose_get(common, "enabled"));
    if (login->exists)
        (void)mp_find_str(common, "password", &hash); /* absent: matches nothing */
    buf_append_str(&login->stored, hash);
    auth_users_print(&print, hash);
    login->grant.print = str_dup(buf_str(&print));
    buf_fini(&print);
    return login->grant.print && !login->stored.failed;
}

static void note_user(login_t *login)
{
    auth_t *auth = login->auth;
    auth_user_t user;
    if (login->exists)
        auth_password_is(auth, user_of(login), buf_str(&login->stored));
    login->was_known = auth_users_find(auth->users, user_of(login), &user);
    login->was_enabled = user.enabled;
}

static void on_user(void *arg, err_t status, mp_t body)
{
    login_t *login = arg;
    if (status != ERR_OK) {
        answer_status(login, status == ERR_CUSTOM ? ERR_UNAVAILABLE : status);
        return;
    }
    if (!take_user(login, body)) {
        answer_status(login, ERR_NO_MEMORY);
        return;
    }
    make_digest(login);
    note_user(login);
    advance(login);
}

static void fetch(login_t *login)
{
    static const caller_t nobody = {{"", 0}, {"", 0}, {"auth", 4}};
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_array(&args, 1);
    mp_put_str(&args, user_of(login));
    login->auth->env->ask(login->auth->env, "objects", "objects.peek", &nobody, mp_of_buf(&args),
                          FETCH_TTL_MS, on_user, login);
    buf_fini(&args);
}

/* --- commands --------------------------------------------------------------------------------- */

static bool read_options(login_t *login, mp_t options)
{
    mp_t ttl = loose_get(options, "ttl");
    str_t client = {"", 0};
    int64_t seconds = 0;
    (void)mp_find_str(options, "client", &client); /* absent: none */
    if (login->grant.want == AUTH_WANT_CHECK && loose_true(loose_get(options, "session")))
        login->grant.want = AUTH_WANT_SESSION;
    login->grant.stay = loose_true(loose_get(options, "stay"));
    if (mp_type(ttl) == MP_INT && mp_read_int(&ttl, &seconds))
        login->grant.ttl_ms = 1000 * (seconds < TTL_MIN_S   ? TTL_MIN_S
                                      : seconds > TTL_MAX_S ? TTL_MAX_S
                                                            : seconds);
    login->grant.client = str_dup(client);
    return login->grant.client != NULL;
}

static login_t *login_new(auth_t *self, const request_t *request, auth_want_t want)
{
    str_t user, password, address;
    buf_t id = {0};
    login_t *login = calloc(1, sizeof *login);
    if (!login || !auth_arg_str(request, 0, &user) || !auth_arg_str(request, 1, &password) ||
        !auth_arg_str(request, 2, &address)) {
        free(login);
        return NULL;
    }
    login->auth = self;
    login->grant.want = want;
    login->deadline_ms = request->deadline_ms;
    auth_users_resolve(self->users, user, &id);
    login->grant.user = id.failed ? NULL : str_dup(buf_str(&id));
    login->grant.address = str_dup(address);
    auth_lock_address(&login->address, address);
    if (password.len <= PASSWORD_MAX) /* a longer one matches nothing, as an empty one does */
        buf_append_str(&login->password, password);
    buf_fini(&id);
    if (read_options(login, auth_arg(request, 3)) && login->grant.user && login->grant.address &&
        !login->password.failed && !login->address.failed)
        return login;
    login_destroy(login);
    return NULL;
}

static err_t start(auth_t *self, const request_t *request, reply_t *reply, auth_want_t want)
{
    str_t text;
    auth_user_t user;
    err_t err = auth_check_system(request);
    if (err == ERR_OK && !replica_ready(self->replica))
        err = ERR_UNAVAILABLE;
    for (uint32_t i = 0; i < 3 && err == ERR_OK; i++)
        err = auth_arg_str(request, i, &text) ? ERR_OK : ERR_BAD_ARGS;
    if (err == ERR_OK && (self->logins->len >= self->max_logins || self->logins->len >= LOGINS_MAX))
        err = ERR_BUSY;
    if (err != ERR_OK)
        return err;
    login_t *login = login_new(self, request, want);
    if (!login)
        return ERR_NO_MEMORY;
    int64_t wait_ms = auth_lock_wait(self->lock, user_of(login), buf_str(&login->address),
                                     self->env->mono(self->env));
    login->exists = auth_users_find(self->users, user_of(login), &user);
    if (wait_ms > 0) {
        log_refused(login, "AUTH-REFUSED", "locked");
        login_destroy(login);
        return auth_error_locked(reply, wait_ms);
    }
    if (!add(self->logins, login)) {
        login_destroy(login);
        return ERR_NO_MEMORY;
    }
    login->ticket = self->env->defer(self->env, request);
    if (login->ticket == 0) {
        drop(self->logins, login);
        return ERR_BUSY;
    }
    fetch(login);
    return ERR_PENDING;
}

err_t auth_on_login(void *actor, const request_t *request, reply_t *reply)
{
    return start(actor, request, reply, AUTH_WANT_CHECK);
}

err_t auth_on_token_password(void *actor, const request_t *request, reply_t *reply)
{
    return start(actor, request, reply, AUTH_WANT_TOKENS);
}
