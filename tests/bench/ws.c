/* SPDX-License-Identifier: MIT */
#include "tests/bench/ws.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* The sample key of RFC 6455 and the answer that belongs to it, which saves a SHA-1. */
static const char KEY[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

enum {
    FRAME_TEXT = 1,
    FRAME_CLOSE = 8,
    FRAME_PING = 9,
    FRAME_PONG = 10,
    FRAME_HEADER_MAX = 14,
    RECEIVE_MAX = 256 << 10, /* per turn, so that no connection keeps the others waiting */
};

typedef struct frame {
    unsigned opcode;
    bool final;
    const char *data;
    size_t size;
} frame_t;

static int fail(ws_t *self, const char *why)
{
    self->why = why;
    return -1;
}

static const char *connect_error(int error)
{
    return error == ECONNREFUSED ? "connection refused" : strerror(error);
}

/* --- what all connections share ------------------------------------------------------------ */

int ws_net_init(ws_net_t *self, int epoll, const char *host_port, const char *path,
                ws_message_fn *on_message, const char **why)
{
    memset(self, 0, sizeof *self);
    self->epoll = epoll;
    self->on_message = on_message;
    const char *colon = strrchr(host_port, ':');
    char host[128];
    if (!colon || (size_t)(colon - host_port) >= sizeof host) {
        *why = "expected HOST:PORT";
        return -1;
    }
    memcpy(host, host_port, (size_t)(colon - host_port));
    host[colon - host_port] = '\0';

    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int error = getaddrinfo(host, colon + 1, &hints, &found);
    if (error) {
        *why = gai_strerror(error);
        return -1;
    }
    memcpy(&self->address, found->ai_addr, found->ai_addrlen);
    self->address_size = found->ai_addrlen;
    freeaddrinfo(found);

    int size = snprintf(self->request, sizeof self->request,
                        "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: %s\r\n\r\n",
                        path, host_port, KEY);
    if (size < 0 || (size_t)size >= sizeof self->request) {
        *why = "request too long";
        return -1;
    }
    self->request_size = (size_t)size;
    self->scratch = malloc(WS_MESSAGE_MAX);
    *why = "out of memory";
    return self->scratch ? 0 : -1;
}

void ws_net_fini(ws_net_t *self)
{
    free(self->scratch);
    self->scratch = NULL;
}

/* --- life of a connection ------------------------------------------------------------------- */

void ws_init(ws_t *self, ws_net_t *net, void *owner)
{
    memset(self, 0, sizeof *self);
    self->net = net;
    self->owner = owner;
    self->fd = -1;
    self->mask = (uint32_t)(uintptr_t)self | 1;
}

void ws_fini(ws_t *self)
{
    ws_close(self);
    free(self->in);
    free(self->out);
    self->in = self->out = NULL;
}

static int watch(ws_t *self, int operation, bool write)
{
    struct epoll_event event = {.events = EPOLLIN | (write ? EPOLLOUT : 0u),
                                .data.ptr = self->owner};
    self->wants_write = write;
    return epoll_ctl(self->net->epoll, operation, self->fd, &event);
}

int ws_open(ws_t *self)
{
    const struct sockaddr *address = (const struct sockaddr *)&self->net->address;
    self->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (self->fd < 0)
        return fail(self, strerror(errno));
    int on = 1;
    setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    self->in_size = self->out_sent = self->out_size = 0;
    self->stage = WS_CONNECTING;
    if (connect(self->fd, address, self->net->address_size) != 0 && errno != EINPROGRESS)
        return fail(self, connect_error(errno));
    return watch(self, EPOLL_CTL_ADD, true) == 0 ? 0 : fail(self, strerror(errno));
}

void ws_close(ws_t *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
    self->stage = WS_IDLE;
}

/* --- sending --------------------------------------------------------------------------------- */

/* Grows a buffer to hold `size` bytes. Small and rare; running out of memory ends the instrument.
 */
static void reserve(char **buffer, size_t *room, size_t size)
{
    if (size <= *room)
        return;
    size_t grown = *room ? *room : 256;
    while (grown < size)
        grown *= 2;
    char *bigger = realloc(*buffer, grown);
    if (!bigger)
        abort();
    *buffer = bigger;
    *room = grown;
}

static uint32_t next_mask(ws_t *self)
{
    self->mask ^= self->mask << 13;
    self->mask ^= self->mask >> 17;
    self->mask ^= self->mask << 5;
    return self->mask;
}

static size_t put_header(char *at, unsigned opcode, size_t size)
{
    unsigned char *header = (unsigned char *)at;
    size_t used = 2;
    header[0] = (unsigned char)(0x80 | opcode);
    if (size < 126) {
        header[1] = (unsigned char)(0x80 | size);
        return used;
    }
    unsigned bytes = size <= 0xffff ? 2 : 8;
    header[1] = bytes == 2 ? 0xfe : 0xff;
    while (bytes-- > 0)
        header[used++] = (unsigned char)((uint64_t)size >> (8 * bytes));
    return used;
}

static void put_frame(ws_t *self, unsigned opcode, const char *data, size_t size)
{
    reserve(&self->out, &self->out_room, self->out_size + size + FRAME_HEADER_MAX);
    char *at = self->out + self->out_size;
    at += put_header(at, opcode, size);
    char mask[4];
    uint32_t key = next_mask(self);
    memcpy(mask, &key, sizeof mask);
    memcpy(at, mask, sizeof mask);
    at += sizeof mask;
    for (size_t i = 0; i < size; i++)
        at[i] = (char)(data[i] ^ mask[i & 3]);
    self->out_size = (size_t)(at - self->out) + size;
}

void ws_text(ws_t *self, const char *data, size_t size)
{
    put_frame(self, FRAME_TEXT, data, size);
}

void ws_goodbye(ws_t *self)
{
    static const char normal[] = {0x03, (char)0xe8};
    put_frame(self, FRAME_CLOSE, normal, sizeof normal);
    self->stage = WS_CLOSING;
}

int ws_flush(ws_t *self)
{
    if (self->stage == WS_CONNECTING)
        return 0;
    while (self->out_sent < self->out_size) {
        ssize_t sent = send(self->fd, self->out + self->out_sent, self->out_size - self->out_sent,
                            MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (!self->wants_write && watch(self, EPOLL_CTL_MOD, true) != 0)
                return fail(self, strerror(errno));
            return 0;
        }
        if (sent < 0)
            return fail(self, strerror(errno));
        self->out_sent += (size_t)sent;
    }
    self->out_sent = self->out_size = 0;
    if (self->wants_write && watch(self, EPOLL_CTL_MOD, false) != 0)
        return fail(self, strerror(errno));
    return 0;
}

/* --- receiving ------------------------------------------------------------------------------- */

static int finish_connect(ws_t *self)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(self->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error)
        return fail(self, connect_error(error));
    self->stage = WS_UPGRADING;
    reserve(&self->out, &self->out_room, self->net->request_size);
    memcpy(self->out, self->net->request, self->net->request_size);
    self->out_size = self->net->request_size;
    return ws_flush(self);
}

