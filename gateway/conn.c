/* SPDX-License-Identifier: MIT */
/* Life, writing and answers of a connection; what is read stands in conn_read.c. */
#include <assert.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/conn_ctx.h"
#include "gateway/deflate.h"
#include "gateway/http_answer.h"

#define LINGER_S 2.0 /* for the peer to close, too */
#define FLUSH_S 30.0 /* for a peer to take the last bytes */
#define STALL_S 60.0 /* for a reader of a long answer to take something */

/* --- timers and pauses -------------------------------------------------------------------------
 */

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    conn_t *self = timer->data;
    (void)loop;
    (void)events;
    conn_kill(self);
}

void conn_set_deadline(conn_t *self, double seconds)
{
    ev_timer_stop(self->env->loop, &self->timer);
    if (seconds <= 0)
        return;
    ev_timer_set(&self->timer, seconds, 0.);
    ev_timer_start(self->env->loop, &self->timer);
}

void conn_set_pause(conn_t *self, unsigned bit, bool pause)
{
    unsigned before = self->paused;
    self->paused = pause ? before | bit : before & ~bit;
    if ((before == 0) != (self->paused == 0))
        lws_rx_flow_control(self->wsi, self->paused == 0);
}

void conn_pause(conn_t *self, bool pause)
{
    conn_set_pause(self, PAUSE_OWNER, pause);
    if (self->state == CONN_BODY) /* it is not the client that is slow */
        conn_set_deadline(self, pause ? 0 : BODY_S);
    if (pause)
        return;
    conn_say_continue(self);
    conn_wake(self);
}

static void join_dirty(conn_t *self)
{
    conn_env_t *env = self->env;
    if (self->dirty)
        return;
    self->dirty = true;
    self->prev_dirty = env->last_dirty;
    if (env->last_dirty)
        env->last_dirty->next_dirty = self;
    else
        env->first_dirty = self;
    env->last_dirty = self;
}

static void leave_dirty(conn_t *self)
{
    conn_env_t *env = self->env;
    if (!self->dirty)
        return;
    *(self->prev_dirty ? &self->prev_dirty->next_dirty : &env->first_dirty) = self->next_dirty;
    *(self->next_dirty ? &self->next_dirty->prev_dirty : &env->last_dirty) = self->prev_dirty;
    self->next_dirty = self->prev_dirty = NULL;
    self->dirty = false;
}

/* Not at once: the caller may be within a callback of this very connection. */
void conn_kill(conn_t *self)
{
    self->state = CONN_CLOSING;
    self->killed = true;
    join_dirty(self);
}

/* --- life --------------------------------------------------------------------------------------
 */

conn_t *conn_new(conn_env_t *env, const listener_t *listener, struct lws *wsi)
{
    conn_t *self = calloc(1, sizeof *self);
    assert(self);
    self->env = env;
    self->listener = listener;
    self->wsi = wsi;
    if (!conn_edge_open(self)) {
        free(self);
        return NULL;
    }
    ev_init(&self->timer, on_timer);
    self->timer.data = self;
    self->begun = true; /* the first head is awaited from the start */
    conn_set_deadline(self, env->handshake_s);
    env->count++;
    metrics_add(env->metrics, METRIC_CONNECTIONS, 1);
    metrics_add(env->metrics, METRIC_CONNECTIONS_TOTAL, 1);
    return self;
}

void conn_end_request(conn_t *self)
{
    free(self->head);
    self->head = NULL;
    self->responded = false;
    self->taking = false;
    self->taken = 0;
    self->owes_100 = false;
    buf_fini(&self->head_text);
    buf_fini(&self->body);
}

void conn_destroy(conn_t **self_p)
{
    conn_t *self = *self_p;
    if (!self)
        return;
    if (self->owner_ops)
        self->owner_ops->gone(self->owner, self);
    ev_timer_stop(self->env->loop, &self->timer);
    leave_dirty(self);
    conn_edge_close(self);
    ring_fini(&self->out);
    conn_end_request(self);
    buf_fini(&self->in);
    wsframe_decoder_destroy(&self->decoder);
    self->env->count--;
    metrics_add(self->env->metrics, METRIC_CONNECTIONS, -1);
    free(self);
    *self_p = NULL;
}

const listener_t *conn_listener(const conn_t *self)
{
    return self->listener;
}

