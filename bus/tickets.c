/* SPDX-License-Identifier: MIT */
#include "bus/tickets.h"

#include <assert.h>
#include <stdlib.h>

#define SLOT_BITS 16

struct tickets {
    ticket_t *items;
    uint32_t cap;
    uint32_t free; /* index + 1; 0 none */
    size_t open;
    uint64_t generation;
};

tickets_t *tickets_new(void)
{
    tickets_t *self = calloc(1, sizeof *self);
    assert(self);
    return self;
}

static void release(ticket_t *item)
{
    free(item->peer);
    free(item->user);
    free(item->client);
    *item = (ticket_t){0};
}

void tickets_destroy(tickets_t **self_p)
{
    tickets_t *self = *self_p;
    if (!self)
        return;
    for (uint32_t i = 0; i < self->cap; i++)
        release(&self->items[i]);
    free(self->items);
    free(self);
    *self_p = NULL;
}

static bool grow(tickets_t *self)
{
    uint32_t cap = self->cap ? self->cap * 2 : 16;
    if (cap > TICKETS_MAX)
        return false;
    ticket_t *items = realloc(self->items, cap * sizeof *items);
    if (!items)
        return false;
    for (uint32_t i = self->cap; i < cap; i++)
        items[i] = (ticket_t){.next = i + 1 < cap ? i + 2 : 0};
    self->free = self->cap + 1;
    self->items = items;
    self->cap = cap;
    return true;
}

ticket_t *tickets_open(tickets_t *self, const request_t *request, const command_t *row,
                       int64_t started_us)
{
    if (self->free == 0 && !grow(self))
        return NULL;
    uint32_t index = self->free - 1;
    ticket_t *item = &self->items[index];
    self->free = item->next;
    *item = (ticket_t){.ticket = ++self->generation << SLOT_BITS | index,
                       .corr = request->corr,
                       .trace = request->trace,
                       .deadline_ms = request->deadline_ms,
                       .started_us = started_us,
                       .wants_reply = request->wants_reply,
                       .row = row,
                       .peer = str_dup(request->peer),
                       .user = str_dup(request->caller.user),
                       .client = str_dup(request->caller.client),
                       .peer_len = request->peer.len};
    assert(item->peer && item->user && item->client);
    self->open++;
    return item;
}

ticket_t *tickets_find(tickets_t *self, uint64_t ticket)
{
    uint64_t index = ticket & ((1u << SLOT_BITS) - 1);
    if (ticket == 0 || index >= self->cap || self->items[index].ticket != ticket)
        return NULL;
    return &self->items[index];
}

void tickets_close(tickets_t *self, ticket_t *ticket)
{
    uint32_t index = (uint32_t)(ticket - self->items);
    release(ticket);
    ticket->next = self->free;
    self->free = index + 1;
    self->open--;
}

ticket_t *tickets_overdue(tickets_t *self, int64_t mono_ms)
{
    for (uint32_t i = 0; self->open && i < self->cap; i++) {
        if (self->items[i].ticket != 0 && self->items[i].deadline_ms <= mono_ms)
            return &self->items[i];
    }
    return NULL;
}

size_t tickets_open_count(const tickets_t *self)
{
    return self->open;
}
