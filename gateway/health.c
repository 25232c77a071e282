/* SPDX-License-Identifier: MIT */
#include "gateway/health.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bus/actor_names.h"
#include "bus/json.h"

#define PING_TTL_MS 3000

#define ACTORS_MAX 16

typedef struct {
    const char *name;
    uint64_t asked; /* question under way; 0 none */
    bool ready;
    buf_t why;
} actor_health_t;

struct health {
    requests_t *requests;
    actor_health_t actors[ACTORS_MAX];
    size_t count;
};

/* The demo house may be missing; without the others something does not work. */
static bool is_needed(const char *name)
{
    return strcmp(name, "demo") != 0;
}

static void set(actor_health_t *actor, bool ready, str_t why)
{
    actor->ready = ready;
    buf_reset(&actor->why);
    buf_append_str(&actor->why, why);
}

health_t *health_new(requests_t *requests)
{
    health_t *self = calloc(1, sizeof *self);
    assert(self);
    self->requests = requests;
    const char *const *names = actor_names();
    for (size_t i = 0; names[i]; i++) {
        if (!is_needed(names[i]))
            continue;
        assert(self->count < ACTORS_MAX);
        actor_health_t *actor = &self->actors[self->count++];
        *actor = (actor_health_t){.name = names[i]};
        set(actor, false, STR_LIT("no answer yet"));
    }
    return self;
}

void health_destroy(health_t **self_p)
{
    health_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++) {
        requests_forget(self->requests, self->actors[i].asked);
        buf_fini(&self->actors[i].why);
    }
    free(self);
    *self_p = NULL;
}

/* [nil, name, ready, why] */
static void take_answer(void *arg, err_t status, uint64_t seq, mp_t body)
{
    actor_health_t *actor = arg;
    mp_t value;
    bool ready = false;
    str_t why = {"", 0};
    (void)seq;
    actor->asked = 0;
    if (status != ERR_OK) {
        set(actor, false, str_of(err_text(status)));
        return;
    }
    if (mp_at(body, 2, &value))
        (void)mp_read_bool(&value, &ready);
    if (mp_at(body, 3, &value))
        (void)mp_read_str(&value, &why);
    set(actor, ready, why);
}

void health_tick(health_t *self, int64_t mono_ms)
{
    static const uint8_t no_args[] = {0x90};
    for (size_t i = 0; i < self->count; i++) {
        actor_health_t *actor = &self->actors[i];
        if (actor->asked == 0)
            actor->asked = requests_send(self->requests, actor->name, STR_LIT("bus.ping"), NULL,
                                         mp_of(no_args, sizeof no_args), PING_TTL_MS, 0, mono_ms,
                                         take_answer, actor);
    }
}

bool health_is_ready(const health_t *self)
{
    bool all = true;
    for (size_t i = 0; i < self->count; i++)
        all = all && self->actors[i].ready;
    return all;
}

void health_write(const health_t *self, buf_t *out)
{
    buf_printf(out, "{\"ready\":%s,\"actors\":{", health_is_ready(self) ? "true" : "false");
    for (size_t i = 0; i < self->count; i++) {
        const actor_health_t *actor = &self->actors[i];
        buf_printf(out, "%s\n\"%s\":{\"ready\":%s", i ? "," : "", actor->name,
                   actor->ready ? "true" : "false");
        if (actor->why.len > 0 && !actor->ready) {
            buf_append_cstr(out, ",\"why\":");
            json_put_str(out, buf_str(&actor->why));
        }
        buf_append_byte(out, '}');
    }
    buf_append_cstr(out, "\n}}\n");
}
