/* SPDX-License-Identifier: MIT */
/* A client may say what it likes, line by line (a line that begins with 'B' is an attachment): the
 * session goes on or ends, whatever comes out is a valid packet, no acknowledgement id is answered
 * more often than it was used, and no call stays open. A first line "5" makes it a client of
 * protocol 5; in it "R" loses the connection and comes back. There are no actors: their calls are
 * answered with an error. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/actor_names.h"
#include "bus/log.h"
#include "bus/sock.h"
#include "gateway/command.h"
#include "gateway/recovery.h"
#include "gateway/sio2.h"
#include "gateway/sio4.h"
#include "gateway/sio5.h"

#define IDS 16 /* acknowledgement ids that are counted */

typedef struct {
    core_t core;
    metrics_t metrics;
    config_t *config;
    endpoints_t *endpoints;
    listener_t *listener;
    struct ev_loop *loop;
} world_t;

static world_t world;
static char folder[] = "/tmp/fuzz_session.XXXXXX";

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
    (void)arg;
    (void)reason;
    (void)flush;
}

static void on_pause(void *arg, bool pause)
{
    (void)arg;
    (void)pause;
}

static const session_transport_t transport = {.wake = on_wake, .end = on_end, .pause = on_pause};

static void end_world(void)
{
    core_t *core = &world.core;
    recovery_destroy(&core->recovery);
    ev_loop_destroy(world.loop);
    grants_destroy(&core->grants);
    requests_destroy(&core->requests);
    subs_destroy(&core->subs);
    map_destroy(&core->calls);
    map_destroy(&core->command_index);
    free(core->commands);
    listener_destroy(&world.listener);
    endpoints_destroy(&world.endpoints);
    config_destroy(&world.config);
    (void)rmdir(folder);
}

static void make_core(void)
{
    core_t *core = &world.core;
    *core = (core_t){.metrics = &world.metrics, .version = "8.0.1", .changed = nothing_changed};
    core->limits = (core_limits_t){.max_message = 1000000,
                                   .max_value = 1000000,
                                   .max_requests = 8,
                                   .outbox_soft = 100000,
                                   .outbox_hard = 1000000,
                                   .request_ms = 5000,
                                   .fetch_ms = 5000};
    recovery_bounds_t bounds = {.keep_ms = 1000, .events = 10000, .sessions = 2};
    world.loop = ev_loop_new(EVFLAG_AUTO);
    assert(world.loop);
    core->recovery = recovery_new(world.loop, &bounds);
    core->requests = requests_new(world.endpoints, "fuzz", 100, 1000000);
    requests_connect(core->requests,
                     actor_names()); /* before atexit: the library cleans up at exit, too */
    core->subs = subs_new(50);
    core->grants = grants_new(core->requests);
    core->calls = map_new();
    core->command_index = map_new();
    core->commands = calloc(command_count(), sizeof *core->commands);
    assert(core->commands);
}

/* Made once; ends with the process. */
static void require_world(void)
{
    buf_t why = {0};
    if (world.config)
        return;
    log_set_level(LEVEL_ERROR);
    world.config = config_new();
    char *made = mkdtemp(folder);
    assert(made);
    err_t err = config_set(world.config, "run", str_of(made), &why);
    assert(err == ERR_OK);
    world.endpoints = endpoints_new(world.config, NULL, &why);
    assert(world.endpoints);
    make_core();
    err = listener_parse("127.0.0.1:0,admin=on", world.config, &world.listener, &why);
    assert(err == ERR_OK);
    (void)err;
    atexit(end_world);
}

static void count_ack(str_t text, int *counts, int step)
{
    sio4_packet_t packet;
    if (sio4_parse(text, &packet) == ERR_OK && packet.has_ack && packet.ack < IDS)
        counts[packet.ack] += step;
}

/* Takes what came out; answers are counted off. */
static void drain(session_t *session, int *counts)
{
    for (frame_t *frame = session_pop(session); frame; frame = session_pop(session)) {
        str_t payload = frame_payload(frame);
        assert(payload.len > 0);
        if (frame_kind(frame) == FRAME_TEXT) {
            sio4_packet_t packet;
            str_t text = {payload.p + 1, payload.len - 1};
            assert(payload.p[0] == '4');
            err_t err = sio4_parse(text, &packet);
            assert(err == ERR_OK && packet.type != SIO4_UNKNOWN);
            count_ack(text, counts, -1);
        }
        frame_put(&frame);
    }
}

static session_t *open_session(const dialect_t *dialect)
{
    return session_new(&world.core, dialect, world.listener, STR_LIT("sid"), "fuzz", NULL,
                       &transport, NULL);
}

/* The connection is lost; the client comes back to its session if it has one. */
static void come_back(session_t **session, int *counts, bool *live)
{
    const dialect_t *dialect = session_dialect(*session);
    buf_t connect = {0};
    const char *pid = session_pid(*session);
    buf_printf(&connect, "0{\"pid\":\"%s\"}", pid ? pid : "");
    drain(*session, counts);
    memset(counts, 0, IDS * sizeof *counts); /* nobody waits for the old answers any more */
    session_lose(session);
    *session = open_session(dialect);
    *live = session_receive(*session, false, buf_str(&connect));
    buf_fini(&connect);
}

static void say(session_t **session, str_t line, int *counts, bool *live)
{
    bool binary = line.len > 0 && line.p[0] == 'B';
    str_t payload = binary ? (str_t){line.p + 1, line.len - 1} : line;
    if (session_dialect(*session)->recovers && str_is(line, "R")) {
        come_back(session, counts, live);
        return;
    }
    if (!binary)
        count_ack(payload, counts, 1);
    *live = session_receive(*session, binary, payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int counts[IDS] = {0};
    bool live = true;
    require_world();
    world.core.mono_ms = sock_mono_ms();
    str_t rest = {(const char *)data, size};
    bool newer = str_starts(rest, "5\n");
    if (newer)
        rest = (str_t){rest.p + 2, rest.len - 2};
    session_t *session = open_session(newer ? &sio5_dialect : &sio2_dialect);
    while (live && rest.len > 0) {
        const char *end = memchr(rest.p, '\n', rest.len);
        str_t line = {rest.p, end ? (size_t)(end - rest.p) : rest.len};
        size_t used = line.len + (end ? 1 : 0);
        rest = (str_t){rest.p + used, rest.len - used};
        say(&session, line, counts, &live);
    }
    while (requests_process(world.core.requests))
        continue;
    drain(session, counts);
    for (size_t i = 0; i < IDS; i++)
        assert(counts[i] >= 0);
    session_destroy(&session);
    assert(map_len(world.core.calls) == 0);
    return 0;
}
