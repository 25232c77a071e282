/* SPDX-License-Identifier: MIT */
#include "gateway/gateway.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <malloc.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bus/actor_names.h"
#include "bus/log.h"
#include "bus/sock.h"
#include "gateway/certs.h"
#include "gateway/command.h"
#include "gateway/feed.h"
#include "gateway/guard.h"
#include "gateway/http.h"
#include "gateway/messenger.h"
#include "gateway/origin.h"
#include "gateway/ports.h"
#include "gateway/presence.h"
#include "gateway/recovery.h"
#include "gateway/status.h"
#include "gateway/whitelist.h"

#define WATCHED_MAX 64     /* ZeroMQ descriptors */
#define ROUNDS_PER_TURN 16 /* of bus traffic, before clients get their turn */
#define STOP_MS 1000       /* for clients to take their last bytes */
#define STOP_CHECK_S 0.02
#define MAX_FILES                                                                                  \
    (1u << 20) /* more descriptors than this are not asked for: tables are as long as the limit */
#define FETCH_EXTRA_MS 5000
#define MAPPED_FROM (256 * 1024) /* bytes from which a piece of memory is one of its own */

struct gateway {
    /* shared with the parent */
    config_t *config;
    const endpoints_t *endpoints;
    listener_t **listeners; /* NULL-terminated */
    pthread_t thread;
    bool joined;
    pthread_mutex_t mutex;
    pthread_cond_t started_cond; /* {mutex} */
    int started;                 /* {mutex} 0 not yet, 1 ready, -1 failed */
    buf_t why;                   /* {mutex} */
    config_t *next_config;       /* {mutex} of a reload */
    atomic_bool stop;
    atomic_bool ended;
    ev_async wake;
    struct ev_loop *loop;
    /* the thread's own */
    core_t core;
    metrics_t metrics;
    feed_hub_t *feed;
    presence_t *presence;
    origins_t *origins;
    http_t http;
    conn_env_t env;
    ports_t *ports;
    ev_prepare prepare;
    ev_check check;
    ev_idle idle;
    ev_timer expire;
    ev_timer second;
    ev_timer stopper;
    int64_t stop_until_ms;
    ev_io watched[WATCHED_MAX];
    size_t watched_len;
    bool stopping;
};

/* --- the turn of the loop ------------------------------------------------------------------------
 */

/* Before the loop sleeps everything that has come is handled and everything that was caused is
 * sent. ZeroMQ's descriptors only tell that something changed, so nothing may be left when it
 * sleeps. */
static void on_prepare(struct ev_loop *loop, ev_prepare *watcher, int events)
{
    gateway_t *self = watcher->data;
    bool any = true;
    (void)events;
    self->core.mono_ms = sock_mono_ms();
    for (int round = 0; any && round < ROUNDS_PER_TURN; round++) {
        requests_flush(self->core.requests);
        any = requests_process(self->core.requests);
        any = feed_process(self->feed) || any;
        eio_hub_flush(self->http.engines);
        rest_hub_flush(self->http.rest);
        any = conn_flush(&self->env) || any;
    }
    int64_t left = requests_expire(self->core.requests, self->core.mono_ms);
    int64_t feed_ms = feed_wait(self->feed);
    if (feed_ms >= 0 && feed_ms < left)
        left = feed_ms;
    ev_timer_stop(loop, &self->expire);
    ev_timer_set(&self->expire, (double)left / 1000, 0.);
    ev_timer_start(loop, &self->expire);
    if (any || self->env.first_dirty)
        ev_idle_start(loop, &self->idle);
    else
        ev_idle_stop(loop, &self->idle);
}

static void on_check(struct ev_loop *loop, ev_check *watcher, int events)
{
    gateway_t *self = watcher->data;
    (void)loop;
    (void)events;
    self->core.mono_ms = sock_mono_ms();
}

/* These only wake the loop; on_prepare does the work. */
static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop;
    (void)watcher;
    (void)events;
}

static void on_expire(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)watcher;
    (void)events;
}

static void on_idle(struct ev_loop *loop, ev_idle *watcher, int events)
{
    (void)loop;
    (void)watcher;
    (void)events;
}

