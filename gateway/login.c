/* SPDX-License-Identifier: MIT */
#include "gateway/login.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bus/log.h"
#include "gateway/guard.h"
#include "gateway/whitelist.h"

#define TEXT_MAX 200
#define TRIES_MAX 4 /* of a credential that keeps ending while it is looked at */

struct login {
    core_t *core;
    const credentials_t *credentials;
    char address[64];
    login_done_fn *done;
    void *arg;
    size_t at;            /* the credential that is being looked at */
    unsigned tries;       /* of this one */
    uint64_t corr;        /* of the question under way; 0: none */
    uint64_t ends_before; /* guard_serial when it was asked */
    bool waiting;         /* for the user's rights */
    grants_waiter_t rights;
    bool *ended; /* within login_start: to be set when it has */
    login_result_t result;
    identity_t identity;
    char text[TEXT_MAX];
};

/* --- the end -------------------------------------------------------------------------------------
 */

static void finish(login_t *self, login_result_t result)
{
    static log_limit_t limit;
    static const char *const names[] = {[LOGIN_NEEDED] = "needed",
                                        [LOGIN_FORGED] = "unsigned",
                                        [LOGIN_WRONG] = "wrong",
                                        [LOGIN_BUSY] = "busy"};
    self->result = result;
    if (result != LOGIN_OK) {
        self->identity = (identity_t){0};
        log_limited(&limit, LEVEL_INFO, "GW-LOGIN-REFUSED", "from=%s reason=%s", self->address,
                    names[result]);
        metrics_add(self->core->metrics, METRIC_LOGINS_REFUSED, 1);
    }
    if (self->ended)
        *self->ended = true;
    self->done(self->arg, self);
    free(self);
}

static void set_text(login_t *self, str_t text)
{
    size_t n = text.len < TEXT_MAX - 1 ? text.len : TEXT_MAX - 1;
    memcpy(self->text, text.p, n);
    self->text[n] = '\0';
}

void login_cancel(login_t **self_p)
{
    login_t *self = *self_p;
    if (!self)
        return;
    requests_forget(self->core->requests, self->corr);
    if (self->waiting)
        grants_forget(self->identity.user, &self->rights);
    free(self);
    *self_p = NULL;
}

/* --- the answers ---------------------------------------------------------------------------------
 */

static identity_kind_t kind_of(str_t text)
{
    if (str_is(text, "session"))
        return IDENTITY_SESSION;
    if (str_is(text, "access"))
        return IDENTITY_ACCESS;
    return str_is(text, "device") ? IDENTITY_DEVICE : IDENTITY_PASSWORD;
}

bool login_read_identity(core_t *core, mp_t body, identity_t *out)
{
    mp_t map, value;
    str_t user, text;
    bool read_only = false;
    *out = (identity_t){.kind = IDENTITY_PASSWORD};
    if (!mp_at(body, 1, &map) || !mp_find_str(map, "user", &user) || user.len == 0)
        return false;
    if (mp_find_str(map, "kind", &text))
        out->kind = kind_of(text);
    if (mp_find_str(map, "hash", &text) && text.len == IDENTITY_HASH_LEN)
        memcpy(out->hash, text.p, text.len);
    if (mp_find(map, "expiresAt", &value))
        (void)mp_read_int(&value, &out->expires_ms); /* nil: never */
    (void)mp_find_bool(map, "readOnly", &read_only);
    char *name = str_dup(user);
    assert(name);
    out->user = grants_require(core->grants, name, read_only, core->mono_ms);
    free(name);
    return out->kind == IDENTITY_PASSWORD || out->hash[0] != '\0';
}

static const credential_t *current(const login_t *self)
{
    return &self->credentials->items[self->at];
}

static bool ask(login_t *self);

static void await_rights(login_t *self);

static const whitelist_entry_t *entry_of(const login_t *self)
{
    const whitelist_t *list = self->core->whitelist;
    return list ? whitelist_at(list, str_of(self->address)) : NULL;
}

/* What a user may who comes from this address. */
static grants_user_t *limited(const login_t *self, grants_user_t *user)
{
    const whitelist_entry_t *entry = entry_of(self);
    forbidden_t forbidden = entry ? whitelist_entry_forbidden(entry) : 0;
    return forbidden ? grants_limited(user, forbidden, self->core->mono_ms) : user;
}

/* Nobody asks who it is. */
static void take_open(login_t *self, const char *user)
{
    core_t *core = self->core;
    self->ends_before = guard_serial(core->guard);
    self->identity = (identity_t){
        .user = limited(self, grants_require(core->grants, user, false, core->mono_ms)),
        .kind = IDENTITY_OPEN};
    await_rights(self);
}

/* Nothing the client has said is good; its address may be. */
static void try_address(login_t *self)
{
    bool forged =
        self->credentials && self->credentials->count == 0 && self->credentials->unsigned_session;
    const whitelist_entry_t *entry = entry_of(self);
    const char *user = entry ? whitelist_entry_user(entry) : NULL;
    if (user)
        take_open(self, user);
    else
        finish(self, forged ? LOGIN_FORGED : LOGIN_NEEDED);
}

