/* SPDX-License-Identifier: MIT */
#include "actors/demo.h"

#include <assert.h>
#include <stdlib.h>

#include "actors/demo_house.h"
#include "bus/json.h"
#include "bus/log.h"

#define TTL_MS 10000
#define TICK_MS 100   /* a command may come at any time */
#define RETRY_MS 2000 /* after an answer that did not come */
#define OBJECT_ACL                                                                                 \
    "{\"owner\":\"system.user.admin\",\"ownerGroup\":\"system.group.administrator\",\"object\":"   \
    "1636}"
#define STATE_ACL                                                                                  \
    "{\"owner\":\"system.user.admin\",\"ownerGroup\":\"system.group.administrator\",\"object\":"   \
    "1636,"                                                                                        \
    "\"state\":1636}"

/* What the actor waits for, in this order. */
typedef enum { STAGE_OBJECTS, STAGE_STATES, STAGE_LIVE } stage_t;

typedef struct {
    env_t *env;
    house_t house;
    stage_t stage;
    bool asked;              /* a question of this stage is under way */
    int64_t ask_at_ms;       /* when to ask (again) */
    bool gone[HOUSE_POINTS]; /* its object was deleted */
    buf_t args;
} demo_t;

static const caller_t self_caller = {{"", 0}, {"demo.0", 6}, {"demo", 4}};

static void ask(demo_t *self, const char *actor, const char *command, env_answer_fn *done)
{
    self->env->ask(self->env, actor, command, &self_caller, mp_of_buf(&self->args), TTL_MS, done,
                   self);
}

/* The stage begins anew, now or after a while. */
static void enter(demo_t *self, stage_t stage, int64_t wait_ms)
{
    self->stage = stage;
    self->asked = false;
    self->ask_at_ms = self->env->mono(self->env) + wait_ms;
}

/* --- objects --------------------------------------------------------------------------------- */

static void put_member(buf_t *out, const char *key, const char *text)
{
    mp_put_cstr(out, key);
    mp_put_cstr(out, text);
}

/* Appends [id, object]. */
static err_t put_object(demo_t *self, buf_t *out, const house_object_t *row)
{
    buf_t parsed = {0};
    uint32_t count;
    err_t err = json_to_mp(&parsed, str_of(row->json));
    mp_t members = mp_of_buf(&parsed);
    if (err == ERR_OK && mp_read_map(&members, &count)) {
        mp_put_array(out, 2);
        mp_put_cstr(out, row->id);
        mp_put_map(out, count + 5);
        put_member(out, "_id", row->id);
        mp_put_raw(out, members);
        put_member(out, "from", "system.adapter.demo.0");
        put_member(out, "user", "system.user.admin");
        mp_put_cstr(out, "ts");
        mp_put_int(out, self->env->now(self->env));
        mp_put_cstr(out, "acl");
        bool is_state = house_find(str_of(row->id)) != HOUSE_POINTS;
        err = json_to_mp(out, str_of(is_state ? STATE_ACL : OBJECT_ACL));
    }
    buf_fini(&parsed);
    return err;
}

static void on_objects_put(void *arg, err_t status, mp_t body)
{
    demo_t *self = arg;
    (void)body;
    if (self->stage != STAGE_OBJECTS)
        return; /* a gap has begun something else meanwhile */
    if (status != ERR_OK)
        log_warn("DEMO-OBJECTS", "error=%s", err_name(status));
    enter(self, status == ERR_OK ? STAGE_STATES : STAGE_OBJECTS, status == ERR_OK ? 0 : RETRY_MS);
}

/* Asks for those whose place in the answer is nil to be written. */
static void put_missing(demo_t *self, mp_t found)
{
    buf_t pairs = {0};
    uint32_t count = 0;
    mp_t object;
    for (uint32_t i = 0; house_objects()[i].id; i++) {
        if (!mp_at(found, i, &object) || mp_type(object) != MP_NIL)
            continue;
        if (put_object(self, &pairs, &house_objects()[i]) == ERR_OK)
            count++;
    }
    if (count == 0) {
        enter(self, STAGE_STATES, 0);
    } else {
        buf_reset(&self->args);
        mp_put_array(&self->args, 1);
        mp_put_array(&self->args, count);
        mp_put_raw(&self->args, mp_of_buf(&pairs));
        ask(self, "objects", "objects.put", on_objects_put);
    }
    buf_fini(&pairs);
}

static void on_objects_found(void *arg, err_t status, mp_t body)
{
    demo_t *self = arg;
    mp_t found;
    if (self->stage != STAGE_OBJECTS)
        return;
    if (status == ERR_OK && mp_at(body, 1, &found))
        put_missing(self, found);
    else
        enter(self, STAGE_OBJECTS, RETRY_MS);
}

static void ask_objects(demo_t *self)
{
    uint32_t count = 0;
    while (house_objects()[count].id)
        count++;
    buf_reset(&self->args);
    mp_put_array(&self->args, 1);
    mp_put_array(&self->args, count);
    for (uint32_t i = 0; i < count; i++)
        mp_put_cstr(&self->args, house_objects()[i].id);
    ask(self, "objects", "objects.get", on_objects_found);
}

/* --- states ---------------------------------------------------------------------------------- */

