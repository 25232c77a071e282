/* SPDX-License-Identifier: MIT */
#include "gateway/session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/error_object.h"
#include "bus/log.h"
#include "bus/sock.h"
#include "gateway/command.h"
#include "gateway/guard.h"
#include "gateway/messenger.h"
#include "gateway/outbox.h"
#include "gateway/recovery.h"

#define HELD_MAX 10000       /* events that wait for an answer of one client */
#define EARLY_MAX 1000       /* messages of a client that is still logging in */
#define EARLY_BYTES 1048576u /* ... and their bytes */

/* An event that waits for the answer of a call. */
typedef struct held {
    struct held *next;
    frames_t frames;
    uint64_t corr; /* of the call; 0: it only waits for its turn */
} held_t;

/* A message that came while the log-in was under way. */
typedef struct early {
    struct early *next;
    bool binary;
    size_t len;
    char payload[];
} early_t;

struct session {
    core_t *core;
    session_t *prev, *next; /* of core->sessions */
    const dialect_t *dialect;
    void *state; /* of the dialect */
    const listener_t *listener;
    const session_transport_t *transport_ops;
    void *transport;
    char *id;
    char *address;
    char *client;
    char *name;
    grants_user_t *user;
    subs_client_t *subs;
    outbox_t *outbox;
    call_t *calls;
    size_t call_count;
    held_t *held, **held_end;
    size_t held_count;
    buf_t auth;                 /* what the client said for its log-in */
    credentials_t *credentials; /* NULL: nobody is asked for some */
    login_t *login;             /* under way */
    const login_t *refusal;     /* while the client is refused */
    identity_t identity;
    session_watch_t watch;
    early_t *early, **early_end;
    size_t early_count, early_bytes;
    recovery_ticket_t *ticket; /* NULL: it cannot come back */
    uint64_t missed_from;      /* after a recovery: number of the last event that was seen */
    bool logging_in;
    bool admitted;
    bool left;  /* gets no events any more */
    bool ended; /* the transport was told to end, or is gone */
    bool final; /* must not come back */
    bool paused;
    const call_t *expel_after; /* ends when this call is answered */
};

void frames_put(frames_t *frames)
{
    for (size_t i = 0; i < frames->count; i++)
        frame_put(&frames->items[i]);
    frames->count = 0;
}

/* --- life --------------------------------------------------------------------------------------
 */

static char *copy(str_t text)
{
    char *result = str_dup(text);
    assert(result);
    return result;
}

static void link_session(session_t *self)
{
    core_t *core = self->core;
    self->next = core->sessions;
    if (self->next)
        self->next->prev = self;
    core->sessions = self;
    core->session_count++;
}

static void unlink_session(session_t *self)
{
    if (self->prev)
        self->prev->next = self->next;
    else
        self->core->sessions = self->next;
    if (self->next)
        self->next->prev = self->prev;
    self->core->session_count--;
}

static void end(session_t *self, const char *reason, bool flush);
static void push_all(session_t *self, const frames_t *frames);

/* A client came or went. */
static void tell(session_t *self)
{
    if (!self->dialect->brief)
        self->core->changed(self->core->changed_arg);
}

session_t *session_new(core_t *core, const dialect_t *dialect, const listener_t *listener, str_t id,
                       const char *address, const http_head_t *head,
                       const session_transport_t *transport_ops, void *transport)
{
    char client[96];
    session_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (session_t){.core = core, .dialect = dialect, .listener = listener};
    self->transport_ops = transport_ops;
    self->transport = transport;
    self->id = copy(id);
    self->address = copy(str_of(address));
    self->name = copy((str_t){"", 0});
    snprintf(client, sizeof client, "%s/%llu", requests_peer(core->requests),
             (unsigned long long)++core->session_serial);
    self->client = copy(str_of(client));
    self->user = grants_require(core->grants, listener->default_user, false, core->mono_ms);
    self->credentials = listener->auth ? credentials_new(head) : NULL;
    self->subs = subs_client_new(core->subs, self);
    self->outbox = outbox_new(core->limits.outbox_soft, core->limits.outbox_hard);
    self->held_end = &self->held;
    self->early_end = &self->early;
    link_session(self);
    metrics_add(core->metrics, METRIC_SESSIONS_TOTAL, dialect->brief ? 0 : 1);
    self->state = dialect->open(self);
    if (!dialect->asks_to_enter)
        session_login(self, (mp_t){NULL, NULL});
    tell(self);
    return self;
}

