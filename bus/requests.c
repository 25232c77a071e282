/* SPDX-License-Identifier: MIT */
#include "bus/requests.h"

#include <assert.h>
#include <czmq.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bus/actor_names.h"
#include "bus/envelope.h"
#include "bus/log.h"
#include "bus/ready.h"
#include "bus/sock.h"

#define LINKS_MAX 16
#define FRAMES_PER_TURN 1000 /* so that one busy actor does not keep the loop from the others */
#define FIRST_CONNECT_MS 500 /* how long requests wait for the first connection to an actor */
#define EXPIRE_EVERY_MS 50   /* how exact deadlines are */
#define FLUSH_BYTES (1024u * 1024u)
#define HEADER_BYTES 4096 /* at most, of a request: names of user, instance, client, command */

/* The way to one actor. */
typedef struct {
    const char *actor; /* static name */
    zsock_t *dealer;
    size_t dealer_ready, monitor_ready; /* numbers in ready */
    zsock_t *monitor; /* PAIR with connection events; NULL for inproc, which has none */
    char monitor_name[64];
    bool up;
    bool settled;      /* the first attempt to connect has had an outcome */
    int64_t opened_ms; /* sock_mono_ms */
    buf_t out;         /* requests of this turn */
} link_t;

typedef struct {
    uint64_t corr; /* 0: free */
    link_t *link;
    int64_t deadline_ms;
    requests_done_fn *done;
    void *arg;
    err_t refused; /* not ERR_OK: answered with this in the next requests_process */
    uint32_t next; /* free list */
} slot_t;

struct requests {
    const endpoints_t *endpoints;
    ready_t *ready; /* sockets of this thread */
    char *peer;
    size_t max_frame;
    link_t links[LINKS_MAX];
    size_t links_len;
    slot_t *slots; /* grows up to max_open */
    uint32_t slots_cap;
    uint32_t max_open;
    uint32_t free; /* first free slot + 1; 0: none */
    size_t open;
    uint64_t generation;
    uint32_t refused; /* slots whose refusal waits for requests_process */
    int64_t last_expire_ms;
    uint64_t bad_frames;
};

/* The slot is in the low bits of the correlation number, so a reply finds it without a search. */
#define SLOT_BITS 24
#define SLOT_OF(corr) ((uint32_t)((corr) & ((1u << SLOT_BITS) - 1)))

requests_t *requests_new(const endpoints_t *endpoints, const char *peer, size_t max_open,
                         size_t max_frame)
{
    requests_t *self = calloc(1, sizeof *self);
    assert(self);
    self->endpoints = endpoints;
    self->ready = ready_new();
    self->peer = strdup(peer);
    self->max_open =
        (uint32_t)(max_open < (1u << SLOT_BITS) - 1 ? max_open : (1u << SLOT_BITS) - 1);
    self->max_frame = max_frame;
    assert(self->peer);
    /* Answers to an earlier requests_t of the same name must not fit ours. */
    ssize_t got = getrandom(&self->generation, sizeof self->generation, 0);
    assert(got == (ssize_t)sizeof self->generation);
    return self;
}

ready_t *requests_ready(const requests_t *self)
{
    return self->ready;
}

const char *requests_peer(const requests_t *self)
{
    return self->peer;
}

uint64_t requests_bad_frames(const requests_t *self)
{
    return self->bad_frames;
}

size_t requests_open_count(const requests_t *self)
{
    return self->open;
}

/* --- links ----------------------------------------------------------------------------------- */

static void watch(requests_t *self, link_t *link)
{
    static _Atomic unsigned count;
    snprintf(link->monitor_name, sizeof link->monitor_name, "inproc://monitor.%u", count++);
    int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED;
    void *dealer = zsock_resolve(link->dealer);
    if (zmq_socket_monitor(dealer, link->monitor_name, events) != 0)
        return;
    zsock_t *pair = zsock_new(ZMQ_PAIR);
    assert(pair);
    if (zsock_connect(pair, "%s", link->monitor_name) == 0) {
        link->monitor = pair;
        link->monitor_ready = ready_add(self->ready, pair);
    } else {
        zsock_destroy(&pair);
    }
}

