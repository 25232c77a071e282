/* SPDX-License-Identifier: MIT */
#include "gateway/session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/log.h"
#include "bus/sock.h"
#include "gateway/command.h"
#include "gateway/outbox.h"

#define HELD_MAX 10000 /* events that wait for an answer of one client */

/* An event that waits for the answer of a call. */
typedef struct held {
    struct held *next;
    frames_t frames;
    uint64_t corr; /* of the call; 0: it only waits for its turn */
} held_t;

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
    bool left;  /* gets no events any more */
    bool ended; /* the transport was told to end */
    bool paused;
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

/* Log-in is not there yet: where it is asked for, nobody gets in. The client is told as the
 * original tells it. */
static void refuse_login(session_t *self)
{
    static const uint8_t no_args[] = {0x90};
    session_emit(self, STR_LIT("reauthenticate"), mp_of(no_args, sizeof no_args));
    end(self, "log-in", true);
}

session_t *session_new(core_t *core, const dialect_t *dialect, const listener_t *listener, str_t id,
                       const char *address, const session_transport_t *transport_ops,
                       void *transport)
{
    static log_limit_t connects;
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
    self->user = grants_require(core->grants, listener->default_user, core->mono_ms);
    self->subs = subs_client_new(core->subs, self);
    self->outbox = outbox_new(core->limits.outbox_soft, core->limits.outbox_hard);
    self->held_end = &self->held;
    link_session(self);
    metrics_add(core->metrics, METRIC_SESSIONS_TOTAL, 1);
    log_limited(&connects, LEVEL_INFO, "GW-CONNECT", "==> Connected %s from %s client=%s",
                grants_name(self->user), address, self->client);
    self->state = dialect->open(self);
    if (listener->auth)
        refuse_login(self);
    core->changed(core->changed_arg);
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

static void call_free(call_t *call);

void session_destroy(session_t **self_p)
{
    session_t *self = *self_p;
    if (!self)
        return;
    static log_limit_t disconnects;
    core_t *core = self->core;
    log_limited(&disconnects, LEVEL_INFO, "GW-DISCONNECT", "<== Disconnect %s from %s %s client=%s",
                grants_name(self->user), self->address, self->name, self->client);
    self->ended = true;
    while (self->calls)
        call_free(self->calls);
    if (self->state)
        self->dialect->close(self->state);
    subs_client_destroy(&self->subs);
    drop_held(self);
    outbox_destroy(&self->outbox);
    unlink_session(self);
    free(self->id);
    free(self->address);
    free(self->client);
    free(self->name);
    free(self);
    *self_p = NULL;
    core->changed(core->changed_arg);
}

/* --- messages in and frames out ------------------------------------------------------------------
 */

bool session_receive(session_t *self, bool binary, str_t payload)
{
    return self->ended || self->dialect->receive(self, self->state, binary, payload);
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
    self->dialect->answer(self->state, ack, args, out);
}

void session_call(session_t *self, str_t name, mp_t args, bool has_ack, uint64_t ack)
{
    if (!self->ended && !self->left)
        command_run(self, name, args, has_ack, ack);
}

void session_leave(session_t *self)
{
    self->left = true;
    drop_held(self);
    subs_client_destroy(&self->subs);
    self->subs = subs_client_new(self->core->subs, self);
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
    if (!own && !self->held) {
        push_all(self, frames);
        return;
    }
    hold(self, frames, own ? cause->corr : 0);
    if (self->held_count > HELD_MAX)
        release(self);
}

void session_emit(session_t *self, str_t name, mp_t args)
{
    frames_t frames = {0};
    self->dialect->event(name, args, (str_t){"", 0}, &frames);
    session_event(self, &frames, NULL);
    frames_put(&frames);
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

const session_t *session_next(const session_t *self)
{
    return self->next;
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
}
