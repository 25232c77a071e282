/* SPDX-License-Identifier: MIT */
#include "gateway/iobws.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/json.h"
#include "bus/log.h"
#include "gateway/command.h"
#include "gateway/http_answer.h"
#include "gateway/ws.h"

#define CHECK_S 5.0   /* how often silence is looked for; a ping goes out after as much of it */
#define DEAD_S 15.0   /* silence that ends the connection */
#define REFUSED_S 0.5 /* between the reason for a refusal and the end */

typedef enum { IOBWS_MESSAGE, IOBWS_PING, IOBWS_PONG, IOBWS_CALLBACK } kind_t;

/* --- the dialect ---------------------------------------------------------------------------------
 */

/* A call that is open: its answer repeats the id, which may be any JSON value, and the name. */
typedef struct pending {
    uint64_t number; /* by which the session knows it: ids may come twice, or be no numbers */
    buf_t head;      /* msgpack: id, name */
    struct pending *next;
} pending_t;

typedef struct {
    pending_t *pending; /* as many as the session has open calls */
    uint64_t calls;     /* the last number given away */
} state_t;

/* "[kind,id," and the name. */
static void put_head(buf_t *out, kind_t kind, mp_t id, mp_t name)
{
    frame_room(out);
    buf_printf(out, "[%d,", (int)kind);
    json_from_mp(out, id, NULL);
    buf_append_byte(out, ',');
    json_from_mp(out, name, NULL);
}

static void add_frame(frames_t *out, buf_t *text, str_t key)
{
    frame_t *frame = frame_take(FRAME_TEXT, text, key);
    if (frame)
        out->items[out->count++] = frame;
    buf_fini(text);
}

/* args: one array value. */
static void put_args(buf_t *out, mp_t args)
{
    buf_append_byte(out, ',');
    json_from_mp(out, args, NULL);
    buf_append_byte(out, ']');
}

static void iobws_event(str_t name, mp_t args, str_t key, frames_t *out)
{
    buf_t text = {0};
    frame_room(&text);
    buf_printf(&text, "[%d,1,", (int)IOBWS_MESSAGE);
    json_put_str(&text, name);
    put_args(&text, args);
    add_frame(out, &text, key);
}

static pending_t **find_pending(state_t *self, uint64_t number)
{
    pending_t **at = &self->pending;
    while (*at && (*at)->number != number)
        at = &(*at)->next;
    return at;
}

static void drop_pending(pending_t **at)
{
    pending_t *pending = *at;
    *at = pending->next;
    buf_fini(&pending->head);
    free(pending);
}

static void iobws_answer(void *state, uint64_t number, mp_t args, frames_t *out)
{
    pending_t **at = find_pending(state, number);
    buf_t text = {0};
    mp_t head, id, name;
    assert(*at);
    head = mp_of_buf(&(*at)->head);
    bool whole = mp_next(&head, &id) && mp_next(&head, &name);
    assert(whole);
    (void)whole;
    put_head(&text, IOBWS_CALLBACK, id, name);
    put_args(&text, args);
    add_frame(out, &text, (str_t){"", 0});
    drop_pending(at);
}

static void push(session_t *session, frames_t *frames)
{
    for (size_t i = 0; i < frames->count; i++)
        session_push(session, frames->items[i]);
    frames_put(frames);
}

static void *iobws_open(session_t *session)
{
    state_t *self = calloc(1, sizeof *self);
    (void)session;
    assert(self);
    return self;
}

static void say(session_t *session, const char *message)
{
    frame_t *frame = frame_new(FRAME_TEXT, str_of(message));
    if (frame)
        session_push(session, frame);
    frame_put(&frame);
}

/* A page is told when it has to show its token or session anew; who brought a token by hand knows.
 */
static void tell_expiry(session_t *session)
{
    const identity_t *identity = session_identity(session);
    if (identity->cookie && identity->expires_ms > 0)
        session_emit_token_info(session);
}

static void iobws_greet(session_t *session, void *state)
{
    (void)state;
    say(session, "[0,1,\"___ready___\"]");
    tell_expiry(session);
}

static void iobws_refuse(session_t *session, void *state)
{
    (void)state;
    say(session, "[0,401,\"reauthenticate\"]");
}

static void iobws_close(void *state)
{
    state_t *self = state;
    while (self->pending)
        drop_pending(&self->pending);
    free(self);
}

/* The number under which the session shall know the call. */
static uint64_t remember(state_t *self, mp_t id, str_t name)
{
    pending_t *pending = calloc(1, sizeof *pending);
    assert(pending);
    *pending = (pending_t){.number = ++self->calls, .next = self->pending};
    mp_put_raw(&pending->head, id);
    mp_put_str(&pending->head, name);
    assert(!pending->head.failed);
    self->pending = pending;
    return pending->number;
}