static void drop_held(session_t *self)
{
    while (self->held) {
        held_t *held = self->held;
        self->held = held->next;
        frames_put(&held->frames);
        free(held);
    }
    self->held_end = &self->held;
    self->held_count = 0;
}

static void drop_early(session_t *self)
{
    while (self->early) {
        early_t *early = self->early;
        self->early = early->next;
        free(early);
    }
    self->early_end = &self->early;
    self->early_count = self->early_bytes = 0;
}

static void call_free(call_t *call);

/* Without a transport there is nothing to be sent, and nobody who waits for an answer. */
static void detach(session_t *self)
{
    static log_limit_t disconnects;
    if (!self->outbox)
        return;
    if (!self->dialect->brief)
        log_limited(&disconnects, LEVEL_INFO, "GW-DISCONNECT",
                    "<== Disconnect %s from %s %s client=%s", grants_name(self->user),
                    self->address, self->name, self->client);
    self->ended = true;
    login_cancel(&self->login);
    requests_forget(self->core->requests, self->watch.corr);
    credentials_destroy(&self->credentials);
    while (self->calls)
        call_free(self->calls);
    messenger_left(self->core->messenger, self);
    if (self->state)
        self->dialect->close(self->state);
    self->state = NULL;
    drop_held(self);
    drop_early(self);
    outbox_destroy(&self->outbox);
    unlink_session(self);
    tell(self);
}

void session_destroy(session_t **self_p)
{
    session_t *self = *self_p;
    if (!self)
        return;
    detach(self);
    recovery_close(&self->ticket);
    subs_client_destroy(&self->subs);
    credentials_wipe(&self->auth);
    free(self->id);
    free(self->address);
    free(self->client);
    free(self->name);
    free(self);
    *self_p = NULL;
}

void session_lose(session_t **self_p)
{
    session_t *self = *self_p;
    if (!self)
        return;
    if (!self->ticket || self->ended || self->final || self->left) {
        session_destroy(self_p);
        return;
    }
    *self_p = NULL;
    detach(self);
    recovery_park(self->ticket);
}

void session_forbid_return(session_t *self)
{
    self->final = true;
}

/* --- log-in --------------------------------------------------------------------------------------
 */

/* Says again what had to wait; the first of it that is wrong ends the session. */
static void take_early(session_t *self)
{
    while (self->early && !self->ended && !self->logging_in) {
        early_t *early = self->early;
        self->early = early->next;
        if (!self->early)
            self->early_end = &self->early;
        self->early_count--;
        self->early_bytes -= early->len;
        if (!session_receive(self, early->binary, (str_t){early->payload, early->len})) {
            self->final = true;
            end(self, "protocol", false);
        }
        free(early);
    }
}

/* What the client said when it entered is not needed any more. */
static void forget_auth(session_t *self)
{
    credentials_wipe(&self->auth);
    if (self->credentials)
        credentials_drop_auth(self->credentials);
}

static void admit(session_t *self, const identity_t *identity)
{
    static log_limit_t connects;
    self->identity = *identity;
    self->user = identity->user;
    self->logging_in = false;
    self->admitted = true;
    self->left = false;
    /* Who enters by a message of its own may do so again. */
    if (!self->dialect->asks_to_enter)
        credentials_destroy(&self->credentials);
    guard_admitted(self);
    if (!self->dialect->brief)
        log_limited(&connects, LEVEL_INFO, "GW-CONNECT", "==> Connected %s from %s client=%s",
                    grants_name(self->user), self->address, self->client);
    if (self->dialect->recovers && self->core->recovery && !self->ticket)
        self->ticket = recovery_open(self->core->recovery, self);
    self->dialect->greet(self, self->state);
    forget_auth(self);
    take_early(self);
    tell(self);
}

