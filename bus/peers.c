/* SPDX-License-Identifier: MIT */
#include "bus/peers.h"

#include <assert.h>
#include <stdlib.h>

#include "bus/log.h"
#include "bus/sock.h"

typedef struct {
    char *id;
    size_t id_len;
    buf_t out;
    uint64_t used; /* turn of last use */
} peer_t;

struct peers {
    peer_t items[PEERS_MAX];
    size_t len;
    size_t last; /* index of the last hit: bursts come from one peer */
    uint64_t turn;
};

peers_t *peers_new(void)
{
    peers_t *self = calloc(1, sizeof *self);
    assert(self);
    return self;
}

void peers_destroy(peers_t **self_p)
{
    peers_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->len; i++) {
        free(self->items[i].id);
        buf_fini(&self->items[i].out);
    }
    free(self);
    *self_p = NULL;
}

static bool is(const peer_t *peer, str_t id)
{
    return str_eq((str_t){peer->id, peer->id_len}, id);
}

static peer_t *place(peers_t *self)
{
    if (self->len < PEERS_MAX)
        return &self->items[self->len++];
    size_t oldest = 0;
    for (size_t i = 1; i < self->len; i++) {
        if (self->items[i].used < self->items[oldest].used)
            oldest = i;
    }
    free(self->items[oldest].id);
    buf_reset(&self->items[oldest].out);
    return &self->items[oldest];
}

static peer_t *require(peers_t *self, str_t id)
{
    if (self->len && is(&self->items[self->last], id))
        return &self->items[self->last];
    for (size_t i = 0; i < self->len; i++) {
        if (is(&self->items[i], id)) {
            self->last = i;
            return &self->items[i];
        }
    }
    peer_t *peer = place(self);
    peer->id = str_dup(id);
    assert(peer->id);
    peer->id_len = id.len;
    self->last = (size_t)(peer - self->items);
    return peer;
}

buf_t *peers_require(peers_t *self, str_t routing_id)
{
    peer_t *peer = require(self, routing_id);
    peer->used = self->turn;
    return &peer->out;
}

static void flush_peer(peer_t *peer, zsock_t *router)
{
    err_t err = sock_send(router, (str_t){peer->id, peer->id_len}, true);
    if (err == ERR_OK)
        err = sock_send_buf(router, &peer->out);
    buf_reset(&peer->out);
    if (err != ERR_OK) {
        static log_limit_t limit;
        log_limited(&limit, LEVEL_WARN, "BUS-REPLY-LOST", "peer=%.*s error=%s", (int)peer->id_len,
                    peer->id, err_name(err));
    }
}

bool peers_flush(peers_t *self, zsock_t *router)
{
    bool any = false;
    self->turn++;
    for (size_t i = 0; i < self->len; i++) {
        if (self->items[i].out.len == 0)
            continue;
        flush_peer(&self->items[i], router);
        any = true;
    }
    return any;
}
