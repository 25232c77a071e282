/* SPDX-License-Identifier: MIT */
#include "gateway/status.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bus/actor_names.h"
#include "bus/sock.h"
#include "gateway/session.h"

#define ACTORS_MAX 16

/* --- rates ---------------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    metric_t metric;
} rates[] = {{"eventsReceived", METRIC_EVENTS_IN},
             {"eventsDelivered", METRIC_EVENTS_OUT},
             {"bytesReceived", METRIC_BYTES_IN},
             {"bytesSent", METRIC_BYTES_OUT},
             {"httpRequests", METRIC_HTTP_REQUESTS}};
#define RATE_COUNT (sizeof rates / sizeof rates[0])

typedef struct {
    int64_t at_ms;
    int64_t values[RATE_COUNT];
    uint64_t calls;
} sample_t;

struct status {
    const core_t *core;
    int64_t started_ms;
    sample_t samples[STATUS_WINDOW_S + 1]; /* a ring */
    size_t count;                          /* ever taken */
};

static sample_t sample_now(const core_t *core)
{
    sample_t sample = {.at_ms = sock_mono_ms(), .calls = core->metrics->latency_count};
    for (size_t i = 0; i < RATE_COUNT; i++)
        sample.values[i] = core->metrics->values[rates[i].metric];
    return sample;
}

status_t *status_new(const core_t *core)
{
    status_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (status_t){.core = core, .started_ms = sock_mono_ms()};
    status_tick(self);
    return self;
}