const http_head_t *conn_head(const conn_t *self)
{
    return self->head;
}

void conn_set_owner(conn_t *self, const conn_owner_t *ops, void *owner)
{
    self->owner_ops = ops;
    self->owner = owner;
}

/* --- writing -----------------------------------------------------------------------------------
 */

/* Whoever has something to write is put into a list that is worked off before the loop sleeps. Only
 * when the socket takes no more the loop is asked to say when it does: asking every time costs two
 * system calls for each write. */
void conn_wake(conn_t *self)
{
    if (!self->waiting && !self->writing)
        join_dirty(self);
}

static void wait_writable(conn_t *self)
{
    self->waiting = true;
    lws_callback_on_writable(self->wsi);
}

/* Takes the reference over; a NULL frame (no memory) ends the connection. */
void conn_push(conn_t *self, frame_t *frame)
{
    if (!frame) {
        conn_kill(self);
        return;
    }
    ring_push(&self->out, frame);
    conn_wake(self);
}

/* A piece of an answer in a stream; in chunks its size goes in front (RFC 9112, 7.1). */
static void push_piece(conn_t *self, frame_t *frame)
{
    size_t len = frame_payload(frame).len;
    if (len == 0) {
        frame_put(&frame);
        return;
    }
    if (self->chunked) {
        buf_t size = {0};
        buf_printf(&size, "%zx\r\n", len);
        conn_push(self, frame_new(FRAME_RAW, buf_str(&size)));
        buf_fini(&size);
    } else {
        assert(len <= self->left);
        self->left -= len;
    }
    conn_push(self, frame);
    if (self->chunked)
        conn_push(self, frame_new(FRAME_RAW, STR_LIT("\r\n")));
}

/* Takes the reference over and gives one. */
static frame_t *prefer_deflated(frame_t *frame)
{
    frame_t *small = frame_deflated(frame);
    if (!small)
        return frame;
    frame_t *result = frame_ref(small);
    frame_put(&frame);
    return result;
}

/* Asks the owner for as much as one write takes. */
static void pull(conn_t *self)
{
    while ((self->state == CONN_WEBSOCKET || self->state == CONN_STREAM) && self->owner_ops &&
           self->owner_ops->pull && self->out.bytes < CONN_GATHER) {
        conn_state_t state = self->state;
        frame_t *frame = self->owner_ops->pull(self->owner, self);
        if (!frame)
            return;
        if (state == CONN_STREAM) {
            push_piece(self, frame);
            continue;
        }
        metrics_add(self->env->metrics, METRIC_FRAMES_OUT, 1);
        conn_push(self, self->deflate ? prefer_deflated(frame) : frame);
    }
}

void conn_pull_now(conn_t *self)
{
    pull(self);
}

static int write_some(conn_t *self)
{
    uint8_t *bytes = self->env->gather + LWS_PRE;
    size_t frames = 0;
    size_t n = ring_take(&self->out, bytes, CONN_GATHER, self->apart > 0, &frames);
    self->apart -= self->apart > 0 ? (unsigned)frames : 0;
    metrics_add(self->env->metrics, METRIC_BYTES_OUT, (int64_t)n);
    metrics_add(self->env->metrics, METRIC_WRITES, 1);
    if (conn_edge_write(self, bytes, n) != 0)
        return -1;
    /* What did not fit waits in the library, which then does not look at input, and would spin on
     * it. */
    conn_set_pause(self, PAUSE_PARTIAL, lws_partial_buffered(self->wsi));
    if (self->state == CONN_STREAM)
        conn_set_deadline(self, lws_partial_buffered(self->wsi) ? STALL_S : 0);
    if (self->out.bytes < OUT_PAUSE)
        conn_set_pause(self, PAUSE_OUTPUT, false);
    return 0;
}

/* Writes what is there, as far as the socket takes it. -1: close. */
static int write_all(conn_t *self)
{
    self->writing = true;
    pull(self);
    int result = self->out.len > 0 || conn_edge_owes(self) ? write_some(self) : 0;
    pull(self);
    self->writing = false;
    return result;
}

