/* SPDX-License-Identifier: MIT */
#include "actors/replica.h"

#include <stdlib.h>

#include "bus/log.h"

#define PAGE 500          /* objects in one answer */
#define PAGE_TTL_MS 10000 /* time for one answer */
#define RETRY_MIN_MS 100  /* after the first error; doubles up to the longest */
#define RETRY_MAX_MS 5000
#define IDLE_MS 1000            /* between ticks; also how late a reading that failed is noticed */
#define QUEUE_MAX_EVENTS 100000 /* events kept during a reading; more: it starts again */
#define QUEUE_MAX_BYTES (64u * 1024u * 1024u)

struct replica {
    env_t *env;
    const char *const *types; /* NULL: all */
    replica_ops_t ops;
    void *arg;
    bool reading;     /* from a gap until the last page has been applied */
    bool asked;       /* a question is open */
    bool restart;     /* the answer under way belongs to a reading that was given up */
    bool ready;       /* one reading has been completed */
    int64_t retry_at; /* mono ms: not before */
    int64_t backoff_ms;
    buf_t after; /* last id of the page before, as a value; empty: from the start */
    buf_t queue; /* events during the reading: instance (string), args (array), ... */
    uint32_t queued;
};

replica_t *replica_new(env_t *env, const char *const *types, const replica_ops_t *ops, void *arg)
{
    replica_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->env = env;
    self->types = types;
    self->ops = *ops;
    self->arg = arg;
    self->backoff_ms = RETRY_MIN_MS;
    return self;
}

void replica_destroy(replica_t **self_p)
{
    replica_t *self = *self_p;
    if (!self)
        return;
    buf_fini(&self->after);
    buf_fini(&self->queue);
    free(self);
    *self_p = NULL;
}

/* --- reading --------------------------------------------------------------------------------- */

static void answered(void *arg, err_t status, mp_t body);

static void put_question(const replica_t *self, buf_t *out)
{
    uint32_t count = 0;
    while (self->types && self->types[count])
        count++;
    mp_put_array(out, 3);
    if (self->after.len)
        mp_put_raw(out, mp_of_buf(&self->after));
    else
        mp_put_nil(out);
    mp_put_uint(out, PAGE);
    if (!self->types) {
        mp_put_nil(out);
        return;
    }
    mp_put_array(out, count);
    for (uint32_t i = 0; i < count; i++)
        mp_put_cstr(out, self->types[i]);
}

static void ask(replica_t *self)
{
    static const caller_t nobody = {{"", 0}, {"", 0}, {"", 0}};
    buf_t args = {0};
    put_question(self, &args);
    self->asked = true;
    self->env->ask(self->env, "objects", "objects.scan", &nobody, mp_of_buf(&args), PAGE_TTL_MS,
                   answered, self);
    buf_fini(&args);
}

/* Begins from the first page; what was read or queued before no longer counts. */
static void start(replica_t *self)
{
    self->reading = true;
    buf_reset(&self->after);
    buf_reset(&self->queue);
    self->queued = 0;
    self->restart = self->asked;
    if (!self->asked)
        ask(self);
}

static void fail(replica_t *self, err_t err)
{
    static log_limit_t limit;
    log_limited(&limit, LEVEL_WARN, "REPLICA-RETRY", "error=%s retry_ms=%lld", err_name(err),
                (long long)self->backoff_ms);
    self->retry_at = self->env->mono(self->env) + self->backoff_ms;
    self->backoff_ms = self->backoff_ms * 2 < RETRY_MAX_MS ? self->backoff_ms * 2 : RETRY_MAX_MS;
}

static void apply_event(replica_t *self, mp_t args, str_t instance)
{
    uint32_t count;
    str_t id;
    mp_t object;
    if (mp_read_array(&args, &count) && count >= 2 && mp_read_str(&args, &id) &&
        mp_next(&args, &object))
        self->ops.object(self->arg, id, object, true, instance);
}

static void finish(replica_t *self)
{
    if (self->queue.failed) { /* an event is missing for want of memory */
        start(self);
        return;
    }
    self->reading = false;
    self->ready = true;
    self->backoff_ms = RETRY_MIN_MS;
    self->ops.end(self->arg);
    mp_t queue = mp_of_buf(&self->queue), args;
    str_t instance;
    while (mp_read_str(&queue, &instance) && mp_next(&queue, &args))
        apply_event(self, args, instance);
    buf_fini(&self->queue);
    self->queued = 0;
}

/* Applies a page [nil, [[id, object]...], next]; false: not of this shape. */
static bool take_page(replica_t *self, mp_t body, mp_t *next)
{
    mp_t error, rows, row;
    uint32_t count, width;
    if (!mp_at(body, 0, &error) || mp_type(error) != MP_NIL || !mp_at(body, 1, &rows) ||
        !mp_at(body, 2, next) || !mp_read_array(&rows, &count))
        return false;
    if (self->after.len == 0)
        self->ops.begin(self->arg);
    for (uint32_t i = 0; i < count; i++) {
        str_t id;
        mp_t object;
        if (mp_next(&rows, &row) && mp_read_array(&row, &width) && width >= 2 &&
            mp_read_str(&row, &id) && mp_next(&row, &object))
            self->ops.object(self->arg, id, object, false, (str_t){"", 0});
    }
    return true;
}

static void answered(void *arg, err_t status, mp_t body)
{
    replica_t *self = arg;
    mp_t next;
    self->asked = false;
    if (self->restart) {
        self->restart = false;
        ask(self);
        return;
    }
    if (!self->reading)
        return;
    if (status != ERR_OK) {
        fail(self, status);
    } else if (!take_page(self, body, &next)) {
        fail(self, ERR_BAD_FRAME);
    } else if (mp_type(next) != MP_STR) {
        finish(self);
    } else {
        self->backoff_ms = RETRY_MIN_MS;
        buf_reset(&self->after);
        mp_put_raw(&self->after, next);
        ask(self);
    }
}

/* --- public ---------------------------------------------------------------------------------- */

void replica_gap(replica_t *self)
{
    start(self);
}

static void queue_event(replica_t *self, const event_t *event)
{
    if (self->queued >= QUEUE_MAX_EVENTS || self->queue.len >= QUEUE_MAX_BYTES) {
        /* A fresh reading includes what these events said. This one opens the new queue: the next
         * page may be older than it. */
        start(self);
    }
    mp_put_str(&self->queue, event->instance);
    mp_put_raw(&self->queue, event->args);
    self->queued++;
}

void replica_event(replica_t *self, const event_t *event)
{
    if (!str_is(event->name, "objectChange"))
        return;
    if (self->reading)
        queue_event(self, event);
    else
        apply_event(self, event->args, event->instance);
}

int64_t replica_tick(replica_t *self, int64_t mono_ms)
{
    if (!self->reading || self->asked)
        return IDLE_MS;
    if (mono_ms >= self->retry_at)
        ask(self);
    return self->asked ? IDLE_MS : self->retry_at - mono_ms;
}

bool replica_ready(const replica_t *self)
{
    return self->ready;
}

bool replica_current(const replica_t *self)
{
    return self->ready && !self->reading;
}
