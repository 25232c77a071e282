/* SPDX-License-Identifier: MIT */
#include "gateway/feed.h"

#include <assert.h>
#include <stdlib.h>

#include "bus/follower.h"
#include "bus/log.h"
#include "gateway/certs.h"
#include "gateway/guard.h"
#include "gateway/messenger.h"
#include "gateway/recovery.h"
#include "gateway/session.h"

#define PATIENCE_MS 5
#define FRAMES_PER_TURN 64 /* so that calls of clients get their turn */
#define RESYNC_IDS 1000    /* ids in one question */
#define RESYNC_TTL_MS 30000
#define AGAIN_MS 100 /* after values could not be had */

#define HELD_MAX (8u * 1024u * 1024u) /* bytes of events that wait for their cause */
#define HELD_MS 1000                  /* and for how long at most */

struct feed_hub {
    core_t *core;
    follower_t *followers[FEED_COUNT];
    buf_t held[FEED_COUNT]; /* events that wait for an object's event, or until it is known again
                               who may see them; and what came behind them */
    int64_t held_until_ms[FEED_COUNT];
    bool met[FEED_COUNT]; /* there was contact before */
    bool given_up;        /* they have been handed out although that is not known */
    bool missed;          /* somebody may have missed a value that he may see */
    int64_t again_ms;     /* when the values are asked for then, at the earliest */
    void (*told)(void *arg, feed_t feed);
    void *told_arg;
};

static const char *const actors[FEED_COUNT] = {
    [FEED_OBJECTS] = "objects", [FEED_STATES] = "states", [FEED_FILES] = "files",
    [FEED_LOG] = "log",         [FEED_AUTH] = "auth",     [FEED_MESSAGES] = "messages",
    [FEED_HOST] = "host"};

/* --- fan-out -------------------------------------------------------------------------------------
 */

/* An event while it is handed out. */
typedef struct {
    core_t *core;
    str_t name;
    mp_t args;
    str_t key;
    const call_t *cause;
    subs_kind_t kind; /* with id and seq: what finds the receivers */
    str_t id;
    uint64_t seq;
    mp_t acl;
    access_rule_t *rule; /* of the acl; NULL: nobody had to be asked about yet */
    frames_t frames[DIALECTS_MAX];
    bool encoded[DIALECTS_MAX];
} delivery_t;

static bool may_see(delivery_t *delivery, const session_t *session)
{
    const grants_user_t *user = session_user(session);
    if (grants_is_almighty(user))
        return true;
    if (!delivery->rule)
        delivery->rule = access_require(delivery->core->access, delivery->kind, delivery->acl);
    return access_allows(delivery->rule, user);
}

static void hit(void *arg, void *owner)
{
    delivery_t *delivery = arg;
    session_t *session = owner;
    if (!may_see(delivery, session))
        return;
    const dialect_t *dialect = session_dialect(session);
    frames_t *frames = &delivery->frames[dialect->id];
    if (!delivery->encoded[dialect->id]) {
        session_event_t event = {.name = delivery->name,
                                 .args = delivery->args,
                                 .key = delivery->key,
                                 .kind = delivery->kind,
                                 .id = delivery->id,
                                 .seq = delivery->seq,
                                 .acl = delivery->acl};
        session_encode_event(session, &event, frames);
        delivery->encoded[dialect->id] = true;
        metrics_add(delivery->core->metrics, METRIC_EVENTS_ENCODED, 1);
    }
    session_event(session, frames, delivery->cause);
}

static void deliver(delivery_t *delivery, subs_kind_t kind, str_t id, uint64_t seq)
{
    delivery->kind = kind;
    delivery->id = id;
    delivery->seq = seq;
    subs_match(delivery->core->subs, kind, id, seq, hit, delivery);
    for (size_t i = 0; i < DIALECTS_MAX; i++)
        frames_put(&delivery->frames[i]);
}

/* --- events --------------------------------------------------------------------------------------
 */

typedef void event_fn(core_t *core, const envelope_t *event, delivery_t *delivery);

static bool text_arg(const envelope_t *event, uint32_t index, str_t *out)
{
    mp_t value;
    return mp_at(event->body, index, &value) && mp_read_str(&value, out);
}

static void on_state(core_t *core, const envelope_t *event, delivery_t *delivery)
{
    str_t id;
    (void)core;
    if (!text_arg(event, 0, &id))
        return;
    delivery->key = id;
    deliver(delivery, SUBS_STATES, id, event->seq);
}

