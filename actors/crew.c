/* SPDX-License-Identifier: MIT */
#include "actors/crew.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "actors/auth.h"
#include "actors/demo.h"
#include "actors/fetch.h"
#include "actors/files.h"
#include "actors/history.h"
#include "actors/host.h"
#include "actors/log_actor.h"
#include "actors/log_forward.h"
#include "actors/messages.h"
#include "actors/objects.h"
#include "actors/states.h"
#include "bus/dispatch.h"
#include "bus/log.h"
#include "bus/requests.h"
#include "bus/sock.h"
#include "gateway/gateway.h"

#define READY_MS 30000    /* from the first ping to the last actor being ready */
#define PING_TTL_MS 1000  /* an unanswered ping is repeated after this */
#define PING_PAUSE_MS 20  /* between "not ready" and the next ping */
#define STOP_MS 15000     /* for each step of stopping */
#define FRAME_MAX 1048576 /* of an answer to a ping */
#define FDS_MAX 64

/* Steps of stopping, in order; the gateway has gone before. Objects goes while its followers are
 * still there: it answers a write only when they have seen it. What records the values of states
 * goes when the last one is written. */
typedef enum {
    STEP_HELPERS,
    STEP_OBJECTS,
    STEP_STORES,
    STEP_RECORDERS,
    STEP_LOG,
    STEP_COUNT
} step_t;

typedef struct {
    const actor_t *actor;
    step_t step;
    bool only_when_asked; /* runs when `only` names it or the key of its own name is on */
} role_t;

/* In the order of starting. */
static const role_t roles[] = {
    {&log_actor, STEP_LOG, false},           {&objects_actor, STEP_OBJECTS, false},
    {&states_actor, STEP_STORES, false},     {&files_actor, STEP_STORES, false},
    {&auth_actor, STEP_STORES, false},       {&fetch_actor, STEP_HELPERS, false},
    {&history_actor, STEP_RECORDERS, false}, {&host_actor, STEP_HELPERS, false},
    {&messages_actor, STEP_HELPERS, false},  {&demo_actor, STEP_HELPERS, true},
};
#define ROLE_COUNT (sizeof roles / sizeof roles[0])

typedef struct {
    bool chosen;
    dispatch_t *dispatch; /* NULL: not started */
    int lock;             /* open lock file; -1: none */
    /* What the last bus.ping said. */
    bool ready;
    bool asked;     /* a ping is under way */
    int64_t ask_at; /* when to ping next; sock_mono_ms */
    buf_t why;      /* why it is not ready */
} member_t;

struct crew {
    const config_t *config;
    endpoints_t *endpoints;
    member_t members[ROLE_COUNT]; /* by index of roles */
    bool with_gateway;
    gateway_t *gateway;     /* NULL: not started */
    log_forward_t *forward; /* NULL: the log actor is here, or nothing was started */
};

/* --- choosing -----------------------------------------------------------------------------------
 */

static bool choose_named(crew_t *self, str_t name)
{
    if (str_is(name, CREW_GATEWAY)) {
        self->with_gateway = true;
        return true;
    }
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if (str_is(name, roles[i].actor->name)) {
            self->members[i].chosen = true;
            return true;
        }
    }
    return false;
}

static void put_role_names(buf_t *out)
{
    for (size_t i = 0; i < ROLE_COUNT; i++)
        buf_printf(out, "%s, ", roles[i].actor->name);
    buf_append_cstr(out, CREW_GATEWAY);
}

static err_t choose_only(crew_t *self, const char *only, buf_t *why)
{
    for (const char *at = only; at;) {
        const char *comma = strchr(at, ',');
        str_t name = {at, comma ? (size_t)(comma - at) : strlen(at)};
        if (!choose_named(self, name)) {
            buf_printf(why, "there is no actor \"%.*s\", but ", STR_ARG(name));
            put_role_names(why);
            return ERR_CONFIG;
        }
        at = comma ? comma + 1 : NULL;
    }
    return ERR_OK;
}

static err_t choose(crew_t *self, buf_t *why)
{
    const char *only = config_text(self->config, "only");
    if (only[0] != '\0')
        return choose_only(self, only, why);
    self->with_gateway = true;
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        const role_t *role = &roles[i];
        self->members[i].chosen =
            !role->only_when_asked || config_bool(self->config, role->actor->name);
    }
    return ERR_OK;
}

/* --- locks --------------------------------------------------------------------------------------
 */

static err_t take_lock(crew_t *self, size_t index, buf_t *why)
{
    char path[PATH_MAX];
    const char *name = roles[index].actor->name;
    snprintf(path, sizeof path, "%s/%s.lock", endpoints_run_dir(self->endpoints), name);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        buf_printf(why, "cannot write %s: %s", path, strerror(errno));
        return ERR_IO;
    }
    self->members[index].lock = fd;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK;
    if (errno == EWOULDBLOCK) {
        buf_printf(why, "data folder %s is in use by another process (%s)",
                   config_text(self->config, "data"), name);
        return ERR_LOCKED;
    }
    buf_printf(why, "cannot lock %s: %s", path, strerror(errno));
    return ERR_IO;
}