/* A client that may be right a moment later is not told that it has to log in: it comes again by
 * itself. A request gets its answer in any case. */
static void refuse(session_t *self, const login_t *login)
{
    bool busy = login_result(login) == LOGIN_BUSY;
    self->logging_in = false;
    self->final = true;
    self->refusal = login;
    if (!busy || self->dialect->brief)
        self->dialect->refuse(self, self->state);
    self->refusal = NULL;
    forget_auth(self);
    end(self, busy ? "busy" : "log-in", !busy);
}

static void on_login(void *arg, const login_t *login)
{
    session_t *self = arg;
    self->login = NULL;
    if (self->ended)
        return;
    if (login_result(login) == LOGIN_OK)
        admit(self, login_identity(login));
    else
        refuse(self, login);
}

void session_login(session_t *self, mp_t auth)
{
    buf_reset(&self->auth);
    mp_put_raw(&self->auth, auth);
    self->logging_in = true;
    self->admitted = false;
    self->identity = (identity_t){0};
    if (self->credentials)
        credentials_add_auth(self->credentials, auth);
    self->login =
        login_start(self->core, self->listener, self->credentials, self->address, on_login, self);
}

/* Before everything that waits: the connection will not last. */
static void tell_reauthenticate(session_t *self)
{
    static const uint8_t no_args[] = {0x90};
    session_event_t event = {.name = STR_LIT("reauthenticate"),
                             .args = mp_of(no_args, sizeof no_args),
                             .key = {"", 0},
                             .kind = SUBS_KINDS};
    frames_t frames = {0};
    session_encode_event(self, &event, &frames);
    push_all(self, &frames);
    frames_put(&frames);
}

void session_expel(session_t *self, bool tell_it, const call_t *after)
{
    if (self->ended || !self->admitted)
        return;
    self->expel_after = after;
    if (after)
        return;
    if (tell_it) {
        self->final = true;
        recovery_close(&self->ticket);
        if (self->dialect->brief)
            self->dialect->refuse(self, self->state);
        else
            tell_reauthenticate(self);
    }
    end(self, "log-in ended", tell_it);
}

bool session_is_admitted(const session_t *self)
{
    return self->admitted;
}

mp_t session_auth(const session_t *self)
{
    return mp_of_buf(&self->auth);
}

login_result_t session_refusal(const session_t *self)
{
    return self->refusal ? login_result(self->refusal) : LOGIN_NEEDED;
}

const char *session_refusal_text(const session_t *self)
{
    return self->refusal ? login_text(self->refusal) : "The log-in has ended";
}

identity_t *session_identity(session_t *self)
{
    return &self->identity;
}

session_watch_t *session_watch(session_t *self)
{
    return &self->watch;
}

/* --- messages in and frames out ------------------------------------------------------------------
 */

static bool keep_early(session_t *self, bool binary, str_t payload)
{
    if (self->early_count >= EARLY_MAX || self->early_bytes + payload.len > EARLY_BYTES)
        return false;
    early_t *early = malloc(sizeof *early + payload.len);
    assert(early);
    *early = (early_t){.binary = binary, .len = payload.len};
    if (payload.len > 0)
        memcpy(early->payload, payload.p, payload.len);
    *self->early_end = early;
    self->early_end = &early->next;
    self->early_count++;
    self->early_bytes += payload.len;
    return true;
}

bool session_receive(session_t *self, bool binary, str_t payload)
{
    if (self->ended)
        return true;
    if (self->logging_in)
        return keep_early(self, binary, payload);
    self->watch.active = true;
    return self->dialect->receive(self, self->state, binary, payload);
}

frame_t *session_pop(session_t *self)
{
    return outbox_pop(self->outbox);
}

bool session_is_waiting(const session_t *self)
{
    return outbox_len(self->outbox) > 0;
}

static void end(session_t *self, const char *reason, bool flush)
{
    if (self->ended)
        return;
    self->ended = true;
    self->transport_ops->end(self->transport, reason, flush);
}