/* What was cut off or is no array counts as no arguments. */
static void call(session_t *session, state_t *self, mp_t id, str_t name, mp_t args, bool has_ack)
{
    static const uint8_t empty[] = {0x90};
    if (mp_type(args) != MP_ARRAY)
        args = mp_of(empty, sizeof empty);
    session_call(session, name, args, has_ack, has_ack ? remember(self, id, name) : 0);
}

static void take_message(session_t *session, state_t *self, mp_t message)
{
    uint32_t count;
    uint64_t kind;
    str_t name;
    mp_t id, args = {0};
    if (!mp_read_array(&message, &count) || !mp_read_uint(&message, &kind))
        return;
    if (kind == IOBWS_PING)
        say(session, "[2]");
    if ((kind != IOBWS_MESSAGE && kind != IOBWS_CALLBACK) || count < 3 || !mp_next(&message, &id) ||
        !mp_read_str(&message, &name))
        return;
    if (count > 3)
        (void)mp_next(&message, &args);
    call(session, self, id, name, args, kind == IOBWS_CALLBACK);
}

/* A call whose arguments cannot be taken (nested too deeply) is answered all the same. */
static void answer_unreadable(session_t *session, state_t *self, str_t payload, err_t err)
{
    char start[32] = "";
    unsigned long long id;
    memcpy(start, payload.p, payload.len < sizeof start - 1 ? payload.len : sizeof start - 1);
    if (sscanf(start, "[3,%llu,", &id) != 1)
        return;
    frames_t frames = {0};
    buf_t args = {0};
    buf_t key = {0};
    mp_put_uint(&key, id);
    mp_put_array(&args, 1);
    mp_put_cstr(&args, err_text(err));
    iobws_answer(self, remember(self, mp_of_buf(&key), STR_LIT("")), mp_of_buf(&args), &frames);
    push(session, &frames);
    buf_fini(&args);
    buf_fini(&key);
}

static bool iobws_receive(session_t *session, void *state, bool binary, str_t payload)
{
    static log_limit_t limit;
    buf_t message = {0};
    if (binary)
        return true;
    bool oversized = command_is_oversized(session_core(session), payload);
    err_t err = oversized ? ERR_TOO_LARGE : json_to_mp(&message, payload);
    if (err == ERR_OK) {
        take_message(session, state, mp_of_buf(&message));
    } else {
        log_limited(&limit, LEVEL_WARN, "GW-BAD-PACKET", "client=%s from=%s error=%s",
                    session_client(session), session_address(session), err_name(err));
        if (err == ERR_TOO_LARGE || err == ERR_TOO_DEEP || err == ERR_NO_MEMORY)
            answer_unreadable(session, state, payload, err);
    }
    buf_fini(&message);
    return true;
}

const dialect_t iobws_dialect = {.name = "ioBroker",
                                 .id = 1,
                                 .error_is_text = true,
                                 .secure_is_false = true,
                                 .open = iobws_open,
                                 .close = iobws_close,
                                 .greet = iobws_greet,
                                 .refuse = iobws_refuse,
                                 .receive = iobws_receive,
                                 .event = iobws_event,
                                 .answer = iobws_answer};

/* --- connections ---------------------------------------------------------------------------------
 */

typedef struct iobws {
    iobws_hub_t *hub;
    conn_t *conn;
    session_t *session; /* NULL: refused */
    frame_t *notice;    /* what a refused client is told */
    ev_timer check;     /* silence */
    ev_timer ending;    /* the end, a moment later */
    ev_tstamp seen;     /* when something came last */
    struct iobws *prev, *next;
} iobws_t;

struct iobws_hub {
    core_t *core;
    struct ev_loop *loop;
    iobws_t *all;
    uint64_t serial;
};

iobws_hub_t *iobws_hub_new(core_t *core, struct ev_loop *loop)
{
    iobws_hub_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (iobws_hub_t){.core = core, .loop = loop};
    return self;
}

void iobws_hub_destroy(iobws_hub_t **self_p)
{
    if (!*self_p)
        return;
    iobws_hub_close(*self_p);
    free(*self_p);
    *self_p = NULL;
}

static void destroy(iobws_t *self)
{
    iobws_hub_t *hub = self->hub;
    ev_timer_stop(hub->loop, &self->check);
    ev_timer_stop(hub->loop, &self->ending);
    if (self->session) {
        session_destroy(&self->session);
        metrics_add(hub->core->metrics, METRIC_SESSIONS_WEBSOCKET, -1);
    }
    frame_put(&self->notice);
    if (self->prev)
        self->prev->next = self->next;
    else
        hub->all = self->next;
    if (self->next)
        self->next->prev = self->prev;
    free(self);
}

