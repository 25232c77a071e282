/* SPDX-License-Identifier: MIT */
#include "gateway/frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/deflate.h"
#include "gateway/wsframe.h"

#define ROOM WSFRAME_MAX_HEAD
#define STEAL_FROM 65536 /* smaller contents are copied, so that the buffer can be used again */

struct frame {
    uint32_t refs;
    frame_kind_t kind;
    uint8_t *data; /* the allocation that holds wire; NULL: it follows this struct */
    str_t wire;
    size_t head; /* bytes of the WebSocket header in wire */
    char *key;   /* follows this struct */
    size_t key_len;
    bool tried;        /* to compress it */
    frame_t *deflated; /* its compressed form, if it has one */
};

void frame_room(buf_t *buf)
{
    static const uint8_t room[ROOM];
    buf_append(buf, room, ROOM);
}

/* Puts the header directly in front of the payload; returns its length. */
static size_t put_head(frame_kind_t kind, uint8_t *data, size_t payload)
{
    uint8_t head[ROOM];
    if (kind == FRAME_RAW)
        return 0;
    size_t n = wsframe_head(head, kind == FRAME_TEXT ? WSFRAME_TEXT : WSFRAME_BINARY, payload);
    memcpy(data + ROOM - n, head, n);
    return n;
}

static frame_t *allocate(frame_kind_t kind, size_t bytes, str_t key)
{
    frame_t *self = malloc(sizeof *self + bytes + key.len);
    if (!self)
        return NULL;
    *self = (frame_t){.refs = 1, .kind = kind, .key_len = key.len};
    self->key = (char *)(self + 1) + bytes;
    if (key.len)
        memcpy(self->key, key.p, key.len);
    return self;
}

frame_t *frame_take(frame_kind_t kind, buf_t *buf, str_t key)
{
    assert(buf->failed || buf->len >= ROOM);
    bool steal = buf->len >= STEAL_FROM;
    frame_t *self = buf->failed ? NULL : allocate(kind, steal ? 0 : buf->len, key);
    if (!self) {
        buf_fini(buf);
        return NULL;
    }
    size_t payload = buf->len - ROOM;
    self->head = put_head(kind, buf->data, payload);
    uint8_t *data = buf->data;
    if (!steal)
        data = memcpy(self + 1, buf->data, buf->len);
    self->wire = (str_t){(char *)data + ROOM - self->head, self->head + payload};
    if (steal) {
        self->data = buf->data;
        *buf = (buf_t){0};
    }
    buf_reset(buf);
    return self;
}

frame_t *frame_new(frame_kind_t kind, str_t payload)
{
    buf_t buf = {0};
    frame_room(&buf);
    buf_append_str(&buf, payload);
    frame_t *self = frame_take(kind, &buf, (str_t){"", 0});
    buf_fini(&buf);
    return self;
}

frame_t *frame_ref(frame_t *self)
{
    self->refs++;
    return self;
}

void frame_put(frame_t **self_p)
{
    frame_t *self = *self_p;
    *self_p = NULL;
    if (!self || --self->refs > 0)
        return;
    frame_put(&self->deflated);
    free(self->data);
    free(self);
}

frame_t *frame_deflated(frame_t *self)
{
    str_t payload = frame_payload(self);
    if (self->tried || self->kind == FRAME_RAW || !deflate_is_worth(payload.len))
        return self->deflated;
    buf_t small = {0};
    self->tried = true;
    frame_room(&small);
    if (deflate_message(&small, payload))
        self->deflated = frame_take(self->kind, &small, (str_t){"", 0});
    if (self->deflated)
        wsframe_mark_deflated((uint8_t *)self->deflated->wire.p);
    buf_fini(&small);
    return self->deflated;
}

frame_kind_t frame_kind(const frame_t *self)
{
    return self->kind;
}

str_t frame_wire(const frame_t *self)
{
    return self->wire;
}

str_t frame_payload(const frame_t *self)
{
    return (str_t){self->wire.p + self->head, self->wire.len - self->head};
}

str_t frame_key(const frame_t *self)
{
    return (str_t){self->key, self->key_len};
}