void session_push(session_t *self, frame_t *frame)
{
    static log_limit_t limit;
    if (self->ended)
        return;
    size_t conflated = outbox_conflated(self->outbox);
    if (outbox_push(self->outbox, frame)) {
        metrics_add(self->core->metrics, METRIC_CONFLATED,
                    (int64_t)(outbox_conflated(self->outbox) - conflated));
        self->transport_ops->wake(self->transport);
        return;
    }
    log_limited(&limit, LEVEL_WARN, "GW-SLOW-CLIENT", "client=%s from=%s name=%s queued=%zu",
                self->client, self->address, self->name, outbox_bytes(self->outbox));
    metrics_add(self->core->metrics, METRIC_SLOW_CLIENTS, 1);
    end(self, "slow", false);
}

static void push_all(session_t *self, const frames_t *frames)
{
    for (size_t i = 0; i < frames->count; i++)
        session_push(self, frames->items[i]);
}

void session_encode_answer(session_t *self, uint64_t ack, mp_t args, frames_t *out)
{
    str_t text;
    if (!error_object_read(args, &text)) {
        self->dialect->answer(self->state, ack, args, out);
        return;
    }
    buf_t plain = {0};
    error_object_write(args, text, self->dialect->error_is_text, &plain);
    self->dialect->answer(self->state, ack, mp_of_buf(&plain), out);
    buf_fini(&plain);
}

void session_call(session_t *self, str_t name, mp_t args, bool has_ack, uint64_t ack)
{
    if (!self->ended && !self->left && self->admitted)
        command_run(self, name, args, has_ack, ack);
}

void session_leave(session_t *self)
{
    self->left = true;
    messenger_left(self->core->messenger, self);
    recovery_close(&self->ticket);
    drop_held(self);
    subs_client_destroy(&self->subs);
    self->subs = subs_client_new(self->core->subs, self);
}

/* --- coming back ---------------------------------------------------------------------------------
 */

/* The session that the client may come back to, NULL: none. */
static session_t *find_earlier(const session_t *self, str_t pid, str_t offset, uint64_t *number)
{
    const recovery_t *recovery = self->core->recovery;
    session_t *earlier = recovery ? recovery_find(recovery, pid) : NULL;
    if (!earlier || earlier == self || earlier->final || earlier->user != self->user ||
        earlier->listener != self->listener || earlier->dialect != self->dialect)
        return NULL;
    /* What it missed cannot be judged: it reads anew. */
    if (!grants_is_almighty(self->user) && grants_version(self->user) == 0)
        return NULL;
    /* A client that has not seen any event names none. */
    uint64_t start = recovery_start(earlier->ticket);
    if (offset.len == 0)
        *number = start;
    else if (!recovery_read_number(offset, number))
        return NULL;
    if (*number < start)
        *number = start;
    return recovery_covers(recovery, *number) ? earlier : NULL;
}

static void swap_texts(char **a, char **b)
{
    char *text = *a;
    *a = *b;
    *b = text;
}

/* A connection that nobody has missed yet ends now. */
static void leave_behind(session_t *earlier)
{
    if (!earlier->outbox) {
        session_destroy(&earlier);
        return;
    }
    earlier->subs = subs_client_new(earlier->core->subs, earlier);
    earlier->left = true;
    drop_held(earlier);
    end(earlier, "recovered", false);
}

bool session_recover(session_t *self, str_t pid, str_t offset)
{
    session_t *earlier = find_earlier(self, pid, offset, &self->missed_from);
    if (!earlier)
        return false;
    recovery_close(&self->ticket);
    self->ticket = earlier->ticket;
    recovery_move(self->ticket, self);
    earlier->ticket = NULL;
    subs_client_destroy(&self->subs);
    self->subs = earlier->subs;
    subs_client_set_owner(self->subs, self);
    earlier->subs = NULL;
    swap_texts(&self->id, &earlier->id);
    swap_texts(&self->name, &earlier->name);
    leave_behind(earlier);
    metrics_add(self->core->metrics, METRIC_RECOVERED, 1);
    return true;
}

/* By the rights that the user has now. */
static void push_missed(void *arg, subs_kind_t kind, mp_t acl, frame_t *frame)
{
    session_t *self = arg;
    if (access_allows(access_require(self->core->access, kind, acl), self->user))
        session_push(self, frame);
}