static void on_second(struct ev_loop *loop, ev_timer *watcher, int events)
{
    gateway_t *self = watcher->data;
    (void)loop;
    (void)events;
    health_tick(self->http.health, self->core.mono_ms);
    grants_retry(self->core.grants, self->core.mono_ms);
    if (self->core.certs)
        certs_tick(self->core.certs, self->core.mono_ms);
    guard_tick(self->core.guard);
    messenger_tick(self->core.messenger);
    status_tick(self->core.status);
}

static void watch(gateway_t *self)
{
    int fds[WATCHED_MAX];
    size_t n = requests_fds(self->core.requests, fds, WATCHED_MAX);
    n += feed_fds(self->feed, fds + n, WATCHED_MAX - n);
    for (size_t i = 0; i < n; i++) {
        ev_io_init(&self->watched[i], on_readable, fds[i], EV_READ);
        ev_io_start(self->loop, &self->watched[i]);
    }
    self->watched_len = n;
}

/* --- stop and reload -----------------------------------------------------------------------------
 */

static void start_stopping(gateway_t *self)
{
    if (self->stopping)
        return;
    self->stopping = true;
    ports_close(self->ports);
    presence_leave(self->presence);
    messenger_stop(self->core.messenger);
    eio_hub_close(self->http.engines);
    iobws_hub_close(self->http.plain);
    rest_hub_close(self->http.rest);
    self->stop_until_ms = sock_mono_ms() + STOP_MS;
    ev_timer_set(&self->stopper, STOP_CHECK_S, STOP_CHECK_S);
    ev_timer_start(self->loop, &self->stopper);
}

/* Ends the loop when everybody has gone and all is answered, or when it takes too long. */
static void on_stopping(struct ev_loop *loop, ev_timer *watcher, int events)
{
    gateway_t *self = watcher->data;
    (void)events;
    bool quiet = requests_open_count(self->core.requests) == 0 && self->env.count == 0;
    if (quiet || sock_mono_ms() >= self->stop_until_ms)
        ev_break(loop, EVBREAK_ALL);
}

static void read_limits(core_limits_t *limits, const config_t *config)
{
    *limits = (core_limits_t){
        .max_message = (size_t)config_int(config, "max-message"),
        .max_file = (size_t)config_int(config, "max-file"),
        .max_value = (size_t)config_int(config, "max-value"),
        .max_requests = (size_t)config_int(config, "max-requests"),
        .outbox_soft = (size_t)config_int(config, "outbox-soft"),
        .outbox_hard = (size_t)config_int(config, "outbox-hard"),
        .request_ms = config_int(config, "request-timeout"),
        .fetch_ms = config_int(config, "fetch-timeout") + FETCH_EXTRA_MS,
        .message_ms = config_int(config, "message-timeout") + FETCH_EXTRA_MS,
    };
}

/* --- lists of the configuration ----------------------------------------------------------------
 */

static bool read_trusted(cidr_list_t *out, const config_t *config, buf_t *why)
{
    size_t count;
    buf_t text = {0};
    str_t bad;
    const char *const *items = config_list(config, "trusted-proxies", &count);
    for (size_t i = 0; i < count; i++) {
        buf_append_cstr(&text, items[i]);
        buf_append_byte(&text, ' ');
    }
    bool fine = cidr_list_parse(out, buf_str(&text), &bad);
    if (!fine)
        buf_printf(why, "trusted-proxies: \"%.*s\" is no address or network", STR_ARG(bad));
    buf_fini(&text);
    return fine;
}

/* All or none of them. */
typedef struct {
    cidr_list_t trusted;
    origins_t *origins;
    whitelist_t *whitelist;
} lists_t;

static void fini_lists(lists_t *lists)
{
    cidr_list_fini(&lists->trusted);
    origins_destroy(&lists->origins);
    whitelist_destroy(&lists->whitelist);
}

static bool read_lists(lists_t *lists, const config_t *config, buf_t *why)
{
    size_t origins, clients;
    const char *const *items = config_list(config, "allowed-origins", &origins);
    const char *const *rows = config_list(config, "white-list", &clients);
    *lists = (lists_t){0};
    if (read_trusted(&lists->trusted, config, why) &&
        (lists->origins = origins_new(items, origins, why)) &&
        (lists->whitelist = whitelist_new(rows, clients, why)))
        return true;
    fini_lists(lists);
    return false;
}

