/* SPDX-License-Identifier: MIT */
#include "gateway/guard.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bus/log.h"
#include "gateway/command.h"
#include "gateway/session.h"

#define ENDS 256      /* that are remembered for log-ins under way */
#define USER_MAX 128  /* bytes of a name; what is longer is compared by them */
#define LATE_MS 3000  /* the auth actor ends what has expired; this is for when it does not */
#define LOOK_MS 60000 /* between two looks at a session that is used */
#define LOOK_MIN_MS 1000
#define LOOK_TTL_MS 10000

/* An end that a log-in under way may have missed. */
typedef struct {
    char user[USER_MAX];
    char hash[IDENTITY_HASH_LEN + 1]; /* "": all of the user */
} end_t;

struct guard {
    core_t *core;
    bool in_contact; /* the auth actor's events have been followed before */
    uint64_t serial; /* of the last end */
    uint64_t lost;   /* serial of the last gap */
    end_t ends[ENDS];
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- ends ----------------------------------------------------------------------------------------
 */

static bool concerns(const identity_t *identity, str_t user, str_t hash)
{
    if (!identity->user || identity->kind == IDENTITY_OPEN)
        return false;
    if (hash.len > 0)
        return str_is(hash, identity->hash);
    return identity->kind != IDENTITY_DEVICE && str_is(user, grants_name(identity->user));
}

static void copy(char *to, size_t size, str_t text)
{
    size_t n = text.len < size - 1 ? text.len : size - 1;
    memcpy(to, text.p, n);
    to[n] = '\0';
}

/* The call that is answered before the client goes: its log-out, or its own new password. NULL:
 * none. */
static const call_t *last_call(const session_t *session, const call_t *cause)
{
    const call_t *call = session_calls(session);
    if (cause && cause->session == session)
        return cause;
    while (call && !command_is_own(call->row))
        call = call->next;
    return call;
}

void guard_end(guard_t *self, str_t user, str_t hash, str_t reason, const call_t *cause)
{
    static log_limit_t limit;
    end_t *end = &self->ends[++self->serial % ENDS];
    copy(end->user, sizeof end->user, user);
    copy(end->hash, sizeof end->hash, hash);
    for (session_t *session = self->core->sessions; session; session = session_next(session)) {
        if (!concerns(session_identity(session), user, hash))
            continue;
        log_limited(&limit, LEVEL_INFO, "GW-LOGIN-ENDED", "client=%s user=%.*s reason=%.*s",
                    session_client(session), STR_ARG(user), STR_ARG(reason));
        session_expel(session, true, last_call(session, cause));
    }
}

uint64_t guard_serial(const guard_t *self)
{
    return self ? self->serial : 0;
}

static bool is_end_of(const end_t *end, const identity_t *identity)
{
    char user[USER_MAX];
    if (end->hash[0] != '\0')
        return strcmp(end->hash, identity->hash) == 0;
    copy(user, sizeof user, str_of(grants_name(identity->user)));
    return identity->kind != IDENTITY_DEVICE && strcmp(end->user, user) == 0;
}

bool guard_has_ended(const guard_t *self, uint64_t since, const identity_t *identity)
{
    if (!self || identity->kind == IDENTITY_OPEN || self->serial == since)
        return false;
    if (since < self->lost || self->serial - since >= ENDS)
        return true;
    for (uint64_t at = since + 1; at <= self->serial; at++) {
        if (is_end_of(&self->ends[at % ENDS], identity))
            return true;
    }
    return false;
}

/* --- looking again -------------------------------------------------------------------------------
 */

static bool has_expired(const identity_t *identity)
{
    return identity->expires_ms > 0 && now_ms() > identity->expires_ms + LATE_MS;
}

void guard_admitted(session_t *session)
{
    const identity_t *identity = session_identity(session);
    session_watch_t *watch = session_watch(session);
    watch->looked_ms = session_core(session)->mono_ms;
    watch->life_ms = identity->expires_ms > 0 ? identity->expires_ms - now_ms() : 0;
    watch->active = false;
}

static void take_look(void *arg, err_t status, uint64_t seq, mp_t body)
{
    session_t *session = arg;
    identity_t fresh, *identity = session_identity(session);
    (void)seq;
    session_watch(session)->corr = 0;
    if (status == ERR_OK && login_read_identity(session_core(session), body, &fresh)) {
        identity->expires_ms = fresh.expires_ms;
        guard_admitted(session);
    } else if (status == ERR_CUSTOM || has_expired(identity)) {
        session_expel(session, true, NULL);
    }
}

/* Asks whether the client's session or token is still there, which prolongs a session. */
static void look(session_t *session)
{
    static const caller_t system_caller = {{"", 0}, {"", 0}, {"gateway", 7}};
    core_t *core = session_core(session);
    session_watch_t *watch = session_watch(session);
    buf_t args = {0};
    if (watch->corr != 0)
        return;
    mp_put_array(&args, 1);
    mp_put_cstr(&args, session_identity(session)->hash);
    watch->active = false;
    watch->looked_ms = core->mono_ms;
    watch->corr =
        requests_send(core->requests, "auth", STR_LIT("auth.session.touch"), &system_caller,
                      mp_of_buf(&args), LOOK_TTL_MS, 0, core->mono_ms, take_look, session);
    buf_fini(&args);
}

static bool is_due(session_t *session, int64_t mono_ms)
{
    const identity_t *identity = session_identity(session);
    const session_watch_t *watch = session_watch(session);
    int64_t period = watch->life_ms / 3 < LOOK_MS ? watch->life_ms / 3 : LOOK_MS;
    if (identity->hash[0] == '\0' || mono_ms - watch->looked_ms < LOOK_MIN_MS)
        return false;
    return has_expired(identity) || (watch->active && identity->kind == IDENTITY_SESSION &&
                                     mono_ms - watch->looked_ms >= period);
}

void guard_tick(guard_t *self)
{
    for (session_t *session = self->core->sessions; session; session = session_next(session)) {
        if (is_due(session, self->core->mono_ms))
            look(session);
    }
}

/* Of a password nothing can be asked: its client has to show it again. */
void guard_gap(guard_t *self)
{
    bool first = !self->in_contact;
    self->in_contact = true;
    if (first)
        return;
    self->lost = ++self->serial;
    for (session_t *session = self->core->sessions; session; session = session_next(session)) {
        const identity_t *identity = session_identity(session);
        if (identity->hash[0] != '\0')
            look(session);
        else if (identity->kind == IDENTITY_PASSWORD)
            session_expel(session, false, NULL);
    }
}

/* --- life ----------------------------------------------------------------------------------------
 */

guard_t *guard_new(core_t *core)
{
    guard_t *self = calloc(1, sizeof *self);
    assert(self);
    self->core = core;
    return self;
}

void guard_destroy(guard_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}