static int take_turn(conn_t *self)
{
    bool stalled = self->paused & PAUSE_PARTIAL;
    /* After a stall the client is heard first, so that a slow reader's pings come through. */
    conn_set_pause(self, PAUSE_PARTIAL, false);
    if (!stalled && write_all(self) != 0)
        return -1;
    if (self->out.len > 0 || lws_partial_buffered(self->wsi)) {
        wait_writable(self);
        return 0;
    }
    if (self->state == CONN_CLOSING && !self->linger)
        return -1;
    if (stalled) /* what its owner has got meanwhile is asked for in the next turn */
        join_dirty(self);
    if (self->in.len > 0 && self->paused == 0)
        return conn_read(self, NULL, 0);
    return 0;
}

int conn_on_writable(conn_t *self)
{
    self->waiting = false;
    leave_dirty(self);
    int result = take_turn(self);
    if (result != 0)
        conn_edge_farewell(self);
    return result;
}

bool conn_flush(conn_env_t *env)
{
    conn_t *last = env->last_dirty;
    for (bool more = last != NULL; more;) {
        conn_t *conn = env->first_dirty;
        more = conn != last;
        leave_dirty(conn);
        if (!conn->killed && take_turn(conn) == 0)
            continue;
        conn_edge_farewell(conn);
        lws_set_timeout(conn->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_SYNC);
    }
    return last != NULL;
}

void conn_start_closing(conn_t *self, bool linger)
{
    self->state = CONN_CLOSING;
    self->linger = linger;
    conn_set_deadline(self, linger ? LINGER_S : FLUSH_S);
    conn_wake(self);
}

/* --- answers -----------------------------------------------------------------------------------
 */

static void push_head(conn_t *self, int status, const char *type, str_t headers, size_t length,
                      bool keep)
{
    buf_t text = {0}, all = {0};
    if (self->env->hsts_s > 0 && conn_is_secure(self))
        buf_printf(&all, "Strict-Transport-Security: max-age=%lld\r\n",
                   (long long)self->env->hsts_s);
    buf_append_str(&all, headers);
    frame_room(&text);
    http_answer_head(&text, self->head, status, type, buf_str(&all), length, keep);
    metrics_response(self->env->metrics, status);
    conn_push(self, frame_take(FRAME_RAW, &text, (str_t){"", 0}));
    buf_fini(&text);
    buf_fini(&all);
}

/* The answer is on its way: what happens to the connection. */
static void answered(conn_t *self, bool keep)
{
    conn_set_owner(self, NULL, NULL);
    conn_set_pause(self, PAUSE_INPUT, false);
    if (self->state == CONN_BODY && keep) {
        self->responded = true;
        return;
    }
    bool unread = self->state == CONN_BODY || !self->head;
    conn_end_request(self);
    if (!keep) {
        conn_start_closing(self, unread);
        return;
    }
    self->state = CONN_HEAD;
    conn_set_deadline(self, KEEPALIVE_S);
}

static void respond(conn_t *self, int status, const char *type, str_t headers, frame_t **body,
                    bool keep)
{
    size_t length = *body ? frame_payload(*body).len : 0;
    bool head_only = self->head && self->head->method == HTTP_HEAD;
    assert(self->state != CONN_WEBSOCKET && !self->responded);
    if (self->state == CONN_CLOSING) {
        frame_put(body);
        return;
    }
    push_head(self, status, type, headers, length, keep);
    if (length > 0 && !head_only)
        conn_push(self, frame_ref(*body));
    frame_put(body);
    answered(self, keep);
}

/* A body that is still coming and is too large to be thrown away ends the connection; so does one
 * of which nobody knows whether it will come, because its client was never told to go on. */
static bool may_keep(const conn_t *self)
{
    if (!self->head || !self->head->keep_alive)
        return false;
    return self->state != CONN_BODY ||
           (!self->owes_100 && !self->head->chunked && self->head->content_length <= DISCARD_MAX);
}

void conn_respond_frame(conn_t *self, int status, const char *type, str_t headers, frame_t **body)
{
    respond(self, status, type, headers, body, may_keep(self));
}

void conn_respond(conn_t *self, int status, const char *type, str_t headers, str_t body)
{
    frame_t *frame = body.len ? frame_new(FRAME_RAW, body) : NULL;
    respond(self, status, type, headers, &frame, may_keep(self));
}

void conn_respond_last(conn_t *self, int status, const char *type, str_t headers, str_t body)
{
    frame_t *frame = body.len ? frame_new(FRAME_RAW, body) : NULL;
    respond(self, status, type, headers, &frame, false);
}