static void use_lists(gateway_t *self, const config_t *config)
{
    lists_t next, before = {self->env.trusted, self->origins, self->core.whitelist};
    buf_t why = {0};
    if (read_lists(&next, config, &why)) {
        self->env.trusted = next.trusted;
        self->env.origins = self->origins = next.origins;
        self->core.whitelist = next.whitelist;
        fini_lists(&before);
    } else {
        log_error("GW-RELOAD", "the lists before stay; %.*s", STR_ARG(buf_str(&why)));
    }
    buf_fini(&why);
}

static void use_config(gateway_t *self, const config_t *config)
{
    read_limits(&self->core.limits, config);
    self->env.max_message = self->core.limits.max_message;
    self->env.handshake_s = (double)config_int(config, "handshake-timeout") / 1000;
    self->env.max_handshakes = (size_t)config_int(config, "max-handshakes");
    self->env.hsts_s = config_int(config, "hsts") / 1000;
    subs_set_max_patterns(self->core.subs, (size_t)config_int(config, "max-patterns"));
    ports_limit(self->ports, (size_t)config_int(config, "max-connections"),
                (size_t)config_int(config, "max-connections-per-address"));
}

static void take_reload(gateway_t *self)
{
    pthread_mutex_lock(&self->mutex);
    config_t *next = self->next_config;
    self->next_config = NULL;
    pthread_mutex_unlock(&self->mutex);
    if (next) {
        use_config(self, next);
        use_lists(self, next);
        if (self->core.certs)
            certs_reload(self->core.certs, next, self->core.mono_ms);
    }
    config_destroy(&next);
}

static void on_wake(struct ev_loop *loop, ev_async *watcher, int events)
{
    gateway_t *self = watcher->data;
    (void)loop;
    (void)events;
    take_reload(self);
    if (atomic_load(&self->stop))
        start_stopping(self);
}

/* --- TLS ---------------------------------------------------------------------------------------
 */

static bool wants_tls(const gateway_t *self)
{
    for (size_t i = 0; self->listeners[i]; i++) {
        if (self->listeners[i]->tls)
            return true;
    }
    return false;
}

/* Plain HTTP is sent to the first port that speaks HTTPS. */
static void resolve_redirects(gateway_t *self)
{
    int port = 0;
    for (size_t i = 0; self->listeners[i] && port == 0; i++)
        port = self->listeners[i]->tls ? self->listeners[i]->bound_port : 0;
    for (size_t i = 0; self->listeners[i]; i++) {
        if (!self->listeners[i]->tls && self->listeners[i]->redirect < 0)
            self->listeners[i]->redirect = port;
    }
}

/* A certificate must be there, or its object be out of reach: an objects actor in another process
 * may start later. */
static bool start_tls(gateway_t *self, buf_t *why)
{
    certs_t *certs = self->core.certs;
    resolve_redirects(self);
    if (!certs)
        return true;
    self->core.mono_ms = sock_mono_ms();
    if (certs_configure(certs, self->config, self->core.mono_ms, why) != ERR_OK)
        return false;
    int64_t until = sock_mono_ms() + self->core.limits.request_ms;
    while (!certs_is_settled(certs) && sock_mono_ms() < until && !atomic_load(&self->stop))
        ev_run(self->loop, EVRUN_ONCE);
    if (certs_is_settled(certs) && !certs_current(certs)) {
        buf_append_str(why, certs_error(certs));
        return false;
    }
    if (!certs_current(certs))
        log_warn("GW-TLS-WAITS", "object=system.certificates no answer yet");
    return true;
}

/* --- parts ---------------------------------------------------------------------------------------
 */

static void on_contact(void *arg, feed_t feed)
{
    gateway_t *self = arg;
    if (feed == FEED_MESSAGES && self->core.messenger)
        messenger_contact(self->core.messenger);
    if ((feed == FEED_STATES || feed == FEED_MESSAGES) && self->presence && !self->stopping)
        presence_announce(self->presence);
    if (feed == FEED_OBJECTS && self->core.certs)
        certs_ask(self->core.certs, self->core.mono_ms);
}