static link_t *link_open(requests_t *self, const char *actor)
{
    assert(self->links_len < LINKS_MAX);
    link_t *link = &self->links[self->links_len++];
    const char *url = endpoints_connect(self->endpoints, actor, ENDPOINT_REQUEST);
    bool local = endpoints_is_local(self->endpoints, actor);
    *link = (link_t){.actor = actor, .up = local, .settled = local, .opened_ms = sock_mono_ms()};
    /* No limit on this side: ZeroMQ would end the connection for good over a frame that is too
     * large. */
    link->dealer = sock_new(ZMQ_DEALER, self->peer, INT32_MAX);
    link->dealer_ready = ready_add(self->ready, link->dealer);
    if (!local) {
        /* What waits for a dead actor must not reach its successor: it was answered as failed. */
        zsock_set_immediate(link->dealer, 1);
        zsock_set_linger(link->dealer, 0);
        watch(self, link);
    }
    if (zmq_connect(zsock_resolve(link->dealer), url) != 0)
        log_error("BUS-CONNECT", "actor=%s endpoint=%s error=%s", actor, url,
                  zmq_strerror(zmq_errno()));
    return link;
}

static link_t *link_require(requests_t *self, const char *actor)
{
    for (size_t i = 0; i < self->links_len; i++) {
        if (strcmp(self->links[i].actor, actor) == 0)
            return &self->links[i];
    }
    return link_open(self, actor);
}

void requests_connect(requests_t *self, const char *const *actors)
{
    for (size_t i = 0; actors[i]; i++)
        (void)link_require(self, actors[i]);
}

bool requests_is_up(const requests_t *self, const char *actor)
{
    for (size_t i = 0; i < self->links_len; i++) {
        if (strcmp(self->links[i].actor, actor) == 0)
            return self->links[i].up;
    }
    return false;
}

size_t requests_fds(const requests_t *self, int *fds, size_t cap)
{
    if (cap == 0)
        return 0;
    fds[0] = ready_fd(self->ready);
    return 1;
}

size_t requests_poll_items(const requests_t *self, zmq_pollitem_t *items, size_t cap)
{
    if (cap == 0)
        return 0;
    items[0] = (zmq_pollitem_t){NULL, ready_fd(self->ready), ZMQ_POLLIN, 0};
    return 1;
}

/* --- slots ----------------------------------------------------------------------------------- */

static bool grow(requests_t *self)
{
    uint32_t cap = self->slots_cap ? self->slots_cap * 2 : 64;
    if (cap > self->max_open)
        cap = self->max_open;
    if (cap == self->slots_cap)
        return false;
    slot_t *slots = realloc(self->slots, cap * sizeof *slots);
    if (!slots)
        return false;
    for (uint32_t i = self->slots_cap; i < cap; i++)
        slots[i] = (slot_t){.next = i + 1 < cap ? i + 2 : 0};
    self->free = self->slots_cap + 1;
    self->slots = slots;
    self->slots_cap = cap;
    return true;
}

static slot_t *slot_take(requests_t *self)
{
    if (self->free == 0 && !grow(self))
        return NULL;
    uint32_t index = self->free - 1;
    slot_t *slot = &self->slots[index];
    self->free = slot->next;
    self->open++;
    *slot = (slot_t){.corr = ++self->generation << SLOT_BITS | index};
    return slot;
}

static slot_t *slot_find(const requests_t *self, uint64_t corr)
{
    uint32_t index = SLOT_OF(corr);
    if (corr == 0 || index >= self->slots_cap || self->slots[index].corr != corr)
        return NULL;
    return &self->slots[index];
}

/* Frees the slot first: the callback may send again. */
static void finish(requests_t *self, slot_t *slot, err_t status, uint64_t seq, mp_t body)
{
    requests_done_fn *done = slot->done;
    void *arg = slot->arg;
    uint32_t index = SLOT_OF(slot->corr);
    if (slot->refused != ERR_OK)
        self->refused--;
    slot->corr = 0;
    slot->next = self->free;
    self->free = index + 1;
    self->open--;
    if (done)
        done(arg, status, seq, body);
}

static void finish_with(requests_t *self, slot_t *slot, err_t status)
{
    buf_t body;
    buf_init(&body);
    mp_put_array(&body, 1);
    mp_put_cstr(&body, err_text(status));
    finish(self, slot, status, 0, mp_of_buf(&body));
    buf_fini(&body);
}

bool requests_is_open(const requests_t *self, uint64_t corr)
{
    return slot_find(self, corr) != NULL;
}