void session_replay(session_t *self)
{
    recovery_replay(self->core->recovery, self->missed_from, self->subs, push_missed, self);
}

const char *session_pid(const session_t *self)
{
    return self->ticket ? recovery_pid(self->ticket) : NULL;
}

const char *session_id(const session_t *self)
{
    return self->id;
}

void session_set_id(session_t *self, str_t id)
{
    free(self->id);
    self->id = copy(id);
}

/* --- events --------------------------------------------------------------------------------------
 */

static void hold(session_t *self, const frames_t *frames, uint64_t corr)
{
    held_t *held = calloc(1, sizeof *held);
    assert(held);
    held->corr = corr;
    held->frames.count = frames->count;
    for (size_t i = 0; i < frames->count; i++)
        held->frames.items[i] = frame_ref(frames->items[i]);
    *self->held_end = held;
    self->held_end = &held->next;
    self->held_count++;
}

/* Lets go what no longer waits for a call. */
static void release(session_t *self)
{
    /* Order is worth so many events; beyond, the outbox with its bounds takes over. */
    bool force = self->held_count > HELD_MAX;
    while (self->held &&
           (force || self->held->corr == 0 || !call_find(self->core, self->held->corr))) {
        held_t *held = self->held;
        self->held = held->next;
        self->held_count--;
        if (!self->held)
            self->held_end = &self->held;
        push_all(self, &held->frames);
        frames_put(&held->frames);
        free(held);
    }
}

void session_event(session_t *self, const frames_t *frames, const call_t *cause)
{
    bool own = cause && cause->session == self;
    if (self->ended || self->left)
        return;
    metrics_add(self->core->metrics, METRIC_EVENTS_OUT, 1);
    self->watch.active = true;
    if (!own && !self->held) {
        push_all(self, frames);
        return;
    }
    hold(self, frames, own ? cause->corr : 0);
    if (self->held_count > HELD_MAX)
        release(self);
}

/* The number stands behind the arguments. */
static void encode_numbered(const session_t *self, const session_event_t *event, frames_t *out)
{
    recovery_t *recovery = self->core->recovery;
    uint64_t number = recovery_number(recovery);
    char text[RECOVERY_OFFSET_MAX];
    mp_t args = event->args;
    uint32_t count = 0;
    buf_t numbered = {0};
    recovery_put_number(number, text);
    (void)mp_read_array(&args, &count);
    mp_put_array(&numbered, count + 1);
    mp_put_raw(&numbered, args);
    mp_put_cstr(&numbered, text);
    if (!numbered.failed)
        self->dialect->event(event->name, mp_of_buf(&numbered), event->key, out);
    if (event->kind != SUBS_KINDS)
        recovery_keep(recovery, number, event->kind, event->id, event->seq, event->acl, out->items,
                      out->count);
    buf_fini(&numbered);
}

void session_encode_event(const session_t *self, const session_event_t *event, frames_t *out)
{
    /* A client that cannot come back needs no numbers; events for many do not ask who is first. */
    bool many = event->kind != SUBS_KINDS;
    if (self->dialect->recovers && self->core->recovery && (many || self->ticket))
        encode_numbered(self, event, out);
    else
        self->dialect->event(event->name, event->args, event->key, out);
}

void session_emit(session_t *self, str_t name, mp_t args)
{
    frames_t frames = {0};
    session_event_t event = {.name = name, .args = args, .key = {"", 0}, .kind = SUBS_KINDS};
    session_encode_event(self, &event, &frames);
    session_event(self, &frames, NULL);
    frames_put(&frames);
}

void session_emit_token_info(session_t *self)
{
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_map(&args, 1);
    mp_put_cstr(&args, "expiresAt");
    mp_put_int(&args, self->identity.expires_ms);
    session_emit(self, STR_LIT("tokenInfo"), mp_of_buf(&args));
    buf_fini(&args);
}

/* --- who it is -----------------------------------------------------------------------------------
 */

core_t *session_core(const session_t *self)
{
    return self->core;
}