/* --- answers and bodies in a stream --------------------------------------------------------------
 */

void conn_respond_begin(conn_t *self, int status, const char *type, str_t headers, int64_t length,
                        const conn_owner_t *ops, void *owner)
{
    bool head_only = self->head && self->head->method == HTTP_HEAD;
    if (self->state == CONN_CLOSING) {
        conn_set_owner(self, NULL, NULL);
        ops->gone(owner, self);
        return;
    }
    assert(self->state == CONN_BUSY && self->head);
    self->chunked = length < 0 && !self->head->http10;
    self->keep = may_keep(self) && (length >= 0 || self->chunked);
    self->left = length < 0 ? UINT64_MAX : (uint64_t)length;
    push_head(self, status, type, headers, length < 0 ? HTTP_LENGTH_UNKNOWN : (size_t)length,
              self->keep);
    if (head_only) {
        answered(self, self->keep);
        ops->gone(owner, self);
        return;
    }
    self->state = CONN_STREAM;
    conn_set_deadline(self, 0);
    conn_set_owner(self, ops, owner);
    conn_wake(self);
}

void conn_respond_end(conn_t *self)
{
    if (self->state != CONN_STREAM) {
        conn_set_owner(self, NULL, NULL);
        return;
    }
    bool unknown = self->chunked || self->left > UINT64_MAX / 2;
    if (!unknown && self->left > 0) {
        conn_set_owner(self, NULL, NULL);
        conn_kill(self);
        return;
    }
    if (self->chunked)
        conn_push(self, frame_new(FRAME_RAW, STR_LIT("0\r\n\r\n")));
    answered(self, self->keep);
    conn_wake(self);
}

void conn_take_body(conn_t *self, uint64_t max, const conn_owner_t *ops, void *owner)
{
    assert(self->state == CONN_BODY && !self->taking);
    self->taking = true;
    self->take_max = max;
    conn_set_owner(self, ops, owner);
}

/* --- WebSocket ---------------------------------------------------------------------------------
 */

static void push_101(conn_t *self, const http_head_t *head)
{
    buf_t text = {0};
    self->deflate =
        self->env->deflate && deflate_accepts(http_head_get(head, "sec-websocket-extensions"));
    frame_room(&text);
    http_accept_websocket(&text, head, self->deflate ? DEFLATE_ANSWER : NULL);
    conn_push(self, frame_take(FRAME_RAW, &text, (str_t){"", 0}));
    buf_fini(&text);
}

void conn_upgrade(conn_t *self, const http_head_t *head, const conn_owner_t *ops, void *owner,
                  unsigned apart)
{
    push_101(self, head);
    self->decoder = wsframe_decoder_new(self->env->max_message);
    if (self->deflate)
        wsframe_decoder_allow_deflated(self->decoder);
    self->state = CONN_WEBSOCKET;
    self->apart = apart + 1; /* the 101 itself */
    conn_set_deadline(self, 0);
    conn_set_owner(self, ops, owner);
    conn_end_request(self);
}

void conn_push_control(conn_t *self, unsigned opcode, str_t payload)
{
    uint8_t head[WSFRAME_MAX_HEAD];
    buf_t text = {0};
    frame_room(&text);
    buf_append(&text, head, wsframe_head(head, opcode, payload.len));
    buf_append_str(&text, payload);
    conn_push(self, frame_take(FRAME_RAW, &text, (str_t){"", 0}));
    buf_fini(&text);
}

void conn_push_close(conn_t *self, uint16_t code)
{
    char bytes[2] = {(char)(code >> 8), (char)(code & 0xff)};
    conn_push_control(self, WSFRAME_CLOSE, (str_t){bytes, code ? 2 : 0});
}

void conn_close(conn_t *self, uint16_t code)
{
    if (self->state == CONN_CLOSING)
        return;
    pull(self);
    if (self->state == CONN_WEBSOCKET)
        conn_push_close(self, code);
    conn_start_closing(self, true);
}

/* Tells the owner that it is over, once. */
void conn_lose_owner(conn_t *self)
{
    const conn_owner_t *ops = self->owner_ops;
    void *owner = self->owner;
    conn_set_owner(self, NULL, NULL);
    if (ops)
        ops->gone(owner, self);
}