static void on_sessions_changed(void *arg)
{
    gateway_t *self = arg;
    if (self->presence && !self->stopping)
        presence_changed(self->presence);
}

static char *peer_name(const config_t *config)
{
    const char *name = config_text(config, "gateway-name");
    unsigned char random[4];
    buf_t text = {0};
    int ok = RAND_bytes(random, sizeof random);
    assert(ok == 1);
    (void)ok;
    if (name[0] != '\0')
        buf_append_cstr(&text, name);
    else
        buf_printf(&text, "gateway-%d-%02x%02x", (int)getpid(), random[0], random[1]);
    char *result = str_dup(buf_str(&text));
    assert(result);
    buf_fini(&text);
    return result;
}

#define RECOVERY_EVENTS (16u * 1024u * 1024u) /* bytes of events for clients that come back */
#define RECOVERY_SESSIONS 1000                /* sessions without a connection */

static recovery_t *make_recovery(gateway_t *self)
{
    recovery_bounds_t bounds = {.keep_ms = config_int(self->config, "recovery"),
                                .events = RECOVERY_EVENTS,
                                .sessions = RECOVERY_SESSIONS};
    return bounds.keep_ms > 0 ? recovery_new(self->loop, &bounds) : NULL;
}

static void make_core(gateway_t *self)
{
    const config_t *config = self->config;
    core_t *core = &self->core;
    char *peer = peer_name(config);
    read_limits(&core->limits, config);
    core->mono_ms = sock_mono_ms();
    core->metrics = &self->metrics;
    core->version = config_text(config, "compatible-version");
    core->requests =
        requests_new(self->endpoints, peer, (size_t)config_int(config, "max-gateway-requests"),
                     (size_t)config_int(config, "max-frame"));
    requests_connect(core->requests, actor_names());
    core->subs = subs_new((size_t)config_int(config, "max-patterns"));
    core->grants = grants_new(core->requests);
    core->guard = guard_new(core);
    core->messenger = messenger_new(core, self->listeners);
    core->access = access_new();
    core->recovery = make_recovery(self);
    core->status = status_new(core);
    core->calls = map_new();
    core->command_index = map_new();
    core->commands = calloc(command_count(), sizeof *core->commands);
    assert(core->commands);
    core->changed = on_sessions_changed;
    core->changed_arg = self;
    free(peer);
}

static void make_parts(gateway_t *self)
{
    const config_t *config = self->config;
    eio_timing_t timing = {.ping_interval_ms = config_int(config, "ping-interval"),
                           .ping_timeout_ms = config_int(config, "ping-timeout"),
                           .upgrade_ms = config_int(config, "upgrade-timeout"),
                           .connect_ms = config_int(config, "connect-timeout")};
    self->feed = feed_new(&self->core, self->endpoints, on_contact, self);
    self->presence = presence_new(&self->core, self->loop, self->listeners);
    self->http = (http_t){.core = &self->core,
                          .engines = eio_hub_new(&self->core, self->loop, &timing),
                          .plain = iobws_hub_new(&self->core, self->loop),
                          .health = health_new(self->core.requests),
                          .assets = assets_new(config_text(config, "share"))};
    self->http.rest = rest_hub_new(&self->core, self->loop, self->http.assets);
    self->env = (conn_env_t){.loop = self->loop,
                             .ops = &http_ops,
                             .arg = &self->http,
                             .metrics = &self->metrics,
                             .max_header = (size_t)config_int(config, "max-header"),
                             .deflate = config_bool(config, "deflate")};
    if (wants_tls(self))
        self->env.certs = self->core.certs = certs_new(self->core.requests, &self->metrics);
    use_lists(self, config);
    for (size_t i = 0; self->listeners[i]; i++)
        (void)grants_require(self->core.grants, self->listeners[i]->default_user, false,
                             self->core.mono_ms);
}

static void start_watchers(gateway_t *self)
{
    ev_prepare_init(&self->prepare, on_prepare);
    ev_check_init(&self->check, on_check);
    ev_idle_init(&self->idle, on_idle);
    ev_init(&self->expire, on_expire);
    ev_timer_init(&self->second, on_second, 0., 1.);
    ev_init(&self->stopper, on_stopping);
    self->prepare.data = self->check.data = self->second.data = self->stopper.data = self;
    ev_prepare_start(self->loop, &self->prepare);
    ev_check_start(self->loop, &self->check);
    ev_timer_start(self->loop, &self->second);
    watch(self);
}

