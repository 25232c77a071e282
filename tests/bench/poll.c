/* SPDX-License-Identifier: MIT */
#include "tests/bench/poll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/text.h"

#define HEAD_MAX 512 /* of our requests */
#define SEPARATOR '\x1e'

/* An HTTP answer at `data`. Returns its whole length, 0 while it is incomplete, -1 when it is not
 * what a poll expects. */
static ssize_t take_answer(wire_t *wire, const char *data, size_t size, const char **body,
                           size_t *body_size)
{
    static const char *const names[] = {"Content-Length: ", "content-length: "};
    const char *end = memmem(data, size, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - data) + 4;
    if (head < 12 || memcmp(data + 8, " 200", 4) != 0)
        return wire_fail(wire, "the server refused a poll");
    for (size_t i = 0; i < 2; i++) {
        const char *found = memmem(data, head, names[i], strlen(names[i]));
        uint64_t length;
        if (!found)
            continue;
        found += strlen(names[i]);
        if (text_digits(found, (size_t)(end - found), &length) == 0 || length > WIRE_MESSAGE_MAX)
            break;
        *body = data + head;
        *body_size = (size_t)length;
        return size - head < length ? 0 : (ssize_t)(head + length);
    }
    return wire_fail(wire, "the server answered a poll without a length");
}

static void ask(poll_t *self)
{
    char *begin = wire_room(&self->get, HEAD_MAX);
    int size = snprintf(begin, HEAD_MAX, "GET %s%s%s HTTP/1.1\r\nHost: %s\r\n\r\n", self->path,
                        self->sid[0] ? "&sid=" : "", self->sid, self->host);
    wire_wrote(&self->get, (size_t)size);
}

static int take_sid(poll_t *self, const char *data, size_t size)
{
    static const char name[] = "\"sid\":\"";
    const char *found = memmem(data, size, name, sizeof name - 1);
    const char *begin = found ? found + sizeof name - 1 : data;
    const char *end = found ? memchr(begin, '"', size - (size_t)(begin - data)) : NULL;
    if (!end || (size_t)(end - begin) >= sizeof self->sid)
        return wire_fail(&self->get, "the server's open packet has no sid");
    memcpy(self->sid, begin, (size_t)(end - begin));
    self->sid[end - begin] = '\0';
    return wire_open(&self->post) == 0 ? 0 : wire_fail(&self->get, self->post.why);
}

static int take_packet(poll_t *self, const char *data, size_t size)
{
    if (!self->sid[0] && take_sid(self, data, size) != 0)
        return -1;
    return self->on_message(self->owner, data, size);
}

/* "5:hello3:abc" */
static int take_counted(poll_t *self, const char *at, size_t size)
{
    while (size > 0) {
        uint64_t length;
        size_t used = text_digits(at, size, &length);
        if (used == 0 || used >= size || at[used] != ':' || length > size - used - 1)
            return wire_fail(&self->get, "the server sent a payload that is none");
        at += used + 1;
        if (take_packet(self, at, (size_t)length) != 0)
            return -1;
        at += length;
        size -= used + 1 + (size_t)length;
    }
    return 0;
}

static int take_separated(poll_t *self, const char *at, size_t size)
{
    const char *end = at + size;
    while (at < end) {
        const char *next = memchr(at, SEPARATOR, (size_t)(end - at));
        const char *stop = next ? next : end;
        if (take_packet(self, at, (size_t)(stop - at)) != 0)
            return -1;
        at = stop + 1;
    }
    return 0;
}

static ssize_t take_get(wire_t *wire, const char *data, size_t size)
{
    poll_t *self = wire->user;
    const char *body;
    size_t body_size;
    ssize_t used = take_answer(wire, data, size, &body, &body_size);
    if (used <= 0)
        return used;
    if ((self->revision == 3 ? take_counted : take_separated)(self, body, body_size) != 0)
        return -1;
    if (wire->stage != WIRE_OPEN) /* on_message has closed us */
        return used;
    ask(self);
    return wire_flush(wire) == 0 ? used : -1;
}

static ssize_t take_post(wire_t *wire, const char *data, size_t size)
{
    poll_t *self = wire->user;
    const char *body;
    size_t body_size;
    ssize_t used = take_answer(wire, data, size, &body, &body_size);
    if (used <= 0)
        return used;
    self->posting = false;
    return poll_flush(self) == 0 ? used : -1;
}

void poll_init(poll_t *self, wire_net_t *net, void *owner, ws_message_fn *on_message)
{
    *self = (poll_t){.owner = owner, .on_message = on_message};
    wire_init(&self->get, net, take_get, self, owner);
    wire_init(&self->post, net, take_post, self, owner);
}

void poll_fini(poll_t *self)
{
    wire_fini(&self->get);
    wire_fini(&self->post);
    free(self->pending);
    self->pending = NULL;
}

int poll_open(poll_t *self)
{
    self->sid[0] = '\0';
    self->posting = false;
    self->pending_size = 0;
    if (wire_open(&self->get) != 0)
        return -1;
    ask(self);
    return 0;
}

void poll_close(poll_t *self)
{
    wire_close(&self->get);
    wire_close(&self->post);
}

void poll_send(poll_t *self, const char *data, size_t size)
{
    size_t most = self->pending_size + size + 24;
    if (most > self->pending_room) {
        self->pending_room = most * 2;
        self->pending = realloc(self->pending, self->pending_room);
        if (!self->pending)
            abort();
    }
    char *at = self->pending + self->pending_size;
    if (self->revision == 3) {
        at = text_number(at, size);
        *at++ = ':';
    } else if (self->pending_size > 0) {
        *at++ = SEPARATOR;
    }
    at = text_bytes(at, data, size);
    self->pending_size = (size_t)(at - self->pending);
}

int poll_flush(poll_t *self)
{
    if (self->posting || self->pending_size == 0 || !self->sid[0])
        return 0;
    char *begin = wire_room(&self->post, HEAD_MAX + self->pending_size);
    int head = snprintf(begin, HEAD_MAX,
                        "POST %s&sid=%s HTTP/1.1\r\nHost: %s\r\n"
                        "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: %zu\r\n\r\n",
                        self->path, self->sid, self->host, self->pending_size);
    memcpy(begin + head, self->pending, self->pending_size);
    wire_wrote(&self->post, (size_t)head + self->pending_size);
    self->pending_size = 0;
    self->posting = true;
    return wire_flush(&self->post);
}
