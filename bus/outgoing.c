/* SPDX-License-Identifier: MIT */
#include "bus/outgoing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A piece of `bytes`. */
typedef struct {
    size_t at, len;
} piece_t;

typedef struct {
    piece_t name, peer, instance, acl, args;
    uint64_t corr, seen;
} publication_t;

typedef struct {
    const char *actor;
    const char *command;
    piece_t user, instance, client, args;
    int64_t ttl_ms;
    env_answer_fn *done;
    void *arg;
} question_t;

struct outgoing {
    publication_t *events;
    size_t events_len, events_cap;
    question_t *questions;
    size_t questions_len, questions_cap;
    buf_t bytes; /* what the pieces point into */
};

outgoing_t *outgoing_new(void)
{
    outgoing_t *self = calloc(1, sizeof *self);
    assert(self);
    return self;
}

void outgoing_refuse(outgoing_t *self)
{
    size_t count = self->questions_len;
    for (size_t i = 0; i < count; i++) {
        question_t question = self->questions[i];
        if (question.done)
            question.done(question.arg, ERR_SHUTDOWN, mp_of("\x90", 1));
    }
    self->questions_len = 0;
}

void outgoing_destroy(outgoing_t **self_p)
{
    outgoing_t *self = *self_p;
    if (!self)
        return;
    free(self->events);
    free(self->questions);
    buf_fini(&self->bytes);
    free(self);
    *self_p = NULL;
}

static piece_t keep(outgoing_t *self, str_t text)
{
    piece_t piece = {self->bytes.len, text.len};
    buf_append_str(&self->bytes, text);
    return piece;
}

static piece_t keep_value(outgoing_t *self, mp_t value)
{
    return keep(self, (str_t){(const char *)value.p, (size_t)(value.end - value.p)});
}

static str_t text_of(const outgoing_t *self, piece_t piece)
{
    return (str_t){(const char *)self->bytes.data + piece.at, piece.len};
}

static mp_t value_of(const outgoing_t *self, piece_t piece)
{
    return mp_of(self->bytes.data + piece.at, piece.len);
}

static void *grow(void *list, size_t *cap, size_t size)
{
    *cap = *cap ? *cap * 2 : 64;
    list = realloc(list, *cap * size);
    assert(list);
    return list;
}

void outgoing_publish(outgoing_t *self, const char *event, const request_t *cause, uint64_t seen,
                      mp_t acl, mp_t args)
{
    if (self->events_len == self->events_cap)
        self->events = grow(self->events, &self->events_cap, sizeof *self->events);
    publication_t *out = &self->events[self->events_len++];
    *out = (publication_t){.name = keep(self, str_of(event)), .seen = seen};
    if (cause) {
        out->corr = cause->corr;
        out->peer = keep(self, cause->peer);
        out->instance = keep(self, cause->caller.instance);
    }
    out->acl = keep_value(self, acl);
    out->args = keep_value(self, args);
}

void outgoing_ask(outgoing_t *self, const char *actor, const char *command, const caller_t *caller,
                  mp_t args, int64_t ttl_ms, env_answer_fn *done, void *arg)
{
    if (self->questions_len == self->questions_cap)
        self->questions = grow(self->questions, &self->questions_cap, sizeof *self->questions);
    question_t *out = &self->questions[self->questions_len++];
    *out = (question_t){
        .actor = actor, .command = command, .ttl_ms = ttl_ms, .done = done, .arg = arg};
    if (caller) {
        out->user = keep(self, caller->user);
        out->instance = keep(self, caller->instance);
        out->client = keep(self, caller->client);
    }
    out->args = keep_value(self, args);
}

size_t outgoing_events(const outgoing_t *self)
{
    return self->events_len;
}

size_t outgoing_bytes(const outgoing_t *self)
{
    return self->bytes.len;
}

void outgoing_drop_events(outgoing_t *self)
{
    self->events_len = 0;
}

static void reset_bytes(outgoing_t *self)
{
    if (self->events_len == 0 && self->questions_len == 0)
        buf_reset(&self->bytes);
}

void outgoing_send_events(outgoing_t *self, publisher_t *publisher, tap_t *tap, int64_t now_ms)
{
    bool tapped = tap_active(tap);
    for (size_t i = 0; i < self->events_len; i++) {
        const publication_t *event = &self->events[i];
        envelope_t out = {.name = text_of(self, event->name),
                          .peer = text_of(self, event->peer),
                          .corr = event->corr,
                          .caller = {.instance = text_of(self, event->instance)},
                          .acl = value_of(self, event->acl),
                          .seen = event->seen,
                          .body = value_of(self, event->args)};
        uint64_t seq = publisher_put(publisher, &out);
        if (tapped)
            tap_event(tap, now_ms, out.name, out.corr, seq, out.body);
    }
    self->events_len = 0;
    reset_bytes(self);
}

/* The question's callback in the form that requests_t wants. */
typedef struct {
    env_answer_fn *done;
    void *arg;
} asked_t;

static void answered(void *arg, err_t status, uint64_t seq, mp_t body)
{
    asked_t *asked = arg;
    (void)seq;
    if (asked->done)
        asked->done(asked->arg, status, body);
    free(asked);
}

static void ask(outgoing_t *self, const question_t *question, requests_t *requests, int64_t mono_ms)
{
    const caller_t caller = {text_of(self, question->user), text_of(self, question->instance),
                             text_of(self, question->client)};
    asked_t *asked = malloc(sizeof *asked);
    assert(asked);
    *asked = (asked_t){question->done, question->arg};
    uint64_t corr = requests_send(requests, question->actor, str_of(question->command), &caller,
                                  value_of(self, question->args), question->ttl_ms, 0, mono_ms,
                                  answered, asked);
    if (corr == 0)
        answered(asked, ERR_BUSY, 0, mp_of("\x90", 1));
}

void outgoing_send_questions(outgoing_t *self, requests_t *requests, int64_t mono_ms)
{
    /* A refused question may ask again: its new question is behind the end of this loop's range. */
    size_t count = self->questions_len;
    for (size_t i = 0; i < count; i++) {
        question_t question = self->questions[i];
        ask(self, &question, requests, mono_ms);
    }
    self->questions_len -= count;
    if (self->questions_len)
        memmove(self->questions, self->questions + count,
                self->questions_len * sizeof *self->questions);
    reset_bytes(self);
}