static void stop_watchers(gateway_t *self)
{
    ev_prepare_stop(self->loop, &self->prepare);
    ev_check_stop(self->loop, &self->check);
    ev_idle_stop(self->loop, &self->idle);
    ev_timer_stop(self->loop, &self->expire);
    ev_timer_stop(self->loop, &self->second);
    ev_timer_stop(self->loop, &self->stopper);
    for (size_t i = 0; i < self->watched_len; i++)
        ev_io_stop(self->loop, &self->watched[i]);
}

/* In the order in which one uses the other. */
static void destroy_parts(gateway_t *self)
{
    core_t *core = &self->core;
    self->stopping = true;
    eio_hub_close(self->http.engines);
    iobws_hub_close(self->http.plain);
    rest_hub_close(self->http.rest);
    ports_destroy(&self->ports);
    eio_hub_destroy(&self->http.engines);
    iobws_hub_destroy(&self->http.plain);
    rest_hub_destroy(&self->http.rest);
    recovery_destroy(&core->recovery);
    status_destroy(&core->status);
    presence_destroy(&self->presence);
    health_destroy(&self->http.health);
    assets_destroy(&self->http.assets);
    feed_destroy(&self->feed);
    access_destroy(&core->access);
    guard_destroy(&core->guard);
    grants_destroy(&core->grants);
    certs_destroy(&core->certs);
    cidr_list_fini(&self->env.trusted);
    origins_destroy(&self->origins);
    whitelist_destroy(&core->whitelist);
    requests_destroy(&core->requests);
    messenger_destroy(&core->messenger);
    subs_destroy(&core->subs);
    map_destroy(&core->calls);
    map_destroy(&core->command_index);
    free(core->commands);
}

/* --- the thread ----------------------------------------------------------------------------------
 */

static void report(gateway_t *self, bool ready, buf_t *why)
{
    pthread_mutex_lock(&self->mutex);
    self->started = ready ? 1 : -1;
    buf_append_str(&self->why, buf_str(why));
    pthread_cond_signal(&self->started_cond);
    pthread_mutex_unlock(&self->mutex);
    buf_fini(why);
}

static void *run(void *arg)
{
    gateway_t *self = arg;
    buf_t why = {0};
    pthread_setname_np(pthread_self(), "gateway");
    make_core(self);
    make_parts(self);
    start_watchers(self);
    self->ports = ports_open(&self->env, self->listeners, &why);
    if (self->ports)
        use_config(self, self->config);
    bool ready = self->ports && start_tls(self, &why);
    if (ready) {
        report(self, true, &why);
        ev_run(self->loop, 0);
    }
    stop_watchers(self);
    destroy_parts(self);
    if (!ready)
        report(self, false, &why);
    atomic_store(&self->ended, true);
    return NULL;
}

/* --- the parent's side ---------------------------------------------------------------------------
 */

static bool check_redirects(const gateway_t *self, buf_t *why)
{
    for (size_t i = 0; self->listeners[i]; i++) {
        const listener_t *listener = self->listeners[i];
        if (listener->tls || listener->redirect >= 0 || wants_tls(self))
            continue;
        buf_append_cstr(why, "https-redirect: no listener has tls=on; name the port instead");
        return false;
    }
    return true;
}

static bool check_lists(const config_t *config, buf_t *why)
{
    lists_t lists;
    bool fine = read_lists(&lists, config, why);
    if (fine)
        fini_lists(&lists);
    return fine;
}

static bool parse_listeners(gateway_t *self, buf_t *why)
{
    size_t count;
    const char *const *texts = config_list(self->config, "listen", &count);
    self->listeners = calloc(count + 1, sizeof *self->listeners);
    assert(self->listeners);
    for (size_t i = 0; i < count; i++) {
        if (listener_parse(texts[i], self->config, &self->listeners[i], why) != ERR_OK)
            return false;
    }
    if (count == 0)
        buf_append_cstr(why, "listen: there is no listener");
    return why->len == 0 && check_redirects(self, why) && check_lists(self->config, why);
}

