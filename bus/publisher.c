/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>

#include "bus/envelope.h"
#include "bus/log.h"
#include "bus/publisher.h"
#include "bus/sock.h"

#define TICK_MS 1000
#define SUBSCRIPTIONS_PER_TURN 1000 /* a peer that floods us must not keep the loop */
#define RING_FRAMES_MAX 65536

typedef struct {
    uint64_t first, last; /* numbers of the events in it */
    buf_t bytes;
} frame_t;

struct publisher {
    zsock_t *socket;
    uint64_t epoch;
    uint64_t seq;
    uint64_t first_queued; /* number of the first event in out */
    buf_t out;             /* events of this turn */
    frame_t *ring;         /* RING_FRAMES_MAX places, oldest at head */
    size_t head, len;
    size_t ring_bytes; /* in use */
    size_t ring_max;
    int64_t last_tick_ms;
};

publisher_t *publisher_new(zsock_t *socket, uint64_t epoch, size_t ring_bytes)
{
    publisher_t *self = calloc(1, sizeof *self);
    assert(self);
    self->ring = calloc(RING_FRAMES_MAX, sizeof *self->ring);
    assert(self->ring && epoch != 0);
    self->socket = socket;
    self->epoch = epoch;
    self->ring_max = ring_bytes;
    return self;
}

static void drop_oldest(publisher_t *self)
{
    frame_t *frame = &self->ring[self->head];
    self->ring_bytes -= frame->bytes.cap;
    buf_fini(&frame->bytes);
    self->head = (self->head + 1) % RING_FRAMES_MAX;
    self->len--;
}

void publisher_destroy(publisher_t **self_p)
{
    publisher_t *self = *self_p;
    if (!self)
        return;
    while (self->len)
        drop_oldest(self);
    buf_fini(&self->out);
    free(self->ring);
    free(self);
    *self_p = NULL;
}

uint64_t publisher_epoch(const publisher_t *self)
{
    return self->epoch;
}

uint64_t publisher_seq(const publisher_t *self)
{
    return self->seq;
}

uint64_t publisher_put(publisher_t *self, envelope_t *event)
{
    event->epoch = self->epoch;
    event->seq = ++self->seq;
    if (self->out.len == 0)
        self->first_queued = self->seq;
    envelope_put_event(&self->out, event);
    return self->seq;
}

/* Takes the bytes over into the ring. */
static void keep(publisher_t *self, buf_t *bytes)
{
    while (self->len &&
           (self->len == RING_FRAMES_MAX || self->ring_bytes + bytes->cap > self->ring_max))
        drop_oldest(self);
    frame_t *frame = &self->ring[(self->head + self->len++) % RING_FRAMES_MAX];
    *frame = (frame_t){self->first_queued, self->seq, *bytes};
    self->ring_bytes += bytes->cap;
    buf_init(bytes);
}

void publisher_flush(publisher_t *self)
{
    if (self->out.len == 0)
        return;
    /* A follower whose queue is full misses the frame and asks for it later; there is nothing to do
     * here. */
    err_t err = sock_send(self->socket, buf_str(&self->out), false);
    if (err != ERR_OK)
        log_debug("BUS-PUBLISH", "error=%s", err_name(err));
    buf_t bytes;
    buf_init(&bytes);
    buf_append_str(&bytes, buf_str(&self->out));
    buf_reset(&self->out);
    keep(self, &bytes);
}

static void tick(publisher_t *self)
{
    buf_t out;
    buf_init(&out);
    const envelope_t event = {.epoch = self->epoch,
                              .seq = self->seq,
                              .name = STR_LIT("bus.tick"),
                              .body = mp_of("\x90", 1)};
    envelope_put_event(&out, &event);
    err_t err = sock_send(self->socket, buf_str(&out), false);
    if (err != ERR_OK)
        log_debug("BUS-TICK", "error=%s", err_name(err));
    buf_fini(&out);
}

static bool has_newcomer(publisher_t *self)
{
    zmq_msg_t msg;
    bool newcomer = false;
    for (int i = 0; i < SUBSCRIPTIONS_PER_TURN && sock_recv(self->socket, &msg); i++) {
        str_t data = sock_msg_str(&msg);
        newcomer = newcomer || (data.len > 0 && data.p[0] == 1);
        zmq_msg_close(&msg);
    }
    return newcomer;
}

void publisher_process(publisher_t *self, bool readable, int64_t mono_ms)
{
    bool newcomer = readable && has_newcomer(self);
    if (!newcomer && mono_ms - self->last_tick_ms < TICK_MS)
        return;
    self->last_tick_ms = mono_ms;
    tick(self);
}

void publisher_replay(publisher_t *self, uint64_t epoch, uint64_t from_seq, reply_t *reply)
{
    publisher_flush(self);
    reply_nil(reply);
    mp_put_uint(reply_value(reply), self->epoch);
    mp_put_uint(reply_value(reply), self->seq);
    bool complete =
        epoch == self->epoch && from_seq <= self->seq &&
        (from_seq == self->seq || (self->len && self->ring[self->head].first <= from_seq + 1));
    if (!complete) {
        reply_nil(reply);
        return;
    }
    buf_t *out = reply_value(reply);
    size_t mark = mp_begin_array(out);
    uint32_t count = 0;
    for (size_t i = 0; i < self->len; i++) {
        const frame_t *frame = &self->ring[(self->head + i) % RING_FRAMES_MAX];
        if (frame->last > from_seq) {
            mp_put_bin(out, frame->bytes.data, frame->bytes.len);
            count++;
        }
    }
    mp_end(out, mark, count);
}