static void on_object(core_t *core, const envelope_t *event, delivery_t *delivery)
{
    str_t id;
    if (!text_arg(event, 0, &id))
        return;
    if (core->certs && str_is(id, "system.certificates"))
        certs_ask(core->certs, core->mono_ms);
    deliver(delivery, SUBS_OBJECTS, id, event->seq);
}

static void on_file(core_t *core, const envelope_t *event, delivery_t *delivery)
{
    str_t storage, name;
    buf_t id = {0};
    (void)core;
    if (!text_arg(event, 0, &storage) || !text_arg(event, 1, &name))
        return;
    buf_append_str(&id, storage);
    buf_append_cstr(&id, "####");
    buf_append_str(&id, name);
    deliver(delivery, SUBS_FILES, buf_str(&id), event->seq);
    buf_fini(&id);
}

static void on_log(core_t *core, const envelope_t *event, delivery_t *delivery)
{
    (void)core;
    deliver(delivery, SUBS_LOG, STR_LIT("log"), event->seq);
}

static void on_permissions(core_t *core, const envelope_t *event, delivery_t *delivery)
{
    str_t user = {"", 0};
    (void)delivery;
    (void)text_arg(event, 0, &user);
    grants_changed(core->grants, user, core->mono_ms);
}

/* Of an object or file, by its acl; whose rights change by their groups is known by the user. */
static void on_rights(core_t *core, const envelope_t *event, delivery_t *delivery)
{
    (void)event;
    (void)delivery;
    if (core->recovery)
        recovery_forget(core->recovery);
}

/* [user, hash|nil, reason] */
static void on_session_end(core_t *core, const envelope_t *event, delivery_t *delivery)
{
    str_t user, hash = {"", 0}, reason = {"", 0};
    if (!core->guard || !text_arg(event, 0, &user))
        return;
    (void)text_arg(event, 1, &hash);
    (void)text_arg(event, 2, &reason);
    guard_end(core->guard, user, hash, reason, delivery->cause);
}

/* [client, name, arguments...] */
static void on_client_event(core_t *core, const envelope_t *event, delivery_t *delivery)
{
    (void)delivery;
    if (core->messenger)
        messenger_deliver(core->messenger, event->body);
}

static const struct {
    const char *name;
    event_fn *handle;
} events[] = {{"stateChange", on_state},      {"objectChange", on_object},
              {"fileChange", on_file},        {"log", on_log},
              {"rightsChange", on_rights},    {"permissionsChange", on_permissions},
              {"sessionEnd", on_session_end}, {"clientEvent", on_client_event}};

static feed_t feed_of(const char *actor)
{
    feed_t feed = 0;
    while (feed < FEED_COUNT && actors[feed] != actor)
        feed++;
    assert(feed < FEED_COUNT);
    return feed;
}

static void hand_out(feed_hub_t *self, const envelope_t *event)
{
    core_t *core = self->core;
    delivery_t delivery = {
        .core = core, .name = event->name, .args = event->body, .key = {"", 0}, .acl = event->acl};
    if (event->corr != 0 && str_is(event->peer, requests_peer(core->requests)))
        delivery.cause = call_find(core, event->corr);
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (str_is(event->name, events[i].name))
            events[i].handle(core, event, &delivery);
    }
}

/* What a store does because an object changed (default values, deletions) shall be seen after the
 * object's event, and what happens after a group has changed shall be judged by the changed one.
 * Those events were published earlier, but by another actor, so they may come later. */
static bool must_follow(feed_hub_t *self, uint64_t seen)
{
    follower_t *objects = self->followers[FEED_OBJECTS];
    if (follower_seq(objects) >= seen)
        return false;
    ready_wait(requests_ready(self->core->requests), 0);
    (void)follower_process(objects, FRAMES_PER_TURN, self->core->mono_ms);
    return follower_in_sync(objects) && follower_seq(objects) < seen;
}

static bool must_wait(feed_hub_t *self, feed_t feed, const envelope_t *event)
{
    if (feed == FEED_AUTH || feed == FEED_HOST)
        return false;
    /* Messages do not follow objects; what clients here know of counts. */
    uint64_t seen = feed == FEED_MESSAGES ? self->core->seen[FEED_OBJECTS] : event->seen;
    if (feed != FEED_OBJECTS && must_follow(self, seen))
        return true;
    return grants_doubtful(self->core->grants) && !self->given_up;
}