void requests_forget(requests_t *self, uint64_t corr)
{
    slot_t *slot = slot_find(self, corr);
    if (slot)
        slot->done = NULL;
}

static void fail_link(requests_t *self, const link_t *link, err_t status)
{
    for (uint32_t i = 0; i < self->slots_cap; i++) {
        if (self->slots[i].corr != 0 && (!link || self->slots[i].link == link))
            finish_with(self, &self->slots[i], status);
    }
}

/* The same, told in the next requests_process: whoever sends must not be called back meanwhile. */
static void refuse_link(requests_t *self, const link_t *link, err_t status)
{
    for (uint32_t i = 0; i < self->slots_cap; i++) {
        slot_t *slot = &self->slots[i];
        if (slot->corr != 0 && slot->link == link && slot->refused == ERR_OK) {
            slot->refused = status;
            self->refused++;
        }
    }
}

void requests_destroy(requests_t **self_p)
{
    requests_t *self = *self_p;
    if (!self)
        return;
    requests_flush(self);
    fail_link(self, NULL, ERR_SHUTDOWN);
    for (size_t i = 0; i < self->links_len; i++) {
        link_t *link = &self->links[i];
        ready_remove(self->ready, link->dealer_ready);
        if (link->monitor) {
            ready_remove(self->ready, link->monitor_ready);
            zmq_socket_monitor(zsock_resolve(link->dealer), NULL, 0);
        }
        zsock_destroy(&link->monitor);
        zsock_destroy(&link->dealer);
        buf_fini(&link->out);
    }
    ready_destroy(&self->ready);
    free(self->slots);
    free(self->peer);
    free(self);
    *self_p = NULL;
}

/* --- sending --------------------------------------------------------------------------------- */

static void flush_link(requests_t *self, link_t *link)
{
    if (link->out.len == 0 || !link->up)
        return;
    err_t err = sock_send_buf(link->dealer, &link->out);
    buf_reset(&link->out);
    ready_mark(self->ready, link->dealer_ready);
    if (err == ERR_OK)
        return;
    /* The frame did not leave: nobody will answer what was in it. Which requests those were is not
     * kept, so all open ones of this actor are told; a queue of SOCK_HWM frames means it hangs
     * anyway. */
    static log_limit_t limit;
    log_limited(&limit, LEVEL_WARN, "BUS-SEND", "actor=%s error=%s", link->actor, err_name(err));
    refuse_link(self, link, err == ERR_BUSY ? ERR_BUSY : ERR_UNAVAILABLE);
}

uint64_t requests_send(requests_t *self, const char *actor, str_t command, const caller_t *caller,
                       mp_t args, int64_t ttl_ms, uint64_t trace, int64_t mono_ms,
                       requests_done_fn *done, void *arg)
{
    static const caller_t nobody = {{"", 0}, {"", 0}, {"", 0}};
    link_t *link = link_require(self, actor);
    size_t size = HEADER_BYTES + (size_t)(args.end - args.p);
    if (link->out.len + size > self->max_frame)
        flush_link(self, link);
    slot_t *slot = slot_take(self);
    if (!slot)
        return 0;
    slot->link = link;
    slot->deadline_ms = ttl_ms < INT64_MAX - mono_ms ? mono_ms + ttl_ms : INT64_MAX;
    slot->done = done;
    slot->arg = arg;
    bool gone = !link->up && link->settled;
    if (gone || link->out.len + size > self->max_frame) {
        slot->refused = gone ? ERR_UNAVAILABLE : size > self->max_frame ? ERR_TOO_LARGE : ERR_BUSY;
        self->refused++;
        return slot->corr;
    }
    uint64_t corr = slot->corr;
    envelope_put_request(&link->out, corr, command, caller ? caller : &nobody, ttl_ms, trace,
                         done != NULL, args);
    /* Nobody answers a request without call-back; its slot is free at once. */
    if (!done)
        finish(self, slot, ERR_OK, 0, args);
    if (link->out.len >= FLUSH_BYTES)
        flush_link(self, link);
    return corr;
}

void requests_flush(requests_t *self)
{
    for (size_t i = 0; i < self->links_len; i++)
        flush_link(self, &self->links[i]);
}

/* --- receiving ------------------------------------------------------------------------------- */