/* libwebsockets has a table as long as the limit of open files, and gives up on absurd ones. */
static void tame_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= MAX_FILES)
        return;
    limit.rlim_cur = MAX_FILES;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_warn("GW-FILE-LIMIT", "error=%s", strerror(errno));
}

/* The size of large pieces is chosen by clients. Left to itself the allocator gets used to them and
 * then cuts them from its heap, where they leave holes: what a hundred large messages took would
 * never be given back. */
static void tame_allocator(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
}

static void warn_open(const gateway_t *self)
{
    for (size_t i = 0; self->listeners[i]; i++) {
        if (!self->listeners[i]->auth && !listener_is_loopback(self->listeners[i]))
            log_warn("GW-OPEN", "port=%d clients need no credentials and can come from anywhere",
                     self->listeners[i]->bound_port);
    }
}

/* Waits for the thread's word; NULL: it could not start. */
static gateway_t *wait_started(gateway_t *self, buf_t *why)
{
    pthread_mutex_lock(&self->mutex);
    while (self->started == 0)
        pthread_cond_wait(&self->started_cond, &self->mutex);
    bool ready = self->started > 0;
    if (!ready)
        buf_append_str(why, buf_str(&self->why));
    pthread_mutex_unlock(&self->mutex);
    if (ready)
        warn_open(self);
    else
        gateway_destroy(&self);
    return self;
}

gateway_t *gateway_start(const config_t *config, const endpoints_t *endpoints, buf_t *why)
{
    gateway_t *self = calloc(1, sizeof *self);
    assert(self);
    self->config = config_copy(config);
    self->endpoints = endpoints;
    self->joined = true;
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->started_cond, NULL);
    self->loop = ev_loop_new(EVFLAG_AUTO);
    if (!self->loop)
        buf_append_cstr(why, "gateway: no event loop");
    if (!self->loop || !parse_listeners(self, why)) {
        gateway_destroy(&self);
        return NULL;
    }
    ev_async_init(&self->wake, on_wake);
    self->wake.data = self;
    ev_async_start(self->loop, &self->wake);
    tame_file_limit();
    tame_allocator();
    int failed = pthread_create(&self->thread, NULL, run, self);
    if (failed) {
        buf_printf(why, "gateway: %s", strerror(failed));
        gateway_destroy(&self);
        return NULL;
    }
    self->joined = false;
    return wait_started(self, why);
}

void gateway_urls(const gateway_t *self, buf_t *out)
{
    for (size_t i = 0; self->listeners[i]; i++) {
        if (i > 0)
            buf_append_byte(out, ' ');
        listener_url(self->listeners[i], out);
    }
}

void gateway_stop(gateway_t *self)
{
    atomic_store(&self->stop, true);
    ev_async_send(self->loop, &self->wake);
}

bool gateway_wait(gateway_t *self, int64_t ms)
{
    struct timespec until;
    if (self->joined)
        return true;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    self->joined = pthread_timedjoin_np(self->thread, NULL, &until) == 0;
    return self->joined;
}

void gateway_destroy(gateway_t **self_p)
{
    gateway_t *self = *self_p;
    if (!self)
        return;
    if (!self->joined) {
        gateway_stop(self);
        pthread_join(self->thread, NULL);
    }
    if (self->loop)
        ev_loop_destroy(self->loop);
    for (size_t i = 0; self->listeners && self->listeners[i]; i++)
        listener_destroy(&self->listeners[i]);
    free(self->listeners);
    config_destroy(&self->next_config);
    config_destroy(&self->config);
    buf_fini(&self->why);
    pthread_cond_destroy(&self->started_cond);
    pthread_mutex_destroy(&self->mutex);
    free(self);
    *self_p = NULL;
}

void gateway_reload(gateway_t *self, const config_t *config)
{
    config_t *copy = config_copy(config);
    pthread_mutex_lock(&self->mutex);
    config_destroy(&self->next_config);
    self->next_config = copy;
    pthread_mutex_unlock(&self->mutex);
    ev_async_send(self->loop, &self->wake);
}

bool gateway_has_failed(gateway_t *self)
{
    return atomic_load(&self->ended) && !atomic_load(&self->stop);
}