static void hold(feed_hub_t *self, feed_t feed, const envelope_t *event)
{
    if (self->held[feed].len == 0)
        self->held_until_ms[feed] = self->core->mono_ms + HELD_MS;
    envelope_put_event(&self->held[feed], event);
}

/* Hands out what no longer has to wait, in order; true if there was any. */
static bool release_held(feed_hub_t *self, feed_t feed)
{
    buf_t *held = &self->held[feed];
    bool force = held->len > HELD_MAX || self->core->mono_ms >= self->held_until_ms[feed];
    mp_t at = mp_of_buf(held), next = at;
    envelope_t event;
    if (force && grants_doubtful(self->core->grants))
        self->given_up = self->missed = true;
    while (!mp_at_end(&next) && envelope_next(&next, &event) == ERR_OK &&
           (force || !must_wait(self, feed, &event))) {
        hand_out(self, &event);
        at = next;
    }
    bool any = at.p != held->data;
    buf_consume(held, (size_t)(at.p - held->data));
    return any;
}

/* A user or a group has changed: who may see what is open until the auth actor has said it anew. */
static void note_account(feed_hub_t *self, const envelope_t *event)
{
    str_t id;
    if (text_arg(event, 0, &id) &&
        (str_starts(id, "system.user.") || str_starts(id, "system.group.")))
        grants_doubt(self->core->grants, event->epoch, event->seq, self->core->mono_ms);
}

static void on_event(void *arg, const char *actor, const envelope_t *event)
{
    feed_hub_t *self = arg;
    feed_t feed = feed_of(actor);
    metrics_add(self->core->metrics, METRIC_EVENTS_IN, 1);
    if (event->seq > self->core->seen[feed])
        self->core->seen[feed] = event->seq;
    if (feed == FEED_OBJECTS)
        note_account(self, event);
    if (self->held[feed].len > 0 || must_wait(self, feed, event))
        hold(self, feed, event);
    else
        hand_out(self, event);
}

/* --- after a gap ---------------------------------------------------------------------------------
 */

/* As if the state had just changed; seq above all: every subscription counts. */
static void deliver_state(core_t *core, mp_t id, mp_t state, mp_t acl)
{
    buf_t args = {0};
    str_t text;
    mp_t cursor = id;
    if (!mp_read_str(&cursor, &text))
        return;
    mp_put_array(&args, 2);
    mp_put_raw(&args, id);
    mp_put_raw(&args, state);
    delivery_t delivery = {.core = core,
                           .name = STR_LIT("stateChange"),
                           .args = mp_of_buf(&args),
                           .key = text,
                           .acl = acl};
    deliver(&delivery, SUBS_STATES, text, UINT64_MAX);
    buf_fini(&args);
}

/* The states actor does not know yet who may see what, or cannot be asked. */
static void try_again(feed_hub_t *self, err_t status)
{
    static log_limit_t limit;
    if (status == ERR_SHUTDOWN)
        return; /* there may be no hub any more */
    log_limited(&limit, LEVEL_DEBUG, "GW-RESYNC", "error=%s", err_name(status));
    self->missed = true;
    self->again_ms = self->core->mono_ms + AGAIN_MS;
}

/* [nil, [[id, state, acl]...]] */
static void take_values(void *arg, err_t status, uint64_t seq, mp_t body)
{
    feed_hub_t *self = arg;
    mp_t rows, row, id, state;
    uint32_t count, width;
    (void)seq;
    if (status != ERR_OK || !mp_at(body, 1, &rows) || !mp_read_array(&rows, &count)) {
        try_again(self, status);
        return;
    }
    self->missed = self->missed || grants_doubtful(self->core->grants);
    for (uint32_t i = 0; i < count; i++) {
        if (!mp_next(&rows, &row) || !mp_read_array(&row, &width) || width != 3 ||
            !mp_next(&row, &id) || !mp_next(&row, &state))
            return;
        deliver_state(self->core, id, state, row);
    }
}

static void ask(feed_hub_t *self, mp_t args)
{
    static const caller_t caller = {{"", 0}, {"", 0}, {"gateway", 7}};
    (void)requests_send(self->core->requests, actors[FEED_STATES], STR_LIT("states.watched"),
                        &caller, args, RESYNC_TTL_MS, 0, self->core->mono_ms, take_values, self);
}

static void ask_ids(feed_hub_t *self, buf_t *ids, uint32_t count)
{
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_array(&args, count);
    mp_put_raw(&args, mp_of_buf(ids));
    ask(self, mp_of_buf(&args));
    buf_fini(&args);
    buf_reset(ids);
}

