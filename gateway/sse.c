/* SPDX-License-Identifier: MIT */
#include "gateway/sse.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bus/json.h"
#include "bus/log.h"
#include "gateway/recovery.h"
#include "gateway/rest_reply.h"
#include "gateway/session.h"
#include "gateway/sse_text.h"

#define BEAT_S 15.0
#define RETRY "retry: 2000\n" /* ms after which a browser comes back */
#define STEP_ACK 1            /* there is one call at a time */
#define NAME_MAX_BYTES 256

/* A part of the stream that goes out before what is in the outbox. */
typedef struct part {
    frame_t *frame;
    struct part *next;
} part_t;

typedef struct sse {
    sse_hub_t *hub;
    conn_t *conn;
    session_t *session;
    rest_request_t request;
    buf_t last_id;       /* that the client has seen */
    mp_t calls;          /* that are still to be made, one behind the other */
    uint32_t calls_left; /* of this list */
    bool reading;        /* they read the current values; else they subscribe */
    bool gap;            /* the client has missed what cannot be had any more */
    bool wants_values;   /* the current values come first */
    bool begun;          /* the head of the answer has gone out */
    bool cut;            /* the end must not wait for the client */
    rest_answer_t refusal;
    part_t *first, **first_end;
    frame_t *prefix;   /* first half of an id line; NULL: events have none */
    frame_t *numbered; /* whose prefix has been pulled */
    ev_timer beat;
    ev_timer step; /* makes the next call, or ends the stream, in a turn of its own */
    struct sse *prev, *next;
} sse_t;

struct sse_hub {
    core_t *core;
    struct ev_loop *loop;
    sse_t *all;
};

/* --- life ----------------------------------------------------------------------------------------
 */

static void drop_parts(sse_t *self)
{
    while (self->first) {
        part_t *part = self->first;
        self->first = part->next;
        frame_put(&part->frame);
        free(part);
    }
    self->first_end = &self->first;
}

/* lost: the client may come back. */
static void destroy(sse_t *self, bool lost)
{
    sse_hub_t *hub = self->hub;
    ev_timer_stop(hub->loop, &self->beat);
    ev_timer_stop(hub->loop, &self->step);
    if (lost && self->begun)
        session_lose(&self->session);
    else
        session_destroy(&self->session);
    drop_parts(self);
    frame_put(&self->prefix);
    frame_put(&self->numbered);
    *(self->prev ? &self->prev->next : &hub->all) = self->next;
    if (self->next)
        self->next->prev = self->prev;
    rest_request_fini(&self->request);
    buf_fini(&self->last_id);
    buf_fini(&self->refusal.body);
    metrics_add(hub->core->metrics, METRIC_SESSIONS_EVENTS, -1);
    free(self);
}

static void on_gone(void *owner, conn_t *conn)
{
    (void)conn;
    destroy(owner, true);
}

/* Ends a stream, or answers a request that became none. */
static void finish(sse_t *self)
{
    conn_t *conn = self->conn;
    rest_answer_t refusal = self->refusal;
    self->refusal = (rest_answer_t){0};
    if (self->begun && !self->cut) {
        conn_respond_end(conn);
    } else {
        conn_set_owner(conn, NULL, NULL);
        if (self->begun)
            conn_kill(conn);
    }
    if (!self->begun) {
        if (refusal.status == 0)
            rest_answer_problem(503, str_of(err_text(ERR_SHUTDOWN)), &refusal);
        rest_reply(conn, &refusal, STR_LIT(""));
    }
    buf_fini(&refusal.body);
    destroy(self, false);
}

/* --- the stream ----------------------------------------------------------------------------------
 */

/* The frame is taken over. */
static void push_part(sse_t *self, frame_t *frame)
{
    part_t *part = frame ? calloc(1, sizeof *part) : NULL;
    if (!part) {
        frame_put(&frame);
        return;
    }
    part->frame = frame;
    *self->first_end = part;
    self->first_end = &part->next;
}

static void push_text(sse_t *self, buf_t *text)
{
    push_part(self, frame_take(FRAME_RAW, text, (str_t){"", 0}));
    buf_fini(text);
}

static frame_t *pop_part(sse_t *self)
{
    part_t *part = self->first;
    frame_t *frame = part->frame;
    self->first = part->next;
    if (!self->first)
        self->first_end = &self->first;
    free(part);
    return frame;
}

static frame_t *on_pull(void *owner, conn_t *conn)
{
    sse_t *self = owner;
    frame_t *frame = self->numbered;
    (void)conn;
    self->numbered = NULL;
    if (frame)
        return frame;
    if (self->first)
        return pop_part(self);
    frame = session_pop(self->session);
    if (!frame || !self->prefix || !sse_is_numbered(frame_payload(frame)))
        return frame;
    self->numbered = frame;
    return frame_ref(self->prefix);
}

static const conn_owner_t streaming = {.gone = on_gone, .pull = on_pull};
static const conn_owner_t waiting = {.gone = on_gone};

