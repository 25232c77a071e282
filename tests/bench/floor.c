/* SPDX-License-Identifier: MIT */
/* The floor for iobus-bench: the least that a WebSocket server on libwebsockets and libev can do
 * and still pass for socket.io 2. It parses nothing but the number of a request and the id, keeps
 * nothing, knows no rights, and answers with constants; who subscribes gets every change.
 *
 *     iobus-floor        prints "ready http://127.0.0.1:PORT"
 *
 * What waits for a connection leaves in one write of frames made here, as in iobus. */
#include <ev.h>
#include <libwebsockets.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/bench/text.h"

#define STATE_REST                                                                                 \
    ",\"ack\":true,\"ts\":1700000000000,\"q\":0,\"from\":\"system.adapter.socketio.0\","           \
    "\"user\":\"system.user.admin\",\"lc\":1700000000000}]"

enum { HEADER_MAX = 4, MESSAGE_MAX = 512, RECEIVE_MAX = 64 << 10 };

typedef struct peer {
    struct lws *wsi;
    char *out; /* frames behind LWS_PRE bytes */
    size_t size, room;
    char in[MESSAGE_MAX]; /* the begin of a message that was cut */
    size_t in_size;
    struct peer *next; /* who subscribes */
    struct peer **link;
} peer_t;

static peer_t *watchers;

static void queue(peer_t *self, const char *frame, size_t size)
{
    if (LWS_PRE + self->size + size > self->room) {
        self->room = (LWS_PRE + self->size + size) * 2;
        self->out = realloc(self->out, self->room);
        if (!self->out)
            abort();
    }
    if (self->size == 0)
        lws_callback_on_writable(self->wsi);
    memcpy(self->out + LWS_PRE + self->size, frame, size);
    self->size += size;
}

/* Puts the header before the text, for which HEADER_MAX bytes are free; returns the frame. */
static const char *frame_of(char *text, const char *end, size_t *size)
{
    size_t length = (size_t)(end - text);
    size_t header = length < 126 ? 2 : 4;
    unsigned char *at = (unsigned char *)text - header;
    at[0] = 0x81;
    at[1] = (unsigned char)(length < 126 ? length : 126);
    if (header == 4) {
        at[2] = (unsigned char)(length >> 8);
        at[3] = (unsigned char)length;
    }
    *size = header + length;
    return (const char *)at;
}

static void say(peer_t *self, const char *message)
{
    char text[MESSAGE_MAX];
    size_t size;
    const char *frame = frame_of(text + HEADER_MAX, text_put(text + HEADER_MAX, message), &size);
    queue(self, frame, size);
}

static void publish(const char *id, size_t id_size, const char *value, size_t value_size)
{
    char text[MESSAGE_MAX];
    size_t size;
    char *end = text_put(text + HEADER_MAX, "42[\"stateChange\",");
    end = text_put(text_bytes(end, id, id_size), ",{\"val\":");
    end = text_put(text_bytes(end, value, value_size), STATE_REST);
    const char *frame = frame_of(text + HEADER_MAX, end, &size);
    for (peer_t *peer = watchers; peer; peer = peer->next)
        queue(peer, frame, size);
}

static void answer(peer_t *self, const char *number, size_t number_size, const char *id,
                   size_t id_size)
{
    char text[MESSAGE_MAX];
    size_t size;
    char *end = text_bytes(text_put(text + HEADER_MAX, "43"), number, number_size);
    end = text_put(end, "[null");
    if (id_size > 0) {
        *end++ = ',';
        end = text_bytes(end, id, id_size);
    }
    *end++ = ']';
    const char *frame = frame_of(text + HEADER_MAX, end, &size);
    queue(self, frame, size);
}

static void watch(peer_t *self)
{
    if (self->link)
        return;
    self->next = watchers;
    if (watchers)
        watchers->link = &self->next;
    self->link = &watchers;
    watchers = self;
}

static void unwatch(peer_t *self)
{
    if (!self->link)
        return;
    *self->link = self->next;
    if (self->next)
        self->next->link = self->link;
}