/* Reports a value: setState [id, {val, ack: true}], the answer is not waited for. */
static void emit(void *arg, house_point_t point, double value)
{
    demo_t *self = arg;
    if (self->gone[point])
        return;
    buf_reset(&self->args);
    mp_put_array(&self->args, 2);
    mp_put_cstr(&self->args, house_row(point)->id);
    mp_put_map(&self->args, 2);
    mp_put_cstr(&self->args, "val");
    if (house_row(point)->is_switch)
        mp_put_bool(&self->args, value > 0);
    else
        mp_put_double(&self->args, value);
    mp_put_cstr(&self->args, "ack");
    mp_put_bool(&self->args, true);
    ask(self, "states", "setState", NULL);
}

/* The value of a state as a number; false when it is neither number nor truth value. */
static bool read_value(mp_t state, double *value)
{
    bool on;
    if (mp_find_double(state, "val", value))
        return true;
    if (!mp_find_bool(state, "val", &on))
        return false;
    *value = on;
    return true;
}

/* A write of a client: the house acts on it, or says again what it has when it makes no sense. */
static void take_command(demo_t *self, house_point_t point, mp_t state)
{
    double value = self->house.values[point];
    (void)read_value(state, &value);
    house_command(&self->house, point, value, self->env->mono(self->env));
}

static bool is_command(house_point_t point, mp_t state)
{
    bool ack = false;
    (void)mp_find_bool(state, "ack", &ack);
    return house_row(point)->commands && !ack && mp_type(state) == MP_MAP;
}

static void take_state(demo_t *self, house_point_t point, mp_t state)
{
    double value;
    if (is_command(point, state)) {
        take_command(self, point, state);
    } else if (read_value(state, &value)) {
        house_restore(&self->house, point, value);
    } else {
        emit(self, point, self->house.values[point]); /* a new house */
    }
}

static void on_states_found(void *arg, err_t status, mp_t body)
{
    demo_t *self = arg;
    mp_t found, state;
    if (self->stage != STAGE_STATES)
        return;
    if (status != ERR_OK || !mp_at(body, 1, &found)) {
        enter(self, STAGE_STATES, RETRY_MS);
        return;
    }
    for (uint32_t i = 0; i < HOUSE_POINTS; i++) {
        if (mp_at(found, i, &state))
            take_state(self, (house_point_t)i, state);
    }
    enter(self, STAGE_LIVE, 0);
}

static void ask_states(demo_t *self)
{
    buf_reset(&self->args);
    mp_put_array(&self->args, 1);
    mp_put_array(&self->args, HOUSE_POINTS);
    for (int i = 0; i < HOUSE_POINTS; i++)
        mp_put_cstr(&self->args, house_row((house_point_t)i)->id);
    ask(self, "states", "states.get", on_states_found);
}

/* --- events and time ------------------------------------------------------------------------- */

static void demo_event(void *arg, const event_t *event)
{
    demo_t *self = arg;
    mp_t id_value, value;
    str_t id;
    if (!mp_at(event->args, 0, &id_value) || !mp_read_str(&id_value, &id) ||
        !mp_at(event->args, 1, &value))
        return;
    house_point_t point = house_find(id);
    if (point == HOUSE_POINTS)
        return;
    if (str_is(event->name, "objectChange"))
        self->gone[point] = mp_type(value) == MP_NIL;
    else if (str_is(event->name, "stateChange") && self->stage == STAGE_LIVE &&
             is_command(point, value))
        take_command(self, point, value);
}

/* Nothing is known of that actor: begin there again. */
static void demo_gap(void *arg, const char *actor)
{
    demo_t *self = arg;
    if (str_is(str_of(actor), "objects"))
        enter(self, STAGE_OBJECTS, 0);
    else if (self->stage == STAGE_LIVE)
        enter(self, STAGE_STATES, 0);
}

static int64_t demo_tick(void *arg, int64_t mono_ms)
{
    static void (*const questions[])(demo_t *) = {
        [STAGE_OBJECTS] = ask_objects,
        [STAGE_STATES] = ask_states,
    };
    demo_t *self = arg;
    if (self->stage == STAGE_LIVE) {
        int64_t next_ms = house_step(&self->house, mono_ms, emit, self);
        return next_ms < TICK_MS ? next_ms : TICK_MS;
    }
    if (!self->asked && mono_ms >= self->ask_at_ms) {
        self->asked = true;
        questions[self->stage](self);
    }
    return TICK_MS;
}

static void demo_close(void **self_p)
{
    demo_t *self = *self_p;
    if (!self)
        return;
    buf_fini(&self->args);
    free(self);
    *self_p = NULL;
}

static err_t demo_open(env_t *env, const config_t *config, void **self_p, buf_t *why)
{
    demo_t *self = calloc(1, sizeof *self);
    uint64_t seed;
    assert(self);
    (void)config;
    (void)why;
    self->env = env;
    env->random(env, &seed, sizeof seed);
    house_init(&self->house, seed, env->mono(env));
    *self_p = self;
    return ERR_OK;
}

static const command_t commands[] = {{NULL, NULL, 0, 0}};
static const char *const follows[] = {"objects", "states", NULL};

const actor_t demo_actor = {
    .name = "demo",
    .commands = commands,
    .follows = follows,
    .open = demo_open,
    .close = demo_close,
    .event = demo_event,
    .gap = demo_gap,
    .tick = demo_tick,
};