/* With an id where there are some: the client has seen all that there was up to now. */
static void on_beat(struct ev_loop *loop, ev_timer *timer, int events)
{
    sse_t *self = timer->data;
    recovery_t *recovery = self->hub->core->recovery;
    buf_t text;
    (void)loop;
    (void)events;
    if (!self->begun || self->first || session_is_waiting(self->session))
        return;
    buf_init(&text);
    frame_room(&text);
    buf_append_cstr(&text, ":\n");
    if (self->prefix && recovery) {
        char number[RECOVERY_OFFSET_MAX];
        recovery_put_number(recovery_number(recovery), number);
        buf_append_str(&text, frame_payload(self->prefix));
        buf_printf(&text, ".%s\n", number);
    }
    buf_append_cstr(&text, "\n");
    push_text(self, &text);
    conn_wake(self->conn);
}

/* --- calls ---------------------------------------------------------------------------------------
 */

static void schedule(sse_t *self)
{
    ev_timer_set(&self->step, 0., 0.);
    ev_timer_start(self->hub->loop, &self->step);
}

static void take_list(sse_t *self, const buf_t *list)
{
    self->calls = mp_of_buf(list);
    if (!mp_read_array(&self->calls, &self->calls_left))
        self->calls_left = 0;
}

static void begin(sse_t *self)
{
    buf_t headers = {0};
    rest_reply_headers(self->conn, &headers);
    /* For proxies that would wait for more. */
    buf_append_cstr(&headers, "X-Accel-Buffering: no\r\n");
    if (conn_head(self->conn)->method == HTTP_HEAD)
        session_forbid_return(self->session);
    self->begun = true;
    conn_respond_begin(self->conn, 200, "text/event-stream; charset=utf-8", buf_str(&headers), -1,
                       &streaming, self);
    buf_fini(&headers);
}

static void make_call(sse_t *self)
{
    mp_t call, args;
    str_t name;
    uint32_t count;
    self->calls_left--;
    bool ok = mp_next(&self->calls, &call) && mp_read_array(&call, &count) &&
              mp_read_str(&call, &name) && mp_next(&call, &args);
    assert(ok); /* rest_route.c wrote it */
    (void)ok;
    session_call(self->session, name, args, true, STEP_ACK);
}

/* Subscribes, then reads, then begins: what fails has its status, and the current values stand
 * before the changes that have come meanwhile. */
static void on_step(struct ev_loop *loop, ev_timer *timer, int events)
{
    sse_t *self = timer->data;
    (void)loop;
    (void)events;
    if (self->begun || self->cut || self->refusal.status != 0) {
        finish(self);
        return;
    }
    if (self->calls_left == 0 && !self->reading && self->wants_values) {
        self->reading = true;
        take_list(self, &self->request.more);
    }
    if (self->calls_left > 0)
        make_call(self);
    else
        begin(self); /* after which a HEAD is gone */
}

/* {id: state} as changes. */
static void put_states(sse_t *self, mp_t args)
{
    mp_t map, id, state;
    uint32_t count;
    buf_t text = {0}, event = {0};
    if (!mp_at(args, 1, &map) || !mp_read_map(&map, &count) || count == 0)
        return;
    frame_room(&text);
    for (uint32_t i = 0; i < count && mp_next(&map, &id) && mp_next(&map, &state); i++) {
        buf_reset(&event);
        mp_put_array(&event, 2);
        mp_put_raw(&event, id);
        mp_put_raw(&event, state);
        sse_put_event(STR_LIT("stateChange"), mp_of_buf(&event), &text);
    }
    push_text(self, &text);
    buf_fini(&event);
}

/* --- the dialect ---------------------------------------------------------------------------------
 */

static void *sse_open(session_t *session)
{
    sse_t *self = session_transport(session);
    self->session = session;
    return self;
}

static void sse_close(void *state)
{
    (void)state;
}

/* Only the same question may be gone on with. */
static bool resume(sse_t *self)
{
    recovery_t *recovery = self->hub->core->recovery;
    str_t secret, number;
    sse_split_id(buf_str(&self->last_id), &secret, &number);
    session_t *earlier = recovery && secret.len > 0 ? recovery_find(recovery, secret) : NULL;
    return earlier && strcmp(session_id(earlier), session_id(self->session)) == 0 &&
           session_recover(self->session, secret, number);
}

static void make_prefix(sse_t *self)
{
    const char *secret = session_pid(self->session);
    buf_t text = {0};
    if (!secret)
        return;
    frame_room(&text);
    buf_printf(&text, "id: %s", secret);
    self->prefix = frame_take(FRAME_RAW, &text, (str_t){"", 0});
    buf_fini(&text);
}

/* What comes before everything else. A client that never sees an event shall be able to come back,
 * too. */
static void put_start(sse_t *self, bool resumed)
{
    buf_t text = {0};
    frame_room(&text);
    buf_append_cstr(&text, RETRY);
    if (self->prefix && !resumed) {
        buf_append_str(&text, frame_payload(self->prefix));
        buf_append_byte(&text, '\n');
    }
    buf_append_cstr(&text, "\n");
    if (self->gap)
        buf_append_cstr(&text, "event: gap\ndata: {}\n\n");
    push_text(self, &text);
}

