/* SPDX-License-Identifier: MIT */
#include "gateway/feed.h"

#include <assert.h>
#include <stdlib.h>

#include "bus/follower.h"
#include "bus/log.h"
#include "gateway/session.h"

#define FRAMES_PER_TURN 64 /* so that calls of clients get their turn */
#define RESYNC_IDS 1000    /* ids in one question */
#define RESYNC_TTL_MS 30000

#define HELD_MAX (8u * 1024u * 1024u) /* bytes of events that wait for their cause */
#define HELD_MS 1000                  /* and for how long at most */

struct feed_hub {
    core_t *core;
    follower_t *followers[FEED_COUNT];
    buf_t held[FEED_COUNT]; /* events that wait for an object's event, and what came behind them */
    int64_t held_until_ms[FEED_COUNT];
    void (*told)(void *arg, feed_t feed);
    void *told_arg;
};

static const char *const actors[FEED_COUNT] = {[FEED_OBJECTS] = "objects",
                                               [FEED_STATES] = "states",
                                               [FEED_FILES] = "files",
                                               [FEED_LOG] = "log",
                                               [FEED_AUTH] = "auth"};

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
    frames_t frames[DIALECTS_MAX];
    bool encoded[DIALECTS_MAX];
} delivery_t;

static void hit(void *arg, void *owner)
{
    delivery_t *delivery = arg;
    session_t *session = owner;
    const dialect_t *dialect = session_dialect(session);
    frames_t *frames = &delivery->frames[dialect->id];
    if (!delivery->encoded[dialect->id]) {
        session_event_t event = {.name = delivery->name,
                                 .args = delivery->args,
                                 .key = delivery->key,
                                 .kind = delivery->kind,
                                 .id = delivery->id,
                                 .seq = delivery->seq};
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
    (void)core;
    if (text_arg(event, 0, &id))
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

static const struct {
    const char *name;
    event_fn *handle;
} events[] = {{"stateChange", on_state},
              {"objectChange", on_object},
              {"fileChange", on_file},
              {"log", on_log},
              {"permissionsChange", on_permissions}};

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
    delivery_t delivery = {.core = core, .name = event->name, .args = event->body, .key = {"", 0}};
    if (event->corr != 0 && str_is(event->peer, requests_peer(core->requests)))
        delivery.cause = call_find(core, event->corr);
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (str_is(event->name, events[i].name))
            events[i].handle(core, event, &delivery);
    }
}

/* What a store does because an object changed (default values, deletions) names the object's event
 * as its cause: clients shall see that one first. It was published earlier, but by another actor,
 * so it may come later. */
static bool must_wait(feed_hub_t *self, const envelope_t *event)
{
    follower_t *objects = self->followers[FEED_OBJECTS];
    if (!str_is(event->peer, actors[FEED_OBJECTS]) || follower_seq(objects) >= event->corr)
        return false;
    ready_wait(requests_ready(self->core->requests), 0);
    (void)follower_process(objects, FRAMES_PER_TURN, self->core->mono_ms);
    return follower_in_sync(objects) && follower_seq(objects) < event->corr;
}

static void hold(feed_hub_t *self, feed_t feed, const envelope_t *event)
{
    if (self->held[feed].len == 0)
        self->held_until_ms[feed] = self->core->mono_ms + HELD_MS;
    envelope_put_event(&self->held[feed], event->epoch, event->seq, event->name, event->peer,
                       event->corr, event->caller.instance, event->body);
}

/* Hands out what no longer has to wait, in order; true if there was any. */
static bool release_held(feed_hub_t *self, feed_t feed)
{
    buf_t *held = &self->held[feed];
    bool force = held->len > HELD_MAX || self->core->mono_ms >= self->held_until_ms[feed];
    mp_t at = mp_of_buf(held), next = at;
    envelope_t event;
    while (!mp_at_end(&next) && envelope_next(&next, &event) == ERR_OK &&
           (force || !must_wait(self, &event))) {
        hand_out(self, &event);
        at = next;
    }
    bool any = at.p != held->data;
    buf_consume(held, (size_t)(at.p - held->data));
    return any;
}

static void on_event(void *arg, const char *actor, const envelope_t *event)
{
    feed_hub_t *self = arg;
    feed_t feed = feed_of(actor);
    metrics_add(self->core->metrics, METRIC_EVENTS_IN, 1);
    if (event->seq > self->core->seen[feed])
        self->core->seen[feed] = event->seq;
    if (self->held[feed].len > 0 || (feed != FEED_OBJECTS && must_wait(self, event)))
        hold(self, feed, event);
    else
        hand_out(self, event);
}

/* --- after a gap ---------------------------------------------------------------------------------
 */

/* What was asked for: ids, or nothing when it was a pattern. */
typedef struct {
    feed_hub_t *hub;
    buf_t ids; /* str values, one behind the other */
} question_t;

