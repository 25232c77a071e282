/* SPDX-License-Identifier: MIT */
/* What comes from a client: WebSocket messages, requests and their bodies. */
#include <assert.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

#include "bus/log.h"
#include "gateway/conn_ctx.h"
#include "gateway/http_answer.h"

/* --- WebSocket ---------------------------------------------------------------------------------
 */

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
        conn_push_control(self, WSFRAME_PONG, frame->payload);
    if (frame->opcode != WSFRAME_CLOSE)
        return;
    conn_lose_owner(self);
    conn_push_close(self, valid_close_code(frame->payload));
    conn_start_closing(self, false);
}

static void fail_websocket(conn_t *self, uint16_t code)
{
    static log_limit_t limit;
    log_limited(&limit, LEVEL_WARN, "GW-BAD-FRAME", "from=%s code=%u", self->address, code);
    metrics_add(self->env->metrics, METRIC_PROTOCOL_ERRORS, 1);
    conn_lose_owner(self);
    conn_push_close(self, code);
    conn_start_closing(self, true);
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
        conn_end_request(self);
        self->state = CONN_HEAD;
        conn_set_deadline(self, KEEPALIVE_S);
        return;
    }
    self->state = CONN_BUSY;
    conn_set_deadline(self, 0);
    if (self->taking) {
        if (self->owner_ops)
            self->owner_ops->body(self->owner, self, (str_t){"", 0}, true);
        return;
    }
    if (self->body.failed) {
        refuse(self, 503);
        return;
    }
    self->env->ops->request(self->env->arg, self, self->head, buf_str(&self->body));
}

/* A body larger than what is wanted, or than what is thrown away without a word. */
static bool body_too_large(const conn_t *self, uint64_t size)
{
    if (self->taking && !self->responded)
        return size > self->take_max;
    return size > (self->body_max > 0 && !self->responded ? self->body_max : DISCARD_MAX);
}

/* A client that asks first is told to go on when the owner wants to read: whoever is refused has
 * not sent it all for nothing (RFC 9110, 10.1.1). */
void conn_say_continue(conn_t *self)
{
    if (!self->owes_100 || self->state != CONN_BODY || self->responded ||
        (self->paused & PAUSE_OWNER))
        return;
    self->owes_100 = false;
    conn_push(self, frame_new(FRAME_RAW, STR_LIT("HTTP/1.1 100 Continue\r\n\r\n")));
}

static void start_body(conn_t *self)
{
    http_body_init(&self->framing, self->head);
    conn_set_deadline(self, self->paused & PAUSE_OWNER ? 0 : BODY_S);
    bool endless = self->head->chunked && self->body_max == 0 && !self->taking;
    if (endless || body_too_large(self, self->head->content_length)) {
        conn_lose_owner(self);
        refuse(self, 413);
        return;
    }
    conn_say_continue(self);
}

static void take_head(conn_t *self, str_t text)
{
    self->begun = false;
    buf_append_str(&self->head_text, text);
    self->head = malloc(sizeof *self->head);
    assert(self->head);
    metrics_add(self->env->metrics, METRIC_HTTP_REQUESTS, 1);
    int status = http_head_parse(buf_str(&self->head_text), self->head);
    if (status != 0) {
        conn_end_request(self);
        refuse(self, status);
        return;
    }
    self->state = CONN_BODY;
    if (conn_edge_head(self))
        return;
    bool body = has_body(self->head);
    self->owes_100 = body && self->head->expects_continue;
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
    if (self->paused == 0)
        conn_set_deadline(self, BODY_S);
    http_body_result_t result = HTTP_BODY_MORE;
    while (result == HTTP_BODY_MORE && rest.len > 0 && self->state == CONN_BODY &&
           self->paused == 0) {
        result = http_body_feed(&self->framing, &rest, &piece);
        self->taken += piece.len;
        if (body_too_large(self, self->taking ? self->taken : self->body.len + piece.len)) {
            conn_lose_owner(self);
            refuse(self, 413);
        } else if (self->taking && !self->responded) {
            if (piece.len > 0 && self->owner_ops)
                self->owner_ops->body(self->owner, self, piece, false);
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
    conn_lose_owner(self);
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
            conn_set_pause(self, PAUSE_OUTPUT, true);
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
    case CONN_STREAM:
        break;
    }
    return *len > 0 && (*len < before || self->state != state);
}

/* Between requests a client may be silent for long, but not in the middle of a head. */
static void limit_head(conn_t *self)
{
    if (self->state != CONN_HEAD || self->in.len == 0 || self->begun || self->paused != 0)
        return;
    self->begun = true;
    conn_set_deadline(self, self->env->handshake_s);
}

/* Handles what was kept and what has come; keeps what has to wait. */
int conn_read(conn_t *self, uint8_t *data, size_t len)
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
    limit_head(self);
    /* What comes behind a request that is not answered yet waits with the client. */
    bool held = self->state == CONN_BUSY || self->state == CONN_STREAM;
    conn_set_pause(self, PAUSE_INPUT, held && self->in.len > self->env->max_header);
    return self->in.failed ? -1 : 0;
}

int conn_on_rx(conn_t *self, void *data, size_t len)
{
    metrics_add(self->env->metrics, METRIC_BYTES_IN, (int64_t)len);
    int result = conn_edge_read(self, data, len);
    if (result != 0)
        conn_edge_farewell(self);
    return result;
}
