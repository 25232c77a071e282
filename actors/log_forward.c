/* SPDX-License-Identifier: MIT */
#include "actors/log_forward.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "actors/host_name.h"
#include "bus/buf.h"
#include "bus/log.h"
#include "bus/mp.h"
#include "bus/requests.h"
#include "bus/sock.h"

#define WAITING_MAX 1024
#define LINE_BYTES_MAX 4096
#define TURN_MS 1000 /* what the bus has to do is looked at so often when there are no lines */
#define AWAY_MS 100  /* and so often when lines wait for the log actor */
#define LAST_MS 500  /* for the last lines to arrive */
#define FDS_MAX 16
#define TTL_MS 10000
#define FRAME_MAX_BYTES (16u * 1024u * 1024u)

typedef struct {
    log_level_t level;
    int64_t ts;
    char *text;
} line_t;

struct log_forward {
    char *from;           /* "system.host.house" */
    requests_t *requests; /* of the thread */
    size_t open;          /* of the thread: requests without an answer */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;                   /* {lock} */
    line_t waiting[WAITING_MAX]; /* {lock} */
    size_t waiting_len;          /* {lock} */
    uint64_t dropped;            /* {lock} */
};

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What the thread itself has to say about the bus is not sent over the bus. */
static void on_line(void *arg, log_level_t level, const char *text)
{
    log_forward_t *self = arg;
    if (pthread_equal(pthread_self(), self->thread))
        return;
    char *copy = strndup(text, LINE_BYTES_MAX);
    pthread_mutex_lock(&self->lock);
    bool kept = copy && self->waiting_len < WAITING_MAX;
    if (kept)
        self->waiting[self->waiting_len++] = (line_t){level, wall_ms(), copy};
    else
        self->dropped++;
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->lock);
    if (!kept)
        free(copy);
}

/* --- the thread ------------------------------------------------------------------------------ */

static void put_line(buf_t *out, log_level_t level, int64_t ts, const char *text)
{
    mp_put_array(out, 3);
    mp_put_cstr(out, log_level_name(level));
    mp_put_int(out, ts);
    mp_put_cstr(out, text);
}

/* Takes all that waits; returns how many lines they are. */
static uint32_t take_lines(log_forward_t *self, buf_t *lines)
{
    char text[80];
    pthread_mutex_lock(&self->lock);
    uint32_t count = (uint32_t)self->waiting_len;
    for (size_t i = 0; i < self->waiting_len; i++) {
        put_line(lines, self->waiting[i].level, self->waiting[i].ts, self->waiting[i].text);
        free(self->waiting[i].text);
    }
    if (self->dropped > 0) {
        snprintf(text, sizeof text, "LOG-DROPPED whose=server lines=%llu",
                 (unsigned long long)self->dropped);
        put_line(lines, LEVEL_WARN, wall_ms(), text);
        count++;
    }
    self->waiting_len = 0;
    self->dropped = 0;
    pthread_mutex_unlock(&self->lock);
    return count;
}

static void on_taken(void *arg, err_t status, uint64_t seq, mp_t body)
{
    log_forward_t *self = arg;
    (void)status, (void)seq, (void)body;
    self->open--;
}

/* Sends what waits, if there is somebody to take it. */
static void send_lines(log_forward_t *self)
{
    static const caller_t system = {{"", 0}, {"", 0}, {"log-forward", 11}};
    buf_t lines = {0}, args = {0};
    uint32_t count = requests_is_up(self->requests, "log") ? take_lines(self, &lines) : 0;
    if (count > 0) {
        mp_put_array(&args, 2);
        mp_put_cstr(&args, self->from);
        mp_put_array(&args, count);
        mp_put_raw(&args, mp_of_buf(&lines));
        self->open +=
            requests_send(self->requests, "log", STR_LIT("log.forward"), &system, mp_of_buf(&args),
                          TTL_MS, 0, sock_mono_ms(), on_taken, self) != 0;
        requests_flush(self->requests);
    }
    while (requests_process(self->requests)) {
    }
    (void)requests_expire(self->requests, sock_mono_ms());
    buf_fini(&lines);
    buf_fini(&args);
}

/* Until the last lines have arrived. */
static void finish(log_forward_t *self)
{
    int64_t deadline_ms = sock_mono_ms() + LAST_MS;
    send_lines(self);
    while (self->open > 0 && sock_mono_ms() < deadline_ms) {
        zmq_pollitem_t items[FDS_MAX];
        size_t count = requests_poll_items(self->requests, items, FDS_MAX);
        zmq_poll(items, (int)count, AWAY_MS);
        while (requests_process(self->requests)) {
        }
    }
}

/* False: it is time to go. */
static bool wait_turn(log_forward_t *self)
{
    struct timespec until;
    bool up = requests_is_up(self->requests, "log");
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (up ? TURN_MS : AWAY_MS) % 1000 * 1000000L;
    until.tv_sec += (up ? TURN_MS : AWAY_MS) / 1000 + until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&self->lock);
    if (!self->stop && (self->waiting_len == 0 || !up))
        pthread_cond_timedwait(&self->wake, &self->lock, &until);
    bool go_on = !self->stop;
    pthread_mutex_unlock(&self->lock);
    return go_on;
}

static void *thread_main(void *arg)
{
    log_forward_t *self = arg;
    pthread_setname_np(pthread_self(), "log-forward");
    while (wait_turn(self))
        send_lines(self);
    finish(self);
    return NULL;
}

/* --- the parent ------------------------------------------------------------------------------ */

static void free_all(log_forward_t *self)
{
    requests_destroy(&self->requests);
    for (size_t i = 0; i < self->waiting_len; i++)
        free(self->waiting[i].text);
    pthread_mutex_destroy(&self->lock);
    pthread_cond_destroy(&self->wake);
    free(self->from);
    free(self);
}

log_forward_t *log_forward_start(const config_t *config, const endpoints_t *endpoints)
{
    log_forward_t *self = calloc(1, sizeof *self);
    static const char *const actors[] = {"log", NULL};
    char *name = host_name(config), peer[64];
    buf_t from = {0};
    assert(self);
    buf_printf(&from, "system.host.%s", name);
    self->from = str_dup(buf_str(&from));
    assert(self->from);
    snprintf(peer, sizeof peer, "log-forward-%ld", (long)getpid());
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->wake, NULL);
    self->requests = requests_new(endpoints, peer, 16, FRAME_MAX_BYTES);
    /* Here, not in the thread: CZMQ sets itself up with the first socket of a process, and cannot
     * do that in two threads. */
    requests_connect(self->requests, actors);
    bool started = pthread_create(&self->thread, NULL, thread_main, self) == 0;
    if (started) {
        log_set_sink(on_line, self);
    } else {
        free_all(self);
        self = NULL;
    }
    buf_fini(&from);
    free(name);
    return self;
}

void log_forward_stop(log_forward_t **self_p)
{
    log_forward_t *self = *self_p;
    if (!self)
        return;
    log_set_sink(NULL, NULL);
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    free_all(self);
    *self_p = NULL;
}