/* As if the state had just changed; seq above all: every subscription counts. */
static void deliver_state(core_t *core, mp_t id, mp_t state)
{
    buf_t args = {0};
    str_t text;
    mp_t cursor = id;
    if (!mp_read_str(&cursor, &text))
        return;
    mp_put_array(&args, 2);
    mp_put_raw(&args, id);
    mp_put_raw(&args, state);
    delivery_t delivery = {
        .core = core, .name = STR_LIT("stateChange"), .args = mp_of_buf(&args), .key = text};
    deliver(&delivery, SUBS_STATES, text, UINT64_MAX);
    buf_fini(&args);
}

/* [nil, [state | nil ...]] in the order of the ids. */
static void take_states(question_t *question, mp_t values)
{
    mp_t ids = mp_of_buf(&question->ids), id, state;
    uint32_t count;
    if (!mp_read_array(&values, &count))
        return;
    for (uint32_t i = 0; i < count; i++) {
        if (!mp_next(&ids, &id) || !mp_next(&values, &state))
            return;
        deliver_state(question->hub->core, id, state);
    }
}

/* [nil, {id: state}]; ids without a value tell nothing. */
static void take_map(question_t *question, mp_t values)
{
    mp_t id, state;
    uint32_t count;
    if (!mp_read_map(&values, &count))
        return;
    for (uint32_t i = 0; i < count; i++) {
        if (!mp_next(&values, &id) || !mp_next(&values, &state))
            return;
        if (mp_type(state) != MP_NIL)
            deliver_state(question->hub->core, id, state);
    }
}

static void take_values(void *arg, err_t status, uint64_t seq, mp_t body)
{
    question_t *question = arg;
    mp_t values;
    (void)seq;
    if (status == ERR_OK && mp_at(body, 1, &values)) {
        if (question->ids.len > 0)
            take_states(question, values);
        else
            take_map(question, values);
    } else if (status != ERR_SHUTDOWN) {
        static log_limit_t limit;
        log_limited(&limit, LEVEL_WARN, "GW-RESYNC", "error=%s", err_name(status));
    }
    buf_fini(&question->ids);
    free(question);
}

static void ask(feed_hub_t *self, const char *command, mp_t args, buf_t *ids)
{
    static const caller_t caller = {{"", 0}, {"", 0}, {"gateway", 7}};
    question_t *question = calloc(1, sizeof *question);
    assert(question);
    question->hub = self;
    if (ids) {
        question->ids = *ids;
        *ids = (buf_t){0};
    }
    uint64_t corr =
        requests_send(self->core->requests, actors[FEED_STATES], str_of(command), &caller, args,
                      RESYNC_TTL_MS, 0, self->core->mono_ms, take_values, question);
    if (corr == 0) {
        buf_fini(&question->ids);
        free(question);
    }
}

static void ask_ids(feed_hub_t *self, buf_t *ids, uint32_t count)
{
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_array(&args, count);
    mp_put_raw(&args, mp_of_buf(ids));
    ask(self, "states.get", mp_of_buf(&args), ids);
    buf_fini(&args);
}

static void ask_pattern(feed_hub_t *self, str_t pattern)
{
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_str(&args, pattern);
    ask(self, "getStates", mp_of_buf(&args), NULL);
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

static const subs_kind_t kinds[FEED_COUNT] = {[FEED_OBJECTS] = SUBS_OBJECTS,
                                              [FEED_STATES] = SUBS_STATES,
                                              [FEED_FILES] = SUBS_FILES,
                                              [FEED_LOG] = SUBS_LOG,
                                              [FEED_AUTH] = SUBS_KINDS};

static void on_gap(void *arg, const char *actor)
{
    feed_hub_t *self = arg;
    feed_t feed = feed_of(actor);
    log_debug("GW-GAP", "actor=%s", actor);
    metrics_add(self->core->metrics, METRIC_GAPS, 1);
    self->core->seen[feed] = follower_seq(self->followers[feed]);
    if (kinds[feed] != SUBS_KINDS)
        subs_restart(self->core->subs, kinds[feed]);
    if (feed == FEED_STATES)
        resync_states(self);
    if (feed == FEED_AUTH)
        grants_changed(self->core->grants, (str_t){"", 0}, self->core->mono_ms);
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
    for (size_t i = 0; i < FEED_COUNT; i++)
        any = follower_process(self->followers[i], FRAMES_PER_TURN, self->core->mono_ms) || any;
    for (size_t i = 0; i < FEED_COUNT; i++)
        any = (self->held[i].len > 0 && release_held(self, (feed_t)i)) || any;
    return any;
}

size_t feed_fds(const feed_hub_t *self, int *fds, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < FEED_COUNT && n < cap; i++)
        fds[n++] = follower_fd(self->followers[i]);
    return n;
}
