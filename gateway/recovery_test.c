/* SPDX-License-Identifier: MIT */
/* Sessions of protocol 5 that lose their connection and come back; no actors, no sockets. */
#include "gateway/recovery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus/actor_names.h"
#include "bus/log.h"
#include "bus/sock.h"
#include "gateway/command.h"
#include "gateway/sio5.h"

#define EVENTS_MAX 4000 /* bytes that are kept */
#define SESSIONS_MAX 2

typedef struct {
    char folder[64];
    core_t core;
    metrics_t metrics;
    config_t *config;
    endpoints_t *endpoints;
    listener_t *listener;
    struct ev_loop *loop;
    uint64_t seq;
} world_t;

typedef struct {
    session_t *session;
    bool ended;
    char pid[RECOVERY_PID_LEN + 1];
    char offset[RECOVERY_OFFSET_MAX];
} client_t;

static void nothing_changed(void *arg)
{
    (void)arg;
}

static void on_wake(void *arg)
{
    (void)arg;
}

static void on_end(void *arg, const char *reason, bool flush)
{
    (void)reason;
    (void)flush;
    ((client_t *)arg)->ended = true;
}

static void on_pause(void *arg, bool pause)
{
    (void)arg;
    (void)pause;
}

static const session_transport_t transport = {.wake = on_wake, .end = on_end, .pause = on_pause};

static int setup(void **state)
{
    static const char *const nobody[] = {NULL};
    recovery_bounds_t bounds = {.keep_ms = 60000, .events = EVENTS_MAX, .sessions = SESSIONS_MAX};
    buf_t why = {0};
    world_t *self = calloc(1, sizeof *self);
    log_set_level(LEVEL_ERROR);
    snprintf(self->folder, sizeof self->folder, "/tmp/recovery_test.XXXXXX");
    assert_non_null(mkdtemp(self->folder));
    self->config = config_new();
    assert_int_equal(config_set(self->config, "run", str_of(self->folder), &why), ERR_OK);
    self->endpoints = endpoints_new(self->config, nobody, &why);
    assert_int_equal(listener_parse("127.0.0.1:0", self->config, &self->listener, &why), ERR_OK);
    self->loop = ev_loop_new(EVFLAG_AUTO);
    core_t *core = &self->core;
    *core = (core_t){.metrics = &self->metrics, .version = "8.0.1", .changed = nothing_changed};
    core->limits = (core_limits_t){.max_message = 1000000,
                                   .max_value = 1000000,
                                   .max_requests = 8,
                                   .outbox_soft = 100000,
                                   .outbox_hard = 1000000};
    core->requests = requests_new(self->endpoints, "test", 100, 1000000);
    core->subs = subs_new(50);
    core->grants = grants_new(core->requests);
    core->access = access_new();
    core->recovery = recovery_new(self->loop, &bounds);
    core->calls = map_new();
    core->command_index = map_new();
    core->commands = calloc(command_count(), sizeof *core->commands);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    world_t *self = *state;
    core_t *core = &self->core;
    recovery_destroy(&core->recovery);
    ev_loop_destroy(self->loop);
    access_destroy(&core->access);
    grants_destroy(&core->grants);
    requests_destroy(&core->requests);
    subs_destroy(&core->subs);
    map_destroy(&core->calls);
    map_destroy(&core->command_index);
    free(core->commands);
    listener_destroy(&self->listener);
    endpoints_destroy(&self->endpoints);
    config_destroy(&self->config);
    (void)rmdir(self->folder);
    free(self);
    return 0;
}

/* --- clients -------------------------------------------------------------------------------------
 */

static void keep_text(const char *from, const char *key, char *out, size_t size)
{
    const char *start = strstr(from, key);
    assert_non_null(start);
    start += strlen(key);
    snprintf(out, size, "%.*s", (int)strcspn(start, "\""), start);
}

/* The next message as text; "" when there is none. */
static const char *next(client_t *self)
{
    static char text[512];
    frame_t *frame = session_pop(self->session);
    snprintf(text, sizeof text, "%.*s", STR_ARG(frame ? frame_payload(frame) : STR_LIT("")));
    frame_put(&frame);
    return text;
}

/* connect: the packet; NULL: that of a client that comes back. True: it is in its old session. */
static bool enter(world_t *world, client_t *self, const char *connect)
{
    char text[128], pid[RECOVERY_PID_LEN + 1];
    snprintf(text, sizeof text, "0{\"pid\":\"%s\",\"offset\":\"%s\"}", self->pid, self->offset);
    self->ended = false;
    self->session = session_new(&world->core, &sio5_dialect, world->listener, STR_LIT("engine"),
                                "127.0.0.1", NULL, &transport, self);
    assert_string_equal(next(self), "");
    assert_true(session_receive(self->session, false, str_of(connect ? connect : text)));
    keep_text(next(self), "\"pid\":\"", pid, sizeof pid);
    bool back = strcmp(pid, self->pid) == 0;
    memcpy(self->pid, pid, sizeof pid);
    return back;
}

static void watch(client_t *self, const char *pattern)
{
    assert_int_equal(subs_add(session_subs(self->session), SUBS_STATES, str_of(pattern), 0),
                     ERR_OK);
}

typedef struct {
    const session_event_t *event;
    frames_t frames;
    bool encoded;
} delivery_t;

static void hit(void *arg, void *owner)
{
    delivery_t *delivery = arg;
    if (!delivery->encoded)
        session_encode_event(owner, delivery->event, &delivery->frames);
    delivery->encoded = true;
    session_event(owner, &delivery->frames, NULL);
}