/* Ends the connection; what was pulled still goes out. */
static void finish(iobws_t *self)
{
    conn_set_owner(self->conn, NULL, NULL);
    conn_close(self->conn, 0);
    destroy(self);
}

void iobws_hub_close(iobws_hub_t *self)
{
    while (self->all)
        finish(self->all);
}

static void on_gone(void *owner, conn_t *conn)
{
    (void)conn;
    destroy(owner);
}

static frame_t *on_pull(void *owner, conn_t *conn)
{
    iobws_t *self = owner;
    frame_t *notice = self->notice;
    (void)conn;
    if (self->session)
        return session_pop(self->session);
    self->notice = NULL;
    return notice;
}

static void on_message(void *owner, conn_t *conn, bool binary, str_t payload)
{
    iobws_t *self = owner;
    (void)conn;
    self->seen = ev_now(self->hub->loop);
    if (self->session)
        (void)session_receive(self->session, binary, payload);
}

static const conn_owner_t conn_owner = {.gone = on_gone, .pull = on_pull, .message = on_message};

static void on_wake(void *transport)
{
    conn_wake(((iobws_t *)transport)->conn);
}

static void on_end(void *transport, const char *reason, bool flush)
{
    iobws_t *self = transport;
    log_debug("GW-SESSION-END", "from=%s reason=%s", conn_address(self->conn), reason);
    ev_timer_set(&self->ending, flush ? REFUSED_S : 0., 0.);
    ev_timer_start(self->hub->loop, &self->ending);
}

static void on_pause(void *transport, bool pause)
{
    conn_pause(((iobws_t *)transport)->conn, pause);
}

static const session_transport_t transport_ops = {
    .wake = on_wake, .end = on_end, .pause = on_pause};

static void on_ending(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    finish(timer->data);
}

static void on_check(struct ev_loop *loop, ev_timer *timer, int events)
{
    iobws_t *self = timer->data;
    ev_tstamp silence = ev_now(loop) - self->seen;
    (void)events;
    if (silence > DEAD_S) {
        finish(self);
        return;
    }
    frame_t *ping =
        silence > CHECK_S - 0.5 && self->session ? frame_new(FRAME_TEXT, STR_LIT("[1]")) : NULL;
    if (ping)
        session_push(self->session, ping);
    frame_put(&ping);
}

static iobws_t *attach(iobws_hub_t *hub, conn_t *conn)
{
    iobws_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (iobws_t){.hub = hub, .conn = conn, .next = hub->all, .seen = ev_now(hub->loop)};
    if (self->next)
        self->next->prev = self;
    hub->all = self;
    ev_timer_init(&self->check, on_check, CHECK_S, CHECK_S);
    ev_timer_init(&self->ending, on_ending, 0., 0.);
    self->check.data = self->ending.data = self;
    ev_timer_start(hub->loop, &self->check);
    return self;
}

static void refuse(iobws_t *self, const char *notice)
{
    self->notice = frame_new(FRAME_TEXT, str_of(notice));
    conn_wake(self->conn);
    ev_timer_set(&self->ending, REFUSED_S, 0.);
    ev_timer_start(self->hub->loop, &self->ending);
}

static void open_session(iobws_t *self, const http_head_t *head, str_t name)
{
    core_t *core = self->hub->core;
    char id[32];
    int len = snprintf(id, sizeof id, "ws%llu", (unsigned long long)++self->hub->serial);
    self->session =
        session_new(core, &iobws_dialect, conn_listener(self->conn), (str_t){id, (size_t)len},
                    conn_address(self->conn), head, &transport_ops, self);
    metrics_add(core->metrics, METRIC_SESSIONS_WEBSOCKET, 1);
    if (name.len > 0)
        session_set_name(self->session, name);
}

void iobws_head(iobws_hub_t *hub, conn_t *conn, const http_head_t *head)
{
    buf_t sid = {0}, name = {0};
    if (!http_asks_websocket(head)) {
        ws_refuse(conn, eio_error_text(EIO_BAD));
        return;
    }
    (void)http_query_get(head->query, "sid", &sid);
    (void)http_query_get(head->query, "name", &name);
    iobws_t *self = attach(hub, conn);
    if (sid.len > 0)
        open_session(self, head, buf_str(&name));
    conn_upgrade(conn, head, &conn_owner, self, 1); /* after which the head is gone */
    if (sid.len == 0)
        refuse(self, "[0,501,\"error\",[\"invalid sid\"]]");
    buf_fini(&sid);
    buf_fini(&name);
}