static void count_bad(requests_t *self, const link_t *link, err_t err)
{
    static log_limit_t limit;
    self->bad_frames++;
    log_limited(&limit, LEVEL_WARN, "BUS-BAD-FRAME", "from=%s error=%s", link->actor,
                err_name(err));
}

static void take_frame(requests_t *self, link_t *link, str_t data)
{
    mp_t frame = mp_of(data.p, data.len);
    while (!mp_at_end(&frame)) {
        envelope_t message;
        err_t err = envelope_next(&frame, &message);
        if (err == ERR_OK && message.type != ENVELOPE_REPLY)
            err = ERR_BAD_FRAME;
        if (err != ERR_OK) {
            count_bad(self, link, err);
            return;
        }
        slot_t *slot = slot_find(self, message.corr);
        if (slot && slot->link == link)
            finish(self, slot, message.status, message.seq, message.body);
    }
}

/* An event of a ZeroMQ monitor: number (16 bits) and value, then the endpoint as a second part. */
static bool take_monitor(requests_t *self, link_t *link)
{
    zmq_msg_t msg;
    if (!link->monitor || !sock_recv(link->monitor, &msg))
        return false;
    uint16_t number = 0;
    if (zmq_msg_size(&msg) >= sizeof number)
        memcpy(&number, zmq_msg_data(&msg), sizeof number);
    sock_drop_rest(link->monitor, &msg);
    zmq_msg_close(&msg);
    if (number == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        link->up = link->settled = true;
    } else if (number == ZMQ_EVENT_DISCONNECTED) {
        link->up = false;
        link->settled = true;
        buf_reset(&link->out);
        fail_link(self, link, ERR_UNAVAILABLE);
    }
    return true;
}

static bool receive(requests_t *self, link_t *link)
{
    bool any = false;
    for (int i = 0; i < FRAMES_PER_TURN; i++) {
        zmq_msg_t msg;
        if (!sock_recv(link->dealer, &msg)) {
            ready_clear(self->ready, link->dealer_ready);
            break;
        }
        take_frame(self, link, sock_msg_str(&msg));
        sock_drop_rest(link->dealer, &msg);
        zmq_msg_close(&msg);
        any = true;
    }
    return any;
}

static bool process_link(requests_t *self, link_t *link)
{
    bool any = ready_is(self->ready, link->dealer_ready) && receive(self, link);
    if (link->monitor && ready_is(self->ready, link->monitor_ready)) {
        while (take_monitor(self, link))
            any = true;
        ready_clear(self->ready, link->monitor_ready);
    }
    return any;
}

static bool answer_refused(requests_t *self)
{
    if (self->refused == 0)
        return false;
    for (uint32_t i = 0; i < self->slots_cap && self->refused > 0; i++) {
        slot_t *slot = &self->slots[i];
        if (slot->corr != 0 && slot->refused != ERR_OK)
            finish_with(self, slot, slot->refused);
    }
    return true;
}

bool requests_process(requests_t *self)
{
    bool any = answer_refused(self);
    if (!ready_any(self->ready))
        ready_wait(self->ready, 0);
    for (size_t i = 0; i < self->links_len; i++)
        any = process_link(self, &self->links[i]) || any;
    return any;
}

/* Who starts before the actors waits a moment for them; after that an actor that was never there is
 * gone. */
static void settle_links(requests_t *self)
{
    for (size_t i = 0; i < self->links_len; i++) {
        link_t *link = &self->links[i];
        if (link->settled || sock_mono_ms() - link->opened_ms < FIRST_CONNECT_MS)
            continue;
        link->settled = true;
        buf_reset(&link->out);
        refuse_link(self, link, ERR_UNAVAILABLE);
    }
}

int64_t requests_expire(requests_t *self, int64_t mono_ms)
{
    settle_links(self);
    if (self->refused > 0)
        return 0;
    if (self->open == 0)
        return 1000;
    if (mono_ms - self->last_expire_ms < EXPIRE_EVERY_MS)
        return EXPIRE_EVERY_MS;
    self->last_expire_ms = mono_ms;
    for (uint32_t i = 0; i < self->slots_cap; i++) {
        slot_t *slot = &self->slots[i];
        if (slot->corr != 0 && slot->deadline_ms <= mono_ms)
            finish_with(self, slot, ERR_TIMEOUT);
    }
    return EXPIRE_EVERY_MS;
}
