/* SPDX-License-Identifier: MIT */
#include "gateway/conn.h"

#include <assert.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

#include "bus/log.h"
#include "gateway/http_answer.h"
#include "gateway/ring.h"
#include "gateway/wsframe.h"

#define KEEPALIVE_S 75.0
#define BODY_S 30.0                 /* without a byte */
#define LINGER_S 2.0                /* for the peer to close, too */
#define FLUSH_S 30.0                /* for a peer to take the last bytes */
#define DISCARD_MAX (1024u * 1024u) /* body that nobody wants */
#define OUT_PAUSE (1024u * 1024u)   /* bytes of pipelined answers */

typedef enum { CONN_HEAD, CONN_BODY, CONN_BUSY, CONN_WEBSOCKET, CONN_CLOSING } conn_state_t;

/* Why the client is not read from. */
enum { PAUSE_PARTIAL = 1, PAUSE_OUTPUT = 2, PAUSE_OWNER = 4 };

struct conn {
    conn_env_t *env;
    const listener_t *listener;
    struct lws *wsi;
    char address[64];
    conn_state_t state;
    bool linger;     /* CLOSING: wait for the peer's end */
    unsigned paused; /* PAUSE_ bits */
    ev_timer timer;
    /* reading */
    buf_t in; /* what could not be handled yet */
    buf_t head_text;
    http_head_t *head; /* of the request under way; borrows from head_text */
    http_body_t framing;
    buf_t body;
    size_t body_max;
    bool responded; /* answered before the body had come */
    wsframe_decoder_t *decoder;
    /* writing */
    ring_t out;
    conn_t *prev_dirty, *next_dirty;
    bool dirty;   /* in the list of those that have something to write */
    bool waiting; /* the loop will say when the socket takes more */
    bool writing;
    bool killed;    /* to be cut off */
    unsigned apart; /* frames that still go out one by one */
    const conn_owner_t *owner_ops;
    void *owner;
};

/* --- timers and pauses -------------------------------------------------------------------------
 */

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    conn_t *self = timer->data;
    (void)loop;
    (void)events;
    conn_kill(self);
}

static void set_deadline(conn_t *self, double seconds)
{
    ev_timer_stop(self->env->loop, &self->timer);
    if (seconds <= 0)
        return;
    ev_timer_set(&self->timer, seconds, 0.);
    ev_timer_start(self->env->loop, &self->timer);
}

static void set_pause(conn_t *self, unsigned bit, bool pause)
{
    unsigned before = self->paused;
    self->paused = pause ? before | bit : before & ~bit;
    if ((before == 0) != (self->paused == 0))
        lws_rx_flow_control(self->wsi, self->paused == 0);
}

void conn_pause(conn_t *self, bool pause)
{
    set_pause(self, PAUSE_OWNER, pause);
    if (!pause)
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
    lws_get_peer_simple(wsi, self->address, sizeof self->address);
    ev_init(&self->timer, on_timer);
    self->timer.data = self;
    set_deadline(self, env->handshake_s);
    env->count++;
    metrics_add(env->metrics, METRIC_CONNECTIONS, 1);
    metrics_add(env->metrics, METRIC_CONNECTIONS_TOTAL, 1);
    return self;
}