/* Asks, or ends at once. */
static void ask_or_finish(login_t *self)
{
    if (self->at == self->credentials->count)
        try_address(self);
    else if (!ask(self))
        finish(self, LOGIN_BUSY);
}

/* What was good when it was looked at may have ended since: then it is looked at again. */
static void admit(login_t *self)
{
    const identity_t *identity = &self->identity;
    if (!guard_has_ended(self->core->guard, self->ends_before, identity))
        finish(self, LOGIN_OK);
    else if (++self->tries == TRIES_MAX)
        finish(self, LOGIN_BUSY);
    else
        ask_or_finish(self);
}

static void on_rights(void *arg, bool known)
{
    login_t *self = arg;
    self->waiting = false;
    if (known)
        admit(self);
    else
        finish(self, LOGIN_BUSY);
}

static void await_rights(login_t *self)
{
    self->waiting = !grants_is_known(self->identity.user);
    if (!self->waiting) {
        admit(self);
        return;
    }
    self->rights = (grants_waiter_t){.done = on_rights, .arg = self};
    grants_await(self->identity.user, &self->rights);
}

static void take_identity(login_t *self, mp_t body)
{
    if (!login_read_identity(self->core, body, &self->identity)) {
        finish(self, LOGIN_BUSY);
        return;
    }
    self->identity.cookie = current(self)->cookie;
    self->identity.user = limited(self, self->identity.user);
    await_rights(self);
}

static void take_refusal(login_t *self, mp_t body)
{
    mp_t value;
    str_t text;
    if (current(self)->decides) {
        if (mp_at(body, 0, &value) && mp_read_str(&value, &text))
            set_text(self, text);
        finish(self, LOGIN_WRONG);
        return;
    }
    self->at++;
    self->tries = 0;
    ask_or_finish(self);
}

static void on_answer(void *arg, err_t status, uint64_t seq, mp_t body)
{
    login_t *self = arg;
    (void)seq;
    self->corr = 0;
    if (status == ERR_OK) {
        take_identity(self, body);
    } else if (status == ERR_CUSTOM || status == ERR_BAD_ARGS) {
        take_refusal(self, body);
    } else {
        set_text(self, str_of(err_text(status)));
        finish(self, LOGIN_BUSY);
    }
}

/* --- the questions -------------------------------------------------------------------------------
 */

static const char *put_question(const login_t *self, buf_t *args)
{
    static const char *const commands[] = {[CREDENTIAL_PASSWORD] = "auth.login",
                                           [CREDENTIAL_TOKEN] = "auth.token.check",
                                           [CREDENTIAL_SESSION] = "auth.session.check"};
    const credential_t *item = current(self);
    bool password = item->kind == CREDENTIAL_PASSWORD;
    mp_put_array(args, password ? 4 : 2);
    mp_put_str(args, buf_str(&item->text));
    if (password)
        mp_put_str(args, buf_str(&item->password));
    mp_put_cstr(args, self->address);
    if (password)
        mp_put_map(args, 0);
    return commands[item->kind];
}

static bool ask(login_t *self)
{
    static const caller_t system_caller = {{"", 0}, {"", 0}, {"gateway", 7}};
    core_t *core = self->core;
    buf_t args = {0};
    const char *command = put_question(self, &args);
    self->ends_before = guard_serial(core->guard);
    if (!args.failed)
        self->corr =
            requests_send(core->requests, "auth", str_of(command), &system_caller, mp_of_buf(&args),
                          core->limits.request_ms, 0, core->mono_ms, on_answer, self);
    credentials_wipe(&args);
    if (self->corr == 0)
        set_text(self, str_of(err_text(ERR_BUSY)));
    return self->corr != 0;
}

/* Without auth: the user of the address, or that of the listener. He need not be known yet, unless
 * the white list has a word in it. */
static void enter_open(login_t *self, const listener_t *listener)
{
    const whitelist_entry_t *entry = entry_of(self);
    const char *user = entry ? whitelist_entry_user(entry) : NULL;
    if (entry) {
        take_open(self, user ? user : listener->default_user);
        return;
    }
    self->identity.user =
        grants_require(self->core->grants, listener->default_user, false, self->core->mono_ms);
    finish(self, LOGIN_OK);
}

/* --- start ---------------------------------------------------------------------------------------
 */

login_t *login_start(core_t *core, const listener_t *listener, const credentials_t *credentials,
                     const char *address, login_done_fn *done, void *arg)
{
    login_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (login_t){.core = core, .credentials = credentials, .done = done, .arg = arg};
    strncpy(self->address, address, sizeof self->address - 1);
    set_text(self, STR_LIT("Credentials are needed"));
    bool ended = false;
    self->ended = &ended;
    if (!listener->auth)
        enter_open(self, listener);
    else if (credentials && credentials->count > 0)
        ask_or_finish(self);
    else
        try_address(self);
    if (ended)
        return NULL;
    self->ended = NULL;
    return self;
}

login_result_t login_result(const login_t *self)
{
    return self->result;
}

const identity_t *login_identity(const login_t *self)
{
    return &self->identity;
}

bool login_is_basic(const login_t *self)
{
    return self->credentials && self->at < self->credentials->count && current(self)->basic;
}

const char *login_text(const login_t *self)
{
    return self->text;
}
