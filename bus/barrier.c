/* SPDX-License-Identifier: MIT */
#include "bus/barrier.h"

#include <assert.h>
#include <stdlib.h>

typedef struct reply_group {
    barrier_t *owner;
    size_t waiting; /* actors that have not answered */
    bool released;
    buf_t replies; /* msgpack: peer (str), reply (bin), peer, reply, ... */
    struct reply_group *previous, *next;
} group_t;

struct barrier {
    const char *name;
    const char *const *actors;
    requests_t *requests;
    peers_t *peers;
    buf_t building; /* replies of the group that is being built */
    buf_t reply;    /* the reply that is being written */
    str_t peer;     /* ... and whose it is */
    group_t *first; /* all groups that wait */
    size_t count;
};

barrier_t *barrier_new(const char *name, const char *const *actors, requests_t *requests,
                       peers_t *peers)
{
    barrier_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (barrier_t){.name = name, .actors = actors, .requests = requests, .peers = peers};
    return self;
}

static void deliver(barrier_t *self, const buf_t *replies)
{
    mp_t at = mp_of_buf(replies);
    str_t peer, reply;
    while (mp_read_str(&at, &peer) && mp_read_bin(&at, &reply))
        buf_append_str(peers_require(self->peers, peer), reply);
}

static void release(group_t *group)
{
    if (group->released)
        return;
    group->released = true;
    deliver(group->owner, &group->replies);
    buf_fini(&group->replies);
}

static void destroy(group_t *group)
{
    barrier_t *self = group->owner;
    if (group->previous)
        group->previous->next = group->next;
    else
        self->first = group->next;
    if (group->next)
        group->next->previous = group->previous;
    self->count--;
    buf_fini(&group->replies);
    free(group);
}

static void seen(void *arg, err_t status, uint64_t seq, mp_t body)
{
    group_t *group = arg;
    (void)status; /* gone or silent: it will resynchronise by itself */
    (void)seq;
    (void)body;
    if (--group->waiting > 0)
        return;
    release(group);
    destroy(group);
}

void barrier_destroy(barrier_t **self_p)
{
    barrier_t *self = *self_p;
    if (!self)
        return;
    while (self->first)
        destroy(self->first);
    buf_fini(&self->building);
    buf_fini(&self->reply);
    free(self);
    *self_p = NULL;
}

buf_t *barrier_reply(barrier_t *self, str_t peer)
{
    buf_reset(&self->reply);
    self->peer = peer;
    return &self->reply;
}

void barrier_reply_done(barrier_t *self)
{
    mp_put_str(&self->building, self->peer);
    mp_put_bin(&self->building, self->reply.data, self->reply.len);
}

static bool ask(barrier_t *self, group_t *group, const char *actor, mp_t args, int64_t mono_ms)
{
    return requests_send(self->requests, actor, STR_LIT("bus.sync"), NULL, args, BARRIER_TTL_MS, 0,
                         mono_ms, seen, group) != 0;
}

void barrier_wait(barrier_t *self, uint64_t epoch, uint64_t seq, int64_t mono_ms)
{
    if (self->building.len == 0)
        return;
    if (self->count >= BARRIER_MAX) {
        deliver(self, &self->building);
        buf_reset(&self->building);
        return;
    }
    group_t *group = calloc(1, sizeof *group);
    assert(group);
    *group = (group_t){.owner = self, .waiting = 1, .replies = self->building, .next = self->first};
    buf_init(&self->building);
    if (self->first)
        self->first->previous = group;
    self->first = group;
    self->count++;
    buf_t args = {0};
    mp_put_array(&args, 3);
    mp_put_cstr(&args, self->name);
    mp_put_uint(&args, epoch);
    mp_put_uint(&args, seq);
    for (size_t i = 0; self->actors[i]; i++)
        group->waiting += ask(self, group, self->actors[i], mp_of_buf(&args), mono_ms) ? 1 : 0;
    buf_fini(&args);
    /* The one that this function held itself, so that the group stays until all are asked. */
    seen(group, ERR_OK, 0, mp_of("\x90", 1));
}

void barrier_release_all(barrier_t *self)
{
    for (group_t *group = self->first; group; group = group->next)
        release(group);
}
