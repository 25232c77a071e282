/* SPDX-License-Identifier: MIT */
#include "bus/dispatch.h"

#include <assert.h>
#include <czmq.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bus/batch.h"
#include "bus/log.h"
#include "bus/sock.h"

/* The parent's half: the thread, the pipe to it, and what became of it. */
struct dispatch {
    const actor_t *actor;
    config_t *config; /* the thread's copy; replaced by reloads in the thread */
    const endpoints_t *endpoints;
    pthread_t thread;
    zsock_t *pipe;  /* this end belongs to the parent */
    zsock_t *inner; /* this one to the thread */
    bool joined;
    _Atomic bool asked_to_stop;
    _Atomic bool ended;
};

/* Words on the pipe. It carries life-cycle only, never work. */
#define WORD_READY "ready"
#define WORD_FAILED "failed"
#define WORD_STOP "stop"
#define WORD_RELOAD "reload"
#define WORD_STOPPED "stopped"

static bool say(zsock_t *pipe, const char *word, str_t more)
{
    return sock_send(pipe, str_of(word), true) == ERR_OK && sock_send(pipe, more, false) == ERR_OK;
}

/* Takes a word and what comes with it; false when nothing is there. */
static bool hear(zsock_t *pipe, buf_t *word, buf_t *more)
{
    zmq_msg_t msg;
    if (!sock_recv(pipe, &msg))
        return false;
    buf_append_str(word, sock_msg_str(&msg));
    bool has_more = sock_has_more(&msg);
    zmq_msg_close(&msg);
    if (has_more && sock_recv(pipe, &msg)) {
        buf_append_str(more, sock_msg_str(&msg));
        sock_drop_rest(pipe, &msg);
        zmq_msg_close(&msg);
    }
    return true;
}

/* Waits for a word of the thread; false past the deadline. */
static bool await(zsock_t *pipe, int64_t deadline_ms, buf_t *word, buf_t *more)
{
    while (!hear(pipe, word, more)) {
        int64_t left = deadline_ms - sock_mono_ms();
        zmq_pollitem_t item = {zsock_resolve(pipe), 0, ZMQ_POLLIN, 0};
        if (left <= 0)
            return false;
        zmq_poll(&item, 1, (long)left);
    }
    return true;
}

/* --- the thread ------------------------------------------------------------------------------ */

static void take_reload(dispatch_t *self, batch_t *batch, str_t more)
{
    config_t *config;
    if (more.len != sizeof config)
        return;
    memcpy(&config, more.p, sizeof config);
    batch_reload(batch, config);
    config_destroy(&self->config);
    self->config = config;
}

/* One word of the parent; false: stop. */
static bool take_words(dispatch_t *self, batch_t *batch)
{
    bool go_on = true;
    buf_t word = {0}, more = {0};
    while (go_on && hear(self->inner, &word, &more)) {
        if (str_is(buf_str(&word), WORD_STOP))
            go_on = false;
        else if (str_is(buf_str(&word), WORD_RELOAD))
            take_reload(self, batch, buf_str(&more));
        buf_reset(&word);
        buf_reset(&more);
    }
    buf_fini(&word);
    buf_fini(&more);
    return go_on;
}

static void run_loop(dispatch_t *self, batch_t *batch)
{
    ready_t *ready = batch_ready(batch);
    size_t words = ready_add(ready, self->inner);
    int64_t wait_ms = 0;
    bool go_on = true;
    while (go_on) {
        ready_wait(ready, wait_ms);
        if (ready_is(ready, words))
            go_on = take_words(self, batch);
        ready_clear(ready, words);
        wait_ms = batch_turn(batch);
    }
    batch_drain(batch);
    ready_remove(ready, words);
}

static void *thread_main(void *arg)
{
    dispatch_t *self = arg;
    buf_t why = {0};
    pthread_setname_np(pthread_self(), self->actor->name);
    batch_t *batch = batch_new(self->actor, self->config, self->endpoints, &why);
    if (!batch) {
        say(self->inner, WORD_FAILED, buf_str(&why));
    } else {
        say(self->inner, WORD_READY, STR_LIT(""));
        log_info("ACTOR-UP", "actor=%s", self->actor->name);
        run_loop(self, batch);
        batch_destroy(&batch);
        log_info("ACTOR-DOWN", "actor=%s", self->actor->name);
        say(self->inner, WORD_STOPPED, STR_LIT(""));
    }
    buf_fini(&why);
    self->ended = true;
    return NULL;
}

/* --- the parent ------------------------------------------------------------------------------ */

static void join(dispatch_t *self)
{
    if (!self->joined)
        pthread_join(self->thread, NULL);
    self->joined = true;
}

dispatch_t *dispatch_start(const actor_t *actor, const config_t *config,
                           const endpoints_t *endpoints, buf_t *why)
{
    dispatch_t *self = calloc(1, sizeof *self);
    assert(self);
    self->actor = actor;
    self->config = config_copy(config);
    self->endpoints = endpoints;
    self->pipe = zsys_create_pipe(&self->inner);
    assert(self->pipe);
    if (pthread_create(&self->thread, NULL, thread_main, self) != 0) {
        buf_printf(why, "%s: cannot start a thread", actor->name);
        self->joined = true;
        dispatch_destroy(&self);
        return NULL;
    }
    buf_t word = {0};
    /* Opening a large store takes as long as it takes; the thread always says one of the two words.
     */
    bool heard = await(self->pipe, INT64_MAX / 2, &word, why);
    bool ready = heard && str_is(buf_str(&word), WORD_READY);
    buf_fini(&word);
    if (!ready)
        dispatch_destroy(&self);
    return self;
}

void dispatch_stop(dispatch_t *self)
{
    if (!self->asked_to_stop)
        say(self->pipe, WORD_STOP, STR_LIT(""));
    self->asked_to_stop = true;
}

bool dispatch_wait(dispatch_t *self, int64_t deadline_ms)
{
    buf_t word = {0}, more = {0};
    bool stopped = self->joined || await(self->pipe, deadline_ms, &word, &more);
    buf_fini(&word);
    buf_fini(&more);
    if (stopped)
        join(self);
    return stopped;
}

void dispatch_destroy(dispatch_t **self_p)
{
    dispatch_t *self = *self_p;
    if (!self)
        return;
    if (!self->joined && !self->ended)
        dispatch_stop(self);
    join(self);
    zsock_destroy(&self->pipe);
    zsock_destroy(&self->inner);
    config_destroy(&self->config);
    free(self);
    *self_p = NULL;
}

void dispatch_reload(dispatch_t *self, const config_t *config)
{
    config_t *copy = config_copy(config);
    if (!say(self->pipe, WORD_RELOAD, (str_t){(const char *)&copy, sizeof copy}))
        config_destroy(&copy);
}

bool dispatch_has_failed(dispatch_t *self)
{
    return self->ended && !self->asked_to_stop;
}