/* Checks the answer to the upgrade. Returns its length, 0 while it is incomplete, -1 if refused. */
static ssize_t take_upgrade(ws_t *self, const char *data, size_t size)
{
    const char *end = memmem(data, size, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - data) + 4;
    if (head < 12 || memcmp(data + 8, " 101", 4) != 0)
        return fail(self, "the server refused the WebSocket upgrade");
    if (!memmem(data, head, ACCEPT, sizeof ACCEPT - 1))
        return fail(self, "wrong Sec-WebSocket-Accept");
    self->stage = WS_OPEN;
    return (ssize_t)head;
}

/* Reads one frame. Returns its length, 0 while it is incomplete, -1 if it is none. */
static ssize_t parse_frame(ws_t *self, const char *data, size_t size, frame_t *frame)
{
    const unsigned char *at = (const unsigned char *)data;
    if (size < 2)
        return 0;
    if (at[0] & 0x70 || at[1] & 0x80)
        return fail(self, "the server sent a frame with reserved bits or a mask");
    frame->final = (at[0] & 0x80) != 0;
    frame->opcode = at[0] & 0x0f;
    uint64_t length = at[1];
    size_t header = 2;
    if (length >= 126) {
        header += length == 126 ? 2 : 8;
        if (size < header)
            return 0;
        length = 0;
        for (size_t i = 2; i < header; i++)
            length = length << 8 | at[i];
    }
    if (length > WS_MESSAGE_MAX - FRAME_HEADER_MAX)
        return fail(self, "the server sent a message that is too large");
    if (size - header < length)
        return 0;
    frame->data = data + header;
    frame->size = (size_t)length;
    return (ssize_t)(header + frame->size);
}

static int take_frame(ws_t *self, const frame_t *frame)
{
    if (!frame->final)
        return fail(self, "the server sent a fragmented message");
    if (self->stage == WS_CLOSING)
        return 0;
    switch (frame->opcode) {
    case FRAME_TEXT:
        self->net->on_message(self->owner, frame->data, frame->size);
        return 0;
    case FRAME_PING:
        put_frame(self, FRAME_PONG, frame->data, frame->size);
        return 0;
    case FRAME_PONG:
        return 0;
    case FRAME_CLOSE:
        return fail(self, "the server closed the WebSocket");
    default:
        return fail(self, "the server sent a frame of an unexpected kind");
    }
}

/* Takes one thing from the front. Returns its length, 0 while it is incomplete, -1 on failure. */
static ssize_t take_one(ws_t *self, const char *data, size_t size)
{
    if (self->stage == WS_UPGRADING)
        return take_upgrade(self, data, size);
    frame_t frame;
    ssize_t length = parse_frame(self, data, size, &frame);
    if (length > 0 && take_frame(self, &frame) != 0)
        return -1;
    return length;
}

/* Takes all that is complete. Returns how many bytes that was, or -1. */
static ssize_t take_all(ws_t *self, const char *data, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t length = take_one(self, data + used, size - used);
        if (length < 0)
            return -1;
        if (length == 0)
            break;
        used += (size_t)length;
    }
    return (ssize_t)used;
}

static int receive(ws_t *self)
{
    /* All receives share one large buffer, so a connection holds memory only for a cut message. */
    char *buffer = self->net->scratch;
    size_t held = self->in_size;
    size_t room = WS_MESSAGE_MAX - held;
    if (held > 0)
        memcpy(buffer, self->in, held);
    ssize_t got = recv(self->fd, buffer + held, room < RECEIVE_MAX ? room : RECEIVE_MAX, 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return 0;
    if (got <= 0 && self->stage == WS_CLOSING)
        return 1;
    if (got < 0)
        return fail(self, strerror(errno));
    if (got == 0)
        return fail(self, "the server ended the connection");

    size_t size = held + (size_t)got;
    ssize_t used = take_all(self, buffer, size);
    if (used < 0)
        return -1;
    self->in_size = size - (size_t)used;
    if (self->in_size > 0) {
        reserve(&self->in, &self->in_room, self->in_size);
        memcpy(self->in, buffer + used, self->in_size);
    }
    return 0;
}

int ws_event(ws_t *self, uint32_t events)
{
    if (self->stage == WS_CONNECTING && finish_connect(self) != 0)
        return -1;
    if (events & EPOLLOUT && ws_flush(self) != 0)
        return -1;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        return receive(self);
    return 0;
}
