/* SPDX-License-Identifier: MIT */
#include "bus/batch.h"

#include <assert.h>
#include <czmq.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bus/barrier.h"
#include "bus/envelope.h"
#include "bus/follower.h"
#include "bus/log.h"
#include "bus/outgoing.h"
#include "bus/peers.h"
#include "bus/publisher.h"
#include "bus/sock.h"
#include "bus/table.h"
#include "bus/tap.h"
#include "bus/tickets.h"

#define FOLLOWS_MAX 8
#define PATIENCE_MS 5                        /* a queue of events is far from full by then */
#define FRAMES_PER_FOLLOWER 256              /* per turn */
#define OPEN_QUESTIONS_MAX 65536             /* questions to other actors that wait for an answer */
#define BATCH_BYTES_MAX (8u * 1024u * 1024u) /* a batch whose answers are larger ends early */
#define DRAIN_TURNS 1000                     /* at the end: what may still be handled */
#define SYNCS_MAX 4096
#define LOOK_EVERY_MS 500

/* A request that has been handled in this batch; offsets into `text` and `values`. */
typedef struct {
    size_t peer_at, peer_len;
    size_t user_at, user_len;
    size_t client_at, client_len;
    size_t value_at, value_len;
    uint32_t value_count;
    err_t status;
    const command_t *row;
    uint64_t corr, trace;
    int64_t started_us;
    bool wants_reply;
} call_t;

/* A "bus.sync" that waits for an event of a followed actor. */
typedef struct {
    uint64_t ticket;
    size_t follower;
    uint64_t epoch, seq;
} sync_t;

struct batch {
    env_t env;
    const actor_t *actor;
    void *self; /* the actor's state */
    table_t *table;
    zsock_t *router, *events, *taps;
    ready_t *ready; /* of requests: all sockets of this thread */
    size_t router_ready, events_ready, taps_ready;
    int64_t next_look_ms; /* when subscriptions are looked for without a sign */
    requests_t *requests;
    publisher_t *publisher;
    tap_t *tap;
    peers_t *peers;
    tickets_t *tickets;
    barrier_t *barrier; /* NULL: none */
    follower_t *followers[FOLLOWS_MAX];
    size_t followers_len;
    size_t batch_max;

    call_t *calls;
    size_t calls_len;
    outgoing_t *outgoing; /* events and questions of this batch */
    buf_t text;           /* strings of this batch */
    buf_t values;         /* answers of this batch */
    reply_t reply;
    sync_t syncs[SYNCS_MAX];
    size_t syncs_len;
    const char *event_actor; /* whose event is being handled; NULL: none */
    uint64_t event_seq;      /* and its number */
    int64_t mono_ms;         /* of this turn */
    int64_t next_tick_ms;
    uint64_t bad_frames;
};

static batch_t *of(env_t *env)
{
    return env->impl;
}

static str_t text_of(const batch_t *self, size_t at, size_t len)
{
    return (str_t){(const char *)self->text.data + at, len};
}

static mp_t value_of(const batch_t *self, size_t at, size_t len)
{
    return mp_of(self->values.data + at, len);
}

static size_t keep_text(batch_t *self, str_t text)
{
    size_t at = self->text.len;
    buf_append_str(&self->text, text);
    return at;
}

static size_t keep_value(batch_t *self, mp_t value)
{
    size_t at = self->values.len;
    mp_put_raw(&self->values, value);
    return at;
}

/* --- env_t ----------------------------------------------------------------------------------- */