const listener_t *session_listener(const session_t *self)
{
    return self->listener;
}

const dialect_t *session_dialect(const session_t *self)
{
    return self->dialect;
}

grants_user_t *session_user(const session_t *self)
{
    return self->user;
}

subs_client_t *session_subs(const session_t *self)
{
    return self->subs;
}

const char *session_client(const session_t *self)
{
    return self->client;
}

const char *session_address(const session_t *self)
{
    return self->address;
}

const char *session_name(const session_t *self)
{
    return self->name;
}

void session_set_name(session_t *self, str_t name)
{
    free(self->name);
    self->name = copy(name);
    self->core->changed(self->core->changed_arg);
}

session_t *session_next(const session_t *self)
{
    return self->next;
}

void *session_transport(const session_t *self)
{
    return self->transport;
}

size_t session_queued(const session_t *self)
{
    return self->outbox ? outbox_bytes(self->outbox) : 0;
}

size_t session_call_count(const session_t *self)
{
    return self->call_count;
}

const call_t *session_calls(const session_t *self)
{
    return self->calls;
}

caller_t session_caller(const session_t *self)
{
    return (caller_t){.user = str_of(grants_name(self->user)),
                      .instance = str_of(self->listener->instance),
                      .client = str_of(self->client)};
}

/* --- calls ---------------------------------------------------------------------------------------
 */

static str_t corr_key(const uint64_t *corr)
{
    return (str_t){(const char *)corr, sizeof *corr};
}

/* A client that calls without waiting for answers is not read from while too many are open. */
static void check_pause(session_t *self)
{
    bool pause = self->call_count >= self->core->limits.max_requests;
    if (pause == self->paused || self->ended)
        return;
    self->paused = pause;
    self->transport_ops->pause(self->transport, pause);
}

call_t *call_open(session_t *session, size_t row, bool has_ack, uint64_t ack)
{
    core_t *core = session->core;
    /* Without call-back nobody would see a refusal: such a client is slowed down instead
     * (check_pause). */
    if (has_ack && session->call_count >= core->limits.max_requests) {
        metrics_add(core->metrics, METRIC_BUSY, 1);
        return NULL;
    }
    call_t *call = calloc(1, sizeof *call);
    assert(call);
    *call = (call_t){.session = session, .row = row, .has_ack = has_ack, .ack = ack};
    call->started_us = sock_mono_us();
    call->next = session->calls;
    if (call->next)
        call->next->prev = call;
    session->calls = call;
    session->call_count++;
    metrics_add(core->metrics, METRIC_CALLS_OPEN, 1);
    if (!has_ack)
        check_pause(session);
    return call;
}

void call_set_corr(call_t *call, uint64_t corr)
{
    core_t *core = call->session->core;
    if (call->corr != 0)
        map_remove(core->calls, corr_key(&call->corr));
    call->corr = corr;
    if (corr != 0)
        map_put(core->calls, corr_key(&call->corr), call);
}

call_t *call_find(const core_t *core, uint64_t corr)
{
    return map_get(core->calls, corr_key(&corr));
}

static void call_free(call_t *call)
{
    session_t *session = call->session;
    requests_forget(session->core->requests, call->corr);
    call_set_corr(call, 0);
    if (call->prev)
        call->prev->next = call->next;
    else
        session->calls = call->next;
    if (call->next)
        call->next->prev = call->prev;
    session->call_count--;
    metrics_add(session->core->metrics, METRIC_CALLS_OPEN, -1);
    if (call->free_data)
        call->free_data(call->data);
    free(call);
    check_pause(session);
}

void call_answer(call_t **self_p, mp_t args)
{
    call_t *call = *self_p;
    session_t *session = call->session;
    bool last = session->expel_after == call;
    *self_p = NULL;
    metrics_latency(session->core->metrics, sock_mono_us() - call->started_us);
    if (call->has_ack && !session->left) {
        frames_t frames = {0};
        session_encode_answer(session, call->ack, args, &frames);
        push_all(session, &frames);
        frames_put(&frames);
    }
    call_free(call);
    if (!session->ended)
        release(session);
    if (last)
        session_expel(session, true, NULL);
}
