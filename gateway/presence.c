/* SPDX-License-Identifier: MIT */
#include "gateway/presence.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/session.h"

#define DELAY_S 1.0
#define TTL_MS 5000
#define TEXT_MAX 16384 /* bytes of the text; what is more is counted only */

struct presence {
    core_t *core;
    struct ev_loop *loop;
    listener_t *const *listeners;
    ev_timer timer;
};

/* The answer concerns nobody: the states actor logs what goes wrong. */
static void ignore_answer(void *arg, err_t status, uint64_t seq, mp_t body)
{
    (void)arg;
    (void)status;
    (void)seq;
    (void)body;
}

/* value: one value. */
static void write_state(presence_t *self, const listener_t *listener, const char *id,
                        const buf_t *value)
{
    caller_t caller = {
        .user = {"", 0}, .instance = str_of(listener->instance), .client = {"gateway", 7}};
    buf_t args = {0};
    mp_put_array(&args, 2);
    mp_put_cstr(&args, id);
    mp_put_map(&args, 2);
    mp_put_cstr(&args, "val");
    mp_put_raw(&args, mp_of_buf(value));
    mp_put_cstr(&args, "ack");
    mp_put_bool(&args, true);
    (void)requests_send(self->core->requests, "states", STR_LIT("setState"), &caller,
                        mp_of_buf(&args), TTL_MS, 0, self->core->mono_ms, ignore_answer, NULL);
    buf_fini(&args);
}

static void write_named(presence_t *self, const listener_t *listener, const char *before,
                        const char *behind, const buf_t *value)
{
    buf_t id = {0};
    buf_printf(&id, "%s%s%s", before, listener->instance, behind);
    buf_append_byte(&id, 0);
    write_state(self, listener, (const char *)id.data, value);
    buf_fini(&id);
}

static void write_flag(presence_t *self, const listener_t *listener, const char *before,
                       const char *behind, bool flag)
{
    buf_t value = {0};
    mp_put_bool(&value, flag);
    write_named(self, listener, before, behind, &value);
    buf_fini(&value);
}

static void write_text(presence_t *self, const listener_t *listener, str_t text)
{
    buf_t value = {0};
    mp_put_str(&value, text);
    write_named(self, listener, "", ".info.connected", &value);
    buf_fini(&value);
}

/* "[2]vis.0, noname" */
static void connected_text(const presence_t *self, const listener_t *listener, buf_t *out)
{
    size_t count = 0;
    buf_t names = {0};
    for (const session_t *session = self->core->sessions; session;
         session = session_next(session)) {
        if (session_dialect(session)->brief ||
            strcmp(session_listener(session)->instance, listener->instance) != 0)
            continue;
        const char *name = session_name(session);
        if (names.len < TEXT_MAX)
            buf_printf(&names, "%s%s", count > 0 ? ", " : "", name[0] ? name : "noname");
        count++;
    }
    buf_printf(out, "[%zu]", count);
    buf_append_str(out, buf_str(&names));
    buf_fini(&names);
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

static void write_connected(presence_t *self)
{
    for (size_t i = 0; self->listeners[i]; i++) {
        buf_t text = {0};
        if (!is_first(self, i))
            continue;
        connected_text(self, self->listeners[i], &text);
        write_text(self, self->listeners[i], buf_str(&text));
        buf_fini(&text);
    }
}

static void write_alive(presence_t *self, bool alive)
{
    for (size_t i = 0; self->listeners[i]; i++) {
        if (!is_first(self, i))
            continue;
        write_flag(self, self->listeners[i], "system.adapter.", ".alive", alive);
        write_flag(self, self->listeners[i], "", ".info.connection", alive);
    }
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    write_connected(timer->data);
}

presence_t *presence_new(core_t *core, struct ev_loop *loop, listener_t *const *listeners)
{
    presence_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (presence_t){.core = core, .loop = loop, .listeners = listeners};
    ev_init(&self->timer, on_timer);
    self->timer.data = self;
    return self;
}

void presence_destroy(presence_t **self_p)
{
    if (!*self_p)
        return;
    ev_timer_stop((*self_p)->loop, &(*self_p)->timer);
    free(*self_p);
    *self_p = NULL;
}

void presence_announce(presence_t *self)
{
    write_alive(self, true);
    write_connected(self);
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
    write_alive(self, false);
    for (size_t i = 0; self->listeners[i]; i++) {
        if (is_first(self, i))
            write_text(self, self->listeners[i], (str_t){"", 0});
    }
}
