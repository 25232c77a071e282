/* SPDX-License-Identifier: MIT */
#include "gateway/presence.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/session.h"

#define DELAY_S 1.0
#define REPEAT_S 15.0 /* figures are told so often */
#define TTL_MS 5000
#define TEXT_MAX 16384 /* bytes of the names; what is more is counted only */

struct presence {
    core_t *core;
    struct ev_loop *loop;
    listener_t *const *listeners;
    ev_timer timer;
    ev_timer repeat;
    int64_t started_ms;
    int64_t events, calls;   /* counters at the last repetition */
    int64_t inputs, outputs; /* of the time before it */
};

/* The answer concerns nobody. */
static void ignore_answer(void *arg, err_t status, uint64_t seq, mp_t body)
{
    (void)arg;
    (void)status;
    (void)seq;
    (void)body;
}

/* "vis.0, noname" */
static uint64_t put_names(const presence_t *self, const listener_t *listener, buf_t *names)
{
    uint64_t count = 0;
    for (const session_t *session = self->core->sessions; session;
         session = session_next(session)) {
        if (session_dialect(session)->brief ||
            strcmp(session_listener(session)->instance, listener->instance) != 0)
            continue;
        const char *name = session_name(session);
        if (names->len < TEXT_MAX)
            buf_printf(names, "%s%s", count > 0 ? ", " : "", name[0] ? name : "noname");
        count++;
    }
    return count;
}

/* Megabytes that the process has in memory. */
static double memory(void)
{
    unsigned long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%lu %lu", &pages, &resident) != 2)
        resident = 0;
    fclose(file);
    return (double)((int64_t)resident * sysconf(_SC_PAGESIZE) / 10486) / 100;
}

/* Several listeners may show the same instance; the first speaks for all. */
static bool is_first(const presence_t *self, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (strcmp(self->listeners[i]->instance, self->listeners[at]->instance) == 0)
            return false;
    }
    return true;
}

/* [instance, clients, names, uptime, inputs, outputs, memory] */
static void put_row(const presence_t *self, const listener_t *listener, buf_t *out)
{
    buf_t names = {0};
    uint64_t count = put_names(self, listener, &names);
    mp_put_array(out, 7);
    mp_put_cstr(out, listener->instance);
    mp_put_uint(out, count);
    mp_put_str(out, buf_str(&names));
    mp_put_int(out, (self->core->mono_ms - self->started_ms) / 1000);
    mp_put_int(out, self->inputs);
    mp_put_int(out, self->outputs);
    mp_put_double(out, memory());
    buf_fini(&names);
}

static void tell(presence_t *self, bool again)
{
    static const caller_t caller = {{"", 0}, {"", 0}, {"gateway", 7}};
    buf_t args = {0};
    uint32_t count = 0;
    mp_put_array(&args, 2);
    size_t mark = mp_begin_array(&args);
    for (size_t i = 0; self->listeners[i]; i++) {
        if (!is_first(self, i))
            continue;
        put_row(self, self->listeners[i], &args);
        count++;
    }
    mp_end(&args, mark, count);
    mp_put_bool(&args, again);
    (void)requests_send(self->core->requests, "messages", STR_LIT("messages.presence"), &caller,
                        mp_of_buf(&args), TTL_MS, 0, self->core->mono_ms, ignore_answer, NULL);
    buf_fini(&args);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    tell(timer->data, false);
}

static void on_repeat(struct ev_loop *loop, ev_timer *timer, int events)
{
    presence_t *self = timer->data;
    const metrics_t *metrics = self->core->metrics;
    int64_t received = metrics->values[METRIC_EVENTS_IN], calls = (int64_t)metrics->latency_count;
    (void)loop;
    (void)events;
    self->inputs = received - self->events;
    self->outputs = calls - self->calls;
    self->events = received;
    self->calls = calls;
    tell(self, false);
}

presence_t *presence_new(core_t *core, struct ev_loop *loop, listener_t *const *listeners)
{
    presence_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (presence_t){
        .core = core, .loop = loop, .listeners = listeners, .started_ms = core->mono_ms};
    ev_init(&self->timer, on_timer);
    ev_timer_init(&self->repeat, on_repeat, REPEAT_S, REPEAT_S);
    self->timer.data = self->repeat.data = self;
    ev_timer_start(loop, &self->repeat);
    return self;
}

void presence_destroy(presence_t **self_p)
{
    if (!*self_p)
        return;
    presence_leave(*self_p);
    free(*self_p);
    *self_p = NULL;
}

void presence_announce(presence_t *self)
{
    tell(self, true);
}

void presence_changed(presence_t *self)
{
    if (ev_is_active(&self->timer))
        return;
    ev_timer_set(&self->timer, DELAY_S, 0.);
    ev_timer_start(self->loop, &self->timer);
}

void presence_leave(presence_t *self)
{
    ev_timer_stop(self->loop, &self->timer);
    ev_timer_stop(self->loop, &self->repeat);
}