void status_destroy(status_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

void status_tick(status_t *self)
{
    self->samples[self->count++ % (STATUS_WINDOW_S + 1)] = sample_now(self->core);
}

static double per_second(int64_t now, int64_t before, int64_t ms)
{
    return (double)(now - before) * 1000 / (double)ms;
}

/* Rounded to tenths: more is noise. */
static void put_rate(buf_t *out, const char *name, double rate)
{
    mp_put_cstr(out, name);
    mp_put_double(out, (double)(int64_t)(rate * 10 + 0.5) / 10);
}

static void put_rates(const status_t *self, buf_t *out)
{
    size_t oldest = self->count > STATUS_WINDOW_S ? self->count - STATUS_WINDOW_S - 1 : 0;
    const sample_t *before = &self->samples[oldest % (STATUS_WINDOW_S + 1)];
    sample_t now = sample_now(self->core);
    int64_t ms = now.at_ms - before->at_ms > 0 ? now.at_ms - before->at_ms : 1;
    mp_put_map(out, RATE_COUNT + 1);
    put_rate(out, "calls", per_second((int64_t)now.calls, (int64_t)before->calls, ms));
    for (size_t i = 0; i < RATE_COUNT; i++)
        put_rate(out, rates[i].name, per_second(now.values[i], before->values[i], ms));
}

/* --- sessions ------------------------------------------------------------------------------------
 */

/* How the dialects are called in metrics, by their number; socket.io 4 has two variants. */
static const char *const dialects[DIALECTS_MAX] = {"sio2", "iobws", "sio5", "sio5", "rest", "sse"};

typedef struct {
    const char *name;
    size_t count;
} group_t;

/* Sessions by dialect; returns how many groups there are. */
static size_t count_dialects(const core_t *core, group_t groups[DIALECTS_MAX])
{
    size_t len = 0, places[DIALECTS_MAX];
    for (size_t i = 0; i < DIALECTS_MAX; i++) {
        if (i == 0 || strcmp(dialects[i - 1], dialects[i]) != 0)
            groups[len++] = (group_t){.name = dialects[i]};
        places[i] = len - 1;
    }
    for (const session_t *session = core->sessions; session; session = session_next(session))
        groups[places[session_dialect(session)->id]].count++;
    return len;
}

void status_write_sessions(const core_t *core, buf_t *out)
{
    static const char name[] = "iobus_sessions_by_dialect";
    group_t groups[DIALECTS_MAX] = {0};
    size_t len = count_dialects(core, groups);
    buf_printf(out, "# HELP %s client sessions by dialect\n# TYPE %s gauge\n", name, name);
    for (size_t i = 0; i < len; i++)
        buf_printf(out, "%s{dialect=\"%s\"} %zu\n", name, groups[i].name, groups[i].count);
}

static void put_dialects(const core_t *core, buf_t *out)
{
    group_t groups[DIALECTS_MAX];
    size_t len = count_dialects(core, groups);
    mp_put_map(out, (uint32_t)len);
    for (size_t i = 0; i < len; i++) {
        mp_put_cstr(out, groups[i].name);
        mp_put_uint(out, groups[i].count);
    }
}

static int by_queue(const void *a, const void *b)
{
    const session_t *x = *(const session_t *const *)a, *y = *(const session_t *const *)b;
    size_t left = session_queued(x), right = session_queued(y);
    return (left < right) - (left > right);
}

static void put_session(const session_t *session, buf_t *out)
{
    mp_put_map(out, 8);
    mp_put_cstr(out, "client");
    mp_put_cstr(out, session_client(session));
    mp_put_cstr(out, "name");
    mp_put_cstr(out, session_name(session));
    mp_put_cstr(out, "user");
    mp_put_cstr(out, grants_name(session_user(session)));
    mp_put_cstr(out, "dialect");
    mp_put_cstr(out, dialects[session_dialect(session)->id]);
    mp_put_cstr(out, "address");
    mp_put_cstr(out, session_address(session));
    mp_put_cstr(out, "subscriptions");
    mp_put_uint(out, subs_client_count(session_subs(session)));
    mp_put_cstr(out, "queued");
    mp_put_uint(out, session_queued(session));
    mp_put_cstr(out, "calls");
    mp_put_uint(out, session_call_count(session));
}

/* Those that have most to catch up with; single requests are no clients. */
static void put_sessions(const core_t *core, buf_t *out)
{
    size_t count = 0;
    const session_t **list = calloc(core->session_count + 1, sizeof *list);
    for (const session_t *session = core->sessions; list && session;
         session = session_next(session)) {
        if (!session_dialect(session)->brief)
            list[count++] = session;
    }
    if (count > 0)
        qsort(list, count, sizeof(const session_t *), by_queue);
    if (count > STATUS_SESSIONS)
        count = STATUS_SESSIONS;
    mp_put_array(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        put_session(list[i], out);
    free(list);
}

/* --- the gateway ---------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    metric_t metric;
} counters[] = {{"connections", METRIC_CONNECTIONS},
                {"connectionsTotal", METRIC_CONNECTIONS_TOTAL},
                {"sessionsTotal", METRIC_SESSIONS_TOTAL},
                {"callsOpen", METRIC_CALLS_OPEN},
                {"slowClients", METRIC_SLOW_CLIENTS},
                {"conflated", METRIC_CONFLATED},
                {"gaps", METRIC_GAPS},
                {"protocolErrors", METRIC_PROTOCOL_ERRORS}};

static const struct {
    const char *name;
    metric_t metric;
} transports[] = {{"websocket", METRIC_SESSIONS_WEBSOCKET},
                  {"polling", METRIC_SESSIONS_POLLING},
                  {"events", METRIC_SESSIONS_EVENTS}};

static void put_metric(const core_t *core, const char *name, metric_t metric, buf_t *out)
{
    mp_put_cstr(out, name);
    mp_put_int(out, core->metrics->values[metric]);
}

static void put_gateway(const core_t *core, buf_t *out)
{
    size_t len = sizeof counters / sizeof counters[0];
    mp_put_map(out, (uint32_t)len + (core->status ? 5 : 4));
    mp_put_cstr(out, "name");
    mp_put_cstr(out, requests_peer(core->requests));
    for (size_t i = 0; i < len; i++)
        put_metric(core, counters[i].name, counters[i].metric, out);
    mp_put_cstr(out, "dialects");
    put_dialects(core, out);
    mp_put_cstr(out, "transports");
    mp_put_map(out, sizeof transports / sizeof transports[0]);
    for (size_t i = 0; i < sizeof transports / sizeof transports[0]; i++)
        put_metric(core, transports[i].name, transports[i].metric, out);
    mp_put_cstr(out, "sessions");
    put_sessions(core, out);
    if (core->status) {
        mp_put_cstr(out, "rates");
        put_rates(core->status, out);
    }
}

/* --- actors --------------------------------------------------------------------------------------
 */

struct asking;

/* One actor that is asked. */
typedef struct {
    struct asking *all;
    const char *name;
    uint64_t corr; /* 0: it has answered */
    err_t status;
    buf_t body; /* its answer */
} asked_t;

typedef struct asking {
    call_t *call;
    requests_t *requests;
    asked_t actors[ACTORS_MAX];
    size_t count;
    size_t open;
} asking_t;

static void free_asking(void *data)
{
    asking_t *self = data;
    for (size_t i = 0; i < self->count; i++) {
        if (self->actors[i].corr != 0)
            requests_forget(self->requests, self->actors[i].corr);
        buf_fini(&self->actors[i].body);
    }
    free(self);
}

/* Calls and errors of all commands together. */
static void sum_commands(mp_t commands, uint64_t *calls, uint64_t *errors)
{
    uint32_t count;
    mp_t name, row, value;
    if (!mp_read_map(&commands, &count))
        return;
    for (uint32_t i = 0; i < count && mp_next(&commands, &name) && mp_next(&commands, &row); i++) {
        uint64_t n;
        if (mp_find(row, "calls", &value) && mp_read_uint(&value, &n))
            *calls += n;
        if (mp_find(row, "errors", &value) && mp_read_uint(&value, &n))
            *errors += n;
    }
}

/* The number of its last event, which is how many there were since its start. */
static bool find_events(const core_t *core, const char *actor, uint64_t *out)
{
    static const char *const feeds[FEED_COUNT] = {"objects", "states",   "files", "log",
                                                  "auth",    "messages", "host"};
    for (size_t i = 0; i < FEED_COUNT; i++) {
        if (strcmp(feeds[i], actor) != 0)
            continue;
        *out = core->seen[i];
        return true;
    }
    return false;
}

static void put_alive(const core_t *core, const asked_t *actor, buf_t *out)
{
    uint64_t calls = 0, errors = 0, events = 0;
    mp_t body = mp_of_buf(&actor->body), commands = {0}, bad = {0};
    bool publishes = find_events(core, actor->name, &events);
    (void)mp_at(body, 1, &commands); /* an answer without them counts nothing */
    (void)mp_at(body, 2, &bad);
    sum_commands(commands, &calls, &errors);
    mp_put_map(out, publishes ? 7 : 6);
    mp_put_cstr(out, "name");
    mp_put_cstr(out, actor->name);
    mp_put_cstr(out, "alive");
    mp_put_bool(out, true);
    mp_put_cstr(out, "requests");
    mp_put_uint(out, calls);
    mp_put_cstr(out, "errors");
    mp_put_uint(out, errors);
    if (publishes) {
        mp_put_cstr(out, "events");
        mp_put_uint(out, events);
    }
    mp_put_cstr(out, "badFrames");
    if (mp_type(bad) == MP_INT)
        mp_put_raw(out, bad);
    else
        mp_put_int(out, 0);
    mp_put_cstr(out, "commands");
    if (mp_type(commands) == MP_MAP)
        mp_put_raw(out, commands);
    else
        mp_put_map(out, 0);
}

static void put_silent(const asked_t *actor, buf_t *out)
{
    mp_put_map(out, 3);
    mp_put_cstr(out, "name");
    mp_put_cstr(out, actor->name);
    mp_put_cstr(out, "alive");
    mp_put_bool(out, false);
    mp_put_cstr(out, "error");
    mp_put_cstr(out, err_text(actor->status));
}

/* The demo house need not be there. */
static bool is_listed(const asked_t *actor)
{
    return actor->status == ERR_OK || strcmp(actor->name, "demo") != 0;
}

static void put_actors(const core_t *core, const asking_t *asking, buf_t *out)
{
    uint32_t listed = 0;
    size_t mark = mp_begin_array(out);
    for (size_t i = 0; i < asking->count; i++) {
        const asked_t *actor = &asking->actors[i];
        if (!is_listed(actor))
            continue;
        if (actor->status == ERR_OK)
            put_alive(core, actor, out);
        else
            put_silent(actor, out);
        listed++;
    }
    mp_end(out, mark, listed);
}

/* --- the command ---------------------------------------------------------------------------------
 */

static void answer(asking_t *asking)
{
    call_t *call = asking->call;
    core_t *core = session_core(call->session);
    buf_t args = {0};
    mp_put_array(&args, 2);
    mp_put_nil(&args);
    mp_put_map(&args, 5);
    mp_put_cstr(&args, "version");
    mp_put_cstr(&args, IOBUS_VERSION);
    mp_put_cstr(&args, "compatible");
    mp_put_cstr(&args, core->version);
    mp_put_cstr(&args, "uptime"); /* seconds */
    mp_put_int(&args, core->status ? (sock_mono_ms() - core->status->started_ms) / 1000 : 0);
    mp_put_cstr(&args, "gateway");
    put_gateway(core, &args);
    mp_put_cstr(&args, "actors");
    put_actors(core, asking, &args);
    core->commands[call->row].ok++;
    call_answer(&call, mp_of_buf(&args));
    buf_fini(&args);
}

static void take_stats(void *arg, err_t status, uint64_t seq, mp_t body)
{
    asked_t *actor = arg;
    (void)seq;
    actor->corr = 0;
    actor->status = status;
    mp_put_raw(&actor->body, body);
    if (--actor->all->open == 0)
        answer(actor->all);
}

static void ask(asking_t *self, const char *name, int64_t mono_ms)
{
    static const uint8_t no_args[] = {0x90};
    asked_t *actor = &self->actors[self->count++];
    *actor = (asked_t){.all = self, .name = name, .status = ERR_BUSY};
    actor->corr =
        requests_send(self->requests, name, STR_LIT("bus.stats"), NULL,
                      mp_of(no_args, sizeof no_args), STATUS_TTL_MS, 0, mono_ms, take_stats, actor);
    self->open += actor->corr != 0;
}

void status_on_iobusStatus(const invocation_t *invocation)
{
    const char *const *names = actor_names();
    core_t *core = session_core(invocation->session);
    if (!invocation->has_ack)
        return;
    call_t *call = call_open(invocation->session, invocation->row, true, invocation->ack);
    if (!call) {
        command_answer_error(invocation, err_text(ERR_BUSY));
        return;
    }
    asking_t *asking = calloc(1, sizeof *asking);
    assert(asking);
    *asking = (asking_t){.call = call, .requests = core->requests};
    call->data = asking;
    call->free_data = free_asking;
    for (size_t i = 0; i < ACTORS_MAX && names[i]; i++)
        ask(asking, names[i], core->mono_ms);
    if (asking->open == 0)
        answer(asking);
}