static int64_t env_now(env_t *env)
{
    struct timespec now;
    (void)env;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t env_mono(env_t *env)
{
    (void)env;
    return sock_mono_ms();
}

static void env_random(env_t *env, void *out, size_t len)
{
    (void)env;
    ssize_t got = getrandom(out, len, 0);
    assert(got == (ssize_t)len);
}

static void env_publish(env_t *env, const char *event, const request_t *cause, mp_t acl, mp_t args)
{
    batch_t *self = of(env);
    const request_t followed = {.peer = str_of(self->event_actor ? self->event_actor : ""),
                                .corr = self->event_seq};
    uint64_t seen = self->followers_len > 0 ? follower_seq(self->followers[0]) : 0;
    outgoing_publish(self->outgoing, event, cause || !self->event_actor ? cause : &followed, seen,
                     acl, args);
}

static void env_ask(env_t *env, const char *actor, const char *command, const caller_t *caller,
                    mp_t args, int64_t ttl_ms, env_answer_fn *done, void *arg)
{
    outgoing_ask(of(env)->outgoing, actor, command, caller, args, ttl_ms, done, arg);
}

static uint64_t env_defer(env_t *env, const request_t *request)
{
    batch_t *self = of(env);
    ticket_t *ticket = tickets_open(self->tickets, request,
                                    table_find(self->table, request->command), sock_mono_us());
    self->next_tick_ms = self->mono_ms; /* env.h: work that ticks carry on has begun */
    return ticket ? ticket->ticket : 0;
}

/* Adds a call of the batch whose answer is in reply. */
static call_t *add_call(batch_t *self, const reply_t *reply)
{
    call_t *call = &self->calls[self->calls_len++];
    *call = (call_t){.value_count = reply->count, .value_len = reply->body.len};
    call->value_at = keep_value(self, mp_of_buf(&reply->body));
    return call;
}

static void finish_batch(batch_t *self);

static void env_answer(env_t *env, uint64_t number, err_t status, const reply_t *reply)
{
    batch_t *self = of(env);
    ticket_t *ticket = tickets_find(self->tickets, number);
    if (!ticket)
        return;
    reply_t text;
    reply_init(&text);
    if (!reply || (status != ERR_OK && reply->count == 0)) {
        reply_str(&text, str_of(err_text(status)));
        reply = &text;
    }
    call_t *call = add_call(self, reply);
    call->status = status;
    call->row = ticket->row;
    call->corr = ticket->corr;
    call->trace = ticket->trace;
    call->started_us = ticket->started_us;
    call->wants_reply = ticket->wants_reply;
    call->peer_len = ticket->peer_len;
    call->peer_at = keep_text(self, (str_t){ticket->peer, ticket->peer_len});
    call->user_len = strlen(ticket->user);
    call->user_at = keep_text(self, str_of(ticket->user));
    call->client_len = strlen(ticket->client);
    call->client_at = keep_text(self, str_of(ticket->client));
    tickets_close(self->tickets, ticket);
    reply_fini(&text);
}

/* --- the end of a batch ---------------------------------------------------------------------- */

static void answer_error(batch_t *self, call_t *call, err_t err)
{
    reply_clear(&self->reply);
    reply_str(&self->reply, str_of(err_text(err)));
    call->status = err;
    call->value_count = self->reply.count;
    call->value_len = self->reply.body.len;
    call->value_at = keep_value(self, mp_of_buf(&self->reply.body));
}

/* Nothing of this batch was stored: whoever wanted to write is told, and nobody else hears of it.
 */
static void undo(batch_t *self, err_t err)
{
    static log_limit_t limit;
    log_limited(&limit, LEVEL_ERROR, "ACTOR-COMMIT", "actor=%s error=%s", self->actor->name,
                err_name(err));
    for (size_t i = 0; i < self->calls_len; i++) {
        call_t *call = &self->calls[i];
        if (call->row && (call->row->flags & CMD_WRITE) && call->status == ERR_OK)
            answer_error(self, call, err);
    }
    outgoing_drop_events(self->outgoing);
}

static void tap_call(batch_t *self, const call_t *call)
{
    const caller_t caller = {text_of(self, call->user_at, call->user_len),
                             {"", 0},
                             text_of(self, call->client_at, call->client_len)};
    bool secret = call->row && (call->row->flags & CMD_SECRET);
    buf_t list = {0};
    mp_put_array(&list, call->value_count);
    mp_put_raw(&list, value_of(self, call->value_at, call->value_len));
    tap_reply(self->tap, env_now(&self->env), str_of(call->row ? call->row->name : "?"), &caller,
              call->corr, call->trace, call->status, sock_mono_us() - call->started_us,
              mp_of_buf(&list), secret);
    buf_fini(&list);
}

static void send_reply(batch_t *self, const call_t *call, uint64_t seq, bool hold)
{
    str_t peer = text_of(self, call->peer_at, call->peer_len);
    buf_t *out = hold ? barrier_reply(self->barrier, peer) : peers_require(self->peers, peer);
    envelope_put_reply(out, call->corr, call->status, seq, call->trace, call->value_count,
                       value_of(self, call->value_at, call->value_len));
    if (hold)
        barrier_reply_done(self->barrier);
}

static void send_replies(batch_t *self, uint64_t seq)
{
    bool hold_writes = self->barrier && outgoing_events(self->outgoing) > 0;
    bool tapped = tap_active(self->tap);
    for (size_t i = 0; i < self->calls_len; i++) {
        const call_t *call = &self->calls[i];
        table_count(self->table, call->row, call->status, sock_mono_us() - call->started_us);
        if (tapped)
            tap_call(self, call);
        if (call->wants_reply)
            send_reply(self, call, seq, hold_writes && call->row && (call->row->flags & CMD_WRITE));
    }
}

static void flush_peers(batch_t *self)
{
    if (peers_flush(self->peers, self->router))
        ready_mark(self->ready, self->router_ready);
}

static void finish_batch(batch_t *self)
{
    err_t err = self->actor->commit ? self->actor->commit(self->self) : ERR_OK;
    if (err != ERR_OK)
        undo(self, err);
    size_t events = outgoing_events(self->outgoing);
    send_replies(self, events ? publisher_seq(self->publisher) + events : 0);
    /* Emptied before anything below calls back: a call-back may answer, which starts a new batch.
     */
    self->calls_len = 0;
    buf_reset(&self->text);
    buf_reset(&self->values);
    flush_peers(self);
    outgoing_send_events(self->outgoing, self->publisher, self->tap, env_now(&self->env));
    publisher_flush(self->publisher);
    if (self->barrier)
        barrier_wait(self->barrier, publisher_epoch(self->publisher),
                     publisher_seq(self->publisher), self->mono_ms);
    outgoing_send_questions(self->outgoing, self->requests, self->mono_ms);
    requests_flush(self->requests);
    /* A barrier group without anybody to wait for has just been released. */
    flush_peers(self);
}

/* --- requests -------------------------------------------------------------------------------- */

static err_t run_handler(batch_t *self, const command_t *row, const request_t *request,
                         reply_t *reply)
{
    if (!row)
        return ERR_UNKNOWN_COMMAND;
    if (request->argc < row->min_args)
        return ERR_BAD_ARGS;
    if (!request->wants_reply && (row->flags & (CMD_WRITE | CMD_EFFECT)) == 0)
        return ERR_OK;
    return row->handler(table_is_builtin(self->table, row) ? (void *)self : self->self, request,
                        reply);
}

static void handle(batch_t *self, const envelope_t *message, str_t peer)
{
    int64_t started_us = sock_mono_us();
    request_t request = {.corr = message->corr,
                         .trace = message->trace,
                         .peer = peer,
                         .command = message->name,
                         .caller = message->caller,
                         .deadline_ms = message->ttl_ms < INT64_MAX - self->mono_ms
                                            ? self->mono_ms + message->ttl_ms
                                            : INT64_MAX,
                         .wants_reply = message->wants_reply,
                         .args = message->body};
    bool is_array = mp_read_array(&request.args, &request.argc);
    assert(is_array);
    const command_t *row = table_find(self->table, request.command);
    if (tap_active(self->tap))
        tap_request(self->tap, env_now(&self->env), &request, row && (row->flags & CMD_SECRET));
    reply_t reply = self->reply;
    reply_clear(&reply);
    err_t status = run_handler(self, row, &request, &reply);
    self->reply = reply;
    if (status == ERR_PENDING)
        return;
    if (status == ERR_OK && reply.body.failed)
        status = ERR_NO_MEMORY;
    if (status != ERR_OK && status != ERR_CUSTOM) {
        reply_clear(&self->reply);
        reply_str(&self->reply, str_of(err_text(status)));
    }
    call_t *call = add_call(self, &self->reply);
    call->status = status;
    call->row = row;
    call->corr = request.corr;
    call->trace = request.trace;
    call->started_us = started_us;
    call->wants_reply = request.wants_reply;
    call->peer_len = peer.len;
    call->peer_at = keep_text(self, peer);
    call->user_len = request.caller.user.len;
    call->user_at = keep_text(self, request.caller.user);
    call->client_len = request.caller.client.len;
    call->client_at = keep_text(self, request.caller.client);
}

static void count_bad(batch_t *self, str_t peer, err_t err)
{
    static log_limit_t limit;
    self->bad_frames++;
    log_limited(&limit, LEVEL_WARN, "BUS-BAD-FRAME", "actor=%s peer=%.*s error=%s",
                self->actor->name, peer.len < 64 ? (int)peer.len : 64, peer.p, err_name(err));
}

static bool is_full(const batch_t *self)
{
    return self->calls_len >= self->batch_max ||
           self->values.len + outgoing_bytes(self->outgoing) >= BATCH_BYTES_MAX;
}

static void take_frame(batch_t *self, str_t peer, str_t data)
{
    mp_t frame = mp_of(data.p, data.len);
    while (!mp_at_end(&frame)) {
        envelope_t message;
        err_t err = envelope_next(&frame, &message);
        if (err == ERR_OK && message.type != ENVELOPE_REQUEST)
            err = ERR_BAD_FRAME;
        if (err != ERR_OK) {
            count_bad(self, peer, err);
            return;
        }
        handle(self, &message, peer);
        if (is_full(self))
            finish_batch(self);
    }
    if (data.len == 0)
        count_bad(self, peer, ERR_BAD_FRAME);
}

/* A message is [routing id][frame]; false: nothing was there. */
static bool take_message(batch_t *self)
{
    zmq_msg_t id, frame;
    if (!ready_is(self->ready, self->router_ready))
        return false;
    if (!sock_recv(self->router, &id)) {
        ready_clear(self->ready, self->router_ready);
        return false;
    }
    if (sock_has_more(&id) && sock_recv(self->router, &frame)) {
        take_frame(self, sock_msg_str(&id), sock_msg_str(&frame));
        sock_drop_rest(self->router, &frame);
        zmq_msg_close(&frame);
    }
    zmq_msg_close(&id);
    return true;
}

/* --- commands of every actor ----------------------------------------------------------------- */

static err_t batch_on_ping(void *arg, const request_t *request, reply_t *reply)
{
    batch_t *self = arg;
    buf_t why = {0};
    (void)request;
    bool ready = !self->actor->ready || self->actor->ready(self->self, &why);
    reply_nil(reply);
    reply_str(reply, str_of(self->actor->name));
    reply_bool(reply, ready);
    reply_str(reply, buf_str(&why));
    buf_fini(&why);
    return ERR_OK;
}

static err_t batch_on_replay(void *arg, const request_t *request, reply_t *reply)
{
    batch_t *self = arg;
    mp_t args = request->args;
    uint64_t epoch, seq;
    if (!mp_read_uint(&args, &epoch) || !mp_read_uint(&args, &seq))
        return ERR_BAD_ARGS;
    publisher_replay(self->publisher, epoch, seq, reply);
    return ERR_OK;
}

static err_t batch_on_stats(void *arg, const request_t *request, reply_t *reply)
{
    batch_t *self = arg;
    (void)request;
    reply_nil(reply);
    table_stats(self->table, reply_value(reply));
    uint64_t bad = self->bad_frames + requests_bad_frames(self->requests);
    for (size_t i = 0; i < self->followers_len; i++)
        bad += follower_bad_frames(self->followers[i]);
    mp_put_uint(reply_value(reply), bad);
    return ERR_OK;
}

static bool has_seen(const batch_t *self, const sync_t *sync)
{
    const follower_t *follower = self->followers[sync->follower];
    return follower_epoch(follower) == sync->epoch && follower_seq(follower) >= sync->seq;
}

static err_t batch_on_sync(void *arg, const request_t *request, reply_t *reply)
{
    batch_t *self = arg;
    mp_t args = request->args;
    str_t name;
    sync_t sync = {.follower = SIZE_MAX};
    if (!mp_read_str(&args, &name) || !mp_read_uint(&args, &sync.epoch) ||
        !mp_read_uint(&args, &sync.seq))
        return ERR_BAD_ARGS;
    for (size_t i = 0; i < self->followers_len; i++) {
        if (str_is(name, follower_actor(self->followers[i])))
            sync.follower = i;
    }
    if (sync.follower == SIZE_MAX || has_seen(self, &sync)) {
        reply_nil(reply);
        return ERR_OK;
    }
    if (self->syncs_len == SYNCS_MAX)
        return ERR_BUSY;
    sync.ticket = self->env.defer(&self->env, request);
    if (sync.ticket == 0)
        return ERR_BUSY;
    self->syncs[self->syncs_len++] = sync;
    return ERR_PENDING;
}

static const command_t builtins[] = {
    {"bus.ping", batch_on_ping, 0, CMD_READ},
    {"bus.replay", batch_on_replay, 2, CMD_READ},
    {"bus.stats", batch_on_stats, 0, CMD_READ},
    {"bus.sync", batch_on_sync, 3, CMD_READ},
    {NULL, NULL, 0, 0},
};

static void answer_syncs(batch_t *self)
{
    reply_t reply;
    reply_init(&reply);
    reply_nil(&reply);
    for (size_t i = 0; i < self->syncs_len;) {
        sync_t *sync = &self->syncs[i];
        bool open = tickets_find(self->tickets, sync->ticket) != NULL;
        if (open && !has_seen(self, sync)) {
            i++;
            continue;
        }
        if (is_full(self))
            finish_batch(self);
        self->env.answer(&self->env, sync->ticket, ERR_OK, &reply);
        *sync = self->syncs[--self->syncs_len];
    }
    reply_fini(&reply);
}

/* --- a turn ---------------------------------------------------------------------------------- */

static void on_event(void *arg, const char *actor, const envelope_t *message)
{
    batch_t *self = arg;
    const event_t event = {actor, message->name, message->seq, message->caller.instance,
                           message->body};
    self->event_actor = actor;
    self->event_seq = message->seq;
    if (self->actor->event)
        self->actor->event(self->self, &event);
    self->event_actor = NULL;
}

static void on_gap(void *arg, const char *actor)
{
    batch_t *self = arg;
    if (self->actor->gap)
        self->actor->gap(self->self, actor);
}

static const follower_ops_t follower_ops = {on_event, on_gap};

static void expire_tickets(batch_t *self)
{
    ticket_t *ticket;
    while ((ticket = tickets_overdue(self->tickets, self->mono_ms)) != NULL) {
        if (is_full(self))
            finish_batch(self);
        self->env.answer(&self->env, ticket->ticket, ERR_TIMEOUT, NULL);
    }
}

static int64_t run_tick(batch_t *self)
{
    if (!self->actor->tick)
        return 1000;
    if (self->mono_ms >= self->next_tick_ms) {
        int64_t next = self->actor->tick(self->self, self->mono_ms);
        self->next_tick_ms = self->mono_ms + (next > 0 ? next : 1);
    }
    return self->next_tick_ms - self->mono_ms;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Sending on a socket can take away the sign that a subscription has come; so they are looked at
 * now and then. */
static void look_for_listeners(batch_t *self)
{
    if (self->mono_ms >= self->next_look_ms) {
        self->next_look_ms = self->mono_ms + LOOK_EVERY_MS;
        ready_mark(self->ready, self->events_ready);
        ready_mark(self->ready, self->taps_ready);
    }
    publisher_process(self->publisher, ready_is(self->ready, self->events_ready), self->mono_ms);
    if (ready_is(self->ready, self->taps_ready))
        tap_process(self->tap);
    ready_clear(self->ready, self->events_ready);
    ready_clear(self->ready, self->taps_ready);
}

/* A request may ask for what an event has told, so events do not wait then. */
static void follow(batch_t *self)
{
    bool asked = ready_is(self->ready, self->router_ready);
    for (size_t i = 0; i < self->followers_len; i++) {
        if (asked)
            follower_hurry(self->followers[i]);
        (void)follower_process(self->followers[i], FRAMES_PER_FOLLOWER, self->mono_ms);
    }
}

static int64_t until_followers(const batch_t *self, int64_t wait_ms)
{
    for (size_t i = 0; i < self->followers_len; i++) {
        int64_t ms = follower_wait(self->followers[i], self->mono_ms);
        if (ms >= 0)
            wait_ms = least(wait_ms, ms);
    }
    return wait_ms;
}

int64_t batch_turn(batch_t *self)
{
    self->mono_ms = sock_mono_ms();
    look_for_listeners(self);
    follow(self);
    (void)requests_process(self->requests);
    answer_syncs(self);
    size_t handled = 0;
    while (handled < self->batch_max && take_message(self))
        handled++;
    answer_syncs(self);
    int64_t wait_ms = run_tick(self);
    expire_tickets(self);
    wait_ms = least(wait_ms, requests_expire(self->requests, self->mono_ms));
    finish_batch(self);
    wait_ms = least(wait_ms, requests_expire(self->requests, self->mono_ms));
    if (tickets_open_count(self->tickets) > 0)
        wait_ms = least(wait_ms, 50);
    wait_ms = until_followers(self, wait_ms);
    return self->calls_len > 0 ? 0 : least(wait_ms, 1000);
}

void batch_drain(batch_t *self)
{
    ready_mark(self->ready, self->router_ready);
    for (int i = 0; i < DRAIN_TURNS && ready_is(self->ready, self->router_ready); i++)
        (void)batch_turn(self);
    if (self->barrier)
        barrier_release_all(self->barrier);
    if (self->actor->leave)
        self->actor->leave(self->self);
    finish_batch(self);
}

void batch_reload(batch_t *self, const config_t *config)
{
    if (self->actor->reload)
        self->actor->reload(self->self, config);
}

ready_t *batch_ready(const batch_t *self)
{
    return self->ready;
}

/* --- life ------------------------------------------------------------------------------------ */

static err_t bind_sockets(batch_t *self, const endpoints_t *endpoints, size_t max_frame, buf_t *why)
{
    const char *name = self->actor->name;
    self->router = sock_new(ZMQ_ROUTER, NULL, max_frame);
    self->events = sock_new(ZMQ_XPUB, NULL, max_frame);
    self->taps = sock_new(ZMQ_XPUB, NULL, max_frame);
    zsock_set_xpub_verbose(self->events, 1); /* every newcomer is told where we stand */
    err_t err = sock_bind(self->router, endpoints_bind(endpoints, name, ENDPOINT_REQUEST), why);
    if (err == ERR_OK)
        err = sock_bind(self->events, endpoints_bind(endpoints, name, ENDPOINT_EVENT), why);
    if (err == ERR_OK)
        err = sock_bind(self->taps, endpoints_bind(endpoints, name, ENDPOINT_TAP), why);
    return err;
}

static void open_links(batch_t *self, const endpoints_t *endpoints, size_t max_frame)
{
    uint64_t salt;
    char peer[64];
    env_random(&self->env, &salt, sizeof salt);
    snprintf(peer, sizeof peer, "%s-%ld-%08llx", self->actor->name, (long)getpid(),
             (unsigned long long)(salt >> 32));
    self->requests = requests_new(endpoints, peer, OPEN_QUESTIONS_MAX, max_frame);
    self->ready = requests_ready(self->requests);
    self->router_ready = ready_add(self->ready, self->router);
    self->events_ready = ready_add(self->ready, self->events);
    self->taps_ready = ready_add(self->ready, self->taps);
    if (self->actor->barrier) {
        requests_connect(self->requests, self->actor->barrier);
        self->barrier =
            barrier_new(self->actor->name, self->actor->barrier, self->requests, self->peers);
    }
    for (size_t i = 0; self->actor->follows && self->actor->follows[i]; i++) {
        assert(i < FOLLOWS_MAX);
        self->followers[i] =
            follower_new(endpoints, self->requests, self->actor->follows[i], &follower_ops, self);
        if (self->actor->patient && strcmp(self->actor->patient, self->actor->follows[i]) == 0)
            follower_set_patience(self->followers[i], PATIENCE_MS);
        self->followers_len++;
    }
    if (self->actor->follows)
        requests_connect(self->requests, self->actor->follows);
}

static batch_t *make(const actor_t *actor, const config_t *config)
{
    batch_t *self = calloc(1, sizeof *self);
    assert(self);
    self->env =
        (env_t){self, env_now, env_mono, env_random, env_publish, env_ask, env_defer, env_answer};
    self->actor = actor;
    self->batch_max = (size_t)config_int(config, "batch");
    /* Room for the answers that come while the batch is full: tickets and syncs check before they
     * add. */
    self->calls = calloc(self->batch_max + TICKETS_MAX, sizeof *self->calls);
    assert(self->calls);
    self->table = table_new(actor->commands, builtins);
    self->peers = peers_new();
    self->tickets = tickets_new();
    self->outgoing = outgoing_new();
    reply_init(&self->reply);
    return self;
}

batch_t *batch_new(const actor_t *actor, const config_t *config, const endpoints_t *endpoints,
                   buf_t *why)
{
    batch_t *self = make(actor, config);
    size_t max_frame = (size_t)config_int(config, "max-frame");
    uint64_t epoch = 0;
    while (epoch == 0)
        env_random(&self->env, &epoch, sizeof epoch);
    /* The store is opened first: who finds it locked must not take the endpoints of who holds it.
     */
    err_t err = actor->open(&self->env, config, &self->self, why);
    if (err == ERR_OK)
        err = bind_sockets(self, endpoints, max_frame, why);
    if (err == ERR_OK) {
        self->publisher =
            publisher_new(self->events, epoch, (size_t)config_int(config, "replay-ring"));
        self->tap = tap_new(self->taps, actor->name);
        open_links(self, endpoints, max_frame);
        self->mono_ms = sock_mono_ms();
        finish_batch(self);
        return self;
    }
    if (why->len == 0)
        buf_printf(why, "%s: %s", actor->name, err_text(err));
    batch_destroy(&self);
    return NULL;
}

static void close_sockets(batch_t *self)
{
    for (size_t i = 0; i < self->followers_len; i++)
        follower_destroy(&self->followers[i]);
    requests_destroy(&self->requests);
    if (self->peers && self->router)
        (void)peers_flush(self->peers, self->router);
    barrier_destroy(&self->barrier);
    publisher_destroy(&self->publisher);
    tap_destroy(&self->tap);
    zsock_destroy(&self->router);
    zsock_destroy(&self->events);
    zsock_destroy(&self->taps);
}

static void refuse_tickets(batch_t *self)
{
    ticket_t *ticket;
    while ((ticket = tickets_overdue(self->tickets, INT64_MAX)) != NULL) {
        if (is_full(self))
            finish_batch(self);
        self->env.answer(&self->env, ticket->ticket, ERR_SHUTDOWN, NULL);
    }
    finish_batch(self);
}

void batch_destroy(batch_t **self_p)
{
    batch_t *self = *self_p;
    if (!self)
        return;
    if (self->publisher)
        refuse_tickets(self);
    close_sockets(self);
    outgoing_refuse(self->outgoing);
    if (self->self)
        self->actor->close(&self->self);
    table_destroy(&self->table);
    peers_destroy(&self->peers);
    tickets_destroy(&self->tickets);
    free(self->calls);
    outgoing_destroy(&self->outgoing);
    buf_fini(&self->text);
    buf_fini(&self->values);
    reply_fini(&self->reply);
    free(self);
    *self_p = NULL;
}
