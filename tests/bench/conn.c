/* SPDX-License-Identifier: MIT */
#include "tests/bench/conn.h"

#include <string.h>

int conn_kind_init(conn_kind_t *self, const dialect_t *dialect, const char *host, bool writer)
{
    *self = (conn_kind_t){.dialect = dialect, .host = host, .path = dialect->path};
    if (writer && dialect->writer_path)
        self->path = dialect->writer_path;
    if (dialect->carrier != CARRIER_WS)
        return 0;
    self->request_size =
        ws_request(self->request, sizeof self->request, host, self->path, dialect->protocol);
    return self->request_size > 0 ? 0 : -1;
}

static ssize_t take_raw(wire_t *wire, const char *data, size_t size)
{
    conn_t *self = wire->user;
    size_t used = 0;
    while (used < size) {
        size_t length = self->kind->dialect->split(data + used, size - used);
        if (length == 0)
            break;
        if (self->on_message(self->owner, data + used, length) != 0)
            return -1;
        used += length;
    }
    return (ssize_t)used;
}

void conn_init(conn_t *self, const conn_kind_t *kind, wire_net_t *net, void *owner,
               ws_message_fn *on_message)
{
    *self = (conn_t){.kind = kind, .owner = owner, .on_message = on_message};
    switch (kind->dialect->carrier) {
    case CARRIER_WS:
        ws_init(&self->ws, net, owner, on_message);
        self->ws.binary = kind->dialect->binary;
        self->ws.request = kind->request;
        self->ws.request_size = kind->request_size;
        break;
    case CARRIER_POLL:
        poll_init(&self->poll, net, owner, on_message);
        self->poll.revision = kind->dialect->revision;
        self->poll.host = kind->host;
        self->poll.path = kind->path;
        break;
    case CARRIER_RAW:
        wire_init(&self->raw, net, take_raw, self, owner);
        break;
    }
}

void conn_fini(conn_t *self)
{
    switch (self->kind->dialect->carrier) {
    case CARRIER_WS:
        ws_fini(&self->ws);
        break;
    case CARRIER_POLL:
        poll_fini(&self->poll);
        break;
    case CARRIER_RAW:
        wire_fini(&self->raw);
        break;
    }
}

int conn_open(conn_t *self)
{
    switch (self->kind->dialect->carrier) {
    case CARRIER_WS:
        return ws_open(&self->ws);
    case CARRIER_POLL:
        return poll_open(&self->poll);
    case CARRIER_RAW:
        break;
    }
    if (wire_open(&self->raw) != 0)
        return -1;
    return self->on_message(self->owner, NULL, 0); /* what is sent waits for the handshake */
}

void conn_close(conn_t *self)
{
    switch (self->kind->dialect->carrier) {
    case CARRIER_WS:
        wire_close(&self->ws.wire);
        break;
    case CARRIER_POLL:
        poll_close(&self->poll);
        break;
    case CARRIER_RAW:
        wire_close(&self->raw);
        break;
    }
}

void conn_send(conn_t *self, const char *data, size_t size)
{
    switch (self->kind->dialect->carrier) {
    case CARRIER_WS:
        ws_send(&self->ws, data, size);
        break;
    case CARRIER_POLL:
        poll_send(&self->poll, data, size);
        break;
    case CARRIER_RAW:
        memcpy(wire_room(&self->raw, size), data, size);
        wire_wrote(&self->raw, size);
        break;
    }
}

int conn_flush(conn_t *self)
{
    switch (self->kind->dialect->carrier) {
    case CARRIER_WS:
        return wire_flush(&self->ws.wire);
    case CARRIER_POLL:
        return poll_flush(&self->poll);
    case CARRIER_RAW:
        break;
    }
    return wire_flush(&self->raw);
}

bool conn_goodbye(conn_t *self)
{
    if (self->kind->dialect->carrier != CARRIER_WS)
        return false;
    ws_goodbye(&self->ws);
    return true;
}

bool conn_is_open(const conn_t *self)
{
    switch (self->kind->dialect->carrier) {
    case CARRIER_WS:
        return self->ws.upgraded && self->ws.wire.stage == WIRE_OPEN;
    case CARRIER_POLL:
        return self->poll.sid[0] != '\0';
    case CARRIER_RAW:
        break;
    }
    return self->raw.stage == WIRE_OPEN;
}

const char *conn_why(const conn_t *self)
{
    switch (self->kind->dialect->carrier) {
    case CARRIER_WS:
        return self->ws.wire.why;
    case CARRIER_POLL:
        return self->poll.get.why ? self->poll.get.why : self->poll.post.why;
    case CARRIER_RAW:
        break;
    }
    return self->raw.why;
}