static err_t take_locks(crew_t *self, buf_t *why)
{
    err_t err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < ROLE_COUNT; i++) {
        if (self->members[i].chosen)
            err = take_lock(self, i, why);
    }
    return err;
}

static err_t find_endpoints(crew_t *self, buf_t *why)
{
    const char *local[ROLE_COUNT + 1] = {NULL};
    size_t count = 0;
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if (self->members[i].chosen)
            local[count++] = roles[i].actor->name;
    }
    self->endpoints = endpoints_new(self->config, local, why);
    return self->endpoints ? ERR_OK : ERR_CONFIG;
}

crew_t *crew_new(const config_t *config, buf_t *why)
{
    crew_t *self = calloc(1, sizeof *self);
    assert(self);
    self->config = config;
    for (size_t i = 0; i < ROLE_COUNT; i++)
        self->members[i].lock = -1;
    if (choose(self, why) != ERR_OK || find_endpoints(self, why) != ERR_OK ||
        take_locks(self, why) != ERR_OK)
        crew_destroy(&self);
    return self;
}

/* --- readiness ----------------------------------------------------------------------------------
 */

static void take_ping(void *arg, err_t status, uint64_t seq, mp_t body)
{
    member_t *member = arg;
    mp_t ready_value, why_value;
    bool ready = false;
    str_t why = str_of(err_text(status));
    (void)seq;
    /* [nil, name, ready, why] */
    if (status == ERR_OK && mp_at(body, 2, &ready_value))
        (void)mp_read_bool(&ready_value, &ready);
    if (status == ERR_OK && mp_at(body, 3, &why_value))
        (void)mp_read_str(&why_value, &why);
    member->asked = false;
    member->ready = ready;
    member->ask_at = sock_mono_ms() + PING_PAUSE_MS;
    buf_reset(&member->why);
    buf_append_str(&member->why, why);
}

static void ping(requests_t *requests, const char *actor, member_t *member, int64_t now_ms)
{
    static const uint8_t empty_array[] = {0x90};
    const caller_t system = {str_of(""), str_of(""), str_of("main")};
    member->asked = true;
    requests_send(requests, actor, STR_LIT("bus.ping"), &system,
                  mp_of(empty_array, sizeof empty_array), PING_TTL_MS, 0, now_ms, take_ping,
                  member);
}

/* Pings those that are not ready; true when all are. */
static bool ping_all(crew_t *self, requests_t *requests, int64_t now_ms)
{
    bool all = true;
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        member_t *member = &self->members[i];
        if (!member->dispatch || member->ready)
            continue;
        all = false;
        if (!member->asked && now_ms >= member->ask_at)
            ping(requests, roles[i].actor->name, member, now_ms);
    }
    requests_flush(requests);
    return all;
}

static void explain_not_ready(const crew_t *self, buf_t *why)
{
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        const member_t *member = &self->members[i];
        if (member->dispatch && !member->ready) {
            buf_printf(why, "%s is not ready after %d s: ", roles[i].actor->name, READY_MS / 1000);
            buf_append_str(why, member->why.len ? buf_str(&member->why) : STR_LIT("no answer"));
            return;
        }
    }
}

static err_t await_ready(crew_t *self, requests_t *requests, bool (*interrupted)(void), buf_t *why)
{
    int64_t deadline_ms = sock_mono_ms() + READY_MS;
    while (!ping_all(self, requests, sock_mono_ms())) {
        if (interrupted())
            return ERR_SHUTDOWN;
        if (crew_has_failed(self, why))
            return ERR_UNAVAILABLE;
        if (sock_mono_ms() >= deadline_ms) {
            explain_not_ready(self, why);
            return ERR_TIMEOUT;
        }
        zmq_pollitem_t items[FDS_MAX];
        size_t count = requests_poll_items(requests, items, FDS_MAX);
        zmq_poll(items, (int)count, PING_PAUSE_MS);
        while (requests_process(requests)) {
        }
        (void)requests_expire(requests, sock_mono_ms());
    }
    return ERR_OK;
}

static err_t await_actors(crew_t *self, bool (*interrupted)(void), buf_t *why)
{
    char peer[64];
    snprintf(peer, sizeof peer, "main-%ld", (long)getpid());
    requests_t *requests = requests_new(self->endpoints, peer, ROLE_COUNT, FRAME_MAX);
    err_t err = await_ready(self, requests, interrupted, why);
    requests_destroy(&requests);
    return err;
}

/* --- starting and stopping ----------------------------------------------------------------------
 */