static void ask_pattern(feed_hub_t *self, str_t pattern)
{
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_str(&args, pattern);
    ask(self, mp_of_buf(&args));
    buf_fini(&args);
}

static void resync_states(feed_hub_t *self)
{
    buf_t ids = {0};
    uint32_t count = 0;
    size_t at = 0;
    bool exact;
    for (str_t pattern = subs_next(self->core->subs, SUBS_STATES, &at, &exact); pattern.len > 0;
         pattern = subs_next(self->core->subs, SUBS_STATES, &at, &exact)) {
        if (!exact) {
            ask_pattern(self, pattern);
            continue;
        }
        mp_put_str(&ids, pattern);
        if (++count == RESYNC_IDS) {
            ask_ids(self, &ids, count);
            count = 0;
        }
    }
    if (count > 0)
        ask_ids(self, &ids, count);
    buf_fini(&ids);
}

static const subs_kind_t kinds[FEED_COUNT] = {
    [FEED_OBJECTS] = SUBS_OBJECTS, [FEED_STATES] = SUBS_STATES, [FEED_FILES] = SUBS_FILES,
    [FEED_LOG] = SUBS_LOG,         [FEED_AUTH] = SUBS_KINDS,    [FEED_MESSAGES] = SUBS_KINDS,
    [FEED_HOST] = SUBS_KINDS};

static void on_gap(void *arg, const char *actor)
{
    feed_hub_t *self = arg;
    feed_t feed = feed_of(actor);
    log_debug("GW-GAP", "actor=%s", actor);
    if (self->met[feed]) /* the first contact is none that was lost */
        metrics_add(self->core->metrics, METRIC_GAPS, 1);
    self->met[feed] = true;
    self->core->seen[feed] = follower_seq(self->followers[feed]);
    if (kinds[feed] != SUBS_KINDS)
        subs_restart(self->core->subs, kinds[feed]);
    if (feed == FEED_STATES)
        resync_states(self);
    if (feed == FEED_OBJECTS) /* there may have been users or groups among what was lost */
        grants_doubt(self->core->grants, follower_epoch(self->followers[feed]),
                     follower_seq(self->followers[feed]), self->core->mono_ms);
    if (feed == FEED_AUTH) {
        grants_changed(self->core->grants, (str_t){"", 0}, self->core->mono_ms);
        if (self->core->guard)
            guard_gap(self->core->guard);
    }
    self->told(self->told_arg, feed);
}

/* --- life ----------------------------------------------------------------------------------------
 */

feed_hub_t *feed_new(core_t *core, const endpoints_t *endpoints,
                     void (*told)(void *arg, feed_t feed), void *arg)
{
    static const follower_ops_t ops = {.event = on_event, .gap = on_gap};
    feed_hub_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (feed_hub_t){.core = core, .told = told, .told_arg = arg};
    for (size_t i = 0; i < FEED_COUNT; i++)
        self->followers[i] = follower_new(endpoints, core->requests, actors[i], &ops, self);
    return self;
}

void feed_destroy(feed_hub_t **self_p)
{
    feed_hub_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < FEED_COUNT; i++)
        follower_destroy(&self->followers[i]);
    for (size_t i = 0; i < FEED_COUNT; i++)
        buf_fini(&self->held[i]);
    free(self);
    *self_p = NULL;
}

bool feed_process(feed_hub_t *self)
{
    bool any = false;
    /* While nobody watches states their changes are only counted: no reason to wake up for each. */
    bool idle = subs_is_empty(self->core->subs, SUBS_STATES);
    follower_set_patience(self->followers[FEED_STATES], idle ? PATIENCE_MS : 0);
    for (size_t i = 0; i < FEED_COUNT; i++)
        any = follower_process(self->followers[i], FRAMES_PER_TURN, self->core->mono_ms) || any;
    for (size_t i = 0; i < FEED_COUNT; i++)
        any = (self->held[i].len > 0 && release_held(self, (feed_t)i)) || any;
    if (self->missed && self->core->mono_ms >= self->again_ms &&
        !grants_doubtful(self->core->grants)) {
        self->given_up = self->missed = false;
        resync_states(self);
    }
    return any;
}

int64_t feed_wait(const feed_hub_t *self)
{
    return follower_wait(self->followers[FEED_STATES], self->core->mono_ms);
}

size_t feed_fds(const feed_hub_t *self, int *fds, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < FEED_COUNT && n < cap; i++)
        fds[n++] = follower_fd(self->followers[i]);
    return n;
}