/* 42N["setState","ID",{"val":V,...   42N["getState","ID"]   42N["subscribe",... */
static void take(peer_t *self, const char *data, size_t size)
{
    uint64_t number;
    if (size > 0 && data[0] == '2')
        say(self, "3");
    if (size < 8 || data[0] != '4' || data[1] != '2')
        return;
    const char *end = data + size;
    size_t digits = text_digits(data + 2, size - 2, &number);
    const char *name = data + 2 + digits + 2;
    const char *comma = memchr(name, ',', (size_t)(end - name));
    if (!comma)
        return;
    if (name[0] == 's' && name[1] == 'u') {
        watch(self);
        answer(self, data + 2, digits, "", 0);
        return;
    }
    const char *id = comma + 1;
    const char *id_end = memchr(id, '"', (size_t)(end - id));
    id_end = id_end ? memchr(id_end + 1, '"', (size_t)(end - id_end - 1)) : NULL;
    if (!id_end)
        return;
    size_t id_size = (size_t)(id_end + 1 - id);
    answer(self, data + 2, digits, id, id_size);
    const char *value = id + id_size + sizeof ",{\"val\":" - 1;
    uint64_t ignored;
    if (name[0] == 's' && watchers && value < end)
        publish(id, id_size, value, text_digits(value, (size_t)(end - value), &ignored));
}

/* A message may come in pieces, as the network cut it. */
static int take_piece(peer_t *self, const char *data, size_t size)
{
    bool whole = lws_remaining_packet_payload(self->wsi) == 0;
    if (whole && self->in_size == 0) {
        take(self, data, size);
        return 0;
    }
    if (self->in_size + size > sizeof self->in)
        return -1;
    memcpy(self->in + self->in_size, data, size);
    self->in_size += size;
    if (whole) {
        take(self, self->in, self->in_size);
        self->in_size = 0;
    }
    return 0;
}

/* All that waits, as it is: a write of this kind takes lws's raw path. What the kernel did not take
 * lws keeps; it says nothing when that is gone, so we ask again. */
static int write_out(peer_t *self)
{
    int sent = 0;
    if (self->size > 0 && !lws_partial_buffered(self->wsi)) {
        unsigned char *data = (unsigned char *)self->out + LWS_PRE;
        sent = lws_write(self->wsi, data, self->size, LWS_WRITE_HTTP);
        self->size = 0;
    }
    if (lws_partial_buffered(self->wsi))
        lws_callback_on_writable(self->wsi);
    return sent < 0 ? -1 : 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t size)
{
    peer_t *self = user;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        *self = (peer_t){.wsi = wsi};
        say(self, "0{\"sid\":\"floor\",\"upgrades\":[],\"pingInterval\":120000,"
                  "\"pingTimeout\":30000}");
        say(self, "40");
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return take_piece(self, in, size);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return write_out(self);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return -1; /* without ceremony */
    case LWS_CALLBACK_CLOSED:
        unwatch(self);
        free(self->out);
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, size);
    }
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)watcher;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

int main(void)
{
    static const struct lws_protocols protocols[] = {
        {.name = "floor",
         .callback = on_event,
         .per_session_data_size = sizeof(peer_t),
         .rx_buffer_size = RECEIVE_MAX},
        {.name = NULL},
    };
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    void *loops[] = {loop};
    lws_set_log_level(LLL_ERR, NULL);
    struct lws_context_creation_info info = {.port = 0,
                                             .iface = "127.0.0.1",
                                             .protocols = protocols,
                                             .options = LWS_SERVER_OPTION_LIBEV |
                                                        LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
                                             .foreign_loops = loops};
    struct lws_context *context = lws_create_context(&info);
    struct lws_vhost *vhost = context ? lws_create_vhost(context, &info) : NULL;
    if (!vhost) {
        fputs("iobus-floor: cannot listen\n", stderr);
        return 1;
    }
    printf("ready http://127.0.0.1:%d\n", lws_get_vhost_listen_port(vhost));
    fflush(stdout);
    ev_signal term;
    ev_signal_init(&term, on_signal, SIGTERM);
    ev_signal_start(loop, &term);
    ev_run(loop, 0);
    return 0; /* the kernel takes back what the connections hold */
}
