/* SPDX-License-Identifier: MIT */
#include "tests/bench/wire.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Bytes per turn, so that no connection keeps the others waiting. */
#define RECEIVE_MAX (256u << 10)

int wire_fail(wire_t *self, const char *why)
{
    self->why = why;
    return -1;
}

static const char *connect_error(int error)
{
    return error == ECONNREFUSED ? "connection refused" : strerror(error);
}

/* --- what all connections share -------------------------------------------------------------- */

int wire_net_init(wire_net_t *self, int epoll, const char *host_port, const char **why)
{
    memset(self, 0, sizeof *self);
    self->epoll = epoll;
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
    self->scratch = malloc(WIRE_MESSAGE_MAX);
    if (!self->scratch)
        abort();
    return 0;
}

void wire_net_fini(wire_net_t *self)
{
    free(self->scratch);
    self->scratch = NULL;
}

/* --- begin and end --------------------------------------------------------------------------- */

void wire_init(wire_t *self, wire_net_t *net, wire_take_fn *take, void *user, void *top)
{
    *self = (wire_t){.net = net, .take = take, .user = user, .top = top, .fd = -1};
}

void wire_fini(wire_t *self)
{
    wire_close(self);
    free(self->in);
    free(self->out);
    self->in = self->out = NULL;
}

static int watch(wire_t *self, int operation, bool write)
{
    struct epoll_event event = {.events = EPOLLIN | (write ? EPOLLOUT : 0u), .data.ptr = self};
    self->wants_write = write;
    return epoll_ctl(self->net->epoll, operation, self->fd, &event);
}

int wire_open(wire_t *self)
{
    const struct sockaddr *address = (const struct sockaddr *)&self->net->address;
    self->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (self->fd < 0)
        return wire_fail(self, strerror(errno));
    int on = 1;
    setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    self->in_size = self->out_sent = self->out_size = 0;
    self->stage = WIRE_CONNECTING;
    if (connect(self->fd, address, self->net->address_size) != 0 && errno != EINPROGRESS)
        return wire_fail(self, connect_error(errno));
    return watch(self, EPOLL_CTL_ADD, true) == 0 ? 0 : wire_fail(self, strerror(errno));
}

void wire_close(wire_t *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
    self->stage = WIRE_IDLE;
}

/* --- sending --------------------------------------------------------------------------------- */

/* Grows a buffer to hold `size` bytes. Rare; running out of memory ends the instrument. */
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

char *wire_room(wire_t *self, size_t size)
{
    reserve(&self->out, &self->out_room, self->out_size + size);
    return self->out + self->out_size;
}

void wire_wrote(wire_t *self, size_t size)
{
    self->out_size += size;
}

int wire_flush(wire_t *self)
{
    if (self->stage == WIRE_CONNECTING)
        return 0;
    while (self->out_sent < self->out_size) {
        ssize_t sent = send(self->fd, self->out + self->out_sent, self->out_size - self->out_sent,
                            MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (!self->wants_write && watch(self, EPOLL_CTL_MOD, true) != 0)
                return wire_fail(self, strerror(errno));
            return 0;
        }
        if (sent < 0)
            return wire_fail(self, strerror(errno));
        self->out_sent += (size_t)sent;
    }
    self->out_sent = self->out_size = 0;
    if (self->wants_write && watch(self, EPOLL_CTL_MOD, false) != 0)
        return wire_fail(self, strerror(errno));
    return 0;
}

/* --- receiving ------------------------------------------------------------------------------- */

static int finish_connect(wire_t *self)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(self->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error)
        return wire_fail(self, connect_error(error));
    self->stage = WIRE_OPEN;
    return wire_flush(self);
}

static int receive(wire_t *self)
{
    /* All receives share one large buffer, so a connection holds memory only for a cut message. */
    char *buffer = self->net->scratch;
    size_t held = self->in_size;
    size_t room = WIRE_MESSAGE_MAX - held;
    if (room == 0)
        return wire_fail(self, "the server sent a message that is too large");
    if (held > 0)
        memcpy(buffer, self->in, held);
    ssize_t got = recv(self->fd, buffer + held, room < RECEIVE_MAX ? room : RECEIVE_MAX, 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return 0;
    if (got <= 0 && self->stage == WIRE_ENDING)
        return 1;
    if (got < 0)
        return wire_fail(self, strerror(errno));
    if (got == 0)
        return wire_fail(self, "the server ended the connection");

    size_t size = held + (size_t)got;
    ssize_t used = self->take(self, buffer, size);
    if (used < 0)
        return -1;
    self->in_size = size - (size_t)used;
    if (self->in_size > 0) {
        reserve(&self->in, &self->in_room, self->in_size);
        memcpy(self->in, buffer + used, self->in_size);
    }
    return 0;
}

int wire_event(wire_t *self, uint32_t events)
{
    if (self->stage == WIRE_IDLE) /* closed since epoll reported it */
        return 0;
    if (self->stage == WIRE_CONNECTING && finish_connect(self) != 0)
        return -1;
    if (events & EPOLLOUT && wire_flush(self) != 0)
        return -1;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        return receive(self);
    return 0;
}