/* A state changes. */
static void change(world_t *world, const char *id)
{
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_cstr(&args, id);
    session_event_t event = {.name = STR_LIT("stateChange"),
                             .args = mp_of_buf(&args),
                             .key = {"", 0},
                             .kind = SUBS_STATES,
                             .id = str_of(id),
                             .seq = ++world->seq};
    delivery_t delivery = {.event = &event};
    subs_match(world->core.subs, SUBS_STATES, event.id, event.seq, hit, &delivery);
    frames_put(&delivery.frames);
    buf_fini(&args);
}

/* The next message is the change of a state; its number is remembered. */
static void expect(client_t *self, const char *id)
{
    char start[128];
    const char *text = next(self);
    snprintf(start, sizeof start, "42[\"stateChange\",\"%s\",\"", id);
    if (strncmp(text, start, strlen(start)) != 0)
        fail_msg("%s does not begin with %s", text, start);
    keep_text(text, start, self->offset, sizeof self->offset);
}

/* --- tests ---------------------------------------------------------------------------------------
 */

/* Usage: what happened while the connection was gone arrives, once and in order. */
static void comes_back(void **state)
{
    world_t *world = *state;
    client_t client = {0};
    char id[64];
    assert_false(enter(world, &client, "0"));
    snprintf(id, sizeof id, "%s", session_id(client.session));
    session_set_name(client.session, STR_LIT("vis.0"));
    watch(&client, "a.*");
    change(world, "a.1");
    expect(&client, "a.1");
    change(world, "a.2"); /* does not reach the client any more */
    session_lose(&client.session);
    assert_null(client.session);
    assert_null(world->core.sessions); /* nobody sees it */
    change(world, "b.3");
    change(world, "a.4");
    assert_true(enter(world, &client, NULL));
    assert_string_equal(session_id(client.session), id);
    assert_string_equal(session_name(client.session), "vis.0");
    change(world, "a.5");
    expect(&client, "a.2");
    expect(&client, "a.4");
    expect(&client, "a.5");
    assert_string_equal(next(&client), "");
    session_destroy(&client.session);
}

/* After a change of an acl nothing is handed out by the old one: the client starts anew, unless it
 * has missed nothing. */
static void forgets_when_rights_change(void **state)
{
    world_t *world = *state;
    client_t client = {0};
    assert_false(enter(world, &client, "0"));
    watch(&client, "a.*");
    change(world, "a.1");
    expect(&client, "a.1");
    session_lose(&client.session);
    recovery_forget(world->core.recovery);
    assert_true(enter(world, &client, NULL));
    session_lose(&client.session);
    change(world, "a.2");
    recovery_forget(world->core.recovery);
    assert_false(enter(world, &client, NULL));
    assert_string_equal(next(&client), "");
    session_destroy(&client.session);
}

/* A client is quicker than the end of its old connection. */
static void takes_over_a_live_session(void **state)
{
    world_t *world = *state;
    client_t client = {0}, old;
    assert_false(enter(world, &client, "0"));
    watch(&client, "*");
    change(world, "a.1");
    old = client; /* the transport keeps the pointer to the first */
    assert_true(enter(world, &client, NULL));
    assert_true(client.ended);
    change(world, "a.2");
    expect(&client, "a.1");
    expect(&client, "a.2");
    session_lose(&old.session);
    change(world, "a.3");
    expect(&client, "a.3");
    session_destroy(&client.session);
}

static void starts_anew(void **state)
{
    world_t *world = *state;
    client_t client = {0};
    assert_false(enter(world, &client, "0{\"pid\":\"unknown\",\"offset\":\"1\"}"));
    watch(&client, "*");
    /* left by itself */
    assert_true(session_receive(client.session, false, STR_LIT("1")));
    session_lose(&client.session);
    assert_false(enter(world, &client, NULL));
    /* did what is not allowed */
    session_forbid_return(client.session);
    session_lose(&client.session);
    assert_false(enter(world, &client, NULL));
    /* names an event that never was */
    session_lose(&client.session);
    snprintf(client.offset, sizeof client.offset, "ffff");
    assert_false(enter(world, &client, NULL));
    session_lose(&client.session);
    snprintf(client.offset, sizeof client.offset, "x");
    assert_false(enter(world, &client, NULL));
    session_destroy(&client.session);
}

static void missed_too_much(void **state)
{
    world_t *world = *state;
    client_t client = {0};
    assert_false(enter(world, &client, "0"));
    watch(&client, "*");
    change(world, "a.1");
    expect(&client, "a.1");
    session_lose(&client.session);
    for (int i = 0; i < EVENTS_MAX / 20; i++)
        change(world, "a.2");
    assert_false(enter(world, &client, NULL));
    session_destroy(&client.session);
}

static void too_many_are_away(void **state)
{
    world_t *world = *state;
    client_t clients[SESSIONS_MAX + 1] = {0};
    for (size_t i = 0; i <= SESSIONS_MAX; i++)
        assert_false(enter(world, &clients[i], "0"));
    for (size_t i = 0; i <= SESSIONS_MAX; i++)
        session_lose(&clients[i].session);
    for (size_t i = 0; i <= SESSIONS_MAX; i++) {
        assert_int_equal(enter(world, &clients[i], NULL), i > 0);
        session_destroy(&clients[i].session);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(forgets_when_rights_change, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_over_a_live_session, setup, teardown),
        cmocka_unit_test_setup_teardown(starts_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(missed_too_much, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_are_away, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