/* The log actor is the first of the roles; it takes the lines of its own process itself. */
static void forward_log(crew_t *self)
{
    assert(roles[0].actor == &log_actor);
    if (!self->members[0].chosen)
        self->forward = log_forward_start(self->config, self->endpoints);
}

err_t crew_start(crew_t *self, bool (*interrupted)(void), buf_t *why)
{
    sock_init();
    forward_log(self);
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        member_t *member = &self->members[i];
        if (!member->chosen)
            continue;
        if (interrupted())
            return ERR_SHUTDOWN;
        member->dispatch = dispatch_start(roles[i].actor, self->config, self->endpoints, why);
        if (!member->dispatch)
            return ERR_UNAVAILABLE;
    }
    err_t err = await_actors(self, interrupted, why);
    if (err == ERR_OK && self->with_gateway) {
        self->gateway = gateway_start(self->config, self->endpoints, why);
        err = self->gateway ? ERR_OK : ERR_UNAVAILABLE;
    }
    return err;
}

void crew_urls(crew_t *self, buf_t *out)
{
    if (self->gateway)
        gateway_urls(self->gateway, out);
}

bool crew_has_failed(crew_t *self, buf_t *why)
{
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if (self->members[i].dispatch && dispatch_has_failed(self->members[i].dispatch)) {
            buf_printf(why, "%s has failed", roles[i].actor->name);
            return true;
        }
    }
    if (self->gateway && gateway_has_failed(self->gateway)) {
        buf_append_cstr(why, CREW_GATEWAY " has failed");
        return true;
    }
    return false;
}

void crew_reload(crew_t *self, const config_t *config)
{
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if (self->members[i].dispatch)
            dispatch_reload(self->members[i].dispatch, config);
    }
    if (self->gateway)
        gateway_reload(self->gateway, config);
}

static bool stop_gateway(crew_t *self, buf_t *why)
{
    if (!self->gateway)
        return true;
    gateway_stop(self->gateway);
    if (gateway_wait(self->gateway, STOP_MS))
        return true;
    buf_append_cstr(why, CREW_GATEWAY " did not stop in time");
    return false;
}

static bool stop_step(crew_t *self, step_t step, buf_t *why)
{
    bool all = true;
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if (roles[i].step == step && self->members[i].dispatch)
            dispatch_stop(self->members[i].dispatch);
    }
    int64_t deadline_ms = sock_mono_ms() + STOP_MS;
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        dispatch_t *dispatch = self->members[i].dispatch;
        if (roles[i].step != step || !dispatch || dispatch_wait(dispatch, deadline_ms))
            continue;
        buf_printf(why, "%s%s did not stop in time", why->len ? ", " : "", roles[i].actor->name);
        all = false;
    }
    return all;
}

bool crew_stop(crew_t *self, buf_t *why)
{
    /* A member that hangs must not keep the stores from being closed. */
    bool all = stop_gateway(self, why);
    for (step_t step = 0; step < STEP_COUNT; step++)
        all = stop_step(self, step, why) && all;
    return all;
}

void crew_destroy(crew_t **self_p)
{
    crew_t *self = *self_p;
    if (!self)
        return;
    gateway_destroy(&self->gateway);
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        member_t *member = &self->members[i];
        dispatch_destroy(&member->dispatch);
        buf_fini(&member->why);
        if (member->lock >= 0)
            close(member->lock);
    }
    log_forward_stop(&self->forward);
    endpoints_destroy(&self->endpoints);
    free(self);
    *self_p = NULL;
}

/* --- for iobus check ----------------------------------------------------------------------------
 */

void crew_check_only(const config_t *config, buf_t *why)
{
    crew_t crew = {.config = config};
    err_t err = choose(&crew, why);
    assert((err == ERR_OK) == (why->len == 0));
    (void)err;
}

const char *const *crew_stores(void)
{
    static const char *const names[] = {"objects", "states", "files", "auth", "history", NULL};
    return names;
}

static const actor_t *actor_of(const char *name)
{
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if (strcmp(roles[i].actor->name, name) == 0)
            return roles[i].actor;
    }
    assert(false && "unknown actor");
    return NULL;
}

void crew_rehearse(const config_t *config, const char *name, buf_t *why)
{
    bool is_gateway = strcmp(name, CREW_GATEWAY) == 0;
    const char *const local[] = {is_gateway ? NULL : name, NULL};
    endpoints_t *endpoints = endpoints_new(config, local, why);
    if (!endpoints)
        return;
    if (is_gateway) {
        gateway_t *gateway = gateway_start(config, endpoints, why);
        gateway_destroy(&gateway);
    } else {
        dispatch_t *dispatch = dispatch_start(actor_of(name), config, endpoints, why);
        dispatch_destroy(&dispatch);
    }
    endpoints_destroy(&endpoints);
}