static void end_request(conn_t *self)
{
    free(self->head);
    self->head = NULL;
    self->responded = false;
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
    ring_fini(&self->out);
    end_request(self);
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

const char *conn_address(const conn_t *self)
{
    return self->address;
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
static void out_push(conn_t *self, frame_t *frame)
{
    if (!frame) {
        conn_kill(self);
        return;
    }
    ring_push(&self->out, frame);
    conn_wake(self);
}

/* Asks the WebSocket's owner for as much as one write takes. */
static void pull(conn_t *self)
{
    if (self->state != CONN_WEBSOCKET || !self->owner_ops || !self->owner_ops->pull)
        return;
    while (self->out.bytes < CONN_GATHER) {
        frame_t *frame = self->owner_ops->pull(self->owner, self);
        if (!frame)
            return;
        metrics_add(self->env->metrics, METRIC_FRAMES_OUT, 1);
        out_push(self, frame);
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
    if (lws_write(self->wsi, bytes, n, LWS_WRITE_RAW) < 0)
        return -1;
    /* What did not fit waits in the library, which then does not look at input, and would spin on
     * it. */
    set_pause(self, PAUSE_PARTIAL, lws_partial_buffered(self->wsi));
    if (self->out.bytes < OUT_PAUSE)
        set_pause(self, PAUSE_OUTPUT, false);
    return 0;
}

static int run_input(conn_t *self, uint8_t *data, size_t len);

/* Writes what is there, as far as the socket takes it. -1: close. */
static int write_all(conn_t *self)
{
    self->writing = true;
    pull(self);
    int result = self->out.len > 0 ? write_some(self) : 0;
    pull(self);
    self->writing = false;
    return result;
}

static int take_turn(conn_t *self)
{
    bool stalled = self->paused & PAUSE_PARTIAL;
    /* After a stall the client is heard first, so that a slow reader's pings come through. */
    set_pause(self, PAUSE_PARTIAL, false);
    if (!stalled && write_all(self) != 0)
        return -1;
    if (self->out.len > 0 || lws_partial_buffered(self->wsi)) {
        wait_writable(self);
        return 0;
    }
    if (self->state == CONN_CLOSING && !self->linger)
        return -1;
    if (self->in.len > 0 && self->paused == 0)
        return run_input(self, NULL, 0);
    return 0;
}

int conn_on_writable(conn_t *self)
{
    self->waiting = false;
    leave_dirty(self);
    return take_turn(self);
}

bool conn_flush(conn_env_t *env)
{
    conn_t *last = env->last_dirty;
    for (bool more = last != NULL; more;) {
        conn_t *conn = env->first_dirty;
        more = conn != last;
        leave_dirty(conn);
        if (conn->killed || take_turn(conn) != 0)
            lws_set_timeout(conn->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_SYNC);
    }
    return last != NULL;
}

static void start_closing(conn_t *self, bool linger)
{
    self->state = CONN_CLOSING;
    self->linger = linger;
    set_deadline(self, linger ? LINGER_S : FLUSH_S);
    conn_wake(self);
}

/* --- answers -----------------------------------------------------------------------------------
 */

static void push_head(conn_t *self, int status, const char *type, str_t headers, size_t length,
                      bool keep)
{
    buf_t text = {0};
    frame_room(&text);
    http_answer_head(&text, self->head, status, type, headers, length, keep);
    out_push(self, frame_take(FRAME_RAW, &text, (str_t){"", 0}));
    buf_fini(&text);
}

/* The answer is on its way: what happens to the connection. */
static void answered(conn_t *self, bool keep)
{
    conn_set_owner(self, NULL, NULL);
    if (self->state == CONN_BODY && keep) {
        self->responded = true;
        return;
    }
    bool unread = self->state == CONN_BODY || !self->head;
    end_request(self);
    if (!keep) {
        start_closing(self, unread);
        return;
    }
    self->state = CONN_HEAD;
    set_deadline(self, KEEPALIVE_S);
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
        out_push(self, frame_ref(*body));
    frame_put(body);
    answered(self, keep);
}

/* A body that is still coming and is too large to be thrown away ends the connection. */
static bool may_keep(const conn_t *self)
{
    if (!self->head || !self->head->keep_alive)
        return false;
    return self->state != CONN_BODY ||
           (!self->head->chunked && self->head->content_length <= DISCARD_MAX);
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

/* --- WebSocket ---------------------------------------------------------------------------------
 */

static void push_101(conn_t *self, const http_head_t *head)
{
    buf_t text = {0};
    frame_room(&text);
    http_accept_websocket(&text, head);
    out_push(self, frame_take(FRAME_RAW, &text, (str_t){"", 0}));
    buf_fini(&text);
}

void conn_upgrade(conn_t *self, const http_head_t *head, const conn_owner_t *ops, void *owner,
                  unsigned apart)
{
    push_101(self, head);
    self->decoder = wsframe_decoder_new(self->env->max_message);
    self->state = CONN_WEBSOCKET;
    self->apart = apart + 1; /* the 101 itself */
    set_deadline(self, 0);
    conn_set_owner(self, ops, owner);
    end_request(self);
}

static void push_control(conn_t *self, unsigned opcode, str_t payload)
{
    uint8_t head[WSFRAME_MAX_HEAD];
    buf_t text = {0};
    frame_room(&text);
    buf_append(&text, head, wsframe_head(head, opcode, payload.len));
    buf_append_str(&text, payload);
    out_push(self, frame_take(FRAME_RAW, &text, (str_t){"", 0}));
    buf_fini(&text);
}

static void push_close(conn_t *self, uint16_t code)
{
    char bytes[2] = {(char)(code >> 8), (char)(code & 0xff)};
    push_control(self, WSFRAME_CLOSE, (str_t){bytes, code ? 2 : 0});
}

void conn_close(conn_t *self, uint16_t code)
{
    if (self->state == CONN_CLOSING)
        return;
    pull(self);
    if (self->state == CONN_WEBSOCKET)
        push_close(self, code);
    start_closing(self, true);
}

/* Tells the owner that it is over, once. */
static void lose_owner(conn_t *self)
{
    const conn_owner_t *ops = self->owner_ops;
    void *owner = self->owner;
    conn_set_owner(self, NULL, NULL);
    if (ops)
        ops->gone(owner, self);
}

static uint16_t valid_close_code(str_t payload)
{
    unsigned code =
        payload.len < 2 ? 0 : (unsigned)(uint8_t)payload.p[0] << 8 | (uint8_t)payload.p[1];
    bool known = (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
                 (code >= 3000 && code < 5000);
    return payload.len == 0 ? 0 : known ? (uint16_t)code : 1002;
}

static void take_control(conn_t *self, const wsframe_t *frame)
{
    if (frame->opcode == WSFRAME_PING && self->out.bytes < OUT_PAUSE)
        push_control(self, WSFRAME_PONG, frame->payload);
    if (frame->opcode != WSFRAME_CLOSE)
        return;
    lose_owner(self);
    push_close(self, valid_close_code(frame->payload));
    start_closing(self, false);
}

static void fail_websocket(conn_t *self, uint16_t code)
{
    static log_limit_t limit;
    log_limited(&limit, LEVEL_WARN, "GW-BAD-FRAME", "from=%s code=%u", self->address, code);
    metrics_add(self->env->metrics, METRIC_PROTOCOL_ERRORS, 1);
    lose_owner(self);
    push_close(self, code);
    start_closing(self, true);
}

static void read_websocket(conn_t *self, uint8_t **data, size_t *len)
{
    wsframe_t frame;
    while (self->state == CONN_WEBSOCKET && self->paused == 0) {
        wsframe_result_t result = wsframe_decode(self->decoder, data, len, &frame);
        if (result == WSFRAME_MORE)
            return;
        if (result == WSFRAME_FAILED)
            fail_websocket(self, frame.close_code);
        else if (result == WSFRAME_CONTROL)
            take_control(self, &frame);
        else if (self->owner_ops)
            self->owner_ops->message(self->owner, self, frame.binary, frame.payload);
    }
}

/* --- HTTP --------------------------------------------------------------------------------------
 */

static void refuse(conn_t *self, int status)
{
    const char *text = http_status_text(status);
    conn_respond_last(self, status, "text/plain; charset=utf-8", (str_t){"", 0}, str_of(text));
}

static bool has_body(const http_head_t *head)
{
    return head->chunked || head->content_length > 0;
}

static void complete(conn_t *self)
{
    if (self->responded) {
        end_request(self);
        self->state = CONN_HEAD;
        set_deadline(self, KEEPALIVE_S);
        return;
    }
    self->state = CONN_BUSY;
    set_deadline(self, 0);
    if (self->body.failed) {
        refuse(self, 503);
        return;
    }
    self->env->ops->request(self->env->arg, self, self->head, buf_str(&self->body));
}

/* A body larger than what is wanted, or than what is thrown away without a word. */
static bool body_too_large(const conn_t *self, uint64_t size)
{
    return size > (self->body_max > 0 && !self->responded ? self->body_max : DISCARD_MAX);
}

static void start_body(conn_t *self)
{
    http_body_init(&self->framing, self->head);
    set_deadline(self, BODY_S);
    bool endless = self->head->chunked && self->body_max == 0;
    if (endless || body_too_large(self, self->head->content_length)) {
        lose_owner(self);
        refuse(self, 413);
        return;
    }
    if (self->head->expects_continue && !self->responded)
        out_push(self, frame_new(FRAME_RAW, STR_LIT("HTTP/1.1 100 Continue\r\n\r\n")));
}

static void take_head(conn_t *self, str_t text)
{
    buf_append_str(&self->head_text, text);
    self->head = malloc(sizeof *self->head);
    assert(self->head);
    metrics_add(self->env->metrics, METRIC_HTTP_REQUESTS, 1);
    int status = http_head_parse(buf_str(&self->head_text), self->head);
    if (status != 0) {
        end_request(self);
        refuse(self, status);
        return;
    }
    self->state = CONN_BODY;
    bool body = has_body(self->head);
    self->body_max = self->env->ops->head(self->env->arg, self, self->head);
    if (self->state != CONN_BODY)
        return;
    if (body)
        start_body(self);
    else
        complete(self);
}

static void read_head(conn_t *self, uint8_t **data, size_t *len)
{
    while (*len >= 2 && memcmp(*data, "\r\n", 2) == 0) {
        *data += 2;
        *len -= 2;
    }
    size_t seen = *len < self->env->max_header ? *len : self->env->max_header;
    size_t n = http_head_length((str_t){(char *)*data, seen});
    if (n > 0) {
        str_t text = {(char *)*data, n};
        *data += n;
        *len -= n;
        take_head(self, text);
    } else if (seen == self->env->max_header) {
        refuse(self, 431);
    }
}

static void read_body(conn_t *self, uint8_t **data, size_t *len)
{
    str_t rest = {(char *)*data, *len}, piece;
    set_deadline(self, BODY_S);
    http_body_result_t result = HTTP_BODY_MORE;
    while (result == HTTP_BODY_MORE && rest.len > 0 && self->state == CONN_BODY) {
        result = http_body_feed(&self->framing, &rest, &piece);
        if (body_too_large(self, self->body.len + piece.len)) {
            lose_owner(self);
            refuse(self, 413);
        } else if (!self->responded && self->body_max > 0) {
            buf_append_str(&self->body, piece);
        }
    }
    *data += *len - rest.len;
    *len = rest.len;
    if (self->state != CONN_BODY || result == HTTP_BODY_MORE)
        return;
    if (result == HTTP_BODY_DONE) {
        complete(self);
        return;
    }
    lose_owner(self);
    if (self->responded)
        conn_kill(self);
    else
        refuse(self, 400);
}

/* One step; false: what is left has to wait. */
static bool read_step(conn_t *self, uint8_t **data, size_t *len)
{
    size_t before = *len;
    conn_state_t state = self->state;
    switch (self->state) {
    case CONN_HEAD:
        if (self->out.bytes >= OUT_PAUSE)
            set_pause(self, PAUSE_OUTPUT, true);
        else
            read_head(self, data, len);
        break;
    case CONN_BODY:
        read_body(self, data, len);
        break;
    case CONN_WEBSOCKET:
        read_websocket(self, data, len);
        break;
    case CONN_CLOSING:
        *data += *len;
        *len = 0;
        break;
    case CONN_BUSY:
        break;
    }
    return *len > 0 && (*len < before || self->state != state);
}

/* Handles what was kept and what has come; keeps what has to wait. */
static int run_input(conn_t *self, uint8_t *data, size_t len)
{
    bool kept = self->in.len > 0;
    if (kept) {
        buf_append(&self->in, data, len);
        data = self->in.data;
        len = self->in.len;
    }
    if (self->in.failed)
        return -1;
    while (read_step(self, &data, &len))
        continue;
    if (!kept)
        buf_append(&self->in, data, len);
    else
        buf_consume(&self->in, self->in.len - len);
    if (self->in.len == 0)
        buf_fini(&self->in);
    /* Nobody sends that much behind a request that is not answered yet. */
    if (self->state == CONN_BUSY && self->in.len > self->env->max_header)
        return -1;
    return self->in.failed ? -1 : 0;
}

int conn_on_rx(conn_t *self, void *data, size_t len)
{
    metrics_add(self->env->metrics, METRIC_BYTES_IN, (int64_t)len);
    return run_input(self, data, len);
}