/* Rights may have changed since a client that comes back had subscribed: it subscribes again. */
static void sse_greet(session_t *session, void *state)
{
    sse_t *self = state;
    bool resumed = resume(self);
    if (resumed)
        session_replay(session);
    self->gap = self->last_id.len > 0 && !resumed;
    self->wants_values = self->gap || (self->request.initial && !resumed);
    make_prefix(self);
    put_start(self, resumed);
    take_list(self, &self->request.args);
    schedule(self);
}

static void sse_refuse(session_t *session, void *state)
{
    sse_t *self = state;
    rest_answer_refusal(session, &self->refusal);
}

static bool sse_receive(session_t *session, void *state, bool binary, str_t payload)
{
    (void)session;
    (void)state;
    (void)binary;
    (void)payload;
    return true;
}

static void sse_event(str_t name, mp_t args, str_t key, frames_t *out)
{
    buf_t text = {0};
    frame_room(&text);
    sse_put_event(name, args, &text);
    frame_t *frame = frame_take(FRAME_RAW, &text, key);
    if (frame)
        out->items[out->count++] = frame;
    buf_fini(&text);
}

static void sse_answer(void *state, uint64_t id, mp_t args, frames_t *out)
{
    sse_t *self = state;
    mp_t error;
    (void)id;
    (void)out;
    bool failed = mp_at(args, 0, &error) && mp_type(error) != MP_NIL;
    /* Who did not ask for values has a stream without them. */
    if (failed && (!self->reading || self->request.initial))
        rest_answer_read(REST_NOTHING, args, &self->refusal);
    else if (!failed && self->reading)
        put_states(self, args);
    schedule(self);
}

static const dialect_t sse_dialect = {.name = "events",
                                      .id = 5,
                                      .error_is_text = true,
                                      .secure_is_false = true,
                                      .recovers = true,
                                      .open = sse_open,
                                      .close = sse_close,
                                      .greet = sse_greet,
                                      .refuse = sse_refuse,
                                      .receive = sse_receive,
                                      .event = sse_event,
                                      .answer = sse_answer};

static void on_wake(void *transport)
{
    sse_t *self = transport;
    if (self->begun)
        conn_wake(self->conn);
}

static void on_end(void *transport, const char *reason, bool flush)
{
    sse_t *self = transport;
    log_debug("GW-SESSION-END", "from=%s reason=%s", conn_address(self->conn), reason);
    if (self->refusal.status == 0 && !self->begun)
        rest_answer_problem(503, str_of(err_text(ERR_SHUTDOWN)), &self->refusal);
    self->cut = !flush;
    schedule(self);
}

/* Nothing is read from the client but the end of the connection. */
static void on_pause(void *transport, bool pause)
{
    (void)transport;
    (void)pause;
}

static const session_transport_t transport_ops = {
    .wake = on_wake, .end = on_end, .pause = on_pause};

/* --- requests ------------------------------------------------------------------------------------
 */

/* A browser says it in a header, a page that was loaded anew in the query. */
static void find_last_id(const http_head_t *head, buf_t *out)
{
    str_t id = http_head_get(head, "last-event-id");
    buf_append_str(out, id);
    if (id.len == 0)
        (void)http_query_get(head->query, "lastEventId", out);
}

static sse_t *attach(sse_hub_t *hub, conn_t *conn, rest_request_t *request)
{
    sse_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (sse_t){.hub = hub, .conn = conn, .request = *request, .next = hub->all};
    *request = (rest_request_t){0};
    self->first_end = &self->first;
    if (self->next)
        self->next->prev = self;
    hub->all = self;
    ev_timer_init(&self->beat, on_beat, BEAT_S, BEAT_S);
    ev_timer_init(&self->step, on_step, 0., 0.);
    self->beat.data = self->step.data = self;
    ev_timer_start(hub->loop, &self->beat);
    metrics_add(hub->core->metrics, METRIC_SESSIONS_EVENTS, 1);
    return self;
}

void sse_start(sse_hub_t *hub, conn_t *conn, const http_head_t *head, rest_request_t *request)
{
    buf_t name = {0};
    sse_t *self = attach(hub, conn, request);
    find_last_id(head, &self->last_id);
    (void)http_query_get(head->query, "name", &name);
    conn_set_owner(conn, &waiting, self);
    session_t *session = session_new(hub->core, &sse_dialect, conn_listener(conn), head->query,
                                     conn_address(conn), head, &transport_ops, self);
    if (name.len > 0 && name.len <= NAME_MAX_BYTES && json_utf8_valid(buf_str(&name)))
        session_set_name(session, buf_str(&name));
    buf_fini(&name);
}

sse_hub_t *sse_hub_new(core_t *core, struct ev_loop *loop)
{
    sse_hub_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (sse_hub_t){.core = core, .loop = loop};
    return self;
}

void sse_hub_close(sse_hub_t *self)
{
    while (self->all)
        finish(self->all);
}

void sse_hub_destroy(sse_hub_t **self_p)
{
    if (!*self_p)
        return;
    sse_hub_close(*self_p);
    free(*self_p);
    *self_p = NULL;
}
