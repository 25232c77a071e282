/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <czmq.h>
#include <stdlib.h>

#include "bus/envelope.h"
#include "bus/follower.h"
#include "bus/log.h"
#include "bus/sock.h"

#define REPLAY_TTL_MS 5000

struct follower {
    const char *actor;
    zsock_t *socket;
    size_t ready; /* number in requests_ready */
    requests_t *requests;
    const follower_ops_t *ops;
    void *arg;
    uint64_t epoch;  /* 0: no contact yet */
    uint64_t seq;    /* last event handed out */
    uint64_t replay; /* correlation number of the replay under way; 0 none */
    uint64_t bad;    /* frames that could not be read */
    int64_t mono_ms; /* of the turn under way */
    int64_t patience_ms;
    int64_t again_ms; /* the socket is not watched until then; 0: it is */
};

follower_t *follower_new(const endpoints_t *endpoints, requests_t *requests, const char *actor,
                         const follower_ops_t *ops, void *arg)
{
    follower_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (follower_t){.actor = actor, .requests = requests, .ops = ops, .arg = arg};
    self->socket = sock_new(ZMQ_SUB, NULL, INT32_MAX);
    zsock_set_linger(self->socket, 0);
    zsock_set_subscribe(self->socket, "");
    self->ready = ready_add(requests_ready(requests), self->socket);
    const char *url = endpoints_connect(endpoints, actor, ENDPOINT_EVENT);
    if (zmq_connect(zsock_resolve(self->socket), url) != 0)
        log_error("BUS-CONNECT", "actor=%s endpoint=%s error=%s", actor, url,
                  zmq_strerror(zmq_errno()));
    return self;
}

void follower_destroy(follower_t **self_p)
{
    follower_t *self = *self_p;
    if (!self)
        return;
    requests_forget(self->requests, self->replay);
    ready_remove(requests_ready(self->requests), self->ready);
    zsock_destroy(&self->socket);
    free(self);
    *self_p = NULL;
}

int follower_fd(const follower_t *self)
{
    return ready_fd(requests_ready(self->requests));
}

const char *follower_actor(const follower_t *self)
{
    return self->actor;
}

uint64_t follower_epoch(const follower_t *self)
{
    return self->epoch;
}

uint64_t follower_bad_frames(const follower_t *self)
{
    return self->bad;
}

uint64_t follower_seq(const follower_t *self)
{
    return self->seq;
}

bool follower_in_sync(const follower_t *self)
{
    return self->epoch != 0 && self->replay == 0;
}

static void start_over(follower_t *self, uint64_t epoch, uint64_t seq)
{
    log_debug("BUS-RESYNC", "actor=%s epoch=%llx seq=%llu", self->actor, (unsigned long long)epoch,
              (unsigned long long)seq);
    self->epoch = epoch;
    self->seq = seq;
    self->ops->gap(self->arg, self->actor);
}

static void take_frame(follower_t *self, str_t data);

static void take_replay(void *arg, err_t status, uint64_t seq, mp_t body)
{
    follower_t *self = arg;
    mp_t value, frames;
    uint64_t epoch, last;
    (void)seq;
    self->replay = 0;
    /* Gone or silent: the next tick or event of whoever comes back shows where we stand. */
    if (status != ERR_OK || !mp_at(body, 1, &value) || !mp_read_uint(&value, &epoch) ||
        !mp_at(body, 2, &value) || !mp_read_uint(&value, &last) || !mp_at(body, 3, &frames))
        return;
    uint32_t count;
    if (!mp_read_array(&frames, &count)) {
        start_over(self, epoch, last);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        str_t frame;
        if (!mp_read_bin(&frames, &frame))
            return;
        take_frame(self, frame);
    }
}

static void ask_replay(follower_t *self)
{
    buf_t args;
    if (self->replay != 0)
        return;
    buf_init(&args);
    mp_put_array(&args, 2);
    mp_put_uint(&args, self->epoch);
    mp_put_uint(&args, self->seq);
    self->replay =
        requests_send(self->requests, self->actor, STR_LIT("bus.replay"), NULL, mp_of_buf(&args),
                      REPLAY_TTL_MS, 0, self->mono_ms, take_replay, self);
    buf_fini(&args);
}

static void take_message(follower_t *self, const envelope_t *message)
{
    bool tick = str_is(message->name, "bus.tick");
    if (message->epoch != self->epoch) {
        start_over(self, message->epoch, tick ? message->seq : message->seq - 1);
        if (tick)
            return;
    }
    if (message->seq > self->seq + (tick ? 0 : 1)) {
        ask_replay(self);
        return;
    }
    /* Seen already: a replay and the live stream overlap. */
    if (tick || message->seq <= self->seq)
        return;
    self->seq = message->seq;
    self->ops->event(self->arg, self->actor, message);
}

static void take_frame(follower_t *self, str_t data)
{
    mp_t frame = mp_of(data.p, data.len);
    while (!mp_at_end(&frame)) {
        envelope_t message;
        err_t err = envelope_next(&frame, &message);
        if (err != ERR_OK || message.type != ENVELOPE_EVENT || message.epoch == 0) {
            static log_limit_t limit;
            self->bad++;
            log_limited(&limit, LEVEL_WARN, "BUS-BAD-EVENT", "from=%s error=%s", self->actor,
                        err_name(err));
            return;
        }
        take_message(self, &message);
    }
}

void follower_set_patience(follower_t *self, int64_t ms)
{
    self->patience_ms = ms;
    if (ms == 0)
        follower_hurry(self);
}

void follower_hurry(follower_t *self)
{
    if (self->again_ms == 0)
        return;
    self->again_ms = 0;
    ready_resume(requests_ready(self->requests), self->ready);
}

int64_t follower_wait(const follower_t *self, int64_t mono_ms)
{
    if (self->again_ms == 0)
        return -1;
    return self->again_ms > mono_ms ? self->again_ms - mono_ms : 0;
}

static void rest(follower_t *self)
{
    if (self->patience_ms == 0)
        return;
    self->again_ms = self->mono_ms + self->patience_ms;
    ready_pause(requests_ready(self->requests), self->ready);
}

bool follower_process(follower_t *self, size_t max, int64_t mono_ms)
{
    ready_t *ready = requests_ready(self->requests);
    bool any = false;
    self->mono_ms = mono_ms;
    if (self->again_ms != 0 && mono_ms >= self->again_ms)
        follower_hurry(self);
    for (size_t i = 0; i < max && ready_is(ready, self->ready); i++) {
        zmq_msg_t msg;
        if (!sock_recv(self->socket, &msg)) {
            ready_clear(ready, self->ready);
            if (any)
                rest(self);
            break;
        }
        take_frame(self, sock_msg_str(&msg));
        sock_drop_rest(self->socket, &msg);
        zmq_msg_close(&msg);
        any = true;
    }
    return any;
}
