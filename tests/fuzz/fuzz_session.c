/* SPDX-License-Identifier: MIT */
/* A client may say what it likes, line by line (a line that begins with 'B' is an attachment): the
 * session goes on or ends, whatever comes out is a valid packet, no acknowledgement id is answered
 * more often than it was used, and no call stays open. There are no actors: their calls are
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
#include "gateway/sio2.h"
#include "gateway/sio4.h"

#define IDS 16 /* acknowledgement ids that are counted */

typedef struct {
    core_t core;
    metrics_t metrics;
    config_t *config;
    endpoints_t *endpoints;
    listener_t *listener;
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

static void say(session_t *session, str_t line, int *counts, bool *live)
{
    bool binary = line.len > 0 && line.p[0] == 'B';
    str_t payload = binary ? (str_t){line.p + 1, line.len - 1} : line;
    if (!binary)
        count_ack(payload, counts, 1);
    *live = session_receive(session, binary, payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int counts[IDS] = {0};
    bool live = true;
    require_world();
    world.core.mono_ms = sock_mono_ms();
    session_t *session = session_new(&world.core, &sio2_dialect, world.listener, STR_LIT("sid"),
                                     "fuzz", &transport, NULL);
    str_t rest = {(const char *)data, size};
    while (live && rest.len > 0) {
        const char *end = memchr(rest.p, '\n', rest.len);
        str_t line = {rest.p, end ? (size_t)(end - rest.p) : rest.len};
        size_t used = line.len + (end ? 1 : 0);
        rest = (str_t){rest.p + used, rest.len - used};
        say(session, line, counts, &live);
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
