/* SPDX-License-Identifier: MIT */
#include "bus/ready.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct ready {
    int epoll;
    uint64_t used;  /* bit per number */
    uint64_t flags; /* bit per number: may have something */
    int fds[READY_MAX];
};

static uint64_t bit(size_t number)
{
    return (uint64_t)1 << number;
}

ready_t *ready_new(void)
{
    ready_t *self = calloc(1, sizeof *self);
    assert(self);
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    assert(self->epoll >= 0);
    return self;
}

void ready_destroy(ready_t **self_p)
{
    ready_t *self = *self_p;
    if (!self)
        return;
    close(self->epoll);
    free(self);
    *self_p = NULL;
}

size_t ready_add(ready_t *self, zsock_t *socket)
{
    size_t number = 0;
    while (number < READY_MAX && (self->used & bit(number)))
        number++;
    assert(number < READY_MAX);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = number};
    self->fds[number] = sock_fd(socket);
    int added = epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->fds[number], &event);
    assert(added == 0);
    self->used |= bit(number);
    self->flags |= bit(number);
    return number;
}

void ready_remove(ready_t *self, size_t number)
{
    (void)epoll_ctl(self->epoll, EPOLL_CTL_DEL, self->fds[number], NULL);
    self->used &= ~bit(number);
    self->flags &= ~bit(number);
}

void ready_wait(ready_t *self, int64_t ms)
{
    struct epoll_event events[READY_MAX];
    int timeout = self->flags ? 0 : ms > INT32_MAX ? INT32_MAX : (int)ms;
    int count = epoll_wait(self->epoll, events, READY_MAX, timeout);
    for (int i = 0; i < count; i++)
        self->flags |= bit(events[i].data.u64) & self->used;
}

static void watch(ready_t *self, size_t number, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = number};
    int changed = epoll_ctl(self->epoll, EPOLL_CTL_MOD, self->fds[number], &event);
    assert(changed == 0);
    (void)changed;
}

void ready_pause(ready_t *self, size_t number)
{
    watch(self, number, 0);
}

void ready_resume(ready_t *self, size_t number)
{
    watch(self, number, EPOLLIN);
    self->flags |= bit(number);
}

bool ready_is(const ready_t *self, size_t number)
{
    return (self->flags & bit(number)) != 0;
}

void ready_mark(ready_t *self, size_t number)
{
    self->flags |= bit(number);
}

void ready_clear(ready_t *self, size_t number)
{
    self->flags &= ~bit(number);
}

bool ready_any(const ready_t *self)
{
    return self->flags != 0;
}

int ready_fd(const ready_t *self)
{
    return self->epoll;
}
